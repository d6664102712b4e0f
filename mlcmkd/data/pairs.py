"""Load pairs from a manifest or from synthetic faces into tensors in memory.

Every face is cropped once, wider than the network's input, so that augmentation can rotate, scale and
shift it without reaching the border. A data set of 2,000 pairs at 96 px takes 180 MB; one too large
for memory is paged in from a file (see `storage`).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcmkd.data.crops import Crop, face_box, tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import SYNTHETIC, PairRow, inside, points_of, read_rows
from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.data.storage import allocate, fits, movable
from mlcmkd.data.thermal.model_range import over_model_range
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, Radiometry
from mlcmkd.schemes import get_scheme
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm

if TYPE_CHECKING:
    from mlcmkd.synthetic.faces import SyntheticFaces
    from mlcmkd.synthetic.second_camera import SecondCamera

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


def _as_counts(unit: np.ndarray) -> np.ndarray:
    return np.rint(unit * 65535).astype(np.uint16)


def _allocate_images(
    count: int, size: int, rgb: bool, thermal: bool
) -> tuple[np.ndarray | None, ...]:
    """Allocate arrays for `count` squares: RGB (N, 3, S, S) uint8, thermal (N, 1, S, S) uint16."""
    return (
        allocate((count, 3, size, size), np.uint8) if rgb else None,
        allocate((count, 1, size, size), np.uint16) if thermal else None,
    )


def _assemble(
    rgb: np.ndarray | None,
    thermal: np.ndarray | None,
    landmarks: list,
    crops: list,
    rest: dict,
    scheme: str,
    input_px: int,
) -> Pairs:
    points = get_scheme(scheme).points
    labelled = [mark is not None for mark in landmarks]
    units = [
        np.zeros((points, 2)) if mark is None else crop.to_unit(mark)
        for mark, crop in zip(landmarks, crops, strict=True)
    ]
    return Pairs(
        rgb=None if rgb is None else torch.from_numpy(rgb),
        thermal=None if thermal is None else torch.from_numpy(thermal),
        landmarks=torch.from_numpy(np.stack(units).astype(np.float32)),
        labelled=torch.tensor(labelled),
        crops=tuple(crops),
        scheme=scheme,
        input_px=input_px,
        **rest,
    )


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
    rgb, thermal = _allocate_images(len(rows), size, with_rgb, with_thermal)
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
            thermal[n, 0] = _as_counts(crops[-1].cut(heat, size, MARGIN))
    return _assemble(
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
    rgb, thermal = _allocate_images(len(crops), size, faces.rgb is not None, True)
    for n, crop in enumerate(crops):
        if rgb is not None:
            rgb[n] = crop.cut(faces.rgb[n], size, MARGIN).transpose(2, 0, 1)
        thermal[n, 0] = _as_counts(crop.cut(heat[n], size, MARGIN))
    return _assemble(
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
