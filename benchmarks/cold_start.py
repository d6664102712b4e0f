"""Time of a new Python process until its result: `python benchmarks/cold_start.py`.

Each row is a process of its own: the import of mlcmkd, the prediction of one rendered face by the
bundled networks, and the help of commands. The first run of each is left out, because Python
compiles modules in it and the system reads files. Of the others, the medians of CPU seconds (user and
system, of all threads) and of wall-clock seconds are printed. The processes run alternately. CPU seconds
hardly depend on other programs.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import cv2

from mlcmkd.cli import COMMANDS, guarded
from mlcmkd.data.thermal.radiometry import to_centikelvin
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.progress import tqdm

COMMAND = ("-m", "mlcmkd")


def processes(folder: Path, commands: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The arguments of Python for each row."""
    photo, frame = folder / "photo.png", folder / "frame.png"
    face = make_faces(1, seed=1, first_identity=2_200_000)
    cv2.imwrite(str(photo), face.rgb[0][..., ::-1])
    cv2.imwrite(str(frame), to_centikelvin(face.thermal[0]))
    out = ("--out", str(folder / "out"))
    return {
        "python": ("-c", ""),
        "import mlcmkd": ("-c", "import mlcmkd"),
        "import torch": ("-c", "import torch"),
        "predict, a thermal image": (*COMMAND, "predict", str(frame), *out),
        "predict, a photo": (*COMMAND, "predict", str(photo), "--modality", "rgb", *out),
        "--help": (*COMMAND, "--help"),
        **{f"{name} --help": (*COMMAND, name, "--help") for name in commands},
    }


def measure(arguments: Sequence[str]) -> tuple[float, float]:
    """CPU seconds and wall-clock seconds of one process.

    Raises:
        InputError: the process failed.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    if done.returncode:
        raise InputError(f"{' '.join(arguments)}: {done.stderr[-500:]}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, seconds


def rows(named: Mapping[str, Sequence[str]], rounds: int) -> list[dict[str, object]]:
    """A row of the table for each process."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in named}
    turns = [name for _ in range(rounds + 1) for name in named]
    for name in tqdm(turns, unit="process"):
        times[name].append(measure(named[name]))
    found = []
    for name, measured in times.items():
        cpu, seconds = (median(column) for column in zip(*measured[1:], strict=True))
        found.append({"process": name, "CPU s": f"{cpu:.2f}", "s": f"{seconds:.2f}"})
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each process")
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), help="whose help is shown")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        table = markdown_table(rows(processes(Path(folder), options.commands), options.rounds))
    print(f"{processor_name()}, {os.cpu_count()} cores\n\n{table}")


if __name__ == "__main__":
    guarded(main)
