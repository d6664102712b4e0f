"""Prediction of landmarks in images, folders, stacks, videos and a camera stream: tables and overlays.

For an unreadable or blank file one error line is printed, and the other files are still processed. A
blank frame of a sequence counts as a frame without a face.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from time import perf_counter

from mlcmkd.data.blank_image import BlankImage
from mlcmkd.data.images import unread_summary
from mlcmkd.data.thermal.radiometric_jpeg import radiometric_notice
from mlcmkd.deployment.boxes import Box, BoxTable
from mlcmkd.deployment.faces import FaceCrop
from mlcmkd.deployment.live import LiveCamera, LiveSource
from mlcmkd.deployment.outputs import WRITERS
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.results import Outcome, Results, Seen
from mlcmkd.deployment.smoothing import Smoother
from mlcmkd.deployment.sources import (
    Frame,
    Source,
    count_frames,
    find_sources,
    other_files,
    read_source,
)
from mlcmkd.deployment.thermometer import Thermometer
from mlcmkd.training.run_directory import lock_run
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.interrupts import stop_on_interrupt
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.texts import is_text, printable


def predict_files(
    predictor: Predictor,
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    camera: LiveCamera | None = None,
    every: int = 1,
    frames: int | None = None,
    box: Box | None = None,
    boxes: BoxTable | None = None,
    formats: tuple[str, ...] = ("csv",),
    smoothing: Callable[[], Smoother] | None = None,
    fps: float | None = None,
    overlays: bool = True,
    circles: bool = False,
    squares: bool = False,
    coordinates: bool = False,
    seen: Seen | None = None,
    say: Callable[[str], None] = tqdm.write,
    progress: bool = True,
) -> Outcome:
    """Predicts the landmarks of every face in files, and writes tables and overlays into `out`.

    In videos, stacks and camera streams each face has the number of its person (`Tracker`). Ctrl-C ends
    a camera stream; otherwise it raises KeyboardInterrupt, after the files of `out` are finished.

    Args:
        predictor: predicts the landmarks.
        paths: images, folders, stacks (`.npy` (N, H, W), TIFFs with several pages), videos.
        out: folder for the results.
        camera: camera to read instead of files.
        every: only each `every`-th frame of videos, stacks and cameras is predicted.
        frames: largest number of frames to predict of each video and stack; None for all. A camera
            has its own limit.
        box: box of the one face in every image.
        boxes: the boxes of each image, instead of `box`; an image that is not in the table has no face.
        formats: names from `WRITERS`.
        smoothing: returns the filter of a sequence, such as the class `Smoother`. Each video and
            stack has its own filter. The single images of a folder share one filter and are
            numbered like a video, in the order of their names.
        fps: frames per second, above 0 to 1000; None for that of the video, or `FPS` if it is unknown.
        overlays: draw the landmarks: a PNG per image, a video per video and stack.
        circles: in overlays, draw the standard deviation of each landmark as the radius of a circle.
        squares: in overlays, draw the box of each face.
        coordinates: also pass the landmarks of single images to `say`.
        seen: receives each frame with its faces, after they are written.
        say: receives a line per image, sequence and error.
        progress: show a progress bar.

    Returns:
        The numbers of images, frames and faces, the images without a face, and the error lines.

    Raises:
        InputError: an unknown format, two sources of boxes, an invalid frame rate, `every` or
            `frames`, an `out` that holds one of the input files (their tables would be overwritten),
            no existing file, no such camera, both or neither of them, or an `out` that another
            command writes.
    """
    if box is not None and boxes is not None:
        raise InputError("both a box and a table of boxes were given; give one of the two")
    if bool(paths) == (camera is not None):
        raise InputError("give files or a camera, and not both")
    _check_output(formats, fps, every, frames)
    out, paths = Path(out), [Path(path) for path in paths]
    with ExitStack() as stack:
        thermal = predictor.network.modality == "thermal"
        if camera is not None:
            sources = [stack.enter_context(camera.open(raw=thermal))]
        else:
            sources = list(find_sources(paths))
            _notices(paths, sources, thermal, say)
        _check_folders(sources, out)
        out.mkdir(parents=True, exist_ok=True)
        stack.enter_context(lock_run(out))
        writers = [stack.enter_context(closing(WRITERS[name](out))) for name in formats]
        results = Results(
            out,
            writers,
            Thermometer(predictor, say),
            say,
            smoothing=smoothing,
            fps=fps,
            every=every,
            overlays=overlays,
            circles=circles,
            squares=squares,
            seen=seen,
            coordinates=coordinates,
        )
        outcome = results.outcome
        stack.callback(results.start, None)
        total = _count(sources, every, frames)
        bar = stack.enter_context(tqdm(total=total, unit="frame", disable=not progress))
        stopped = stack.enter_context(stop_on_interrupt())
        stream = ((source, frame) for source in sources for frame in _frames(source, every, frames))
        size = predictor.batch if camera is None else 1  # the next frame is the newest one
        start = perf_counter()
        while not stopped() and (batch := list(islice(stream, size))):
            located = [_face_crops(predictor, frame, box, boxes) for _, frame in batch]
            faces = iter(predictor.predict_crops([c for crops, _ in located for c in crops]))
            for (source, frame), (crops, error) in zip(batch, located, strict=True):
                results.start(source)
                results.add(frame, [next(faces) for _ in crops], error)
                bar.update()
        results.start(None)
        if outcome.frames:
            say(_speed(outcome.images, perf_counter() - start))
        if stopped() and camera is None:
            raise KeyboardInterrupt
    for name in boxes.unused() if boxes is not None else []:
        outcome.errors.append(f"{boxes.path}: no image '{name}' among the given files")
        say(f"error: {outcome.errors[-1]}")
    return outcome


def _notices(
    paths: list[Path], sources: list[Source], thermal: bool, say: Callable[[str], None]
) -> None:
    """Reports what is not used: other files of folders, temperatures in radiometric JPEGs."""
    for path in paths:
        if path.is_dir() and (summary := unread_summary(other_files(path))):
            say(f"notice: {printable(path)}: {summary}")
    if thermal and (notice := radiometric_notice(source.path for source in sources)):
        say(notice)


def _frames(source: Source | LiveSource, every: int, most: int | None) -> Iterator[Frame]:
    if isinstance(source, LiveSource):
        return source.read(every)
    return islice(read_source(source, every), most)


def _count(sources: Sequence[Source | LiveSource], every: int, most: int | None) -> int | None:
    """Number of frames that will be read; None if unknown."""
    counts = [
        source.frames if isinstance(source, LiveSource) else count_frames(source, every)
        for source in sources
    ]
    if None in counts:
        return None
    return sum(count if most is None else min(count, most) for count in counts)


def _speed(images: int, seconds: float) -> str:
    rate = images / max(seconds, 1e-9)
    return (
        f"{rate:.1f} frames/s: {images} in {seconds:.1f} s, read, detected, predicted and written"
    )


def _check_output(
    formats: Sequence[str], fps: float | None, every: int, frames: int | None
) -> None:
    unknown = [name for name in formats if name not in WRITERS]
    if unknown:
        raise InputError(f"format '{unknown[0]}' is unknown; use {', '.join(WRITERS)}")
    if fps is not None and not 0 < fps <= 1000:
        raise InputError(f"fps={fps:g} must be above 0 and at most 1000")
    if every < 1:
        raise InputError(f"every={every} must be at least 1")
    if frames is not None and frames < 1:
        raise InputError(f"frames={frames} must be at least 1")


def _check_folders(sources: Sequence[Source | LiveSource], out: Path) -> None:
    """Prevents overwriting tables beside the inputs, and earlier results if no input exists."""
    if not is_text(out):
        raise InputError(f"{printable(out)}: the name is not UTF-8 text; choose another folder")
    files = [source for source in sources if isinstance(source, Source)]
    for source in files:
        if source.path.resolve().parent == out.resolve():
            raise InputError(
                f"{out}: holds {source.path.name}, which is an input; choose another folder"
            )
    if files and not any(source.path.is_file() for source in files):
        path = files[0].path
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
