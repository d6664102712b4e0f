"""Plans, tables and runs of a sweep, on a few synthetic faces."""

import csv
import json

import pytest
import yaml
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.config import DataConfig
from mlcmkd.models import Landmarker
from mlcmkd.studies.config import merged
from mlcmkd.studies.ktl import run as ktl_run
from mlcmkd.studies.ktl.kept import adapters_of
from mlcmkd.studies.ktl.plan import COLUMNS, SweepConfig, plan
from mlcmkd.studies.ktl.run import KTLStudy
from mlcmkd.studies.runner import run_study
from mlcmkd.studies.scores import nme_percent
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import ADAPTERS, RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError

DATA = {"source": "synthetic", "synthetic_train": 8, "synthetic_held": 4}
FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}


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
        "transfer": {"fit": FIT, "distillation": {"decay": "constant"}},
        "strategies": {
            "none": {"distillation": {"strategy": "none"}},
            "dikd": {"distillation": {"strategy": "dikd"}, "init": "fresh"},
        },
        "grids": [
            {
                "name": "many pairs, few labels",
                "strategies": ["none", "dikd"],
                "labelled": [0, 4],
                "seeds": [0, 1],
            }
        ],
        **changes,
    }


def config(folder, **changes) -> SweepConfig:
    return SweepConfig.model_validate(fields(folder, **changes))


def test_merged_lays_nested_fields_over_each_other():
    low, high = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}, "d": {"e": 1}}
    assert merged(low, high) == {"a": {"b": 5, "c": 2}, "d": {"e": 1}}
    assert low == {"a": {"b": 1, "c": 2}, "d": 3}, "its arguments stay as they are"


def test_a_plan_is_balanced_over_seeds_and_lays_strategies_over_shared_fields(tmp_path):
    planned = list(plan(config(tmp_path)))
    assert [each.config.seed for each in planned] == [0] * 4 + [1] * 4
    assert [each.strategy for each in planned[:4]] == ["none", "dikd", "none", "dikd"]
    assert [each.config.data.labelled for each in planned[:4]] == [0, 0, 4, 4]
    dikd = planned[1].config
    assert (dikd.distillation.strategy, dikd.distillation.decay, dikd.init) == (
        "dikd",
        "constant",
        "fresh",
    )
    assert dikd.fit.steps == 2 and dikd.out.name == planned[1].run
    assert len({each.run for each in planned}) == 8


STUDENTS = {"same": {}, "coordinates": {"head": "coordinate", "init": "fresh"}}


def test_students_are_a_dimension_of_their_own_and_strategies_take_precedence(tmp_path):
    strategies = {"none": {"distillation": {"strategy": "none"}}, "warm": {"init": "teacher"}}
    grid = {"name": "both", "strategies": ["none", "warm"], "labelled": [4], "seeds": [0]}
    study = config(tmp_path, students=STUDENTS, strategies=strategies, grids=[grid])
    found = [
        (each.student, each.strategy, each.config.head, each.config.init) for each in plan(study)
    ]
    assert found == [
        ("same", "none", None, "teacher"),
        ("same", "warm", None, "teacher"),
        ("coordinates", "none", "coordinate", "fresh"),
        ("coordinates", "warm", "coordinate", "teacher"),
    ]
    assert study.columns == (*COLUMNS, "student")
    one = config(
        tmp_path, students=STUDENTS, strategies=strategies, grids=[{**grid, "students": ["same"]}]
    )
    assert [each.student for each in plan(one)] == ["same", "same"]
    without = config(tmp_path, strategies=strategies, grids=[grid])
    assert next(plan(one)).run == next(plan(without)).run, "its name does not count"


