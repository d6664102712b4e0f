"""CARL and EURECOM: thermal and visible faces with six points, in dlib's XML format.

Visible and thermal images were labelled separately and are not aligned, so each image is one row.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

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
from data_prep.readers.image_index import ImageIndex, eight_bit_radiometry
from data_prep.readers.parsing.dlib_xml import Box, boxes
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import CORNERS6
from mlcmkd.utils.errors import InputError

# In the order of the scheme, where "left" is from the viewer's point of view.
_PARTS = (
    *("righteye_outer", "righteye_inner", "lefteye_inner", "lefteye_outer"),
    *("mouthcorner_right", "mouthcorner_left"),
)


@reader("carl_eurecom")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """CARL's or EURECOM's XML files and images: six points, thermal and visible images separately.

    The first folder of an image's name is the person. A folder called `TH` or with "thermal" in its
    name contains thermal images; one called `VIS` or with "visible" or "visual", RGB images.

    Raises:
        InputError: through `on_bad`, an invalid file or face, or a missing image.
    """
    images, ids = ImageIndex(source, on_bad), FaceIds()
    colours: Radiometry | None = None
    for path in walk(source, already_reported):
        if path.suffix.lower() != ".xml":
            continue
        name = path.relative_to(source).as_posix()
        for face in valid_faces(name, boxes(path), on_bad):
            try:
                image, thermal = images.need(face.image, face.where), _is_thermal(face)
                if thermal:
                    colours = colours or eight_bit_radiometry(image)
                found = _annotation(source, image, face, colours if thermal else None)
                yield replace(found, id=ids.add(image, found.id, found.landmarks, face.where))
            except InputError as error:
                on_bad(name, error)


def _is_thermal(face: Box) -> bool:
    folders = [part.lower() for part in face.image.replace("\\", "/").split("/")]
    if any(part in ("th",) or "thermal" in part for part in folders):
        return True
    if any(part in ("vis",) or "visible" in part or "visual" in part for part in folders):
        return False
    raise InputError(
        f"{face.where}: no folder in its name says thermal (TH) or visible (VIS); rename the folder"
    )


def _annotation(source: Path, image: Path, face: Box, radiometry: Radiometry | None) -> Annotation:
    points = np.full((len(_PARTS), 2), np.nan)
    for part, x, y in face.parts:
        if part not in _PARTS or not np.isnan(points[_PARTS.index(part)]).all():
            problem = "appears twice" if part in _PARTS else f"is none of {', '.join(_PARTS)}"
            raise InputError(f"{face.where}: part '{part[:40]}' {problem}; correct or remove it")
        points[_PARTS.index(part)] = x, y
    if np.isnan(points).all():
        raise Unlabelled(f"{face.where}: no part")
    path = {"rgb_path": image} if radiometry is None else {"thermal_path": image}
    return Annotation(
        id=image.relative_to(source).with_suffix("").as_posix(),
        subject=face.image.replace("\\", "/").split("/")[0],
        scheme=CORNERS6.name,
        landmarks=points,
        labels="hand",
        radiometry=radiometry,
        box=face.box,
        assumed="pixels begin at 0",
        **path,
    )
