"""The palette and the polarity of 8-bit thermal images, where the user states them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data_prep.readers import Annotation
from mlcmkd.data.thermal.palettes import get_palette
from mlcmkd.data.thermal.stated_levels import state_levels
from mlcmkd.utils.errors import InputError


def with_stated_levels(
    annotations: Sequence[Annotation], palette: str | None, black_hot: bool, source: Path
) -> list[Annotation]:
    """Return the annotations, with this palette and polarity for their 8-bit thermal images.

    Args:
        annotations: of `source`.
        palette: name of the palette; None to keep that of the format or to recognise it.
        black_hot: whether dark is warm.
        source: for the message.

    Raises:
        InputError: an unknown palette, or no 8-bit thermal image to which this could apply.
    """
    if palette is None and not black_hot:
        return list(annotations)
    if palette is not None:
        get_palette(palette)
    stated = [_stated(annotation, palette, black_hot) for annotation in annotations]
    if all(new is old for new, old in zip(stated, annotations, strict=True)):
        raise InputError(
            f"{source}: no 8-bit thermal image, to which a palette or black hot applies; leave it out"
        )
    return stated


def _stated(annotation: Annotation, palette: str | None, black_hot: bool) -> Annotation:
    levels = annotation.radiometry
    if levels is None or levels.kind not in ("grey8", "palette"):
        return annotation
    return replace(annotation, radiometry=state_levels(levels, palette, black_hot))
