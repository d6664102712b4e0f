import csv
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.blank_image import BlankImage
from mlcmkd.data.crops import CROP_SCALE, Crop, tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.pts import read_pts, write_pts
from mlcmkd.data.thermal.palettes import apply_palette, is_coloured
from mlcmkd.data.thermal.radiometry import Radiometry, to_centikelvin
from mlcmkd.deployment import passes
from mlcmkd.deployment.boxes import BoxTable
from mlcmkd.deployment.drawing import draw
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.deployment.onnx.export import input_radiometry
from mlcmkd.deployment.onnx.graph import CropToLandmarks, ImageToLandmarks
from mlcmkd.deployment.onnx.session import OnnxPrediction
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.roll import head_roll
from mlcmkd.deployment.sources import Source, count_frames, find_sources, read_source
from mlcmkd.models import Landmarker
from mlcmkd.stages.predict import predict_files
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

# The images of these tests show no face, so most predictors take the whole image: detector="looks".
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


def test_degrees_and_centikelvin_of_one_scene_give_the_same_landmarks(tmp_path, thermal):
    np.save(tmp_path / "a.npy", CELSIUS)
    cv2.imwrite(str(tmp_path / "a.tiff"), CELSIUS)
    cv2.imwrite(str(tmp_path / "a.png"), to_centikelvin(CELSIUS))
    predictor = Predictor(thermal, detector="looks")
    box = (10, 10, 50, 50)
    array, tiff, raw = (predictor(tmp_path / f"a.{kind}", box) for kind in ("npy", "tiff", "png"))
    assert array.landmarks == pytest.approx(tiff.landmarks)
    assert array.landmarks == pytest.approx(raw.landmarks, abs=0.05)
    assert array.image == pytest.approx((CELSIUS - 18) / 22, abs=1e-5)


def test_the_range_can_be_given(thermal):
    found = Predictor(thermal, celsius_range=(20.0, 36.0), detector="looks")(CELSIUS)
    assert found.image == pytest.approx((CELSIUS - 20) / 16, abs=1e-5)
    with pytest.raises(InputError, match="must rise"):
        Predictor(thermal, celsius_range=(36.0, 20.0))


def test_grey_levels_are_read_over_0_to_255(thermal):
    grey = RNG.integers(0, 256, (60, 80), dtype=np.uint8)
    assert Predictor(thermal, detector="looks")(grey).image == pytest.approx(grey / 255, abs=1e-6)


def test_landmarks_are_pixels_of_the_image(thermal):
    """The same face, elsewhere in a larger image and boxed there, has its landmarks moved along."""
    predictor = Predictor(thermal, detector="looks")
    large = np.full((160, 200), 20, dtype=np.float32)
    large[70:130, 100:180] = CELSIUS
    here = predictor(CELSIUS, (20, 15, 55, 45)).landmarks
    there = predictor(large, (120, 85, 155, 115)).landmarks
    assert there == pytest.approx(here + (100, 70), abs=0.05)


def test_without_a_box_the_face_is_located_in_three_passes(thermal, monkeypatch):
    """Each pass crops around the landmarks of the pass before, turned by their roll."""
    crops, landmarks = [], []
    forward = passes.forward_pass

    def recorded(network, face_crops):
        (face,) = forward(network, face_crops)
        crops.append(face_crops[0].crop)
        landmarks.append(face.landmarks)
        return [face]

    monkeypatch.setattr(passes, "forward_pass", recorded)
    face = Predictor(thermal, detector="looks")(CELSIUS)
    assert crops[0] == Crop((39.5, 29.5), 79)
    assert crops[1:] == [
        Crop.around_points(points, head_roll(points, "ibug68")) for points in landmarks[:2]
    ]
    assert np.array_equal(face.landmarks, landmarks[2])


def test_wrong_kinds_of_images(rgb, thermal):
    colour = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="on no known palette .*these weights take thermal"):
        Predictor(thermal, detector="looks")(colour)
    with pytest.raises(InputError, match="float32 values, but these weights take 8-bit RGB"):
        Predictor(rgb, detector="looks")(CELSIUS)
    assert Predictor(rgb, detector="looks")(colour).landmarks.shape == (68, 2)
    assert Predictor(rgb, detector="looks")(colour[..., 0]).landmarks.shape == (68, 2)


def test_grey_and_colour_photos_are_predicted_in_one_batch(rgb):
    colour = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    predictor, box = Predictor(rgb), (10, 10, 50, 50)
    both = predictor.faces([colour, colour[..., 0]], [box, box])
    for (face,), photo in zip(both, (colour, colour[..., 0]), strict=True):
        assert face.landmarks == pytest.approx(predictor(photo, box).landmarks, abs=0.01)


