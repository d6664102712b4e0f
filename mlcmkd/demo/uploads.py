"""Files from a browser, and where they are put for the time of a prediction."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlcmkd.data.modality import Modality
from mlcmkd.utils.errors import InputError

MAX_BYTES = 100_000_000  # of all files of one upload
MAX_FILES = 50
_LONGEST = 100  # bytes of a name without its suffix
# Separators of folders, what Windows does not allow, control characters.
_SPECIAL = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')


@dataclass(frozen=True)
class Upload:
    """One file.

    Attributes:
        name: as the browser reports it.
        content: its bytes.
        modality: of its images; None to recognise it.
    """

    name: str
    content: bytes
    modality: Modality | None = None


def check_upload(sizes: Sequence[int]) -> None:
    """Checks the number of files and their sizes in bytes.

    Raises:
        InputError: more than `MAX_FILES`, or together more than `MAX_BYTES`.
    """
    if len(sizes) > MAX_FILES:
        raise InputError(
            f"{len(sizes)} files; this page takes at most {MAX_FILES} at once; give fewer"
        )
    if sum(sizes) > MAX_BYTES:
        raise InputError(
            f"{sum(sizes) / 1e6:.0f} MB; this page takes at most {MAX_BYTES / 1e6:.0f} MB at once; "
            "give fewer files, or use the command `mlcmkd predict`"
        )


def plain_name(name: str) -> str:
    """A file name without folders and special characters, which is valid on every system."""
    last = re.split(r"[/\\]", name.encode(errors="replace").decode())[-1]
    path = Path(_SPECIAL.sub("_", last).strip(" ."))
    stem = path.stem.encode()[:_LONGEST].decode(errors="ignore").strip(" .")
    return (stem or "file") + path.suffix[: _LONGEST // 4].rstrip(" .")


def save_uploads(uploads: Sequence[Upload], folder: Path) -> list[Path]:
    """Writes files into a folder, and returns their paths; equal names are numbered."""
    taken: set[str] = set()
    paths = []
    for upload in uploads:
        first = Path(plain_name(upload.name))
        name, n = first.name, 1
        while name.casefold() in taken:
            n += 1
            name = f"{first.stem}-{n}{first.suffix}"
        taken.add(name.casefold())
        paths.append(folder / name)
        paths[-1].write_bytes(upload.content)
    return paths
