"""The demo's widget: files or an example in; drawings, tables and a zip out.

In a stored notebook, without a kernel, it is shown as its picture.
"""

import base64
import html
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import ipywidgets as widgets

from mlcmkd.data.modality import MODALITIES
from mlcmkd.data.thermal.palettes import NAMED_ONLY, PALETTES
from mlcmkd.demo import tables
from mlcmkd.demo.examples import Scene, make_example
from mlcmkd.demo.exchange import FileOut, FilesIn
from mlcmkd.demo.trial import MAX_FRAMES, Choices, Shown, Trial, try_files
from mlcmkd.demo.uploads import MAX_BYTES, MAX_FILES, Upload
from mlcmkd.utils.errors import InputError

LIMITS = (
    f"At most {MAX_FILES} files and {MAX_BYTES // 1_000_000} MB at once; of a video or stack the first "
    f"{MAX_FRAMES} frames. Files go to the computer that runs this page and are removed from its disk "
    "when they have been predicted."
)
_NAMES = {"rgb": "RGB", "thermal": "thermal"}
_RECOGNISE = "recognise"
_WIDGET = "application/vnd.jupyter.widget-view+json"


class Demo:
    """Prediction to try; display it as the last line of a cell.

    Args:
        seed: of the first example.
        first: make that example at once.

    Attributes:
        files: the field for files.
        scene, camera, seed, example: of the next example, and the button that makes it.
        modality, radiometry, palette, black_hot, every: what is stated about files.
        more: the button that shows the last four of these.
        bar: progress.
        message: errors and notices.
        file, frame: which result is shown; hidden where there is only one.
        picture, tables: of that result.
        download: the button for the zip.
        trial: the last results.
        widget: the container of all widgets.
    """

    def __init__(self, seed: int = 0, *, first: bool = True):
        self.trial = Trial()
        self.files = FilesIn(
            "Drop images or a video here, or choose them:", self.take, self._refuse
        )
        self.scene = _dropdown("example", get_args(Scene))
        self.camera = _dropdown("camera", [(_NAMES[each], each) for each in reversed(MODALITIES)])
        self.seed = widgets.BoundedIntText(seed, min=0, max=2**31 - 1, description="seed")
        self.seed.add_class("mlcmkd-short")
        self.example = widgets.Button(description="Make an example", button_style="primary")
        self.example.on_click(lambda _: self.make_example())
        known = [(_NAMES[each], each) for each in reversed(MODALITIES)]
        self.modality = _dropdown("files are", [(_RECOGNISE, _RECOGNISE), *known])
        self.radiometry = widgets.Text("", description="scale", placeholder="as the file says")
        palettes = [name for name in (*PALETTES, *NAMED_ONLY) if name != "grey"]
        self.palette = _dropdown("palette", [_RECOGNISE, *palettes])
        self.black_hot = widgets.Checkbox(False, description="dark is warm", indent=False)
        self.every = widgets.BoundedIntText(1, min=1, max=100, description="only each nth frame")
        self.more = widgets.ToggleButton(False, description="More options")
        self.bar = widgets.IntProgress(description="predicting")
        self.message = widgets.HTML()
        self.file = _dropdown("file", [])
        self.frame = widgets.IntSlider(description="frame")
        self.picture, self.tables = widgets.HTML(), widgets.HTML()
        self.download = FileOut("mlcmkd-results.zip")
        self.widget = self._layout()
        self.file.observe(lambda _: self._choose_file(), names="value")
        self.frame.observe(lambda _: self._draw(), names="value")
        self.more.observe(lambda _: _show(self.options, self.more.value), names="value")
        if first:
            self.make_example()

    # --- input -------------------------------------------------------------------------------------

    def make_example(self) -> None:
        """Renders the example of the chosen seed, predicts it, and moves on to the next seed."""
        seed = self.seed.value
        with self._working(f"Rendering example {seed} ..."):
            upload = make_example(self.scene.value, self.camera.value, seed)
            self._run([upload], Choices())
        self.seed.value = seed + 1 if seed < self.seed.max else 0

    def take(self, uploads: Sequence[Upload]) -> None:
        """Predicts files."""
        with self._working(f"Reading {len(uploads)} file{'s' if len(uploads) > 1 else ''} ..."):
            self._run(uploads, self.choices)

    @property
    def choices(self) -> Choices:
        """What is stated about files."""
        return Choices(
            None if self.modality.value == _RECOGNISE else self.modality.value,
            self.radiometry.value,
            None if self.palette.value == _RECOGNISE else self.palette.value,
            self.black_hot.value,
            self.every.value,
        )

    def _run(self, uploads: Sequence[Upload], choices: Choices) -> None:
        self.trial = try_files(uploads, choices, self._progress)
        with_results = [name for name, frames in self.trial.files.items() if frames]
        self.file.options = with_results
        self.file.index = 0 if with_results else None
        _show(self.file, len(with_results) > 1)
        self._choose_file()
        size = len(self.trial.archive) / 1e6
        self.download.content = self.trial.archive
        self.download.label = f"Download the results (zip, {size:.1f} MB)"
        self.message.value = "".join(map(_line, self.trial.lines)) + self._how()

    def _progress(self, done: int, total: int) -> None:
        self.bar.max, self.bar.value = total, done

    def _refuse(self, reason: str) -> None:
        self.message.value = _line(f"error: {reason}")

    @contextmanager
    def _working(self, what: str) -> Iterator[None]:
        """Within it the page shows that it works; an error of the user becomes a line."""
        self.message.value, self.bar.value = _line(what), 0
        self.example.disabled = self.files.busy = True
        _show(self.bar, True)
        try:
            yield
        except (InputError, OSError) as error:
            self._refuse(str(error))
        finally:
            self.example.disabled = self.files.busy = False
            _show(self.bar, False)

    # --- results -----------------------------------------------------------------------------------

    @property
    def shown(self) -> Shown | None:
        """The image or frame that is shown; None if nothing could be predicted."""
        frames = self.trial.files.get(self.file.value)
        return frames[min(self.frame.value, len(frames) - 1)] if frames else None

    def _choose_file(self) -> None:
        """Shows the first frame of the chosen file."""
        frames = self.trial.files.get(self.file.value) or [None]
        self.frame.value = 0
        self.frame.max = self.play.max = len(frames) - 1
        _show(self.steps, len(frames) > 1)
        self._draw()

    def _draw(self) -> None:
        shown = self.shown
        self.picture.value = tables.picture(shown) if shown else ""
        self.tables.value = self._heading(shown) + tables.results(shown) if shown else ""

    def _heading(self, shown: Shown) -> str:
        modality = _NAMES[self.trial.modality[self.file.value]]
        return f"<p><b>{html.escape(shown.name)}</b>, read as {modality}</p>"

    def _how(self) -> str:
        """How to have the same results on the command line."""
        lines = "<br>".join(f"<code>{html.escape(line)}</code>" for line in self.trial.commands)
        return f"<details><summary>The same results on the command line</summary>{lines}</details>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget, and a picture for stored and printed pages."""
        shown = self.shown
        bundle = {
            _WIDGET: self.widget._repr_mimebundle_(**kwargs)[_WIDGET],
            "text/plain": f"Demo: {tables.description(shown)}" if shown else "Demo",
        }
        if shown:
            bundle["image/jpeg"] = base64.b64encode(shown.jpeg).decode()
        return bundle

    # --- layout ------------------------------------------------------------------------------------

    def _layout(self) -> widgets.VBox:
        style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
        self.play = widgets.Play(interval=200)
        widgets.jslink((self.play, "value"), (self.frame, "value"))
        self.steps = _row(self.play, self.frame)
        self.options = _row(self.radiometry, self.palette, self.black_hot, self.every)
        result = _with_class(widgets.VBox([self.picture, self.tables]), "mlcmkd-result")
        for part in (self.file, self.steps, self.options, self.bar):
            _show(part, False)
        children = [
            widgets.HTML(f"<style>{style}</style>"),
            self.files,
            widgets.HTML(f"<p>{LIMITS}</p>"),
            _row(self.modality, self.more),
            self.options,
            _row(self.scene, self.camera, self.seed, self.example),
            self.bar,
            self.message,
            self.file,
            self.steps,
            result,
            self.download,
        ]
        return _with_class(widgets.VBox(children), "mlcmkd-demo")


def _line(text: str) -> str:
    """A line of the page: an error, a notice, or what is being done."""
    kind = "error" if text.startswith("error:") else "notice"
    role = "alert" if kind == "error" else "status"
    return f'<p class="mlcmkd-{kind}" role="{role}">{html.escape(text)}</p>'


def _dropdown(name: str, options: Sequence[Any]) -> widgets.Dropdown:
    return widgets.Dropdown(options=options, description=name)


def _row(*children: widgets.Widget) -> widgets.Box:
    return _with_class(widgets.Box(children), "mlcmkd-row")


def _with_class(widget: widgets.DOMWidget, name: str) -> Any:
    widget.add_class(name)
    return widget


def _show(widget: widgets.DOMWidget, visible: bool) -> None:
    widget.layout.display = None if visible else "none"
