"""Looks a manifest over before anyone trains on it: `mlcmkd prepare --check OUT`.

Unlike reading, which stops at the first fault, this goes on to the last one.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data_prep.verification.check_consistency import Whole
from data_prep.verification.check_row import look
from data_prep.verification.report import Problem, VerifyReport
from data_prep.workers import cores, runner
from mlcmkd.data.manifest import MANIFEST, inside
from mlcmkd.utils.errors import InputError

# Starting processes takes longer than it saves below so many rows.
_POOL_FROM = 2000


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
    whole = Whole(root)
    with runner(workers, total, progress, "check") as run:
        for seen in run(partial(look, root=root), _lines(path)):
            whole.add(seen)
    problems = whole.problems()
    if not total:
        problems.append(Problem("no valid row", None, None, f"{path}: no rows; prepare it again"))
    problems.sort(key=lambda problem: (problem.line is None, problem.line or 0))
    return VerifyReport(root, total, problems, whole.notes())


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of every line that is not blank."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line
