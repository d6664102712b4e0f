"""What a change of the architecture must leave as it is, to the byte.

Tables of results, run folders and weights of earlier versions stay valid only while hashes, JSON texts
and file formats are the same. The values are in tests/pins/*.json, one file a section:

runs          hashes of all runs that experiments/*.yaml plan, and which rows of results/*.csv they give
configs       JSON texts of configs; the text of a config is in config.json and decides its hash
weights       bytes of saved weights, names and shapes of tensors, the bundled model
manifests     bytes of metadata.jsonl of every reader; for one set of library versions
training      weights, metrics and results of short trainings, synthetic faces, simulated thermal images;
              for one processor type and one set of library versions
folders       files of run folders and the keys of provenance.json
commands      commands of the command line and their options

Write them again, all or the named sections, from the root of the project:

    OMP_NUM_THREADS=1 python -m tests.test_pins --write [SECTION ...]

Warning: a pin is rewritten only on purpose, where the change of the value is the aim of the change of
the code, and the commit says why. A pin that fails after a refactoring is an error of the refactoring.
Sections "manifests" and "training" get further entries by `--write` on other machines; entries of other
machines stay. Run it on code that is known to be right.

"runs" uses a fixed stamp for every data set, so that no data are needed. Stored rows of 300W with
simulated thermal images cannot be reproduced: their hash contains that of the manifest, so of all its
images, and those depend on the processor. On one machine OpenCV with IPP, with IPP's SSE4.2 code and
without IPP writes three different manifests (2,202 of 2,236 rows differ), none of which is that of the
stored tables, written on an AMD EPYC; see "not_planned" in runs.json. Their planned hashes are pinned
with the fixed stamp all the same. When the pins were first written, the code of the commits that added
the tables planned the same hashes with that stamp: of the stored rows' hashes only the stamp is unknown.
"""

import argparse
import csv
import hashlib
import importlib
import json
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import pytest
import timm
import torch
import typer
import yaml
from pydantic import BaseModel, ValidationError
from setuptools import find_packages

from data_prep.prepare import prepare
from data_prep.readers.parsing.description import Description
from data_prep.simulation.simulate import SimulationSettings
from mlcmkd.attribution.methods import Settings
from mlcmkd.cli import app
from mlcmkd.course.cached_faces import CachedSyntheticFaces
from mlcmkd.course.lesson import Lesson
from mlcmkd.course.notebook_run import NotebookRun
from mlcmkd.course.notebook_study import NotebookStudyConfig
from mlcmkd.course.notebook_study import plan as plan_notebooks
from mlcmkd.course.scales import SCALES
from mlcmkd.data.config import DataConfig
from mlcmkd.data.manifest import MANIFEST, PairRow
from mlcmkd.data.modality import MODALITIES
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, FACE_CENTIKELVIN, Radiometry
from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation
from mlcmkd.deployment import weights as box
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.distillation.strategies import STRATEGIES, Distillation, Weights
from mlcmkd.distillation.two_teachers import KDWeights
from mlcmkd.explorer.view import View
from mlcmkd.models import SIZES, Landmarker, ModelSpec
from mlcmkd.stages.attribute import AttributeConfig
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.export import ExportConfig
from mlcmkd.stages.kd_loss import KDLossConfig, train_kd_loss
from mlcmkd.stages.score import ScoreConfig
from mlcmkd.stages.tolerant import TolerantConfig, train_tolerant
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.config import run_id
from mlcmkd.studies.ktl.plan import SweepConfig
from mlcmkd.studies.ktl.plan import plan as plan_sweep
from mlcmkd.studies.levels.plan import LevelsConfig
from mlcmkd.studies.levels.plan import plan as plan_levels
from mlcmkd.studies.path import PathConfig
from mlcmkd.studies.students.config import StudentsConfig
from mlcmkd.studies.students.plan import plan as plan_students
from mlcmkd.studies.students.teachers import teachers_of
from mlcmkd.training.config import FitConfig
from mlcmkd.training.provenance import manifest_stamp
from mlcmkd.training.run_directory import CONFIG, METRICS, PROVENANCE, RESULT, WEIGHTS
from tests.data_prep.sources import SOURCES

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "tests" / "pins"
EXPERIMENTS, TABLES = ROOT / "experiments", ROOT / "results"


