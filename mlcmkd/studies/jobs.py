"""Independent jobs on the workers of a dask cluster, submitted in order.

Each job runs in the folder where the command was given, and a worker runs one job at a time. This does
not depend on where the worker was started, nor on its number of threads.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mlcmkd.studies.cluster import GPU, Cluster, client_of
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import process_state

Job = TypeVar("Job")

REPORTED_AFTER = 10.0  # seconds without a worker until a line reports it
_LOOK_EVERY = 1.0  # seconds between two checks for workers
_PAUSE = 0.02  # seconds between two checks for finished jobs


class _InvalidInput(NamedTuple):
    """The text of an InputError, returned instead of a result so that dask does not retry."""

    message: str


def run_jobs(
    jobs: Sequence[Job],
    work: Callable[[Job], Any],
    cluster: Cluster | None = None,
    *,
    key: Callable[[Job], str],
    say: Callable[[str], None] = print,
) -> Iterator[tuple[Job, Any, BaseException | None]]:
    """Runs all jobs and yields each when it ends: the job, its result, its error.

    A worker that dies is replaced, and its job is given to another worker.

    Args:
        jobs: the arguments of `work`; both are pickled and sent to the workers.
        work: the function that runs a job.
        cluster: where to run; one worker by default.
        key: returns a unique name for each job.
        say: prints a line.

    Yields:
        (job, result, None), or (job, None, error) for a job that failed.

    Raises:
        InputError: the scheduler is unavailable, has no worker with a GPU, or had none at all for
            `cluster.patience` seconds.
    """
    cluster = cluster or Cluster()
    alone = partial(_alone_here, work, Path.cwd())
    with client_of(cluster) as client:
        _report_idle_threads(client, cluster, say)
        for job, future in _finished_jobs(client, jobs, alone, cluster, key, say):
            if future.status != "finished":
                yield job, None, _error(future, cluster)
            elif isinstance(result := future.result(), _InvalidInput):
                yield job, None, InputError(result.message)
            else:
                yield job, result, None


def _alone_here(work: Callable[[Job], Any], folder: Path, job: Job) -> Any:
    """Runs a job in a worker, alone in its process and in the folder of the command."""
    with process_state:  # a worker may have several threads
        try:
            with _working_in(folder):
                return work(job)
        except InputError as error:
            return _InvalidInput(str(error))


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """Changes the working directory, to which the relative paths of a parameter file refer."""
    try:
        before = Path.cwd()
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: the worker on {socket.gethostname()} cannot work in this folder "
            f"({error.strerror}); start workers where the same folders are visible"
        ) from None
    try:
        yield
    finally:
        os.chdir(before)


def _report_idle_threads(client: Any, cluster: Cluster, say: Callable[[str], None]) -> None:
    """Reports if workers have several threads, because a worker runs one job at a time."""
    if not cluster.scheduler:
        return
    threads = client.nthreads().values()
    if any(count > 1 for count in threads):
        say(
            f"{cluster.scheduler}: {len(threads)} workers with {sum(threads)} threads; a worker makes "
            f"one run at a time, so start {sum(threads)} workers with --nthreads 1 to make as many"
        )


def _error(future: Any, cluster: Cluster) -> BaseException:
    """The error of a job.

    Raises:
        InputError: the job did not fail, but its scheduler has disappeared.
    """
    if future.status != "error":
        raise InputError(
            f"the dask scheduler{f' at {cluster.scheduler}' * bool(cluster.scheduler)} is gone; start "
            "one and give the command again: completed runs are in the table"
        )
    return future.exception()


def _slots(client: Any, cluster: Cluster) -> int:
    """Number of jobs that can run at the same time: one for each worker, at least one.

    Workers may come later, and some schedulers start them when there is a job.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    usable = [
        worker
        for worker in workers
        if not cluster.gpus or worker.get("resources", {}).get(GPU, 0) >= 1
    ]
    if workers and not usable:
        raise InputError(
            f"{cluster.scheduler}: no worker offers a GPU; start workers with --resources GPU=1"
        )
    return max(1, len(usable))


def _finished_jobs(
    client: Any,
    jobs: Sequence[Job],
    work: Callable[[Job], Any],
    cluster: Cluster,
    key: Callable[[Job], str],
    say: Callable[[str], None],
) -> Iterator[tuple[Job, Any]]:
    """Each job with its finished future; at most as many jobs are submitted as there are workers.

    A scheduler that has all jobs assigns them to workers in any order, and an interrupted study would
    have gaps between the seeds.
    """
    from distributed import as_completed

    queue, submitted, running = iter(jobs), {}, as_completed()
    resources = {"resources": {GPU: 1}} if cluster.gpus else {}

    def submit_more() -> None:
        for job in islice(queue, max(0, _slots(client, cluster) - len(submitted))):
            future = client.submit(work, job, key=key(job), retries=cluster.retries, **resources)
            submitted[future] = job
            running.add(future)

    submit_more()
    for future in _as_they_end(running, client, cluster, say):
        job = submitted.pop(future)
        yield job, future
        # The result of a future that is not released would be computed again if its worker died later.
        future.release()
        submit_more()


def _as_they_end(
    running: Any, client: Any, cluster: Cluster, say: Callable[[str], None]
) -> Iterator[Any]:
    """The futures as they end. A scheduler without workers is reported; later it is an error.

    Raises:
        InputError: there was no worker for `cluster.patience` seconds.
    """
    if not cluster.scheduler:  # an embedded cluster replaces its workers
        yield from running
        return
    seen = looked = time.monotonic()
    reported = False
    while not running.is_empty():
        if running.has_ready():
            yield next(running)
            continue
        time.sleep(_PAUSE)
        now = time.monotonic()
        if now - looked < _LOOK_EVERY:
            continue
        looked = now
        if client.scheduler_info(n_workers=-1)["workers"]:
            seen, reported = now, False
            continue
        without = f"{cluster.scheduler}: no worker for {now - seen:.0f} seconds"
        start = f"start one with `dask worker {cluster.scheduler} --nthreads 1`"
        if now - seen >= cluster.patience:
            raise InputError(
                f"{without}; {start} and give the command again: completed runs are in the table"
            )
        if now - seen >= REPORTED_AFTER and not reported:
            say(f"{without}; waiting: {start}")
            reported = True
