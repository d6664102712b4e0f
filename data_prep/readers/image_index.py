"""Images found by the names that annotations give, and what thermal images look like.

Annotation files name their images in many ways: by a path that began elsewhere, a bare name, another
suffix. `ImageIndex` lists the images that are really there and matches names against that list, so
no name, whatever it says, is ever opened as a path.
"""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from data_prep.readers.base import IMAGE_SUFFIXES, OnBad, walk
from mlcmkd.data.images import read_image
from mlcmkd.data.thermal.palettes import is_coloured
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.utils.errors import InputError

Wanted = Callable[[PurePosixPath], bool]
FALSE_COLOURS = Radiometry(kind="palette", low=0.0, high=255.0)


class ImageIndex:
    """The images below a folder, by name.

    Args:
        source: searched with all its sub-folders.
        on_bad: told of links that lead out of `source`.
        skip: folders of these names are left out.

    Attributes:
        folders: those that hold an image, as paths below the source.
    """

    def __init__(self, source: Path, on_bad: OnBad, skip: tuple[str, ...] = ()) -> None:
        self.source = source
        self._by_name: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
        self.folders: set[PurePosixPath] = set()
        for path in walk(source, on_bad):
            below = PurePosixPath(path.relative_to(source).as_posix())
            if path.suffix.lower() in IMAGE_SUFFIXES and not set(below.parts[:-1]) & set(skip):
                self._by_name[below.name.lower()].append(below)
                self._by_stem[below.stem.lower()].append(below)
                self.folders.add(below.parent)

    def __iter__(self):
        """All images, as paths below the source, in the order of their names."""
        return iter(sorted(path for paths in self._by_name.values() for path in paths))

    def at(self, name: str) -> list[PurePosixPath]:
        """The image at this very place below the source; with other suffixes if it is not there."""
        parts = _parts(name)
        here = [
            path for path in self._by_stem.get(_stem(parts), []) if _folders(path) == parts[:-1]
        ]
        return [path for path in here if path.name.lower() == parts[-1]] or here

    def find(
        self, name: str, *, known: bool = False, rather: Wanted = lambda _: True
    ) -> Path | None:
        """The image that `name` means; None where there is none.

        Its last part has to be the file's name, with any suffix of an image where the very one is
        not there. Where several files have it, the one that shares most folders at the end counts.

        Args:
            name: as an annotation gives it.
            known: where both name folders, they have to share the last one: `anna/001.jpg` is not
                `ben/001.jpg`, even if no other 001.jpg is there.
            rather: which images, by their paths below the source, are meant if any of them may be.

        Raises:
            InputError: several share equally much; names two.
        """
        parts = _parts(name)
        shared = {path: _shared(parts[:-1], _folders(path)) for path in self._called(parts)}
        if known and parts[:-1]:
            shared = {path: n for path, n in shared.items() if n or not _folders(path)}
        shared = {path: n for path, n in shared.items() if rather(path)} or shared
        if not shared:
            return None
        best = [path for path, n in shared.items() if n == max(shared.values())]
        if len(best) > 1:
            raise InputError(
                f"{self.source}: '{name[:80]}' may be {best[0]} or {best[1]}; remove one of them, "
                "or give the folder that holds one"
            )
        return self.source / best[0]

    def _called(self, parts: tuple[str, ...]) -> list[PurePosixPath]:
        if not parts:
            return []
        return self._by_name.get(parts[-1]) or self._by_stem.get(_stem(parts)) or []

    def need(
        self, name: str, where: str, *, known: bool = False, rather: Wanted = lambda _: True
    ) -> Path:
        """As `find`, where the image has to be there.

        Raises:
            InputError: it is not; `where` names file and row.
        """
        try:
            found = self.find(name, known=known, rather=rather)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if found is None:
            raise InputError(
                f"{where}: no image '{name[:80]}' below {self.source}; add it, or remove the row"
            )
        return found


def eight_bit(image: Path) -> Radiometry:
    """How a data set of 8-bit thermal images is read, told by one of them: grey, or false colours.

    Raises:
        InputError: it is no 8-bit image; what its counts mean nobody can tell from the file.
    """
    pixels = read_image(image)
    if pixels.dtype != "uint8":
        raise InputError(
            f"{image}: {pixels.dtype} values, and nobody says what they mean; read the folder with "
            "the format 'folder' and a radiometry of your own"
        )
    return FALSE_COLOURS if pixels.ndim == 3 and is_coloured(pixels) else GREY8


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name.replace("\\", "/").lower()).parts


def _stem(parts: tuple[str, ...]) -> str:
    last = PurePosixPath(parts[-1]) if parts else PurePosixPath()
    return last.stem if last.suffix in IMAGE_SUFFIXES else last.name


def _folders(path: PurePosixPath) -> tuple[str, ...]:
    return tuple(map(str.lower, path.parts[:-1]))


def _shared(wanted: tuple[str, ...], there: tuple[str, ...]) -> int:
    """How many folders two paths share at their ends."""
    count = 0
    for one, other in zip(reversed(wanted), reversed(there), strict=False):
        if one != other:
            break
        count += 1
    return count
