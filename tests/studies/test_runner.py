"""The runner of studies, with a study of small text files; and every study goes through it."""

import csv
import pickle
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.studies import runner
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.config import GridConfig
from mlcmkd.studies.runner import estimated_time, run_study
from mlcmkd.studies.study import recorded_minutes
from mlcmkd.training.run_directory import PROVENANCE
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock
from tests.forked_commands import ForkedCommand
from tests.studies.letters import Files, quiet

ROOT = Path(__file__).parents[2]


def runs_of(folder: Path) -> list[str]:
    with (folder / "table.csv").open(newline="") as file:
        return [row["run"] for row in csv.DictReader(file)]


def test_a_row_a_run_in_order_and_rows_of_the_preparation_first(tmp_path, in_this_process):
    lines = []
    assert run_study(Files(tmp_path, "abca"), say=lines.append) == []
    assert runs_of(tmp_path) == ["T", "a", "b", "c"]
    assert lines == ["3 files, 0 done, 3 to do"]
    assert f"file a,{10 + ord('a')},a" in (tmp_path / "table.csv").read_text()
    assert (tmp_path / "prepared").read_text() == "3 of 3"


def test_completed_runs_are_reused(tmp_path, in_this_process):
    run_study(Files(tmp_path, "ab"), say=quiet)
    (tmp_path / "prepared").unlink()
    run_study(Files(tmp_path, "ab"), say=quiet)
    assert not (tmp_path / "prepared").exists(), "nothing is missing, so nothing is prepared"
    lines = []
    run_study(Files(tmp_path, "abc"), say=lines.append)
    assert lines == ["3 files, 2 done, 1 to do"]
    assert runs_of(tmp_path) == ["T", "a", "b", "c"] and (tmp_path / "made").read_text() == "abc"


def test_a_failed_run_does_not_stop_the_others(tmp_path, in_this_process):
    lines = []
    failed = run_study(Files(tmp_path, "axb"), say=lines.append)
    assert failed == [f"file x ({tmp_path / 'x'}): x cannot be made"]
    assert lines[1:] == [f"failed: {failed[0]}"]
    assert runs_of(tmp_path) == ["T", "a", "b"]
    assert len(run_study(Files(tmp_path, "axb"), say=quiet)) == 1
    assert (tmp_path / "made").read_text() == "axbx", "only the failed run is tried again"


def test_a_table_is_filled_by_one_command(tmp_path, in_this_process):
    with (
        file_lock(tmp_path / "table.csv"),
        pytest.raises(InputError, match="table.csv: another command is adding rows to it"),
    ):
        run_study(Files(tmp_path, "a"), say=quiet)
    assert not (tmp_path / "prepared").exists()


def test_a_table_with_other_columns_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("name,nme\n")
    for dry_run in (True, False):
        with pytest.raises(InputError, match="its columns are not"):
            run_study(Files(tmp_path, "a"), dry_run=dry_run, say=quiet)


def test_a_dry_run_writes_nothing_and_needs_no_lock(tmp_path):
    lines = []
    study = Files(tmp_path / "new", "abc")
    assert run_study(study, dry_run=True, say=lines.append) == []
    assert lines == ["3 files, 0 done, 3 to do"] and not (tmp_path / "new").exists()
    with file_lock(tmp_path / "table.csv"):
        run_study(Files(tmp_path, "abc"), dry_run=True, say=quiet)


def test_the_estimate_counts_completed_runs_of_the_plan(tmp_path, in_this_process):
    run_study(Files(tmp_path, "abc"), say=quiet)
    for name, minutes in (("a", 1), ("b", 3)):  # the directory of c is elsewhere
        (tmp_path / name).mkdir()
        (tmp_path / name / PROVENANCE).write_text(f'{{"minutes": {minutes}}}')
    lines = []
    run_study(Files(tmp_path, "abcdefg"), Cluster(workers=2), dry_run=True, say=lines.append)
    assert lines[1].startswith("about 4 minutes: 4 times 2.0 minutes, the median of 2 earlier runs")
    assert recorded_minutes(tmp_path / "c") is None


def test_an_estimate_is_the_median_of_what_earlier_runs_took():
    assert estimated_time([1, 3, 50], 10, 2).startswith(
        "about 15 minutes: 10 times 3.0 minutes, the median of 3 "
    )
    assert estimated_time([1, 3, 50], 100, 2).startswith("about 2.5 hours")
    assert estimated_time([], 10, 2) == "" == estimated_time([1], 0, 2)


def test_a_killed_command_is_resumed_on_a_cluster_of_processes(tmp_path):
    def status() -> int:
        words = ("tests.studies.letters_command", str(tmp_path))
        return ForkedCommand(*words, folder=tmp_path).ended().status

    assert status() == -signal.SIGKILL
    assert runs_of(tmp_path) == ["T", "a"]
    assert status() == 0
    assert runs_of(tmp_path) == ["T", "a", "k", "b"]
    assert (tmp_path / "made").read_text() == "akkbx"


@pytest.mark.parametrize(
    ("command", "file", "study"),
    [
        ("sweep", "ktl_answers", "KTLStudy"),
        ("sweep", "notebook_03", "NotebookStudy"),
        ("levels", "levels", "LevelsStudy"),
        ("students", "kd_loss_cofw", "StudentsStudy"),
    ],
)
def test_every_study_goes_through_the_runner(command, file, study, monkeypatch, tmp_path):
    seen = []

    def recorded(study, cluster, *, dry_run, say):
        seen.append((type(study).__name__, cluster, dry_run))
        assert {planned.label for planned in study.plan()}
        planned = next(iter(study.plan()))
        assert len(pickle.dumps((study.make, planned))) < 20_000, "what travels is small"
        return ["one failed"]

    monkeypatch.setattr(runner, "run_study", recorded)
    options = ["--workers", "3", "--retries", "2", "--gpus", "1", "--scheduler", "tcp://a:1"]
    places = ["--set", f"table={tmp_path / 'table.csv'}", "--set", f"out={tmp_path}"]
    answer = CliRunner().invoke(
        app, [command, str(ROOT / f"experiments/{file}.yaml"), *options, *places, "--dry-run"]
    )
    assert seen == [(study, Cluster(3, "tcp://a:1", 1, 2), True)], answer.output
    assert answer.exit_code == 1 and "1 runs failed" in answer.output


def test_combinations_have_the_seeds_outermost_and_keep_the_order_of_names():
    grid = GridConfig(name="x", leave_out=[{"b": 1, "seed": 1}])
    combinations = list(grid.product_of({"b": [1, 2], "seed": [0, 1]}))
    assert combinations == [{"b": 1, "seed": 0}, {"b": 2, "seed": 0}, {"b": 2, "seed": 1}]
    assert list(combinations[0]) == ["b", "seed"]


def test_leave_out_names_what_varies():
    grid = GridConfig(name="x", leave_out=[{"strategey": 1}])
    with pytest.raises(
        InputError, match="'x': name in leave_out 'strategey' is not among strategy, seed"
    ):
        list(grid.product_of({"strategy": [1], "seed": [0]}))
