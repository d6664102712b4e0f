"""The result of a preparation, and its text for the terminal."""

from dataclasses import dataclass, field
from pathlib import Path

from data_prep.report_file import REPORT


@dataclass(frozen=True)
class PrepareReport:
    """The result of `prepare`.

    Attributes:
        folder: the manifest's folder.
        rows: number of rows.
        splits: split -> number of rows.
        subjects: split -> number of subjects.
        images: number of faces and unlabelled images in the source.
        labelled: how many of those have landmarks.
        partly_labelled: how many of the labelled faces lack the label of some points.
        skipped: (name, reason) of everything left out because it cannot be used.
        unlabelled: (name, reason) of everything left out because it has no label.
        notices: what the user should know of the images.
    """

    folder: Path
    rows: int
    splits: dict[str, int]
    subjects: dict[str, int]
    images: int
    labelled: int
    partly_labelled: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unlabelled: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{self.splits[s]} {s} ({self.subjects[s]} subjects)" for s in sorted(self.splits)]
        lines = [f"{self.folder}: {self.rows} rows; {', '.join(parts)}"]
        if self.labelled < self.images:
            lines[0] += f"; {self.labelled} of {self.images} images have landmarks"
        if self.partly_labelled:
            lines.append(f"{self.partly_labelled} faces have points without a label")
        if self.unlabelled:
            first = self.unlabelled[0][1]
            lines.append(
                f"{len(self.unlabelled)} left out without a label (see {REPORT}), the first: {first}"
            )
        lines += self.notices + [f"skipped {name}: {reason}" for name, reason in self.skipped]
        return "\n".join(lines)
