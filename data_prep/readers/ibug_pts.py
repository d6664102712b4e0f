"""iBUG `.pts`: 68 hand-marked points beside each photo (300W, AFW, Helen, LFPW, iBUG)."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from data_prep.readers.base import (
    IMAGE_SUFFIXES,
    Annotation,
    OnBad,
    fail,
    image_beside,
    photo_of,
    walk,
)
from mlcmkd.data.manifest import inside
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError


def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """iBUG `.pts` beside photos: 300W (LFPW, Helen, AFW, iBUG), 68 points; common and challenge.

    Faces come in order of their paths.

    The id is the path below `source` without its suffix. Faces of one photo share a subject.
    Folders called `test`, `testset` or `..._test` (`source` itself included) hold the test split, and
    so does `ibug`, the challenge part of 300W's test set; the rest is left to the project to split.
    Where iBUG's faces are there, the faces of the test set say which part they are (`groups_of`).

    Raises:
        InputError: by way of `on_bad`, a bad `.pts`, a photo without `.pts` or the reverse, or a
            link that leads out of `source`.
    """
    paths = list(walk(source, on_bad))
    top = source.resolve().name
    groups = groups_of(
        [(PurePosixPath(top) / path.relative_to(source)).as_posix() for path in paths]
    )
    for path, group in zip(paths, groups, strict=True):
        name = str(path.relative_to(source))
        try:
            if path.suffix.lower() == ".pts":
                yield _annotation(source, path, group)
            elif path.suffix.lower() in IMAGE_SUFFIXES and not path.with_suffix(".pts").is_file():
                raise InputError(f"{path}: no .pts beside it; add one or remove the photo")
        except InputError as error:
            on_bad(name, error)


def read_points(path: Path) -> np.ndarray:
    """Landmarks of one `.pts` file, (68, 2) float64, 0-based pixels.

    Raises:
        InputError: not a `.pts` of 68 points; names file and line.
    """
    return read_pts(path, IBUG68.points)


def groups_of(names: Sequence[str]) -> list[str | None]:
    """Which part of 300W's test set each face is in: "common", "challenge" or neither (None).

    As published: common are the test sets of LFPW (224 faces) and Helen (330), challenge is iBUG
    (135), full both. Told by folders: iBUG's is called `ibug`, and the others' names begin with
    `lfpw` and `helen` and end in `test` or `testset`, or hold a folder of that name. Without a
    face of iBUG there is one test set only, and no groups.

    Args:
        names: paths of the faces, with "/" between the parts.
    """
    folders = [PurePosixPath(name.lower()).parts[:-1] for name in names]
    if not any(_is_challenge(parts) for parts in folders):
        return [None] * len(folders)
    return [_group(parts) for parts in folders]


def _annotation(source: Path, path: Path, group: str | None) -> Annotation:
    below = path.relative_to(source)
    image = image_beside(path.parent, path.stem)
    if image is None:
        raise InputError(f"{path}: no photo of that name beside it; add it or remove the .pts")
    inside(source, str(image.relative_to(source)))
    folders = (source.resolve().name, *below.parts[:-1])
    return Annotation(
        id=below.with_suffix("").as_posix(),
        subject=(below.parent / photo_of(path.stem)).as_posix(),
        scheme=IBUG68.name,
        landmarks=read_points(path),
        rgb_path=image,
        split="test" if group or any(_is_test(folder) for folder in folders) else None,
        labels="hand",
        group=group,
    )


def _is_challenge(folders: Sequence[str]) -> bool:
    return folders[-1:] == ("ibug",)


def _group(folders: Sequence[str]) -> str | None:
    if _is_challenge(folders):
        return "challenge"
    named = any(folder.startswith(("lfpw", "helen")) for folder in folders)
    return "common" if named and any(_is_test(folder) for folder in folders) else None


def _is_test(folder: str) -> bool:
    return folder.lower() in ("test", "testset") or folder.lower().endswith("_test")
