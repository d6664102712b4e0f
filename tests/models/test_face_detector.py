"""The face detector: targets and losses by hand, decoding, files, ONNX."""

import numpy as np
import pytest
import torch

from mlcmkd.data.draw import Draw
from mlcmkd.data.frames import (
    FACE,
    UNSURE,
    FrameBatch,
    Frames,
    make_frame_batch,
    pad_frames,
    warp_frames,
    warp_points,
)
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, draw_geometry
from mlcmkd.deployment.face_detector import TorchDetector, detect_faces, open_detector, to_input
from mlcmkd.deployment.face_maps import find_faces
from mlcmkd.deployment.onnx.detector import OnnxDetector, export_detector
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.models.face_detector import DetectorSpec, FaceDetector, FaceMaps
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.training.detection import box_loss, face_targets, focal_loss
from mlcmkd.utils.errors import InputError


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    network = FaceDetector(DetectorSpec(size="slim", input_px=96, radiometry=FACE_CELSIUS))
    torch.nn.init.normal_(network.maps.weight, std=0.3)
    return network.eval()


def batch_of(*boxes, kinds=None):
    kinds = [FACE] * len(boxes) if kinds is None else kinds
    return FrameBatch(
        torch.zeros(1, 1, 64, 96),
        torch.tensor([boxes], dtype=torch.float32),
        torch.tensor([kinds]),
    )


def test_heat_is_one_at_the_centre_and_a_gaussian_around_it():
    # Centre (33.5, 25.5): cell (33.5 + 0.5) / 4 - 0.5 = 8, row 6; spread 0.12 * 40 / 4 = 1.2 cells.
    heat, ignored, assigned = face_targets(batch_of((13.5, 5.5, 53.5, 45.5)), (16, 24))
    assert heat[0, 6, 8] == 1
    assert heat[0, 6, 9].item() == pytest.approx(np.exp(-1 / (2 * 1.2**2)), rel=1e-5)
    assert heat[0, 8, 8].item() == pytest.approx(np.exp(-4 / (2 * 1.2**2)), rel=1e-5)
    assert not ignored.any()
    assert (assigned == 0).all()


def test_an_unsure_face_is_ignored_within_its_box():
    batch = batch_of((13.5, 5.5, 53.5, 45.5), kinds=[UNSURE])
    heat, ignored, _ = face_targets(batch, (16, 24))
    assert heat.max() == 0
    assert ignored[0, 6, 8]
    assert ignored[0, 6, 13]  # five cells are half of the box
    assert not ignored[0, 6, 14]


def test_focal_loss_by_hand():
    logits = torch.tensor([[[0.0, 2.0, -1.0]]])
    heat = torch.tensor([[[1.0, 0.5, 0.0]]])
    p = 1 / (1 + np.exp(-np.array([0.0, 2.0, -1.0])))
    expected = (
        -((1 - p[0]) ** 2) * np.log(p[0])
        - 0.5**4 * p[1] ** 2 * np.log(1 - p[1])
        - p[2] ** 2 * np.log(1 - p[2])
    )
    free = torch.zeros(1, 1, 3, dtype=torch.bool)
    assert focal_loss(logits, heat, free).item() == pytest.approx(expected, rel=1e-5)
    ignored = torch.tensor([[[False, False, True]]])
    without = expected + p[2] ** 2 * np.log(1 - p[2])
    assert focal_loss(logits, heat, ignored).item() == pytest.approx(without, rel=1e-5)


def test_box_loss_is_zero_at_the_target_and_falls_off_by_hand():
    box = (13.5, 5.5, 53.5, 45.5)
    batch = batch_of(box)
    heat, _, assigned = face_targets(batch, (16, 24))
    maps = torch.zeros(1, 4, 16, 24)
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(24), indexing="ij")
    maps[0, 0], maps[0, 1] = 8 - columns, 6 - rows
    maps[0, 2:] = np.log(40 / 32)
    loss = box_loss(FaceMaps(maps[:, 0], maps), batch.boxes, heat, assigned)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    maps[0, 2] += 0.25  # a width that is wrong by a factor exp(0.25)
    maps[0, 1] += 1  # a centre one cell of ten too low
    loss = box_loss(FaceMaps(maps[:, 0], maps), batch.boxes, heat, assigned)
    assert loss.item() == pytest.approx(0.25 + 0.1, rel=1e-5)


def test_the_target_decodes_to_its_box():
    boxes = [(13.5, 5.5, 53.5, 45.5), (60.2, 10.1, 80.7, 33.3)]
    batch = batch_of(*boxes)
    heat, _, assigned = face_targets(batch, (16, 24))
    maps = np.zeros((4, 16, 24), np.float32)
    rows, columns = np.mgrid[:16, :24]
    for n, (x0, y0, x1, y1) in enumerate(boxes):
        own = assigned[0].numpy() == n
        maps[0][own] = ((x0 + x1) / 2 + 0.5) / 4 - 0.5 - columns[own]
        maps[1][own] = ((y0 + y1) / 2 + 0.5) / 4 - 0.5 - rows[own]
        maps[2][own] = np.log((x1 - x0) / 32)
        maps[3][own] = np.log((y1 - y0) / 32)
    found = find_faces(heat[0].numpy(), maps, 0.5)
    assert len(found) == 2
    for box in boxes:
        nearest = min(found, key=lambda face: abs(face.box[0] - box[0]))
        np.testing.assert_allclose(nearest.box, box, atol=1e-3)


