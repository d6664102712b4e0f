"""The kind of a file by its first bytes, for error messages on a file of an unexpected kind."""

from pathlib import Path
from typing import NamedTuple

from mlcmkd.utils.errors import InputError

_HEAD = 512  # bytes that are read


class FileKind(NamedTuple):
    """The kind of a file.

    Attributes:
        name: with its article, for "it is ...".
        fix: what to do if another kind was expected; empty if it depends on what was expected.
    """

    name: str
    fix: str = ""


# Offset, bytes there in lower case, kind.
_SIGNATURES: tuple[tuple[int, bytes, FileKind], ...] = (
    (
        0,
        b"version https://git-lfs.github.com/spec/",
        FileKind("a Git LFS pointer, not the file itself", "fetch the file with `git lfs pull`"),
    ),
    (0, b"\x1f\x8b", FileKind("a gzip archive", "unpack it")),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind("a 7-Zip archive", "unpack it")),
    (0, b"rar!", FileKind("a RAR archive", "unpack it")),
    (0, b"pk\x03\x04", FileKind("a ZIP archive (also .npz, and .pth of PyTorch)")),
    (0, b"\x89hdf\r\n\x1a\n", FileKind("an HDF5 file (also Keras, and MATLAB 7.3)")),
    (0, b"matlab 5.0 mat-file", FileKind("a MATLAB file")),
    (0, b"\x93numpy", FileKind("a NumPy array")),
    (0, b"\x89png\r\n\x1a\n", FileKind("a PNG image")),
    (0, b"\xff\xd8\xff", FileKind("a JPEG image")),
    (0, b"ii*\x00", FileKind("a TIFF image")),
    (0, b"mm\x00*", FileKind("a TIFF image")),
    (0, b"gif8", FileKind("a GIF image")),
    (0, b"%pdf", FileKind("a PDF document")),
    (0, b"fff\x00", FileKind("a FLIR recording")),
    (0, b"aff\x00", FileKind("a FLIR recording")),
    (4, b"ftyphei", FileKind("a HEIC photo")),
    (4, b"ftypmif1", FileKind("a HEIC photo")),
    (4, b"ftypavif", FileKind("an AVIF photo")),
    (4, b"ftyp", FileKind("an MP4 video")),
    (4, b"tfl3", FileKind("a TensorFlow Lite model")),
    (8, b"avi ", FileKind("an AVI video")),
    (0, b"\x1ae\xdf\xa3", FileKind("a Matroska or WebM video")),
    (0, b"\x80\x02", FileKind("a Python pickle (also .pth of PyTorch)")),
    (0, b"\x80\x04", FileKind("a Python pickle")),
)
_BY_SUFFIX = {  # of formats without a signature
    ".onnx": FileKind("an ONNX model"),
    ".pth": FileKind("a PyTorch checkpoint"),
    ".pt": FileKind("a PyTorch checkpoint"),
    ".ckpt": FileKind("a checkpoint of another program"),
    ".pb": FileKind("a TensorFlow model"),
}
_WEB_PAGE = FileKind("a web page", "the download failed; download the file again")
_TEXT = FileKind("a text file")
_SAFETENSORS = FileKind("a safetensors file")


def kind_of(path: Path) -> FileKind | None:
    """Return the kind of a file; None if it is unknown or cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)].lower() == signature:
            return kind
    if head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower().startswith((b"<!doctype html", b"<html")):
        return _WEB_PAGE
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000:
        return _SAFETENSORS
    return _BY_SUFFIX.get(path.suffix.lower()) or (_TEXT if _is_text(head) else None)


def incomplete(path: Path, expected: str, reason: str, fix: str) -> InputError:
    """Make the error for a file that is another kind of file, or damaged; the caller raises it.

    Args:
        path: the file.
        expected: the expected kind, such as "image".
        reason: message of the decoder; used if the file's kind is unknown or as expected.
        fix: suggested fix; used if the kind has none.
    """
    kind = kind_of(path)
    if kind is None or kind.name.endswith(expected):
        return InputError(f"{path}: not a complete {expected} ({reason}); {fix}")
    return InputError(f"{path}: not a complete {expected}: it is {kind.name}; {kind.fix or fix}")


def _is_text(head: bytes) -> bool:
    """Whether bytes are text, in UTF-8 or in an older encoding of mostly ASCII letters."""
    control = set(range(32)) - set(b"\t\n\r\f")
    ascii_bytes = sum(byte < 128 for byte in head)
    return ascii_bytes > 0.8 * len(head) and not control & set(head)
