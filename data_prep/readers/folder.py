"""A user's own folder: images, and landmarks in a CSV, COCO, labelme, dlib or `.pts` files.

`dataset.yaml` in the folder gives what cannot be inferred from the files. Without it the defaults of
`Description` apply, and every row says so in `assumed`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from data_prep.readers.folder_images import (
    FaceImages,
    images_at,
    images_of_marks,
    is_of_labelled_camera,
)
from data_prep.readers.image_index import ImageIndex
from data_prep.readers.parsing.description import DESCRIPTION, Description, read_description
from data_prep.readers.parsing.landmarks import (
    Marks,
    from_csv,
    from_json,
    from_pts,
    from_xml,
    in_scheme_order,
)
from mlcmkd.data.landmark_faces import name_of
from mlcmkd.data.manifest import SPLITS
from mlcmkd.utils.errors import InputError


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
            found = images_of_marks(images, description, name, marks)
            face = _annotation(source, description, found, marks)
            image = source / found.place
            done.add(image)
            yield replace(face, id=ids.add(image, face.id, face.landmarks, marks.where))
        except InputError as error:
            on_bad(name, error)
    if description.unlabelled:
        for path in images:
            if source / path not in done and is_of_labelled_camera(path.as_posix(), description):
                try:
                    found = images_at(images, description, path)
                    yield _annotation(source, description, found, None)
                except InputError as error:
                    on_bad(path.as_posix(), error)


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
    source: Path, description: Description, images: FaceImages, marks: Marks | None
) -> Annotation:
    path = images.place.as_posix()
    name = name_of(path)
    scheme = points = visible = None
    if marks is not None:
        scheme, points, visible = in_scheme_order(marks, description.scheme)
    elif description.scheme is None:
        raise InputError(
            f"{source / path}: no landmarks to infer the scheme from; name it in {DESCRIPTION}"
        )
    exists = images.rgb is not None or images.thermal is not None
    return Annotation(
        id=name,
        subject=_subject(name, description) if exists else name,
        scheme=scheme.name if scheme else description.scheme,
        landmarks=None if points is None else points - description.first_pixel,
        rgb_path=images.rgb,
        thermal_path=images.thermal,
        split=_split(path, description),
        labels=description.labels if marks is not None else "",
        radiometry=images.radiometry,
        box=marks.box if marks is not None else None,
        declared_size=marks.size if marks is not None else None,
        visible=visible,
        assumed=None if (source / DESCRIPTION).is_file() else f"no {DESCRIPTION}: its defaults",
        aligned=description.twin is None or description.twin.aligned,
        landmarks_of=description.side,
        absent=images.absent,
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
