"""CARL and EURECOM: thermal and visible faces with six points, in dlib's XML format.

Visible and thermal images were labelled separately and are not aligned, so each image is one row.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from data_prep.errors import Unlabelled
from data_prep.readers.base import (
    Annotation,
    FaceIds,
    OnBad,
    already_reported,
    fail,
    reader,
    valid_faces,
    walk,
)
from data_prep.readers.image_index import ImageIndex, NamedImage
from data_prep.readers.parsing.dlib_xml import Box, boxes
from mlcmkd.data.file_names import path_parts, trailing_folders
from mlcmkd.data.modality import Modality
from mlcmkd.schemes import CORNERS6
from mlcmkd.utils.errors import InputError

# In the order of the scheme, where "left" is from the viewer's point of view.
_PARTS = (
    *("righteye_outer", "righteye_inner", "lefteye_inner", "lefteye_outer"),
    *("mouthcorner_right", "mouthcorner_left"),
)
# Folders of visible images, besides those with "visible" or "visual" in their name.
_VISIBLE = ("vis", "classic")


@reader("carl_eurecom")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """CARL's or EURECOM's XML files and images: six points, thermal and visible images separately.

    The first folder of an image's name is the person; of an absolute name, the first one that the
    image has here, too. A folder called `TH` or with "thermal" in its
    name contains thermal images; one called `VIS` or `classic` (CARL's visible images), or with
    "visible" or "visual", RGB images.

    Raises:
        InputError: through `on_bad`, an invalid file or face, or a missing image.
    """
    images, ids = ImageIndex(source, on_bad), FaceIds()
    for path in walk(source, already_reported):
        if path.suffix.lower() != ".xml":
            continue
        name = path.relative_to(source).as_posix()
        for face in valid_faces(name, boxes(path), on_bad):
            try:
                yield _annotation(source, images, ids, face)
            except InputError as error:
                on_bad(name, error)


def _modality(face: Box) -> Modality:
    parts = [part.lower() for part in face.image.replace("\\", "/").split("/")]
    if any(part == "th" or "thermal" in part for part in parts):
        return "thermal"
    if any(part in _VISIBLE or "visible" in part or "visual" in part for part in parts):
        return "rgb"
    raise InputError(
        f"{face.where}: no folder in its name says thermal (TH, thermal) or visible (VIS, visible, "
        "classic); put the image into such a folder, in the file too"
    )


def _person(named: PurePosixPath, below: PurePosixPath, where: str) -> str:
    """Return the person of an image.

    Args:
        named: its name in the file.
        below: its path below the source.
        where: file and face, for messages.

    Raises:
        InputError: an absolute name that shares no folder with the path.
    """
    if not (named.is_absolute() or PureWindowsPath(named).drive or named.parts[0] == ".."):
        return named.parts[0]
    folders = path_parts(below.as_posix())[:-1]
    shared = trailing_folders(path_parts(str(named))[:-1], folders)
    if not shared:
        raise InputError(
            f"{where}: '{str(named)[:80]}' has no folder that its image has here, so the person is "
            "unknown; write names such as 001/TH/TH_001_1.bmp"
        )
    return named.parts[-1 - shared]


def _annotation(source: Path, images: ImageIndex, ids: FaceIds, face: Box) -> Annotation:
    points = np.full((len(_PARTS), 2), np.nan)
    for part, x, y in face.parts:
        if part not in _PARTS or not np.isnan(points[_PARTS.index(part)]).all():
            problem = "appears twice" if part in _PARTS else f"is none of {', '.join(_PARTS)}"
            raise InputError(f"{face.where}: part '{part[:40]}' {problem}; correct the file")
        points[_PARTS.index(part)] = x, y
    if np.isnan(points).all():
        raise Unlabelled(f"{face.where}: no part")
    modality = _modality(face)
    image = NamedImage.of(modality, lambda: images.need(face.image, face.where), images.radiometry)
    below = image.below(source, face.image)
    named = PurePosixPath(face.image.replace("\\", "/"))
    name = below.with_suffix("").as_posix()
    return Annotation(
        id=ids.add(source / below, name, points, face.where),
        subject=_person(named, below, face.where),
        scheme=CORNERS6.name,
        landmarks=points,
        rgb_path=image.path if modality == "rgb" else None,
        thermal_path=image.path if modality == "thermal" else None,
        labels="hand",
        radiometry=image.radiometry,
        box=face.box,
        declared_size=face.size,
        absent=image.absent,
        assumed="pixels begin at 0",
    )
