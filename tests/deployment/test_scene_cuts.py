"""Cuts in simulated scenes: found whatever the gain control does, and not found in motion."""

import cv2
import numpy as np
import pytest

from mlcmkd.deployment.scene_cuts import CHANGE, SceneCuts, _ranks


def scene(seed: int, n: int, moving: float = 1.0) -> np.ndarray:
    """Frame n of a scene: a warm head that moves, warm and cold things behind it, noise."""
    layout = np.random.default_rng(seed)
    rows, columns = np.mgrid[:120, :160]
    image = 22 + 3 * np.sin(rows / layout.uniform(10, 40)) + columns * layout.uniform(-0.02, 0.02)
    for _ in range(5):
        x, y, width, height = layout.uniform((0, 0, 10, 10), (160, 120, 50, 50)).astype(int)
        image[y : y + height, x : x + width] += layout.uniform(-6, 6)
    x0, y0, radius = layout.uniform((50, 40, 15), (110, 80, 30))
    x = x0 + moving * 12 * np.sin(n / 4)
    image[((columns - x) / radius) ** 2 + ((rows - y0) / radius / 1.3) ** 2 < 1] = 34
    return image + np.random.default_rng((seed, n)).normal(0, 0.05, image.shape)


def gain_control(image: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Celsius, 16 bits, or 8 bits whose levels change from frame to frame."""
    if kind == "celsius":
        return image.astype(np.float32)
    if kind == "centikelvin":
        return np.rint((image + 273.15) * 100).astype(np.uint16)
    low, high = image.min() - rng.uniform(0, 10), image.max() + rng.uniform(0, 10)
    levels = np.rint(255 * ((image - low) / (high - low)) ** rng.uniform(0.6, 1.6)).astype(np.uint8)
    if kind == "equalised":
        return cv2.equalizeHist(levels)
    return np.repeat(levels[..., None], 3, axis=2) if kind == "colour" else levels


KINDS = ["celsius", "centikelvin", "flicker", "equalised", "colour"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_is_found_whatever_the_gain_control_does(kind):
    rng = np.random.default_rng(0)
    for seed in range(12):
        cuts = SceneCuts()
        frames = [scene(seed, n) for n in range(10)] + [scene(seed + 100, n) for n in range(10)]
        found = [cuts(gain_control(image, kind, rng)) for image in frames]
        assert [n for n, cut in enumerate(found) if cut] == [10], seed


def test_shutters_and_unreadable_frames_are_no_cuts():
    cuts = SceneCuts()
    closed = np.full((120, 160), 29.0)
    frames = [scene(1, n) for n in range(10)] + [closed, None, closed * np.nan, scene(1, 10)]
    assert not any(cuts(frame) for frame in frames)


def test_dead_pixels_and_a_frame_of_another_size():
    cuts = SceneCuts()
    frames = [scene(1, n) for n in range(6)]
    frames[3][5, 7] = np.nan
    frames[4][60, 80] = np.inf
    assert not any(cuts(frame) for frame in frames)
    assert cuts(np.pad(scene(1, 6), 10, mode="edge"))


def test_a_head_that_moves_before_an_even_wall_is_no_cut():
    cuts = SceneCuts()
    rows, columns = np.mgrid[:120, :160]
    rng = np.random.default_rng(0)
    for n in range(60):
        head = ((columns - 80 - 50 * np.sin(n / 12)) ** 2 + (rows - 60) ** 2) < 25**2
        assert not cuts(22 + 12 * head + rng.normal(0, 0.05, head.shape)), n


def test_another_curve_of_the_levels_is_hardly_a_change():
    """Even against equalised levels: a tenth of a cut's change at the median."""
    changes = []
    for seed in range(2, 12):
        image = scene(seed, 0)
        even = np.rint(255 * (image - image.min()) / np.ptp(image)).astype(np.uint8)
        changes.append(1 - _ranks(even) @ _ranks(cv2.equalizeHist(even)))
    assert np.median(changes) < CHANGE / 10 and max(changes) < CHANGE / 4


def test_noise_that_sets_in_on_an_even_wall_is_no_cut():
    cuts = SceneCuts()
    rows, columns = np.mgrid[:120, :160]
    head = ((columns - 80) ** 2 + (rows - 60) ** 2) < 20**2
    noise = np.random.default_rng(0).normal(0, 0.2, (12, *head.shape))
    for n in range(12):
        assert not cuts(22 + 12 * head + (noise[n] if n >= 8 else 0)), n
