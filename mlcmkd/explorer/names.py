"""Names of the explorer's sliders and picture for screen readers."""

from pathlib import Path

import anywidget
import traitlets


class Names(anywidget.AnyWidget):
    """An invisible widget that names the slider handles and describes the picture for screen readers.

    Attributes:
        picture: description of the picture.
    """

    _esm = Path(__file__).with_name("names.js")
    picture = traitlets.Unicode("").tag(sync=True)
