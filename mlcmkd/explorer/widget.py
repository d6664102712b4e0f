"""The explorer's widget: sliders and buttons around one picture, in JupyterLab or as a voila page.

The widgets choose a `View`; `exploration` computes it and `figure` draws it. Quick panels are drawn at
once, attributions when no control has changed for a moment. In a stored notebook, without a kernel, the
explorer is shown as the picture of its view.
"""

import asyncio
import base64
import html
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import ipywidgets as widgets
from ipywidgets import Layout

from mlcmkd.attribution import Target
from mlcmkd.data.modality import MODALITIES
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.explorer.figure import ExplorerFigure
from mlcmkd.explorer.view import Panel, View
from mlcmkd.plots.style import VERMILION
from mlcmkd.utils.errors import InputError

_DELAY = 0.15  # seconds without a change after which attributions are computed
DRAWN = "all drawn"  # the message when all panels are complete
_WIDTH = "1010px"  # of the picture, at most
_WIDGET = "application/vnd.jupyter.widget-view+json"


class Explorer:
    """An interactive view; display it as the last line of a cell.

    Args:
        exploration: pairs and models.
        view: the first view; None for `exploration.first_view()`.
        folder: the folder of saved views.

    Attributes:
        controls: field of `View` -> its widget, for the fields that have one.
        panels: kind of panel -> its button; together they are the field `show`.
        picture: the image.
        message: progress, errors, and names of saved files.
        name, path: text fields, for the name of the files to save and for the file to open.
        save, open: buttons.
        widget: the container of all widgets.

    Raises:
        InputError: an invalid view, see `Exploration.check`.
    """

    def __init__(
        self, exploration: Exploration, view: View | None = None, *, folder: Path | str = "views"
    ):
        self.exploration = exploration
        self.folder = Path(folder)
        self._view = view or exploration.first_view()
        self._updating = False  # set while a new view sets several widgets
        self._timer: asyncio.TimerHandle | None = None
        self._figure: ExplorerFigure | None = None
        self._kinds: tuple[str, ...] | None = None
        self.picture = widgets.Image(format="png", layout=Layout(width="100%", max_width=_WIDTH))
        self.message = widgets.HTML()
        self.controls = _controls(exploration)
        self.panels = {name: _button(name) for name in get_args(Panel)}
        self.name = widgets.Text("view", description="name", layout=Layout(width="200px"))
        self.path = widgets.Text("", placeholder="saved view: name or file")
        self.save = _action("save", "save PNG, PDF and JSON in the folder of views", self._save)
        self.open = _action("open", "open the saved view", self._open)
        self.widget = self._layout()
        self.view = self._view
        for control in (*self.controls.values(), *self.panels.values()):
            control.observe(self._on_change, names="value")

    @property
    def view(self) -> View:
        """The current view. Setting it sets the widgets and draws all panels.

        Raises:
            InputError: an invalid view; the current one stays.
        """
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self.exploration.check(view)
        self._set_controls(view)
        self._show(view, wait=True)

    def _set_controls(self, view: View) -> None:
        """Sets all controls and buttons to a view, without drawing it."""
        fields = view.model_dump() | {"temperatures": self.exploration.limits(view)}
        with self._quietly():
            for name, control in self.controls.items():
                control.value = fields[name]
            for name, button in self.panels.items():
                button.value = name in view.show

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Within it, a change of a control is none of the view."""
        self._updating = True
        try:
            yield
        finally:
            self._updating = False

    def finish(self) -> None:
        """Computes and draws attributions that are still pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._show(self._view, wait=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget, and a picture for stored and printed pages."""
        self.finish()
        widget = self.widget._repr_mimebundle_(**kwargs)
        return {
            _WIDGET: widget[_WIDGET],
            "image/png": base64.b64encode(self.picture.value).decode(),
            "text/plain": f"Explorer: {self.exploration.title(self._view)}",
        }

    # --- view and picture ----------------------------------------------------------------------

    def _view_of_controls(self) -> View:
        fields = {name: control.value for name, control in self.controls.items()}
        radiometry = self.exploration.pairs.radiometry
        if tuple(fields["temperatures"]) == (radiometry.low, radiometry.high):
            fields["temperatures"] = None
        show = tuple(name for name, button in self.panels.items() if button.value)
        return self._view.changed(show=show, **fields)

    def _on_change(self, _: Any) -> None:
        if self._updating:
            return
        try:
            self._part_handles()
            self._show(self._view_of_controls(), wait=False)
        except InputError as error:
            # With controls that show no valid view, every further change would be invalid too.
            self._set_controls(self._view)
            self._report(str(error), error=True)

    def _part_handles(self) -> None:
        """Keeps the two handles of the temperature range a step apart: an empty range is none."""
        control = self.controls["temperatures"]
        low, high = control.value
        if high - low < control.step / 2:
            low = min(low, control.max - control.step)
            with self._quietly():
                control.value = (low, low + control.step)

    def _show(self, view: View, *, wait: bool) -> None:
        """Draws a view; without `wait`, attributions follow later if an event loop is running."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel, so a timer would never fire
            loop, wait = None, True
        results = self.exploration.results(view, wait=wait)
        title, limits = self.exploration.title(view), self.exploration.limits(view)
        kinds = tuple(results[0].titles)
        if kinds != self._kinds:
            scheme, unit = self.exploration.scheme.name, self.exploration.unit
            self._figure, self._kinds = ExplorerFigure(kinds, scheme, limits, unit), kinds
        self._figure.update(results, view.landmark, title, limits)
        self.picture.value = self._figure.png()
        self._view = view
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wait or all(self.exploration.is_complete(view, modality) for modality in MODALITIES):
            self._report(f"landmark {view.landmark}: {DRAWN}{self.exploration.remark(view)}")
        else:
            self._timer = loop.call_later(_DELAY, self._on_timer)
            self._report(f"landmark {view.landmark}: drawn, attributions follow")

    def _on_timer(self) -> None:
        try:
            self.finish()
        except InputError as error:
            self._report(str(error), error=True)

    def _report(self, text: str, *, error: bool = False) -> None:
        escaped = html.escape(text)
        self.message.value = f"<b style='color:{VERMILION}'>{escaped}</b>" if error else escaped

    # --- buttons -------------------------------------------------------------------------------

    def _save(self, _: Any = None) -> None:
        name = self.name.value.strip()
        try:
            if not name or Path(name).name != name:
                raise InputError(f"name '{name}': give a plain file name, without folders")
            files = self.exploration.save(self._view, self.folder / name)
            self._report("saved " + ", ".join(str(path) for path in files))
        except (InputError, OSError) as error:
            self._report(str(error), error=True)

    def _open(self, _: Any = None) -> None:
        try:
            path = self._saved_view(self.path.value.strip())
            self.view = self.exploration.reopen(path)
            self._report(f"opened {path}")
        except InputError as error:
            self._report(str(error), error=True)

    def _saved_view(self, text: str) -> Path:
        """The file of a saved view, from its path, or from its name in the folder of views.

        Raises:
            InputError: the text is empty; the message lists the views of the folder.
        """
        if not text:
            names = sorted(path.stem for path in self.folder.glob("*.json"))
            there = (
                f"there are {', '.join(names)}" if names else "there are none yet; save one first"
            )
            raise InputError(f"give the name of a saved view; in {self.folder} {there}")
        given = Path(text).expanduser()
        in_folder = (self.folder / given, self.folder / f"{text}.json")
        return next((path for path in (given, *in_folder) if path.is_file()), given)

    def _layout(self) -> widgets.VBox:
        rows = [
            ("pair", "landmark"),
            ("rgb_model", "thermal_model", "exchanged"),
            ("misalignment", "direction"),
            ("noise", "temperatures"),
        ]
        boxes = [_row(*(self.controls[name] for name in row)) for row in rows]
        display = _row(*self.panels.values(), self.controls["layer"], self.controls["target"])
        files = _row(self.name, self.save, self.path, self.open)
        return widgets.VBox([*boxes, display, self.picture, self.message, files])


def _controls(exploration: Exploration) -> dict[str, widgets.Widget]:
    """A widget for each field of a view except `show` and `noise_seed`."""
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
        "rgb_model": widgets.Dropdown(options=models, description="model for RGB", **model),
        "thermal_model": widgets.Dropdown(options=models, description="model for thermal", **model),
        "exchanged": _button(
            "exchange heads",
            "features of each modality with the head of the other modality's model",
        ),
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
            step=(radiometry.high - radiometry.low) / 44,  # 0.5 degrees C for a range of 22
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


def _action(name: str, tooltip: str, callback: Any) -> widgets.Button:
    button = widgets.Button(description=name, tooltip=tooltip, layout=Layout(width="80px"))
    button.on_click(callback)
    return button


def _row(*children: widgets.Widget) -> widgets.HBox:
    # At most as wide as the picture.
    layout = Layout(flex_flow="row wrap", width="100%", max_width=_WIDTH)
    return widgets.HBox(children, layout=layout)
