"""Light students of every method, in RGB and in thermal, with the costs of each network.

One parameter file (`experiments/students.yaml`) names the networks, the methods and the seeds. The
teachers are trained once for each benchmark: the RGB teacher (Tough-Teacher of RGB students), its
Tolerant-Teacher, and the KTL student (teacher of MCL, and Tough-Teacher of thermal students, whose
Tolerant-Teacher is its own prediction softened by the shape model). A row gives a network's error,
parameters, FLOPs and latency.
"""

from collections.abc import Iterable, Sequence

from mlcmkd.evaluation.cost import flops
from mlcmkd.evaluation.frontier import COLUMNS, benchmark_label
from mlcmkd.models import Landmarker
from mlcmkd.stages.export import ExportConfig, export
from mlcmkd.stages.tolerant import train_tolerant
from mlcmkd.stages.train import train
from mlcmkd.stages.transfer import transfer
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.scores import nme_percent
from mlcmkd.studies.students.config import StudentsConfig
from mlcmkd.studies.students.plan import STAGES, PlannedStudent, plan
from mlcmkd.studies.students.speed import TimedNetwork, latencies, network_of
from mlcmkd.studies.students.teachers import LargeNetwork, large_networks, teachers_of
from mlcmkd.studies.study import Row, Say, Study, without_repeats
from mlcmkd.training.run_directory import WEIGHTS


class StudentsStudy(Study[PlannedStudent]):
    """The table of light students as a study.

    Attributes:
        keep_weights: value of the config; also True if 8-bit students are missing (from `prepare`).
        latency_ms: milliseconds per face of each network, from `prepare`.
    """

    units = "students"

    def __init__(self, config: StudentsConfig) -> None:
        super().__init__(config.table, COLUMNS)
        self.config = config
        self.keep_weights = config.keep_weights
        self.latency_ms: dict[TimedNetwork, float] = {}

    def plan(self) -> Iterable[PlannedStudent]:
        return plan(self.config)

    def prepare(
        self, missing: Sequence[PlannedStudent], rows: Sequence[dict[str, str]], say: Say
    ) -> list[Row]:
        """Trains the teachers and measures the latencies.

        Returns:
            The rows of teachers that the table lacks. Teachers are not part of the plan, because they
            must be trained before the students, and the missing students decide which teachers are
            needed.
        """
        teachers: list[LargeNetwork] = []
        for name, labelled in dict.fromkeys((each.benchmark, each.labelled) for each in missing):
            students = [s for s in missing if (s.benchmark, s.labelled) == (name, labelled)]
            train_teachers(self.config, name, labelled, students)
            modalities = {student.modality for student in students}
            teachers += large_networks(self.config, name, labelled, modalities)
        hashes = {row["run"] for row in rows}
        teachers = [each for each in without_repeats(teachers) if each.run not in hashes]
        self.keep_weights |= any(student.int8 for student in missing)
        networks = [*teachers, *missing]
        self.latency_ms = latencies(
            self.config, {network_of(self.config, each): each.config.data for each in networks}
        )
        return [self._teacher_row(teacher) for teacher in teachers]

    def _teacher_row(self, teacher: LargeNetwork) -> Row:
        config, split = teacher.config, self.config.split
        weights, score = config.out / WEIGHTS, config.out / f"score-{split}"
        model = Landmarker.load(weights)
        nme = nme_percent(weights, config.data, score, split, teacher.modality)
        return self.row(teacher, _result(model, nme))

    def make(self, planned: PlannedStudent) -> Row:
        """Trains one light student, quantises it if its method is int8, and scores it."""
        config, split = planned.config, self.config.split
        weights = get_or_train(STAGES[planned.stage][1], config, progress=False) / WEIGHTS
        model = Landmarker.load(weights)
        if planned.int8:
            int8 = ExportConfig(
                out=config.out / "int8", weights=weights, kind="crop", int8=True, data=config.data
            )
            nme = export(int8, progress=False)["int8"]["nme_percent"]
        else:
            score = config.out / f"score-{split}"
            nme = nme_percent(weights, config.data, score, split, planned.modality)
        if not self.keep_weights:
            weights.unlink(missing_ok=True)
        return _result(model, nme)

    def row(self, planned: PlannedStudent | LargeNetwork, result: Row) -> Row:
        names = self.config.benchmarks[planned.benchmark].names
        network = network_of(self.config, planned)
        return {
            "benchmark": benchmark_label(names[planned.modality], planned.labelled),
            "modality": planned.modality,
            "model": planned.network,
            "input_px": network.spec.input_px,
            "method": planned.method,
            "seed": planned.config.seed,
            "latency_ms": self.latency_ms[network],
            "run": planned.run,
            **result,
        }


def train_teachers(
    config: StudentsConfig, name: str, labelled: int | None, students: Iterable[PlannedStudent]
) -> None:
    """Trains the teachers that these students need, if they are missing."""
    teachers = teachers_of(config, name, labelled)
    needed = {(student.modality, student.stage) for student in students}
    get_or_train(train, teachers.rgb)
    if ("rgb", "kd-loss") in needed:
        get_or_train(train_tolerant, teachers.tolerant)
    if "thermal" in {modality for modality, _ in needed}:
        get_or_train(transfer, teachers.ktl)


def _result(model: Landmarker, nme: float) -> Row:
    return {"nme": nme, "params": model.merged().parameter_count(), "flops": flops(model)}
