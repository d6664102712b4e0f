"""Checks of the exercises of lesson 04."""

from typing import Any

from mlcmkd.course.checks.answers import FORM, NotYet, agree, call, finding, number, table


def adapters(answer: Any, teacher_width: int, student_width: int) -> str:
    """How many parameters MCL's two 1x1 adapters have together."""
    weights, biases = teacher_width * student_width, teacher_width + student_width
    agree(
        number(answer, "parameters"),
        2 * weights + biases,
        "parameters",
        [
            (2 * weights, "each output channel has a bias as well"),
            (weights + teacher_width, "that is `to_teacher` alone; FI needs a way back"),
            (weights + student_width, "that is `to_student` alone; FD and RI need a way there"),
            (18 * weights + biases, "the kernels are 1x1, not 3x3"),
            (2 * weights + 2 * teacher_width, "one of the two has the student's width as output"),
            (2 * weights + 2 * student_width, "one of the two has the teacher's width as output"),
        ],
        rel=1e-6,
    )
    return "Right: there and back, with biases; and none of it is left when teaching is over."


def file_size(answer: Any, parameters: int, size: int) -> str:
    """A prediction of a float32 checkpoint's size in MB (10^6 bytes), from its parameters.

    Args:
        parameters: of the network; size: of its file, bytes.
    """
    found = number(answer, "megabytes")
    right = 4 * parameters / 1e6
    agree(
        found,
        right,
        "megabytes",
        [
            (32 * parameters / 1e6, "those are bits; a byte has eight"),
            (2 * parameters / 1e6, "half precision has two bytes; these weights are float32"),
            (8 * parameters / 1e6, "double precision has eight bytes; these weights are float32"),
            (parameters / 1e6, "that is a byte a parameter; a float32 has four"),
            (4 * parameters, "those are bytes; a megabyte has a million"),
            (4 * parameters / 1e3, "those are kilobytes"),
        ],
        rel=0.06,  # also MiB, and the file's true size
    )
    rest = 100 * (size - 4 * parameters) / size
    return (
        f"Right: the file has {size / 1e6:.2f} MB. The other {rest:.1f} % are BatchNorm's buffers "
        "and the description of the model."
    )


class _Clock:
    """A clock that a made-up network moves: slow at first, then steady, once interrupted."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, 0

    def __call__(self) -> float:
        return self.now

    def model(self) -> None:
        self.now += 0.100 if self.calls < 5 else 0.400 if self.calls % 10 == 7 else 0.004
        self.calls += 1


def timed(function: Any) -> str:
    """A function (call, clock) to the typical milliseconds of a call, by at least 20 calls.

    `clock()` gives seconds. The first five calls of the network in this check are slow, and later
    every tenth is interrupted by another program.
    """
    clock = _Clock()
    found = number(call(function, "timed", clock.model, clock), "timed(...)")
    if clock.calls < 20:
        raise NotYet(
            f"timed: {clock.calls} calls are too few to say what is typical; make 20 or more"
        )
    if abs(found - 4) < 0.01:
        return "Right: warm-up left out, median taken, milliseconds."
    if abs(found - 0.004) < 1e-4:
        raise NotYet("timed: 1000 times too small: the clock gives seconds")
    if found > 4.01:
        raise NotYet(
            f"timed: {found:.1f} ms, but a typical call takes 4. Two things pull a *mean* up: the first "
            "calls, which warm up, and rare interruptions. Leave out the first, take the median"
        )
    raise NotYet(f"timed: {found:.4g} ms is less than any call took; did you divide twice?")


def costs(rows: Any, text: Any) -> str:
    """The form of the open experiment: parameters and time of several networks."""
    found = table(rows, ("parameters", "ms"), "rows", least=3)
    if min(number(row["ms"], "ms") for row in found) <= 0:
        raise NotYet("rows: a time of zero or less; look at the clock")
    finding(text)
    return FORM
