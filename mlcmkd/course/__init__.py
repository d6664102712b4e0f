"""What the notebooks share: scales, checked parameters, runs made once, and the whole series."""

from mlcmkd.course.lesson import (
    AttributionLesson,
    CompressLesson,
    Lesson,
    TransferLesson,
    check_parameters,
)
from mlcmkd.course.made import light, student, teacher
from mlcmkd.course.scales import SCALES, Scale
from mlcmkd.course.series import run_course
from mlcmkd.course.tables import (
    COLUMNS,
    all_runs,
    compare,
    markdown_table,
    results,
    scores_of,
    title_of,
)

__all__ = [
    "COLUMNS",
    "SCALES",
    "AttributionLesson",
    "CompressLesson",
    "Lesson",
    "Scale",
    "TransferLesson",
    "all_runs",
    "check_parameters",
    "compare",
    "light",
    "markdown_table",
    "results",
    "run_course",
    "scores_of",
    "student",
    "teacher",
    "title_of",
]
