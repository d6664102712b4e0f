"""`run_jobs` without a worker process, which would import the library anew for each study."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mlcmkd.studies.cluster import Cluster


def run_jobs_here(
    jobs: Sequence[Any],
    work: Callable[[Any], Any],
    cluster: Cluster | None = None,
    *,
    key: Callable[[Any], str],
    say: Callable[[str], None],
) -> Iterator[tuple[Any, Any, BaseException | None]]:
    """`run_jobs` in this process. What travels to a worker and back is pickled all the same."""
    assert len({key(job) for job in jobs}) == len(jobs)
    for job in jobs:
        there, sent = pickle.loads(pickle.dumps((work, job)))
        try:
            result = pickle.loads(pickle.dumps(there(sent)))
        except Exception as error:
            yield job, None, error
        else:
            yield job, result, None