def test_overlapping_boxes_keep_the_highest_score():
    centres = np.zeros((16, 24), np.float32)
    centres[6, 8], centres[6, 11] = 0.9, 0.8
    maps = np.zeros((4, 16, 24), np.float32)
    maps[2:] = np.log(40 / 32)  # sides of 40 px, 12 px apart: IoU 0.54
    assert [face.score for face in find_faces(centres, maps, 0.5)] == [pytest.approx(0.9)]
    maps[2:] = np.log(16 / 32)
    assert len(find_faces(centres, maps, 0.5)) == 2


def test_frames_and_landmarks_are_warped_alike():
    """A bright dot stays at its landmark, whatever the rotation, size, shift and mirroring."""
    image = torch.zeros(8, 1, 60, 100)
    image[:, 0, 20:23, 65:68] = 1
    points = torch.tensor([66.0, 21.0]).expand(8, 1, 1, 2)
    draw = Draw(torch.Generator().manual_seed(0), torch.device("cpu"))
    matrix, _ = draw_geometry(Augmentation(rotation=30, scale=0.2, shift=0.08, flip=0.5), 8, draw)
    warped = warp_frames(image, matrix)
    moved = warp_points(points, matrix, (60, 100))
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(100.0), indexing="ij")
    for frame, point in zip(warped[:, 0], moved[:, 0, 0], strict=True):
        mass = frame / frame.sum()
        centre = torch.stack(((mass * x).sum(), (mass * y).sum()))
        assert (centre - point).norm() < 0.15


def test_a_batch_without_augmentation_holds_the_frames_and_boxes():
    rendered = make_frames(4, size=(72, 96), first=5, heads=2, workers=1, rgb=False)
    frames = Frames.of(rendered, "thermal")
    batch = make_frame_batch(
        frames, torch.arange(4), NO_AUGMENTATION, torch.Generator().manual_seed(0)
    )
    assert batch.images.shape == (4, 1, 96, 96)
    expected = np.clip((rendered.thermal[2] - 18) / 22, 0, 1)
    np.testing.assert_allclose(batch.images[2, 0, :72].numpy(), expected, atol=1e-4)
    for n, boxes in enumerate(rendered.boxes):
        np.testing.assert_allclose(batch.boxes[n, : len(boxes)].numpy(), boxes, atol=1e-3)
        assert (batch.labelled[n, len(boxes) :] == 0).all()


def test_padding_repeats_the_border():
    padded = pad_frames(torch.arange(30.0).view(1, 1, 5, 6))
    assert padded.shape == (1, 1, 32, 32)
    assert (padded[0, 0, 10, :6] == torch.arange(24.0, 30)).all()


def test_training_and_prediction_see_the_same_input():
    unit = np.random.default_rng(0).random((72, 96), dtype=np.float32)
    ready, factor = to_input(unit, 96)
    assert factor == 1
    np.testing.assert_array_equal(
        ready[0], pad_frames(torch.from_numpy(unit)[None, None])[0].numpy()
    )


def test_boxes_come_back_to_the_pixels_of_the_frame(detector):
    """The same picture at twice the size has the same faces, twice as large."""
    unit = make_frames(1, size=(72, 96), first=9, heads=1, workers=1, rgb=False).thermal[0]
    unit = np.clip((unit - 18) / 22, 0, 1).astype(np.float32)
    large = np.kron(unit, np.ones((2, 2), np.float32))
    network = TorchDetector(detector)
    small, twice = (detect_faces(network, frame, 0.0) for frame in (unit, large))
    assert small
    for a, b in zip(small, twice, strict=True):
        assert b.score == pytest.approx(a.score, abs=1e-5)
        np.testing.assert_allclose((np.array(b.box) + 0.5) / 2 - 0.5, a.box, atol=1e-3)


def test_saved_detectors_are_the_same_and_landmark_weights_are_none(tmp_path, detector):
    detector.save(tmp_path / "d.safetensors")
    again = FaceDetector.load(tmp_path / "d.safetensors")
    assert again.spec == detector.spec
    frame = torch.rand(1, 1, 96, 96)
    assert torch.equal(again(frame).boxes, detector(frame).boxes)
    Landmarker(ModelSpec(size="slim", modality="thermal", radiometry=FACE_CELSIUS)).save(
        tmp_path / "l.safetensors"
    )
    with pytest.raises(
        InputError, match="l.safetensors: contains a landmark model, not a face detector"
    ):
        open_detector(tmp_path / "l.safetensors")
    with pytest.raises(
        InputError, match="d.safetensors: contains a face detector, not a landmark model"
    ):
        Landmarker.load(tmp_path / "d.safetensors")
    with pytest.raises(InputError, match="no such weights"):
        open_detector(tmp_path / "none.safetensors")


def test_onnx_gives_the_same_faces_without_torch(tmp_path, detector):
    path = tmp_path / "d.onnx"
    export_detector(detector, path)
    unit = np.random.default_rng(0).random((64, 96), dtype=np.float32)
    other = np.random.default_rng(1).random((50, 80), dtype=np.float32)
    for frame in (unit, other):
        by_torch = detect_faces(TorchDetector(detector), frame, 0.0)
        by_onnx = detect_faces(OnnxDetector(path), frame, 0.0)
        assert len(by_torch) == len(by_onnx) > 0
        for a, b in zip(by_torch, by_onnx, strict=True):
            np.testing.assert_allclose(a.box, b.box, atol=1e-2)
            assert a.score == pytest.approx(b.score, abs=1e-4)


def test_other_onnx_files_are_no_detectors(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match="a.onnx"):
        open_detector(tmp_path / "a.onnx")
    with pytest.raises(InputError, match="b.onnx: no such file"):
        open_detector(tmp_path / "b.onnx")
