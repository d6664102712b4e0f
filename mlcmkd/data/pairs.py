"""Load pairs from a manifest or from synthetic faces into tensors in memory."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mlcmkd.data.assembly import allocate_images, as_counts, assemble
from mlcmkd.data.crops import Crop, tight_box
from mlcmkd.data.dataset import MARGIN, Pairs, stored_px
from mlcmkd.data.manifest import SYNTHETIC
from mlcmkd.data.manifest_pairs import load_manifest
from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.data.thermal.model_range import over_model_range
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, Radiometry
from mlcmkd.synthetic.splits import FIRST_IDENTITY

if TYPE_CHECKING:
    from mlcmkd.synthetic.faces import SyntheticFaces
    from mlcmkd.synthetic.second_camera import SecondCamera


def from_synthetic(
    faces: "SyntheticFaces", input_px: int, radiometry: Radiometry = FACE_CELSIUS
) -> Pairs:
    """Convert synthetic faces to pairs, labelled in the scheme of the faces.

    A point is marked as not visible if the head itself, or anything worn or held, hides it from the
    thermal camera. The RGB camera sees the same points, and also those behind clear glasses.
    """
    size = stored_px(input_px)
    crops = [Crop.around(tight_box(mark)) for mark in faces.landmarks]
    heat = radiometry.to_unit(faces.thermal)
    rgb, thermal = allocate_images(len(crops), size, faces.rgb is not None, True)
    for n, crop in enumerate(crops):
        if rgb is not None:
            rgb[n] = crop.cut(faces.rgb[n], size, MARGIN).transpose(2, 0, 1)
        thermal[n, 0] = as_counts(crop.cut(heat[n], size, MARGIN))
    return assemble(
        rgb,
        thermal,
        list(faces.landmarks),
        crops,
        {
            "ids": tuple(f"synthetic/{n}" for n in range(len(faces.identity))),
            "subjects": tuple(str(identity) for identity in faces.identity),
            "radiometry": radiometry,
            "visible": None if faces.hidden_by is None else torch.from_numpy(faces.hidden_by == 0),
        },
        faces.scheme,
        input_px,
    )


def synthetic_faces(
    split: str,
    count: int,
    seed: int = 0,
    size: int = 96,
    *,
    rgb_camera: "SecondCamera | None" = None,
    progress: bool = False,
) -> "SyntheticFaces":
    """Render the synthetic faces of one split; no identity is in two splits.

    Arguments as in `mlcmkd.synthetic.faces.make_faces`.
    """
    # Imported here: the renderer compiles its loops with numba, which prediction never needs.
    from mlcmkd.synthetic.faces import make_faces

    first = FIRST_IDENTITY[split]
    return make_faces(
        count,
        seed=seed,
        size=size,
        first_identity=first,
        rgb_camera=rgb_camera,
        progress=progress,
    )


def load_pairs(
    source: Path | str,
    split: str,
    input_px: int,
    *,
    count: int = 2000,
    seed: int = 0,
    radiometry: Radiometry | None = None,
    modalities: Collection[Modality] = MODALITIES,
    progress: bool = True,
) -> Pairs:
    """Load the pairs of one split from a manifest's folder, or render synthetic faces.

    Args:
        source: the manifest's folder, or "synthetic".
        split: "train", "val" or "test".
        input_px: side of the network's input, pixels.
        count, seed: number and seed of the synthetic faces; ignored for a manifest.
        radiometry: of a model that reads the pairs: thermal values are read over its range if both are
            in one scale (temperatures, or relative levels). None for the range of the data.
        modalities: "rgb", "thermal" or both: whose files of a manifest are read. Synthetic faces always
            have both.
        progress: show a progress bar.
    """
    if radiometry is not None:
        radiometry = Radiometry.validated("radiometry", radiometry)
    if str(source) == SYNTHETIC:
        faces = synthetic_faces(split, count, seed)
        return from_synthetic(faces, input_px, over_model_range(FACE_CELSIUS, radiometry))
    return load_manifest(
        source, split, input_px, radiometry=radiometry, modalities=modalities, progress=progress
    )
