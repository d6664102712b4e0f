"""The steps of a training, in one of its processes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.distillation.decay import Decay
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.training.averaging import WeightAverage
from mlcmkd.training.checkpoint import TrainingState
from mlcmkd.training.config import FitConfig
from mlcmkd.training.data import MakeBatch, TrainingData
from mlcmkd.training.optimizer import learning_rate, make_optimizer
from mlcmkd.training.sampling import Stream
from mlcmkd.utils.errors import InputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass
class Trainer:
    """One training, in one of its processes; make it by `prepare`.

    Attributes:
        fabric: connects the processes.
        objective: the objective itself; its attributes are read here.
        wrapped: the objective as Fabric wraps it; its forward pass runs here.
        optimizer: as Fabric wraps it.
        pairs: the training pairs on the device, with the modalities that the objective reads.
        config: hyperparameters.
        augmentation: strength of the augmentation.
        state: what changes from step to step: streams, decay, sums of the terms since the last log
            line, the parameters and their moving average.
        batches: row numbers of the batches since the last log line.
        first_nonfinite: the first step whose loss was not finite; -1 if none was. A tensor, because
            converting it at every step would make a GPU wait.
        make_batch: makes a batch of the pairs.
    """

    fabric: "Fabric"
    objective: Objective
    wrapped: nn.Module
    optimizer: torch.optim.Optimizer
    pairs: TrainingData
    config: FitConfig
    augmentation: Augmentation
    state: TrainingState
    first_nonfinite: Tensor
    make_batch: MakeBatch = make_batch
    batches: list[Tensor] = field(default_factory=list)

    @classmethod
    def prepare(
        cls,
        fabric: "Fabric",
        objective: Objective,
        pairs: TrainingData,
        config: FitConfig,
        augmentation: Augmentation,
        seed: int,
        distillation: Distillation | None,
        make_batch: MakeBatch = make_batch,
    ) -> "Trainer":
        """Prepares a training up to its first step: streams, optimizer, decay, data on the device.

        The arguments are those of `mlcmkd.training.loop.fit`.
        """
        parts = config.accumulate
        numbers = range(fabric.global_rank * parts, (fabric.global_rank + 1) * parts)
        streams = [Stream(len(pairs), config.batch, seed, number) for number in numbers]
        optimizer = make_optimizer(objective, config)
        objective = objective.to(memory_format=torch.channels_last)
        wrapped, fabric_optimizer = fabric.setup(objective, optimizer)
        decay = Decay(distillation.decay, distillation.floor) if distillation else Decay("constant")
        objective.watch = decay.follows_losses
        # After the set-up: on the device, in the student's memory layout.
        average = WeightAverage(objective.student, config.ema) if config.ema else None
        return cls(
            fabric=fabric,
            objective=objective,
            wrapped=wrapped,
            optimizer=fabric_optimizer,
            # Without `only`, images that the objective does not use would be augmented, too.
            pairs=pairs.only(objective.reads).to(fabric.device),
            config=config,
            augmentation=augmentation,
            state=TrainingState(
                objective, fabric_optimizer.optimizer, streams, decay, average=average
            ),
            first_nonfinite=torch.full((), -1, device=fabric.device),
            make_batch=make_batch,
        )

    @property
    def finite(self) -> bool:
        """Whether every loss so far was finite."""
        return bool(self.first_nonfinite < 0)

    def step(self, step: int) -> tuple[float, float | Tensor]:
        """One optimizer step; returns its learning rate and the weight of the distillation terms."""
        decay = self.state.decay
        decay_weight = decay.weight(step / self.config.steps)
        rate = learning_rate(step, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        watched = []
        for stream in self.state.streams:
            self._accumulate(step, stream, decay_weight)
            if decay.follows_losses and self.objective.watched is not None:
                watched.append(torch.stack(self.objective.watched))
        self.fabric.clip_gradients(
            self.wrapped, self.optimizer, max_norm=self.config.clip, error_if_nonfinite=False
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.state.average is not None:
            self.state.average.update()
        if decay.follows_losses:
            losses = mean_over_processes(self.fabric, watched)
            if losses is not None:
                decay.observe(*losses)
        return rate, decay_weight

    def _accumulate(self, step: int, stream: Stream, decay_weight: float | Tensor) -> None:
        """Adds the gradient of one batch, and its terms to the sums."""
        parts, sums = len(self.state.streams), self.state.sums
        rows = next(stream)
        self.batches.append(rows)
        batch = self.make_batch(self.pairs, rows, self.augmentation, stream.generator)
        # Processes exchange their gradients once per step, with the last part.
        last = stream is self.state.streams[-1]
        with self.fabric.no_backward_sync(self.wrapped, enabled=not last):
            terms = self.wrapped(batch, decay_weight)
            loss = sum(terms.values())
            self.fabric.backward(loss / parts)
        is_first_nonfinite = (self.first_nonfinite < 0) & ~loss.detach().isfinite()
        self.first_nonfinite = torch.where(is_first_nonfinite, step, self.first_nonfinite)
        for name, value in terms.items():
            sums[name] = sums.get(name, 0) + value.detach() / parts

    @contextmanager
    def evaluated(self, *, last: bool) -> Iterator[None]:
        """The student in evaluation, with the average of its weights if there is one.

        Args:
            last: the training ends here, so the student keeps the average.
        """
        average = self.state.average
        if average is None:
            yield
        elif last:
            average.apply()
            yield
        else:
            with average.applied():
                yield
        self.wrapped.train()

    def interval_means(self, step: int, steps: int) -> dict[str, float]:
        """Mean of each term over an interval of `steps` steps that ends with `step`.

        The means are over all processes. The buffers of the student, and of the average of its
        weights, are replaced by their means over all processes. So all processes log, validate and stop
        in the same way.

        Args:
            step: the last step of the interval, from 0.
            steps: number of steps in the interval.

        Raises:
            InputError: a mean is not finite.
        """
        # Both in place.
        self.fabric.all_reduce(self.state.sums)
        self.fabric.all_reduce(list(self.objective.student.buffers()))
        if self.state.average is not None:
            self.fabric.all_reduce(self.state.average.buffers())
        means = {name: float(value) / steps for name, value in self.state.sums.items()}
        self._check_finite(means, step)
        self.state.sums.clear()
        self.batches.clear()
        return means

    def _check_finite(self, means: dict[str, float], step: int) -> None:
        """Stops at a term that is not finite, with the first such step and the ids of its batch."""
        wrong = {name: value for name, value in means.items() if not math.isfinite(value)}
        if not wrong:
            return
        name, value = next(iter(wrong.items()))
        first = int(self.first_nonfinite)
        rows: list[int] = []
        if first >= 0:  # otherwise it was in another process, whose batches are unknown here
            parts = self.config.accumulate
            begin = len(self.batches) - (step - first + 1) * parts
            batches = self.batches[begin : begin + parts] if begin >= 0 else []
            rows = [row for batch in batches for row in batch.tolist()]
        ids = f"; its batch: {', '.join(self.pairs.ids[row] for row in rows)}" if rows else ""
        raise InputError(
            f"step {(first if first >= 0 else step) + 1}: term '{name}' is {value}; lower the "
            f"learning rate ({self.config.learning_rate}) or check the data{ids}"
        )


def mean_over_processes(fabric: "Fabric", watched: list[Tensor]) -> Tensor | None:
    """Mean of the watched losses over the parts and processes whose batches had labels.

    Args:
        fabric: connects the processes.
        watched: losses of this process, one (2,) tensor for each part with labels: the student's and the
            teacher's loss.

    Returns:
        (2,); None if no batch had labels.
    """
    if fabric.world_size == 1:
        return torch.stack(watched).mean(0) if watched else None
    sums = torch.zeros(3, device=fabric.device)  # the student's losses, the teacher's, their number
    for losses in watched:
        sums += torch.cat((losses, losses.new_ones(1)))
    sums = fabric.all_reduce(sums, reduce_op="sum")
    return sums[:2] / sums[2] if sums[2] else None
