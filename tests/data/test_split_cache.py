"""A process reads a split once, and only the modality that is needed."""

import numpy as np
import pytest

from mlcmkd.data import config as data_config
from mlcmkd.data import manifest_pairs
from mlcmkd.data.config import DataConfig
from mlcmkd.data.split_cache import SplitCache
from mlcmkd.stages.evaluate import evaluate
from mlcmkd.training.provenance import data_hash
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs
from tests.data.test_pairs import folder, rows_of, write  # noqa: F401


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The files of images that are read, by folder; nothing is cached before."""
    files: list[str] = []
    read = manifest_pairs.read_image

    def counted(path):
        files.append(path.parent.name)
        return read(path)

    monkeypatch.setattr(manifest_pairs, "read_image", counted)
    monkeypatch.setattr(data_config, "_read_splits", SplitCache(8))
    return files


def load(folder, *modalities, progress=False):  # noqa: F811
    config = DataConfig(source=str(folder))
    return config.load("train", 32, modalities=modalities, progress=progress)


@pytest.mark.parametrize("modality", ["rgb", "thermal"])
def test_files_of_the_other_modality_are_not_opened(folder, opened, modality):  # noqa: F811
    alone = load(folder, modality)
    assert opened == [modality] * 2
    both = load(folder, "rgb", "thermal")
    assert both.rgb is not None and both.thermal is not None
    images = getattr(alone, modality)
    assert np.array_equal(images, getattr(both, modality)) and alone.crops == both.crops
    assert data_hash(alone) == data_hash(both.only({modality})) == data_hash(load(folder, modality))


def test_a_split_is_read_once_whoever_asks(folder, opened):  # noqa: F811
    both = load(folder, "rgb", "thermal")
    count = len(opened)
    assert load(folder, "rgb", "thermal", progress=True) is both
    thermal = load(folder, "thermal")
    assert thermal.rgb is None and thermal.thermal is both.thermal
    assert load(folder, "rgb").rgb is both.rgb
    assert len(opened) == count
    rows = rows_of(folder)
    rows[0]["subject"] = "another"
    write(folder, rows)
    assert load(folder, "rgb", "thermal").subjects[0] == "another" and len(opened) == 2 * count


def test_a_missing_modality_is_reported_as_before(folder, opened):  # noqa: F811
    rows = rows_of(folder)
    for row in rows:
        row["rgb_file_name"] = None
    pairs = load(write(folder, rows), "rgb")
    with pytest.raises(InputError, match="evaluation needs rgb images"):
        pairs.require("rgb", "evaluation")


def test_evaluations_of_one_process_read_a_split_once(folder, opened, tmp_path):  # noqa: F811
    for modality in ("thermal", "rgb", "thermal"):
        weights = tmp_path / f"{modality}.safetensors"
        make_model(modality=modality).save(weights)
        config = {
            "out": tmp_path / f"run{len(opened)}",
            "weights": weights,
            "data": {"source": str(folder)},
            "split": "train",
        }
        evaluate(config, progress=False)
    assert opened == ["thermal"] * 2 + ["rgb"] * 2


def test_the_entry_that_was_not_used_for_the_longest_time_goes_first():
    cache, made = SplitCache(2), []

    def get(name: str, *modalities: str):
        def read():
            made.append(name)
            return make_pairs(1).only(modalities)

        return cache.get(name, modalities, read)

    get("a", "rgb", "thermal")
    get("b", "rgb")
    get("a", "rgb")  # found in the entry with both
    get("c", "thermal")  # drops b
    get("a", "thermal")
    assert made == ["a", "b", "c"]
    get("b", "rgb")  # drops c
    get("c", "thermal")
    assert made == ["a", "b", "c", "b", "c"]