def test_the_table_names_the_student(tmp_path):
    grid = {"name": "one", "strategies": ["none"], "labelled": [4], "seeds": [0]}
    study = config(tmp_path, students=STUDENTS, extra={"head": "head"}, grids=[grid])
    run_study(KTLStudy(study), say=lambda line: None)
    rows = read_table(study.table, study.columns)
    assert [(row["student"], row["head"]) for row in rows] == [
        ("same", ""),
        ("coordinates", "coordinate"),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"students": {"big": {"size": "huge"}}}, "student 'big', strategy 'none': size: .*huge"),
        (
            {"students": {"big": {"seed": 3}}},
            "student 'big': seed is set by the sweep; remove it here",
        ),
    ],
)
def test_a_student_that_cannot_be(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        list(plan(config(tmp_path, **changes)))


def test_a_run_is_known_by_what_decides_its_result(tmp_path):
    def first(folder, **changes):
        return next(plan(config(folder, **changes))).run

    there = first(tmp_path)
    assert first(tmp_path / "elsewhere") == there, "folders may be moved"
    assert first(tmp_path, split="val") != there
    assert first(tmp_path, transfer={"fit": {**FIT, "steps": 3}}) != there
    other = fields(tmp_path)["benchmarks"]["synthetic"]
    other = {**other, "teacher": {**other["teacher"], "seed": 1}}
    assert first(tmp_path, benchmarks={"synthetic": other}) != there, "the teacher counts"


def test_the_same_run_in_two_grids_is_made_once(tmp_path):
    grid = fields(tmp_path)["grids"][0]
    assert len(list(plan(config(tmp_path, grids=[grid, grid])))) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategies": ["fd"]}, "strategy 'fd' is not among none, dikd"),
        ({"benchmarks": ["300w"]}, "benchmark '300w' is not among synthetic"),
        ({"students": ["big"]}, "student 'big' is not among "),
    ],
)
def test_unknown_names_in_a_grid_are_refused(tmp_path, changes, message):
    grid = {**fields(tmp_path)["grids"][0], **changes}
    with pytest.raises(InputError, match=message):
        list(plan(config(tmp_path, grids=[grid])))


def test_a_teacher_is_known_by_the_weights_that_it_began_with(tmp_path):
    def run(**teacher):
        there = fields(tmp_path)["benchmarks"]["synthetic"]
        changed = {"synthetic": there | {"teacher": there["teacher"] | teacher}}
        return next(plan(config(tmp_path, benchmarks=changed))).run

    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    (tmp_path / "again").write_bytes(b"a")
    plain = next(plan(config(tmp_path))).run
    runs = [run(init=str(tmp_path / name)) for name in ("a", "b", "again")]
    assert run(init=None) == plain and runs[0] == runs[2] and len({plain, *runs}) == 3
    with pytest.raises(InputError, match="no such weights for the teacher"):
        run(init=str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": {"sise": "half"}}, "teacher of 'synthetic': sise: no such field"),
        ({"data": DATA | {"pairs": 6}}, "benchmark 'synthetic': data.pairs is set by the grids"),
        ({"data": DATA | {"labelled": 6}}, "data.labelled is set by the grids"),
        ({"data": DATA | {"misalignment": 2}}, "data.misalignment is set by the grids"),
    ],
)
def test_a_benchmark_that_cannot_be(tmp_path, changes, message):
    there = fields(tmp_path)["benchmarks"]["synthetic"]
    with pytest.raises(InputError, match=message):
        list(plan(config(tmp_path, benchmarks={"synthetic": there | changes})))


def test_an_extra_column_is_looked_for_before_the_first_run(tmp_path):
    with pytest.raises(InputError, match="extra column 'x': a run's config has no distillation.no"):
        list(plan(config(tmp_path, extra={"x": "distillation.nope"})))
    assert list(plan(config(tmp_path, extra={"x": "distillation.guide"})))


def test_a_misspelt_field_of_a_strategy(tmp_path):
    with pytest.raises(InputError, match="strategy 'none': distillation.decoy"):
        strategies = {"none": {"distillation": {"decoy": "cosine"}}, "dikd": {}}
        list(plan(config(tmp_path, strategies=strategies)))


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "/tmp", ".hidden", ""])
def test_a_benchmarks_name_cannot_lead_out_of_the_runs_folder(tmp_path, name):
    there = fields(tmp_path)["benchmarks"]["synthetic"]
    with pytest.raises(ValueError, match="String should match pattern"):
        config(tmp_path, benchmarks={name: there})


@pytest.mark.parametrize("name", ["out", "teacher", "data", "seed"])
def test_a_strategy_does_not_set_what_the_sweep_sets(tmp_path, name):
    with pytest.raises(InputError, match=f"strategy 'none': {name} is set by the sweep"):
        list(plan(config(tmp_path, strategies={"none": {name: "/tmp/x"}, "dikd": {}})))


