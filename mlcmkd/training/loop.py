"""The training loop, on Lightning Fabric.

CPU, one GPU, several GPUs, several nodes, mixed precision and gradient accumulation use the same lines;
Fabric decides what they do. Only the objective is wrapped by Fabric. `fit` is the loop; the steps in it
are those of `Trainer`.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.training.checkpoint import Checkpoints, fingerprint_of
from mlcmkd.training.config import FitConfig
from mlcmkd.training.data import MakeBatch, TrainingData
from mlcmkd.training.fabric import join
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run
from mlcmkd.training.trainer import Trainer
from mlcmkd.utils.memory import keep_freed_memory
from mlcmkd.utils.processes import is_first
from mlcmkd.utils.progress import tqdm

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def fit(
    objective: Objective,
    pairs: TrainingData,
    config: FitConfig,
    run: Run,
    *,
    augmentation: Augmentation,
    seed: int,
    validate: Callable[[], float],
    observe: Callable[[], dict[str, float]] | None = None,
    distillation: Distillation | None = None,
    fabric: "Fabric | None" = None,
    checkpoint_seconds: float = 60.0,
    progress: bool = True,
    make_batch: MakeBatch = make_batch,
    measure: str = "val_nme",
) -> "Fabric":
    """Trains an objective's student in place.

    A training that was killed resumes from its last checkpoint (see `mlcmkd.training.checkpoint`). Its
    result has the same bits as that of a training without interruption.

    Args:
        objective: gives the loss terms; its `student` is trained. With `config.ema` it ends with the
            moving average of its weights, which is also what `validate` and `observe` see.
        pairs: the training pairs.
        config: hyperparameters of the loop.
        run: receives one line of metrics per evaluation interval.
        augmentation: strength of the augmentation.
        seed: seed of the order of the pairs and of the augmentation.
        validate: returns the student's current error on the validation pairs, a share (0.05 is 5 %). It
            is called `config.evaluations` times, and once before the first step.
        observe: returns further values for the same log lines, by name; called once per log line.
        distillation: defines the decay of the distillation terms; None for a constant decay of 1.
        fabric: Fabric whose processes have joined, see `fabric.join`; None to join them here. With
            several processes `run` must be made after they joined.
        checkpoint_seconds: seconds between two checkpoints; several processes save one per interval.
        progress: show a progress bar.
        make_batch: makes a batch of the pairs.
        measure: name of the error in the log lines.

    Returns:
        The Fabric that connects the processes, for a caller that has to wait for the others.

    Raises:
        InputError: the loss is not finite; the message names the step, the term and the ids of the
            batch. Or as `join`.
    """
    keep_freed_memory()
    fabric = fabric or join(config)
    settings = (config, augmentation, seed, distillation, data_hash(pairs), fabric.world_size)
    fingerprint = fingerprint_of(objective, *settings, run.hyperparameters)
    trainer = Trainer.prepare(
        fabric, objective, pairs, config, augmentation, seed, distillation, make_batch
    )
    validate()  # an error in the validation should appear now, not after the first interval
    run.note(processes=fabric.world_size)
    checkpoints = Checkpoints(
        run.path, fingerprint, fabric.global_rank, checkpoint_seconds, tqdm.write
    )
    start = _resume(trainer, checkpoints, run)
    trainer.wrapped.train()
    interval = math.ceil(config.steps / config.evaluations)
    bar = _progress_bar(run.path.name, start, config.steps, show=progress)
    for step in bar:
        rate, decay_weight = trainer.step(step)
        done = step + 1
        if done % interval and done < config.steps:
            if checkpoints.due and fabric.world_size == 1 and trainer.finite:
                checkpoints.save(
                    done, trainer.state, metrics=run.metrics_lines(), minutes=run.minutes
                )
            continue
        means = trainer.interval_means(step, steps=step % interval + 1)
        total = sum(means.values())
        with trainer.evaluated(last=done == config.steps):
            error = validate()
            observed = observe() if observe and fabric.is_global_zero else {}
        bar.set_postfix(total=f"{total:.3f}", **{measure: f"{100 * error:.2f}%"})
        if fabric.is_global_zero:
            run.log(
                step=done,
                learning_rate=rate,
                decay=float(decay_weight),
                **{measure: error, "total": total, **means},
                **observed,
            )
        if done < config.steps and (checkpoints.due or fabric.world_size > 1):
            checkpoints.save(done, trainer.state, metrics=run.metrics_lines(), minutes=run.minutes)
    return fabric


def _resume(trainer: Trainer, checkpoints: Checkpoints, run: Run) -> int:
    """Restores the newest checkpoint that every process has; returns the number of completed steps."""
    fabric = trainer.fabric
    steps = torch.tensor((checkpoints.steps() + [0, 0])[:2])
    steps_of_each = fabric.all_gather(steps).view(-1, 2).tolist()
    step = max(set.intersection(*map(set, steps_of_each)), default=0)
    if step:
        metadata = checkpoints.restore(step, trainer.state)
        if fabric.is_global_zero:
            run.resume(metadata["metrics"], metadata.get("minutes", 0.0))
            run.note(resumed_at_step=step)
        tqdm.write(f"{run.path.name}: resumes after step {step}")
    return step


def _progress_bar(name: str, start: int, steps: int, show: bool) -> tqdm:
    """The remaining steps, with a bar in the first process."""
    return tqdm(
        range(start, steps),
        desc=name,
        unit="step",
        initial=start,
        total=steps,
        disable=not (show and is_first()),
    )
