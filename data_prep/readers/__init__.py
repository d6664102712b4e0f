"""One small reader a format, found by name.

A reader is called as `read(source, on_bad)` and yields `Annotation`s; a bad file goes to
`on_bad(name, error)`, which either raises (the default) or notes it and lets the reader go on. The
first line of a reader's docstring is what `mlcmkd formats` says of it.
"""

from collections.abc import Mapping

from data_prep.readers import (
    carl_eurecom,
    charlotte,
    cofw,
    face_synthetics,
    folder,
    hrnet,
    ibug_pts,
    sf_tl54,
    tfd68,
    tfw,
    wflw,
    yolo_pose,
)
from data_prep.readers.base import Annotation, Reader
from mlcmkd.utils.errors import InputError

READERS: Mapping[str, Reader] = {
    # visible
    "ibug_pts": ibug_pts.read,
    "hrnet_csv": hrnet.read,
    "wflw": wflw.read,
    "cofw": cofw.read,
    "cofw68": cofw.read68,
    "face_synthetics": face_synthetics.read,
    # thermal, some with photos
    "sf_tl54": sf_tl54.read,
    "charlotte": charlotte.read,
    "charlotte_profiles": charlotte.read_profiles,
    "tfw": tfw.read,
    "tfd68": tfd68.read,
    "t_fake": face_synthetics.read_t_fake,
    "carl_eurecom": carl_eurecom.read,
    "thermal_knapik54": yolo_pose.read_knapik54,
    # anyone's
    "yolo_pose": yolo_pose.read,
    "folder": folder.read,
}

__all__ = ["READERS", "Annotation", "get_reader"]


def get_reader(name: str) -> Reader:
    """The reader of that name.

    Raises:
        InputError: no such reader; the message lists the known ones.
    """
    try:
        return READERS[name]
    except KeyError:
        raise InputError(f"format '{name}' is unknown; use one of {', '.join(READERS)}") from None
