"""The rows of a manifest: one JSON line per pair, with its validation.

A manifest is a folder with `metadata.jsonl`, `rgb/` and `thermal/`. `data_prep.writer` writes it,
`mlcmkd.data.manifest_pairs` reads it; both use this module.
"""

import json
import math
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.texts import json_problem, unique_keys

MANIFEST = "metadata.jsonl"
SYNTHETIC = "synthetic"  # a source of pairs without a manifest: the rendered faces
SPLITS = ("train", "val", "test")


class PairRow(Config):
    """One RGB-thermal pair, or an image of one modality.

    The two images of a pair are pixel-aligned and of one size.
    """

    id: str = Field(description="Identifier, unique in the manifest.")
    subject: str = Field(description="The person; all rows of a subject are in one split.")
    split: Literal["train", "val", "test"] = Field(description="Split of the row.")
    rgb_file_name: str | None = Field(
        default=None,
        description="Path of the RGB image inside the manifest's folder, parts separated by '/'.",
    )
    thermal_file_name: str | None = Field(
        default=None,
        description="Path of the thermal image, likewise; at least one of the two is required.",
    )
    landmarks: list[tuple[float, float] | None] | None = Field(
        default=None,
        description="K points (x, y), pixels of the image, 0-based: the centre of the first pixel is "
        "(0, 0); None for a point without a label. None without any label.",
    )
    box: tuple[float, float, float, float] | None = Field(
        default=None,
        description="Face box (x0, y0, x1, y1) in the same pixels; None for the tight box of the "
        "landmarks, or for the whole image without landmarks. Required if more than half of the "
        "landmarks are without a label.",
    )
    scheme: str = Field(description="Landmark scheme, see mlcmkd.schemes.")
    radiometry: Radiometry | None = Field(
        default=None,
        description="How the thermal file's values are read; required with a thermal file.",
    )
    rgb_sha256: str | None = Field(default=None, description="SHA-256 of the RGB file.")
    thermal_sha256: str | None = Field(default=None, description="SHA-256 of the thermal file.")
    source: str = Field(default="", description="Origin of the row, for people.")
    labels: str = Field(
        default="",
        description="Origin of the landmarks, for people, such as 'hand' or 'detector (silver)'.",
    )
    group: str | None = Field(
        default=None,
        description="Part of the split with scores of its own, such as 'challenge'; several are "
        "joined by '+'.",
    )
    visible: list[bool] | None = Field(
        default=None,
        description="K flags: false where a point is hidden (by hair, a hand, the head itself) and "
        "its position was estimated. None if unknown.",
    )
    facts: dict[str, str | float] | None = Field(
        default=None,
        description="Further metadata of the image, such as distance or air temperature, under the "
        "data set's own names.",
    )
    assumed: str | None = Field(
        default=None,
        description="What the data set's documentation leaves open and the reader assumed.",
    )

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
            labelled = [point for point in self.landmarks if point is not None]
            if not all(math.isfinite(value) for point in labelled for value in point):
                raise ValueError("a landmark is not a finite number")
            if not labelled:
                raise ValueError("no landmark has a label; leave `landmarks` out")
            if self.box is None and 2 * len(labelled) < points:
                raise ValueError(
                    f"{len(labelled)} of {points} landmarks have a label, which is too few to find the "
                    "face; give its box"
                )
        if self.visible is not None and (self.landmarks is None or len(self.visible) != points):
            raise ValueError(f"{len(self.visible)} flags of visibility for {points} landmarks")
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (all(map(math.isfinite, self.box)) and x0 < x1 and y0 < y1):
                raise ValueError(f"box {self.box} is not x0 < x1, y0 < y1")
        return self


def points_of(row: PairRow) -> np.ndarray | None:
    """Return a row's landmarks, (K, 2) float64, NaN for a point without a label; None without any."""
    if row.landmarks is None:
        return None
    missing = (np.nan, np.nan)
    return np.array([missing if point is None else point for point in row.landmarks])


def groups_in(group: str | None) -> list[str]:
    """Split a row's `group` into its groups."""
    return group.split("+") if group else []


def image_fields(row: PairRow, modality: Modality) -> tuple[str | None, str | None]:
    """Return the file name and the sha256 of a row's image of one modality."""
    if modality == "rgb":
        return row.rgb_file_name, row.rgb_sha256
    return row.thermal_file_name, row.thermal_sha256


def read_rows(folder: Path | str) -> list[PairRow]:
    """Read all rows of the manifest in `folder`, in file order.

    Raises:
        InputError: no manifest, an invalid line (named by number), a repeated id, or a subject in
            two splits.
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
    # JSON strings may contain other line separators than "\n", at which splitlines would cut.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line, object_pairs_hook=unique_keys)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        except (ValueError, RecursionError) as error:
            reason = json_problem(error)
            raise InputError(
                f"{path}, line {number}: not JSON ({reason}); prepare the manifest again"
            ) from None
        row = PairRow.validated(f"{path}, line {number}", fields)
        if row.id in ids:
            raise InputError(
                f"{path}, line {number}: id '{row.id}' appears twice; give every row its own"
            )
        if split_of.setdefault(row.subject, row.split) != row.split:
            raise InputError(
                f"{path}, line {number}: subject '{row.subject}' is in splits "
                f"{split_of[row.subject]} and {row.split}; keep each subject in one"
            )
        ids.add(row.id)
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: the manifest has no rows; prepare it again")
    return rows


def inside(root: Path, name: str) -> Path:
    """Resolve `root / name`, links included, and make sure that the result is inside `root`.

    Raises:
        InputError: the path, or a link on it, leads out of `root`.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError(f"{root / name}: leads out of the data folder {root}")
    return path
