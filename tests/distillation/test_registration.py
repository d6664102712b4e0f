"""Registration from shapes: maps, shares, wrong pairs, by hand and on made-up errors."""

import numpy as np
import pytest

from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.distillation.registration.estimate import in_rgb_image, register_shapes
from mlcmkd.distillation.registration.motion import (
    apply_maps,
    fit_motion,
    maps_of,
    residuals,
)
from mlcmkd.distillation.registration.report import NOT_FOLLOWED, WRONG, lines, rows, summary
from mlcmkd.distillation.registration.shrinkage import shrink
from mlcmkd.distillation.registration.wrong_pairs import DEVIATIONS, residual_limit

TRANSLATION = RegistrationConfig(motion="translation")


def shapes(count: int, seed: int = 0, points: int = 10) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (count, points, 2))


def similarity(angle: float, size: float, x: float, y: float) -> np.ndarray:
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    return np.array([[[cos, -sin, x], [sin, cos, y]]])


def seen_through(rgb: np.ndarray):
    """A teacher without error: the RGB shapes, on images that are cut through maps."""

    def predict(maps):
        if maps is None:
            return rgb
        eye = np.eye(2)
        inverse = [
            np.concatenate(
                (np.linalg.solve(m[:, :2], eye), -np.linalg.solve(m[:, :2], m[:, 2:])), 1
            )
            for m in maps
        ]
        return in_rgb_image(apply_maps(np.stack(inverse), rgb), maps)

    return predict


# --- maps ---------------------------------------------------------------------------------------


def test_an_offset_is_the_mean_difference_of_the_landmarks():
    thermal = np.array([[[0.0, 0.0], [0.2, 0.0], [0.1, 0.3]]])
    rgb = thermal + [[[0.1, 0.0], [0.1, 0.06], [0.1, -0.03]]]
    found = fit_motion(thermal, rgb, "translation")
    assert found == pytest.approx(np.array([[0.1, 0.01, 0, 0]]))
    moved = apply_maps(maps_of(found, thermal), thermal)
    assert moved == pytest.approx(thermal + [0.1, 0.01])
    # Distances of (0, -0.01), (0, 0.05), (0, -0.04).
    assert residuals(maps_of(found, thermal), thermal, rgb) == pytest.approx([0.1 / 3])


@pytest.mark.parametrize("angle", [-0.4, 0.0, 0.15])
def test_a_similarity_is_recovered_exactly(angle):
    thermal = shapes(1)
    true = similarity(angle, 1.1, 0.05, -0.12)
    found = fit_motion(thermal, apply_maps(true, thermal), "similarity")
    assert maps_of(found, thermal) == pytest.approx(true)
    assert found[0, 2:] == pytest.approx([angle, np.log(1.1)])


def test_a_translation_has_no_rotation_even_if_the_shapes_have():
    thermal = shapes(1)
    rgb = apply_maps(similarity(0.2, 1.2, 0, 0), thermal)
    assert fit_motion(thermal, rgb, "translation")[0, 2:] == pytest.approx([0, 0])


# --- shares -------------------------------------------------------------------------------------


def test_the_share_is_the_ratio_of_the_variances():
    labelled = np.array([True, True, False, False])
    parameters = np.zeros((4, 4))
    parameters[:, 0] = [0.0, 0.2, -0.1, 0.5]  # variances 0.02 and 0.18; y adds 0 to both
    found = shrink(parameters, labelled, np.ones(4, dtype=bool))
    assert found.shares[0] == pytest.approx(1 / 9)
    # Towards the labelled mean 0.1.
    assert found.parameters[:, 0] == pytest.approx([0, 0.2, 0.1 - 0.2 / 9, 0.1 + 0.4 / 9])
    assert found.rig[0] == pytest.approx(0.1) and found.student[0] == pytest.approx(0.08**0.5)
    assert found.remaining[0] == pytest.approx(0.1 * (8 / 9) ** 0.5)


