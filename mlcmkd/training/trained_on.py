"""One line about weights: the data that they were trained on, and the error to expect."""

import json
from pathlib import Path
from typing import Any

from mlcmkd.deployment.weights import FILES, FOLDER, model_card
from mlcmkd.training.run_directory import CONFIG, PROVENANCE, RESULT

_UNKNOWN = "what they were trained on is unknown; check the overlays"


def trained_on(weights: Path | str) -> str:
    """What weights were trained on and how large their error is, in one line.

    The source is the card of a bundled model, otherwise the run directory of the weights. For an
    exported file it is the card or run directory of the weights that were exported.

    Args:
        weights: a file of weights or of `mlcmkd export`.
    """
    path = Path(weights)
    for _ in range(2):  # the config of an export names the exported weights
        for modality, files in FILES.items():
            if path.resolve() == (FOLDER / files.weights).resolve():
                return f"weights: the bundled {modality} model, {_of_card(model_card(modality))}"
        config = _read(path.with_name(CONFIG))
        if _read(path.with_name(PROVENANCE)).get("stage") != "export":
            break
        path = Path(str(config.get("weights")))
    return f"weights: {weights}: {_of_run(config, _read(path.with_name(RESULT)))}"


def _of_card(card: str) -> str:
    """From the card's table of figures, the row of real images."""
    table = [line for line in card.splitlines() if line.startswith("|")]
    (row,) = [line for line in table if "**real**" in line]
    names, cells = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in (table[0], row)
    )
    values = dict(zip(names, cells, strict=True))
    nme = next(value for name, value in values.items() if name.startswith("NME")).split()[0]
    failed = next(value for name, value in values.items() if name.startswith("FR"))
    return (
        f"trained on synthetic faces only; on real ones ({cells[0]}, boxes of the labels) NME {nme} % "
        f"({values['normaliser']}), {failed} % of the faces above 8 %"
    )


def _of_run(config: dict[str, Any], result: dict[str, Any]) -> str:
    data = config.get("data")
    if not isinstance(data, dict) or "source" not in data:
        return _UNKNOWN
    sources = " and ".join(str(source) for source in (data["source"], *(data.get("also") or ())))
    line = f"trained on {sources}"
    nme, failed, threshold = (
        result.get(name) for name in ("nme_percent", "failure_rate", "threshold")
    )
    if all(isinstance(value, int | float) for value in (nme, failed, threshold)):
        line += (
            f"; on its validation faces NME {nme:.2f} % ({result.get('normaliser')}), "
            f"{100 * failed:.1f} % of the faces above {100 * threshold:g} %"
        )
    return line


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; empty if there is none, because weights may be in any folder."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
