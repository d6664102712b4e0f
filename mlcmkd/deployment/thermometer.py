"""Adds temperatures to the faces of those images that contain temperatures."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mlcmkd.deployment.face_regions import REGIONS, regions_of
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.temperatures import measure


class Thermometer:
    """Measures the faces of images that a predictor takes.

    Args:
        predictor: converts stored values to degrees C.
        say: receives a line at the first image without temperatures, and a line if the scheme lacks the
            points of some regions.
    """

    def __init__(self, predictor: Predictor, say: Callable[[str], None]):
        self._predictor, self._say = predictor, say
        self._said: set[str] = set()

    def __call__(
        self, faces: list[FaceLandmarks], values: np.ndarray, name: str
    ) -> list[FaceLandmarks]:
        """Returns the faces with their temperatures; unchanged if the image has none.

        Args:
            faces: faces of one image.
            values: stored values of that image, (H, W) or (H, W, 3).
            name: name of the image, for messages.

        Raises:
            InputError: as `Predictor.celsius`.
        """
        if not faces or self._predictor.network.modality == "rgb":
            return faces
        celsius = self._predictor.celsius(values, name)
        if celsius is None:
            self._say_once(
                f"no temperatures: {name} has relative levels; if their scale is known, state it "
                "with --radiometry"
            )
            return faces
        known = regions_of(faces[0].scheme)
        if len(known) < len(REGIONS):
            lacking = dict.fromkeys(region.name for region in REGIONS if region not in known)
            self._say_once(
                f"no temperatures of {', '.join(lacking)}: scheme {faces[0].scheme} lacks their points"
            )
        return [replace(face, temperatures=measure(face, celsius)) for face in faces]

    def _say_once(self, line: str) -> None:
        kind = line.split(":")[0]
        if kind not in self._said:
            self._said.add(kind)
            self._say(line)
