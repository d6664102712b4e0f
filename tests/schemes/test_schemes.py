"""Landmark schemes: properties of all schemes, and facts of each, written down by hand."""

import csv
from dataclasses import replace
from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.schemes import (
    SCHEMES,
    Scheme,
    common_points,
    convert,
    get_scheme,
    map_indices,
    register_scheme,
    scheme_of_count,
)
from mlcmkd.schemes.scheme import check_scheme
from mlcmkd.utils.errors import InputError

NAMES = sorted(SCHEMES)
PAIRS = list(product(NAMES, NAMES))

COUNTS = {
    "face5": 5,
    "corners6": 6,
    "cofw29": 29,
    "charlotte43": 43,
    "sf_tl54": 54,
    "ibug68": 68,
    "ibug70": 70,
    "charlotte73": 73,
    "wflw98": 98,
}

# Mirror partners, from the published figures and lists, independent of the names: each entry exchanges
# `count` points with their partners, as (first, partner of the first, count, step of the partner).
_FROM_17_TO_47 = [(17, 26, 5, -1), (31, 35, 2, -1), (36, 45, 4, -1), (40, 47, 2, -1)]
_LIPS = [(48, 54, 3, -1), (55, 59, 2, -1), (60, 64, 2, -1), (65, 67, 1, -1)]
MIRROR_RUNS = {
    "face5": [(0, 1, 1, 1), (3, 4, 1, 1)],
    "corners6": [(0, 3, 1, 1), (1, 2, 1, 1), (4, 5, 1, 1)],
    "cofw29": [
        *((first, first + 1, 1, 1) for first in (0, 2, 8, 10, 16, 18, 22)),
        (4, 6, 2, 1),
        (12, 14, 2, 1),
    ],
    "charlotte43": [],
    "sf_tl54": [(0, 16, 8, -1), *_FROM_17_TO_47, (48, 50, 1, 1)],
    "ibug68": [(0, 16, 8, -1), *_FROM_17_TO_47, *_LIPS],
    "ibug70": [(0, 16, 8, -1), *_FROM_17_TO_47, *_LIPS, (68, 69, 1, 1)],
    "charlotte73": [(0, 16, 8, -1), *_FROM_17_TO_47, *_LIPS, (68, 72, 2, -1)],
    "wflw98": [
        (0, 32, 16, -1),
        (33, 46, 5, -1),
        (38, 50, 4, -1),
        (55, 59, 2, -1),
        (60, 72, 5, -1),
        (65, 75, 3, -1),
        (76, 82, 3, -1),
        (83, 87, 2, -1),
        (88, 92, 2, -1),
        (93, 95, 1, -1),
        (96, 97, 1, 1),
    ],
}

# The usual subset of WFLW's points in iBUG's order.
WFLW_TO_68 = (
    *range(0, 33, 2),
    *(33, 34, 35, 36, 37),
    *(42, 43, 44, 45, 46),
    *range(51, 60),
    *(60, 61, 63, 64, 65, 67),
    *(68, 69, 71, 72, 73, 75),
    *range(76, 96),
)


def random_marks(scheme: str, seed: int = 0) -> np.ndarray:
    """Two faces of whole numbers, (2, K, 2), so that sums and mirrors are exact."""
    shape = (2, get_scheme(scheme).points, 2)
    return np.random.default_rng(seed).integers(0, 101, shape).astype(np.float64)


def mirror(marks: np.ndarray, scheme: str) -> np.ndarray:
    """Landmarks of the mirrored image, 101 px wide."""
    return (marks * [-1, 1] + [100, 0])[..., list(get_scheme(scheme).flip), :]


# --- every scheme -------------------------------------------------------------------------------


def test_the_schemes_and_their_counts():
    assert {name: scheme.points for name, scheme in SCHEMES.items()} == COUNTS


@pytest.mark.parametrize("name", NAMES)
def test_names_of_a_scheme_and_its_points(name):
    scheme = get_scheme(name)
    assert scheme.name == name
    assert len(set(scheme.names)) == scheme.points
    assert all(point.strip() == point != "" for point in scheme.names)


