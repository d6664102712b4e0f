"""The interface of a reader (`Annotation`, `Reader`), and helpers that readers share."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from data_prep.errors import Unlabelled
from mlcmkd.data.folders import walk_folders
from mlcmkd.data.images import IMAGE_SUFFIXES
from mlcmkd.data.manifest import inside
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError

# Files of `mlcmkd pair` that are not accepted pairs: its table, the refused pairs, the drawings.
PAIRING, REFUSED, OVERLAYS = "pairing.csv", "refused", "overlays"
# Mean distance below which two annotations are one, in files of other precision for instance.
_SAME_FACE_PX = 1.0

T = TypeVar("T")
ImageLoader = Callable[[], np.ndarray]  # returns (H, W, 3) uint8 RGB


@dataclass(frozen=True)
class Annotation:
    """One annotated face as the source files describe it.

    Attributes:
        id: unique within the source, with "/" between the parts of a path.
        subject: identifier of the person, as far as the format gives one; the rows of a subject
            are always in one split.
        scheme: landmark scheme, see mlcmkd.schemes.
        landmarks: (K, 2) float64, pixels (x, y), the centre of the first pixel at (0, 0), NaN where a
            point is not labelled; None for an unlabelled image.
        rgb_path, thermal_path: the images; at least one of the two, unless `absent` says why. An RGB
            image may also be a function that loads it, (H, W, 3) uint8, from a file of many images.
        split: "train", "val" or "test" where the format defines it, None otherwise.
        labels: origin of the landmarks, such as "hand" or "detector (silver)".
        radiometry: how the thermal file's values are read; None without a thermal image.
        group: subset of the test split for which scores are also reported, several joined by "+";
            None for no subset.
        box: face box of the data set (x0, y0, x1, y1), pixels as the landmarks; None without one.
        visible: (K,) bool, false for occluded points; None if the format has no such flags.
        facts: further metadata of the image, by the data set's own names; None for none.
        assumed: assumptions of the reader where the data set's documentation is not explicit.
        aligned: whether the two images of a pair are pixel-aligned.
        landmarks_of: the modality whose image was annotated; matters if they are not aligned.
        absent: why an image that the annotation names cannot be used, by modality. It is an error
            only where images of this modality are wanted.
        declared_size: (width, height) of the annotated image in pixels, where its annotation gives
            it; the preparation compares it with the image.
    """

    id: str
    subject: str
    scheme: str
    landmarks: np.ndarray | None
    rgb_path: Path | ImageLoader | None = None
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
    landmarks_of: Modality = "thermal"
    absent: Mapping[Modality, InputError] = field(default_factory=dict)
    declared_size: tuple[int, int] | None = None


OnBad = Callable[[str, InputError], None]
Reader = Callable[[Path, OnBad], Iterator[Annotation]]
R = TypeVar("R", bound=Reader)
FORMATS: dict[str, Reader] = {}  # filled by `reader`


def reader(name: str) -> Callable[[R], R]:
    """Decorate a function of this package as the reader of a format.

    The name must not change later: manifests name it as their source.
    """

    def add(read: R) -> R:
        if name in FORMATS:
            raise ValueError(f"two readers of format '{name}'")
        FORMATS[name] = read
        return read

    return add


def fail(name: str, error: InputError) -> None:
    """Stop at the first bad annotation; one that is only unlabelled is skipped."""
    if not isinstance(error, Unlabelled):
        raise error


def already_reported(name: str, error: InputError) -> None:
    """Ignore an error in a second walk over a folder, because the first walk has reported it."""


def walk(source: Path, on_bad: OnBad) -> Iterator[Path]:
    """Yield all files below `source`, sorted; links are followed only if they stay inside it.

    A link that leads out of `source` goes to `on_bad`. A linked folder is never entered: if its
    target is inside `source`, its files are listed there. A folder that cannot be listed goes to
    `on_bad`, too.

    Raises:
        InputError: `source` is not a folder.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give the folder of the data set")

    def report(folder: Path, error: InputError) -> None:
        on_bad(str(folder.relative_to(source)), error)

    for folder, folders, files in walk_folders(source, report):
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


def valid_faces(name: str, parsed: Iterable[T | InputError], on_bad: OnBad) -> Iterator[T]:
    """Yield the faces that a parser could read.

    The errors of the others, or of the whole file, go to `on_bad` under the file's `name`.
    """
    try:
        for face in parsed:
            if isinstance(face, InputError):
                on_bad(name, face)
            else:
                yield face
    except InputError as error:
        on_bad(name, error)


class FaceIds:
    """Ids of the faces of each image: `name`, `name#2`, `name#3`, ... in the order of the files."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._faces: defaultdict[Path, list[np.ndarray]] = defaultdict(list)

    def add(self, image: Path, name: str, points: np.ndarray, where: str) -> str:
        """Return the id of one more face.

        Args:
            image: the face's image.
            name: what the image is called in the manifest; two images may have one name.
            points: (K, 2) pixels, NaN where a point is not labelled.
            where: file and face, for messages.

        Raises:
            InputError: its points are those of a face of this image that was added before.
        """
        for other in self._faces[image]:
            both = ~np.isnan(points + other).any(axis=1) if len(points) == len(other) else []
            if np.any(both) and np.hypot(*(points - other)[both].T).mean() < _SAME_FACE_PX:
                raise InputError(
                    f"{where}: the same points as another face of {image}; leave it out (--skip-bad)"
                )
        self._faces[image].append(points)
        self._count[name] += 1
        return name if self._count[name] == 1 else f"{name}#{self._count[name]}"


# `1051618982_2` is the second face of photo 1051618982; `image_0001` is the name of a photo.
_FACE_OF_PHOTO = re.compile(r"^(.*\d{3,})_\d{1,2}$")


def photo_name(name: str) -> str:
    """Return the name of the photo that a face of 300W comes from; it serves as the subject."""
    # A mirrored copy shows the same person.
    stem = name.removesuffix("_mirror")
    photo = _FACE_OF_PHOTO.match(stem)
    return photo[1] if photo else stem


def image_beside(folder: Path, stem: str) -> Path | None:
    """Return the image with this stem in `folder`, suffix in lower or upper case; None without one."""
    for suffix in IMAGE_SUFFIXES:
        for candidate in (folder / f"{stem}{suffix}", folder / f"{stem}{suffix.upper()}"):
            if candidate.is_file():
                return candidate
    return None
