"""dlib XML: images with boxes and named parts. Entities and document types are refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import MAX_TABLE_BYTES, number, read_text

# Annotations need no entities; entity expansion can exhaust the memory.
_DECLARATION = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Box:
    """A face of an XML file.

    Attributes:
        image: name of the image in the file.
        box: (x0, y0, x1, y1) pixels.
        parts: (name, x, y), sorted by number; in file order if a name is not a number.
        where: file, image and box, for error messages.
    """

    image: str
    box: tuple[float, float, float, float]
    parts: tuple[tuple[str, float, float], ...]
    where: str


def boxes(path: Path) -> Iterator[Box | InputError]:
    """Yield every face of the file, or the error of an invalid one, in file order.

    Raises:
        InputError: not an XML file.
    """
    text = read_text(path, MAX_TABLE_BYTES)
    if _DECLARATION.search(text):
        raise InputError(f"{path}: declares entities or a document type; remove the declaration")
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: not XML ({error}); download it again or remove it") from None
    for image in root.iter("image"):
        name = image.get("file", "")
        for count, box in enumerate(image.iter("box"), start=1):
            where = f"{path}, image '{name[:80]}', box {count}"
            try:
                yield _box(name, box, where)
            except InputError as error:
                yield error


def _box(name: str, box: ElementTree.Element, where: str) -> Box:
    left, top, width, height = (
        number(box.get(side, ""), f"{where}, {side}") for side in ("left", "top", "width", "height")
    )
    parts = tuple(
        (
            part.get("name", ""),
            number(part.get("x", ""), f"{where}, part '{part.get('name', '')[:40]}'"),
            number(part.get("y", ""), f"{where}, part '{part.get('name', '')[:40]}'"),
        )
        for part in box.iter("part")
    )
    # Numbered parts may be in any order.
    if all(part[0].isdecimal() for part in parts):
        parts = tuple(sorted(parts, key=lambda part: int(part[0])))
    return Box(name, (left, top, left + width, top + height), parts, where)