@pytest.mark.parametrize("name", NAMES)
def test_flip_is_its_own_inverse(name):
    flip = np.array(get_scheme(name).flip)
    np.testing.assert_array_equal(flip[flip], np.arange(len(flip)))


@given(st.sampled_from(NAMES), st.integers(0, 2**32 - 1))
def test_mirroring_twice_gives_the_landmarks_back(name, seed):
    marks = random_marks(name, seed)
    np.testing.assert_array_equal(mirror(mirror(marks, name), name), marks)


@pytest.mark.parametrize("name", NAMES)
def test_flip_is_the_published_one(name):
    expected = list(range(COUNTS[name]))
    for first, partner, count, step in MIRROR_RUNS[name]:
        for i in range(count):
            a, b = first + i, partner + i * step
            expected[a], expected[b] = b, a
    assert list(get_scheme(name).flip) == expected


@pytest.mark.parametrize("name", NAMES)
def test_mirroring_exchanges_left_and_right(name):
    scheme = get_scheme(name)
    for point, partner in enumerate(scheme.flip):
        here, there = scheme.names[point], scheme.names[partner]
        assert ("left" in here, "right" in here) == ("right" in there, "left" in there)
        assert here.replace("left", "") == there.replace("right", "") or here.replace(
            "right", ""
        ) == there.replace("left", "")


@pytest.mark.parametrize("name", NAMES)
def test_regions_and_lines_consist_of_the_scheme_s_points(name):
    scheme = get_scheme(name)
    assert sorted(i for region in scheme.regions.values() for i in region) == list(
        range(scheme.points)
    )  # every point in one region
    assert {i for edge in scheme.edges for i in edge} <= set(range(scheme.points))
    assert all(len(edge) > 1 for edge in scheme.edges)
    assert set(scheme.approximate) <= set(range(scheme.points))
    assert len(set(scheme.approximate)) == len(scheme.approximate)


@pytest.mark.parametrize("name", NAMES)
def test_regions_and_lines_are_symmetric(name):
    """Drawings and averages do not depend on the direction in which a face looks."""
    scheme = get_scheme(name)
    regions = {
        region: {scheme.flip[i] for i in points} for region, points in scheme.regions.items()
    }
    for region, points in regions.items():
        other = {"left": "right", "right": "left"}.get(region.split()[0])
        there = region if other is None else f"{other} {region.split()[1]}"
        assert points == set(scheme.regions[there])
    lines = {frozenset(pair) for edge in scheme.edges for pair in zip(edge, edge[1:], strict=False)}
    assert {frozenset(scheme.flip[i] for i in line) for line in lines} == lines
    assert {scheme.flip[i] for i in scheme.approximate} == set(scheme.approximate)


@pytest.mark.parametrize("name", NAMES)
def test_eyes_and_nose_are_symmetric(name):
    scheme = get_scheme(name)
    if scheme.outer_eyes:
        left, right = scheme.outer_eyes
        assert scheme.flip[left] == right
        assert (scheme.names[left], scheme.names[right]) == (
            "left eye outer corner",
            "right eye outer corner",
        )
    if scheme.pupils:
        left, right = scheme.pupils
        assert {scheme.flip[i] for i in left} == set(right)
        assert set(left) <= set(scheme.regions["left eye"])
    if scheme.nose_tip is not None:
        assert scheme.names[scheme.nose_tip] == "nose tip"
    assert (scheme.nose_tip is None) == ("nose tip" not in scheme.names)


def test_eyes_known_from_the_conventions():
    found = {name: (scheme.outer_eyes, scheme.pupils) for name, scheme in SCHEMES.items()}
    six = (tuple(range(36, 42)), tuple(range(42, 48)))
    assert found == {
        "face5": (None, ((0,), (1,))),
        "corners6": ((0, 3), ((0, 1), (2, 3))),
        "cofw29": ((8, 9), ((16,), (17,))),
        "charlotte43": (None, None),
        "sf_tl54": ((36, 45), six),
        "ibug68": ((36, 45), six),
        "ibug70": ((36, 45), ((68,), (69,))),
        "charlotte73": ((36, 45), six),
        "wflw98": ((60, 72), ((96,), (97,))),
    }
    assert [get_scheme(name).nose_tip for name in COUNTS] == [2, None, 20, 19, 30, 30, 30, 30, 54]


