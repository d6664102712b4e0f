"""A user's own folder: images, and landmarks in a CSV, COCO, labelme, dlib or `.pts` files.

`dataset.yaml` in the folder gives what cannot be inferred from the files. Without it the defaults of
`Description` apply, and every row says so in `assumed`.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field, field_validator

from data_prep.readers.base import (
    OVERLAYS,
    PAIRING,
    REFUSED,
    Annotation,
    FaceIds,
    OnBad,
    already_reported,
    fail,
    reader,
    walk,
)
from data_prep.readers.image_index import ImageIndex, NamedImage, eight_bit_radiometry
from data_prep.readers.parsing.landmarks import (
    Marks,
    from_csv,
    from_json,
    from_pts,
    from_xml,
    in_scheme_order,
)
from mlcmkd.data.manifest import SPLITS
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.yaml_files import read_fields

DESCRIPTION = "dataset.yaml"


class Twin(Config):
    """How to name the other camera's image, as `re.sub` on the path below the source, with "/"."""

    find: str = Field(description="Regular expression.")
    replace: str = Field(description="What replaces it.")
    aligned: bool = Field(
        default=True, description="Whether the two images show the same point at the same pixel."
    )

    @field_validator("find")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _regex(pattern)


class Description(Config):
    """The fields of `dataset.yaml`."""

    scheme: str | None = Field(
        default=None, description="Landmark scheme; None finds it by the number of points."
    )
    side: Modality = Field(default="rgb", description="Camera whose images were labelled.")
    radiometry: Radiometry | None = Field(
        default=None,
        description="How thermal values are read; None for 8-bit images, grey or in a palette that "
        "is detected from their colours.",
    )
    first_pixel: Literal[0, 1] = Field(
        default=0, description="Coordinate of the first pixel's centre."
    )
    subject: str | None = Field(
        default=None,
        description="Regular expression on the path below the source, without suffix; its first "
        "group is the person. None takes the folder, or the image itself where it is in no folder.",
    )
    split: Literal["folders"] | None = Field(
        default="folders",
        description="folders takes folders named train, val or test; None splits by subject.",
    )
    twin: Twin | None = Field(
        default=None, description="How to find the other camera's image; None without one."
    )
    unlabelled: bool = Field(
        default=False, description="Also take images without landmarks, of the labelled camera."
    )
    labels: str = Field(default="unknown", description="Origin of the landmarks, for people.")

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


