from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.crops import Crop, tight_box
from mlcmkd.drawing import draw
from mlcmkd.errors import InputError
from mlcmkd.images import read_image
from mlcmkd.palettes import apply_palette, is_coloured
from mlcmkd.predict import Found, Predictor
from mlcmkd.radiometry import Radiometry, to_centikelvin
from tests.conftest import make_model

RNG = np.random.default_rng(0)
CELSIUS = cv2.GaussianBlur(RNG.uniform(20, 36, (60, 80)), (0, 0), 3).astype(np.float32)


@pytest.fixture
def thermal(tmp_path: Path) -> Path:
    make_model(modality="thermal").save(tmp_path / "thermal.safetensors")
    return tmp_path / "thermal.safetensors"


@pytest.fixture
def rgb(tmp_path: Path) -> Path:
    make_model().save(tmp_path / "rgb.safetensors")
    return tmp_path / "rgb.safetensors"


def test_degrees_and_centikelvin_of_one_scene_give_one_answer(tmp_path, thermal):
    np.save(tmp_path / "a.npy", CELSIUS)
    cv2.imwrite(str(tmp_path / "a.tiff"), CELSIUS)
    cv2.imwrite(str(tmp_path / "a.png"), to_centikelvin(CELSIUS))
    predictor = Predictor(thermal)
    box = (10, 10, 50, 50)
    array, tiff, raw = (predictor(tmp_path / f"a.{kind}", box) for kind in ("npy", "tiff", "png"))
    assert array.landmarks == pytest.approx(tiff.landmarks)
    assert array.landmarks == pytest.approx(raw.landmarks, abs=0.05)
    assert array.image == pytest.approx((CELSIUS - 18) / 22, abs=1e-5)


def test_the_range_can_be_given(thermal):
    found = Predictor(thermal, celsius_range=(20.0, 36.0))(CELSIUS)
    assert found.image == pytest.approx((CELSIUS - 20) / 16, abs=1e-5)
    with pytest.raises(InputError, match="must rise"):
        Predictor(thermal, celsius_range=(36.0, 20.0))


def test_grey_levels_are_read_over_0_to_255(thermal):
    grey = RNG.integers(0, 256, (60, 80), dtype=np.uint8)
    assert Predictor(thermal)(grey).image == pytest.approx(grey / 255, abs=1e-6)


def test_landmarks_are_pixels_of_the_image(thermal):
    """The same face, elsewhere in a larger image and boxed there, has its landmarks moved along."""
    predictor = Predictor(thermal)
    large = np.full((160, 200), 20, dtype=np.float32)
    large[70:130, 100:180] = CELSIUS
    here = predictor(CELSIUS, (20, 15, 55, 45)).landmarks
    there = predictor(large, (120, 85, 155, 115)).landmarks
    assert there == pytest.approx(here + (100, 70), abs=0.05)


def test_without_a_box_the_face_is_sought_from_the_whole_image(thermal, monkeypatch):
    """Each look is cut around the landmarks of the look before."""
    crops, answers = [], []
    look = Predictor._look

    def watched(self, unit, crop):
        crops.append(crop)
        answers.append(look(self, unit, crop))
        return answers[-1]

    monkeypatch.setattr(Predictor, "_look", watched)
    found = Predictor(thermal)(CELSIUS)
    assert crops[0] == Crop((39.5, 29.5), 79)
    assert crops[1:] == [Crop.around(tight_box(answer)) for answer in answers[:2]]
    assert np.array_equal(found.landmarks, answers[2])


def test_wrong_kinds_of_images(rgb, thermal):
    colour = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="on no known palette .*these weights read thermal"):
        Predictor(thermal)(colour)
    with pytest.raises(InputError, match="float32 values, but these weights read 8-bit RGB"):
        Predictor(rgb)(CELSIUS)
    assert Predictor(rgb)(colour).landmarks.shape == (68, 2)
    assert Predictor(rgb)(colour[..., 0]).landmarks.shape == (68, 2)


