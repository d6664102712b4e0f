"""Runs that lessons share: taken from the work folder if they are there, else made."""

from pathlib import Path

from mlcmkd.course.lesson import KDLossLesson, Lesson, TransferLesson
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.kd_loss import ABLATION, PLAIN, KDLossConfig, train_kd_loss
from mlcmkd.stages.tolerant import VARIANCE
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.training.run_directory import WEIGHTS


def teacher_run(lesson: Lesson, *, modality: str = "rgb") -> Path:
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
    return get_or_train(train, config)


def student_run(lesson: TransferLesson, strategy: str | None = None) -> Path:
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
        teacher=teacher_run(lesson) / WEIGHTS,
        distillation=distillation,
    )
    return get_or_train(transfer, config)


def light_student_run(lesson: TransferLesson, strategy: str | None = None) -> Path:
    """The run directory of an MCL student; its teacher is the lesson's KTL student.

    It has the same labelled pairs as its teacher had.
    """
    distillation = lesson.distillation(strategy)
    name = distillation.strategy
    alone = name == "none"
    config = CompressConfig(
        out=lesson.work / f"light-{_how(lesson, name)}",
        data=lesson.data(pairs=lesson.labels) if alone else lesson.data(labelled=lesson.labels),
        fit=lesson.fit(lesson.sizes.compress_steps, lesson.sizes.compress_rate),
        seed=lesson.seed,
        teacher=student_run(lesson) / WEIGHTS,
        distillation=distillation,
    )
    return get_or_train(compress, config)


def kd_loss_run(lesson: KDLossLesson, name: str) -> Path:
    """The run directory of a light thermal student of KD-Loss's ablation, `kd_stages.ABLATION`.

    Its Tough-Teacher is the lesson's KTL student, its Tolerant-Teacher that student's softened twin.
    It regresses coordinates, from the same pairs and labels as its teacher had.
    """
    how = ABLATION[name]
    parts = [f"{name}_{_how(lesson, lesson.strategy)}"]
    parts += [f"v{lesson.variance:g}"] * (lesson.variance != VARIANCE)
    config = KDLossConfig(
        out=lesson.work / "_".join(["between", *parts]),
        data=lesson.data(labelled=lesson.labels),
        fit=lesson.fit(lesson.sizes.compress_steps, lesson.sizes.compress_rate),
        seed=lesson.seed,
        tough=None if name in PLAIN else student_run(lesson) / WEIGHTS,
        modality="thermal",
        size="slim",
        input_px=lesson.sizes.input_px,
        variance=lesson.variance,
        **how,
    )
    return get_or_train(train_kd_loss, config)


def _how(lesson: TransferLesson, strategy: str) -> str:
    """What tells runs of one stage apart, as a folder's name."""
    parts = [strategy.replace("+", "-")]
    if strategy != "none":
        parts += [lesson.decay, lesson.guide]
    return "_".join([*parts, f"{lesson.labels}labels", f"s{lesson.seed}"])
