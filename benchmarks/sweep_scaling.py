"""How a sweep scales with its workers, and what a whole reproduction costs.

    python benchmarks/sweep_scaling.py

1. Measured: runs per hour with 1 and 2 workers of this machine, and the scheduler's time for a
   run. A run consists of KTL steps (base, 64 px, DIKD+FD+LD) on random pairs.
2. Simulated: the same sweep on 1 to 1,000 workers, from these two measurements. Workers take the next
   run when they are free; the scheduler serves one at a time; the last runs leave workers idle.
3. Counted: floating-point operations of every run of a reproduction, as hours on GPUs of an assumed
   speed.
"""

import argparse
import heapq
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from distillation_step import build, random_batch

from mlcmkd.evaluation.cost import flops
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.studies.cluster import Cluster
from mlcmkd.studies.jobs import run_jobs
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table

# A training step is a forward pass and a backward pass of about twice its operations.
FORWARD_AND_BACKWARD = 3
# Assumed, not measured: bf16 on a data-centre GPU, small images, kernels that are not all dense.
ASSUMED_TERAFLOPS = (5, 20, 50)


def nothing(job: int) -> int:
    """An empty job: all of its time is used by the scheduler."""
    return job


def training(steps: int, job: int) -> float:
    """Seconds that `steps` KTL steps take, in a worker."""
    torch.set_num_threads(1)
    torch.manual_seed(job)
    objective, batch = build("KTL base", 64, "dikd+fd+ld"), random_batch(64)
    optimizer = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad])
    start = time.perf_counter()
    for _ in range(steps):
        sum(objective(batch).values()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - start


def timed(jobs: int, work: Callable[[int], Any], workers: int) -> tuple[float, list[Any]]:
    """Seconds for all jobs together, and their results.

    As many jobs as there are workers are added and left out of both: they include the workers' imports.
    """
    ends, results = [], []
    for _, result, error in run_jobs(range(jobs + workers), work, Cluster(workers), key=str):
        if error:
            raise error
        ends.append(time.perf_counter())
        results.append(result)
    return ends[-1] - ends[workers - 1], results[workers:]


def simulated_seconds(tasks: Sequence[float], workers: int, overhead: float) -> float:
    """Seconds until the last of `tasks` ends, if they are submitted in order.

    Args:
        tasks: seconds of each run.
        workers: number of workers; each does one run at a time and starts idle.
        overhead: seconds that the scheduler needs to submit one run and to receive its result; it
            serves the workers one after the other.
    """
    free = [0.0] * min(workers, len(tasks))
    heapq.heapify(free)
    scheduler = end = 0.0
    for task in tasks:
        scheduler = max(scheduler, heapq.heappop(free)) + overhead
        heapq.heappush(free, scheduler + task)
        end = max(end, scheduler + task)
    return end


def operations(size: str, px: int, head: str = "heatmap") -> float:
    """Floating-point operations of one forward pass for one image of `px` pixels."""
    return flops(Landmarker(ModelSpec(size=size, input_px=px, head=head)).eval())


# Training images of a reproduction, as published (300W: its training photos; the others whole, so that
# the cost is an upper bound). Each network sees each image EPOCHS times.
IMAGES = {"300W": 3148, "SF-TL54": 2556, "TFD68": 28496}
EPOCHS, SEEDS, STRATEGIES = 100, 5, 8


def reproduction(px: int) -> list[tuple[str, int, float]]:
    """Stage, number of runs, floating-point operations of one run."""
    seen = sum(IMAGES.values()) / len(IMAGES) * EPOCHS
    base, light = operations("base", px), operations("light", px)
    b3 = operations("efficientnet_b3", px, "coordinate")
    mobile = operations("mobilenetv2", px, "coordinate")
    sets = len(IMAGES)
    # In a KTL step the student is trained and the frozen teacher makes a forward pass.
    ktl, mcl = base * (FORWARD_AND_BACKWARD + 1), light * FORWARD_AND_BACKWARD + base
    kd = mobile * FORWARD_AND_BACKWARD + 2 * b3
    return [
        ("RGB and thermal teachers, base", 2 * sets * SEEDS, FORWARD_AND_BACKWARD * base * seen),
        ("KTL students, every strategy", STRATEGIES * sets * SEEDS, ktl * seen),
        ("MCL students, every strategy", STRATEGIES * sets * SEEDS, mcl * seen),
        ("Tough- and Tolerant-Teachers, b3", 2 * sets * SEEDS, FORWARD_AND_BACKWARD * b3 * seen),
        ("MobileNetV2, KD-Loss's ablation", 5 * sets * SEEDS, kd * seen),
    ]


def report_measured(jobs: int, steps: int, run_steps: int) -> tuple[float, float]:
    """Prints the measurements; returns seconds per run: of one worker, and of the scheduler with two."""
    overheads = {workers: timed(200, nothing, workers)[0] / 200 for workers in (1, 2)}
    lines, seconds_a_run = [], {}
    for workers in (1, 2):
        seconds, times = timed(jobs, partial(training, steps), workers)
        seconds_a_run[workers] = statistics.median(times) * run_steps / steps
        lines.append(
            {
                "workers": workers,
                "runs an hour": f"{jobs / seconds * steps / run_steps * 3600:.1f}",
                "seconds a run": f"{seconds_a_run[workers]:.0f}",
                "scheduler, ms a run": f"{1000 * overheads[workers]:.1f}",
            }
        )
    print(markdown_table(lines))
    return seconds_a_run[1], overheads[2]


def report_simulated(runs: int, seconds_a_run: float, overhead: float) -> None:
    """Prints the simulation for several numbers of workers."""
    generator = torch.Generator().manual_seed(0)
    factors = 1 + 0.1 * torch.randn(runs, generator=generator)
    tasks = (seconds_a_run * factors.clamp(0.5, 1.5)).tolist()
    lines = []
    for workers in (1, 2, 8, 32, 100, 340, 1000):
        seconds = simulated_seconds(tasks, workers, overhead)
        lines.append(
            {
                "workers": workers,
                "hours": f"{seconds / 3600:.2f}",
                "runs an hour": f"{3600 * runs / seconds:.0f}",
                "of the ideal": f"{100 * sum(tasks) / workers / seconds:.0f} %",
            }
        )
    print(f"\n{markdown_table(lines)}")


def report_counted(px: int) -> None:
    """Prints the operations of a reproduction."""

    def hours(operations: float) -> dict[str, str]:
        return {
            f"hours at {speed} TFLOP/s": f"{operations / speed / 1e12 / 3600:.1f}"
            for speed in ASSUMED_TERAFLOPS
        }

    stages = reproduction(px)
    name = f"stage, {px} px"
    lines = [
        {name: stage, "runs": runs, "PFLOP a run": f"{ops / 1e15:.1f}"} | hours(runs * ops)
        for stage, runs, ops in stages
    ]
    total = sum(runs * ops for _, runs, ops in stages)
    lines.append(
        {name: "all", "runs": "", "PFLOP a run": f"{total / 1e15:.0f} in all"} | hours(total)
    )
    print(f"\n{markdown_table(lines)}")


def main() -> None:
    """Measures, simulates, counts, and prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=6, help="runs for each measurement")
    parser.add_argument("--steps", type=int, default=25, help="steps of each run")
    parser.add_argument("--run-steps", type=int, default=600, help="steps of a simulated run")
    parser.add_argument("--runs", type=int, default=340, help="runs of the simulated sweep")
    parser.add_argument("--px", type=int, default=256, help="input of the reproduction")
    options = parser.parse_args()
    print(f"{processor_name()}, {os.cpu_count()} cores, PyTorch {torch.__version__}\n")
    seconds_a_run, overhead = report_measured(options.jobs, options.steps, options.run_steps)
    report_simulated(options.runs, seconds_a_run, overhead)
    report_counted(options.px)


if __name__ == "__main__":
    main()
