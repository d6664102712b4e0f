"""The line in a notebook while PyTorch is imported."""

import sys
from types import SimpleNamespace

import pytest

from mlcmkd import course
from mlcmkd.course.import_notice import NOTICE, import_notice


@pytest.fixture
def shown(monkeypatch) -> list:
    """What a kernel without torch would show, in order."""
    events: list = []
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    display = SimpleNamespace(
        display=lambda data, raw: events.append(data["text/plain"]),
        clear_output=lambda: events.append("cleared"),
    )
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return events


def test_a_notebook_shows_a_line_until_torch_is_imported(shown):
    with import_notice():
        assert shown == [NOTICE]
    assert shown == [NOTICE, "cleared"]


def test_the_line_is_removed_if_the_import_fails(shown):
    with pytest.raises(ImportError), import_notice():
        raise ImportError("no torch")
    assert shown[-1] == "cleared"


def test_an_unknown_name_shows_nothing(shown):
    with pytest.raises(AttributeError, match="did you mean 'Lesson'"):
        course.Leson  # noqa: B018
    assert shown == []


def test_nothing_is_shown_once_torch_is_imported(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", object())
    with import_notice():
        pass
    assert shown == []


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_nothing_is_shown_outside_of_a_kernel(shown, monkeypatch, shell):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with import_notice():
        pass
    assert shown == []
