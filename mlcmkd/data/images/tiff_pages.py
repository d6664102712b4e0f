"""The pages of a TIFF file: which are frames, and how their values are stored.

Pillow opens only files of pixel types that it knows, so the directories are read here.
"""

import re
from typing import BinaryIO, NamedTuple

from PIL.TiffImagePlugin import ImageFileDirectory_v2

MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_SUBFILE, _OLD_SUBFILE = 254, 255
_WIDTH, _HEIGHT, _BITS, _ORIENTATION, _SAMPLES, _SAMPLE_FORMAT = 256, 257, 258, 274, 277, 339
_DESCRIPTION, _PLANES = 270, 284
_REDUCED, _MASK = 1, 4  # bits of the subfile type
_SIGNED, _FLOAT = 2, 3  # sample formats
_SEPARATE = 2  # the samples of a pixel are in planes of their own
# Programs of microscopy write one page for many images, which follow without a page of their own.
_IMAGES = re.compile(r"^ImageJ=[\s\S]*^images=(\d{1,9})\s*$", re.MULTILINE)


class Page(NamedTuple):
    """One page of a TIFF.

    Attributes:
        index: its position in the file, from 0.
        width, height: pixels, as stored.
        bits: of a sample.
        samples: of a pixel.
        is_float: whether the samples are floating-point numbers.
        is_signed: whether they are signed integers.
        is_planar: whether the samples of a pixel are in separate planes.
        images: the number of images that the page stands for, by its description.
        orientation: 1 to 8; 1 without the tag.
        is_reduced: whether it is marked as a thumbnail or mask of another page.
    """

    index: int
    width: int
    height: int
    bits: int
    samples: int
    is_float: bool
    is_signed: bool
    is_planar: bool
    images: int
    orientation: int
    is_reduced: bool

    @property
    def kind(self) -> str:
        """Its pixel type in words, such as "float16" or "3 x uint16"."""
        name = "float" if self.is_float else "int" if self.is_signed else "uint"
        if self.samples == 1:
            return f"{name}{self.bits}"
        return f"{self.samples} x {name}{self.bits}" + (" (in planes)" if self.is_planar else "")

    @property
    def is_misread(self) -> bool:
        """Whether Pillow and OpenCV return other values than the file holds, without an error."""
        if self.samples > 1 and self.bits > 8:
            return self.is_planar or self.samples == 2 or self.bits == 12
        return self.bits not in (1, 2, 4, 8, 12, 16, 32, 64) or (self.is_signed and self.bits == 8)

    @property
    def beyond_pillow(self) -> bool:
        """Whether Pillow rejects this type, or would reduce it to 8 bits."""
        if self.is_float:
            return self.bits != 32 or self.samples > 1
        return self.bits > 8 and self.samples > 1


def frame_pages(file: BinaryIO) -> list[Page]:
    """List the pages of a TIFF that are frames, in file order.

    Thumbnails are left out: pages that are marked as reduced images or masks, and pages of at most
    half the width and height of the largest one, which not every program marks.

    Raises:
        SyntaxError, OSError, ...: a damaged file.
    """
    pages = _read_pages(file)
    frames = [page for page in pages if not page.is_reduced] or pages
    width, height = (max(getattr(page, side) for page in frames) for side in ("width", "height"))
    return [page for page in frames if 2 * page.width > width or 2 * page.height > height]


def _read_pages(file: BinaryIO) -> list[Page]:
    file.seek(0)
    header = file.read(8)
    if b"+" in header[2:4]:  # BigTIFF has longer offsets
        header += file.read(8)
    directory = ImageFileDirectory_v2(header)
    pages: list[Page] = []
    seen: set[int] = set()
    while directory.next and directory.next not in seen:  # a damaged file may lead back
        seen.add(directory.next)
        file.seek(directory.next)
        directory.load(file)
        pages.append(_page(directory, len(pages)))
    if not pages:
        raise SyntaxError("no page")
    return pages


def _page(directory: ImageFileDirectory_v2, index: int) -> Page:
    bits = directory.get(_BITS, (1,))
    formats = directory.get(_SAMPLE_FORMAT, (1,))
    images = _IMAGES.match(str(directory.get(_DESCRIPTION, "")))
    subfile, old = directory.get(_SUBFILE, 0), directory.get(_OLD_SUBFILE, 1)
    return Page(
        index=index,
        width=int(directory[_WIDTH]),
        height=int(directory[_HEIGHT]),
        bits=max(bits),
        samples=int(directory.get(_SAMPLES, len(bits))),
        is_float=_FLOAT in formats,
        is_signed=_SIGNED in formats,
        is_planar=directory.get(_PLANES, 1) == _SEPARATE,
        images=int(images[1]) if images else 1,
        orientation=int(directory.get(_ORIENTATION, 1)),
        is_reduced=bool(subfile & (_REDUCED | _MASK)) or old == 2,
    )
