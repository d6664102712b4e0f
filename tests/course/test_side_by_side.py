"""Notebooks side by side: what waits for what, how many threads, failures, and faces rendered once."""

from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from mlcmkd.course import cached_faces
from mlcmkd.course.cached_faces import CachedSyntheticFaces
from mlcmkd.course.series import number_of, numbered
from mlcmkd.course.side_by_side import run_side_by_side, threads_of, waiting_for
from mlcmkd.utils.errors import InputError
from tests.course.jobs import stamp

ALL = [number_of(path.stem) for path in numbered()]


def test_every_notebook_waits_for_those_whose_models_it_uses():
    before = waiting_for(ALL)
    assert before["00"] == before["01"] == set()
    assert before["03"] == {"00"} and before["06b"] == {"04"}
    assert before["08"] == {*ALL} - {"08"}


def test_a_notebook_that_does_not_run_is_not_waited_for():
    assert waiting_for(["01", "05", "08"]) == {"01": set(), "05": set(), "08": {"01", "05"}}


def test_notebooks_for_which_most_others_wait_have_all_threads():
    before = waiting_for(ALL)
    assert {n for n in ALL if threads_of(n, before, 2, 2) == 2} == {"00", "03"}
    assert threads_of("05", before, 2, 8) == 4
    assert threads_of("05", before, 4, 2) == 1
    assert threads_of("05", waiting_for(["05"]), 1, 2) == 2


def test_order_and_overlap(tmp_path):
    before = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}
    beside = {"b": "c", "c": "b"}
    jobs = {name: (name, tmp_path, beside.get(name, "")) for name in before}
    times = dict(run_side_by_side(stamp, jobs, before, 2))
    assert times["a"][1] <= min(times["b"][0], times["c"][0])
    assert max(times["b"][1], times["c"][1]) <= times["d"][0]


def test_after_a_failure_nothing_starts_and_what_runs_ends(tmp_path):
    before = {"a": set(), "b": set(), "c": {"a"}}
    jobs = {"a": ("a", tmp_path, "b", True), "b": ("b", tmp_path, "a"), "c": ("c", tmp_path)}
    with pytest.raises(InputError, match="a: a cell failed"):
        list(run_side_by_side(stamp, jobs, before, 2))
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
