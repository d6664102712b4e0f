"""Charlotte-ThermalFace's 73 points of a face seen from the front and 43 of a profile.

Its README (TeCSAR-UNCC/UNCC-ThermalFace) counts "72 or 43 facial landmarks" and gives no order. Both
orders are ours, inferred from the coordinates of its first annotated rows; so are the places of the
points, which are iBUG's unless a comment below says otherwise.
"""

from mlcmkd.schemes.ibug import IBUG68, MOUTH_EDGES, PUPILS, UPPER_EDGES
from mlcmkd.schemes.scheme import Scheme, across, span

# Points 17 to 67 are in iBUG's order. The contour differs from iBUG's: it starts at the height of the
# nose tip instead of the eyes, a third of the inter-ocular distance lower, so only the chin is shared.
# The last five points are on the hairline.
CHARLOTTE73 = Scheme(
    name="charlotte73",
    names=(
        *across([f"low jaw {i}" for i in range(1, 9)], "chin"),
        *IBUG68.names[17:],
        *across(("forehead 1", "forehead 2"), "forehead middle"),
    ),
    outer_eyes=(36, 45),
    pupils=PUPILS,
    nose_tip=30,
    regions={**IBUG68.regions, "forehead": span(68, 72)},
    edges=(span(0, 16), *UPPER_EDGES, *MOUTH_EDGES, span(68, 72)),
    # The wings and nostrils are higher on the nose than iBUG's, the inner corners of the mouth are
    # nearer to its middle.
    approximate=(8, *span(17, 26), *span(31, 35), 60, 64),
)

# The visible half of a face: a left and a right profile have the same order, from the ear to the
# front. So no point is left or right, and mirroring keeps the order. Only points on the midline are
# shared with other schemes. The order of the forehead is uncertain: in most rows it runs from the ear
# to the front too, in some of the smallest faces from the front to the ear.
CHARLOTTE43 = Scheme(
    name="charlotte43",
    names=(
        *(f"profile jaw {i}" for i in range(1, 13)),
        *(f"profile brow {i}" for i in range(1, 5)),
        "nose bridge 1",
        "nose bridge 2",
        "nose bridge 3",
        "nose tip",
        "nose base",
        "profile nose wing",
        "profile upper lid front",
        "profile upper lid back",
        "profile eye outer corner",
        "profile lower lid back",
        "profile lower lid front",
        "upper lip middle",
        "profile upper lip 2",
        "profile upper lip 1",
        "profile mouth corner",
        "profile lower lip 1",
        "profile lower lip 2",
        "lower lip middle",
        "upper lip middle inside",
        "profile upper lip inside",
        "profile mouth corner inside",
        "profile lower lip inside",
        "lower lip middle inside",
        *(f"profile forehead {i}" for i in range(1, 5)),
    ),
    outer_eyes=None,
    pupils=None,
    nose_tip=19,
    regions={
        "jaw": span(0, 11),
        "brow": span(12, 15),
        "nose": span(16, 21),
        "eye": span(22, 26),
        "mouth": span(27, 38),
        "forehead": span(39, 42),
    },
    edges=(
        span(0, 11),
        span(12, 15),
        span(16, 21),
        span(22, 26),
        span(27, 33),
        span(34, 38),
        span(39, 42),
    ),
    # Points on the silhouette, which is not exactly the midline of a frontal face.
    approximate=(*span(16, 20), 27, 33, 34, 38),
)