def test_grey_stored_as_three_equal_channels_is_thermal(thermal):
    grey = RNG.integers(0, 256, (60, 80, 1), dtype=np.uint8).repeat(3, axis=2)
    assert Predictor(thermal, detector="looks")(grey).image.ndim == 2


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
    predictor = Predictor(thermal, detector="looks")
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
    assert Predictor(weights, detector="looks")(counts).image == pytest.approx(expected, abs=0.001)
    assert Predictor(weights, detector="looks")(CELSIUS).image == pytest.approx(expected, abs=1e-5)
    given = Predictor(weights, celsius_range=(20.0, 36.0), detector="looks")(counts)
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
        assert Predictor(weights, detector="looks")(image).image == pytest.approx(
            expected, abs=0.01
        )
    iron = apply_palette(levels / 255, "iron")
    weights = trained_on(tmp_path, kind="palette", palette="iron", **scale)
    assert Predictor(weights, detector="looks")(iron).image == pytest.approx(expected, abs=0.03)
    given = Predictor(weights, celsius_range=(20.0, 36.0), detector="looks")(levels)
    assert given.image == pytest.approx((CELSIUS - 20) / 16, abs=0.01)

    weights = trained_on(tmp_path, kind="grey8", low=100, high=200)
    grey = np.full((60, 80), 150, np.uint8)
    grey[:, :40] = 50
    assert Predictor(weights, detector="looks")(grey).image == pytest.approx(
        (grey - 100.0).clip(0, 100) / 100
    )


def test_frame_minmax_weights_stretch_every_image(tmp_path):
    weights = trained_on(tmp_path, kind="frame-minmax")
    for image in (CELSIUS, CELSIUS + 5, to_centikelvin(CELSIUS)):
        assert Predictor(weights, detector="looks")(image).image == pytest.approx(LEVELS, abs=0.004)
    with pytest.raises(InputError, match="give no range"):
        Predictor(weights, celsius_range=(18.0, 40.0))


def test_few_dead_pixels_are_filled(tmp_path, thermal):
    holed = CELSIUS.copy()
    holed[20, 30] = np.nan
    np.save(tmp_path / "holed.npy", holed)
    for image in (holed, tmp_path / "holed.npy"):
        assert Predictor(thermal, detector="looks")(image).image == pytest.approx(
            (CELSIUS - 18) / 22, abs=0.02
        )


def test_raw_counts_in_an_array_file_stay_counts(tmp_path, thermal):
    np.save(tmp_path / "raw.npy", to_centikelvin(CELSIUS))
    assert read_image(tmp_path / "raw.npy").dtype == np.uint16
    found = Predictor(thermal, detector="looks")(tmp_path / "raw.npy")
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
    "cut.jpg": "not a complete image",
    "text.png": "not a complete image: it is a text file",
    "nan.npy": "NaN",
    "pickle.npy": "not a complete NumPy array",
}


@pytest.mark.parametrize("name", REASONS)
def test_unreadable_files_give_a_reason(tmp_path, name):
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
    drawing = draw(FaceLandmarks(landmarks, "ibug68", image))
    assert drawing.shape == (480, 640, 3)
    y, x = np.nonzero(drawing.any(-1))
    assert np.array_equal(drawing, draw(FaceLandmarks(landmarks, "ibug68", image), deviations=True))
    # pixel 100 covers 200 and 201 of the enlarged image
    assert (x.mean(), y.mean()) == pytest.approx((200.5, 100.5), abs=0.3)


def test_circles_have_the_deviation_as_radius():
    image, landmarks = np.zeros((240, 320), dtype=np.float32), np.tile([[100.0, 50.0]], (68, 1))
    face = FaceLandmarks(landmarks, "ibug68", image, deviation=np.full(68, 10.0))
    drawing = draw(face, deviations=True)
    y, x = np.nonzero((drawing != draw(face)).any(-1))
    # the image is enlarged twice
    assert np.hypot(x - 200.5, y - 100.5) == pytest.approx(20, abs=1.5)
    assert (x.min(), x.max()) == (pytest.approx(180.5, abs=1.1), pytest.approx(220.5, abs=1.1))


def test_circles_need_an_overlay(tmp_path):
    code, output = invoke(tmp_path / "a.png", "--circles", "--no-overlay")
    assert code != 0 and "leave out --no-overlay" in output


