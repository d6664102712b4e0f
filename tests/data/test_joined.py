"""Pairs of several sources in one training set: nothing is lost, mixed up or read over another range."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from data_prep.rendered import write_rendered
from mlcmkd.data.config import DataConfig
from mlcmkd.data.joined import joined
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.utils.errors import InputError
from tests.conftest import make_pairs


def test_each_pair_keeps_its_images_label_crop_and_names():
    parts = [make_pairs(3, seed=1), make_pairs(2, seed=2).with_labels(1, seed=0)]
    pairs = joined(parts, ["a", "b"])
    assert len(pairs) == 5
    for n, (part, index) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]):
        for field in ("rgb", "thermal", "landmarks", "labelled"):
            assert torch.equal(getattr(pairs, field)[n], getattr(parts[part], field)[index])
        for field in ("crops", "ids", "subjects"):
            assert getattr(pairs, field)[n] == getattr(parts[part], field)[index]


def test_one_source_is_unchanged():
    pairs = make_pairs(3)
    assert torch.equal(joined([pairs], ["a"]).thermal, pairs.thermal)


def test_a_modality_that_one_source_lacks_is_left_out():
    pairs = joined([make_pairs(2), make_pairs(2).only(["thermal"])], ["a", "b"])
    assert pairs.rgb is None and len(pairs.thermal) == 4


def test_points_are_visible_and_groups_unknown_where_a_source_does_not_say():
    hidden = torch.zeros(2, 68, dtype=torch.bool)
    marked = replace(make_pairs(2), visible=hidden, groups=("x", None))
    pairs = joined([make_pairs(1), marked], ["a", "b"])
    assert pairs.visible.tolist() == [[True] * 68, [False] * 68, [False] * 68]
    assert pairs.groups == (None, "x", None)
    assert joined([make_pairs(1)] * 2, ["a", "b"]).visible is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (make_pairs(1, input_px=64), "b: input_px 64, but a has 32"),
        (replace(make_pairs(1), scheme="sf_tl54"), "b: scheme sf_tl54, but a has ibug68"),
        (
            replace(make_pairs(1), radiometry=GREY8),
            "b: thermal values of .* grey levels, but a has",
        ),
        (
            replace(make_pairs(1), radiometry=Radiometry(kind="celsius", low=0, high=60)),
            "b: thermal values of 0 to 60 degrees C, but a has 18 to 40 degrees C",
        ),
    ],
)
def test_sources_that_do_not_fit_together_are_refused(other, message):
    with pytest.raises(InputError, match=message):
        joined([make_pairs(1), other], ["a", "b"])


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered") / "manifest"
    write_rendered(folder, 6, seed=3, progress=False, workers=1)
    return folder


def test_the_training_pairs_of_further_sources_are_added_with_all_their_labels(rendered):
    fields = {"source": "synthetic", "synthetic_train": 8, "synthetic_held": 2}
    alone = DataConfig(**fields, pairs=4, labelled=2)
    pairs = DataConfig(**fields, pairs=4, labelled=2, also=(str(rendered),)).load_training(
        64, seed=0
    )
    assert torch.equal(pairs.thermal[:4], alone.load_training(64, seed=0).thermal)
    assert pairs.labelled.tolist() == [
        *alone.load_training(64, seed=0).labelled.tolist(),
        *[True] * 6,
    ]
    assert torch.equal(pairs.landmarks[4:], load_pairs(rendered, "train", 64).landmarks)
    assert len(DataConfig(**fields, also=(str(rendered),)).load("val", 64)) == 2


def test_a_further_source_is_read_over_the_range_of_the_first(rendered, tmp_path):
    lines = (rendered / "metadata.jsonl").read_text().replace('"low":18.0', '"low":0.0')
    wide = tmp_path / "wide"
    shutil.copytree(rendered, wide)
    (wide / "metadata.jsonl").write_text(lines)
    assert load_pairs(wide, "train", 64).radiometry.low == 0
    config = DataConfig(synthetic_train=2, synthetic_held=2, also=(str(wide),))
    pairs = config.load_training(64, seed=0)
    assert torch.equal(pairs.thermal[2:], load_pairs(rendered, "train", 64).thermal)


def test_a_config_without_further_sources_is_written_as_before():
    assert "also" not in DataConfig().model_dump()
    assert np.array_equal(DataConfig(also=["a"]).model_dump()["also"], ["a"])