@pytest.mark.parametrize(
    ("scheme", "point", "name"),
    [
        ("ibug68", 0, "left jaw 1"),
        ("ibug68", 9, "right jaw 8"),
        ("ibug68", 26, "right brow outer end"),
        ("ibug68", 33, "nose base"),
        ("ibug68", 46, "right lower lid outer"),
        ("ibug68", 57, "lower lip middle"),
        ("ibug68", 62, "upper lip middle inside"),
        ("ibug68", 67, "left lower lip inside"),
        ("sf_tl54", 51, "lower lip middle"),
        ("ibug70", 69, "right pupil"),
        ("ibug68", 49, "left upper lip 1"),
        ("ibug68", 58, "left lower lip 2"),
        ("charlotte73", 1, "left low jaw 2"),
        ("charlotte73", 68, "left forehead 1"),
        ("charlotte73", 70, "forehead middle"),
        ("charlotte43", 20, "nose base"),
        ("wflw98", 16, "chin"),
        ("wflw98", 17, "right jaw 8.5"),
        ("wflw98", 38, "left brow lower inner end"),
        ("wflw98", 47, "right brow lower outer quarter"),
        ("wflw98", 66, "left lower lid middle"),
        ("wflw98", 70, "right upper lid middle"),
        ("wflw98", 88, "left mouth corner inside"),
        ("cofw29", 7, "right brow lower middle"),
        ("cofw29", 15, "right lower lid middle"),
        ("cofw29", 27, "lower lip middle"),
        ("corners6", 2, "right eye inner corner"),
        ("face5", 3, "left mouth corner"),
    ],
)
def test_points_known_by_name(scheme, point, name):
    assert get_scheme(scheme).names[point] == name


def test_unknown_scheme_lists_the_known_ones():
    message = "landmark scheme 'wflw' is unknown; use one of face5, corners6, cofw29, "
    for ask in (get_scheme, lambda name: common_points(name, "ibug68")):
        with pytest.raises(InputError, match=message):
            ask("wflw")


# --- registered schemes -----------------------------------------------------------------------

EYES3 = Scheme(
    name="eyes3",
    names=("left eye outer corner", "right eye outer corner", "chin"),
    outer_eyes=(0, 1),
    pupils=None,
    nose_tip=None,
    regions={"eyes": (0, 1), "jaw": (2,)},
    edges=((0, 1), (1, 2)),
)


@pytest.fixture
def _no_registered_schemes(monkeypatch):
    monkeypatch.setattr(SCHEMES, "_added", {})


@pytest.mark.usefixtures("_no_registered_schemes")
def test_a_registered_scheme_is_found_and_converted():
    assert register_scheme(EYES3) is get_scheme("eyes3") is SCHEMES["eyes3"]
    assert list(SCHEMES)[-1] == "eyes3" and EYES3.flip == (1, 0, 2)
    assert map_indices("ibug68", "eyes3") == (36, 45, 8)
    with pytest.raises(InputError, match="belongs to mlcmkd"):
        register_scheme(replace(EYES3, name="ibug68"))


@pytest.mark.usefixtures("_no_registered_schemes")
def test_a_number_of_points_still_means_the_scheme_of_the_library():
    """Readers take the scheme of a file without a description by its number of points."""
    register_scheme(replace(get_scheme("ibug68"), name="other68"))
    assert scheme_of_count(68).name == "ibug68"
    assert scheme_of_count(3) is None
    register_scheme(EYES3)
    assert scheme_of_count(3) is EYES3


