"""COCO keypoint JSON: faces with image name, box and points."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from data_prep.errors import Unlabelled
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import declared_size, number, read_json

# 30,000 faces of 68 points take about 50 MB; a much larger file is not a table of faces.
_MAX_BYTES = 1_000_000_000
T = TypeVar("T")
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
class _Image:
    """An image: its name as the file gives it, and its (width, height); None without them."""

    name: Any
    size: tuple[int, int] | None


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
            f"{path}: no lists 'images' and 'annotations', so not a COCO file; leave it out (--skip-bad)"
        )
    by_id = _by_id(images, _image)
    categories = _by_id(table.get("categories") or [], _category)
    for n, annotation in enumerate(annotations):
        where = f"{path}, annotation {n}"
        try:
            if not isinstance(annotation, dict):
                raise InputError(
                    f"{where}: not an object; correct it, or leave it out (--skip-bad)"
                )
            yield _face(annotation, by_id, categories, where)
        except InputError as error:
            yield error


def _by_id(entries: list[Any], parse: Callable[[dict[str, Any]], T]) -> dict[Any, list[T]]:
    """Return the parsed entries of each id, without repetitions; merged files may use an id twice."""
    found: dict[Any, list[T]] = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("id"), (int, str)):
            parsed, same_id = parse(entry), found.setdefault(entry["id"], [])
            if parsed not in same_id:
                same_id.append(parsed)
    return found


def _image(entry: dict[str, Any]) -> _Image:
    return _Image(entry.get("file_name"), declared_size(entry.get("width"), entry.get("height")))


def _category(entry: dict[str, Any]) -> _Category:
    points = entry.get("keypoints")
    named = isinstance(points, list) and points
    return _Category(str(entry.get("name", "")), tuple(map(str, points)) if named else None)


def _face(
    annotation: dict[str, Any],
    images: dict[Any, list[_Image]],
    categories: dict[Any, list[_Category]],
    where: str,
) -> Face:
    if not annotation.get("keypoints"):
        raise Unlabelled(f"{where}: no keypoints")
    image = _of_id(annotation, "image_id", images, where)
    if image is None or not isinstance(image.name, str):
        raise InputError(
            f"{where}: no image with image_id {str(annotation.get('image_id'))[:40]}; correct it, or "
            "leave it out (--skip-bad)"
        )
    values = annotation["keypoints"]
    if not isinstance(values, list) or len(values) % 3:
        raise InputError(
            f"{where}: keypoints are not triplets of x, y and visibility; correct them"
        )
    marks = np.array([number(str(value), where) for value in values]).reshape(-1, 3)
    category = _of_id(annotation, "category_id", categories, where)
    if category is None and any(c.points for same_id in categories.values() for c in same_id):
        raise InputError(
            f"{where}: no category with category_id {str(annotation.get('category_id'))[:40]}, so the "
            "names of its points are unknown; correct it"
        )
    category = category or _Category()
    if category.points is not None and len(category.points) != len(marks):
        raise InputError(
            f"{where}: {len(marks)} points, but its category '{category.name[:40]}' names "
            f"{len(category.points)}; correct 'keypoints' of the category"
        )
    points = _labelled(marks, annotation.get("num_keypoints"), where)
    return Face(
        image=image.name,
        points=points,
        visible=(marks[:, 2] > NOT_LABELLED) & (marks[:, 2] != HIDDEN),
        box=_box(annotation.get("bbox"), points, where),
        category=category.name,
        where=where,
        names=category.points,
        size=image.size,
    )


def _of_id(
    annotation: dict[str, Any], field: str, found: dict[Any, list[T]], where: str
) -> T | None:
    """Return the image or category that an annotation refers to; None without one.

    Raises:
        InputError: several have its id.
    """
    key = annotation.get(field)
    same_id = found.get(key, []) if isinstance(key, (int, str)) else []
    if len(same_id) > 1:
        one, other = (str(entry.name)[:40] for entry in same_id[:2])
        raise InputError(
            f"{where}: its {field} {str(key)[:40]} is the id of '{one}' and '{other}'; give each its own"
        )
    return same_id[0] if same_id else None


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


def _box(value: Any, points: np.ndarray, where: str) -> tuple[float, float, float, float] | None:
    """Convert COCO's (x, y, width, height) to two corners; None for an empty box."""
    if not value:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise InputError(f"{where}: bbox is not (x, y, width, height); correct it")
    x, y, width, height = (number(str(side), where) for side in value)
    if _is_corners((x, y, width, height), points):
        raise InputError(
            f"{where}: bbox {x:g}, {y:g}, {width:g}, {height:g} fits the points as x0, y0, x1, y1, but "
            "COCO's is x, y, width, height; correct it"
        )
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None


def _is_corners(box: tuple[float, float, float, float], points: np.ndarray) -> bool:
    """Whether a bbox is (x0, y0, x1, y1) although COCO's is (x, y, width, height).

    All points, at least half of which must be labelled, lie between its "corners", which is less than
    half of the box: the landmarks of a face are not all in that part of its box.
    """
    x, y, right, bottom = box
    labelled = points[~np.isnan(points).any(axis=1)]
    if 2 * len(labelled) < len(points) or 2 * (right - x) * (bottom - y) >= right * bottom:
        return False
    return bool(((labelled >= (x, y)) & (labelled <= (right, bottom))).all())
