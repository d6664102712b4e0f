"""The explorer's widget: sliders and buttons around one picture, in JupyterLab or as a voila page.

The widgets set a `View`; `exploration` computes it and `figure` draws it. Attributions are slow, so they
are drawn when no control has changed for `_DELAY` seconds; the other panels are drawn immediately. A
stored notebook, without a kernel, shows the picture of the view.
"""

import asyncio
import base64
import html
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import ipywidgets as widgets

from mlcmkd.data.modality import MODALITIES
from mlcmkd.explorer.controls import (
    action_button,
    make_controls,
    part_handles,
    reach,
    row_of,
    toggle_button,
    with_class,
)
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.explorer.figure import ExplorerFigure
from mlcmkd.explorer.names import Names
from mlcmkd.explorer.view import Panel, View
from mlcmkd.plots.style import VERMILION
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm

_DELAY = 0.15  # seconds without a change after which attributions are computed
DRAWN = "all drawn"  # the message when all panels are complete
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
        names: names of controls and picture for screen readers.
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
        self.picture = widgets.Image(format="png")
        self.names = Names()
        self.message = widgets.HTML()
        self.controls = make_controls(exploration)
        self.panels = {name: toggle_button(name) for name in get_args(Panel)}
        self.name = widgets.Text("view", description="name")
        self.path = widgets.Text("", placeholder="saved view: name or file")
        self.save = action_button(
            "save", "save PNG, PDF and JSON in the folder of views", self._save
        )
        self.open = action_button("open", "open the saved view", self._open)
        self.widget = self._layout()
        self._compute_first()
        self.view = self._view
        for control in (*self.controls.values(), *self.panels.values()):
            control.observe(self._on_change, names="value")

    def _compute_first(self) -> None:
        """Computes the attributions of the first picture, with a progress bar, as they take longest."""
        self.exploration.check(self._view)
        if "attribution" in self._view.show:
            for modality in tqdm(MODALITIES, desc="first picture", unit="image", leave=False):
                self.exploration.outputs.attribution(self._view, modality)

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
                reach(control, fields[name])
                control.value = fields[name]
            for name, button in self.panels.items():
                button.value = name in view.show

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Inside the block a change of a control does not change the view."""
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
            with self._quietly():
                part_handles(self.controls["temperatures"])
            self._show(self._view_of_controls(), wait=False)
        except InputError as error:
            # If the controls kept the invalid view, every further change would be invalid, too.
            self._set_controls(self._view)
            self._report(str(error), error=True)

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
        self.names.picture = f"RGB and thermal image, with {', '.join(kinds[1:])}: {title}"
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

    def _layout(self) -> widgets.Box:
        rows = [
            ("pair", "landmark"),
            ("rgb_model", "thermal_model", "exchanged"),
            ("misalignment", "direction"),
            ("noise", "temperatures"),
        ]
        boxes = [row_of(*(self.controls[name] for name in row)) for row in rows]
        display = row_of(*self.panels.values(), self.controls["layer"], self.controls["target"])
        short = (with_class(text, "mlcmkd-short") for text in (self.name, self.path))
        files = row_of(next(short), self.save, next(short), self.open)
        style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
        css = widgets.HTML(f"<style>{style}</style>")
        controls = widgets.VBox([css, *boxes, display, files, self.names])
        scroll = with_class(widgets.Box([self.picture]), "mlcmkd-scroll")
        shown = widgets.VBox([scroll, self.message])
        parts = [with_class(controls, "mlcmkd-controls"), with_class(shown, "mlcmkd-view")]
        return with_class(widgets.Box(parts), "mlcmkd-explorer")