def test_a_share_is_at_most_one():
    labelled = np.array([True, True, False, False])
    parameters = np.zeros((4, 4))
    parameters[:, 0] = [0.0, 0.4, 0.1, 0.2]
    found = shrink(parameters, labelled, np.ones(4, dtype=bool))
    assert found.shares[0] == 1 and (found.parameters == parameters).all()


def test_pairs_that_do_not_count_change_no_share():
    labelled = np.array([True, True, False, False, False])
    parameters = np.zeros((5, 4))
    parameters[:, 0] = [0.0, 0.2, -0.1, 0.5, 9.0]
    found = shrink(parameters, labelled, np.array([True, True, True, True, False]))
    assert found.shares[0] == pytest.approx(1 / 9)


@pytest.mark.parametrize("labels", [0, 1])
def test_without_a_variance_the_offsets_are_followed_as_they_are(labels):
    parameters = np.random.default_rng(0).normal(size=(5, 4))
    found = shrink(parameters, np.arange(5) < labels, np.ones(5, dtype=bool))
    assert (found.parameters == parameters).all() and np.isnan(found.remaining).all()


# --- the whole ----------------------------------------------------------------------------------


def test_aligned_pairs_stay_as_they_are_when_the_share_says_so():
    """The labelled pairs are exactly aligned, so every offset of the others is the student's error."""
    rgb, labelled = shapes(60), np.arange(60) < 20
    thermal = (
        rgb + np.where(labelled, 0, np.random.default_rng(1).normal(0, 0.05, (2, 60))).T[:, None]
    )
    found = register_shapes(thermal, labelled, seen_through(rgb), TRANSLATION)
    assert found.shrunk.shares[0] == 0
    assert found.maps == pytest.approx(np.broadcast_to(np.eye(2, 3), (60, 2, 3)))
    assert found.followed and not found.left_out.any()


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_student_without_error_finds_every_map(rounds):
    rng, thermal = np.random.default_rng(2), shapes(40)
    true = np.concatenate(
        [
            similarity(*each)
            for each in rng.uniform((-0.2, 0.9, -0.1, -0.1), (0.2, 1.1, 0.1, 0.1), (40, 4))
        ]
    )
    config = RegistrationConfig(motion="similarity", rounds=rounds)
    teacher = seen_through(apply_maps(true, thermal))
    # Residuals are rounding errors, which say nothing about wrong pairs.
    found = register_shapes(
        thermal, np.ones(40, bool), teacher, config.model_copy(update={"leave_out": False})
    )
    assert found.maps == pytest.approx(true)


def test_a_second_round_repairs_what_a_teacher_misses_on_shifted_images():
    """A teacher that sees only half of a shift: each round halves what is left."""
    rgb = shapes(30)
    thermal = rgb - 0.2

    def predict(maps):
        seen = rgb if maps is None else apply_maps(maps * [1, 1, -1], rgb)
        return in_rgb_image(seen - 0.5 * (seen - (rgb - 0.2)), maps)

    def left(rounds):
        config = RegistrationConfig(motion="translation", rounds=rounds, leave_out=False)
        found = register_shapes(thermal, np.ones(30, bool), predict, config)
        return 0.2 - found.maps[:, 0, 2].mean()

    assert left(1) == pytest.approx(0.1) and left(2) == pytest.approx(0.05)


def noisy_case(count: int = 400, labels: int = 60, error: float = 0.01, rig: float = 0.06):
    """Shapes of pairs that are `rig` apart, with a student's errors, and what is true."""
    rng = np.random.default_rng(3)
    thermal = shapes(count, 4, points=68)
    offset = rng.normal(0, rig, (count, 2))
    rgb = thermal + offset[:, None] + rng.normal(0, 0.01, thermal.shape)
    labelled = np.arange(count) < labels
    guess = thermal + rng.normal(0, error, (count, 1, 2)) + rng.normal(0, 0.02, thermal.shape)
    return np.where(labelled[:, None, None], thermal, guess), rgb, labelled, offset


