"""Looks a manifest over before anyone trains on it: `mlcmkd prepare --check OUT`.

Unlike reading, which stops at the first fault, this goes on to the last one.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from data_prep._images import check_photo, check_thermal, decode, read_bytes
from data_prep._report_file import REPORT, write_report
from data_prep._workers import cores, runner
from mlcmkd.errors import InputError
from mlcmkd.images import read_image
from mlcmkd.rows import MANIFEST, PairRow, inside
from mlcmkd.schemes import Scheme, get_scheme

# What can be wrong, in the order of the table.
KINDS = (
    "no valid row",  # not JSON, an unknown field, a missing one, a value of another kind
    "wrong count",  # of landmarks, or of flags of visibility
    "not finite",  # NaN or infinite
    "leads outside",  # of the manifest's folder, by name or by a link
    "missing file",
    "broken file",  # empty, truncated, not an image
    "wrong image",  # not 8-bit colour, not what the radiometry says
    "other bytes",  # sha256 differs from the row's
    "sizes differ",  # of a pair's two sides
    "point outside",  # of its image
    "box misses face",
    "left and right",  # exchanged
    "repeated id",
    "duplicate",  # a row told twice, or a file kept under two names
    "subject in splits",  # in more than one
    "image in splits",
    "mixed schemes",  # within a split
    "mixed radiometries",
    "no common side",  # some rows of a split lack RGB, others thermal images
)

# Starting processes takes longer than it saves below so many rows.
_POOL_FROM = 2000
# Points may lie on the border: annotators, and formats that count from 1, put them there.
_BORDER_PX = 1.0
# Of the two lengths that tell left from right, the shorter one must be this share of the longer.
_CLEAR = 0.25
_SHOWN = 10  # problems a kind in the table; the report has all


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: one of `KINDS`.
        line: of metadata.jsonl, from 1; None for a problem of the whole.
        row: the row's id; None where it has none that can be read.
        what: what is wrong, where, and how it is mended.
    """

    kind: str
    line: int | None
    row: str | None
    what: str


@dataclass(frozen=True)
class VerifyReport:
    """What a check found.

    Attributes:
        folder: the manifest.
        rows: lines in it that are not blank.
        problems: what has to be mended, by line.
        notes: what is allowed, and better known.
    """

    folder: Path
    rows: int
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing has to be mended."""
        return not self.problems

    @property
    def counts(self) -> dict[str, int]:
        """Problems a kind, in the order of `KINDS`; kinds without one are left out."""
        counts = Counter(problem.kind for problem in self.problems)
        return {kind: counts[kind] for kind in KINDS if counts[kind]}

    def __str__(self) -> str:
        lines = [f"{self.folder}: {self.rows} rows, {len(self.problems) or 'no'} problems"]
        for kind, count in self.counts.items():
            lines.append(f"{kind:18} {count:7}")
            of_kind = [problem for problem in self.problems if problem.kind == kind]
            lines += [f"    {_place(problem)}{problem.what}" for problem in of_kind[:_SHOWN]]
            if count > _SHOWN:
                lines.append(f"    ... and {count - _SHOWN} more, see {REPORT}")
        lines += [f"note: {note}" for note in self.notes]
        # A row's words may hold anything, commands for the terminal as well.
        return "\n".join(map(_printable, lines))

    def save(self) -> Path:
        """Write this as the section "check" of report.json beside the rows; the file's path.

        Raises:
            InputError: it cannot be written.
        """
        check = {
            "rows": self.rows,
            "counts": self.counts,
            "problems": [asdict(problem) for problem in self.problems],
            "notes": self.notes,
        }
        return write_report(self.folder, check=check)


def verify(
    folder: Path | str, *, progress: bool = True, workers: int | None = None
) -> VerifyReport:
    """Everything that is wrong with a manifest, its rows and its images.

    Every line, every image and what they are together is looked at; one problem hides no other,
    but that a line which is no valid row is not compared with the others. Nothing is written, and
    nothing outside `folder` is read, whatever a row or a link says.

    Args:
        progress: show a progress bar.
        workers: processes; None for one a core where it pays, 1 for none beside this one.

    Raises:
        InputError: there is no manifest in `folder`, or it cannot be opened.
    """
    root = Path(folder)
    path = inside(root, MANIFEST)
    if not path.is_file():
        raise InputError(f"{root / MANIFEST}: no such manifest; make one with `mlcmkd prepare`")
    total = sum(1 for _ in _lines(path))
    if workers is None:
        workers = cores() if total >= _POOL_FROM else 1
    whole = _Whole(root)
    with runner(workers, total, progress, "check") as run:
        for seen in run(partial(_look, root=root), _lines(path)):
            whole.add(seen)
    problems = whole.problems()
    if not total:
        problems.append(Problem("no valid row", None, None, f"{path}: no rows; prepare it again"))
    problems.sort(key=lambda problem: (problem.line is None, problem.line or 0))
    return VerifyReport(root, total, problems, whole.notes())


def is_flipped(scheme: Scheme, landmarks: np.ndarray) -> bool:
    """Whether a face's left and right are exchanged: points mirrored without being renamed, or
    named by the person's side instead of the viewer's.

    The rule: whoever walks from the left eye to the right one has the mouth on the right hand,
    however the head is rolled, upside down included; in a mirror on the left. (With the face
    upright, that is the left outer corner to the right of the right one.) The same holds from the
    left corner of the mouth to the right one. Eyes are the outer corners, or the pupils where a
    scheme has no corners; the mouth is the mean of its points.

    A face is not judged, and so not flipped, where the two lengths, from side to side and from eyes
    to mouth, are not both at least a quarter of each other: profiles, whose far eye hides behind the
    nose, and faces seen from right above or below. So are schemes without a left and a right eye.

    Args:
        landmarks: (K, 2) pixels of `scheme`, finite.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if scheme.outer_eyes is not None:
        eyes = [points[index] for index in scheme.outer_eyes]
    elif scheme.pupils is not None:
        eyes = [points[list(indices)].mean(axis=0) for indices in scheme.pupils]
    else:
        return False
    if "mouth" not in scheme.regions:
        return False
    mouth = points[list(scheme.regions["mouth"])].mean(axis=0)
    down = mouth - (eyes[0] + eyes[1]) / 2
    pairs = [eyes]
    corners = ("left mouth corner", "right mouth corner")
    if all(name in scheme.names for name in corners):
        pairs.append([points[scheme.names.index(name)] for name in corners])
    return any(_turn(right - left, down) < -_CLEAR for left, right in pairs)