def test_a_parameter_file_runs_no_code(tmp_path):
    (tmp_path / "bad.yaml").write_text(f"out: !!python/object/apply:os.mkdir [{tmp_path / 'made'}]")
    answer = CliRunner().invoke(app, ["sweep", str(tmp_path / "bad.yaml")])
    assert answer.exit_code != 0 and not (tmp_path / "made").exists()
    assert "bad.yaml" in str(answer.exception)


def test_a_run_whose_row_was_not_written_is_not_trained_again(swept, monkeypatch):
    folder, _ = swept
    study = KTLStudy(SweepConfig.model_validate(read(folder)))
    dikd = next(each for each in study.plan() if each.strategy == "dikd")
    row = next(row for row in rows_of(folder) if row["run"] == dikd.run)

    def trained(*_, **__):
        raise AssertionError("it was trained again")

    monkeypatch.setattr(ktl_run, "transfer", trained)
    assert str(study.make(dikd)["nme"]) == row["nme"]
    other = dikd.config.model_copy(update={"seed": 9})
    with pytest.raises(AssertionError, match="trained again"):
        study.make(dikd._replace(config=other))


def test_a_table_with_other_columns_is_not_added_to(tmp_path):
    add_row(tmp_path / "table.csv", ("a", "b"), {"a": 1, "b": 2})
    assert read_table(tmp_path / "table.csv", ("a", "b")) == [{"a": "1", "b": "2"}]
    with pytest.raises(InputError, match="its columns are not"):
        read_table(tmp_path / "table.csv", COLUMNS)


@pytest.fixture(scope="module")
def swept(tmp_path_factory, in_this_process):
    """A sweep run whole by the command line, and what it printed."""
    folder = tmp_path_factory.mktemp("sweep")
    changes = {"extra": {"pixels_off": "data.misalignment"}}
    (folder / "sweep.yaml").write_text(yaml.safe_dump(fields(folder, **changes)))
    answer = CliRunner().invoke(app, ["sweep", str(folder / "sweep.yaml"), "--workers", "2"])
    assert answer.exit_code == 0, answer.output
    return folder, answer.output


def read(folder) -> dict:
    return yaml.safe_load((folder / "sweep.yaml").read_text())


def rows_of(folder) -> list[dict[str, str]]:
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_row_a_run(swept):
    folder, output = swept
    assert "8 runs, 0 done, 8 to do" in output
    rows = rows_of(folder)
    assert tuple(rows[0]) == (*COLUMNS, "pixels_off")
    assert len(rows) == 8
    found = {(row["strategy"], row["labelled"], row["pairs"], row["seed"]) for row in rows}
    assert found == {
        (strategy, labels, pairs, seed)
        for strategy, labels, pairs in (
            # The pairs that are there, though strategy "none" can only use those with a label.
            ("none", "0", "8"), ("none", "4", "8"), ("dikd", "0", "8"), ("dikd", "4", "8"),
        )
        for seed in ("0", "1")
    }  # fmt: skip
    assert {(row["model"], row["input_px"], row["steps"]) for row in rows} == {("half", "32", "2")}
    assert len({row["nme_teacher"] for row in rows}) == 1


def test_without_labels_and_strategy_the_teacher_is_scored_on_thermal(swept):
    direct = {
        row["nme"]
        for row in rows_of(swept[0])
        if (row["strategy"], row["labelled"]) == ("none", "0")
    }
    assert len(direct) == 1


def test_completed_runs_are_reused(swept):
    folder, _ = swept
    before = rows_of(folder)
    answer = CliRunner().invoke(app, ["sweep", str(folder / "sweep.yaml")])
    assert answer.exit_code == 0 and "8 runs, 8 done, 0 to do" in answer.output
    assert rows_of(folder) == before


def test_a_row_that_is_missing_is_made_again_and_comes_out_the_same(swept):
    folder, _ = swept
    before = rows_of(folder)
    lines = (folder / "table.csv").read_text().splitlines(keepends=True)
    (folder / "table.csv").write_text("".join(lines[:-1]))
    run_study(KTLStudy(SweepConfig.model_validate(read(folder))), say=lambda line: None)
    assert rows_of(folder) == before


