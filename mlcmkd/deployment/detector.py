"""Face detectors of the user: any function from an image to boxes.

A detector takes an image in [0, 1], float32: (H, W) for thermal, from the coldest to the warmest value
of the weights' range, or (H, W, 3) for RGB. It returns a list of boxes (x0, y0, x1, y1) in 0-based
pixels, which is empty where there is no face. Like the landmarks, a box should reach from brows to chin
and from cheek to cheek. A detector of whole heads has to shrink its boxes before it returns them.
"""

import importlib
from collections.abc import Callable, Sequence

import numpy as np

from mlcmkd.deployment.boxes import Box, check_box
from mlcmkd.utils.errors import InputError

Detector = Callable[[np.ndarray], Sequence[Box]]


def load_detector(name: str) -> Detector:
    """Imports a detector by its name, `module:function`. This runs the code of the module.

    Only pass names that a user typed, never names from a file. Python finds the module if it is
    installed or in PYTHONPATH. The current folder is not searched, because it may contain downloaded
    files of unknown origin.

    Raises:
        InputError: not of that form, no such module or function, or not callable.
    """
    module, colon, function = name.partition(":")
    parts = [*module.split("."), function]
    if not colon or not all(part.isidentifier() for part in parts):
        raise InputError(
            f"detector '{name[:80]}': expected faces, warm, looks, module:function, or weights of "
            "`mlcmkd train-detector` (.safetensors, .onnx)"
        )
    try:
        detector = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise InputError(
            f"detector '{name}': cannot be imported ({error}); install it, or add its folder to "
            "PYTHONPATH"
        ) from None
    except AttributeError:
        raise InputError(f"detector '{name}': {module} has no {function}") from None
    if not callable(detector):
        raise InputError(f"detector '{name}': {function} is not callable; name a function")
    return detector


def run_detector(detector: Detector, unit: np.ndarray, name: str) -> list[Box]:
    """Runs a user's detector on an image and checks its boxes.

    Args:
        detector: the detector.
        unit: (H, W) or (H, W, 3) float32 in [0, 1].
        name: name of the image, for error messages.

    Returns:
        boxes (x0, y0, x1, y1), 0-based pixels.

    Raises:
        InputError: the detector fails, or returns an invalid box.
    """
    try:
        boxes = list(detector(unit))
    except InputError:
        raise
    except Exception as error:  # of any kind: the other images are still processed
        message = " ".join(str(error).split())[:200]
        raise InputError(
            f"{name}: the detector failed ({type(error).__name__}: {message})"
        ) from None
    # A box may extend beyond the image, because a face may be cut by the border.
    size = unit.shape[1::-1]
    return [check_box(box, f"{name}, detector", size, min_inside=0) for box in boxes]