@pytest.mark.parametrize("name", NAMES)
def test_the_library_s_schemes_pass_the_check(name):
    check_scheme(get_scheme(name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": (), "regions": {}}, "it has no points"),
        ({"names": ("chin", "chin", "nose tip")}, "two points are called 'chin'"),
        ({"names": ("left ear", "eye", "chin")}, "'left ear' has no mirror partner 'right ear'"),
        ({"outer_eyes": (0, 3)}, "outer_eyes: 3 is not a point; indices are 0 to 2"),
        ({"outer_eyes": (0, 2)}, "outer_eyes: 'left eye outer corner' and 'chin' are not"),
        ({"pupils": ((0,), (-1,))}, "pupils: -1 is not a point"),
        ({"nose_tip": 5}, "nose_tip: 5 is not a point"),
        ({"edges": ((0, 7),)}, "edges: 7 is not a point"),
        ({"approximate": (9,)}, "approximate: 9 is not a point"),
        ({"regions": {"eyes": (0, 1)}}, r"regions: point 2 \('chin'\) is in 0 regions, not in 1"),
        ({"regions": {"eyes": (0, 1), "all": (0, 2)}}, "point 0 .* is in 2 regions"),
    ],
)
@pytest.mark.usefixtures("_no_registered_schemes")
def test_a_scheme_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(InputError, match=f"landmark scheme 'eyes3'.*{message}"):
        register_scheme(replace(EYES3, **change))
    assert "eyes3" not in SCHEMES


# --- maps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_scheme_maps_to_itself(name):
    everything = tuple(range(get_scheme(name).points))
    common = common_points(name, name)
    assert map_indices(name, name) == common.source == common.target == everything
    assert common.approximate == common.means == common.missing == ()
    marks = random_marks(name)
    np.testing.assert_array_equal(convert(marks, name, name), marks)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_map_s_points_are_in_range_and_counted_once(source, target):
    common = common_points(source, target)
    count = get_scheme(target).points
    assert sorted((*common.target, *common.means, *common.missing)) == list(range(count))
    assert {i for found in common.sources for i in found} <= set(range(get_scheme(source).points))
    assert len(set(common.source)) == len(common.source) == len(common.target)
    assert set(common.means) <= set(common.approximate)
    assert not set(common.approximate) & set(common.missing)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_shared_points_are_shared_both_ways(source, target):
    there, back = common_points(source, target), common_points(target, source)
    assert set(zip(there.source, there.target, strict=True)) == set(
        zip(back.target, back.source, strict=True)
    )


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_mapping_and_mirroring_commute(source, target):
    marks = random_marks(source)
    np.testing.assert_allclose(
        convert(mirror(marks, source), source, target),
        mirror(convert(marks, source, target), target),
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("source", "between", "target"),
    [
        (source, between, target)
        for source, between, target in product(NAMES, repeat=3)
        if not common_points(source, between).missing and not common_points(source, between).means
    ],
)
def test_a_conversion_in_two_steps_agrees_with_the_direct_one(source, between, target):
    """Where both find a point it is the same; two steps never find more points."""
    direct = common_points(source, target).sources
    first, then = common_points(source, between), common_points(between, target)
    for found, second in zip(direct, then.sources, strict=True):
        if len(second) == 1:
            assert found == first.sources[second[0]]
        elif not found:
            assert not second


def test_70_to_54_is_70_to_68_to_54():
    marks = random_marks("ibug70")
    np.testing.assert_array_equal(
        convert(marks, "ibug70", "sf_tl54"),
        convert(convert(marks, "ibug70", "ibug68"), "ibug68", "sf_tl54"),
    )


def test_maps_written_down_by_hand():
    assert map_indices("ibug68", "sf_tl54") == (*range(48), 48, 51, 54, 57, 62, 66)
    assert map_indices("ibug70", "ibug68") == tuple(range(68))
    assert map_indices("wflw98", "ibug68") == WFLW_TO_68
    assert map_indices("wflw98", "ibug70") == (*WFLW_TO_68, 96, 97)
    assert map_indices("wflw98", "face5") == (96, 97, 54, 76, 82)
    assert map_indices("cofw29", "face5") == (16, 17, 20, 22, 23)
    assert map_indices("ibug68", "corners6") == (36, 39, 42, 45, 48, 54)
    assert map_indices("cofw29", "corners6") == (8, 10, 11, 9, 22, 23)
    assert map_indices("wflw98", "cofw29") == (
        *(33, 46, 37, 42, 35, 40, 44, 48),
        *(60, 72, 64, 68, 62, 66, 70, 74, 96, 97),
        *(55, 59, 54, 57, 76, 82, 79, 90, 94, 85, 16),
    )


