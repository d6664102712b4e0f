"""The training loop, on Lightning Fabric.

CPU, one GPU, several GPUs, several nodes, mixed precision and gradient accumulation use the same lines;
Fabric decides what they do. Only the objective is wrapped by Fabric. `fit` is the loop, `Trainer` its
steps; read them in this order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm.auto import tqdm

from mlcmkd.data.pairs import Pairs
from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.distillation.decay import Decay
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.training.checkpoint import Checkpoints, TrainingState, fingerprint_of
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.optimizer import learning_rate, make_optimizer
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run
from mlcmkd.training.sampling import Stream
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import is_first


def fit(
    objective: Objective,
    pairs: Pairs,
    config: FitConfig,
    run: Run,
    *,
    augmentation: Augmentation,
    seed: int,
    validate: Callable[[], float],
    observe: Callable[[], dict[str, float]] | None = None,
    distillation: Distillation | None = None,
    keep_every: float = 60.0,
    progress: bool = True,
) -> Fabric:
    """Trains an objective's student in place.

    A training that was killed resumes from its last checkpoint (see `mlcmkd.training.checkpoint`), and
    ends with the same bits as one that was not.

    Args:
        objective: gives the loss terms; its `student` is trained.
        pairs: the training pairs.
        config: hyperparameters of the loop.
        run: gets one line of metrics per evaluation interval.
        augmentation: strength of the augmentation.
        seed: of the order of the pairs and of the augmentation.
        validate: returns the student's current NME on the validation pairs; called
            `config.evaluations` times, and once before the first step.
        observe: returns further values for the same log lines, by name; called as often.
        distillation: gives the decay; None for a constant decay of 1.
        keep_every: seconds between two checkpoints; several processes save one per interval.
        progress: show a progress bar.

    Returns:
        The Fabric that connects the processes, for a caller that has to wait for the others.

    Raises:
        InputError: the loss is not finite; the message names the step, the term and the ids of the
            batch. Or as `make_fabric`.
    """
    fabric = make_fabric(config)
    fabric.launch()
    settings = (config, augmentation, seed, distillation, data_hash(pairs), fabric.world_size)
    fingerprint = fingerprint_of(objective, *settings, run.hyperparameters)
    trainer = Trainer.prepare(fabric, objective, pairs, config, augmentation, seed, distillation)
    validate()  # an error in the validation should appear now, not after the first interval
    run.note(processes=fabric.world_size)
    checkpoints = Checkpoints(run.path, fingerprint, fabric.global_rank, keep_every, tqdm.write)
    start = _resume(trainer, checkpoints, run)
    trainer.wrapped.train()
    interval = math.ceil(config.steps / config.evaluations)
    bar = tqdm(
        range(start, config.steps),
        desc=run.path.name,
        unit="step",
        initial=start,
        total=config.steps,
        disable=not (progress and is_first()),
    )
    for step in bar:
        rate, decay_weight = trainer.step(step)
        done = step + 1
        if done % interval and done < config.steps:
            if checkpoints.due and fabric.world_size == 1 and trainer.finite:
                checkpoints.save(done, trainer.state, metrics=run.metrics_lines())
            continue
        means = trainer.interval_means(step, steps=step % interval + 1)
        total = sum(means.values())
        nme = validate()
        trainer.wrapped.train()
        bar.set_postfix(total=f"{total:.3f}", val_nme=f"{100 * nme:.2f}%")
        if fabric.is_global_zero:
            run.log(
                step=done,
                learning_rate=rate,
                decay=float(decay_weight),
                val_nme=nme,
                total=total,
                **means,
                **(observe() if observe else {}),
            )
        if done < config.steps and (checkpoints.due or fabric.world_size > 1):
            checkpoints.save(done, trainer.state, metrics=run.metrics_lines())
    return fabric


@dataclass
class Trainer:
    """One training, in one of its processes; `prepare` makes it.

    Attributes:
        fabric: connects the processes.
        objective: the objective itself; its attributes are read here.
        wrapped: the objective as Fabric wraps it; its forward pass runs here.
        optimizer: as Fabric wraps it.
        pairs: the training pairs on the device, with the modalities that the objective reads.
        config: hyperparameters.
        augmentation: strength of the augmentation.
        state: what changes from step to step: streams, decay, sums of the terms since the last log
            line, and the parameters.
        batches: row numbers of the batches since the last log line.
        first_nonfinite: the first step whose loss was not finite; -1 if none was. A tensor, because
            converting it at every step would make a GPU wait.
    """

    fabric: Fabric
    objective: Objective
    wrapped: nn.Module
    optimizer: torch.optim.Optimizer
    pairs: Pairs
    config: FitConfig
    augmentation: Augmentation
    state: TrainingState
    first_nonfinite: Tensor
    batches: list[Tensor] = field(default_factory=list)

    @classmethod
    def prepare(
        cls,
        fabric: Fabric,
        objective: Objective,
        pairs: Pairs,
        config: FitConfig,
        augmentation: Augmentation,
        seed: int,
        distillation: Distillation | None,
    ) -> "Trainer":
        """Everything before the first step: streams, optimizer, decay, data on the device."""
        parts = config.accumulate
        numbers = range(fabric.global_rank * parts, (fabric.global_rank + 1) * parts)
        streams = [Stream(len(pairs), config.batch, seed, number) for number in numbers]
        optimizer = make_optimizer(objective, config)
        objective = objective.to(memory_format=torch.channels_last)
        wrapped, fabric_optimizer = fabric.setup(objective, optimizer)
        decay = Decay(distillation.decay, distillation.floor) if distillation else Decay("constant")
        objective.watch = decay.follows_losses
        return cls(
            fabric=fabric,
            objective=objective,
            wrapped=wrapped,
            optimizer=fabric_optimizer,
            # Images that the objective does not use would be augmented all the same.
            pairs=pairs.only(objective.reads).to(fabric.device),
            config=config,
            augmentation=augmentation,
            state=TrainingState(objective, fabric_optimizer.optimizer, streams, decay),
            first_nonfinite=torch.full((), -1, device=fabric.device),
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
        batch = make_batch(self.pairs, rows, self.augmentation, stream.generator)
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

    def interval_means(self, step: int, steps: int) -> dict[str, float]:
        """Mean of each term over an interval of `steps` steps that ends with `step`.

        The means are over all processes, and so are the student's buffers from here on: all processes
        log, validate and stop alike.

        Raises:
            InputError: a mean is not finite.
        """
        # Both in place.
        self.fabric.all_reduce(self.state.sums)
        self.fabric.all_reduce(list(self.objective.student.buffers()))
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


def mean_over_processes(fabric: Fabric, watched: list[Tensor]) -> Tensor | None:
    """Mean of the watched losses over the parts and processes whose batches had labels.

    Args:
        fabric: connects the processes.
        watched: of this process, one (2,) tensor per part with labels: the student's and the teacher's
            loss.

    Returns:
        (2,); None where no batch had labels.
    """
    if fabric.world_size == 1:
        return torch.stack(watched).mean(0) if watched else None
    sums = torch.zeros(3, device=fabric.device)  # the student's losses, the teacher's, their number
    for losses in watched:
        sums += torch.cat((losses, losses.new_ones(1)))
    sums = fabric.all_reduce(sums, reduce_op="sum")
    return sums[:2] / sums[2] if sums[2] else None


def _resume(trainer: Trainer, checkpoints: Checkpoints, run: Run) -> int:
    """Restores the newest checkpoint that every process has; returns the number of completed steps."""
    fabric = trainer.fabric
    steps = torch.tensor((checkpoints.steps() + [0, 0])[:2])
    steps_of_each = fabric.all_gather(steps).view(-1, 2).tolist()
    step = max(set.intersection(*map(set, steps_of_each)), default=0)
    if step:
        lines = checkpoints.restore(step, trainer.state)["metrics"]
        if fabric.is_global_zero:
            run.restore_metrics(lines)
            run.note(resumed_at_step=step)
        tqdm.write(f"{run.path.name}: resumes after step {step}")
    return step
