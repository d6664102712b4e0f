"""Files in, landmarks out: images, folders, stacks and videos, with tables and overlays.

A file that cannot be read is one line, and the rest is still done.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tqdm.auto import tqdm

from mlcmkd.deployment.boxes import Boxes
from mlcmkd.deployment.drawing import VideoDrawing, save_drawing
from mlcmkd.deployment.outputs import WRITERS
from mlcmkd.deployment.predictor import Box, FaceCrop, FaceLandmarks, Predictor
from mlcmkd.deployment.smoothing import Smoother
from mlcmkd.deployment.sources import (
    Frame,
    Source,
    count_frames,
    find_sources,
    frame_rate,
    read_source,
)
from mlcmkd.utils.errors import InputError

FPS = 30.0  # of stacks, folders and videos that do not say theirs


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        images: images and frames that were read.
        faces: how many faces in them.
        empty: names of those without a face.
        errors: one line each, of what could not be done.
    """

    images: int = 0
    faces: int = 0
    empty: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def predict_files(
    predictor: Predictor,
    paths: list[Path],
    out: Path,
    *,
    box: Box | None = None,
    boxes: Boxes | None = None,
    formats: tuple[str, ...] = ("csv",),
    smoothing: Callable[[], Smoother] | None = None,
    fps: float | None = None,
    overlays: bool = True,
    say: Callable[[str], None] = tqdm.write,
    progress: bool = True,
) -> Outcome:
    """Finds the landmarks of every face in files, and writes them and their drawings into `out`.

    Args:
        paths: images, folders, stacks (`.npy` (N, H, W), TIFFs of several pages), videos.
        box: of the one face in all of them.
        boxes: of each image, instead; an image that they do not name has no face.
        formats: of `WRITERS`.
        smoothing: makes the filter of a sequence, usually `Smoother` itself: each video and stack
            has its own, and all plain images of one folder share one, in the order of their names.
        fps: frames a second; None for a video's own, and `FPS` where nothing says.
        overlays: draw the landmarks: a PNG for each image, a video for each video and stack.
        say: gets a line for each image, sequence and error.

    Raises:
        InputError: an unknown format, two kinds of boxes, a frame rate that is not above 0, an `out`
            that holds one of the files (its tables may be yours), or no file that is there.
    """
    unknown = [name for name in formats if name not in WRITERS]
    if unknown:
        raise InputError(f"format '{unknown[0]}': choose of {', '.join(WRITERS)}")
    if fps is not None and not 0 < fps <= 1000:
        raise InputError(f"fps={fps:g} must lie above 0 and at most at 1000")
    if box is not None and boxes is not None:
        raise InputError("one box for all images, or a CSV of boxes: give one of the two")
    sources = list(find_sources(paths))
    _keep_what_is_there(sources, out)
    counts = [count_frames(source) for source in sources]
    out.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    with ExitStack() as stack:
        writers = [stack.enter_context(closing(WRITERS[name](out))) for name in formats]
        pages = _Pages(out, writers, smoothing, fps, overlays, say, outcome)
        stack.callback(pages.turn, None)
        total = None if None in counts else sum(counts)
        bar = stack.enter_context(tqdm(total=total, unit="frame", disable=not progress))
        stream = ((source, frame) for source in sources for frame in read_source(source))
        while batch := list(islice(stream, predictor.batch)):
            looked = [_squares(predictor, frame, box, boxes) for _, frame in batch]
            faces = iter(predictor.answer([s for each, _ in looked for s in each]))
            for (source, frame), (squares, error) in zip(batch, looked, strict=True):
                pages.turn(source)
                pages.add(frame, [next(faces) for _ in squares], error)
                bar.update()
    for name in boxes.unused() if boxes is not None else []:
        outcome.errors.append(f"{boxes.path}: no image '{name}' among those given")
        say(f"error: {outcome.errors[-1]}")
    return outcome


