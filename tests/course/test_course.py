"""Scales, checked parameters, reused runs, tables."""

import inspect
import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output

from mlcmkd import course
from mlcmkd.course import execution, project
from mlcmkd.course.cached_faces import CachedSyntheticFaces, renderer_hash, renderer_sources
from mlcmkd.course.invariance_summary import jackknife_interval
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
from mlcmkd.evaluation.invariance.gaps import GAPS, Gap
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.head.basis import ASSET
from mlcmkd.synthetic.head.landmarks import locate
from mlcmkd.synthetic.rgb.paint import paint_rgb
from mlcmkd.synthetic.scene import build_scene
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.styling import draw_styling
from mlcmkd.synthetic.thermal.paint import paint_thermal
from mlcmkd.synthetic.worn.dress import dress
from mlcmkd.training.run_directory import RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError


def lesson(work: Path, kind=CompressLesson, **given):
    return kind(scale="smoke", device="cpu", work=work, **given)


# --- scales -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCALES)
def test_the_light_student_has_about_a_third_of_the_teachers_parameters(name):
    spec = ModelSpec(size=SCALES[name].teacher_size, input_px=SCALES[name].input_px)
    light = spec.model_copy(update={"size": "slim"})
    share = Landmarker(light).parameter_count() / Landmarker(spec).parameter_count()
    assert 0.3 < share < 0.37


@pytest.mark.parametrize("name", SCALES)
def test_every_scale_has_fewer_labels_than_pairs(name):
    assert 2 <= SCALES[name].labelled < SCALES[name].synthetic_train


# --- parameters ---------------------------------------------------------------------------------


def test_parameters_become_a_lesson_with_an_absolute_work_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"scale": "smoke", "work": "w", "seed": 3, "_": 1, "In": [""], "torch": torch}
    result = course.check_parameters(given)
    assert result == Lesson(scale="smoke", work=tmp_path / "w", seed=3)


@pytest.mark.parametrize("folder", ["", "notebooks", "notebooks/exercises", "/tmp"])
@pytest.mark.parametrize("given", [{}, {"work": "../runs/course"}, {"work": "../../runs/course"}])
def test_lessons_find_the_project_whatever_the_working_directory(monkeypatch, folder, given):
    """Plain papermill runs a kernel where it was started, and not in the notebook's folder."""
    monkeypatch.chdir(project.ROOT / folder)
    found = course.check_parameters({"scale": "smoke", **given})
    assert found.work == project.ROOT / "runs" / "course-smoke"
    assert project.work_folder(None, "laptop") == project.ROOT / "runs" / "course"


def test_a_work_folder_holds_networks_of_one_scale(tmp_path):
    """Runs of all scales have the same names: smoke would replace the networks of hours."""
    run = tmp_path / "teacher-rgb-s0"
    run.mkdir()
    laptop = SCALES["laptop"]
    data = {"synthetic_train": laptop.synthetic_train, "synthetic_held": laptop.synthetic_held}
    (run / "config.json").write_text(json.dumps({"data": data}))
    smoke = {"scale": "smoke", "work": str(tmp_path)}
    course.check_parameters(dict(smoke))  # no network yet
    (run / WEIGHTS).write_bytes(b"trained")
    message = (
        f"{tmp_path}: contains teacher-rgb-s0 of scale 'laptop', .* such as {tmp_path.name}-smoke"
    )
    with pytest.raises(InputError, match=message):
        course.check_parameters(dict(smoke))
    with pytest.raises(InputError, match=message):
        course.run_course(tmp_path, "smoke")
    with pytest.raises(InputError, match=message):
        course.teacher_run(Lesson(scale="smoke", work=tmp_path))
    assert (run / WEIGHTS).read_bytes() == b"trained"
    course.check_parameters({"work": str(tmp_path)})
    (run / "config.json").write_text("{}")  # of another program
    course.check_parameters(dict(smoke))


