"""Errors of the system become one line: path, reason, and what the same command does then."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlcmkd.cli import guarded
from mlcmkd.cli.commands import COMMANDS, RESUMING, LazyCommands
from mlcmkd.training.run_directory import Run, write_atomically
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError, first_line, system_problem
from mlcmkd.utils.writing import naming, replacing
from tests.conftest import make_model
from tests.forked import fork_server

FULL = Path("/dev/full")  # every write to it fails as on a full disk
no_full_device = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


class Place(Config):
    """A config with a place."""

    out: Path


def raise_(error: BaseException) -> None:
    raise error


def line_of(error: BaseException, capsys, monkeypatch, command: str = "train") -> str:
    """What the guard prints for an error of a command."""
    monkeypatch.setattr(sys, "argv", ["mlcmkd", command])
    with pytest.raises(SystemExit) as ended:
        guarded(lambda: raise_(error))
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1
    return printed.removeprefix("error: ").strip()


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some of your quota"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "name a folder that can be written"),
        (errno.EACCES, "change the permissions"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "correct this"),
    ],
)
def test_an_error_of_the_system_is_a_line_with_path_reason_and_fix(
    number, fix, capsys, monkeypatch
):
    error = OSError(number, os.strerror(number), "runs/a/metrics.jsonl")
    line = line_of(error, capsys, monkeypatch)
    assert line.startswith(f"runs/a/metrics.jsonl: {os.strerror(number)}; ") and fix in line
    assert line.endswith("; then the same command resumes")


def test_only_commands_that_resume_promise_it(capsys, monkeypatch):
    assert set(COMMANDS) > RESUMING
    error = OSError(errno.ENOSPC, "No space left on device", "a")
    for command in COMMANDS:
        line = line_of(error, capsys, monkeypatch, command)
        assert line.endswith("the same command resumes") == (command in RESUMING)


def test_too_little_memory_is_a_line_and_a_bug_keeps_its_traceback(capsys, monkeypatch):
    class OutOfMemoryError(RuntimeError):
        """torch's has this name."""

    for error in (MemoryError(), OutOfMemoryError("CUDA out of memory.\nTried to allocate")):
        line = line_of(error, capsys, monkeypatch)
        assert line.startswith("not enough memory (") and "use smaller batches" in line
    for bug in (RuntimeError("x"), KeyError("x"), ValueError("x")):
        with pytest.raises(type(bug)):
            line_of(bug, capsys, monkeypatch)


def test_an_error_without_a_path_gets_that_of_what_was_written(tmp_path):
    with pytest.raises(OSError) as error, naming(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert system_problem(error.value).startswith(f"{tmp_path}/a.csv: No space left on device; ")
    with pytest.raises(OSError) as error, naming(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "other")
    assert error.value.filename == "other"
    assert "16 requested" in system_problem(OSError("16 requested and 0 written"))
    assert first_line("\n  one \ntwo") == "one" and first_line(KeyError()) == "KeyError"


@no_full_device
def test_every_command_names_its_output_if_the_disk_is_full(tmp_path, monkeypatch):
    import mlcmkd.cli.studies

    def course(out=None, scale="laptop", solutions=False):
        """Run every numbered notebook on the synthetic faces."""
        with FULL.open("w") as file:
            file.write("a")

    monkeypatch.setattr(mlcmkd.cli.studies, "course", course)
    with pytest.raises(OSError) as error:
        LazyCommands()["course"].callback(out=tmp_path)
    assert error.value.filename == str(tmp_path)


def _limited(code: str, folder: Path, errors: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    sys.argv = ["mlcmkd", "train"]
    with errors.open("w") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    guarded(lambda: exec(code, {"out": folder}))


def limited(code: str, folder: Path, errors: Path) -> tuple[int | None, str]:
    """Runs code below the guard where no file may be longer than 4 kB: exit status, error output.

    The process is forked from one that has imported what it needs.
    """
    child = fork_server().Process(target=_limited, args=(code, folder, errors))
    child.start()
    child.join(120)
    return child.exitcode, errors.read_text()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (
            "config.json",
            "from mlcmkd.training.run_directory import write_atomically;"
            " write_atomically(out / 'config.json', 9000 * 'a')",
        ),
        (
            "m.safetensors",
            "from tests.conftest import make_model; make_model().save(out / 'm.safetensors')",
        ),
        (
            "nme.png",
            "from mlcmkd.plots import nme_by_configuration as plot;"
            " from mlcmkd.plots.saving import save_figure;"
            " save_figure(plot({'a': {0: 1.0, 1: 2.0}}), out / 'nme.png')",
        ),
        (
            "coco.json",
            "from mlcmkd.deployment.outputs import CocoWriter; w = CocoWriter(out);"
            " w.images = [9000 * 'a']; w.close()",
        ),
    ],
)
def test_at_a_limit_of_a_files_size_no_partial_file_stays(tmp_path, name, code):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("the earlier one")
    status, printed = limited(code, out, tmp_path / "errors")
    assert status == 2, printed
    assert printed.splitlines()[-1].startswith(f"error: {out}/{name}: File too large; ")
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text() == "the earlier one"


