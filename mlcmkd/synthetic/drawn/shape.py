"""Shape of the synthetic faces: a 3-D mean face, its modes of variation, and its projection.

Head coordinates: x to the viewer's right, y down, z towards the viewer; the eye line is y = 0 and
the face is about 2 wide at the ears. The 68 landmarks come first and in iBUG order; ears, hairline,
glasses and the rest follow the same rotation.
"""

from dataclasses import dataclass

import numpy as np

from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.drawn.drawing import spline

# The viewer's left half of the mean face and its midline; the other half is its mirror image.
_HALF = {
    # jaw, ear to chin
    0: (-1.00, -0.02, -0.70), 1: (-0.985, 0.27, -0.66), 2: (-0.95, 0.55, -0.58),
    3: (-0.885, 0.82, -0.47), 4: (-0.775, 1.08, -0.34), 5: (-0.615, 1.32, -0.20),
    6: (-0.425, 1.52, -0.07), 7: (-0.215, 1.65, 0.04), 8: (0.0, 1.70, 0.10),
    # brow, outer to inner end
    17: (-0.79, -0.22, -0.17), 18: (-0.67, -0.33, 0.00), 19: (-0.52, -0.375, 0.13),
    20: (-0.35, -0.36, 0.21), 21: (-0.19, -0.31, 0.25),
    # nose
    27: (0.0, 0.00, 0.30), 28: (0.0, 0.19, 0.40), 29: (0.0, 0.38, 0.50), 30: (0.0, 0.55, 0.58),
    31: (-0.205, 0.66, 0.24), 32: (-0.11, 0.70, 0.32), 33: (0.0, 0.72, 0.37),
    # eye
    36: (-0.62, 0.01, -0.02), 37: (-0.52, -0.085, 0.06), 38: (-0.35, -0.09, 0.10),
    39: (-0.235, 0.035, 0.10), 40: (-0.34, 0.065, 0.10), 41: (-0.50, 0.07, 0.05),
    # lips, outer then inner
    48: (-0.40, 1.03, 0.14), 49: (-0.25, 0.95, 0.26), 50: (-0.09, 0.905, 0.34),
    51: (0.0, 0.925, 0.36), 57: (0.0, 1.20, 0.32), 58: (-0.12, 1.19, 0.30),
    59: (-0.27, 1.13, 0.22), 60: (-0.36, 1.03, 0.15), 61: (-0.12, 1.015, 0.32),
    62: (0.0, 1.02, 0.33), 66: (0.0, 1.045, 0.32), 67: (-0.12, 1.04, 0.30),
}  # fmt: skip

# Depth of the face's front at the height of each jaw point: extent of its cross-section.
_JAW_FRONT = np.array([0.26, 0.27, 0.29, 0.30, 0.30, 0.28, 0.24, 0.20])
# Forehead cross-sections above the jaw line: height, half width, centre's depth, depth radius.
_FOREHEAD = np.array(
    [(-0.35, 0.99, -0.70, 0.98), (-0.70, 0.90, -0.62, 0.84), (-1.00, 0.68, -0.52, 0.60)]
)
# Rim of the right ear around its root: it stands out sideways and backwards.
_EAR = np.array(
    [(0.02, -0.30, -0.08), (0.10, -0.28, -0.22), (0.15, -0.12, -0.30), (0.12, 0.08, -0.26),
     (0.07, 0.24, -0.16), (0.01, 0.30, -0.06), (-0.03, 0.10, 0.0), (-0.03, -0.12, 0.0)]
)  # fmt: skip
_CROWN = np.array([0.0, -1.22, -0.25])
_PIVOT = np.array([0.0, 0.5, -0.7])  # the head turns about a point between the ears


def _mirror(points: np.ndarray) -> np.ndarray:
    """The 68 points seen in a mirror, again in iBUG order."""
    return points[list(IBUG68.flip)] * [-1, 1, 1]