def test_the_command_skips_what_it_cannot_read_and_does_the_rest(tmp_path, thermal):
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), to_centikelvin(CELSIUS))
    colour = tmp_path / "colour.png"
    Image.fromarray(RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(colour)
    bad = [*broken_files(tmp_path).values(), colour]
    out = tmp_path / "out"
    result = CliRunner().invoke(
        app,
        [
            "predict",
            "--weights",
            str(thermal),
            "--detector",
            "looks",
            "--out",
            str(out),
            *map(str, bad),
            str(good),
        ],  # fmt: skip
    )
    assert result.exit_code == 1
    errors = [line for line in result.output.splitlines() if line.startswith("error:")]
    assert len(errors) == len(bad)
    assert all(any(str(path) in line for line in errors) for path in bad)
    assert (out / "good_landmarks.png").is_file()
    assert len((out / "landmarks.csv").read_text().splitlines()) == 69
    assert "1 of 8 images" in result.output


# Many faces


def scenes(count: int, height: int = 60, width: int = 80) -> np.ndarray:
    rng = np.random.default_rng(5)
    noise = rng.uniform(0, 60, (count, height, width)).astype(np.float32)
    return np.stack([cv2.GaussianBlur(each, (0, 0), 3) for each in noise])


def test_a_batch_gives_the_same_as_single_images(thermal):
    """Images of different sizes, several faces in some, boxes given or detected."""
    predictor = Predictor(thermal, batch=3, detector="looks")
    images = [*scenes(3), scenes(1, 100, 50)[0]]
    boxes = [(10, 10, 50, 50), [(5, 5, 30, 40), (30.5, 8, 70, 55)], None, (-10, 20, 30, 110)]
    together = predictor.faces(images, boxes)
    assert [len(each) for each in together] == [1, 2, 1, 1]
    for image, box, faces in zip(images, boxes, together, strict=True):
        for n, face in enumerate(faces):
            alone = predictor(image, box[n] if isinstance(box, list) else box)
            assert face.landmarks == pytest.approx(alone.landmarks, abs=1e-3)
            assert face.confidence == pytest.approx(alone.confidence, abs=1e-5)
            assert face.box == pytest.approx(alone.box, abs=1e-3)


def test_a_stack_is_many_images(thermal):
    predictor = Predictor(thermal, detector="looks")
    stack = scenes(5)
    found = predictor.faces(stack, [(10, 10, 50, 50)] * 5)
    assert len(found) == 5
    assert not np.allclose(found[0][0].landmarks, found[1][0].landmarks, atol=1e-3)
    with pytest.raises(InputError, match="2 boxes for 5 images"):
        predictor.faces(stack, [None, None])
    assert predictor.faces([]) == []


def test_fields_of_a_face(thermal):
    found = Predictor(thermal, detector="looks")(CELSIUS, (10, 12, 50, 40))
    assert found.by == "given" and found.scheme == "ibug68"
    assert found.point_confidence.shape == (68,)
    assert found.confidence == pytest.approx(found.point_confidence.mean())
    # the square box around which the crop is cut: the longer side, same centre
    assert found.box == pytest.approx((10, 6, 50, 46))


def test_a_box_without_an_inside_is_refused(thermal):
    for box in ((10, 10, 10, 40), (10, np.nan, 40, 40)):
        with pytest.raises(InputError, match="x0 < x1"):
            Predictor(thermal, detector="looks")(CELSIUS, box)


def test_a_box_beside_the_image_is_refused(thermal):
    height, width = CELSIUS.shape
    with pytest.raises(InputError, match=f"outside the image of {width} x {height} pixels"):
        Predictor(thermal, detector="looks")(CELSIUS, (width, 0, width + 40, 40))


def exported(monkeypatch, weights: Path, kind: str) -> Predictor:
    """A Predictor of an export whose graph torch runs: an export takes long, and test_onnx_export.py
    shows that ONNX Runtime returns the same (there a Predictor also reads real files)."""
    model = Landmarker.load(weights)
    spec, radiometry = model.spec, input_radiometry(model.spec)
    module = CropToLandmarks(model) if kind == "crop" else ImageToLandmarks(model, radiometry)
    card = Card(
        kind=kind,
        scheme=spec.scheme,
        points=68,
        modality=spec.modality,
        radiometry=radiometry,
        input_px=spec.input_px,
        crop_scale=CROP_SCALE,
        size=spec.size,
        head=spec.head,
        confidence="mass",
    )

    class Network:
        def __init__(self):
            self.card = card

        @torch.no_grad()
        def run(self, **feeds):
            assert all(len(value) == len(feeds["image"]) for value in feeds.values())
            outputs = module(*map(torch.from_numpy, feeds.values()))
            return OnnxPrediction(*(output.numpy() for output in outputs))

    monkeypatch.setattr("mlcmkd.deployment.onnx.session.load_onnx", lambda path, threads: Network())
    return Predictor("network.onnx", detector="looks")


@pytest.mark.parametrize("kind", ["crop", "image"])
def test_an_exported_file_gives_the_same(monkeypatch, thermal, kind):
    there, here = Predictor(thermal, detector="looks"), exported(monkeypatch, thermal, kind)
    images = [*scenes(2), to_centikelvin(scenes(1, 100, 50)[0])]
    boxes = [(10, 10, 50, 50), (5, 5, 70, 58), None]
    found = zip(there.faces(images, boxes), here.faces(images, boxes), strict=True)
    for (wanted,), (face,) in found:
        assert face.landmarks == pytest.approx(wanted.landmarks, abs=2e-3)
        assert face.confidence == pytest.approx(wanted.confidence, abs=1e-3)


def test_an_exported_rgb_file_gives_nearly_the_same(monkeypatch, rgb):
    """An "image" file reads 8 bits, so crops are rounded."""
    colour = cv2.GaussianBlur(RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8), (0, 0), 2)
    wanted = Predictor(rgb, detector="looks")(colour, (10, 10, 50, 50)).landmarks
    for kind, most in (("crop", 2e-3), ("image", 0.1)):
        here = exported(monkeypatch, rgb, kind)(colour, (10, 10, 50, 50))
        assert here.landmarks == pytest.approx(wanted, abs=most)


