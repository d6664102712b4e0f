"""The result of checking a manifest, as text and as a file."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data_prep.report_file import REPORT, write_report

# The kinds of problems, in the order of the table.
KINDS = (
    "no valid row",  # not JSON, or an unknown, missing or invalid field
    "wrong count",  # of landmarks, or of flags of visibility
    "not finite",  # NaN or infinite
    "leads outside",  # a name or link that leads out of the manifest's folder
    "missing file",
    "broken file",  # empty, truncated, not an image
    "wrong image",  # not 8-bit colour, not what the radiometry says
    "orientation",  # an image that is turned by a tag
    "other bytes",  # sha256 differs from the row's
    "sizes differ",  # of the two images of a pair
    "point outside",  # a landmark outside the image
    "shares",  # coordinates divided by the image size
    "coincident points",  # marks of points that were not found
    "x and y",  # exchanged
    "tiny box",
    "box misses image",
    "box misses face",
    "left and right",  # swapped
    "repeated id",
    "duplicate",  # a repeated row, or a file under two names
    "subject in splits",  # a subject in more than one split
    "image in splits",
    "mixed schemes",  # within a split
    "mixed radiometries",
    "no common side",  # some rows of a split lack RGB, others thermal images
)

_SHOWN = 10  # problems of each kind in the table; the report has all


@dataclass(frozen=True)
class Problem:
    """One problem of a manifest.

    Attributes:
        kind: one of `KINDS`.
        line: line of metadata.jsonl, from 1; None for a problem of several rows.
        row: the row's id; None if it cannot be read.
        what: what is wrong, where, and a suggested fix.
    """

    kind: str
    line: int | None
    row: str | None
    what: str


@dataclass(frozen=True)
class VerifyReport:
    """The result of checking a manifest.

    Attributes:
        folder: the manifest's folder.
        rows: number of non-blank lines.
        problems: what must be corrected, sorted by line.
        notes: remarks on what is allowed but may be unintended.
    """

    folder: Path
    rows: int
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def counts(self) -> dict[str, int]:
        """Number of problems by kind, in the order of `KINDS`, without kinds that have none."""
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
        # Texts from a manifest may contain control sequences for the terminal.
        return "\n".join(map(_printable, lines))

    def save(self) -> Path:
        """Write the section "check" of the manifest's report.json; return the file's path.

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


def _place(problem: Problem) -> str:
    if problem.line is None:
        return ""
    return f"line {problem.line}" + (f", row '{problem.row}': " if problem.row else ": ")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
