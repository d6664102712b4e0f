"""Figures of landmark schemes."""

import numpy as np
import pytest

from mlcmkd.plots import scheme_points, schemes
from mlcmkd.plots.schemes import template
from mlcmkd.schemes import SCHEMES, common_points, convert, get_scheme
from mlcmkd.utils.errors import InputError
from tests.plots.conftest import drawn, words_in


def test_every_scheme_is_drawn_with_its_count_and_its_indices():
    figure, _ = drawn(lambda: scheme_points(*SCHEMES))
    found = words_in(figure)
    for name, scheme in SCHEMES.items():
        assert f"{name}: {scheme.points} points" in found
    assert sum(word.isdigit() for word in found) == sum(s.points for s in SCHEMES.values())


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_the_template_is_symmetric(name):
    scheme, face = get_scheme(name), template(name)
    assert face.shape == (scheme.points, 2) and np.isfinite(face).all()
    assert len(np.unique(face, axis=0)) == scheme.points  # no point hides another
    if scheme.pupils:  # not a profile
        np.testing.assert_allclose(face[list(scheme.flip)] * [-1, 1], face, atol=1e-4)


@pytest.mark.parametrize("source", sorted(SCHEMES))
def test_the_template_is_the_same_in_every_scheme(source):
    """A shared point is at the same place, a mean of points near it."""
    for target in SCHEMES:
        if "charlotte43" in (source, target):
            continue
        common = common_points(source, target)
        distance = np.linalg.norm(
            convert(template(source), source, target) - template(target), axis=1
        )
        np.testing.assert_allclose(distance[list(common.target)], 0, atol=1e-5)
        assert (distance[list(common.means)] < 0.05).all()  # of the distance of the eyes


def test_an_annotation_is_drawn_instead_of_the_template(monkeypatch):
    monkeypatch.setattr(schemes, "template", None)  # the head need not define the scheme
    marks = np.arange(12.0).reshape(6, 2)
    (axes,) = scheme_points("corners6", landmarks={"corners6": marks}).axes
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), marks)
    assert axes.yaxis_inverted()
    with pytest.raises(InputError, match=r"do not fit scheme 'corners6'; give \(6, 2\)"):
        scheme_points("corners6", landmarks={"corners6": marks[:5]})
    with pytest.raises(InputError, match="unknown"):
        scheme_points("wflw")
