"""KD-Loss region by region, against values computed by hand and an implementation with plain ifs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcmkd.distillation.kd_loss import (
    BAND,
    FIGURES,
    TOLERANT_ALPHA,
    TOLERANT_INNER,
    TOUGH_ALPHA,
    TOUGH_INNER,
    assistive_loss,
    assistive_values,
    kd_loss,
    kd_values,
    main_loss,
    main_values,
)
from mlcmkd.utils.errors import InputError

TOUGH = (TOUGH_ALPHA, TOUGH_INNER)
TOLERANT = (TOLERANT_ALPHA, TOLERANT_INNER)


def one(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def aloss(p: float, g: float, t: float, *constants: float) -> float:
    return assistive_loss(one(p), one(g), one(t), *(constants or TOUGH)).item()


def main(p: float, g: float, t: float) -> float:
    return main_loss(one(p), one(g), one(t)).item()


def slope_of(value, p: float, g: float, *rest) -> float:
    """Derivative by the prediction."""
    prediction = one(p).requires_grad_()
    value(prediction, one(g), *rest).sum().backward()
    return prediction.grad.item()


# --- a second implementation: the formulas as the paper words them, with ifs ---


def sign(x: float) -> int:
    return (x > 0) - (x < 0)


def aloss_with_ifs(p, g, t, alpha, alpha_inner, band, inner="zero") -> float:
    mirrored = g + sign(p - g) * abs(t - g)
    border = g + sign(p - g) * band * abs(t - g)
    if t == g or p == g:
        return 0.0
    if abs(p - g) > abs(t - g):
        weight = alpha
    elif min(border, mirrored) <= p <= max(border, mirrored):
        weight = alpha_inner
    elif inner == "ramp":
        weight = float(np.interp(abs(p - g), [0, abs(border - g)], [0, alpha_inner]))
    else:
        weight = 0.0
    return weight * abs(mirrored - p)


def main_with_ifs(p, g, t, slope=3) -> float:
    if abs(g - p) <= abs(g - t):
        return slope * abs(g - p)
    return (g - p) ** 2 + slope * abs(g - t) - (g - t) ** 2


# --- ALoss by hand: g = 0.1, t = 0.3, so r = 0.2 and the band ends 0.03 from g ---


@pytest.mark.parametrize(
    ("p", "value", "slope"),
    [
        (0.40, 1.9 * 0.1, 1.9),  # beyond the teacher
        (-0.20, 1.9 * 0.1, -1.9),  # beyond it on the other side
        (0.25, -0.45 * 0.05, 0.45),  # between band and teacher
        (-0.05, -0.45 * 0.05, -0.45),
        (0.131, -0.45 * 0.169, 0.45),  # just outside the band
        (0.129, 0.0, 0.0),  # just inside
        (0.08, 0.0, 0.0),
        (0.10, 0.0, 0.0),  # at the target
    ],
)
@pytest.mark.parametrize("t", [0.3, -0.1])  # the teacher may stand on either side
def test_aloss_by_hand(p, value, slope, t):
    assert aloss(p, 0.1, t) == pytest.approx(value, abs=1e-12)
    assert slope_of(assistive_values, p, 0.1, one(t), *TOUGH) == pytest.approx(slope, abs=1e-12)


def test_aloss_with_the_constants_of_the_tolerant_teacher():
    assert aloss(0.40, 0.1, 0.3, *TOLERANT) == pytest.approx(1.8 * 0.1)
    assert aloss(0.25, 0.1, 0.3, *TOLERANT) == pytest.approx(-0.4 * 0.05)


# Powers of two are exact, so that borders are hit and not just come near to.


@pytest.mark.parametrize("side", [1, -1])
def test_the_teacher_itself_is_between(side):
    p, g, t = 0.125 + side * 0.25, 0.125, 0.375
    assert aloss(p, g, t) == 0
    assert slope_of(assistive_values, p, g, one(t), *TOUGH) == pytest.approx(-TOUGH_INNER * side)


@pytest.mark.parametrize("side", [1, -1])
def test_the_border_of_the_band_is_between(side):
    g, t, band = 0.125, 0.375, 0.25
    border = g + side * 0.0625
    assert aloss(border, g, t, *TOUGH, band) == pytest.approx(-0.45 * 0.75 * 0.25)
    assert slope_of(assistive_values, border, g, one(t), *TOUGH, band) == pytest.approx(0.45 * side)
    inside = math.nextafter(border, g)
    assert aloss(inside, g, t, *TOUGH, band) == 0
    assert slope_of(assistive_values, inside, g, one(t), *TOUGH, band) == 0


@pytest.mark.parametrize(("constants", "share"), [(TOUGH, -0.3825), (TOLERANT, -0.34)])
def test_the_jump_at_the_band_agrees_with_the_docstring(constants, share):
    t = 0.2
    border = BAND * t  # with g = 0 the very product that is compared with
    assert aloss(border, 0.0, t, *constants) == pytest.approx(share * t)
    assert aloss(math.nextafter(border, 0), 0.0, t, *constants) == 0
    grid = torch.linspace(-0.5, 0.5, 2001, dtype=torch.float64)
    values = assistive_values(grid, torch.zeros_like(grid), torch.full_like(grid, t), *constants)
    assert values.min().item() >= share * t - 1e-12


def test_aloss_is_continuous_at_the_teacher():
    assert abs(aloss(0.3 + 1e-9, 0.1, 0.3)) < 1e-8
    assert abs(aloss(0.3 - 1e-9, 0.1, 0.3)) < 1e-8


@pytest.mark.parametrize("p", [-0.3, 0.1, 0.1000001, 0.4])
def test_an_exact_teacher_has_no_effect(p):
    assert aloss(p, 0.1, 0.1) == 0
    assert slope_of(assistive_values, p, 0.1, one(0.1), *TOUGH) == 0


def test_a_nearly_exact_teacher_has_an_effect():
    assert aloss(0.4, 0.1, 0.1 + 1e-9) == pytest.approx(1.9 * 0.3)


def test_without_a_band_the_value_is_continuous_down_to_the_target():
    assert aloss(0.0, 0.0, 0.2, *TOUGH, 0.0) == pytest.approx(-0.45 * 0.2)
    assert aloss(1e-9, 0.0, 0.2, *TOUGH, 0.0) == pytest.approx(-0.45 * 0.2)
    assert slope_of(assistive_values, 0.0, 0.0, one(0.2), *TOUGH, 0.0) == 0


# --- the ramp inside the band: g = 0.1, r = 0.2, a band of 0.4, so that it ends 0.08 from g ---


@pytest.mark.parametrize(
    ("p", "value", "slope"),
    [
        (0.40, 1.9 * 0.1, 1.9),  # outside the band as without a ramp
        (0.25, -0.45 * 0.05, 0.45),
        (0.14, -0.225 * 0.16, -0.45 / 0.08 * 0.12),  # in its middle: half the weight
        (0.06, -0.225 * 0.16, 0.45 / 0.08 * 0.12),
        (0.12, -0.1125 * 0.18, -0.45 / 0.08 * 0.16),
        (0.10, 0.0, 0.0),
    ],
)
@pytest.mark.parametrize("t", [0.3, -0.1])
def test_the_ramp_by_hand(p, value, slope, t):
    prediction, target, teacher = one(p), one(0.1), one(t)
    loss = assistive_values(prediction, target, teacher, *TOUGH, 0.4, "ramp").item()
    assert loss == pytest.approx(value, abs=1e-12)
    gradient = slope_of(assistive_values, p, 0.1, teacher, *TOUGH, 0.4, "ramp")
    assert gradient == pytest.approx(slope, abs=1e-12)


@pytest.mark.parametrize("band", [0.15, 0.4, 1.0])
def test_with_a_ramp_the_value_is_continuous_and_0_at_the_target(band):
    grid = torch.linspace(0, 0.3, 300_001, dtype=torch.float64)
    zero, teacher = torch.zeros_like(grid), torch.full_like(grid, 0.2)
    values = assistive_values(grid, zero, teacher, *TOUGH, band, "ramp")
    assert values[0] == 0
    assert values.diff().abs().max() < 4e-6  # the largest slope, 3, times the step
    jumps = assistive_values(grid, zero, teacher, *TOUGH, band).diff().abs().max()
    assert jumps == pytest.approx(0.45 * (1 - band) * 0.2, abs=1e-5)


@pytest.mark.parametrize(
    ("constants", "pull"),
    [
        ({}, 6),
        ({"inner": "ramp"}, 6 - 0.85 / 0.15),
        (FIGURES, 0.375),
        ({**FIGURES, "slope": 3}, 5.375),
    ],
)
def test_the_slope_at_the_truth(constants, pull):
    def total(*tensors):
        return sum(kd_loss(*tensors, **constants).values())

    gradient = slope_of(total, 1e-9, 0.0, one(0.1), one(0.2))
    assert gradient == pytest.approx(pull, abs=1e-6)


def test_the_curve_of_the_figures_by_hand():
    """d = 0.06 with r = 0.2 (tough, inside its band, which ends at 0.08) and 0.1 (tolerant, between)."""
    terms = kd_loss(one(0.06), one(0.0), one(0.2), one(0.1), **FIGURES)
    assert terms["main"].item() == pytest.approx(2.5 * 0.06)
    assert terms["tough"].item() == pytest.approx(-0.45 * 0.75 * 0.14)
    assert terms["tolerant"].item() == pytest.approx(-0.4 * 0.04)


@pytest.mark.parametrize("p", [-0.3, 0.1, 0.4])
def test_a_ramp_gives_an_exact_teacher_no_effect_and_no_nan(p):
    assert slope_of(assistive_values, p, 0.1, one(0.1), *TOUGH, 0.4, "ramp") == 0
    assert slope_of(assistive_values, p, 0.1, one(0.3), *TOUGH, 0.0, "ramp") == slope_of(
        assistive_values, p, 0.1, one(0.3), *TOUGH, 0.0
    )


def test_a_nan_stays_in_the_result_of_a_ramp():
    nan = one(math.nan)
    assert assistive_values(nan, one(0.0), one(0.2), *TOUGH, 0.4, "ramp").isnan().all()
    assert assistive_values(one(0.1), one(0.0), nan, *TOUGH, 0.4, "ramp").isnan().all()


def test_an_unknown_form_of_the_band_is_refused():
    with pytest.raises(InputError, match="inner='cut' must be zero or ramp"):
        assistive_values(one(0.1), one(0.0), one(0.2), *TOUGH, 0.4, "cut")


def test_the_slope_of_the_main_loss_by_hand():
    assert main_values(one(0.3), one(0.0), one(0.4), 1).item() == pytest.approx(0.3)
    assert main_values(one(0.4), one(0.0), one(0.2), 1).item() == pytest.approx(0.16 + 0.2 - 0.04)


# --- the main loss ---


@pytest.mark.parametrize(
    ("p", "value", "slope"),
    [
        (0.10, 0.0, 0.0),
        (0.15, 0.15, 3.0),  # nearer than the teacher: 3 d
        (0.05, 0.15, -3.0),
        (0.50, 0.4**2 + 3 * 0.2 - 0.2**2, 0.8),  # further off: d^2 + 3 r - r^2
        (-0.30, 0.4**2 + 3 * 0.2 - 0.2**2, -0.8),
    ],
)
@pytest.mark.parametrize("t", [0.3, -0.1])
def test_main_by_hand(p, value, slope, t):
    assert main(p, 0.1, t) == pytest.approx(value, abs=1e-12)
    assert slope_of(main_values, p, 0.1, one(t)) == pytest.approx(slope, abs=1e-12)


def test_main_is_continuous_at_the_border_which_is_linear():
    g, t = 0.125, 0.375
    assert main(t, g, t) == 0.75
    assert slope_of(main_values, t, g, one(t)) == 3
    assert main(t + 1e-9, g, t) == pytest.approx(0.75, abs=1e-8)
    assert main(t - 1e-9, g, t) == pytest.approx(0.75, abs=1e-8)
    assert slope_of(main_values, t + 1e-9, g, one(t)) == pytest.approx(0.5)


def test_main_with_an_exact_teacher_is_the_square():
    assert main(0.4, 0.1, 0.1) == pytest.approx(0.09)
    assert main(0.1, 0.1, 0.1) == 0


# --- KD-Loss ---


def test_kd_loss_by_hand():
    """d = 0.3; r = 0.2 (tough) and 0.4 (tolerant)."""
    terms = kd_loss(one(0.3), one(0.0), one(-0.2), one(0.4))
    assert list(terms) == ["main", "tough", "tolerant"]
    assert terms["main"].item() == pytest.approx(2 * 3 * 0.3)
    assert terms["tough"].item() == pytest.approx(1.9 * 0.1)
    assert terms["tolerant"].item() == pytest.approx(-0.4 * 0.1)


def test_kd_loss_by_hand_with_other_constants():
    constants = {
        "main_weight": 0.5,
        "tough_weight": 3.0,
        "tolerant_weight": 5.0,
        "tough_alpha": 1.0,
        "tough_inner": -2.0,
        "tolerant_alpha": 4.0,
        "tolerant_inner": -0.5,
        "band": 0.9,
    }
    terms = kd_loss(one(0.3), one(0.0), one(0.2), one(-0.4), **constants)
    assert terms["main"].item() == pytest.approx(0.5 * 3 * 0.3)
    assert terms["tough"].item() == pytest.approx(3 * 1.0 * 0.1)
    assert terms["tolerant"].item() == 0  # 0.3 is inside the band, which ends at 0.36
    terms = kd_loss(one(0.3), one(0.0), one(-0.31), one(0.2), **constants)
    assert terms["main"].item() == pytest.approx(0.5 * (0.09 + 0.6 - 0.04))
    assert terms["tough"].item() == pytest.approx(3 * -2.0 * 0.01)
    assert terms["tolerant"].item() == pytest.approx(5 * 4.0 * 0.1)
    terms = kd_loss(one(0.3), one(0.0), one(-0.35), one(0.2), **constants)
    assert terms["tough"].item() == 0  # the band ends at 0.315


def test_kd_loss_is_a_sum_of_the_other_two():
    generator = torch.Generator().manual_seed(0)
    p, g, tough, tolerant = torch.rand(4, 6, 10, generator=generator) - 0.5
    terms = kd_loss(p, g, tough, tolerant)
    assert terms["main"] == 2 * main_loss(p, g, tolerant)
    assert terms["tough"] == assistive_loss(p, g, tough, *TOUGH)
    assert terms["tolerant"] == assistive_loss(p, g, tolerant, *TOLERANT)
    values = kd_values(p, g, tough, tolerant)
    assert list(values) == list(terms)
    for name, each in values.items():
        assert each.shape == p.shape
        assert each.mean() == terms[name]
    assert sum(values.values()).mean() == pytest.approx(sum(terms.values()).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("d", "tough", "tolerant", "slope"),
    [
        (0.3, 0.1, 0.2, 4 * 0.3 + 3.7),
        (0.15, 0.1, 0.2, 8.3),
        (0.15, 0.2, 0.1, 4 * 0.15 + 2.25),
        (0.05, 0.1, 0.2, 6.85),
        (0.01, 0.1, 0.2, 6.0),
    ],
)
def test_slopes_agree_with_the_docstring(d, tough, tolerant, slope):
    def total(*tensors):
        return sum(kd_loss(*tensors).values())

    assert slope_of(total, d, 0.0, one(tough), one(tolerant)) == pytest.approx(slope)
    assert slope_of(total, -d, 0.0, one(tough), one(tolerant)) == pytest.approx(-slope)


def test_kd_loss_can_be_negative_away_from_the_target():
    """A Tolerant-Teacher much nearer than the Tough-Teacher: the minimum is not at g."""
    tough, grid = 0.2, torch.linspace(0, 0.5, 5001, dtype=torch.float64)
    zero = torch.zeros_like(grid)
    values = kd_values(grid, zero, torch.full_like(grid, tough), torch.full_like(grid, 0.001))
    total = sum(values.values())
    assert total[0] == 0
    assert total.min() < 0
    assert grid[total.argmin()].item() == pytest.approx(BAND * tough, abs=2e-4)


def test_kd_loss_is_positive_where_both_teachers_are_equally_far():
    grid = torch.linspace(0.0001, 0.5, 5000, dtype=torch.float64)
    teachers = torch.full_like(grid, 0.2)
    total = sum(kd_values(grid, torch.zeros_like(grid), teachers, teachers).values())
    assert (total > 0).all()


# --- laws, for any numbers ---

places = st.floats(-0.5, 0.5, allow_subnormal=False)


@settings(deadline=None)
@given(
    places,
    places,
    places,
    st.sampled_from([TOUGH, TOLERANT]),
    st.floats(0.01, 1),
    st.sampled_from(["zero", "ramp"]),
)
def test_aloss_against_plain_ifs(p, g, t, constants, band, inner):
    d, r = abs(p - g), abs(t - g)
    if min(abs(d - band * r), abs(d - r)) < 1e-12:
        return  # on a border, rounding decides; borders have tests of their own
    expected = aloss_with_ifs(p, g, t, *constants, band, inner)
    assert aloss(p, g, t, *constants, band, inner) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(places, places, places, st.sampled_from([1.0, 3.0]))
def test_main_against_plain_ifs(p, g, t, slope):
    value = main_values(one(p), one(g), one(t), slope).item()
    assert value == pytest.approx(main_with_ifs(p, g, t, slope), abs=1e-12)
    assert value >= 0


@settings(deadline=None)
@given(places, places, places, places, st.sampled_from([FIGURES, {"inner": "ramp"}]))
def test_no_gradient_of_a_ramp_points_away_from_the_target(p, g, tough, tolerant, form):
    def total(*tensors):
        return sum(kd_loss(*tensors, **form).values())

    if abs(p - g) > abs(tolerant - g):
        return  # see the next test
    assert slope_of(total, p, g, one(tough), one(tolerant)) * (p - g) >= 0


def test_a_ramp_can_point_away_from_the_target_beyond_the_tolerant_teacher():
    def total(*tensors):
        return sum(kd_loss(*tensors, inner="ramp").values())

    # main 4 d, beyond the Tolerant-Teacher 1.8, in the ramp of the Tough-Teacher -3 (1 - 2 d / r)
    slope = slope_of(total, 0.01, 0.0, one(0.4), one(0.005))
    assert slope == pytest.approx(0.04 + 1.8 - 3 * 0.95)
    assert slope < 0


@settings(deadline=None)
@given(places, places, places, places)
def test_mirroring_everything_changes_nothing(p, g, tough, tolerant):
    seen = kd_values(one(p), one(g), one(tough), one(tolerant))
    mirrored = kd_values(one(-p), one(-g), one(-tough), one(-tolerant))
    assert seen == mirrored


# In 64ths, where mirroring about g is exact.
steps = st.integers(-32, 32).map(lambda n: n / 64)


@settings(deadline=None)
@given(steps, steps, steps, steps)
def test_a_teacher_may_be_mirrored_about_the_target(p, g, tough, tolerant):
    seen = kd_values(one(p), one(g), one(tough), one(tolerant))
    assert seen == kd_values(one(p), one(g), one(2 * g - tough), one(tolerant))
    assert seen == kd_values(one(p), one(g), one(tough), one(2 * g - tolerant))
    assert seen == kd_values(one(2 * g - p), one(g), one(tough), one(tolerant))


@settings(deadline=None)
@given(places, places, places, places)
def test_no_gradient_points_away_from_the_target(p, g, tough, tolerant):
    def total(*tensors):
        return sum(kd_loss(*tensors).values())

    gradient = slope_of(total, p, g, one(tough), one(tolerant))
    assert gradient * (p - g) >= 0
    assert (gradient == 0) == (p == g)


# --- gradients ---


def test_gradients_against_finite_differences():
    """All regions, both sides; away from borders, where there is no derivative."""
    generator = torch.Generator().manual_seed(0)
    p, g, tough, tolerant = torch.rand(4, 400, generator=generator, dtype=torch.float64) - 0.5
    d, r_tough, r_tolerant = (p - g).abs(), (tough - g).abs(), (tolerant - g).abs()
    borders = torch.stack(
        [torch.zeros_like(d), BAND * r_tough, r_tough, BAND * r_tolerant, r_tolerant]
    )
    clear = ((d - borders).abs() > 1e-3).all(0)
    for r in (r_tough, r_tolerant):  # each region is there
        for region in (d > r, (d < r) & (d > BAND * r), d < BAND * r):
            assert (region & clear).sum() > 20
    p, g, tough, tolerant = (each[clear] for each in (p, g, tough, tolerant))

    def total(prediction):
        return sum(kd_values(prediction, g, tough, tolerant).values())

    assert torch.autograd.gradcheck(total, p.clone().requires_grad_(), eps=1e-6)


def test_target_and_teachers_carry_no_gradient():
    tensors = [torch.rand(3, 4).requires_grad_() for _ in range(4)]
    sum(kd_loss(*tensors).values()).backward()
    assert [each.grad is None for each in tensors] == [False, True, True, True]
    assert tensors[0].grad.abs().sum() > 0


def test_the_gradient_is_finite_where_all_are_equal():
    point = torch.full((5,), 0.2).requires_grad_()
    sum(kd_loss(point, point, point, point).values()).backward()
    assert (point.grad == 0).all()


# --- shapes and numbers ---


@pytest.mark.parametrize("shape", [(), (5,), (3, 10), (3, 5, 2)])
def test_any_shape_gives_the_same_numbers(shape):
    count = math.prod(shape)
    flat = torch.rand(4, count, generator=torch.Generator().manual_seed(3)) - 0.5
    shaped = [each.view(shape) for each in flat]
    for name, each in kd_values(*shaped).items():
        assert each.shape == shape
        assert torch.equal(each.flatten(), kd_values(*flat)[name])
        assert kd_loss(*shaped)[name].shape == ()


def test_rows_are_independent():
    """The mean of a row's values equals that of the row by itself."""
    tensors = torch.rand(4, 3, 5, 2, generator=torch.Generator().manual_seed(4)) - 0.5
    values = kd_values(*tensors)
    for row in range(3):
        alone = kd_loss(*tensors[:, row])
        for name, each in values.items():
            assert each.flatten(1).mean(1)[row].item() == pytest.approx(alone[name].item())


