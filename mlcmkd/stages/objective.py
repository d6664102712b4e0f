"""Training an objective: from an `Objective` and pairs to a complete run directory.

The training stages use this function. It also trains a user-defined objective:

    pairs = config.data.load_training(64, config.seed)
    student = Landmarker(ModelSpec(scheme=pairs.scheme, input_px=64, modality="thermal",
                                   radiometry=pairs.radiometry))
    train_objective(MyObjective(teacher, student), pairs, config)

`config` is a `StageConfig`, or a subclass with the hyperparameters of the objective as further fields.
They are written to config.json, and `mlcmkd report` compares runs by them. `mlcmkd evaluate` scores the
weights on the test split.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.network_input import network_inputs
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.strategies import Distillation
from mlcmkd.evaluation.evaluate import check_input, evaluate_model
from mlcmkd.evaluation.invariance import FEWEST, measure_invariance
from mlcmkd.models import Landmarker
from mlcmkd.stages.common import StageConfig
from mlcmkd.training import checkpoint
from mlcmkd.training.fabric import entered_by_all, join
from mlcmkd.training.loop import fit
from mlcmkd.training.provenance import data_hash, further_stamps, manifest_stamp
from mlcmkd.training.run_directory import Run, lock_run
from mlcmkd.utils.progress import tqdm


def train_objective(
    objective: Objective,
    pairs: Pairs,
    config: StageConfig,
    *,
    stage: str = "objective",
    distillation: Distillation | None = None,
    rgb_teacher: Landmarker | None = None,
    save_beside: Callable[[Path], None] | None = None,
    tables: Mapping[str, list[dict[str, Any]]] | None = None,
    entries: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Trains an objective's student, scores it on the validation pairs and writes the run directory.

    For repeatable runs, call `torch.manual_seed(config.seed)` before the student is made. A training
    that was interrupted resumes when it is started again with the same arguments.

    Args:
        objective: the loss terms; its `student` is trained in place.
        pairs: the training pairs.
        config: the run directory, the data (for the validation pairs), the loop's hyperparameters, the
            augmentation and the seed.
        stage: name of the kind of run, in provenance.json and in reports.
        distillation: defines the decay of the distillation terms; None for a constant decay of 1.
        rgb_teacher: network whose features are compared with the student's at each evaluation, to log
            how invariant they are to the modality; None to log no invariance.
        save_beside: function that writes further files into the run directory, which is its argument.
        tables: further CSV files of the run directory, from their name to their rows (at least one).
        entries: further entries of the result.
        progress: show progress bars.

    Returns:
        The run's result, as in result.json: validation scores and where the weights are.

    Raises:
        InputError: `config.out` or the validation data cannot be used, another command writes
            `config.out`, or the loss is not finite.
    """
    config = StageConfig.validated("config", config)
    if distillation is not None:
        distillation = Distillation.validated("distillation", distillation)
    student, modality = objective.student, objective.student.spec.modality
    fabric = join(config.fit)
    with entered_by_all(fabric, lock_run(config.out)):
        run = Run(config.out, stage, config, seed=config.seed)
        validation = config.data.load(
            "val", student.spec.input_px, radiometry=student.spec.radiometry, progress=progress
        )
        for data in (pairs, validation):
            check_input(student, data, modality, "training")
        inputs = network_inputs(validation, modality)  # once for all evaluations
        run.note(
            data=data_hash(pairs),
            manifest=manifest_stamp(config.data.source),
            also=further_stamps(config.data.also),
            pairs=len(pairs),
            labelled=int(pairs.labelled.sum()),
        )
        for name, rows in (tables or {}).items():
            run.table(name, rows)
        try:
            fit(
                objective,
                pairs,
                config.fit,
                run,
                augmentation=config.augmentation,
                seed=config.seed,
                validate=lambda: evaluate_model(student, validation, modality, inputs=inputs).nme,
                observe=_invariance(rgb_teacher, student, validation) if rgb_teacher else None,
                distillation=distillation,
                fabric=fabric,
                progress=progress,
            )
        except KeyboardInterrupt:
            tqdm.write(f"{run.path}: stopped; the same command resumes from the last checkpoint")
            raise
        if run.writes:
            student.save(run.weights)
            if save_beside is not None:
                save_beside(run.path)
            checkpoint.remove(run.path)
        scores = evaluate_model(student, validation, modality, inputs=inputs)
        run.errors(scores.rows())
        result = run.finish(
            split="val",
            modality=modality,
            parameters=student.parameter_count(),
            weights=str(run.weights),
            **scores.summary(),
            **(entries or {}),
        )
        fabric.barrier()  # later code may read the weights that the first process has written
    return result


def _invariance(
    teacher: Landmarker, student: Landmarker, validation: Pairs
) -> Callable[[], dict[str, float]] | None:
    """A function that measures the invariance for a log line.

    It is None if there are too few validation pairs, or if the features of the two networks have
    different widths or resolutions, so that they cannot be compared and their heads exchanged.
    """
    if (teacher.width, teacher.stride) != (student.width, student.stride):
        return None
    paired = validation.rgb is not None and validation.thermal is not None
    few = int(validation.labelled.sum()) < FEWEST or len(set(validation.subjects)) < 2
    if few or not paired:
        return None
    return lambda: measure_invariance(teacher, student, validation).summary()
