"""Cost of each strategy: one training step of each, `python benchmarks/distillation_step.py`.

Forward, backward and optimizer on 32 random pairs, float32, in one process: KTL at `base`, MCL from
`base` to `light`, 64 and 96 px, and KTL at `slim` with a student that has a coordinate head, 64 px
(`--only "KTL slim, new head"`). A round times every strategy once, and each round begins with another
one, so that a machine that is busy for a while is busy for all; a first round for warming up is not
counted. A ratio is the median over the rounds of a strategy's time over that of FD+LD in the same round.
The last lines say whether DIKD costs at most 1.25 times FD+LD.
"""

import argparse
import os
import statistics
import time

import torch
from torch import nn

from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.mlcm_kd import KTL, MCL, DistillationObjective
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.provenance import processor_name

BATCH = 32
LIMIT = 1.25
NEW_HEAD = "KTL slim, new head"
SETTINGS = [(level, px) for level in ("KTL base", "MCL base to light") for px in (64, 96)]
SETTINGS += [(NEW_HEAD, 64)]


def build(level: str, px: int, strategy: str) -> DistillationObjective:
    """An objective with new networks."""

    def model(size: str, modality: str, head: str = "heatmap") -> Landmarker:
        radiometry = FACE_CELSIUS if modality == "thermal" else None
        spec = ModelSpec(
            size=size, input_px=px, modality=modality, radiometry=radiometry, head=head
        )
        return Landmarker(spec)

    weights = STRATEGIES[strategy]
    if level == "KTL base":
        objective = KTL(model("base", "rgb"), model("base", "thermal"), weights)
    elif level == NEW_HEAD:
        objective = KTL(model("slim", "rgb"), model("slim", "thermal", "coordinate"), weights)
    else:
        objective = MCL(model("base", "thermal"), model("light", "thermal"), weights)
    return objective.train().to(memory_format=torch.channels_last)


def random_batch(px: int) -> Batch:
    """Labelled pairs of noise: the cost of a step does not depend on the images."""
    return Batch(
        rgb=torch.rand(BATCH, 3, px, px),
        thermal=torch.rand(BATCH, 1, px, px),
        landmarks=torch.rand(BATCH, 68, 2) - 0.5,
        labelled=torch.ones(BATCH, dtype=torch.bool),
        index=torch.arange(BATCH),
    )


def milliseconds(objective: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> float:
    """Time of one step."""
    started = time.perf_counter()
    sum(objective(batch).values()).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return 1000 * (time.perf_counter() - started)


def rounds(level: str, px: int, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of every strategy, one value per round."""
    torch.manual_seed(0)
    batch = random_batch(px)
    steps = {}
    for strategy in STRATEGIES:
        objective = build(level, px, strategy)
        trained = [p for p in objective.parameters() if p.requires_grad]
        steps[strategy] = objective, torch.optim.AdamW(trained, lr=1e-3)
    times: dict[str, list[float]] = {strategy: [] for strategy in steps}
    names = list(steps)
    for number in range(repeats + 1):
        first = number % len(names)
        for strategy in names[first:] + names[:first]:
            times[strategy].append(milliseconds(*steps[strategy], batch))
    return {strategy: values[1:] for strategy, values in times.items()}


def ratios(times: dict[str, list[float]], strategy: str) -> list[float]:
    """A strategy's time over FD+LD's, round by round."""
    return [a / b for a, b in zip(times[strategy], times["fd+ld"], strict=True)]


def main() -> None:
    """Measures and prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, help="measured rounds, at least 2")
    parser.add_argument("--only", choices=dict(SETTINGS), help="a level; default all")
    given = parser.parse_args()
    repeats = max(2, given.repeats)
    settings = [each for each in SETTINGS if given.only in (None, each[0])]
    print(
        f"{processor_name()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch "
        f"{torch.__version__}; ms per step of {BATCH} pairs, median of {repeats} rounds (over fd+ld)\n"
    )
    times_of = {setting: rounds(*setting, repeats) for setting in settings}
    print("| strategy |", " | ".join(f"{level}, {px} px" for level, px in settings), "|")
    print("| --- |", " | ".join("---:" for _ in settings), "|")
    for strategy in STRATEGIES:
        cells = [
            f"{statistics.median(times[strategy]):.0f} "
            f"({statistics.median(ratios(times, strategy)):.2f})"
            for times in times_of.values()
        ]
        print(f"| {strategy} |", " | ".join(cells), "|")
    print()
    for (level, px), times in times_of.items():
        ratio = ratios(times, "dikd")
        middle = statistics.median(ratio)
        low, _, high = statistics.quantiles(ratio, n=4)
        print(
            f"{level}, {px} px: DIKD {'<=' if middle <= LIMIT else '>'} {LIMIT} x FD+LD: "
            f"{middle:.3f} (half of the rounds: {low:.3f} to {high:.3f})"
        )


if __name__ == "__main__":
    main()
