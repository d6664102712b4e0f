"""`kill -9` of real processes during a sweep: no run is lost, none is made twice."""

import csv
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.training.run_directory import CONFIG, RESULT
from tests.forked_commands import ForkedCommand, forked_processes, is_running

FIT = {"steps": 12, "batch": 4, "evaluations": 3, "accelerator": "cpu"}
SWEEP = {
    "benchmarks": {
        "synthetic": {
            "data": {"source": "synthetic", "synthetic_train": 8, "synthetic_held": 4},
            "teacher": {"size": "slim", "input_px": 32, "fit": {**FIT, "steps": 2}},
        }
    },
    "transfer": {"fit": FIT},
    "strategies": {"none": {"distillation": {"strategy": "none"}}, "dikd": {}},
    "grids": [{"name": "all", "strategies": ["none", "dikd"], "seeds": [0, 1]}],
}
RUNS = 4
PATIENCE = 600.0  # s; a busy machine is no reason to fail


def written(folder: Path) -> Path:
    path = folder / "sweep.yaml"
    places = {"table": str(folder / "table.csv"), "out": str(folder / "runs")}
    path.write_text(yaml.safe_dump({**SWEEP, **places}))
    return path


@contextmanager
def started(folder: Path, *words: str) -> Iterator[ForkedCommand]:
    """A process of ours, gone at the end with its workers."""
    command = ForkedCommand(*words, folder=folder, OMP_NUM_THREADS="1")
    try:
        yield command
    finally:
        command.kill()


def until(what: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def rows(folder: Path) -> list[dict[str, str]]:
    path = folder / "table.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def in_the_middle(folder: Path) -> bool:
    """One row is written, and the next run has begun and not ended."""
    begun = [p.parent for p in (folder / "runs").glob(f"*/{CONFIG}") if "teacher" not in str(p)]
    return len(rows(folder)) >= 1 and any(not (run / RESULT).is_file() for run in begun)


def workers_of(command: ForkedCommand, before: dict[int, psutil.Process]) -> list[psutil.Process]:
    """The worker processes of a cluster: what was forked since, but for the command itself."""
    now = forked_processes()
    return [each for pid, each in now.items() if pid not in before and pid != command.pid]


def given_again(folder: Path) -> str:
    """What the same command prints; it needs no process of its own, because nobody kills it."""
    answer = CliRunner().invoke(app, ["sweep", str(written(folder))])
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, in_this_process) -> dict[str, str]:
    """NME by run of a sweep without interruption."""
    folder = tmp_path_factory.mktemp("undisturbed")
    given_again(folder)
    found = {row["run"]: row["nme"] for row in rows(folder)}
    assert len(found) == RUNS
    return found


def check(folder: Path, undisturbed: dict[str, str]) -> None:
    made = rows(folder)
    assert len(made) == RUNS, "no run is lost, none is there twice"
    assert {row["run"]: row["nme"] for row in made} == undisturbed


def test_a_worker_is_killed(tmp_path, undisturbed):
    before = forked_processes()
    with started(tmp_path, "mlcmkd", "sweep", str(written(tmp_path))) as command:
        until(lambda: in_the_middle(tmp_path))
        (worker,) = workers_of(command, before)
        worker.kill()
        ended = command.ended()
    assert ended.status == 0, ended.errors[-3000:]
    check(tmp_path, undisturbed)


def test_the_command_is_killed_with_its_scheduler(tmp_path, undisturbed):
    before = forked_processes()
    with started(tmp_path, "mlcmkd", "sweep", str(written(tmp_path))) as command:
        until(lambda: in_the_middle(tmp_path))
        workers = workers_of(command, before)
        assert len(workers) == 1
        command.send_signal(signal.SIGKILL)
        assert command.ended(30).status == -signal.SIGKILL
        until(lambda: not any(map(is_running, workers)), 30)
    done = len(rows(tmp_path))
    assert 1 <= done < RUNS
    assert f"{RUNS} runs, {done} done, {RUNS - done} to do" in given_again(tmp_path)
    check(tmp_path, undisturbed)


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, ForkedCommand]]:
    """A separate scheduler and worker, as on a cluster: the address, and the scheduler."""
    file = folder / f"scheduler-{time.monotonic_ns()}.json"
    local = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
    with started(folder, "distributed.cli.dask_scheduler", *local, "--port", "0") as scheduler:
        until(file.is_file)
        until(lambda: file.read_text().rstrip().endswith("}"))
        options = ("--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard")
        with started(folder, "distributed.cli.dask_worker", *options, "--death-timeout", "60"):
            yield json.loads(file.read_text())["address"], scheduler


def test_a_separate_scheduler_is_killed(tmp_path, undisturbed):
    path = str(written(tmp_path))
    with cluster(tmp_path) as (address, scheduler):
        with started(tmp_path, "mlcmkd", "sweep", path, "--scheduler", address) as command:
            until(lambda: in_the_middle(tmp_path))
            scheduler.kill()
            ended = command.ended()
            assert ended.status == 2, ended.errors[-3000:]
            assert f"the dask scheduler at {address} is gone" in ended.errors
            assert "give the command again" in ended.errors
    assert 1 <= len(rows(tmp_path)) < RUNS
    given_again(tmp_path)
    check(tmp_path, undisturbed)


def test_ctrl_c_leaves_a_run_that_the_same_command_resumes(tmp_path):
    words = [
        "mlcmkd", "train", "--data", "synthetic", "--size", "slim", "--out", str(tmp_path / "run"),
        "--set", "data.synthetic_train=8", "--set", "data.synthetic_held=4", "--set", "input_px=32",
        "--set", "fit.accelerator=cpu", "--set", "fit.batch=4", "--set", "fit.evaluations=200",
        "--steps", "400",
    ]  # fmt: skip
    log = tmp_path / "run" / "metrics.jsonl"
    with started(tmp_path, *words) as command:
        until(lambda: log.is_file() and len(log.read_text().splitlines()) > 2)
        command.send_signal(signal.SIGINT)
        status, *printed = command.ended()
    text = "\n".join(printed)
    assert status == 130 and "Traceback" not in text, text[-2000:]
    assert "the same command resumes" in text
    assert not (tmp_path / "run" / RESULT).exists()
    assert json.loads(log.read_text().splitlines()[-1])["step"] < 400
    assert json.loads((tmp_path / "run" / "provenance.json").read_text())["stage"] == "train"
