"""What a person wears fits the head, hides what it should, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.part import Occluder, Worn
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.scene import Scene, build_scene
from mlcmkd.synthetic.shape import Shape, draw_shape
from mlcmkd.synthetic.sizes import FaceHair, GlassesSize, HairSize
from mlcmkd.synthetic.styling import (
    COLLAR_STYLES,
    GLASSES_STYLES,
    HAIR_STYLES,
    HAT_STYLES,
    HELD_STYLES,
    MASK_STYLES,
    STYLES,
    Styling,
    draw_styling,
)
from mlcmkd.synthetic.worn.anchors import anchor
from mlcmkd.synthetic.worn.dress import dress
from mlcmkd.synthetic.worn.mesh import clip, grid, tube
from mlcmkd.synthetic.worn.sheet import CENTRE, head_sheet
from mlcmkd.utils.errors import InputError

SIZE = 128
JAW = slice(0, 17)
EYES = slice(36, 48)
MOUTH = slice(48, 68)


def generators(person: int) -> tuple[np.random.Generator, np.random.Generator]:
    return np.random.default_rng([3, person]), np.random.default_rng([4, person])


def frontal(person: int, **expression: float) -> Shape:
    """A person that looks straight into the camera."""
    shape = draw_shape(*generators(person))
    pose = replace(shape.pose, yaw=0.0, pitch=0.0, roll=0.0, shift=(0.0, 0.0), distance=20.0)
    return replace(shape, pose=pose, expression=load_head().expression(**expression))


def scene_with(styling: Styling, shape: Shape) -> Scene:
    return build_scene(shape, SIZE, dress(shape.vertices(), styling))


def parts_of(styling: Styling, vertices: np.ndarray, material: Worn) -> list:
    parts = dress(vertices, styling)
    return [part for part in parts if (part.materials == material).any()]


@pytest.mark.parametrize("person", range(4))
@pytest.mark.parametrize("style", GLASSES_STYLES[1:])
def test_glasses_sit_before_nose_and_eyes_and_outside_the_head(person, style):
    head, shape = load_head(), draw_shape(*generators(person))
    vertices = shape.vertices()
    size = draw_styling(*generators(person)).glasses_size
    styling = Styling(glasses=style, glasses_size=size)
    (lens,) = parts_of(styling, vertices, Worn.LENS)
    (frame,) = parts_of(styling, vertices, Worn.FRAME)
    sheet = head_sheet(vertices)
    # Seen from inside the skull every vertex lies outside the skin.
    assert sheet.height(lens.vertices).min() > -0.01
    assert sheet.height(frame.vertices).min() > -0.05
    bridge = frame.vertices[np.abs(frame.vertices[:, 0]) < 0.05]
    assert len(bridge) and bridge[:, 2].max() > anchor(vertices, "sellion")[2]
    centres, radii = head.eyes(vertices)
    for side, centre, radius in zip((-1, 1), centres, radii, strict=True):
        mine = lens.vertices[lens.places[:, 2] == side]
        assert mine[:, 2].min() > centre[2]
        middle = mine[np.linalg.norm(mine[:, :2] - centre[:2], axis=1).argmin()]
        assert middle[2] > centre[2] + radius


def test_lenses_cover_the_eyes_and_no_solid_thing_does():
    scene = scene_with(Styling(glasses="clear"), frontal(1))
    assert scene.lens is not None
    hidden = scene.landmarks().hidden_by
    assert (hidden[EYES] == Occluder.GLASSES).all()
    assert (hidden[MOUTH] != Occluder.GLASSES).all()
    shared = np.intersect1d(scene.lens.pixels, scene.solid.pixels)
    front = scene.lens.canvas(scene.lens.positions[:, 2]).reshape(-1)[shared]
    assert (front > scene.solid.depth.reshape(-1)[shared]).all()


@pytest.mark.parametrize("mask", MASK_STYLES[1:])
@pytest.mark.parametrize("jaw", [0.0, 0.9])
@pytest.mark.parametrize("person", range(2))
def test_a_mask_hides_the_mouth_and_never_the_eyes(mask, jaw, person):
    scene = scene_with(Styling(mask=mask), frontal(person, jawOpen=jaw))
    hidden = scene.landmarks().hidden_by
    assert (hidden[MOUTH] == Occluder.CLOTH).all()
    assert (hidden[EYES] != Occluder.CLOTH).all()
    # The tip of the nose is covered as well, the root of the nose is not.
    assert hidden[30] == Occluder.CLOTH and hidden[27] != Occluder.CLOTH


@pytest.mark.parametrize("person", range(4))
def test_a_mask_lies_outside_the_face(person):
    shape = draw_shape(*generators(person))
    vertices = shape.vertices()
    (mask,) = parts_of(Styling(mask="surgical"), vertices, Worn.MASK)
    cloth = mask.vertices[: 15 * 25]
    assert head_sheet(vertices).height(cloth).min() > -0.01


def test_long_hair_hides_parts_of_the_jaw_and_not_the_eyes():
    styling = Styling(hair="long", hair_size=HairSize(length=3.5, parting=0.0))
    hidden = np.stack(
        [scene_with(styling, frontal(person)).landmarks().hidden_by for person in range(4)]
    )
    assert (hidden[:, JAW] == Occluder.HAIR).sum() >= 4
    assert (hidden[:, EYES] == Occluder.HAIR).sum() <= 2


@pytest.mark.parametrize(("held", "points"), [("mouth", MOUTH), ("cup", slice(55, 60))])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_hand_before_the_mouth_hides_it(held, points, side):
    hidden = scene_with(Styling(held=held, held_side=side), frontal(0)).landmarks().hidden_by
    assert (hidden[points] == Occluder.HAND).sum() >= 4
    assert (hidden[EYES] != Occluder.HAND).all()


@pytest.mark.parametrize("held", HELD_STYLES[1:])
def test_fingers_lie_outside_the_skin(held):
    vertices = replace(frontal(3), stretch=(1.0, 1.0)).vertices()
    (hand,) = parts_of(Styling(held=held), vertices, Worn.HAND)
    above = hand.vertices[hand.vertices[:, 1] > -1.7]  # the sheet describes the head alone
    assert len(above) and head_sheet(vertices).height(above).min() > -0.1


def test_a_bare_person_is_the_head_alone():
    vertices = frontal(0).vertices()
    (head,) = dress(vertices, Styling())
    np.testing.assert_array_equal(head.vertices, vertices)
    bare = draw_styling(*generators(0), Realism(worn=False))
    assert len(dress(vertices, bare)) == 1


@pytest.mark.parametrize("hair", HAIR_STYLES)
def test_hair_grows_outside_the_skin(hair):
    vertices = frontal(1).vertices()
    strips = parts_of(Styling(hair=hair), vertices, Worn.HAIR)
    assert bool(strips) == (hair not in ("bald", "buzz"))
    for part in strips:
        above = part.vertices[part.vertices[:, 1] > -1]
        assert head_sheet(vertices).height(above).min() > -0.12
        assert np.isfinite(part.vertices).all()


def test_a_long_beard_hangs_below_the_chin_and_moves_with_it():
    styling = Styling(beard="full", face_hair=FaceHair(beard_length=0.5))
    closed, opened = (frontal(1, jawOpen=jaw).vertices() for jaw in (0.0, 0.9))
    (short,) = parts_of(styling, closed, Worn.HAIR)
    (low,) = parts_of(styling, opened, Worn.HAIR)
    assert short.vertices[:, 1].min() < anchor(closed, "chin below")[1] - 0.1
    assert low.vertices[:, 1].min() < short.vertices[:, 1].min() - 0.1
    assert not parts_of(Styling(beard="full"), closed, Worn.HAIR)


def test_a_hat_replaces_the_hair_below_it():
    vertices = frontal(1).vertices()
    styling = Styling(hair="short", hair_size=HairSize(length=0.3))
    free = parts_of(styling, vertices, Worn.HAIR)[0].vertices
    capped = parts_of(replace(styling, hat="cap"), vertices, Worn.HAIR)[0].vertices
    assert len(capped) < 0.6 * len(free)
    assert capped[:, 1].max() < free[:, 1].max() - 0.5


@pytest.mark.parametrize("hat", HAT_STYLES[1:])
def test_hats_leave_the_eyes_free(hat):
    for person in range(2):
        hidden = scene_with(Styling(hat=hat), frontal(person)).landmarks().hidden_by
        assert (hidden[EYES] != Occluder.CLOTH).all()


@pytest.mark.parametrize("collar", COLLAR_STYLES[1:])
def test_clothes_cover_the_shoulders_and_not_the_face(collar):
    scene = scene_with(Styling(collar=collar), frontal(0))
    cloth = scene.solid.materials == Worn.CLOTH
    rows = scene.solid.pixels // SIZE
    assert cloth[rows == SIZE - 1].mean() > 0.6
    assert (scene.landmarks().hidden_by[17:] != Occluder.CLOTH).all()


MIRRORED = [
    Styling(glasses="clear", glasses_size=GlassesSize(slope=0.05)),
    Styling(collar="shirt"),
    Styling(collar="turtleneck"),
    Styling(mask="surgical"),
    Styling(hat="cap"),
    Styling(held="cup"),
    Styling(held="temple"),
]


@pytest.mark.parametrize(
    "styling", MIRRORED, ids=["glasses", "shirt", "turtleneck", "mask", "cap", "cup", "hand"]
)
def test_mirrored_parameters_give_mirrored_parts(styling):
    head = load_head()
    vertices = head.mean * np.array([1.02, 0.98, 1], np.float32)
    flipped = vertices[head.mirror] * np.array([-1, 1, 1], np.float32)
    other = replace(styling, held_side=-styling.held_side)
    _, *parts = dress(vertices, styling)  # all but the head
    _, *expected = dress(flipped, other)
    for part, counterpart in zip(parts, expected, strict=True):
        mirrored = part.vertices * np.array([-1, 1, 1], np.float32)
        near = np.linalg.norm(mirrored[:, None] - counterpart.vertices, axis=2).min(axis=1)
        assert near.max() < 0.06


def test_styles_vary_and_all_of_them_occur():
    stylings = [draw_styling(*generators(person)) for person in range(400)]
    for name, kinds in STYLES.items():
        expected = set(kinds) - {"none"} if name == "collar" else set(kinds)  # nobody is undressed
        assert {getattr(styling, name) for styling in stylings} == expected
    assert len({styling.hair_size.length for styling in stylings}) > 300


def test_the_same_seeds_give_the_same_bodies_and_hair_belongs_to_the_person():
    vertices = frontal(5).vertices()
    first, second = (draw_styling(*generators(5)) for _ in range(2))
    assert first == second
    for one, two in zip(dress(vertices, first), dress(vertices, second), strict=True):
        np.testing.assert_array_equal(one.vertices, two.vertices)
    other_day = draw_styling(generators(5)[0], np.random.default_rng(99))
    assert other_day.hair_size == first.hair_size and other_day.face_hair == first.face_hair


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"hair": "mohawk"}, "hair"), ({"collar": "tie"}, "collar"), ({"held_side": 0}, "held_side")],
)
def test_unknown_styles_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Styling(**arguments)


def test_clip_cuts_triangles_along_the_line():
    points = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0), [0.0]), -1).reshape(5, 5, 3)
    mesh = grid(points)
    kept, (doubled,) = clip(mesh, 2.5 - mesh.vertices[:, 0], 2 * mesh.vertices)
    assert kept.vertices[:, 0].max() == pytest.approx(2.5)
    np.testing.assert_allclose(doubled, 2 * kept.vertices, atol=1e-6)
    a, b, c = kept.vertices[kept.triangles].transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert area == pytest.approx(2.5 * 4)


def test_a_tube_is_as_thick_as_asked():
    mesh = tube(np.array([[0, 0, 0], [0, 1, 0], [0, 2, 0]]), 0.3)
    np.testing.assert_allclose(np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 2]), 0.3, rtol=1e-5)


def test_the_sheet_is_the_skin():
    head = load_head()
    skin = np.unique(head.triangles[head.materials == Material.SKIN])
    forehead = skin[(head.mean[skin, 1] > 0.5) & (head.mean[skin, 2] > -0.3)]
    sheet = head_sheet(head.mean)
    assert np.abs(sheet.height(head.mean[forehead])).max() < 0.02
    assert (sheet.radii > 0.9).all() and (sheet.radii < 3).all()
    outside = sheet.push_out(CENTRE + 0.1 * (head.mean[forehead] - CENTRE), 0.2)
    np.testing.assert_allclose(sheet.height(outside), 0.2, atol=1e-3)
