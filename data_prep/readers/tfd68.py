"""TFD68: thermal faces with 68 points in one COCO file, and an RGB image of the same pose for each."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

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
from data_prep.readers.parsing import coco
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError

_NAME = re.compile(r"^thermal_(\d+)_(-?\d+)_(-?\d+)", re.IGNORECASE)
# The test subjects in the authors' code, which splits the others at random.
_TEST = {"1", "5", "137"}
_PHOTO = ("visual", "visible", "rgb")


@reader("tfd68")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """TFD68's COCO file, frames `thermal_<person>_<yaw>_<pitch>`: 68 points, visibility flags.

    People 1, 5 and 137 are the test split, as in the authors' code. The RGB image of a frame shows
    the same pose, but was taken at another time and place, so the two are not aligned: the row's
    facts give its name. The per-pixel temperature maps are not read.

    Raises:
        InputError: through `on_bad`, an invalid file or annotation, or a missing frame.
    """
    images, ids = ImageIndex(source, on_bad), FaceIds()
    colours: Radiometry | None = None
    for path in walk(source, already_reported):
        if path.suffix.lower() != ".json":
            continue
        name = path.relative_to(source).as_posix()
        for face in valid_faces(name, coco.faces(path), on_bad):
            try:
                colours = colours or eight_bit_radiometry(images.need(face.image, face.where))
                found = _annotation(source, images, face, colours)
                identity = ids.add(found.thermal_path, found.id, found.landmarks, face.where)
                yield replace(found, id=identity)
            except InputError as error:
                on_bad(name, error)


def _annotation(
    source: Path, images: ImageIndex, face: coco.Face, radiometry: Radiometry
) -> Annotation:
    if len(face.points) != IBUG68.points:
        raise InputError(f"{face.where}: {len(face.points)} points instead of 68; remove the face")
    image = images.need(face.image, face.where)
    below = PurePosixPath(image.relative_to(source).as_posix())
    named = _NAME.match(below.name)
    if not named:
        raise InputError(
            f"{face.where}: '{below.name}' is not named thermal_<person>_<yaw>_<pitch>, so the "
            "person is unknown; rename it"
        )
    person, yaw, pitch = named.groups()
    facts = {"yaw": float(yaw), "pitch": float(pitch), "category": face.category}
    return Annotation(
        id=below.with_suffix("").as_posix(),
        subject=person,
        scheme=IBUG68.name,
        landmarks=face.points,
        rgb_path=_photo(images, below),
        thermal_path=image,
        split="test" if person in _TEST else None,
        labels="hand",
        radiometry=radiometry,
        box=face.box,
        visible=face.visible,
        facts={key: value for key, value in facts.items() if value != ""},
        assumed="pixels begin at 0; photos are not aligned with their thermal images",
        aligned=False,
    )


def _photo(images: ImageIndex, below: PurePosixPath) -> Path | None:
    """Return the RGB image whose path has "visual" in place of "thermal"; None without one."""
    for word in _PHOTO:
        photo = images.find(re.sub("thermal", word, below.as_posix(), flags=re.IGNORECASE))
        if photo is not None:
            return photo
    return None
