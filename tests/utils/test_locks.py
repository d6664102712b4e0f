"""A lock between processes: whose it may be, where it lies, and what happens without one."""

import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest

from mlcmkd.utils import locks
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock


def test_who_waits_says_so(tmp_path, capsys):
    held, free, order = threading.Event(), threading.Event(), []

    def hold() -> None:
        with file_lock(tmp_path / "run"):
            held.set()
            free.wait(20)
            order.append("first")

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    threading.Timer(0.2, free.set).start()
    with file_lock(tmp_path / "run"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert "run: another command is writing it; waiting" in capsys.readouterr().err


def test_the_same_folder_under_another_name_has_the_same_lock(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    for name in (Path("."), tmp_path / "link", tmp_path / "run" / ".." / "run"):
        with (
            file_lock(tmp_path / "run"),
            pytest.raises(InputError, match="busy"),
            file_lock(name, "busy"),
        ):
            raise AssertionError(name)


def test_a_lock_of_another_user_of_the_group_shuts_nobody_out(tmp_path, monkeypatch):
    """It may be read only, and reading is enough."""
    with file_lock(tmp_path / "run"):
        assert (tmp_path / ".run.lock").stat().st_mode & 0o777 == 0o666
    refuse_writing(monkeypatch, tmp_path / ".run.lock")
    with file_lock(tmp_path / "run", "busy"):
        with pytest.raises(InputError, match="busy"), file_lock(tmp_path / "run", "busy"):
            raise AssertionError("locked twice")


def test_a_lock_that_nobody_else_may_read_is_named(tmp_path, monkeypatch):
    (tmp_path / ".run.lock").touch()

    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match=".run.lock: the lock of another user.*chmod a.rw"):
        file_lock(tmp_path / "run", "busy").__enter__()


def refuse_writing(monkeypatch, place: Path) -> None:
    opened = os.open

    def refuse(path, flags, *rest):
        if Path(path) == place and flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)


def test_a_folder_in_a_folder_that_cannot_be_written_is_locked_inside(tmp_path, monkeypatch):
    """Such as a disk that is mounted under a name of its own."""
    (tmp_path / "run").mkdir()
    refuse_writing(monkeypatch, tmp_path / ".run.lock")
    with (
        file_lock(tmp_path / "run", "busy"),
        pytest.raises(InputError, match="busy"),
        file_lock(tmp_path / "run", "busy"),
    ):
        raise AssertionError("locked twice")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    with pytest.raises(PermissionError):
        refuse_writing(monkeypatch, tmp_path / ".new.lock")
        file_lock(tmp_path / "new").__enter__()


def test_a_file_system_without_locks_is_used_and_said(tmp_path, monkeypatch, capsys):
    def unknown(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", unknown)
    with file_lock(tmp_path / "run", "busy"):
        pass
    assert "has no locks (No locks available); do not let two commands" in capsys.readouterr().err


def test_other_errors_of_a_lock_are_not_hidden(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="Input/output"):
        file_lock(tmp_path / "run", "busy").__enter__()
