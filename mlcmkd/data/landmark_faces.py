"""Landmarks of faces by name, and the faces that two sources have in common.

A face is identified by its name: the path of its file below the folder, or the column `image` of a
CSV, without suffix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from mlcmkd.data.file_names import path_parts
from mlcmkd.data.images import IMAGE_SUFFIXES
from mlcmkd.utils.errors import InputError


@dataclass(frozen=True)
class LandmarkFiles:
    """Faces by name.

    Attributes:
        scheme: landmark scheme of all faces.
        faces: name -> (K, 2) float64, 0-based pixels; NaN for a missing point.
        groups: name -> group, for faces with one.
        images: name -> alternative names: for a manifest's row, the names of its images; for COFW68's
            results, the number as `mlcmkd prepare cofw68` writes it; for a CSV with `several` faces of
            an image, the name of the image.
    """

    scheme: str
    faces: Mapping[str, np.ndarray]
    groups: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def name_of(path: str) -> str:
    """Return the name of a face from the path of its file, without an image suffix."""
    name = PurePosixPath(path.replace("\\", "/")).as_posix()
    return name[: -len(_suffix(name))] if _suffix(name) else name


def image_of_face(name: str) -> str:
    """Return the image of `IMAGE@1`, the second face of an image as `mlcmkd predict` names it."""
    image, _, number = name.strip().rpartition("@")
    return image if number.isdecimal() and _suffix(image) else name.strip()


def match(predictions: LandmarkFiles, annotations: LandmarkFiles) -> dict[str, str]:
    """Match predictions to annotated faces by name.

    Two names match if they are equal, or if the parts of one path are the end of the other:
    `frames/anna/001` matches `anna/001` and `001`.

    Returns:
        Name of an annotated face -> name of its prediction, without unmatched names.

    Raises:
        InputError: a prediction that matches several faces, or several that match one.
    """
    by_last: dict[str, dict[str, list[str]]] = {}
    for face in annotations.faces:
        for name in (face, *annotations.images.get(face, ())):
            by_last.setdefault(_parts(name)[-1], {}).setdefault(name, []).append(face)
    matches: dict[str, str] = {}
    for prediction in predictions.faces:
        fits: list[str] = []
        for called in (prediction, *predictions.images.get(prediction, ())):
            candidates = by_last.get(_parts(called)[-1], {})
            fits = (
                fits
                or candidates.get(called)
                or [
                    face
                    for name, faces in candidates.items()
                    if _same(name, called)
                    for face in faces
                ]
            )
        if len(set(fits)) > 1:
            raise InputError(
                f"prediction '{prediction}' fits the annotated faces '{fits[0]}' and '{fits[1]}'; "
                "give it the full name of one of them"
            )
        for face in fits[:1]:
            if face in matches:
                raise InputError(
                    f"predictions '{matches[face]}' and '{prediction}' both fit the annotated face "
                    f"'{face}'; keep one, or include the folders in the names of both sources"
                )
            matches[face] = prediction
    return matches


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if suffix.lower() in IMAGE_SUFFIXES else ""


def _parts(name: str) -> tuple[str, ...]:
    return path_parts(name) or ("",)


def _same(one: str, other: str) -> bool:
    """Whether one name is the end of the other."""
    a, b = _parts(one), _parts(other)
    length = min(len(a), len(b))
    return a[-length:] == b[-length:]
