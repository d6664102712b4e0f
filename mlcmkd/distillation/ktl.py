"""KTL, the knowledge transfer level of MLCM-KD: a frozen RGB teacher and a thermal student.

Both have the same capacity, so that the student's features can be read by the teacher's head and the
other way round without anything in between. DIKD is FI with RI.
"""

from mlcmkd.distillation.objective import DistillationObjective
from mlcmkd.distillation.strategies import Guide, Weights
from mlcmkd.errors import InputError
from mlcmkd.models import Landmarker


class KTL(DistillationObjective):
    """RGB teacher to thermal student of the same width.

    Raises:
        InputError: the widths differ; MCL is the level that bridges them.
    """

    def __init__(
        self, teacher: Landmarker, student: Landmarker, weights: Weights, guide: Guide = "both"
    ):
        if teacher.width != student.width:
            raise InputError(
                f"KTL needs features of one width, not {teacher.width} (teacher) and "
                f"{student.width} (student): transfer to the same size first, then compress"
            )
        super().__init__(teacher, student, weights, guide, teacher_modality="rgb")
