"""Several processes, started by Fabric or torchrun: which one writes and prints, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mlcmkd.distillation.decay import Decay
from mlcmkd.stages.train import TrainConfig
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.run_directory import RESULT, Run
from mlcmkd.training.sampling import Stream
from mlcmkd.training.trainer import mean_over_processes
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import is_first, started_by_torchrun


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"LOCAL_RANK": "0"}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),  # the first of a second node
    ],
)
def test_which_process_is_first(monkeypatch, environment, first):
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first() is first


def test_another_process_writes_nothing(tmp_path, monkeypatch):
    written = Run(tmp_path, "test", FitConfig())
    written.log(step=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setenv("RANK", "1")
    other = Run(tmp_path, "test", FitConfig(steps=7))
    other.note(fact=1)
    other.log(step=2)
    other.restore_metrics([])
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
    "train", "--data", "synthetic", "--size", "light", "--set", "data.synthetic_train=8",
    "--set", "data.synthetic_held=4", "--set", "input_px=32", "--set", "fit.accelerator=cpu",
    "--set", "fit.batch=4", "--set", "fit.evaluations=1", "--steps", "2",
]  # fmt: skip


@pytest.fixture(scope="module")
def by_torchrun(tmp_path_factory) -> tuple[Path, str]:
    """The run directory of a training in two processes, and what they printed."""
    out = tmp_path_factory.mktemp("torchrun") / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, "-m", "mlcmkd", *TRAIN, "--set", "fit.devices=2", "--out", str(out)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return out, done.stdout


def test_torchrun_writes_one_run_and_prints_its_result_once(by_torchrun):
    out, output = by_torchrun
    result = json.loads((out / RESULT).read_text())
    assert output.count('"nme_percent"') == 1 and json.loads(output[output.index("{") :]) == result
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["processes"] == 2
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 1
    assert (out / "model.safetensors").is_file() and not list(out.glob("checkpoint*"))
