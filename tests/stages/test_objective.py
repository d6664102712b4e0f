"""An objective of one's own goes through training, validation and the run directory."""

import json

import pytest
import torch
from pydantic import Field

from mlcmkd.data.config import DataConfig
from mlcmkd.distillation.losses import feature_distance, landmark_loss, weighted_mean
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.distillation.teachers import FrozenTeacher
from mlcmkd.models import Landmarker
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.objective import train_objective
from mlcmkd.training.run_directory import WEIGHTS, read_metrics
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs


@pytest.fixture(scope="module", autouse=True)
def _random_pairs():
    """Every data set is eight random pairs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("load", "load_training"):
            patch.setattr(DataConfig, name, lambda *_, **__: make_pairs())
        yield


class Imitation(Objective):
    """The example of `Objective`."""

    def __init__(self, teacher: Landmarker, student: Landmarker):
        super().__init__(student)
        self.teacher = FrozenTeacher(teacher)

    @property
    def reads(self):
        return frozenset({"rgb", "thermal"})

    def forward(self, batch, decay=1.0):
        features = self.student.features(batch.images("thermal"))
        theirs = self.teacher.features(batch.images("rgb"))
        task = landmark_loss(self.student.head(features), batch.landmarks)
        return {
            "task": weighted_mean(task, batch.labelled.float()),
            "imitation": decay * feature_distance(features, theirs).mean(),
        }


class ImitationConfig(StageConfig):
    note: str = Field(default="ours")


def trained(out, objective, **options) -> dict:
    config = ImitationConfig(
        out=out, fit={"steps": 4, "batch": 4, "evaluations": 2, "accelerator": "cpu"}
    )
    pairs = config.data.load_training(objective.student.spec.input_px, config.seed, progress=False)
    return train_objective(objective, pairs, config, progress=False, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("imitation")
    objective = Imitation(make_model(), make_model(modality="thermal", seed=1))
    result = trained(out, objective, distillation=Distillation(decay="linear", floor=0))
    return out, objective, result


def test_the_run_directory_is_complete(run):
    out, objective, result = run
    assert json.loads((out / "result.json").read_text()) == result
    provenance = json.loads((out / "provenance.json").read_text())
    assert (provenance["stage"], provenance["seed"], provenance["pairs"]) == ("objective", 0, 8)
    assert json.loads((out / "config.json").read_text())["note"] == "ours"
    assert result["modality"] == "thermal" and result["split"] == "val"
    saved = Landmarker.load(out / WEIGHTS).state_dict()
    assert all(torch.equal(saved[n], v) for n, v in objective.student.state_dict().items())
    assert not list(out.glob("checkpoint*"))


def test_its_terms_are_logged_and_the_decay_reaches_it(run):
    rows = read_metrics(run[0])
    assert [row["step"] for row in rows] == [2, 4]
    assert [row["decay"] for row in rows] == [0.75, 0.25]
    assert all(row["total"] == row["task"] + row["imitation"] for row in rows)


def test_its_weights_can_be_evaluated(run, tmp_path):
    config = EvaluateConfig(out=tmp_path, weights=run[0] / WEIGHTS, split="val")
    result, _ = evaluate(config, progress=False)
    assert result["nme_percent"] == pytest.approx(run[2]["nme_percent"])


def test_invariance_is_logged_beside_an_rgb_teacher(tmp_path):
    teacher = make_model()
    objective = Imitation(teacher, make_model(modality="thermal", seed=1))
    trained(tmp_path, objective, rgb_teacher=teacher)
    assert "cka" in read_metrics(tmp_path)[-1]


def test_features_of_another_width_than_the_teachers_are_not_compared(tmp_path):
    student = make_model("slim", "thermal")
    teacher = make_model()
    assert teacher.width != student.width
    trained(tmp_path, TaskObjective(student, "thermal"), rgb_teacher=teacher)
    assert "cka" not in read_metrics(tmp_path)[-1]


def test_an_image_that_is_not_read_is_named(tmp_path):
    class Forgetful(Imitation):
        reads = frozenset({"thermal"})

    with pytest.raises(InputError, match="add 'rgb' to the objective's `reads`"):
        trained(tmp_path, Forgetful(make_model(), make_model(modality="thermal", seed=1)))
