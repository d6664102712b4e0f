"""Checks accept every correct answer, and describe the mistake in a wrong one."""

import copy
import functools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.writer import Entry, write_manifest
from mlcmkd.course import checks
from mlcmkd.course.checks import NotYet
from mlcmkd.course.checks.answers import (
    as_number,
    as_numbers,
    check_finding,
    check_table,
    check_value,
)
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN, Radiometry
from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.faces import SyntheticFaces, make_faces
from mlcmkd.synthetic.thermal.emissivity import apparent_temperature
from tests.conftest import make_model

RNG = np.random.default_rng(0)
FLIP = list(IBUG68.flip)
TEXT = "I varied it three times, and the number went from 1.5 to 2.5, which I take for chance."


@functools.cache
def faces() -> SyntheticFaces:
    """Rendered when a test first needs them, so that importing this module is quick."""
    return make_faces(4, seed=0, size=64)


def truth() -> np.ndarray:
    """(4, 68, 2) landmarks."""
    return faces().landmarks.astype(np.float64)


@functools.cache
def found() -> np.ndarray:
    """(4, 68, 2) landmarks that are about a pixel off."""
    return truth() + RNG.normal(0, 1, truth().shape)


def refused(message: str, check, *answer) -> None:
    with pytest.raises(NotYet, match=message):
        check(*answer)


# --- shared functions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [2, 2.0, np.float32(2), np.array([2]), torch.tensor(2.0), torch.tensor([[2]]), "2"]
)
def test_a_number_may_come_in_any_type(answer):
    assert as_number(answer, "x") == 2.0


def test_bfloat16_and_tensors_that_need_gradients_are_numbers():
    assert as_number(torch.tensor(2.0, dtype=torch.bfloat16), "x") == 2.0
    assert as_number(torch.tensor(2.0, requires_grad=True), "x") == 2.0
    assert as_numbers([torch.tensor(1.0), np.float32(2)], "x", (2,)).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (..., "x is not answered: replace"),
        (None, "not answered"),
        ("four", "has to be a number or an array, not 'four'"),
        (math.nan, "NaN or infinity: look for a division by zero"),
        ([1, 2], r"one number; yours has the shape \(2,\)"),
    ],
)
def test_an_answer_that_is_no_number(answer, message):
    refused(message, as_number, answer, "x")


def test_common_mistakes_are_recognised():
    refused("100 times too small: convert to percent", check_value, 0.05, 5.0, "x")
    refused("100 times too large", check_value, 500, 5.0, "x")
    refused("of the wrong sign", check_value, -5, 5.0, "x")
    refused("you added", check_value, 6, 5.0, "x", [(6, "you added")])
    check_value(5.001, 5.0, "x", rel=1e-3)
    check_value(0.0, 0.0, "x")
    check_value(5, 5.0, "x", [(5, "a mistake that leads to the right value is none")])


def test_a_finding_needs_words_and_a_number_and_a_table_rows():
    assert check_finding(TEXT) == TEXT
    refused("in 15 words", check_finding, "It rose by 3.")
    refused("state the numbers", check_finding, "a " * 20)
    refused("2 rows; at least 3", check_table, [{"x": 1}, {"x": 2}], ("x",), "rows", 3)
    refused("row 1: no 'x'", check_table, [{"x": 1}, {"y": 2}], ("x",), "rows")
    refused("list of dicts", check_table, {"x": [1, 2]}, ("x",), "rows")


def test_a_notebook_shows_only_the_message():
    assert NotYet("no flip order")._render_traceback_() == ["Not yet: no flip order"]


# --- 00 -----------------------------------------------------------------------------------------


def test_statements():
    right = [True, False, False, True]
    assert checks.tour.statements(right).startswith("Right")
    assert checks.tour.statements(np.array(right)).startswith("Right")
    refused("Which adjective", checks.tour.statements, [True, True, False, True])
    refused("which network gets", checks.tour.statements, [True, False, True, True])
    refused("contain 4 answers", checks.tour.statements, [True])
    refused("use True or False", checks.tour.statements, ["yes", "no", "no", "yes"])


