"""Utilisation of the device by the training loop: images/s of DIKD training against the bare step.

    python benchmarks/pipeline.py                 # two cores of a CPU
    OMP_NUM_THREADS=1 python benchmarks/pipeline.py --px 64 --pairs 256 --alternate  # with other work
    python benchmarks/pipeline.py --accelerator cuda --precision bf16-mixed --batch 128 --trace t.json

The bare step is the forward and backward passes of the same networks and heads, on random tensors that
are on the device already: no data, no augmentation, no optimizer, no log. The loop is `fit` itself, with
all of these, on synthetic faces. Both are timed alternately, so that a machine that is busy for a while
is busy for both. `--alternate`, for a CPU, makes a bare step before each step of `fit` and compares
the medians in CPU time, which programs on other cores change less. `--trace` writes torch's profile of
the loop and prints the slowest operations. The memory is that of the process, after every round.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from torch.profiler import ProfilerActivity, profile

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import Augmentation, Batch, make_batch
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.loop import fit
from mlcmkd.training.provenance import processor_name
from mlcmkd.training.run_directory import Run

DIKD = Distillation(strategy="dikd")


def objective(size: str, pairs: Pairs, distillation: Distillation = DIKD) -> KTL:
    """KTL with a new RGB teacher and a new thermal student."""
    torch.manual_seed(0)
    spec = ModelSpec(size=size, input_px=pairs.input_px)
    thermal = spec.model_copy(update={"modality": "thermal", "radiometry": pairs.radiometry})
    return KTL(Landmarker(spec), Landmarker(thermal), distillation.resolved(), distillation.guide)


def synchronise(device: torch.device) -> None:
    """Waits for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Bare:
    """The bare step."""

    def __init__(self, size: str, pairs: Pairs, config: FitConfig):
        self.fabric = make_fabric(config)
        module = objective(size, pairs)
        module = module.to(memory_format=torch.channels_last)
        self.module = self.fabric.setup_module(module)
        self.module.train()
        count, px = config.batch, pairs.input_px
        device = self.fabric.device
        self.batch = Batch(
            rgb=torch.rand(count, 3, px, px, device=device),
            thermal=torch.rand(count, 1, px, px, device=device),
            landmarks=torch.rand(count, 68, 2, device=device) - 0.5,
            labelled=torch.ones(count, dtype=torch.bool, device=device),
            index=torch.arange(count, device=device),
        )

    def seconds(self, steps: int) -> float:
        """Duration of a number of steps."""
        synchronise(self.fabric.device)
        start = time.perf_counter()
        for _ in range(steps):
            self.fabric.backward(sum(self.module(self.batch, 0.5).values()))
            self.module.zero_grad(set_to_none=True)
        synchronise(self.fabric.device)
        return time.perf_counter() - start


def interval_times(
    size: str, pairs: Pairs, config: FitConfig, distillation: Distillation = DIKD
) -> list[float]:
    """Times of the first step of `fit` and of the end of each interval, seconds."""
    times = []
    device = make_fabric(config).device

    def validate() -> float:
        synchronise(device)
        times.append(time.perf_counter())
        return 0.0

    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), "benchmark", config)
        fit(
            objective(size, pairs, distillation), pairs, config, run,
            augmentation=Augmentation(), seed=0, validate=validate,
            distillation=distillation, checkpoint_seconds=1e9, progress=False,
        )  # fmt: skip
    return times


def loop_seconds(size: str, pairs: Pairs, config: FitConfig) -> float:
    """Duration of the second of two intervals of `fit`; the first is for warming up."""
    _, start, end = interval_times(size, pairs, config)
    return end - start


def alternate(size: str, pairs: Pairs, config: FitConfig, bare: Bare) -> tuple[float, float]:
    """Median CPU seconds of a bare step, and of a step of `fit`, made alternately.

    A step of `fit` is counted from the begin of its batch to that of the next one. Counted is the second
    half of the training; its log line is not.
    """
    ends, plain, starts = [], [], []

    def after_a_bare_step(*arguments: Any) -> Batch:
        ends.append(time.process_time())
        bare.seconds(1)
        starts.append(time.process_time())
        plain.append(starts[-1] - ends[-1])
        return make_batch(*arguments)

    with tempfile.TemporaryDirectory() as folder:
        fit(
            objective(size, pairs), pairs, config, Run(Path(folder), "benchmark", config),
            augmentation=Augmentation(), seed=0, validate=lambda: 0.0, distillation=DIKD,
            checkpoint_seconds=1e9, progress=False, make_batch=after_a_bare_step,
        )  # fmt: skip
    half = config.steps // 2
    steps = [end - start for start, end in zip(starts[half:-1], ends[half + 1 :], strict=True)]
    return statistics.median(plain[half:]), statistics.median(steps)


def main() -> None:
    """Measures and prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--size", default="base")
    parser.add_argument("--px", type=int, default=96)
    parser.add_argument("--pairs", type=int, default=512)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alternate", action="store_true", help="step by step, in CPU time")
    parser.add_argument("--trace", type=Path, help="file for the profile of the loop")
    options = parser.parse_args()
    pairs = load_pairs("synthetic", "train", options.px, count=options.pairs, progress=False)
    epoch = options.pairs // options.batch
    config = FitConfig(
        steps=2 * epoch,
        evaluations=2,
        batch=options.batch,
        precision=options.precision,
        accelerator=options.accelerator,
    )
    bare = Bare(options.size, pairs, config)
    bare.seconds(2)
    device = bare.fabric.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    print(
        f"{name}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}; KTL with DIKD, "
        f"{options.size}, {options.px} px, batch {options.batch}, {options.precision}\n"
    )
    print("| round | bare step, images/s | the loop, images/s | ratio | memory, MB |")
    print("| --- | --- | --- | --- | --- |")
    ratios = []
    for n in range(options.rounds):
        if options.alternate:
            took = alternate(options.size, pairs, config, bare)
            plain, ours = (options.batch / seconds for seconds in took)
        else:
            images = epoch * options.batch
            plain = images / bare.seconds(epoch)
            ours = images / loop_seconds(options.size, pairs, config)
        ratios.append(ours / plain)
        megabytes = psutil.Process().memory_info().rss / 1e6
        print(
            f"| {n + 1} | {plain:.0f} | {ours:.0f} | {ratios[-1]:.2f} | {megabytes:.0f} |",
            flush=True,
        )
    print(f"\nmedian ratio {statistics.median(ratios):.2f} (goal: at least 0.95)")
    if options.trace:
        kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == "cuda")
        short = config.model_copy(update={"steps": 8, "evaluations": 2})
        with profile(activities=kinds) as profiled:
            loop_seconds(options.size, pairs, short)
        profiled.export_chrome_trace(str(options.trace))
        order = "cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
        print(profiled.key_averages().table(sort_by=order, row_limit=20))


if __name__ == "__main__":
    main()
