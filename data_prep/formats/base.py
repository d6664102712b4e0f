"""What every format reader gives, and what they share: safe paths and strict numbers."""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcmkd.errors import InputError
from mlcmkd.radiometry import Radiometry
from mlcmkd.rows import inside

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
# An annotation of one face is a few kilobytes; more is some other file under its name.
_MAX_TEXT_BYTES = 1_000_000


@dataclass(frozen=True)
class Annotation:
    """One annotated face, as a format's own files tell it.

    Attributes:
        id: unique within the source, with "/" between the parts of a path.
        subject: who is seen, as far as the format tells; subjects never cross splits.
        scheme: landmark scheme, see mlcmkd.schemes.
        landmarks: (K, 2) float64, pixels (x, y), the centre of the first pixel at (0, 0); None
            where nobody labelled the image.
        rgb_path, thermal_path: the images; at least one of the two.
        split: "train", "val" or "test" where the format fixes it, None where the project chooses.
        labels: how the landmarks came about, such as "hand" or "detector (silver)".
        radiometry: how the thermal file's values are read; None without a thermal image.
    """

    id: str
    subject: str
    scheme: str
    landmarks: np.ndarray | None
    rgb_path: Path | None = None
    thermal_path: Path | None = None
    split: str | None = None
    labels: str = ""
    radiometry: Radiometry | None = None


OnBad = Callable[[str, InputError], None]
Reader = Callable[[Path, OnBad], Iterator[Annotation]]


def fail(name: str, error: InputError) -> None:
    """The strict way with a bad annotation: stop at it."""
    raise error


def walk(source: Path, on_bad: OnBad) -> Iterator[Path]:
    """All files below `source`, sorted; links are followed only where they stay inside.

    A link that leads out of `source` goes to `on_bad`; a linked folder is never entered, since
    what it shows inside `source` is met at its own place.

    Raises:
        InputError: `source` is not a folder.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give the folder that holds the data set")
    for folder, folders, files in os.walk(source):
        folders.sort()
        for name in sorted(folders + files):
            path = Path(folder) / name
            if path.is_symlink():
                try:
                    inside(source, str(path.relative_to(source)))
                except InputError as error:
                    on_bad(str(path.relative_to(source)), error)
                    continue
            if path.is_file():
                yield path


def read_text(path: Path) -> str:
    """An annotation file's text.

    Raises:
        InputError: it cannot be read, is empty, far too long, or not text.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= _MAX_TEXT_BYTES else None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); mend or remove it") from None
    if data is None:
        raise InputError(f"{path}: longer than an annotation of one face can be; remove it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{path}: not a text file; fetch it again or remove it")
    if not text.strip():
        raise InputError(f"{path}: empty; fetch it again or remove it")
    return text


def number(token: str, where: str) -> float:
    """A finite number.

    Raises:
        InputError: `token` is none; `where` names file and line.
    """
    try:
        value = float(token) if "_" not in token else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: '{token[:40]}' is not a finite number; mend or remove the file")
    return value


def image_beside(folder: Path, stem: str) -> Path | None:
    """The image of that stem in `folder`, whatever the case of its suffix; None without one."""
    for suffix in IMAGE_SUFFIXES:
        for candidate in (folder / f"{stem}{suffix}", folder / f"{stem}{suffix.upper()}"):
            if candidate.is_file():
                return candidate
    return None
