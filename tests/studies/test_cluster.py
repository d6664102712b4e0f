"""Jobs on a real cluster of processes: retries, order, one GPU a worker, no access from outside."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from mlcmkd.studies.cluster import GPU, Cluster, _client, _slots, run_jobs
from mlcmkd.utils.errors import InputError


def log(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text + "\n")


def fails_at_first(folder: Path, job: int) -> int:
    """Succeeds at the second attempt."""
    before = folder / f"tried-{job}"
    log(folder / "tries", str(job))
    if not before.exists():
        before.touch()
        raise RuntimeError("not yet")
    return job


def refuses(folder: Path, job: int) -> int:
    log(folder / "tries", str(job))
    raise InputError(f"job {job} cannot be done")


def dies_at_first(folder: Path, job: int) -> int:
    before = folder / f"tried-{job}"
    log(folder / "tries", str(job))
    if job == 1 and not before.exists():
        before.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def which_gpu(job: int) -> tuple[str, float, float]:
    start = time.time()
    time.sleep(0.4)
    return os.environ["CUDA_VISIBLE_DEVICES"], start, time.time()


def done(work, cluster, jobs=(0, 1, 2)) -> dict:
    found = run_jobs(jobs, work, cluster, key=lambda job: f"job-{job}")
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


def test_bad_input_is_not_tried_again(tmp_path):
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


def test_one_gpu_for_each_worker(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    found = done(which_gpu, Cluster(gpus=2), range(6))
    seen = [result for result, _ in found.values()]
    assert {gpu for gpu, _, _ in seen} == {"2", "5"}
    for gpu in ("2", "5"):
        turns = sorted((start, end) for which, start, end in seen if which == gpu)
        assert all(a[1] <= b[0] for a, b in zip(turns, turns[1:], strict=False)), "one at a time"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,5"


def test_the_embedded_cluster_is_bound_to_loopback_and_counts_its_slots():
    with _client(Cluster(workers=2)) as client:
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
