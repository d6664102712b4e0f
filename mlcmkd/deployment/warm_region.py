"""Warm-region detector: finds one face in a thermal image as a warm round region."""

import cv2
import numpy as np

from mlcmkd.deployment.boxes import Box

# All values were chosen on validation faces in synthetic scenes and on frames of the Knapik
# development sequences (benchmarks/detect.py). Lengths are pixels of the image resized to WORK_PX.
WORK_PX = 192  # longer side; enough resolution to find a head
BLUR = 1.5  # standard deviation
CLOSE = 15  # glasses and beards are colder than skin; gaps up to this width are closed
SEPARABLE = 0.7  # lowest share of variance between the classes; a single Gaussian has 2 / pi = 0.64
SMALLEST = 4.0  # radius of the smallest head
HEAD_SHARE = 0.65  # smallest radius of a head, as a share of the largest (smaller: a neck, a mug)
# The face box in radii of the circle: offset of its centre below the centre of the circle, width,
# height.
BELOW, WIDTH, HEIGHT = 0.65, 1.85, 1.95
CANDIDATE_OFFSETS = (-0.3, 0.3)  # vertical offsets of the candidate boxes, in radii


def detect_warm_region(unit: np.ndarray) -> Box | None:
    """Finds the box of one face in a thermal image.

    Otsu's threshold (1979) separates warm from cold pixels; gaps are closed and holes filled. The
    distance transform gives the largest circles within the warm region; the uppermost of the large
    ones is taken as the head. The sizes and offsets are our choices.

    Limits: it returns **one face**, also if there are several. It detects warm round regions, not faces.
    If a lamp, a hot engine or a warm wall is above the head and of its size, it is returned instead. A
    face that is not warmer than the room, or that is cut by the image border, is missed or gets a wrong
    box. The box is too high for bald heads and too low for covered heads, by up to half a radius; see
    `candidate_boxes`.

    Args:
        unit: (H, W) in [0, 1], warmer is brighter.

    Returns:
        (x0, y0, x1, y1) in pixels of the image, roughly from brows to chin; None if there is no distinct
        warm region.
    """
    scale = WORK_PX / max(unit.shape)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(unit, None, fx=scale, fy=scale, interpolation=interpolation)
    warm = _warm_mask(cv2.GaussianBlur(resized, (0, 0), BLUR))
    if warm is None:
        return None
    # The padding is cold, so that no circle grows over the image border.
    radii = cv2.distanceTransform(np.pad(warm, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    largest = float(radii.max())
    if largest < SMALLEST:
        return None
    # Maxima are plateaus along a ridge; 0.3 px is the error of the distance transform.
    peaks = (radii >= cv2.dilate(radii, np.ones((9, 9))) - 0.3) & (radii > HEAD_SHARE * largest)
    count, label, _, centres = cv2.connectedComponentsWithStats(peaks.astype(np.uint8))
    head = min(range(1, count), key=lambda n: centres[n][1])
    radius = float(radii[label == head].max()) / scale
    # Pixel centres: u in the resized image is (u + 0.5) / scale - 0.5 in the original.
    x, y = (centres[head] + 0.5) / scale - 0.5
    y += BELOW * radius
    half_width, half_height = WIDTH * radius / 2, HEIGHT * radius / 2
    return (
        float(x - half_width),
        float(y - half_height),
        float(x + half_width),
        float(y + half_height),
    )


def candidate_boxes(box: Box) -> list[Box]:
    """Boxes above and below a box of `detect_warm_region`, from which a network's confidence selects."""
    x0, y0, x1, y1 = box
    radius = (x1 - x0) / WIDTH
    return [(x0, y0 + share * radius, x1, y1 + share * radius) for share in CANDIDATE_OFFSETS]


def _warm_mask(image: np.ndarray) -> np.ndarray | None:
    """Warm pixels, (H, W) uint8 of 0 and 1, gaps and holes filled; None if warm and cold overlap."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    threshold, warm = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    share = float(warm.mean())
    variance = float(levels.var())
    if not 0 < share < 1 or variance == 0:
        return None
    contrast = float(levels[warm == 1].mean()) - float(levels[warm == 0].mean())
    if share * (1 - share) * contrast**2 < SEPARABLE * variance:
        return None
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSE, CLOSE))
    warm = cv2.morphologyEx(warm, cv2.MORPH_CLOSE, disc)
    outlines, _ = cv2.findContours(warm, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(warm), outlines, -1, 1, -1)
