"""Landmarks in pictures that come from outside: read, place the face, predict, draw.

Three lines:

    from mlcmkd.predict import Predictor
    predictor = Predictor("runs/light/model.safetensors")
    landmarks = predictor("frame.png").landmarks
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mlcmkd.crops import Crop, tight_box
from mlcmkd.errors import InputError
from mlcmkd.images import read_image
from mlcmkd.models import Landmarker
from mlcmkd.palettes import is_coloured
from mlcmkd.radiometry import GREY8, Radiometry

Box = tuple[float, float, float, float]
# Without a box the face is sought from the whole image inwards; three looks are enough where it
# fills a third of the image or more.
LOOKS = 3


@dataclass(frozen=True)
class Found:
    """One face.

    Attributes:
        landmarks: (K, 2) pixels of the image, 0-based.
        scheme: of the K points.
        image: the input as the network's range, (H, W) or (H, W, 3) in [0, 1].
    """

    landmarks: np.ndarray
    scheme: str
    image: np.ndarray


class Predictor:
    """A Landmarker that reads files or arrays.

    Args:
        weights: what `Landmarker.save` wrote.
        celsius_range: degrees C that become 0 and 1; by default the weights' own.

    The weights carry the radiometry of what they were trained on, and images of that kind are read
    by it. Of other kinds, floats are degrees C, 16 bits centikelvin, and 8 bits relative grey levels,
    to which no range applies; false colours of a known palette are turned back into such levels.
    Weights trained on "frame-minmax" stretch every image, whatever it holds.

    Raises:
        InputError: a range that does not rise, or one for weights that stretch.
    """

    def __init__(self, weights: Path | str, celsius_range: tuple[float, float] | None = None):
        self.model = Landmarker.load(weights)
        trained = self.model.spec.radiometry
        if celsius_range is None and trained is not None and trained.absolute:
            celsius_range = (trained.low, trained.high)
        if celsius_range is not None and not celsius_range[0] < celsius_range[1]:
            raise InputError(f"the range {celsius_range} must rise, coldest first")
        if celsius_range is not None and trained is not None and trained.kind == "frame-minmax":
            raise InputError("these weights stretch every frame to its own range; give no range")
        self.celsius_range = celsius_range

    def __call__(self, image: Path | str | np.ndarray, box: Box | None = None) -> Found:
        """Finds the landmarks of the one face in an image.

        Args:
            image: a file, or an array as `mlcmkd.images.read_image` returns it.
            box: (x0, y0, x1, y1) of the face, pixels; without it the face is sought.

        Raises:
            InputError: a file that cannot be read, or the wrong kind of image for these weights.
        """
        name = "array" if isinstance(image, np.ndarray) else str(image)
        values = image if isinstance(image, np.ndarray) else read_image(image)
        unit = self.to_unit(values, name)
        if box is not None:
            landmarks = self._look(unit, Crop.around(box))
        else:
            height, width = unit.shape[:2]
            landmarks = self._look(unit, Crop.around((0, 0, width - 1, height - 1), scale=1))
            for _ in range(LOOKS - 1):
                landmarks = self._look(unit, Crop.around(tight_box(landmarks)))
        return Found(landmarks, self.model.spec.scheme, unit)

    def to_unit(self, values: np.ndarray, name: str = "array") -> np.ndarray:
        """Stored values to the model's range, float32 in [0, 1].

        Raises:
            InputError: values of the wrong kind; colours of no known palette before thermal weights;
                degrees C before weights that were trained on grey and know no range.
        """
        if self.model.spec.modality == "rgb":
            if values.dtype != np.uint8:
                raise InputError(f"{name}: {values.dtype} values, but these weights read 8-bit RGB")
            return values.astype(np.float32) / 255
        if values.dtype not in (np.uint8, np.uint16):
            values = values.astype(np.float32)
        radiometry = self._radiometry(values)
        try:
            return radiometry.frame_to_unit(values, name)
        except InputError as error:
            raise InputError(f"{error} (these weights read thermal images)") from None

    def _radiometry(self, values: np.ndarray) -> Radiometry:
        """How this image is read: as the weights' own data where it is of that kind."""
        trained = self.model.spec.radiometry
        if trained is not None and trained.kind == "frame-minmax":
            return trained
        if values.dtype == np.uint8:
            return self._levels(values, trained)
        if self.celsius_range is None:
            raise InputError(
                "these weights were trained on 8-bit grey: say which degrees C to read, for "
                "instance --range 18 40"
            )
        low, high = self.celsius_range
        if values.dtype != np.uint16:
            return Radiometry(kind="celsius", low=low, high=high)
        if trained is not None and trained.kind in ("counts", "decikelvin"):
            return trained.model_copy(update={"low": low, "high": high})
        return Radiometry(kind="centikelvin", low=low, high=high)

    def _levels(self, values: np.ndarray, trained: Radiometry | None) -> Radiometry:
        """How 8 bits are read: over the weights' own levels where they were trained on levels."""
        levels = trained if trained is not None and trained.kind in ("grey8", "palette") else GREY8
        changes: dict = {}
        if levels.absolute:
            changes |= {"low": self.celsius_range[0], "high": self.celsius_range[1]}
        if not is_coloured(values):
            changes |= {"kind": "grey8", "palette": None}
        elif levels.kind == "grey8":
            changes |= {"kind": "palette"}
        return levels.model_copy(update=changes)

    @torch.inference_mode()
    def _look(self, unit: np.ndarray, crop: Crop) -> np.ndarray:
        cut = crop.cut(unit, self.model.spec.input_px)
        cut = cut[..., None] if cut.ndim == 2 else cut
        images = torch.from_numpy(np.ascontiguousarray(cut.transpose(2, 0, 1)))[None]
        return crop.to_pixels(self.model(images).coordinates[0].numpy())
