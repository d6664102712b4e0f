"""Names of the explorer's sliders and picture for screen readers."""

from pathlib import Path

import anywidget
import traitlets


class Names(anywidget.AnyWidget):
    """Shows nothing; it names the handles of the explorer's sliders, and describes its picture.

    Attributes:
        picture: what the picture shows.
    """

    _esm = Path(__file__).with_name("names.js")
    picture = traitlets.Unicode("").tag(sync=True)
