"""One model, and the faces that it is asked for: images to units, squares, landmarks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlcmkd.data.crops import CROP_SCALE, Crop, tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.thermal.palettes import is_coloured
from mlcmkd.data.thermal.radiometry import GREY8, Radiometry
from mlcmkd.deployment import weights as in_the_box
from mlcmkd.deployment.detector import (
    Box,
    Detector,
    check_box,
    load_detector,
    rivals,
    run_detector,
    warm_region,
)
from mlcmkd.deployment.networks import open_network
from mlcmkd.utils.errors import InputError

# Without a box the face is sought from the whole image inwards; three looks are enough where it
# fills a third of the image or more.
LOOKS = 3
# A warm blob is a rough box: the first look tries its rivals, the next two straighten the best
# (validation faces and drivers 1, benchmarks/detect.py).
BLOB_LOOKS = 3


@dataclass(frozen=True)
class FaceLandmarks:
    """One face.

    Attributes:
        landmarks: (K, 2) pixels of the image, 0-based.
        scheme: of the K points.
        image: the input as the network's range, (H, W) or (H, W, 3) in [0, 1].
        confidence: of the face, 0 to 1: the mean over its points of how much of each heatmap's mass
            lies near its answer; NaN from a coordinate head. It orders faces, it is no probability.
        point_confidence: (K,) the same of each point; None where nobody asked a network.
        box: (x0, y0, x1, y1) that the network's input was cut around, pixels.
        by: who placed it: "given", "detector", "warm blob" or "looks".
    """

    landmarks: np.ndarray
    scheme: str
    image: np.ndarray
    confidence: float = float("nan")
    point_confidence: np.ndarray | None = None
    box: Box | None = None
    by: str = "given"


@dataclass(frozen=True)
class FaceCrop:
    """Where a face may be.

    Attributes:
        unit: the image, (H, W) or (H, W, 3) float32 in [0, 1].
        crop: the square to look at.
        by: as in `FaceLandmarks`.
        looks: how often; each look after the first is cut around the landmarks of the one before.
        rivals: further squares for the first look, of which the one with most confidence is kept.
    """

    unit: np.ndarray
    crop: Crop
    by: str = "given"
    looks: int = 1
    rivals: tuple[Crop, ...] = ()


class Predictor:
    """A Landmarker that reads files or arrays.

    Args:
        weights: what `Landmarker.save` or `mlcmkd export` (`.onnx`) wrote; None for the model in
            the box, a light thermal student of drawn faces (mlcmkd/box/card.md).
        celsius_range: degrees C that become 0 and 1; by default the weights' own.
        detector: finds faces where no box is given: "warm" (thermal weights only, their default:
            `detect.warm_blob`, and where that sees nothing "looks"), "looks" (three looks from the
            whole image inwards, the default of RGB weights), "module:function", or any callable
            from an image to boxes, see mlcmkd.predict.detect.
        batch: most faces in one forward.
        threads: cores that ONNX Runtime may use; torch has its own setting.

    The weights carry the radiometry of what they were trained on, and images of that kind are read
    by it. Of other kinds, floats are degrees C, 16 bits centikelvin, and 8 bits relative grey levels,
    to which no range applies; false colours of a known palette are turned back into such levels.
    Weights trained on "frame-minmax" stretch every image, whatever it holds. An exported file knows
    degrees C and levels only: 16 bits are centikelvin to it, whatever its weights were trained on.

    Raises:
        InputError: weights or a detector that cannot be used, a range that does not rise, or one for
            weights that stretch or read levels of an exported file.
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        celsius_range: tuple[float, float] | None = None,
        *,
        detector: str | Detector | None = None,
        batch: int = 32,
        threads: int = 1,
    ):
        self.network = open_network(in_the_box.weights() if weights is None else weights, threads)
        trained = self.network.radiometry
        if celsius_range is None and trained is not None and trained.absolute:
            celsius_range = (trained.low, trained.high)
        if celsius_range is not None and not celsius_range[0] < celsius_range[1]:
            raise InputError(f"the range {celsius_range} must rise, coldest first")
        if celsius_range is not None and trained is not None and trained.kind == "frame-minmax":
            raise InputError("these weights stretch every frame to its own range; give no range")
        self.celsius_range = celsius_range
        if batch < 1:
            raise InputError(f"batch={batch} must be at least 1")
        self.batch = batch
        thermal = self.network.modality == "thermal"
        if detector is None:
            detector = "warm" if thermal else "looks"
        if detector == "warm" and not thermal:
            raise InputError("detector 'warm' needs thermal images, and these weights read RGB")
        if isinstance(detector, str) and detector not in ("warm", "looks"):
            detector = load_detector(detector)
        self.detector = detector

    def __call__(self, image: Path | str | np.ndarray, box: Box | None = None) -> FaceLandmarks:
        """Finds the landmarks of the one face in an image, the largest where a detector finds more.

        Args:
            image: a file, or an array as `mlcmkd.data.images.read_image` returns it.
            box: (x0, y0, x1, y1) of the face, pixels; without it the face is sought.

        Raises:
            InputError: a file that cannot be read, the wrong kind of image for these weights, a box
                without an inside or outside the image, or no face.
        """
        (faces,) = self.faces([image], None if box is None else [box])
        if not faces:
            raise InputError(f"{_name(image)}: no face found; give a box")
        return max(
            faces, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])
        )

    def faces(
        self,
        images: Sequence[Path | str | np.ndarray] | np.ndarray,
        boxes: Sequence[Box | Sequence[Box] | None] | None = None,
    ) -> list[list[FaceLandmarks]]:
        """All faces of many images, `batch` of them in one forward.

        Args:
            images: files or arrays, or one array (N, H, W).
            boxes: for each image a box, a list of boxes, or None to seek; None seeks in all.

        Returns:
            for each image its faces, in the order of its boxes.

        Raises:
            InputError: as `__call__`; as many boxes are needed as there are images.
        """
        boxes = [None] * len(images) if boxes is None else boxes
        if len(boxes) != len(images):
            raise InputError(f"{len(boxes)} boxes for {len(images)} images; give one an image")
        squares = []
        for image, given in zip(images, boxes, strict=True):
            values = image if isinstance(image, np.ndarray) else read_image(image)
            squares.append(self.squares(self.to_unit(values, _name(image)), given, _name(image)))
        found = iter(self.answer([square for each in squares for square in each]))
        return [[next(found) for _ in each] for each in squares]

    def squares(
        self, unit: np.ndarray, boxes: Box | Sequence[Box] | None = None, name: str = "array"
    ) -> list[FaceCrop]:
        """Where to look in an image that `to_unit` made; without boxes the detector is asked.

        Raises:
            InputError: a box without an inside or outside the image, or a detector that fails;
                `name` says where.
        """
        if boxes is not None:
            given = [boxes] if len(boxes) and np.isscalar(boxes[0]) else boxes
            size = unit.shape[1::-1]
            return [FaceCrop(unit, Crop.around(check_box(box, name, size))) for box in given]
        if callable(self.detector):
            found = run_detector(self.detector, unit, name)
            return [FaceCrop(unit, Crop.around(box), "detector") for box in found]
        blob = warm_region(unit) if self.detector == "warm" else None
        if blob is not None:
            others = tuple(Crop.around(box) for box in rivals(blob))
            return [FaceCrop(unit, Crop.around(blob), "warm blob", BLOB_LOOKS, others)]
        height, width = unit.shape[:2]
        return [FaceCrop(unit, Crop.around((0, 0, width - 1, height - 1), scale=1), "looks", LOOKS)]

    def answer(self, squares: Iterable[FaceCrop]) -> list[FaceLandmarks]:
        """The face of each square, `batch` of them in one forward, in their order."""
        squares = list(squares)
        found: dict[int, FaceLandmarks] = {}
        asked = [
            (row, replace(square, crop=crop))
            for row, square in enumerate(squares)
            for crop in (square.crop, *square.rivals)
        ]
        while asked:
            for start in range(0, len(asked), self.batch):
                part = asked[start : start + self.batch]
                for (row, _), face in zip(part, self._look([s for _, s in part]), strict=True):
                    # Without a confidence (NaN) the first square stays.
                    if row not in found or face.confidence > found[row].confidence:
                        found[row] = face
            asked = []
            for row, square in enumerate(squares):
                if square.looks > 1:
                    # The next look replaces this one, whatever its confidence.
                    crop = Crop.around(tight_box(found.pop(row).landmarks))
                    squares[row] = replace(square, crop=crop, looks=square.looks - 1)
                    asked.append((row, squares[row]))
        return [found[row] for row in range(len(squares))]

    def _look(self, squares: list[FaceCrop]) -> list[FaceLandmarks]:
        """One forward."""
        cuts = [square.crop.cut(square.unit, self.network.input_px) for square in squares]
        crops = np.stack([cut[..., None] if cut.ndim == 2 else cut for cut in cuts])
        crops = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
        places, sure = self.network(crops)
        return [
            FaceLandmarks(
                square.crop.to_pixels(place),
                self.network.scheme,
                square.unit,
                confidence=float(each.mean()),
                point_confidence=each,
                box=_box_of(square.crop),
                by=square.by,
            )
            for square, place, each in zip(squares, places, sure, strict=True)
        ]

    def to_unit(self, values: np.ndarray, name: str = "array") -> np.ndarray:
        """Stored values to the model's range, float32 in [0, 1].

        Raises:
            InputError: values of the wrong kind; colours of no known palette before thermal weights;
                degrees C before weights that were trained on grey and know no range.
        """
        if self.network.modality == "rgb":
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
        trained = self.network.radiometry
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


def _name(image: Path | str | np.ndarray) -> str:
    return "array" if isinstance(image, np.ndarray) else str(image)


def _box_of(crop: Crop) -> Box:
    """The square box around which a crop is cut, the inverse of `Crop.around`."""
    (x, y), half = crop.centre, crop.side / CROP_SCALE / 2
    return x - half, y - half, x + half, y + half
