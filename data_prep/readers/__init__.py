"""One small reader for each annotation format, looked up by name.

A reader is called as `read(source, on_bad)` and yields `Annotation`s; a bad file goes to
`on_bad(name, error)`, which either raises (the default) or records the error so that the reader
continues. The first line of a reader's docstring is its description in `mlcmkd formats`.

`base` holds `Annotation` and what readers share, `image_index` finds images by the names in
annotations, `parsing` holds file formats that several data sets use. `register_reader` adds a reader
of your own.
"""

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
from data_prep.readers.base import Annotation, OnBad, Reader
from mlcmkd.utils.registry import Registry

_BUILT_IN: dict[str, Reader] = {
    # visible
    "ibug_pts": ibug_pts.read,
    "hrnet_csv": hrnet.read,
    "wflw": wflw.read,
    "cofw": cofw.read,
    "cofw68": cofw.read68,
    "face_synthetics": face_synthetics.read,
    # thermal, some with RGB images
    "sf_tl54": sf_tl54.read,
    "charlotte": charlotte.read,
    "charlotte_profiles": charlotte.read_profiles,
    "tfw": tfw.read,
    "tfd68": tfd68.read,
    "t_fake": face_synthetics.read_t_fake,
    "carl_eurecom": carl_eurecom.read,
    "thermal_knapik54": yolo_pose.read_knapik54,
    # not tied to a data set
    "yolo_pose": yolo_pose.read,
    "folder": folder.read,
}

READERS: Registry[Reader] = Registry("format", _BUILT_IN)

__all__ = ["READERS", "Annotation", "OnBad", "get_reader", "register_reader"]


def get_reader(name: str) -> Reader:
    """Return the reader of a format.

    Raises:
        InputError: unknown format; the message lists the known ones.
    """
    return READERS.find(name)


def register_reader(name: str, read: Reader) -> None:
    """Add a reader of your own: `prepare(name, source, out)` uses it from then on.

    Args:
        name: of the format.
        read: called as `read(source, on_bad)`; yields one `Annotation` per face and passes each bad
            file to `on_bad(name, error)`, the error an `InputError`.

    Raises:
        InputError: the name belongs to mlcmkd.
    """
    READERS.register(name, read)
