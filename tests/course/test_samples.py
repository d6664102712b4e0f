"""What several lessons share: networks, faces and measurements, made by one call."""

import numpy as np
import pytest
import torch

from mlcmkd import course
from mlcmkd.course.lesson import AttributionLesson, InvarianceLesson
from mlcmkd.evaluation.invariance import measure_invariance, modality_features


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("samples")


def test_the_maps_of_each_network_are_compared_with_those_of_the_rgb_teacher(work):
    lesson = AttributionLesson(scale="smoke", device="cpu", work=work, landmark=8)
    models = course.attribution_models(lesson)
    assert [*models] == ["RGB teacher", "none", "dikd", "light, dikd"]
    assert [m.spec.modality for m in models.values()] == ["rgb", "thermal", "thermal", "thermal"]
    measured = course.measure_agreement(lesson, models)
    batch, people = course.one_per_person(lesson.pairs("test"), 4)
    assert len(set(people)) == len(people) == len(measured.batch.rgb)
    assert torch.equal(measured.batch.thermal, batch.thermal)
    px = batch.thermal.shape[-1]
    assert {m.shape for m in measured.maps.values()} == {(len(people), 3, px, px)}
    names = ["start", "none", "dikd", "light, dikd"]
    outputs = ["landmark 8", "eyes", "mouth"]
    assert [*measured.agreements] == [(output, name) for output in outputs for name in names]
    # "start" is the teacher's network with the other modality.
    assert not torch.equal(measured.maps["start"], measured.maps["RGB teacher"])


def test_the_input_of_a_network_has_its_modality(work):
    lesson = AttributionLesson(scale="smoke", device="cpu", work=work)
    batch, _ = course.one_per_person(lesson.pairs("val"), 2)
    models = course.attribution_models(lesson)
    assert course.input_of(models["RGB teacher"], batch) is batch.rgb
    assert course.input_of(models["none"], batch) is batch.thermal


def test_students_are_measured_on_the_same_pairs_beside_their_common_start(work):
    lesson = InvarianceLesson(scale="smoke", device="cpu", work=work, faces=12)
    sample = course.invariance_sample(lesson)
    assert [*sample.runs] == ["none", "fd+ld", "dikd"]
    assert [*sample.students] == [*sample.measures] == ["start", "none", "fd+ld", "dikd"]
    assert len(sample.pairs) == 12 == len(sample.rgb_features)
    assert sample.students["start"] is sample.teacher
    thermal = modality_features(sample.teacher, sample.pairs, "thermal")
    assert torch.equal(sample.thermal_features["start"], thermal)
    again = measure_invariance(sample.teacher, sample.students["dikd"], sample.pairs, faces=None)
    np.testing.assert_equal(again.summary(), sample.measures["dikd"].summary())


def test_a_strategy_that_is_compared_anyway_is_trained_once(work):
    lesson = InvarianceLesson(scale="smoke", device="cpu", work=work, faces=12, strategy="fd+ld")
    assert [*course.invariance_sample(lesson).runs] == ["none", "fd+ld"]
