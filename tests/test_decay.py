import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.distillation.decay import DECAYS, decay_weight
from mlcmkd.errors import InputError


def test_values_by_hand():
    assert decay_weight("constant", 0.7) == 1
    assert decay_weight("linear", 0.25) == pytest.approx(0.75)
    assert decay_weight("linear", 1, floor=0.2) == pytest.approx(0.2)
    assert decay_weight("cosine", 0.5) == pytest.approx(0.5)
    assert decay_weight("cosine", 1 / 3) == pytest.approx(0.75)


@given(st.sampled_from(DECAYS), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_never_rises_and_stays_between_floor_and_one(kind, a, b, floor):
    early, late = (decay_weight(kind, at, floor) for at in sorted((a, b)))
    assert floor - 1e-12 <= late <= early + 1e-12 <= 1 + 2e-12


def test_bad_input():
    with pytest.raises(InputError, match="outside 0 to 1"):
        decay_weight("linear", 1.1)
    with pytest.raises(InputError, match="use one of constant, linear, cosine"):
        decay_weight("sudden", 0.5)
