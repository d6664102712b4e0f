"""Charlotte-ThermalFace's 73 points of a face seen from the front and 43 of a profile.

Its README (TeCSAR-UNCC/UNCC-ThermalFace) counts "72 or 43 facial landmarks" and gives no order. Both
orders are ours, read off the coordinates of its first annotated rows; so are the places of the
points, which differ from iBUG's where that is said below.
"""

from mlcmkd.schemes.ibug import IBUG68, MOUTH_EDGES, PUPILS, UPPER_EDGES
from mlcmkd.schemes.scheme import Scheme, across, span

# Points 17 to 67 come in iBUG's order. The contour is not iBUG's: it starts at the height of the
# nose tip, not of the eyes, a third of the inter-ocular distance lower, so that only the chin is
# shared. Five points on the hairline end the list.
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
    # The wings and nostrils lie higher up the nose than iBUG's, the inner corners of the mouth
    # further in.
    approximate=(8, *span(17, 26), *span(31, 35), 60, 64),
)

# One side of a face, whichever is seen: a left and a right profile have the same order, from the
# ear to the front. So no point is left or right, and a mirror leaves the order alone. Only points
# of the midline are shared with other schemes. The forehead is the least certain: in most rows it
# runs like the rest, in some of the smallest faces from the front to the ear.
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
    # A silhouette, not the line that is drawn down the middle of a frontal face.
    approximate=(*span(16, 20), 27, 33, 34, 38),
)
