"""When a finished run is taken, and when it is made again."""

import os
from pathlib import Path

import pytest

from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.config import run_id
from mlcmkd.studies.reuse import is_complete
from mlcmkd.training import provenance
from mlcmkd.training.provenance import manifest_stamp
from mlcmkd.training.run_directory import WEIGHTS, Run


def finished(config) -> None:
    """A run as its stage leaves it, without the training."""
    run = Run(config.out, "test", config)
    run.note(manifest=manifest_stamp(config.data.source))
    run.weights.write_bytes(b"")
    run.finish()


def later(path: Path) -> None:
    """Makes a file newer than anything here."""
    os.utime(path, (2**31, 2**31))


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "metadata.jsonl").write_text("{}\n")
    return folder


def test_a_run_of_other_data_in_the_same_folder_does_not_stand(tmp_path, data):
    config = TrainConfig(out=tmp_path / "run", data={"source": str(data)})
    finished(config)
    assert is_complete(config)
    later(data / "metadata.jsonl")  # written again, but as it was
    assert is_complete(config)
    (data / "metadata.jsonl").write_text('{"id": "other"}\n')
    assert not is_complete(config)


def test_a_run_on_faces_of_another_renderer_is_not_reused(tmp_path, monkeypatch):
    config = TrainConfig(out=tmp_path / "run")
    finished(config)
    assert is_complete(config)
    before = run_id(config, config, "test")
    monkeypatch.setattr(provenance, "RENDERER_VERSION", provenance.RENDERER_VERSION + 1)
    assert not is_complete(config)
    assert run_id(config, config, "test") != before  # nor is its row in a table


def test_a_run_that_does_not_know_its_manifest_is_taken_as_before(tmp_path, data):
    config = TrainConfig(out=tmp_path / "run", data={"source": str(data)})
    finished(config)
    (config.out / "provenance.json").write_text("{}")
    assert is_complete(config)
    (config.out / "provenance.json").write_text("spoilt")
    assert not is_complete(config)


@pytest.mark.parametrize("name", ["init", "teacher"])
def test_a_run_does_not_outlive_the_weights_that_it_began_with(tmp_path, name):
    began = tmp_path / "first" / WEIGHTS
    began.parent.mkdir()
    began.write_bytes(b"")
    kind = TrainConfig if name == "init" else TransferConfig
    config = kind(out=tmp_path / "run", **{name: began})
    finished(config)
    assert is_complete(config)
    later(began)
    assert not is_complete(config)
