"""Settings of the RGB camera in one picture."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CameraLook:
    """Settings of the camera.

    Attributes:
        blur: standard deviation of the lens blur, pixels of the photograph.
        glare: share of the light that the lens scatters over the image.
        exposure: correction of the automatic exposure, stops.
        metering: share of the difference from middle grey that automatic exposure removes.
        white_balance: (3,) gains of the channels, green 1.
        saturation: 1 leaves colours as they are, 0 gives grey.
        tint: (3,) colour of a monochrome photograph; used below a saturation of 0.1.
        contrast: steepness of the tone curve in the middle, 1 for sRGB alone.
        black: level that black is raised to, 0 to about 0.03.
        shot, read: noise that grows with the light, and noise of the dark; linear, of full scale.
        sharpening: strength of the unsharp mask.
        quality: of JPEG, 1 to 100.
    """

    blur: float
    glare: float
    exposure: float
    metering: float
    white_balance: np.ndarray
    saturation: float
    tint: np.ndarray
    contrast: float
    black: float
    shot: float
    read: float
    sharpening: float
    quality: int


def draw_camera(rng: np.random.Generator, illuminant: np.ndarray) -> CameraLook:
    """Random settings; the ranges are ours.

    Args:
        rng: the sample's generator.
        illuminant: (3,) colour of the key light, of which automatic white balance removes a part.
    """
    gains = illuminant ** -rng.uniform(0.65, 1) * np.exp(rng.normal(0, 0.028, 3))
    noisy = rng.random() < 0.2
    monochrome = rng.random() < 0.04
    return CameraLook(
        blur=float(min(rng.gamma(3, 0.16), 0.95)),
        glare=float(rng.uniform(0.0, 0.07)),
        exposure=float(np.clip(rng.normal(0.1, 0.45), -1.3, 1.2)),
        metering=float(rng.uniform(0.45, 0.8)),
        white_balance=(gains / gains[1]).astype(np.float32),
        saturation=0.0 if monochrome else float(rng.uniform(0.8, 1.2)),
        tint=np.array([1, rng.uniform(0.9, 1), rng.uniform(0.8, 1)], np.float32),
        contrast=float(rng.uniform(1.2, 1.9)),
        black=float(rng.exponential(0.006)),
        shot=float(rng.uniform(0.006, 0.035) * (2.5 if noisy else 1)),
        read=float(rng.uniform(0.001, 0.004) * (2.5 if noisy else 1)),
        sharpening=float(rng.uniform(0, 0.6)),
        quality=int(rng.integers(55, 98)) if rng.random() < 0.8 else int(rng.integers(25, 55)),
    )
