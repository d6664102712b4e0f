"""Integrated gradients of every landmark of a face: `python benchmarks/attribution.py`.

One face of 64 px, all 68 landmarks, 32 steps, the `base` student with random weights (time does not
depend on them), two threads. "one by one" explains each landmark by captum; "shared" reads the images
on the path once and goes back once a landmark (`integrated_gradients_each`). The median of the
repeats, seconds of wall-clock and of processor time; the second is what a machine that others use
leaves comparable.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch

from mlcmkd.attribution import integrated_gradients, integrated_gradients_each
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.models import SIZES, Landmarker, ModelSpec
from mlcmkd.training.run_directory import _processor


def seconds(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median wall-clock and processor seconds."""
    wall, processor = [], []
    for _ in range(repeats):
        started, busy = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - started)
        processor.append(time.process_time() - busy)
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
        f"{_processor()}, {os.cpu_count()} cores, torch {torch.__version__}, {arguments.threads} "
        f"threads; one face of {arguments.px} px, 68 landmarks, {arguments.steps} steps; median of "
        f"{arguments.repeats}\n\n| size | way | seconds | processor seconds |\n|---|---|---|---|"
    )
    pairs = load_pairs("synthetic", "val", arguments.px, count=1, progress=False)
    batch = make_batch(pairs, torch.arange(1), NO_AUGMENTATION, torch.Generator())
    for size in arguments.sizes:
        model = Landmarker(ModelSpec(size=size, input_px=arguments.px)).eval()

        def one_by_one(model: Landmarker = model) -> None:
            for landmark in range(68):
                integrated_gradients(model, batch.thermal, landmark, steps=arguments.steps)

        def shared(model: Landmarker = model) -> None:
            integrated_gradients_each(model, batch.thermal, steps=arguments.steps)

        integrated_gradients(model, batch.thermal, 0, steps=arguments.steps)  # warm-up
        for way, work in {"one by one": one_by_one, "shared": shared}.items():
            wall, processor = seconds(work, arguments.repeats)
            print(f"| {size} | {way} | {wall:.1f} | {processor:.1f} |", flush=True)


if __name__ == "__main__":
    main()
