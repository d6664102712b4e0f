"""One row of a manifest looked over, with its images and its points."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from data_prep.image_checks import check_photo, check_thermal, decode, read_bytes
from data_prep.verification.left_right import is_flipped
from data_prep.verification.report import Problem
from mlcmkd.data.crops import outside
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import MANIFEST, PairRow, inside
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

# Points may lie on the border: annotators, and formats that count from 1, put them there.
_BORDER_PX = 1.0


@dataclass
class Seen:
    """What is known of a row once it has been looked at; no image and no point stays.

    Attributes:
        row: the row without its landmarks; None where the line is no row.
        marks: a hash of the landmarks; None without them.
        files: of every readable file, by name: its sha256.
        sizes: of every whole image: (width, height).
    """

    line: int
    row: PairRow | None = None
    marks: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, kind: str, what: str) -> None:
        """Add a problem of this row."""
        row = None if self.row is None else self.row.id
        self.problems.append(Problem(kind, self.line, row, what))


def look(numbered: tuple[int, bytes], root: Path) -> Seen:
    """Look a line over, and the images it names."""
    seen = Seen(numbered[0])
    row = _row(seen, numbered[1])
    if row is None:
        return seen
    seen.row = row.model_copy(update={"landmarks": None, "visible": None, "facts": None})
    # What the line itself has wrong was found before its id was known.
    found, seen.problems = seen.problems, []
    for problem in found:
        seen.note(problem.kind, problem.what)
    shapes = [
        shape
        for side in ("rgb", "thermal")
        if getattr(row, f"{side}_file_name") is not None
        and (shape := _look_at_image(seen, root, row, side)) is not None
    ]
    seen.sizes = [(width, height) for height, width in shapes]
    if len(set(shapes)) > 1:
        (a, b), (c, d) = seen.sizes
        seen.note(
            "sizes differ",
            f"the photo has {a} x {b} pixels and the thermal image {c} x {d}; register and "
            "resample them to one size",
        )
    if row.box is not None and len(set(shapes)) == 1 and outside(row.box, seen.sizes[0]):
        width, height = seen.sizes[0]
        seen.note(
            "box misses image",
            f"box {row.box} lies outside the image of {width} x {height} pixels; correct it or leave "
            "it out",
        )
    if row.landmarks is not None:
        _look_at_points(seen, row, seen.sizes)
    return seen


def _row(seen: Seen, line: bytes) -> PairRow | None:
    """The line's row; where only its points are wrong, the row without them."""
    try:
        fields = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or getattr(error, "reason", None) or str(error)
        seen.note("no valid row", f"{MANIFEST}: not JSON ({reason}); prepare it again")
        return None
    try:
        return PairRow.model_validate(fields)
    except ValidationError as error:
        for fault in error.errors():
            place = ".".join(str(part) for part in fault["loc"]) or "row"
            what = (
                f"{place}: {fault['msg'].removeprefix('Value error, ')}; correct or remove the row"
            )
            seen.note(_kind(fault["msg"]), what)
    if not isinstance(fields, dict):
        return None
    try:
        return PairRow.model_validate({**fields, "landmarks": None, "visible": None, "box": None})
    except ValidationError:
        return None


def _kind(message: str) -> str:
    """The kind of a fault that `PairRow` tells."""
    for words, kind in (
        ("leaves the manifest's folder", "leads outside"),
        ("landmarks, but scheme", "wrong count"),
        ("flags of visibility", "wrong count"),
        ("not a finite number", "not finite"),
        ("is not x0 < x1", "box misses face"),
    ):
        if words in message:
            return kind
    return "no valid row"


def _look_at_image(seen: Seen, root: Path, row: PairRow, side: str) -> tuple[int, int] | None:
    """Look at one file; (height, width) of the image if it is one."""
    name, sha256 = getattr(row, f"{side}_file_name"), getattr(row, f"{side}_sha256")
    try:
        path = inside(root, name)
    except InputError as error:
        seen.note("leads outside", f"{error}; put the image itself there")
        return None
    except (OSError, RuntimeError, ValueError):  # links in a circle, a NUL in the name
        path = None
    if path is None or not _is_file(path):
        seen.note("missing file", f"{name}: no such file; restore it or remove the row")
        return None
    try:
        data = read_bytes(path)
    except InputError as error:
        seen.note("broken file", str(error))
        return None
    seen.files[name] = hashlib.sha256(data).hexdigest()
    if sha256 is not None and sha256 != seen.files[name]:
        seen.note(
            "other bytes",
            f"{name}: not the bytes whose sha256 the row tells; restore the file or prepare again",
        )
    try:
        pixels = read_image(path) if path.suffix == ".npy" else decode(data, path)
    except InputError as error:
        seen.note("broken file", str(error))
        return None
    try:
        if side == "rgb":
            check_photo(pixels, path)
        else:
            check_thermal(pixels, row.radiometry, path)
    except InputError as error:
        seen.note("wrong image", str(error))
    return pixels.shape[:2]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the disk
        return False


def _look_at_points(seen: Seen, row: PairRow, sizes: list[tuple[int, int]]) -> None:
    points = np.array(row.landmarks, dtype=np.float64)
    seen.marks = hashlib.sha256(f"{row.scheme} {row.landmarks}".encode()).hexdigest()
    if sizes and len(set(sizes)) == 1:
        limit = np.array(sizes[0]) - 1 + _BORDER_PX
        outside = np.flatnonzero(((points < -_BORDER_PX) | (points > limit)).any(axis=1))
        if len(outside):
            x, y = points[outside[0]]
            seen.note(
                "point outside",
                f"{len(outside)} landmarks, the first of them {outside[0]} at ({x:g}, {y:g}), in an "
                f"image of {sizes[0][0]} x {sizes[0][1]} pixels; correct or remove the row",
            )
    if row.box is not None:
        x0, y0, x1, y1 = row.box
        within = ((points >= (x0, y0)) & (points <= (x1, y1))).all(axis=1).sum()
        if 2 * within < len(points):
            seen.note(
                "box misses face",
                f"box {row.box} holds {within} of {len(points)} landmarks; correct it or leave it "
                "out",
            )
    if is_flipped(get_scheme(row.scheme), points):
        seen.note(
            "left and right",
            "the left of the face is on its right: mirrored, or named by the person's side; "
            "exchange the points by the scheme's `flip`",
        )
