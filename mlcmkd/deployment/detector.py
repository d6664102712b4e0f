"""Where the face is: a simple finder for one warm face, and a door for detectors made elsewhere.

A detector is any callable that takes an image, (H, W) float32 in [0, 1] for thermal (cold to warm
over the weights' range) or (H, W, 3) for RGB, and returns boxes (x0, y0, x1, y1) in 0-based pixels,
none where there is no face. The box that a network wants runs from brows to chin and from cheek to
cheek, as the landmarks do; a detector that boxes whole heads needs a line of its own that shrinks them.
"""

import importlib
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mlcmkd.data.crops import outside
from mlcmkd.utils.errors import InputError

Box = tuple[float, float, float, float]
Detector = Callable[[np.ndarray], Sequence[Box]]

# All below was chosen on validation faces in drawn rooms and on frames of drivers 1, see
# benchmarks/detect.py; lengths are pixels of the image brought to WORK_PX.
WORK_PX = 192  # the longer side that is enough to see a head
BLUR = 1.5
CLOSE = 15  # glasses and beards are colder than skin: gaps of so many pixels are closed
SEPARABLE = 0.7  # Otsu's measure; one Gaussian alone has 2 / pi = 0.64
SMALLEST = 4.0  # radius of the smallest head
RIVAL = 0.65  # a circle of this share of the largest radius may be the head (else a neck, a mug)
# The box in radii of the circle: how far its centre lies below the circle's, its width, its height.
BELOW, WIDTH, HEIGHT = 0.65, 1.85, 1.95
RIVALS = (-0.3, 0.3)  # radii that the box is tried higher and lower, too


def warm_region(unit: np.ndarray) -> Box | None:
    """The box of the one face in a thermal image, as a warm round thing; None where there is none.

    Otsu's threshold (1979) parts warm from cold, gaps are closed and holes filled; circles that
    cannot grow within the warm region are found by its distance transform, and the uppermost of the
    large ones is taken for the head.

    Limits: **one face** (of several, one). It knows warm and round, not faces: a lamp, a hot engine
    or a warm wall as large as the head and above it is taken instead; a face no warmer than the
    room, or cut by the image's edge, is missed or boxed wrongly. Bare heads are boxed too high
    and covered ones too low, by up to half a radius: `rivals` are boxes to try as well.

    Args:
        unit: (H, W) in [0, 1], warmer is brighter.

    Returns:
        (x0, y0, x1, y1) in pixels of the image, roughly from brows to chin.
    """
    scale = WORK_PX / max(unit.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.GaussianBlur(
        cv2.resize(unit, None, fx=scale, fy=scale, interpolation=how), (0, 0), BLUR
    )
    warm = _warm(small)
    if warm is None:
        return None
    # Beyond the image nothing is warm: a circle cannot grow over its edge.
    room = cv2.distanceTransform(np.pad(warm, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    largest = float(room.max())
    if largest < SMALLEST:
        return None
    # Peaks are plateaus along a ridge, 0.3 px of slack for the transform's own error.
    peaks = (room >= cv2.dilate(room, np.ones((9, 9))) - 0.3) & (room > RIVAL * largest)
    count, label, _, centres = cv2.connectedComponentsWithStats(peaks.astype(np.uint8))
    head = min(range(1, count), key=lambda n: centres[n][1])
    radius = float(room[label == head].max()) / scale
    # Pixel centres: u in the small image is (u + 0.5) / scale - 0.5 in the large one.
    x, y = (centres[head] + 0.5) / scale - 0.5
    y += BELOW * radius
    across, down = WIDTH * radius / 2, HEIGHT * radius / 2
    return float(x - across), float(y - down), float(x + across), float(y + down)


def rivals(box: Box) -> list[Box]:
    """The boxes above and below a warm blob's that may fit the face better; a network decides."""
    x0, y0, x1, y1 = box
    radius = (x1 - x0) / WIDTH
    return [(x0, y0 + share * radius, x1, y1 + share * radius) for share in RIVALS]


def _warm(image: np.ndarray) -> np.ndarray | None:
    """What is warm, (H, W) uint8 of 0 and 1, without gaps and holes; None where nothing stands out."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    threshold, warm = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    share = float(warm.mean())
    variance = float(levels.var())
    if not 0 < share < 1 or variance == 0:
        return None
    apart = float(levels[warm == 1].mean()) - float(levels[warm == 0].mean())
    if share * (1 - share) * apart**2 < SEPARABLE * variance:
        return None
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSE, CLOSE))
    warm = cv2.morphologyEx(warm, cv2.MORPH_CLOSE, disc)
    outlines, _ = cv2.findContours(warm, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(warm), outlines, -1, 1, -1)


def load_detector(name: str) -> Detector:
    """The detector that a user names as `module:function`; its module is imported, and so run.

    Only ever give it what somebody typed, never what a file holds. The module is sought as Python
    seeks any: installed, or in PYTHONPATH; the current folder is not searched by itself, since a
    folder of downloads may hold anything.

    Raises:
        InputError: not of that form, no such module or function, or nothing that can be called.
    """
    module, colon, function = name.partition(":")
    parts = [*module.split("."), function]
    if not colon or not all(part.isidentifier() for part in parts):
        raise InputError(f"detector '{name[:80]}': expected warm, looks or module:function")
    try:
        found = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise InputError(
            f"detector '{name}': cannot be imported ({error}); install it, or name its folder in "
            "PYTHONPATH"
        ) from None
    except AttributeError:
        raise InputError(f"detector '{name}': {module} has no {function}") from None
    if not callable(found):
        raise InputError(f"detector '{name}': {function} cannot be called")
    return found


def check_box(box: Sequence[float], name: str, size: tuple[int, int] | None = None) -> Box:
    """A box as four floats.

    Args:
        size: (width, height) of its image, pixels, where it is known.

    Raises:
        InputError: not four finite numbers with x0 < x1 and y0 < y1, shares of the image instead of
            pixels, or a box that lies wholly outside its image; `name` says whose.
    """
    try:
        x0, y0, x1, y1 = (float(value) for value in box)
    except (TypeError, ValueError):
        raise InputError(f"{name}: a box is four numbers, x0 y0 x1 y1") from None
    if not (np.isfinite([x0, y0, x1, y1]).all() and x0 < x1 and y0 < y1):
        raise InputError(
            f"{name}: the box {x0:g} {y0:g} {x1:g} {y1:g} must be x0 y0 x1 y1 with x0 < x1 and y0 < y1"
        )
    if max(abs(x0), abs(y0), abs(x1), abs(y1)) <= 1:  # a detector that knows no image size
        raise InputError(
            f"{name}: the box {x0:g} {y0:g} {x1:g} {y1:g} tells shares of the image; give pixels"
        )
    if size is not None and outside((x0, y0, x1, y1), size):
        raise InputError(
            f"{name}: the box {x0:g} {y0:g} {x1:g} {y1:g} lies outside the image of {size[0]} x "
            f"{size[1]} pixels; is it another image's?"
        )
    return x0, y0, x1, y1


def run_detector(detector: Detector, unit: np.ndarray, name: str) -> list[Box]:
    """A foreign detector's boxes, checked.

    Raises:
        InputError: it fails, or answers something else than boxes.
    """
    try:
        boxes = list(detector(unit))
    except InputError:
        raise
    except Exception as error:  # whatever it is, the other images are still done
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{name}: the detector failed ({type(error).__name__}: {told})") from None
    return [check_box(box, f"{name}, detector", unit.shape[1::-1]) for box in boxes]