def test_a_video_that_is_not_complete_is_removed(tmp_path):
    """OpenCV does not report that a write failed."""
    out = tmp_path / "out"
    out.mkdir()
    status, printed = limited(
        "from mlcmkd.deployment.drawing import VideoDrawing; import numpy as np;"
        " noise = np.random.default_rng(0).random((64, 64), dtype=np.float32);"
        " video = VideoDrawing(out / 'v', 25); [video.add([], noise) for _ in range(9)]; video.close()",
        out,
        tmp_path / "errors",
    )
    assert status == 2, printed
    assert f"error: {out}/v_landmarks.mp4: the video could not be written" in printed
    assert list(out.iterdir()) == []


def test_a_file_is_replaced_when_it_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, "one")
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        part.write_text("tw")
        raise KeyboardInterrupt
    assert path.read_text() == "one" and list(tmp_path.iterdir()) == [path]
    make_model().save(tmp_path / "m.safetensors")
    assert (tmp_path / "m.safetensors").stat().st_mode == path.stat().st_mode


@as_root
def test_an_output_that_cannot_be_written_is_a_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "locked").mkdir(mode=0o500)
    out = tmp_path / "locked" / "run"
    with pytest.raises(PermissionError) as error:
        Run(out, "train", Config())
    line = line_of(error.value, capsys, monkeypatch)
    assert line.startswith(f"{out}: Permission denied; change the permissions")


def test_an_output_below_a_file_is_a_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("a")
    with pytest.raises((OSError, InputError)) as error:
        Run(tmp_path / "file" / "run", "train", Config())
    assert f"{tmp_path}/file/run: " in line_of(error.value, capsys, monkeypatch)


def run_in_locale(*words: str, **environment: str) -> subprocess.CompletedProcess:
    """The command line in another locale than UTF-8."""
    other = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    return subprocess.run(
        [sys.executable, "-m", "mlcmkd", *words],
        capture_output=True,
        env={**os.environ, **other, **environment},
    )


def test_a_path_beyond_ascii_in_another_locale_than_utf_8_is_a_line(tmp_path):
    words = ("prepare", "--check", str(tmp_path / "überall"))
    refused = run_in_locale(*words)
    assert refused.returncode == 2
    assert refused.stderr.decode().count("\n") == 1
    assert "überall: the encoding of the locale is" in refused.stderr.decode(
        "utf-8", "replace"
    ) or (b"the encoding of the locale is" in refused.stderr)
    assert b"set PYTHONUTF8=1" in refused.stderr
    accepted = run_in_locale(*words, PYTHONUTF8="1")
    assert b"encoding" not in accepted.stderr


def test_a_name_that_the_terminal_cannot_show_is_printed_all_the_same(capsys):
    guarded(lambda: print("caf\udce9"))
    assert "caf" in capsys.readouterr().out


@pytest.mark.parametrize("in_config", [True, False])
def test_a_name_that_is_not_utf_8_is_a_line(tmp_path, capsys, monkeypatch, in_config):
    name = "caf\udce9"  # as Python reads the bytes of "café" in Latin-1
    with pytest.raises(ValueError) as error:
        if in_config:
            Place(out=name).model_dump_json()
        (tmp_path / "a.csv").write_text(name, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["mlcmkd", "train", "--out", name])
    with pytest.raises(SystemExit):
        guarded(lambda: raise_(error.value))
    printed = capsys.readouterr().err
    assert printed.startswith("error: caf") and printed.count("\n") == 1
    assert "a name that is not UTF-8 text; rename the file or folder" in printed


def test_a_batch_of_one_is_a_line(tmp_path):
    """The BatchNorm of the backbones has no statistics of one image."""
    from mlcmkd.stages.train import TrainConfig

    with pytest.raises(InputError, match="fit.batch: Input should be greater than or equal to 2"):
        TrainConfig.validated("", {"out": tmp_path, "fit": {"batch": 1}})


@pytest.mark.parametrize("seed", [2**63, 2**64, -1])
def test_a_seed_that_no_random_state_takes_is_a_line(seed, tmp_path):
    from mlcmkd.stages.train import TrainConfig

    with pytest.raises(InputError, match="seed: Input should be (less|greater) than or equal to"):
        TrainConfig.validated("", {"out": tmp_path, "seed": seed})
    with pytest.raises(InputError, match="data.synthetic_seed: Input should be"):
        TrainConfig.validated("", {"out": tmp_path, "data": {"synthetic_seed": seed}})
    assert np.random.default_rng(2**63 - 1) is not None
