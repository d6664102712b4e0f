"""Writes a manifest: one folder, one JSON line a pair, images named by their bytes.

Hugging Face `datasets` opens the folder as it is, `load_dataset("imagefolder", data_dir=OUT)`:
columns `rgb` and `thermal` hold the images, `landmarks` the points. Rows may have both images or
one, and rows of all three kinds may be mixed; a missing image reads as None there. All rows come as
one Hugging Face split called "train", since that loader guesses splits from file names, which here
are hashes; the project's own split is the column `split`.
"""

import hashlib
import io
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from data_prep.formats.base import Stored
from data_prep.splits import check_leakage
from mlcmkd.errors import InputError
from mlcmkd.radiometry import Radiometry, to_centikelvin
from mlcmkd.rows import MANIFEST, PairRow

# Called with the decoded photo, (H, W, 3) uint8 RGB, and the sha256 of its bytes; gives degrees C,
# (H, W).
Twin = Callable[[np.ndarray, str], np.ndarray]

_NAME_CHARACTERS = 20


@dataclass(frozen=True)
class Entry:
    """A row to be written, with its images.

    Attributes:
        id, subject, split, scheme, source, labels, group, box, facts, assumed: as in
            mlcmkd.rows.PairRow.
        landmarks: (K, 2) pixels, or None.
        visible: (K,) bool, or None.
        rgb: an 8-bit photo; or a function that gives one, (H, W, 3) uint8 RGB; or None.
        thermal: a thermal file; or degrees C, (H, W); or a function that simulates them from the
            photo; or None.
        radiometry: how the thermal values are read; "centikelvin" for an array or a function.
    """

    id: str
    subject: str
    split: str
    scheme: str
    landmarks: np.ndarray | None = None
    rgb: Path | Stored | None = None
    thermal: Path | np.ndarray | Twin | None = None
    radiometry: Radiometry | None = None
    source: str = ""
    labels: str = ""
    group: str | None = None
    box: tuple[float, float, float, float] | None = None
    visible: np.ndarray | None = None
    facts: Mapping[str, str | float] | None = None
    assumed: str | None = None


@dataclass(frozen=True)
class ManifestReport:
    """What was written.

    Attributes:
        folder: the manifest.
        rows: number of rows.
        splits: rows a split.
        skipped: (id, reason) of every row left out.
    """

    folder: Path
    rows: int
    splits: dict[str, int]
    skipped: list[tuple[str, str]] = field(default_factory=list)


def write_manifest(
    entries: Iterable[Entry],
    out: Path | str,
    *,
    overwrite: bool = False,
    skip_bad: bool = False,
    run: Callable[[Callable, Iterable], Iterable] = map,
) -> ManifestReport:
    """Write the manifest `out`, all of it or nothing.

    Everything goes to a folder of another name beside `out`, which is renamed at the end. Writing
    the same rows and images once more changes nothing.

    Args:
        overwrite: replace a manifest made from other things.
        skip_bad: leave rows out whose images or landmarks cannot be used, and report them.
        run: applies a function to every entry, in order; a pool's `map` works in parallel.

    Raises:
        InputError: a bad entry (without `skip_bad`), no good one, a repeated id, a subject or an
            image in two splits, or `out` is there already and is not the same manifest.
    """
    out = Path(out)
    _refuse_foreign_folder(out)
    rows: list[PairRow] = []
    skipped: list[tuple[str, str]] = []
    with _staging(out) as folder:
        for name, result in run(partial(_try_store, folder=folder), entries):
            if isinstance(result, PairRow):
                rows.append(result)
            elif skip_bad:
                skipped.append((name, result))
            else:
                raise InputError(result)
        if not rows:
            reason = f"; the first: {skipped[0][1]}" if skipped else ""
            raise InputError(f"{out}: no row to write{reason}")
        _refuse_repeated_ids(rows)
        check_leakage(rows)
        text = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in rows)
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        _replace(out, folder, overwrite=overwrite)
    return ManifestReport(out, len(rows), dict(Counter(row.split for row in rows)), skipped)


def store(entry: Entry, folder: Path) -> PairRow:
    """Check an entry, put its images into `folder` and give its row.

    Raises:
        InputError: an image is missing or does not decode, is not what the radiometry says, the
            two differ in size, or the landmarks lie far outside.
    """
    names: dict[str, str | None] = {}
    rgb = thermal = None
    if callable(entry.rgb):
        rgb = entry.rgb()
        data = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
        names |= _put(folder, "rgb", data, ".png")
    elif entry.rgb is not None:
        data = _read_bytes(entry.rgb)
        rgb = _decode(data, entry.rgb)
        if rgb.dtype != np.uint8:
            raise InputError(f"{entry.rgb}: {rgb.dtype} instead of 8-bit colour; convert it")
        names |= _put(folder, "rgb", data, entry.rgb.suffix)
    if isinstance(entry.thermal, Path):
        data = _read_bytes(entry.thermal)
        thermal = _decode(data, entry.thermal)
        _check_thermal(thermal, entry)
        names |= _put(folder, "thermal", data, entry.thermal.suffix)
    elif entry.thermal is not None:
        if entry.radiometry is None or entry.radiometry.kind != "centikelvin":
            raise InputError(f"row '{entry.id}': temperatures are stored as centikelvin; say so")
        thermal = entry.thermal
        if callable(thermal):
            if rgb is None:
                raise InputError(f"row '{entry.id}': a twin is simulated from a photo; give one")
            thermal = thermal(_as_rgb(rgb), names["rgb_sha256"])
        data = cv2.imencode(".png", to_centikelvin(thermal))[1].tobytes()
        names |= _put(folder, "thermal", data, ".png")
    shapes = {image.shape[:2] for image in (rgb, thermal) if image is not None}
    if len(shapes) > 1:
        raise InputError(
            f"row '{entry.id}': the photo is {_size(rgb)} and the thermal image {_size(thermal)} "
            "pixels; register and resample them to one size first"
        )
    if shapes and entry.landmarks is not None:
        _check_landmarks(entry, shapes.pop())
    try:
        return PairRow(
            id=entry.id,
            subject=entry.subject,
            split=entry.split,
            landmarks=None if entry.landmarks is None else np.asarray(entry.landmarks).tolist(),
            scheme=entry.scheme,
            radiometry=entry.radiometry if thermal is not None else None,
            source=entry.source,
            labels=entry.labels,
            group=entry.group,
            box=entry.box,
            visible=None if entry.visible is None else np.asarray(entry.visible).tolist(),
            facts=entry.facts,
            assumed=entry.assumed,
            **names,
        )
    except ValueError as error:
        reason = error.errors()[0]["msg"] if hasattr(error, "errors") else error
        raise InputError(f"row '{entry.id}': {reason}") from None