def _keep_what_is_there(sources: list[Source], out: Path) -> None:
    """Refuses what would overwrite the user's own tables, or earlier results by nothing."""
    for source in sources:
        if source.path.resolve().parent == out.resolve():
            raise InputError(
                f"{out}: holds {source.path.name}, which is read; choose another folder"
            )
    if sources and not any(source.path.is_file() for source in sources):
        raise InputError(f"{sources[0].path}: no such file")


def _squares(
    predictor: Predictor, frame: Frame, box: Box | None, boxes: Boxes | None
) -> tuple[list[FaceCrop], str]:
    """Where to look in a frame; or nowhere, and why."""
    if frame.values is None:
        return [], frame.error
    given = box if boxes is None else boxes.of(frame.name)
    try:
        unit = predictor.to_unit(frame.values, frame.name)
        return predictor.squares(unit, given, frame.name), ""
    except InputError as error:
        return [], str(error)


class _Pages:
    """Takes the frames in their order; closes a sequence's video when the next file begins."""

    def __init__(
        self,
        out: Path,
        writers: list,
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
        self._taken: set[str] = set()
        self._smoothers: dict[Path, Smoother] = {}
        self._clocks: dict[Path, float] = {}

    def turn(self, source: Source | None) -> None:
        """Another file begins, or with None all are done."""
        if source is self.source:
            return
        if self.source is not None and self.frames > 0:
            where = f" {self.video.close()}" if self.video is not None else ""
            self.say(f"{self.source.path}:{where} ({self.frames} frames, {self.faces} faces)")
        self.source, self.video = source, None
        self.frames = self.faces = 0
        if source is not None:
            self.stem = self._free(source.below)
            self.rate = self.fps or frame_rate(source) or FPS

    def add(self, frame: Frame, faces: list[FaceLandmarks], error: str) -> None:
        """One frame, in what is written and drawn."""
        plain = frame.number is None
        if error:
            self.outcome.errors.append(error)
            self.say(f"error: {error}")
        else:
            self.outcome.images += 1
            self.outcome.faces += len(faces)
            if not faces:
                self.outcome.empty.append(frame.name)
        if self.smoothing is not None:
            faces = self._smoothed(faces, plain)
        stem = self.stem if plain else self.stem.with_name(f"{self.stem.name}_{frame.number:06d}")
        for writer in self.writers:
            writer.add(frame.name, stem, faces)
        if not plain:
            self.frames += 1
            self.faces += len(faces)
            if self.overlays and frame.values is not None:
                if self.video is None:
                    self.video = VideoDrawing(self.out / self.stem, self.rate)
                self.video.add(faces, frame.values)
        elif not error:
            self._tell(frame, faces, stem)

    def _tell(self, frame: Frame, faces: list[FaceLandmarks], stem: Path) -> None:
        if not faces:
            self.say(f"{frame.name}: no face")
            return
        where = ""
        if self.overlays:
            path = self.out / stem.with_name(f"{stem.name}_landmarks.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            where = f" {save_drawing(faces, path)}"
        self.say(f"{frame.name}:{where}")
        for face in faces:
            self.say("  " + " ".join(f"{x:.1f},{y:.1f}" for x, y in face.landmarks))

    def _smoothed(self, faces: list[FaceLandmarks], plain: bool) -> list[FaceLandmarks]:
        """Faces through the filter of their sequence; a frame without any moves its clock on."""
        sequence = self.source.path.parent if plain else self.source.path
        smoother = self._smoothers.setdefault(sequence, self.smoothing())
        now = self._clocks.get(sequence, 0.0) + 1 / self.rate
        self._clocks[sequence] = now
        return smoother(faces, now)

    def _free(self, below: Path) -> Path:
        """Where a file's results go: no two alike, though `a.png` and `a.npy` both come."""
        stem, n = below.with_suffix(""), 1
        while str(stem).casefold() in self._taken:
            n += 1
            stem = below.with_name(f"{below.stem}-{n}")
        self._taken.add(str(stem).casefold())
        return stem
