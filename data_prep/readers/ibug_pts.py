"""iBUG `.pts` files: 68 hand-labelled points beside each photo (300W, AFW, Helen, LFPW, iBUG)."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from data_prep.readers.base import (
    Annotation,
    OnBad,
    fail,
    image_beside,
    photo_name,
    reader,
    walk,
)
from mlcmkd.data.images import PICTURE_SUFFIXES
from mlcmkd.data.manifest import inside
from mlcmkd.data.pts import read_pts
from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError


@reader("ibug_pts")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """iBUG `.pts` beside photos: 300W (LFPW, Helen, AFW, iBUG), 68 points; common and challenge.

    Faces are sorted by path.

    The id is the path below `source` without its suffix. Faces of one photo share a subject.
    Folders called `test`, `testset` or `..._test` (`source` itself included) are the test split, and
    so is `ibug`, the challenge subset of 300W; `prepare` splits the other faces. If iBUG's faces are
    present, the faces of the test split have the group of their subset (`groups_of`).

    Raises:
        InputError: through `on_bad`, an invalid `.pts`, a photo without `.pts` or the reverse, or a
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
            elif path.suffix.lower() in PICTURE_SUFFIXES and not path.with_suffix(".pts").is_file():
                raise InputError(
                    f"{path}: no .pts beside it; add one, or leave the photo out (--skip-bad)"
                )
        except InputError as error:
            on_bad(name, error)


def read_points(path: Path) -> np.ndarray:
    """Read the landmarks of one `.pts` file, (68, 2) float64, 0-based pixels.

    Raises:
        InputError: not a `.pts` file of 68 points; the message names file and line.
    """
    return read_pts(path, IBUG68.points)


def groups_of(names: Sequence[str]) -> list[str | None]:
    """Return the subset of 300W's test set of each face: "common", "challenge" or None.

    As published, "common" consists of the test sets of LFPW (224 faces) and Helen (330),
    "challenge" of iBUG (135). The folders decide: iBUG's is called `ibug`; those of the others begin
    with `lfpw` and `helen` and end in `test` or `testset`, or contain a folder of that name. Without
    a face of iBUG there are no groups.

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
        raise InputError(
            f"{path}: no photo of the same name beside it; "
            "add one, or leave the .pts out (--skip-bad)"
        )
    inside(source, str(image.relative_to(source)))
    folders = (source.resolve().name, *below.parts[:-1])
    return Annotation(
        id=below.with_suffix("").as_posix(),
        subject=(below.parent / photo_name(path.stem)).as_posix(),
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
