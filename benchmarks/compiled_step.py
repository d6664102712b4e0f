"""Effect of `torch.compile`: a training step without it, and with compiled networks.

    OMP_NUM_THREADS=1 python benchmarks/compiled_step.py
    python benchmarks/compiled_step.py --accelerator cuda --batch 128 --px 128 --rounds 30

Whole steps, including batch and optimizer, on synthetic faces: a light student with labels only, and KTL
with DIKD. Backbones, necks and heads are compiled separately, since an objective calls them separately.
Compiling on a CPU needs a C++ compiler, and takes minutes.
"""

import argparse
import time
from functools import partial

import torch
from pipeline import objective as ktl_objective

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.provenance import processor_name
from mlcmkd.training.step_time import milliseconds


def light(pairs: Pairs) -> TaskObjective:
    """A new light thermal student, trained with labels only."""
    torch.manual_seed(0)
    spec = ModelSpec(
        size="slim", input_px=pairs.input_px, modality="thermal", radiometry=pairs.radiometry
    )
    return TaskObjective(Landmarker(spec), "thermal")


OBJECTIVES = {"slim, labels": light, "base, DIKD": partial(ktl_objective, "base")}


def compiled(objective: Objective) -> Objective:
    """The same objective; its networks are compiled at their first call."""
    for module in objective.modules():
        if isinstance(module, Landmarker):
            for part in (module.backbone, module.neck, module.head):
                part.compile()
    return objective


def main() -> None:
    """Measures and prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--objective", action="append", choices=OBJECTIVES)
    options = parser.parse_args()
    pairs = load_pairs("synthetic", "train", options.px, count=options.batch, progress=False)
    device = make_fabric(FitConfig(accelerator=options.accelerator)).device
    device_name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    print(
        f"{device_name}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}; "
        f"{options.px} px, batch {options.batch}, medians of {options.rounds} rounds\n"
    )
    print(
        "| objective | precision | not compiled, ms | compiled, ms | ratio | s to compile and measure |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name in options.objective or OBJECTIVES:
        for precision in ("32-true", "bf16-mixed"):
            config = FitConfig(
                batch=options.batch, precision=precision, accelerator=options.accelerator
            )
            start = time.perf_counter()
            took = milliseconds(
                {
                    "plain": (OBJECTIVES[name](pairs), config),
                    "compiled": (compiled(OBJECTIVES[name](pairs)), config),
                },
                pairs,
                Augmentation(),
                rounds=options.rounds,
            )
            plain, fast = took["plain"], took["compiled"]
            print(
                f"| {name} | {precision} | {plain:.1f} | {fast:.1f} | {plain / fast:.2f} "
                f"| {time.perf_counter() - start:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
