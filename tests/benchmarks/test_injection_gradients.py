"""The benchmark of injection's gradients: which runs, which pairs, which rows."""

import copy
import json

import pytest
import torch

from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.yaml_files import read_fields
from tests.benchmarks.scripts import load_script
from tests.conftest import make_model, make_pairs

script = load_script("injection_gradients")


def batches(pairs):
    index = torch.arange(len(pairs))
    yield make_batch(pairs, index, NO_AUGMENTATION, torch.Generator().manual_seed(0))


def test_only_unlabelled_pairs_are_drawn():
    pairs = make_pairs()
    with pytest.raises(InputError, match="at least 32 are needed"):
        next(script.batches_of(pairs, 0))
    many = pairs.subset(torch.arange(8).repeat(10))
    many.labelled[:40] = False
    for batch in script.batches_of(many, 0):
        assert not batch.labelled.any() and len(batch.landmarks) == script.BATCH


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A parameter file of one student with a coordinate head, and its data: eight random pairs."""
    pairs = make_pairs()
    monkeypatch.setattr(script, "batches_of", lambda *_: batches(pairs))
    for name in ("load", "load_training"):
        monkeypatch.setattr("mlcmkd.data.config.DataConfig." + name, lambda *_, **__: pairs)
    fields = {
        "table": str(tmp_path / "sweep.csv"),
        "out": str(tmp_path / "runs"),
        "benchmarks": {"photos": {"data": {}, "teacher": {"size": "light", "input_px": 32}}},
        "students": {"coordinates": {"head": "coordinate", "init": "teacher"}},
        "strategies": {
            name: {"distillation": {"strategy": name}} for name in ("fd+ld", "dikd+fd+ld")
        },
        "grids": [{"name": "one", "strategies": ["fd+ld", "dikd+fd+ld"], "seeds": [0]}],
    }
    (tmp_path / "sweep.yaml").write_text(json.dumps(fields))
    sweep = script.SweepConfig.validated("sweep", read_fields(tmp_path / "sweep.yaml"))
    return tmp_path, next(run for run in script.plan(sweep) if run.strategy == "fd+ld")


def test_without_weights_there_is_no_row(study):
    folder, _ = study
    with pytest.raises(InputError, match="run the sweep with keep_weights"):
        script.main([str(folder / "sweep.yaml"), "--table", str(folder / "table.csv")])


def test_a_student_is_measured_once_in_both_states(study, capsys, monkeypatch):
    folder, run = study
    teacher = make_model("light", "rgb", input_px=32)
    student = make_model("light", "thermal", input_px=32, head="coordinate")
    for path, model in ((run.config.teacher, teacher), (run.out / WEIGHTS, student)):
        path.parent.mkdir(parents=True)
        copy.deepcopy(model).save(path)
    options = [str(folder / "sweep.yaml"), "--table", str(folder / "table.csv")]
    script.main(options)
    rows = script.read_table(folder / "table.csv", script.COLUMNS)
    assert [row["state"] for row in rows] == [script.START, script.TRAINED]
    assert all(row["run"] == run.run and row["labelled"] == "all" for row in rows)
    assert all(-1 <= float(row["ri_cosine"]) <= 1 and float(row["ri_ratio"]) > 0 for row in rows)
    first = capsys.readouterr().out
    assert first.count("| coordinates |") == 2
    monkeypatch.setattr(script, "measure", None)
    script.main(options)
    assert capsys.readouterr().out == first
