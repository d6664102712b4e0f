"""Strict checks of a row's geometry: images of one size, and landmarks and a box that fit it."""

from collections.abc import Sequence

import numpy as np

from mlcmkd.data.plausibility import box_fault, landmark_fault, outside_fault
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

Size = tuple[int, int]  # (width, height)


def image_size(rgb: np.ndarray | None, thermal: np.ndarray | None, where: str) -> Size | None:
    """Return the size of both images of a row; None without an image.

    Raises:
        InputError: the two differ.
    """
    sizes = {image.shape[1::-1] for image in (rgb, thermal) if image is not None}
    if len(sizes) > 1:
        (a, b), (c, d) = rgb.shape[1::-1], thermal.shape[1::-1]
        raise InputError(
            f"{where}: the photo is {a} x {b} and the thermal image {c} x {d} pixels; register and "
            "resample them to one size first"
        )
    return next(iter(sizes), None)


def check_declared_size(declared: Size, size: Size, where: str) -> None:
    """Check that the image is the one that was annotated.

    Raises:
        InputError: its size is another one.
    """
    if declared == size:
        return
    turned = " (turned by a quarter)" if declared == size[::-1] else ""
    raise InputError(
        f"{where}: the annotation is of an image of {declared[0]} x {declared[1]} pixels, but the "
        f"image has {size[0]} x {size[1]}{turned}; use the image that was annotated, or convert the "
        "annotation to this one"
    )


def check_landmarks(landmarks: np.ndarray, scheme: str, size: Size, where: str) -> None:
    """Check that landmarks can be a face, are mostly inside the image, and not far outside.

    Raises:
        InputError: they are not.
    """
    marks = np.asarray(landmarks, dtype=np.float64)
    if marks.ndim != 2 or marks.shape[1] != 2:
        raise InputError(
            f"{where}: landmarks of shape {marks.shape} instead of (K, 2); reshape them"
        )
    extent = np.array(size, dtype=np.float64)
    labelled = ~np.isnan(marks).all(axis=1)
    far = labelled & ~((marks > -extent) & (marks < 2 * extent)).all(axis=1)
    if far.any():
        point = int(np.argmax(far))
        raise InputError(
            f"{where}: landmark {point} is at {tuple(marks[point].tolist())} in an image of {size[0]} x "
            f"{size[1]} pixels; check that its units are pixels"
        )
    known = get_scheme(scheme)
    fault = landmark_fault(known, marks) if len(marks) == known.points else None
    if fault := fault or outside_fault(marks, size):
        raise InputError(f"{where}: {fault.what}")


def check_box(box: Sequence[float], size: Size, landmarks: np.ndarray | None, where: str) -> None:
    """Check that a box is x0, y0, x1, y1, and can be that of the face in this image.

    Raises:
        InputError: it is not.
    """
    corners = np.asarray(box, dtype=np.float64)
    text = " ".join(f"{corner:g}" for corner in corners.ravel())
    rises = (
        corners.shape == (4,) and np.isfinite(corners).all() and (corners[2:] > corners[:2]).all()
    )
    if not rises:
        raise InputError(
            f"{where}: the box {text} must be x0 y0 x1 y1 with x0 < x1 and y0 < y1; correct it"
        )
    if fault := box_fault(tuple(corners.tolist()), size, landmarks):
        raise InputError(f"{where}: the box {text} {fault.what}")