def stored(section: str) -> dict[str, Any]:
    """A section's pins."""
    return json.loads((PINS / f"{section}.json").read_text(encoding="utf-8"))


def sha256(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


# --- runs ---------------------------------------------------------------------------------------

STAMP = "a fixed stamp, for tests, of "


@contextmanager
def fixed_stamps() -> Iterator[None]:
    """`manifest_stamp` answers without data, in every module that has imported it."""

    def stamp(source: str) -> str | None:
        return manifest_stamp(source) if source == "synthetic" else STAMP + source

    changed = [
        module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "mlcmkd"
        and getattr(module, "manifest_stamp", None) is manifest_stamp
    ]
    with pytest.MonkeyPatch.context() as patch:
        for module in changed:
            patch.setattr(module, "manifest_stamp", stamp)
        assert len(changed) >= 2, "the module that defines it, and the one that hashes runs"
        yield


@cache
def planned(file: Path) -> dict[str, list[str]]:
    """The hashes of all runs of a parameter file, in order; empty for a file of one run.

    Called with `fixed_stamps` only.

    Of light students also those of the networks that teach them ("big"): RGB teacher, Tolerant-Teacher
    and KTL student of every benchmark and number of labels.
    """
    fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    if "table" not in fields:
        return {}
    if "notebook" in fields:  # the hash of the cells changes with every word of the lesson
        runs = [each.config for each in plan_notebooks(NotebookStudyConfig.model_validate(fields))]
        return {"runs": [each.model_copy(update={"cells": "0" * 16}).name for each in runs]}
    if "networks" in fields:
        config = StudentsConfig.model_validate(fields)
        light = list(plan_students(config))
        big = []
        for name, labelled in dict.fromkeys((each.benchmark, each.labelled) for each in light):
            teachers = teachers_of(config, name, labelled)
            big += [run_id(each, teachers.rgb, config.split) for each in teachers]
        return {"runs": [each.run for each in light], "big": list(dict.fromkeys(big))}
    if "compress" in fields:
        return {"runs": [each.run for each in plan_levels(LevelsConfig.model_validate(fields))]}
    return {"runs": [each.run for each in plan_sweep(SweepConfig.model_validate(fields))]}


def table_rows(file: Path) -> list[dict[str, str]]:
    """Rows of the stored table of a parameter file; none where it was never run."""
    fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    table = ROOT / fields.get("table", "none")
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


def study_files() -> list[str]:
    return sorted(path.name for path in EXPERIMENTS.glob("*.yaml"))


def runs_section() -> dict[str, Any]:
    found: dict[str, Any] = {"studies": {}, "tables": {}}
    with fixed_stamps():
        for name in study_files():
            there = planned(EXPERIMENTS / name)
            if not there:
                continue
            found["studies"][name] = there
            runs = [row["run"] for row in table_rows(EXPERIMENTS / name)]
            if runs:
                ours = set(sum(there.values(), []))
                found["tables"][name] = {
                    "planned": [run for run in runs if run in ours],
                    "not_planned": [run for run in runs if run not in ours],
                    "reason": "" if ours.issuperset(runs) else OTHER_STAMP,
                }
    return found


OTHER_STAMP = (
    "the hash contains that of the manifest data/300w, whose simulated thermal images depend on the "
    "processor; the tables' manifest could not be written again"
)


def same(found: list[str], expected: list[str], what: str) -> None:
    """Compares two long lists; the message names the first difference, not all of both."""
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        assert ours == theirs, f"{what}: number {number} is {ours}, expected {theirs}"
    assert len(found) == len(expected), f"{what}: {len(found)}, expected {len(expected)}"


@pytest.mark.parametrize("name", study_files())
def test_every_run_has_the_hash_it_had(name):
    expected = stored("runs")["studies"].get(name, {})
    with fixed_stamps():
        found = planned(EXPERIMENTS / name)
    assert set(found) == set(expected)
    for kind in expected:
        same(found[kind], expected[kind], f"{name}, {kind}")


def test_every_parameter_file_is_pinned_or_is_one_run():
    assert set(stored("runs")["studies"]) <= set(study_files())
    alone = set(study_files()) - set(stored("runs")["studies"])
    assert alone == {
        *("300w_path.yaml", "300w_path_rendered.yaml", "300w_light_mixed.yaml"),
        *("bundled_rgb.yaml", "bundled_thermal.yaml"),
    }, "write the pins of a new study"


@pytest.mark.parametrize("name", [name for name in study_files() if table_rows(EXPERIMENTS / name)])
def test_stored_rows_are_still_known_to_their_study(name):
    """No row of a results table would be computed again, where that can be checked without data."""
    pins = stored("runs")["tables"][name]
    runs = [row["run"] for row in table_rows(EXPERIMENTS / name)]
    assert {*pins["planned"], *pins["not_planned"]} <= set(runs), "the table lost rows"
    with fixed_stamps():
        there = planned(EXPERIMENTS / name)
    assert set(pins["planned"]) <= set(sum(there.values(), []))


def test_a_teacher_that_starts_from_weights_is_known_by_their_bytes(tmp_path):
    weights = tmp_path / "a.safetensors"
    weights.write_bytes(b"weights")
    config = TransferConfig(out="a", teacher="b", seed=1)
    teacher = TrainConfig(out="c", init=weights)
    assert run_id(config, teacher, "val") == stored("runs")["teacher_init"]
    (tmp_path / "moved.safetensors").write_bytes(b"weights")
    moved = teacher.model_copy(update={"init": tmp_path / "moved.safetensors"})
    assert run_id(config, moved, "val") == stored("runs")["teacher_init"]


def teacher_init() -> str:
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "a.safetensors"
        weights.write_bytes(b"weights")
        config = TransferConfig(out="a", teacher="b", seed=1)
        return run_id(config, TrainConfig(out="c", init=weights), "val")


# --- configs ------------------------------------------------------------------------------------

THERMAL = {"modality": "thermal", "radiometry": FACE_CELSIUS}
ROW = {
    "id": "anna/1",
    "subject": "anna",
    "split": "train",
    "rgb_file_name": "rgb/a.jpg",
    "thermal_file_name": "thermal/a.png",
    "landmarks": [(n + 0.25, n / 3) for n in range(68)],
    "box": (1, 2, 30.5, 40),
    "scheme": "ibug68",
    "radiometry": FACE_CENTIKELVIN,
    "rgb_sha256": "0" * 64,
    "thermal_sha256": "1" * 64,
    "source": "ibug_pts",
    "labels": "hand",
}


@cache
def configs() -> dict[str, BaseModel]:
    """Configs by a name; required paths have fixed values."""
    out, weights = Path("runs/x"), Path("runs/y/model.safetensors")
    made: dict[str, BaseModel] = {
        "FitConfig": FitConfig(),
        "FitConfig accumulate": FitConfig(accumulate=2),
        "FitConfig nodes": FitConfig(nodes=2, devices="auto", precision="bf16-mixed"),
        "Augmentation": Augmentation(),
        "Augmentation none": NO_AUGMENTATION,
        "Augmentation clean": Augmentation(clean_rgb=True, rotation=6),
        "Distillation": Distillation(),
        "Distillation weights": Distillation(strategy="fd+ld", weights={"fd": 8, "ld": 1e-9}),
        "Weights": Weights(),
        "KDWeights": KDWeights(),
        "DataConfig": DataConfig(),
        "DataConfig source": DataConfig(source="data/300w", pairs=500, labelled=0, misalignment=4),
        "CachedSyntheticFaces": CachedSyntheticFaces(cache=Path("cache")),
        "TrainConfig": TrainConfig(out=out),
        "TrainConfig init": TrainConfig(out=out, init=weights, fit={"accumulate": 2, "nodes": 2}),
        "TransferConfig": TransferConfig(out=out, teacher=weights),
        "CompressConfig": CompressConfig(out=out, teacher=weights),
        "CompressConfig head": CompressConfig(out=out, teacher=weights, head="coordinate"),
        "CompressConfig one step": CompressConfig(
            out=out, teacher=weights, one_step=True, distillation={"weights": {"ri": 5}}
        ),
        "EvaluateConfig": EvaluateConfig(out=out, weights=weights),
        "TolerantConfig": TolerantConfig(out=out),
        "KDLossConfig": KDLossConfig(out=out),
        "KDLossConfig teachers": KDLossConfig(
            out=out, tough=weights, tolerant=weights, weights={"tough": 0}, loss="l1-answers"
        ),
        "ExportConfig": ExportConfig(out=out, weights=weights),
        "AttributeConfig": AttributeConfig(out=out, rgb=weights, thermal=weights),
        "ScoreConfig": ScoreConfig(predictions=Path("a"), annotations=Path("b")),
        "PathConfig": PathConfig(out=out),
        "Radiometry": FACE_CELSIUS,
        "Radiometry centikelvin": FACE_CENTIKELVIN,
        "Radiometry counts": Radiometry(
            kind="counts", low=18, high=40, gain=0.04, offset=-273.15
        ),
        "Radiometry palette": Radiometry(
            kind="palette", low=18, high=40, palette="iron", scale_celsius=(20, 40)
        ),
        "PairRow": PairRow(**ROW),
        "PairRow facts": PairRow(
            **ROW, group="a+b", visible=[True] * 68, facts={"metres": 1.5}, assumed="order"
        ),
        "Card": Card(
            mlcmkd="0", kind="crop", scheme="ibug68", points=68, input_px=64, crop_scale=1.4,
            size="slim", head="heatmap", confidence="mass", **THERMAL,
        ),
        "NotebookRun": NotebookRun(
            notebook="03_ktl_dikd.ipynb", cells="0" * 16, parameters={"seed": 0, "decay": "cosine"}
        ),
        "Lesson": Lesson(),
        "Settings": Settings(),
        "SimulationSettings": SimulationSettings(),
        "Description": Description(),
        "View": View(rgb_model="teacher", thermal_model="student"),
        "ModelSpec": ModelSpec(),
        "300w_path.yaml": one_run(PathConfig, "300w_path.yaml"),
        "bundled_rgb.yaml": one_run(TrainConfig, "bundled_rgb.yaml"),
        "bundled_thermal.yaml": one_run(TrainConfig, "bundled_thermal.yaml"),
    }  # fmt: skip
    for size in SIZES:
        made[f"ModelSpec {size} rgb"] = ModelSpec(size=size, head="coordinate", input_px=224)
        made[f"ModelSpec {size} thermal"] = ModelSpec(size=size, normalisation="fixed", **THERMAL)
    made |= {f"Scale {name}": scale for name, scale in SCALES.items()}
    made |= {f"Weights {name}": weights for name, weights in STRATEGIES.items()}
    return made


def one_run(kind: type[BaseModel], name: str) -> BaseModel:
    fields = yaml.safe_load((EXPERIMENTS / name).read_text(encoding="utf-8"))
    return kind.model_validate({**fields, "out": "runs/x"})


def configs_section() -> dict[str, Any]:
    made = configs()
    return {
        "json": {name: each.model_dump_json() for name, each in made.items()},
        # `checkpoint` knows a training by these; an unfinished one resumes only while they are the same.
        "repr": {name: repr(made[name]) for name in REPR},
        "notebook_run": made["NotebookRun"].name,
    }


REPR = ("FitConfig", "FitConfig nodes", "Augmentation", "Distillation", "Distillation weights")


def test_configs_have_the_text_they_had():
    pins = stored("configs")
    found = {name: each.model_dump_json() for name, each in configs().items()}
    assert set(found) == set(pins["json"])
    for name, text in found.items():
        assert text == pins["json"][name], name
    for name in REPR:
        assert repr(configs()[name]) == pins["repr"][name], name
    assert configs()["NotebookRun"].name == pins["notebook_run"]


def test_configs_are_read_back_from_their_text():
    for name, each in configs().items():
        if name != "CachedSyntheticFaces":  # its cache is not written
            assert type(each).model_validate_json(stored("configs")["json"][name]) == each, name


def test_configs_are_strict_about_names_and_cannot_be_changed():
    for name, each in configs().items():
        kind = type(each)
        if kind is not Card:  # a card passes over what other programs add
            with pytest.raises(ValidationError, match="Extra inputs"):
                kind.model_validate({**dict(each), "no_such_field": 1})
        with pytest.raises(ValidationError, match="frozen"):
            setattr(each, next(iter(kind.model_fields)), None)
            pytest.fail(name)


# --- weights ------------------------------------------------------------------------------------

NETWORKS = {
    "light rgb": {"size": "light"},
    "light thermal": {"size": "light", **THERMAL},
    "slim rgb": {"size": "slim"},
    "slim thermal": {"size": "slim", **THERMAL},
    "mobilenetv2 coordinate rgb": {"size": "mobilenetv2", "head": "coordinate"},
    "mobilenetv2 coordinate thermal": {"size": "mobilenetv2", "head": "coordinate", **THERMAL},
}


def filled(**spec: Any) -> Landmarker:
    """A network whose parameters and buffers have values that are exact in float32."""
    model = Landmarker(ModelSpec(input_px=64, **spec))
    for number, value in enumerate(model.state_dict().values()):
        fill = (torch.arange(value.numel()) * 7 + number) % 251 - 125
        if value.is_floating_point():
            fill = fill / 256
        value.copy_(fill.to(value.dtype).view(value.shape))
    return model


def saved_bytes(**spec: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        filled(**spec).save(Path(folder) / WEIGHTS)
        return sha256((Path(folder) / WEIGHTS).read_bytes())


def shapes(size: str) -> dict[str, str]:
    """Digests of names and shapes of a size's tensors, for every head and modality."""
    found = {}
    for head in ("heatmap", "coordinate"):
        for modality in ("rgb", "thermal"):
            given = THERMAL if modality == "thermal" else {}
            with torch.device("meta"):
                model = Landmarker(ModelSpec(size=size, head=head, input_px=64, **given))
            lines = [f"{name} {tuple(value.shape)}" for name, value in model.state_dict().items()]
            found[f"{head} {modality}"] = sha256("\n".join(sorted(lines)))[:16]
    return found


def weights_section() -> dict[str, Any]:
    return {
        "versions": {"timm": timm.__version__, "safetensors": version("safetensors")},
        "files": {name: saved_bytes(**spec) for name, spec in NETWORKS.items()},
        "shapes": {size: shapes(size) for size in SIZES},
        "bundled": {
            modality: sha256(box.bundled_weights(modality).read_bytes()) for modality in MODALITIES
        },
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_saved_weights_have_the_bytes_they_had(name):
    assert saved_bytes(**NETWORKS[name]) == stored("weights")["files"][name]


@pytest.mark.parametrize("size", SIZES)
def test_tensors_have_the_names_and_shapes_they_had(size):
    pins = stored("weights")
    assert shapes(size) == pins["shapes"][size], f"pinned with {pins['versions']}"


def test_the_sizes_are_those_that_are_pinned():
    assert list(SIZES) == list(stored("weights")["shapes"])


@pytest.mark.parametrize(("modality", "size"), [("rgb", "half"), ("thermal", "slim")])
def test_the_bundled_models_are_the_same_and_load(tmp_path, modality, size):
    pinned = stored("weights")["bundled"][modality]
    assert sha256(box.bundled_weights(modality).read_bytes()) == pinned
    model = Landmarker.load(box.bundled_weights(modality))
    assert (model.spec.size, model.spec.modality, model.spec.input_px) == (size, modality, 64)
    model.save(tmp_path / WEIGHTS, half=modality == "rgb")
    assert sha256((tmp_path / WEIGHTS).read_bytes()) == pinned
    assert box.model_card(modality).startswith("---\n") and "\n# The bundled" in box.model_card(
        modality
    )


# --- manifests ----------------------------------------------------------------------------------


def image_key() -> str:
    """Versions of the libraries that write pixels: names of image files are hashes of their bytes."""
    return f"numpy {np.__version__}, opencv {cv2.__version__}, pillow {PIL.__version__}"


def manifest_of(name: str, folder: Path, **options: Any) -> dict[str, str]:
    """Digests of a small source's manifest and of the names of all files beside it."""
    (folder / "source").mkdir()
    SOURCES[name](folder / "source")
    out = folder / "out"
    prepare(name, folder / "source", out, progress=False, workers=1, **options)
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    return {
        "manifest": sha256((out / MANIFEST).read_bytes()),
        "files": sha256("\n".join(files)),
    }


def manifests_section() -> dict[str, Any]:
    found = {}
    for name in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = manifest_of(name, Path(folder))
    return {image_key(): found}


def pinned_here(section: str, key: str) -> dict[str, Any]:
    """The pins of these versions or of this processor; skips the test where there are none."""
    pins = stored(section)
    if key not in pins:
        pytest.skip(f"pinned for {' and for '.join(pins)}; here is {key}")
    return pins[key]


@pytest.mark.parametrize("name", SOURCES)
def test_a_manifest_has_the_bytes_it_had(name, tmp_path):
    expected = pinned_here("manifests", image_key())
    assert manifest_of(name, tmp_path) == expected[name]


# --- training -----------------------------------------------------------------------------------

DATA = {"synthetic_train": 12, "synthetic_held": 8}  # enough for the invariance that KTL logs
FIT = {"steps": 3, "batch": 4, "evaluations": 3, "accelerator": "cpu"}
STRATEGY = {"strategy": "dikd+fd+ld"}
STUDENT = {"data": DATA | {"labelled": 8}, "fit": FIT}


def machine_key() -> str:
    """What decides the last digits of a training: processor type and versions."""
    cpuinfo = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    words = dict(re.findall(r"^(vendor_id|flags)\s*: (.*)$", cpuinfo, re.MULTILINE))
    flags = {"avx512_bf16", "amx_bf16"} & set(words.get("flags", "").split())
    processor = [words.get("vendor_id", "unknown"), torch.backends.cpu.get_cpu_capability()]
    return (
        f"{' '.join([*processor, *sorted(flags)])}, torch {torch.__version__}, "
        f"timm {timm.__version__}, numba {version('numba')}, {image_key()}"
    )


def trained(root: Path) -> None:
    """One short run of every training stage, and one evaluation, below `root`."""
    rgb, student = root / "teacher" / WEIGHTS, root / "student" / WEIGHTS
    small = {"size": "slim", "input_px": 32, "fit": FIT, "data": DATA}
    train(TrainConfig(out=root / "teacher", **small), progress=False)
    train_tolerant(TolerantConfig(out=root / "tolerant", **small), progress=False)
    transfer(
        TransferConfig(out=root / "student", teacher=rgb, distillation=STRATEGY, **STUDENT),
        progress=False,
    )
    compress(
        CompressConfig(
            out=root / "light", teacher=student, size="light", distillation=STRATEGY, **STUDENT
        ),
        progress=False,
    )
    compress(
        CompressConfig(
            out=root / "one-step",
            teacher=rgb,
            head="coordinate",
            one_step=True,
            distillation=STRATEGY | {"decay": "constant", "guide": "own", "weights": {"ri": 2}},
            data=DATA | {"pairs": 8, "misalignment": 1},
            fit=FIT | {"accumulate": 2, "batch": 2},
            seed=1,
        ),
        progress=False,
    )
    train_kd_loss(
        KDLossConfig(
            out=root / "kd-loss",
            tough=student,
            tolerant=root / "tolerant" / WEIGHTS,
            modality="thermal",
            size="light",
            input_px=32,
            **STUDENT,
        ),
        progress=False,
    )
    train(
        TrainConfig(
            out=root / "baseline",
            modality="thermal",
            size="mobilenetv2",
            head="coordinate",
            normalisation="fixed",
            input_px=32,
            augmentation={"clean_rgb": True, "photometry": 0.5},
            data=DATA | {"labelled": 8},
            fit=FIT | {"precision": "bf16-mixed"},
        ),
        progress=False,
    )
    evaluate(EvaluateConfig(out=root / "score", weights=student, data=DATA), progress=False)


RUNS = ("teacher", "tolerant", "student", "light", "one-step", "kd-loss", "baseline", "score")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def numbers_of(run: Path) -> dict[str, Any]:
    """What a run computed; nothing that names a folder."""
    found: dict[str, Any] = {}
    if (run / WEIGHTS).is_file():
        found["weights"] = sha256((run / WEIGHTS).read_bytes())
        found["metrics"] = (run / METRICS).read_text(encoding="utf-8").splitlines()
    for table in sorted(run.glob("*.csv")):
        found[table.name] = sha256(table.read_bytes())
    result = read_json(run / RESULT)
    found["result"] = {name: value for name, value in result.items() if name != "weights"}
    return found


def faces_digest(split: str) -> str:
    faces = synthetic_faces(split, 4, seed=3)
    digest = hashlib.sha256()
    for values in (faces.rgb, faces.thermal, faces.landmarks, faces.identity):
        digest.update(np.ascontiguousarray(values).tobytes())
    for name in sorted(faces.attributes):
        digest.update(f"{name} {faces.attributes[name].tolist()}".encode())
    return digest.hexdigest()


def pictures() -> dict[str, Any]:
    """Synthetic faces and simulated thermal images."""
    with tempfile.TemporaryDirectory() as folder:
        twins = manifest_of("ibug_pts", Path(folder), simulate_thermal=True)
    return {
        "faces": {split: faces_digest(split) for split in ("train", "val", "test")},
        "simulated thermal": twins["manifest"],
    }


def training_section(root: Path) -> dict[str, Any]:
    return {machine_key(): {"runs": {name: numbers_of(root / name) for name in RUNS}, **pictures()}}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pins")
    trained(root)
    return root


@pytest.mark.parametrize("name", RUNS)
def test_a_training_gives_the_numbers_it_gave(name, made):
    expected = pinned_here("training", machine_key())["runs"][name]
    found = numbers_of(made / name)
    # First what tells most about a difference, the digest of the weights last.
    assert found["result"] == expected["result"]
    same(found.get("metrics", []), expected.get("metrics", []), f"{name}, metrics")
    assert found == expected


def test_pictures_have_the_pixels_they_had():
    expected = pinned_here("training", machine_key())
    found = pictures()
    assert found == {name: expected[name] for name in found}


# --- run folders --------------------------------------------------------------------------------


def folder_of(run: Path) -> dict[str, list[str]]:
    """Files of a run, keys of what it tells about itself, in order."""
    return {
        "files": sorted(path.name for path in run.iterdir()),
        **{name: list(read_json(run / name)) for name in (CONFIG, PROVENANCE, RESULT)},
        "libraries": list(read_json(run / PROVENANCE)["libraries"]),
        "stage": read_json(run / PROVENANCE)["stage"],
    }


def folders_section(root: Path) -> dict[str, Any]:
    return {name: folder_of(root / name) for name in RUNS}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_folder_holds_what_it_held(name, made):
    assert folder_of(made / name) == stored("folders")[name]


def test_config_json_is_the_config_with_two_spaces(made):
    text = (made / "teacher" / CONFIG).read_text(encoding="utf-8")
    assert text == TrainConfig.model_validate_json(text).model_dump_json(indent=2)


# --- packaging ----------------------------------------------------------------------------------


def commands_section() -> dict[str, list[str]]:
    """The options and arguments of every command, in the order of `--help`."""
    group = typer.main.get_command(app)
    return {
        name: [
            "/".join([*each.opts, *each.secondary_opts]) if each.param_type_name == "option"
            else each.name.upper()
            for each in command.params
        ]
        for name, command in group.commands.items()
    }  # fmt: skip


def test_commands_take_the_options_they_took():
    found, expected = commands_section(), stored("commands")
    assert list(found) == list(expected)
    for name, options in expected.items():
        assert found[name] == options, name


def test_the_console_script_leads_to_the_command_line():
    """tests/test_packaging.py installs the wheel and runs it; this test fails sooner."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(project["scripts"]) == ["mlcmkd"]
    module, _, function = project["scripts"]["mlcmkd"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_the_bundled_model_lies_in_a_package_that_packs_it():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "setuptools"
    ]
    package = ".".join(box.bundled_weights().parent.relative_to(ROOT).parts)
    assert package in find_packages(ROOT, include=tools["packages"]["find"]["include"])
    bundled = {
        name
        for files in box.FILES.values()
        for name in (files.weights, files.card, files.detector, files.graph, files.detector_graph)
    }
    assert bundled <= set(tools["package-data"][package])


# --- writing ------------------------------------------------------------------------------------


def write(names: list[str]) -> None:
    """Writes sections anew; those that depend on the machine keep the entries of other machines."""
    folder = Path(tempfile.mkdtemp())
    if {"training", "folders"} & set(names):
        trained(folder)
    make: dict[str, Callable[[], dict[str, Any]]] = {
        "runs": lambda: runs_section() | {"teacher_init": teacher_init()},
        "configs": configs_section,
        "weights": weights_section,
        "manifests": manifests_section,
        "training": lambda: training_section(folder),
        "folders": lambda: folders_section(folder),
        "commands": commands_section,
    }
    PINS.mkdir(exist_ok=True)
    for name in names or make:
        found = make[name]()
        path = PINS / f"{name}.json"
        if name in ("manifests", "training") and path.is_file():
            found = stored(name) | found
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
    shutil.rmtree(folder)


SECTIONS = ("runs", "configs", "weights", "manifests", "training", "folders", "commands")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes the pins again; see the docstring first.")
    parser.add_argument("--write", nargs="*", choices=SECTIONS, required=True, metavar="SECTION")
    torch.set_num_threads(1)
    write(parser.parse_args().write or list(SECTIONS))