def test_one_nme():
    prediction, target = found()[0], truth()[0]
    off = prediction - target
    distance = np.hypot(off[:, 0], off[:, 1])
    eyes = math.dist(target[36], target[45])
    right = 100 * distance.mean() / eyes
    for answer in (right, np.float32(right), torch.tensor(right, dtype=torch.float32)):
        assert checks.tour.nme(answer, prediction, target).startswith("Right")
    width, height = np.ptp(target, axis=0)
    for wrong, message in {
        right / 100: "convert to percent",
        100 * distance.mean() / math.sqrt(width * height): "you divided by the box",
        distance.mean(): "in pixels",
        100 * distance.sum() / eyes: "this is a sum over the points",
        100 * math.sqrt((distance**2).mean()) / eyes: "root of the mean square",
        100 * distance.mean() / math.dist(target[39], target[42]): "inner eye corners",
        100 * distance.mean() / math.dist(target[35], target[44]): "already count from 0",
        distance.mean() / math.sqrt(width * height): "by the box; .* is a share, not percent",
        right + 1: "not correct. Distance of each point",
    }.items():
        refused(message, checks.tour.nme, wrong, prediction, target)


def test_the_gap():
    rgb, thermal = np.array([0.02, 0.04]), np.array([0.10, 0.08])
    assert checks.tour.gap(6, 3.0, rgb, thermal).startswith("Right")
    refused("convert to percent", checks.tour.gap, 0.06, 3, rgb, thermal)
    refused("of the wrong sign", checks.tour.gap, -6, 3, rgb, thermal)
    refused("points are a difference", checks.tour.gap, 200, 3, rgb, thermal)
    refused("inverted", checks.tour.gap, 6, 1 / 3, rgb, thermal)
    refused("mean of ratios", checks.tour.gap, 6, 3.5, rgb, thermal)
    refused("larger by one", checks.tour.gap, 6, 2, rgb, thermal)


# --- 01 -----------------------------------------------------------------------------------------


def test_apparent_temperatures():
    check = checks.pairing.apparent

    def mixed(surface, reflected, share, power=4, zero=273.15):
        sum_ = share * (surface + zero) ** power + (1 - share) * (reflected + zero) ** power
        return sum_ ** (1 / power) - zero

    assert check(mixed).startswith("Right")
    assert check(lambda s, r, e: torch.from_numpy(mixed(s, r, e)))
    # The confirmation's numbers, and the renderer's own formula at one wavelength, are near.
    for given, said in (((24, 34, 0.84), 25.7), ((24, -40, 0.84), 16.3), ((33, 22, 0.97), 32.7)):
        assert mixed(*given) == pytest.approx(said, abs=0.06)
        assert apparent_temperature(*given) == pytest.approx(said, abs=1.2)
    refused("add up in radiance", check, lambda s, r, e: e * s + (1 - e) * r)
    refused("1 - emissivity, is reflected", check, lambda s, r, e: mixed(s, r, 1 - e))
    refused("reflected share is missing", check,
            lambda s, r, e: (e * (s + 273.15) ** 4) ** 0.25 - 273.15)  # fmt: skip
    refused("result is in kelvin", check, lambda s, r, e: mixed(s, r, e) + 273.15)
    refused("nothing is reflected", check, lambda s, r, e: s)


def test_counts_to_input():
    check = checks.pairing.to_input
    assert check(FACE_CENTIKELVIN.to_unit).startswith("Right")
    assert check(
        lambda c: ((torch.from_numpy(c.astype(np.float32)) / 100 - 291.15) / 22).clamp(0, 1)
    ).startswith("Right")
    minmax = Radiometry(kind="frame-minmax").to_unit
    refused("minimum and maximum of the frame", check, minmax)
    refused("kelvin; subtract 273.15", check, lambda c: (c / 100 - 18) / 22)
    refused("273.15 K, not 273", check, lambda c: np.clip((c / 100 - 291) / 22, 0, 1))
    refused("values are degrees C", check, lambda c: c / 100 - 273.15)
    refused("width of the range", check, lambda c: np.clip((c / 100 - 291.15) / 40, 0, 1))
    refused("clip values outside", check, lambda c: (c / 100 - 291.15) / 22)
    refused("raises KeyError", check, lambda c: {}["x"])


def test_a_mirror():
    face = truth()[0] / 64 - 0.5
    check = checks.pairing.mirror
    assert check(lambda p: (p * [-1, 1])[FLIP], face).startswith("Right")
    assert check(lambda p: torch.from_numpy(p)[FLIP] * torch.tensor([-1, 1]), face)
    refused("flip order .* is missing", check, lambda p: p * [-1, 1], face)
    refused("mirror x as well", check, lambda p: p[FLIP], face)
    refused("upside down", check, lambda p: (p * [1, -1])[FLIP], face)
    refused("the chin, point 8", check, lambda p: p[::-1] * [-1, 1], face)
    refused("not 1 - x", check, lambda p: (p * [-1, 1] + [1, 0])[FLIP], face)

    def in_place(p):
        p[:, 0] *= -1
        return p[FLIP]

    refused("work on a copy", check, in_place, face)