def _mean_face() -> np.ndarray:
    """Mean face (68, 3), symmetric."""
    points = np.zeros((68, 3))
    for index, position in _HALF.items():
        points[index] = position
        points[IBUG68.flip[index]] = np.multiply(position, [-1, 1, 1])
    return points


MEAN_FACE = _mean_face()

_UPPER_LID, _LOWER_LID = [37, 38, 43, 44], [41, 40, 47, 46]


def _modes() -> dict[str, np.ndarray]:
    """Name -> displacement (68, 3) of one unit; symmetric unless its name says otherwise."""
    half: dict[str, dict[int, tuple[float, float, float]]] = {
        "jaw taper": {2: (0.02, 0, 0), 3: (0.05, 0, 0), 4: (0.08, 0, 0), 5: (0.09, 0, 0),
                      6: (0.06, 0, 0), 7: (0.03, 0, 0)},
        "chin length": {3: (0, 0.03, 0), 4: (0, 0.06, 0), 5: (0, 0.10, 0), 6: (0, 0.12, 0),
                        7: (0, 0.13, 0), 8: (0, 0.13, 0)},
        "chin point": {5: (0.01, 0, 0), 6: (0.03, -0.01, 0), 7: (0.02, 0, 0), 8: (0, 0.012, 0.03)},
        "eye spacing": {i: (-0.05, 0, 0) for i in range(36, 42)} | {17: (-0.02, 0, 0)},
        "eye width": {36: (-0.04, 0, 0), 39: (0.02, 0, 0), 37: (-0.01, 0, 0), 41: (-0.01, 0, 0)},
        "eye height": {37: (0, -0.03, 0), 38: (0, -0.03, 0), 40: (0, 0.02, 0), 41: (0, 0.02, 0)},
        "eye tilt": {36: (0, -0.04, 0), 37: (0, -0.025, 0), 41: (0, -0.025, 0), 39: (0, 0.02, 0)},
        "nose length": {28: (0, 0.02, 0), 29: (0, 0.05, 0), 30: (0, 0.08, 0), 31: (0, 0.07, 0),
                        32: (0, 0.07, 0), 33: (0, 0.07, 0)},
        "nose width": {31: (-0.05, 0, 0), 32: (-0.025, 0, 0)},
        "nose depth": {28: (0, 0, 0.05), 29: (0, 0, 0.08), 30: (0, 0, 0.10), 33: (0, 0, 0.04)},
        "mouth width": {48: (-0.06, 0, -0.02), 49: (-0.035, 0, 0), 59: (-0.035, 0, 0),
                        60: (-0.055, 0, -0.02), 61: (-0.015, 0, 0), 67: (-0.015, 0, 0),
                        50: (-0.01, 0, 0), 58: (-0.015, 0, 0)},
        "mouth height": {i: (0, 0.05, 0) for i in (*range(48, 52), *range(57, 63), 66, 67)},
        "upper lip": {49: (0, -0.02, 0), 50: (0, -0.035, 0), 51: (0, -0.03, 0)},
        "lower lip": {57: (0, 0.05, 0), 58: (0, 0.045, 0), 59: (0, 0.025, 0)},
        "brow height": {i: (0, -0.05, 0) for i in range(17, 22)},
        "brow arch": {17: (0, 0.03, 0), 18: (0, -0.02, 0), 19: (0, -0.03, 0), 21: (0, 0.02, 0)},
        "brow tilt": {17: (0, -0.05, 0), 18: (0, -0.03, 0), 20: (0, 0.015, 0), 21: (0, 0.03, 0)},
        "brow length": {17: (-0.04, 0.02, -0.03), 18: (-0.02, 0, 0), 21: (0.03, 0, 0)},
        # expressions
        "smile": {48: (-0.12, -0.10, -0.05), 60: (-0.11, -0.09, -0.05), 49: (-0.06, -0.02, -0.02),
                  59: (-0.09, -0.04, -0.03), 50: (-0.02, 0.01, 0), 51: (0, 0.02, 0),
                  61: (-0.03, 0.005, 0), 67: (-0.04, 0.03, 0), 66: (0, 0.045, 0),
                  58: (-0.03, 0.0, 0), 31: (-0.025, -0.01, 0), 40: (0, -0.02, 0),
                  41: (0, -0.03, 0), 3: (-0.02, 0, 0), 4: (-0.03, 0, 0)},
        "mouth open": {57: (0, 0.42, -0.06), 58: (0, 0.41, -0.06), 59: (0.01, 0.30, -0.04),
                       66: (0, 0.42, -0.06), 67: (0, 0.38, -0.06), 48: (0.05, 0.10, 0),
                       60: (0.05, 0.10, 0), 62: (0, -0.03, 0), 61: (0, -0.03, 0),
                       51: (0, -0.03, 0), 50: (0, -0.03, 0), 49: (0.02, 0, 0),
                       8: (0, 0.34, -0.08), 7: (0, 0.33, -0.08), 6: (0, 0.28, -0.06),
                       5: (0.01, 0.20, -0.04), 4: (0.01, 0.11, -0.02), 3: (0.01, 0.04, 0)},
        "brow raise": {17: (0, -0.07, 0), 18: (0, -0.12, 0), 19: (0, -0.14, 0), 20: (0, -0.13, 0),
                       21: (0, -0.11, 0), 37: (0, -0.015, 0), 38: (0, -0.015, 0)},
        "frown": {17: (0, 0.01, 0), 18: (0, 0.02, 0), 19: (0.02, 0.06, 0), 20: (0.035, 0.10, 0),
                  21: (0.05, 0.12, 0), 37: (0, 0.02, 0), 38: (0, 0.03, 0), 48: (0, 0.03, 0),
                  60: (0, 0.03, 0)},
        "pout": {48: (0.13, 0, 0.04), 60: (0.13, 0, 0.05), 49: (0.06, -0.01, 0.05),
                 59: (0.08, 0.02, 0.05), 50: (0.015, -0.02, 0.06), 51: (0, -0.015, 0.06),
                 57: (0, 0.03, 0.06), 58: (0.03, 0.03, 0.06), 61: (0.04, 0, 0.05),
                 67: (0.04, 0.01, 0.05)},
    }  # fmt: skip
    modes = {}
    for name, moves in half.items():
        mode = np.zeros((68, 3))
        for index, move in moves.items():
            mode[index] = move
            mode[IBUG68.flip[index]] = np.multiply(move, [-1, 1, 1])
        modes[name] = mode
    width = np.zeros((68, 3))
    width[:, 0] = 0.03 * MEAN_FACE[:, 0]
    width[:17, 0] = 0.07 * MEAN_FACE[:17, 0]
    modes["face width"] = width
    skew = np.zeros((68, 3))  # a mouth pulled to one side
    skew[48:68, 0], skew[48:68, 1] = 0.04, 0.12 * MEAN_FACE[48:68, 0]
    modes["one-sided mouth"] = skew
    return modes


