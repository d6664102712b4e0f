"""What every format reader gives, and what they share: safe paths and strict numbers."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from mlcmkd.data.manifest import inside
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number as number
from mlcmkd.utils.texts import read_text as read_text

# What `mlcmkd pair` writes besides pairs: its table, the pairs it refused, and drawings.
PAIRING, REFUSED, OVERLAYS = "pairing.csv", "refused", "overlays"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


T = TypeVar("T")
Stored = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Annotation:
    """One annotated face, as a format's own files tell it.

    Attributes:
        id: unique within the source, with "/" between the parts of a path.
        subject: who is seen, as far as the format tells; subjects never cross splits.
        scheme: landmark scheme, see mlcmkd.schemes.
        landmarks: (K, 2) float64, pixels (x, y), the centre of the first pixel at (0, 0); None
            where nobody labelled the image.
        rgb_path, thermal_path: the images; at least one of the two. A photo may also be a function
            that takes it, (H, W, 3) uint8 RGB, out of a file that holds many.
        split: "train", "val" or "test" where the format fixes it, None where the project chooses.
        labels: how the landmarks came about, such as "hand" or "detector (silver)".
        radiometry: how the thermal file's values are read; None without a thermal image.
        group: part of the test split that scores are also told of, several joined by "+"; None for none.
        box: the owner's face box (x0, y0, x1, y1), pixels as the landmarks; None without one.
        visible: (K,) bool, false where a point is hidden; None where the format does not tell.
        facts: what else the format tells of the image, by its own names; None for nothing.
        assumed: what the owner's text leaves open and the reader took for granted, for people.
        aligned: whether both images, where there are two, show the same thing at the same pixel.
    """

    id: str
    subject: str
    scheme: str
    landmarks: np.ndarray | None
    rgb_path: Path | Stored | None = None
    thermal_path: Path | None = None
    split: str | None = None
    labels: str = ""
    radiometry: Radiometry | None = None
    group: str | None = None
    box: tuple[float, float, float, float] | None = None
    visible: np.ndarray | None = None
    facts: Mapping[str, str | float] | None = None
    assumed: str | None = None
    aligned: bool = True


OnBad = Callable[[str, InputError], None]
Reader = Callable[[Path, OnBad], Iterator[Annotation]]


def fail(name: str, error: InputError) -> None:
    """The strict way with a bad annotation: stop at it."""
    raise error


def told_before(name: str, error: InputError) -> None:
    """For a second walk over the same folder: the first has told what is bad."""


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


def usable(name: str, found: Iterable[T | InputError], on_bad: OnBad) -> Iterator[T]:
    """The faces that a file's parser gives, without those that it could not make out.

    These go to `on_bad` under the file's `name`, and so does a file that cannot be parsed at all.
    """
    try:
        for face in found:
            if isinstance(face, InputError):
                on_bad(name, face)
            else:
                yield face
    except InputError as error:
        on_bad(name, error)


# `1051618982_2` is the second face of photo 1051618982; `image_0001` is a photo of its own.
_FACE_OF_PHOTO = re.compile(r"^(.*\d{3,})_\d{1,2}$")


def photo_of(name: str) -> str:
    """The photo that a face of 300W was cut from; faces of one photo share a subject."""
    # A mirrored copy shows the same person.
    stem = name.removesuffix("_mirror")
    photo = _FACE_OF_PHOTO.match(stem)
    return photo[1] if photo else stem


def image_beside(folder: Path, stem: str) -> Path | None:
    """The image of that stem in `folder`, whatever the case of its suffix; None without one."""
    for suffix in IMAGE_SUFFIXES:
        for candidate in (folder / f"{stem}{suffix}", folder / f"{stem}{suffix.upper()}"):
            if candidate.is_file():
                return candidate
    return None
