"""Landmark schemes: the number and order of the points, and how mirroring exchanges them.

Indices are 0-based. "Left" and "right" are the viewer's, as in the iBUG figure: point 36 is the
outer corner of the eye on the left of the image, even where a data set's own names differ.

A point's name says where on the face it is, and one name means the same place in every scheme. So
the names decide how mirroring exchanges points (`scheme.py`) and which points two schemes share
(`maps.py`). `register_scheme` adds a user-defined scheme.
"""

from mlcmkd.schemes.charlotte import CHARLOTTE43, CHARLOTTE73
from mlcmkd.schemes.cofw import COFW29
from mlcmkd.schemes.few import CORNERS6, FACE5
from mlcmkd.schemes.ibug import IBUG68, IBUG70, SFTL54
from mlcmkd.schemes.maps import CommonPoints, common_points, convert, map_indices
from mlcmkd.schemes.registry import SCHEMES, get_scheme, register_scheme, scheme_of_count
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
    "register_scheme",
    "scheme_of_count",
]
