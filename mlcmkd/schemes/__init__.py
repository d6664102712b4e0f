"""Landmark schemes: how many points, in which order, and what a mirror does to them.

Indices are 0-based. "Left" and "right" are the viewer's, as in the iBUG figure: point 36 is the
outer corner of the eye on the left of the image, whatever a data set's own words for it are.

A point's name says where on the face it is, and one name means the same place in every scheme. So
the names alone tell what a mirror does (`scheme.py`) and which points two schemes share
(`maps.py`).
"""

from mlcmkd.schemes.charlotte import CHARLOTTE43, CHARLOTTE73
from mlcmkd.schemes.cofw import COFW29
from mlcmkd.schemes.few import CORNERS6, FACE5
from mlcmkd.schemes.ibug import IBUG68, IBUG70, SFTL54
from mlcmkd.schemes.maps import CommonPoints, common_points, convert, map_indices
from mlcmkd.schemes.registry import SCHEMES, get_scheme
from mlcmkd.schemes.scheme import Scheme
from mlcmkd.schemes.wflw import WFLW98

__all__ = [
    "CHARLOTTE43",
    "CHARLOTTE73",
    "COFW29",
    "CORNERS6",
    "FACE5",
    "IBUG68",
    "IBUG70",
    "SCHEMES",
    "SFTL54",
    "WFLW98",
    "CommonPoints",
    "Scheme",
    "common_points",
    "convert",
    "get_scheme",
    "map_indices",
]
