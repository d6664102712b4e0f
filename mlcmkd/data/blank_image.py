"""Images in which nothing can be seen: all pixels have one value, as of a closed shutter."""

import numpy as np

from mlcmkd.utils.errors import InputError


class BlankImage(InputError):
    """An image of one value. A network would predict landmarks in it, too."""


def check_content(values: np.ndarray, name: str) -> None:
    """Check that not all pixels of an image have one value.

    Args:
        values: (H, W) or (H, W, C), as `mlcmkd.data.images.read_image` returns them.
        name: of the image, for the message.

    Raises:
        BlankImage: all pixels have one value, or one colour.
    """
    first = values[0, 0]
    if (values == first).all():
        text = " ".join(f"{value:g}" for value in np.ravel(first))
        raise BlankImage(
            f"{name}: all pixels have the value {text}, so nothing can be seen (a closed shutter, a "
            "covered lens?); leave the image out"
        )
