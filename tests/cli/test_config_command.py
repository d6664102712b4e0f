"""Commands that are built from config classes: options, defaults and help come from the fields."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field
from typer.main import get_command
from typer.testing import CliRunner

from mlcmkd.cli import COMMANDS, app
from mlcmkd.cli.commands import LazyCommands
from mlcmkd.cli.config_command import config_command, find_field, help_of, option_name
from mlcmkd.deployment.smoothing import BETA, MIN_CUTOFF
from mlcmkd.stages.attribute import AttributeConfig
from mlcmkd.stages.calibrate import CalibrateConfig
from mlcmkd.stages.compress import CompressConfig
from mlcmkd.stages.evaluate import EvaluateConfig
from mlcmkd.stages.export import ExportConfig
from mlcmkd.stages.kd_loss import KDLossConfig
from mlcmkd.stages.score import ScoreConfig
from mlcmkd.stages.tolerant import TolerantConfig
from mlcmkd.stages.train import TrainConfig
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.path import PathConfig
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

CONFIGS = {
    "train": TrainConfig,
    "transfer": TransferConfig,
    "compress": CompressConfig,
    "tolerant": TolerantConfig,
    "kd-loss": KDLossConfig,
    "path": PathConfig,
    "evaluate": EvaluateConfig,
    "score": ScoreConfig,
    "attribute": AttributeConfig,
    "calibrate": CalibrateConfig,
    "export": ExportConfig,
}
FILE_AND_SET = {"params", "sets"}


def fields_of(kind: type[Config]) -> list[str]:
    """The dotted names of a config's fields; of a config inside it, the names of its fields."""
    names = []
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Config):
            names += [f"{name}.{inner}" for inner in field.annotation.model_fields]
        else:
            names.append(name)
    return names


def options_of(command: str) -> list:
    """The options and arguments of a command that set a field of its config."""
    params = LazyCommands()[command].params
    return [each for each in params if each.name not in FILE_AND_SET]


@pytest.mark.parametrize("command", CONFIGS)
def test_the_help_of_an_option_is_the_description_of_its_field_and_its_default(command):
    kind = CONFIGS[command]
    for option in options_of(command):
        fields = [name for name in fields_of(kind) if option_name(name) == option.name]
        dotted = next(name for name in fields if "." not in name or len(fields) == 1)
        field, default = find_field(kind, dotted)
        assert option.help == help_of(field, default)
        assert field.description and option.help.startswith(field.description)
        assert option.required == field.is_required()
        if not option.required:
            assert f"[default: {'no' if default is False else default}" in option.help


@pytest.mark.parametrize("command", CONFIGS)
def test_no_option_has_a_default_that_would_overrule_the_parameter_file(command):
    parameters = LazyCommands()[command].params
    assert {each.name for each in parameters} >= FILE_AND_SET
    assert all(each.default is None for each in parameters)


def test_help_shows_defaults_ranges_and_choices():
    text = " ".join(CliRunner().invoke(app, ["kd-loss", "--help"]).output.split())
    for part in (
        "Run directory to write. [required]",
        "--loss [kd-loss|l2|l1|l2-answers|l1-answers]",
        "[default: kd-loss]",
        "Optimiser steps. [default: 1000; at least 1]",
        "[default: None]",
    ):
        assert part in text


# --- a command of its own -----------------------------------------------------------------------


class Group(Config):
    size: float = Field(default=0.5, gt=0, lt=1, description="Size of it.")


class Sample(Config):
    path: Path = Field(description="Where it is.")
    name: str | None = Field(default=None, description="Its name.")
    flag: bool = Field(default=False, description="Whether.")
    group: Group = Field(default=Group(size=0.25), description="A group.")


def run_sample(*arguments: str) -> Sample:
    """The config that the sample's command gets."""
    seen = []

    @config_command("path", "name", "flag", "group.size", exclusive=("name", "flag"))
    def sample(config: Sample) -> None:
        """A sample."""
        seen.append(config)

    import typer

    single = typer.Typer()
    single.command()(sample)
    result = CliRunner().invoke(single, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return seen[0]


def test_options_overrule_the_file_and_set_overrules_options(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("{name: file, group: {size: 0.1}, flag: true}")
    assert run_sample("--path=a", "-f", str(file)) == Sample(
        path="a", name="file", flag=True, group={"size": 0.1}
    )
    typed = run_sample("--path=a", "-f", str(file), "--size=0.2")
    assert typed.group.size == 0.2 and typed.name == "file"
    typed = run_sample("--path=a", "-f", str(file), "--no-flag")
    assert typed.flag is False
    typed = run_sample("--path=a", "--size=0.2", "--set=group.size=0.3")
    assert typed.group.size == 0.3
    assert run_sample("--path=a") == Sample(path="a")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size=1"], "group.size: Input should be less than 1 (given: 1.0)"),
        (["--set=grup.size=1"], "grup: no such field; did you mean 'group'?"),
        (["--set=group.sise=1"], "group.sise: no such field; did you mean 'size'?"),
        (["--set=group"], "--set group: expected name=value"),
        (["--name=a", "--flag"], "--name or --flag, not both"),
        (["--set=name=1", "--set=name=1"], "--set name=1: 'name' is given twice; keep one"),
        (
            ["--set=group.size=0.1", "--set=group={}"],
            "--set group={}: 'group' is given twice; keep one",
        ),
        (
            ["--set=group={size: 0.1}", "--set=group.size=0.2"],
            "--set group.size=0.2: 'group.size' is given twice; keep one",
        ),
    ],
)
def test_errors_are_one_line(arguments, message):
    with pytest.raises(InputError) as error:
        run_sample("--path=a", *arguments)
    assert str(error.value) == message


