"""The iBUG family: 68 points of 300W, the 54 of SF-TL54, and 68 with two pupils.

Sources: figure 1 of the 300-W page (ibug.doc.ic.ac.uk/resources/300-W); the README of FaceSynthetics
("68 landmark scheme from iBUG with additional 2 points for pupil centre").
"""

from mlcmkd.schemes.scheme import Scheme, across, span

JAW = across([f"jaw {i}" for i in range(1, 9)], "chin")
BROWS = across(
    (
        "brow outer end",
        "brow outer quarter",
        "brow middle",
        "brow inner quarter",
        "brow inner end",
    )
)
BRIDGE = ("nose bridge 1", "nose bridge 2", "nose bridge 3", "nose tip")
NOSTRILS = across(("nose wing", "nostril"), "nose base")
LEFT_EYE = (
    "left eye outer corner",
    "left upper lid outer",
    "left upper lid inner",
    "left eye inner corner",
    "left lower lid inner",
    "left lower lid outer",
)
# Both eyes are clockwise in the image, so the right one starts at its inner corner.
RIGHT_EYE = (
    "right eye inner corner",
    "right upper lid inner",
    "right upper lid outer",
    "right eye outer corner",
    "right lower lid outer",
    "right lower lid inner",
)
# Outer lip clockwise from the left corner, then the inner lip. Lip points 1 are next to a corner.
MOUTH = (
    *across(("mouth corner", "upper lip 1", "upper lip 2"), "upper lip middle"),
    *reversed(across(("lower lip 1", "lower lip 2"), "lower lip middle")),
    *across(("mouth corner inside", "upper lip inside"), "upper lip middle inside"),
    *reversed(across(("lower lip inside",), "lower lip middle inside")),
)

_REGIONS = {
    "jaw": span(0, 16),
    "left brow": span(17, 21),
    "right brow": span(22, 26),
    "nose": span(27, 35),
    "left eye": span(36, 41),
    "right eye": span(42, 47),
}
UPPER_EDGES = (
    span(17, 21),
    span(22, 26),
    span(27, 30),
    span(31, 35),
    span(36, 41, close=True),
    span(42, 47, close=True),
)
MOUTH_EDGES = (span(48, 59, close=True), span(60, 67, close=True))
PUPILS = (span(36, 41), span(42, 47))

IBUG68 = Scheme(
    name="ibug68",
    names=(*JAW, *BROWS, *BRIDGE, *NOSTRILS, *LEFT_EYE, *RIGHT_EYE, *MOUTH),
    outer_eyes=(36, 45),
    pupils=PUPILS,
    nose_tip=30,
    regions={**_REGIONS, "mouth": span(48, 67)},
    edges=(span(0, 16), *UPPER_EDGES, *MOUTH_EDGES),
)

# The first 48 points are iBUG's; the mouth has two corners and the middles of the lips.
SFTL54 = Scheme(
    name="sf_tl54",
    names=(
        *IBUG68.names[:48],
        "left mouth corner",
        "upper lip middle",
        "right mouth corner",
        "lower lip middle",
        "upper lip middle inside",
        "lower lip middle inside",
    ),
    outer_eyes=(36, 45),
    pupils=PUPILS,
    nose_tip=30,
    regions={**_REGIONS, "mouth": span(48, 53)},
    edges=(span(0, 16), *UPPER_EDGES, (48, 49, 50, 51, 48), (48, 52, 50, 53, 48)),
)

# The authors do not say which pupil comes first; we take the left one, which is the order of the
# eyes and of other code that loads FaceSynthetics. The points are projections of a 3-D face model, so
# jaw, brows and lips deviate from the visible outlines when the head is turned.
IBUG70 = Scheme(
    name="ibug70",
    names=(*IBUG68.names, "left pupil", "right pupil"),
    outer_eyes=(36, 45),
    pupils=((68,), (69,)),
    nose_tip=30,
    regions={
        **IBUG68.regions,
        "left eye": (*span(36, 41), 68),
        "right eye": (*span(42, 47), 69),
    },
    edges=IBUG68.edges,
    approximate=(*span(0, 26), *span(48, 67)),
)
