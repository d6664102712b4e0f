"""`kill -9` of real processes during a sweep: no run is lost, none is made twice."""

import csv
import json
import os
import signal
import subprocess
import sys
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

ROOT = Path(__file__).parents[2]
FIT = {"steps": 12, "batch": 4, "evaluations": 3, "accelerator": "cpu"}
SWEEP = {
    "benchmarks": {
        "synthetic": {
            "data": {"source": "synthetic", "synthetic_train": 8, "synthetic_held": 4},
            "teacher": {"size": "light", "input_px": 32, "fit": {**FIT, "steps": 2}},
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
def started(*command: str) -> Iterator[subprocess.Popen]:
    """A process of ours, and all of its children, gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Tests that run in the background may ignore Ctrl-C, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        family = [psutil.Process(process.pid)] if psutil.pid_exists(process.pid) else []
        family += [child for each in family for child in each.children(recursive=True)]
        for each in family:
            if each.is_running():
                each.kill()
        process.wait(30)


def until(what: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


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


def workers_of(pid: int) -> list[psutil.Process]:
    """The worker processes of a cluster."""
    return [p for p in psutil.Process(pid).children() if "spawn_main" in " ".join(p.cmdline())]


def ended_well(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output[-3000:]
    return output


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
    with started("mlcmkd", "sweep", str(written(tmp_path))) as process:
        until(lambda: in_the_middle(tmp_path))
        (worker,) = workers_of(process.pid)
        worker.kill()
        ended_well(process)
    check(tmp_path, undisturbed)


def test_the_command_is_killed_with_its_scheduler(tmp_path, undisturbed):
    with started("mlcmkd", "sweep", str(written(tmp_path))) as process:
        until(lambda: in_the_middle(tmp_path))
        workers = workers_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        until(lambda: not any(w.is_running() and w.status() != "zombie" for w in workers), 30)
    done = len(rows(tmp_path))
    assert 1 <= done < RUNS
    assert f"{RUNS} runs, {done} done, {RUNS - done} to do" in given_again(tmp_path)
    check(tmp_path, undisturbed)


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """A separate scheduler and worker, as on a cluster: the address, and the scheduler."""
    file = folder / f"scheduler-{time.monotonic_ns()}.json"
    local = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
    with started("distributed.cli.dask_scheduler", *local, "--port", "0") as scheduler:
        until(file.is_file)
        until(lambda: file.read_text().rstrip().endswith("}"))
        options = ("--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard")
        with started("distributed.cli.dask_worker", *options, "--death-timeout", "5"):
            yield json.loads(file.read_text())["address"], scheduler


def test_a_separate_scheduler_is_killed(tmp_path, undisturbed):
    path = str(written(tmp_path))
    with cluster(tmp_path) as (address, scheduler):
        with started("mlcmkd", "sweep", path, "--scheduler", address) as process:
            until(lambda: in_the_middle(tmp_path))
            scheduler.kill()
            output, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 2, output[-3000:]
            assert f"the dask scheduler at {address} is gone" in output
            assert "give the command again" in output
    assert 1 <= len(rows(tmp_path)) < RUNS
    given_again(tmp_path)
    check(tmp_path, undisturbed)


def test_ctrl_c_leaves_a_run_that_the_same_command_resumes(tmp_path):
    command = [
        "mlcmkd", "train", "--data", "synthetic", "--size", "light", "--out", str(tmp_path / "run"),
        "--set", "data.synthetic_train=8", "--set", "data.synthetic_held=4", "--set", "input_px=32",
        "--set", "fit.accelerator=cpu", "--set", "fit.batch=4", "--set", "fit.evaluations=200",
        "--steps", "400",
    ]  # fmt: skip
    log = tmp_path / "run" / "metrics.jsonl"
    with started(*command) as process:
        until(lambda: log.is_file() and len(log.read_text().splitlines()) > 2)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "Traceback" not in output, output[-2000:]
    assert "the same command resumes" in output
    assert not (tmp_path / "run" / RESULT).exists()
    assert json.loads(log.read_text().splitlines()[-1])["step"] < 400
    assert json.loads((tmp_path / "run" / "provenance.json").read_text())["stage"] == "train"