# --- 02 -----------------------------------------------------------------------------------------


def _box(prediction, target, length):
    return 100 * np.linalg.norm(prediction - target, axis=-1).mean(1) / length(target)


def test_box_nme():
    check = checks.teacher.box_nme
    cases = {
        "is an area": lambda t: np.ptp(t, axis=1).prod(1),
        "longer side": lambda t: np.ptp(t, axis=1).max(1),
        "diagonal": lambda t: np.linalg.norm(np.ptp(t, axis=1), axis=1),
        "eye corners": lambda t: np.linalg.norm(t[:, 36] - t[:, 45], axis=1),
    }
    both = found(), truth()
    root = lambda t: np.sqrt(np.ptp(t, axis=1).prod(1))  # noqa: E731
    assert check(lambda p, t: _box(p, t, root), *both).startswith("Right")
    assert check(lambda p, t: torch.from_numpy(_box(p, t, root)), *both)
    for message, length in cases.items():
        refused(message, check, lambda p, t, long=length: _box(p, t, long), *both)
    refused("convert to percent", check, lambda p, t: _box(p, t, root) / 100, *both)
    refused("*predicted*".replace("*", r"\*"), check, lambda p, t: _box(p, t, lambda _: root(p)),
            *both)  # fmt: skip
    refused(r"shape \(\)", check, lambda p, t: _box(p, t, root).mean(), *both)


def test_tails():
    def rate(e, t):
        return np.mean([not x <= t for x in e])

    def area(e, t):
        return np.mean([max(t - x, 0) if x == x else 0 for x in e]) / t

    def on_grid(e, t):  # the curve itself, on a grid
        axis = np.linspace(0, t, 401)
        return np.trapezoid([(e <= x).mean() for x in axis], axis) / t

    check = checks.teacher.tails
    assert check(rate, area).startswith("Right") and check(rate, on_grid).startswith("Right")
    refused("NaN > 8 % is False", check, lambda e, t: np.mean(e > t), area)
    refused("in the denominator", check, lambda e, t: np.mean(e[:4] > t), area)
    refused("is above the threshold", check, lambda e, t: np.mean(~(e < t)), area)
    refused("a count", check, lambda e, t: np.sum(~(e <= t)), area)
    refused("divide by the threshold", check, rate, lambda e, t: area(e, t) * t)
    refused("it adds 0", check, rate, lambda e, t: area(e[:4], t))
    refused("above the curve", check, rate, lambda e, t: 1 - area(e, t))


def test_the_expected_position():
    def position(logits):
        p = torch.from_numpy(logits).flatten().softmax(0).view(4, 8)
        x, y = (torch.arange(n) + 0.5 for n in (8, 4))
        return torch.stack([(p.sum(0) * x).sum() / 8 - 0.5, (p.sum(1) * y).sum() / 4 - 0.5])

    check = checks.teacher.expected_position
    assert check(position).startswith("Right")
    refused("argmax", check, lambda _: (3.5 / 8 - 0.5, 1.5 / 4 - 0.5))
    refused("axis 0 of an image is y", check, lambda m: position(m).flip(0))
    refused("divide by their number", check, lambda _: (2.75, 1.0))
    refused("half a cell further", check, lambda m: position(m) - torch.tensor([1 / 16, 1 / 8]))
    refused("are centred", check, lambda m: position(m) + 0.5)


def test_the_form_of_groups():
    rows = [{"faces": 3, "nme_percent": 4.0}, {"faces": 5, "nme_percent": 5.0}]
    assert "form is complete" in checks.teacher.groups(rows, TEXT)
    refused("without faces", checks.teacher.groups, [rows[0], rows[1] | {"faces": 0}], TEXT)
    refused("not answered", checks.teacher.groups, rows, ...)


# --- 03 -----------------------------------------------------------------------------------------


