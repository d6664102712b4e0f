"""Many independent jobs over the workers of a dask cluster, handed out in order.

By default the cluster is one of processes on this machine, one thread each, that nobody outside it can
reach; any scheduler that stands will do, if its workers see the same folders.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from mlcmkd.utils.errors import InputError

Job = TypeVar("Job")

# dask's workers would hand memory back to the system after every training step, and fetch it again.
_WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
}
GPU = "GPU"  # name of the dask resource of which a worker with a GPU has 1


def worker_threads() -> int:
    """Threads of the arithmetic in a worker: OMP_NUM_THREADS, or 1."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


class Cluster(NamedTuple):
    """Where jobs are done.

    Attributes:
        workers: processes of the embedded cluster.
        scheduler: address of a dask scheduler to use instead, "tcp://host:8786".
        gpus: workers of one GPU each instead of `workers`. With a scheduler any number above 0 makes
            each job ask for one GPU, which its workers are started with (`--resources GPU=1`).
        retries: how often a job that failed is tried again. Bad input is not: it would fail again.
    """

    workers: int = 1
    scheduler: str | None = None
    gpus: int = 0
    retries: int = 1

    @property
    def at_once(self) -> int:
        """How many jobs an embedded cluster does side by side."""
        return self.gpus or self.workers


class _Refused(NamedTuple):
    """In the place of a result: an InputError's text."""

    why: str


def run_jobs(
    jobs: Sequence[Job],
    work: Callable[[Job], Any],
    cluster: Cluster | None = None,
    *,
    key: Callable[[Job], str],
) -> Iterator[tuple[Job, Any, BaseException | None]]:
    """Does all jobs and yields each as it is done: the job, its result, or what went wrong.

    A worker that dies is replaced, and its job is given to another.

    Args:
        jobs: what `work` is called with; both travel to the workers by pickle.
        work: the function.
        cluster: where; one worker by default.
        key: a name for each job, unlike all others.

    Raises:
        InputError: the scheduler cannot be reached, is gone, or has no worker with a GPU.
    """
    cluster = cluster or Cluster()
    with _client(cluster) as client:
        for job, future in _in_order(client, jobs, partial(_tried, work), cluster, key):
            if future.status != "finished":
                yield job, None, _error(future, cluster)
            elif isinstance(found := future.result(), _Refused):
                yield job, None, InputError(found.why)
            else:
                yield job, found, None


def _tried(work: Callable[[Job], Any], job: Job) -> Any:
    try:
        return work(job)
    except InputError as error:
        return _Refused(str(error))


def _error(future: Any, cluster: Cluster) -> BaseException:
    """What went wrong with a job.

    Raises:
        InputError: nothing did; the scheduler that knew of it is gone.
    """
    if future.status != "error":
        raise InputError(
            f"the dask scheduler{f' at {cluster.scheduler}' * bool(cluster.scheduler)} is gone; what is "
            "done stands in the table: start one, and give the command again"
        )
    return future.exception()


@contextmanager
def _client(cluster: Cluster) -> Iterator[Any]:
    """A client of the scheduler that stands, or of a cluster that ends with it."""
    # Here, because a cluster takes a second to import and most of this library never needs one.
    import dask
    from distributed import Client, LocalCluster

    if cluster.scheduler:
        try:
            client = Client(cluster.scheduler, timeout="20s")
        except (OSError, ValueError) as error:
            raise InputError(f"{cluster.scheduler}: no dask scheduler answers ({error})") from None
        with client:
            yield client
        return
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT}),
        LocalCluster(
            n_workers=cluster.at_once,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=None,
            resources={GPU: 1} if cluster.gpus else None,
        ) as local,
        Client(local) as client,
    ):
        if cluster.gpus:
            client.register_plugin(_one_gpu_each())
        yield client


def _one_gpu_each() -> Any:
    """Lets worker n see the n-th of the GPUs that this process may use, and no other."""
    from distributed import WorkerPlugin

    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = allowed.split(",") if allowed else None

    class OneGpu(WorkerPlugin):
        """Set before the worker first touches a GPU; a worker that is replaced keeps its number."""

        name = "one-gpu-each"

        def setup(self, worker: Any) -> None:
            number = int(worker.name)
            os.environ["CUDA_VISIBLE_DEVICES"] = visible[number] if visible else str(number)

    return OneGpu()


def _slots(client: Any, cluster: Cluster) -> int:
    """How many jobs can be done side by side, at least one."""
    if not cluster.gpus:
        return max(1, sum(client.nthreads().values()))
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    slots = int(sum(worker.get("resources", {}).get(GPU, 0) for worker in workers))
    if not slots:
        raise InputError(
            f"{cluster.scheduler}: no worker has a GPU to give; start them with --resources GPU=1"
        )
    return slots


def _in_order(
    client: Any,
    jobs: Sequence[Job],
    work: Callable[[Job], Any],
    cluster: Cluster,
    key: Callable[[Job], str],
) -> Iterator[tuple[Job, Any]]:
    """Each job with its finished future; never more are handed out than there are workers.

    A scheduler that holds all of them spreads them over the workers at once, and a sweep cut short
    would leave gaps between the seeds.
    """
    from distributed import as_completed

    queue, handed_out, running = iter(jobs), {}, as_completed()
    asks = {"resources": {GPU: 1}} if cluster.gpus else {}

    def top_up() -> None:
        for job in islice(queue, max(0, _slots(client, cluster) - len(handed_out))):
            future = client.submit(work, job, key=key(job), retries=cluster.retries, **asks)
            handed_out[future] = job
            running.add(future)

    top_up()
    for future in running:
        job = handed_out.pop(future)
        yield job, future
        # A result that is still asked for would be computed anew if its worker died later.
        future.release()
        top_up()
