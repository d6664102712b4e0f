"""Text with a border, drawn with OpenCV."""

import cv2
import numpy as np

# White with a black border is legible on every grey and does not depend on colour vision.
INK, BORDER = (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_ROOM = 2  # border, strokes


def text_width(text: str, height: int) -> int:
    """Width of a text of this height, pixels, without its border."""
    return cv2.getTextSize(text, _FONT, cv2.getFontScaleFromHeight(_FONT, height), 1)[0][0]


def write_text(
    canvas: np.ndarray,
    text: str,
    corner: tuple[float, float],
    height: int,
    colour: tuple[int, int, int] = INK,
    stroke: int = 1,
) -> None:
    """Writes text with a black border; text that would leave the image is moved inside.

    Args:
        canvas: (H, W, 3) uint8 RGB, changed in place.
        text: ASCII, one line.
        corner: (x, y) of its lower left corner, pixels.
        height: height of capital letters, pixels.
        colour: RGB, 0 to 255.
        stroke: width of a line, pixels.
    """
    scale, room = cv2.getFontScaleFromHeight(_FONT, height, stroke), _ROOM * stroke
    (width, above), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    rows, columns = canvas.shape[:2]
    x = _within(round(corner[0]), room, columns - width - room)
    y = _within(round(corner[1]), above + room, rows - 1 - room)
    # Thicker letters are wider in some versions of OpenCV, so the border is drawn by shifted letters.
    steps = range(-room, room + 1, stroke)
    for dx, dy in ((dx, dy) for dx in steps for dy in steps):
        cv2.putText(canvas, text, (x + dx, y + dy), _FONT, scale, BORDER, stroke, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, y), _FONT, scale, colour, stroke, cv2.LINE_AA)


def _within(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))
