"""Workflows, devcontainer and Binder: valid, and they name only what exists in this repository."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github/workflows"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
SCRIPTS = [
    *(ROOT / ".ci" / name for name in ("run", "chromium", "actionlint")),
    ROOT / "postBuild",
]
DEVCONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = [
    each.rpartition(" ")[2]
    for each in PROJECT["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", each)
]


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands() -> list[str]:
    """Every command of a workflow, of .ci and of the devcontainer."""
    runs = [
        step["run"] for workflow in WORKFLOWS.values() for step in steps(workflow) if "run" in step
    ]
    scripts = [line for script in SCRIPTS[:2] for line in script.read_text().splitlines()]
    container = [DEVCONTAINER["postCreateCommand"], DEVCONTAINER["postAttachCommand"]]
    return [*runs, *scripts, *container]


def called_targets() -> set[str]:
    """The make targets of `commands`: words without `=` after `make`."""
    texts = [command for command in commands() if command.startswith("make ")]
    words = [word for text in texts for word in re.sub(r"'[^']*'", "", text).split()[1:]]
    return {word for word in words if "=" not in word}


@pytest.mark.parametrize(
    "schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"]
)
def test_workflows_follow_the_schema_and_have_timeouts(schema):
    check = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", schema]
    found = subprocess.run(
        [*check, *map(str, sorted(FOLDER.glob("*.yml")))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_they_call_make_targets_and_scripts_that_exist():
    assert {"setup", "lint", "test", "book", "course", "lab"} <= called_targets() <= TARGETS
    for command in commands():
        if script := re.match(r"bash (\S+)", command):
            assert (ROOT / script[1]).is_file(), command
    for script in SCRIPTS:
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0, script


def test_make_takes_the_variables_that_they_set():
    used = {name for text in commands() for name in re.findall(r"\b([A-Z]+(?:_[A-Z]+)*)=", text)}
    used -= {"PYTEST_ADDOPTS", "DEBIAN_FRONTEND"}  # of pytest and of apt
    assert {"PYTHON", "SCALE", "LAB_OPTIONS"} <= used
    assert used <= set(re.findall(r"^([A-Z_]+) *\??:?=", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_reads_only_and_ends(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    assert not any("permissions" in job for job in workflow["jobs"].values())
    for step in steps(workflow):
        # An input of whoever starts a workflow is data: it reaches a shell as a variable only.
        assert "${{" not in step.get("run", ""), step
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]), step
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
        if step.get("uses", "").startswith("actions/setup-python"):
            assert (ROOT / step["with"]["cache-dependency-path"]).is_file()
        if step.get("uses", "").startswith("actions/upload-artifact"):
            assert step["with"]["name"] == name


@pytest.mark.parametrize("name", WORKFLOWS)
def test_an_expression_names_what_its_workflow_has(name):
    text, workflow = (FOLDER / f"{name}.yml").read_text(), WORKFLOWS[name]
    matrix = {
        name
        for job in workflow["jobs"].values()
        for name in job.get("strategy", {}).get("matrix", {})
    }
    manual = workflow[True]["workflow_dispatch"] or {}  # YAML reads the key `on` as true
    assert set(re.findall(r"\bmatrix\.(\w+)", text)) == matrix
    assert set(re.findall(r"\binputs\.(\w+)", text)) == set(manual.get("inputs", {}))
    assert "secrets." not in text


def test_the_pythons_are_those_of_the_package():
    job = WORKFLOWS["test"]["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    for workflow in WORKFLOWS.values():
        for step in steps(workflow):
            version = step.get("with", {}).get("python-version", PYTHONS[0])
            assert version == "${{ matrix.python }}" or version in PYTHONS
    assert re.match(r"python:(3\.\d+)-", DEVCONTAINER["image"])[1] in PYTHONS


def test_the_course_runs_weekly_and_at_scales_that_exist():
    from mlcmkd.course.scales import SCALES

    events = WORKFLOWS["course"][True]
    assert len(events["schedule"]) == 1 and len(events["schedule"][0]["cron"].split()) == 5
    scale = events["workflow_dispatch"]["inputs"]["scale"]
    assert scale["default"] in scale["options"] and set(scale["options"]) <= set(SCALES)


def test_the_devcontainer_forwards_the_port_of_jupyterlab():
    (port,) = DEVCONTAINER["forwardPorts"]
    assert f"--port={port}" in DEVCONTAINER["postAttachCommand"]
    assert list(DEVCONTAINER["portsAttributes"]) == [str(port)]


def test_no_file_names_a_host():
    """Packages, images and actions come from where the machine of the user is set up to look."""
    files = [
        *FOLDER.iterdir(),
        *SCRIPTS,
        *(ROOT / ".devcontainer").iterdir(),
        ROOT / "environment.yml",
    ]
    for path in files:
        assert not re.search(r"https?://|\b[\w-]+\.(com|org|io|net)\b", path.read_text()), path


def test_binder_installs_the_package_into_the_environment():
    """Binder takes environment.yml and an executable postBuild, both in the root."""
    post_build = ROOT / "postBuild"
    assert post_build.stat().st_mode & 0o111
    assert "pip install --no-deps" in post_build.read_text()
    assert (
        not (ROOT / "binder").exists() and not (ROOT / ".binder").exists()
    )  # they would be used instead
