"""The embedded faces, drawn once a work folder and read back from then on."""

import hashlib
from dataclasses import fields
from pathlib import Path

import numpy as np
from pydantic import Field

from mlcmkd import synthetic
from mlcmkd.data.config import DataConfig
from mlcmkd.data.pairs import Pairs, from_synthetic, synthetic_faces
from mlcmkd.synthetic.faces import SyntheticFaces


def renderer_sources(folder: Path | None = None) -> list[Path]:
    """The source files that draw faces, sorted by path.

    Args:
        folder: where they are; None for the package.

    Raises:
        RuntimeError: none is there. The files were moved and this function was not adapted, so a
            hash would be the same whatever they hold.
    """
    folder = folder or Path(synthetic.__file__).parent
    found = sorted(folder.glob("*.py"))
    if not found:
        raise RuntimeError(
            f"{folder}: no file *.py; course.cached_faces.renderer_sources has to name the files that "
            "draw faces"
        )
    return found


def renderer_hash(folder: Path | None = None) -> str:
    """A short hash of the code that draws faces: faces drawn by other code are not read back.

    Args and errors as `renderer_sources`.
    """
    digest = hashlib.sha256()
    for path in renderer_sources(folder):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


class CachedSyntheticFaces(DataConfig):
    """A DataConfig that keeps what it drew in a folder; in every other way the same.

    The folder is no part of what a run remembers: `mlcmkd train` on the same numbers draws the same
    faces.

    """

    cache: Path = Field(exclude=True, description="Folder of the synthetic faces.")

    def kept(self, split: str) -> Path:
        """The file that holds a split's faces; they are drawn where it is not there."""
        count = self.synthetic_train if split == "train" else self.synthetic_held
        path = self.cache / f"{split}-{count}-{self.synthetic_seed}-{renderer_hash()}.npz"
        if not path.is_file():
            print(f"drawing {count} embedded faces ({split}); they are kept in {self.cache.name}/")
            faces = synthetic_faces(split, count, self.synthetic_seed)
            self.cache.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            with part.open("wb") as file:
                np.savez(file, **_to_arrays(faces))
            part.replace(path)
        return path

    def faces(self, split: str) -> SyntheticFaces:
        """All faces of a split, 96 px, with degrees C and attributes."""
        with np.load(self.kept(split), allow_pickle=False) as arrays:
            return _from_arrays(dict(arrays))

    def load(self, split: str, input_px: int, *, progress: bool = True) -> Pairs:
        """All pairs of a split."""
        path = self.kept(split)
        key = (path, path.stat().st_mtime_ns, input_px)
        if key not in _cut:
            _cut[key] = from_synthetic(self.faces(split), input_px)
        return _cut[key]


# Pairs that this process has already cut out of their images: a lesson's runs share them. Nothing
# writes to the tensors of a Pairs.
_cut: dict[tuple[Path, int, int], Pairs] = {}


def _to_arrays(faces: SyntheticFaces) -> dict[str, np.ndarray]:
    plain = {f.name: getattr(faces, f.name) for f in fields(faces) if f.name != "attributes"}
    return plain | {f"attribute {name}": values for name, values in faces.attributes.items()}


def _from_arrays(kept: dict[str, np.ndarray]) -> SyntheticFaces:
    prefix = "attribute "
    attributes = {
        name.removeprefix(prefix): values
        for name, values in kept.items()
        if name.startswith(prefix)
    }
    plain = {name: values for name, values in kept.items() if not name.startswith(prefix)}
    return SyntheticFaces(attributes=attributes, **plain)