def test_grey_stored_as_three_equal_channels_is_thermal(thermal):
    grey = RNG.integers(0, 256, (60, 80, 1), dtype=np.uint8).repeat(3, axis=2)
    assert Predictor(thermal)(grey).image.ndim == 2


LEVELS = ((CELSIUS - CELSIUS.min()) / np.ptp(CELSIUS)).astype(np.float32)


def trained_on(folder: Path, **radiometry) -> Path:
    """Weights whose metadata say this of their data."""
    model = make_model(modality="thermal")
    model.spec = model.spec.model_copy(update={"radiometry": Radiometry(**radiometry)})
    model.save(folder / "trained.safetensors")
    return folder / "trained.safetensors"


def test_false_colours_of_a_known_palette_are_read_as_levels(tmp_path, thermal):
    Image.fromarray(apply_palette(LEVELS, "iron")).save(tmp_path / "iron.png")
    Image.fromarray(apply_palette(LEVELS, "iron")).save(tmp_path / "iron.jpg", quality=90)
    predictor = Predictor(thermal)
    box = (10, 10, 50, 50)
    grey = predictor(np.rint(LEVELS * 255).astype(np.uint8), box)
    clean, lossy = predictor(tmp_path / "iron.png", box), predictor(tmp_path / "iron.jpg", box)
    assert clean.image == pytest.approx(LEVELS, abs=1.5 / 255)
    assert clean.landmarks == pytest.approx(grey.landmarks, abs=0.2)
    assert np.abs(lossy.image - LEVELS).mean() < 3 / 255


def test_images_are_read_as_the_weights_own_data(tmp_path):
    """Counts, levels over a stated range, and false colours: by the metadata, not by a guess."""
    counts = np.rint((CELSIUS + 273.15) / 0.04).astype(np.uint16)
    linear = {"kind": "counts", "low": 18, "high": 40, "gain": 0.04, "offset": -273.15}
    weights = trained_on(tmp_path, **linear)
    expected = (CELSIUS - 18) / 22
    assert Predictor(weights)(counts).image == pytest.approx(expected, abs=0.001)
    assert Predictor(weights)(CELSIUS).image == pytest.approx(expected, abs=1e-5)
    given = Predictor(weights, celsius_range=(20.0, 36.0))(counts)
    assert given.image == pytest.approx((CELSIUS - 20) / 16, abs=0.002)

    levels = np.rint((CELSIUS - 10) / 0.2).astype(np.uint8)
    scale = {"low": 18, "high": 40, "scale_celsius": (10, 61)}
    weights = trained_on(tmp_path, kind="grey8", **scale)
    for image in (
        levels,
        np.repeat(levels[..., None], 3, axis=2),
        CELSIUS,
        to_centikelvin(CELSIUS),
    ):
        assert Predictor(weights)(image).image == pytest.approx(expected, abs=0.01)
    iron = apply_palette(levels / 255, "iron")
    weights = trained_on(tmp_path, kind="palette", palette="iron", **scale)
    assert Predictor(weights)(iron).image == pytest.approx(expected, abs=0.03)
    given = Predictor(weights, celsius_range=(20.0, 36.0))(levels)
    assert given.image == pytest.approx((CELSIUS - 20) / 16, abs=0.01)

    weights = trained_on(tmp_path, kind="grey8", low=100, high=200)
    grey = np.full((60, 80), 150, np.uint8)
    assert Predictor(weights)(grey).image == pytest.approx(0.5)


def test_weights_that_stretch_stretch_here_too(tmp_path):
    weights = trained_on(tmp_path, kind="frame-minmax")
    for image in (CELSIUS, CELSIUS + 5, to_centikelvin(CELSIUS)):
        assert Predictor(weights)(image).image == pytest.approx(LEVELS, abs=0.004)
    with pytest.raises(InputError, match="give no range"):
        Predictor(weights, celsius_range=(18.0, 40.0))


def test_few_dead_pixels_are_filled(tmp_path, thermal):
    holed = CELSIUS.copy()
    holed[20, 30] = np.nan
    np.save(tmp_path / "holed.npy", holed)
    for image in (holed, tmp_path / "holed.npy"):
        assert Predictor(thermal)(image).image == pytest.approx((CELSIUS - 18) / 22, abs=0.02)


