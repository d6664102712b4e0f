"""Encode images losslessly."""

import io

import cv2
import numpy as np
from PIL import Image


def encode_image(values: np.ndarray) -> tuple[bytes, str]:
    """Encode an image so that `read_image` returns the same values.

    Args:
        values: as `read_image` returns them.

    Returns:
        The bytes of the file and its suffix: a PNG of 8 or 16 bits, a TIFF of 32-bit floats.
    """
    if values.dtype == np.float32:
        file = io.BytesIO()
        Image.fromarray(values).save(file, "TIFF")
        return file.getvalue(), ".tiff"
    pixels = values[..., ::-1] if values.ndim == 3 else values
    return cv2.imencode(".png", pixels)[1].tobytes(), ".png"
