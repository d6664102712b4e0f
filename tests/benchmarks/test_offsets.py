"""benchmarks/offsets.py: directions and errors of found shifts."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.rig import Rig, true_maps
from mlcmkd.studies.ktl.plan import SweepConfig
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.yaml_files import read_fields
from tests.conftest import make_pairs

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "experiments" / "registration_rigs.yaml"
_spec = importlib.util.spec_from_file_location("offsets", ROOT / "benchmarks/offsets.py")
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)


def case(pixels: float = 4, count: int = 30) -> script.Case:
    pairs = replace(make_pairs(count, input_px=64), labelled=torch.arange(count) < 10)
    right = np.arange(count) != count - 1
    return script.Case(
        SimpleNamespace(), pixels, Rig(), pairs, true_maps(Rig(), count, pixels, 0, 64), right
    )


def test_the_error_is_that_of_unlabelled_right_pairs():
    known = case()
    shift = known.shifts.copy()
    shift[:10] += 1  # labelled
    shift[-1] += 1  # a wrong pair
    shift[10:-1] += [3 / 64, 4 / 64]
    found = script.accuracy(known, shift, np.ones(30, dtype=bool))
    assert found["pairs"] == 19 and found["rmse_px"] == 5
    assert script.accuracy(known, known.shifts, np.arange(30) < 12)["pairs"] == 2
    assert script.accuracy(case(0), shift, np.ones(30, dtype=bool))["correlation"] == ""


@pytest.mark.parametrize("method", script.BY_CONTENT)
def test_content_finds_a_shift_in_its_direction(method):
    """Both images of the pair are the same photo, one of them shifted."""
    pairs = load_pairs("synthetic", "val", 64, count=2, progress=False)
    grey = pairs.rgb.float().mean(1, keepdim=True) / 255
    pairs = replace(pairs, thermal=(65535 * grey).to(torch.int32).to(torch.uint16))
    found = script._content_shift(pairs.shifted(np.array([[5.0, -3.0]] * 2)), 0, method)
    assert 64 * found == pytest.approx([5, -3], abs=1)


def test_each_number_of_labels_and_each_seed_has_a_run_with_a_first_student():
    config = SweepConfig.validated("study", read_fields(STUDY))
    runs = list(script.one_run_each(config, [100, 50], [0, 1]))
    found = [(run.config.data.labelled, run.config.seed) for run in runs]
    assert found == [(100, 0), (100, 1), (50, 0), (50, 1)]
    assert len({run.first.out for run in runs}) == 4
    with pytest.raises(InputError, match="no pairs with 60 labels and seed 0; name others"):
        list(script.one_run_each(config, [60], [0]))
