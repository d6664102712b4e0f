"""Results of a prediction: tables, drawings, and the counts that `predict_files` returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlcmkd.deployment.drawing import VideoDrawing, save_drawing
from mlcmkd.deployment.faces import FaceLandmarks, is_uncertain
from mlcmkd.deployment.live import LiveSource
from mlcmkd.deployment.outputs import Writer
from mlcmkd.deployment.sequences import Sequences
from mlcmkd.deployment.smoothing import Smoother
from mlcmkd.deployment.sources import Frame, Source, frame_rate
from mlcmkd.deployment.thermometer import Thermometer

_MOST_LINES = 1  # printed errors per sequence: often all its frames have the same error
_LONGEST = 200  # bytes of a file's name that its results keep; file systems limit names to 255
FPS = 30.0  # frames per second of stacks, folders, and videos without a frame rate

Seen = Callable[[Frame, list[FaceLandmarks]], None]


@dataclass
class Outcome:
    """Counts and errors of a prediction.

    Attributes:
        images: number of images and frames that were read.
        frames: number of these that are frames of videos, stacks and cameras.
        faces: number of faces in the images.
        empty: names of the images without a face.
        uncertain: name of the image of each face with a low confidence (`is_uncertain`).
        errors: one line per file or frame that failed.
    """

    images: int = 0
    frames: int = 0
    faces: int = 0
    empty: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Results:
    """Writes and draws the frames in their order; finishes a video when the next source starts.

    Args:
        out: folder of the drawings.
        writers: writers of the tables.
        measured: adds temperatures to faces.
        say: receives a line per image, sequence and error.
        smoothing: as in `predict_files`.
        fps: as in `predict_files`.
        every: as in `predict_files`.
        overlays: as in `predict_files`.
        circles: as in `predict_files`.
        squares: as in `predict_files`.
        seen: as in `predict_files`.
        coordinates: as in `predict_files`.
    """

    def __init__(
        self,
        out: Path,
        writers: list[Writer],
        measured: Thermometer,
        say: Callable[[str], None],
        *,
        smoothing: Callable[[], Smoother] | None,
        fps: float | None,
        every: int,
        overlays: bool,
        circles: bool,
        squares: bool,
        seen: Seen | None,
        coordinates: bool,
    ):
        self.out, self.writers, self.measured, self.say = out, writers, measured, say
        self.smoothing, self.fps, self.every = smoothing, fps, every
        self.overlays, self.coordinates, self.seen = overlays, coordinates, seen
        self.drawn = {"deviations": circles, "boxes": squares}  # options of the drawings
        self.outcome = Outcome()
        self.source: Source | LiveSource | None = None
        self.video: VideoDrawing | None = None
        self._stems: set[str] = set()  # in lower case
        self._sequences = Sequences(smoothing)

    def start(self, source: Source | LiveSource | None) -> None:
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
            live = isinstance(source, LiveSource)
            own = source.camera.rate if live else frame_rate(source)
            self.rate = self.fps or own or FPS

    def add(self, frame: Frame, faces: list[FaceLandmarks], error: str) -> None:
        """Writes and draws one frame of the current source, or reports its error.

        Args:
            frame: the frame.
            faces: its faces; may be empty.
            error: why the frame failed; empty if it did not.
        """
        single = frame.number is None
        if error:
            self.outcome.errors.append(error)
            self.failed += 1
            if single or self.failed <= _MOST_LINES:
                self.say(f"error: {error}")
        else:
            self.outcome.images += 1
            self.outcome.faces += len(faces)
            self.outcome.uncertain += [frame.name for face in faces if is_uncertain(face)]
            if not faces:
                self.outcome.empty.append(frame.name)
        if not single or self.smoothing is not None:
            faces = self._followed(frame, faces)
        if frame.values is not None:
            faces = self.measured(faces, frame.values, frame.name)
        stem = self.stem if single else self.stem.with_name(f"{self.stem.name}_{frame.number:06d}")
        for writer in self.writers:
            writer.add(frame.name, stem, faces)
        if self.seen is not None:
            self.seen(frame, faces)
        if not single:
            self.frames += 1
            self.outcome.frames += 1
            self.faces += len(faces)
            if self.overlays and frame.values is not None:
                if self.video is None:
                    path = self.out / self.stem
                    self.video = VideoDrawing(path, self.rate / self.every, **self.drawn)
                self.video.add(faces, frame.values, frame.seconds)
        elif not error:
            self._report(frame, faces, stem)

    def _report(self, frame: Frame, faces: list[FaceLandmarks], stem: Path) -> None:
        """Draws a single image, and reports the number of its faces."""
        if not faces:
            self.say(f"{frame.name}: no face")
            return
        line = f"{frame.name}: {len(faces)} face{'s' if len(faces) > 1 else ''}"
        if self.overlays:
            path = self.out / stem.with_name(f"{stem.name}_landmarks.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            line += f", {save_drawing(faces, path, **self.drawn)}"
        self.say(line)
        for face in faces if self.coordinates else []:
            self.say("  " + " ".join(f"{x:.1f},{y:.1f}" for x, y in face.landmarks))

    def _followed(self, frame: Frame, faces: list[FaceLandmarks]) -> list[FaceLandmarks]:
        """Tracks faces in their sequence; a frame without faces advances the time, too."""
        if frame.number is None:
            sequence = self.source.path.parent
            seconds = self._sequences.next_time(sequence, 1 / self.rate)
        else:
            sequence = self.source.path
            seconds = frame.number / self.rate if frame.seconds is None else frame.seconds
        return self._sequences(sequence, faces, frame.values, seconds)

    def _unique_stem(self, relative: Path) -> Path:
        """Path of a file's results without suffix, numbered if `a.png` and `a.npy` both occur."""
        name = relative.stem.encode(errors="replace")[:_LONGEST].decode(errors="ignore")
        stem, n = relative.with_name(name), 1
        while str(stem).casefold() in self._stems:
            n += 1
            stem = relative.with_name(f"{name}-{n}")
        self._stems.add(str(stem).casefold())
        return stem
