"""What the notebooks share: scales, checked parameters, runs made once, and the whole series."""

from mlcmkd.course.invariance_summary import contest, gaps, verdict
from mlcmkd.course.lesson import (
    AttributionLesson,
    CompressLesson,
    InvarianceLesson,
    KDLossLesson,
    Lesson,
    TransferLesson,
    check_parameters,
)
from mlcmkd.course.lesson_runs import between_teachers, light, student, teacher
from mlcmkd.course.notebook_run import run_notebook
from mlcmkd.course.scales import SCALES, Scale
from mlcmkd.course.series import RESULTS, run_course
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
    "RESULTS",
    "SCALES",
    "AttributionLesson",
    "CompressLesson",
    "InvarianceLesson",
    "KDLossLesson",
    "Lesson",
    "Scale",
    "TransferLesson",
    "all_runs",
    "between_teachers",
    "check_parameters",
    "compare",
    "contest",
    "gaps",
    "light",
    "markdown_table",
    "results",
    "run_course",
    "run_notebook",
    "scores_of",
    "student",
    "teacher",
    "title_of",
    "verdict",
]
