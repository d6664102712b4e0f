"""Find images by the names in annotation files, and recognise the kind of thermal images.

Annotation files name their images in many ways: by a path from another machine, a bare file name, a
different suffix. `ImageIndex` lists the existing images and matches names against that list, so a
name from a file is never opened as a path.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from data_prep.readers.base import OnBad, walk
from mlcmkd.data.file_names import folded, path_parts, same_spelling, trailing_folders
from mlcmkd.data.images import IMAGE_SUFFIXES, read_image
from mlcmkd.data.landmark_faces import name_of
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.palettes import is_coloured
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.utils.errors import InputError

PathFilter = Callable[[PurePosixPath], bool]
FALSE_COLOURS = Radiometry(kind="palette", low=0.0, high=255.0)


class ImageIndex:
    """The images below a folder, by name.

    Args:
        source: folder to search, with all its subfolders.
        on_bad: called for links that lead out of `source`.
        skip: names of folders to leave out.

    Attributes:
        folders: the folders that contain a picture, relative to the source.
    """

    def __init__(self, source: Path, on_bad: OnBad, skip: tuple[str, ...] = ()) -> None:
        self.source = source
        self._by_name: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
        self.folders: set[PurePosixPath] = set()
        self._radiometries: dict[Path, Radiometry] = {}
        for path in walk(source, on_bad):
            below = PurePosixPath(path.relative_to(source).as_posix())
            if path.suffix.lower() not in IMAGE_SUFFIXES or set(below.parts[:-1]) & set(skip):
                continue
            self._by_name[folded(below.name)].append(below)
            self._by_stem[folded(below.stem)].append(below)
            if path.suffix.lower() != ".npy":
                self.folders.add(below.parent)
        # An array beside a picture of the same name may be anything, such as its landmarks.
        for stem, paths in self._by_stem.items():
            pictures = [path for path in paths if path.suffix.lower() != ".npy"]
            folders = {path.parent for path in pictures}
            arrays = [p for p in paths if p.suffix.lower() == ".npy" and p.parent not in folders]
            self._by_stem[stem] = pictures + arrays

    def __iter__(self):
        """Iterate over all images, as paths relative to the source, sorted."""
        return iter(sorted(path for paths in self._by_stem.values() for path in paths))

    def at(self, name: str) -> list[PurePosixPath]:
        """Return the images with exactly this relative path; those with another suffix if none."""
        parts = path_parts(name)
        same_stem = [
            path for path in self._by_stem.get(_stem(parts), []) if _folders(path) == parts[:-1]
        ]
        same_name = [path for path in same_stem if folded(path.name) == parts[-1]]
        return list(same_spelling(same_name or same_stem, name))

    def find(
        self, name: str, *, same_folder: bool = False, prefer: PathFilter = lambda _: True
    ) -> Path | None:
        """Return the image that `name` refers to; None without one.

        The last part of `name` must be the file's name; another image suffix is accepted if the
        given one does not exist. Of several such files, the one with most trailing folders in
        common is returned.

        Args:
            name: name of the image in an annotation.
            same_folder: where both paths have folders, the last one must agree: `anna/001.jpg` is
                not `ben/001.jpg`, even if there is no other 001.jpg.
            prefer: filter on relative paths; it applies if any candidate passes it.

        Raises:
            InputError: several files match equally well; the message names two.
        """
        parts = path_parts(name)
        shared = {
            path: trailing_folders(parts[:-1], _folders(path)) for path in self._candidates(parts)
        }
        if same_folder:
            shared = {path: n for path, n in shared.items() if n is not None}
        shared = {path: n or 0 for path, n in shared.items()}
        shared = {path: n for path, n in shared.items() if prefer(path)} or shared
        if not shared:
            return None
        best = [path for path, n in shared.items() if n == max(shared.values())]
        best = same_spelling(best, name)
        if len(best) > 1:
            raise InputError(
                f"{self.source}: '{name[:80]}' may be {best[0]} or {best[1]}; give a "
                "folder that contains only one of them, or more of the folders in the name"
            )
        return self.source / best[0]

    def radiometry(self, image: Path) -> Radiometry:
        """Return `eight_bit_radiometry` of the first image of this image's folder that was asked for."""
        if image.parent not in self._radiometries:
            self._radiometries[image.parent] = eight_bit_radiometry(image)
        return self._radiometries[image.parent]

    def _candidates(self, parts: tuple[str, ...]) -> list[PurePosixPath]:
        if not parts:
            return []
        return self._by_name.get(parts[-1]) or self._by_stem.get(_stem(parts)) or []

    def need(
        self,
        name: str,
        where: str,
        *,
        same_folder: bool = False,
        prefer: PathFilter = lambda _: True,
    ) -> Path:
        """Like `find`, for an image that must exist.

        Raises:
            InputError: there is no such image; the message starts with `where`.
        """
        try:
            found = self.find(name, same_folder=same_folder, prefer=prefer)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if found is None:
            raise InputError(
                f"{where}: no image '{name[:80]}' below {self.source}; "
                "add it, or leave it out (--skip-bad)"
            )
        return found


class NamedImage(NamedTuple):
    """The image that an annotation names; or, without a path, why it cannot be used.

    Attributes:
        path: the file, or None.
        radiometry: how a thermal image's values are read, or None.
        absent: as in `Annotation`.
    """

    path: Path | None
    radiometry: Radiometry | None
    absent: Mapping[Modality, InputError]

    @classmethod
    def of(
        cls,
        modality: Modality,
        find: Callable[[], Path | None],
        radiometry: Callable[[Path], Radiometry] | None = None,
    ) -> "NamedImage":
        """Find an image and, if it is thermal, its radiometry; an error is kept in `absent`.

        Args:
            find: returns the image; None for an image that may be missing.
            radiometry: returns the radiometry of a thermal image.
        """
        try:
            path = find()
            thermal = path is not None and modality == "thermal" and radiometry is not None
            return cls(path, radiometry(path) if thermal else None, {})
        except InputError as error:
            return cls(None, None, {modality: error})

    def below(self, source: Path, name: str) -> PurePosixPath:
        """Return the path of the image below the source; without an image, the annotation's name of it.

        Raises:
            InputError: there is no image, and the name is not that of a file.
        """
        if self.path is not None:
            return PurePosixPath(self.path.relative_to(source).as_posix())
        named = PurePosixPath(name.replace("\\", "/"))
        if named.name in ("", ".."):
            raise next(iter(self.absent.values()))
        return named


def eight_bit_radiometry(image: Path) -> Radiometry:
    """Return the radiometry of 8-bit thermal images, grey or false colours, judged by one of them.

    Raises:
        InputError: not an 8-bit image; the file does not say what its counts mean.
    """
    pixels = read_image(image)
    if pixels.dtype != "uint8":
        raise InputError(
            f"{image}: {pixels.dtype} values of unknown meaning; give their radiometry in the "
            "dataset.yaml of the format 'folder'"
        )
    return FALSE_COLOURS if pixels.ndim == 3 and is_coloured(pixels) else GREY8


def _stem(parts: tuple[str, ...]) -> str:
    return name_of(parts[-1]) if parts else ""


def _folders(path: PurePosixPath) -> tuple[str, ...]:
    return tuple(map(folded, path.parts[:-1]))
