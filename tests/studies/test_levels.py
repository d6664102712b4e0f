"""Two levels, one step and the light student alone, on a few synthetic faces."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.cli.configs import config_of
from mlcmkd.data.transforms import Augmentation
from mlcmkd.studies.levels import costs
from mlcmkd.studies.levels.costs import TRANSFER, steps_of
from mlcmkd.studies.levels.plan import (
    ALONE,
    ONE_STEP,
    ROUTES,
    TWO_LEVEL,
    LevelsConfig,
    plan,
)
from mlcmkd.studies.levels.run import COLUMNS, LevelsStudy
from mlcmkd.studies.runner import run_study
from mlcmkd.training.config import FitConfig
from mlcmkd.training.step_time import milliseconds
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

pytestmark = pytest.mark.usefixtures("in_this_process")

DATA = {"source": "synthetic", "synthetic_train": 8, "synthetic_held": 4}
FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}
# A budget of 2 x 30 + 2 x 10 ms: 4 steps of 20 ms, or 16 of 5 ms.
COSTS = {TRANSFER: 30.0, TWO_LEVEL: 10.0, ONE_STEP: 20.0, ALONE: 5.0}
STEPS = {TWO_LEVEL: ("2", "2"), ONE_STEP: ("0", "4"), ALONE: ("0", "16")}


def fields(folder, **changes) -> dict:
    return {
        "table": str(folder / "table.csv"),
        "out": str(folder / "runs"),
        "benchmarks": {
            "synthetic": {
                "data": DATA,
                "teacher": {"size": "half", "input_px": 32, "fit": FIT},
            }
        },
        "transfer": {"fit": FIT, "distillation": {"strategy": "fd+ld"}},
        "compress": {"fit": FIT, "distillation": {"strategy": "dikd"}},
        "seeds": [0],
        **changes,
    }


def config(folder, **changes) -> LevelsConfig:
    return LevelsConfig.model_validate(fields(folder, **changes))


def rows_of(folder) -> list[dict[str, str]]:
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def steps(rows) -> dict[str, tuple[str, str]]:
    return {row["route"]: (row["transfer_steps"], row["compress_steps"]) for row in rows}


def run(config: LevelsConfig) -> None:
    assert run_study(LevelsStudy(config), say=lambda line: None) == []


@pytest.fixture
def measured(monkeypatch) -> list[dict[str, float]]:
    """What the next measurements say, in the place of real ones; who measures takes one."""
    answers: list[dict[str, float]] = []
    monkeypatch.setattr(costs, "measured_costs", lambda *_: answers.pop(0))
    return answers


@pytest.fixture(scope="module")
def compared(tmp_path_factory, in_this_process):
    """The command run whole, with real measurements, and what it printed."""
    folder = tmp_path_factory.mktemp("levels")
    (folder / "levels.yaml").write_text(yaml.safe_dump(fields(folder)))
    answer = CliRunner().invoke(app, ["levels", str(folder / "levels.yaml")])
    assert answer.exit_code == 0, answer.output
    return folder, answer.output


@pytest.mark.parametrize(("name", "labelled"), [("levels", None), ("levels_few_labels", 100)])
def test_the_parameter_files_of_the_experiment_are_sound(name, labelled):
    file = Path(__file__).parents[2] / f"experiments/{name}.yaml"
    planned = list(plan(config_of(LevelsConfig, file, None)))
    assert {each.transfer.data.labelled for each in planned} == {labelled}
    assert {each.compress.data.labelled for each in planned} == {labelled}
    assert [each.route for each in planned] == list(ROUTES) * 5
    assert [each.transfer.seed for each in planned] == sorted(list(range(5)) * 3), "balanced"
    assert len({each.run for each in planned}) == 15


def test_every_route_gets_the_same_time():
    for each in plan(config(Path("x"))):
        first, second = steps_of(each, COSTS)
        assert first * COSTS[TRANSFER] + second * COSTS[each.route] == 80


def test_a_row_a_route_at_equal_cost(compared):
    folder, output = compared
    assert "3 runs, 0 done, 3 to do" in output
    rows = rows_of(folder)
    assert tuple(rows[0]) == COLUMNS
    assert [row["route"] for row in rows] == list(ROUTES)
    assert [row["strategy"] for row in rows] == ["fd+ld, then dikd", "dikd", "none"]
    assert {(row["size"], row["input_px"], row["seed"]) for row in rows} == {("slim", "32", "0")}
    assert len({row["nme_teacher"] for row in rows}) == 1
    assert len({row["nme"] for row in rows}) == 3
    spent = [
        int(row["transfer_steps"]) * float(row["ms_per_transfer_step"])
        + int(row["compress_steps"]) * float(row["ms_per_compress_step"])
        for row in rows
    ]
    for row, time in zip(rows, spent, strict=True):
        assert abs(time - spent[0]) <= float(row["ms_per_compress_step"]) / 2 + 1e-6


def test_who_taught_whom(compared):
    folder, _ = compared
    for row in rows_of(folder):
        run = folder / "runs" / row["run"]
        settings = json.loads((run / "light/config.json").read_text())
        teacher = Path(settings["teacher"]).parent
        assert (run / "student").exists() == (row["route"] == TWO_LEVEL)
        assert settings["one_step"] == (row["route"] != TWO_LEVEL)
        assert teacher == (
            run / "student" if row["route"] == TWO_LEVEL else folder / "runs/teacher-synthetic"
        )
        assert settings["fit"]["steps"] == int(row["compress_steps"])
        score = json.loads((run / "score-test/result.json").read_text())
        assert (score["split"], score["modality"]) == ("test", "thermal")
        assert score["nme_percent"] == float(row["nme"])


def test_completed_runs_are_reused(compared, monkeypatch):
    folder, _ = compared
    before = rows_of(folder)
    monkeypatch.setattr(costs, "measured_costs", None)
    answer = CliRunner().invoke(app, ["levels", str(folder / "levels.yaml")])
    assert answer.exit_code == 0 and "3 runs, 3 done, 0 to do" in answer.output
    assert rows_of(folder) == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory, in_this_process) -> Path:
    """The folder of a table with one seed, made with COSTS."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "measured_costs", lambda *_: COSTS)
        run(config(folder))
    return folder