def test_raw_counts_in_an_array_file_stay_counts(tmp_path, thermal):
    np.save(tmp_path / "raw.npy", to_centikelvin(CELSIUS))
    assert read_image(tmp_path / "raw.npy").dtype == np.uint16
    found = Predictor(thermal)(tmp_path / "raw.npy")
    assert found.image == pytest.approx((CELSIUS - 18) / 22, abs=0.001)


def broken_files(folder: Path) -> dict[str, Path]:
    colour = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    whole = folder / "whole.jpg"
    Image.fromarray(colour).save(whole)
    files = {name: folder / name for name in ("missing.png", "empty.png", "cut.jpg", "text.png")}
    files["empty.png"].write_bytes(b"")
    files["cut.jpg"].write_bytes(whole.read_bytes()[:1500])
    files["text.png"].write_text("not an image")
    files["nan.npy"] = folder / "nan.npy"
    np.save(files["nan.npy"], np.full((4, 4), np.nan, dtype=np.float32))
    files["pickle.npy"] = folder / "pickle.npy"
    np.save(files["pickle.npy"], np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return files


REASONS = {
    "missing.png": "no such file",
    "empty.png": "the file is empty",
    "cut.jpg": "broken or truncated",
    "text.png": "not an image",
    "nan.npy": "NaN",
    "pickle.npy": "not a NumPy array",
}


@pytest.mark.parametrize("name", REASONS)
def test_unreadable_files_say_why(tmp_path, name):
    path = broken_files(tmp_path)[name]
    with pytest.raises(InputError, match=REASONS[name]) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "dtype", "shape"),
    [("L", np.uint8, (5, 7)), ("RGB", np.uint8, (5, 7, 3)), ("I;16", np.uint16, (5, 7))],
)
def test_stored_values_come_back(tmp_path, mode, dtype, shape):
    top = 255 if dtype is np.uint8 else 65535
    values = RNG.integers(0, top + 1, shape).astype(dtype)
    for suffix in ("png", "tiff"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(values).save(path)
        assert np.array_equal(read_image(path), values)


def test_colours_are_told_from_greys_despite_jpeg(tmp_path):
    smooth = cv2.GaussianBlur(RNG.uniform(0, 255, (64, 64)), (0, 0), 2).astype(np.uint8)
    Image.fromarray(np.repeat(smooth[..., None], 3, 2)).save(tmp_path / "g.jpg", quality=40)
    assert not is_coloured(read_image(tmp_path / "g.jpg"))
    assert is_coloured(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8))


def test_drawn_points_lie_on_their_pixels():
    image = np.zeros((240, 320), dtype=np.float32)
    landmarks = np.tile([[100.0, 50.0]], (68, 1))
    drawing = draw(Found(landmarks, "ibug68", image))
    assert drawing.shape == (480, 640, 3)
    y, x = np.nonzero(drawing.any(-1))
    # pixel 100 covers 200 and 201 of the enlarged image
    assert (x.mean(), y.mean()) == pytest.approx((200.5, 100.5), abs=0.3)


def test_the_command_skips_what_it_cannot_read_and_does_the_rest(tmp_path, thermal):
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), to_centikelvin(CELSIUS))
    colour = tmp_path / "colour.png"
    Image.fromarray(RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(colour)
    bad = [*broken_files(tmp_path).values(), colour]
    out = tmp_path / "out"
    result = CliRunner().invoke(
        app, ["predict", "--weights", str(thermal), "--out", str(out), *map(str, bad), str(good)]
    )
    assert result.exit_code == 1
    errors = [line for line in result.output.splitlines() if line.startswith("error:")]
    assert len(errors) == len(bad)
    assert all(any(str(path) in line for line in errors) for path in bad)
    assert (out / "good_landmarks.png").is_file()
    assert len((out / "landmarks.csv").read_text().splitlines()) == 69
    assert "1 of 8 images" in result.output
