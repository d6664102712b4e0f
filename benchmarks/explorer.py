"""Response time of the explorer: `python benchmarks/explorer.py`.

Measures the time from setting a widget's value, as a browser does, to the new picture, encoded as
PNG: median and 95th percentile over the counted changes, in ms of wall clock and of processor time (of
all threads). On a shared machine processor time is the reliable one. "first picture" leaves attributions
for later, as the explorer does; "with attribution" includes integrated gradients of both modalities.
Models have random weights, because time does not depend on them: size "base" for RGB and thermal;
"another model" changes between it and size "light".
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.explorer.widget import Explorer
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.provenance import processor_name

WARM = 3  # changes before the counted ones


def explorer_of(input_px: int, faces: int) -> Explorer:
    """An explorer of synthetic faces."""
    thermal = {"modality": "thermal", "radiometry": FACE_CELSIUS, "input_px": input_px}
    models = {
        "teacher": Landmarker(ModelSpec(size="base", input_px=input_px)),
        "student": Landmarker(ModelSpec(size="base", **thermal)),
        "light": Landmarker(ModelSpec(size="light", **thermal)),
    }
    return Explorer(
        Exploration(load_pairs("synthetic", "val", input_px, count=faces, progress=False), models)
    )


def changes(explorer: Explorer, repeats: int) -> dict[str, tuple[Callable, Callable]]:
    """Name -> preparation of the n-th change, which is not timed, and the n-th change itself.

    No timed result is in the cache: every shift is new, and another model always gets a new face.
    """
    controls = explorer.controls
    models = ("light", "student")

    def set_to(name: str, value: Callable[[int], Any]) -> Callable[[int], None]:
        return lambda n: setattr(controls[name], "value", value(n))

    return {
        "another landmark": (lambda n: None, set_to("landmark", lambda n: n % 68)),
        "another misalignment": (
            lambda n: None,
            set_to("misalignment", lambda n: 12 * (n + 1) / (repeats + WARM + 1)),
        ),
        "another model": (
            set_to("pair", lambda n: n % len(explorer.exploration.pairs)),
            set_to("thermal_model", lambda n: models[n % 2]),
        ),
    }


def milliseconds(before: Callable, change: Callable, repeats: int) -> np.ndarray:
    """(repeats, 2) ms of wall clock and of processor time."""
    durations = []
    for n in range(repeats + WARM):
        before(n)
        wall, work = time.perf_counter(), time.process_time()
        change(n)
        durations.append((time.perf_counter() - wall, time.process_time() - work))
    return 1000 * np.array(durations[WARM:])


def table(input_px: int, repeats: int) -> None:
    """Prints one row for each change; in an event loop, attributions are left for later."""
    explorer = explorer_of(input_px, repeats + WARM)
    for name, (before, change) in changes(explorer, repeats).items():
        times = milliseconds(before, change, repeats)
        middle, slow = np.percentile(times, [50, 95], axis=0)
        print(f"| {name} | {middle[0]:.0f} | {slow[0]:.0f} | {middle[1]:.0f} | {slow[1]:.0f} |")


async def in_a_loop(input_px: int, repeats: int) -> None:
    """Runs `table` in an event loop, as in a kernel."""
    table(input_px, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=60, help="counted changes of each kind")
    arguments = parser.parse_args()
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, {arguments.px} px, {arguments.repeats} changes each"
    )
    head = "| change | wall, median (ms) | 95th percentile | processor, median | 95th percentile |"
    print(f"\nfirst picture\n\n{head}\n|{' --- |' * 5}")
    asyncio.run(in_a_loop(arguments.px, arguments.repeats))
    print(f"\nwith attribution\n\n{head}\n|{' --- |' * 5}")
    table(arguments.px, arguments.repeats)


if __name__ == "__main__":
    main()