def test_an_exported_file_that_stretches_whole_frames(tmp_path, monkeypatch):
    weights = trained_on(tmp_path, kind="frame-minmax")
    with pytest.raises(InputError, match="--kind crop"):
        exported(monkeypatch, weights, "image")
    here = exported(monkeypatch, weights, "crop")(CELSIUS, (10, 10, 50, 50))
    wanted = Predictor(weights, detector="looks")(CELSIUS, (10, 10, 50, 50))
    assert here.landmarks == pytest.approx(wanted.landmarks, abs=2e-3)


# Where images come from


def video(path: Path, frames: int = 6) -> Path:
    grey = np.rint(np.linspace(40, 200, frames)).astype(np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 12.0, (80, 60), True)
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no video")
    for value in grey:
        writer.write(np.full((60, 80, 3), value, np.uint8))
    writer.release()
    return path


def source(path: Path) -> Source:
    (found,) = find_sources([path])
    return found


def test_a_stack_of_degrees_and_one_of_raw_counts(tmp_path):
    stack = scenes(3)
    np.save(tmp_path / "degrees.npy", stack)
    np.save(tmp_path / "counts.npy", to_centikelvin(stack))
    degrees = list(read_source(source(tmp_path / "degrees.npy")))
    counts = list(read_source(source(tmp_path / "counts.npy")))
    assert [frame.number for frame in degrees] == [0, 1, 2]
    assert degrees[2].name == f"{tmp_path}/degrees.npy#000002"
    assert np.array_equal(degrees[1].values, stack[1]) and counts[1].values.dtype == np.uint16
    assert count_frames(source(tmp_path / "counts.npy")) == 3


def test_pages_of_a_tiff_are_frames(tmp_path):
    raw = to_centikelvin(scenes(3))
    first, *rest = [Image.fromarray(page) for page in raw]
    first.save(tmp_path / "stack.tiff", save_all=True, append_images=rest)
    frames = list(read_source(source(tmp_path / "stack.tiff")))
    assert len(frames) == count_frames(source(tmp_path / "stack.tiff")) == 3
    assert all(np.array_equal(f.values, page) for f, page in zip(frames, raw, strict=True))


def test_a_video_is_read_frame_by_frame(tmp_path):
    frames = list(read_source(source(video(tmp_path / "clip.avi"))))
    assert [frame.number for frame in frames] == list(range(6))
    means = [frame.values.mean() for frame in frames]
    assert means == pytest.approx(np.linspace(40, 200, 6), abs=4)
    assert frames[0].values.shape == (60, 80, 3)


