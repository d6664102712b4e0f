"""Glasses: glass is opaque to long-wave infrared, so lenses appear as cool areas over the eyes."""

import numpy as np

from data_prep.simulation.regions import HeadFrame, filled, stroked


def draw_glasses(
    heat: np.ndarray, frame: HeadFrame, rng: np.random.Generator, lens: float, span: float
) -> None:
    """Paint random glasses into a temperature map, in place.

    Args:
        heat: (H, W) float32, degrees C.
        frame: axes and landmarks of the head.
        rng: the only source of randomness.
        lens: temperature of the lenses, degrees C.
        span: skin minus ambient temperature, degrees C, which scales differences within the glasses.
    """
    shape, marks, unit = heat.shape, frame.marks, frame.height
    corners = ((marks[36], marks[39]), (marks[42], marks[45]))
    width = rng.uniform(0.8, 1.3)
    aspect = rng.uniform(0.45, 0.85)
    power = rng.uniform(2.0, 5.0)
    slant = rng.uniform(-0.12, 0.25)
    drop = rng.uniform(-0.02, 0.08)
    taper = rng.uniform(-0.1, 0.35)
    outward = rng.uniform(-0.02, 0.07)
    # In a turned head the farther eye is narrower, but both lenses have the same height.
    height = aspect * width * max(np.hypot(*(b - a)) for a, b in corners)
    outlines = []
    for side, (a, b) in zip((-1, 1), corners, strict=True):
        half = (b - a) * width
        half = half if np.hypot(*half) > 0.1 * unit else frame.right * 0.1 * unit
        centre = (a + b) / 2 + side * frame.right * outward * unit
        centre = centre - frame.up * drop * unit
        angle = np.linspace(0, 2 * np.pi, 33)[:-1]
        x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power)
        y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / power)
        # The outer ends are higher, as in sports and cat-eye frames.
        y = y + side * x * np.where(y > 0, slant, taper)
        outlines.append(centre + x[:, None] * half + y[:, None] * frame.up * height)
    glass = sum(filled(outline, shape, 0.6) for outline in outlines)
    bridge = np.stack([outlines[0].mean(0), outlines[1].mean(0)]) + frame.up * height * 0.4
    bar = stroked(bridge, shape, rng.uniform(0.02, 0.12) * unit, 0.5)
    arms = [
        stroked(
            np.stack([outlines[i][k], marks[j] + frame.up * 0.05 * unit]),
            shape,
            rng.uniform(0.02, 0.07) * unit,
            0.5,
        )
        for i, j, k in ((0, 0, 16), (1, 16, 0))
    ]
    frame_width = rng.uniform(-0.02, 0.05)
    rim_heat = lens + rng.uniform(-0.15, 0.2) * span
    gradient = (np.arange(shape[0], dtype=np.float32)[:, None] - marks[28][1]) / unit
    slope = np.float32(rng.uniform(-0.35, 0.35) * span)
    for arm in arms:
        heat += arm * (rim_heat - heat)
    heat += bar * (rim_heat - heat)
    heat += np.clip(glass, 0, 1) * (lens + slope * gradient - heat)
    if frame_width > 0:
        for outline in outlines:
            rim = stroked(outline, shape, frame_width * unit, 0.5, closed=True)
            heat += rim * (rim_heat - heat)
