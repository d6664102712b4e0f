"""The only training loop, top to bottom, on Lightning Fabric.

CPU, one GPU, several GPUs, several nodes, mixed precision and gradient accumulation are the same
lines; Fabric decides what they do. Only the objective is wrapped. A stage hands in an objective and
gets its student back, trained.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from lightning_fabric import Fabric
from pydantic import Field
from torch import Tensor, nn
from tqdm.auto import tqdm

from mlcmkd.data.pairs import Pairs
from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.distillation.decay import Decay
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.training.checkpoint import Checkpoints, Training, stamp_of
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run
from mlcmkd.training.sampling import Stream
from mlcmkd.utils.config import Config, late
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import is_first, started_by_torchrun


class FitConfig(Config):
    """Hyperparameters of the training loop, and the devices that it runs on."""

    steps: int = Field(default=1000, ge=1, description="Optimiser steps.")
    batch: int = Field(
        default=32, ge=2, description="Pairs per step, in each process and accumulated part."
    )
    learning_rate: float = Field(
        default=2e-3,
        gt=0,
        description="Highest learning rate, reached after the warm-up; then a cosine down to zero.",
    )
    warmup: float = Field(
        default=0.05, ge=0, lt=1, description="Share of the steps in which the learning rate rises."
    )
    weight_decay: float = Field(
        default=0.05,
        ge=0,
        description="Weight decay of AdamW, on matrices and kernels, not on biases and norms.",
    )
    clip: float = Field(default=5.0, gt=0, description="Largest norm of the gradient.")
    evaluations: int = Field(
        default=5, ge=1, description="How often the validation split is scored during the training."
    )
    precision: Literal["32-true", "bf16-mixed"] = Field(
        default="32-true",
        description="Precision of Lightning Fabric: float32, or bfloat16 where the hardware has it.",
    )
    accelerator: str = Field(
        default="auto", description="Accelerator of Lightning Fabric, such as cpu or cuda."
    )
    devices: int | Literal["auto"] = Field(
        default=1, description="Devices on each node, one process each."
    )
    accumulate: int = late(
        1,
        ge=1,
        description="Batches per step; the optimiser steps by the mean of their gradients.",
    )
    nodes: int = late(1, ge=1, description="Machines that take part.")


def learning_rate(step: int, config: FitConfig) -> float:
    """Rises linearly over the warm-up, then follows a cosine to zero at the last step."""
    warm = config.warmup * config.steps
    if step < warm:
        return config.learning_rate * (step + 1) / (warm + 1)
    progress = (step - warm) / max(1.0, config.steps - warm)
    return config.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def _optimizer(objective: nn.Module, config: FitConfig) -> torch.optim.AdamW:
    trained = [p for p in objective.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # One pass over memory instead of ten; on a CPU that is a third of the time.
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def make_fabric(config: FitConfig) -> Fabric:
    """Fabric as the config says.

    Raises:
        InputError: torchrun started other processes than the config names; a run's config has to
            say how many took part, since they decide its outcome. Or this machine has no such
            accelerator, or not as many.
    """
    started = started_by_torchrun()
    if started and started != (config.nodes, config.devices):
        nodes, devices = started
        raise InputError(
            f"torchrun started {devices} processes on each of {nodes} nodes; say so by "
            f"--set fit.devices={devices} --set fit.nodes={nodes}"
        )
    try:
        return Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision=config.precision,
        )
    except (RuntimeError, ValueError, TypeError) as error:  # Lightning's, of what is not there
        raise InputError(
            f"fit.accelerator={config.accelerator}, fit.devices={config.devices}: "
            f"{' '.join(str(error).split())}"
        ) from None


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
        config: the knobs.
        run: gets a line of metrics an evaluation interval.
        augmentation: how strongly pairs are moved and disturbed.
        seed: of the shuffling and the augmentation; the weights were drawn before.
        validate: NME of the student as it stands; called `evaluations` times.
        observe: further figures for the same log lines, by name; called as often.
        distillation: gives the decay; None where nothing is distilled.
        keep_every: seconds between two states kept; several processes keep one an interval.
        progress: show a bar.

    Returns:
        what joined the processes, for a stage that has to wait for the others.

    Raises:
        InputError: the loss stopped being a number; the message names the step, the term and the
            ids of the batch.
    """
    fabric = make_fabric(config)
    fabric.launch()
    parts = config.accumulate
    numbers = range(fabric.global_rank * parts, (fabric.global_rank + 1) * parts)
    streams = [Stream(len(pairs), config.batch, seed, number) for number in numbers]
    stamp = stamp_of(
        objective,
        config,
        augmentation,
        seed,
        distillation,
        data_hash(pairs),
        fabric.world_size,
        run.hyperparameters,
    )
    optimizer = _optimizer(objective, config)
    objective = objective.to(memory_format=torch.channels_last)
    wrapped, optimizer = fabric.setup(objective, optimizer)
    decay = Decay(distillation.decay, distillation.floor) if distillation else Decay("constant")
    # Set on the objective itself: what Fabric returns is a wrapper around it.
    objective.watch = decay.listens
    # Images that the objective does not use would be augmented all the same.
    pairs = pairs.only(objective.reads).to(fabric.device)
    interval = math.ceil(config.steps / config.evaluations)
    sums: dict[str, Tensor] = {}
    drawn: list[Tensor] = []  # rows of the batches since the last line of the log
    stopped = torch.full((), -1, device=fabric.device)  # the first step without a finite loss

    validate()  # before the first step: what fails here would otherwise fail after an hour
    run.note(processes=fabric.world_size)
    training = Training(objective, optimizer.optimizer, streams, decay, sums)
    kept = Checkpoints(run.path, stamp, fabric.global_rank, keep_every, tqdm.write)
    start = _resume(fabric, kept, training, run)
    wrapped.train()
    steps = range(start, config.steps)
    named = {"desc": run.path.name, "unit": "step", "initial": start, "total": config.steps}
    bar = tqdm(steps, **named, disable=not (progress and is_first()))
    for step in bar:
        at = step / config.steps
        share = decay.weight(at)
        rate = learning_rate(step, config)
        for group in optimizer.param_groups:
            group["lr"] = rate

        watched = []
        for part, stream in enumerate(streams, start=1):
            drawn.append(next(stream))
            batch = make_batch(pairs, drawn[-1], augmentation, stream.generator)
            # Gradients travel between processes once a step, with the last part.
            with fabric.no_backward_sync(wrapped, enabled=part < parts):
                terms = wrapped(batch, share)
                loss = sum(terms.values())
                fabric.backward(loss / parts)
            stopped = torch.where((stopped < 0) & ~loss.detach().isfinite(), step, stopped)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0) + value.detach() / parts
            if decay.listens and objective.watched is not None:
                watched.append(torch.stack(objective.watched))
        fabric.clip_gradients(wrapped, optimizer, max_norm=config.clip, error_if_nonfinite=False)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if decay.listens and (heard := _mean_of_all(fabric, watched)) is not None:
            decay.observe(*heard)

        if (step + 1) % interval and step + 1 < config.steps:
            if kept.due and fabric.world_size == 1 and stopped < 0:
                kept.save(step + 1, training, metrics=run.metrics_lines())
            continue
        since = (step % interval) + 1
        # Means over the processes: all log, stop and validate as one. In place, both of them.
        fabric.all_reduce(sums)
        fabric.all_reduce(list(objective.student.buffers()))
        means = {name: float(value) / since for name, value in sums.items()}
        _check_finite(means, int(stopped), step, drawn, pairs, config)
        sums.clear()
        drawn.clear()
        total = sum(means.values())
        nme = validate()
        wrapped.train()
        bar.set_postfix(total=f"{total:.3f}", val_nme=f"{100 * nme:.2f}%")
        if fabric.is_global_zero:
            run.log(
                step=step + 1,
                learning_rate=rate,
                decay=float(share),
                val_nme=nme,
                total=total,
                **means,
                **(observe() if observe else {}),
            )
        if step + 1 < config.steps and (kept.due or fabric.world_size > 1):
            kept.save(step + 1, training, metrics=run.metrics_lines())
    return fabric