def test_gradients_and_forward_passes():
    features, head = {"student features"}, {"student head"}
    right = [features | head, features, features | head, head, features]
    check = checks.ktl.receives
    assert check(right).startswith("Right")
    assert check(dict(zip(("task", "fd", "ld", "fi", "ri"), right, strict=True)))
    assert check([list(parts) for parts in right])
    refused("'fi'.* exchanged FI and RI", check, [*right[:3], features, head])
    refused("'ri'", check, [*right[:4], features | {"teacher"}])
    refused("no head is used", check, [right[0], features | head, *right[2:]])
    assert checks.ktl.calls([1, 2, 1, 2]).startswith("Right")
    refused("stores the last call", checks.ktl.calls, [1, 1, 1, 2])
    refused("in RI the student's features", checks.ktl.calls, [1, 2, 1, 1])


class Wrapped(torch.nn.Module):
    """A typical wrong solution: nothing prevents train()."""

    def __init__(self, landmarker):
        super().__init__()
        self.landmarker = landmarker.requires_grad_(False).eval()

    def features(self, images):
        return self.landmarker.features(images)

    def head(self, features):
        return self.landmarker.head(features)


class KeepsEval(Wrapped):
    def train(self, mode=True):
        self.landmarker.eval()
        return self


class CutsGradient(KeepsEval):
    @torch.no_grad()
    def head(self, features):
        return self.landmarker.head(features)


class Trainable(KeepsEval):
    def __init__(self, landmarker):
        super().__init__(landmarker)
        landmarker.requires_grad_(True)


class BatchStatistics(Wrapped):
    """The BatchNorm buffers do not change, but the output depends on the batch."""

    def __init__(self, landmarker):
        super().__init__(landmarker)
        for module in landmarker.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.0
                module.register_buffer("num_batches_tracked", None)


def test_a_frozen_teacher():
    images = torch.rand(4, 1, 32, 32)
    check = checks.ktl.frozen
    assert check(KeepsEval, make_model(), images).startswith("Right")
    assert check(lambda model: KeepsEval(copy.deepcopy(model)), make_model(), images)
    refused(r"training mode.*buffers changed \(backbone", check, Wrapped, make_model(), images)
    refused(
        "training mode",
        check,
        lambda model: model.requires_grad_(False).eval(),
        make_model(),
        images,
    )
    refused("RI would train nothing", check, CutsGradient, make_model(), images)
    refused("still get gradients", check, Trainable, make_model(), images)
    refused("normalises by the batch", check, BatchStatistics, make_model(), images)
    refused("has no features", check, lambda model: "x", make_model(), images)


def test_the_decay():
    def right(s, floor):
        return floor + (1 - floor) * (1 + math.cos(math.pi * s)) / 2

    check = checks.ktl.decay
    assert check(right).startswith("Right")
    assert check(lambda s, floor: torch.tensor(right(s, floor)))
    refused("floor is missing", check, lambda s, floor: right(s, 0))
    refused("floor added", check, lambda s, floor: floor + right(s, 0))
    refused("constant at the end", check, lambda s, floor: max(floor, right(s, 0)))
    refused("radians", check, lambda s, f: f + (1 - f) * (1 + math.cos(math.radians(s))) / 2)
    refused("weight increases", check, lambda s, floor: floor + (1 - floor) * (1 - right(s, 0)))
    refused("linear decay", check, lambda s, floor: floor + (1 - floor) * (1 - s))


def test_the_form_of_directions():
    rows = [{"shift_px": n, "cosine": 0.5} for n in range(4)]
    assert "form is complete" in checks.ktl.directions(rows, TEXT)
    refused("both norms", checks.ktl.directions, [r | {"cosine": 7.0} for r in rows], TEXT)
    refused("at least 4 settings", checks.ktl.directions, rows[:2], TEXT)


# --- 03b ----------------------------------------------------------------------------------------


def test_the_range_of_distances():
    given = (0.05, 0.09, 0.65, 5.0)  # a share of 0.05 x 0.09 / 0.05 = 0.09
    check = checks.registration.depth_range
    assert check((0.5915, 0.7085), *given).startswith("Right")
    assert check(torch.tensor([0.5915, 0.7085]), *given).startswith("Right")
    assert check((0.59, 0.71), *given)  # to the centimetre
    refused("percent sign was ignored", check, (0.65 * (1 - 9), 0.65 * (1 + 9)), *given)
    refused("are exchanged", check, (0.65 * (1 - 0.05 / 1.8), 0.65 * (1 + 0.05 / 1.8)), *given)
    refused("also be farther away", check, (0.5915, 0.65), *given)
    refused("range of 1/Z", check, (0.65 / 1.09, 0.65 / 0.91), *given)
    refused("smaller distance", check, (0.7085, 0.5915), *given)


