"""How far the landmarks of the mean head are from annotated ones, in units of the eye distance.

python scripts/landmark_offsets.py ../shared/data/visible_300w/*train ../shared/data/visible_300w/afw

Each SOURCE is a folder of iBUG's `.pts` files or a prepared manifest with 68 points. Folders with "test"
in their name are refused: the definitions in mlcmkd/synthetic/head/places.py are adjusted by this table.

Near-frontal faces: the mean label of each point, mirrored faces included, minus the point of the mean
head, after the eye centres of both are made to agree. People in photos smile a little, so their mouths
are compared with a mean head that does.

Half profiles: the pose of each face is fitted to its inner points; then the table has the distance of
its jaw points from the head's jaw line, positive outside of it, and along the line, positive towards
the chin. All faces are turned to the viewer's right, so the right side is the far one.
"""

import sys
from pathlib import Path

import numpy as np

from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.schemes import get_scheme
from mlcmkd.synthetic.head import load_head, locate
from mlcmkd.utils.markdown import markdown_table

SCHEME = get_scheme("ibug68")
EYES = [list(pupil) for pupil in SCHEME.pupils]
NOSE_TIP, EARS = (
    SCHEME.nose_tip,
    (2, 14),
)  # jaw points beside the nose tell how far a face is turned
SMILE = {  # the mean expression of the faces in photos, by eye and by the fit of the mouth
    "mouthSmileLeft": 0.3,
    "mouthSmileRight": 0.3,
    "mouthUpperUpLeft": 0.15,
    "mouthUpperUpRight": 0.15,
    "jawOpen": 0.1,
}
POSE_POINTS = np.array([*range(17, 49), 51, 54, 57])  # for the fit of half profiles
DISTANCE = 20.0  # of the camera from the head, eye distances: about 1.3 m
ACCEPTED = 0.05  # eye distances
HALF_PROFILE = (25, 55)  # degrees of yaw


def read(sources: list[str]) -> np.ndarray:
    """(N, 68, 2) labels of all sources, followed by their mirror images."""
    if any("test" in Path(source).name for source in sources):
        sys.exit("landmarks of a test set must not be looked at: name training folders")
    found = [
        points
        for source in sources
        for points in read_landmarks(Path(source), SCHEME.name, split="train").faces.values()
    ]
    labels = np.stack(found).astype(float)
    return np.concatenate([labels, labels[:, SCHEME.flip] * [-1, 1]])


def normalised(points: np.ndarray) -> np.ndarray:
    """(..., 68, 2) points with the eye centres at (-0.5, 0) and (0.5, 0), y down."""
    left, right = (points[..., eye, :].mean(-2) for eye in EYES)
    across = right - left
    unit = np.linalg.norm(across, axis=-1)[..., None]
    along = across / unit
    moved = (points - (left + right)[..., None, :] / 2) / unit[..., None]
    normal = np.stack([-along[..., 1], along[..., 0]], -1)
    return np.stack(
        [(moved * along[..., None, :]).sum(-1), (moved * normal[..., None, :]).sum(-1)], -1
    )


def mean_head(**expression: float) -> np.ndarray:
    """(68, 2) the landmarks of the mean head from the front, normalised."""
    head = load_head()
    vertices = head.vertices(np.zeros(1), head.expression(**expression))
    shrink = DISTANCE / (DISTANCE - vertices[:, 2:])
    flat = vertices[:, :2] * shrink * [1, -1]
    return normalised(locate(SCHEME.name, vertices, flat, np.array([0, -1])).points)


def near_frontal(points: np.ndarray) -> np.ndarray:
    """(N,) which normalised faces look at the camera: the nose is midway between both ears."""
    sides = -points[:, EARS[0], 0] / points[:, EARS[1], 0]
    return (sides > 0.87) & (sides < 1.15) & (np.abs(points[:, NOSE_TIP, 0]) < 0.06)


def frontal_table(points: np.ndarray, reference: np.ndarray) -> list[dict[str, str]]:
    """Rows of the mean offset of each point; the left of the face stands for both sides."""
    offset = points.mean(0) - reference
    rows = []
    for index, name in enumerate(SCHEME.names):
        if name.startswith("right "):
            continue
        x, y = offset[index]
        rows.append(
            {
                "point": f"{index} {name.removeprefix('left ')}",
                "x": f"{x:+.3f}",
                "y": f"{y:+.3f}",
                "spread x, y": "{:.2f}, {:.2f}".format(*points[:, index].std(0)),
                "": "" if max(abs(x), abs(y)) <= ACCEPTED else "beyond 0.05",
            }
        )
    return rows


def main(sources: list[str]) -> None:
    labels = read(sources)
    points = normalised(labels)
    frontal = points[near_frontal(points)]
    reference = mean_head()
    mouth = list(SCHEME.regions["mouth"])
    reference[mouth] = mean_head(**SMILE)[mouth]
    offset = np.abs(frontal.mean(0) - reference).max(1)
    print(f"{len(frontal) // 2} near-frontal faces; x, y (down): labels minus head\n")
    print(markdown_table(frontal_table(frontal, reference)))
    print()
    for region, indices in SCHEME.regions.items():
        print(f"{region}: mean of the larger axis {offset[list(indices)].mean():.3f}")
    print(f"{(offset <= ACCEPTED).sum()} of {SCHEME.points} points within {ACCEPTED}")


if __name__ == "__main__":
    main(sys.argv[1:])
