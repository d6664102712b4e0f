import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.distillation.decay import DECAYS, Decay, MovingAverage, decay_weight
from mlcmkd.utils.errors import InputError

BY_STEP = [kind for kind in DECAYS if kind != "progress"]


def test_values_by_hand():
    assert decay_weight("constant", 0.7) == 1
    assert decay_weight("linear", 0.25) == pytest.approx(0.75)
    assert decay_weight("linear", 1, floor=0.2) == pytest.approx(0.2)
    assert decay_weight("cosine", 0.5) == pytest.approx(0.5)
    assert decay_weight("cosine", 1 / 3) == pytest.approx(0.75)


@given(st.sampled_from(BY_STEP), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_never_rises_and_stays_between_floor_and_one(kind, a, b, floor):
    early, late = (Decay(kind, floor).weight(at) for at in sorted((a, b)))
    assert floor - 1e-12 <= late <= early + 1e-12 <= 1 + 2e-12


def test_bad_input():
    with pytest.raises(InputError, match="outside 0 to 1"):
        decay_weight("linear", 1.1)
    with pytest.raises(InputError, match="use one of constant, linear, cosine, progress"):
        decay_weight("sudden", 0.5)
    with pytest.raises(InputError, match="use one of constant, linear, cosine, progress"):
        Decay("sudden")


def test_a_moving_average_is_unbiased_from_its_first_value():
    mean = MovingAverage(smoothing=0.5)
    mean.add(torch.tensor(4.0))
    assert mean.value == 4
    mean.add(torch.tensor(1.0))
    # By hand: weights 0.25 and 0.5, sum 0.75.
    assert mean.value == pytest.approx((0.25 * 4 + 0.5 * 1) / 0.75)


def observed(decay: Decay, student: list[float], teacher: float) -> list[float]:
    weights = []
    for loss in student:
        decay.observe(torch.tensor(loss), torch.tensor(teacher))
        weights.append(float(decay.weight(0.99)))
    return weights


def test_progress_depends_on_the_losses_and_not_on_the_step():
    decay = Decay("progress", floor=0.1)
    assert decay.weight(0.9) == 1.0, "no loss observed yet"
    # Without smoothing the values can be computed by hand.
    decay.student.smoothing = decay.teacher.smoothing = 0.0
    weights = observed(decay, [3.0, 2.0, 1.5, 1.05, 0.5, 2.5], teacher=1.0)
    assert weights == pytest.approx([1.0, 0.5, 0.25, 0.1, 0.1, 0.75])


@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=30), st.floats(0.01, 100), st.floats(0, 1)
)
def test_progress_stays_between_floor_and_one(student, teacher, floor):
    weights = observed(Decay("progress", floor), student, teacher)
    assert all(floor - 1e-6 <= weight <= 1 + 1e-6 for weight in weights)


def test_a_student_that_starts_as_good_as_its_teacher_needs_only_the_floor():
    assert observed(Decay("progress", 0.2), [1.0, 1.0], teacher=1.0) == pytest.approx([0.2, 0.2])


def test_what_is_observed_carries_no_graph():
    loss = torch.ones(1, requires_grad=True).sum()
    decay = Decay("progress")
    decay.observe(loss, loss)
    assert not decay.weight(0.5).requires_grad
