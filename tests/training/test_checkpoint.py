"""A training that was killed at any step resumes and ends with the same bits."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.stages.kd_loss import KDLossConfig
from mlcmkd.stages.train import TrainConfig
from mlcmkd.training import checkpoint
from mlcmkd.training.checkpoint import Checkpoints, TrainingState, fingerprint_of
from mlcmkd.training.config import FitConfig
from mlcmkd.training.loop import fit
from mlcmkd.training.run_directory import METRICS, Run
from mlcmkd.utils.config import late
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs
from tests.forked import fork_server
from tests.tiny import NARROW, tiny_sizes

STEPS = 15
CONFIG = FitConfig(steps=STEPS, batch=4, evaluations=3, accelerator="cpu")
# This decay has a state of its own, which must be restored as well.
DIKD = Distillation(strategy="dikd", decay="progress")


class Killed(Exception):
    """Instead of a signal, where one process is enough."""


def train(
    folder: Path,
    *,
    at: int | None = None,
    hard: bool = False,
    config=CONFIG,
    seed=0,
    stage=None,
):
    """A complete KTL training with every kind of state; stopped before step `at`."""
    torch.manual_seed(7)
    with tiny_sizes():
        teacher, student = make_model(NARROW), make_model(NARROW, "thermal", seed=1)
    objective = KTL(teacher, student, DIKD.resolved(), DIKD.guide)
    steps = iter(range(STEPS + 1))

    def count(_, given):
        if next(steps) == at:
            if hard:
                os.kill(os.getpid(), signal.SIGKILL)
            raise Killed
        batch, share = given
        return batch, share * (1 - 0.1 * torch.rand(()))  # from torch's random state, as dropout

    objective.register_forward_pre_hook(count)
    fit(
        objective,
        make_pairs(12),
        config,
        Run(folder, "test", stage or config),
        augmentation=Augmentation(),
        seed=seed,
        validate=lambda: float(next(student.parameters()).detach().sum()),
        distillation=DIKD,
        checkpoint_seconds=0,
        progress=False,
    )
    return student.state_dict(), (folder / METRICS).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


def same(one: tuple, other: tuple) -> bool:
    tensors, lines = one
    return lines == other[1] and all(torch.equal(v, other[0][k]) for k, v in tensors.items())


@pytest.mark.parametrize("at", sorted({0, 1, STEPS - 1, *range(0, STEPS, 5), *range(4, STEPS, 5)}))
def test_a_stopped_training_resumes(tmp_path, whole, at):
    with pytest.raises(Killed):
        train(tmp_path, at=at)
    assert same(train(tmp_path), whole)


@pytest.mark.parametrize("changed", [{"ema": 0.9}, {"optimizer": "muon"}])
def test_a_stopped_training_with_other_state_resumes(tmp_path, changed):
    config = CONFIG.model_copy(update=changed)
    whole = train(tmp_path / "whole", config=config)
    for at in (1, 7, STEPS - 1):
        with pytest.raises(Killed):
            train(tmp_path / str(at), at=at, config=config)
        assert same(train(tmp_path / str(at), config=config), whole)
    assert not same(train(tmp_path / "none"), whole)


def _child(folder: str, at: int) -> None:
    torch.set_num_threads(1)
    train(Path(folder), at=at, hard=True)


def test_a_training_killed_at_twenty_random_steps_resumes(tmp_path, whole):
    """`kill -9` of a real process; each new one continues in the same run directory."""
    server = fork_server()
    killed = 0
    for n, at in enumerate(np.random.default_rng(0).integers(0, STEPS, 20).tolist()):
        folder = tmp_path / str(n // 4)  # four kills per training
        left = STEPS - max([0, *_steps(folder)])
        child = server.Process(target=_child, args=(str(folder), min(at, left - 1)))
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        killed += 1
    assert killed == 20
    for n in range(5):
        assert same(train(tmp_path / str(n)), whole)


def _steps(folder: Path) -> list[int]:
    """Steps of the checkpoints, whatever their fingerprints."""
    steps = []
    for path in folder.glob("checkpoint-0*.safetensors"):
        stamp = _stamp(path)
        steps += Checkpoints(folder, stamp).steps()
    return steps


def _stamp(path: Path) -> str:
    with checkpoint.safe_open(path, framework="pt") as file:
        return file.metadata()["stamp"]


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, whole, capsys):
    with pytest.raises(Killed):
        train(tmp_path, at=9)
    newest = tmp_path / "checkpoint-0.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    assert same(train(tmp_path), whole)
    output = capsys.readouterr().out
    assert "checkpoint-0.safetensors: damaged" in output and "resumes after step 8" in output
    for path in tmp_path.glob("checkpoint-*"):
        path.write_bytes(b"")
    assert same(train(tmp_path), whole), "without a checkpoint it starts at the first step"


def test_a_training_continues_without_checkpoints_on_a_full_disk(
    tmp_path, whole, monkeypatch, capsys
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    assert same(train(tmp_path), whole)
    assert "not written ([Errno 28] No space left on device); training continues" in (
        capsys.readouterr().out
    )
    assert not list(tmp_path.glob("checkpoint-*"))


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"config": CONFIG.model_copy(update={"clip": 1})},
        {"stage": TrainConfig(out=Path("x"), modality="thermal")},
    ],
)
def test_a_checkpoint_of_another_training_is_ignored(tmp_path, changed, capsys):
    with pytest.raises(Killed):
        train(tmp_path / "a", at=9)
    result = train(tmp_path / "a", **changed)
    assert "resumes after" not in capsys.readouterr().out
    assert same(result, train(tmp_path / "b", **changed))


def test_hyperparameters_are_the_config_without_paths(tmp_path):
    def text(**fields):
        return Run(tmp_path, "test", KDLossConfig(out=tmp_path, **fields)).hyperparameters

    here = {"tough": Path("a/w"), "data": {"source": "a"}}
    assert text(**here) == text(tough=Path("b/w"), data={"source": "b"})
    others = [
        {"modality": "thermal"},
        {"normalisation": "fixed"},
        {"loss": "l1"},
        {"weights": {"tough": 0}},
        {"variance": 0.8},
        {"tolerant": Path("a/w")},
    ]
    assert len({text(**here), *(text(**here, **other) for other in others)}) == 1 + len(others)


def test_the_fingerprint_depends_on_the_frozen_teacher():
    def fingerprint(seed):
        teacher, student = make_model("slim", seed=seed), make_model("slim", "thermal", seed=1)
        return fingerprint_of(KTL(teacher, student, DIKD.resolved(), DIKD.guide), CONFIG)

    assert fingerprint(0) == fingerprint(0) != fingerprint(2)


def test_a_field_that_a_config_gets_later_leaves_the_fingerprint():
    """So a training that an earlier version has started resumes."""

    class LaterConfig(FitConfig):
        momentum: float = late(0.9)

    objective = KTL(
        make_model("light"), make_model("light", "thermal"), DIKD.resolved(), DIKD.guide
    )
    fields = CONFIG.model_dump()
    before = fingerprint_of(objective, CONFIG, None, 3)
    assert fingerprint_of(objective, LaterConfig(**fields), None, 3) == before
    changed = [
        (LaterConfig(**fields, momentum=0.8), None, 3),
        (LaterConfig(**fields | {"clip": 1}), None, 3),
        (CONFIG, None, 4),
        (CONFIG, DIKD, 3),
    ]
    assert len({before, *(fingerprint_of(objective, *each) for each in changed)}) == 5


def test_moments_keep_the_layout_of_their_parameters(tmp_path):
    """Fused AdamW reads parameters and moments in memory order; equal values are not enough."""
    with pytest.raises(Killed):
        train(tmp_path, at=9)
    seen = []

    def look(self, step, training):
        facts = original(self, step, training)
        for _, moment, parameter in training._moments():
            if moment.shape == parameter.shape:
                seen.append(moment.stride() == parameter.stride())
        return facts

    original = Checkpoints.restore
    try:
        Checkpoints.restore = look
        train(tmp_path)
    finally:
        Checkpoints.restore = original
    assert seen and all(seen)


def test_checkpoints_are_removed_when_a_stage_ends(tmp_path):
    for name in (
        "checkpoint-0.safetensors",
        "checkpoint-1-before.safetensors",
        "other.safetensors",
    ):
        (tmp_path / name).touch()
    checkpoint.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.safetensors"]


def test_the_message_about_a_nan_names_step_and_batch(tmp_path):
    pairs = make_pairs(12)
    pairs.landmarks[3] = float("inf")  # NaN would be a landmark without a label
    student = make_model("slim", "thermal")
    objective = KTL(make_model("slim"), student, DIKD.resolved(), DIKD.guide)
    with pytest.raises(InputError) as caught:
        fit(
            objective,
            pairs,
            CONFIG.model_copy(update={"learning_rate": 1e-9}),
            Run(tmp_path, "test", CONFIG),
            augmentation=Augmentation(),
            seed=0,
            validate=lambda: 0.0,
            distillation=DIKD,
            progress=False,
        )
    text = str(caught.value)
    assert "is nan; lower the learning rate" in text and pairs.ids[3] in text.split("batch: ")[1]
    assert text.count(",") >= CONFIG.batch - 1


def test_a_checkpoint_of_an_unknown_step_is_an_error():
    training = TrainingState(*[None] * 4)
    with pytest.raises(ValueError, match="no checkpoint of step 3"):
        Checkpoints(Path("nowhere"), "x").restore(3, training)
