"""Whether an uploaded file is thermal or RGB."""

from pathlib import Path

import numpy as np

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.palettes import invert, is_coloured
from mlcmkd.deployment.sources import Source, read_source
from mlcmkd.utils.errors import InputError

_SIDE = 200  # px; of larger images fewer pixels are looked at


def recognise_modality(path: Path) -> Modality:
    """The modality of a file by its first frame.

    Values of 16 bits and degrees C are thermal, and so are grey levels and the colours of a known
    palette (`mlcmkd.data.thermal.palettes`). Other colours are RGB. An unreadable file is
    "thermal", as for `mlcmkd predict`, which reports its error.
    """
    frames = read_source(Source(path, Path(path.name)))
    try:
        values = next(frames).values
    finally:
        frames.close()
    if values is None or values.dtype != np.uint8 or not is_coloured(values):
        return "thermal"
    try:
        invert(values[:: -(-len(values) // _SIDE), :: -(-values.shape[1] // _SIDE)])
    except InputError:
        return "rgb"
    return "thermal"
