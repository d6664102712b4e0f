"""A notebook with many parameters: the plan, the rows, and the same as by plain papermill."""

import csv
import json
from pathlib import Path

import papermill
import pytest
import yaml
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.cli.configs import config_of
from mlcmkd.course import notebook_run
from mlcmkd.course.execution import this_interpreter
from mlcmkd.course.notebook_study import (
    NotebookGrid,
    NotebookStudy,
    NotebookStudyConfig,
    plan,
    quoted,
)
from mlcmkd.utils.errors import InputError
from tests.course.here import execute_here
from tests.course.kernels import forked_kernels
from tests.course.test_notebook_run import notebook

ROOT = Path(__file__).parents[2]
PARAMETERS = 'seed = 0\nstrategy = "fd+ld"\nrate = 1.0\nwork = "."'
MAKES = """
import json, random
from pathlib import Path
folder = Path(work) / f"student-{strategy.replace('+', '-')}_s{seed}"
folder.mkdir(parents=True, exist_ok=True)
if strategy == "ri":
    raise ValueError("this one fails")
nme = random.Random(f"{seed} {strategy}").random() * rate
(folder / "result.json").write_text(json.dumps({"nme_percent": nme}))
"""


def fields(folder: Path, **changes) -> dict:
    return {
        "notebook": str(notebook(folder, PARAMETERS, MAKES)),
        "table": str(folder / "table.csv"),
        "out": str(folder / "runs"),
        "parameters": {"rate": 2.0},
        "grids": [{"name": "all", "vary": {"strategy": ["fd+ld", "dikd"], "seed": [0, 1]}}],
        "quote": {"nme": "student-{strategy}_*/nme_percent"},
        **changes,
    }


def test_seeds_are_outermost_and_what_says_nothing_is_left_out():
    grid = NotebookGrid(
        name="x",
        vary={"strategy": ["none", "dikd"], "decay": ["constant", "cosine"], "seed": [0, 1]},
        leave_out=[{"strategy": "none", "decay": "cosine"}, {"strategy": "dikd", "seed": 1}],
    )
    assert [tuple(each.values()) for each in grid.combinations()] == [
        ("none", "constant", 0),
        ("dikd", "constant", 0),
        ("dikd", "cosine", 0),
        ("none", "constant", 1),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"epohcs": 1}}, "no parameter 'epohcs'"),
        ({"parameters": {"rate": "fast"}}, "rate='fast': expected float"),
        ({"parameters": {"work": "../.."}}, "work is set by the study"),
        ({"notebook": "99"}, "99: no such notebook"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        list(plan(NotebookStudyConfig.model_validate(fields(tmp_path, **changes))))
    assert not (tmp_path / "runs").exists()


def test_runs_lie_in_the_sweeps_folder_and_are_those_of_mlcmkd_run(tmp_path):
    sweep = NotebookStudyConfig.model_validate(fields(tmp_path))
    planned = list(plan(sweep))
    assert [each.label for each in planned[:2]] == [
        "rate=2.0 strategy=fd+ld seed=0",
        "rate=2.0 strategy=dikd seed=0",
    ]
    assert {each.out.parent for each in planned} == {(tmp_path / "runs").resolve()}
    assert all("work" not in each.parameters for each in planned)
    shared = plan(sweep.model_copy(update={"share": True, "quote": {}}))
    assert {each.parameters["work"] for each in shared} == {str(tmp_path / "runs" / "shared")}


def test_a_figure_is_quoted_from_one_stage_run_only():
    results = {"student-fd-ld_s0": {"nme_percent": 3.5}, "student-dikd_s0": {"nme_percent": 3.25}}
    assert quoted("student-{strategy}_*/nme_percent", results, {"strategy": "fd+ld"}) == 3.5
    for pattern in ("student-*/nme_percent", "teacher/nme_percent", "student-dikd_*/fr"):
        with pytest.raises(InputError, match="needs one run with this field, found"):
            quoted(pattern, results, {})
    with pytest.raises(InputError, match="the notebook has no such parameter"):
        quoted("student-{strateyg}/nme_percent", results, {"strategy": "dikd"})


def test_a_sweep_is_many_runs_and_the_same_as_plain_papermill(tmp_path, in_this_process):
    settings = fields(tmp_path)
    settings["grids"][0]["vary"]["strategy"].append("ri")
    settings["grids"][0]["leave_out"] = [
        {"seed": 1, "strategy": "ri"},
        {"seed": 1, "strategy": "dikd"},
    ]
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(settings))
    with forked_kernels():
        answer = CliRunner().invoke(app, ["sweep", str(tmp_path / "sweep.yaml"), "--retries", "0"])
    assert answer.exit_code == 1 and "4 runs of" in answer.output
    assert "ValueError: this one fails" in answer.output and "1 runs failed" in answer.output
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["strategy"], row["seed"]) for row in rows] == [
        ("fd+ld", "0"), ("dikd", "0"), ("fd+ld", "1"),
    ]  # fmt: skip
    assert {row["notebook"] for row in rows} == {"mine"}
    parameters = {"rate": 2.0, "strategy": "dikd", "seed": 0, "work": str(tmp_path / "by-hand")}
    with this_interpreter(), forked_kernels():
        papermill.execute_notebook(
            settings["notebook"], tmp_path / "out.ipynb", parameters, progress_bar=False
        )
    by_hand = next((tmp_path / "by-hand").glob("*/result.json")).read_text()
    assert rows[1]["nme"] in by_hand
    planned = list(plan(NotebookStudyConfig.model_validate(settings)))
    assert all((each.out / "notebook.ipynb").is_file() for each in planned)
    again = CliRunner().invoke(app, ["sweep", str(tmp_path / "sweep.yaml"), "--dry-run"])
    assert "4 runs of" in again.output and "3 done, 1 to do" in again.output
    assert "the median of 3 earlier runs" in again.output


