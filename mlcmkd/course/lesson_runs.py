"""Runs shared by the lessons: completed runs in the work folder are reused, missing ones are trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from mlcmkd.course.cached_faces import CachedSyntheticFaces
from mlcmkd.course.lesson import VARIANCE, KDLossLesson, Lesson, TransferLesson
from mlcmkd.course.project import check_scale
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.kd_loss import ABLATION, PLAIN, KDLossConfig, train_kd_loss
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.training.run_directory import WEIGHTS

Head = Literal["heatmap", "coordinate"]


def teacher_config(lesson: Lesson, *, modality: str = "rgb") -> TrainConfig:
    """The training of the RGB teacher (or of the same model on thermal images), with all labels."""
    return TrainConfig(
        out=lesson.work / f"teacher-{modality}-s{lesson.seed}",
        data=lesson.data(),
        fit=lesson.fit(lesson.sizes.teacher_steps, lesson.sizes.teacher_rate),
        seed=lesson.seed,
        modality=modality,
        size=lesson.sizes.teacher_size,
        input_px=lesson.sizes.input_px,
    )


def teacher_run(lesson: Lesson, *, modality: str = "rgb") -> Path:
    """Run directory of `teacher_config`."""
    return _get_or_train(lesson, train, teacher_config(lesson, modality=modality))


def student_config(
    lesson: TransferLesson, strategy: str | None = None, head: Head | None = None
) -> TransferConfig:
    """The training of a KTL student, with the lesson's number of labels.

    Without distillation, unlabelled pairs have no supervision target, so the student `none` trains
    only on the labelled pairs, for as many steps as the others.

    Args:
        strategy: None for the lesson's.
        head: None for the teacher's.
    """
    distillation = lesson.distillation(strategy)
    name = distillation.strategy
    kind = "student" if head is None else f"{head}-student"
    return TransferConfig(
        out=lesson.work / f"{kind}-{_variant(lesson, name)}",
        data=_data(lesson, name),
        fit=lesson.fit(lesson.sizes.transfer_steps, lesson.sizes.transfer_rate),
        seed=lesson.seed,
        teacher=teacher_config(lesson).out / WEIGHTS,
        distillation=distillation,
        head=head,
    )


def student_run(
    lesson: TransferLesson, strategy: str | None = None, head: Head | None = None
) -> Path:
    """Run directory of `student_config`; its teacher is trained first if it is missing."""
    teacher_run(lesson)
    return _get_or_train(lesson, transfer, student_config(lesson, strategy, head))


def light_student_config(lesson: TransferLesson, strategy: str | None = None) -> CompressConfig:
    """The training of an MCL student; its teacher is the lesson's KTL student.

    It has the same labelled pairs as its teacher.

    Args:
        strategy: None for the lesson's.
    """
    distillation = lesson.distillation(strategy)
    name = distillation.strategy
    return CompressConfig(
        out=lesson.work / f"light-{_variant(lesson, name)}",
        data=_data(lesson, name),
        fit=lesson.fit(lesson.sizes.compress_steps, lesson.sizes.compress_rate),
        seed=lesson.seed,
        teacher=student_config(lesson).out / WEIGHTS,
        distillation=distillation,
    )


def light_student_run(lesson: TransferLesson, strategy: str | None = None) -> Path:
    """Run directory of `light_student_config`; its teachers are trained first if they are missing."""
    student_run(lesson)
    return _get_or_train(lesson, compress, light_student_config(lesson, strategy))


def kd_loss_run(lesson: KDLossLesson, name: str) -> Path:
    """Run directory of a light thermal student of the ablation of KD-Loss.

    Its Tough-Teacher is the lesson's KTL student; its Tolerant-Teacher is that student's prediction,
    softened by the shape model. The student regresses coordinates, from the same pairs and labels.

    Args:
        name: a row of `stages.kd_loss.ABLATION`.
    """
    parts = [f"{name}_{_variant(lesson, lesson.strategy)}"]
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
        **ABLATION[name],
    )
    return _get_or_train(lesson, train_kd_loss, config)


def _get_or_train(lesson: Lesson, stage: Callable[..., Any], config: StageConfig) -> Path:
    """As `studies.reuse.get_or_train`, but never replaces networks of another scale."""
    check_scale(lesson.work, lesson.scale)
    return get_or_train(stage, config)


def _data(lesson: TransferLesson, strategy: str) -> CachedSyntheticFaces:
    """The labelled pairs for `none`, all pairs, some of them labelled, for other strategies."""
    if strategy == "none":
        return lesson.data(pairs=lesson.labels)
    return lesson.data(labelled=lesson.labels)


def _variant(lesson: TransferLesson, strategy: str) -> str:
    """The part of a folder's name that distinguishes runs of one stage."""
    parts = [strategy.replace("+", "-")]
    if strategy != "none":
        parts += [lesson.decay, lesson.guide]
    return "_".join([*parts, f"{lesson.labels}labels", f"s{lesson.seed}"])
