"""The archive of the course's trained models: a ZIP file of run directories, checked when it is read.

models.json      version, scale, seed, hashes (see `Index`)
README.md        the card of the models
NAME/FILE        the run directory NAME; FILE is one of `FILES`, model.safetensors in 8 bits
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from mlcmkd.training.run_directory import CONFIG, ERRORS, METRICS, PROVENANCE, RESULT, WEIGHTS
from mlcmkd.utils.config import Config, Seed
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.file_kinds import incomplete
from mlcmkd.utils.writing import replacing

INDEX, CARD = "models.json", "README.md"
FILES = (CONFIG, PROVENANCE, METRICS, ERRORS, RESULT, WEIGHTS)  # of a run directory
LARGEST = 10_000_000  # bytes of an archive
LARGEST_FILE = 4_000_000  # bytes of a file in it, unpacked
LARGEST_CONTENT = 30_000_000  # bytes of all files, unpacked
_MOST_FILES = 200
_FIX = "give an archive that scripts/pack_course_models.py wrote"
_RUN_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


class Index(Config):
    """What an archive says of its runs."""

    format: Literal[1] = Field(default=1, description="Version of the archive's format.")
    version: str = Field(description="Of mlcmkd, when the archive was written.")
    licence: str = Field(description="Of the models.")
    scale: str = Field(description="Scale of the course at which they were trained.")
    seed: Seed = Field(description="Seed of every run.")
    trained: dict[str, str] = Field(
        description="SHA-256 of the float32 weights of each run, as they were trained, by its name."
    )
    files: dict[str, str] = Field(description="SHA-256 of each file NAME/FILE in the archive.")


def hash_of(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_archive(path: Path, index: Index, card: str, files: Mapping[str, bytes]) -> None:
    """Write an archive; the same content gives the same bytes.

    Args:
        path: of the archive.
        index: its `files` are those of the archive.
        card: Markdown.
        files: NAME/FILE to content.

    Raises:
        InputError: it would be larger than `LARGEST`.
    """
    texts = {INDEX: index.model_dump_json(indent=1).encode(), CARD: card.encode()}
    with replacing(path) as part:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in {**texts, **files}.items():
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
        size = part.stat().st_size
        if size > LARGEST:
            raise InputError(f"{path}: would have {size:,} bytes, more than {LARGEST:,}")


def read_archive(path: Path) -> tuple[Index, dict[str, bytes]]:
    """The index of an archive and its files, NAME/FILE to content. Nothing is written.

    Raises:
        InputError: no such file, not a complete ZIP archive, too large, a file that an archive of
            models does not have, or content that is not that of the index.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; {_FIX}")
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: larger than {LARGEST:,} bytes, as no archive is; {_FIX}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            contents = {member.filename: archive.read(member) for member in members}
    # zipfile raises RuntimeError for encrypted files and NotImplementedError for unusual ones.
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
        raise incomplete(path, "ZIP archive", str(error), _FIX) from None
    index = _read_index(path, contents.pop(INDEX))
    contents.pop(CARD, None)
    found = {name: hash_of(content) for name, content in contents.items()}
    for name in sorted(found.keys() | index.files.keys()):
        if found.get(name) != index.files.get(name):
            raise InputError(f"{path}: {name} is not the file that {INDEX} lists; {_FIX}")
    return index, contents


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuses other files than those of an archive of models, before any is read."""
    names = [member.filename for member in members]
    if INDEX not in names:
        raise InputError(f"{path}: no archive of course models (it has no {INDEX}); {_FIX}")
    if len(names) > _MOST_FILES or len(set(names)) < len(names):
        raise InputError(f"{path}: more files than an archive of models has; {_FIX}")
    if sum(member.file_size for member in members) > LARGEST_CONTENT:
        raise InputError(f"{path}: would unpack to more than {LARGEST_CONTENT:,} bytes; {_FIX}")
    for member in members:
        name = member.filename
        run, _, file = name.rpartition("/")
        if name not in (INDEX, CARD) and not (file in FILES and _RUN_NAME.fullmatch(run)):
            raise InputError(f"{path}: holds {name!r}, as no archive of models does; {_FIX}")
        if member.file_size > LARGEST_FILE:
            raise InputError(f"{path}: {name} has more than {LARGEST_FILE:,} bytes; {_FIX}")


def _read_index(path: Path, content: bytes) -> Index:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: {INDEX} is not JSON; {_FIX}") from None
    if isinstance(fields, dict) and fields.get("format") != 1:
        raise InputError(f"{path}: made by another version of mlcmkd; take the archive of this one")
    return Index.validated(f"{path}: {INDEX}", fields)
