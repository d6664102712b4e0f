"""Measures of invariance beside errors: correlations and differences by hand, a row."""

import json

import pytest
import torch

from mlcmkd.distillation.adapters import Adapter, Adapters
from mlcmkd.evaluation.invariance.features import modality_features
from mlcmkd.evaluation.invariance.fitted_map import fit_map
from mlcmkd.evaluation.invariance.gaps import GAPS
from mlcmkd.models import Landmarker
from mlcmkd.plots.invariance_transfer import gaps_and_errors
from mlcmkd.studies.ktl.plan import plan
from mlcmkd.training.run_directory import ADAPTERS, WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.yaml_files import read_fields
from tests.benchmarks.scripts import load_script
from tests.conftest import make_model, make_pairs

script = load_script("invariance_transfer")
GAP = next(iter(GAPS))
HOW = {"split": "val", "real_split": "val", "maps": "trained"}


def row(strategy: str, seed: int, gap: float, nme: float, benchmark: str = "photos") -> dict:
    numbers = dict.fromkeys(GAPS, str(gap)) | {"nme": str(nme), "nme_real": str(10 - nme)}
    names = {"benchmark": benchmark, "student": "", "strategy": strategy, "seed": str(seed)}
    return names | numbers


ROWS = [
    row(strategy, seed, gap + 0.1 * seed, gap**3 + seed)
    for strategy, gap in (("none", 3.0), ("fd+ld", 1.0), ("dikd", 2.0), ("ri", 4.0))
    for seed in (0, 1)
]


def test_differences_are_paired_by_seed():
    text = script.differences(ROWS, "fd+ld")
    (line,) = [each for each in text.splitlines() if "| dikd" in each]
    # Cubes of the gaps 2 and 1; the shift of each seed cancels.
    assert "| 7.00 [7.00, 7.00]" in line and "| -7.00 [-7.00, -7.00]" in line
    assert text.count("\n") == 4
    assert script.differences(ROWS, "unknown") == "no run has the strategy unknown"


def test_the_two_errors_are_compared_within_each_benchmark():
    lines = script.errors_compared(ROWS + [row("none", 0, 1, 2, "rendered")]).splitlines()
    # The second error is 10 minus the first, so the order is reversed.
    assert lines[2].split() == ["|", "photos", "|", "-1.00", "[-1.00,", "-1.00]", "|"]
    assert "rendered" in lines[3] and "nan" in lines[3]


