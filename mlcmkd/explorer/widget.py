"""The explorer: sliders and buttons around one picture, in JupyterLab or as a page by voila.

Widgets only say which `View` is meant; `exploration` computes it and `figure` draws it. What is
quick is drawn at once, attributions follow when the slider rests. In a stored notebook, where no widget
lives, the explorer is the picture of its view.
"""

import asyncio
import base64
import html
from pathlib import Path
from typing import Any, get_args

import ipywidgets as widgets
from ipywidgets import Layout

from mlcmkd.attribution import Target
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.explorer.figure import SIDES, ExplorerFigure
from mlcmkd.explorer.view import Panel, View
from mlcmkd.plots.style import VERMILION
from mlcmkd.utils.errors import InputError

_REST = 0.15  # seconds without a change after which the slow panels are computed
DRAWN = "all drawn"  # said when nothing is left to compute
_WIDTH = "1010px"  # of the picture; narrower where there is less room
_WIDGET = "application/vnd.jupyter.widget-view+json"


class Explorer:
    """A view that can be changed by hand; display it as the last line of a cell.

    Args:
        exploration: pairs and models.
        view: where to begin; `exploration.first_view()` where None.
        folder: where "save" puts its files.

    Attributes:
        controls: the widget of each field of `View` that has one, by the field's name.
        panels: the button of each panel, by name; together they are the field `show`.
        picture: the image.
        message: what went wrong, or what was saved.
        name, path: texts: of the files to save, and of the file to open.
        save, open: buttons.
        widget: all of it.

    Raises:
        InputError: a view of something that is not there.
    """

    def __init__(
        self, exploration: Exploration, view: View | None = None, *, folder: Path | str = "views"
    ):
        self.exploration = exploration
        self.folder = Path(folder)
        self._view = view or exploration.first_view()
        self._quiet = False  # set while several widgets change that mean one view
        self._waiting: asyncio.TimerHandle | None = None
        self._figure: ExplorerFigure | None = None
        self._kinds: tuple[str, ...] | None = None
        self.picture = widgets.Image(format="png", layout=Layout(width="100%", max_width=_WIDTH))
        self.message = widgets.HTML()
        self.controls = _controls(exploration)
        self.panels = {name: _button(name) for name in get_args(Panel)}
        self.name = widgets.Text("view", description="name", layout=Layout(width="200px"))
        self.path = widgets.Text("", placeholder="saved view: .json or .png")
        self.save = _press("save", "PNG, PDF and JSON in the folder of views", self._save)
        self.open = _press("open", "the view that is saved there", self._open)
        self.widget = self._arranged()
        self.view = self._view
        for each in (*self.controls.values(), *self.panels.values()):
            each.observe(self._changed, names="value")

    @property
    def view(self) -> View:
        """What is shown; setting it sets the widgets, and draws all of it.

        Raises:
            InputError: a view of something that is not there; the old one stays.
        """
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self.exploration.check(view)
        self._quiet = True
        try:
            for name, control in self.controls.items():
                value = getattr(view, name)
                if name == "temperatures":
                    value = self.exploration.limits(view)
                control.value = value
            for name, button in self.panels.items():
                button.value = name in view.show
        finally:
            self._quiet = False
        self._show(view, wait=True)

    def finish(self) -> None:
        """Draws what is still being waited for."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
            self._show(self._view, wait=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live widget, and a picture for where there is none: a stored page, a printed one."""
        self.finish()
        widget = self.widget._repr_mimebundle_(**kwargs)
        return {
            _WIDGET: widget[_WIDGET],
            "image/png": base64.b64encode(self.picture.value).decode(),
            "text/plain": f"Explorer: {self.exploration.title(self._view)}",
        }

    # --- from widgets to a picture -------------------------------------------------------------

    def _chosen(self) -> View:
        """The view that the widgets mean."""
        fields = {name: control.value for name, control in self.controls.items()}
        radiometry = self.exploration.pairs.radiometry
        if tuple(fields["temperatures"]) == (radiometry.low, radiometry.high):
            fields["temperatures"] = None
        show = tuple(name for name, button in self.panels.items() if button.value)
        return self._view.changed(show=show, **fields)

    def _changed(self, _: Any) -> None:
        if self._quiet:
            return
        try:
            self._show(self._chosen(), wait=False)
        except InputError as error:
            self._say(str(error), wrong=True)

    def _show(self, view: View, *, wait: bool) -> None:
        """Draws a view; without `wait` the slow panels come later, if there is a loop to ask."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel: nobody would come back
            loop, wait = None, True
        sides = self.exploration.sides(view, wait=wait)
        title, limits = self.exploration.title(view), self.exploration.limits(view)
        kinds = tuple(sides[0].titles)
        if kinds != self._kinds:
            scheme, unit = self.exploration.scheme.name, self.exploration.unit
            self._figure, self._kinds = ExplorerFigure(kinds, scheme, limits, unit), kinds
        self._figure.update(sides, view.landmark, title, limits)
        self.picture.value = self._figure.png()
        self._view = view
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if wait or all(self.exploration.ready(view, side) for side in SIDES):
            self._say(f"landmark {view.landmark}: {DRAWN}")
        else:
            self._waiting = loop.call_later(_REST, self._rested)
            self._say(f"landmark {view.landmark}: drawn, attributions follow")

    def _rested(self) -> None:
        try:
            self.finish()
        except InputError as error:
            self._say(str(error), wrong=True)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        told = html.escape(text)
        self.message.value = f"<b style='color:{VERMILION}'>{told}</b>" if wrong else told

    # --- buttons -------------------------------------------------------------------------------

    def _save(self, _: Any = None) -> None:
        name = self.name.value.strip()
        try:
            if not name or Path(name).name != name:
                raise InputError(f"name '{name}': a plain file name is needed, without folders")
            files = self.exploration.save(self._view, self.folder / name)
            self._say("saved " + ", ".join(str(path) for path in files))
        except (InputError, OSError) as error:
            self._say(str(error), wrong=True)

    def _open(self, _: Any = None) -> None:
        try:
            self.view = self.exploration.reopen(self.path.value.strip())
            self._say(f"opened {self.path.value.strip()}")
        except InputError as error:
            self._say(str(error), wrong=True)

    def _arranged(self) -> widgets.VBox:
        rows = [
            ("pair", "landmark"),
            ("rgb_model", "thermal_model", "exchanged"),
            ("misalignment", "direction"),
            ("noise", "temperatures"),
        ]
        boxes = [_row(*(self.controls[name] for name in row)) for row in rows]
        look = _row(*self.panels.values(), self.controls["layer"], self.controls["target"])
        keep = _row(self.name, self.save, self.path, self.open)
        return widgets.VBox([*boxes, look, self.picture, self.message, keep])


def _controls(exploration: Exploration) -> dict[str, widgets.Widget]:
    """A widget for each field of a view, but `show` and the noise's seed."""
    models, radiometry = list(exploration.models), exploration.pairs.radiometry
    wide = {"style": {"description_width": "125px"}, "layout": Layout(width="49%")}
    model = {"style": {"description_width": "105px"}, "layout": Layout(width="40%")}
    unit = "°C" if exploration.unit == "degrees C" else exploration.unit
    return {
        "pair": widgets.IntSlider(
            max=len(exploration.pairs) - 1, description="pair (number)", **wide
        ),
        "landmark": widgets.IntSlider(
            max=exploration.scheme.points - 1, description="landmark (index)", **wide
        ),
        "rgb_model": widgets.Dropdown(options=models, description="RGB read by", **model),
        "thermal_model": widgets.Dropdown(options=models, description="thermal read by", **model),
        "exchanged": _button("exchange heads", "each side's features under the other side's head"),
        "misalignment": widgets.FloatSlider(
            max=12, step=0.5, readout_format=".1f", description="shift of RGB (px)", **wide
        ),
        "direction": widgets.FloatSlider(
            max=360, step=15, readout_format=".0f", description="to (°, 90 is down)", **wide
        ),
        "noise": widgets.FloatSlider(
            max=0.2, step=0.01, readout_format=".0%", description="noise (of range)", **wide
        ),
        "temperatures": widgets.FloatRangeSlider(
            min=radiometry.low,
            max=radiometry.high,
            step=(radiometry.high - radiometry.low) / 44,  # half a degree of the faces' 22
            value=(radiometry.low, radiometry.high),
            readout_format=".1f",
            description=f"thermal range ({unit})",
            disabled=radiometry.kind == "frame-minmax",
            **wide,
        ),
        "layer": widgets.Dropdown(
            options=exploration.layers,
            description="layer",
            style={"description_width": "60px"},
            layout=Layout(width="170px"),
        ),
        "target": widgets.Dropdown(
            options=get_args(Target),
            description="attribution of",
            style={"description_width": "95px"},
            layout=Layout(width="240px"),
        ),
    }


def _button(name: str, tooltip: str = "") -> widgets.ToggleButton:
    return widgets.ToggleButton(
        description=name, tooltip=tooltip or f"show or hide: {name}", layout=Layout(width="132px")
    )


def _press(name: str, tooltip: str, do: Any) -> widgets.Button:
    button = widgets.Button(description=name, tooltip=tooltip, layout=Layout(width="80px"))
    button.on_click(do)
    return button


def _row(*children: widgets.Widget) -> widgets.HBox:
    # No wider than the picture below it.
    layout = Layout(flex_flow="row wrap", width="100%", max_width=_WIDTH)
    return widgets.HBox(children, layout=layout)
