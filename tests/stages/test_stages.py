"""All stages in a row, with few steps: teacher, transfer, compress, evaluate, attribute."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from typer.testing import CliRunner

from mlcmkd.cli import app, guarded
from mlcmkd.data.config import DataConfig
from mlcmkd.distillation.teachers import FrozenTeacher
from mlcmkd.models import Landmarker
from mlcmkd.stages.attribute import AttributeConfig, attribute
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

DATA = {"synthetic_train": 12, "synthetic_held": 4}
FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """One run of each training stage, shared by the tests of this file."""
    root = tmp_path_factory.mktemp("runs")
    common = {"data": DATA, "fit": FIT}
    train(
        TrainConfig(out=root / "teacher", size="small", input_px=32, **common),
        progress=False,
    )
    transfer(
        TransferConfig(out=root / "student", teacher=root / "teacher/model.safetensors", **common),
        progress=False,
    )
    compress(
        CompressConfig(out=root / "light", teacher=root / "student/model.safetensors", **common),
        progress=False,
    )
    return root


@pytest.mark.parametrize(
    ("name", "size", "modality"),
    [("teacher", "small", "rgb"), ("student", "small", "thermal"), ("light", "slim", "thermal")],
)
def test_each_stage_writes_a_complete_run(path, name, size, modality):
    found = {file.name for file in (path / name).iterdir()}
    assert found == {
        "config.json",
        "provenance.json",
        "metrics.jsonl",
        "errors.csv",
        "result.json",
        "model.safetensors",
    }
    model = Landmarker.load(path / name / "model.safetensors")
    assert (model.spec.size, model.spec.modality) == (size, modality)
    assert (model.spec.radiometry is None) == (modality == "rgb")
    result = json.loads((path / name / "result.json").read_text())
    assert result["split"] == "val" and result["faces"] == 4
    assert len((path / name / "errors.csv").read_text().splitlines()) == 5


def test_evaluate_scores_the_test_split(path):
    config = EvaluateConfig(out=path / "score", weights=path / "light/model.safetensors", data=DATA)
    result, scores = evaluate(config, progress=False)
    assert result["modality"] == "thermal" and result["split"] == "test"
    assert result["nme_percent"] == pytest.approx(100 * scores.nme, abs=1e-3)
    assert result["normaliser_is"] == "the distance of the outer eye corners"
    assert {file.name for file in (path / "score").iterdir()} == {
        *("config.json", "provenance.json", "result.json", "errors.csv"),
        *("landmarks.csv", "regions.csv", "ced.csv", "ced.png"),
    }


def test_the_rgb_teacher_can_be_evaluated_on_thermal_images(path):
    config = EvaluateConfig(
        out=path / "gap",
        weights=path / "teacher/model.safetensors",
        data=DATA,
        modality="thermal",
    )
    assert evaluate(config, progress=False)[0]["modality"] == "thermal"


def test_attribute_writes_maps_and_a_figure(path):
    config = AttributeConfig(
        out=path / "why",
        rgb=path / "teacher/model.safetensors",
        thermal=path / "student/model.safetensors",
        data=DATA,
        faces=2,
        path_steps=4,
    )
    result = attribute(config, progress=False)
    assert len(result["completeness_error"]["rgb"]) == 2
    assert (path / "why/attributions.png").stat().st_size > 10_000
    assert (path / "why/attributions.safetensors").is_file()


def test_attribute_explains_a_group_by_another_method(path):
    config = AttributeConfig(
        out=path / "why-mouth",
        rgb=path / "teacher/model.safetensors",
        thermal=path / "student/model.safetensors",
        data=DATA,
        faces=2,
        group="mouth",
        method="ablation",
    )
    result = attribute(config, progress=False)
    assert result["group"] == "mouth" and result["landmark"] is None
    assert result["completeness_error"] == {}  # not a complete method
    assert len(result["agreement"]["spearman"]) == 2
    with pytest.raises(InputError, match="'ear': scheme ibug68 has"):
        attribute(config.model_copy(update={"group": "ear"}), progress=False)


def test_a_stage_of_the_wrong_modality_is_refused(path):
    with pytest.raises(InputError, match="takes RGB images; compress the thermal student"):
        compress(
            CompressConfig(out=path / "x", teacher=path / "teacher/model.safetensors"),
            progress=False,
        )
    with pytest.raises(InputError, match="takes thermal input"):
        attribute(
            AttributeConfig(
                out=path / "x",
                rgb=path / "student/model.safetensors",
                thermal=path / "student/model.safetensors",
            ),
            progress=False,
        )


@pytest.mark.parametrize("head", [None, "coordinate"])
def test_a_light_student_has_its_teachers_head_or_its_own(path, head):
    config = CompressConfig(
        out=path / f"light-{head}",
        teacher=path / "student/model.safetensors",
        head=head,
        data=DATA,
        fit=FIT,
        distillation={"strategy": "dikd+fd+ld"},
    )
    result = compress(config, progress=False)
    assert Landmarker.load(result["weights"]).spec.head == (head or "heatmap")
    # Runs from before there was a choice are known by a config without it.
    assert ("head" in config.model_dump()) is (head is not None)


@pytest.mark.parametrize(("one_step", "teacher"), [(True, "teacher"), (False, "student")])
def test_in_one_step_the_teacher_takes_the_rgb_images(path, monkeypatch, one_step, teacher):
    pairs = make_pairs(6)
    monkeypatch.setattr(DataConfig, "load_training", lambda *_, **__: pairs)
    shapes, features = set(), FrozenTeacher.features

    def look(self, images):
        shapes.add(tuple(images.shape))
        return features(self, images)

    monkeypatch.setattr(FrozenTeacher, "features", look)
    result = compress(
        CompressConfig(
            out=path / f"one-step-{one_step}",
            teacher=path / teacher / "model.safetensors",
            data=DATA,
            fit=FIT,
            one_step=one_step,
        ),
        progress=False,
    )
    assert shapes == {(4, 3 if one_step else 1, 32, 32)}
    student = Landmarker.load(result["weights"]).spec
    assert (student.size, student.modality) == ("slim", "thermal")
    assert student.radiometry == pairs.radiometry


def test_one_step_needs_an_rgb_teacher_and_rgb_images(path, monkeypatch):
    def compress_from(teacher):
        weights = path / teacher / "model.safetensors"
        config = CompressConfig(out=path / "x", teacher=weights, data=DATA, one_step=True)
        compress(config, progress=False)

    with pytest.raises(InputError, match="takes thermal images; one_step needs an RGB teacher"):
        compress_from("student")
    for side, message in (
        ("rgb", "transfer in one step needs rgb images"),
        ("thermal", "compression needs thermal images"),
    ):
        without = replace(make_pairs(), **{side: None})
        monkeypatch.setattr(DataConfig, "load_training", lambda *_, p=without, **__: p)
        with pytest.raises(InputError, match=message):
            compress_from("teacher")
    assert not (path / "x").exists()


def test_transfer_can_start_from_the_teacher(path):
    """With a tiny learning rate the student equals the teacher."""
    transfer(
        TransferConfig(
            out=path / "copy",
            teacher=path / "teacher/model.safetensors",
            init="teacher",
            data=DATA,
            fit=FIT | {"steps": 1, "learning_rate": 1e-12, "weight_decay": 0},
        ),
        progress=False,
    )
    teacher, copy = (
        dict(Landmarker.load(path / f"{name}/model.safetensors").named_parameters())
        for name in ("teacher", "copy")
    )
    assert all(torch.allclose(teacher[name], copy[name], atol=1e-8) for name in teacher)


def test_a_light_student_can_start_from_weights_of_more_points(tmp_path, monkeypatch):
    """With a tiny learning rate it equals its start, without the points that are not needed."""
    pairs = replace(make_pairs(scheme_points=54), scheme="sf_tl54")
    for name in ("load", "load_training"):
        monkeypatch.setattr(DataConfig, name, lambda *_, **__: pairs)
    make_model("small", "thermal").save(tmp_path / "teacher.safetensors")
    start = make_model("slim", "thermal", seed=5)
    start.save(tmp_path / "start.safetensors")

    def config(size):
        return CompressConfig(
            out=tmp_path / size,
            teacher=tmp_path / "teacher.safetensors",
            size=size,
            init=tmp_path / "start.safetensors",
            fit=FIT | {"steps": 1, "learning_rate": 1e-12, "weight_decay": 0},
        )

    result = compress(config("slim"), progress=False)
    wanted = dict(start.for_scheme("sf_tl54").named_parameters())
    found = dict(Landmarker.load(result["weights"]).named_parameters())
    assert all(torch.allclose(wanted[name], found[name], atol=1e-8) for name in wanted)
    with pytest.raises(InputError, match="cannot start a light model from a slim one"):
        compress(config("light"), progress=False)


def test_few_pairs_and_few_labels():
    data = DataConfig(**DATA, pairs=6, labelled=2)
    pairs = data.load_training(32, seed=0, progress=False)
    assert len(pairs) == 6 and int(pairs.labelled.sum()) == 2
    assert pairs.ids == data.load_training(32, seed=0, progress=False).ids
    assert pairs.ids != data.load_training(32, seed=1, progress=False).ids
    with pytest.raises(InputError, match="pairs=20, but the training split has 12"):
        DataConfig(**DATA, pairs=20).load_training(32, seed=0, progress=False)


def test_weights_of_another_shape_cannot_start_a_model(tmp_path):
    make_model("small").save(tmp_path / "w.safetensors")
    config = TrainConfig(
        out=tmp_path / "x", size="light", input_px=32, init=tmp_path / "w.safetensors", data=DATA
    )
    with pytest.raises(InputError, match="cannot start a light model from a small one"):
        train(config, progress=False)


def test_weights_of_more_points_start_a_model_of_fewer(tmp_path, monkeypatch):
    """With a tiny learning rate the model equals its start, without the points that are not needed."""
    pairs = replace(make_pairs(scheme_points=54), scheme="sf_tl54")
    for name in ("load", "load_training"):
        monkeypatch.setattr(DataConfig, name, lambda *_, **__: pairs)
    start = make_model("small", "thermal", seed=5)
    start.save(tmp_path / "w.safetensors")

    def config(init, size="small"):
        return TrainConfig(
            out=tmp_path / size,
            modality="thermal",
            size=size,
            input_px=32,
            init=init,
            fit=FIT | {"steps": 1, "learning_rate": 1e-12, "weight_decay": 0},
        )

    result = train(config(tmp_path / "w.safetensors"), progress=False)
    model = Landmarker.load(result["weights"])
    assert model.spec.scheme == "sf_tl54"
    wanted = dict(start.for_scheme("sf_tl54").named_parameters())
    found = dict(model.named_parameters())
    assert all(torch.allclose(wanted[name], found[name], atol=1e-8) for name in wanted)
    with pytest.raises(InputError, match="cannot start a light model from a small one"):
        train(config(tmp_path / "w.safetensors", "light"), progress=False)

    pairs = make_pairs()
    with pytest.raises(InputError, match="'sf_tl54' cannot be converted to 'ibug68'"):
        train(config(result["weights"]), progress=False)


def test_a_teacher_of_more_points_predicts_the_pairs_scheme(tmp_path, monkeypatch):
    pairs = replace(make_pairs(scheme_points=54), scheme="sf_tl54")
    for name in ("load", "load_training"):
        monkeypatch.setattr(DataConfig, name, lambda *_, **__: pairs)
    make_model("small", "rgb").save(tmp_path / "rgb.safetensors")
    make_model("small", "thermal").save(tmp_path / "thermal.safetensors")
    for kind, stage, name in (
        (TransferConfig, transfer, "rgb"),
        (CompressConfig, compress, "thermal"),
    ):
        teacher = tmp_path / f"{name}.safetensors"
        result = stage(kind(out=tmp_path / name, teacher=teacher, fit=FIT), progress=False)
        assert Landmarker.load(result["weights"]).spec.scheme == "sf_tl54"

    fewer = make_model("small", "rgb", scheme="sf_tl54")
    fewer.save(tmp_path / "fewer.safetensors")
    pairs = make_pairs()
    config = TransferConfig(out=tmp_path / "x", teacher=tmp_path / "fewer.safetensors", fit=FIT)
    with pytest.raises(InputError, match="'sf_tl54' cannot be converted to 'ibug68'"):
        transfer(config, progress=False)


def test_training_without_labels_is_refused(tmp_path):
    config = TrainConfig(
        out=tmp_path, size="light", input_px=32, data=DATA | {"labelled": 0}, fit=FIT
    )
    with pytest.raises(InputError, match="no pair has a label"):
        train(config, progress=False)


def test_a_transfer_starts_from_an_rgb_teacher(path, tmp_path):
    config = TransferConfig(out=tmp_path, teacher=path / "student/model.safetensors")
    with pytest.raises(
        InputError, match="takes thermal images; give the weights of the RGB teacher"
    ):
        transfer(config, progress=False)


def test_weights_have_the_permissions_of_the_other_files(path):
    run = path / "light"
    modes = {name: (run / name).stat().st_mode for name in ("model.safetensors", "config.json")}
    assert len(set(modes.values())) == 1


def test_any_field_of_a_score_can_be_set(path, tmp_path):
    weights = path / "light/model.safetensors"
    command = ["evaluate", f"--weights={weights}", f"--out={tmp_path / 'x'}", "--data=synthetic"]
    command += ["--set=data.synthetic_train=12", "--set=data.synthetic_held=4"]
    answer = run(*command, "--set=threshold=0.5", "--set=normaliser=box")
    assert answer.exit_code == 0, answer.output
    settings = json.loads((tmp_path / "x/config.json").read_text())
    assert (settings["threshold"], settings["normaliser"]) == (0.5, "box")
    answer = run(*command, "--threshold=8")
    assert "threshold: Input should be less than 1" in str(answer.exception)
    answer = run(*command, "--set=threshold=[4")
    assert "--set threshold=[4: not YAML" in str(answer.exception)


def test_hidden_points_can_be_left_out(path, tmp_path, monkeypatch):
    weights = path / "light/model.safetensors"
    both = []
    for name, visible_only in (("all", False), ("visible", True)):
        config = EvaluateConfig(
            out=tmp_path / name, weights=weights, data=DATA, visible_only=visible_only
        )
        both.append(evaluate(config, progress=False)[1])
    every, visible = (np.isfinite(scores.errors) for scores in both)
    assert every.all() and 0.3 < visible.mean() < 1
    monkeypatch.setattr(DataConfig, "load", lambda *_, **__: make_pairs(4))  # without such marks
    with pytest.raises(InputError, match="no row marks hidden points"):
        evaluate(config, progress=False)


def test_misspelt_fields_are_refused():
    with pytest.raises(ValidationError, match="sead"):
        TrainConfig(out="x", sead=1)


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_the_command_line_trains(tmp_path):
    sets = [f"--set=data.{name}={value}" for name, value in DATA.items()]
    sets += [f"--set=fit.{name}={value}" for name, value in FIT.items()]
    params = tmp_path / "params.yaml"
    params.write_text("size: small\naugmentation:\n  rotation: 5\n")
    out = tmp_path / "run"
    result = run(
        "train", f"--out={out}", "--size=light", "--input-px=32", f"--params={params}", *sets
    )
    assert result.exit_code == 0, result.output
    config = json.loads((out / "config.json").read_text())
    assert config["size"] == "light"  # an option is stronger than the file
    assert config["augmentation"]["rotation"] == 5
    assert config["fit"]["steps"] == 2


def test_the_command_line_evaluates_by_groups(path, monkeypatch):
    pairs = replace(make_pairs(4), groups=("common", "common", "challenge", None))
    monkeypatch.setattr(DataConfig, "load", lambda *_, **__: pairs)
    weights, out = path / "light/model.safetensors", path / "grouped"
    answer = run("evaluate", f"--weights={weights}", f"--out={out}", "--normaliser=box")
    assert answer.exit_code == 0, answer.output
    assert "sqrt(w h) of the tight box of the annotated points (box)" in answer.output
    table = re.sub(" +", " ", answer.output)
    for line in ("| challenge | 1 | 0 |", "| common | 2 | 0 |", "| full | 4 | 0 |"):
        assert line in table
    assert (out / "groups.csv").read_text().splitlines()[3].startswith("full,4,0,0,box,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set=fit.stesp=5"], "fit.stesp: no such field; did you mean 'steps'?"),
        (["--set=fit.steps=-5"], "fit.steps: Input should be greater than or equal to 1"),
        (["--set=steps"], "expected name=value"),
        (["--seed=1", "--set=seed.a=1"], "'seed' is a value"),
        (["--size=huge"], "size: model size 'huge' is unknown; use one of large"),
        (["--params=nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--data=nowhere"], "no such manifest"),
    ],
)
def test_bad_parameters_fail_in_one_line(tmp_path, capsys, arguments, message):
    def command():
        app(["train", f"--out={tmp_path / 'x'}", *arguments], standalone_mode=False)

    with pytest.raises(SystemExit) as caught:
        guarded(command)
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and message in error
    assert not (tmp_path / "x" / "result.json").exists()