def test_a_folder_is_searched_in_the_order_of_names(tmp_path):
    for name in ("b/2.png", "b/1.png", "a.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4), np.uint8))
        (tmp_path / name).write_bytes((tmp_path / "a.png").read_bytes())
    found = list(find_sources([tmp_path]))
    assert [str(each.relative) for each in found] == ["a.png", "b/1.png", "b/2.png"]


BROKEN = {
    "missing.mp4": (None, "no such file"),
    "empty.mp4": (b"", "the file is empty"),
    "text.mp4": (b"no video" * 50, "not a video"),
    "flat.npy": (np.zeros(5), r"not one \(H, W\) array"),
    "words.npy": (np.full((2, 16, 20), "a"), "expected degrees C"),
    "none.npy": (np.zeros((0, 4, 5)), "without a frame"),
    "cut.tiff": (b"II*\x00" + b"\x00" * 40, "not a complete image"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_sequences_give_a_reason(tmp_path, name):
    content, reason = BROKEN[name]
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    frames = list(read_source(source(path)))
    assert frames and all(frame.values is None for frame in frames)
    assert all(re.search(reason, frame.error) and str(path) in frame.error for frame in frames)


def test_a_truncated_video_is_reported_after_its_frames(tmp_path):
    whole = video(tmp_path / "clip.avi", 40).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    frames = list(read_source(source(tmp_path / "cut.avi")))
    assert frames[-1].error and str(tmp_path / "cut.avi") in frames[-1].error


# Boxes from a file


def boxes_of(folder: Path, text: str) -> BoxTable:
    (folder / "boxes.csv").write_text(text)
    return BoxTable(folder / "boxes.csv")


def test_boxes_are_found_by_the_end_of_a_path(tmp_path):
    boxes = boxes_of(
        tmp_path,
        "image,face,x0,y0,x1,y1\n001.png,0,1,2,13,14\nanna/001.png,0,5,6,17,18\n"
        "anna/001.png,1,9,9,22,22\nclip.mp4,0,1,1,12,12\nclip.mp4#000003,0,3,3,14,14\n"
        "lost,0,1,1,12,12\n",
    )
    assert boxes.of("frames/001.png") == [(1, 2, 13, 14)]
    assert boxes.of("/x/anna/001.png") == [(5, 6, 17, 18), (9, 9, 22, 22)]
    assert boxes.of("xanna/001.npy") == [(1, 2, 13, 14)]
    assert boxes.of("a/clip.mp4#000002") == [(1, 1, 12, 12)]
    assert boxes.of("a/clip.mp4#000003") == [(3, 3, 14, 14)]
    assert boxes.of("other.png") == []
    assert boxes.unused() == ["lost"]


@pytest.mark.parametrize(
    ("row", "image", "fits"),
    [
        ("F.PNG", "f.png", True),
        (r"C:\data\faces\f.png", "f.png", True),
        (r"C:\data\faces\F.PNG", "/home/anna/faces/f.png", True),
        (r"faces\f.png", "/home/anna/others/f.png", False),
        ("anna/f.png", "ben/f.png", False),
        ("anna/f.tif", "anna/f.png", True),
        ("anna/ff.png", "anna/f.png", False),
    ],
)
def test_boxes_are_matched_whatever_the_case_and_the_separators(tmp_path, row, image, fits):
    boxes = boxes_of(tmp_path, f"image,x0,y0,x1,y1\n{row},1,2,13,14\n")
    assert boxes.of(image) == ([(1, 2, 13, 14)] if fits else [])


def test_the_columns_of_a_box_table_tell_corners_from_sizes(tmp_path):
    """`10, 10, 60, 70` may be either: only the names of the columns decide."""
    rows = "a,10,10,60,70\n"
    assert boxes_of(tmp_path, f"image,x0,y0,x1,y1\n{rows}").of("a") == [(10, 10, 60, 70)]
    assert boxes_of(tmp_path, f"image,x,y,width,height\n{rows}").of("a") == [(10, 10, 70, 80)]
    assert boxes_of(tmp_path, f"image,x,y,x0,y0,x1,y1\na,1,1{rows[1:]}").of("a") == [
        (10, 10, 60, 70)
    ]
    for header in ("image,x,y,w,h", "image,x0,y0,w,h", "image,a,b,c,d"):
        with pytest.raises(InputError, match="must contain image,x0,y0,x1,y1, or image,x,y,width"):
            boxes_of(tmp_path, f"{header}\n{rows}")
    with pytest.raises(InputError, match="line 3: the box 90 40 60 70 must .* instead of a size"):
        boxes_of(tmp_path, f"image,x0,y0,x1,y1\n{rows}b,90,40,60,70\n")


@pytest.mark.parametrize(("x0", "fits"), [(-40.5, True), (-42, False)])
def test_a_given_box_must_be_half_inside_the_image(tmp_path, thermal, x0, fits):
    np.save(tmp_path / "a.npy", CELSIUS)
    box = ("--box", x0, 10, x0 + 80, 50)
    code, output = invoke(tmp_path / "a.npy", "--weights", thermal, "--out", tmp_path / "o", *box)
    assert (code == 0) == fits
    assert ("has only 48 % of its area inside the image of 80 x 60 pixels" in output) != fits


def test_a_name_with_a_hash_is_not_a_frame_of_another_file(tmp_path):
    boxes = boxes_of(tmp_path, "image,x0,y0,x1,y1\na.png,1,2,13,14\nb.mp4,1,1,12,12\n")
    assert boxes.of("a#1.png") == [] and boxes.of("a#000001.png") == []
    assert boxes.of("b.mp4#000001") == boxes.of("b.mp4#1000001") == [(1, 1, 12, 12)]


def test_a_box_table_prefers_the_nearest_name_and_refuses_a_tie(tmp_path):
    lines = [f"{name},{n},0,{n + 20},20" for n, name in enumerate(["F.png", "f.png", "a/g.png"])]
    boxes = boxes_of(tmp_path, "\n".join(["image,x0,y0,x1,y1", *lines, "b/g.png,9,0,29,20"]))
    assert (boxes.of("x/F.png"), boxes.of("x/f.png")) == ([(0, 0, 20, 20)], [(1, 0, 21, 20)])
    assert boxes.of("c/b/g.png") == [(9, 0, 29, 20)]
    with pytest.raises(InputError, match="'a/g.png' and 'b/g.png' both fit the image g.png"):
        boxes.of("g.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,x0,y0,x1\na,1,2,3\n", "no column 'y1'"),
        ("image,x0,y0,x1,y1,x0\na,1,2,9,9,3\n", "two columns 'x0'; keep one"),
        ("image,x0,y0,x1,y1\na,1,2,3,b\n", "line 2: 'b' is not a finite number"),
        ("image,x0,y0,x1,y1\na,1,2,1,4\n", "line 2: the box 1 2 1 4 must"),
        ("image,x0,y0,x1,y1\n", "a header without rows"),
        ("image,x0,y0,x1,y1\na,1,2,3,4\n", "line 2: the box 1 2 3 4 is smaller than 4 pixels"),
        (
            "image,x0,y0,x1,y1\na,1,2,9,9\na,1,2,9,9\n",
            "line 3: the box of 'a' is the same as in line 2",
        ),
        ("image;x0;y0;x1;y1\na;1;2;9;9\n", "separated by semicolons; export the table with commas"),
    ],
)
def test_wrong_boxes_name_their_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        boxes_of(tmp_path, text)


# Result files


def invoke(*arguments, detector: str = "looks") -> tuple[int, str]:
    """The exit code and output of predict; without a box the first crop is the whole image."""
    arguments = (*arguments,) if "--detector" in arguments else (*arguments, "--detector", detector)
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit | InputError)
    return result.exit_code, result.output + str(result.exception or "")


