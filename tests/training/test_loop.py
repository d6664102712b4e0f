import json
import math
from pathlib import Path

import pytest
import torch
from pydantic import BaseModel, ValidationError

from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation
from mlcmkd.distillation.mlcm_kd import KTL, MCL
from mlcmkd.distillation.strategies import Distillation, Weights
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.distillation.two_teachers import TwoTeachers
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.loop import fit
from mlcmkd.training.optimizer import learning_rate
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run, read_metrics
from mlcmkd.training.sampling import Shuffled
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

CPU = {"accelerator": "cpu", "batch": 4, "evaluations": 2}


def train_once(path, steps=4, seed=0, pairs=None, augmentation=None, **config):
    model = make_model()
    run = Run(path, "test", FitConfig())
    fit(
        TaskObjective(model, "rgb"),
        pairs or make_pairs(),
        FitConfig(steps=steps, **CPU | config),
        run,
        augmentation=augmentation or Augmentation(),
        seed=seed,
        validate=lambda: 0.5,
        progress=False,
    )
    return model, read_metrics(run.path)


def test_learning_rate_by_hand():
    config = FitConfig(steps=100, learning_rate=1.0, warmup=0.1)
    assert learning_rate(0, config) == pytest.approx(1 / 11)
    assert learning_rate(9, config) == pytest.approx(10 / 11)
    assert learning_rate(10, config) == pytest.approx(1)
    assert learning_rate(55, config) == pytest.approx(0.5)
    assert learning_rate(99, config) == pytest.approx((1 + math.cos(math.pi * 89 / 90)) / 2)


def test_without_warmup_the_first_learning_rate_is_the_highest():
    assert learning_rate(0, FitConfig(steps=10, learning_rate=0.3, warmup=0)) == 0.3


def test_every_row_once_an_epoch():
    batches = Shuffled(10, 4, torch.Generator().manual_seed(0))
    rows = torch.cat([next(batches) for _ in range(10)])
    assert all(sorted(epoch.tolist()) == list(range(10)) for epoch in rows.split(10))
    assert rows[:10].tolist() != rows[10:20].tolist()


def test_a_data_set_smaller_than_a_batch_still_fills_it():
    assert len(next(Shuffled(3, 8, torch.Generator().manual_seed(0)))) == 8


def test_the_loss_falls(tmp_path):
    """One shape for all faces, which a working loop must learn."""
    pairs = make_pairs()
    pairs.landmarks[:] = pairs.landmarks[0]
    _, rows = train_once(
        tmp_path, steps=60, pairs=pairs, augmentation=NO_AUGMENTATION, evaluations=6
    )
    assert rows[-1]["total"] < 0.5 * rows[0]["total"]