def test_the_figure_has_a_panel_for_each_gap_and_error():
    figure = gaps_and_errors(ROWS + [row("none", 0, 1, 2, "rendered")], list(GAPS), script.ERRORS)
    panels = figure.axes
    assert len(panels) == len(GAPS) * len(script.ERRORS)
    assert [len(each.get_offsets()) for each in panels[0].collections] == [len(ROWS), 1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["photos", "rendered"]
    figure = gaps_and_errors(ROWS, ["CKA"], script.ERRORS, by="strategy")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(figure.axes) == 2 and names == ["none", "fd+ld", "dikd", "ri"]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A parameter file of one student, whose data are eight random pairs."""
    monkeypatch.setattr(script.DataConfig, "load", lambda *_, **__: make_pairs())
    fields = {
        "table": str(tmp_path / "sweep.csv"),
        "out": str(tmp_path / "runs"),
        "benchmarks": {
            "photos": {
                "data": {},
                "teacher": {"size": "light", "input_px": 32},
            }
        },
        "strategies": {"none": {}},
        "grids": [{"name": "one", "strategies": ["none"], "seeds": [0]}],
    }
    (tmp_path / "sweep.yaml").write_text(json.dumps(fields))
    sweep = script.SweepConfig.validated("sweep", read_fields(tmp_path / "sweep.yaml"))
    (run,) = plan(sweep)
    return tmp_path, run


def save_networks(run: script.PlannedTransfer) -> None:
    """Saves a teacher and a student, so that the run is a kept one."""
    for path, modality in ((run.config.teacher, "rgb"), (run.out / WEIGHTS, "thermal")):
        path.parent.mkdir(parents=True)
        make_model("light", modality, input_px=32).save(path)


def test_a_student_without_weights_is_no_row(study):
    folder, _ = study
    options = ["--real", str(folder / "data"), "--table", str(folder / "table.csv")]
    with pytest.raises(InputError, match="no weights of a student; run the sweep with"):
        script.main([str(folder / "sweep.yaml"), *options])


def test_a_student_is_measured_once(study, capsys, monkeypatch):
    folder, run = study
    save_networks(run)
    options = ["--real", str(folder / "data"), "--table", str(folder / "table.csv")]
    script.main([str(folder / "sweep.yaml"), *options, "--figure", str(folder / "figure.png")])
    (line,) = script.read_table(folder / "table.csv", script.COLUMNS)
    assert line["run"] == run.run and float(line["nme"]) > 0 and float(line["nme_real"]) > 0
    # Both networks have the same random weights, so their heads are equal.
    assert line["teacher's head"] == line["student's head"]
    assert (folder / "figure.png").stat().st_size > 1000
    first = capsys.readouterr().out
    monkeypatch.setattr(script, "measure", None)
    script.main([str(folder / "sweep.yaml"), *options])
    assert capsys.readouterr().out == first


def test_students_that_differ_in_labels_or_shift_have_names_of_their_own(study):
    _, run = study
    assert script.student_of(run) == ""
    data = run.config.data.model_copy(update={"labelled": 100, "misalignment": 4.0})
    other = run._replace(student="same", config=run.config.model_copy(update={"data": data}))
    assert script.student_of(other) == "same, 100 labels, 4 px"


def test_runs_are_chosen_by_labels_and_seed(study):
    folder, run = study
    fields = read_fields(folder / "sweep.yaml")
    fields["grids"][0] |= {"labelled": [4, None], "seeds": [0, 1]}
    sweep = script.SweepConfig.validated("sweep", fields)
    for each in plan(sweep):
        for path in (each.config.teacher, each.out / WEIGHTS):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    everything = script.chosen_runs(sweep)
    assert len(everything) == 4
    (one,) = script.chosen_runs(sweep, labelled="4", seeds=[1])
    assert (one.config.data.labelled, one.config.seed) == (4, 1)
    (full,) = script.chosen_runs(sweep, labelled="all", seeds=[1])
    assert full.config.data.labelled is None
    assert script.chosen_runs(sweep, students=[run.student]) == everything
    with pytest.raises(
        InputError, match=r"no kept run has .* \(labels: 9, students: \['light'\]\)"
    ):
        script.chosen_runs(sweep, labelled="9", students=["light"])


def of_another_width(run: script.PlannedTransfer, strategy: str) -> script.PlannedTransfer:
    """The run with a student of size light, a teacher of size small, and a strategy."""
    distillation = run.config.distillation.model_copy(update={"strategy": strategy})
    changes = {"distillation": distillation, "size": "light"}
    return run._replace(
        config=run.config.model_copy(update=changes),
        teacher=run.teacher.model_copy(update={"size": "small"}),
    )


def save_networks_of_two_widths(run: script.PlannedTransfer) -> tuple[Landmarker, Landmarker]:
    teacher, student = make_model("small", "rgb"), make_model("light", "thermal")
    for path, model in ((run.config.teacher, teacher), (run.out / WEIGHTS, student)):
        path.parent.mkdir(parents=True)
        model.save(path)
    return teacher, student


def test_a_student_of_another_width_is_measured_by_its_adapters(study):
    folder, run = study
    teacher, student = save_networks_of_two_widths(run)
    run = of_another_width(run, "fd+ld")
    with pytest.raises(InputError, match="adapters.safetensors: missing, .* delete its folder"):
        script.measure(run, folder / "data", **HOW)
    adapter = Adapter(student.width, teacher.width)
    Adapters(adapter, None).save(run.out / ADAPTERS)
    row = script.measure(run, folder / "data", **HOW)
    pairs = make_pairs()
    gaps = script.invariance_gaps(teacher, student, pairs, to_teacher=adapter, groups=2)
    assert {name: row[name] for name in gaps} == {
        name: round(gap.value, 4) for name, gap in gaps.items()
    }
    # FI alone trains a map from the teacher's features to the student's.
    assert set(GAPS) - set(row) == {"student's head"}
    script.add_row(folder / "table.csv", script.COLUMNS, row)
    (line,) = script.read_table(folder / "table.csv", script.COLUMNS)
    assert line["student's head"] == "" and float(line["retrieval"]) == row["retrieval"]


def test_fitted_maps_measure_every_strategy(study):
    folder, run = study
    teacher, student = save_networks_of_two_widths(run)
    row = script.measure(of_another_width(run, "ld"), folder / "data", **HOW | {"maps": "fitted"})
    assert set(GAPS) <= set(row) and row["maps"] == "fitted"
    pairs = make_pairs()  # here those of training are those of the measurement
    rgb, thermal = (
        modality_features(model, pairs, modality)
        for model, modality in ((teacher, "rgb"), (student, "thermal"))
    )
    maps = {"to_teacher": fit_map(thermal, rgb), "to_student": fit_map(rgb, thermal)}
    gaps = script.invariance_gaps(teacher, student, pairs, groups=0, **maps)
    assert {name: row[name] for name in GAPS} == {
        name: round(gap.value, 4) for name, gap in gaps.items()
    }


def test_maps_are_fitted_on_evenly_spaced_pairs(monkeypatch):
    monkeypatch.setattr(script, "FACES", 3)
    given = []
    monkeypatch.setattr(
        script,
        "modality_features",
        lambda _, pairs, __: given.append(pairs) or torch.rand(3, 2, 4, 4),
    )
    pairs = make_pairs(9)
    script.fitted_maps(None, None, pairs)
    assert all(torch.equal(each.rgb, pairs.rgb[[0, 4, 8]]) for each in given) and len(given) == 2


def test_maps_are_fitted_on_training_pairs_that_are_not_shifted(study, monkeypatch):
    folder, run = study
    save_networks_of_two_widths(run)
    data = run.config.data.model_copy(update={"misalignment": 4.0})
    run = run._replace(config=run.config.model_copy(update={"data": data}))
    splits = []
    monkeypatch.setattr(
        script.DataConfig, "load", lambda _, split, *__, **___: splits.append(split) or make_pairs()
    )
    monkeypatch.setattr(script.DataConfig, "load_training", None)
    script.measure(run, folder / "data", **HOW | {"maps": "fitted"})
    assert "train" in splits and "test" not in splits


def test_a_strategy_without_fd_ri_and_fi_needs_no_adapters(study):
    folder, run = study
    save_networks_of_two_widths(run)
    run = of_another_width(run, "ld")
    row = script.measure(run, folder / "data", **HOW)
    assert set(GAPS) & set(row) == {"CKA"}


def test_gaps_that_were_not_measured_are_in_no_difference_and_no_panel():
    rows = [each | ({"CKA": ""} if each["strategy"] == "none" else {}) for each in ROWS]
    table = script.differences(rows, "fd+ld").splitlines()
    column = [word.strip() for word in table[0].split("|")].index("CKA")
    cells = {line.split("|")[3].strip(): line.split("|")[column].strip() for line in table[2:]}
    assert cells == {
        "none": "not measured",
        "dikd": "1.00 [1.00, 1.00]",
        "ri": "3.00 [3.00, 3.00]",
    }
    figure = gaps_and_errors(rows, ["CKA", "probe"], {"nme": "NME"})
    assert [len(panel.collections[0].get_offsets()) for panel in figure.axes] == [6, 8]


def test_rows_only_prints_no_report_and_trained_and_fitted_maps_do_not_mix(study, capsys):
    folder, run = study
    save_networks(run)
    options = ["--real", str(folder / "data"), "--table", str(folder / "table.csv"), "--rows-only"]
    for extra in ([], ["--fit-maps"], []):
        script.main([str(folder / "sweep.yaml"), *options, *extra])
    assert capsys.readouterr().out == ""
    rows = script.read_table(folder / "table.csv", script.COLUMNS)
    assert [row["maps"] for row in rows] == ["trained", "fitted"]
    assert rows[0]["nme"] == rows[1]["nme"] and rows[0]["CKA"] == rows[1]["CKA"]
