"""Synthetic faces that are rendered once per work folder and then read from a file."""

import hashlib
from dataclasses import fields
from pathlib import Path

import numpy as np
from pydantic import Field

from mlcmkd import synthetic
from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.manifest import SYNTHETIC
from mlcmkd.data.modality import Modality
from mlcmkd.data.pairs import from_synthetic, synthetic_faces
from mlcmkd.data.thermal.model_range import over_model_range
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, Radiometry
from mlcmkd.synthetic.faces import SyntheticFaces
from mlcmkd.utils.locks import file_lock
from mlcmkd.utils.writing import replacing


def renderer_sources(folder: Path | None = None) -> list[Path]:
    """The files that decide what the renderer makes, its code and its head, sorted by path.

    Args:
        folder: their folder; None for the package `mlcmkd.synthetic`.

    Raises:
        RuntimeError: there are none. The files were moved and this function was not adapted; a hash
            would then not depend on their content.
    """
    folder = folder or Path(synthetic.__file__).parent
    sources = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".npz"))
    if not sources:
        raise RuntimeError(
            f"{folder}: no file *.py or *.npz; course.cached_faces.renderer_sources has to name the "
            "files of the renderer"
        )
    return sources


def renderer_hash(folder: Path | None = None) -> str:
    """A short hash of the renderer's files: faces of another version of them are not reused.

    Arguments and errors are those of `renderer_sources`.
    """
    digest = hashlib.sha256()
    for path in renderer_sources(folder):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


class CachedSyntheticFaces(DataConfig):
    """A DataConfig that stores the rendered faces in a folder; otherwise the same.

    The folder is not part of a run's config: `mlcmkd train` with the same numbers renders the same
    faces.
    """

    cache: Path = Field(exclude=True, description="Folder of the synthetic faces.")

    def cache_file(self, split: str) -> Path:
        """The file with the faces of a split; they are rendered if it does not exist."""
        count = self.synthetic_train if split == "train" else self.synthetic_held
        path = self.cache / f"{split}-{count}-{self.synthetic_seed}-{renderer_hash()}.npz"
        if not path.is_file():
            with file_lock(path):  # another lesson may need the same faces at the same time
                if not path.is_file():
                    self._render(split, count, path)
        return path

    def _render(self, split: str, count: int, path: Path) -> None:
        """Renders the faces of a split into a file."""
        print(f"rendering {count} synthetic faces ({split}) into {self.cache.name}/")
        faces = synthetic_faces(split, count, self.synthetic_seed, progress=True)
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, **_to_arrays(faces))

    def faces(self, split: str) -> SyntheticFaces:
        """All faces of a split, 96 px, with temperatures in degrees C and attributes."""
        with np.load(self.cache_file(split), allow_pickle=False) as arrays:
            return _from_arrays(dict(arrays))

    def _read(
        self,
        source: str,
        split: str,
        input_px: int,
        radiometry: Radiometry | None,
        progress: bool,
        modalities: frozenset[Modality],
    ) -> Pairs:
        if source != SYNTHETIC:
            return super()._read(source, split, input_px, radiometry, progress, modalities)
        path = self.cache_file(split)
        reading = over_model_range(FACE_CELSIUS, radiometry)
        key = (path, path.stat().st_mtime_ns, input_px, reading)
        if key not in _loaded:
            _loaded[key] = from_synthetic(self.faces(split), input_px, reading)
        return _loaded[key]


# Pairs that this process has already loaded, shared by the runs of a lesson. The tensors of a Pairs are
# never modified.
_loaded: dict[tuple[Path, int, int, Radiometry], Pairs] = {}


def _to_arrays(faces: SyntheticFaces) -> dict[str, np.ndarray]:
    plain = {f.name: getattr(faces, f.name) for f in fields(faces) if f.name != "attributes"}
    plain = {name: values for name, values in plain.items() if values is not None}  # no maps
    return plain | {f"attribute {name}": values for name, values in faces.attributes.items()}


def _from_arrays(arrays: dict[str, np.ndarray]) -> SyntheticFaces:
    prefix = "attribute "
    attributes = {
        name.removeprefix(prefix): values
        for name, values in arrays.items()
        if name.startswith(prefix)
    }
    plain = {
        name: values if values.ndim else values.item()  # the scheme is a word
        for name, values in arrays.items()
        if not name.startswith(prefix)
    }
    return SyntheticFaces(attributes=attributes, **plain)
