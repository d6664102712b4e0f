"""Where results come from: what is unknown is null, and weights are known by their content."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel

from mlcmkd.training import provenance
from mlcmkd.training.provenance import environment, file_hash
from mlcmkd.training.run_directory import ADAPTERS, PROVENANCE, REGISTRATION, SHAPES, Run

PACKAGE = Path(provenance.__file__).parents[1]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository with one commit."""
    (tmp_path / "file").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "x")
    return tmp_path


def installed(folder: Path, monkeypatch) -> Path:
    """The package in another folder."""
    package = folder / "mlcmkd"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(provenance, "_PACKAGE", package)
    return package


def source_of(folder: Path, monkeypatch) -> tuple[str | None, bool | None]:
    installed(folder, monkeypatch)
    found = environment()
    return found["commit"], found["dirty"]


def test_outside_a_checkout_the_commit_is_unknown_and_not_clean(tmp_path, monkeypatch):
    assert source_of(tmp_path, monkeypatch) == (None, None)


def test_the_commit_of_another_project_is_not_ours(repository, monkeypatch):
    """Such as a package that is installed in the environment of that project."""
    place = repository / ".venv" / "lib" / "site-packages"
    assert source_of(place, monkeypatch) == (None, None)


@pytest.mark.parametrize("ignored", ["", "mlcmkd/"])
def test_a_project_beside_a_copy_of_the_package_is_not_ours(repository, monkeypatch, ignored):
    (repository / ".gitignore").write_text(ignored)
    assert source_of(repository, monkeypatch) == (None, None)


@pytest.fixture
def checkout(repository, monkeypatch) -> Path:
    """A repository that holds the package."""
    installed(repository, monkeypatch)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "y")
    return repository


def test_a_checkout_has_a_commit_and_is_clean_or_not(checkout):
    found = environment()
    assert (found["commit"], found["dirty"]) == (git(checkout, "rev-parse", "HEAD"), False)
    (checkout / "mlcmkd" / "changed.py").touch()
    assert environment()["dirty"] is True


def test_a_repository_in_the_environment_is_not_ours(checkout, tmp_path_factory, monkeypatch):
    """Git sets these variables for its hooks."""
    other = tmp_path_factory.mktemp("other")
    (other / "file").touch()
    git(other, "init", "--quiet")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "-m", "z")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(checkout))
    found = environment()["commit"]
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_WORK_TREE")
    assert found == git(checkout, "rev-parse", "HEAD")


def test_without_git_nothing_is_known(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert source_of(repository, monkeypatch) == (None, None)


class Config(BaseModel):
    out: Path
    teacher: Path
    init: Path | None = None
    name: str = "x"


def test_a_run_records_the_content_of_the_files_that_it_starts_from(tmp_path):
    weights = tmp_path / "weights"
    weights.write_bytes(b"weights")
    Run(tmp_path / "run", "test", Config(out=tmp_path / "run", teacher=weights))
    recorded = json.loads((tmp_path / "run" / PROVENANCE).read_text())["inputs"]
    shutil.copyfile(weights, tmp_path / "copy")
    assert recorded == {"teacher": file_hash(tmp_path / "copy")}


@pytest.mark.parametrize("name", [REGISTRATION, ADAPTERS, SHAPES])
def test_a_file_that_only_some_runs_have_does_not_stay_from_an_earlier_run(tmp_path, name):
    (tmp_path / name).touch()
    Run(tmp_path, "test", Config(out=tmp_path, teacher=tmp_path / "none"))
    assert not (tmp_path / name).exists()
