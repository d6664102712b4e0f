"""Check a whole manifest. Unlike reading, which stops at the first error, this finds all of them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data_prep.verification.check_consistency import ConsistencyCheck
from data_prep.verification.check_row import check_row
from data_prep.verification.report import Problem, VerifyReport
from data_prep.workers import runner
from mlcmkd.data.manifest import MANIFEST, inside
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import cores

# With fewer rows, starting processes takes longer than it saves.
_POOL_FROM = 2000


def verify(
    folder: Path | str, *, progress: bool = True, workers: int | None = None
) -> VerifyReport:
    """Find all problems of a manifest, its rows and its images.

    Every line, every image and the rows together are checked. A problem does not hide others, except
    that an invalid row is not compared with other rows. Nothing is written, and nothing outside
    `folder` is read, whatever names or links it contains.

    Args:
        progress: show a progress bar.
        workers: number of processes; None for one per core if that is faster, 1 for this process.

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
    consistency = ConsistencyCheck(root)
    with runner(workers, total, progress, "check") as run:
        for checked in run(partial(check_row, root=root), _lines(path)):
            consistency.add(checked)
    problems = consistency.problems()
    if not total:
        problems.append(Problem("no valid row", None, None, f"{path}: no rows; prepare it again"))
    problems.sort(key=lambda problem: (problem.line is None, problem.line or 0))
    return VerifyReport(root, total, problems, consistency.notes())


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of every non-blank line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line
