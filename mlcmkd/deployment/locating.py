"""Location of the faces of an image: from given boxes, or by one of the detectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlcmkd.data.crops import Crop
from mlcmkd.data.modality import Modality
from mlcmkd.deployment.boxes import Box, check_box
from mlcmkd.deployment.detector import Detector, load_detector, run_detector
from mlcmkd.deployment.face_detector import MapsNetwork, detect_faces, open_detector
from mlcmkd.deployment.faces import FaceCrop
from mlcmkd.deployment.warm_region import candidate_boxes, detect_warm_region
from mlcmkd.deployment.weights import bundled_detector_graph
from mlcmkd.utils.errors import InputError

# Maximum numbers of passes. Each pass after the first crops around the landmarks of the previous pass,
# upright, so that the landmarks depend less on the box and on the roll of the head. Further passes lower
# the errors of boxes that are shifted by a tenth of their side. They hardly change the errors of the
# boxes of the labels (benchmarks/refinement.py).
DETECTED_PASSES, GIVEN_PASSES = 3, 1
# Without any box the first crop is the whole image. Three passes are enough for a face that fills a
# third of the image or more.
WHOLE_IMAGE_PASSES = 3
# The box of a warm region is approximate. The first pass selects one of the candidate boxes; two more
# passes refine it. Chosen on validation faces and the Knapik development sequences
# (benchmarks/detect.py).
WARM_REGION_PASSES = 3


class Locator:
    """Locates the faces of images.

    Args:
        detector: as in `Predictor`; None for the bundled face detector.
        modality: modality of the images.
        passes: as in `Predictor`.
        threads: CPU threads of ONNX Runtime.

    Attributes:
        detector: "warm", "looks", a network, or a function of the user.
        passes: maximum number of passes over boxes; None for the defaults.

    Raises:
        InputError: an unusable detector, or one of the other modality.
    """

    def __init__(
        self,
        detector: str | Path | Detector | MapsNetwork | None,
        modality: Modality,
        passes: int | None = None,
        threads: int = 1,
    ):
        if passes is not None and passes < 1:
            raise InputError(f"passes={passes} must be at least 1")
        if detector is None:
            detector = "faces"
        if detector == "warm" and modality == "rgb":
            raise InputError(
                "detector 'warm' needs thermal images, but these weights take RGB input; use faces"
            )
        if isinstance(detector, str | Path) and detector not in ("warm", "looks"):
            detector = _load(detector, modality, threads)
        self.detector = detector
        self.passes = passes

    def crops(
        self, unit: np.ndarray, boxes: Box | Sequence[Box] | None, name: str
    ) -> list[FaceCrop]:
        """Crops of an image, one per face.

        Args:
            unit: (H, W) or (H, W, 3) float32 in [0, 1].
            boxes: boxes of the faces, in pixels; None to run the detector.
            name: name of the image, for error messages.

        Raises:
            InputError: an invalid box, or a detector that fails.
        """
        if boxes is not None:
            given = [boxes] if len(boxes) and np.isscalar(boxes[0]) else boxes
            size = unit.shape[1::-1]
            return self._around([check_box(box, name, size) for box in given], unit, "given")
        if isinstance(self.detector, MapsNetwork):
            found = [box for box, _ in detect_faces(self.detector, unit)]
            return self._around(found, unit, "face detector", DETECTED_PASSES)
        if callable(self.detector):
            return self._around(run_detector(self.detector, unit, name), unit, "detector")
        region = detect_warm_region(unit) if self.detector == "warm" else None
        if region is not None:
            candidates = tuple(Crop.around(box) for box in candidate_boxes(region))
            return [
                FaceCrop(unit, Crop.around(region), "warm region", WARM_REGION_PASSES, candidates)
            ]
        height, width = unit.shape[:2]
        whole = Crop.around((0, 0, width - 1, height - 1), scale=1)
        return [FaceCrop(unit, whole, "looks", WHOLE_IMAGE_PASSES)]

    def _around(
        self, boxes: Sequence[Box], unit: np.ndarray, by: str, passes: int = GIVEN_PASSES
    ) -> list[FaceCrop]:
        """Crops around boxes, with the number of passes of the user or the default."""
        return [FaceCrop(unit, Crop.around(box), by, self.passes or passes) for box in boxes]


def _load(name: str | Path, modality: Modality, threads: int) -> Detector | MapsNetwork:
    """Opens the detector that a name, a path or "module:function" refers to."""
    if name == "faces":
        return open_detector(bundled_detector_graph(modality), threads)
    if Path(name).suffix.lower() not in (".safetensors", ".onnx"):
        return load_detector(str(name))
    network = open_detector(name, threads)
    if network.modality != modality:
        raise InputError(
            f"{name}: detects faces in {network.modality} images, but the weights take {modality} "
            "images"
        )
    return network
