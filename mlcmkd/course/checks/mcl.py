"""Checks of the exercises of lesson 04."""

from typing import Any

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    as_number,
    call_function,
    check_finding,
    check_table,
    check_value,
)


def adapters(answer: Any, teacher_width: int, student_width: int) -> str:
    """Number of parameters of the two 1x1 adapters of MCL together."""
    weights, biases = teacher_width * student_width, teacher_width + student_width
    check_value(
        as_number(answer, "parameters"),
        2 * weights + biases,
        "parameters",
        [
            (2 * weights, "each output channel also has a bias"),
            (weights + teacher_width, "this is only `to_teacher`; FI needs the other direction"),
            (
                weights + student_width,
                "this is only `to_student`; FD and RI need the other direction",
            ),
            (18 * weights + biases, "the kernels are 1x1, not 3x3"),
            (
                2 * weights + 2 * teacher_width,
                "one of the two has the student's width as its output",
            ),
            (
                2 * weights + 2 * student_width,
                "one of the two has the teacher's width as its output",
            ),
        ],
        rel=1e-6,
    )
    return "Right: both directions, with biases; they are not part of the student's checkpoint."


def file_size(answer: Any, parameters: int, size: int) -> str:
    """Predicted size of a float32 checkpoint in MB (10^6 bytes).

    Args:
        parameters: of the network; size: of its file, bytes.
    """
    value = as_number(answer, "megabytes")
    right = 4 * parameters / 1e6
    check_value(
        value,
        right,
        "megabytes",
        [
            (32 * parameters / 1e6, "these are bits; a byte has eight"),
            (2 * parameters / 1e6, "half precision has two bytes; these weights are float32"),
            (8 * parameters / 1e6, "double precision has eight bytes; these weights are float32"),
            (parameters / 1e6, "this is one byte per parameter; a float32 has four"),
            (4 * parameters, "these are bytes; a megabyte has a million"),
            (4 * parameters / 1e3, "these are kilobytes"),
        ],
        rel=0.06,  # MiB and the true file size are also accepted
    )
    rest = 100 * (size - 4 * parameters) / size
    return (
        f"Right: the file has {size / 1e6:.2f} MB. The other {rest:.1f} % are the BatchNorm buffers "
        "and the model's specification."
    )


class _Clock:
    """A clock advanced by an artificial network: slow at first, then constant, with interruptions."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, 0

    def __call__(self) -> float:
        return self.now

    def model(self) -> None:
        self.now += 0.100 if self.calls < 5 else 0.400 if self.calls % 10 == 7 else 0.004
        self.calls += 1


def timed(function: Any) -> str:
    """A function (call, clock) to the typical milliseconds of a call, from at least 20 calls.

    `clock()` returns seconds. The first five calls of the artificial network are slow; later, every
    tenth call is interrupted.
    """
    clock = _Clock()
    value = as_number(call_function(function, "timed", clock.model, clock), "timed(...)")
    if clock.calls < 20:
        raise NotYet(f"timed: {clock.calls} calls are too few for a typical time; use 20 or more")
    if abs(value - 4) < 0.01:
        return "Right: the median without warm-up, in milliseconds."
    if abs(value - 0.004) < 1e-4:
        raise NotYet("timed: 1000 times too small: the clock returns seconds")
    if value > 4.01:
        raise NotYet(
            f"timed: {value:.1f} ms, but a typical call takes 4. Two effects increase a *mean*: warm-up "
            "in the first calls, and rare interruptions. Exclude the first calls and take the median"
        )
    raise NotYet(f"timed: {value:.4g} ms is shorter than every call; did you divide twice?")


def costs(rows: Any, text: Any) -> str:
    """Form of the open experiment: parameters and time of several networks."""
    value = check_table(rows, ("parameters", "ms"), "rows", least=3)
    if min(as_number(row["ms"], "ms") for row in value) <= 0:
        raise NotYet("rows: a time of zero or less; check the clock")
    check_finding(text)
    return FORM
