"""Scores of runs of `evaluate` as a table: the stored values, and a folder that is no such run."""

import csv
import json
import sys

import pytest

from mlcmkd.utils.errors import InputError
from tests.benchmarks.scripts import load_script

script = load_script("../scripts/evaluations_table")


def test_a_row_has_the_scores_of_its_run(tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    config = {"data": {"source": "data/knapik"}, "split": "val", "normaliser": "box"}
    (run / "config.json").write_text(json.dumps(config))
    scores = dict.fromkeys(script.SCORES, 0.5) | {"nme_percent": 4.25}
    (run / "result.json").write_text(json.dumps(scores))
    table = tmp_path / "table.csv"
    options = [str(table), f"1000={run}", "--name", "rendered_faces", "--seed", "2"]
    monkeypatch.setattr(sys, "argv", ["evaluations_table.py", *options])
    script.main()
    (row,) = csv.DictReader(table.open())
    assert (row["rendered_faces"], row["seed"], row["benchmark"]) == ("1000", "2", "knapik")
    assert (row["split"], row["normaliser"], row["nme_percent"]) == ("val", "box", "4.25")


def test_a_folder_without_scores_is_named(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path.name}: no result of `mlcmkd evaluate`"):
        script.row_of(tmp_path)