@pytest.mark.parametrize(
    ("given", "message"),
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
def test_a_wrong_parameter_is_an_error_with_its_name(given, message):
    with pytest.raises(InputError, match="parameter") as error:
        course.check_parameters(dict(given), TransferLesson)
    assert message in str(error.value)


def test_a_second_check_allows_the_notebooks_own_variables():
    namespace = {"scale": "smoke"}
    course.check_parameters(namespace)
    namespace |= {"title": "a word of the notebook", "seed": 5}
    assert course.check_parameters(namespace).seed == 5


def test_attribution_requires_a_landmark_of_the_scheme():
    with pytest.raises(InputError, match="landmark: Input should be less than 68"):
        course.check_parameters({"landmark": 68}, AttributionLesson)


def test_invariance_requires_a_minimum_of_faces():
    with pytest.raises(InputError, match=f"faces: .*given: {FEWEST - 1}"):
        course.check_parameters({"faces": FEWEST - 1}, InvarianceLesson)
    assert course.check_parameters({"faces": FEWEST}, InvarianceLesson).faces == FEWEST


# --- faces --------------------------------------------------------------------------------------


def test_cached_faces_are_those_of_the_command_line(tmp_path, capsys):
    data = CachedSyntheticFaces(synthetic_train=4, synthetic_held=2, cache=tmp_path)
    rendered, cached = data.load("val", 64), data.load("val", 64)
    assert capsys.readouterr().out.count("rendering") == 1
    plain = load_pairs("synthetic", "val", 64, count=2)
    for pairs in (rendered, cached):
        assert torch.equal(pairs.thermal, plain.thermal) and torch.equal(pairs.rgb, plain.rgb)
        assert torch.equal(pairs.landmarks, plain.landmarks)
    faces = data.faces("val")
    assert faces.attributes["glasses"].dtype == bool and faces.thermal.shape == (2, 96, 96)


def test_a_lesson_trains_on_further_sources_too(tmp_path):
    faces = {"synthetic_train": 4, "synthetic_held": 2, "also": ("synthetic",)}
    cached = CachedSyntheticFaces(cache=tmp_path, **faces)
    pairs, plain = (
        each.load_training(64, 0, progress=False) for each in (cached, DataConfig(**faces))
    )
    assert len(pairs) == 8 and torch.equal(pairs.rgb, plain.rgb)


def test_a_config_with_cached_faces_is_that_of_the_command_line(tmp_path):
    config = CachedSyntheticFaces(synthetic_train=4, cache=tmp_path).model_dump()
    assert config == DataConfig(synthetic_train=4).model_dump()


def test_every_file_of_the_renderer_is_part_of_the_hash(tmp_path):
    parts = (
        *(make_faces, draw_shape, draw_styling, build_scene, dress),
        *(locate, paint_rgb, paint_thermal),
    )
    needed = {Path(inspect.getsourcefile(part)).resolve() for part in parts} | {ASSET.resolve()}
    assert needed <= {path.resolve() for path in renderer_sources()}
    (tmp_path / "a.py").write_text("a = 1")
    before = renderer_hash(tmp_path)
    (tmp_path / "a.py").write_text("a = 2")
    assert renderer_hash(tmp_path) != before


def test_a_hash_of_no_file_is_an_error(tmp_path):
    """After a move of the files, the hash would not depend on the code."""
    with pytest.raises(RuntimeError, match="no file .*renderer_sources has to name"):
        renderer_hash(tmp_path)


# --- runs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A work folder with a run of every stage."""
    folder = tmp_path_factory.mktemp("course")
    course.light_student_run(lesson(folder))
    return folder


def test_a_lesson_trains_all_missing_runs(work):
    names = [run.name.split("_")[0] for run in course.all_runs(work)]
    assert names == ["teacher-rgb-s0", "student-dikd", "light-dikd"]


def test_a_completed_run_is_reused(work, capsys):
    weights = course.light_student_run(lesson(work)) / WEIGHTS
    before = weights.stat().st_mtime_ns
    course.light_student_run(lesson(work))
    assert weights.stat().st_mtime_ns == before
    assert "steps" not in capsys.readouterr().out


def test_a_run_with_another_config_or_an_unfinished_run_is_repeated(work, tmp_path):
    run = course.teacher_run(lesson(work))
    (run / RESULT).rename(tmp_path / RESULT)  # as if it had been interrupted
    before = (run / WEIGHTS).stat().st_mtime_ns
    assert course.teacher_run(lesson(work)) == run
    assert (run / WEIGHTS).stat().st_mtime_ns > before

    config = json.loads((run / "config.json").read_text())
    config["fit"]["steps"] += 1
    (run / "config.json").write_text(json.dumps(config))
    before = (run / WEIGHTS).stat().st_mtime_ns
    course.teacher_run(lesson(work))
    assert (run / WEIGHTS).stat().st_mtime_ns > before


def test_a_student_is_repeated_after_its_teacher(work):
    run = course.student_run(lesson(work))
    teacher = course.teacher_run(lesson(work)) / WEIGHTS
    before = (run / WEIGHTS).stat().st_mtime_ns
    teacher.touch()
    course.student_run(lesson(work))
    assert (run / WEIGHTS).stat().st_mtime_ns == before, "the same weights under another date"
    Landmarker.load(teacher).half().float().save(teacher)  # nearly the same weights
    course.student_run(lesson(work))
    assert (run / WEIGHTS).stat().st_mtime_ns > before


def test_the_baseline_has_the_same_labelled_pairs_as_the_students(tmp_path):
    data = CachedSyntheticFaces(synthetic_train=12, synthetic_held=2, cache=tmp_path)
    few = data.model_copy(update={"labelled": 5}).load_training(64, seed=1)
    labelled_only = data.model_copy(update={"pairs": 5}).load_training(64, seed=1)
    labelled = {name for name, has in zip(few.ids, few.labelled, strict=True) if has}
    assert set(labelled_only.ids) == labelled and bool(labelled_only.labelled.all())


def test_a_sample_has_one_pair_of_each_person(work):
    pairs = lesson(work).pairs("val")
    batch, people = course.one_per_person(pairs, 3)
    assert len(people) == len(set(people)) == len(batch.landmarks) == 3
    assert people == [pairs.subjects[number] for number in batch.index]
    assert len(course.one_per_person(pairs, 10_000)[1]) == len(set(pairs.subjects))


# --- tables -------------------------------------------------------------------------------------


def test_results_have_one_row_per_run_and_two_for_the_teacher(work):
    rows, scores = course.score_all_runs(lesson(work), "val")
    titles = [row["name"] for row in rows]
    assert titles[:2] == ["RGB teacher", "RGB teacher on thermal"]
    assert "student, dikd, 16 labels" in titles and "light, dikd, 16 labels" in titles
    assert set(titles) == set(scores)
    lines = (work / "results.csv").read_text().splitlines()
    assert len(lines) == len(rows) + 1
    table = course.markdown_table(rows)
    assert "inter-ocular (%) [95 % interval]" in table and "FR at 8 %" in table
    first = f"{rows[0]['nme_percent']:.2f} [{rows[0]['nme_low_percent']:.2f}, "
    assert first in table.splitlines()[2]
    assert len({len(line) for line in table.splitlines()}) == 1


def test_a_student_with_another_head_is_a_run_with_a_name_of_its_own(work, tmp_path):
    shutil.copytree(work, tmp_path / "course")
    mine = lesson(tmp_path / "course")
    run = course.student_run(mine, "fd+ld", "coordinate")
    assert run != course.student_run(mine, "fd+ld")
    assert course.title_of(run) == "coordinate student, fd+ld, 16 labels"
    student, teacher = (Landmarker.load(each / WEIGHTS) for each in (run, course.teacher_run(mine)))
    assert (student.spec.head, teacher.spec.head) == ("coordinate", "heatmap")


def test_labels_of_a_run_are_the_smaller_of_pairs_and_labelled(work):
    labels = {run.name.split("_")[0]: labels_of(run) for run in course.all_runs(work)}
    assert labels["teacher-rgb-s0"] == "all" and labels["student-dikd"] == 16


def scores_of(errors) -> Scores:
    errors = np.asarray(errors)[:, None]
    count = len(errors)
    return Scores(
        errors, "inter-ocular", 0.08, "ibug68", np.ones(count, bool), errors, ("a",) * count
    )


def test_a_comparison_names_the_better_model_first_with_its_gain_and_interval():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.03, 0.06, 200)
    better, worse = scores_of(base - rng.uniform(0.002, 0.008, 200)), scores_of(base)
    sentence = course.compare("A", better, "B", worse)
    assert sentence == course.compare("B", worse, "A", better)  # whichever is named first
    gain, low, high, of_a, of_b = map(float, re.findall(r"\d+\.\d+", sentence))
    assert sentence.startswith(
        f"**A** is better than **B** by {gain:.2f} points of NME (95 % interval"
    )
    assert 0.4 < low < gain < high < 0.6  # points, as the shares above
    assert gain == pytest.approx(of_b - of_a, abs=0.011)
    assert of_b == pytest.approx(100 * base.mean(), abs=0.005)


