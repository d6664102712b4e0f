"""The text of a model's card, as far as its description determines it."""

import json

from mlcmkd.utils.config import Config
from mlcmkd.utils.markdown import markdown_table

_OPEN = """\
## To be completed by whoever shares it

- Data: what it was trained on, and whether the people in it agreed.
- Figures: error, normaliser, test set and interval, with the command that gives them.
- Limits, and what it must not be used for.
- Licence of the weights, as `license` at the top of this file; the terms of the data may restrict it.
"""


def card_text(kind: str, spec: Config, parameters: int) -> str:
    """The text of a card in Markdown: the description and its use, and what remains to be written.

    Args:
        kind: name of the network's class in `mlcmkd`, such as "Landmarker".
        spec: the network's description.
        parameters: their number.
    """
    fields = json.loads(spec.model_dump_json(exclude_none=True))
    rows = [
        {"field": f"`{name}`", "value": "`" + json.dumps(value).replace("|", "\\|") + "`"}
        for name, value in fields.items()
    ]
    return (
        f"# {kind} of mlcmkd\n\n"
        f"{parameters / 1e6:.2f} M parameters. Its description:\n\n{markdown_table(rows)}\n\n"
        f"## Use\n\n```python\n{_use(kind)}\n```\n\n{_OPEN}"
    )


def _use(kind: str) -> str:
    """Python that loads a model of this kind from its folder."""
    module = "mlcmkd" if kind == "Landmarker" else "mlcmkd.models.face_detector"
    return f'from {module} import {kind}\n\nmodel = {kind}.from_pretrained("FOLDER")'
