"""COCO keypoint JSON: faces with image name, box and points."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_json

# 30,000 faces of 68 points take about 50 MB; a much larger file is not a table of faces.
_MAX_BYTES = 1_000_000_000
NOT_LABELLED, HIDDEN = 0, 1  # COCO's flags; 2 is visible


@dataclass(frozen=True)
class Face:
    """A face of a COCO file.

    Attributes:
        image: name of the image in the file.
        points: (K, 2) pixels.
        visible: (K,) bool.
        box: (x0, y0, x1, y1) pixels; None without one.
        category: name of the annotation's category, or "".
        where: file and annotation, for error messages.
    """

    image: str
    points: np.ndarray
    visible: np.ndarray
    box: tuple[float, float, float, float] | None
    category: str
    where: str


def faces(path: Path) -> Iterator[Face | InputError]:
    """Yield every annotation with keypoints, or the error of an invalid one, in file order.

    Raises:
        InputError: not a COCO JSON file.
    """
    table = read_json(path, _MAX_BYTES)
    images, annotations = table.get("images"), table.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise InputError(f"{path}: no lists 'images' and 'annotations'; remove the file")
    names = {
        image.get("id"): image.get("file_name")
        for image in images
        if isinstance(image, dict) and isinstance(image.get("id"), (int, str))
    }
    categories = {
        entry.get("id"): str(entry.get("name", ""))
        for entry in table.get("categories") or []
        if isinstance(entry, dict) and isinstance(entry.get("id"), (int, str))
    }
    for n, annotation in enumerate(annotations):
        where = f"{path}, annotation {n}"
        try:
            if not isinstance(annotation, dict):
                raise InputError(f"{where}: not an object; remove it")
            if annotation.get("keypoints"):
                yield _face(annotation, names, categories, where)
        except InputError as error:
            yield error


def _face(
    annotation: dict[str, Any], names: dict[Any, Any], categories: dict[Any, str], where: str
) -> Face:
    key = annotation.get("image_id")
    name = names.get(key) if isinstance(key, (int, str)) else None
    if not isinstance(name, str):
        raise InputError(f"{where}: no image with image_id {str(key)[:40]}; remove the annotation")
    values = annotation["keypoints"]
    if not isinstance(values, list) or len(values) % 3:
        raise InputError(f"{where}: keypoints are not triplets of x, y and visibility; remove it")
    marks = np.array([number(str(value), where) for value in values]).reshape(-1, 3)
    if (marks[:, 2] == NOT_LABELLED).any():
        raise InputError(
            f"{where}: point {int(np.argmin(marks[:, 2]))} is not labelled; label it, or remove the "
            "face"
        )
    category = annotation.get("category_id")
    return Face(
        image=name,
        points=marks[:, :2],
        visible=marks[:, 2] != HIDDEN,
        box=_box(annotation.get("bbox"), where),
        category=categories.get(category, "") if isinstance(category, (int, str)) else "",
        where=where,
    )


def _box(value: Any, where: str) -> tuple[float, float, float, float] | None:
    """Convert COCO's (x, y, width, height) to two corners; None for an empty box."""
    if not value:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise InputError(f"{where}: bbox is not (x, y, width, height); remove it")
    x, y, width, height = (number(str(side), where) for side in value)
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None
