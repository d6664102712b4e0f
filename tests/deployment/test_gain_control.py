"""Prediction on 8-bit frames of a camera with automatic gain control, against degrees C."""

import numpy as np
import pytest
import torch

from mlcmkd.data.agc import GainControl, gain_controlled
from mlcmkd.data.crops import tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, to_centikelvin
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.schemes import IBUG68
from tests.conftest import make_model


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces("test", 8, seed=78)


def gain_control(equalisation: float, cold: float, warm: float, gamma: float) -> GainControl:
    values = (cold, warm, equalisation, 3.0, gamma, 0.0, 1.0)
    return GainControl(*(torch.tensor([[value]]) for value in values))


def frame_of(celsius: np.ndarray, control: GainControl) -> np.ndarray:
    """The 8-bit frame that a camera with this gain control gives for temperatures (H, W)."""
    unit = torch.from_numpy(FACE_CELSIUS.to_unit(celsius))[None, None]
    return (gain_controlled(unit, control)[0, 0].numpy() * 255).round().astype(np.uint8)


LINEAR = gain_control(equalisation=0.0, cold=0.0, warm=1.0, gamma=1.0)
STRONG = gain_control(equalisation=0.7, cold=0.02, warm=0.96, gamma=0.8)


def test_a_linear_8_bit_frame_gives_the_landmarks_of_degrees(tmp_path, faces):
    """Weights with normalisation "image" give each crop mean 0 and deviation 1."""
    make_model(modality="thermal").save(tmp_path / "thermal.safetensors")
    predictor = Predictor(tmp_path / "thermal.safetensors")
    celsius = faces.thermal[0].clip(18.5, 39.5)
    box = tight_box(faces.landmarks[0])
    degrees = predictor(celsius, box).landmarks
    assert predictor(to_centikelvin(celsius), box).landmarks == pytest.approx(degrees, abs=0.02)
    levels = frame_of(celsius, LINEAR)
    assert levels.min() == 0 and levels.max() == 255
    # Rounding to 256 levels, and the small constant added to the deviation, are what is left.
    assert predictor(levels, box).landmarks == pytest.approx(degrees, abs=0.05)
    three_channels = np.repeat(levels[..., None], 3, axis=2)
    assert predictor(three_channels, box).landmarks == pytest.approx(degrees, abs=0.05)


def test_the_bundled_model_reads_frames_with_saturation_and_equalisation(faces):
    predictor = Predictor()
    boxes = [tight_box(marks) for marks in faces.landmarks]
    left, right = IBUG68.outer_eyes
    distance = np.linalg.norm(faces.landmarks[:, left] - faces.landmarks[:, right], axis=1)

    def places(images: list[np.ndarray]) -> np.ndarray:
        return np.stack([found[0].landmarks for found in predictor.faces(images, boxes)])

    degrees = places(list(faces.thermal))
    moved = {}
    for name, control in (("linear", LINEAR), ("strong", STRONG)):
        levels = places([frame_of(celsius, control) for celsius in faces.thermal])
        moved[name] = (np.linalg.norm(levels - degrees, axis=2).mean(axis=1) / distance).mean()
    assert moved["linear"] < 0.005
    assert moved["strong"] < 0.04
