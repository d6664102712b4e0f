"""The whole path in one call, and its table."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch

from mlcmkd.data.thermal.radiometry import GREY8
from mlcmkd.models import Landmarker
from mlcmkd.stages.completed import is_complete
from mlcmkd.stages.transfer import TransferConfig
from mlcmkd.studies.path import TABLE, PathConfig, as_table, run_path
from mlcmkd.training.run_directory import CONFIG, WEIGHTS
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    """A thermal manifest of 54 points, 8-bit grey, which nothing is trained on."""
    folder = tmp_path_factory.mktemp("unseen")
    (folder / "thermal").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for n, split in enumerate(("val", "test", "test")):
        name = f"thermal/{n}.png"
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (60, 80), dtype=np.uint8))
        rows.append(
            {
                "id": f"frame{n}",
                "subject": f"driver{n}",
                "split": split,
                "thermal_file_name": name,
                "landmarks": rng.uniform(10, 50, (54, 2)).tolist(),
                "scheme": "sf_tl54",
                "radiometry": GREY8.model_dump(),
            }
        )
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory, unseen):
    return PathConfig(
        out=tmp_path_factory.mktemp("path"),
        data={"synthetic_train": 12, "synthetic_held": 4},
        zero_shot=unseen,
        size="small",
        input_px=32,
        train=FIT,
        transfer=FIT,
        compress=FIT,
    )


@pytest.fixture(scope="module")
def rows(config):
    return run_path(config, progress=False)


def test_every_model_is_scored_on_every_benchmark_it_can_read(rows):
    found = {(r["model"], r["reads"], r["split"], r["normaliser"], r["faces"]) for r in rows}
    expected = {("RGB teacher", "rgb", "test", "inter-ocular", 4)}
    for model in ("RGB teacher", "KTL student", "light student"):
        expected.add((model, "thermal", "test", "inter-ocular", 4))
        expected.add((model, "thermal", "val", "box", 1))
        expected.add((model, "thermal", "test", "box", 2))
    assert found == expected and len(rows) == len(expected)


def test_teacher_and_light_student_start_from_given_weights(config, tmp_path):
    """With a tiny learning rate they equal their start; the KTL student is not concerned."""
    starts = {"init": ("teacher", "small", "rgb"), "light_init": ("light", "slim", "thermal")}
    for seed, (name, (_, size, modality)) in enumerate(starts.items()):
        make_model(size, modality, seed=7 + seed).save(tmp_path / f"{name}.safetensors")
    still = FIT | {"steps": 1, "learning_rate": 1e-12, "weight_decay": 0}
    given = config.model_dump() | {
        "out": tmp_path / "runs",
        "zero_shot": None,
        "train": still,
        "compress": still,
        **{name: tmp_path / f"{name}.safetensors" for name in starts},
    }
    run_path(PathConfig(**given), progress=False)
    for name, (folder, *_) in starts.items():
        start = dict(Landmarker.load(tmp_path / f"{name}.safetensors").named_parameters())
        found = dict(Landmarker.load(tmp_path / "runs" / folder / WEIGHTS).named_parameters())
        assert all(torch.allclose(start[each], found[each], atol=1e-8) for each in start), name


def test_a_split_that_is_missing_is_found_before_the_training(config, unseen, tmp_path):
    for name in ("data", "zero_shot"):
        folder = tmp_path / name
        folder.mkdir()
        rows = (unseen / "metadata.jsonl").read_text().replace('"test"', '"train"')
        (folder / "metadata.jsonl").write_text(rows)
        place = {"data": {"source": str(folder)}} if name == "data" else {"zero_shot": folder}
        there = PathConfig(**{"out": tmp_path / "out", **place})
        with pytest.raises(InputError, match=f"{name}: no row in split 'test'"):
            run_path(there, progress=False)
    assert not (tmp_path / "out").exists()


def test_the_table_on_disk_and_in_print_is_the_rows(config, rows):
    with (config.out / TABLE).open(encoding="utf-8") as file:
        kept = list(csv.DictReader(file))
    assert [float(row["nme_percent"]) for row in kept] == [row["nme_percent"] for row in rows]
    printed = as_table(rows).splitlines()
    assert len(printed) == len(rows) + 2
    assert f"{rows[0]['nme_percent']:.2f} [" in printed[2]
    assert all(line.count("|") == printed[0].count("|") for line in printed)


def test_what_stands_is_scored_again_but_not_made_again(config, rows, capsys):
    files = [config.out / name / WEIGHTS for name in ("teacher", "student", "light")]
    before = [file.stat().st_mtime_ns for file in files]
    assert run_path(config, progress=False) == rows
    assert [file.stat().st_mtime_ns for file in files] == before
    assert "steps" not in capsys.readouterr().out


def test_a_run_stands_for_its_own_config_only(config, rows):
    settings = json.loads((config.out / "student" / CONFIG).read_text())
    kept = TransferConfig.model_validate(settings)
    assert is_complete(kept)
    # A run of an earlier version, which did not know some field: its default was in force.
    written = json.loads((kept.out / "config.json").read_text())
    del written["augmentation"]["clean_rgb"]
    (kept.out / "config.json").write_text(json.dumps(written))
    assert is_complete(kept)
    (kept.out / "config.json").write_text(json.dumps({**written, "size": "huge"}))
    assert not is_complete(kept), "a config that no model takes"
    (kept.out / "config.json").write_text(json.dumps(written))
    assert not is_complete(kept.model_copy(update={"seed": 1}))
    assert not is_complete(kept.model_copy(update={"out": config.out / "elsewhere"}))
    teacher = config.out / "teacher" / WEIGHTS
    teacher.touch()
    assert is_complete(kept)
    teacher.write_bytes(teacher.read_bytes() + b" ")  # a teacher made anew outdates its student
    assert not is_complete(kept)
