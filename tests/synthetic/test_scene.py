"""One person before the camera: framing, landmarks on the mesh, what hides them, mirroring."""

from dataclasses import replace

import numpy as np
import pytest

from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.head import Material, load_head
from mlcmkd.synthetic.head.basis import mirrored_expressions
from mlcmkd.synthetic.part import Occluder, Part, Worn, join
from mlcmkd.synthetic.rasterise import FAR
from mlcmkd.synthetic.scene import build_scene
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.worn.dress import head_part

SIZE = 128
HEAD = load_head()


def shape_of(person: int):
    return draw_shape(np.random.default_rng([0, person]), np.random.default_rng([1, person]))


def frontal(person: int = 0, **changes):
    """A neutral face that looks straight ahead, with changes of its pose."""
    shape = shape_of(person)
    pose = replace(shape.pose, yaw=0, pitch=0, roll=0, shift=(0, 0), distance=20)
    pose = replace(pose, **changes)
    nothing = np.zeros_like(shape.expression)
    return replace(shape, pose=pose, expression=nothing, gaze=(0, 0), kind="neutral")


def mirrored(shape):
    """The parameters of the mirrored geometry."""
    pose = shape.pose
    pose = replace(pose, yaw=-pose.yaw, roll=-pose.roll, shift=(-pose.shift[0], pose.shift[1]))
    return replace(
        shape,
        identity=shape.identity * HEAD.mode_parity,
        expression=shape.expression[mirrored_expressions(HEAD.expression_names)],
        gaze=(-shape.gaze[0], shape.gaze[1]),
        pose=pose,
    )


def plate(low, high, z: float, material: int) -> Part:
    """An upright rectangle that turns with the head."""
    (left, bottom), (right, top) = low, high
    corners = [(left, bottom, z), (right, bottom, z), (right, top, z), (left, top, z)]
    vertices = np.array(corners, np.float32)
    triangles = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    return Part(
        vertices, triangles, np.full(2, material, np.int8), vertices, np.ones(4, np.float32)
    )


def with_plate(shape, *plates: Part):
    return build_scene(shape, SIZE, [head_part(shape.vertices()), *plates])


@pytest.fixture(scope="module")
def scenes():
    return [build_scene(shape_of(person), SIZE) for person in range(40)]


# --- framing and landmarks -------------------------------------------------------------------------


def test_all_landmarks_are_inside_the_image(scenes):
    points = np.stack([scene.landmarks().points for scene in scenes])
    assert points.min() > 0.04 * SIZE and points.max() < 0.96 * SIZE
    sides = np.ptp(points, axis=1).max(1) / SIZE
    margins = [scene.shape.pose.margin for scene in scenes]
    np.testing.assert_allclose(sides, 1 / np.array(margins), rtol=1e-4)


def test_landmarks_are_projections_of_their_positions(scenes):
    for scene in scenes[:8]:
        found = scene.landmarks()
        projected = scene.camera.project(found.positions)
        np.testing.assert_allclose(
            found.points, projected[:, :2], atol=0.6
        )  # jaw lines are smoothed
        inner = range(17, 68)
        np.testing.assert_allclose(found.points[inner], projected[inner, :2], atol=0.25)


def test_visible_landmarks_lie_on_the_drawn_mesh(scenes):
    """The z-buffer at a visible inner landmark is the landmark's own depth."""
    gaps = []
    for scene in scenes:
        found = scene.landmarks()
        for n in range(17, 68):
            if found.hidden_by[n] == Occluder.NOTHING:
                column, row = np.rint(found.points[n]).astype(int)
                around = scene.solid.depth[row - 1 : row + 2, column - 1 : column + 2]
                gaps.append(np.abs(around - found.positions[n, 2]).min())
    assert len(gaps) > 1000
    # Head units, about 6 cm. Lids and lips are a little in front of what is between them.
    assert np.median(gaps) < 0.01 and np.quantile(gaps, 0.9) < 0.1


def test_landmarks_of_a_frontal_face_are_in_the_order_of_the_scheme():
    x, y = build_scene(frontal(), SIZE).landmarks().points.T
    for run in (range(0, 17), range(17, 27), range(31, 36), (36, 39, 42, 45), (48, 51, 54)):
        assert (np.diff(x[list(run)]) > 0).all(), list(run)
    for above, below in ((19, 37), (24, 44), (27, 30), (30, 33), (33, 51), (51, 57), (57, 8)):
        assert y[above] < y[below], (above, below)


def test_a_larger_canvas_shows_the_same_scene():
    small, large = (build_scene(shape_of(3), size) for size in (96, 192))
    points = [scene.landmarks().points for scene in (small, large)]
    np.testing.assert_allclose((points[1] + 0.5) / 192, (points[0] + 0.5) / 96, atol=1e-5)
    np.testing.assert_allclose(small.turned, large.turned)


# --- what the camera sees ---------------------------------------------------------------------------


