"""A user's own folder: images, and landmarks in a CSV, COCO, labelme, dlib or `.pts` files.

What a folder cannot say by itself stands in `dataset.yaml` at its top; without that file the
defaults of `Description` hold, and every row says so.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from data_prep.readers.base import (
    OVERLAYS,
    PAIRING,
    REFUSED,
    Annotation,
    OnBad,
    fail,
    told_before,
    walk,
)
from data_prep.readers.image_index import ImageIndex, eight_bit
from data_prep.readers.parsing.landmarks import Marks, from_csv, from_json, from_pts, from_xml
from mlcmkd.data.manifest import SPLITS
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import SCHEMES, Scheme, get_scheme
from mlcmkd.utils.errors import InputError, first_wrong
from mlcmkd.utils.texts import read_text

DESCRIPTION = "dataset.yaml"


class Twin(BaseModel):
    """How the other camera's image is named: a regular expression on the path, and what replaces it.

    Attributes:
        find, replace: as `re.sub` takes them, on the path below the source, with "/".
        aligned: whether the two show the same thing at the same pixel.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    find: str
    replace: str
    aligned: bool = True

    @field_validator("find")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _regex(pattern)


class Description(BaseModel):
    """What `dataset.yaml` may say.

    Attributes:
        scheme: of the landmarks; None tells it by their number.
        side: which camera the landmarks were marked on.
        radiometry: how thermal values are read, fields of `Radiometry`; None for
            8-bit images, which are grey or drawn with a palette that is told by its colours.
        first_pixel: 0 or 1, the coordinate of the first pixel's centre.
        subject: a regular expression on the path below the source, without suffix; its first group
            is the person. None takes the folder, and the image itself where it lies in none.
        split: "folders" takes folders called train, val or test; None leaves it to the project.
        twin: how to find the other camera's image; None without one.
        unlabelled: also take images without landmarks (of the side that has them).
        labels: how the landmarks came about, for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: str | None = None
    side: Literal["rgb", "thermal"] = "rgb"
    radiometry: Radiometry | None = None
    first_pixel: Literal[0, 1] = 0
    subject: str | None = None
    split: Literal["folders"] | None = "folders"
    twin: Twin | None = None
    unlabelled: bool = False
    labels: str = "unknown"

    @field_validator("scheme")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return None if name is None else get_scheme(name).name

    @field_validator("subject")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None and re.compile(_regex(pattern)).groups < 1:
            raise ValueError("the expression needs a group (...), which is the person")
        return pattern


def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """Your own images with a CSV, COCO, labelme, dlib XML or .pts; `dataset.yaml` tells the rest.

    CSV: `image,x0,y0,x1,y1,...`, or `image,scheme,point,x,y` as `mlcmkd predict` writes it.

    Raises:
        InputError: a bad `dataset.yaml`; by way of `on_bad`, all else that cannot be used.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give the folder that holds the images")
    told = describe(source)
    paired = (source / PAIRING).is_file()
    images = ImageIndex(source, on_bad, skip=(REFUSED, OVERLAYS) if paired else ())
    done: set[Path] = set()
    for name, marks in _marks(source, told, on_bad):
        try:
            if isinstance(marks, InputError):
                raise marks
            image = _image_of(source, images, told, name, marks)
            if image in done:
                raise InputError(f"{marks.where}: a second face of {image}; keep one an image")
            done.add(image)
            yield _annotation(source, images, told, image, marks)
        except InputError as error:
            on_bad(name, error)
    if told.unlabelled:
        for below in images:
            if source / below not in done and _is_of_the_side(below.as_posix(), told):
                try:
                    yield _annotation(source, images, told, source / below, None)
                except InputError as error:
                    on_bad(below.as_posix(), error)


def _image_of(source: Path, images: ImageIndex, told: Description, file: str, marks: Marks) -> Path:
    """The image of an annotation: beside its file, or by its name below the source.

    Of two that are called alike the labelled camera's is meant. Where a folder holds images and
    annotations, an annotation means one of its own folder's images.
    """
    folder = PurePosixPath(file).parent
    name = PurePosixPath(posixpath.normpath(marks.image.replace("\\", "/")))

    def of_the_side(path: PurePosixPath) -> bool:
        return _is_of_the_side(path.as_posix(), told)

    beside = images.at((folder / name).as_posix())
    beside = list(filter(of_the_side, beside)) or beside
    if len(beside) == 1:
        return source / beside[0]
    bare = len(name.parts) == 1
    if bare and folder.parts and folder in images.folders:
        raise InputError(
            f"{marks.where}: no image '{name}' beside it in {folder}; add it, or remove the annotation"
        )
    if not bare:
        return images.need(marks.image, marks.where, known=True, rather=of_the_side)
    # Labels in a tree of their own, beside that of the images, tell the folders by their own place.
    return images.need((folder / name).as_posix(), marks.where, rather=of_the_side)