def test_a_comparison_without_a_clear_difference_says_so():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.03, 0.06, 200)
    noise = scores_of(base + rng.normal(0, 0.01, 200))
    sentence = course.compare("A", noise, "B", scores_of(rng.permutation(base)))
    assert sentence.startswith("No clear difference between **A** and **B**: NME ")
    low, high = map(float, re.search(r"\[([-+].*), ([-+].*)\]", sentence).groups())
    assert low < 0 < high


# --- invariance -----------------------------------------------------------------------------------


def test_gaps_to_invariance_agree_with_the_measures(work):
    plain = lesson(work)
    pairs = plain.pairs("val")
    teacher = Landmarker.load(course.teacher_run(plain) / WEIGHTS)
    student = Landmarker.load(course.student_run(plain) / WEIGHTS)
    gaps = course.invariance_gaps(teacher, student, pairs)
    measured = measure_invariance(teacher, student, pairs, faces=None)
    swap = 100 * measured.head_swap
    people = len(set(pairs.subjects))
    assert list(gaps) == list(GAPS)
    assert all(
        gap.leave_one_out.shape == (people,) for gap in gaps.values()
    )  # fewer than ten people
    assert [gap.value for gap in gaps.values()] == pytest.approx(
        [
            abs(swap[1, 0] - swap[0, 0]),
            abs(swap[1, 1] - swap[0, 1]),
            100 * (1 - measured.cka) / (1 - measured.cka_other_face),
            100 * (1 - measured.recall_at_1),
            100 * abs(measured.probe_accuracy - 0.5),
        ],
        abs=1e-3,
    )


