"""COCO keypoint JSON: faces with image name, box and points."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import Unlabelled
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import declared_size, number, read_json

# 30,000 faces of 68 points take about 50 MB; a much larger file is not a table of faces.
_MAX_BYTES = 1_000_000_000
NOT_LABELLED, HIDDEN = 0, 1  # COCO's flags; 2 is visible


@dataclass(frozen=True)
class Face:
    """A face of a COCO file.

    Attributes:
        image: name of the image in the file.
        points: (K, 2) pixels; NaN for a point that is not labelled.
        visible: (K,) bool.
        box: (x0, y0, x1, y1) pixels; None without one.
        category: name of the annotation's category, or "".
        size: (width, height) of the image in the file; None without one.
        where: file and annotation, for error messages.
        names: names of the points, as the category gives them; None if it does not.
    """

    image: str
    points: np.ndarray
    visible: np.ndarray
    box: tuple[float, float, float, float] | None
    category: str
    where: str
    names: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Category:
    """A category: its name, and the names of its points; None without them."""

    name: str = ""
    points: tuple[str, ...] | None = None


def faces(path: Path) -> Iterator[Face | InputError]:
    """Yield every face with a labelled point, or the error of an invalid one, in file order.

    An annotation without keypoints, or with none that is labelled, gives `Unlabelled`.

    Raises:
        InputError: not a COCO JSON file.
    """
    table = read_json(path, _MAX_BYTES)
    images, annotations = table.get("images"), table.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise InputError(
            f"{path}: no lists 'images' and 'annotations', so no COCO file; leave it out (--skip-bad)"
        )
    names = {
        image.get("id"): image.get("file_name")
        for image in images
        if isinstance(image, dict) and isinstance(image.get("id"), (int, str))
    }
    sizes = {
        image.get("id"): declared_size(image.get("width"), image.get("height"))
        for image in images
        if isinstance(image, dict) and isinstance(image.get("id"), (int, str))
    }
    categories = {
        entry.get("id"): _category(entry)
        for entry in table.get("categories") or []
        if isinstance(entry, dict) and isinstance(entry.get("id"), (int, str))
    }
    for n, annotation in enumerate(annotations):
        where = f"{path}, annotation {n}"
        try:
            if not isinstance(annotation, dict):
                raise InputError(
                    f"{where}: not an object; correct it, or leave it out (--skip-bad)"
                )
            yield _face(annotation, names, sizes, categories, where)
        except InputError as error:
            yield error


def _category(entry: dict[str, Any]) -> _Category:
    points = entry.get("keypoints")
    named = isinstance(points, list) and points and all(isinstance(name, str) for name in points)
    return _Category(str(entry.get("name", "")), tuple(points) if named else None)


def _face(
    annotation: dict[str, Any],
    names: dict[Any, Any],
    sizes: dict[Any, tuple[int, int] | None],
    categories: dict[Any, _Category],
    where: str,
) -> Face:
    if not annotation.get("keypoints"):
        raise Unlabelled(f"{where}: no keypoints")
    key = annotation.get("image_id")
    name = names.get(key) if isinstance(key, (int, str)) else None
    if not isinstance(name, str):
        raise InputError(
            f"{where}: no image with image_id {str(key)[:40]}; correct it, or leave it out (--skip-bad)"
        )
    values = annotation["keypoints"]
    if not isinstance(values, list) or len(values) % 3:
        raise InputError(
            f"{where}: keypoints are not triplets of x, y and visibility; correct them"
        )
    marks = np.array([number(str(value), where) for value in values]).reshape(-1, 3)
    key = annotation.get("category_id")
    category = categories.get(key) if isinstance(key, (int, str)) else None
    category = category or _Category()
    if category.points is not None and len(category.points) != len(marks):
        raise InputError(
            f"{where}: {len(marks)} points, but its category '{category.name[:40]}' names "
            f"{len(category.points)}; correct 'keypoints' of the category"
        )
    return Face(
        image=name,
        points=_labelled(marks, annotation.get("num_keypoints"), where),
        visible=(marks[:, 2] > NOT_LABELLED) & (marks[:, 2] != HIDDEN),
        box=_box(annotation.get("bbox"), where),
        category=category.name,
        where=where,
        names=category.points,
        size=sizes[annotation["image_id"]],
    )


def _labelled(marks: np.ndarray, stated: Any, where: str) -> np.ndarray:
    """Return the points of (K, 3) marks, NaN where the flag says that a point is not labelled.

    Raises:
        Unlabelled: no point is labelled.
        InputError: no point is labelled, although the annotation states some.
    """
    labelled = marks[:, 2] > NOT_LABELLED
    if not labelled.any():
        if stated not in (None, 0) and marks[:, :2].any():
            raise InputError(
                f"{where}: the visibility of every point is 0 (not labelled), but num_keypoints is "
                f"{str(stated)[:20]}; set it to 1 (hidden) or 2 (visible) where a point is labelled"
            )
        raise Unlabelled(f"{where}: no point is labelled")
    return np.where(labelled[:, None], marks[:, :2], np.nan)


def _box(value: Any, where: str) -> tuple[float, float, float, float] | None:
    """Convert COCO's (x, y, width, height) to two corners; None for an empty box."""
    if not value:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise InputError(f"{where}: bbox is not (x, y, width, height); correct it")
    x, y, width, height = (number(str(side), where) for side in value)
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None
