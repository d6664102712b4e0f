"""Prediction of landmarks in files: images, folders, stacks and videos, with tables and overlays.

An unreadable or blank file gives one error line; the other files are still processed. A blank frame of a
sequence has no face.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from mlcmkd.data.blank_image import BlankImage
from mlcmkd.data.images import unread_summary
from mlcmkd.data.thermal.radiometric_jpeg import radiometric_notice
from mlcmkd.deployment.boxes import Box, BoxTable
from mlcmkd.deployment.drawing import VideoDrawing, save_drawing
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks
from mlcmkd.deployment.outputs import WRITERS, Writer
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.smoothing import Smoother
from mlcmkd.deployment.sources import (
    Frame,
    Source,
    count_frames,
    find_sources,
    frame_rate,
    other_files,
    read_source,
)
from mlcmkd.training.run_directory import lock_run
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.texts import is_text, printable

_MOST_LINES = 1  # of errors of one sequence: often all its frames have the same
_LONGEST = 200  # bytes of a file's name in those of its results, which file systems limit to 255
FPS = 30.0  # of stacks, folders, and videos without a frame rate


@dataclass
class Outcome:
    """Counts and errors of a prediction.

    Attributes:
        images: images and frames that were read.
        faces: number of faces in them.
        empty: names of the images without a face.
        errors: one line per file or frame that failed.
    """

    images: int = 0
    faces: int = 0
    empty: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def predict_files(
    predictor: Predictor,
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    box: Box | None = None,
    boxes: BoxTable | None = None,
    formats: tuple[str, ...] = ("csv",),
    smoothing: Callable[[], Smoother] | None = None,
    fps: float | None = None,
    overlays: bool = True,
    say: Callable[[str], None] = tqdm.write,
    progress: bool = True,
) -> Outcome:
    """Predicts the landmarks of every face in files, and writes tables and overlays into `out`.

    Args:
        predictor: of the landmarks.
        paths: images, folders, stacks (`.npy` (N, H, W), TIFFs with several pages), videos.
        out: folder for the results.
        box: of the one face in every image.
        boxes: instead, the boxes of each image; an image that is not in the table has no face.
        formats: names from `WRITERS`.
        smoothing: returns the filter of a sequence, such as the class `Smoother`. Each video and
            stack has its own filter; the single images of a folder share one, in the order of
            their names.
        fps: frames per second; None for that of the video, or `FPS` where it is unknown.
        overlays: draw the landmarks: a PNG per image, a video per video and stack.
        say: receives a line per image, sequence and error.
        progress: show a progress bar.

    Raises:
        InputError: an unknown format, two sources of boxes, an invalid frame rate, an `out` that
            holds one of the input files (their tables would be overwritten), no existing file, or
            an `out` that another command writes.
    """
    if box is not None and boxes is not None:
        raise InputError("both a box and a table of boxes were given; give one of the two")
    _check_output(formats, fps)
    out, paths = Path(out), [Path(path) for path in paths]
    sources = list(find_sources(paths))
    _check_folders(sources, out)
    for path in paths:
        if path.is_dir() and (summary := unread_summary(other_files(path))):
            say(f"notice: {printable(path)}: {summary}")
    counts = [count_frames(source) for source in sources]
    out.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    if predictor.network.modality == "thermal":
        notice = radiometric_notice(source.path for source in sources)
        if notice:
            say(notice)
    with ExitStack() as stack:
        stack.enter_context(lock_run(out))
        writers = [stack.enter_context(closing(WRITERS[name](out))) for name in formats]
        results = _Results(out, writers, smoothing, fps, overlays, say, outcome)
        stack.callback(results.start, None)
        total = None if None in counts else sum(counts)
        bar = stack.enter_context(tqdm(total=total, unit="frame", disable=not progress))
        stream = ((source, frame) for source in sources for frame in read_source(source))
        while batch := list(islice(stream, predictor.batch)):
            located = [_face_crops(predictor, frame, box, boxes) for _, frame in batch]
            faces = iter(predictor.predict_crops([c for crops, _ in located for c in crops]))
            for (source, frame), (crops, error) in zip(batch, located, strict=True):
                results.start(source)
                results.add(frame, [next(faces) for _ in crops], error)
                bar.update()
    for name in boxes.unused() if boxes is not None else []:
        outcome.errors.append(f"{boxes.path}: no image '{name}' among the given files")
        say(f"error: {outcome.errors[-1]}")
    return outcome


def _check_output(formats: Sequence[str], fps: float | None) -> None:
    unknown = [name for name in formats if name not in WRITERS]
    if unknown:
        raise InputError(f"format '{unknown[0]}' is unknown; use {', '.join(WRITERS)}")
    if fps is not None and not 0 < fps <= 1000:
        raise InputError(f"fps={fps:g} must be above 0 and at most 1000")


def _check_folders(sources: list[Source], out: Path) -> None:
    """Prevents overwriting tables beside the inputs, and earlier results if no input exists."""
    if not is_text(out):
        raise InputError(f"{printable(out)}: the name is not UTF-8 text; choose another folder")
    for source in sources:
        if source.path.resolve().parent == out.resolve():
            raise InputError(
                f"{out}: holds {source.path.name}, which is an input; choose another folder"
            )
    if sources and not any(source.path.is_file() for source in sources):
        path = sources[0].path
        if not path.is_dir():
            raise InputError(f"{printable(path)}: no such file")
        others = unread_summary(other_files(path))
        raise InputError(
            f"{printable(path)}: the folder contains no image and no video"
            + (f"; {others}" if others else "")
        )


def _face_crops(
    predictor: Predictor, frame: Frame, box: Box | None, boxes: BoxTable | None
) -> tuple[list[FaceCrop], str]:
    """The crops of a frame, or none and the error; a blank frame of a sequence has no face."""
    if frame.values is None:
        return [], frame.error
    try:
        given = box if boxes is None else boxes.of(frame.name)
        unit = predictor.to_unit(frame.values, frame.name)
        return predictor.face_crops(unit, given, frame.name), ""
    except BlankImage as error:  # cameras close their shutter during a recording
        return [], str(error) if frame.number is None else ""
    except InputError as error:
        return [], str(error)


class _Results:
    """Writes and draws the frames in their order; finishes a video when the next source starts."""

    def __init__(
        self,
        out: Path,
        writers: list[Writer],
        smoothing: Callable[[], Smoother] | None,
        fps: float | None,
        overlays: bool,
        say: Callable[[str], None],
        outcome: Outcome,
    ):
        self.out, self.writers, self.smoothing = out, writers, smoothing
        self.fps, self.overlays, self.say, self.outcome = fps, overlays, say, outcome
        self.source: Source | None = None
        self.video: VideoDrawing | None = None
        self._stems: set[str] = set()  # in lower case
        self._smoothers: dict[Path, Smoother] = {}
        self._times: dict[Path, float] = {}  # of the last frame of each sequence, seconds

    def start(self, source: Source | None) -> None:
        """Finishes the current source and starts another one, or none at the end."""
        if source is self.source:
            return
        if self.source is not None and self.frames > 0:
            video = f" {self.video.close()}" if self.video is not None else ""
            self.say(f"{self.source.path}:{video} ({self.frames} frames, {self.faces} faces)")
            if self.failed > _MOST_LINES:
                more = f"{self.failed - _MOST_LINES} more frames failed"
                self.say(f"error: {self.source.path}: {more}; the last: {self.outcome.errors[-1]}")
        self.source, self.video = source, None
        self.frames = self.faces = self.failed = 0
        if source is not None:
            self.stem = self._unique_stem(source.relative)
            self.rate = self.fps or frame_rate(source) or FPS

    def add(self, frame: Frame, faces: list[FaceLandmarks], error: str) -> None:
        """Writes and draws one frame of the current source, or reports its error."""
        single = frame.number is None
        if error:
            self.outcome.errors.append(error)
            self.failed += 1
            if single or self.failed <= _MOST_LINES:
                self.say(f"error: {error}")
        else:
            self.outcome.images += 1
            self.outcome.faces += len(faces)
            if not faces:
                self.outcome.empty.append(frame.name)
        if self.smoothing is not None:
            faces = self._smoothed(faces, single)
        stem = self.stem if single else self.stem.with_name(f"{self.stem.name}_{frame.number:06d}")
        for writer in self.writers:
            writer.add(frame.name, stem, faces)
        if not single:
            self.frames += 1
            self.faces += len(faces)
            if self.overlays and frame.values is not None:
                if self.video is None:
                    self.video = VideoDrawing(self.out / self.stem, self.rate)
                self.video.add(faces, frame.values)
        elif not error:
            self._report(frame, faces, stem)

    def _report(self, frame: Frame, faces: list[FaceLandmarks], stem: Path) -> None:
        """Draws a single image and prints its landmarks."""
        if not faces:
            self.say(f"{frame.name}: no face")
            return
        drawing = ""
        if self.overlays:
            path = self.out / stem.with_name(f"{stem.name}_landmarks.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            drawing = f" {save_drawing(faces, path)}"
        self.say(f"{frame.name}:{drawing}")
        for face in faces:
            self.say("  " + " ".join(f"{x:.1f},{y:.1f}" for x, y in face.landmarks))

    def _smoothed(self, faces: list[FaceLandmarks], single: bool) -> list[FaceLandmarks]:
        """Filters faces by their sequence; a frame without faces advances its time, too."""
        sequence = self.source.path.parent if single else self.source.path
        smoother = self._smoothers.setdefault(sequence, self.smoothing())
        seconds = self._times.get(sequence, 0.0) + 1 / self.rate
        self._times[sequence] = seconds
        return smoother(faces, seconds)

    def _unique_stem(self, relative: Path) -> Path:
        """Path of a file's results without suffix, numbered if `a.png` and `a.npy` both occur."""
        name = relative.stem.encode(errors="replace")[:_LONGEST].decode(errors="ignore")
        stem, n = relative.with_name(name), 1
        while str(stem).casefold() in self._stems:
            n += 1
            stem = relative.with_name(f"{name}-{n}")
        self._stems.add(str(stem).casefold())
        return stem
