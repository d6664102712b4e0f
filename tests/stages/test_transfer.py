"""The stage `transfer` with a student of another architecture or head than its teacher."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from mlcmkd.distillation.adapters import Adapters
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.models import Landmarker
from mlcmkd.stages.common import initialise_from
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.training.run_directory import ADAPTERS, WEIGHTS, read_metrics
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

FIELDS = {
    "data": {"synthetic_train": 12, "synthetic_held": 4},
    "fit": {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"},
}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    """An RGB teacher of two steps, with heatmaps."""
    out = tmp_path_factory.mktemp("teacher") / "run"
    train(TrainConfig(out=out, size="half", input_px=32, **FIELDS), progress=False)
    return out / WEIGHTS


def distil(teacher: Path, out: Path, **fields) -> Landmarker:
    config = TransferConfig(
        teacher=teacher, out=out, distillation={"strategy": "dikd+fd+ld"}, **FIELDS, **fields
    )
    transfer(config, progress=False)
    return Landmarker.load(out / WEIGHTS)


@pytest.mark.parametrize("head", ["heatmap", "coordinate"])
def test_a_student_of_another_architecture_learns_by_every_term(teacher, tmp_path, head):
    student = distil(teacher, tmp_path / "run", size="slim", head=head, init="fresh")
    assert (student.spec.size, student.spec.head, student.spec.modality) == (
        "slim",
        head,
        "thermal",
    )
    assert student.width != Landmarker.load(teacher).width  # adapters take part
    (line,) = read_metrics(tmp_path / "run")
    assert all(line[name] > 0 for name in ("task", "fd", "ld", "fi", "ri"))


def test_the_trained_adapters_are_stored_beside_the_weights(teacher, tmp_path, monkeypatch):
    objectives = []

    class Seen(KTL):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            objectives.append((self, deepcopy(self.adapters.state_dict())))

    monkeypatch.setattr("mlcmkd.stages.transfer.KTL", Seen)
    distil(teacher, tmp_path / "run", size="slim", init="fresh")
    ((objective, start),) = objectives
    stored = Adapters.load(tmp_path / "run" / ADAPTERS).state_dict()
    assert list(stored) == list(start)
    for name, value in objective.adapters.state_dict().items():
        assert torch.equal(stored[name], value.cpu()), name
        assert not torch.equal(stored[name], start[name]), name


def test_a_run_without_adapters_leaves_none_of_an_earlier_one(teacher, tmp_path):
    distil(teacher, tmp_path / "run", size="slim", init="fresh")
    assert (tmp_path / "run" / ADAPTERS).is_file()
    distil(teacher, tmp_path / "run")  # of the teacher's size
    assert not (tmp_path / "run" / ADAPTERS).exists()


def test_a_student_with_another_head_starts_from_the_rest_of_the_teacher(teacher, tmp_path):
    student = distil(teacher, tmp_path / "run", head="coordinate")
    assert (student.spec.size, student.spec.head) == ("half", "coordinate")


def test_all_but_the_head_is_copied():
    other, student = make_model(seed=0), make_model(seed=1, head="coordinate")
    head = {name: value.clone() for name, value in student.head.state_dict().items()}
    initialise_from(student, other, but_the_head=True)
    for part in ("backbone", "neck"):
        copied = getattr(student, part).state_dict()
        for name, value in getattr(other, part).state_dict().items():
            assert torch.equal(copied[name], value), name
    assert all(torch.equal(head[name], value) for name, value in student.head.state_dict().items())


def test_a_student_of_another_size_does_not_start_from_its_teacher(teacher, tmp_path):
    with pytest.raises(
        InputError, match="size slim: cannot start from the .* half teacher; set init"
    ):
        distil(teacher, tmp_path / "run", size="slim")
    assert not (tmp_path / "run" / WEIGHTS).exists()
