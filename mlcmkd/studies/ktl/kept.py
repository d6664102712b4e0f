"""The runs of a KTL sweep whose weights were kept, for measurements on its students."""

from mlcmkd.distillation.adapters import Adapters
from mlcmkd.models import SIZES
from mlcmkd.studies.ktl.plan import PlannedTransfer, SweepConfig, plan
from mlcmkd.training.run_directory import ADAPTERS, WEIGHTS
from mlcmkd.utils.errors import InputError


def kept_runs(config: SweepConfig) -> list[PlannedTransfer]:
    """The planned runs whose weights, and those of their teacher, exist; the sweep has to keep them.

    Raises:
        InputError: there is none.
    """
    kept = [
        run
        for run in plan(config)
        if (run.out / WEIGHTS).is_file() and run.config.teacher.is_file()
    ]
    if not kept:
        raise InputError(f"{config.out}: no weights of a student; run the sweep with keep_weights")
    return kept


def has_equal_features(run: PlannedTransfer) -> bool:
    """Whether the student's features have the width and the resolution of its teacher's."""
    teacher, student = (
        SIZES.find(name) for name in (run.teacher.size, run.config.size or run.teacher.size)
    )
    return (teacher.width, teacher.stride) == (student.width, student.stride)


def adapters_of(run: PlannedTransfer) -> Adapters:
    """The adapters that a run has trained; none if its strategy or equal features need none.

    Raises:
        InputError: the run needs them and does not have them, because an earlier version made it.
    """
    weights = run.config.distillation.resolved()
    if has_equal_features(run) or not (weights.fd or weights.ri or weights.fi):
        return Adapters(None, None)
    path = run.out / ADAPTERS
    if not path.is_file():
        raise InputError(
            f"{path}: missing, because an earlier version made this run; delete its folder and its row "
            "and repeat the sweep"
        )
    return Adapters.load(path)
