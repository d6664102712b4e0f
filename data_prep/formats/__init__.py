"""One small reader a format, found by name.

A reader is called as `read(source, on_bad)` and yields `Annotation`s; a bad file goes to
`on_bad(name, error)`, which either raises (the default) or notes it and lets the reader go on.
"""

from collections.abc import Mapping

from data_prep.formats import ibug_pts, yolo_pose
from data_prep.formats.base import Annotation, Reader
from mlcmkd.errors import InputError

READERS: Mapping[str, Reader] = {
    "ibug_pts": ibug_pts.read,
    "thermal_knapik54": yolo_pose.read_knapik54,
    "yolo_pose": yolo_pose.read,
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