def test_gaps_to_invariance_leave_out_one_group_of_people_at_a_time(work):
    plain = lesson(work)
    pairs = plain.pairs("val")
    teacher = Landmarker.load(course.teacher_run(plain) / WEIGHTS)
    student = Landmarker.load(course.student_run(plain) / WEIGHTS)
    gap = course.invariance_gaps(teacher, student, pairs, groups=3)["retrieval"]
    people = list(dict.fromkeys(pairs.subjects))
    kept = [i for i, name in enumerate(pairs.subjects) if name not in people[1::3]]
    expected = course.invariance_gaps(teacher, student, pairs.subset(kept))["retrieval"]
    assert gap.leave_one_out[1] == pytest.approx(expected.value)
    with pytest.raises(InputError, match="three subjects"):
        course.invariance_gaps(teacher, student, pairs.subset(range(8)))


def test_the_jackknife_interval_of_a_mean():
    """The jackknife of a mean is exactly its standard error."""
    values = np.random.default_rng(0).normal(5, 2, 10)
    leave_one_out = (values.sum() - values) / 9
    low, high = jackknife_interval(float(values.mean()), leave_one_out)
    margin = 2.262157 * values.std(ddof=1) / np.sqrt(10)  # Student's t, nine degrees of freedom
    assert (low, high) == pytest.approx((values.mean() - margin, values.mean() + margin))


