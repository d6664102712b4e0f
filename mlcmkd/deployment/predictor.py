"""Prediction of facial landmarks: face detection, crop, network, conversion to image pixels."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mlcmkd.data.blank_image import check_content
from mlcmkd.data.images import read_image
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.model_range import check_model_range
from mlcmkd.data.thermal.palettes import is_coloured
from mlcmkd.deployment.boxes import Box
from mlcmkd.deployment.detector import Detector
from mlcmkd.deployment.face_detector import MapsNetwork
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks
from mlcmkd.deployment.locating import Locator
from mlcmkd.deployment.networks import open_bundled, open_network
from mlcmkd.deployment.passes import predict_crops
from mlcmkd.deployment.thermal_input import (
    INFERRED,
    StatedInput,
    celsius_radiometry,
    checked_range,
    image_radiometry,
)
from mlcmkd.utils.errors import InputError


class Predictor:
    """Predicts landmarks in image files or arrays.

    The radiometry (the meaning of the stored values) of the training data is stored with the weights.
    Images of the same kind are converted by it. In other thermal images floats are degrees C, 16-bit
    values are centikelvin, and 8-bit values are relative grey levels, to which no range applies. False
    colours of a known palette are converted to grey levels.

    The normalisation of the weights decides which scales they accept. With "image" (the default) every
    crop gets mean 0 and standard deviation 1, so grey levels that are linear in temperature give the
    same landmarks as degrees C. The automatic gain control of an 8-bit camera also saturates and
    equalises; weights trained with `Augmentation.agc` take such images, too. With "fixed" only values in
    the scale and range of the training data are accepted. Weights trained with the radiometry
    "frame-minmax" stretch every image to its own range.

    An exported file handles only degrees C and grey levels: it takes 16-bit values as centikelvin,
    whatever its weights were trained on. Images in another scale than stated or inferred are refused,
    see `mlcmkd.data.thermal.scale_check`.

    Args:
        weights: a file of `Landmarker.save` or `mlcmkd export` (`.onnx`); None for a bundled model,
            trained on synthetic faces: a light thermal student, or an RGB teacher for photos (their
            cards are in mlcmkd/deployment/weights). ONNX Runtime runs the bundled networks and `.onnx`
            files, without an import of torch.
        celsius_range: degrees C that become 0 and 1; by default that of the weights.
        detector: how faces are located if no box is given. "faces", the default: the bundled face
            detector, which finds all faces of a frame. A path: another detector of
            `mlcmkd train-detector`, also exported as `.onnx`. "warm", for thermal weights: the
            warm-region detector (`detect_warm_region`), or "looks" if it finds nothing. "looks":
            three-pass refinement from the whole image. "module:function", or a function from an image to
            boxes: a detector of the user, see `mlcmkd.deployment.detector`.
        batch: largest number of faces per forward pass.
        threads: CPU threads of ONNX Runtime; torch has its own setting.
        modality: "rgb" or "thermal", the modality of the bundled model (thermal by default). With given
            weights it must be their modality.
        passes: maximum number of passes of the network over each face with a box. Each pass after the
            first crops around the landmarks of the previous pass, rotated by the roll of the head
            (`mlcmkd.deployment.refinement`). It is left out if the crop would hardly change. With 1 the
            crop is upright, so the errors of a rolled head are large. None: 3 with the face detector,
            whose boxes are less exact than labels, and 1 with given boxes and detectors of the user.
        stated: facts about thermal images that their files do not contain: radiometry, palette, black
            hot (dark is warm).

    Raises:
        InputError: unusable weights or detector, weights of the other modality, a range that is not
            ascending, a range for weights that use none, or a range other than that of weights with
            normalisation "fixed".
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        celsius_range: tuple[float, float] | None = None,
        *,
        detector: str | Path | Detector | MapsNetwork | None = None,
        batch: int = 32,
        threads: int = 1,
        modality: Modality | None = None,
        passes: int | None = None,
        stated: StatedInput = INFERRED,
    ):
        if not isinstance(stated, StatedInput):
            raise InputError(f"stated: {type(stated).__name__}; give a StatedInput")
        if weights is None:
            self.network = open_bundled(modality or "thermal", threads)
            weights = "the bundled model"
        else:
            self.network = open_network(weights, threads)
        if modality not in (None, self.network.modality):
            raise InputError(
                f"{weights}: takes {self.network.modality} input, but modality '{modality}' was given"
            )
        if self.network.modality == "rgb" and stated != INFERRED:
            raise InputError(
                f"{weights}: takes RGB input, but a radiometry, a palette or black hot was given, which "
                "thermal images have; leave it out"
            )
        self.stated = stated
        self.celsius_range = checked_range(
            celsius_range, self.network.radiometry, self.network.normalisation
        )
        if batch < 1:
            raise InputError(f"batch={batch} must be at least 1")
        self.batch = batch
        self.locator = Locator(detector, self.network.modality, passes, threads)

    def __call__(self, image: Path | str | np.ndarray, box: Box | None = None) -> FaceLandmarks:
        """Predicts the landmarks of one face; of the largest face if a detector finds several.

        Args:
            image: a file, or an array as `mlcmkd.data.images.read_image` returns it.
            box: (x0, y0, x1, y1) of the face in pixels; None to locate the face.

        Raises:
            InputError: an unreadable file, an image that does not fit the weights, an invalid box, or
                no face.
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
        """Predicts the landmarks of all faces in many images, `batch` faces per forward pass.

        Args:
            images: files or arrays, or one array (N, H, W).
            boxes: for each image a box, a list of boxes, or None to locate faces; None for all images.

        Returns:
            a list of faces per image, in the order of its boxes.

        Raises:
            InputError: as `__call__`, or the numbers of boxes and images differ.
        """
        boxes = [None] * len(images) if boxes is None else boxes
        if len(boxes) != len(images):
            raise InputError(f"{len(boxes)} boxes for {len(images)} images; give one per image")
        crops = []
        for image, given in zip(images, boxes, strict=True):
            values = image if isinstance(image, np.ndarray) else read_image(image)
            unit = self.to_unit(values, _name(image))
            crops.append(self.face_crops(unit, given, _name(image)))
        faces = iter(self.predict_crops(crop for of_image in crops for crop in of_image))
        return [[next(faces) for _ in of_image] for of_image in crops]

    def face_crops(
        self, unit: np.ndarray, boxes: Box | Sequence[Box] | None = None, name: str = "array"
    ) -> list[FaceCrop]:
        """Crops of an image, one per face.

        Args:
            unit: an image from `to_unit`.
            boxes: boxes of the faces, in pixels; None to run the detector.
            name: name of the image, for error messages.

        Raises:
            InputError: an invalid box, or a detector that fails.
        """
        return self.locator.crops(unit, boxes, name)

    def predict_crops(self, crops: Iterable[FaceCrop]) -> list[FaceLandmarks]:
        """Predicts the face of each crop, in their order, `batch` of them per forward pass."""
        return predict_crops(self.network, crops, self.batch)

    def to_unit(self, values: np.ndarray, name: str = "array") -> np.ndarray:
        """Converts stored values to the range of the network, float32 in [0, 1].

        Args:
            values: (H, W) or (H, W, 3), as `mlcmkd.data.images.read_image` returns them.
            name: name of the image, for error messages.

        Raises:
            InputError: values that do not fit the modality, colours of an unknown palette for thermal
                weights, degrees C for weights that were trained on grey levels and have no range, or
                values in another scale than stated or than that of the weights.
            BlankImage: all pixels have one value.
        """
        check_content(values, name)
        if self.network.modality == "rgb":
            if values.dtype != np.uint8:
                raise InputError(
                    f"{name}: {values.dtype} values, but these weights take 8-bit RGB images"
                )
            return values.astype(np.float32) / 255
        if values.dtype not in (np.uint8, np.uint16):
            values = values.astype(np.float32)
        trained, normalisation = self.network.radiometry, self.network.normalisation
        radiometry = image_radiometry(values, trained, self.celsius_range, self.stated)
        check_model_range(trained, radiometry, normalisation, name)
        try:
            return radiometry.frame_to_unit(values, name)
        except InputError as error:
            if not is_coloured(values):
                raise
            raise InputError(f"{error} (these weights take thermal images)") from None

    def celsius(self, image: Path | str | np.ndarray, name: str | None = None) -> np.ndarray | None:
        """Temperatures of a thermal image, as the camera stored them; None if the image has none.

        8-bit grey levels have none, unless `stated` gives their scale in degrees C. RGB images have
        none.

        Args:
            image: a file, or an array as `mlcmkd.data.images.read_image` returns it.
            name: name of an array, for error messages.

        Returns:
            (H, W) float32, degrees C; NaN at the lowest and highest level of an 8-bit scale.

        Raises:
            InputError: an unreadable file, or values that cannot be in the stated scale.
        """
        if self.network.modality == "rgb":
            return None
        name = _name(image) if name is None else name
        values = image if isinstance(image, np.ndarray) else read_image(image)
        if values.dtype not in (np.uint8, np.uint16):
            values = values.astype(np.float32)
        trained = self.network.radiometry
        radiometry = celsius_radiometry(values, trained, self.celsius_range, self.stated)
        return None if radiometry is None else radiometry.frame_celsius(values, name)


def _name(image: Path | str | np.ndarray) -> str:
    return "array" if isinstance(image, np.ndarray) else str(image)
