"""WFLW's 98 points: a jaw with half of iBUG's spacing, closed brow outlines, lids in quarters, pupils.

Sources: the figure on WFLW's page (wywu.github.io/projects/LAB/WFLW.html); mirrored pairs as in
mmpose's description of the data set (configs/_base_/datasets/wflw.py).
"""

from mlcmkd.schemes.ibug import BRIDGE, MOUTH, NOSTRILS
from mlcmkd.schemes.scheme import Scheme, across, mirrored, span

# "jaw 1.5" is midway between two points of iBUG's jaw. Both contours go from ear to ear in equal
# steps, but were annotated independently.
_JAW = across([f"jaw {1 + i / 2:g}" for i in range(16)], "chin")
# The upper edge from the outer to the inner end, then the lower edge in reverse. iBUG's brow
# corresponds to the upper edge, as in the usual subset of 68 points.
_LEFT_BROW = (
    "left brow outer end",
    "left brow outer quarter",
    "left brow middle",
    "left brow inner quarter",
    "left brow inner end",
    "left brow lower inner end",
    "left brow lower inner quarter",
    "left brow lower middle",
    "left brow lower outer quarter",
)
# Outlines are clockwise, so the right brow starts at its inner end and returns along its lower edge.
_RIGHT_BROW = tuple(mirrored(_LEFT_BROW[i]) for i in (4, 3, 2, 1, 0, 8, 7, 6, 5))
# Lids are divided in quarters; iBUG's thirds are taken as the outer and the inner quarter.
_LEFT_EYE = (
    "left eye outer corner",
    "left upper lid outer",
    "left upper lid middle",
    "left upper lid inner",
    "left eye inner corner",
    "left lower lid inner",
    "left lower lid middle",
    "left lower lid outer",
)
_RIGHT_EYE = tuple(mirrored(_LEFT_EYE[i]) for i in (4, 3, 2, 1, 0, 7, 6, 5))

WFLW98 = Scheme(
    name="wflw98",
    names=(
        *_JAW,
        *_LEFT_BROW,
        *_RIGHT_BROW,
        *BRIDGE,
        *NOSTRILS,
        *_LEFT_EYE,
        *_RIGHT_EYE,
        *MOUTH,
        "left pupil",
        "right pupil",
    ),
    outer_eyes=(60, 72),
    pupils=((96,), (97,)),
    nose_tip=54,
    regions={
        "jaw": span(0, 32),
        "left brow": span(33, 41),
        "right brow": span(42, 50),
        "nose": span(51, 59),
        "left eye": (*span(60, 67), 96),
        "right eye": (*span(68, 75), 97),
        "mouth": span(76, 95),
    },
    edges=(
        span(0, 32),
        span(33, 41, close=True),
        span(42, 50, close=True),
        span(51, 54),
        span(55, 59),
        span(60, 67, close=True),
        span(68, 75, close=True),
        span(76, 87, close=True),
        span(88, 95, close=True),
    ),
    approximate=(*span(0, 50), 61, 63, 65, 67, 69, 71, 73, 75),
)
