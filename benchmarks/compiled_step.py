"""Does `torch.compile` pay? A training step as it is, and with the networks compiled.

    OMP_NUM_THREADS=1 python benchmarks/compiled_step.py
    python benchmarks/compiled_step.py --accelerator cuda --batch 128 --px 128 --rounds 30

Whole steps, batch and optimiser included, on embedded faces: a light student on labels alone, and KTL
by DIKD. Backbones, necks and heads are compiled one by one, since an objective calls them apart.
Compiling on a CPU needs a C++ compiler, and minutes.
"""

import argparse
import time
from functools import partial

import torch
from pipeline import objective
from torch import nn

from mlcmkd.data.pairs import Pairs, load_pairs
from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.provenance import processor_name
from mlcmkd.training.step_time import milliseconds


def light(pairs: Pairs) -> TaskObjective:
    """A fresh light thermal student on labels alone."""
    torch.manual_seed(0)
    spec = ModelSpec(
        size="slim", input_px=pairs.input_px, modality="thermal", radiometry=pairs.radiometry
    )
    return TaskObjective(Landmarker(spec), "thermal")


OBJECTIVES = {"slim, labels": light, "base, DIKD": partial(objective, "base")}


def compiled(whole: nn.Module) -> nn.Module:
    """The same objective; its networks are compiled when they are called first."""
    for module in whole.modules():
        if isinstance(module, Landmarker):
            for part in (module.backbone, module.neck, module.head):
                part.compile()
    return whole


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
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    print(
        f"{name}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}; {options.px} px, "
        f"batch {options.batch}, medians of {options.rounds} rounds\n"
    )
    print(
        "| objective | precision | as it is, ms | compiled, ms | ratio | s to compile and measure |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for told in options.objective or OBJECTIVES:
        for precision in ("32-true", "bf16-mixed"):
            config = FitConfig(
                batch=options.batch, precision=precision, accelerator=options.accelerator
            )
            start = time.perf_counter()
            took = milliseconds(
                {
                    "as it is": (OBJECTIVES[told](pairs), config),
                    "compiled": (compiled(OBJECTIVES[told](pairs)), config),
                },
                pairs,
                Augmentation(),
                rounds=options.rounds,
            )
            plain, fast = took["as it is"], took["compiled"]
            print(
                f"| {told} | {precision} | {plain:.1f} | {fast:.1f} | {plain / fast:.2f} "
                f"| {time.perf_counter() - start:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
