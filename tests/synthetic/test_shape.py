"""Random geometry: who stays the same, what changes, and which expressions are drawn."""

from dataclasses import replace

import numpy as np
import pytest

from mlcmkd.synthetic.expression import KINDS, draw_expression
from mlcmkd.synthetic.head import load_head
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.shape import draw_shape

HEAD = load_head()


def draw(person: int, picture: int, realism: Realism | None = None):
    generators = np.random.default_rng([0, person]), np.random.default_rng([1, picture])
    return draw_shape(*generators, realism or Realism())


def test_the_identity_decides_the_head_and_the_sample_the_picture():
    first, same_person, same_picture = draw(0, 0), draw(0, 1), draw(1, 0)
    assert np.array_equal(first.identity, same_person.identity)
    assert first.stretch == same_person.stretch and first.pose != same_person.pose
    assert not np.array_equal(first.identity, same_picture.identity)
    assert first.pose == same_picture.pose and first.gaze == same_picture.gaze
    assert np.array_equal(first.expression, same_picture.expression)


def test_identities_stay_within_the_modes():
    identities = np.stack([draw(person, 0).identity for person in range(50)])
    assert identities.shape == (50, len(HEAD.modes)) and identities.dtype == np.float32
    assert np.abs(identities).max() <= 2.5
    assert identities.std() == pytest.approx(1, abs=0.05)


def test_switches_of_the_geometry():
    still = [draw(0, n, Realism(yaw_deviation=0, expressions=False)) for n in range(20)]
    assert all(shape.pose.yaw == 0 and shape.kind == "neutral" for shape in still)
    # Only the lids still move: they follow the eyes.
    others = [i for i, name in enumerate(HEAD.expression_names) if not name.startswith("eyeLook")]
    assert all((shape.expression[others] == 0).all() for shape in still)
    # The rest of the picture is the same as with expressions.
    assert still[3].gaze == draw(0, 3).gaze
    assert still[3].pose == replace(draw(0, 3).pose, yaw=0)


def test_lids_follow_the_eyes():
    for n in range(30):
        shape = draw(0, n)
        named = dict(zip(HEAD.expression_names, shape.expression, strict=True))
        looks = "Down" if shape.gaze[1] < 0 else "Up"
        assert named[f"eyeLook{looks}Left"] == pytest.approx(abs(shape.gaze[1]) / 30, abs=1e-6)


def test_vertices_are_those_of_the_head_stretched_in_width_and_height():
    shape = replace(draw(0, 0), stretch=(1.1, 0.9))
    plain = HEAD.vertices(shape.identity, shape.expression)
    vertices = shape.vertices()
    np.testing.assert_allclose(vertices, plain * [1.1, 0.9, 1], atol=1e-6)
    assert vertices.dtype == np.float32 and vertices.shape == HEAD.mean.shape


@pytest.fixture(scope="module")
def expressions():
    """Kinds and amounts of 1,000 expressions."""
    rng = np.random.default_rng(0)
    kinds, amounts = zip(*(draw_expression(rng) for _ in range(1000)), strict=True)
    return np.array(kinds), np.stack(amounts)


def amount(expressions, kind: str, name: str) -> np.ndarray:
    kinds, amounts = expressions
    return amounts[kinds == kind, HEAD.expression_names.index(name)]


def test_all_kinds_of_expressions_are_drawn(expressions):
    kinds, amounts = expressions
    assert set(kinds) == set(KINDS)
    assert np.mean(kinds == "neutral") == pytest.approx(0.27, abs=0.05)
    assert amounts.min() >= 0 and amounts.max() <= 1.15


def test_kinds_mean_what_they_say(expressions):
    assert amount(expressions, "smile", "mouthSmileLeft").min() > 0.1
    assert amount(expressions, "neutral", "mouthSmileLeft").max() == 0
    assert amount(expressions, "yawn", "jawOpen").min() >= 0.5
    assert amount(expressions, "neutral", "jawOpen").max() == 0
    # Both sides move nearly alike, never exactly.
    left, right = (amount(expressions, "smile", f"mouthSmile{side}") for side in ("Left", "Right"))
    assert np.corrcoef(left, right)[0, 1] > 0.8 and (left != right).mean() > 0.9


def test_some_eyes_are_closed_and_some_are_wide(expressions):
    kinds, amounts = expressions
    blink, wide = (
        amounts[kinds != "mixed", HEAD.expression_names.index(f"eye{name}Left")]
        for name in ("Blink", "Wide")
    )
    assert np.mean(blink > 0.8) == pytest.approx(0.12, abs=0.04)
    assert 0.05 < np.mean(wide > 0) < 0.15


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("eyeWideLeft", "eyeBlinkLeft"),
        ("eyeWideRight", "eyeSquintLeft"),
        ("browDownLeft", "browInnerUp"),
        ("mouthSmileLeft", "mouthFrownRight"),
        ("jawLeft", "jawRight"),
        ("cheekPuff", "jawOpen"),
    ],
)
def test_no_face_does_two_opposite_things(expressions, first, second):
    amounts = expressions[1]
    one, other = (amounts[:, HEAD.expression_names.index(name)] > 0 for name in (first, second))
    assert one.any() and other.any() and not (one & other).any()
