"""TFW (thermal faces in the wild): a box and five points, in `{split}/{indoor|outdoor}.csv`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.readers.base import Annotation, OnBad, already_reported, fail, reader, walk
from data_prep.readers.image_index import ImageIndex, eight_bit_radiometry
from mlcmkd.data.manifest import SPLITS
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import FACE5
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import number, read_csv

_COLUMNS = 1 + 4 + 2 * FACE5.points
_PLACES = ("indoor", "outdoor")


@reader("tfw")
def read(source: Path, on_bad: OnBad = fail) -> Iterator[Annotation]:
    """TFW's `{train,val,test}/{indoor,outdoor}.csv`: five points per face, several faces per image.

    Names of indoor images contain the person's number. The persons outdoors are unknown, so all
    outdoor faces of a split are one subject. The splits are those of the data set. The RGB image of
    an indoor image is used if it is present.

    Raises:
        InputError: through `on_bad`, an invalid table or row, or a missing image.
    """
    images = ImageIndex(source, on_bad)
    seen: Counter[str] = Counter()
    colours: Radiometry | None = None
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
            where = f"{path}, line {line}"
            try:
                folder = path.relative_to(source).with_name(place).as_posix()
                image = images.need(f"{folder}/{cells[0].strip()}", where)
                values = np.array([number(cell, where) for cell in cells[1:]])
                colours = colours or eight_bit_radiometry(image)
            except InputError as error:
                on_bad(f"{name}:{line}", error)
                continue
            seen[str(image)] += 1
            yield _annotation(source, images, image, values, place, seen[str(image)], colours)


def _annotation(
    source: Path,
    images: ImageIndex,
    image: Path,
    values: np.ndarray,
    place: str,
    count: int,
    radiometry: Radiometry,
) -> Annotation:
    below = image.relative_to(source)
    split = next((part for part in below.parts if part in SPLITS), None)
    person, _, stream = below.stem.rpartition("_")
    indoors = place == "indoor" and bool(person)
    name = below.with_suffix("").as_posix()
    x0, y0, x1, y1 = values[:4].tolist()
    return Annotation(
        id=name if count == 1 else f"{name}#{count}",
        subject=below.stem.split("_")[0] if indoors else f"{place}, {split or 'anyone'}",
        scheme=FACE5.name,
        landmarks=values[4:].reshape(-1, 2),
        rgb_path=images.find(f"{person}_3.png") if indoors and stream == "1" else None,
        thermal_path=image,
        split=split,
        labels="hand",
        radiometry=radiometry,
        box=(x0, y0, x1, y1),
        facts={"place": place},
        assumed="pixels begin at 0; 'right' is the person's"
        + ("" if indoors else "; the people outdoors are unknown, and kept in one split together"),
    )