def gaps_of(*values, noise=0.1):
    """Gaps of a student to invariance, with a standard deviation of about `noise`."""
    deviations = np.random.default_rng(1).normal(0, noise, (len(GAPS), 10))
    parts = zip(GAPS, values, deviations, strict=True)
    return {name: Gap(float(value), value + part) for name, value, part in parts}


def test_a_comparison_of_gaps_decides_only_if_the_interval_excludes_zero():
    near, far = gaps_of(1, 1, 1, 1, 1), gaps_of(9, 9, 9, 9, 9, noise=0.2)
    rows, summary = course.compare_gaps("A", near, "B", far)
    assert [row["closer"] for row in rows] == ["A"] * 5
    assert rows[0]["A"] == "1.0" and rows[0]["B"] == "9.0"
    assert rows[0]["difference"].startswith("-8.0 (-")
    assert "closer to invariance than **B** by 5 of 5 measures" in summary
    assert "in favour of A." in summary
    rows, summary = course.compare_gaps("B", far, "A", near)
    assert [row["closer"] for row in rows] == ["A"] * 5
    assert "farther by 5 of 5 measures" in summary and "in favour of A." in summary
    same = course.compare_gaps("A", near, "B", near)
    assert {row["closer"] for row in same[0]} == {"neither"}
    assert "without a clear difference by 5 of 5 measures" in same[1]
    assert same[1].endswith("No measure shows a clear difference.")
    mixed = course.compare_gaps("A", gaps_of(1, 9, 5, 5, 5), "B", gaps_of(9, 1, 5, 5, 5))[1]
    assert "1 of 5 measures (teacher's head), farther by 1 of 5 measures (student's head)" in mixed
    assert "disagree" in mixed


def test_the_summary_calls_a_gap_positive_only_if_the_interval_excludes_zero():
    assert "5 of 5 measures" in course.summarise_gaps("A", gaps_of(9, 9, 9, 9, 9))
    some = course.summarise_gaps("A", gaps_of(9, 0.01, 9, 0.01, 9))
    assert "*not* invariant by 3 of 5 measures (teacher's head, CKA, probe)" in some
    assert "by 2 of 5 measures (student's head, retrieval), the gap is not significantly" in some
    none = course.summarise_gaps("A", gaps_of(0, 0, 0, 0, 0))
    assert none == "No gap of **A** is significantly larger than zero."


# --- the course ---------------------------------------------------------------------------------


def test_the_kernel_is_this_interpreter_and_not_an_installed_one(tmp_path, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    installed = tmp_path / "kernels" / "python3"
    installed.mkdir(parents=True)
    spec = {"argv": ["/nowhere/python"], "display_name": "x", "language": "python"}
    (installed / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    with execution.this_interpreter():
        assert KernelSpecManager().get_kernel_spec("python3").argv[0] == sys.executable
    assert "JUPYTER_PATH" not in os.environ


def test_an_unknown_scale_or_notebook_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match="smoke, laptop, gpu"):
        course.run_course(tmp_path, "tiny")
    with pytest.raises(InputError, match="no notebook starts with 99"):
        course.run_course(tmp_path, "smoke", ["99"])


def test_what_a_cell_prints_in_pieces_is_stored_as_one_output():
    def printed(text, name="stdout"):
        return new_output("stream", name=name, text=text)

    picture = new_output("display_data", {"image/png": "AAAA"})
    pieces = [printed("a\n"), printed("5 %", "stderr"), printed("b\n"), picture, printed("c\n")]
    notebook = new_notebook(cells=[new_code_cell("", outputs=pieces)])
    first, shown, last = execution.cleaned(notebook).cells[0].outputs
    assert (first.text, shown.output_type, last.text) == ("a\nb\n", "display_data", "c\n")
