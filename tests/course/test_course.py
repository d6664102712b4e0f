"""Scales, checked parameters, runs made once, tables."""

import inspect
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcmkd import course
from mlcmkd.course import series
from mlcmkd.course.cached_faces import CachedSyntheticFaces, renderer_hash, renderer_sources
from mlcmkd.course.invariance_summary import GAPS, Gap, interval
from mlcmkd.course.lesson import (
    AttributionLesson,
    CompressLesson,
    InvarianceLesson,
    Lesson,
    TransferLesson,
)
from mlcmkd.course.scales import SCALES
from mlcmkd.course.tables import labels_of
from mlcmkd.data.config import DataConfig
from mlcmkd.data.pairs import load_pairs
from mlcmkd.evaluation.evaluate import Scores
from mlcmkd.evaluation.invariance import FEWEST, measure_invariance
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.synthetic.atlas import atlas_maps
from mlcmkd.synthetic.drawing import spline
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.layers import draw_layers
from mlcmkd.synthetic.rgb import paint_rgb
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.styling import draw_styling
from mlcmkd.synthetic.thermal import paint_thermal
from mlcmkd.training.run_directory import RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError


def lesson(work: Path, kind=CompressLesson, **given):
    return kind(scale="smoke", device="cpu", work=work, **given)


# --- scales -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCALES)
def test_the_light_student_is_at_most_a_tenth_of_the_teacher(name):
    spec = ModelSpec(size=SCALES[name].teacher_size, input_px=SCALES[name].input_px)
    light = spec.model_copy(update={"size": "light"})
    assert 10 * Landmarker(light).parameter_count() <= Landmarker(spec).parameter_count()


@pytest.mark.parametrize("name", SCALES)
def test_every_scale_has_fewer_labels_than_pairs(name):
    assert 2 <= SCALES[name].labelled < SCALES[name].synthetic_train


# --- parameters ---------------------------------------------------------------------------------


def test_parameters_become_a_lesson_with_an_absolute_work_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"scale": "smoke", "work": "w", "seed": 3, "_": 1, "In": [""], "torch": torch}
    found = course.check_parameters(given)
    assert found == Lesson(scale="smoke", work=tmp_path / "w", seed=3)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"scael": "smoke"}, "scael: no such field; did you mean 'scale'?"),
        ({"scale": "huge"}, "smoke, laptop, gpu"),
        ({"strategy": "dkid"}, "strategy: Input should be"),
        ({"decay": "steep"}, "decay: Input should be"),
        ({"labelled": 1}, "labelled: Input should be"),
        ({"seed": -1}, "seed: Input should be"),
        ({"device": "tpu"}, "device: Input should be"),
    ],
)
def test_a_wrong_parameter_stops_the_notebook_and_is_named(given, told):
    with pytest.raises(InputError, match="parameter") as error:
        course.check_parameters(dict(given), TransferLesson)
    assert told in str(error.value)


def test_checking_once_more_allows_the_notebooks_own_variables():
    namespace = {"scale": "smoke"}
    course.check_parameters(namespace)
    namespace |= {"title": "a word of the notebook", "seed": 5}
    assert course.check_parameters(namespace).seed == 5


def test_attribution_asks_for_a_landmark_of_the_scheme():
    with pytest.raises(InputError, match="landmark=68"):
        course.check_parameters({"landmark": 68}, AttributionLesson)


def test_invariance_asks_for_as_many_faces_as_it_can_measure():
    with pytest.raises(InputError, match=f"faces={FEWEST - 1}"):
        course.check_parameters({"faces": FEWEST - 1}, InvarianceLesson)
    assert course.check_parameters({"faces": FEWEST}, InvarianceLesson).faces == FEWEST


# --- faces --------------------------------------------------------------------------------------


def test_kept_faces_are_what_the_command_line_would_draw(tmp_path, capsys):
    data = CachedSyntheticFaces(synthetic_train=4, synthetic_held=2, cache=tmp_path)
    drawn, kept = data.load("val", 64), data.load("val", 64)
    assert capsys.readouterr().out.count("drawing") == 1
    plain = load_pairs("synthetic", "val", 64, count=2)
    for pairs in (drawn, kept):
        assert torch.equal(pairs.thermal, plain.thermal) and torch.equal(pairs.rgb, plain.rgb)
        assert torch.equal(pairs.landmarks, plain.landmarks)
    faces = data.faces("val")
    assert faces.attributes["glasses"].dtype == bool and faces.thermal.shape == (2, 96, 96)


def test_a_run_remembers_the_same_data_as_on_the_command_line(tmp_path):
    kept = CachedSyntheticFaces(synthetic_train=4, cache=tmp_path).model_dump()
    assert kept == DataConfig(synthetic_train=4).model_dump()


