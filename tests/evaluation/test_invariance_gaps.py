"""Gaps to invariance between networks of different width: by adapters, or left out."""

import numpy as np
import pytest
import torch

from mlcmkd.distillation.adapters import Adapter
from mlcmkd.evaluation.evaluate import score
from mlcmkd.evaluation.invariance import (
    descriptors,
    linear_cka,
    modality_features,
    place_rows,
    probe_accuracy,
    recall_at_k,
)
from mlcmkd.evaluation.invariance.gaps import GAPS, invariance_gaps
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

PAIRS = make_pairs(8)
TEACHER, STUDENT = make_model("small"), make_model("light", "thermal", seed=1)


def gaps(student: Landmarker = STUDENT, **adapters) -> dict[str, float]:
    found = invariance_gaps(TEACHER, student, PAIRS, groups=2, **adapters)
    return {name: gap.value for name, gap in found.items()}


@torch.no_grad()
def error_of(model: Landmarker, features: torch.Tensor) -> float:
    coordinates = model.head(features).coordinates.numpy()
    return 100 * score(coordinates, model.spec.scheme, PAIRS).nme


@pytest.fixture(scope="module")
def adapters() -> tuple[Adapter, Adapter]:
    torch.manual_seed(0)
    return Adapter(STUDENT.width, TEACHER.width), Adapter(TEACHER.width, STUDENT.width)


def test_the_measures_use_the_adapted_features(adapters):
    to_teacher, to_student = adapters
    found = gaps(to_teacher=to_teacher, to_student=to_student)
    assert list(found) == list(GAPS)
    rgb = modality_features(TEACHER, PAIRS, "rgb")
    thermal = modality_features(STUDENT, PAIRS, "thermal")
    with torch.no_grad():
        as_teacher, as_student = to_teacher(thermal), to_student(rgb)
    means = (each.mean(dim=(2, 3)).numpy() for each in (rgb, as_teacher))
    expected = {
        "teacher's head": abs(error_of(TEACHER, as_teacher) - error_of(TEACHER, rgb)),
        "student's head": abs(error_of(STUDENT, thermal) - error_of(STUDENT, as_student)),
        "retrieval": 100 * (1 - recall_at_k(descriptors(as_teacher), descriptors(rgb))),
        "probe": 100 * abs(probe_accuracy(*means, PAIRS.subjects) - 0.5),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-4), name


def test_cka_compares_the_features_themselves(adapters):
    rgb, thermal = (
        place_rows(modality_features(model, PAIRS, modality))
        for model, modality in ((TEACHER, "rgb"), (STUDENT, "thermal"))
    )
    half = len(thermal) // 2
    other = np.concatenate([thermal[-half:], thermal[:-half]])  # the maps of other faces
    expected = 100 * (1 - linear_cka(rgb, thermal)) / (1 - linear_cka(rgb, other))
    for given in ({}, {"to_teacher": adapters[0]}):
        assert gaps(**given)["CKA"] == pytest.approx(expected)


def test_a_measure_without_its_adapter_is_left_out(adapters):
    to_teacher, to_student = adapters
    assert list(gaps()) == ["CKA"]
    assert list(gaps(to_student=to_student)) == ["student's head", "CKA"]
    assert set(GAPS) - set(gaps(to_teacher=to_teacher)) == {"student's head"}


def test_an_adapter_that_changes_nothing_gives_the_gaps_of_equal_widths():
    student = make_model("small", "thermal", seed=1)
    adapter = Adapter(student.width, student.width)
    with torch.no_grad():  # features are not negative, so the ReLU changes nothing
        adapter.convolution.weight.copy_(torch.eye(student.width)[:, :, None, None])
        adapter.convolution.bias.zero_()
    same = gaps(student, to_teacher=adapter, to_student=adapter)
    assert same == pytest.approx(gaps(student), abs=1e-4)


def test_without_groups_there_are_values_only(adapters):
    whole = invariance_gaps(TEACHER, STUDENT, PAIRS, to_teacher=adapters[0], groups=2)
    alone = invariance_gaps(TEACHER, STUDENT, PAIRS, to_teacher=adapters[0], groups=0)
    assert all(len(gap.leave_one_out) == 0 for gap in alone.values())
    assert {name: gap.value for name, gap in alone.items()} == {
        name: gap.value for name, gap in whole.items()
    }


@pytest.mark.parametrize("finer", [1.0, 2.0])
def test_an_adapter_of_other_networks_is_refused(finer):
    width = STUDENT.width + (finer == 1)  # other channels, or another resolution
    with pytest.raises(InputError, match="adapter does not map .* give that of these two"):
        gaps(to_teacher=Adapter(width, TEACHER.width, finer))
