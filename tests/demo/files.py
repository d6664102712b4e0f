"""Files for the demo, made from rendered faces."""

import io

import cv2
import numpy as np

from mlcmkd.data.images import encode_image
from mlcmkd.data.thermal.radiometry import to_centikelvin
from mlcmkd.demo.examples import make_example
from mlcmkd.demo.uploads import Upload


def celsius(seed: int = 1) -> np.ndarray:
    """One face, (256, 256) float32 degrees C."""
    return np.load(io.BytesIO(make_example("one face", "thermal", seed).content))


def png(name: str, values: np.ndarray) -> Upload:
    return Upload(name, encode_image(values)[0])


def npy(name: str, values: np.ndarray) -> Upload:
    file = io.BytesIO()
    np.save(file, values)
    return Upload(name, file.getvalue())


def centikelvin(name: str = "raw.png", seed: int = 1) -> Upload:
    """A radiometric PNG of 16 bits."""
    return png(name, to_centikelvin(celsius(seed)))


def photo(name: str = "photo.png") -> Upload:
    return Upload(name, make_example("one face", "rgb", 1).content)


def stack(frames: int, name: str = "stack.npy") -> Upload:
    """A face that moves to the right by 2 px a frame."""
    face = cv2.resize(celsius(), (96, 96), interpolation=cv2.INTER_AREA)
    moved = [np.roll(np.pad(face, 40, mode="edge"), 2 * n, axis=1) for n in range(frames)]
    return npy(name, np.stack(moved).astype(np.float32))


BROKEN = Upload("broken.png", b"no image")
