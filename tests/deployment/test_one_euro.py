"""The one-euro filter against a scalar version of the paper's algorithm, and its invariants."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.one_euro import OneEuro
from mlcmkd.deployment.smoothing import Smoother
from mlcmkd.utils.errors import InputError


class Scalar:
    """Algorithm 1 of Casiez et al., line by line, for one number at a time."""

    def __init__(self, mincutoff: float, beta: float, dcutoff: float):
        self.mincutoff, self.beta, self.dcutoff = mincutoff, beta, dcutoff
        self.first = True

    @staticmethod
    def alpha(rate: float, cutoff: float) -> float:
        tau = 1.0 / (2 * math.pi * cutoff)
        te = 1.0 / rate
        return 1.0 / (1.0 + tau / te)

    def __call__(self, x: float, rate: float) -> float:
        if self.first:
            self.first, dx = False, 0.0
            self.dhat, self.xhat = dx, x
            return x
        dx = (x - self.xhat) * rate
        a = self.alpha(rate, self.dcutoff)
        self.dhat = a * dx + (1 - a) * self.dhat
        cutoff = self.mincutoff + self.beta * abs(self.dhat)
        a = self.alpha(rate, cutoff)
        self.xhat = a * x + (1 - a) * self.xhat
        return self.xhat


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.002, 0.9)), min_size=1, max_size=40),
    st.floats(0.01, 10),
    st.floats(0, 10),
    st.floats(0.1, 10),
)
def test_it_is_the_papers_algorithm(steps, mincutoff, beta, dcutoff):
    """Also where the frame rate changes from frame to frame."""
    ours, theirs = OneEuro(mincutoff, beta, dcutoff), Scalar(mincutoff, beta, dcutoff)
    now = 0.0
    for x, dt in steps:
        now += dt
        wanted = theirs(x, 1 / dt)
        assert ours(np.array([x]), now)[0] == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_one_step_by_hand():
    """r = 2 pi 1 0.5 = pi for both; speed 2 pi/(pi+1); cut-off 1 + 0.5 speed."""
    ours = OneEuro(1.0, 0.5, 1.0)
    ours(np.array([0.0]), 0.0)
    speed = 2 * math.pi / (math.pi + 1)
    r = math.pi * (1 + 0.5 * speed)
    assert ours(np.array([1.0]), 0.5)[0] == pytest.approx(r / (r + 1))


def test_elements_are_independent():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, 3, 2))
    together, alone = OneEuro(1, 0.3), OneEuro(1, 0.3)
    for n, value in enumerate(values):
        assert together(value, n / 30)[1, 0] == pytest.approx(alone(value[1, :1], n / 30)[0])


def test_a_missing_frame_only_lengthens_the_step():
    values = [1.0, 2.0, 5.0]
    with_gap, scalar = OneEuro(1.0, 0.2), Scalar(1.0, 0.2, 1.0)
    found = [with_gap(np.array([v]), t)[0] for v, t in zip(values[:2], (0.0, 0.1), strict=True)]
    assert with_gap(None, 0.2) is None
    assert np.isnan(with_gap(np.array([np.nan]), 0.3)[0])
    found.append(with_gap(np.array([values[2]]), 0.4)[0])
    wanted = [scalar(1.0, 10), scalar(2.0, 10), scalar(5.0, 1 / 0.3)]
    assert found == pytest.approx(wanted)


def test_after_a_long_gap_an_element_restarts():
    """Only the element with the gap."""
    ours = OneEuro(0.5, forget=0.5)
    ours(np.array([0.0, 0.0]), 0.0)
    ours(np.array([np.nan, 0.0]), 0.4)
    found = ours(np.array([10.0, 10.0]), 0.8)
    assert found[0] == 10.0 and 0 < found[1] < 10


def test_a_constant_stays_and_noise_is_less():
    ours = OneEuro(1.0, 0.0)
    rng = np.random.default_rng(1)
    noisy = rng.normal(5, 1, (300, 4))
    smooth = np.array([ours(row, n / 30) for n, row in enumerate(noisy)])
    assert smooth[100:].std() < 0.5
    assert smooth[100:].mean() == pytest.approx(5, abs=0.2)
    still = OneEuro(1.0, 1.0)
    assert all(still(np.array([7.0]), n / 30)[0] == pytest.approx(7) for n in range(5))


def test_invalid_values_are_refused():
    for wrong in ({"min_cutoff": 0}, {"beta": -1}, {"derivative_cutoff": np.nan}, {"forget": 0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            OneEuro(**wrong)
    ours = OneEuro()
    ours(np.zeros(2), 1.0)
    with pytest.raises(InputError, match="must rise"):
        ours(np.zeros(2), 1.0)
    with pytest.raises(InputError, match="shape"):
        ours(np.zeros(3), 2.0)
    with pytest.raises(InputError, match="infinite"):
        ours(np.array([np.inf, 0]), 3.0)


SHAPE = np.array([[0.0, 0], [40, 0], [20, 20], [10, 40], [30, 40]])


def face(x: float, y: float = 0.0, scale: float = 1.0) -> FaceLandmarks:
    return FaceLandmarks(SHAPE * scale + (x, y), "face5", np.zeros((2, 2)))


def test_iou_by_hand():
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert iou((0, 0, 2, 2), (2, 0, 3, 2)) == 0
    assert iou((0, 0, 2, 2), (0, 0, 2, 2)) == 1


def test_two_faces_keep_their_own_filters_though_their_order_changes():
    rng = np.random.default_rng(2)
    both, left = Smoother(), Smoother()
    for n in range(20):
        a, b = face(rng.normal(), rng.normal()), face(200 + rng.normal())
        (alone,) = left([a], n / 30)
        found = both([a, b] if n % 2 else [b, a], n / 30)
        assert found[0 if n % 2 else 1].landmarks == pytest.approx(alone.landmarks)


def test_a_face_elsewhere_is_a_new_one_and_a_lost_one_is_forgotten():
    smoother = Smoother()
    smoother([face(0)], 0.0)
    (far,) = smoother([face(300)], 1 / 30)
    assert far.landmarks == pytest.approx(face(300).landmarks)
    smoother([], 2 / 30)
    (back,) = smoother([face(310)], 2.0)
    assert back.landmarks == pytest.approx(face(310).landmarks)


def test_smoothing_is_the_same_for_a_face_of_any_size():
    rng = np.random.default_rng(3)
    small, large = Smoother(), Smoother()
    for n in range(10):
        x = float(rng.normal())
        (one,), (other,) = small([face(x)], n / 30), large([face(4 * x, 0, 4)], n / 30)
        assert other.landmarks == pytest.approx(4 * one.landmarks)


def test_a_smoother_refuses_what_its_filter_would():
    with pytest.raises(InputError, match="min_cutoff"):
        Smoother(min_cutoff=-1)