MODES = _modes()
EXPRESSIONS = ("smile", "mouth open", "brow raise", "frown", "pout", "one-sided mouth")
TRAITS = tuple(name for name in MODES if name not in EXPRESSIONS)


@dataclass(frozen=True)
class Shape:
    """Parameters of the geometry of one face in one image.

    Attributes:
        traits: weight of each identity mode, in units of its deviation.
        asymmetry: (68, 3) small displacement that belongs to the identity.
        expressions: weight of each expression mode; about 0 to 1, the one-sided mouth -1 to 1.
        eye_closure: 0 open (as the identity has it) to 1 closed.
        gaze: (2,) shift of the irises to the right and down, head units.
        yaw, pitch, roll: degrees; positive turns to the viewer's right, up, and clockwise.
        fill: longer side of the landmarks' tight box, as a share of the image side.
        offset: (2,) shift of that box from the image's centre, as a share of the image side.
    """

    traits: dict[str, float]
    asymmetry: np.ndarray
    expressions: dict[str, float]
    eye_closure: float
    gaze: tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    fill: float
    offset: tuple[float, float]


def draw_shape(of_identity: np.random.Generator, of_sample: np.random.Generator) -> Shape:
    """Random shape: traits from the identity's stream, pose and expression from the sample's."""
    traits = {name: float(np.clip(of_identity.normal(), -2.2, 2.2)) for name in TRAITS}
    asymmetry = _smooth_asymmetry(of_identity)

    rng = of_sample
    weights = dict.fromkeys(EXPRESSIONS, 0.0)
    # A neutral face is as frequent as each expression; two expressions can be mixed.
    for name in rng.choice([*EXPRESSIONS, "neutral", "neutral"], size=2, replace=False):
        if name == "one-sided mouth":
            weights[name] = float(rng.uniform(-1, 1))
        elif name != "neutral":
            weights[str(name)] = float(rng.beta(1.3, 1.3))
    eye_closure = float(rng.choice([0.0, 0.25, 1.0], p=[0.8, 0.1, 0.1]) * rng.uniform(0.5, 1))
    return Shape(
        traits=traits,
        asymmetry=asymmetry,
        expressions=weights,
        eye_closure=eye_closure,
        gaze=(float(np.clip(rng.normal(0, 0.035), -0.07, 0.07)), float(rng.normal(0, 0.01))),
        yaw=float(np.clip(rng.normal(0, 16), -35, 35)),
        pitch=float(np.clip(rng.normal(0, 8), -20, 20)),
        roll=float(np.clip(rng.normal(0, 9), -25, 25)),
        fill=float(rng.uniform(0.60, 0.70)),
        offset=(float(rng.uniform(-0.04, 0.04)), float(rng.uniform(-0.04, 0.04))),
    )


