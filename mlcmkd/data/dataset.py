"""A data set of RGB-thermal pairs in memory: `Pairs`.

Every face is stored as a square that is wider than the network's input, so that augmentation can
rotate, scale and shift it without reaching the border. A data set of 2,000 pairs at 96 px takes 180 MB;
one too large for memory is paged in from a file (see `storage`).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcmkd.data.crops import Crop
from mlcmkd.data.modality import Modality
from mlcmkd.data.storage import fits, movable
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError

MARGIN = 1.4  # side of the stored square / side of the network's input
_OPTIONAL = ("visible", "rgb_maps", "paired")  # tensors with one row a pair, or None


@dataclass(frozen=True)
class Pairs:
    """RGB-thermal pairs in memory.

    Attributes:
        rgb: (N, 3, S, S) uint8, or None.
        thermal: (N, 1, S, S) uint16, the radiometry's range over 0 to 65535; or None.
        landmarks: (N, K, 2) float32 in centred coordinates of the network's input (not of the wider
            stored square); NaN for a point without a label, zeros for unlabelled pairs.
        labelled: (N,) bool.
        crops: the square of each face in its image, to convert coordinates back to pixels.
        ids, subjects: N names each.
        scheme: landmark scheme.
        radiometry: radiometry of the thermal values, None without thermal images.
        input_px: side of the network's input, pixels; S is `MARGIN` times that.
        groups: N names of the groups for which scores are also reported, None for a pair without
            one; empty without groups.
        visible: (N, K) bool, false where a point is occluded; None without such flags.
        rgb_maps: (N, 2, 3) float32, what a registration has found: where the RGB image shows the
            place z (centred coordinates) of the thermal image, `m[:, :2] @ z + m[:, 2]`. Batches cut
            the RGB image there. None where both images are read at the same place.
        paired: (N,) bool, false where the images do not belong together: such a pair takes no part in
            distillation. None where all do.
    """

    rgb: Tensor | None
    thermal: Tensor | None
    landmarks: Tensor
    labelled: Tensor
    crops: tuple[Crop, ...]
    ids: tuple[str, ...]
    subjects: tuple[str, ...]
    scheme: str
    radiometry: Radiometry | None
    input_px: int
    groups: tuple[str | None, ...] = ()
    visible: Tensor | None = None
    rgb_maps: Tensor | None = None
    paired: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, indices: list[int] | np.ndarray) -> "Pairs":
        """Return the pairs at these indices, in this order."""
        picked = [int(i) for i in indices]
        index = torch.tensor(picked, dtype=torch.long)
        return replace(
            self,
            rgb=None if self.rgb is None else self.rgb[index],
            thermal=None if self.thermal is None else self.thermal[index],
            landmarks=self.landmarks[index],
            labelled=self.labelled[index],
            crops=tuple(self.crops[i] for i in picked),
            ids=tuple(self.ids[i] for i in picked),
            subjects=tuple(self.subjects[i] for i in picked),
            groups=tuple(self.groups[i] for i in picked) if self.groups else (),
            **{
                name: None if (values := getattr(self, name)) is None else values[index]
                for name in _OPTIONAL
            },
        )

    def with_labels(self, count: int, seed: int) -> "Pairs":
        """Return the same pairs with the labels of only `count` of them, drawn by `seed`."""
        has = torch.nonzero(self.labelled).flatten().numpy()
        if count > len(has):
            raise InputError(f"labelled={count}, but only {len(has)} pairs have a label; use fewer")
        keep = np.random.default_rng(seed).permutation(has)[:count]
        labelled = torch.zeros_like(self.labelled)
        labelled[torch.from_numpy(keep)] = True
        return replace(self, labelled=labelled)

    def only_labelled(self) -> "Pairs":
        """Return the labelled pairs, in their order."""
        return self.subset(torch.nonzero(self.labelled).flatten().tolist())

    @property
    def fully_labelled(self) -> Tensor:
        """(N,) bool, which pairs have a label of every landmark."""
        return self.labelled & ~self.landmarks.isnan().any(-1).any(-1)

    def only(self, modalities: Collection[str]) -> "Pairs":
        """Return the same pairs with the images of these modalities only."""
        return replace(self, **{name: None for name in {"rgb", "thermal"} - set(modalities)})

    def misaligned(self, pixels: float, seed: int) -> "Pairs":
        """Return the same pairs with every RGB image shifted by `pixels` in a random direction.

        This simulates poor registration: the thermal images, and the labels, which belong to them,
        are unchanged.

        Args:
            pixels: length of the shift, pixels of the network's input.
            seed: seed of the directions.
        """
        if self.rgb is None or not pixels:
            return self
        angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(self))
        return self.shifted(pixels * np.stack((np.cos(angle), np.sin(angle)), axis=1))

    def with_rgb(self, images: Tensor) -> "Pairs":
        """Return the same pairs with other RGB images, (N, 3, S, S) uint8."""
        return replace(self, rgb=images)

    def shifted(self, shifts: np.ndarray) -> "Pairs":
        """Return the same pairs with each RGB image moved by its own shift, borders repeated.

        Args:
            shifts: (N, 2) x to the right and y downwards, pixels of the network's input.
        """
        eye = np.broadcast_to(np.eye(2), (len(self), 2, 2))
        return self._warped(np.concatenate((eye, np.asarray(shifts)[..., None]), axis=-1))

    def moved(self, maps: np.ndarray) -> "Pairs":
        """Return the same pairs with each RGB image moved by a map of its own, borders repeated.

        Args:
            maps: (N, 2, 3), where what is at centred coordinates z comes to, `m[:, :2] @ z + m[:, 2]`.
        """
        self.require("rgb", "a shift")
        size = self.rgb.shape[-1]
        middle = (size - 1) / 2  # in stored pixels, where centred coordinates are 0
        linear = maps[:, :, :2]
        shift = size / MARGIN * maps[:, :, 2] + middle - linear @ np.full(2, middle)
        return self._warped(np.concatenate((linear, shift[..., None]), axis=-1))

    def _warped(self, matrices: np.ndarray) -> "Pairs":
        """Return the same pairs with RGB images warped by (N, 2, 3) maps of stored pixels."""
        self.require("rgb", "a shift")
        # Stored images have the resolution of the input, so pixels are the same in both.
        moved = [
            cv2.warpAffine(
                np.ascontiguousarray(image.permute(1, 2, 0).numpy()),
                np.array(matrix, dtype=np.float64),
                image.shape[1:],
                borderMode=cv2.BORDER_REPLICATE,
            )
            for image, matrix in zip(self.rgb, matrices, strict=True)
        ]
        return self.with_rgb(torch.from_numpy(np.stack(moved).transpose(0, 3, 1, 2).copy()))

    def to(self, device: torch.device) -> "Pairs":
        """Return the same pairs with their tensors on `device`.

        If the images would fill most of the device's memory, they stay where they are and are moved
        batch by batch.
        """
        images = {"rgb": self.rgb, "thermal": self.thermal}
        if not fits(sum(image.nbytes for image in images.values() if image is not None), device):
            images = {}
        labels = {name: getattr(self, name) for name in ("landmarks", "labelled", *_OPTIONAL)}
        moved = {
            name: None if tensor is None else movable(tensor, device).to(device)
            for name, tensor in (images | labels).items()
        }
        return replace(self, **moved)

    def pixels(self, coordinates: np.ndarray) -> np.ndarray:
        """Convert centred coordinates (N, K, 2) to pixels of the original images, (N, K, 2)."""
        return np.stack(
            [crop.to_pixels(p) for crop, p in zip(self.crops, coordinates, strict=True)]
        )

    def require(self, modality: Modality, task: str) -> None:
        """Check that the pairs have images of one modality.

        Args:
            modality: the required modality.
            task: what needs it, for the error message.

        Raises:
            InputError: they have none.
        """
        if (self.rgb if modality == "rgb" else self.thermal) is None:
            raise InputError(
                f"{task} needs {modality} images, and this data has none; use other data"
            )


def stored_px(input_px: int) -> int:
    """Return the side of the stored squares for a network with an input of `input_px`."""
    return round(input_px * MARGIN)