def _try_store(entry: Entry, folder: Path) -> tuple[str, PairRow | str]:
    """(id, row) or (id, reason): errors travel as text between processes."""
    try:
        return entry.id, store(entry, folder)
    except InputError as error:
        return entry.id, str(error)


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; restore the image or remove its row") from None
    if not data:
        raise InputError(f"{path}: empty; fetch the image again")
    return data


def _decode(data: bytes, path: Path) -> np.ndarray:
    """The image as OpenCV gives it, channels BGR; OpenCV fills what a truncated file lacks with
    grey and says nothing, so Pillow decodes it first and is strict."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Exception as error:  # Pillow raises a different one for every way a file can be broken
        raise InputError(
            f"{path}: not a whole image ({error}); fetch it again or remove it"
        ) from None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{path}: this kind of image is not read; convert it to PNG")
    return pixels


def _as_rgb(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB)


def _check_thermal(pixels: np.ndarray, entry: Entry) -> None:
    if entry.radiometry is None:
        raise InputError(f"row '{entry.id}': a thermal file needs its radiometry")
    # Reading it as training will is the test: what fails there fails here, with its reason.
    entry.radiometry.frame_to_unit(
        _as_rgb(pixels) if pixels.ndim == 3 else pixels, str(entry.thermal)
    )


def _check_landmarks(entry: Entry, shape: tuple[int, int]) -> None:
    """A face may stick out of its image by some way, but not by a whole image."""
    size = np.array(shape[::-1], dtype=np.float64)
    marks = np.asarray(entry.landmarks, dtype=np.float64)
    if marks.ndim != 2 or marks.shape[1] != 2:
        raise InputError(f"row '{entry.id}': landmarks of shape {marks.shape} instead of (K, 2)")
    far = ~((marks > -size) & (marks < 2 * size)).all(axis=1)
    if far.any():
        point = int(np.argmax(far))
        raise InputError(
            f"row '{entry.id}': landmark {point} is at {tuple(marks[point].tolist())} in an image "
            f"of {shape[1]} x {shape[0]} pixels; are its units pixels?"
        )


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"


def _put(folder: Path, side: str, data: bytes, suffix: str) -> dict[str, str]:
    """Write the bytes under their hash; the row's two fields of that side."""
    digest = hashlib.sha256(data).hexdigest()
    name = f"{side}/{digest[:_NAME_CHARACTERS]}{suffix.lower()}"
    path = folder / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        # Two processes may meet the same bytes: each writes its own file, the renames are atomic.
        partial_path = path.with_name(f"{path.name}.{os.getpid()}")
        partial_path.write_bytes(data)
        partial_path.replace(path)
    return {f"{side}_file_name": name, f"{side}_sha256": digest}


def _refuse_repeated_ids(rows: list[PairRow]) -> None:
    for name, count in Counter(row.id for row in rows).items():
        if count > 1:
            raise InputError(f"id '{name}' appears {count} times; give every row its own")


def _refuse_foreign_folder(out: Path) -> None:
    """`overwrite` deletes `out`, so it must be a manifest and nothing else."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir() or out.is_symlink():
        raise InputError(f"{out}: is there and is not a folder; choose another place")
    names = {path.name for path in out.iterdir()}
    if names and (MANIFEST not in names or names - {MANIFEST, "rgb", "thermal"}):
        raise InputError(f"{out}: holds other things than a manifest; choose an empty folder")


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A folder beside `out` to write in; gone afterwards unless it was renamed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    try:
        # mkdtemp makes it private to its owner; a manifest is as open as any other folder here.
        folder.chmod(out.parent.stat().st_mode & 0o777)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(out: Path, folder: Path, *, overwrite: bool) -> None:
    """Put the finished `folder` in the place of `out`."""
    if (out / MANIFEST).is_file():
        if (out / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes() and _same_files(
            out, folder
        ):
            return
        if not overwrite:
            raise InputError(
                f"{out}: holds a manifest made from other things; choose another folder, or "
                "overwrite it"
            )
        old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
        out.rename(old / "manifest")
        folder.rename(out)
        shutil.rmtree(old)
        return
    if out.is_dir():
        out.rmdir()
    folder.rename(out)


def _same_files(a: Path, b: Path) -> bool:
    """Whether both folders hold files of the same names and sizes; the names are hashes."""

    def files(root: Path) -> set[tuple[str, int]]:
        return {
            (path.relative_to(root).as_posix(), path.stat().st_size)
            for path in root.rglob("*")
            if path.is_file()
        }

    return files(a) == files(b)