def test_every_file_that_draws_faces_is_part_of_the_name_of_kept_faces(tmp_path):
    parts = (
        *(make_faces, draw_shape, draw_styling, draw_layers, atlas_maps),
        *(spline, paint_rgb, paint_thermal),
    )
    needed = {Path(inspect.getsourcefile(part)).resolve() for part in parts}
    assert needed <= {path.resolve() for path in renderer_sources()}
    (tmp_path / "a.py").write_text("a = 1")
    before = renderer_hash(tmp_path)
    (tmp_path / "a.py").write_text("a = 2")
    assert renderer_hash(tmp_path) != before


def test_a_hash_of_no_file_is_an_error(tmp_path):
    """As after a move of the files: kept faces of any code would be read back."""
    with pytest.raises(RuntimeError, match="no file .*renderer_sources has to name"):
        renderer_hash(tmp_path)


# --- runs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A work folder with the whole path in it."""
    folder = tmp_path_factory.mktemp("course")
    course.light_student_run(lesson(folder))
    return folder


def test_a_lesson_makes_all_that_it_lacks(work):
    names = [run.name.split("_")[0] for run in course.all_runs(work)]
    assert names == ["teacher-rgb-s0", "student-dikd", "light-dikd"]


def test_what_stands_is_not_made_again(work, capsys):
    weights = course.light_student_run(lesson(work)) / WEIGHTS
    before = weights.stat().st_mtime_ns
    course.light_student_run(lesson(work))
    assert weights.stat().st_mtime_ns == before
    assert "steps" not in capsys.readouterr().out


def test_another_config_or_an_unfinished_run_is_made_again(work, tmp_path):
    made = course.teacher_run(lesson(work))
    (made / RESULT).rename(tmp_path / RESULT)  # as if it had been interrupted
    before = (made / WEIGHTS).stat().st_mtime_ns
    assert course.teacher_run(lesson(work)) == made
    assert (made / WEIGHTS).stat().st_mtime_ns > before

    config = json.loads((made / "config.json").read_text())
    config["fit"]["steps"] += 1
    (made / "config.json").write_text(json.dumps(config))
    before = (made / WEIGHTS).stat().st_mtime_ns
    course.teacher_run(lesson(work))
    assert (made / WEIGHTS).stat().st_mtime_ns > before


def test_a_student_is_made_again_after_its_teacher(work):
    run = course.student_run(lesson(work))
    later = (run / RESULT).stat().st_mtime + 10
    os.utime(course.teacher_run(lesson(work)) / WEIGHTS, (later, later))
    before = (run / WEIGHTS).stat().st_mtime_ns
    course.student_run(lesson(work))
    assert (run / WEIGHTS).stat().st_mtime_ns > before
    os.utime(course.teacher_run(lesson(work)) / WEIGHTS)


def test_the_baseline_has_the_same_labelled_pairs_as_the_students(tmp_path):
    data = CachedSyntheticFaces(synthetic_train=12, synthetic_held=2, cache=tmp_path)
    few = data.model_copy(update={"labelled": 5}).load_training(64, seed=1)
    alone = data.model_copy(update={"pairs": 5}).load_training(64, seed=1)
    labelled = {name for name, has in zip(few.ids, few.labelled, strict=True) if has}
    assert set(alone.ids) == labelled and bool(alone.labelled.all())


# --- tables -------------------------------------------------------------------------------------


def test_results_have_a_row_a_run_and_the_teacher_twice(work):
    rows, scores = course.score_all_runs(lesson(work), "val")
    titles = [row["name"] for row in rows]
    assert titles[:2] == ["RGB teacher", "RGB teacher on thermal"]
    assert "student, dikd, 16 labels" in titles and "light, dikd, 16 labels" in titles
    assert set(titles) == set(scores)
    lines = (work / "results.csv").read_text().splitlines()
    assert len(lines) == len(rows) + 1
    table = course.markdown_table(rows)
    assert "inter-ocular" in table and "95 % interval" in table and "FR at 8 %" in table
    assert len({len(line) for line in table.splitlines()}) == 1


def test_labels_of_a_run_are_the_fewest_that_were_asked_for(work):
    found = {run.name.split("_")[0]: labels_of(run) for run in course.all_runs(work)}
    assert found["teacher-rgb-s0"] == "all" and found["student-dikd"] == 16


def made_up(errors) -> Scores:
    errors = np.asarray(errors)[:, None]
    count = len(errors)
    return Scores(
        errors, "inter-ocular", 0.08, "ibug68", np.ones(count, bool), errors, ("a",) * count
    )


def test_a_comparison_says_who_is_better_only_where_the_interval_does():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.03, 0.06, 200)
    better = made_up(base - rng.uniform(0.004, 0.006, 200))
    assert "On these faces A is better" in course.compare("A", better, "B", made_up(base))
    assert "On these faces B is better" in course.compare("A", made_up(base), "B", better)
    noise = made_up(base + rng.normal(0, 0.01, 200) - 0.0)
    told = course.compare("A", noise, "B", made_up(rng.permutation(base)))
    assert "do not tell the two apart" in told


# --- verdicts -----------------------------------------------------------------------------------


