"""COFW's 29 points: LFPW's 35 without the ears, pairs first and the midline last.

Sources: LFPW's list of names (neerajkumar.org/databases/lfpw), whose "left" is the viewer's;
mirrored pairs as in mmpose's description of the data set (configs/_base_/datasets/cofw.py).
"""

from mlcmkd.schemes.scheme import Scheme

COFW29 = Scheme(
    name="cofw29",
    names=(
        "left brow outer end",
        "right brow outer end",
        "left brow inner end",
        "right brow inner end",
        "left brow middle",
        "left brow lower middle",
        "right brow middle",
        "right brow lower middle",
        "left eye outer corner",
        "right eye outer corner",
        "left eye inner corner",
        "right eye inner corner",
        "left upper lid middle",
        "left lower lid middle",
        "right upper lid middle",
        "right lower lid middle",
        "left pupil",
        "right pupil",
        "left nose wing",
        "right nose wing",
        "nose tip",
        "nose base",
        "left mouth corner",
        "right mouth corner",
        "upper lip middle",
        "upper lip middle inside",
        "lower lip middle inside",
        "lower lip middle",
        "chin",
    ),
    outer_eyes=(8, 9),
    pupils=((16,), (17,)),
    nose_tip=20,
    regions={
        "left brow": (0, 2, 4, 5),
        "right brow": (1, 3, 6, 7),
        "left eye": (8, 10, 12, 13, 16),
        "right eye": (9, 11, 14, 15, 17),
        "nose": (18, 19, 20, 21),
        "mouth": (22, 23, 24, 25, 26, 27),
        "jaw": (28,),
    },
    edges=(
        (0, 4, 2, 5, 0),
        (1, 6, 3, 7, 1),
        (8, 12, 10, 13, 8),
        (9, 14, 11, 15, 9),
        (20, 21),
        (18, 21, 19),
        (22, 24, 23, 27, 22),
        (22, 25, 23, 26, 22),
    ),
    # A brow's inner end is the middle of that end; a wing is where the nose is widest, above
    # iBUG's; the chin is annotated by itself, not as the middle of a contour.
    approximate=(0, 1, 2, 3, 4, 5, 6, 7, 18, 19, 28),
)
