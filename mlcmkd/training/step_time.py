"""Step times: the cost of a training step of several objectives, measured in turn.

Each round times every objective once, and each round begins with another objective. If the machine is
busy for a while, it is busy for all objectives. The median over the rounds ignores disturbances of
single steps.
"""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.distillation.objective import Objective
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric

ROUNDS = 12


def _make_step(
    objective: Objective, config: FitConfig, pairs: Pairs, augmentation: Augmentation
) -> Callable[[], float]:
    """A function that makes one training step, as `fit` does, and returns its milliseconds."""
    fabric = make_fabric(config)
    trained = [p for p in objective.parameters() if p.requires_grad]
    wrapped, optimizer = fabric.setup(
        objective.to(memory_format=torch.channels_last),
        torch.optim.AdamW(trained, lr=config.learning_rate),
    )
    wrapped.train()
    generator = torch.Generator().manual_seed(0)
    index = torch.arange(config.batch) % len(pairs)
    pairs = pairs.subset(sorted(set(index.tolist()))).only(objective.reads).to(fabric.device)

    def step() -> float:
        started = time.perf_counter()
        terms = wrapped(make_batch(pairs, index, augmentation, generator), 1.0)
        fabric.backward(sum(terms.values()))
        fabric.clip_gradients(wrapped, optimizer, max_norm=config.clip, error_if_nonfinite=False)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        trained[0].flatten()[0].item()  # waits for a GPU
        return 1000 * (time.perf_counter() - started)

    return step


def milliseconds(
    objectives: Mapping[str, tuple[Objective, FitConfig]],
    pairs: Pairs,
    augmentation: Augmentation,
    *,
    rounds: int = ROUNDS,
) -> dict[str, float]:
    """Median time of a training step of each objective, ms: batch, forward, backward, optimizer.

    Args:
        objectives: objectives by name, each with the hyperparameters of its loop. The measurement trains
            them for a few steps.
        pairs: pairs for the batches.
        augmentation: strength of the augmentation.
        rounds: number of measured rounds, after one round for warming up.
    """
    steps = {
        name: _make_step(objective, config, pairs, augmentation)
        for name, (objective, config) in objectives.items()
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(steps[name]())
    return {name: statistics.median(values[1:]) for name, values in times.items()}
