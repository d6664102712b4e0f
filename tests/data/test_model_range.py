"""Models read data over their own range, or refuse it: nothing is read over another one in silence."""

import json
import os

import cv2
import numpy as np
import pytest

from mlcmkd.data.config import DataConfig
from mlcmkd.data.manifest import MANIFEST
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.thermal.model_range import check_model_range, over_model_range
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, GREY8, Radiometry, to_centikelvin
from mlcmkd.evaluation.evaluate import predict_pairs
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs, room

WIDE = Radiometry(kind="centikelvin", low=0, high=60)
MINMAX = Radiometry(kind="frame-minmax")
SCALED = Radiometry(kind="grey8", low=10, high=60, scale_celsius=(0, 61))


@pytest.mark.parametrize(
    ("data", "trained", "expected"),
    [
        (WIDE, None, WIDE),
        (WIDE, FACE_CELSIUS, Radiometry(kind="centikelvin", low=18, high=40)),
        (SCALED, FACE_CELSIUS, SCALED.model_copy(update={"low": 18, "high": 40})),
        (
            GREY8,
            Radiometry(kind="palette", low=9, high=99),
            Radiometry(kind="grey8", low=9, high=99),
        ),
        (GREY8, FACE_CELSIUS, GREY8),
        (WIDE, GREY8, WIDE),
        (MINMAX, FACE_CELSIUS, MINMAX),
        (WIDE, MINMAX, MINMAX),
    ],
)
def test_values_in_one_scale_are_read_over_the_range_of_the_model(data, trained, expected):
    reading = over_model_range(data, trained)
    assert reading == expected
    comparable = trained is None or trained == MINMAX or reading != data
    if comparable:
        check_model_range(trained, reading, "fixed", "a")
    else:
        with pytest.raises(InputError, match=r"^a: read as .*normalisation 'fixed'.*; use a model"):
            check_model_range(trained, reading, "fixed", "a")
    check_model_range(trained, reading, "image", "a")


def write_manifest(folder, radiometry=WIDE, **fields):
    (folder / "thermal").mkdir(parents=True)
    frame = room(height=64, width=64)
    cv2.imwrite(str(folder / "thermal/a.png"), to_centikelvin(frame))
    row = {
        "id": "a",
        "subject": "s",
        "split": "test",
        "thermal_file_name": "thermal/a.png",
        "scheme": "ibug68",
        "landmarks": np.random.default_rng(0).uniform(16, 48, (68, 2)).tolist(),
        "radiometry": radiometry.model_dump(),
    }
    rows = [row, {**row, "id": "b", "split": "val", "subject": "t"} | fields]
    (folder / MANIFEST).write_text("".join(json.dumps(each) + "\n" for each in rows))
    return folder


def celsius_of(pairs):
    low, high = pairs.radiometry.low, pairs.radiometry.high
    return low + pairs.thermal.numpy() / 65535 * (high - low)


def test_a_manifest_of_another_range_is_read_over_that_of_the_model(tmp_path):
    folder = write_manifest(tmp_path / "data")
    own = load_pairs(folder, "test", 32, progress=False)
    read = DataConfig(source=str(folder)).load("test", 32, radiometry=FACE_CELSIUS, progress=False)
    assert (own.radiometry, read.radiometry.low, read.radiometry.high) == (WIDE, 18, 40)
    np.testing.assert_allclose(celsius_of(read), celsius_of(own), atol=0.01)
    assert abs(read.thermal.numpy() / 65535 - own.thermal.numpy() / 65535).max() > 0.1


def test_pairs_over_the_range_of_the_model_are_read_once(tmp_path):
    data = DataConfig(source=str(write_manifest(tmp_path / "data")))
    own = data.load("test", 32, progress=False)
    assert data.load("test", 32, radiometry=WIDE, progress=False) is own
    assert data.load("test", 32, radiometry=GREY8, progress=False) is own  # no scale in common


def test_another_manifest_under_an_old_date_is_read_again(tmp_path):
    """As `cp -p` leaves it. Pairs that a process has read are known by the content of their manifest."""
    folder = write_manifest(tmp_path / "data")
    data = DataConfig(source=str(folder))
    data.load("test", 32, progress=False)
    manifest = folder / MANIFEST
    times = manifest.stat()
    manifest.write_text(manifest.read_text().replace('"id": "a"', '"id": "c"'))
    os.utime(manifest, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert data.load("test", 32, progress=False).ids == ("c",)


def test_given_pairs_of_another_range_are_refused_by_fixed_models_only():
    pairs = make_pairs(2)
    for radiometry, fix in ((WIDE, "load them with the radiometry"), (GREY8, "use a model")):
        fixed = make_model(modality="thermal", normalisation="fixed")
        fixed.spec = fixed.spec.model_copy(update={"radiometry": radiometry})
        with pytest.raises(InputError, match=fix):
            predict_pairs(fixed, pairs, "thermal")
        invariant = make_model(modality="thermal")
        invariant.spec = invariant.spec.model_copy(update={"radiometry": radiometry})
        assert predict_pairs(invariant, pairs, "thermal").shape == (2, 68, 2)
    same = make_model(modality="thermal", normalisation="fixed")
    assert predict_pairs(same, pairs, "thermal").shape == (2, 68, 2)
    modality_gap = make_model(normalisation="fixed")  # an RGB model on thermal images
    assert predict_pairs(modality_gap, pairs, "thermal").shape == (2, 68, 2)