def test_a_frontal_head_shows_its_face_and_no_back():
    scene = build_scene(frontal(), SIZE)
    shown = set(scene.solid.materials.tolist())
    assert {Material.SKIN, Material.EAR, Material.LIPS, Material.EYE, Material.BODY} <= shown
    assert scene.lens is None and len(scene.solid) == (scene.solid.depth > FAR).sum()
    np.testing.assert_allclose(np.linalg.norm(scene.solid.normals, axis=1), 1, atol=1e-4)
    assert (scene.solid.normals[:, 2] >= 0).all()
    nose = scene.solid.positions[:, 2].argmax()
    assert scene.solid.materials[nose] == Material.SKIN
    depth = scene.solid.depth.reshape(-1)[scene.solid.pixels]
    np.testing.assert_allclose(depth, scene.solid.positions[:, 2], atol=1e-3)


def test_values_of_vertices_are_interpolated_and_put_on_the_canvas():
    solid = build_scene(frontal(), SIZE).solid
    heights = solid.interpolate(HEAD.mean[:, 1])
    np.testing.assert_allclose(heights, solid.places[:, 1], atol=1e-4)
    canvas = solid.canvas(heights, -9)
    assert canvas.shape == (SIZE, SIZE) and (canvas == -9).sum() == SIZE**2 - len(solid)
    np.testing.assert_array_equal(solid.sample(canvas), heights)


# --- what hides a landmark --------------------------------------------------------------------------


def test_a_frontal_bare_face_hides_no_landmark():
    hidden = [build_scene(frontal(person), SIZE).landmarks().hidden_by for person in range(12)]
    assert np.mean(np.array(hidden) == Occluder.NOTHING) > 0.99


@pytest.mark.parametrize(("yaw", "far_eye", "near_eye"), [(70, 45, 36), (-70, 36, 45)])
def test_a_turned_head_hides_its_far_side(yaw, far_eye, near_eye):
    """Positive yaw turns the face to the viewer's right, so its right eye is the far one."""
    hidden = build_scene(frontal(yaw=yaw), SIZE).landmarks().hidden_by
    assert hidden[far_eye] == Occluder.HEAD and hidden[near_eye] == Occluder.NOTHING


@pytest.mark.parametrize(
    ("material", "occluder"),
    [
        (Worn.MASK, Occluder.CLOTH),
        (Worn.HAND, Occluder.HAND),
        (Worn.HAIR, Occluder.HAIR),
        (Worn.LENS, Occluder.GLASSES),
    ],
)
def test_a_plate_before_the_mouth_hides_the_mouth_alone(material, occluder):
    shape = frontal()
    bare = build_scene(shape, SIZE).landmarks()
    mouth = bare.positions[48:60]
    low, high = mouth[:, :2].min(0) - 0.2, mouth[:, :2].max(0) + 0.2
    nearest = float(shape.vertices()[:, 2].max())
    scene = with_plate(shape, plate(low, high, nearest + 0.2, material))
    found = scene.landmarks()
    np.testing.assert_array_equal(found.points, bare.points)
    assert (found.hidden_by[48:68] == occluder).all()
    np.testing.assert_array_equal(found.hidden_by[36:48], bare.hidden_by[36:48])
    assert (scene.lens is not None) == (material == Worn.LENS)


def test_cloth_close_to_the_skin_hides_what_is_behind_it():
    """A mask is much closer to the skin than the tolerance for the head's own surface."""
    shape = frontal()
    tip = build_scene(shape, SIZE).landmarks().positions[30]
    close = plate(tip[:2] - 0.3, tip[:2] + 0.3, float(tip[2]) + 0.05, Worn.MASK)
    assert with_plate(shape, close).landmarks().hidden_by[30] == Occluder.CLOTH


def test_a_plate_behind_the_head_hides_nothing():
    shape = frontal()
    behind = plate((-3, -3), (3, 3), -4.0, Worn.CLOTH)
    np.testing.assert_array_equal(
        with_plate(shape, behind).landmarks().hidden_by,
        build_scene(shape, SIZE).landmarks().hidden_by,
    )


def test_joined_parts_keep_their_order():
    first = plate((0, 0), (1, 1), 0, Worn.HAT)
    second = plate((2, 2), (3, 3), 1, Worn.MASK)
    both = join([first, second])
    np.testing.assert_array_equal(both.triangles[2:], second.triangles + 4)
    np.testing.assert_array_equal(both.vertices[both.triangles[3]], second.vertices[[0, 2, 3]])
    assert both.materials.tolist() == [Worn.HAT] * 2 + [Worn.MASK] * 2


# --- mirroring --------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", range(6))
def test_mirrored_parameters_give_the_mirrored_scene_and_flipped_landmarks(person):
    shape = shape_of(person)
    scene, other = build_scene(shape, SIZE), build_scene(mirrored(shape), SIZE)
    found, flipped = scene.landmarks(), other.landmarks()
    expected = found.points[list(IBUG68.flip)] * [-1, 1] + [SIZE - 1, 0]
    np.testing.assert_allclose(flipped.points, expected, atol=0.3)
    same = flipped.hidden_by == found.hidden_by[list(IBUG68.flip)]
    assert same.mean() > 0.95  # a point at the limit may fall on either side
    depth, reflected = scene.solid.depth, other.solid.depth[:, ::-1]
    assert ((depth > FAR) == (reflected > FAR)).mean() > 0.995
    both = (depth > FAR) & (reflected > FAR)
    assert np.quantile(np.abs(depth - reflected)[both], 0.99) < 0.05
    materials, reflections = (
        s.solid.canvas(s.solid.materials.astype(np.float32), -1) for s in (scene, other)
    )
    assert (materials == reflections[:, ::-1]).mean() > 0.98
