"""What a check of a manifest found, in words and as a file."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data_prep.report_file import REPORT, write_report

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
    "box misses image",
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


def _place(problem: Problem) -> str:
    if problem.line is None:
        return ""
    return f"line {problem.line}" + (f", row '{problem.row}': " if problem.row else ": ")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
