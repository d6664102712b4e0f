"""The dask cluster that runs the jobs of a study: embedded, or a scheduler that is already running.

By default the cluster consists of processes on this machine with one thread each, and cannot be reached
from outside. A running scheduler can be used instead if its workers see the same folders.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from mlcmkd.utils.errors import InputError

# Without these, dask's workers return memory to the system after every step and request it again.
_WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
}
GPU = "GPU"  # name of the dask resource; a worker with a GPU offers 1 of it


def worker_threads() -> int:
    """Number of torch's threads in a worker: OMP_NUM_THREADS (the first of a list), or 1."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, int(first)) if first.isdecimal() else 1


class Cluster(NamedTuple):
    """Where jobs run.

    Attributes:
        workers: number of processes of the embedded cluster.
        scheduler: address of a dask scheduler to use instead, such as "tcp://host:8786".
        gpus: number of workers with one GPU each; it replaces `workers`. With a scheduler any number
            above 0 makes each job request one GPU; its workers are started with `--resources GPU=1`.
        retries: how often a failed job is repeated. Jobs with invalid input are not repeated.
        patience: seconds without a worker of the scheduler after which the command stops. Workers that
            are jobs of a batch system may need more.
    """

    workers: int = 1
    scheduler: str | None = None
    gpus: int = 0
    retries: int = 1
    patience: float = 600.0

    @property
    def at_once(self) -> int:
        """Number of jobs that an embedded cluster runs at the same time."""
        return self.gpus or self.workers


@contextmanager
def client_of(cluster: Cluster) -> Iterator[Any]:
    """A client of the given scheduler, or of an embedded cluster that ends with it."""
    # Imported here because distributed takes a second to import.
    import dask
    from distributed import Client, LocalCluster

    if cluster.scheduler:
        try:
            client = Client(cluster.scheduler, timeout="20s")
        except (OSError, ValueError) as error:
            raise InputError(
                f"{cluster.scheduler}: no dask scheduler answers ({error}); start it"
            ) from None
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
            client.register_plugin(_one_gpu_each(cluster.gpus))
        yield client


def _one_gpu_each(gpus: int) -> Any:
    """A plugin that lets worker n see only the n-th of the GPUs that this process may use."""
    from distributed import WorkerPlugin

    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = allowed.split(",") if allowed else None
    if visible is not None and len(visible) < gpus:
        raise InputError(
            f"--gpus {gpus}: CUDA_VISIBLE_DEVICES={allowed} allows {len(visible)}; use as many"
        )

    class OneGpu(WorkerPlugin):
        """Runs before the worker first uses a GPU; the replacement of a worker keeps its number."""

        name = "one-gpu-each"

        def setup(self, worker: Any) -> None:
            number = int(worker.name)
            os.environ["CUDA_VISIBLE_DEVICES"] = visible[number] if visible else str(number)

    return OneGpu()