def _mean_of_all(fabric: Fabric, watched: list[Tensor]) -> Tensor | None:
    """Mean over the parts and processes that had labels to compare on; None where none had."""
    if fabric.world_size == 1:
        return torch.stack(watched).mean(0) if watched else None
    sums = torch.zeros(3, device=fabric.device)  # the student's losses, the teacher's, how many
    for each in watched:
        sums += torch.cat((each, each.new_ones(1)))
    sums = fabric.all_reduce(sums, reduce_op="sum")
    return sums[:2] / sums[2] if sums[2] else None


def _resume(fabric: Fabric, kept: Checkpoints, training: Training, run: Run) -> int:
    """Takes the newest state that every process has; the number of steps that are done."""
    theirs = fabric.all_gather(torch.tensor((kept.steps() + [0, 0])[:2])).view(-1, 2).tolist()
    common = set.intersection(*map(set, theirs))
    step = max(common, default=0)
    if step:
        lines = kept.take(step, training)["metrics"]
        if fabric.is_global_zero:
            run.restore_metrics(lines)
            run.note(resumed_at_step=step)
        tqdm.write(f"{run.path.name}: goes on after step {step}")
    return step


def _check_finite(
    means: dict[str, float],
    stopped: int,
    step: int,
    drawn: list[Tensor],
    pairs: Pairs,
    config: FitConfig,
) -> None:
    """Stops where a term is no number, with the step where it began and the ids of its batch."""
    wrong = {name: value for name, value in means.items() if not math.isfinite(value)}
    if not wrong:
        return
    name, value = next(iter(wrong.items()))
    # Another process may have met it; then this one has nothing to name.
    at = stopped if stopped >= 0 else step
    back = at - step - 1
    # All parts of the step: the last `accumulate` entries are the last step's.
    first, after = (
        len(drawn) + back * config.accumulate,
        len(drawn) + (back + 1) * config.accumulate,
    )
    parts = drawn[first:after] if stopped >= 0 and first >= 0 else []
    rows = [row for part in parts for row in part.tolist()]
    ids = f"; its batch: {', '.join(pairs.ids[row] for row in rows)}" if rows else ""
    raise InputError(
        f"step {at + 1}: term '{name}' is {value}; lower the learning rate "
        f"({config.learning_rate}) or check the data{ids}"
    )
