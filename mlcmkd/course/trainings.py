"""The trainings of the lessons as jobs of their own.

A lesson trains what it teaches, one network after the other. `make course` trains the same networks
before, in processes of one thread each, so that no core waits; the lessons then find completed runs.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from mlcmkd.course.lesson import KDLossLesson, TransferLesson
from mlcmkd.course.lesson_runs import (
    Head,
    kd_loss_run,
    light_student_run,
    student_run,
    teacher_run,
)
from mlcmkd.stages.kd_loss import ABLATION, PLAIN

FEW = 10  # labels of the students at the head of lesson 03
FACES, TEACHER, STUDENT = "faces", "RGB teacher", "student dikd"
SPLITS = ("train", "val", "test")


class Training(NamedTuple):
    """A job that a lesson needs.

    Attributes:
        lesson: number of the lesson that teaches it.
        after: names of the trainings whose networks it starts from.
        run: trains with the parameters of a lesson, or finds a completed run.
    """

    lesson: str
    after: tuple[str, ...]
    run: Callable[[TransferLesson], object]


def _few(lesson: TransferLesson) -> TransferLesson:
    return lesson.model_copy(update={"labelled": min(FEW, lesson.labels)})


def _faces(lesson: TransferLesson) -> None:
    for split in SPLITS:
        lesson.data().cache_file(split)


def _student(strategy: str, few: bool = False, head: Head | None = None) -> Training:
    def run(lesson: TransferLesson) -> Path:
        return student_run(_few(lesson) if few else lesson, strategy, head)

    return Training("03", (TEACHER,), run)


def _light(strategy: str) -> Training:
    return Training("04", (STUDENT,), lambda lesson: light_student_run(lesson, strategy))


def _kd_loss(name: str) -> Training:
    after = FACES if name in PLAIN else STUDENT
    return Training("05", (after,), lambda lesson: kd_loss_run(KDLossLesson(**dict(lesson)), name))


# In the order in which they start: those that others wait for come first.
TRAININGS: dict[str, Training] = {
    FACES: Training("00", (), _faces),
    TEACHER: Training("00", (FACES,), teacher_run),
    STUDENT: _student("dikd"),
    "student fd+ld": _student("fd+ld"),
    "student none": _student("none"),
    "student dikd, 10 labels": _student("dikd", few=True),
    "student none, 10 labels": _student("none", few=True),
    **{
        f"student {strategy}, coordinates": _student(strategy, few=True, head="coordinate")
        for strategy in ("dikd+fd+ld", "dikd", "fd+ld", "none")
    },
    **{f"light {strategy}": _light(strategy) for strategy in ("dikd", "fd+ld", "none")},
    **{f"KD-Loss: {name}": _kd_loss(name) for name in ABLATION},
}


def trainings_of(lessons: Sequence[str]) -> dict[str, Training]:
    """The trainings that some lessons teach, in the order of `TRAININGS`.

    Args:
        lessons: their numbers, such as "03".
    """
    return {name: each for name, each in TRAININGS.items() if each.lesson in lessons}


def run_training(name: str, parameters: dict[str, Any], threads: int | None) -> float:
    """Runs a training of `TRAININGS` in this process; returns its minutes.

    Args:
        name: of the training.
        parameters: of the lessons.
        threads: of the arithmetic; None for what the environment or torch chooses.
    """
    import torch  # takes seconds

    if threads is not None:
        torch.set_num_threads(threads)
    started = time.monotonic()
    # Several processes would write their progress over each other; errors are raised all the same.
    with (
        open(os.devnull, "w", encoding="utf-8") as nothing,
        redirect_stdout(nothing),
        redirect_stderr(nothing),
    ):
        TRAININGS[name].run(TransferLesson(**parameters))
    return (time.monotonic() - started) / 60
