"""Runs that lessons share: taken from the work folder if they are there, else made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlcmkd import stages
from mlcmkd.course.lesson import Lesson, TransferLesson
from mlcmkd.runs import CONFIG, RESULT, WEIGHTS
from mlcmkd.stages import CompressConfig, StageConfig, TrainConfig, TransferConfig

_told: set[Path] = set()  # run directories that this process has already told about


def teacher(lesson: Lesson, *, modality: str = "rgb") -> Path:
    """The run directory of the RGB teacher (or of its thermal twin), trained on all labels."""
    config = TrainConfig(
        out=lesson.work / f"teacher-{modality}-s{lesson.seed}",
        data=lesson.data(),
        fit=lesson.fit(lesson.sizes.teacher_steps),
        seed=lesson.seed,
        modality=modality,
        size=lesson.sizes.teacher_size,
        input_px=lesson.sizes.input_px,
    )
    return _run(stages.train, config)


def student(lesson: TransferLesson, strategy: str | None = None) -> Path:
    """The run directory of a KTL student, with the lesson's number of labels.

    Without distillation unlabelled pairs teach nothing, so that student gets the labelled pairs
    alone: every face in its batches has a label, and it takes as many steps as the others.
    """
    distillation = lesson.distillation(strategy)
    name = distillation.strategy
    alone = name == "none"
    config = TransferConfig(
        out=lesson.work / f"student-{_how(lesson, name)}",
        data=lesson.data(pairs=lesson.labels) if alone else lesson.data(labelled=lesson.labels),
        fit=lesson.fit(lesson.sizes.transfer_steps),
        seed=lesson.seed,
        teacher=teacher(lesson) / WEIGHTS,
        distillation=distillation,
    )
    return _run(stages.transfer, config)


def light(lesson: TransferLesson, strategy: str | None = None) -> Path:
    """The run directory of an MCL student; its teacher is the lesson's KTL student.

    It has the same labelled pairs as its teacher had.
    """
    distillation = lesson.distillation(strategy)
    name = distillation.strategy
    alone = name == "none"
    config = CompressConfig(
        out=lesson.work / f"light-{_how(lesson, name)}",
        data=lesson.data(pairs=lesson.labels) if alone else lesson.data(labelled=lesson.labels),
        fit=lesson.fit(lesson.sizes.compress_steps),
        seed=lesson.seed,
        teacher=student(lesson) / WEIGHTS,
        distillation=distillation,
    )
    return _run(stages.compress, config)


def _how(lesson: TransferLesson, strategy: str) -> str:
    """What tells runs of one stage apart, as a folder's name."""
    parts = [strategy.replace("+", "-")]
    if strategy != "none":
        parts += [lesson.decay, lesson.guide]
    return "_".join([*parts, f"{lesson.labels}labels", f"s{lesson.seed}"])


def _run(stage: Callable[[Any], Any], config: StageConfig) -> Path:
    """Makes the run unless it stands; one line says which, the first time that it is asked for."""
    if _stands(config):
        if config.out not in _told:
            print(f"{config.out.name}: found, not made again")
    else:
        print(f"{config.out.name}: {stage.__name__}, {config.fit.steps} steps")
        stage(config)
    _told.add(config.out)
    return config.out


def _stands(config: StageConfig) -> bool:
    """Whether `config.out` holds the finished run of this very config, newer than its teacher."""
    if not ((config.out / RESULT).is_file() and (config.out / WEIGHTS).is_file()):
        return False
    kept = json.loads((config.out / CONFIG).read_text(encoding="utf-8"))
    wanted = json.loads(config.model_dump_json())
    for told in (kept, wanted):
        told.pop("out")  # a work folder may be moved, together with the teachers in it
        told["teacher"] = Path(told["teacher"]).parent.name if told.get("teacher") else None
    taught = getattr(config, "teacher", None)
    newer = taught is None or taught.stat().st_mtime <= (config.out / RESULT).stat().st_mtime
    return kept == wanted and newer
