"""Many independent jobs over the workers of a dask cluster, handed out in order.

By default the cluster is one of processes on this machine, one thread each; any scheduler that stands
will do, if its workers see the same folders.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

Job = TypeVar("Job")

# dask's workers would hand memory back to the system after every training step, and fetch it again.
_WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
}


def spread(
    jobs: Sequence[Job],
    work: Callable[[Job], Any],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    key: Callable[[Job], str],
) -> Iterator[tuple[Job, Any, BaseException | None]]:
    """Does all jobs and yields each as it is done: the job, its result, or what went wrong.

    Args:
        jobs: what `work` is called with; both travel to the workers by pickle.
        work: the function.
        workers: processes of the embedded cluster.
        scheduler: address of a dask scheduler to use instead, "tcp://host:8786".
        key: a name for each job, unlike all others.
    """
    # Here, because a cluster takes a second to import and most of this library never needs one.
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set({"distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT}):
        cluster = scheduler or LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit=None
        )
        with Client(cluster) as client:
            for job, future in _in_order(client, jobs, work, key):
                if future.status == "finished":
                    yield job, future.result(), None
                else:
                    yield job, None, future.exception()
        if scheduler is None:
            cluster.close()


def _in_order(
    client: Any, jobs: Sequence[Job], work: Callable[[Job], Any], key: Callable[[Job], str]
) -> Iterator[tuple[Job, Any]]:
    """Each job with its finished future; never more are handed out than there are workers.

    A scheduler that holds all of them spreads them over the workers at once, and a sweep cut short
    would leave gaps between the seeds.
    """
    from distributed import as_completed

    queue, handed_out, running = iter(jobs), {}, as_completed()

    def top_up() -> None:
        threads = max(1, sum(client.nthreads().values()))
        for job in islice(queue, threads - len(handed_out)):
            future = client.submit(work, job, key=key(job), retries=1)
            handed_out[future] = job
            running.add(future)

    top_up()
    for future in running:
        job = handed_out.pop(future)
        top_up()
        yield job, future
