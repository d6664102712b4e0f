"""The step of `transfer` that registers pairs by landmarks: what it reads, writes, and resumes."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.rig import Rig, seen_by, true_maps
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.distillation.strategies import Weights
from mlcmkd.models import Landmarker
from mlcmkd.stages import transfer as stage
from mlcmkd.stages.registration import register_pairs
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import FIRST, TransferConfig, transfer
from mlcmkd.training.run_directory import PROVENANCE, REGISTRATION, RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

DATA = {"synthetic_train": 12, "synthetic_held": 4, "labelled": 4, "misalignment": 2}
FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}
TRANSLATION = {"motion": "translation"}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    out = tmp_path_factory.mktemp("teacher")
    data = {"synthetic_train": 12, "synthetic_held": 4}
    train(TrainConfig(out=out, size="slim", input_px=32, data=data, fit=FIT), progress=False)
    return out / WEIGHTS


def config(out, teacher, **fields) -> TransferConfig:
    fields = {"data": DATA, "fit": FIT, "registration": TRANSLATION, **fields}
    return TransferConfig(out=out, teacher=teacher, **fields)


@pytest.fixture(scope="module")
def run(teacher, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    transfer(config(out, teacher), progress=False)
    return out


def table(run) -> list[dict[str, str]]:
    with (run / REGISTRATION).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- what a run writes --------------------------------------------------------------------------


def test_a_run_lists_the_map_and_the_residual_of_every_training_pair(run):
    found = table(run)
    assert [row["pair"] for row in found] == [f"synthetic/{n}" for n in range(12)]
    assert sum(int(row["labelled"]) for row in found) == 4
    assert {
        "dx_px",
        "dy_px",
        "rotation_degrees",
        "scale",
        "residual_px",
        "share",
        "left_out",
    } < set(found[0])
    report = json.loads((run / RESULT).read_text())["registration"]
    assert report["pairs"] == 12 and report["labelled"] == 4
    assert report["offset_low_px"] <= report["offset_px"] <= report["offset_high_px"]


def test_the_first_student_is_a_run_of_its_own_that_learns_from_the_labels_alone(run):
    first = json.loads((run / FIRST / "config.json").read_text())
    assert first["distillation"]["strategy"] == "none" and "registration" not in first
    assert first["data"]["misalignment"] == 0  # no RGB image takes part
    assert json.loads((run / FIRST / PROVENANCE).read_text())["pairs"] == 4
    assert Landmarker.load(run / FIRST / WEIGHTS).spec.modality == "thermal"


@pytest.mark.parametrize("init", ["fresh", "teacher", "first"])
def test_the_first_student_is_the_teachers_network_unless_the_student_starts_from_it(
    init, teacher, tmp_path
):
    student = config(tmp_path, teacher, head="coordinate", init=init)
    first = stage.first_student_config(student)
    assert first.init == "teacher"
    assert first.head == ("coordinate" if init == "first" else None)
    other = config(tmp_path, teacher, size="light", head="coordinate", init="fresh")
    assert stage.first_student_config(other) == stage.first_student_config(
        config(tmp_path, teacher, init="fresh")
    )


def test_the_registration_is_not_written_while_it_is_off(teacher, tmp_path):
    fields = json.loads(config(tmp_path, teacher, registration={}).model_dump_json())
    assert not {"registration", "first"} & set(fields)


def test_an_earlier_registration_is_no_part_of_a_run_without(teacher, tmp_path):
    (tmp_path / REGISTRATION).write_text("pair\n")
    transfer(config(tmp_path, teacher, registration={}), progress=False)
    assert not (tmp_path / REGISTRATION).exists() and not (tmp_path / FIRST).exists()
    assert "registration" not in json.loads((tmp_path / RESULT).read_text())


def test_an_interrupted_run_resumes_to_the_same_bytes(run, teacher, tmp_path, monkeypatch):
    trained = stage.train_objective

    def interrupted(objective, pairs, config, **arguments):
        if config.out == tmp_path:
            raise KeyboardInterrupt
        return trained(objective, pairs, config, **arguments)

    monkeypatch.setattr(stage, "train_objective", interrupted)
    with pytest.raises(KeyboardInterrupt):
        transfer(config(tmp_path, teacher), progress=False)
    first = (tmp_path / FIRST / WEIGHTS).stat()
    monkeypatch.setattr(stage, "train_objective", trained)
    transfer(config(tmp_path, teacher), progress=False)
    assert (tmp_path / FIRST / WEIGHTS).stat().st_mtime_ns == first.st_mtime_ns  # not trained again
    for name in (REGISTRATION, WEIGHTS):
        assert (tmp_path / name).read_bytes() == (run / name).read_bytes(), name


# --- where the student starts, and who registers ------------------------------------------------------


@pytest.mark.parametrize("registration", [{}, TRANSLATION])
def test_a_student_can_start_from_the_first_one(registration, run, teacher, tmp_path, monkeypatch):
    seen = {}

    def kept(objective, *_, **__):
        seen.update(objective.student.state_dict())
        return {}

    monkeypatch.setattr(stage, "train_objective", kept)
    first = run / FIRST / WEIGHTS
    fields = {"init": "first", "first": first, "registration": registration}
    transfer(config(tmp_path, teacher, **fields), progress=False)
    for name, value in Landmarker.load(first).state_dict().items():
        assert torch.equal(seen[name], value), name


def test_without_any_label_there_is_no_first_student_to_train(teacher, tmp_path):
    data = DATA | {"labelled": 0}
    with pytest.raises(
        InputError, match=r"no pair has a label.*give thermal weights by first=WEIGHTS"
    ):
        transfer(config(tmp_path, teacher, data=data), progress=False)


def test_without_any_label_a_given_network_of_another_size_registers(teacher, tmp_path, capsys):
    fields = {"data": DATA | {"labelled": 0}, "first": bundled_weights("thermal")}
    result = transfer(config(tmp_path, teacher, **fields), progress=False)
    assert result["registration"]["labelled"] == 0
    assert result["registration"]["remaining_px"] is None  # nothing to measure it by
    assert "too few labels" in capsys.readouterr().out
    assert not (tmp_path / FIRST).exists()


def test_an_rgb_network_registers_no_thermal_image(teacher, tmp_path):
    with pytest.raises(InputError, match="takes RGB images"):
        transfer(config(tmp_path, teacher, first=teacher), progress=False)


def test_a_network_without_the_points_of_the_pairs_is_refused(teacher, tmp_path):
    make_model("slim", "thermal", scheme="face5").save(tmp_path / "few.safetensors")
    with pytest.raises(InputError):
        transfer(
            config(tmp_path / "run", teacher, first=tmp_path / "few.safetensors"), progress=False
        )


def test_where_every_pair_is_labelled_no_first_student_is_needed(teacher, tmp_path):
    result = transfer(config(tmp_path, teacher, data=DATA | {"labelled": None}), progress=False)
    assert result["registration"]["labelled"] == 12 and not (tmp_path / FIRST).exists()


# --- what it reads ------------------------------------------------------------------------------


def test_only_training_pairs_are_read(run, teacher, tmp_path, monkeypatch):
    splits = []
    load = DataConfig.load

    def spied(self, split, *arguments, **options):
        splits.append(split)
        return load(self, split, *arguments, **options)

    monkeypatch.setattr(DataConfig, "load", spied)
    monkeypatch.setattr(stage, "train_objective", lambda *_, **__: {})
    transfer(config(tmp_path, teacher, first=run / FIRST / WEIGHTS), progress=False)
    assert set(splits) == {"train"}


def rigged(pixels: float, count: int = 40, rig: Rig = Rig()) -> tuple[Pairs, Pairs, np.ndarray]:  # noqa: B008
    """Synthetic pairs of which 10 are labelled, as they are and as a rig sees them; its maps."""
    pairs = load_pairs("synthetic", "val", 64, count=count, progress=False)
    pairs = replace(pairs, labelled=torch.arange(count) < 10)
    return pairs, seen_by(rig, pairs, pixels, 0), true_maps(rig, count, pixels, 0, 64)


def oracle(pairs: Pairs) -> np.ndarray:
    """A student that is off by 1 px of 64."""
    error = np.random.default_rng(0).normal(0, 1 / 64, (len(pairs), 1, 2))
    return (pairs.landmarks.numpy() + error).astype(np.float32)


def test_labels_of_unlabelled_pairs_are_not_read():
    pairs, seen, _ = rigged(4)
    shapes, teacher = oracle(pairs), make_model("slim", "rgb", input_px=64)
    hidden = seen.landmarks.clone()
    hidden[10:] = torch.nan
    found = [
        register_pairs(each, teacher, shapes, RegistrationConfig(**TRANSLATION)).rows
        for each in (seen, replace(seen, landmarks=hidden))
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("rig", [Rig(), Rig(rotation=8, scale=0.1)])
def test_shifted_faces_are_registered_by_a_trained_teacher(rig):
    pairs, seen, true = rigged(8, rig=rig)
    teacher = Landmarker.load(bundled_weights("rgb"))
    motion = RegistrationConfig(motion="similarity" if rig.rotation else "translation")
    found = register_pairs(seen, teacher, oracle(pairs), motion)
    shift = np.array([[float(row["dx_px"]), float(row["dy_px"])] for row in found.rows])
    centre = pairs.landmarks.numpy().mean(1)
    moved = (true[:, :, :2] @ centre[..., None])[..., 0] + true[:, :, 2] - centre
    assert np.corrcoef(shift[10:].ravel(), 64 * moved[10:].ravel())[0, 1] > 0.9


# --- pairs that do not belong together ----------------------------------------------------------


def test_a_wrong_pair_teaches_only_its_label():
    """Whatever its RGB image shows, the loss is the same, and that of its label is in it."""
    pairs = replace(make_pairs(4), paired=torch.tensor([True, False, True, True]))
    objective = KTL(
        make_model("slim"), make_model("slim", "thermal", seed=1), Weights(fd=0, ld=1, ri=1, fi=1)
    ).eval()

    @torch.no_grad()
    def terms(pairs):
        batch = make_batch(pairs, torch.arange(4), NO_AUGMENTATION, torch.Generator())
        return {name: float(value) for name, value in objective(batch, 0.5).items()}

    images = pairs.rgb.clone()
    images[1] = 255 - images[1]
    assert terms(pairs) == terms(pairs.with_rgb(images))
    landmarks = pairs.landmarks.clone()
    landmarks[1] += 0.1
    assert terms(pairs)["task"] != terms(replace(pairs, landmarks=landmarks))["task"]


def test_pairs_left_out_are_dropped_without_a_label_and_kept_with_one():
    pairs, seen, _ = rigged(0, rig=Rig(wrong_pairs=0.2))
    teacher = Landmarker.load(bundled_weights("rgb"))
    found = register_pairs(seen, teacher, oracle(pairs), RegistrationConfig(**TRANSLATION))
    out = [row["pair"] for row in found.rows if row["left_out"]]
    assert out and found.summary["wrong_pairs"] == len(out)
    labelled = {row["pair"] for row in found.rows if row["labelled"]}
    assert set(found.pairs.ids) == {row["pair"] for row in found.rows} - (set(out) - labelled)
    unpaired = {
        name for name, both in zip(found.pairs.ids, found.pairs.paired, strict=True) if not both
    }
    assert unpaired == set(out) & labelled