def test_the_shifts_of_pairs():
    check = checks.registration.offsets
    assert check(lambda rgb, thermal: (rgb - thermal).mean(1)).startswith("Right")
    assert check(
        lambda rgb, thermal: torch.from_numpy(rgb.mean(1)) - torch.from_numpy(thermal.mean(1))
    )
    refused("sign is reversed", check, lambda rgb, thermal: (thermal - rgb).mean(1))
    refused("each pair has its own", check, lambda rgb, thermal: (rgb - thermal).mean((0, 1)))
    refused("one shift per landmark", check, lambda rgb, thermal: rgb - thermal)
    refused("over x and y", check, lambda rgb, thermal: (rgb - thermal).mean(2))
    refused("not their mean", check, lambda rgb, thermal: (rgb - thermal).sum(1))
    refused("direction is lost", check, lambda rgb, thermal: np.abs(rgb - thermal).mean(1))
    refused("with distances", check,
            lambda rgb, thermal: np.linalg.norm(rgb - thermal, axis=2).mean(1))  # fmt: skip
    refused("median", check, lambda rgb, thermal: np.median(rgb - thermal, axis=1))


def test_the_form_of_shifts():
    rows = [{"shift_px": n, "left_px": 1.0, "accepted": n < 3} for n in range(4)]
    assert "form is complete" in checks.registration.shifts(rows, TEXT)
    refused("four different", checks.registration.shifts, [rows[0]] * 4, TEXT)
    refused("True or False", checks.registration.shifts, [r | {"accepted": 7} for r in rows], TEXT)


# --- 04 -----------------------------------------------------------------------------------------


def test_adapters_and_file():
    check = checks.mcl.adapters
    assert check(9360, 96, 48).startswith("Right")
    refused("bias", check, 9216, 96, 48)
    refused("only `to_teacher`", check, 4704, 96, 48)
    refused("1x1, not 3x3", check, 9 * 9216 + 144, 96, 48)
    size = checks.mcl.file_size
    assert size(0.96, 240_000, 997_000).startswith("Right")
    assert size(torch.tensor(0.997), 240_000, 997_000)
    refused("bits; a byte has eight", size, 7.68, 240_000, 997_000)
    refused("half precision", size, 0.48, 240_000, 997_000)
    refused("a float32 has four", size, 0.24, 240_000, 997_000)
    refused("these are bytes", size, 960_000, 240_000, 997_000)


def test_the_timer():
    def times(call, clock, warm=5, count=30):
        taken = []
        for _ in range(warm + count):
            start = clock()
            call()
            taken.append(1000 * (clock() - start))
        return np.array(taken[warm:])

    check = checks.mcl.timed
    assert check(lambda call, clock: np.median(times(call, clock))).startswith("Right")
    assert check(lambda call, clock: times(call, clock, warm=0).min())
    refused(r"increase a \*mean\*", check, lambda call, clock: times(call, clock).mean())
    refused("1000 times", check, lambda call, clock: np.median(times(call, clock)) / 1000)
    refused("too few", check, lambda call, clock: np.median(times(call, clock, count=5)))


def test_the_form_of_costs():
    rows = [{"parameters": 10, "ms": 1.0}] * 3
    assert "form is complete" in checks.mcl.costs(rows, TEXT)
    refused("check the clock", checks.mcl.costs, [r | {"ms": 0} for r in rows], TEXT)
    refused("state the numbers", checks.mcl.costs, rows, "word " * 20)


# --- 05 -----------------------------------------------------------------------------------------


def test_the_assistive_loss_by_hand():
    p, check = [0.05, 0.012, -0.012, 0.002, -0.03], checks.kd_loss.assistive
    right = [0.057, -0.0036, -0.0036, 0, 0.019]
    for answer in (right, torch.tensor(right), np.float32(right)):
        assert check(answer, p, 0.0, 0.02).startswith("Right")
    for wrong, message in (
        ([0.057, 0.0036, 0.0036, 0, 0.019], "weight is negative"),
        ([0.054, -0.0032, -0.0032, 0, 0.018], "Tolerant-Teacher's weights"),
        ([0.057, -0.0036, -0.0036, -0.0081, 0.019], "inside the band"),
        ([0.057, -0.0036, -0.0144, 0, 0.095], "mirrored"),
        ([0.057, 0.0152, 0.0152, 0, 0.019], "one weight for all"),
        ([0.095, -0.0054, -0.0054, 0, 0.057], r"distance to the \*teacher\*"),
    ):
        refused(message, check, wrong, p, 0.0, 0.02)


