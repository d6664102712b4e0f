"""Does `torch.compile` pay? A training step as it is, and with the networks compiled.

    OMP_NUM_THREADS=1 python benchmarks/compiled_step.py
    python benchmarks/compiled_step.py --accelerator cuda --batch 128 --px 128 --rounds 30

Whole steps, batch and optimiser included, on embedded faces: a light student on labels alone, and KTL
by DIKD. Backbones, necks and heads are compiled one by one, since an objective calls them apart.
Compiling on a CPU needs a C++ compiler, and minutes.
"""

import argparse
import time

import torch
from torch import nn

from mlcmkd.distillation.ktl import KTL
from mlcmkd.distillation.objective import TaskObjective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.fit import FitConfig, make_fabric
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.pairs import Pairs, load_pairs
from mlcmkd.runs import _processor
from mlcmkd.step_cost import milliseconds
from mlcmkd.transforms import Augmentation


def build(name: str, pairs: Pairs) -> nn.Module:
    """A fresh objective."""
    torch.manual_seed(0)

    def model(size: str, modality: str) -> Landmarker:
        radiometry = pairs.radiometry if modality == "thermal" else None
        return Landmarker(
            ModelSpec(size=size, input_px=pairs.input_px, modality=modality, radiometry=radiometry)
        )

    if name == "slim, labels":
        return TaskObjective(model("slim", "thermal"), "thermal")
    told = Distillation(strategy="dikd")
    return KTL(model("base", "rgb"), model("base", "thermal"), told.resolved(), told.guide)


def compiled(objective: nn.Module) -> nn.Module:
    """The same objective; its networks are compiled when they are called first."""
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
    parser.add_argument("--objective", action="append", help="slim, labels; base, DIKD")
    options = parser.parse_args()
    pairs = load_pairs("synthetic", "train", options.px, count=options.batch, progress=False)
    device = make_fabric(FitConfig(accelerator=options.accelerator)).device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    print(
        f"{name}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}; {options.px} px, "
        f"batch {options.batch}, medians of {options.rounds} rounds\n"
    )
    print(
        "| objective | precision | as it is, ms | compiled, ms | ratio | s to compile and measure |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for told in options.objective or ("slim, labels", "base, DIKD"):
        for precision in ("32-true", "bf16-mixed"):
            config = FitConfig(
                batch=options.batch, precision=precision, accelerator=options.accelerator
            )
            start = time.perf_counter()
            took = milliseconds(
                {
                    "as it is": (build(told, pairs), config),
                    "compiled": (compiled(build(told, pairs)), config),
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
