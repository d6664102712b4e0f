"""A training step on a machine with other work: `python benchmarks/busy_machine.py`.

Steps of the course's network (`half`, 64 px, 32 images, float32) with one thread per core, on the
machine as it is and with busy processes on each core (`--busy`). Each setting of the threads runs in
a process of its own, because OpenMP reads it once; the settings run alternately. The table has medians
over all rounds, and their ratio to a step of the first setting on the machine as it is. The last row has
one process on each core, all at the same time: the time of a step is divided by their number.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.processes import cores
from mlcmkd.utils.progress import tqdm

# How often a waiting thread checks for work before it sleeps (GOMP_SPINCOUNT); OpenMP's default is
# 300,000.
SETTINGS: dict[str, dict[str, str]] = {
    f"{spins:,} checks": {"GOMP_SPINCOUNT": str(spins)} for spins in (300_000, 10_000, 3_000, 0)
}
SETTINGS["one thread"] = {"OMP_NUM_THREADS": "1"}
EACH_CORE = "one thread, one process on each core"
BUSY = "while True: pass"
WARM_UP = 3  # steps that are not timed


def step_times(steps: int) -> list[float]:
    """Milliseconds of each training step in this process."""
    import torch

    from mlcmkd.models import Landmarker, ModelSpec

    torch.manual_seed(0)
    model = Landmarker(ModelSpec(size="half", input_px=64)).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters())
    images = torch.rand(32, 3, 64, 64)
    times = []
    for _ in range(WARM_UP + steps):
        started = time.perf_counter()
        optimiser.zero_grad()
        model(images).coordinates.square().mean().backward()
        optimiser.step()
        times.append(1000 * (time.perf_counter() - started))
    return times[WARM_UP:]


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Runs `count` processes that compute without end."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def in_processes(name: str, steps: int, cores: int) -> list[float]:
    """`step_times` of a setting, which replaces the environment's settings of OpenMP.

    For several processes, the time of a step divided by their number.
    """
    count = cores if name == EACH_CORE else 1
    setting = SETTINGS["one thread" if name == EACH_CORE else name]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, __file__, "--measure", str(steps)]
    running = [
        subprocess.Popen(command, env=inherited | setting, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    outputs = [process.communicate()[0] for process in running]
    return [time / count for output in outputs for time in json.loads(output)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20, help="timed steps of a process")
    parser.add_argument("--rounds", type=int, default=3, help="how often all settings run")
    parser.add_argument("--busy", type=int, default=1, help="busy processes on each core")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        print(json.dumps(step_times(arguments.measure)))
        return
    count = cores()
    others = arguments.busy * count
    names = [*SETTINGS, EACH_CORE]
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    turns = [(name, n) for _ in range(arguments.rounds) for n in (0, others) for name in names]
    for name, n in tqdm(turns, unit="process"):
        with busy_cores(n):
            times[name, n] += in_processes(name, arguments.steps, count)
    first = statistics.median(times[names[0], 0])
    rows = []
    for name in names:
        quiet, beside = (statistics.median(times[name, n]) for n in (0, others))
        rows.append(
            {
                "setting of waiting threads": name,
                "quiet (ms)": f"{quiet:.0f}",
                "with busy processes (ms)": f"{beside:.0f}",
                "ratio": f"{beside / quiet:.1f}",
                "ratio to the first row, quiet": f"{beside / first:.1f}",
            }
        )
    print(
        f"{processor_name()}, {count} cores, {others} busy processes; {arguments.rounds} rounds of "
        f"{arguments.steps} steps"
    )
    print(markdown_table(rows))


if __name__ == "__main__":
    main()
