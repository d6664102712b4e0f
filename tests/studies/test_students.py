"""Light students from one parameter file: the plan, the runs, the table, the latencies."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mlcmkd.deployment.onnx.session import load_onnx
from mlcmkd.evaluation.cost import Latency
from mlcmkd.evaluation.frontier import COLUMNS, read_rows
from mlcmkd.models import Landmarker
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.studies import runner
from mlcmkd.studies.runner import run_study
from mlcmkd.studies.students import speed as students_speed
from mlcmkd.studies.students.config import StudentsConfig
from mlcmkd.studies.students.plan import STAGES, plan
from mlcmkd.studies.students.run import StudentsStudy
from mlcmkd.studies.students.teachers import large_networks, teachers_of
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.locks import file_lock
from tests.tiny import NARROW, TINY, tiny_sizes

FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}


def fields(out: Path, **changed) -> dict:
    return {
        "table": out / "frontier.csv",
        "out": out / "runs",
        "benchmarks": {
            "tiny": {
                "data": {"source": "synthetic", "synthetic_train": 12, "synthetic_held": 4},
                "names": {"rgb": "tiny-rgb", "thermal": "tiny-thermal"},
                "teacher": {"size": TINY, "input_px": 32, "fit": FIT},
            }
        },
        "transfer": {"fit": FIT},
        "student": {"fit": FIT},
        "networks": {
            "light coordinate": {"size": NARROW, "head": "coordinate"},
            "light": {"size": NARROW},
        },
        "methods": {
            "task": {"stage": "train"},
            "l2": {"stage": "kd-loss", "fields": {"loss": "l2"}},
            "kd-loss": {"stage": "kd-loss"},
            "dikd": {"stage": "compress", "fields": {"distillation": {"strategy": "dikd"}}},
            "dikd, int8": {
                "stage": "compress",
                "fields": {"distillation": {"strategy": "dikd"}},
                "int8": True,
            },
        },
        "grids": [
            {
                "name": "all",
                "benchmarks": ["tiny"],
                "modalities": ["thermal"],
                "networks": ["light coordinate"],
                "methods": ["task", "l2", "kd-loss", "dikd"],
                "seeds": [0, 1],
            }
        ],
        **changed,
    }


def config(out: Path, **changed) -> StudentsConfig:
    return StudentsConfig.model_validate(fields(out, **changed))


def rgb(out: Path) -> StudentsConfig:
    grid = fields(out)["grids"][0] | {"modalities": ["rgb"], "methods": ["kd-loss"], "seeds": [0]}
    return config(out, grids=[grid], tolerant={"variance": 0.8})


def networks(there: StudentsConfig, planned) -> dict:
    return {students_speed.network_of(there, each): each.config.data for each in planned}


def speeds(plain: float, int8: float):
    """A fake measurement by the name of the file."""
    return lambda path: Latency(*3 * [int8 if path.name == "int8.onnx" else plain])


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with tiny_sizes():
        yield


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory) -> Iterator[None]:
    """Networks are exported for their latency, whatever their weights: each once for all tests."""
    folder, files = tmp_path_factory.mktemp("exported"), {}
    export = students_speed.export_onnx

    def cached(model: Landmarker, path: Path, kind: str) -> None:
        key = (model.spec.model_dump_json(), kind)
        if key not in files:
            files[key] = folder / f"{len(files)}.onnx"
            export(model, files[key], kind)
        shutil.copyfile(files[key], path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(students_speed, "export_onnx", cached)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory, in_this_process, exported_once):
    """A small table, made without a cluster."""
    out = tmp_path_factory.mktemp("students")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(students_speed, "file_latency_ms", speeds(1.5, 0.5))
        assert run_study(StudentsStudy(config(out)), say=lambda _: None) == []
        assert run_study(StudentsStudy(rgb(out)), say=lambda _: None) == []
        # Weights are kept, so the 8-bit student is made from the same student without another training.
        first = config(out, keep_weights=True, grids=[eight(out, "dikd")])
        (float_run,) = [each for each in plan(first)]
        compress(float_run.config, progress=False)
        patch.setitem(STAGES, "compress", (CompressConfig, None))
        int8 = config(out, keep_weights=True, grids=[eight(out, "dikd, int8")])
        assert run_study(StudentsStudy(int8), say=lambda _: None) == []
    return out


FEW = ["task", "l1", "l1, answers", "kd-loss", "dikd"]


def few(out: Path, **changed) -> StudentsConfig:
    grid = fields(out)["grids"][0] | {"labelled": 6, "methods": FEW}
    plain = {"l1": "l1", "l1, answers": "l1-answers"}
    methods = fields(out)["methods"] | {
        name: {"stage": "kd-loss", "fields": {"loss": loss}} for name, loss in plain.items()
    }
    return config(out, grids=[grid | {"seeds": [0]} | changed], methods=methods)


def eight(out: Path, method: str) -> dict:
    return fields(out)["grids"][0] | {"methods": [method], "seeds": [0]}


def rows_of(out: Path) -> list[dict]:
    with (out / "frontier.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_table_has_the_teachers_once_and_every_student(made):
    rows = rows_of(made)
    assert tuple(rows[0]) == COLUMNS
    keys = [(row["benchmark"], row["model"], row["method"], row["seed"]) for row in rows]
    assert len(set(keys)) == len(keys) and len({row["run"] for row in rows}) == len(rows)
    methods = {"teacher", "ktl", "task", "l2", "kd-loss", "dikd", "dikd, int8"}
    assert {each[2] for each in keys} == methods
    assert sum(each[2] == "teacher" for each in keys) == 1
    assert {each[0] for each in keys if each[2] == "ktl"} == {"tiny-thermal"}
    assert len(keys) == 2 + 4 * 2 + 1 + 1


def test_with_few_labels_the_ktl_student_has_none_and_the_rgb_teacher_all(tmp_path):
    big = teachers_of(few(tmp_path), "tiny", 6)
    assert (big.rgb.data.labelled, big.ktl.data.labelled) == (None, 0)
    all_labels = teachers_of(few(tmp_path), "tiny")
    assert big.rgb == all_labels.rgb and big.ktl.out != all_labels.ktl.out
    for each in plan(few(tmp_path)):
        assert each.config.data.labelled == 6 and "tiny, 6 labels" in each.label
        taught = getattr(each.config, "teacher", None) or getattr(each.config, "tough", None)
        assert taught in (None, big.ktl.out / WEIGHTS)
    runs = {each.run for each in plan(few(tmp_path))}
    assert runs.isdisjoint(each.run for each in plan(few(tmp_path, labelled=None)))
    with pytest.raises(InputError, match="RGB students have all labels"):
        list(plan(few(tmp_path, modalities=["rgb"])))


def test_students_of_few_labels_are_separate_in_the_table(
    tmp_path, monkeypatch, in_this_process, exported_once
):
    monkeypatch.setattr(students_speed, "file_latency_ms", speeds(1.5, 0.5))
    assert run_study(StudentsStudy(few(tmp_path)), say=lambda _: None) == []
    rows = rows_of(tmp_path)
    assert {row["benchmark"] for row in rows} == {"tiny-thermal, 6 labels"}
    assert [row["method"] for row in rows] == ["ktl", *FEW]
    labelled = {
        row["run"]: json.loads((tmp_path / "runs" / row["run"] / "provenance.json").read_text())
        for row in rows[1:]
    }
    # Pairs without a label are used only with a teacher.
    assert [facts["pairs"] for facts in labelled.values()] == [6, 6, 12, 12, 12]
    assert [facts["labelled"] for facts in labelled.values()] == [6] * 5
    ktl = json.loads((tmp_path / "runs/ktl-tiny-no-labels/provenance.json").read_text())
    assert ktl["labelled"] == 0
    monkeypatch.setattr(
        students_speed, "file_latency_ms", None
    )  # the table knows the networks' speeds
    later = few(tmp_path, seeds=[1])
    planned = [*large_networks(later, "tiny", 6, {"thermal"}), *plan(later)]
    assert set(students_speed.latencies(later, networks(later, planned)).values()) == {1.5}


def test_costs_belong_to_the_network(made):
    rows = {(row["method"], row["modality"]): row for row in rows_of(made)}
    teacher = Landmarker.load(made / "runs/teacher-tiny" / WEIGHTS)
    assert int(rows["teacher", "rgb"]["params"]) == teacher.parameter_count()
    # The network is the same for every method: with MCL, too, it has the head of the parameter file.
    assert rows["dikd", "thermal"]["params"] == rows["kd-loss", "thermal"]["params"]
    assert rows["task", "thermal"]["flops"] == rows["kd-loss", "thermal"]["flops"]


def test_the_8_bit_student_is_the_same_student_quantised(made):
    plain, twin = (
        next(row for row in rows_of(made) if (row["method"], row["seed"]) == (method, "0"))
        for method in ("dikd", "dikd, int8")
    )
    assert twin["params"] == plain["params"] and twin["run"] != plain["run"]
    assert (plain["latency_ms"], twin["latency_ms"]) == ("1.5", "0.5")
    assert twin["nme"] != plain["nme"]
    assert float(twin["nme"]) == pytest.approx(float(plain["nme"]), rel=0.1)


def test_a_network_has_one_speed_in_a_table(made, tmp_path, monkeypatch):
    """New rows take it from older rows; another head, or 8 bits, is another network."""
    monkeypatch.setattr(students_speed, "file_latency_ms", speeds(9.5, 7.5))

    def latencies(table, *methods):
        there = config(made, table=table)
        left = [next(plan(config(made, grids=[eight(made, each)]))) for each in methods]
        found = students_speed.latencies(there, networks(there, left))
        return [found[students_speed.network_of(there, each)] for each in left]

    methods = ("task", "kd-loss", "dikd", "dikd, int8")
    assert latencies(made / "frontier.csv", *methods) == [1.5, 1.5, 1.5, 0.5]
    assert latencies(tmp_path / "none.csv", *methods) == [9.5, 9.5, 9.5, 7.5]
    rows = rows_of(made)
    kept = [row for row in rows if row["method"] == "task" and row["seed"] == "0"]
    with (tmp_path / "some.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(kept)
    assert latencies(tmp_path / "some.csv", *methods) == [1.5, 1.5, 1.5, 7.5]
    other = students_speed.timed_network(config(made), "tiny", "thermal", "light", "dikd")
    assert other not in students_speed.table_latencies(config(made))


def copied(made: Path, there: Path, **changed) -> StudentsConfig:
    """The config of a copy of the table, with methods of all its rows."""
    (there / "frontier.csv").write_bytes((made / "frontier.csv").read_bytes())
    return config(made, table=there / "frontier.csv", **changed)


def test_all_networks_are_measured_again_in_turns(made, tmp_path, monkeypatch):
    there, turns, lines = copied(made, tmp_path), [], []
    order = {f"rgb {TINY}": [5.0, 1.0, 4.0, 2.0, 3.0], "int8": [0.25] * 5}

    def clock(path):
        card = load_onnx(path).card
        eight_bits = path.name == "int8.onnx"
        name = "int8" if eight_bits else f"{card.modality} {card.size}"
        turns.append(name)
        return Latency(*3 * [order.get(name, [7.0] * 5)[turns.count(name) - 1]])

    monkeypatch.setattr(students_speed, "file_latency_ms", clock)
    students_speed.retime_table(there, progress=False, say=lines.append)
    names = turns[: len(set(turns))]
    assert len(set(names)) == len(names) and turns == names * students_speed.ROUNDS
    before, after = rows_of(made), rows_of(tmp_path)
    latencies = {(row["modality"], row["method"]): row.pop("latency_ms") for row in after}
    assert latencies["rgb", "teacher"] == "3.0"  # the median over the rounds
    assert latencies["thermal", "dikd, int8"] == "0.25" and latencies["thermal", "dikd"] == "7.0"
    assert after == [{k: v for k, v in row.items() if k != "latency_ms"} for row in before]
    assert any(line.startswith(f"{TINY}, heatmap, rgb input: 3.000 ms") for line in lines)
    assert len(lines) == len(names)


def test_a_failed_measurement_leaves_the_table_unchanged(made, tmp_path, monkeypatch):
    there = copied(made, tmp_path)
    before = there.table.read_bytes()
    unknown = config(
        made, table=there.table, methods=fields(made)["methods"] | {"gone": {"stage": "train"}}
    )
    foreign = before.replace(b",task,", b",elsewhere,", 1)
    there.table.write_bytes(foreign)
    with pytest.raises(
        InputError, match=r"line \d+ \(tiny-thermal, .*elsewhere\) belongs to no network"
    ):
        students_speed.retime_table(unknown, progress=False)
    assert there.table.read_bytes() == foreign
    there.table.write_bytes(before)

    def broken(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(students_speed, "file_latency_ms", broken)
    with pytest.raises(KeyboardInterrupt):
        students_speed.retime_table(there, progress=False)
    with file_lock(there.table), pytest.raises(InputError, match="use --time when it is done"):
        students_speed.retime_table(there, progress=False)
    assert there.table.read_bytes() == before
    (tmp_path / "empty.csv").write_text(",".join(COLUMNS) + "\n")
    for name in ("none.csv", "empty.csv"):
        with pytest.raises(InputError, match="no rows yet"):
            students_speed.retime_table(config(tmp_path, table=tmp_path / name), progress=False)


def test_completed_runs_are_reused(made, monkeypatch):
    before = rows_of(made)
    monkeypatch.setattr(runner, "run_jobs", None)
    lines = []
    assert run_study(StudentsStudy(config(made)), say=lines.append) == []
    assert lines == ["8 students, 8 done, 0 to do"] and rows_of(made) == before


def test_teachers_of_each_method(tmp_path):
    there = config(tmp_path)
    big = teachers_of(there, "tiny")
    by_method = {each.method: each.config for each in plan(there)}
    assert by_method["kd-loss"].tough == big.ktl.out / WEIGHTS
    assert by_method["kd-loss"].tolerant is None  # the softened twin
    assert by_method["dikd"].teacher == big.ktl.out / WEIGHTS
    assert by_method["dikd"].head == "coordinate"  # the network's; its teacher makes heatmaps
    timed = {each.method: students_speed.network_of(there, each).spec.head for each in plan(there)}
    assert set(timed.values()) == {"coordinate"}
    assert by_method["l2"].tough is None
    (each,) = plan(rgb(tmp_path))
    assert each.config.tough == big.rgb.out / WEIGHTS
    assert each.config.tolerant == big.tolerant.out / WEIGHTS


def test_the_head_is_omitted_if_it_is_the_teachers(tmp_path):
    """So that hashes are those of tables from before a student could have another head."""
    grid = fields(tmp_path)["grids"][0] | {"networks": ["light"], "methods": ["dikd"]}
    assert {each.config.head for each in plan(config(tmp_path, grids=[grid]))} == {None}


def test_fields_of_a_method_override_those_of_its_network(tmp_path):
    networks = {
        "one": {"size": "light", "fields": {"fit": {"steps": 5, "learning_rate": 0.01}}},
        "other": {"size": "light"},
    }
    methods = {"long": {"stage": "train", "fields": {"fit": {"steps": 7}}}}
    grid = fields(tmp_path)["grids"][0] | {"networks": list(networks), "methods": ["long"]}
    found = config(tmp_path, networks=networks, methods=methods, grids=[grid | {"seeds": [0]}])
    one, other = (each.config.fit for each in plan(found))
    assert (one.steps, one.learning_rate) == (7, 0.01)
    assert (other.steps, other.learning_rate) == (7, 0.002)


def test_the_hash_of_a_run_depends_on_its_config_and_not_on_its_folder(tmp_path):
    def runs(**changed) -> set[str]:
        return {each.run for each in plan(config(tmp_path, **changed))}

    first = runs()
    assert len(first) == 8
    assert {each.run for each in plan(config(tmp_path / "elsewhere"))} == first
    assert not runs(transfer={"fit": FIT, "seed": 3}) & first  # another Tough-Teacher
    assert not runs(student={"fit": FIT | {"steps": 3}}) & first


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"benchmarks": ["huge"]}, "benchmark 'huge' is not among tiny"),
        ({"networks": ["giant"]}, "network 'giant'"),
        ({"methods": ["magic"]}, "method 'magic'"),
        ({"modalities": ["rgb"], "methods": ["dikd"]}, "MCL, which is thermal"),
        ({"methods": ["rounded"]}, "method 'rounded': tables mark 8 bits by the name"),
    ],
)
def test_impossible_grids_are_refused(tmp_path, grid, message):
    changed = fields(tmp_path)["grids"][0] | grid
    methods = fields(tmp_path)["methods"] | {"rounded": {"stage": "train", "int8": True}}
    with pytest.raises(InputError, match=message):
        list(plan(config(tmp_path, grids=[changed], methods=methods)))


def test_the_8_bit_student_is_not_scored_on_its_calibration_faces(tmp_path):
    grid = eight(tmp_path, "dikd, int8")
    with pytest.raises(InputError, match="calibrated on validation faces"):
        list(plan(config(tmp_path, grids=[grid], split="val")))


def test_a_misspelt_field_of_a_method_is_named(tmp_path):
    methods = fields(tmp_path)["methods"] | {"kd-loss": {"stage": "kd-loss", "fields": {"los": 1}}}
    with pytest.raises(InputError, match="method 'kd-loss': los"):
        list(plan(config(tmp_path, methods=methods)))


EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FILES = [
    EXPERIMENTS / "students.yaml",
    EXPERIMENTS / "coordinate_students.yaml",
    *sorted(EXPERIMENTS.glob("kd_loss_*.yaml")),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_parameter_file_can_be_planned(path):
    there = StudentsConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    planned = list(plan(there))
    assert len(planned) >= 9 and there.table.parent == Path("results")
    methods = {each.method.split(",")[0] for each in planned}
    assert methods >= {"tough", "tolerant", "kd-loss"}
    # The controls without a teacher are in one of the tables that share them.
    assert ("l2" in methods) == (path.stem != "kd_loss_teachers")


def test_teachers_with_rows_are_those_of_the_students_modalities(made):
    there = config(made)

    def modalities(students):
        return [each.modality for each in large_networks(there, "tiny", None, students)]

    assert modalities({"rgb"}) == ["rgb"] and modalities({"thermal"}) == ["rgb", "thermal"]


def test_a_modality_without_a_name_is_refused_before_the_first_training(tmp_path):
    tiny = fields(tmp_path)["benchmarks"]["tiny"] | {"names": {"rgb": "tiny-rgb"}}
    with pytest.raises(InputError, match="benchmark 'tiny' has no name for thermal students"):
        list(plan(config(tmp_path, benchmarks={"tiny": tiny})))


def test_the_table_can_be_read_back(made, tmp_path):
    rows = read_rows(made / "frontier.csv")
    assert len(rows) == len(rows_of(made)) and isinstance(rows[0].params, int)
    (tmp_path / "bad.csv").write_text("benchmark,seed\na,b\n")
    with pytest.raises(InputError, match="bad.csv, line 2"):
        read_rows(tmp_path / "bad.csv")
    with pytest.raises(InputError, match="no such table"):
        read_rows(tmp_path / "none.csv")
