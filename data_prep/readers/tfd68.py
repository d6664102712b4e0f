"""TFD68: thermal faces with 68 points in one COCO file, and an RGB image of the same pose for each."""

import re
from collections.abc import Iterator
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
from data_prep.readers.image_index import ImageIndex, NamedImage
from data_prep.readers.parsing import coco
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
    for path in walk(source, already_reported):
        if path.suffix.lower() != ".json":
            continue
        name = path.relative_to(source).as_posix()
        for face in valid_faces(name, coco.faces(path), on_bad):
            try:
                yield _annotation(source, images, ids, face)
            except InputError as error:
                on_bad(name, error)


def _annotation(source: Path, images: ImageIndex, ids: FaceIds, face: coco.Face) -> Annotation:
    if len(face.points) != IBUG68.points:
        raise InputError(
            f"{face.where}: {len(face.points)} points instead of 68; correct it, or leave the face out"
        )
    image = NamedImage.of("thermal", lambda: images.need(face.image, face.where), images.radiometry)
    below = image.below(source, face.image)
    named = _NAME.match(below.name)
    if not named:
        raise InputError(
            f"{face.where}: '{below.name}' is not named thermal_<person>_<yaw>_<pitch>, so the "
            "person is unknown; rename it"
        )
    photo = NamedImage.of("rgb", lambda: _photo(images, below))
    person, yaw, pitch = named.groups()
    facts = {"yaw": float(yaw), "pitch": float(pitch), "category": face.category}
    return Annotation(
        id=ids.add(source / below, below.with_suffix("").as_posix(), face.points, face.where),
        subject=person,
        scheme=IBUG68.name,
        landmarks=face.points,
        rgb_path=photo.path,
        thermal_path=image.path,
        split="test" if person in _TEST else None,
        labels="hand",
        radiometry=image.radiometry,
        box=face.box,
        declared_size=face.size,
        visible=face.visible,
        facts={key: value for key, value in facts.items() if value != ""},
        assumed="pixels begin at 0; photos are not aligned with their thermal images",
        aligned=False,
        absent={**image.absent, **photo.absent},
    )


def _photo(images: ImageIndex, below: PurePosixPath) -> Path | None:
    """Return the RGB image whose path has "visual" in place of "thermal"; None without one."""
    for word in _PHOTO:
        photo = images.find(re.sub("thermal", word, below.as_posix(), flags=re.IGNORECASE))
        if photo is not None:
            return photo
    return None
