"""When a finished run is taken, and when it is made again: content decides, not dates."""

import json
import os
import shutil
from pathlib import Path

import pytest

from mlcmkd.stages.completed import is_complete
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.config import run_id
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.training import provenance
from mlcmkd.training.provenance import further_stamps, manifest_stamp
from mlcmkd.training.run_directory import INPUTS, PROVENANCE, RESULT, WEIGHTS, Run


def finished(config) -> None:
    """A run as its stage leaves it, without the training."""
    run = Run(config.out, "test", config)
    run.note(manifest=manifest_stamp(config.data.source), also=further_stamps(config.data.also))
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


def test_a_run_with_other_further_sources_does_not_stand(tmp_path, data):
    config = TrainConfig(out=tmp_path / "run", data={"also": [str(data)]})
    finished(config)
    assert is_complete(config)
    assert not is_complete(TrainConfig(out=tmp_path / "run"))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(data, elsewhere)
    moved = TrainConfig(out=tmp_path / "run", data={"also": [str(elsewhere)]})
    assert is_complete(moved) and run_id(moved, moved, "val") == run_id(config, config, "val")
    (elsewhere / "metadata.jsonl").write_text('{"id": "other"}\n')
    assert not is_complete(moved) and run_id(moved, moved, "val") != run_id(config, config, "val")


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


@pytest.fixture(params=["init", "teacher"])
def based(request, tmp_path) -> TrainConfig | TransferConfig:
    """The config of a finished run that began with weights of another run."""
    began = tmp_path / "first" / WEIGHTS
    began.parent.mkdir()
    began.write_bytes(b"good")
    (began.parent / PROVENANCE).write_text("{}")
    kind = TrainConfig if request.param == "init" else TransferConfig
    config = kind(out=tmp_path / "run", **{request.param: began})
    finished(config)
    assert is_complete(config)
    return config


def began_with(config: TrainConfig | TransferConfig) -> Path:
    return config.init if isinstance(config, TrainConfig) else config.teacher


def forget_inputs(config: TrainConfig | TransferConfig) -> None:
    """Makes the run one of an earlier version, which did not record its weights."""
    path = config.out / PROVENANCE
    provenance = json.loads(path.read_text())
    del provenance[INPUTS]
    path.write_text(json.dumps(provenance))


def test_other_weights_under_an_old_date_are_other_weights(based):
    began = began_with(based)
    began.write_bytes(b"other")
    os.utime(began, (0, 0))
    assert not is_complete(based)
    began.write_bytes(b"good")
    assert is_complete(based)


def test_a_copied_folder_is_not_trained_again(based, tmp_path):
    later(began_with(based))
    assert is_complete(based), "the same weights under a new date"
    copied = tmp_path / "copy"
    for name in ("run", "first"):
        shutil.copytree(tmp_path / name, copied / name, copy_function=shutil.copyfile)
    os.utime(copied / "run" / RESULT, (0, 0))
    field = "init" if isinstance(based, TrainConfig) else "teacher"
    there = {"out": copied / "run", field: copied / "first" / WEIGHTS}
    assert is_complete(based.model_copy(update=there))


def test_a_run_of_an_earlier_version_stands_while_nothing_contradicts_it(based, capsys):
    forget_inputs(based)
    later(began_with(based))
    assert is_complete(based), "a date contradicts nothing"
    get_or_train(None, based)
    assert "an earlier version made it and did not record" in capsys.readouterr().out
    # This version has trained the weights, so the earlier run cannot have begun with them.
    (began_with(based).parent / PROVENANCE).write_text(json.dumps({INPUTS: {}}))
    assert not is_complete(based)


def test_weights_that_are_gone_are_known_by_their_folder(based):
    began_with(based).unlink()
    assert is_complete(based)
    field = "init" if isinstance(based, TrainConfig) else "teacher"
    other = based.out.parent / "other" / WEIGHTS
    assert not is_complete(based.model_copy(update={field: other}))


def test_moved_data_are_the_same_data(tmp_path, data):
    config = TrainConfig(out=tmp_path / "run", data={"source": str(data)})
    finished(config)
    moved = data.rename(tmp_path / "elsewhere")
    assert is_complete(TrainConfig(out=config.out, data={"source": str(moved)}))
