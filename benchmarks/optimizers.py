"""Milliseconds of an optimizer's step: `OMP_NUM_THREADS=1 python benchmarks/optimizers.py`.

AdamW, timm's Muon and the library's step the same parameters, in turn, from random gradients. The table
has CPU time of the process, the median of `--rounds` rounds. A CPU without bfloat16 is imitated by:

    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OMP_NUM_THREADS=1 python benchmarks/optimizers.py
"""

import argparse
import statistics
import time

import torch
from timm.optim import Muon as TimmMuon

from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.config import FitConfig
from mlcmkd.training.optimizer import make_optimizer
from mlcmkd.utils.markdown import markdown_table

SIZES = ("slim", "swift", "half", "base")


def optimizers_of(network: torch.nn.Module) -> dict[str, torch.optim.Optimizer]:
    """The three optimizers for the same parameters, by name."""
    adamw = make_optimizer(network, FitConfig())
    groups = [
        {key: group[key] for key in ("params", "weight_decay")} for group in adamw.param_groups
    ]
    return {
        "AdamW": adamw,
        "Muon of timm": TimmMuon(groups, lr=FitConfig().learning_rate, momentum=0.9),
        "Muon": make_optimizer(network, FitConfig(optimizer="muon")),
    }


def step_times(network: torch.nn.Module, rounds: int) -> dict[str, float]:
    """Median CPU time of a step of each optimizer, ms."""
    optimizers = optimizers_of(network)
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(rounds + 1):  # the first round makes the moments
        for name, optimizer in optimizers.items():
            for parameter in network.parameters():
                parameter.grad = torch.randn_like(parameter)
            started = time.process_time()
            optimizer.step()
            times[name].append(1000 * (time.process_time() - started))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(
        f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads, ms a step\n"
    )
    rows = []
    for size in SIZES:
        torch.manual_seed(0)
        network = Landmarker(ModelSpec(size=size, input_px=64, modality="rgb"))
        times = step_times(network, rounds)
        rows.append({"size": size} | {name: f"{ms:.1f}" for name, ms in times.items()})
    print(markdown_table(rows))


if __name__ == "__main__":
    main()