def test_every_format_holds_the_same_points(tmp_path, thermal):
    """CSV and .pts come back through the readers of `mlcmkd score`, COCO through that of `folder`."""
    from data_prep.readers.parsing import coco

    for n, image in enumerate(scenes(2)):
        np.save(tmp_path / f"frame{n}.npy", image)
    boxes_of(
        tmp_path,
        "image,x0,y0,x1,y1\nframe0.npy,10,10,50,50\nframe0.npy,30,10,70,50\nframe1.npy,10,10,60,50\n",
    )
    out = tmp_path / "out"
    formats = [word for name in ("csv", "pts", "coco") for word in ("--format", name)]
    code, output = invoke(
        *(tmp_path / f"frame{n}.npy" for n in range(2)),
        *("--weights", thermal, "--out", out, "--boxes", tmp_path / "boxes.csv", *formats),
    )
    assert code == 0, output
    truth = Predictor(thermal, detector="looks").faces(
        scenes(2), [[(10, 10, 50, 50), (30, 10, 70, 50)], (10, 10, 60, 50)]
    )
    wanted = [face.landmarks for faces in truth for face in faces]
    names = ["frame0", "frame0@1", "frame1"]
    table = read_landmarks(out / "landmarks.csv", "ibug68").faces
    for name, points in zip(names, wanted, strict=True):
        assert read_pts(out / f"pts/{name}.pts", 68) == pytest.approx(points, abs=2e-3)
    found = [table[f"{tmp_path}/frame0.npy@1"], table[f"{tmp_path}/frame1"]]
    assert found == [pytest.approx(points, abs=0.006) for points in wanted[1:]]
    faces = list(coco.faces(out / "coco.json"))
    for face, points in zip(faces, wanted, strict=True):
        assert face.points == pytest.approx(points, abs=0.006)
        assert face.box == pytest.approx(tight_box(points), abs=0.02)
    document = json.loads((out / "coco.json").read_text())
    assert (
        document["images"][0]["width"] == 80 and len(document["categories"][0]["keypoints"]) == 68
    )
    assert 0 < document["annotations"][0]["score"] < 1
    assert max(map(max, document["categories"][0]["skeleton"])) <= 68

    again = tmp_path / "again"
    code, output = invoke(
        *(tmp_path / f"frame{n}.npy" for n in range(2)),
        *("--weights", thermal, "--out", again, "--boxes", out / "faces.csv"),
    )
    assert code == 0, output
    for one, other in zip(
        csv.reader((out / "landmarks.csv").open()),
        csv.reader((again / "landmarks.csv").open()),
        strict=True,
    ):
        assert one[:3] == other[:3]


def test_pts_count_from_one_and_come_back(tmp_path):
    points = RNG.uniform(-5, 300, (68, 2))
    write_pts(tmp_path / "a.pts", points)
    assert read_pts(tmp_path / "a.pts", 68) == pytest.approx(points, abs=6e-4)
    first = (tmp_path / "a.pts").read_text().splitlines()[3].split()
    assert float(first[0]) == pytest.approx(points[0, 0] + 1, abs=6e-4)
    with pytest.raises(InputError, match="cannot be written"):
        write_pts(tmp_path / "no/folder.pts", points)
    with pytest.raises(InputError, match="not a finite number"):
        write_pts(tmp_path / "b.pts", points * np.nan)


def test_a_stack_becomes_a_table_and_a_video(tmp_path, thermal):
    np.save(tmp_path / "stack.npy", scenes(4))
    out = tmp_path / "out"
    code, output = invoke(
        tmp_path / "stack.npy", "--weights", thermal, "--out", out, "--box", 10, 10, 50, 50
    )
    assert code == 0, output
    rows = list(csv.DictReader((out / "faces.csv").open()))
    assert [row["image"][-6:] for row in rows] == [f"{n:06d}" for n in range(4)]
    (drawn,) = out.glob("stack_landmarks*")
    shown = sum(1 for _ in read_source(source(drawn)))
    assert shown == 4


def test_smoothing_moves_a_sequence_less(tmp_path, thermal):
    """The same face with noise of its own in every frame; the first frame is as it was."""
    base = scenes(1)[0]
    rng = np.random.default_rng(0)
    np.save(tmp_path / "s.npy", np.stack([base + rng.normal(0, 3, base.shape) for _ in range(12)]))
    steps = {}
    for name, options in {
        "raw": [],
        "smooth": ["--smooth", "--min-cutoff", "0.5", "--beta", "0"],
    }.items():
        out = tmp_path / name
        code, output = invoke(
            *(tmp_path / "s.npy", "--weights", thermal, "--out", out, "--no-overlay", *options),
            *("--box", 10, 10, 50, 50),
        )
        assert code == 0, output
        faces = list(read_landmarks(out / "landmarks.csv", "ibug68").faces.values())
        steps[name] = np.abs(np.diff(faces, axis=0)).mean(), faces[0]
        assert not list(out.glob("*_landmarks*"))
    assert steps["smooth"][0] < 0.5 * steps["raw"][0]
    assert np.array_equal(steps["smooth"][1], steps["raw"][1])


