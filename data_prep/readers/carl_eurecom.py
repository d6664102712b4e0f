"""CARL and EURECOM: thermal and visible faces with six points, in dlib's XML format.

Visible and thermal images were labelled separately and are not aligned, so each image is one row.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.readers.base import (
    Annotation,
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
    images = ImageIndex(source, on_bad)
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
                yield _annotation(source, image, face, colours if thermal else None)
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
    points = {part: (x, y) for part, x, y in face.parts}
    missing = [part for part in _PARTS if part not in points]
    if missing:
        raise InputError(f"{face.where}: no part '{missing[0]}'; add it, or remove the face")
    path = {"rgb_path": image} if radiometry is None else {"thermal_path": image}
    return Annotation(
        id=image.relative_to(source).with_suffix("").as_posix(),
        subject=face.image.replace("\\", "/").split("/")[0],
        scheme=CORNERS6.name,
        landmarks=np.array([points[part] for part in _PARTS]),
        labels="hand",
        radiometry=radiometry,
        box=face.box,
        assumed="pixels begin at 0",
        **path,
    )