def test_shifted_pairs_are_registered():
    thermal, rgb, labelled, offset = noisy_case()
    found = register_shapes(thermal, labelled, seen_through(rgb), TRANSLATION)
    shift = found.maps[:, :, 2]
    assert np.corrcoef(shift[~labelled].ravel(), offset[~labelled].ravel())[0, 1] > 0.97
    assert found.shrunk.shares[0] > 0.8 and found.followed
    report = summary(found, 64)
    assert report["offset_px"] == pytest.approx(64 * np.median(np.hypot(*offset.T)), rel=0.05)
    assert f"{report['offset_px']:.1f} px of 64 apart" in lines(report, 64)[0]


def test_wrong_pairs_are_found_and_listed():
    thermal, rgb, labelled, _ = noisy_case()
    rgb[50:70] = shapes(20, 9, points=68)  # of other faces; half of these pairs have a label
    found = register_shapes(thermal, labelled, seen_through(rgb), TRANSLATION)
    assert found.wrong[50:70].all() and found.wrong.sum() <= 20 + 0.03 * 380
    table = rows(found, [f"p{n}" for n in range(400)], 64)
    assert {row["pair"] for row in table if row["left_out"] == WRONG} >= {
        f"p{n}" for n in range(50, 70)
    }
    assert summary(found, 64)["wrong_pairs"] == found.wrong.sum()
    kept = RegistrationConfig(motion="translation", leave_out=False)
    assert not register_shapes(thermal, labelled, seen_through(rgb), kept).wrong.any()


def test_the_limit_is_a_number_of_deviations_of_the_logarithm():
    logarithms = np.random.default_rng(0).normal(1, 0.3, 20_000)
    assert np.log(residual_limit(np.exp(logarithms))) == pytest.approx(
        1 + 0.3 * DEVIATIONS, abs=0.03
    )
    assert residual_limit(np.ones(19)) == np.inf


def test_a_bad_first_student_is_reported_and_not_followed():
    thermal, rgb, labelled, _ = noisy_case(error=0.2)  # 13 px of 64, where the rig has 4
    found = register_shapes(thermal, labelled, seen_through(rgb), TRANSLATION)
    assert found.shrunk.shares[0] < 0.2 and not found.followed
    assert found.left_out[~labelled].all() and not (found.left_out & labelled & ~found.wrong).any()
    report = summary(found, 64)
    assert report["followed"] is False and report["left_out"] >= 340
    assert "its shifts are not used" in lines(report, 64)[2]
    assert rows(found, [str(n) for n in range(400)], 64)[399]["left_out"] in (NOT_FOLLOWED, WRONG)


@pytest.mark.parametrize(("error", "mentioned"), [(0.03, True), (0.005, False)])
def test_shifts_that_remain_are_mentioned(error, mentioned):
    """Errors of 2.7 and 0.5 px of 64, where the pairs are 5.4 px apart."""
    thermal, rgb, labelled, offset = noisy_case(2000, 1000, error)
    found = register_shapes(thermal, labelled, seen_through(rgb), TRANSLATION)
    report = summary(found, 64)
    assert found.followed and any("remain" in line for line in lines(report, 64)) == mentioned
    if mentioned:
        off = found.maps[~labelled][:, :, 2] - offset[~labelled]
        # The labelled pairs alone tell how much remains.
        assert report["remaining_px"] == pytest.approx(
            64 * np.sqrt((off**2).sum(1).mean()), rel=0.2
        )


def test_a_bad_first_student_is_no_loss_where_the_pairs_are_aligned():
    thermal, rgb, labelled, _ = noisy_case(error=0.2, rig=0.005)
    found = register_shapes(thermal, labelled, seen_through(rgb), TRANSLATION)
    assert found.followed and found.shrunk.shares[0] < 0.01
    assert np.abs(found.maps[~labelled][:, :, 2]).max() < 0.02
