"""Selection of the pairs of a run: a manifest or the synthetic faces, and how many of them."""

import hashlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import Field
from torch import Tensor

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.joined import joined
from mlcmkd.data.manifest import MANIFEST, SYNTHETIC
from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.data.pairs import from_synthetic, load_pairs, synthetic_faces
from mlcmkd.data.rig import Rig, seen_by
from mlcmkd.data.split_cache import SplitCache
from mlcmkd.data.thermal.model_range import over_model_range
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.config import Config, Seed, late
from mlcmkd.utils.errors import InputError


class DataConfig(Config):
    """Which pairs a stage reads."""

    source: str = Field(
        default="synthetic",
        description="Folder of a manifest, or 'synthetic' for the synthetic faces.",
    )
    pairs: int | None = Field(
        default=None,
        ge=2,
        description="Number of training pairs, drawn by the run's seed; None for all.",
    )
    labelled: int | None = Field(
        default=None, ge=0, description="How many of these keep their label; None for all."
    )
    misalignment: float = Field(
        default=0,
        ge=0,
        le=32,
        description="Shift of every training pair's RGB image, pixels of the network's input; to "
        "study the cost of poor registration.",
    )
    rig: Rig = late(
        Rig(),
        description="Further errors of a simulated rig: rotation, scale, a constant shift, wrong pairs.",
    )
    also: tuple[str, ...] = late(
        (),
        description="Further sources, folders of manifests or 'synthetic'. Their training pairs are "
        "added to those of `source`, all of them with their labels: `pairs`, `labelled`, "
        "`misalignment` and `rig` concern `source` alone. Validation and test are those of `source`.",
    )
    synthetic_train: int = Field(
        default=2000, ge=2, description="Synthetic faces in the training split."
    )
    synthetic_held: int = Field(
        default=400, ge=2, description="Synthetic faces in each of the validation and test splits."
    )
    synthetic_seed: Seed = Field(default=0, description="Seed of the synthetic faces.")

    def load(
        self,
        split: str,
        input_px: int,
        *,
        radiometry: Radiometry | None = None,
        modalities: Collection[Modality] = MODALITIES,
        progress: bool = True,
    ) -> Pairs:
        """Load all pairs of a split; a process reads a split once.

        Args:
            split: "train", "val" or "test".
            input_px: side of the network's input, pixels.
            radiometry: that of a model, see `load_pairs`.
            modalities: whose images are needed. A manifest's files of the other modality are not
                opened.
            progress: show a progress bar.

        Raises:
            InputError: as `load_pairs`.
        """
        needed = frozenset(modalities)
        pairs = self._over_range(self.source, split, input_px, radiometry, progress, needed)
        images = {"rgb": pairs.rgb, "thermal": pairs.thermal}
        existing = {name for name, tensor in images.items() if tensor is not None}
        # If none of those needed exist, `Pairs.require` names what is missing.
        return pairs.only(needed) if existing & needed and existing - needed else pairs

    def _over_range(
        self,
        source: str,
        split: str,
        input_px: int,
        radiometry: Radiometry | None,
        progress: bool,
        modalities: frozenset[Modality] = frozenset(MODALITIES),
    ) -> Pairs:
        """Read the pairs of a source over the range of `radiometry`, or over its own if that is None."""
        if radiometry is not None:
            radiometry = Radiometry.validated("radiometry", radiometry)
        pairs = self._read(source, split, input_px, None, progress, modalities)
        own = pairs.radiometry
        # Usually the ranges agree: one copy of the pairs then serves training and evaluation.
        if own is None or over_model_range(own, radiometry) == own:
            return pairs
        return self._read(source, split, input_px, radiometry, progress, modalities)

    def _read(
        self,
        source: str,
        split: str,
        input_px: int,
        radiometry: Radiometry | None,
        progress: bool,
        modalities: frozenset[Modality],
    ) -> Pairs:
        """Read the pairs of a split, or return those that this process has read before."""
        count = self.synthetic_train if split == "train" else self.synthetic_held
        manifest = Path(source) / MANIFEST
        stamp = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else ""
        which = (source, split, input_px, count, self.synthetic_seed, stamp, radiometry)
        return _read_splits.get(
            which,
            modalities,
            lambda: load_pairs(
                source,
                split,
                input_px,
                count=count,
                seed=self.synthetic_seed,
                radiometry=radiometry,
                modalities=modalities,
                progress=progress,
            ),
        )

    def load_training(
        self,
        input_px: int,
        seed: int,
        *,
        radiometry: Radiometry | None = None,
        progress: bool = True,
    ) -> Pairs:
        """Load the training pairs of a run, with labels removed if `labelled` is set.

        Raises:
            InputError: there are fewer pairs or labels than asked for, or the sources do not fit
                together, see `joined`.
        """
        parts = self.load_sources(input_px, seed, radiometry=radiometry, progress=progress)
        return self.join(parts)

    def load_sources(
        self,
        input_px: int,
        seed: int,
        *,
        radiometry: Radiometry | None = None,
        progress: bool = True,
    ) -> list[Pairs]:
        """Load the training pairs of `source` and of each of `also`; arguments as `load_training`."""
        pairs = self.load("train", input_px, radiometry=radiometry, progress=progress)
        if self.rig.baseline_cm:
            pairs = pairs.with_rgb(self._rgb_from_beside(input_px, progress))
        if self.pairs is not None:
            if self.pairs > len(pairs):
                raise InputError(
                    f"pairs={self.pairs}, but the training split has {len(pairs)}; use fewer"
                )
            pairs = pairs.subset(np.random.default_rng(seed).permutation(len(pairs))[: self.pairs])
        if self.labelled is not None:
            pairs = pairs.with_labels(self.labelled, seed)
        pairs = seen_by(self.rig, pairs, self.misalignment, seed)
        more = [
            self._over_range(source, "train", input_px, pairs.radiometry or radiometry, progress)
            for source in self.also
        ]
        return [pairs, *more]

    def _rgb_from_beside(self, input_px: int, progress: bool) -> Tensor:
        """RGB images of all training pairs, (N, 3, S, S) uint8, by a camera beside the thermal one."""
        if self.source != SYNTHETIC:
            raise InputError(
                f"rig.baseline_cm={self.rig.baseline_cm:g}, but {self.source} has no depth from which "
                f"another camera's image could be made; use source='{SYNTHETIC}', or misalignment"
            )
        camera = (self.rig.baseline_cm, self.rig.registered_cm)
        count, seed = self.synthetic_train, self.synthetic_seed
        return _rendered_beside(count, seed, input_px, *camera, progress)

    def join(self, parts: Sequence[Pairs]) -> Pairs:
        """Join the pairs of the sources, as `load_sources` returns them, to one training set."""
        return parts[0] if len(parts) == 1 else joined(parts, [self.source, *self.also])


# `stamp` in the keys, the manifest's hash, detects changes.
_read_splits = SplitCache(8)


@lru_cache(maxsize=2)
def _rendered_beside(
    count: int,
    seed: int,
    input_px: int,
    baseline_cm: float,
    registered_cm: float,
    progress: bool,
) -> Tensor:
    """RGB images of the synthetic training faces, as `DataConfig._rgb_from_beside` returns them."""
    # Imported here: the renderer compiles its loops with numba, which prediction never needs.
    from mlcmkd.synthetic.second_camera import SecondCamera

    camera = SecondCamera(baseline_cm, registered_cm)
    faces = synthetic_faces("train", count, seed, rgb_camera=camera, progress=progress)
    rgb = from_synthetic(faces, input_px).rgb
    assert rgb is not None  # `faces` have RGB images
    return rgb
