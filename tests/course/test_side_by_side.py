"""Notebooks side by side: what waits for what, how many threads, failures, and faces rendered once."""

from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from mlcmkd import course
from mlcmkd.course import cached_faces, lesson_runs
from mlcmkd.course.cached_faces import CachedSyntheticFaces
from mlcmkd.course.series import number_of, numbered
from mlcmkd.course.side_by_side import run_side_by_side, waiting_for
from mlcmkd.course.trainings import TRAININGS, run_training
from mlcmkd.stages.kd_loss import ABLATION
from mlcmkd.utils.errors import InputError
from tests.course.jobs import stamp

ALL = [number_of(path.stem) for path in numbered()]


def test_every_notebook_waits_for_the_trainings_that_it_uses():
    before = waiting_for(ALL)
    assert before["01"] == {"faces"}
    assert before["00"] == before["02"] == {"faces", "RGB teacher"}
    assert before["student dikd"] == {"RGB teacher"}
    assert before["03"] == {"faces", *(name for name in before if name.startswith("student "))}
    assert before["06b"] == {"faces", "light dikd", "light fd+ld", "light none"}
    assert before["KD-Loss: l1"] == {"faces"} and before["KD-Loss: tough"] == {"student dikd"}
    assert before["08"] == {*before} - {"08"}


def test_trainings_of_lessons_that_do_not_run_are_no_jobs():
    assert waiting_for(["01", "06", "08"]) == {"01": set(), "06": set(), "08": {"01", "06"}}
    assert waiting_for(["04", "06"]) == {
        **{f"light {name}": set() for name in ("dikd", "fd+ld", "none")},
        "04": {f"light {name}" for name in ("dikd", "fd+ld", "none")},
        "06": {f"light {name}" for name in ("dikd", "fd+ld", "none")},
    }


def test_jobs_that_others_wait_for_come_first():
    """Each training is after those that it starts from, so that the order is one that can run."""
    names = list(TRAININGS)
    for name, training in TRAININGS.items():
        assert all(names.index(other) < names.index(name) for other in training.after)


@pytest.fixture
def trained(monkeypatch):
    """Names of the runs that are trained; nothing is."""
    names = []

    def note(lesson, stage, config):
        names.append(config.out.name)
        return config.out

    monkeypatch.setattr(lesson_runs, "_get_or_train", note)
    return names


def test_the_trainings_are_those_of_the_lessons(trained, tmp_path):
    """Every run that the lessons would train themselves, and only what a lesson uses."""
    lesson = course.KDLossLesson(work=tmp_path)
    few = lesson.model_copy(update={"labelled": 10})
    for each in (few, lesson):
        for strategy in ("none", "dikd"):
            course.student_run(each, strategy)
    for strategy in ("none", "fd+ld", "dikd", "dikd+fd+ld"):
        course.student_run(few, strategy, "coordinate")
    for strategy in ("none", "fd+ld", "dikd"):
        course.student_run(lesson, strategy)
        course.light_student_run(lesson, strategy)
    for name in ABLATION:
        course.kd_loss_run(lesson, name)
    wanted = {*trained}
    trained.clear()
    for name in list(TRAININGS)[1:]:
        assert run_training(name, {"work": tmp_path}, threads=None) >= 0
    assert {*trained} == wanted and len(wanted) == 19


def test_order_and_overlap(tmp_path):
    before = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}
    beside = {"b": "c", "c": "b"}
    jobs = {name: (stamp, name, tmp_path, beside.get(name, "")) for name in before}
    times = dict(run_side_by_side(jobs, before, 2))
    assert times["a"][1] <= min(times["b"][0], times["c"][0])
    assert max(times["b"][1], times["c"][1]) <= times["d"][0]


def test_after_a_failure_nothing_starts_and_what_runs_ends(tmp_path):
    before = {"a": set(), "b": set(), "c": {"a"}}
    jobs = {
        "a": (stamp, "a", tmp_path, "b", True),
        "b": (stamp, "b", tmp_path, "a"),
        "c": (stamp, "c", tmp_path),
    }
    with pytest.raises(InputError, match="a: a cell failed"):
        list(run_side_by_side(jobs, before, 2))
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_two_notebooks_that_need_the_same_faces_render_them_once(tmp_path):
    """The second waits for the first, and finds the file."""
    faces = CachedSyntheticFaces(cache=tmp_path, synthetic_train=2, synthetic_held=2)
    with (
        patch.object(CachedSyntheticFaces, "_render", side_effect=AssertionError("rendered")),
        patch.object(cached_faces, "file_lock", _other_writes),
    ):
        assert faces.cache_file("val").read_bytes() == b"faces"


@contextmanager
def _other_writes(place: Path):
    """A lock that is free once another process has written the file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"faces")
    yield
