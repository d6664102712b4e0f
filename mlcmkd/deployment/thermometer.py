"""Adds temperatures to the faces of many images, as far as the images hold them."""

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
        predictor: knows how stored values become degrees C.
        say: receives a line at the first image without temperatures, and one if the scheme has not
            the points of all regions.
    """

    def __init__(self, predictor: Predictor, say: Callable[[str], None]):
        self._predictor, self._say = predictor, say
        self._said: set[str] = set()

    def __call__(
        self, faces: list[FaceLandmarks], values: np.ndarray, name: str
    ) -> list[FaceLandmarks]:
        """Returns the faces with their temperatures; unchanged where the image holds none.

        Args:
            faces: of one image.
            values: stored values of that image.
            name: of the image.
        """
        if not faces or self._predictor.network.modality == "rgb":
            return faces
        celsius = self._predictor.celsius(values, name)
        if celsius is None:
            self._say_once(
                f"no temperatures: {name} holds relative levels; if their scale is known, state it "
                "by --radiometry"
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
