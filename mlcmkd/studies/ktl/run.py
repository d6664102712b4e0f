"""The KTL sweep as a study: trains and scores the planned students."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlcmkd.stages.completed import is_run_of, made_from
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.ktl.plan import VAL_NME, PlannedTransfer, SweepConfig, field_of, plan
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.scores import nme_percent, teacher_nme
from mlcmkd.studies.study import Row, Say, Study
from mlcmkd.training.run_directory import ADAPTERS, RESULT, WEIGHTS


class KTLStudy(Study[PlannedTransfer]):
    """The KTL sweep as a study.

    Attributes:
        nme_teacher: NME on RGB in percent of the teacher of each benchmark, from `prepare`.
    """

    def __init__(self, config: SweepConfig) -> None:
        super().__init__(config.table, config.columns)
        self.config = config
        self.nme_teacher: dict[str, float] = {}

    def plan(self) -> Iterable[PlannedTransfer]:
        return plan(self.config)

    def prepare(
        self, missing: Sequence[PlannedTransfer], rows: Sequence[dict[str, str]], say: Say
    ) -> list[Row]:
        """Trains the RGB teachers and scores them."""
        for name in dict.fromkeys(planned.benchmark for planned in missing):
            nme = self.nme_teacher[name] = teacher_nme(self.config, name)
            say(f"{name}: the teacher's NME on RGB, {self.config.split}: {nme:.2f} %")
        return []

    def make(self, planned: PlannedTransfer) -> Row:
        """Trains one student and scores it; the score of a run that was scored before is reused."""
        config, out, split = planned.config, planned.out, self.config.split
        pairs = config.data.load_training(planned.teacher.input_px, config.seed, progress=False)
        labelled = int(pairs.labelled.sum())
        # Without labels and distillation terms there is no loss: the teacher is scored on thermal input.
        trains = labelled > 0 or config.distillation.resolved().any()
        nme = _stored_nme(config, split)
        if nme is None:
            if planned.first is not None:
                get_or_train(transfer, planned.first, progress=False)
            if trains:
                transfer(config, progress=False)
            nme = _score(config, trains, split)
        scores = {"nme": nme}
        if self.config.validation:
            # A training scores its student on the validation split at its end.
            scores[VAL_NME] = _nme_in(out) if trains else _score(config, trains, "val")
        if not self.config.keep_weights:
            for name in (WEIGHTS, ADAPTERS):
                (out / name).unlink(missing_ok=True)
        return {"pairs": len(pairs), "labelled": labelled, **scores}

    def row(self, planned: PlannedTransfer, result: Row) -> Row:
        config, teacher = planned.config, planned.teacher
        return {
            "benchmark": planned.benchmark,
            "model": teacher.size,
            "input_px": teacher.input_px,
            "steps": config.fit.steps,
            "strategy": planned.strategy,
            "decay": config.distillation.decay,
            "init": config.init,
            "seed": config.seed,
            "nme_teacher": self.nme_teacher[planned.benchmark],
            "run": planned.run,
            **result,
            **({"student": planned.student} if planned.student else {}),
            **{name: field_of(config, field, name) for name, field in self.config.extra.items()},
        }


def _score(config: TransferConfig, trained: bool, split: str) -> float:
    """NME in percent, on thermal input, of the student; of the teacher if no student was trained."""
    weights = config.out / WEIGHTS if trained else config.teacher
    return nme_percent(weights, config.data, config.out / f"score-{split}", split, "thermal")


def _stored_nme(config: TransferConfig, split: str) -> float | None:
    """NME in percent of a run that was scored but has no row; None if there is none."""
    score = config.out / f"score-{split}"
    scored = (score / RESULT).is_file() and (config.out / RESULT).is_file() and is_run_of(config)
    # Existing weights may belong to a run that was repeated and interrupted before it was scored.
    if not scored or not made_from(score, {"weights": config.out / WEIGHTS}):
        return None
    return _nme_in(score)


def _nme_in(run: Path) -> float:
    """NME in percent of the result in a run directory."""
    return json.loads((run / RESULT).read_text(encoding="utf-8"))["nme_percent"]