def test_a_quote_that_cannot_tell_runs_in_a_shared_folder_apart_is_refused_at_once(tmp_path):
    """With `share`, the folders of all seeds are side by side, and the pattern meets earlier ones."""
    settings = fields(tmp_path, share=True)
    message = (
        "quote 'nme': 'student-fd-ld_\\*' is the same folder for seed=0 and seed=1.*add {seed}"
    )
    with pytest.raises(InputError, match=message):
        plan(NotebookStudyConfig.model_validate(settings))
    settings["quote"]["nme"] = "student-{strategy}_*{seed}/nme_percent"
    assert len(list(plan(NotebookStudyConfig.model_validate(settings)))) == 4
    settings["quote"]["nme"] = "teacher/nme_percent"  # one folder, whatever the seed
    assert len(list(plan(NotebookStudyConfig.model_validate(settings)))) == 4


def test_the_notebook_study_of_the_project_runs_with_two_seeds_at_scale_smoke(
    tmp_path, monkeypatch
):
    """The shipped file, of which only the scale, the places and the number of runs are changed."""
    monkeypatch.setattr(notebook_run, "execute", execute_here)
    path = ROOT / "experiments" / "notebook_03.yaml"
    settings = config_of(NotebookStudyConfig, path, [])
    assert len(list(plan(settings))) == 3 * (6 + 3)
    assert settings.columns[:4] == ("notebook", "seed", "strategy", "decay") and settings.share
    small = {"scale": "smoke", "labelled": 16, "device": "cpu"}
    grid = NotebookGrid(name="two seeds", vary={"seed": [0, 1], "strategy": ["fd+ld"]})
    places = {"table": tmp_path / "table.csv", "out": tmp_path / "runs"}
    study = NotebookStudy(
        settings.model_copy(update={"parameters": small, "grids": [grid], **places})
    )
    planned = list(study.plan())
    rows = [study.row(each, study.make(each)) for each in planned]
    assert [row["seed"] for row in rows] == [0, 1]
    for row, each in zip(rows, planned, strict=True):
        run = tmp_path / "runs" / "shared" / f"student-fd-ld_cosine_both_16labels_s{row['seed']}"
        assert row["nme"] == json.loads((run / "result.json").read_text())["nme_percent"]
        assert (each.out / "result.json").is_file()
