"""Shared code of the notebooks: scales, checked parameters, reused runs, tables, the whole course.

Names are imported at their first use, because a lesson needs few of them and some import slowly.
"""

from contextlib import nullcontext
from typing import TYPE_CHECKING

from mlcmkd.course.import_notice import import_notice
from mlcmkd.utils.lazy import lazy_names

if TYPE_CHECKING:
    from mlcmkd.course.invariance_study import (
        ERRORS,
        rank_correlation_table,
        read_invariance_study,
    )
    from mlcmkd.course.invariance_summary import compare_gaps, summarise_gaps
    from mlcmkd.course.lesson import (
        AttributionLesson,
        CompressLesson,
        InvarianceLesson,
        KDLossLesson,
        Lesson,
        ResultsLesson,
        TransferLesson,
        check_parameters,
    )
    from mlcmkd.course.lesson_runs import kd_loss_run, light_student_run, student_run, teacher_run
    from mlcmkd.course.notebook_run import run_notebook
    from mlcmkd.course.project import RESULTS
    from mlcmkd.course.samples import (
        attribution_models,
        input_of,
        invariance_sample,
        measure_agreement,
        one_per_person,
    )
    from mlcmkd.course.scales import SCALES, Scale
    from mlcmkd.course.series import run_course
    from mlcmkd.course.tables import (
        COLUMNS,
        all_runs,
        compare,
        markdown_table,
        score_all_runs,
        scores_of,
        title_of,
    )
    from mlcmkd.evaluation.invariance.gaps import GAPS, invariance_gaps

__all__ = [
    "COLUMNS",
    "ERRORS",
    "GAPS",
    "RESULTS",
    "SCALES",
    "AttributionLesson",
    "CompressLesson",
    "InvarianceLesson",
    "KDLossLesson",
    "Lesson",
    "ResultsLesson",
    "Scale",
    "TransferLesson",
    "all_runs",
    "attribution_models",
    "check_parameters",
    "compare",
    "compare_gaps",
    "input_of",
    "invariance_gaps",
    "invariance_sample",
    "kd_loss_run",
    "light_student_run",
    "markdown_table",
    "measure_agreement",
    "one_per_person",
    "rank_correlation_table",
    "read_invariance_study",
    "score_all_runs",
    "run_course",
    "run_notebook",
    "scores_of",
    "student_run",
    "teacher_run",
    "title_of",
    "summarise_gaps",
]

# Module -> its public names, as under TYPE_CHECKING.
_NAMES_OF = {
    "mlcmkd.course.invariance_study": (
        "ERRORS",
        "rank_correlation_table",
        "read_invariance_study",
    ),
    "mlcmkd.course.invariance_summary": ("compare_gaps", "summarise_gaps"),
    "mlcmkd.course.lesson": (
        "AttributionLesson",
        "CompressLesson",
        "InvarianceLesson",
        "KDLossLesson",
        "Lesson",
        "ResultsLesson",
        "TransferLesson",
        "check_parameters",
    ),
    "mlcmkd.course.lesson_runs": (
        "kd_loss_run",
        "light_student_run",
        "student_run",
        "teacher_run",
    ),
    "mlcmkd.course.notebook_run": ("run_notebook",),
    "mlcmkd.course.project": ("RESULTS",),
    "mlcmkd.course.samples": (
        "attribution_models",
        "input_of",
        "invariance_sample",
        "measure_agreement",
        "one_per_person",
    ),
    "mlcmkd.course.scales": (
        "SCALES",
        "Scale",
    ),
    "mlcmkd.course.series": ("run_course",),
    "mlcmkd.course.tables": (
        "COLUMNS",
        "all_runs",
        "compare",
        "markdown_table",
        "score_all_runs",
        "scores_of",
        "title_of",
    ),
    "mlcmkd.evaluation.invariance.gaps": ("GAPS", "invariance_gaps"),
}

if not TYPE_CHECKING:
    _import, __dir__ = lazy_names(__name__, _NAMES_OF)

    def __getattr__(name: str) -> object:
        """Imports a public name at its first use; in a notebook, a line says that this takes seconds."""
        with import_notice() if name in __all__ else nullcontext():
            return _import(name)
