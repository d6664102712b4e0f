"""The set-up files agree, and the house keeps its floors."""

import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_lists_what_pyproject_lists():
    wanted = project()["dependencies"] + project()["optional-dependencies"]["test"]
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    assert pip == wanted
    assert f"python{project()['requires-python']}" in listed


def test_every_dependency_says_why():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [")
    for line in lines[start + 1 : lines.index("]", start)]:
        assert "#" in line, line


def test_every_package_is_packed():
    packed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("mlcmkd", "data_prep")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert packed == found


def test_ci_runs_the_tests():
    assert "make test" in (ROOT / ".ci/run").read_text()


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_floors_hold():
    found = run(str(Path(sys.executable).parent / "lint-imports"))
    assert found.returncode == 0, found.stdout


def test_the_code_is_clean():
    for arguments in (["check"], ["format", "--check"]):
        found = run(sys.executable, "-m", "ruff", *arguments, ".")
        assert found.returncode == 0, found.stdout
