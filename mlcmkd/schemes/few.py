"""Schemes of five and six points, used to align faces rather than to describe their shape."""

from mlcmkd.schemes.scheme import Scheme

# TFW's order (README of IS2AI/TFW): right eye, left eye, nose tip, right and left outer corner of
# the mouth. We take "right" there as the person's right, on the left of the image, as in all
# detectors with these five points. The centre of an eye is called a pupil here, though the pupil
# leaves the centre when the gaze turns.
FACE5 = Scheme(
    name="face5",
    names=("left pupil", "right pupil", "nose tip", "left mouth corner", "right mouth corner"),
    outer_eyes=None,
    pupils=((0,), (1,)),
    nose_tip=2,
    regions={"left eye": (0,), "right eye": (1,), "nose": (2,), "mouth": (3, 4)},
    edges=((0, 2, 1), (3, 4)),
    approximate=(0, 1),
)

# Order of CARL and EURECOM. Their XML uses the person's left and right (`righteye_outer` has the
# smallest x), so "right" there is "left" here.
CORNERS6 = Scheme(
    name="corners6",
    names=(
        "left eye outer corner",
        "left eye inner corner",
        "right eye inner corner",
        "right eye outer corner",
        "left mouth corner",
        "right mouth corner",
    ),
    outer_eyes=(0, 3),
    pupils=((0, 1), (2, 3)),
    nose_tip=None,
    regions={"left eye": (0, 1), "right eye": (2, 3), "mouth": (4, 5)},
    edges=((0, 1), (2, 3), (4, 5)),
)
