"""TFW (thermal faces in the wild): a box and five points, in `{split}/{indoor|outdoor}.csv`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from data_prep.readers.base import Annotation, OnBad, already_reported, fail, reader, walk
from data_prep.readers.image_index import ImageIndex, NamedImage
from mlcmkd.data.manifest import SPLITS
from mlcmkd.schemes import FACE5
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_csv

_COLUMNS = 1 + 4 + 2 * FACE5.points
_PLACES = ("indoor", "outdoor")
# What may follow the table's name in the name of its folder of images; the first is preferred.
_VARIANTS = ("", "_gray", "_grey", "_iron")


@reader("tfw")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """TFW's `{train,val,test}/{indoor,outdoor}.csv`: five points per face, several faces per image.

    The images are beside a table in the folder of its name, or of its name with `_gray` or `_iron`; of
    several such folders, the first of these three is read. Names of indoor images contain the person's
    number. The persons outdoors are unknown, so all outdoor faces of a split are one subject. The
    splits are those of the data set. The RGB image of an indoor image is used if it is present.

    Raises:
        InputError: through `on_bad`, an invalid table or row, or a missing image.
    """
    images = ImageIndex(source, on_bad)
    seen: Counter[str] = Counter()
    for path in walk(source, already_reported):
        place = next((place for place in _PLACES if place in path.stem.lower()), None)
        if path.suffix.lower() != ".csv" or place is None:
            continue
        name = path.relative_to(source).as_posix()
        try:
            header, body = read_csv(path)
            if len(header) != _COLUMNS:
                raise InputError(
                    f"{path}: {len(header)} columns instead of {_COLUMNS} (name, box, "
                    f"{FACE5.points} points); download it again"
                )
        except InputError as error:
            on_bad(name, error)
            continue
        if header[1].replace(".", "", 1).isdecimal():  # no header: the first line is a face
            body = [(1, header), *body]
        for line, cells in body:
            try:
                yield _annotation(images, path, line, cells, place, seen)
            except InputError as error:
                on_bad(f"{name}:{line}", error)


def _annotation(
    images: ImageIndex, table: Path, line: int, cells: list[str], place: str, seen: Counter[str]
) -> Annotation:
    where = f"{table}, line {line}"
    values = np.array([number(cell, where) for cell in cells[1:]])
    folder = PurePosixPath(table.parent.relative_to(images.source).as_posix())
    split = next((part for part in reversed(folder.parts) if part in SPLITS), None)

    def of_split(path: PurePosixPath) -> bool:
        return split in path.parts

    def find() -> Path:
        for variant in _VARIANTS:
            beside = images.at((folder / f"{place}{variant}" / cells[0].strip()).as_posix())
            if len(beside) == 1:
                return images.source / beside[0]
        return images.need((folder / place / cells[0].strip()).as_posix(), where, prefer=of_split)

    image = NamedImage.of("thermal", find, images.radiometry)
    below = image.below(images.source, (folder / place / cells[0].strip()).as_posix())
    if image.path is not None:
        split = next((part for part in below.parts if part in SPLITS), None)
    name = below.with_suffix("").as_posix()
    seen[name] += 1
    person, _, stream = below.stem.rpartition("_")
    indoors = place == "indoor" and bool(person)
    photo = NamedImage.of(
        "rgb",
        lambda: (
            images.find(f"{person}_3.png", prefer=of_split) if indoors and stream == "1" else None
        ),
    )
    x0, y0, x1, y1 = values[:4].tolist()
    return Annotation(
        id=name if seen[name] == 1 else f"{name}#{seen[name]}",
        subject=below.stem.split("_")[0] if indoors else f"{place}, {split or 'anyone'}",
        scheme=FACE5.name,
        landmarks=values[4:].reshape(-1, 2),
        rgb_path=photo.path,
        thermal_path=image.path,
        split=split,
        labels="hand",
        radiometry=image.radiometry,
        box=(x0, y0, x1, y1),
        facts={"place": place},
        absent={**image.absent, **photo.absent},
        assumed="pixels begin at 0; 'right' is the person's"
        + ("" if indoors else "; the people outdoors are unknown, and kept in one split together"),
    )
