"""Stages read thermal data over the range of their model, whatever range it was prepared over."""

import json

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file

from mlcmkd.data.manifest import MANIFEST
from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.models import Landmarker
from mlcmkd.stages.attribute import AttributeConfig, attribute
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.export import ExportConfig, export
from mlcmkd.stages.kd_loss import KDLossConfig, train_kd_loss
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, room

WIDE = Radiometry(kind="centikelvin", low=0, high=60)
LEVELS = Radiometry(kind="grey8", low=0, high=255)
FIT = {"steps": 1, "batch": 4, "warmup": 0}


def data(folder, radiometry, validation=None):
    """A manifest of six pairs, the same temperatures or levels for every radiometry."""
    for modality in ("rgb", "thermal"):
        (folder / modality).mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for n, split in enumerate(["train"] * 4 + ["val", "test"]):
        own = validation if validation and split == "val" else radiometry
        celsius = room(face=30 + n, height=64, width=64)
        stored = np.rint(8 * (celsius - 15)) if own.kind == "grey8" else to_centikelvin(celsius)
        stored = stored.astype(np.uint8) if own.kind == "grey8" else stored
        cv2.imwrite(str(folder / f"thermal/{n}.png"), stored)
        photo = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"rgb/{n}.png"), photo)
        row = {"id": str(n), "subject": str(n), "split": split, "scheme": "ibug68"}
        row |= {"rgb_file_name": f"rgb/{n}.png", "thermal_file_name": f"thermal/{n}.png"}
        row |= {"landmarks": rng.uniform(16, 48, (68, 2)).tolist(), "radiometry": own.model_dump()}
        rows.append(json.dumps(row))
    (folder / MANIFEST).write_text("\n".join(rows) + "\n")
    return {"source": str(folder)}


@pytest.fixture
def fixed(tmp_path):
    """Weights that were trained over 18 to 40 degrees C, and to which it matters."""
    model = make_model(modality="thermal", normalisation="fixed")
    model.save(tmp_path / "fixed.safetensors")
    return tmp_path / "fixed.safetensors"


def test_evaluate_scores_the_same_for_data_prepared_over_any_range(tmp_path, fixed):
    nme = []
    for name, radiometry in (("own", FACE_CENTIKELVIN), ("wide", WIDE)):
        source = data(tmp_path / name, radiometry)
        config = EvaluateConfig(out=tmp_path / f"{name}-score", weights=fixed, data=source)
        nme.append(evaluate(config, progress=False)[0]["nme_percent"])
    assert nme[1] == nme[0]


def refusals(folder, fixed, source):
    """What each stage does with weights and data without a common scale."""
    make_model(seed=1).save(folder / "rgb.safetensors")
    rgb = folder / "rgb.safetensors"
    return {
        "evaluate": lambda out: evaluate(
            EvaluateConfig(out=out, weights=fixed, data=source), progress=False
        ),
        "compress": lambda out: compress(
            CompressConfig(out=out, teacher=fixed, data=source, fit=FIT), progress=False
        ),
        "kd_loss": lambda out: train_kd_loss(
            KDLossConfig(out=out, tough=fixed, data=source, fit=FIT, input_px=32), progress=False
        ),
        "attribute": lambda out: attribute(
            AttributeConfig(out=out, rgb=rgb, thermal=fixed, data=source), progress=False
        ),
        "export": lambda out: export(
            ExportConfig(out=out, weights=fixed, data=source), progress=False
        ),
    }


@pytest.mark.parametrize("stage", ["evaluate", "compress", "kd_loss", "attribute", "export"])
def test_a_fixed_model_and_levels_of_unknown_scale_are_refused_before_anything_is_written(
    tmp_path, fixed, stage
):
    run = refusals(tmp_path, fixed, data(tmp_path / "levels", LEVELS))[stage]
    with pytest.raises(InputError, match="read as 0 to 255 relative grey levels") as caught:
        run(tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "result.json").exists()


def test_students_are_trained_over_the_range_of_their_thermal_teacher(tmp_path, fixed):
    source = data(tmp_path / "wide", WIDE)
    light = {"size": "light", "data": source, "fit": FIT}
    compress(CompressConfig(out=tmp_path / "c", teacher=fixed, **light), progress=False)
    both = {"tough": fixed, "tolerant": fixed, "modality": "thermal", "input_px": 32}
    train_kd_loss(KDLossConfig(out=tmp_path / "k", **both, **light), progress=False)
    for run in ("c", "k"):
        radiometry = Landmarker.load(tmp_path / run / "model.safetensors").spec.radiometry
        assert (radiometry.low, radiometry.high) == (18, 40)


def test_attribution_maps_are_those_of_the_models_own_range(tmp_path, fixed):
    make_model(seed=1).save(tmp_path / "rgb.safetensors")
    inputs = []
    for name, radiometry in (("own", FACE_CENTIKELVIN), ("wide", WIDE)):
        source = data(tmp_path / name, radiometry)
        config = AttributeConfig(
            out=tmp_path / f"{name}-why",
            rgb=tmp_path / "rgb.safetensors",
            thermal=fixed,
            data=source,
            faces=1,
            path_steps=2,
        )
        attribute(config, progress=False)
        inputs.append(load_file(tmp_path / f"{name}-why/attributions.safetensors")["thermal"])
    np.testing.assert_allclose(*inputs, atol=1e-4)


def test_validation_is_read_over_the_range_of_the_training_pairs(tmp_path):
    fields = {"modality": "thermal", "normalisation": "fixed", "size": "light", "input_px": 32}
    results = [
        train(
            TrainConfig(
                out=tmp_path / f"run-{name}",
                data=data(tmp_path / name, FACE_CENTIKELVIN, validation),
                fit=FIT,
                **fields,
            ),
            progress=False,
        )
        for name, validation in (("one", None), ("two", WIDE))
    ]
    assert results[1]["nme_percent"] == results[0]["nme_percent"]
    with pytest.raises(InputError, match="relative grey levels"):
        mixed = data(tmp_path / "mixed", FACE_CENTIKELVIN, LEVELS)
        train(TrainConfig(out=tmp_path / "run", data=mixed, fit=FIT, **fields), progress=False)


def test_a_training_that_starts_from_weights_keeps_their_range(tmp_path, fixed):
    fields = {"modality": "thermal", "normalisation": "fixed", "size": "light", "input_px": 32}
    fields |= {"init": fixed, "fit": FIT}
    wide, levels = data(tmp_path / "wide", WIDE), data(tmp_path / "levels", LEVELS)
    train(TrainConfig(out=tmp_path / "run", data=wide, **fields), progress=False)
    radiometry = Landmarker.load(tmp_path / "run" / "model.safetensors").spec.radiometry
    assert (radiometry.low, radiometry.high) == (18, 40)
    with pytest.raises(InputError, match="the training pairs: read as .* relative grey levels"):
        train(TrainConfig(out=tmp_path / "other", data=levels, **fields), progress=False)


def test_invariant_models_still_take_levels(tmp_path):
    make_model(modality="thermal").save(tmp_path / "image.safetensors")
    source = data(tmp_path / "levels", LEVELS)
    config = EvaluateConfig(out=tmp_path / "s", weights=tmp_path / "image.safetensors", data=source)
    assert evaluate(config, progress=False)[0]["nme_percent"] > 0
    assert Landmarker.load(tmp_path / "image.safetensors").spec.radiometry == FACE_CELSIUS
