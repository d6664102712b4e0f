"""Decodes image files: by Pillow, and by OpenCV where Pillow would lose bits.

Pillow notices truncated files, which OpenCV fills with grey. Colours and grey with alpha of 16 bits, and
floating-point TIFFs of other than 32 bits, are types that Pillow reduces to 8 bits or does not open.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from mlcmkd.data.images.tiff_pages import MAGIC, Page, frame_pages
from mlcmkd.data.images.values import check_size, upright
from mlcmkd.utils.errors import InputError

# Other formats of Pillow are never tried: some start programs, others reduce 16 bits to 8.
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM", "GIF")
_HEAD = 26  # bytes; those of a PNG end with its bit depth and colour type


class Picture:
    """The frames of an open image file; a TIFF may have several.

    Args:
        file: open for reading, until the last frame is read.
        path: for messages.

    Attributes:
        count: number of frames.

    Raises:
        InputError: an animation, or a stack whose frames are not all listed. Damaged files raise errors
            of Pillow.
    """

    def __init__(self, file: BinaryIO, path: Path):
        self._file, self._path = file, path
        file.seek(0)
        head = file.read(_HEAD)
        self._image: Image.Image | None = None
        self._data: np.ndarray | None = None
        self._pages = frame_pages(file) if head[:4] in MAGIC else None
        if self._pages is not None:
            self.count = len(self._pages)
            if (images := max(page.images for page in self._pages)) > self.count:
                raise InputError(
                    f"{path}: a stack of {images} images, but only {self.count} of them can be found by "
                    "other programs than ImageJ; save it as an image sequence"
                )
            return
        image = self._open()
        self.count = 1
        self._is_deep = _is_deep(image, head)
        # The later pictures of an MPO, a JPEG of some phones, are previews of the first.
        frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
        if frames > 1:
            raise InputError(
                f"{path}: an animation of {frames} frames; save them as PNG files or as a video"
            )

    def size(self, number: int) -> tuple[int, int]:
        """Width and height of a frame, upright."""
        if self._pages is not None:
            page = self._pages[number]
            width, height, orientation = page.width, page.height, page.orientation
        else:
            image = self._open()
            width, height = image.size
            check_size(width, height, str(self._path))
            orientation = _orientation(image)
        return (height, width) if orientation in (5, 6, 7, 8) else (width, height)

    def read(self, number: int) -> tuple[np.ndarray, bool]:
        """Decode a frame.

        Returns:
            Its values, upright, (H, W) or (H, W, C) with channels RGB and alpha; and whether they
            were turned by an orientation tag.
        """
        if self._pages is not None:
            page = self._pages[number]
            check_size(page.width, page.height, str(self._path))
            return self._read_page(page), page.orientation != 1
        image = self._open()
        check_size(*image.size, str(self._path))
        image.load()  # decodes all of it: a truncated file fails here
        orientation = _orientation(image)
        values = self._by_opencv(0) if self._is_deep else _by_pillow(image, self._path)
        return upright(values, orientation), orientation != 1

    def _read_page(self, page: Page) -> np.ndarray:
        if page.is_misread:
            raise self._unreadable(page.kind)
        if page.beyond_pillow:
            return self._by_opencv(page.index, page.kind)
        try:
            image = self._open()
            image.seek(page.index)
        except (UnidentifiedImageError, SyntaxError):  # a type that Pillow does not know
            return self._by_opencv(page.index, page.kind)
        image.load()
        # Newer versions of Pillow turn a TIFF when they load it, and then remove its tag.
        return upright(_by_pillow(image, self._path), _orientation(image))

    def _open(self) -> Image.Image:
        if self._image is None:
            self._image = Image.open(self._file, formats=_FORMATS)
        return self._image

    def _by_opencv(self, index: int, kind: str = "its") -> np.ndarray:
        """Decode one page in its full depth."""
        if self._data is None:
            self._file.seek(0)
            self._data = np.frombuffer(self._file.read(), np.uint8)
        pages: Sequence[np.ndarray] = ()
        logging = cv2.utils.logging  # a failure becomes an InputError, without OpenCV's own lines
        level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
        try:
            _, pages = cv2.imdecodemulti(self._data, cv2.IMREAD_UNCHANGED, range=(index, index + 1))
        except cv2.error:
            pass
        finally:
            logging.setLogLevel(level)
        if not pages:
            raise self._unreadable(kind)
        values = pages[0]
        if values.ndim == 3 and values.shape[2] >= 3:  # BGR, then alpha
            values = np.concatenate((values[..., 2::-1], values[..., 3:]), axis=2)
        return values

    def _unreadable(self, kind: str) -> InputError:
        return InputError(
            f"{self._path}: {kind} pixels cannot be read, or the file is truncated; save counts as "
            "16-bit integers or degrees C as 32-bit floats"
        )


def _orientation(image: Image.Image) -> int:
    """Return the orientation tag, 1 to 8; 1 without a readable one."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a damaged EXIF block leaves the pixels as they are
        return 1
    return value if value in range(1, 9) else 1


def _is_deep(image: Image.Image, head: bytes) -> bool:
    """Whether a file other than a TIFF holds values that Pillow would reduce or scale."""
    if image.format == "PNG":
        depth, colour_type = head[24:26]
        return depth == 16 and colour_type != 0  # 0 is grey
    # Pillow stretches the values of PGM and PPM files unless 255 or 65535 is their largest value.
    return image.format == "PPM" and image.mode != "1" and image.tile[0][0] != "raw"


def _by_pillow(image: Image.Image, path: Path) -> np.ndarray:
    """Convert a loaded image of 8 bits a channel, or of one channel of more."""
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA").convert("RGB")
    elif image.mode in ("CMYK", "YCbCr"):
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode in ("L", "LA", "RGB", "RGBA", "RGBX", "F") or image.mode.startswith("I"):
        return np.array(image)
    raise InputError(f"{path}: images of kind {image.mode} are not supported; save 8 or 16 bits")
