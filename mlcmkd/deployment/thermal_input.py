"""How the stored values of a thermal image are converted to the range of a network."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.data.thermal.model_range import check_model_range, over_model_range
from mlcmkd.data.thermal.palettes import get_palette, is_coloured
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, GREY8, Radiometry
from mlcmkd.data.thermal.stated_levels import state_levels
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.yaml_files import parse_yaml


@dataclass(frozen=True)
class StatedInput:
    """Facts about thermal images that the user states, because the files do not contain them.

    Attributes:
        radiometry: radiometry of the stored values; None to infer it from their type. Its range is
            replaced by that of the weights.
        palette: name of the palette of 8-bit false colours; None to recognise it.
        black_hot: whether dark is warm in 8-bit images.

    Raises:
        InputError: an unknown palette, an invalid radiometry, or a radiometry together with `palette` or
            `black_hot`, which are fields of the radiometry.
    """

    radiometry: Radiometry | None = None
    palette: str | None = None
    black_hot: bool = False

    def __post_init__(self) -> None:
        if self.palette is not None:
            get_palette(self.palette)
        if self.radiometry is not None:  # converts a mapping of fields
            radiometry = Radiometry.validated("radiometry", self.radiometry)
            object.__setattr__(self, "radiometry", radiometry)
        if self.radiometry is not None and (self.palette is not None or self.black_hot):
            raise InputError(
                "palette and black_hot are fields of the given radiometry; give them there"
            )


INFERRED = StatedInput()


def checked_range(
    celsius_range: tuple[float, float] | None, trained: Radiometry | None, normalisation: str | None
) -> tuple[float, float] | None:
    """The degrees C that become 0 and 1: the given ones, or those of the weights.

    Args:
        celsius_range: as given by the user; None for the range of the weights.
        trained: radiometry of the training data; None where the weights do not have one.
        normalisation: normalisation of the weights; None if it is unknown.

    Returns:
        the range; None for weights that have none.

    Raises:
        InputError: a range that is not ascending, a range for weights that use none, or a range other
            than that of weights with normalisation "fixed".
    """
    if celsius_range is None:
        absolute = trained is not None and trained.absolute
        return (trained.low, trained.high) if absolute else None
    low, high = celsius_range
    if not low < high:
        raise InputError(f"the range {celsius_range} must rise; give the coldest value first")
    if trained is not None and trained.kind == "frame-minmax":
        raise InputError("these weights stretch every image to its own range; give no range")
    given = Radiometry(kind="celsius", low=low, high=high)
    check_model_range(trained, given, normalisation, "the given range")
    return celsius_range


def image_radiometry(
    values: np.ndarray,
    trained: Radiometry | None,
    celsius_range: tuple[float, float] | None,
    stated: StatedInput = INFERRED,
) -> Radiometry:
    """Selects the radiometry of an image, from its type and the radiometry of the training data.

    Images of the kind that a network was trained on are converted like its training data. Otherwise
    floats are degrees C, 16-bit values are centikelvin, and 8-bit values are relative grey levels or
    colours of a known palette.

    Args:
        values: (H, W) or (H, W, 3); uint8, uint16 or float32.
        trained: radiometry of the training data; None where the weights do not have one.
        celsius_range: degrees C that become 0 and 1; None for a network that has no such range.
        stated: facts that the user states; they take precedence.

    Raises:
        InputError: temperatures for a network that has no range, or a stated palette for weights that
            stretch every image to its own range.
    """
    if trained is not None and trained.kind == "frame-minmax":
        return _stretched(values, trained, stated)
    if stated.radiometry is not None:
        return _over_range(stated.radiometry, trained, celsius_range)
    if values.dtype == np.uint8:
        return _levels_radiometry(values, trained, celsius_range, stated)
    if celsius_range is None:
        raise InputError(
            "these weights were trained on 8-bit grey levels and have no temperature range; give one, "
            "such as --range 18 40"
        )
    low, high = celsius_range
    if values.dtype != np.uint16:
        return Radiometry(kind="celsius", low=low, high=high)
    if trained is not None and trained.kind in ("counts", "decikelvin"):
        return trained.model_copy(update={"low": low, "high": high})
    return Radiometry(kind="centikelvin", low=low, high=high)


def celsius_radiometry(
    values: np.ndarray,
    trained: Radiometry | None,
    celsius_range: tuple[float, float] | None,
    stated: StatedInput = INFERRED,
) -> Radiometry | None:
    """The radiometry that converts an image to degrees C; None if the image has relative values.

    It is that of `image_radiometry`, with two exceptions. Weights that stretch every image do not define
    its scale. 8-bit values have a scale in degrees C only if the user states it.

    Arguments and errors are those of `image_radiometry`.
    """
    relative = values.dtype == np.uint8 or (trained is not None and trained.kind == "frame-minmax")
    if relative:
        radiometry = stated.radiometry
    else:
        radiometry = image_radiometry(values, trained, celsius_range, stated)
    return radiometry if radiometry is not None and radiometry.absolute else None


def _stretched(values: np.ndarray, trained: Radiometry, stated: StatedInput) -> Radiometry:
    """Radiometry of an image for weights that stretch every image to its own range."""
    given = stated.radiometry
    if stated.palette is not None or (given is not None and given.palette is not None):
        raise InputError(
            "these weights stretch every image to its own range and recognise its palette; give none"
        )
    dark_is_warm = stated.black_hot if given is None else given.black_hot
    if dark_is_warm and values.dtype == np.uint8:
        return trained.model_copy(update={"black_hot": True})
    return trained


def _over_range(
    stated: Radiometry, trained: Radiometry | None, celsius_range: tuple[float, float] | None
) -> Radiometry:
    """The stated radiometry over the range of the weights, or the given one."""
    if stated.absolute and celsius_range is not None:
        return stated.model_copy(update={"low": celsius_range[0], "high": celsius_range[1]})
    return over_model_range(stated, trained)


def _levels_radiometry(
    values: np.ndarray,
    trained: Radiometry | None,
    celsius_range: tuple[float, float] | None,
    stated: StatedInput,
) -> Radiometry:
    """Radiometry of an 8-bit image: that of the training data where these were 8-bit images, too."""
    levels = trained if trained is not None and trained.kind in ("grey8", "palette") else GREY8
    changes: dict = {}
    if levels.absolute:
        changes |= {"low": celsius_range[0], "high": celsius_range[1]}
    if not is_coloured(values):
        changes |= {"kind": "grey8", "palette": None}
    elif levels.kind == "grey8":
        changes |= {"kind": "palette"}
    levels = levels.model_copy(update=changes)
    return state_levels(levels, stated.palette, stated.black_hot)


def parse_radiometry(text: str) -> Radiometry:
    """Reads the radiometry that a command line states.

    Args:
        text: a kind, or fields as in `dataset.yaml`, such as "{kind: counts, gain: 0.1, offset: 0}".
            Without low and high the range is that of faces (`FACE_CELSIUS`), or all grey levels.

    Raises:
        InputError: not YAML, or an unknown or invalid field.
    """
    fields = parse_yaml(text, "radiometry")
    if isinstance(fields, str):
        fields = {"kind": fields}
    if isinstance(fields, dict) and fields.get("kind") != "frame-minmax":
        relative = fields.get("kind") in ("grey8", "palette") and not fields.get("scale_celsius")
        default = GREY8 if relative else FACE_CELSIUS
        fields = {"low": default.low, "high": default.high, **fields}
    return Radiometry.validated("radiometry", fields)
