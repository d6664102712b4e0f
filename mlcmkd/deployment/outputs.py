"""Writers of predictions: CSV, `.pts` and COCO keypoints.

Landmarks are 0-based pixels in CSV and COCO, and 1-based in `.pts`, as in iBUG's files.
"""

import csv
import json
import math
from pathlib import Path
from typing import Protocol

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.data.landmark_tables import LONG, MEASURED
from mlcmkd.data.pts import write_pts
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.temperature_table import TemperatureTable, celsius_text
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.writing import replacing

FACES = ["image", "face", "person", "x0", "y0", "x1", "y1", "by", "confidence"]


class Writer(Protocol):
    """Writes the predictions of many images into files of one format."""

    def __init__(self, folder: Path): ...

    def add(self, name: str, stem: Path, faces: list[FaceLandmarks]) -> None:
        """Adds an image.

        Args:
            name: name of the image or frame, as in its source.
            stem: relative path for files of this image, without suffix.
            faces: faces of the image; may be empty.
        """

    def close(self) -> None:
        """Finishes the files."""


class CsvWriter:
    """Writes `landmarks.csv`, a line per point, `faces.csv`, a line per face, and `temperatures.csv`.

    `mlcmkd score` reads landmarks.csv; its column `celsius` is empty where no temperature is known.
    The second and later faces of an image are named `image@1`, `image@2` in landmarks.csv. faces.csv
    contains the box of the network input; `--boxes` accepts the file. temperatures.csv is only written
    if an image contains temperatures.

    Args:
        folder: folder of the files.
    """

    def __init__(self, folder: Path):
        self._files = [
            (folder / name).open("w", newline="", encoding="utf-8")
            for name in ("landmarks.csv", "faces.csv")
        ]
        self._points, self._faces = (csv.writer(file) for file in self._files)
        self._points.writerow([*LONG, *MEASURED])
        self._faces.writerow(FACES)
        self._temperatures = TemperatureTable(folder)

    def add(self, name: str, stem: Path, faces: list[FaceLandmarks]) -> None:
        for n, face in enumerate(faces):
            image = f"{name}@{n}" if n else name
            celsius = [""] * len(face.landmarks)
            if face.temperatures is not None:
                celsius = [celsius_text(value) for value in face.temperatures.landmarks]
                self._temperatures.add(name, n, face.temperatures.regions)
            rows = zip(face.landmarks, face.deviation, celsius, strict=True)
            for point, ((x, y), deviation, degrees) in enumerate(rows):
                numbers = f"{x:.2f}", f"{y:.2f}", _text(deviation, 3), degrees
                self._points.writerow([image, face.scheme, point, *numbers])
            box = [f"{edge:.2f}" for edge in face.box]
            person = "" if face.person is None else face.person
            self._faces.writerow([name, n, person, *box, face.by, _text(face.confidence, 4)])

    def close(self) -> None:
        for file in (*self._files, self._temperatures):
            file.close()


class PtsWriter:
    """Writes a `.pts` file per face, named after the image; later faces end in `@1`, `@2`."""

    def __init__(self, folder: Path):
        self.folder = folder / "pts"

    def add(self, name: str, stem: Path, faces: list[FaceLandmarks]) -> None:
        for n, face in enumerate(faces):
            path = self.folder / stem.with_name(stem.name + (f"@{n}" if n else "") + ".pts")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_pts(path, face.landmarks)

    def close(self) -> None:
        """Does nothing: each file is already complete."""


class CocoWriter:
    """Writes `coco.json`, COCO keypoints: an annotation per face, with its confidence as `score`.

    The entry `deviations` is our extension: the standard deviation of each keypoint in pixels, in the
    order of the keypoints. `score` and `deviations` are left out where they are unknown. `track_id` is
    the number of a person, unique over all sequences.

    Args:
        folder: folder of the file.
    """

    def __init__(self, folder: Path):
        self.path = folder / "coco.json"
        self.images: list[dict] = []
        self.annotations: list[dict] = []
        self.categories: dict[str, dict] = {}
        self._tracks: dict[tuple[str, int], int] = {}  # by sequence and person

    def add(self, name: str, stem: Path, faces: list[FaceLandmarks]) -> None:
        if not faces:
            return
        height, width = faces[0].image.shape[:2]
        image = {"id": len(self.images) + 1, "file_name": name, "width": width, "height": height}
        self.images.append(image)
        for face in faces:
            x0, y0, x1, y1 = (round(edge, 2) for edge in tight_box(face.landmarks))
            points = [[round(float(x), 2), round(float(y), 2), 2] for x, y in face.landmarks]
            annotation = {
                "id": len(self.annotations) + 1,
                "image_id": image["id"],
                "category_id": self._category(face.scheme),
                "keypoints": [value for point in points for value in point],
                "num_keypoints": len(points),
                "bbox": [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)],
                "area": round((x1 - x0) * (y1 - y0), 2),
                "iscrowd": 0,
            }
            if math.isfinite(face.confidence):
                annotation["score"] = round(face.confidence, 4)
            if np.isfinite(face.deviation).all():
                annotation["deviations"] = [round(float(each), 3) for each in face.deviation]
            if face.person is not None:
                person = name.rpartition("#")[0], face.person
                annotation["track_id"] = self._tracks.setdefault(person, len(self._tracks) + 1)
            self.annotations.append(annotation)

    def _category(self, name: str) -> int:
        if name not in self.categories:
            scheme = get_scheme(name)
            lines = [pair for edge in scheme.edges for pair in zip(edge, edge[1:], strict=False)]
            self.categories[name] = {
                "id": len(self.categories) + 1,
                "name": "face",
                "supercategory": name,
                "keypoints": list(scheme.names),
                "skeleton": [[a + 1, b + 1] for a, b in lines],  # COCO counts from 1
            }
        return self.categories[name]["id"]

    def close(self) -> None:
        document = {
            "info": {"description": "landmarks predicted by mlcmkd; pixels are 0-based"},
            "images": self.images,
            "annotations": self.annotations,
            "categories": list(self.categories.values()),
        }
        with replacing(self.path) as part:
            part.write_text(json.dumps(document), encoding="utf-8")


WRITERS: dict[str, type[Writer]] = {"csv": CsvWriter, "pts": PtsWriter, "coco": CocoWriter}


def _text(value: float, digits: int) -> str:
    """A number for a table; an empty cell where it is unknown."""
    return f"{value:.{digits}f}" if math.isfinite(value) else ""