def test_the_main_loss():
    def loss(p, g, t):
        d, r = abs(p - g), abs(t - g)
        return torch.where(d > r, d * d + 3 * r - r * r, 3 * d)

    def wrong(inner, outer):
        return lambda p, g, t: torch.where(
            abs(p - g) <= abs(t - g), inner(abs(p - g)), outer(abs(p - g), abs(t - g))
        )

    check = checks.kd_loss.main_loss
    assert check(loss).startswith("Right")
    refused("3 r - r.2 is missing", check, wrong(lambda d: 3 * d, lambda d, r: d**2))
    refused("branches are exchanged", check, wrong(lambda d: d**2, lambda d, r: 3 * d))
    refused("linear everywhere", check, lambda p, g, t: 3 * abs(p - g))
    refused("wrong sign", check, wrong(lambda d: 3 * d, lambda d, r: d**2 + 3 * r + r**2))
    refused("not their mean", check, lambda p, g, t: loss(p, g, t).mean())
    refused("gets no gradient", check, lambda p, g, t: loss(p.detach(), g, t))


def test_clipping():
    check = checks.kd_loss.clip
    assert check(lambda b, v: np.clip(b, -3 * v**0.5, 3 * v**0.5)).startswith("Right")
    assert check(
        lambda b, v: torch.tensor(b).clamp(-3 * torch.tensor(v).sqrt(), 3 * torch.tensor(v).sqrt())
    )
    refused("3 sqrt", check, lambda b, v: np.clip(b, -3 * v, 3 * v))
    refused("one standard deviation", check, lambda b, v: np.clip(b, -(v**0.5), v**0.5))
    refused("not 3", check, lambda b, v: np.clip(b, -3, 3))
    refused("both directions", check, lambda b, v: np.minimum(b, 3 * v**0.5))
    refused("not to zero", check, lambda b, v: b * (abs(b) <= 3 * v**0.5))


def test_the_form_of_variances():
    rows = [{"variance": v, "modes": 3, "percent": 2.0} for v in (0.5, 0.8, 1)]
    assert "form is complete" in checks.kd_loss.variances(rows, TEXT)
    refused("above 0", checks.kd_loss.variances, [r | {"variance": 90} for r in rows], TEXT)
    refused("no 'modes'", checks.kd_loss.variances, [{"variance": 0.5}] * 3, TEXT)


# --- 06 -----------------------------------------------------------------------------------------


def test_credits_of_a_linear_network():
    given = ([2.0, -1, 0, 3], [1.0, 1, 5, 0.5], [0.5, 0.5, 1, 0.5])
    check = checks.attribution.linear
    assert check([1, -0.5, 0, 0], *given).startswith("Right")
    assert check(torch.tensor([1, -0.5, 0, 0]), *given)
    refused("baseline here is not zero", check, [2, -1, 0, 1.5], *given)
    refused("this is the gradient", check, given[0], *given)
    refused("starts at the baseline", check, [-1, 0.5, 0, 0], *given)
    refused("have signs", check, [1, 0.5, 0, 0], *given)


def test_the_sum_along_the_path():
    def along(alphas, weight=lambda x, b, mean: (x - b) * mean):
        def integral(gradient, x, b, steps):
            at = alphas(steps)
            return weight(x, b, sum(gradient(b + a * (x - b)) for a in at) / len(at))

        return integral

    check = checks.attribution.path_integral
    for alphas in (
        lambda n: (np.arange(n) + 0.5) / n,
        lambda n: np.arange(1, n + 1) / n,
        lambda n: np.linspace(0, 1, n),
    ):
        assert check(along(alphas)).startswith("Right")
    middles = lambda n: (np.arange(n) + 0.5) / n  # noqa: E731
    refused("multiplied by .x - baseline", check, along(middles, lambda x, b, mean: mean))
    refused("gradient at the image alone", check, lambda gradient, x, b, n: gradient(x) * (x - b))
    refused("use the mean over the steps", check, along(middles, lambda x, b, m: 200 * m * (x - b)))
    refused("multiplied by x", check, along(middles, lambda x, b, mean: mean * x))
    refused("starts at the baseline", check, along(middles, lambda x, b, m: m * (b - x)))