def _smooth_asymmetry(rng: np.random.Generator) -> np.ndarray:
    """Small displacement (68, 3) that varies slowly over the face: real faces are not symmetric."""
    waves = rng.normal(0, 0.010, (3, 4))
    x, y = MEAN_FACE[:, 0], MEAN_FACE[:, 1]
    return np.stack([x * y, x**2, np.sin(2 * y), np.sin(2 * x)], 1) @ waves.T


@dataclass(frozen=True)
class Geometry:
    """One face placed on a square canvas. Every array of points is in canvas pixels.

    Attributes:
        side: pixels of the canvas.
        unit: pixels of one head unit (half a face width).
        landmarks: (68, 2).
        forehead: (7, 2) border of the skin above the jaw line, viewer's right to left.
        rotation: (3, 3) head to camera.
        turn: the sine of the yaw, positive to the viewer's right.
        centre: (2,) the head's pivot.
        half_width: of the face at the ears, head units.
        head: (68, 3) the landmarks in head coordinates, before rotation.
        gaze: (2,) shift of the irises to the right and down, head units.
    """

    side: int
    unit: float
    landmarks: np.ndarray
    forehead: np.ndarray
    rotation: np.ndarray
    turn: float
    centre: np.ndarray
    half_width: float
    head: np.ndarray
    gaze: tuple[float, float]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Head coordinates (..., 3) to canvas pixels (..., 2)."""
        turned = (np.asarray(points) - _PIVOT) @ self.rotation.T
        return self.centre + self.unit * turned[..., :2]

    def ear_outline(self, sign: int) -> np.ndarray:
        """Outline (M, 2) of the ear on the viewer's left (sign -1) or right (+1)."""
        root = np.array([0.97 * self.half_width, 0.24, -0.78])
        return spline(self.project((_EAR + root) * [sign, 1, 1]), closed=True)

    def skull_outline(self, grow: float = 0.0, bumps: np.ndarray | float = 0.0) -> np.ndarray:
        """Outline (72, 2) of the skull, an ellipsoid, grown by `grow` head units and by bumps."""
        radii = np.array([1.02 * self.half_width, 1.24, 1.15]) + grow
        flat = (self.rotation * radii**2) @ self.rotation.T
        factor = np.linalg.cholesky(flat[:2, :2])
        angle = np.arange(72) * (2 * np.pi / 72)
        ring = np.stack([np.cos(angle), np.sin(angle)], 1) * (1 + np.asarray(bumps))[..., None]
        centre = (np.array([0, -0.22, -0.72]) - _PIVOT) @ self.rotation.T
        return self.centre + self.unit * (centre[:2] + ring @ factor.T)


