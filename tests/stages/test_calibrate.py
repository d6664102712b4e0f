"""The stage `calibrate`: deviations are added to weights, and nothing else of them changes."""

import json

import pytest
from safetensors import safe_open
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.models import Landmarker
from mlcmkd.stages.calibrate import CalibrateConfig, calibrate
from mlcmkd.training import deviation
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

DATA = {"synthetic_held": 12}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    make_model("slim", "thermal").save(path, half=True)
    return path


@pytest.fixture(scope="module")
def made(weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("calibrated")
    return calibrate(CalibrateConfig(out=out, weights=weights, data=DATA), progress=False), out


def tensors(path):
    with safe_open(path, framework="np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_the_tensors_stay_as_they_are_stored(weights, made):
    old, new = tensors(weights), tensors(made[1] / "model.safetensors")
    assert list(old) == list(new)
    for name, value in old.items():
        assert value.dtype == new[name].dtype and value.tobytes() == new[name].tobytes(), name
    assert {str(value.dtype) for value in new.values()} >= {"float16"}


def test_only_the_calibration_is_added_to_the_spec(weights, made):
    before = Landmarker.load(weights).spec
    after = Landmarker.load(made[1] / "model.safetensors").spec
    assert before.calibration is None
    assert after.calibration.model_dump() == made[0]["calibration"]
    assert (after.calibration.faces, after.calibration.data) == (12, "synthetic")
    assert after.model_copy(update={"calibration": None}) == before


def test_the_result_tells_how_well_the_deviations_hold(made):
    result = json.loads((made[1] / "result.json").read_text())
    assert result == made[0]
    assert 0.5 < result["within_one"] < result["within_two"] <= 1
    assert set(result) >= {"point_rank", "face_rank"}


def test_the_same_seed_gives_the_same_calibration(weights, made, tmp_path):
    again = calibrate(CalibrateConfig(out=tmp_path, weights=weights, data=DATA), progress=False)
    assert again["calibration"] == made[0]["calibration"]


def test_disturbed_faces_give_another_calibration(weights, made, tmp_path):
    disturbed = {"augmentation": {"rotation": 10, "scale": 0.2, "shift": 0.1}, "passes": 2}
    config = CalibrateConfig(out=tmp_path, weights=weights, data=DATA, **disturbed)
    found = calibrate(config, progress=False)["calibration"]
    assert found["scale"] != made[0]["calibration"]["scale"] and found["faces"] == 12


def test_calibrated_weights_can_be_calibrated_again(made, tmp_path):
    path = made[1] / "model.safetensors"
    again = calibrate(CalibrateConfig(out=tmp_path, weights=path, data=DATA), progress=False)
    assert again["calibration"] == made[0]["calibration"]


def test_a_coordinate_head_cannot_be_calibrated(tmp_path):
    make_model("slim", head="coordinate").save(tmp_path / "w.safetensors")
    config = CalibrateConfig(out=tmp_path / "out", weights=tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"w\.safetensors: has a coordinate head"):
        calibrate(config, progress=False)
    assert not (tmp_path / "out/model.safetensors").exists()


def test_too_few_faces_write_nothing(weights, tmp_path):
    few = CalibrateConfig(out=tmp_path, weights=weights, data={"synthetic_held": 4})
    with pytest.raises(InputError, match="4 labelled validation faces"):
        calibrate(few, progress=False)
    assert not (tmp_path / "model.safetensors").exists()


def test_the_folder_of_the_weights_is_refused(weights):
    with pytest.raises(InputError, match="holds the weights"):
        calibrate(CalibrateConfig(out=weights.parent, weights=weights), progress=False)


@pytest.fixture(scope="module")
def with_head(weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("with_head")
    data = {"synthetic_train": 12, "synthetic_held": 12}
    config = CalibrateConfig(out=out, weights=weights, data=data, head="fit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deviation, "FEWEST_FACES", 12)
        patch.setattr(deviation, "STEPS", 5)
        return calibrate(config, progress=False), out / "model.safetensors"


def test_a_fitted_head_is_added_and_everything_else_stays(weights, made, with_head):
    old, new = tensors(weights), tensors(with_head[1])
    added = set(new) - set(old)
    assert added == {f"deviation_head.{name}" for name in ("weight", "bias", "out", "level")}
    for name, value in old.items():
        assert value.dtype == new[name].dtype and value.tobytes() == new[name].tobytes(), name
    assert all(new[name].dtype == "float32" for name in added)
    assert with_head[0]["calibration"]["source"] == "head"
    assert Landmarker.load(with_head[1]).spec.calibration.source == "head"
    assert "source" not in (made[1] / "model.safetensors").read_bytes()[:9000].decode("latin1")


@pytest.mark.parametrize(("head", "source"), [("keep", "head"), ("none", "spread")])
def test_the_two_numbers_are_fitted_anew_for_a_kept_head_and_without_it(
    made, with_head, tmp_path, head, source
):
    config = CalibrateConfig(out=tmp_path, weights=with_head[1], data=DATA, head=head)
    found = calibrate(config, progress=False)["calibration"]
    assert found.get("source", "spread") == source  # the default is not written
    kept = {name for name in tensors(tmp_path / "model.safetensors") if "deviation" in name}
    assert len(kept) == (4 if head == "keep" else 0)
    if head == "keep":
        assert found == with_head[0]["calibration"]
        for name in kept:
            new = tensors(tmp_path / "model.safetensors")[name]
            assert new.tobytes() == tensors(with_head[1])[name].tobytes()
    else:
        assert found == made[0]["calibration"]


def test_too_few_faces_for_a_head_write_nothing(weights, tmp_path):
    data = {"synthetic_train": 12, "synthetic_held": 12}
    config = CalibrateConfig(out=tmp_path, weights=weights, data=data, head="fit")
    with pytest.raises(InputError, match="^12 labelled training faces; .* needs 200"):
        calibrate(config, progress=False)
    assert not (tmp_path / "model.safetensors").exists()


def test_the_command_writes_weights_with_deviations(weights, tmp_path):
    command = ["calibrate", "--weights", str(weights), "--out", str(tmp_path), "--seed", "1"]
    result = CliRunner().invoke(app, [*command, "--set", "data.synthetic_held=12"])
    assert result.exit_code == 0, result.output
    assert Landmarker.load(tmp_path / "model.safetensors").spec.calibration is not None
