"""The few-shot benchmark on a few frames of noise."""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.prepare import prepare
from mlcmkd.models import Landmarker
from mlcmkd.plots.schemes import template
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script that is run
_spec = importlib.util.spec_from_file_location(
    "few_shot", Path(__file__).parents[2] / "benchmarks/few_shot.py"
)
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)

FIT = FitConfig(steps=2, batch=4, learning_rate=5e-4, evaluations=1, accelerator="cpu")
FRAMES = {"1_Man": 6, "1_Woman": 2, "2_Man": 3, "2_Woman": 2}


def make_source(folder: Path) -> Path:
    """Sequences of noise images with the 54 points of an upright face."""
    rng = np.random.default_rng(0)
    face = template("sf_tl54")
    face = 0.25 + 0.5 * (face - face.min(axis=0)) / np.ptp(face, axis=0)  # shares of the image
    for driver, count in FRAMES.items():
        for kind in ("images", "labels"):
            (folder / f"{driver}_NoGlasses_Normal" / kind).mkdir(parents=True)
        for number in range(count):
            place = folder / f"{driver}_NoGlasses_Normal"
            image = rng.integers(0, 256, (48, 64), dtype=np.uint8)
            cv2.imwrite(str(place / f"images/{number}.png"), image)
            shares = face + rng.uniform(-0.02, 0.02, face.shape)
            points = " ".join(f"{x:.4f} {y:.4f} 0.9" for x, y in shares)
            (place / f"labels/{number}.txt").write_text(f"0 .5 .5 .6 .6 {points}")
    return folder


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A manifest trained on driver 1_Man, two thermal students of 68 points, and the first table."""
    root = tmp_path_factory.mktemp("few-shot")
    source = make_source(root / "source")
    prepare("thermal_knapik54", source, root / "data", train_on=["1_Man"], progress=False)
    prepare("thermal_knapik54", source, root / "plain", progress=False)
    students = {"none": root / "a.safetensors", "dikd": root / "b.safetensors"}
    for seed, path in enumerate(students.values()):
        make_model("light", "thermal", seed).save(path)
    return root, students, run(root, students)


def run(root, students, labels=(0, 4), seeds=(0, 1), **options) -> str:
    return script.few_shot(
        root / "data", students, labels, seeds, root / "table.csv", root / "runs", FIT, **options
    )


def rows_of(root) -> list[dict[str, str]]:
    with (root / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_student_count_and_seed(ready):
    root, _, _ = ready
    rows = rows_of(root)
    assert tuple(rows[0]) == script.COLUMNS
    assert [(row["student"], row["labels"], row["seed"]) for row in rows] == [
        (name, labels, seed)
        for labels, seed in (("0", "0"), ("4", "0"), ("4", "1"))
        for name in ("none", "dikd")
    ]
    assert {(row["faces"], row["normaliser"]) for row in rows} == {("5", "box")}
    assert len({row["nme"] for row in rows}) == 6


def test_training_data_and_initial_weights(ready):
    root, students, _ = ready
    for row in rows_of(root):
        folder = root / "runs" / row["run"]
        scored = json.loads((folder / "score-test/config.json").read_text())
        result = json.loads((folder / "score-test/result.json").read_text())
        assert (scored["split"], scored["normaliser"]) == ("test", "box")
        assert result["nme_percent"] == float(row["nme"])
        if row["labels"] == "0":
            assert Path(scored["weights"]) == students[row["student"]]
            assert not (folder / "model.safetensors").exists()
            continue
        config = json.loads((folder / "config.json").read_text())
        facts = json.loads((folder / "provenance.json").read_text())
        assert (facts["pairs"], facts["labelled"]) == (4, 4)
        assert (config["modality"], Path(config["init"])) == ("thermal", students[row["student"]])
        assert config["seed"] == int(row["seed"]) and config["fit"]["steps"] == 2
        assert Path(scored["weights"]) == folder / "model.safetensors"
        assert Landmarker.load(folder / "model.safetensors").spec.scheme == "sf_tl54"
        errors = (folder / "errors.csv").read_text()
        assert errors.count("1_Woman") == 2 and "2_" not in errors and "1_Man" not in errors


def test_the_report_has_means_and_the_origin_of_labels(ready):
    root, _, report = ready
    nme = [float(r["nme"]) for r in rows_of(root) if (r["student"], r["labels"]) == ("dikd", "4")]
    (line,) = (each for each in report.splitlines() if each.startswith("| dikd | 4 | 2 |"))
    assert f"| {sum(nme) / 2:.2f} [" in line
    none = [float(r["nme"]) for r in rows_of(root) if (r["student"], r["labels"]) == ("none", "4")]
    assert f"| {(sum(nme) - sum(none)) / 2:.2f} [" in line, "paired by seed"
    (line,) = (each for each in report.splitlines() if each.startswith("| none | 0 | 1 |"))
    assert "[" not in line and "one seed" not in line, "no frames were drawn"
    assert "detector (silver)" in report and "not annotations of a person" in report
    assert "Trained on 1_Man, validated on 1_Woman, tested on 2_Man, 2_Woman." in report


def test_completed_runs_are_reused(ready, monkeypatch, capsys):
    root, students, report = ready
    before = rows_of(root)
    monkeypatch.setattr(script, "make", None)
    assert run(root, students) == report
    assert "6 runs, 6 done, 0 to do" in capsys.readouterr().out
    text = run(root, students, labels=[0], seeds=[7])
    assert text.count("| none | 0 |") == 1 and "| none | 4 |" not in text
    assert rows_of(root) == before


def test_the_hash_of_a_run_covers_all_that_determines_it(ready, tmp_path):
    root, students, _ = ready

    def runs(manifest=root / "data", students=students, fit=FIT):
        return {each.run for each in script.plan(manifest, students, [0, 4], [0], tmp_path, fit)}

    assert runs() == {row["run"] for row in rows_of(root) if row["seed"] == "0"}
    for changed in (
        runs(manifest=root / "plain"),
        runs(students={"none": students["dikd"], "dikd": students["none"]}),
        runs(fit=FIT.model_copy(update={"learning_rate": 1e-3})),
    ):
        assert len(changed) == 4 and not changed & runs()


@pytest.mark.parametrize(
    ("manifest", "labels", "message"),
    [
        ("plain", [2], r"plain: 0 rows in split 'train', 2 requested; .* --train-on SUBJECT"),
        ("data", [0, 7], "data: 6 rows in split 'train', 7 requested"),
        ("data", [1], "at least 2 frames"),
        ("data", [-1], "at least 2 frames"),
        ("nowhere", [0], "no such manifest"),
    ],
)
def test_unsuitable_data_is_rejected(ready, tmp_path, manifest, labels, message):
    root, students, _ = ready
    with pytest.raises(InputError, match=message):
        script.few_shot(
            root / manifest, students, labels, [0], tmp_path / "t.csv", tmp_path / "runs", FIT
        )
    assert not list(tmp_path.iterdir())


def test_unsuitable_students_are_rejected(ready, tmp_path):
    root, students, _ = ready
    make_model("light").save(tmp_path / "rgb.safetensors")
    with pytest.raises(InputError, match="takes RGB input; give the weights of a thermal student"):
        run(root, {"x": tmp_path / "rgb.safetensors"})
    command = [str(root / "data"), "--table", str(tmp_path / "t.csv"), "--students"]
    with pytest.raises(InputError, match="a name is given twice"):
        script.main([*command, f"a={students['none']}", f"a={students['dikd']}"])
    with pytest.raises(SystemExit):
        script.main([*command, str(students["none"])])


def test_without_labels_a_test_split_is_enough(ready, tmp_path, capsys):
    root, students, _ = ready
    given = [f"{name}={path}" for name, path in students.items()]
    out = ["--table", str(tmp_path / "t.csv"), "--out", str(tmp_path / "runs")]
    script.main([str(root / "plain"), *out, "--labels", "0", "--students", *given])
    text = capsys.readouterr().out
    expected = {row["student"]: row["nme"] for row in rows_of(root) if row["labels"] == "0"}
    for name, nme in expected.items():
        assert f"| {name} | 0 | 1 | {float(nme):.2f} |" in text
    assert "Trained on none" in text


def a_sweep(folder: Path, rows: list[tuple], benchmarks: dict | None = None) -> Path:
    """A parameter file and its table, the runs being (strategy, seed, run) or these and a benchmark."""
    columns = script.SweepConfig(table="x", out="x", benchmarks={}, strategies={}, grids=[]).columns
    lines = [",".join(columns)]
    for row in rows:
        fields = dict(zip(("strategy", "seed", "run", "benchmark"), map(str, row), strict=False))
        lines.append(",".join(fields.get(column, "1") for column in columns))
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    params = folder / "sweep.yaml"
    fields = {"table": f"{folder}/table.csv", "out": str(folder), "benchmarks": benchmarks or {}}
    strategies = {row[0]: {} for row in rows}
    params.write_text(json.dumps(fields | {"strategies": strategies, "grids": []}))
    return params


def test_strategies_of_a_sweep_can_be_chosen(ready, tmp_path):
    for run in ("r0", "r1"):
        (tmp_path / run).mkdir()
        make_model("light", "thermal", 3).save(tmp_path / run / "model.safetensors")
    # "none" has no seed 1, which would be an error if it were chosen
    params = a_sweep(tmp_path, [("dikd", 0, "r0"), ("dikd", 1, "r1"), ("none", 0, "r0")])
    assert set(script.students_of(params, [0, 1], strategies=["dikd"])) == {"dikd"}
    with pytest.raises(InputError, match="no weights of none, seed 1"):
        script.students_of(params, [0, 1])
    with pytest.raises(InputError, match="has no strategy 'dkid'; its strategies are"):
        script.students_of(params, [0], strategies=["dkid"])


def test_students_of_a_sweep_are_used_by_seed(ready, tmp_path):
    root, _, _ = ready
    for run, seed in (("r0", 3), ("r1", 4)):
        (tmp_path / run).mkdir()
        make_model("light", "thermal", seed).save(tmp_path / run / "model.safetensors")
    params = a_sweep(tmp_path, [("dikd", 0, "r0"), ("dikd", 1, "r1")])
    students = script.students_of(params, [0, 1])
    planned = list(script.plan(root / "data", students, [0, 4], [0, 1], tmp_path, FIT))
    assert [(each.labels, each.config.seed, each.weights.parent.name) for each in planned] == [
        *((0, 0, "r0"), (4, 0, "r0"), (0, 1, "r1"), (4, 1, "r1"))
    ]
    assert len({each.run for each in planned}) == 4
    with pytest.raises(InputError, match="no weights of dikd, seed 2; run the sweep with keep"):
        script.students_of(params, [0, 2])
    (tmp_path / "moved").mkdir()
    (tmp_path / "r1").rename(tmp_path / "moved/r1")
    with pytest.raises(InputError, match="no weights of dikd, seed 1"):
        script.students_of(params, [1])
    (tmp_path / "r0").rename(tmp_path / "moved/r0")
    assert set(script.students_of(params, [0, 1], tmp_path / "moved")["dikd"]) == {0, 1}
    rows = [("dikd", 0, "moved/r0", "photos"), ("dikd", 0, "moved/r1", "rendered")]
    of_two = a_sweep(tmp_path, rows, benchmarks={"photos": {"data": {}}, "rendered": {"data": {}}})
    assert set(script.students_of(of_two, [0])) == {"photos, dikd", "rendered, dikd"}
    with pytest.raises(InputError, match="contains no row"):
        script.students_of(a_sweep(tmp_path, []), [0])
    with pytest.raises(InputError, match="nothing.yaml: cannot be read"):
        script.students_of(tmp_path / "nothing.yaml", [0])