def test_two_values_of_set_for_one_group_are_joined():
    typed = run_sample("--path=a", "--set=group={}", "--set=group.size=0.2", "--set=name=b")
    assert typed.group.size == 0.2 and typed.name == "b"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--out=a", "--seed", "1", "--seed", "2"], "--seed: given 2 times"),
        (["train", "--out=a", "-f", "a.yaml", "--params", "b.yaml"], "--params: given 2 times"),
        (["predict", "a.png", "--overlay", "--no-overlay"], "--overlay: given 2 times"),
        (["run", "03", "--out=a", "-p", "seed", "1", "--out=b"], "--out: given 2 times"),
        (["run", "03", "-p", "seed", "1", "-p", "seed", "2"], "-p seed 2: 'seed' is given twice"),
        (["sweep", "a.yaml", "--set", "out=a", "--set", "out=b"], "--set out=b: 'out' is given"),
    ],
)
def test_an_option_that_is_given_twice_is_an_error_of_one_line(
    words, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("seed: 1")
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, InputError), result.output
    assert str(result.exception).startswith(message) and "keep one" in str(result.exception)


def test_repeatable_options_may_be_repeated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["prepare", "folder", "in", "out", "--train-on", "a", "--train-on", "b"]
    result = CliRunner().invoke(app, words)
    assert "given" not in str(result.exception) and "in" in str(result.exception)


# --- the table of commands ----------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_the_first_of_its_docstring(name):
    help_text = LazyCommands()[name].callback.__doc__ or ""
    assert inspect.cleandoc(help_text).splitlines()[0] == COMMANDS[name].help


def test_main_help_lists_every_command_under_its_panel():
    output = CliRunner().invoke(app, ["--help"]).output
    listed = [line.split()[0] for line in output.splitlines() if line.startswith("  ")]
    assert [name for name in listed if name in COMMANDS] == list(COMMANDS)
    for panel in {command.panel for command in COMMANDS.values()}:
        assert f"\n{panel}:\n" in output


def test_an_unknown_command_is_an_error_of_one_line():
    result = CliRunner().invoke(app, ["trian"])
    assert result.exit_code == 2 and "trian" in result.output


def test_the_commands_can_be_listed_without_importing_them():
    code = (
        "import sys; from typer.main import get_command; from mlcmkd.cli import app; "
        "names = list(get_command(app).commands); "
        "print(sorted(m for m in sys.modules if m.startswith('mlcmkd.cli.'))); print(names)"
    )
    lines = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert lines[0] == "['mlcmkd.cli.commands']"
    assert lines[1] == str(list(COMMANDS))
    assert list(get_command(app).commands) == list(COMMANDS)


# --- hand-written options -----------------------------------------------------------------------


def test_predict_names_the_defaults_of_the_smoother():
    """They are written by hand, because importing the smoother would import torch."""
    help_of_option = {each.name: each.help for each in LazyCommands()["predict"].params}
    assert f"[default: {MIN_CUTOFF}]" in help_of_option["min_cutoff"]
    assert f"[default: {BETA}]" in help_of_option["beta"]


def test_a_parameter_file_reaches_the_config_of_a_run(tmp_path):
    """Every field of the file is kept, and the option that was typed is taken."""
    fields = {
        "data": {"synthetic_train": 12, "synthetic_held": 4, "synthetic_seed": 3},
        "fit": {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"},
        "seed": 7,
        "size": "small",
        "input_px": 32,
        "modality": "thermal",
    }
    (tmp_path / "train.yaml").write_text(json.dumps(fields))
    command = ["train", "--out", str(tmp_path / "run"), "-f", str(tmp_path / "train.yaml")]
    result = CliRunner().invoke(app, [*command, "--seed", "8"])
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "run/config.json").read_text())
    assert written["seed"] == 8
    for name in ("size", "input_px", "modality"):
        assert written[name] == fields[name]
    assert written["data"] | fields["data"] == written["data"]
    assert written["fit"] | fields["fit"] == written["fit"]