def test_maps_with_means_written_down_by_hand():
    found = common_points("ibug68", "face5")
    assert found.sources == (
        (36, 37, 38, 39, 40, 41),
        (42, 43, 44, 45, 46, 47),
        (30,),
        (48,),
        (54,),
    )
    assert (found.means, found.approximate, found.missing) == ((0, 1), (0, 1), ())
    found = common_points("corners6", "face5")
    assert found.sources == ((0, 1), (2, 3), (), (4,), (5,))
    found = common_points("ibug68", "cofw29")
    assert found.sources[12:16] == ((37, 38), (41, 40), (44, 43), (46, 47))
    assert [get_scheme("cofw29").names[i] for i in found.missing] == [
        "left brow lower middle",
        "right brow lower middle",
    ]


def test_points_without_counterpart():
    found = common_points("ibug68", "ibug70")
    assert (found.source, found.target) == (tuple(range(68)), tuple(range(68)))
    assert (found.means, found.missing) == ((68, 69), ())
    assert common_points("sf_tl54", "ibug68").missing == (
        *(49, 50, 52, 53, 55, 56, 58, 59),
        *(60, 61, 63, 64, 65, 67),
    )
    # The contours start at different heights.
    found = common_points("charlotte73", "ibug68")
    assert found.missing == (*range(8), *range(9, 17))
    assert common_points("ibug68", "charlotte73").missing == (*found.missing, *range(68, 73))
    # A profile is one half of a face, left or right.
    assert common_points("charlotte43", "ibug68").target == (27, 28, 29, 30, 33, 51, 57, 62, 66)


def test_points_that_coincide_only_roughly():
    assert common_points("ibug68", "sf_tl54").approximate == ()
    rough = common_points("wflw98", "ibug68").approximate
    assert set(rough) == {*range(27), 37, 38, 40, 41, 43, 44, 46, 47}
    assert common_points("ibug68", "charlotte73").approximate[0] == 8  # the chin
    assert 28 in common_points("ibug68", "cofw29").approximate


def test_map_indices_names_the_missing_points():
    message = (
        "scheme 'sf_tl54' cannot be converted to 'ibug68': left upper lip 1, left upper lip 2, "
        "right upper lip 2, right upper lip 1, right lower lip 1, right lower lip 2 and 8 more "
        "without counterpart; use the points that both have"
    )
    with pytest.raises(InputError, match=message):
        map_indices("sf_tl54", "ibug68")
    with pytest.raises(InputError, match="'face5': left pupil, right pupil only as a mean"):
        map_indices("ibug68", "face5")


def test_convert_by_hand():
    marks = np.zeros((1, 6, 2), np.float32)
    marks[0] = [(10, 20), (20, 22), (40, 24), (50, 20), (15, 60), (45, 62)]
    expected = [(15, 21), (45, 22), (np.nan, np.nan), (15, 60), (45, 62)]
    found = convert(marks, "corners6", "face5")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [expected])


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_tensors_and_arrays_give_the_same(source, target):
    marks = random_marks(source)
    tensor = torch.tensor(marks, requires_grad=True)
    found = convert(tensor, source, target)
    np.testing.assert_allclose(found.detach().numpy(), convert(marks, source, target))
    assert tensor.grad is None and found.dtype == tensor.dtype
    found.nansum().backward()  # gradients pass
    used = {i for indices in common_points(source, target).sources for i in indices}
    assert set(tensor.grad[0, :, 0].nonzero().flatten().tolist()) == used


def test_convert_keeps_its_input_and_accepts_integers():
    marks = np.arange(12).reshape(6, 2)
    kept = marks.copy()
    found = convert(marks, "corners6", "face5")
    np.testing.assert_array_equal(found[:2], [(1, 2), (5, 6)])
    np.testing.assert_array_equal(marks, kept)
    assert convert(torch.arange(12).reshape(6, 2), "corners6", "face5")[0].tolist() == [1, 2]


