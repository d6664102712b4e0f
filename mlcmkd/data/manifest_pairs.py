"""Pairs of a manifest: the images of a split's rows, cropped around each face."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlcmkd.data.assembly import allocate_images, as_counts, assemble
from mlcmkd.data.crops import Crop, face_box
from mlcmkd.data.dataset import MARGIN, Pairs, stored_px
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import PairRow, inside, points_of, read_rows
from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.data.thermal.model_range import over_model_range
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm


def read_rgb(root: Path, row: PairRow) -> np.ndarray:
    """Read a row's RGB image, (H, W, 3) uint8; grey photos get three equal channels."""
    image = read_image(inside(root, row.rgb_file_name))
    if image.dtype != np.uint8:
        raise InputError(
            f"{row.rgb_file_name} (row '{row.id}'): {image.dtype}, not 8-bit colour; if it is a thermal "
            "image, name it as thermal_file_name"
        )
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def read_thermal(root: Path, row: PairRow, radiometry: Radiometry | None = None) -> np.ndarray:
    """Read a row's thermal image, (H, W) float32 in [0, 1].

    Args:
        root: the manifest's folder.
        row: names the image and its radiometry.
        radiometry: by which the image is read; None for the row's own.
    """
    image = read_image(inside(root, row.thermal_file_name))
    name = f"{row.thermal_file_name} (row '{row.id}')"
    face = face_box(row.box, points_of(row))
    return (radiometry or row.radiometry).frame_to_unit(image, name, face)


def _face_crop(row: PairRow, shape: tuple[int, ...]) -> Crop:
    face = face_box(row.box, points_of(row))
    if face is not None:
        return Crop.around(face)
    height, width = shape[:2]
    return Crop.around((0, 0, width - 1, height - 1), scale=1)


def _visible(rows: list[PairRow]) -> Tensor | None:
    """Collect visibility flags, (N, K) bool, true for rows without flags; None if no row has any."""
    if not any(row.visible for row in rows):
        return None
    points = get_scheme(rows[0].scheme).points
    return torch.tensor([row.visible or [True] * points for row in rows])


def need_splits(folder: Path, *splits: str) -> list[PairRow]:
    """Read all rows of a manifest and check that it has these splits.

    Raises:
        InputError: an unreadable manifest, or a split without rows.
    """
    rows = read_rows(folder)
    existing = sorted({row.split for row in rows})
    for split in splits:
        if split not in existing:
            raise InputError(
                f"{folder}: no row in split '{split}' (splits: {', '.join(existing)}); name another, "
                "or prepare the images again from folders called train, val and test"
            )
    return rows


def _modalities_of(
    root: Path, split: str, rows: list[PairRow], modalities: Collection[Modality]
) -> set[Modality]:
    """The modalities to read: of those asked for, the ones that every row has.

    If there are none, the other modality is read; `Pairs.require` then names what is missing.

    Raises:
        InputError: some rows lack one modality, and others the other one.
    """
    files = {
        "rgb": [row.rgb_file_name for row in rows],
        "thermal": [row.thermal_file_name for row in rows],
    }
    complete = {name for name in MODALITIES if all(files[name])}
    if not complete:
        raise InputError(
            f"{root}: in split '{split}' some rows lack RGB and others thermal images; keep rows of "
            "one modality"
        )
    return complete & set(modalities) or complete


def load_manifest(
    folder: Path | str,
    split: str,
    input_px: int,
    *,
    radiometry: Radiometry | None = None,
    modalities: Collection[Modality] = MODALITIES,
    progress: bool = True,
) -> Pairs:
    """Load the pairs of one split of a manifest.

    A modality that some rows lack is left out for all rows; `Pairs.require` reports it if a stage
    needs it. For the other arguments see `load_pairs`.

    Raises:
        InputError: an unreadable manifest or image (named), mixed schemes or radiometries, or no
            row in this split.
    """
    root = Path(folder)
    rows = [row for row in need_splits(root, split) if row.split == split]
    for field, values in (
        ("scheme", {row.scheme for row in rows}),
        ("radiometry", {row.radiometry for row in rows} - {None}),
    ):
        if len(values) > 1:
            raise InputError(f"{root}: rows of split '{split}' differ in {field}; keep one")
    read = _modalities_of(root, split, rows, modalities)
    with_rgb, with_thermal = "rgb" in read, "thermal" in read
    reading = over_model_range(rows[0].radiometry, radiometry) if with_thermal else None
    size = stored_px(input_px)
    rgb, thermal = allocate_images(len(rows), size, with_rgb, with_thermal)
    crops: list[Crop] = []
    bar = tqdm(rows, desc=f"reading {split}", unit="pair", disable=not progress, leave=False)
    for n, row in enumerate(bar):
        photo = read_rgb(root, row) if with_rgb else None
        heat = read_thermal(root, row, reading) if with_thermal else None
        if photo is not None and heat is not None and photo.shape[:2] != heat.shape[:2]:
            raise InputError(
                f"{root}, row '{row.id}': RGB {photo.shape[1]}x{photo.shape[0]} and thermal "
                f"{heat.shape[1]}x{heat.shape[0]} differ in size; register the pair first"
            )
        crops.append(_face_crop(row, (heat if photo is None else photo).shape))
        if photo is not None:
            rgb[n] = crops[-1].cut(photo, size, MARGIN).transpose(2, 0, 1)
        if heat is not None:
            thermal[n, 0] = as_counts(crops[-1].cut(heat, size, MARGIN))
    return assemble(
        rgb,
        thermal,
        [points_of(row) for row in rows],
        crops,
        {
            "ids": tuple(row.id for row in rows),
            "subjects": tuple(row.subject for row in rows),
            "radiometry": reading,
            "groups": tuple(row.group for row in rows) if any(row.group for row in rows) else (),
            "visible": _visible(rows),
        },
        rows[0].scheme,
        input_px,
    )
