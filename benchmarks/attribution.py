"""Time of integrated gradients for all landmarks of a face: `python benchmarks/attribution.py`.

One face of 64 px, 68 landmarks, 32 steps, a `base` model with random weights (time does not depend on
them), two threads. "one by one" calls captum for each landmark; "shared" runs the forward pass once
and a backward pass for each landmark (`integrated_gradients_per_landmark`). The numbers are medians of
the repeats, in seconds of wall clock and of processor time; on a shared machine processor time is the
comparable one.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch

from mlcmkd.attribution import integrated_gradients, integrated_gradients_per_landmark
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.models import SIZES, Landmarker, ModelSpec
from mlcmkd.training.provenance import processor_name


def seconds(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median wall-clock and processor seconds."""
    wall, processor = [], []
    for _ in range(repeats):
        wall_start, processor_start = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - wall_start)
        processor.append(time.process_time() - processor_start)
    return statistics.median(wall), statistics.median(processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["base"], choices=SIZES)
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__}, {arguments.threads} "
        f"threads; one face of {arguments.px} px, 68 landmarks, {arguments.steps} steps; median of "
        f"{arguments.repeats}\n\n| size | method | seconds | processor seconds |\n|---|---|---|---|"
    )
    pairs = load_pairs("synthetic", "val", arguments.px, count=1, progress=False)
    batch = make_batch(pairs, torch.arange(1), NO_AUGMENTATION, torch.Generator())
    for size in arguments.sizes:
        model = Landmarker(ModelSpec(size=size, input_px=arguments.px)).eval()

        def one_by_one(model: Landmarker = model) -> None:
            for landmark in range(68):
                integrated_gradients(model, batch.thermal, landmark, steps=arguments.steps)

        def shared(model: Landmarker = model) -> None:
            integrated_gradients_per_landmark(model, batch.thermal, steps=arguments.steps)

        integrated_gradients(model, batch.thermal, 0, steps=arguments.steps)  # warm-up
        for name, work in {"one by one": one_by_one, "shared": shared}.items():
            wall, processor = seconds(work, arguments.repeats)
            print(f"| {size} | {name} | {wall:.1f} | {processor:.1f} |", flush=True)


if __name__ == "__main__":
    main()