def test_a_missing_annotation_affects_only_its_own_points():
    marks = random_marks("ibug68")
    marks[0, 36] = np.nan
    found = convert(marks, "ibug68", "cofw29")
    lost = {
        i
        for i, sources in enumerate(common_points("ibug68", "cofw29").sources)
        if not sources or 36 in sources
    }
    assert lost == {5, 7, 8, 16}  # lower brows have no counterpart; corner and pupil are lost
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found[0, :, 0])), sorted(lost))
    assert not np.isnan(found[1, 8]).any()


@pytest.mark.parametrize("shape", [(68, 3), (54, 2), (2,), (136,)])
def test_convert_refuses_landmarks_of_another_scheme(shape):
    with pytest.raises(InputError, match="do not fit scheme 'ibug68'; give"):
        convert(np.zeros(shape), "ibug68", "sf_tl54")


# --- against real annotations, where available ----------------------------------------------------


def test_corners6_has_the_order_of_the_data_sets(real_data):
    scheme = get_scheme("corners6")
    files = sorted((real_data / "format_samples/carl_eurecom").glob("*.xml"))
    assert files
    for file in files:
        # The samples are the heads of long files, cut off in the middle.
        text = file.read_text()
        whole = text[: text.rindex("</image>") + len("</image>")] + "</images></dataset>"
        for box in ElementTree.fromstring(whole).iter("box"):
            parts = box.findall("part")
            for part, name in zip(parts, scheme.names, strict=True):
                # Left and right in the files are the person's.
                side = {"right": "left", "left": "right"}[
                    "right" if "right" in part.get("name") else "left"
                ]
                assert name.startswith(side)
                for word in ("eye", "mouth", "outer", "inner"):
                    assert (word in name) == (word in part.get("name"))
            x = [float(part.get("x")) for part in parts]
            assert x[:4] == sorted(x[:4]) and x[4] < x[5]


def test_charlotte73_points_are_where_their_names_say(real_data):
    """In nearly frontal faces, left and right, above and below agree with the names."""
    scheme = get_scheme("charlotte73")
    at = scheme.names.index
    frontal = 0
    for file in sorted((real_data / "format_samples/charlotte_thermalface").glob("*.csv")):
        for row in csv.DictReader(file.open()):
            if not row["x72"]:
                continue  # a profile
            marks = np.array([(float(row[f"x{i}"]), float(row[f"y{i}"])) for i in range(73)])
            left, right = marks[list(scheme.outer_eyes)]
            along = (marks - (left + right) / 2) @ (right - left) / ((right - left) ** 2).sum()
            if abs(along[scheme.nose_tip]) > 0.1:
                continue
            frontal += 1
            for point, partner in enumerate(scheme.flip):
                if scheme.names[point].startswith("left"):
                    assert along[point] < along[partner]
            order = ["forehead middle", "left brow middle", "left lower lid inner", "nose tip",
                     "nose base", "upper lip middle", "lower lip middle", "chin"]  # fmt: skip
            assert list(np.diff(marks[[at(name) for name in order], 1]) > 0) == [True] * 7
    assert frontal >= 2


def test_charlotte43_points_go_from_the_ear_to_the_front_in_both_profiles(real_data):
    scheme = get_scheme("charlotte43")
    at = scheme.names.index
    ways = set()
    for file in sorted((real_data / "format_samples/charlotte_thermalface").glob("*.csv")):
        for row in csv.DictReader(file.open()):
            if row["x43"]:
                continue  # a face from the front
            marks = np.array([(float(row[f"x{i}"]), float(row[f"y{i}"])) for i in range(43)])
            way = np.sign(marks[at("nose tip"), 0] - marks[at("profile jaw 1"), 0])
            ways.add(way)
            forward = marks[:, 0] * way
            for back, front in (
                ("profile eye outer corner", "profile upper lid front"),
                ("profile nose wing", "nose base"),
                ("profile mouth corner", "upper lip middle"),
                ("profile brow 1", "profile brow 4"),
            ):
                assert forward[at(back)] < forward[at(front)], row["ID"]
            order = ["profile brow 3", "nose bridge 1", "nose tip", "upper lip middle",
                     "lower lip middle"]  # fmt: skip
            assert (np.diff(marks[[at(name) for name in order], 1]) >= 0).all(), row["ID"]
    assert ways == {-1, 1}
