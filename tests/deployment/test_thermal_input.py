"""How predict reads thermal images: in which scale, over which range, of which palette and polarity."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.thermal.palettes import apply_palette
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, Radiometry, to_centikelvin
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.deployment.onnx.export import input_radiometry
from mlcmkd.deployment.onnx.pairs import input_feeds
from mlcmkd.deployment.onnx.session import OnnxLandmarker
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.thermal_input import StatedInput, parse_radiometry
from mlcmkd.models import ModelSpec
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs, room

ROOM = room()
UNIT = FACE_CELSIUS.to_unit(ROOM)
LEVELS = np.rint((ROOM - ROOM.min()) / np.ptp(ROOM) * 255).astype(np.uint8)
BOX = ("--box", "20", "10", "60", "50")


def weights(folder, normalisation="image", **radiometry):
    model = make_model(modality="thermal", normalisation=normalisation)
    if radiometry:
        model.spec = model.spec.model_copy(update={"radiometry": Radiometry(**radiometry)})
    model.save(folder / "weights.safetensors")
    return folder / "weights.safetensors"


def predict(folder, *arguments):
    command = ["predict", "--weights", str(folder / "weights.safetensors"), "--out"]
    return CliRunner().invoke(app, [*command, str(folder / "out"), *map(str, arguments)])


def test_predict_refuses_files_in_another_scale_each_in_one_line_and_does_the_rest(tmp_path):
    weights(tmp_path)
    files = {
        "good.png": to_centikelvin(ROOM),
        "decikelvin.png": np.rint(10 * (ROOM + 273.15)).astype(np.uint16),
        "swapped.png": to_centikelvin(ROOM).byteswap(),
        "raw.png": np.rint(7000 + 40 * ROOM).astype(np.uint16),
        "fahrenheit.tiff": (ROOM * 9 / 5 + 32).astype(np.float32),
    }
    for name, values in files.items():
        Image.fromarray(values).save(tmp_path / name)
    np.save(tmp_path / "kelvin.npy", ROOM + 273.15)
    names = [*files, "kelvin.npy"]
    result = predict(tmp_path, *(tmp_path / name for name in names), *BOX)
    assert result.exit_code == 1
    errors = [line for line in result.output.splitlines() if line.startswith("error: ")]
    refused = [name for name in names if name != "good.png"]
    assert [re.search(r"([\w.]+): ", line[7:])[1] for line in errors] == refused
    assert "--radiometry" in errors[0]
    rows = (tmp_path / "out/landmarks.csv").read_text().splitlines()[1:]
    assert len(rows) == 68 and all("good.png" in row for row in rows)


@pytest.mark.parametrize(
    ("values", "radiometry"),
    [
        (np.rint(10 * (ROOM + 273.15)).astype(np.uint16), "decikelvin"),
        (np.rint(100 * ROOM).astype(np.uint16), "{kind: counts, gain: 0.01, offset: 0}"),
        (ROOM + 273.15, "{kind: counts, gain: 1, offset: -273.15}"),
        (ROOM * 9 / 5 + 32, "{kind: counts, gain: 0.555556, offset: -17.7778}"),
    ],
)
def test_a_stated_scale_is_read_over_the_range_of_the_weights(tmp_path, values, radiometry):
    stated = StatedInput(parse_radiometry(radiometry))
    predictor = Predictor(weights(tmp_path), stated=stated)
    np.testing.assert_allclose(predictor.to_unit(values), UNIT, atol=0.005)
    wider = Predictor(weights(tmp_path), (10, 50), stated=stated)
    np.testing.assert_allclose(wider.to_unit(values), (8 + 22 * UNIT) / 40, atol=0.005)
    np.save(tmp_path / "a.npy", values)
    assert predict(tmp_path, tmp_path / "a.npy", *BOX, "--radiometry", radiometry).exit_code == 0


def test_counts_of_unknown_scale_can_be_read_as_relative_values(tmp_path):
    stated = StatedInput(parse_radiometry("frame-minmax"))
    raw = np.rint(7000 + 40 * ROOM).astype(np.uint16)
    unit = Predictor(weights(tmp_path), stated=stated).to_unit(raw)
    np.testing.assert_allclose(unit, (ROOM - ROOM.min()) / np.ptp(ROOM), atol=0.005)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kelvin", "radiometry: kind: "),
        ("{kind: counts}", "counts need their gain"),
        ("{kind: [", "radiometry: not YAML"),
        ("7", "radiometry: "),
        ("{kind: decikelvin, black_hot: true}", "black_hot belongs to 8-bit levels"),
    ],
)
def test_an_unusable_radiometry_is_named(tmp_path, text, message):
    weights(tmp_path)
    result = predict(tmp_path, tmp_path / "a.npy", "--radiometry", text)
    assert isinstance(result.exception, InputError) and message in str(result.exception)


def test_black_hot_images_are_inverted(tmp_path):
    weights(tmp_path)
    predictor = Predictor(tmp_path / "weights.safetensors", stated=StatedInput(black_hot=True))
    np.testing.assert_allclose(predictor.to_unit(255 - LEVELS), LEVELS / 255, atol=1e-6)
    iron = apply_palette(1 - LEVELS / 255, "iron")
    np.testing.assert_allclose(predictor.to_unit(iron), LEVELS / 255, atol=1.5 / 255)
    # Other files of the folder keep their scale.
    np.testing.assert_allclose(predictor.to_unit(ROOM), UNIT, atol=1e-6)
    cv2.imwrite(str(tmp_path / "white.png"), LEVELS)
    cv2.imwrite(str(tmp_path / "black.png"), 255 - LEVELS)
    predict(tmp_path, tmp_path / "white.png", *BOX)
    white = (tmp_path / "out/landmarks.csv").read_text().replace("white.png", "black.png")
    predict(tmp_path, tmp_path / "black.png", *BOX, "--black-hot")
    assert (tmp_path / "out/landmarks.csv").read_text() == white


def test_black_hot_of_a_stated_scale_exchanges_its_ends(tmp_path):
    scaled = {"kind": "grey8", "low": 18, "high": 40, "scale_celsius": (10, 61)}
    levels = np.rint((ROOM - 10) / 51 * 255).astype(np.uint8)
    predictor = Predictor(weights(tmp_path, **scaled), stated=StatedInput(black_hot=True))
    np.testing.assert_allclose(predictor.to_unit(255 - levels), UNIT, atol=0.01)


def test_weights_of_black_hot_data_read_such_images_and_stretched_ones(tmp_path):
    predictor = Predictor(weights(tmp_path, kind="grey8", low=0, high=255, black_hot=True))
    np.testing.assert_allclose(predictor.to_unit(255 - LEVELS), LEVELS / 255, atol=1e-6)
    stretched = weights(tmp_path, kind="frame-minmax")
    unit = Predictor(stretched, stated=StatedInput(black_hot=True)).to_unit(255 - LEVELS)
    np.testing.assert_allclose(unit, LEVELS / 255, atol=1e-6)


def test_a_stated_palette_is_used_and_checked(tmp_path):
    weights(tmp_path)
    stated = StatedInput(palette="iron")
    predictor = Predictor(tmp_path / "weights.safetensors", stated=stated)
    iron = apply_palette(LEVELS / 255, "iron")
    np.testing.assert_allclose(predictor.to_unit(iron), LEVELS / 255, atol=1.5 / 255)
    with pytest.raises(InputError, match="not those of palette 'iron'"):
        predictor.to_unit(apply_palette(LEVELS / 255, "jet"))
    cv2.imwrite(str(tmp_path / "a.png"), LEVELS)
    result = predict(tmp_path, tmp_path / "a.png", "--palette", "pink")
    assert "palette 'pink' is unknown" in str(result.exception)
    with pytest.raises(InputError, match="fields of the given radiometry"):
        StatedInput(FACE_CELSIUS, palette="iron")


def test_rgb_weights_refuse_what_is_stated_about_thermal_images(tmp_path):
    make_model().save(tmp_path / "weights.safetensors")
    result = predict(tmp_path, tmp_path / "a.png", "--black-hot")
    assert "takes RGB input" in str(result.exception)


def test_weights_of_fixed_normalisation_refuse_another_scale_or_range(tmp_path):
    fixed = weights(tmp_path, "fixed")
    predictor = Predictor(fixed)
    np.testing.assert_allclose(predictor.to_unit(ROOM), UNIT, atol=1e-6)
    with pytest.raises(InputError, match="^a.png: read as 0 to 255 relative grey levels"):
        predictor.to_unit(LEVELS, "a.png")
    with pytest.raises(InputError, match="the given range: read as 10 to 50 degrees C"):
        Predictor(fixed, (10, 50))
    assert Predictor(fixed, (18, 40)).celsius_range == (18, 40)
    levels = weights(tmp_path, "fixed", kind="grey8", low=0, high=255)
    np.testing.assert_allclose(Predictor(levels).to_unit(LEVELS), LEVELS / 255, atol=1e-6)
    with pytest.raises(InputError, match="trained on 0 to 255 relative grey levels"):
        Predictor(levels, (18, 40))


def radiometric(path, segment, magic):
    """A JPEG with a segment of thermal data, which this project only recognises."""
    Image.fromarray(LEVELS).save(path)
    data = path.read_bytes()
    body = magic + b"\1\0\0" + bytes(40)
    marker = b"\xff" + bytes([0xE0 + segment]) + (len(body) + 2).to_bytes(2, "big") + body
    path.write_bytes(data[:2] + marker + data[2:])
    return path


@pytest.mark.parametrize(("segment", "magic"), [(1, b"FLIR\0"), (4, b"\xaa\x55\x12\x06")])
def test_the_temperatures_of_a_radiometric_jpeg_are_not_passed_over_in_silence(
    tmp_path, segment, magic
):
    weights(tmp_path)
    jpegs = [radiometric(tmp_path / f"{n}.jpg", segment, magic) for n in range(2)]
    plain = tmp_path / "plain.jpg"
    Image.fromarray(LEVELS).save(plain)
    result = predict(tmp_path, *jpegs, plain, *BOX)
    notices = [line for line in result.output.splitlines() if line.startswith("notice: ")]
    assert result.exit_code == 0 and len(notices) == 1
    assert f"{jpegs[0]} and 1 more" in notices[0] and "not the temperatures" in notices[0]
    assert "notice" not in predict(tmp_path, plain, *BOX).output


def test_a_stack_in_another_scale_is_two_lines_however_long_it_is(tmp_path):
    weights(tmp_path)
    np.save(tmp_path / "kelvin.npy", np.stack([ROOM + 273.15] * 5))
    result = predict(tmp_path, tmp_path / "kelvin.npy", *BOX)
    errors = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert result.exit_code == 1 and len(errors) == 2
    assert "kelvin.npy#000000: 100.0 %" in errors[0] and "4 more frames failed" in errors[1]
    assert "0 of 5 images" in result.output


class Session:
    """Records the inputs of a graph of kind "image"."""

    def run(self, names, feeds):
        self.image = feeds["image"]
        return np.zeros((1, 68, 2)), np.zeros((1, 68))


def exported(radiometry):
    card = Card(
        kind="image",
        scheme="ibug68",
        points=68,
        modality="thermal",
        radiometry=radiometry,
        input_px=32,
        crop_scale=1.1,
        size="light",
        head="heatmap",
        confidence="mass",
    )
    return OnnxLandmarker(Session(), card)


def test_an_exported_network_refuses_another_scale_and_inverts_black_hot():
    box = (20, 10, 60, 50)
    degrees = exported(FACE_CELSIUS)
    degrees(ROOM, box)
    np.testing.assert_array_equal(degrees.session.image[0, 0], ROOM)
    with pytest.raises(InputError, match="^image: .* likely kelvin"):
        degrees(ROOM + 273.15, box)
    black = exported(Radiometry(kind="grey8", low=0, high=255, black_hot=True))
    black(255 - LEVELS, box)
    np.testing.assert_array_equal(black.session.image[0, 0], LEVELS)


def test_the_card_of_an_export_names_black_hot_and_fixed_normalisation():
    levels = Radiometry(kind="grey8", low=0, high=255, black_hot=True)
    spec = ModelSpec(modality="thermal", radiometry=levels, normalisation="fixed")
    assert input_radiometry(spec) == levels
    spec = spec.model_copy(update={"radiometry": FACE_CELSIUS})
    with pytest.raises(InputError, match="the given range: read as 10 to 50 degrees C"):
        input_radiometry(spec, (10, 50))
    fixed = exported(FACE_CELSIUS).card.model_copy(update={"normalisation": "fixed"})
    assert Card.from_metadata(fixed.to_metadata()) == fixed
    with pytest.raises(InputError, match="relative grey levels"):
        next(input_feeds(fixed, replace(make_pairs(2), radiometry=levels)))