def describe(source: Path) -> Description:
    """What `dataset.yaml` says; the defaults without one.

    Raises:
        InputError: not YAML, or a field that there is not; names it.
    """
    path = source / DESCRIPTION
    if not path.is_file():
        return Description()
    try:
        said = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({str(error).splitlines()[0]}); mend it") from None
    if not isinstance(said, dict):
        raise InputError(f"{path}: expected lines such as `side: thermal`; mend it")
    try:
        return Description.model_validate(said)
    except ValidationError as error:
        raise InputError(f"{path}, {first_wrong(error)}") from None


def _marks(
    source: Path, told: Description, on_bad: OnBad
) -> Iterator[tuple[str, Marks | InputError]]:
    """Every annotated image with the name of its file, or why it cannot be used."""
    readers: Mapping[str, Any] = {
        ".csv": from_csv,
        ".json": from_json,
        ".xml": from_xml,
        ".pts": from_pts,
    }
    for path in walk(source, told_before):
        reader = readers.get(path.suffix.lower())
        if reader is None:
            continue
        name = path.relative_to(source).as_posix()
        if name == PAIRING:
            continue
        try:
            for marks in reader(path, told.scheme, told.first_pixel):
                yield name, marks
        except InputError as error:
            yield name, error


def _annotation(
    source: Path, images: ImageIndex, told: Description, image: Path, marks: Marks | None
) -> Annotation:
    below = image.relative_to(source).as_posix()
    twin = _twin(images, told, below)
    rgb, thermal = (image, twin) if told.side == "rgb" else (twin, image)
    named = image.relative_to(source).with_suffix("").as_posix()
    scheme = points = None
    if marks is not None:
        scheme, points = _in_order(marks, told)
    elif told.scheme is None:
        raise InputError(
            f"{image}: without landmarks nobody knows the scheme; say it in {DESCRIPTION}"
        )
    return Annotation(
        id=named,
        subject=_subject(named, told),
        scheme=scheme.name if scheme else told.scheme,
        landmarks=None if points is None else points - told.first_pixel,
        rgb_path=rgb,
        thermal_path=thermal,
        split=_split(below, told),
        labels=told.labels if marks is not None else "",
        radiometry=(told.radiometry or eight_bit(thermal)) if thermal else None,
        box=marks.box if marks is not None else None,
        visible=marks.visible if marks is not None else None,
        assumed=None if (source / DESCRIPTION).is_file() else f"no {DESCRIPTION}: its defaults",
        aligned=told.twin is None or told.twin.aligned,
    )


def _in_order(marks: Marks, told: Description) -> tuple[Scheme, np.ndarray]:
    """The scheme, and the points in its order: by their names where the file uses the scheme's."""
    by_count = {scheme.points: scheme for scheme in SCHEMES.values()}
    scheme = get_scheme(told.scheme) if told.scheme else by_count.get(len(marks.points))
    if scheme is None or len(marks.points) != scheme.points:
        wanted = scheme.points if scheme else f"one of {sorted(by_count)}"
        raise InputError(
            f"{marks.where}: {len(marks.points)} points, expected {wanted}; label them all, or name "
            f"the scheme in {DESCRIPTION}"
        )
    if marks.names and set(marks.names) == set(scheme.names):
        order = [marks.names.index(name) for name in scheme.names]
        return scheme, marks.points[order]
    return scheme, marks.points


def _subject(named: str, told: Description) -> str:
    if told.subject is None:
        folder = named.rpartition("/")[0]
        return folder or named
    found = re.search(told.subject, named)
    if not found:
        raise InputError(
            f"{named}: the expression of `subject` in {DESCRIPTION} finds no person in it; mend one "
            "of the two"
        )
    return found[1]


def _split(below: str, told: Description) -> str | None:
    folders = below.split("/")[:-1]
    return next((f for f in folders if f in SPLITS), None) if told.split == "folders" else None


def _twin(images: ImageIndex, told: Description, below: str) -> Path | None:
    if told.twin is None:
        return None
    other, count = re.subn(told.twin.find, told.twin.replace, below)
    there = images.at(other) if count and other != below else []
    if len(there) > 1:
        raise InputError(f"{below}: its twin may be {there[0]} or {there[1]}; remove one of them")
    return images.source / there[0] if there else None


def _is_of_the_side(below: str, told: Description) -> bool:
    """Whether an image is of the labelled camera: without twins every one is."""
    return told.twin is None or re.search(told.twin.find, below) is not None


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from None
    return pattern
