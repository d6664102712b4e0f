"""The difficulty of simulated thermal images: its groups of parameters, images and table."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from data_prep.simulation.settings import SimulationSettings
from data_prep.simulation.simulate import simulate_for_photo
from mlcmkd.data.pairs import from_synthetic
from mlcmkd.synthetic.faces import make_faces

_spec = importlib.util.spec_from_file_location(
    "simulated_difficulty", Path(__file__).parents[2] / "benchmarks/simulated_difficulty.py"
)
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)


def test_every_group_changes_parameters_of_its_own():
    names = [name for group in script.GROUPS.values() for name in group]
    assert len(set(names)) == len(names)
    plain, *others, all_of_them = script.variants().values()
    assert plain == SimulationSettings() and plain not in others
    changed = {
        name
        for name in SimulationSettings.model_fields
        if getattr(all_of_them, name) != getattr(plain, name)
    }
    assert changed == set(names)


def test_a_middle_is_a_range_of_one_value():
    assert script._middles("eye_corner") == {"eye_corner": pytest.approx((1.2, 1.2))}


def test_images_are_those_of_the_simulation():
    faces = make_faces(2, seed=4, size=96, workers=1)
    pairs = from_synthetic(faces, 32)
    rows = [
        SimpleNamespace(landmarks=marks.tolist(), id=f"face{n}")
        for n, marks in enumerate(faces.landmarks)
    ]
    photos, settings = list(faces.rgb), SimulationSettings()
    first, second, without = (
        script.simulated(photos, rows, pairs, *given)
        for given in (
            (settings, 1),
            (settings, 2),
            (script.variants()["without background"], 1),
        )
    )
    celsius = simulate_for_photo(photos[1], faces.landmarks[1], "face1", 0, number=1)
    unit = first.radiometry.to_unit(celsius)
    expected = np.rint(65535 * pairs.crops[1].cut(unit, 45, 1.4))
    assert np.array_equal(first.thermal[1, 0].numpy(), expected.astype(np.uint16))
    for other in (second, without):
        assert not np.array_equal(first.thermal.numpy(), other.thermal.numpy())


def test_a_row_by_hand():
    frontal = np.array([True, True, False, False])
    errors, reference = np.array([2.0, 4.0, 6.0, 12.0]), np.array([3.0, 5.0, 7.0, 13.0])
    assert script.line("plain", errors, frontal, reference) == {
        "images": "plain",
        "NME (%)": "6.00",
        "near-frontal": "3.00",
        "median": "5.00",
        "difference": "-1.00 [-1.00, -1.00]",
    }
