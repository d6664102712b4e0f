"""How a sweep grows with its workers, and what a whole reproduction costs.

    python benchmarks/sweep_scaling.py

1. Measured: runs an hour with 1 and 2 workers of this machine, and what the scheduler itself costs a
   run. A run is KTL (base, 64 px, DIKD+FD+LD), its steps on random pairs.
2. Simulated: the same sweep on 1 to 1,000 workers, from those two figures. Workers take the next run
   when they are free; the scheduler serves one at a time; the last runs leave workers idle.
3. Counted: floating-point operations of every run of a reproduction, as hours on GPUs of an assumed
   speed.
"""

import argparse
import heapq
import os
import statistics
import time
from collections.abc import Sequence

import torch
from distillation_step import build, random_batch

from mlcmkd.evaluation.cost import flops
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.studies.cluster import Cluster, run_jobs
from mlcmkd.training.provenance import processor_name

# A training step is a forward pass and a backward pass of about twice its operations.
FORWARD_AND_BACKWARD = 3
# bf16 on a data-centre GPU, small images, kernels that are not all dense: an assumption, not measured.
ASSUMED_TERAFLOPS = (5, 20, 50)


def nothing(job: int) -> int:
    """What only the scheduler is needed for."""
    return job


def training(steps: int, job: int) -> float:
    """Seconds of so many KTL steps, in a worker."""
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


class Steps:
    """`training` of so many steps, as a function that travels to a worker."""

    def __init__(self, steps: int):
        self.steps = steps

    def __call__(self, job: int) -> float:
        return training(self.steps, job)


def timed(jobs: int, work, workers: int) -> tuple[float, list[float]]:
    """Seconds of all jobs together, from the first result on, and what each returned.

    The first job of every worker pays for its imports, so as many as there are workers are left out.
    """
    ends, found = [], []
    for _, result, error in run_jobs(range(jobs + workers), work, Cluster(workers), key=str):
        if error:
            raise error
        ends.append(time.perf_counter())
        found.append(result)
    return ends[-1] - ends[workers - 1], found[workers:]


def simulated_seconds(tasks: Sequence[float], workers: int, overhead: float) -> float:
    """When the last of `tasks` ends, handed out in order.

    Args:
        tasks: seconds of each run.
        workers: each does one at a time and starts idle.
        overhead: seconds that the scheduler spends on handing one out and on taking its result in,
            one after the other for all workers.
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
    """Of one forward pass, one image."""
    return flops(Landmarker(ModelSpec(size=size, input_px=px, head=head)).eval())


# What a reproduction trains on: images as the owners count them (300W: its training photos; the others
# whole, so that the cost is an upper bound), each seen so often by each network.
IMAGES = {"300W": 3148, "SF-TL54": 2556, "TFD68": 28496}
EPOCHS, SEEDS, STRATEGIES = 100, 5, 8


def reproduction(px: int) -> list[tuple[str, int, float]]:
    """Stage, how many runs, floating-point operations of one of them."""
    seen = sum(IMAGES.values()) / len(IMAGES) * EPOCHS
    base, light = operations("base", px), operations("light", px)
    b3 = operations("efficientnet_b3", px, "coordinate")
    mobile = operations("mobilenetv2", px, "coordinate")
    sets = len(IMAGES)
    # A KTL step reads a pair: the student trains, the frozen teacher answers.
    ktl, mcl = base * (FORWARD_AND_BACKWARD + 1), light * FORWARD_AND_BACKWARD + base
    kd = mobile * FORWARD_AND_BACKWARD + 2 * b3
    return [
        ("RGB and thermal teachers, base", 2 * sets * SEEDS, FORWARD_AND_BACKWARD * base * seen),
        ("KTL students, every strategy", STRATEGIES * sets * SEEDS, ktl * seen),
        ("MCL students, every strategy", STRATEGIES * sets * SEEDS, mcl * seen),
        ("Tough- and Tolerant-Teachers, b3", 2 * sets * SEEDS, FORWARD_AND_BACKWARD * b3 * seen),
        ("MobileNetV2, KD-Loss's ablation", 5 * sets * SEEDS, kd * seen),
    ]


def main() -> None:
    """Measures, simulates, counts, and prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=6, help="runs a measurement")
    parser.add_argument("--steps", type=int, default=25, help="steps a run")
    parser.add_argument("--run-steps", type=int, default=600, help="of the runs simulated")
    parser.add_argument("--runs", type=int, default=340, help="of the sweep simulated")
    parser.add_argument("--px", type=int, default=256, help="input of the reproduction")
    options = parser.parse_args()
    print(f"{processor_name()}, {os.cpu_count()} cores, PyTorch {torch.__version__}\n")

    overheads = {workers: timed(200, nothing, workers)[0] / 200 for workers in (1, 2)}
    print(
        "| workers | runs an hour | seconds a run | scheduler, ms a run |\n| --- | --- | --- | --- |"
    )
    alone = 0.0
    for workers in (1, 2):
        seconds, each = timed(options.jobs, Steps(options.steps), workers)
        a_run = statistics.median(each) * options.run_steps / options.steps
        alone = alone or a_run
        rate = options.jobs / seconds * options.steps / options.run_steps * 3600
        print(f"| {workers} | {rate:.1f} | {a_run:.0f} | {1000 * overheads[workers]:.1f} |")

    print("\n| workers | hours | runs an hour | of the ideal |\n| --- | --- | --- | --- |")
    generator = torch.Generator().manual_seed(0)
    spread_of = 1 + 0.1 * torch.randn(options.runs, generator=generator)
    tasks = (alone * spread_of.clamp(0.5, 1.5)).tolist()
    for workers in (1, 2, 8, 32, 100, 340, 1000):
        seconds = simulated_seconds(tasks, workers, overheads[2])
        share = sum(tasks) / workers / seconds
        told = f"{seconds / 3600:.2f} | {3600 * len(tasks) / seconds:.0f} | {100 * share:.0f} %"
        print(f"| {workers} | {told} |")

    names = " | ".join(f"hours at {speed} TFLOP/s" for speed in ASSUMED_TERAFLOPS)
    print(f"\n| stage, {options.px} px | runs | PFLOP a run | {names} |\n" + "| --- " * 6 + "|")
    total = 0.0
    for stage, runs, ops in reproduction(options.px):
        total += runs * ops
        hours = " | ".join(f"{runs * ops / s / 1e12 / 3600:.1f}" for s in ASSUMED_TERAFLOPS)
        print(f"| {stage} | {runs} | {ops / 1e15:.1f} | {hours} |")
    hours = " | ".join(f"{total / s / 1e12 / 3600:.1f}" for s in ASSUMED_TERAFLOPS)
    print(f"| all | | {total / 1e15:.0f} in all | {hours} |")


if __name__ == "__main__":
    main()
