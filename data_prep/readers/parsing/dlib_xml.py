"""dlib XML: images with boxes and named parts. Entities and document types are refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from data_prep.errors import Unlabelled
from data_prep.readers.parsing.foreign import foreign_xml
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import MAX_TABLE_BYTES, declared_size, number, read_text

# Annotations need no entities; entity expansion can exhaust the memory.
_ENCODING = re.compile(rb"""^<\?xml[^>]*encoding=["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_DECLARATION = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Box:
    """A face of an XML file.

    Attributes:
        image: name of the image in the file.
        box: (x0, y0, x1, y1) pixels.
        parts: (name, x, y) in file order; the names decide which point is which.
        where: file, image and box, for error messages.
        size: (width, height) of the image in the file; None without one.
    """

    image: str
    box: tuple[float, float, float, float]
    parts: tuple[tuple[str, float, float], ...]
    where: str
    size: tuple[int, int] | None = None


def boxes(path: Path) -> Iterator[Box | InputError]:
    """Yield every face of the file, or the error of an invalid one, in file order.

    Raises:
        InputError: not an XML file, or one of another program.
    """
    text = read_text(path, MAX_TABLE_BYTES, fallback=_declared_encoding(path))
    if _DECLARATION.search(text):
        raise InputError(f"{path}: declares entities or a document type; remove the declaration")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, UnicodeError) as error:
        raise InputError(
            f"{path}: not XML ({error}); download it again, or leave it out (--skip-bad)"
        ) from None
    if kind := foreign_xml(root):
        raise InputError(f"{path}: {kind}")
    for image in root.iter("image"):
        name = image.get("file", "")
        size = declared_size(image.get("width"), image.get("height"))
        for count, box in enumerate(image.iter("box"), start=1):
            where = f"{path}, image '{name[:80]}', box {count}"
            try:
                if box.get("ignore", "0") not in ("", "0"):  # dlib does not train on it
                    raise Unlabelled(f"{where}: marked as to be ignored")
                yield _box(name, box, where, size)
            except InputError as error:
                yield error


def _declared_encoding(path: Path) -> str | None:
    """Return the encoding that the file's first line declares; None without one.

    imglab declares ISO-8859-1 and writes the names of the files in UTF-8, so it is asked only where
    the text is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            declared = _ENCODING.search(file.read(200))
    except OSError:
        return None
    return declared[1].decode("ascii") if declared else None


def _box(name: str, box: ElementTree.Element, where: str, size: tuple[int, int] | None) -> Box:
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
    return Box(name, (left, top, left + width, top + height), parts, where, size)
