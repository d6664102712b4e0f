"""Checks of the exercises, one file per lesson.

Each check takes a student's answer. It raises `NotYet` with a description of the mistake, or returns a
confirmation with an explanation.
"""

from mlcmkd.course.checks import (
    attribution,
    invariance,
    kd_loss,
    ktl,
    mcl,
    pairing,
    registration,
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
    "registration",
    "results",
    "teacher",
    "tour",
]
