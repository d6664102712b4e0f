"""The parameter files fit the code, and the tables fit the parameter files."""

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from mlcmkd.evaluation.frontier import COLUMNS
from mlcmkd.evaluation.tables import read_rows
from mlcmkd.stages.train import TrainConfig
from mlcmkd.studies.ktl.plan import SweepConfig, plan
from mlcmkd.studies.levels.plan import LevelsConfig
from mlcmkd.studies.path import PathConfig
from mlcmkd.studies.students.config import StudentsConfig
from mlcmkd.studies.students.plan import plan as plan_students
from mlcmkd.studies.table import read_table

ROOT = Path(__file__).parents[2]
EXPERIMENTS, RESULTS = ROOT / "experiments", ROOT / "results"

_spec = importlib.util.spec_from_file_location("choose", ROOT / "scripts/choose_ktl.py")
choose_ktl = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(choose_ktl)


def read(name: str) -> dict:
    return yaml.safe_load((EXPERIMENTS / name).read_text(encoding="utf-8"))


def sweep(name: str) -> SweepConfig:
    return SweepConfig.model_validate(read(name))


def students(name: str) -> StudentsConfig:
    return StudentsConfig.model_validate(read(name))


@pytest.mark.parametrize("name", sorted(path.name for path in EXPERIMENTS.glob("ktl_*.yaml")))
def test_a_sweep_can_be_planned(name):
    config = sweep(name)
    assert list(plan(config))
    assert config.table.parent.name == "results"


def test_the_other_files_can_be_read():
    PathConfig.model_validate({**read("300w_path.yaml"), "out": "runs"})
    for modality, size in (("thermal", "slim"), ("rgb", "half")):
        fields = read(f"bundled_{modality}.yaml")
        bundled = TrainConfig.model_validate({**fields, "out": "runs"})
        assert bundled.data.source == "synthetic" and bundled.input_px == 64
        assert bundled.modality == modality and bundled.size == size
    for name in ("levels.yaml", "levels_few_labels.yaml"):
        LevelsConfig.model_validate(read(name))


def test_the_choice_is_what_the_validation_scores_say():
    stored = json.loads((RESULTS / "ktl_choice.json").read_text())
    assert stored == choose_ktl.choose(RESULTS / "ktl_tuning.csv")


def test_the_ablation_runs_what_was_chosen():
    """Weights, decay and initialisation of each chosen variant stand in the ablation's file."""
    chosen = json.loads((RESULTS / "ktl_choice.json").read_text())["variants"]
    tuning, ablation = sweep("ktl_tuning.yaml"), sweep("ktl_ablation.yaml")
    assert tuning.transfer == ablation.transfer
    assert tuning.benchmarks["300w-sim"] == ablation.benchmarks["300w-sim"]
    assert tuning.split == "val" and ablation.split == "test"
    for family, variant in chosen.items():
        assert ablation.strategies[family] == tuning.strategies[variant], family
    seeds = {seed for grid in tuning.grids for seed in grid.seeds}
    assert not seeds & {seed for grid in ablation.grids for seed in grid.seeds}


def test_the_tables_hold_rows_of_their_files_and_of_one_teacher():
    config = sweep("ktl_ablation.yaml")
    rows = read_rows(RESULTS / "ktl_ablation.csv")
    assert len(read_table(RESULTS / "ktl_ablation.csv", config.columns)) == len(rows)
    assert len({row.run for row in rows}) == len(rows)
    for benchmark in {row.benchmark for row in rows}:
        assert benchmark in config.benchmarks
        assert len({row.nme_teacher for row in rows if row.benchmark == benchmark}) == 1
    assert {row.strategy for row in rows} <= set(config.strategies)
    assert {row.steps for row in rows} == {config.transfer["fit"]["steps"]}


@pytest.mark.parametrize("name", ["ktl_registration", "ktl_answers", "few_shot_students"])
def test_what_stands_beside_the_ablation_shares_all_but_its_question(name):
    """Same teacher, same transfer, same weights where the strategy has the same name; its own rows."""
    beside, ablation = sweep(f"{name}.yaml"), sweep("ktl_ablation.yaml")
    assert beside.transfer == ablation.transfer and beside.split == "test"
    assert beside.benchmarks["300w-sim"] == ablation.benchmarks["300w-sim"]
    for strategy in set(beside.strategies) & set(ablation.strategies):
        assert beside.strategies[strategy] == ablation.strategies[strategy], strategy
    rows = read_table(RESULTS / beside.table.name, beside.columns)
    planned = {(each.strategy, each.config.seed) for each in plan(beside)}
    assert rows and {(row["strategy"], int(row["seed"])) for row in rows} <= planned
    assert len({row["nme_teacher"] for row in rows}) == 1


def test_other_teachers_have_the_same_students():
    """The controls without a teacher stand in one table, so both files must train alike."""
    apart = {"out", "tough", "tolerant"}

    def settings(each):
        return each.config.model_dump(mode="json", exclude=apart)

    ours = {
        (each.network, each.method, each.config.seed): settings(each)
        for each in plan_students(students("students.yaml"))
        if each.modality == "rgb"
    }
    others = list(plan_students(students("kd_loss_teachers.yaml")))
    assert others
    for each in others:
        method = each.method.removesuffix(", EfficientNet-b3")
        assert settings(each) == ours[each.network, method, each.config.seed], each.label


def test_students_with_coordinate_heads_are_taught_as_those_of_the_large_table():
    """Its file says so, and a reader compares the two tables' methods by their names."""
    ours, others = students("students.yaml"), students("coordinate_students.yaml")
    for name in ("teacher", "data", "names"):
        settings = (getattr(each.benchmarks["300w-sim"], name) for each in (ours, others))
        assert next(settings) == next(settings), name
    assert ours.transfer == others.transfer and ours.student == others.student
    assert others.networks.items() <= ours.networks.items()
    added = {"task, 2000 steps", "dikd+fd+ld, 4000 steps"}
    assert set(others.methods) - set(ours.methods) == added
    for name in set(others.methods) - added:
        assert others.methods[name] == ours.methods[name], name
    table = {(row["model"], row["method"], int(row["seed"])) for row in coordinate_rows()}
    planned = {(each.network, each.method, each.config.seed) for each in plan_students(others)}
    assert table and table <= planned


def coordinate_rows() -> list[dict[str, str]]:
    """The light students of the table; its teachers are left out."""
    rows = read_table(RESULTS / "coordinate_students.csv", COLUMNS)
    return [row for row in rows if row["model"] != "base"]
