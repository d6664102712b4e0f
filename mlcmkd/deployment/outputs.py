"""What a prediction leaves behind: CSV, `.pts`, COCO keypoints.

Landmarks are 0-based pixels in CSV and COCO; `.pts` counts from 1, as iBUG's do.
"""

import csv
import json
import math
from pathlib import Path

from mlcmkd.data.crops import tight_box
from mlcmkd.data.landmark_files import LONG
from mlcmkd.data.pts import write_pts
from mlcmkd.deployment.predictor import FaceLandmarks
from mlcmkd.schemes import get_scheme

FACES = ["image", "face", "x0", "y0", "x1", "y1", "by", "confidence"]


class CsvWriter:
    """`landmarks.csv`, a line a point (what `mlcmkd score` reads), and `faces.csv`, a line a face.

    The second and later faces of an image are named `image@1`, `image@2` in landmarks.csv. faces.csv
    holds the box that was read, so it can be given back as `--boxes`.
    """

    def __init__(self, folder: Path):
        self._files = [
            (folder / name).open("w", newline="", encoding="utf-8")
            for name in ("landmarks.csv", "faces.csv")
        ]
        self._points, self._faces = (csv.writer(file) for file in self._files)
        self._points.writerow(LONG)
        self._faces.writerow(FACES)

    def add(self, name: str, stem: Path, faces: list[FaceLandmarks]) -> None:
        for n, face in enumerate(faces):
            image = f"{name}@{n}" if n else name
            for point, (x, y) in enumerate(face.landmarks):
                self._points.writerow([image, face.scheme, point, f"{x:.2f}", f"{y:.2f}"])
            box = [f"{side:.2f}" for side in face.box]
            self._faces.writerow([name, n, *box, face.by, _sure(face)])

    def close(self) -> None:
        for file in self._files:
            file.close()


class PtsWriter:
    """A `.pts` file a face, under the image's name; later faces of an image end in `@1`, `@2`."""

    def __init__(self, folder: Path):
        self.folder = folder / "pts"

    def add(self, name: str, stem: Path, faces: list[FaceLandmarks]) -> None:
        for n, face in enumerate(faces):
            path = self.folder / stem.with_name(stem.name + (f"@{n}" if n else "") + ".pts")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_pts(path, face.landmarks)

    def close(self) -> None:
        """Nothing is open."""


class CocoWriter:
    """`coco.json`, COCO's keypoints: an annotation a face, `score` its confidence where it has one."""

    def __init__(self, folder: Path):
        self.path = folder / "coco.json"
        self.images: list[dict] = []
        self.annotations: list[dict] = []
        self.categories: dict[str, dict] = {}

    def add(self, name: str, stem: Path, faces: list[FaceLandmarks]) -> None:
        if not faces:
            return
        height, width = faces[0].image.shape[:2]
        image = {"id": len(self.images) + 1, "file_name": name, "width": width, "height": height}
        self.images.append(image)
        for face in faces:
            x0, y0, x1, y1 = (round(side, 2) for side in tight_box(face.landmarks))
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
            self.annotations.append(annotation)

    def _category(self, name: str) -> int:
        if name not in self.categories:
            scheme = get_scheme(name)
            bones = [pair for edge in scheme.edges for pair in zip(edge, edge[1:], strict=False)]
            self.categories[name] = {
                "id": len(self.categories) + 1,
                "name": "face",
                "supercategory": name,
                "keypoints": list(scheme.names),
                "skeleton": [[a + 1, b + 1] for a, b in bones],  # COCO counts them from 1
            }
        return self.categories[name]["id"]

    def close(self) -> None:
        told = {
            "info": {"description": "landmarks predicted by mlcmkd; pixels are 0-based"},
            "images": self.images,
            "annotations": self.annotations,
            "categories": list(self.categories.values()),
        }
        self.path.write_text(json.dumps(told), encoding="utf-8")


WRITERS = {"csv": CsvWriter, "pts": PtsWriter, "coco": CocoWriter}


def _sure(face: FaceLandmarks) -> str:
    return f"{face.confidence:.4f}" if math.isfinite(face.confidence) else ""
