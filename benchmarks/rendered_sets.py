"""Rendered thermal faces in a file, so that several trainings read the same faces.

Faces are counted by identity, so a small set is the first part of a large one.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mlcmkd.data.crops import Crop
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.pairs import from_synthetic
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.studies.config import short_hash
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism
from mlcmkd.utils.progress import tqdm

FACES_PER_IDENTITY = 4
_CHUNK = 2000  # faces rendered at once, which limits the memory


def set_file(folder: Path, renderer: str, realism: Realism, seed: int, input_px: int) -> Path:
    """The file of a set; its name changes with all that decides the faces but their number."""
    return folder / f"{short_hash(repr([renderer, asdict(realism), seed, input_px]))}.safetensors"


def size_of(file: Path) -> int:
    """Number of faces in a set, 0 if there is no file."""
    if not file.is_file():
        return 0
    with safe_open(file, "pt") as stored:
        return stored.get_slice("landmarks").get_shape()[0]


def render_set(file: Path, count: int, realism: Realism, seed: int, input_px: int) -> None:
    """Render thermal images and landmarks with all cores, unless the file has at least `count` faces."""
    if size_of(file) >= count:
        return
    parts = []
    for first in tqdm(range(0, count, _CHUNK), desc="rendering", unit=f"{_CHUNK} faces"):
        faces = make_faces(
            min(_CHUNK, count - first),
            seed=seed,
            first_identity=first // FACES_PER_IDENTITY,
            faces_per_identity=FACES_PER_IDENTITY,
            realism=realism,
            rgb=False,
        )
        parts.append(from_synthetic(faces, input_px))
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file(_as_tensors(parts), part)
    part.replace(file)


def _as_tensors(parts: Sequence[Pairs]) -> dict[str, torch.Tensor]:
    """Thermal images (N, 1, S, S), landmarks (N, K, 2), crops (N, 3: centre and side) of all parts."""
    return {
        "thermal": torch.cat([part.thermal for part in parts]),
        "landmarks": torch.cat([part.landmarks for part in parts]),
        "crops": torch.tensor(
            [(*crop.centre, crop.side) for part in parts for crop in part.crops],
            dtype=torch.float64,
        ),
    }


def load_set(file: Path, count: int, input_px: int) -> Pairs:
    """The first `count` faces of a set, without RGB images."""
    with safe_open(file, "pt") as stored:
        thermal, landmarks, crops = (
            stored.get_slice(name)[:count] for name in ("thermal", "landmarks", "crops")
        )
    return Pairs(
        rgb=None,
        thermal=thermal,
        landmarks=landmarks,
        labelled=torch.ones(count, dtype=torch.bool),
        crops=tuple(Crop((x, y), side) for x, y, side in crops.tolist()),
        ids=tuple(f"synthetic/{n}" for n in range(count)),
        subjects=tuple(str(n // FACES_PER_IDENTITY) for n in range(count)),
        scheme="ibug68",
        radiometry=FACE_CELSIUS,
        input_px=input_px,
    )
