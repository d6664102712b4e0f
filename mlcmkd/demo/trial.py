"""One trial: files are predicted as by `mlcmkd predict`; the results are kept in memory."""

import io
import shlex
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.demo.modalities import recognise_modality
from mlcmkd.demo.uploads import Upload, check_upload, save_uploads
from mlcmkd.deployment.drawing import draw
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.sources import Frame, Source, count_frames
from mlcmkd.deployment.thermal_input import INFERRED, StatedInput, parse_radiometry
from mlcmkd.stages.predict import predict_files
from mlcmkd.utils.errors import InputError

MAX_FRAMES = 300  # of a video or stack
_LARGEST = 1600  # px, side of a shown image
_JPEG_QUALITY = 92
_NO_IMAGE = np.zeros((1, 1), np.float32)


@dataclass(frozen=True)
class Choices:
    """What the user states about files, in the words of `mlcmkd predict`.

    Attributes:
        modality: of all files; None to recognise that of each.
        radiometry: of thermal images; empty to infer it.
        palette: of 8-bit false colours; None to recognise it.
        black_hot: whether dark is warm in 8-bit thermal images.
        every: of videos and stacks, each `every`-th frame is predicted.
    """

    modality: Modality | None = None
    radiometry: str = ""
    palette: str | None = None
    black_hot: bool = False
    every: int = 1

    def stated(self) -> StatedInput:
        """What is known about thermal images.

        Raises:
            InputError: an invalid radiometry or palette, or both.
        """
        radiometry = parse_radiometry(self.radiometry) if self.radiometry.strip() else None
        return StatedInput(radiometry, self.palette, self.black_hot)


@dataclass(frozen=True)
class Shown:
    """One image or frame with its results.

    Attributes:
        name: of the file; of a frame followed by `#` and its number.
        jpeg: the image with boxes, landmarks, deviations and temperatures.
        faces: without their images.
    """

    name: str
    jpeg: bytes
    faces: tuple[FaceLandmarks, ...]


@dataclass
class Trial:
    """Results of some files.

    Attributes:
        files: name of a file -> its frames, one for an image; none for a file that failed.
        modality: name of a file -> how it was taken.
        lines: errors, beginning with "error: ", and notices.
        commands: of `mlcmkd predict`, with the same results.
        archive: a zip of the tables and drawings, in a folder for each modality, and of examples.
    """

    files: dict[str, list[Shown]] = field(default_factory=dict)
    modality: dict[str, Modality] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    archive: bytes = b""


@lru_cache(maxsize=4)
def predictor_of(modality: Modality, stated: StatedInput = INFERRED) -> Predictor:
    """The predictor of a bundled model, loaded once."""
    return Predictor(modality=modality, stated=stated)


