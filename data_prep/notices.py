"""What a user should know of the images of a data set although all of them can be used."""

from collections.abc import Sequence

from data_prep.readers import Annotation
from mlcmkd.data.images import read_image
from mlcmkd.data.thermal.palettes import is_coloured
from mlcmkd.data.thermal.radiometric_jpeg import radiometric_notice
from mlcmkd.utils.errors import InputError

_SAMPLED = 8


def notices(name: str, annotations: Sequence[Annotation]) -> list[str]:
    """Return one line for each thing to know of the images of a data set in the format `name`."""
    thermal = [a.thermal_path for a in annotations if a.thermal_path is not None]
    found = [radiometric_notice(thermal)]
    if name == "folder" and not thermal:
        found.append(_grey_notice(annotations))
    return [line for line in found if line]


def _grey_notice(annotations: Sequence[Annotation]) -> str:
    """One line if images that are photos by default have no colour, as thermal ones; else nothing."""
    paths = [a.rgb_path for a in annotations if a.assumed]
    sample = paths[:: -(-len(paths) // _SAMPLED) or 1]
    try:
        if not sample or any(is_coloured(read_image(path)) for path in sample):
            return ""
    except InputError:  # reported where the image is written
        return ""
    return (
        f"notice: {sample[0]} and others have no colour, and nothing states that they are thermal: "
        "they were prepared as RGB photos; if they are thermal, write `side: thermal` into dataset.yaml"
    )
