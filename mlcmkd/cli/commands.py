"""The table of commands, each imported only when it is used."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.writing import naming


class Command(NamedTuple):
    """Where a command is defined, and its line in `mlcmkd --help`.

    Attributes:
        panel: heading that it is listed under.
        module: in this package; the function has the command's name, with "_" for "-".
        help: the first line of the function's docstring.
        settings: of click's context.
    """

    panel: str
    module: str
    help: str
    settings: dict[str, Any] | None = None


# Papermill's syntax, `-p name value`, is no kind of option that typer knows.
_ANY_OPTION = {"allow_extra_args": True, "ignore_unknown_options": True}
COMMANDS = {  # in the order of `mlcmkd --help`
    "prepare": Command(
        "Data", "data", "Convert a downloaded data set into one manifest, or validate a manifest."
    ),
    "render": Command("Data", "data", "Render synthetic faces into a manifest."),
    "formats": Command("Data", "data", "List the formats that `prepare` reads."),
    "pair": Command("Data", "data", "Align the images of two cameras pair by pair."),
    "train": Command(
        "Training",
        "training",
        "Train a Landmarker on one modality: the RGB teacher, or a thermal baseline.",
    ),
    "transfer": Command(
        "Training",
        "training",
        "KTL: transfer an RGB teacher's knowledge to a thermal student of its size.",
    ),
    "compress": Command(
        "Training",
        "training",
        "MCL: transfer a thermal teacher's knowledge to a light thermal student.",
    ),
    "tolerant": Command(
        "Training", "training", "Train a Tolerant-Teacher of KD-Loss, on soft landmarks."
    ),
    "kd-loss": Command(
        "Training",
        "training",
        "KD-Loss: train a light student with a Tough- and a Tolerant-Teacher.",
    ),
    "train-detector": Command(
        "Training",
        "detector",
        "Train a face detector on rendered frames, for predict's --detector.",
    ),
    "path": Command("Training", "path", "Run train, transfer and compress, and score all models."),
    "evaluate": Command(
        "Scores", "scoring", "Score weights on a split: NME, FR and AUC with intervals, CED."
    ),
    "score": Command("Scores", "scoring", "Score predictions of any program against annotations."),
    "attribute": Command(
        "Scores", "attribution", "Show which pixels a landmark or a region was found by."
    ),
    "calibrate": Command(
        "Use",
        "calibration",
        "Fit the standard deviations of landmarks, and write weights with them.",
    ),
    "export-detector": Command(
        "Use", "detector", "Write a face detector as ONNX, for predict's --detector."
    ),
    "export": Command(
        "Use", "export", "Write weights as ONNX, checked against torch, in 8 bits too if wanted."
    ),
    "predict": Command(
        "Use", "predict", "Find and draw the landmarks of faces in images and videos."
    ),
    "sweep": Command(
        "Studies", "studies", "Run all runs of a parameter file that its table lacks."
    ),
    "students": Command(
        "Studies", "studies", "Train light students by several methods, and measure their cost."
    ),
    "levels": Command(
        "Studies", "studies", "Compare two levels with one step at equal training time."
    ),
    "run": Command("Studies", "studies", "Run one notebook with parameters.", _ANY_OPTION),
    "course": Command("Studies", "studies", "Run every numbered notebook on the synthetic faces."),
    "course-models": Command(
        "Studies",
        "course_models",
        "Put the trained models of earlier lessons into the course's work folder.",
    ),
    "report": Command("Studies", "studies", "Write a table and figures of many runs."),
}
# Given again, these resume what was interrupted.
RESUMING = {
    *("prepare", "render", "train", "transfer", "compress", "tolerant", "kd-loss", "path"),
    *("sweep", "students", "levels", "run", "course"),
}


def _naming_out(function: Callable[..., None]) -> Callable[..., None]:
    """The same command; an error of the system that names no file gets the folder of the output."""

    @wraps(function)
    def command(**options: Any) -> None:
        with naming(options.get("out")):
            function(**options)

    return command


class SingleCommand(TyperCommand):
    """A command that takes each option once, except for repeatable ones; click keeps the last value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the arguments, after a check that no option occurs twice."""
        *_, given = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, times in Counter(given).items():
            if times > 1 and not getattr(parameter, "multiple", False):
                name = max(parameter.opts, key=len)
                raise InputError(f"{name}: given {times} times, but takes one value; keep one")
        return super().parse_args(ctx, args)


class LazyCommands(Mapping):
    """The commands by name; the module of a command is imported when the command is looked up."""

    def __getitem__(self, name: str) -> Any:
        command = COMMANDS[name]
        module = import_module(f"mlcmkd.cli.{command.module}")
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        function = _naming_out(getattr(module, name.replace("-", "_")))
        single.command(name, cls=SingleCommand, context_settings=command.settings)(function)
        return typer.main.get_command(single)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class CommandGroup(TyperGroup):
    """All commands; lists them by the table's own texts, under headings."""

    def __init__(self, **attributes: Any):
        super().__init__(**attributes)
        self.commands = LazyCommands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the list of commands, a section for each panel."""
        for panel in dict.fromkeys(command.panel for command in COMMANDS.values()):
            rows = [(name, c.help) for name, c in COMMANDS.items() if c.panel == panel]
            with formatter.section(panel):
                formatter.write_dl(rows, col_max=30)
