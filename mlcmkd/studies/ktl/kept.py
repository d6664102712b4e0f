"""The runs of a KTL sweep whose weights were kept, for measurements on its students."""

from mlcmkd.studies.ktl.plan import PlannedTransfer, SweepConfig, plan
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError


def kept_runs(config: SweepConfig) -> list[PlannedTransfer]:
    """The planned runs whose weights, and those of their teacher, exist; the sweep has to keep them.

    Only students of their teacher's size: measures of features need an equal width, and adapters between
    widths are not stored.

    Raises:
        InputError: there is none.
    """
    kept = [
        run
        for run in plan(config)
        if run.config.size in (None, run.teacher.size)
        and (run.out / WEIGHTS).is_file()
        and run.config.teacher.is_file()
    ]
    if not kept:
        raise InputError(
            f"{config.out}: no weights of a student of its teacher's size; run the sweep with "
            "keep_weights"
        )
    return kept
