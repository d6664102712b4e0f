"""What a user states about 8-bit thermal images: their palette, and whether dark is warm."""

from mlcmkd.data.thermal.radiometry import Radiometry


def state_levels(
    levels: Radiometry, palette: str | None = None, black_hot: bool = False
) -> Radiometry:
    """The radiometry of 8-bit images of a given palette or polarity.

    Args:
        levels: of kind "grey8" or "palette", without these two.
        palette: name of the palette; None to leave it as it is.
        black_hot: whether dark is warm; in a stated scale, the temperatures of black and white are then
            exchanged.
    """
    changes: dict = {}
    if palette is not None:
        changes |= {"kind": "palette", "palette": palette}
    if black_hot and levels.scale_celsius is not None:
        changes |= {"scale_celsius": levels.scale_celsius[::-1]}
    elif black_hot:
        changes |= {"black_hot": True}
    return Radiometry.model_validate({**levels.model_dump(), **changes})