def _turn(across: np.ndarray, down: np.ndarray) -> float:
    """How much of a right angle, clockwise as the image is seen, leads from one to the other, times
    their lengths' ratio: 1 for a square, negative in a mirror, near 0 where one is short."""
    longest = max(across @ across, down @ down)
    return (across[0] * down[1] - across[1] * down[0]) / longest if longest > 0 else 0.0


# --- one row --------------------------------------------------------------------------------------


@dataclass
class _Seen:
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


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of every line that is not blank."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def _look(numbered: tuple[int, bytes], root: Path) -> _Seen:
    """Look a line over, and the images it names."""
    seen = _Seen(numbered[0])
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
    if row.landmarks is not None:
        _look_at_points(seen, row, seen.sizes)
    return seen


def _row(seen: _Seen, line: bytes) -> PairRow | None:
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


def _look_at_image(seen: _Seen, root: Path, row: PairRow, side: str) -> tuple[int, int] | None:
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


def _look_at_points(seen: _Seen, row: PairRow, sizes: list[tuple[int, int]]) -> None:
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


# --- all rows together ----------------------------------------------------------------------------


class _Whole:
    """What rows are together, gathered row by row."""

    def __init__(self, root: Path):
        self.root = root
        self._problems: list[Problem] = []
        self._ids: dict[str, int] = {}
        self._subjects: dict[str, tuple[str, int]] = {}
        self._images: dict[str, tuple[str, int]] = {}
        self._names: dict[str, str] = {}  # file name by hash
        self._contents: dict[tuple, int] = {}
        self._schemes: dict[str, Counter] = {}
        self._radiometries: dict[str, Counter] = {}
        self._lacking: dict[str, set[str]] = {}
        self._sizes: Counter = Counter()
        self._used: set[str] = set()
        self._unhashed = 0

    def add(self, seen: _Seen) -> None:
        """One row more."""
        self._problems += seen.problems
        self._sizes.update(set(seen.sizes))
        row = seen.row
        if row is None:
            return
        if (first := self._ids.setdefault(row.id, seen.line)) != seen.line:
            seen_before = f"also the id of line {first}; give every row its own"
            self._note(seen, "repeated id", f"id '{row.id}': {seen_before}")
        split, line = self._subjects.setdefault(row.subject, (row.split, seen.line))
        if split != row.split:
            self._note(
                seen,
                "subject in splits",
                f"subject '{row.subject}' is in {row.split} here and in {split} in line {line}; "
                "keep each subject in one",
            )
        self._add_images(seen, row)
        self._schemes.setdefault(row.split, Counter())[row.scheme] += 1
        if row.radiometry is not None:
            text = row.radiometry.model_dump_json()
            self._radiometries.setdefault(row.split, Counter())[text] += 1
        for side in ("rgb", "thermal"):
            if getattr(row, f"{side}_file_name") is None:
                self._lacking.setdefault(row.split, set()).add(side)

    def _add_images(self, seen: _Seen, row: PairRow) -> None:
        hashes = []
        for side in ("rgb", "thermal"):
            name, told = getattr(row, f"{side}_file_name"), getattr(row, f"{side}_sha256")
            if name is None:
                hashes.append(None)
                continue
            self._used.add(os.path.normpath(name))
            self._unhashed += told is None
            found = seen.files.get(name)
            hashes.append(found or told)
            leaks = [
                first
                for sha256 in dict.fromkeys((found, told))
                if sha256 is not None
                and (first := self._images.setdefault(sha256, (row.split, seen.line)))[0]
                != row.split
            ]
            if leaks:
                split, line = leaks[0]
                self._note(
                    seen,
                    "image in splits",
                    f"{name}: in {row.split} here and in {split} in line {line}; remove one of them",
                )
            if found is not None and (first := self._names.setdefault(found, name)) != name:
                self._note(
                    seen, "duplicate", f"{name}: the same bytes as {first}; keep one of the two"
                )
        content = (*hashes, seen.marks)
        complete = all(
            hashes[i] is not None or getattr(row, f"{side}_file_name") is None
            for i, side in enumerate(("rgb", "thermal"))
        )
        if complete and (first := self._contents.setdefault(content, seen.line)) != seen.line:
            self._note(
                seen,
                "duplicate",
                f"the same images and landmarks as line {first}; remove one of the rows",
            )

    def _note(self, seen: _Seen, kind: str, what: str) -> None:
        self._problems.append(Problem(kind, seen.line, seen.row.id, what))

    def problems(self) -> list[Problem]:
        """Those of every row, and those of splits."""
        whole = []
        for kind, by_split in (
            ("mixed schemes", self._schemes),
            ("mixed radiometries", self._radiometries),
        ):
            for split, counts in by_split.items():
                if len(counts) > 1:
                    told = ", ".join(f"{name} ({count} rows)" for name, count in counts.items())
                    whole.append(Problem(kind, None, None, f"split {split}: {told}; keep one"))
        for split, sides in self._lacking.items():
            if len(sides) > 1:
                what = f"split {split}: some rows lack RGB and others thermal images; keep one side"
                whole.append(Problem("no common side", None, None, what))
        return self._problems + whole

    def notes(self) -> list[str]:
        """What is allowed, and better known."""
        notes = []
        if len(self._sizes) > 1:
            widths, heights = zip(*self._sizes, strict=True)
            notes.append(
                f"images of {len(self._sizes)} sizes, {min(widths)} to {max(widths)} pixels wide and "
                f"{min(heights)} to {max(heights)} high; faces are cut out to one"
            )
        if self._unhashed:
            notes.append(f"{self._unhashed} images without a sha256; a change would go unnoticed")
        extra = sorted(self._extra())
        if extra:
            notes.append(f"{len(extra)} files that no row names, such as {extra[0]}")
        return notes

    def _extra(self) -> Iterator[str]:
        """Files below the folder that no row names; links are told of, not followed."""
        for folder, folders, files in os.walk(self.root):
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in links + files:
                below = (Path(folder) / name).relative_to(self.root).as_posix()
                if below not in (MANIFEST, REPORT) and os.path.normpath(below) not in self._used:
                    yield below


# --- words ----------------------------------------------------------------------------------------


def _place(problem: Problem) -> str:
    if problem.line is None:
        return ""
    return f"line {problem.line}" + (f", row '{problem.row}': " if problem.row else ": ")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