def test_names_of_results_do_not_collide(tmp_path, thermal):
    np.save(tmp_path / "a.npy", CELSIUS)
    cv2.imwrite(str(tmp_path / "a.png"), to_centikelvin(CELSIUS))
    out = tmp_path / "out"
    code, _ = invoke(tmp_path / "a.npy", tmp_path / "a.png", "--weights", thermal, "--out", out)
    assert code == 0
    assert {path.name for path in out.glob("*.png")} == {"a_landmarks.png", "a-2_landmarks.png"}


def test_broken_files_do_not_stop_the_rest_of_a_folder(tmp_path, thermal):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    np.save(folder / "sub/good.npy", CELSIUS)
    np.save(folder / "stack.npy", np.stack([CELSIUS, CELSIUS * np.nan, CELSIUS]))
    (folder / "bad.png").write_text("not an image")
    (folder / "bad.mp4").write_text("not a video")
    code, output = invoke(folder, tmp_path / "gone", "--weights", thermal, "--out", out)
    assert code == 1
    errors = [line for line in output.splitlines() if line.startswith("error:")]
    assert len(errors) == 4 and any("stack.npy#000001" in line for line in errors)
    assert (out / "sub/good_landmarks.png").is_file()
    assert "3 of 7 images; 3 faces" in output


@pytest.mark.parametrize("boxed", [True, False])
def test_an_image_of_one_value_has_no_landmarks(tmp_path, thermal, boxed):
    """A single one is an error, as a broken file; in a sequence it is a frame without a face."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    stack = np.stack([CELSIUS, np.full_like(CELSIUS, 29), CELSIUS])
    np.save(folder / "good.npy", CELSIUS)
    np.save(folder / "stack.npy", stack)
    cv2.imwrite(str(folder / "counts.png"), to_centikelvin(stack[1]))
    cv2.imwrite(str(folder / "zero.png"), np.zeros((60, 80), np.uint16))
    cv2.imwrite(str(folder / "black.png"), np.zeros((60, 80, 3), np.uint8))
    video(folder / "clip.avi")  # each frame is of one grey level
    box = ("--box", 10, 10, 50, 50) if boxed else ()
    code, output = invoke(folder, "--weights", thermal, "--out", out, *box)
    assert code == 1
    errors = [line for line in output.splitlines() if line.startswith("error:")]
    assert len(errors) == 3
    for name, value in (("black", "0 0 0"), ("counts", "30215"), ("zero", "0")):
        reason = f"{name}.png: all pixels have the value {value}, so nothing can be seen"
        assert any(reason in line for line in errors)
    names = {line.split(",")[0] for line in (out / "faces.csv").read_text().splitlines()[1:]}
    assert names == {
        *(f"{folder}/stack.npy#00000{number}" for number in (0, 2)),
        f"{folder}/good.npy",
    }
    assert "10 of 13 images; 3 faces" in output and "(3 frames, 2 faces)" in output
    assert "(6 frames, 0 faces)" in output


def test_a_photo_of_one_colour_has_no_landmarks(tmp_path, rgb):
    Image.new("RGB", (80, 60), (10, 20, 30)).save(tmp_path / "blank.png")
    code, output = invoke(tmp_path / "blank.png", "--weights", rgb, "--out", tmp_path / "out")
    assert code == 1 and "blank.png: all pixels have the value 10 20 30" in output
    assert "0 of 1 images; 0 faces" in output
    with pytest.raises(BlankImage, match="^array: all pixels have the value 7 7 7"):
        Predictor(rgb, detector="looks")(np.full((60, 80, 3), 7, np.uint8))


def test_names_that_are_no_text_are_reported_and_the_rest_done(tmp_path, thermal):
    """On most file systems of Linux a name is any bytes; tables are UTF-8, native readers may crash."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    np.save(folder / "Grüße ä 漢.npy", CELSIUS)
    for name in (b"M\xfcller.png", b"M\xfcller.avi", b"M\xfcller.npy"):
        try:
            (folder / os.fsdecode(name)).write_bytes(b"")
        except OSError:
            pytest.skip("this file system has no such names")
    code, output = invoke(folder, "--weights", thermal, "--out", out)
    assert code == 1
    errors = [line for line in output.splitlines() if line.startswith("error:")]
    assert len(errors) == 3
    assert all(r"M\xfcller." in line and "not UTF-8 text; rename" in line for line in errors)
    assert "1 of 4 images; 1 faces" in output
    assert (out / "Grüße ä 漢_landmarks.png").is_file()
    code, output = invoke(folder, "--weights", thermal, "--out", tmp_path / os.fsdecode(b"\xfc"))
    assert code != 0 and r"\xfc: the name is not UTF-8 text; choose another folder" in output


def test_names_up_to_the_limit_of_the_file_system_have_results(tmp_path, thermal):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("ä" * 123 + "1", "ä" * 123 + "2", "z"):  # 251 bytes with the suffix
        np.save(folder / f"{name}.npy", CELSIUS)
    code, output = invoke(folder, "--weights", thermal, "--out", out, "--format", "pts")
    assert code == 0, output
    assert "3 of 3 images; 3 faces" in output
    assert len(list((out / "pts").iterdir())) == len(list(out.glob("*_landmarks.png"))) == 3


