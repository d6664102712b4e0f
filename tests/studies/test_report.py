"""A report from run directories: runs that failed are counted and listed."""

import csv
import json
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from mlcmkd import plots
from mlcmkd.cli import app
from mlcmkd.studies.configurations import by_configuration, read_runs
from mlcmkd.studies.report import to_tensorboard, write_report
from mlcmkd.utils.errors import InputError


def make(
    folder: Path,
    strategy: str,
    seed: int,
    nme: float | None,
    *,
    stage="transfer",
    test=None,
    **more,
) -> Path:
    """A run directory as a stage writes it; without `nme` an incomplete one."""
    folder.mkdir(parents=True)
    config = {
        "out": str(folder),
        "seed": seed,
        "fit": {"steps": 20, "batch": 4},
        "teacher": f"runs/teacher-rgb-s{seed}/model.safetensors",
        "distillation": {"strategy": strategy},
        **more,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "provenance.json").write_text(json.dumps({"stage": stage}))
    lines = [{"step": s, "val_nme": 0.1 / s, "total": 1.0 / s} for s in (10, 20)]
    if nme is None:
        lines = lines[:1]
    else:
        scores = {"split": "val", "modality": "thermal", "normaliser": "inter-ocular"}
        (folder / "result.json").write_text(json.dumps({**scores, "nme_percent": nme}))
        if test is not None:
            (folder / "score-test").mkdir()
            scores |= {"split": "test", "nme_percent": test}
            (folder / "score-test/result.json").write_text(json.dumps(scores))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def runs(tmp_path):
    """Two strategies, three seeds; one run was killed."""
    values = {"none": (5.0, 5.2, 5.4), "dikd": (4.8, 4.9, None)}
    for strategy, results in values.items():
        for seed, nme in enumerate(results):
            make(tmp_path / "runs" / f"{strategy}{seed}", strategy, seed, nme)
    return tmp_path / "runs"


def test_configurations_by_hand(runs):
    dikd, none = by_configuration(read_runs([runs]))
    assert (none.name, dikd.name) == ("strategy=none", "strategy=dikd")
    assert none.by_seed == {0: 5.0, 1: 5.2, 2: 5.4} and not none.failed
    assert dikd.by_seed == {0: 4.8, 1: 4.9}
    assert [run.path.name for run in dikd.failed] == ["dikd2"], "failures are not hidden"


