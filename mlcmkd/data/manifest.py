"""The manifest's rows: one JSON line a pair, what it must say and what it may not.

A manifest is a folder with `metadata.jsonl`, `rgb/` and `thermal/`. `data_prep.writer` writes it,
`mlcmkd.data.pairs` reads it; this file is all that they share.
"""

import json
import math
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError, first_wrong

MANIFEST = "metadata.jsonl"
SPLITS = ("train", "val", "test")


class PairRow(BaseModel):
    """One RGB-thermal pair, or one side of it.

    Attributes:
        id: unique in the manifest.
        subject: who is seen; a subject lies in one split only.
        split: "train", "val" or "test".
        rgb_file_name, thermal_file_name: paths inside the manifest's folder, with "/" between the
            parts; one of the two may be missing. Where both stand, the images are pixel-aligned
            and of one size.
        landmarks: K points (x, y) in pixels of the image, 0-based, the centre of the first pixel
            at (0, 0); None where nobody labelled the pair.
        box: face box (x0, y0, x1, y1) in the same pixels; None means the tight box of the
            landmarks, or the whole image where there are none.
        scheme: landmark scheme, see mlcmkd.schemes.
        radiometry: how the thermal file's values are read; required where it has one.
        rgb_sha256, thermal_sha256: hashes of the files' bytes.
        source: where the row came from, for people.
        labels: how the landmarks came about, such as "hand" or "detector (silver)".
        group: part of the split that scores are also told of, such as "challenge"; several are joined
            by "+"; None for none.
        visible: K flags, false where a point is hidden (by hair, a hand, the head itself) and was
            marked where it must be; None where nobody told.
        facts: what else the data set tells of the image, such as the distance or the air's
            temperature, by the names it uses; None for nothing.
        assumed: what the owner's text leaves open and the reader took for granted; None for nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    subject: str
    split: Literal["train", "val", "test"]
    rgb_file_name: str | None = None
    thermal_file_name: str | None = None
    landmarks: list[tuple[float, float]] | None = None
    box: tuple[float, float, float, float] | None = None
    scheme: str
    radiometry: Radiometry | None = None
    rgb_sha256: str | None = None
    thermal_sha256: str | None = None
    source: str = ""
    labels: str = ""
    group: str | None = None
    visible: list[bool] | None = None
    facts: dict[str, str | float] | None = None
    assumed: str | None = None

    @field_validator("rgb_file_name", "thermal_file_name")
    @classmethod
    def _inside(cls, name: str | None) -> str | None:
        if name is None:
            return None
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name:
            raise ValueError(f"'{name}' leaves the manifest's folder")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> "PairRow":
        if self.rgb_file_name is None and self.thermal_file_name is None:
            raise ValueError("neither rgb_file_name nor thermal_file_name is given")
        if self.thermal_file_name is not None and self.radiometry is None:
            raise ValueError("a thermal file needs its radiometry")
        points = get_scheme(self.scheme).points
        if self.landmarks is not None:
            if len(self.landmarks) != points:
                raise ValueError(
                    f"{len(self.landmarks)} landmarks, but scheme {self.scheme} has {points}"
                )
            if not all(math.isfinite(value) for point in self.landmarks for value in point):
                raise ValueError("a landmark is not a finite number")
        if self.visible is not None and (self.landmarks is None or len(self.visible) != points):
            raise ValueError(f"{len(self.visible)} flags of visibility for {points} landmarks")
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (all(map(math.isfinite, self.box)) and x0 < x1 and y0 < y1):
                raise ValueError(f"box {self.box} is not x0 < x1, y0 < y1")
        return self


def groups_in(group: str | None) -> list[str]:
    """The groups that a row's `group` names."""
    return group.split("+") if group else []


def read_rows(folder: Path | str) -> list[PairRow]:
    """All rows of the manifest in `folder`, in file order.

    Raises:
        InputError: no manifest, an unreadable line (named by number), a repeated id, or a subject
            in two splits.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise InputError(f"{path}: no such manifest; make one with `mlcmkd prepare`")
    rows: list[PairRow] = []
    ids: set[str] = set()
    split_of: dict[str, str] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason}); write it again") from None
    # JSON strings may hold other line separators than "\n", on which splitlines would cut.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = PairRow.model_validate(json.loads(line))
        except ValidationError as error:
            raise InputError(f"{path}, line {number}, {first_wrong(error, 'row')}") from None
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)
            raise InputError(f"{path}, line {number}: not JSON ({reason})") from None
        if row.id in ids:
            raise InputError(f"{path}, line {number}: id '{row.id}' appears twice")
        if split_of.setdefault(row.subject, row.split) != row.split:
            raise InputError(
                f"{path}, line {number}: subject '{row.subject}' is in splits "
                f"{split_of[row.subject]} and {row.split}; keep each subject in one"
            )
        ids.add(row.id)
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: the manifest has no rows")
    return rows


def inside(root: Path, name: str) -> Path:
    """`root / name`, once links are followed and it is sure to lie inside `root`.

    Raises:
        InputError: the path, or a link on it, leads out of `root`.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError(f"{root / name}: leads out of the data folder {root}")
    return path