def test_distances_from_invariant_are_those_of_the_measures(work):
    plain = lesson(work)
    pairs = plain.pairs("val")
    teacher = Landmarker.load(course.teacher_run(plain) / WEIGHTS)
    student = Landmarker.load(course.student_run(plain) / WEIGHTS)
    told = course.invariance_gaps(teacher, student, pairs)
    measured = measure_invariance(teacher, student, pairs, faces=None)
    swap = 100 * measured.head_swap
    people = len(set(pairs.subjects))
    assert list(told) == list(GAPS)
    assert all(gap.without.shape == (people,) for gap in told.values())  # fewer than ten people
    assert [gap.value for gap in told.values()] == pytest.approx(
        [
            abs(swap[1, 0] - swap[0, 0]),
            abs(swap[1, 1] - swap[0, 1]),
            100 * (1 - measured.cka) / (1 - measured.cka_other_face),
            100 * (1 - measured.recall_at_1),
            100 * abs(measured.probe_accuracy - 0.5),
        ],
        abs=1e-3,
    )


def test_distances_from_invariant_leave_out_one_group_of_people_at_a_time(work):
    plain = lesson(work)
    pairs = plain.pairs("val")
    teacher = Landmarker.load(course.teacher_run(plain) / WEIGHTS)
    student = Landmarker.load(course.student_run(plain) / WEIGHTS)
    told = course.invariance_gaps(teacher, student, pairs, groups=3)["retrieval"]
    people = list(dict.fromkeys(pairs.subjects))
    kept = [i for i, name in enumerate(pairs.subjects) if name not in people[1::3]]
    alone = course.invariance_gaps(teacher, student, pairs.subset(kept))["retrieval"]
    assert told.without[1] == pytest.approx(alone.value)
    with pytest.raises(InputError, match="three subjects"):
        course.invariance_gaps(teacher, student, pairs.subset(range(8)))


def test_the_interval_is_that_of_a_mean_where_the_number_is_one():
    """The jackknife of a mean is the mean's own standard error, exactly."""
    values = np.random.default_rng(0).normal(5, 2, 10)
    without = (values.sum() - values) / 9
    low, high = interval(float(values.mean()), without)
    reach = 2.262157 * values.std(ddof=1) / np.sqrt(10)  # Student's t, nine degrees of freedom
    assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach))


def distances(*values, noise=0.1):
    """A student's distances from invariant, each about as sure as `noise`."""
    wobble = np.random.default_rng(1).normal(0, noise, (len(GAPS), 10))
    parts = zip(GAPS, values, wobble, strict=True)
    return {name: Gap(float(value), value + part) for name, value, part in parts}


def test_a_contest_decides_only_what_the_intervals_do():
    near, far = distances(1, 1, 1, 1, 1), distances(9, 9, 9, 9, 9, noise=0.2)
    rows, told = course.compare_gaps("A", near, "B", far)
    assert [row["closer"] for row in rows] == ["A"] * 5
    assert rows[0]["A"] == "1.0" and rows[0]["B"] == "9.0"
    assert rows[0]["difference"].startswith("-8.0 (-")
    assert "closer to invariant than **B** by 5 of 5 measures" in told and "for A." in told
    rows, told = course.compare_gaps("B", far, "A", near)
    assert [row["closer"] for row in rows] == ["A"] * 5
    assert "farther by 5 of 5 measures" in told and "for A." in told
    same = course.compare_gaps("A", near, "B", near)
    assert {row["closer"] for row in same[0]} == {"not told apart"} and "do not tell" in same[1]
    mixed = course.compare_gaps("A", distances(1, 9, 5, 5, 5), "B", distances(9, 1, 5, 5, 5))[1]
    assert "1 of 5 measures (teacher's head); farther by 1 of 5 measures (student's head)" in mixed
    assert "disagree" in mixed


def test_a_verdict_calls_invariant_only_what_holds_zero():
    assert "5 of 5 measures" in course.summarise_gaps("A", distances(9, 9, 9, 9, 9))
    some = course.summarise_gaps("A", distances(9, 0.01, 9, 0.01, 9))
    assert "*not* invariant by 3 of 5 measures (teacher's head, CKA, probe)" in some
    assert "by 2 of 5 measures (student's head, retrieval) these faces cannot tell" in some
    assert course.summarise_gaps("A", distances(0, 0, 0, 0, 0)).startswith("By no measure")


# --- the series ---------------------------------------------------------------------------------


def test_the_kernel_is_this_interpreter_whatever_a_user_installed(tmp_path, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    hijacker = tmp_path / "kernels" / "python3"
    hijacker.mkdir(parents=True)
    spec = {"argv": ["/nowhere/python"], "display_name": "x", "language": "python"}
    (hijacker / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    with series.this_interpreter():
        assert KernelSpecManager().get_kernel_spec("python3").argv[0] == sys.executable
    assert "JUPYTER_PATH" not in os.environ


def test_an_unknown_scale_or_notebook_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match="smoke, laptop, gpu"):
        course.run_course(tmp_path, "tiny")
    with pytest.raises(InputError, match="no notebook starts with 99"):
        course.run_course(tmp_path, "smoke", ["99"])
