"""Checks of the exercises, a file a lesson: what is wrong with an answer, or why it is right.

Each takes a student's answer, raises `NotYet` with what went wrong, or returns praise with the reason.
"""

from mlcmkd.course.checks import (
    attribution,
    invariance,
    kd_loss,
    ktl,
    mcl,
    pairing,
    results,
    teacher,
    tour,
)
from mlcmkd.course.checks.answers import NotYet

__all__ = [
    "NotYet",
    "attribution",
    "invariance",
    "kd_loss",
    "ktl",
    "mcl",
    "pairing",
    "results",
    "teacher",
    "tour",
]
