"""Several processes, started by Fabric or torchrun: which one writes and prints, and what is refused."""

import json
import os
from pathlib import Path

import pytest
import torch

from mlcmkd.distillation.decay import Decay
from mlcmkd.stages.train import TrainConfig
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import entered_by_all, join, make_fabric
from mlcmkd.training.run_directory import RESULT, Run, lock_run
from mlcmkd.training.sampling import Stream
from mlcmkd.training.trainer import mean_over_processes
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import forget_unusable_ranks, is_first, started_by_torchrun
from tests.forked_commands import ForkedCommand

LEFT_BEHIND = {  # by a launcher that did not start this process
    "torchrun": {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"},
    "a task of srun": {"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_STEP_ID": "0"},
    "the script of sbatch": {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "x"},
    "empty": {"RANK": "", "LOCAL_RANK": "", "SLURM_PROCID": "", "WORLD_SIZE": ""},
}


def leave(monkeypatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def join_as(monkeypatch, rank: int) -> None:
    """As if this process had joined others."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)


@pytest.mark.parametrize("launcher", LEFT_BEHIND)
def test_a_rank_in_the_environment_is_not_believed(tmp_path, monkeypatch, launcher):
    """A process that has joined no others trains by itself and writes its run."""
    leave(monkeypatch, LEFT_BEHIND[launcher])
    assert is_first()
    fabric = join(FitConfig(accelerator="cpu"))
    assert (fabric.world_size, fabric.global_rank) == (1, 0)
    Run(tmp_path, "test", FitConfig()).finish(nme=1.0)
    assert (tmp_path / RESULT).is_file()


def test_ranks_that_are_no_numbers_are_forgotten_before_lightning_reads_them(tmp_path, monkeypatch):
    leave(monkeypatch, {"RANK": "", "SLURM_PROCID": "first", "LOCAL_RANK": "1"})
    forget_unusable_ranks()
    assert not {"RANK", "SLURM_PROCID"} & set(os.environ) and os.environ["LOCAL_RANK"] == "1"
    ranks = {"RANK": "", "SLURM_PROCID": "first", "LOCAL_RANK": "1"}
    ended = ForkedCommand("tests.training.unusable_ranks", folder=tmp_path, **ranks).ended()
    assert ended.status == 0, ended.errors[-2000:]


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_of_joined_processes_one_is_first(monkeypatch, rank):
    join_as(monkeypatch, rank)
    assert is_first() is (rank == 0)


def test_another_process_writes_nothing(tmp_path, monkeypatch):
    written = Run(tmp_path, "test", FitConfig())
    written.log(step=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    join_as(monkeypatch, 1)
    other = Run(tmp_path, "test", FitConfig(steps=7))
    other.note(fact=1)
    other.log(step=2)
    other.resume([], 1.0)
    other.errors([{"a": 1}])
    assert other.finish(nme=1.0) == {"nme": 1.0}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_unused_fields_are_not_written():
    """Runs are identified by a hash of their config; runs from before these fields keep theirs."""
    assert not {"accumulate", "nodes"} & set(json.loads(FitConfig().model_dump_json()))
    text = FitConfig(accumulate=2, nodes=3).model_dump_json()
    assert FitConfig.model_validate_json(text) == FitConfig(accumulate=2, nodes=3)
    nested = json.loads(TrainConfig(out=Path("x"), fit=FitConfig(accumulate=2)).model_dump_json())
    assert nested["fit"]["accumulate"] == 2 and "nodes" not in nested["fit"]


def test_streams_differ_and_each_is_repeatable():
    def rows(number: int) -> list:
        stream = Stream(20, 5, seed=3, number=number)
        return [next(stream).tolist() for _ in range(8)]

    assert rows(0) == rows(0) and rows(0) != rows(1)
    assert sorted(sum(rows(1)[:4], [])) == list(range(20)), "every row once an epoch"


def test_the_decay_gets_the_mean_over_parts_and_processes():
    class One:
        world_size = 1

    class Two:
        """The second process has the losses (3, 1); this one none, or the given ones."""

        world_size, device = 2, "cpu"

        def all_reduce(self, sums, reduce_op):
            assert reduce_op == "sum"
            return sums + torch.tensor([3.0, 1.0, 1.0])

    parts = [torch.tensor([2.0, 4.0]), torch.tensor([4.0, 2.0])]
    assert mean_over_processes(One(), parts).tolist() == [3.0, 3.0]
    assert mean_over_processes(One(), []) is None
    assert mean_over_processes(Two(), []).tolist() == [3.0, 1.0]
    assert mean_over_processes(Two(), parts).tolist() == pytest.approx([9 / 3, 7 / 3])
    assert Decay("progress").follows_losses


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_PORT": "1"}, "one of 4 .*fit.devices"),
        (
            {"SLURM_NTASKS": "1", "SLURM_NODEID": "0"},
            "number of connected processes is 1; start as many",
        ),
        ({"SLURM_NTASKS": "1"}, "the environment has no SLURM_NODEID"),
    ],
)
def test_a_world_of_another_size_than_the_config_names_is_refused(
    monkeypatch, environment, message
):
    task = {"SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    leave(monkeypatch, environment | task)
    monkeypatch.setattr("lightning_fabric.Fabric.launch", lambda self: None)
    with pytest.raises(InputError, match=message):
        join(FitConfig(accelerator="cpu", devices=2))


def test_processes_that_do_not_come_together_are_one_line(monkeypatch):
    def fail(self):
        raise RuntimeError("timed out\nafter 1800 s")

    monkeypatch.setattr("lightning_fabric.Fabric.launch", fail)
    with pytest.raises(InputError, match="could not connect: timed out after 1800 s"):
        join(FitConfig(accelerator="cpu", devices=2))


def test_a_rank_without_the_address_of_the_others_is_not_believed(monkeypatch):
    """Lightning would wait for half an hour for processes that nobody started."""
    leave(monkeypatch, {"LOCAL_RANK": "1", "WORLD_SIZE": "2"})
    make_fabric(FitConfig(accelerator="cpu", devices=2))
    assert "LOCAL_RANK" not in os.environ


class Second:
    """A process that hears of the first one's error."""

    def broadcast(self, own: str) -> str:
        return own or "first: another command is writing it"


def test_a_directory_that_the_first_process_cannot_have_ends_all_processes(tmp_path):
    with (
        pytest.raises(InputError, match="first: another command"),
        entered_by_all(Second(), lock_run(tmp_path)),
    ):
        raise AssertionError("it trains")


def test_torchrun_and_config_must_agree(monkeypatch):
    assert started_by_torchrun() is None
    for name, value in (
        ("TORCHELASTIC_RUN_ID", "x"),
        ("WORLD_SIZE", "8"),
        ("LOCAL_WORLD_SIZE", "4"),
    ):
        monkeypatch.setenv(name, value)
    assert started_by_torchrun() == (2, 4)
    with pytest.raises(InputError, match="--set fit.devices=4 --set fit.nodes=2"):
        make_fabric(FitConfig(accelerator="cpu"))


TRAIN = [
    "train", "--data", "synthetic", "--size", "slim", "--set", "data.synthetic_train=8",
    "--set", "data.synthetic_held=4", "--set", "input_px=32", "--set", "fit.accelerator=cpu",
    "--set", "fit.batch=4", "--set", "fit.evaluations=1", "--steps", "2",
]  # fmt: skip
TWO = ["--set", "fit.devices=2", "--set", "fit.ema=0.5"]  # with an average, which has buffers, too


@pytest.fixture(scope="module")
def by_torchrun(tmp_path_factory) -> tuple[Path, str]:
    """The run directory of a training in two processes, and what they printed."""
    out = tmp_path_factory.mktemp("torchrun") / "run"
    torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node=2")
    words = (*torchrun, "-m", "mlcmkd", *TRAIN, *TWO, "--out", str(out))
    ended = ForkedCommand(*words, folder=out.parent, OMP_NUM_THREADS="1").ended()
    assert ended.status == 0, ended.errors[-2000:]
    return out, ended.output


def test_torchrun_writes_one_run_and_prints_its_result_once(by_torchrun):
    out, output = by_torchrun
    result = json.loads((out / RESULT).read_text())
    assert output.count('"nme_percent"') == 1 and json.loads(output[output.index("{") :]) == result
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["processes"] == 2
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 1
    assert (out / "model.safetensors").is_file() and not list(out.glob("checkpoint*"))