def test_the_report_says_it_all(runs, tmp_path):
    text = write_report([runs], tmp_path / "report")
    # Means of 5.0, 5.2, 5.4 and 4.8, 4.9; paired differences -0.2 and -0.3.
    assert "| 5.20 [4.70, 5.70] | val, thermal, inter-ocular |" in text
    (line,) = (line for line in text.splitlines() if "strategy=dikd" in line and line[0] == "|")
    assert "| 2 of 3 |" in line and "4.85 [4.21, 5.49]" in line and "-0.25 [-0.89, 0.39]" in line
    assert "Difference: from “strategy=none”, paired by seed" in text
    assert "dikd2 (seed 2): last logged step 10" in text
    page = (tmp_path / "report/report.html").read_text()
    assert page.count("data:image/png;base64,") == 2 and "4.85 [4.21, 5.49]" in page
    assert (tmp_path / "report/report.md").read_text() == text
    with (tmp_path / "report/runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and {row["ended"] for row in rows} == {"True", "False"}
    assert {row["distillation.strategy"] for row in rows} == {"none", "dikd"}


def test_the_test_split_goes_before_the_validation_split(tmp_path):
    make(tmp_path / "a", "dikd", 0, 4.0, test=6.0)
    (group,) = by_configuration(read_runs([tmp_path]))
    assert group.by_seed == {0: 6.0} and group.measured_on.startswith("test")


def test_what_trains_no_landmarks_is_left_alone(runs):
    scores = runs / "none0" / "score-test"
    scores.mkdir()
    (scores / "config.json").write_text("{}")
    (scores / "provenance.json").write_text(json.dumps({"stage": "evaluate"}))
    detector = make(runs / "detector", "none", 0, 0.0, stage="detector")
    (detector / "result.json").write_text('{"average_precision": 0.9}')
    assert len(read_runs([runs])) == 6
    assert len(read_runs([runs, runs / "none0"])) == 6, "a run is counted once"


def test_runs_that_do_not_agree(runs, tmp_path):
    make(tmp_path / "again", "none", 0, 5.0)
    (none,) = (
        g for g in by_configuration(read_runs([runs, tmp_path / "again"])) if "none" in g.name
    )
    assert len(none.completed) == 3
    make(tmp_path / "other", "none", 0, 5.9)
    with pytest.raises(InputError, match="one configuration and seed, two results"):
        by_configuration(read_runs([runs, tmp_path / "other"]))


def test_a_failed_try_that_was_made_good_is_no_failure(runs, tmp_path):
    make(tmp_path / "again", "dikd", 2, 4.7)
    groups = {
        group.name: group for group in by_configuration(read_runs([runs, tmp_path / "again"]))
    }
    assert not groups["strategy=dikd"].failed


def test_names_tell_what_varies(tmp_path):
    make(tmp_path / "a", "dikd", 0, 4.0, data={"labelled": 100})
    make(tmp_path / "b", "dikd", 0, 4.1, data={"labelled": 500})
    make(tmp_path / "c", "dikd", 0, 4.2, stage="compress", data={"labelled": 500})
    names = [group.name for group in by_configuration(read_runs([tmp_path]))]
    assert names == ["compress, labelled=500", "transfer, labelled=100", "transfer, labelled=500"]
    text = write_report([tmp_path], tmp_path / "report", against="labelled=100")
    assert "from “transfer, labelled=100”" in text and "(one seed)" in text
    with pytest.raises(InputError, match="--against labelled: fits 3 configurations of"):
        write_report([tmp_path], tmp_path / "report", against="labelled")


def test_a_field_that_follows_from_another_is_left_out_of_names(tmp_path):
    for n, (strategy, weight) in enumerate((("none", 0), ("fd", 8), ("ld", 8))):
        make(tmp_path / str(n), strategy, 0, 4.0, zweight=weight, pairs=10 * n)
    make(tmp_path / "3", "fd", 0, 4.0, zweight=3, pairs=10)
    names = [group.name for group in by_configuration(read_runs([tmp_path]))]
    assert names == [
        "strategy=fd, zweight=3",
        "strategy=fd, zweight=8",
        *("strategy=ld, zweight=8", "strategy=none, zweight=0"),
    ]


def test_numbers_in_names_sort_as_numbers(tmp_path):
    for steps in (100, 20, 3):
        make(tmp_path / str(steps), "dikd", 0, 4.0, steps=steps)
    assert [g.name for g in by_configuration(read_runs([tmp_path]))] == [
        "steps=3",
        "steps=20",
        "steps=100",
    ]


def test_folders_without_runs_are_refused(tmp_path, runs):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        read_runs([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no training run below"):
        read_runs([tmp_path / "empty"])
    (runs / "none0/config.json").write_text("{")
    with pytest.raises(InputError, match="none0: not a run directory that can be read"):
        read_runs([runs])


def test_no_run_is_complete(tmp_path):
    make(tmp_path / "a", "dikd", 0, None)
    assert "none completed" in write_report([tmp_path], tmp_path / "report")


def test_tensorboard_opens_the_logs(runs, tmp_path):
    to_tensorboard([runs], tmp_path / "events")
    events = EventAccumulator(str(tmp_path / "events/none0"))
    events.Reload()
    found = [(each.step, each.value) for each in events.Scalars("val_nme")]
    assert found == [(10, pytest.approx(0.01)), (20, pytest.approx(0.005))]


def test_the_command(runs, tmp_path):
    answer = CliRunner().invoke(app, ["report", str(runs), "--out", str(tmp_path / "report")])
    assert answer.exit_code == 0 and "strategy=dikd" in answer.output


def test_figures_name_their_axes():
    figure = plots.nme_by_configuration({"a": {0: 4.0, 1: 5.0}, "b": {0: 3.0}})
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.yaxis.get_inverted() and "NME (%)" in axes.get_xlabel()
    logs = [
        [{"step": 1, "val_nme": 0.1}, {"step": 2, "val_nme": 0.05}],
        [{"step": 1, "val_nme": 0.3}],
    ]
    figure = plots.training_by_configuration({"a": logs})
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    assert list(axes.lines[-1].get_ydata()) == [10, 5], "an interrupted run is left out of the mean"
    assert "(%)" in axes.get_ylabel()