def place(shape: Shape, side: int) -> Geometry:
    """The shape on a canvas of side x side pixels; it scales with the canvas."""
    head = _expressive_head(shape)
    rotation = _rotation(shape.yaw, shape.pitch, shape.roll)
    turn = float(np.sin(np.deg2rad(shape.yaw)))
    half_width = float(head[16, 0] - head[0, 0]) / 2

    visible = head.copy()
    for index, front in enumerate(_JAW_FRONT):
        for point in (index, 16 - index):
            visible[point] = on_border(head[point], front - head[point, 2], turn)
    forehead = [_CROWN]
    for height, width, depth, radius in _FOREHEAD:
        for sign in (1, -1):
            border = np.array([sign * width * half_width, height, depth])
            forehead.insert(len(forehead) if sign < 0 else 0, on_border(border, radius, turn))

    # Scale and position follow the landmarks' tight box, so that some context always remains.
    turned = (visible - _PIVOT) @ rotation.T
    low, high = turned[:, :2].min(0), turned[:, :2].max(0)
    unit = shape.fill * side / float((high - low).max())
    # The image's centre lies at (side - 1) / 2, for pixel centres are at integers.
    centre = (side - 1) / 2 + np.array(shape.offset) * side - unit * (low + high) / 2

    border = (np.array(forehead) - _PIVOT) @ rotation.T
    return Geometry(
        side=side,
        unit=unit,
        landmarks=centre + unit * turned[:, :2],
        forehead=centre + unit * border[:, :2],
        rotation=rotation,
        turn=turn,
        centre=centre,
        half_width=half_width,
        head=head,
        gaze=shape.gaze,
    )


def _expressive_head(shape: Shape) -> np.ndarray:
    """Landmarks (68, 3) in head coordinates, with identity and expression."""
    head = MEAN_FACE + shape.asymmetry
    for name, weight in (shape.traits | shape.expressions).items():
        if weight:
            head = head + weight * MODES[name] * (0.75 if name in TRAITS else 1.0)
    # Lids: never crossed, and closed by moving the upper one down to the lower one.
    gap = np.maximum(head[_LOWER_LID, 1] - head[_UPPER_LID, 1], 0.05)
    head[_UPPER_LID, 1] = head[_LOWER_LID, 1] - gap * (1 - 0.94 * shape.eye_closure)
    # Inner lips: in a closed mouth they touch but cross neither each other nor the outer lips.
    upper, lower = [61, 62, 63], [67, 66, 65]
    head[lower, 1] = np.maximum(head[lower, 1], head[upper, 1] + 0.012)
    head[upper, 1] = np.maximum(head[upper, 1], head[[50, 51, 52], 1] + 0.03)
    head[[58, 57, 56], 1] = np.maximum(head[[58, 57, 56], 1], head[lower, 1] + 0.06)
    return head


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Head to camera: first pitch, then yaw, then roll; degrees."""
    a, b, c = np.deg2rad([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def on_border(point: np.ndarray, depth_radius: float, turn: float) -> np.ndarray:
    """A border point of the face, moved forward on its cross-section where it would be hidden.

    The face at the point's height is an ellipse, half of which is visible. On the near side the
    point stays in front of the ear; on the far side an annotator sees the outline of the ellipse as
    the border. `turn` is the sine of the yaw.
    """
    side, width = np.sign(point[0]), abs(point[0])
    toward = side * turn  # positive on the side that turns away
    if toward <= 0:
        return point
    angle = np.arctan2(width * np.sqrt(1 - turn**2), depth_radius * toward)
    x, z = side * width * np.sin(angle), point[2] + depth_radius * np.cos(angle)
    return np.array([x, point[1], z])
