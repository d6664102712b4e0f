"""Each measure against a second implementation, its properties, and cases with a known result."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcmkd.evaluation.evaluate import evaluate_model, score
from mlcmkd.evaluation.invariance import (
    Invariance,
    comparison,
    descriptors,
    joint_embedding,
    linear_cka,
    measure_invariance,
    modality_features,
    pca_colours,
    place_rows,
    probe_accuracy,
    recall_at_k,
)
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

SEEDS = st.integers(0, 2**32 - 1)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def on_circle(*degrees: float) -> np.ndarray:
    """Unit vectors; the angles are chosen so that their mean is zero and centring moves nothing."""
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def grey_pairs(count: int = 12):
    """Pairs whose thermal image is the RGB image, which has no colour."""
    pairs = make_pairs(count)
    grey = pairs.rgb[:, :1]
    # 257 = 65535 / 255: the same share of either range.
    heat = (grey.to(torch.int32) * 257).to(torch.uint16)
    return replace(pairs, rgb=grey.expand(-1, 3, -1, -1).contiguous(), thermal=heat)


def two_models():
    return make_model(seed=0), make_model(modality="thermal", seed=1)


# Linear CKA


def cka_by_gram_matrices(x: np.ndarray, y: np.ndarray) -> float:
    """HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with n x n matrices, Kornblith et al., eq. 3."""
    centring = np.eye(len(x)) - 1 / len(x)
    of_x, of_y = (centring @ values @ values.T @ centring for values in (x, y))
    return np.trace(of_x @ of_y) / np.sqrt(np.trace(of_x @ of_x) * np.trace(of_y @ of_y))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(5, 30), st.integers(1, 8), st.integers(1, 8), st.floats(0, 1))
def test_cka_is_what_gram_matrices_give(seed, rows, p, q, shared):
    x = normal(seed, rows, p) + 3
    y = shared * x[:, :1] + (1 - shared) * normal(seed + 1, rows, q) - 2
    assert linear_cka(x, y) == pytest.approx(cka_by_gram_matrices(x, y), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.01, 100), st.floats(-10, 10))
def test_cka_ignores_rotation_scale_and_offset_and_the_order_of_its_arguments(seed, scale, offset):
    x, y = normal(seed, 40, 6), normal(seed + 1, 40, 4)
    rotation, _ = np.linalg.qr(normal(seed + 2, 6, 6))
    plain = linear_cka(x, y)
    assert linear_cka(scale * x @ rotation + offset, y) == pytest.approx(plain, rel=1e-6)
    assert linear_cka(y, x) == pytest.approx(plain, rel=1e-9)
    assert linear_cka(x, scale * x @ rotation + offset) == pytest.approx(1, rel=1e-6)
    assert 0 <= plain <= 1


def test_cka_notices_a_squeezed_axis():
    x = normal(0, 500, 2)
    assert linear_cka(x, x * [1, 0.01]) == pytest.approx(1 / np.sqrt(2), abs=0.05)


def test_cka_of_unrelated_features_falls_with_the_rows():
    assert linear_cka(normal(0, 5000, 10), normal(1, 5000, 10)) < 0.01
    assert linear_cka(normal(0, 20, 10), normal(1, 20, 10)) > 0.1


def test_cka_of_a_constant_is_zero_and_rows_have_to_match():
    assert linear_cka(np.ones((9, 3)), normal(0, 9, 3)) == 0
    with pytest.raises(InputError, match="9 rows and 8"):
        linear_cka(normal(0, 9, 3), normal(0, 8, 3))


def test_a_row_is_a_place_of_a_face():
    features = torch.randn(2, 3, 4, 5)
    rows = place_rows(features)
    assert rows.shape == (40, 3)
    assert np.array_equal(rows[1 * 20 + 2 * 5 + 3], features[1, :, 2, 3].numpy())


# Recall


def test_recall_of_exchanged_counterparts():
    gallery = on_circle(0, 20, 180, 200)
    assert recall_at_k(gallery, gallery) == 1
    assert recall_at_k(gallery[[1, 0, 2, 3]], gallery) == 0.5
    both = gallery[[1, 0, 3, 2]]
    assert [recall_at_k(both, gallery, k) for k in (1, 2)] == [0, 1]


def test_recall_goes_from_queries_to_gallery():
    """40 degrees is nearer to 0 than to its counterpart, 90; 90 is nearest to its counterpart, 40."""
    queries, gallery = on_circle(0, 40, 180, 220), on_circle(0, 90, 180, 270)
    assert recall_at_k(queries, gallery) == 0.5
    assert recall_at_k(gallery, queries) == 1


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(0.1, 10), st.integers(1, 12))
def test_recall_ignores_offset_and_scale_of_either_side(seed, scale, k):
    queries, gallery = normal(seed, 12, 5), normal(seed + 1, 12, 5)
    moved = scale * queries + 7 * normal(seed + 2, 1, 5)
    assert recall_at_k(moved, gallery, k) == pytest.approx(recall_at_k(queries, gallery, k))


def test_recall_of_uninformative_features_is_chance():
    same = np.ones((8, 4))
    assert recall_at_k(same, same) == pytest.approx(1 / 8)
    assert recall_at_k(same, same, 3) == pytest.approx(3 / 8)
    unrelated = [recall_at_k(normal(s, 50, 6), normal(s + 999, 50, 6), 5) for s in range(40)]
    assert np.mean(unrelated) == pytest.approx(5 / 50, abs=0.03)


def test_recall_refuses_invalid_input():
    with pytest.raises(InputError, match="k = 5"):
        recall_at_k(np.eye(4), np.eye(4), 5)
    with pytest.raises(InputError, match="equal shapes"):
        recall_at_k(np.eye(4), np.eye(5))


def test_a_descriptor_keeps_places_apart():
    features = torch.zeros(2, 1, 8, 8)
    features[0, 0, :2, :2] = 1
    features[1, 0, 6:, 6:] = 1
    found = descriptors(features)
    assert found.shape == (2, 16)
    assert found[0].argmax() == 0 and found[1].argmax() == 15 and found.max() == 1


# The probe


def test_equal_features_cannot_be_told_apart_and_shifted_ones_can():
    features, subjects = normal(0, 40, 6), [f"s{n // 2}" for n in range(40)]
    assert probe_accuracy(features, features, subjects) == 0.5
    shifted = features + [0, 0, 8, 0, 0, 0]
    assert probe_accuracy(features, shifted, subjects) == 1


def test_the_probe_is_tested_on_subjects_it_has_not_seen():
    """The sign of each subject's features shows the modality, which does not generalise to others.

    With a separate subject name for each image the probe memorises the subjects; folds by subject
    prevent this leak.
    """
    subjects = np.repeat(np.arange(20), 10)
    own = normal(0, 20, 200)[subjects]
    rgb, thermal = own + 0.1 * normal(1, *own.shape), -own + 0.1 * normal(2, *own.shape)
    leaking = probe_accuracy(rgb, thermal, tuple(f"image{n}" for n in range(200)))
    closed = probe_accuracy(rgb, thermal, tuple(f"subject{n}" for n in subjects))
    assert leaking == 1
    assert closed < 0.75


def test_the_probe_does_not_mind_the_scale_of_a_channel():
    """A faint channel that differs by eight standard deviations also reveals the modality."""
    features = normal(0, 60, 4) * [1, 1, 1, 1e-4]
    shifted = features + [0, 0, 0, 8e-4]
    assert probe_accuracy(features, shifted, tuple(map(str, range(60)))) > 0.95


def test_the_probe_needs_two_subjects():
    with pytest.raises(InputError, match="two or more"):
        probe_accuracy(normal(0, 9, 2), normal(1, 9, 2), ("one",) * 9)


# All of it


def test_each_model_on_its_own_modality_equals_evaluation():
    (teacher, student), pairs = two_models(), make_pairs(10)
    swap = measure_invariance(teacher, student, pairs).head_swap
    assert swap[0, 0] == pytest.approx(evaluate_model(teacher, pairs, "rgb").nme, rel=1e-6)
    assert swap[1, 1] == pytest.approx(evaluate_model(student, pairs, "thermal").nme, rel=1e-6)


def test_rows_of_the_matrix_are_features_and_columns_are_heads():
    (teacher, student), pairs = two_models(), make_pairs(10)
    with torch.no_grad():  # heads as spread as trained ones, or all four numbers would be alike
        student.head.maps.weight.mul_(50)
        teacher.head.maps.weight.mul_(200)
    swap = measure_invariance(teacher, student, pairs).head_swap
    assert np.ptp(swap) > 1e-3
    for row, column, features_of, modality, head_of in (
        (0, 1, teacher, "rgb", student),
        (1, 0, student, "thermal", teacher),
    ):
        mixed = copy.deepcopy(features_of)
        mixed.head = head_of.head
        assert swap[row, column] == pytest.approx(evaluate_model(mixed, pairs, modality).nme, 1e-5)


def test_a_head_predicts_in_its_own_scheme():
    pairs = make_pairs(10)
    teacher, student = make_model(), make_model(modality="thermal", scheme="sf_tl54")
    pairs_54 = replace(pairs, scheme="sf_tl54", landmarks=pairs.landmarks[:, :54])
    swap = measure_invariance(teacher, student, pairs_54).head_swap
    assert swap[0, 0] == pytest.approx(evaluate_model(teacher, pairs_54, "rgb").nme, rel=1e-6)
    assert swap[1, 1] == pytest.approx(evaluate_model(student, pairs_54, "thermal").nme, rel=1e-6)


def test_a_copy_that_sees_the_same_is_invariant_by_every_measure():
    teacher, pairs = make_model(), grey_pairs()
    found = measure_invariance(teacher, copy.deepcopy(teacher), pairs)
    assert found.head_swap == pytest.approx(np.full((2, 2), found.head_swap[0, 0]), rel=1e-4)
    assert found.cka == pytest.approx(1, abs=1e-4)
    assert found.cka_other_face < 0.99
    assert found.recall_at_1 == 1
    assert found.probe_accuracy == pytest.approx(0.5, abs=0.05)


def test_thermal_images_are_the_queries_and_rgb_images_the_gallery(monkeypatch):
    (teacher, student), pairs = two_models(), make_pairs(10)
    calls = []
    monkeypatch.setattr(comparison, "recall_at_k", lambda q, g: calls.append((q, g)) or 0.0)
    measure_invariance(teacher, student, pairs)
    ((queries, gallery),) = calls
    assert np.array_equal(queries, descriptors(modality_features(student, pairs, "thermal")))
    assert np.array_equal(gallery, descriptors(modality_features(teacher, pairs, "rgb")))


def test_nothing_depends_on_the_batch():
    (teacher, student), pairs = two_models(), make_pairs(10)
    whole = measure_invariance(teacher, student, pairs).summary()
    assert measure_invariance(teacher, student, pairs, batch=3).summary() == pytest.approx(
        whole, abs=1e-4
    )


def test_models_are_not_changed():
    (teacher, student), pairs = two_models(), make_pairs(8)
    teacher.train()
    teacher.neck.eval()  # a mixture, which a mere train() afterwards would lose
    student.eval()
    models = (teacher, student)
    before = [{name: value.clone() for name, value in m.state_dict().items()} for m in models]
    modes = [[module.training for module in m.modules()] for m in models]
    measure_invariance(teacher, student, pairs)
    assert modes == [[module.training for module in m.modules()] for m in models]
    for model, kept in zip(models, before, strict=True):
        assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())
        assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not modality_features(teacher, pairs, "rgb").requires_grad


def test_modes_come_back_after_a_failure_too(monkeypatch):
    model = make_model().train()
    monkeypatch.setattr(model, "features", lambda images: images.unknown)
    with pytest.raises(AttributeError):
        modality_features(model, make_pairs(2), "rgb")
    assert all(module.training for module in model.modules())


def test_features_are_those_of_evaluation_mode():
    model, pairs = make_model().train(), make_pairs(4)
    assert torch.allclose(
        modality_features(model, pairs, "rgb"),
        modality_features(copy.deepcopy(model).eval(), pairs, "rgb", batch=1),
        atol=1e-5,
    )


def test_faces_are_labelled_and_drawn_by_the_seed():
    (teacher, student), pairs = two_models(), make_pairs(16).with_labels(12, seed=0)

    def measured(**options):
        return measure_invariance(teacher, student, pairs, **options)

    assert measured().faces == measured(faces=None).faces == measured(faces=99).faces == 12
    assert measured(faces=9).summary() == measured(faces=9).summary()
    assert measured(faces=9).faces == 9
    assert measured(faces=9).cka != measured(faces=9, seed=1).cka
    chosen = np.flatnonzero(pairs.labelled.numpy())
    kept = pairs.subset(chosen)
    own = score(evaluate_model(teacher, kept, "rgb").prediction, "ibug68", kept).nme
    assert measured().head_swap[0, 0] == pytest.approx(own, rel=1e-6)


def test_the_summary_is_flat_and_puts_each_number_under_its_name():
    found = Invariance(
        faces=200,
        head_swap=np.array([[0.1, 0.2], [0.3, 0.4]]),
        cka=0.5,
        cka_other_face=0.6,
        recall_at_1=0.7,
        probe_accuracy=0.8,
    )
    assert found.summary() == {
        "invariance_faces": 200,
        "swap_teacher_features_teacher_head": 0.1,
        "swap_teacher_features_student_head": 0.2,
        "swap_student_features_teacher_head": 0.3,
        "swap_student_features_student_head": 0.4,
        "cka": 0.5,
        "cka_other_face": 0.6,
        "recall_at_1": 0.7,
        "probe_accuracy": 0.8,
    }


def test_what_cannot_be_compared_is_refused():
    (teacher, student), pairs = two_models(), make_pairs(8)
    for message, wrong in {
        "48 channels, the student's 64": (teacher, make_model("small"), pairs),
        "teacher takes 32 px, the student 64": (teacher, make_model(input_px=64), pairs),
        "needs thermal images": (teacher, student, replace(pairs, thermal=None)),
        "needs rgb images": (teacher, student, replace(pairs, rgb=None)),
        "takes 32 px input, but the pairs were cropped for 64": (
            teacher,
            student,
            make_pairs(8, input_px=64),
        ),
        "none of the pairs is labelled": (teacher, student, pairs.with_labels(0, seed=0)),
        "7 labelled pairs are too few": (teacher, student, pairs.with_labels(7, seed=0)),
        "two or more": (teacher, student, replace(pairs, subjects=("one",) * 8)),
    }.items():
        with pytest.raises(InputError, match=message):
            measure_invariance(*wrong)


# Projections


def test_equal_features_have_equal_colours_on_both_sides():
    features = torch.randn(3, 5, 4, 6)
    rgb_maps, thermal_maps = pca_colours(features, features.clone())
    assert rgb_maps.shape == (3, 4, 6, 3)
    assert rgb_maps == pytest.approx(thermal_maps)
    assert rgb_maps.min() == 0 and rgb_maps.max() == 1


def test_colours_are_scaled_for_both_sides_together():
    """One channel carries all: red follows it, and an offset between the sides stays visible."""
    features = 1e-3 * torch.randn(2, 5, 4, 4)
    features[:, 2] += torch.linspace(0, 1, 32).view(2, 4, 4)
    moved = features.clone()
    moved[:, 2] += 3
    rgb_maps, thermal_maps = pca_colours(features, moved)
    red = np.abs(np.corrcoef(rgb_maps[..., 0].ravel(), features[:, 2].flatten().numpy())[0, 1])
    assert red > 0.95
    assert abs(rgb_maps[..., 0].mean() - thermal_maps[..., 0].mean()) > 0.5


def test_a_plane_keeps_the_offset_between_the_sides():
    x = normal(0, 20, 30)
    y = x + np.r_[50, np.zeros(29)]
    points_x, points_y = joint_embedding(x, y)
    assert points_x.shape == points_y.shape == (20, 2)
    assert np.linalg.norm(points_y - points_x, axis=1) == pytest.approx(np.full(20, 50), rel=0.02)
    points_x, points_y = joint_embedding(x, x)
    assert points_x == pytest.approx(points_y)


def test_tsne_takes_few_points_and_repeats_itself():
    x, y = normal(0, 6, 10), normal(1, 6, 10)
    first, second = (joint_embedding(x, y, seed=3, method="tsne") for _ in range(2))
    assert first[0].shape == first[1].shape == (6, 2)
    assert np.array_equal(first[0], second[0])
    with pytest.raises(InputError, match="use pca or tsne"):
        joint_embedding(x, y, method="umap")