def test_later_seeds_train_as_long_as_the_first(tmp_path, finished, monkeypatch):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(costs, "measured_costs", None)  # a second measurement is an error
    run(config(tmp_path, seeds=[0, 1]))
    rows = rows_of(tmp_path)
    assert [row["seed"] for row in rows] == ["0"] * 3 + ["1"] * 3
    assert steps(rows[:3]) == steps(rows[3:]) == STEPS


def test_an_interrupted_table_resumes_with_the_same_costs_on_a_slower_machine(
    tmp_path, finished, measured
):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    before = rows_of(tmp_path)
    lines = (tmp_path / "table.csv").read_text().splitlines(keepends=True)
    (tmp_path / "table.csv").write_text("".join(lines[:2]))
    # The cost in the table is kept, though it would be measured differently now.
    slower = {name: 3 * value for name, value in COSTS.items()}
    measured.append({**slower, TWO_LEVEL: 60.0})
    run(config(tmp_path))
    assert rows_of(tmp_path) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"split": "val"},
        {"transfer": {"fit": {**FIT, "batch": 2}}},
        {"compress": {"fit": {**FIT, "batch": 2}}},
        {"compress": {"fit": FIT, "size": "half"}},
    ],
)
def test_times_of_another_config_are_not_taken(finished, measured, changes):
    there = {each.run for each in plan(config(finished))}
    assert there.isdisjoint(each.run for each in plan(config(finished, **changes)))
    measured.append({**COSTS, ALONE: 10.0})
    found = costs.costs_of(config(finished, **changes), "synthetic", rows_of(finished))
    assert found[ALONE] == 10 and not measured


def test_a_run_is_known_by_what_decides_its_result(tmp_path):
    def runs(folder, **changes):
        return [each.run for each in plan(config(folder, **changes))]

    assert runs(tmp_path / "elsewhere") == runs(tmp_path), "folders may be moved"
    other = fields(tmp_path)["benchmarks"]["synthetic"]
    other = {**other, "teacher": {**other["teacher"], "seed": 1}}
    changed = runs(tmp_path, benchmarks={"synthetic": other})
    assert not set(changed) & set(runs(tmp_path)), "the teacher counts"


def test_misspelt_fields_and_other_tables_are_refused(tmp_path):
    with pytest.raises(InputError, match="compress: fit.stesp: no such field"):
        list(plan(config(tmp_path, compress={"fit": {"stesp": 2}})))
    (tmp_path / "table.csv").write_text("a,b\n")
    with pytest.raises(InputError, match="its columns are not"):
        run(config(tmp_path))


def test_a_longer_step_costs_more():
    """A step of `base` is several times one of `light`, whatever else the machine does."""
    from mlcmkd.distillation.supervised import TaskObjective

    pairs, knobs = make_pairs(4), FitConfig(batch=8, accelerator="cpu")
    objectives = {
        size: (TaskObjective(make_model(size, "thermal"), "thermal"), knobs)
        for size in ("large", "light")
    }
    before = objectives["light"][0].student.head.maps.weight.clone()
    found = milliseconds(objectives, pairs, Augmentation(), rounds=5)
    assert found["large"] > found["light"] > 0
    assert not before.equal(objectives["light"][0].student.head.maps.weight), "a real step"
