"""Jobs on a real cluster of processes: retries, order, one GPU a worker, no access from outside.

A job runs as by itself, also in a worker with several threads that was started in another folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psutil
import pytest
from distributed import LocalCluster

from mlcmkd.studies import jobs as jobs_module
from mlcmkd.studies.cluster import GPU, Cluster, client_of, worker_threads
from mlcmkd.studies.jobs import _slots, run_jobs
from mlcmkd.utils.errors import InputError
from tests.forked_commands import forked_workers
from tests.studies.jobs import (
    dies_at_first,
    fails_at_first,
    refuses,
    seeded,
    which_gpu,
    which_process,
)


@pytest.fixture
def forked() -> Iterator[None]:
    """Workers that import nothing. Those of the first tests are spawned, as outside of tests."""
    with forked_workers():
        yield


def quiet(line: str) -> None:
    pass


@contextmanager
def scheduler(workers: int, threads: int = 1) -> Iterator[str]:
    """The address of a scheduler with workers of its own, which start in the present folder."""
    with LocalCluster(
        n_workers=workers, threads_per_worker=threads, host="127.0.0.1", dashboard_address=None
    ) as local:
        yield local.scheduler_address


def done(work, cluster, jobs=(0, 1, 2), say=quiet) -> dict:
    found = run_jobs(jobs, work, cluster, key=lambda job: f"job-{job}", say=say)
    return {job: (result, error) for job, result, error in found}


def test_failed_jobs_are_retried(tmp_path):
    assert done(partial(fails_at_first, tmp_path), Cluster(retries=1)) == {
        0: (0, None), 1: (1, None), 2: (2, None),
    }  # fmt: skip
    assert (tmp_path / "tries").read_text().split() == ["0", "0", "1", "1", "2", "2"], "in order"
    for path in tmp_path.iterdir():
        path.unlink()
    result, error = done(partial(fails_at_first, tmp_path), Cluster(retries=0), [7])[7]
    assert result is None and isinstance(error, RuntimeError)


def test_bad_input_is_not_tried_again(tmp_path, forked):
    found = done(partial(refuses, tmp_path), Cluster(retries=3))
    assert [str(error) for _, error in found.values()] == [
        f"job {n} cannot be done" for n in range(3)
    ]
    assert all(isinstance(error, InputError) for _, error in found.values())
    assert (tmp_path / "tries").read_text().split() == ["0", "1", "2"]


def test_a_worker_that_is_killed_is_replaced_and_its_job_done(tmp_path):
    found = done(partial(dies_at_first, tmp_path), Cluster(retries=0))
    assert found == {0: (0, None), 1: (1, None), 2: (2, None)}
    assert (tmp_path / "tries").read_text().split() == ["0", "1", "1", "2"]


def test_one_gpu_for_each_worker(monkeypatch, forked):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    found = done(which_gpu, Cluster(gpus=2), range(6))
    seen = [result for result, _ in found.values()]
    assert {gpu for gpu, _, _ in seen} == {"2", "5"}
    for gpu in ("2", "5"):
        turns = sorted((start, end) for which, start, end in seen if which == gpu)
        assert all(a[1] <= b[0] for a, b in zip(turns, turns[1:], strict=False)), "one at a time"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,5"


def test_the_embedded_cluster_is_bound_to_loopback_and_counts_its_slots(forked):
    with client_of(Cluster(workers=2)) as client:
        info = client.scheduler_info(n_workers=-1)
        addresses = [client.scheduler.address, *info["workers"]]
        assert len(addresses) == 3 and all(a.startswith("tcp://127.0.0.1:") for a in addresses)
        assert _slots(client, Cluster(workers=2)) == 2
        with pytest.raises(InputError, match="no worker offers a GPU.*--resources GPU=1"):
            _slots(client, Cluster(scheduler="tcp://here", gpus=1))
        ours = psutil.Process()
        listening = [
            each.laddr.ip
            for process in (ours, *ours.children(recursive=True))
            for each in process.net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 3 and set(listening) == {"127.0.0.1"}, "no access from outside"
    assert GPU == "GPU"  # users type it


def test_an_unavailable_scheduler():
    with pytest.raises(InputError, match="tcp://127.0.0.1:9: no dask scheduler answers"):
        done(which_gpu, Cluster(scheduler="tcp://127.0.0.1:9"))


def test_a_worker_with_threads_gives_the_numbers_of_a_lone_run(tmp_path, monkeypatch, forked):
    """Torch's random state is shared by its threads; relative paths are those of the command."""
    lines = []
    with scheduler(workers=1, threads=4) as address:
        monkeypatch.chdir(tmp_path)
        found = done(seeded, Cluster(scheduler=address), range(4), lines.append)
    assert found == {job: (seeded(job), None) for job in range(4)}
    assert found[0][0][0] == str(tmp_path)
    assert (
        len(lines) == 1 and "1 workers with 4 threads; a worker makes one run at a time" in lines[0]
    )


def test_a_folder_that_a_worker_does_not_see_is_named(tmp_path, monkeypatch, forked):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(jobs_module.Path, "cwd", lambda: gone / "elsewhere")
    (error,) = [error for _, error in done(seeded, Cluster(), [0]).values()]
    assert isinstance(error, InputError)
    assert str(error).startswith(f"{gone / 'elsewhere'}: the worker on ")


def test_a_scheduler_without_workers_says_so_and_is_given_up(monkeypatch):
    monkeypatch.setattr(jobs_module, "REPORTED_AFTER", 0.5)
    monkeypatch.setattr(jobs_module, "_LOOK_EVERY", 0.2)
    lines = []
    with (
        scheduler(workers=0) as address,
        pytest.raises(InputError, match=f"{address}: no worker for . seconds; start one with"),
    ):
        done(seeded, Cluster(scheduler=address, patience=1.5), say=lines.append)
    assert len(lines) == 1 and f"`dask worker {address} --nthreads 1`" in lines[0]


def test_a_worker_that_comes_late_does_the_jobs(monkeypatch, forked):
    monkeypatch.setattr(jobs_module, "REPORTED_AFTER", 0.2)
    monkeypatch.setattr(jobs_module, "_LOOK_EVERY", 0.1)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as local:
        lines = []

        def say(line: str) -> None:
            lines.append(line)
            local.scale(1)

        found = done(which_process, Cluster(scheduler=local.scheduler_address), say=say)
    assert len(lines) == 1 and [error for _, error in found.values()] == [None] * 3


def test_more_gpus_than_may_be_used_are_refused(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(InputError, match="--gpus 2: CUDA_VISIBLE_DEVICES=3 allows 1"):
        done(which_gpu, Cluster(gpus=2))


@pytest.mark.parametrize(
    ("given", "threads"), [("", 1), ("3", 3), ("4,2", 4), ("0", 1), ("many", 1), (" 2 ", 2)]
)
def test_threads_of_a_worker_whatever_the_environment_holds(monkeypatch, given, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert worker_threads() == threads