def test_the_share_that_is_near():
    def share(maps, near):
        return (abs(maps) * near).sum((1, 2)) / abs(maps).sum((1, 2))

    check = checks.attribution.share_near
    assert check(share).startswith("Right")
    assert check(lambda m, n: torch.tensor(share(m, n), dtype=torch.float32))
    refused("negative credits cancel", check, _signed)
    refused("number of near pixels", check, lambda m, n: (abs(m) * n).sum((1, 2)) / n.sum((1, 2)))
    refused("of the whole map", check, lambda m, n: (abs(m) * n).sum((1, 2)))
    refused("one share per face", check, lambda m, n: share(m, n).mean())


def _signed(maps, near):
    return (maps * near).sum((1, 2)) / np.where(maps.sum((1, 2)) == 0, np.inf, maps.sum((1, 2)))


def test_the_form_of_baselines():
    rows = [{"correlation": 0.5, "completeness_percent": 3.0}] * 2
    assert "form is complete" in checks.attribution.baselines(rows, TEXT)
    refused(
        "between -1", checks.attribution.baselines, [r | {"correlation": 5} for r in rows], TEXT
    )
    refused("1 rows", checks.attribution.baselines, rows[:1], TEXT)


# --- 07 -----------------------------------------------------------------------------------------


def test_invariances_of_cka():
    check = checks.invariance.cka_stays
    assert check([True, True, False, True, True, False]).startswith("Right")
    refused("nine times its variance", check, [True, True, True, True, True, False])
    refused("keeps all lengths", check, [True, True, False, False, True, False])
    refused("centring", check, [False, True, False, True, True, False])


def test_cka():
    def by_gram(x, y):  # n x n instead of p x q
        k, m = ((z - z.mean(0)) @ (z - z.mean(0)).T for z in (x, y))
        return (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())

    def of(x, y, power=2):
        n = np.linalg.norm
        return n(y.T @ x) ** power / (n(x.T @ x) * n(y.T @ y))

    check = checks.invariance.cka
    assert check(by_gram).startswith("Right")
    assert check(lambda x, y: torch.tensor(by_gram(x, y)))
    refused("not centred", check, of)
    refused(
        "centred the rows", check, lambda x, y: of(x - x.mean(1)[:, None], y - y.mean(1)[:, None])
    )
    refused("square", check, lambda x, y: of(x - x.mean(0), y - y.mean(0), 1))
    refused("standardised", check, lambda x, y: by_gram(x / x.std(0), y / y.std(0)))


def test_folds():
    subjects = ("a", "a", "b", "b", "c")
    check = checks.invariance.folds
    assert check(np.tile(subjects, 2), subjects).startswith("Right")
    assert check([0, 0, 1, 1, 2] * 2, subjects).startswith("Right")
    refused("from their other pictures", check, np.tile(np.arange(5), 2), subjects)
    refused("two images of a pair", check, np.arange(10), subjects)
    refused("5 for 10 rows", check, np.array(subjects), subjects)
    refused("not each element", check, np.repeat(subjects, 2), subjects)
    refused("no test set", check, np.zeros(10), subjects)


def test_the_form_of_counts():
    rows = [{"faces": n, "cka": 0.5, "recall_at_1": 0.1} for n in (8, 16, 32)]
    assert "form is complete" in checks.invariance.counts(rows, TEXT)
    refused("different numbers of faces", checks.invariance.counts, [rows[0]] * 3, TEXT)
    refused("not answered", checks.invariance.counts, ..., TEXT)


# --- 08 -----------------------------------------------------------------------------------------


def test_an_interval_over_faces():
    hard = RNG.uniform(0.02, 0.08, 200)  # the difficulty of a face for both models
    a, b = (hard + shift + RNG.normal(0, 0.003, 200) for shift in (0.002, 0))
    d = 100 * (a - b)
    reach = 1.96 * d.std(ddof=1) / math.sqrt(200)
    check = checks.results.over_faces
    assert check((d.mean() - reach, d.mean() + reach), a, b).startswith("Right")
    means = [d[RNG.integers(0, 200, 200)].mean() for _ in range(2000)]
    assert check(np.quantile(means, [0.025, 0.975]), a, b).startswith("Right")  # a bootstrap
    apart = 196 * math.hypot(a.std(ddof=1), b.std(ddof=1)) / math.sqrt(200)
    refused("two different sets of faces", check, (d.mean() - apart, d.mean() + apart), a, b)
    refused("convert to percent", check, ((d.mean() - reach) / 100, (d.mean() + reach) / 100), a, b)
    refused("sign is wrong", check, (-d.mean() - reach, -d.mean() + reach), a, b)
    wide = 1.96 * d.std()
    refused("spread of faces", check, (d.mean() - wide, d.mean() + wide), a, b)
    refused("lower end", check, (d.mean() + reach, d.mean() - reach), a, b)