def test_a_seed_gives_bit_identical_weights_and_metrics(tmp_path):
    first, rows = train_once(tmp_path / "a")
    again, also = train_once(tmp_path / "b")
    other, _ = train_once(tmp_path / "c", seed=1)
    weights = [model.state_dict() for model in (first, again, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert rows == also
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_metrics_are_logged_once_an_interval(tmp_path):
    _, rows = train_once(tmp_path, steps=5, evaluations=2)
    assert [row["step"] for row in rows] == [3, 5]
    assert all(row["total"] == row["task"] and row["val_nme"] == 0.5 for row in rows)


def _thermal_student() -> TaskObjective:
    return TaskObjective(make_model(modality="thermal"), "thermal")


def _one_step() -> MCL:
    student = make_model(modality="thermal", seed=1)
    return MCL(make_model(), student, Weights(ld=1), teacher_modality="rgb")


def _two_levels() -> MCL:
    student = make_model(modality="thermal", seed=1)
    return MCL(make_model(modality="thermal"), student, Weights(fi=1))


def _kd_loss(tough: str) -> TwoTeachers:
    teachers = (make_model(modality=tough), make_model(modality=tough, seed=2))
    return TwoTeachers(*teachers, make_model(modality="thermal", seed=1))


READERS = [
    (lambda: TaskObjective(make_model(), "rgb"), {"rgb"}),
    (_thermal_student, {"thermal"}),
    (lambda: KTL(make_model(), make_model(modality="thermal"), Weights(fd=1)), {"rgb", "thermal"}),
    (lambda: KTL(make_model(), make_model(modality="thermal"), Weights()), {"thermal"}),
    (_one_step, {"rgb", "thermal"}),
    (_two_levels, {"thermal"}),
    (lambda: _kd_loss("thermal"), {"thermal"}),
    (lambda: _kd_loss("rgb"), {"rgb", "thermal"}),
]


@pytest.mark.parametrize(("make", "modalities"), READERS)
def test_a_batch_has_the_modalities_that_the_objective_reads_and_no_others(
    make, modalities, tmp_path
):
    objective, seen = make(), []
    forward = objective.forward

    def watched(batch, decay=1.0):
        images = {"rgb": batch.rgb, "thermal": batch.thermal}
        seen.append({name for name, values in images.items() if values is not None})
        return forward(batch, decay)

    objective.forward = watched
    config = FitConfig(steps=1, **CPU | {"evaluations": 1})
    run = Run(tmp_path, "test", config)
    fit(
        objective, make_pairs(), config, run, augmentation=Augmentation(), seed=0,
        validate=lambda: 0.5, progress=False,
    )  # fmt: skip
    assert objective.reads == modalities
    assert seen == [modalities]


def test_the_objective_gets_the_decay(tmp_path):
    class Recording(TaskObjective):
        def forward(self, batch, decay=1.0):
            decays.append(decay)
            return super().forward(batch, decay)

    decays = []
    objective = Recording(make_model(), "rgb")
    fit(
        objective,
        make_pairs(),
        FitConfig(steps=4, **CPU),
        Run(tmp_path, "test", FitConfig()),
        augmentation=Augmentation(),
        seed=0,
        validate=lambda: 0.0,
        distillation=Distillation(decay="linear", floor=0.2),
        progress=False,
    )
    assert decays == pytest.approx([1.0, 0.8, 0.6, 0.4])


def test_a_loss_that_is_not_finite_stops_with_step_and_term(tmp_path):
    class Diverging(TaskObjective):
        def forward(self, batch, decay=1.0):
            terms = super().forward(batch, decay)
            return {"task": terms["task"], "fd": terms["task"] * float("nan")}

    with pytest.raises(InputError, match="step 1: term 'fd' is nan"):
        fit(
            Diverging(make_model(), "rgb"),
            make_pairs(),
            FitConfig(steps=4, **CPU | {"evaluations": 4}),
            Run(tmp_path, "test", FitConfig()),
            augmentation=Augmentation(),
            seed=0,
            validate=lambda: 0.0,
            progress=False,
        )


def test_an_error_in_validation_appears_before_the_first_step(tmp_path):
    def broken():
        raise InputError("no validation data")

    run = Run(tmp_path, "test", FitConfig())
    with pytest.raises(InputError, match="no validation data"):
        fit(
            TaskObjective(make_model(), "rgb"),
            make_pairs(),
            FitConfig(steps=4, **CPU),
            run,
            augmentation=Augmentation(),
            seed=0,
            validate=broken,
            progress=False,
        )
    assert not (run.path / "metrics.jsonl").exists()


def test_a_misspelt_hyperparameter_is_refused():
    with pytest.raises(ValidationError, match="epohcs"):
        FitConfig(epohcs=5)


class Config(BaseModel):
    seed: int = 7


def test_a_run_has_its_provenance(tmp_path):
    run = Run(tmp_path / "run", "train", Config(), seed=7)
    run.note(data="abc")
    run.log(step=1, task=0.25)
    run.errors([{"id": "a", "nme": 0.1}])
    result = run.finish(nme=0.1)
    provenance = json.loads((run.path / "provenance.json").read_text())
    assert (
        provenance["stage"] == "train" and provenance["seed"] == 7 and provenance["data"] == "abc"
    )
    assert provenance["libraries"]["torch"].startswith(torch.__version__.split("+")[0])
    assert json.loads((run.path / "config.json").read_text()) == {"seed": 7}
    assert json.loads((run.path / "result.json").read_text()) == result
    assert read_metrics(run.path) == [{"step": 1, "task": 0.25}]
    assert (run.path / "errors.csv").read_text().splitlines() == ["id,nme", "a,0.1"]


def test_a_resumed_run_counts_the_minutes_before_its_interruption(tmp_path):
    run = Run(tmp_path, "train", Config())
    run.resume(['{"step": 1}'], minutes=30)
    run.finish()
    assert read_metrics(tmp_path) == [{"step": 1}]
    assert 30 <= json.loads((tmp_path / "provenance.json").read_text())["minutes"] < 40


def test_a_new_run_removes_an_old_result(tmp_path):
    """A run that is started again and then killed must not look complete."""
    Run(tmp_path, "train", Config()).finish(nme=0.1)
    Run(tmp_path, "train", Config())
    assert not (tmp_path / "result.json").exists()


class Reading(BaseModel):
    weights: Path


@pytest.mark.parametrize("name", ["model.safetensors", "errors.csv"])
def test_a_run_does_not_replace_its_input(tmp_path, name):
    first = tmp_path / "first"
    first.mkdir()
    (first / name).write_bytes(b"weights")
    with pytest.raises(InputError, match=f"this run's input weights .{name}.*another folder"):
        Run(first / ".." / "first", "evaluate", Reading(weights=first / name))
    assert [path.name for path in first.iterdir()] == [name]
    Run(first / "scores", "evaluate", Reading(weights=first / name))
    Run(tmp_path, "evaluate", Reading(weights=first / name))


def test_trained_weights_are_kept_until_a_new_run_is_complete(tmp_path):
    """Under another name, so that they cannot be mistaken for the new weights."""
    (tmp_path / "model.safetensors").write_bytes(b"old")
    run = Run(tmp_path, "train", Config())
    assert not run.weights.exists()
    assert (tmp_path / "model.safetensors.before").read_bytes() == b"old"
    Run(tmp_path, "train", Config())  # started again, after it failed
    assert (tmp_path / "model.safetensors.before").read_bytes() == b"old"
    run.weights.write_bytes(b"new")
    run.finish()
    assert [path.name for path in tmp_path.glob("model*")] == ["model.safetensors"]


@pytest.mark.parametrize("stage", ["evaluate", "attribute", "score"])
def test_scores_are_not_written_into_a_training_run(tmp_path, stage):
    Run(tmp_path, "train", Config()).weights.write_bytes(b"weights")
    with pytest.raises(InputError, match="contains a trained network; choose another folder"):
        Run(tmp_path, stage, Config())
    assert (tmp_path / "model.safetensors").read_bytes() == b"weights"


def test_a_run_is_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file; name a folder"):
        Run(tmp_path / "file", "train", Config())


@pytest.mark.parametrize("wrong", [{"accelerator": "gpuu"}, {"accelerator": "cpu", "devices": 0}])
def test_an_unavailable_accelerator(tmp_path, wrong):
    with pytest.raises(InputError, match=f"fit.accelerator={wrong['accelerator']}"):
        make_fabric(FitConfig(**wrong))


def test_the_data_hash_depends_on_images_landmarks_and_labels():
    pairs = make_pairs(4)
    hashes = {data_hash(pairs), data_hash(pairs.with_labels(2, seed=0))}
    pairs.landmarks[0, 0, 0] += 1e-3
    hashes.add(data_hash(pairs))
    pairs.rgb[0, 0, 0, 0] += 1
    hashes.add(data_hash(pairs))
    assert len(hashes) == 4
    assert data_hash(make_pairs(4)) == data_hash(make_pairs(4))
