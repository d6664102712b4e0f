"""The table of the temperatures of regions, `temperatures.csv`."""

import csv
import math
from pathlib import Path
from typing import TextIO

from mlcmkd.deployment.temperatures import RegionTemperature

TEMPERATURES = [
    *("image", "face", "region", "side", "mean", "max", "min", "deviation", "pixels"),
    *("x", "y", "extent", "missing"),
]


class TemperatureTable:
    """Writes `temperatures.csv`, a line per region of a face; without temperatures there is no file.

    Args:
        folder: folder of the file; an existing temperatures.csv of an earlier prediction is removed.
    """

    def __init__(self, folder: Path):
        self._path = folder / "temperatures.csv"
        self._path.unlink(missing_ok=True)
        self._file: TextIO | None = None

    def add(self, image: str, face: int, regions: tuple[RegionTemperature, ...]) -> None:
        """Adds a face.

        Args:
            image: name of its image.
            face: its number in the image, from 0.
            regions: its regions.
        """
        if self._file is None:
            self._file = self._path.open("w", newline="", encoding="utf-8")
            self._rows = csv.writer(self._file)
            self._rows.writerow(TEMPERATURES)
        for region in regions:
            celsius = (region.mean, region.max, region.min, region.deviation)
            self._rows.writerow(
                [image, face, region.region, region.side]
                + [celsius_text(value) for value in celsius]
                + [region.pixels]
                + [f"{value:.2f}" for value in (region.x, region.y, region.extent)]
                + [region.missing]
            )

    def close(self) -> None:
        """Finishes the file."""
        if self._file is not None:
            self._file.close()


def celsius_text(value: float) -> str:
    """Degrees C with two decimals; empty where it is unknown."""
    return f"{value:.2f}" if math.isfinite(value) else ""