def test_a_dry_run_makes_nothing(tmp_path):
    lines = []
    assert run_study(KTLStudy(config(tmp_path)), dry_run=True, say=lines.append) == []
    assert lines == ["8 runs, 0 done, 8 to do"] and not list(tmp_path.iterdir())


def test_a_failed_run_is_reported_and_the_others_are_made(tmp_path, in_this_process):
    grid = {"name": "x", "strategies": ["none", "dikd"], "pairs": [4, 400], "seeds": [0]}
    failed = run_study(KTLStudy(config(tmp_path, grids=[grid])), say=lambda line: None)
    assert len(failed) == 2 and all("pairs=400, but the training split" in each for each in failed)
    assert len(rows_of(tmp_path)) == 2


@pytest.fixture(scope="module")
def validated(tmp_path_factory, in_this_process):
    """A sweep with the column of validation scores, and its rows."""
    folder = tmp_path_factory.mktemp("validation")
    grid = {"name": "x", "strategies": ["none", "dikd"], "labelled": [0, 4], "seeds": [0]}
    study = config(folder, validation=True, extra={"guide": "distillation.guide"}, grids=[grid])
    assert run_study(KTLStudy(study), say=lambda line: None) == []
    return study, read_table(study.table, study.columns)


def test_validation_scores_are_those_of_the_runs(validated):
    study, rows = validated
    assert study.columns == (*COLUMNS, "val_nme", "guide")
    trained = [row for row in rows if (row["strategy"], row["labelled"]) != ("none", "0")]
    assert len(rows) == 4 and len(trained) == 3
    for row in trained:
        result = json.loads((study.out / row["run"] / RESULT).read_text())
        assert result["split"] == "val" and row["val_nme"] == str(result["nme_percent"])
        assert row["val_nme"] != row["nme"], "the splits have different faces"


def test_without_a_loss_the_validation_score_is_the_teachers_on_thermal(validated, tmp_path):
    study, rows = validated
    (row,) = (row for row in rows if (row["strategy"], row["labelled"]) == ("none", "0"))
    weights, data = study.out / "teacher-synthetic" / WEIGHTS, DataConfig(**DATA)
    for column, split in (("val_nme", "val"), ("nme", "test")):
        assert row[column] == str(nme_percent(weights, data, tmp_path / split, split, "thermal"))


def test_a_stored_score_has_its_validation_score(validated, monkeypatch):
    study, rows = validated
    monkeypatch.setattr(ktl_run, "transfer", lambda *_, **__: pytest.fail("trained again"))
    study.table.unlink()
    run_study(KTLStudy(study), say=lambda line: None)
    assert read_table(study.table, study.columns) == rows


def test_without_the_option_nothing_of_it_is_written(tmp_path):
    plain, asked = config(tmp_path), config(tmp_path, validation=True)
    assert plain.columns == COLUMNS and "validation" not in plain.model_dump_json()
    assert [each.run for each in plan(plain)] == [each.run for each in plan(asked)]


@pytest.mark.parametrize("kept", [False, True])
def test_adapters_are_kept_with_the_weights(tmp_path, kept):
    light = {"light": {"size": "light", "init": "fresh"}}
    grid = {"name": "one", "strategies": ["dikd"], "labelled": [4], "seeds": [0]}
    study = config(tmp_path, students=light, grids=[grid], keep_weights=kept)
    run_study(KTLStudy(study), say=lambda line: None)
    (run,) = plan(study)
    assert [(run.out / name).is_file() for name in (RESULT, WEIGHTS, ADAPTERS)] == [
        True,
        kept,
        kept,
    ]
    if kept:
        teacher, student = (
            Landmarker.load(path) for path in (run.config.teacher, run.out / WEIGHTS)
        )
        adapters = adapters_of(run)
        assert adapters.to_teacher.spec.width_out == teacher.width
        assert adapters.to_student.spec.width_out == student.width
        equal = run._replace(config=run.config.model_copy(update={"size": None}))
        assert adapters_of(equal).to_teacher is None  # equal features need none