def test_links_to_missing_files_are_reported(tmp_path, thermal):
    """As git-annex and DVC leave them for files that were not fetched."""
    folder = tmp_path / "in"
    folder.mkdir()
    np.save(folder / "a.npy", CELSIUS)
    (folder / "b.npy").symlink_to(tmp_path / "not fetched.npy")
    code, output = invoke(folder, "--weights", thermal, "--out", tmp_path / "out")
    assert code == 1 and "b.npy: no such file" in output and "1 of 2 images" in output


def test_files_that_are_left_out_are_counted(tmp_path, thermal):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / ".hidden").mkdir(parents=True)
    np.save(folder / "a.npy", CELSIUS)
    cv2.imwrite(str(folder / "b.webp"), np.eye(40, dtype=np.uint8))
    cv2.imwrite(str(folder / "c.pgm"), to_centikelvin(CELSIUS))
    for name in ("rec.seq", "d.csv", "e.csv", ".hidden/f.csv"):
        (folder / name).write_bytes(b"1;2")
    code, output = invoke(folder, "--weights", thermal, "--out", out)
    assert code == 0, output
    assert "3 of 3 images" in output
    assert f"{folder}: 3 other files are not read (2 .csv, 1 .seq); export recordings as" in output
    (folder / "only").mkdir()
    (folder / "only/x.csv").write_bytes(b"1;2")
    code, output = invoke(folder / "only", "--weights", thermal, "--out", tmp_path / "none")
    assert code != 0 and "contains no image and no video; 1 other file is not read" in output
    assert not (tmp_path / "none").exists()


def test_images_without_a_box_have_no_face_and_unused_rows_are_reported(tmp_path, thermal):
    np.save(tmp_path / "a.npy", CELSIUS)
    np.save(tmp_path / "b.npy", CELSIUS)
    boxes_of(tmp_path, "image,x0,y0,x1,y1\na.npy,10,10,50,50\n")
    given = ["--weights", thermal, "--out", tmp_path / "out", "--boxes", tmp_path / "boxes.csv"]
    code, output = invoke(tmp_path / "a.npy", tmp_path / "b.npy", *given)
    assert code == 0 and "b.npy: no face" in output and "2 of 2 images; 1 faces" in output
    code, output = invoke(tmp_path / "b.npy", *given)
    assert code == 1 and "no image 'a.npy' among the given files" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "xml"], "format 'xml'"),
        (["--fps", "0"], "fps=0"),
        (["--beta", "1"], "is an option of --smooth"),
        (["--detector", "nowhere"], "module:function"),
        (["--batch", "0"], "batch=0"),
        (["--box", "5", "5", "5", "9"], "x0 < x1"),
    ],
)
def test_options_that_do_not_fit(tmp_path, thermal, options, message):
    np.save(tmp_path / "a.npy", CELSIUS)
    code, output = invoke(
        tmp_path / "a.npy", "--weights", thermal, "--out", tmp_path / "out", *options
    )
    assert code != 0 and message in output


def test_existing_files_are_not_overwritten(tmp_path, thermal):
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    np.save(images / "a.npy", np.full((40, 40), 30.0, np.float32))
    (images / "landmarks.csv").write_text("mine")
    predictor = Predictor(thermal, batch=2, detector="looks")
    for given in (images / "a.npy", images):
        with pytest.raises(
            InputError, match="holds a.npy, which is an input; choose another folder"
        ):
            predict_files(predictor, [given], images, progress=False)
    assert (images / "landmarks.csv").read_text() == "mine"
    predict_files(predictor, [images], out, box=(1, 1, 30, 30), say=lambda _: None, progress=False)
    before = (out / "landmarks.csv").read_text()
    with pytest.raises(InputError, match="none.npy: no such file"):
        predict_files(predictor, [images / "none.npy"], out, progress=False)
    assert (out / "landmarks.csv").read_text() == before


def test_paths_may_be_strings(tmp_path, thermal):
    np.save(tmp_path / "a.npy", CELSIUS)
    outcome = predict_files(
        Predictor(thermal, detector="looks"),
        [str(tmp_path / "a.npy")],
        str(tmp_path / "out"),
        box=(10, 10, 50, 50),
        say=lambda _: None,
        progress=False,
    )
    assert (outcome.images, outcome.faces, outcome.errors) == (1, 1, [])
    assert (tmp_path / "out/landmarks.csv").is_file()


def test_a_box_and_a_table_of_boxes_exclude_each_other(tmp_path, thermal):
    np.save(tmp_path / "a.npy", CELSIUS)
    boxes = boxes_of(tmp_path, "image,x0,y0,x1,y1\na.npy,10,10,50,50\n")
    with pytest.raises(InputError, match="give one of the two"):
        predict_files(
            Predictor(thermal), [tmp_path / "a.npy"], tmp_path / "o", box=(1, 1, 2, 2), boxes=boxes
        )