@reader("folder")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """Your own images with a CSV, COCO, labelme, dlib XML or .pts; options in `dataset.yaml`.

    CSV: `image,x0,y0,x1,y1,...`, or `image,scheme,point,x,y` as `mlcmkd predict` writes it. Names of
    points in COCO, labelme and dlib files decide which point is which. A point without a label is
    NaN. Several faces of an image have the ids `NAME`, `NAME#2`, ...

    Raises:
        InputError: an invalid `dataset.yaml`; through `on_bad`, any file or row that cannot be used.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give the folder of the images")
    description = read_description(source)
    paired = (source / PAIRING).is_file()
    images = ImageIndex(source, on_bad, skip=(REFUSED, OVERLAYS) if paired else ())
    done: set[Path] = set()
    ids = FaceIds()
    for name, marks in _landmarks(source, description, on_bad):
        try:
            if isinstance(marks, InputError):
                raise marks
            image = _image_of(source, images, description, name, marks)
            face = _annotation(source, images, description, image, marks)
            done.add(image)
            yield replace(face, id=ids.add(image, face.id, face.landmarks, marks.where))
        except InputError as error:
            on_bad(name, error)
    if description.unlabelled:
        for path in images:
            if source / path not in done and _is_labelled_modality(path.as_posix(), description):
                try:
                    yield _annotation(source, images, description, source / path, None)
                except InputError as error:
                    on_bad(path.as_posix(), error)


def _image_of(
    source: Path, images: ImageIndex, description: Description, file: str, marks: Marks
) -> Path:
    """Return the image of an annotation: beside the annotation file, or found by its name.

    Of two images with the same name, that of the labelled modality is returned. In a folder with
    images and annotations, a bare name refers to an image of the same folder.
    """
    folder = PurePosixPath(file).parent
    name = PurePosixPath(posixpath.normpath(marks.image.replace("\\", "/")))

    def labelled_modality(path: PurePosixPath) -> bool:
        return _is_labelled_modality(path.as_posix(), description)

    beside = images.at((folder / name).as_posix())
    beside = list(filter(labelled_modality, beside)) or beside
    if len(beside) == 1:
        return source / beside[0]
    bare = len(name.parts) == 1
    if bare and folder.parts and folder in images.folders:
        raise InputError(
            f"{marks.where}: no image '{name}' beside it in {folder}; "
            "add it, or leave the annotation out (--skip-bad)"
        )
    if not bare:
        return images.need(marks.image, marks.where, same_folder=True, prefer=labelled_modality)
    # Where labels and images are in two parallel folder trees, the label's folder selects the image.
    return images.need((folder / name).as_posix(), marks.where, prefer=labelled_modality)


def read_description(source: Path) -> Description:
    """Read `dataset.yaml`; return the defaults if there is none.

    Raises:
        InputError: not YAML, or an unknown or invalid field; the message names it.
    """
    path = source / DESCRIPTION
    if not path.is_file():
        return Description()
    return Description.validated(str(path), read_fields(path))


def _landmarks(
    source: Path, description: Description, on_bad: OnBad
) -> Iterator[tuple[str, Marks | InputError]]:
    """Yield (name of the annotation file, landmarks of an image or the error of an invalid entry)."""
    parsers: Mapping[str, Any] = {
        ".csv": from_csv,
        ".json": from_json,
        ".xml": from_xml,
        ".pts": from_pts,
    }
    for path in walk(source, already_reported):
        parse = parsers.get(path.suffix.lower())
        if parse is None:
            continue
        name = path.relative_to(source).as_posix()
        if name == PAIRING:
            continue
        try:
            for marks in parse(path, description.scheme, description.first_pixel):
                yield name, marks
        except InputError as error:
            yield name, error


def _annotation(
    source: Path,
    images: ImageIndex,
    description: Description,
    image: Path,
    marks: Marks | None,
) -> Annotation:
    path = image.relative_to(source).as_posix()
    other = _other_modality(images, description, path)
    rgb, thermal = (image, other) if description.side == "rgb" else (other, image)
    name = image.relative_to(source).with_suffix("").as_posix()
    scheme = points = visible = None
    if marks is not None:
        scheme, points, visible = in_scheme_order(marks, description.scheme)
    elif description.scheme is None:
        raise InputError(
            f"{image}: no landmarks to infer the scheme from; name it in {DESCRIPTION}"
        )
    known = description.radiometry
    read_as = eight_bit_radiometry if known is None else lambda _: known
    checked = NamedImage.of("thermal", lambda: thermal, read_as)
    return Annotation(
        id=name,
        subject=_subject(name, description),
        scheme=scheme.name if scheme else description.scheme,
        landmarks=None if points is None else points - description.first_pixel,
        rgb_path=rgb,
        thermal_path=checked.path,
        split=_split(path, description),
        labels=description.labels if marks is not None else "",
        radiometry=checked.radiometry,
        box=marks.box if marks is not None else None,
        declared_size=marks.size if marks is not None else None,
        visible=visible,
        assumed=None if (source / DESCRIPTION).is_file() else f"no {DESCRIPTION}: its defaults",
        aligned=description.twin is None or description.twin.aligned,
        landmarks_of=description.side,
        absent=checked.absent,
    )


def _subject(name: str, description: Description) -> str:
    """Return the person of an image, whose path below the source is `name`, without suffix."""
    if description.subject is None:
        folder = name.rpartition("/")[0]
        return folder or name
    match = re.search(description.subject, name)
    if not match:
        raise InputError(
            f"{name}: `subject` in {DESCRIPTION} does not match this path; correct the expression "
            "or rename the image"
        )
    return match[1]


def _split(path: str, description: Description) -> str | None:
    if description.split != "folders":
        return None
    return next((folder for folder in path.split("/")[:-1] if folder in SPLITS), None)


def _other_modality(images: ImageIndex, description: Description, path: str) -> Path | None:
    """Return the image of the other modality that `twin` names for `path`; None without one."""
    if description.twin is None:
        return None
    other, count = re.subn(description.twin.find, description.twin.replace, path)
    candidates = images.at(other) if count and other != path else []
    if len(candidates) > 1:
        raise InputError(
            f"{path}: its other modality (`twin`) may be {candidates[0]} or {candidates[1]}; correct "
            "the expression so that it names one"
        )
    return images.source / candidates[0] if candidates else None


def _is_labelled_modality(path: str, description: Description) -> bool:
    """Whether an image is of the labelled modality; without `twin` all images are."""
    return description.twin is None or re.search(description.twin.find, path) is not None


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from None
    return pattern