def try_files(
    uploads: Sequence[Upload],
    choices: Choices = Choices(),  # noqa: B008 (frozen)
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trial:
    """Predicts files. What is written on disk for that is removed before it returns.

    Args:
        uploads: images, stacks and videos, of which the first `MAX_FRAMES` frames are taken.
        choices: what is stated about them.
        progress: receives the number of frames that are done, and that of all.

    Raises:
        InputError: too many or too large files, or choices that are invalid.
    """
    check_upload([len(upload.content) for upload in uploads])
    stated = choices.stated()
    with TemporaryDirectory(prefix="mlcmkd-demo-") as temporary:
        work = _Work(Path(temporary).resolve(), progress)
        paths = save_uploads(uploads, work.files)
        sources = [Source(path, Path(path.name)) for path in paths]
        counts = {each.path.name: count_frames(each, choices.every) for each in sources}
        work.total = sum(min(count or MAX_FRAMES, MAX_FRAMES) for count in counts.values())
        for upload, path in zip(uploads, paths, strict=True):
            known = upload.modality or choices.modality or (choices.palette and "thermal")
            work.trial.modality[path.name] = known or recognise_modality(path)
            work.trial.files[path.name] = []
        for modality in MODALITIES:
            chosen = [path for path in paths if work.trial.modality[path.name] == modality]
            if chosen:
                work.predict(chosen, modality, choices, stated)
        for name, frames in work.trial.files.items():
            if len(frames) == MAX_FRAMES and (counts[name] or MAX_FRAMES + 1) > MAX_FRAMES:
                work.say(f"notice: {name}: only the first {MAX_FRAMES} frames were taken")
        work.finish([path for upload, path in zip(uploads, paths, strict=True) if upload.modality])
    return work.trial


class _Work:
    """The folder of a trial, and what `predict_files` reports of it.

    Args:
        folder: empty; holds the files and the results.
        progress: as in `try_files`.
    """

    def __init__(self, folder: Path, progress: Callable[[int, int], None]):
        self.files, self.results = folder / "files", folder / "results"
        self.files.mkdir()
        self.results.mkdir()
        self.trial, self.total = Trial(), 0
        self._progress, self._done = progress, 0

    def predict(
        self, paths: list[Path], modality: Modality, choices: Choices, stated: StatedInput
    ) -> None:
        """Predicts the files of one modality."""
        self.trial.commands.append(_command(paths, modality, choices))
        try:
            predict_files(
                predictor_of(modality, stated if modality == "thermal" else INFERRED),
                paths,
                self.results / modality,
                every=choices.every,
                frames=MAX_FRAMES,
                circles=True,
                squares=True,
                seen=self._seen,
                say=self.say,
                progress=False,
            )
        except (InputError, OSError) as error:
            self.say(f"error: {error}")

    def _seen(self, frame: Frame, faces: list[FaceLandmarks]) -> None:
        self._done += 1
        self._progress(self._done, max(self._done, self.total))
        if frame.values is None:
            return
        name = self._without_folders(frame.name)
        small = tuple(replace(face, image=_NO_IMAGE) for face in faces)
        file = name if frame.number is None else name.rpartition("#")[0]
        shown = Shown(name, _jpeg(faces, frame.values), small)
        self.trial.files[file].append(shown)

    def say(self, line: str) -> None:
        """Keeps errors and notices; the page itself shows numbers of faces and names of drawings."""
        if line.startswith(("error:", "notice:", "no temperatures")):
            self.trial.lines.append(self._without_folders(line))

    def _without_folders(self, text: str) -> str:
        """The text with names of files instead of their paths."""
        for folder in (self.files, self.results):
            text = text.replace(str(folder / "x")[:-1], "")
        return text

    def finish(self, examples: list[Path]) -> None:
        """Packs tables, drawings and examples."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(self.results.rglob("*")):
                if path.suffix == ".csv":
                    text = self._without_folders(path.read_bytes().decode())
                    archive.writestr(path.relative_to(self.results).as_posix(), text)
                elif path.is_file() and "_landmarks" in path.as_posix():
                    archive.write(path, path.relative_to(self.results).as_posix())
            for path in examples:
                archive.write(path, path.name)
        self.trial.archive = packed.getvalue()


def _jpeg(faces: list[FaceLandmarks], values: np.ndarray) -> bytes:
    """The drawing of a frame, reduced to what a screen shows."""
    drawn = draw(faces, values, deviations=True, boxes=True)
    factor = _LARGEST / max(drawn.shape[:2])
    if factor < 1:
        drawn = cv2.resize(drawn, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return cv2.imencode(".jpg", drawn[..., ::-1], options)[1].tobytes()


def _command(paths: list[Path], modality: Modality, choices: Choices) -> str:
    """The command with the same results, in the folder of the files."""
    words = ["mlcmkd", "predict", *(path.name for path in paths), "--modality", modality]
    if modality == "thermal":
        words += ["--radiometry", choices.radiometry] if choices.radiometry.strip() else []
        words += ["--palette", choices.palette] if choices.palette else []
        words += ["--black-hot"] if choices.black_hot else []
    words += ["--every", str(choices.every)] if choices.every > 1 else []
    words += ["--frames", str(MAX_FRAMES), "--circles", "--squares", "--out", modality]
    return shlex.join(words)
