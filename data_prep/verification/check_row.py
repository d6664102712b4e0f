"""Check one row of a manifest, with its images and its landmarks."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from data_prep.image_checks import check_photo, check_thermal, read_bytes
from data_prep.verification.report import Problem
from mlcmkd.data.crops import face_box
from mlcmkd.data.images import read_decoded
from mlcmkd.data.manifest import MANIFEST, PairRow, image_fields, inside, points_of
from mlcmkd.data.modality import Modality
from mlcmkd.data.plausibility import box_fault, is_flipped, landmark_fault
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.config import problems
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import json_problem, unique_keys

# Landmarks may lie on the border: annotators and 1-based formats place them there.
_BORDER_PX = 1.0

# Words in an error message of `PairRow` -> kind of the problem.
_KINDS = {
    "leaves the manifest's folder": "leads outside",
    "landmarks, but scheme": "wrong count",
    "flags of visibility": "wrong count",
    "no landmark has a label": "wrong count",
    "which is too few": "wrong count",
    "not a finite number": "not finite",
    "is not x0 < x1": "box misses face",
}


@dataclass
class CheckedRow:
    """What remains of a row after its check; images and landmarks are not kept.

    Attributes:
        line: its line in the manifest, from 1.
        row: the row without its landmarks; None if the line is not a valid row.
        landmarks_hash: hash of scheme and landmarks; None without landmarks.
        files: name of every readable file -> its sha256.
        sizes: (width, height) of every valid image.
        problems: the problems of this row.
    """

    line: int
    row: PairRow | None = None
    landmarks_hash: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add_problem(self, kind: str, what: str) -> None:
        """Add a problem of this row."""
        row = None if self.row is None else self.row.id
        self.problems.append(Problem(kind, self.line, row, what))


def check_row(numbered: tuple[int, bytes], root: Path) -> CheckedRow:
    """Check a line of a manifest, and the images that it names.

    Args:
        numbered: number and bytes of the line.
        root: the manifest's folder.
    """
    checked = CheckedRow(numbered[0])
    row = _parse(checked, numbered[1])
    if row is None:
        return checked
    checked.row = row.model_copy(update={"landmarks": None, "visible": None, "facts": None})
    # Problems of the line itself were found before its id was known: add them again with the id.
    without_id, checked.problems = checked.problems, []
    for problem in without_id:
        checked.add_problem(problem.kind, problem.what)
    _check_images(checked, root, row)
    if row.landmarks is not None:
        _check_landmarks(checked, row)
    return checked


def _parse(checked: CheckedRow, line: bytes) -> PairRow | None:
    """Return the line's row; without landmarks, visibility and box if only these are invalid."""
    try:
        fields = json.loads(line.decode("utf-8"), object_pairs_hook=unique_keys)
    except InputError as error:
        checked.add_problem("no valid row", f"{MANIFEST}: {error}")
        return None
    except (ValueError, RecursionError) as error:
        reason = json_problem(error)
        checked.add_problem("no valid row", f"{MANIFEST}: not JSON ({reason}); prepare it again")
        return None
    try:
        return PairRow.model_validate(fields)
    except ValidationError as error:
        for problem in problems(error, PairRow, fields):
            kind = next((_KINDS[words] for words in _KINDS if words in problem), "no valid row")
            checked.add_problem(kind, f"{problem}; correct or remove the row")
    if not isinstance(fields, dict):
        return None
    try:
        return PairRow.model_validate({**fields, "landmarks": None, "visible": None, "box": None})
    except ValidationError:
        return None


def _check_images(checked: CheckedRow, root: Path, row: PairRow) -> None:
    """Check both images, and whether they fit each other, the box and the landmarks."""
    shapes = [
        shape
        for modality in ("rgb", "thermal")
        if image_fields(row, modality)[0] is not None
        and (shape := _check_image(checked, root, row, modality)) is not None
    ]
    checked.sizes = [(width, height) for height, width in shapes]
    if len(set(shapes)) > 1:
        (a, b), (c, d) = checked.sizes
        checked.add_problem(
            "sizes differ",
            f"the photo has {a} x {b} pixels and the thermal image {c} x {d}; register and "
            "resample them to one size",
        )
    if row.box is not None:
        size = checked.sizes[0] if len(set(shapes)) == 1 else None
        if fault := box_fault(row.box, size, points_of(row)):
            box = " ".join(f"{corner:g}" for corner in row.box)
            checked.add_problem(fault.kind, f"the box {box} {fault.what}")


def _check_image(
    checked: CheckedRow, root: Path, row: PairRow, modality: Modality
) -> tuple[int, int] | None:
    """Check one image file; return its (height, width) if it can be decoded."""
    name, sha256 = image_fields(row, modality)
    path = _find(checked, root, name)
    if path is None:
        return None
    try:
        data = read_bytes(path)
    except InputError as error:
        checked.add_problem("broken file", str(error))
        return None
    checked.files[name] = hashlib.sha256(data).hexdigest()
    if sha256 is not None and sha256 != checked.files[name]:
        checked.add_problem(
            "other bytes",
            f"{name}: the file's sha256 differs from the row's; restore the file or prepare again",
        )
    try:
        pixels, as_stored = read_decoded(path)
    except InputError as error:
        checked.add_problem("broken file", str(error))
        return None
    if not as_stored and path.suffix.lower() != ".npy":
        checked.add_problem(
            "orientation",
            f"{name}: has an orientation tag, so other programs may show it turned; prepare it again",
        )
    try:
        if modality == "rgb":
            check_photo(pixels, path)
        else:
            check_thermal(pixels, row.radiometry, path, face_box(row.box, points_of(row)))
    except InputError as error:
        checked.add_problem("wrong image", str(error))
    return pixels.shape[:2]


def _find(checked: CheckedRow, root: Path, name: str) -> Path | None:
    """Return the path of an image file inside `root`; None, with a problem added, if there is none."""
    try:
        path = inside(root, name)
    except InputError as error:
        checked.add_problem("leads outside", f"{error}; put the image itself there")
        return None
    except (OSError, RuntimeError, ValueError):  # circular links, a NUL in the name
        path = None
    if path is None or not _is_file(path):
        checked.add_problem("missing file", f"{name}: no such file; restore it or remove the row")
        return None
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system
        return False


def _check_landmarks(checked: CheckedRow, row: PairRow) -> None:
    """Check the landmarks against the image, and whether they can be a face."""
    points = points_of(row)
    landmarks = f"{row.scheme} {row.landmarks}"
    checked.landmarks_hash = hashlib.sha256(landmarks.encode()).hexdigest()
    if len(set(checked.sizes)) == 1:
        width, height = checked.sizes[0]
        limit = np.array([width, height]) - 1 + _BORDER_PX
        far = np.flatnonzero(((points < -_BORDER_PX) | (points > limit)).any(axis=1))
        if len(far):
            x, y = points[far[0]]
            checked.add_problem(
                "point outside",
                f"{len(far)} landmarks, the first of them {far[0]} at ({x:g}, {y:g}), in an "
                f"image of {width} x {height} pixels; correct or remove the row",
            )
    scheme = get_scheme(row.scheme)
    if fault := landmark_fault(scheme, points):
        checked.add_problem(fault.kind, fault.what)
    elif is_flipped(scheme, points):
        checked.add_problem(
            "left and right",
            "the left of the face is on its right: mirrored, or named from the person's point of "
            "view; exchange the points by the scheme's `flip`",
        )
