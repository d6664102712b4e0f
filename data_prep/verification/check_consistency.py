"""Check the rows of a manifest together: duplicates, leakage between splits, mixed settings."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_prep.report_file import REPORT
from data_prep.verification.check_row import CheckedRow
from data_prep.verification.report import Problem
from mlcmkd.data.manifest import MANIFEST, PairRow, image_fields


class _First(NamedTuple):
    """The first row that contains an image."""

    line: int
    split: str
    subject: str


class ConsistencyCheck:
    """Collects rows one by one and compares them."""

    def __init__(self, root: Path):
        self.root = root
        self._problems: list[Problem] = []
        self._ids: dict[str, int] = {}
        self._subjects: dict[str, tuple[str, int]] = {}
        self._images: dict[str, _First] = {}  # sha256 -> first row with it
        self._names: dict[str, str] = {}  # sha256 -> first file name
        self._contents: dict[tuple, int] = {}
        self._schemes: dict[str, Counter] = {}
        self._radiometries: dict[str, Counter] = {}
        self._lacking: dict[str, set[str]] = {}
        self._sizes: Counter = Counter()
        self._used: set[str] = set()
        self._unhashed = 0
        self._shared: dict[str, str] = {}  # file name of an image of two subjects -> its lines

    def add(self, checked: CheckedRow) -> None:
        """Add a row."""
        self._problems += checked.problems
        self._sizes.update(set(checked.sizes))
        row = checked.row
        if row is None:
            return
        if (first := self._ids.setdefault(row.id, checked.line)) != checked.line:
            self._note(
                checked,
                "repeated id",
                f"id '{row.id}': also the id of line {first}; give every row its own",
            )
        split, line = self._subjects.setdefault(row.subject, (row.split, checked.line))
        if split != row.split:
            self._note(
                checked,
                "subject in splits",
                f"subject '{row.subject}' is in {row.split} here and in {split} in line {line}; "
                "keep each subject in one",
            )
        self._add_images(checked, row)
        self._schemes.setdefault(row.split, Counter())[row.scheme] += 1
        if row.radiometry is not None:
            text = row.radiometry.model_dump_json()
            self._radiometries.setdefault(row.split, Counter())[text] += 1
        for modality in ("rgb", "thermal"):
            if image_fields(row, modality)[0] is None:
                self._lacking.setdefault(row.split, set()).add(modality)

    def _add_images(self, checked: CheckedRow, row: PairRow) -> None:
        """Compare the row's images, and then its whole content, with those of earlier rows."""
        hashes = []
        complete = True  # whether the hash of every image of the row is known
        for modality in ("rgb", "thermal"):
            name, stated = image_fields(row, modality)
            if name is None:
                hashes.append(None)
                continue
            actual = checked.files.get(name)
            hashes.append(actual or stated)
            complete = complete and hashes[-1] is not None
            self._used.add(os.path.normpath(name))
            self._unhashed += stated is None
            self._add_image(checked, row, name, actual, stated)
        content = (*hashes, checked.landmarks_hash)
        if complete and (first := self._contents.setdefault(content, checked.line)) != checked.line:
            self._note(
                checked,
                "duplicate",
                f"the same images and landmarks as line {first}; remove one of the rows",
            )

    def _add_image(
        self, checked: CheckedRow, row: PairRow, name: str, actual: str | None, stated: str | None
    ) -> None:
        """Compare an image, by its actual and its stated sha256, with those of earlier rows."""
        this = _First(checked.line, row.split, row.subject)
        hashes = dict.fromkeys(filter(None, (actual, stated)))
        firsts = [self._images.setdefault(sha256, this) for sha256 in hashes]
        if leak := next((first for first in firsts if first.split != row.split), None):
            self._note(
                checked,
                "image in splits",
                f"{name}: in {row.split} here and in {leak.split} in line {leak.line}; remove "
                "one of them",
            )
        if other := next((first for first in firsts if first.subject != row.subject), None):
            self._shared.setdefault(name, f"{name} of lines {other.line} and {checked.line}")
        if actual is not None and (first := self._names.setdefault(actual, name)) != name:
            self._note(
                checked, "duplicate", f"{name}: the same bytes as {first}; keep one of the two"
            )

    def _note(self, checked: CheckedRow, kind: str, what: str) -> None:
        self._problems.append(Problem(kind, checked.line, checked.row.id, what))

    def problems(self) -> list[Problem]:
        """Return the problems of rows, followed by those of splits."""
        of_splits = []
        for kind, by_split in (
            ("mixed schemes", self._schemes),
            ("mixed radiometries", self._radiometries),
        ):
            for split, counts in by_split.items():
                if len(counts) > 1:
                    values = ", ".join(f"{name} ({count} rows)" for name, count in counts.items())
                    what = f"split {split}: {values}; keep one"
                    of_splits.append(Problem(kind, None, None, what))
        for split, modalities in self._lacking.items():
            if len(modalities) > 1:
                what = (
                    f"split {split}: some rows lack RGB and others thermal images; keep rows of one "
                    "modality"
                )
                of_splits.append(Problem("no common side", None, None, what))
        return self._problems + of_splits

    def notes(self) -> list[str]:
        """Return remarks on what is allowed but may be unintended."""
        notes = []
        if len(self._sizes) > 1:
            widths, heights = zip(*self._sizes, strict=True)
            notes.append(
                f"images of {len(self._sizes)} sizes, {min(widths)} to {max(widths)} pixels wide and "
                f"{min(heights)} to {max(heights)} high; faces are cropped and resized to one size"
            )
        if self._unhashed:
            notes.append(f"{self._unhashed} images without a sha256; changes cannot be detected")
        if self._shared:
            first = next(iter(self._shared.values()))
            notes.append(
                f"{len(self._shared)} images under two subjects, such as {first}: two faces in one "
                "image, or a person's image under another's name"
            )
        extra = sorted(self._extra())
        if extra:
            notes.append(f"{len(extra)} files that no row refers to, such as {extra[0]}")
        return notes

    def _extra(self) -> Iterator[str]:
        """Yield the files below the folder that no row refers to; links are listed, not followed."""
        for folder, folders, files in os.walk(self.root):
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in links + files:
                below = (Path(folder) / name).relative_to(self.root).as_posix()
                if below not in (MANIFEST, REPORT) and os.path.normpath(below) not in self._used:
                    yield below
