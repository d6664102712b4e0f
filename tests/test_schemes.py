"""Landmark schemes: counts, flips, maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcmkd.errors import InputError
from mlcmkd.schemes import SCHEMES, get_scheme, map_indices


@pytest.mark.parametrize("name", SCHEMES)
def test_flip_is_its_own_inverse(name):
    scheme = get_scheme(name)
    flip = np.array(scheme.flip)
    assert sorted(scheme.flip) == list(range(scheme.points))
    np.testing.assert_array_equal(flip[flip], np.arange(scheme.points))


@given(st.sampled_from(sorted(SCHEMES)), st.integers(0, 2**32 - 1))
def test_mirroring_twice_gives_the_landmarks_back(name, seed):
    scheme = get_scheme(name)
    marks = np.random.default_rng(seed).integers(0, 101, (scheme.points, 2))

    def mirrored(points):
        return (points * [-1, 1] + [100, 0])[list(scheme.flip)]

    np.testing.assert_array_equal(mirrored(mirrored(marks)), marks)


def test_flip_pairs_known_from_the_ibug_figure():
    flip = get_scheme("ibug68").flip
    expected = {0: 16, 8: 8, 17: 26, 21: 22, 27: 27, 31: 35, 33: 33, 36: 45, 39: 42, 41: 46}
    expected |= {48: 54, 51: 51, 57: 57, 59: 55, 60: 64, 62: 62, 66: 66, 67: 65}
    assert {point: flip[point] for point in expected} == expected
    assert get_scheme("sf_tl54").flip[48:] == (50, 49, 48, 51, 52, 53)


@pytest.mark.parametrize("name", SCHEMES)
def test_named_points_and_lines_exist(name):
    scheme = get_scheme(name)
    regions = sorted(index for region in scheme.regions.values() for index in region)
    assert regions == list(range(scheme.points))  # every point in one region
    assert {index for edge in scheme.edges for index in edge} == set(range(scheme.points))
    assert scheme.flip[scheme.outer_eyes[0]] == scheme.outer_eyes[1]
    assert scheme.flip[scheme.nose_tip] == scheme.nose_tip


def test_the_54_points_are_those_of_the_68():
    indices = map_indices("ibug68", "sf_tl54")
    assert indices[:48] == tuple(range(48))
    assert indices[48:] == (48, 51, 54, 57, 62, 66)
    # Mapping and mirroring may change places.
    big, small = get_scheme("ibug68"), get_scheme("sf_tl54")
    assert [big.flip[i] for i in indices] == [indices[i] for i in small.flip]


def test_a_scheme_maps_to_itself():
    assert map_indices("sf_tl54", "sf_tl54") == tuple(range(54))


def test_unknown_scheme_lists_the_known_ones():
    message = "landmark scheme 'wflw' is unknown; use one of ibug68, sf_tl54"
    with pytest.raises(InputError, match=message):
        get_scheme("wflw")


def test_a_map_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="'sf_tl54' cannot be read as 'ibug68'"):
        map_indices("sf_tl54", "ibug68")