@pytest.mark.parametrize("wrong", range(4))
@pytest.mark.parametrize("shape", [(1, 4), (4,), (3, 1), (3, 2, 2), ()])
def test_shapes_that_torch_would_broadcast_are_refused(wrong, shape):
    tensors = [torch.zeros(3, 4) for _ in range(4)]
    tensors[wrong] = torch.zeros(shape)
    with pytest.raises(InputError, match="same shape"):
        kd_loss(*tensors)
    if wrong < 3:
        with pytest.raises(InputError, match=r"\(3, 4\)"):
            assistive_loss(*tensors[:3], *TOUGH)
        with pytest.raises(InputError, match=r"\(3, 4\)"):
            main_loss(*tensors[:3])


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0, 2)])
def test_empty_tensors_are_refused(shape):
    with pytest.raises(InputError, match="no coordinate"):
        kd_loss(*[torch.zeros(shape)] * 4)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(half):
    """Equal to double precision on the same values, whatever the types of the others."""
    tensors = (torch.rand(4, 64, generator=torch.Generator().manual_seed(5)) - 0.5).to(half)
    terms = kd_loss(*tensors)
    expected = kd_loss(*tensors.double())
    for name, each in terms.items():
        assert each.dtype == torch.float32
        assert each.item() == pytest.approx(expected[name].item(), rel=1e-5, abs=1e-6)
    mixed = kd_loss(tensors[0], *tensors[1:].float())
    assert mixed == terms


def test_double_precision_stays_double():
    assert kd_loss(*torch.rand(4, 8, dtype=torch.float64))["main"].dtype == torch.float64


@pytest.mark.parametrize("wrong", range(4))
def test_a_nan_is_not_hidden_by_a_region(wrong):
    tensors = torch.rand(4, 8)
    tensors[wrong, 3] = float("nan")
    assert math.isnan(sum(kd_loss(*tensors).values()).item())
    if wrong < 3:
        assert np.isnan(assistive_values(*tensors[:3], *TOUGH).numpy()).sum() == 1
        assert np.isnan(main_values(*tensors[:3]).numpy()).sum() == 1
