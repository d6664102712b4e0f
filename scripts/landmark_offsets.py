"""How far the landmarks of the mean head are from annotated ones, in units of the eye distance.

    python scripts/landmark_offsets.py SOURCE_300W/*train SOURCE_300W/afw

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
from mlcmkd.synthetic.view import flatten, up_in_image
from mlcmkd.utils.markdown import markdown_table

SCHEME = get_scheme("ibug68")
EYES = [list(pupil) for pupil in SCHEME.pupils]
EARS = (2, 14)  # jaw points beside the nose: their distances from it show how far a face is turned
SMILE = {  # the mean expression of the faces in photos, by eye and by the fit of the mouth
    "mouthSmileLeft": 0.3,
    "mouthSmileRight": 0.3,
    "mouthUpperUpLeft": 0.15,
    "mouthUpperUpRight": 0.15,
    "jawOpen": 0.1,
}
POSE_POINTS = np.array([*range(17, 48), 51])  # brows, eyes, nose: what an expression moves least
DISTANCE = 20.0  # of the camera from the head, eye distances: about 1.3 m
ACCEPTED = 0.05  # eye distances
HALF_PROFILE = (25, 55)  # degrees of yaw


def read(sources: list[str]) -> np.ndarray:
    """(N, 68, 2) labels of all sources, followed by their mirror images."""
    if any("test" in Path(source).name for source in sources):
        sys.exit("landmarks of a test set must not be used here: name training folders")
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
    flat = flatten(vertices, DISTANCE)
    return normalised(locate(SCHEME.name, vertices, flat, np.array([0, -1])).points)


def near_frontal(points: np.ndarray) -> np.ndarray:
    """(N,) which normalised faces look at the camera: the nose is midway between both ears."""
    sides = -points[:, EARS[0], 0] / points[:, EARS[1], 0]
    return (sides > 0.87) & (sides < 1.15) & (np.abs(points[:, SCHEME.nose_tip, 0]) < 0.06)


def fit_camera(label: np.ndarray, model: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """The parallel projection under which points of the head fit a label best.

    The best affine camera in the sense of least squares, made a rotation and a scale.

    Args:
        label: (P, 2), y down.
        model: (P, 3) head units, y up.

    Returns:
        (3, 3) rotation; scale, pixels per head unit; (2,) shift.
    """
    upright = label * [1, -1]
    centre, model_centre = upright.mean(0), model.mean(0)
    camera = np.linalg.lstsq(model - model_centre, upright - centre, rcond=None)[0].T
    left, sizes, right = np.linalg.svd(camera, full_matrices=False)
    first, second = left @ right
    matrix = np.stack([first, second, np.cross(first, second)])
    scale = sizes.mean()
    return matrix, scale, centre - scale * (matrix @ model_centre)[:2]


def half_profile_offsets(labels: np.ndarray) -> np.ndarray:
    """(N, 17, 2) of faces turned to the right: jaw label minus jaw line, outwards and along the line."""
    head = load_head()
    model = locate(SCHEME.name, head.mean, head.mean[:, :2] * [1, -1], np.array([0, -1])).positions
    found = []
    for label in labels:
        matrix, scale, shift = fit_camera(label[POSE_POINTS], model[POSE_POINTS])
        yaw = np.degrees(np.arctan2(matrix[0, 2], matrix[2, 2]))
        if not HALF_PROFILE[0] < yaw < HALF_PROFILE[1]:
            continue
        turned = head.mean @ matrix.T
        flat = (scale * turned[:, :2] + shift) * [1, -1]
        jaw = locate(SCHEME.name, turned, flat, up_in_image(matrix)).points[:17]
        found.append(_across_and_along(label[:17] - jaw, jaw) / scale)
    return np.array(found)


def _across_and_along(offset: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(17, 2) offsets split by the direction of a jaw line: outwards, and towards the chin."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    # From the left ear over the chin to the right ear, y down: outwards is to the right of the way.
    outwards = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    to_chin = np.where(np.arange(17) < 8, 1, -1)[:, None] * tangent
    return np.stack([(offset * outwards).sum(1), (offset * to_chin).sum(1)], 1)


def profile_table(offsets: np.ndarray) -> list[dict[str, str]]:
    """Rows of the median offset of the near (left) and the far (right) point of each pair."""
    median = np.median(offsets, 0)
    return [
        {
            "point": SCHEME.names[i].removeprefix("left "),
            "near: outwards": f"{median[i, 0]:+.3f}",
            "near: along": f"{median[i, 1]:+.3f}",
            "far: outwards": f"{median[16 - i, 0]:+.3f}",
            "far: along": f"{median[16 - i, 1]:+.3f}",
        }
        for i in range(9)
    ]


def frontal_table(points: np.ndarray, reference: np.ndarray) -> list[dict[str, str]]:
    """Rows of the mean offset of each point; the left of the face is given for both sides."""
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
    profiles = half_profile_offsets(labels)
    low, high = HALF_PROFILE
    print(
        f"\n{len(profiles)} half profiles, yaw {low} to {high} degrees: median offsets of the jaw\n"
    )
    print(markdown_table(profile_table(profiles)))


if __name__ == "__main__":
    main(sys.argv[1:])