def test_an_interval_over_seeds():
    ours, theirs = {0: 3.1, 1: 3.4, 2: 3.0}, {2: 3.2, 0: 3.2, 1: 3.6}
    d = np.array([-0.1, -0.2, -0.2])
    error, t = d.std(ddof=1) / math.sqrt(3), 4.302653

    def around(reach):
        return d.mean() - reach, d.mean() + reach

    check = checks.results.over_seeds
    assert "excludes zero" in check(around(t * error), ours, theirs)
    refused("Student's t is 4.30", check, around(1.96 * error), ours, theirs)
    refused("ddof=1", check, around(t * d.std() / math.sqrt(3)), ours, theirs)
    refused("spread of seeds", check, around(t * d.std(ddof=1)), ours, theirs)
    x, y = np.array([3.1, 3.4, 3.0]), np.array([3.2, 3.6, 3.2])
    loose = t * math.hypot(x.std(ddof=1), y.std(ddof=1)) / math.sqrt(3)
    refused("not paired", check, around(loose), ours, theirs)
    refused("sign is wrong", check, [-v for v in around(t * error)][::-1], ours, theirs)


def made(folder: Path, **change) -> Path:
    """A manifest of the four faces, right but for the change."""
    people = change.pop("people", ["p0", "p0", "p1", "p1"])
    splits = change.pop("splits", ["train", "train", "test", "test"])
    shift = change.pop("shift", 1)
    entries = [
        Entry(
            **{
                "id": f"mine/{n}",
                "subject": people[n],
                "split": splits[n],
                "scheme": "ibug68",
                "landmarks": truth()[n] + 1 - shift,
                "thermal": faces().thermal[n],
                "rgb": photo(folder, n),
                "radiometry": FACE_CENTIKELVIN,
                "labels": "hand",
                **change,
            }
        )
        for n in range(4)
    ]
    return write_manifest(entries, folder / "manifest").folder


def photo(folder: Path, n: int) -> Path:
    from PIL import Image

    Image.fromarray(faces().rgb[n]).save(folder / f"{n}.png")
    return folder / f"{n}.png"


def test_a_right_manifest(tmp_path):
    folder = made(tmp_path)
    assert checks.results.manifest(folder, truth() + 1).startswith("Right")
    assert checks.results.manifest(str(folder), truth() + 1).startswith("Right")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shift": 0}, "count from 1, manifests from 0"),
        ({"shift": 2}, "once, not twice"),
        ({"splits": ["train"] * 4}, "all rows are in one split"),
        ({"labels": ""}, "state their origin"),
        ({"labels": "exact"}, "these were annotated by hand"),
        ({"thermal": None, "radiometry": None}, "it is not a pair"),
        ({"landmarks": None}, "no landmarks"),
    ],
)
def test_a_wrong_manifest(tmp_path, change, message):
    refused(message, checks.results.manifest, made(tmp_path, **change), truth() + 1)


def test_a_manifest_with_stretched_frames_or_none(tmp_path):
    folder = made(tmp_path)
    path = folder / "metadata.jsonl"
    text = path.read_text()
    stretched = Radiometry(kind="frame-minmax").model_dump_json()
    stored = FACE_CENTIKELVIN.model_dump_json()
    assert stored in text.replace(" ", "")
    path.write_text(text.replace(" ", "").replace(stored, stretched))
    refused("temperature is lost", checks.results.manifest, folder, truth() + 1)
    refused("cannot be read: .*no such manifest", checks.results.manifest, tmp_path / "x", truth())


def test_the_form_of_warmer():
    rows = [{"celsius": n, "nme_percent": 5.0} for n in (-5, 0, 5)]
    assert "form is complete" in checks.results.warmer(rows, TEXT)
    refused("three different", checks.results.warmer, [rows[0]] * 3, TEXT)
    refused("in 15 words", checks.results.warmer, rows, "5 degrees")
