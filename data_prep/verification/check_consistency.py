"""All rows of a manifest together: what is told twice, and what is in two splits."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_prep.report_file import REPORT
from data_prep.verification.check_row import Seen
from data_prep.verification.report import Problem
from mlcmkd.data.manifest import MANIFEST, PairRow


class _First(NamedTuple):
    """The first row that holds an image."""

    line: int
    split: str
    subject: str


class Whole:
    """What rows are together, gathered row by row."""

    def __init__(self, root: Path):
        self.root = root
        self._problems: list[Problem] = []
        self._ids: dict[str, int] = {}
        self._subjects: dict[str, tuple[str, int]] = {}
        self._images: dict[str, _First] = {}  # by hash
        self._names: dict[str, str] = {}  # file name by hash
        self._contents: dict[tuple, int] = {}
        self._schemes: dict[str, Counter] = {}
        self._radiometries: dict[str, Counter] = {}
        self._lacking: dict[str, set[str]] = {}
        self._sizes: Counter = Counter()
        self._used: set[str] = set()
        self._unhashed = 0
        self._shared: dict[str, str] = {}  # images of two subjects by file name

    def add(self, seen: Seen) -> None:
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

    def _add_images(self, seen: Seen, row: PairRow) -> None:
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
            here = _First(seen.line, row.split, row.subject)
            known = dict.fromkeys(filter(None, (found, told)))
            firsts = [self._images.setdefault(sha256, here) for sha256 in known]
            if leak := next((first for first in firsts if first.split != row.split), None):
                self._note(
                    seen,
                    "image in splits",
                    f"{name}: in {row.split} here and in {leak.split} in line {leak.line}; remove "
                    "one of them",
                )
            if other := next((first for first in firsts if first.subject != row.subject), None):
                self._shared.setdefault(name, f"{name} of lines {other.line} and {seen.line}")
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

    def _note(self, seen: Seen, kind: str, what: str) -> None:
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
        if self._shared:
            first = next(iter(self._shared.values()))
            notes.append(
                f"{len(self._shared)} images under two subjects, such as {first}: two faces in one "
                "image, or a person's image under another's name"
            )
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
