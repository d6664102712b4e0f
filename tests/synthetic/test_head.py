"""The parametric head: its mesh, its modes and expressions, and its file."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest

from mlcmkd.synthetic.head import Material, load_head
from mlcmkd.synthetic.head.basis import ASSET, BLINKS, mirrored_expressions
from mlcmkd.synthetic.rasterise import FAR, rasterise
from mlcmkd.utils.errors import InputError

HEAD = load_head()
PEOPLE = np.clip(np.random.default_rng(0).standard_normal((8, len(HEAD.modes))), -2.5, 2.5)
NEUTRAL = HEAD.expression()
EXPRESSION_MIRROR = mirrored_expressions(HEAD.expression_names)


def reflect(vertices: np.ndarray) -> np.ndarray:
    return vertices[HEAD.mirror] * [-1, 1, 1]


def visible_materials(vertices: np.ndarray, size: int = 200) -> np.ndarray:
    """(size, size) the material in each pixel of a frontal view of the face, -1 outside."""
    pixels = np.column_stack([vertices[:, :2] * [60, -60] + [100, 60], vertices[:, 2]])
    shown = np.full((size, size), -1, np.int32)
    weights, depth = np.zeros((size, size, 2), np.float32), np.full((size, size), FAR, np.float32)
    rasterise(pixels.astype(np.float32), HEAD.triangles, shown, weights, depth)
    return np.where(shown >= 0, HEAD.materials[shown], -1)


def pixels_of(material: Material, vertices: np.ndarray) -> int:
    """How many pixels, of 1/60 eye distance, show a material."""
    return int((visible_materials(vertices) == material).sum())


def test_the_file_is_small_and_needs_no_pickle():
    assert ASSET.stat().st_size <= 1.5e6
    assert ASSET.with_name("NOTICE").read_text().count("CC0 1.0") >= 2
    with np.load(ASSET, allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


def test_the_file_has_no_dates_so_that_the_same_arrays_are_the_same_bytes():
    with zipfile.ZipFile(ASSET) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_anny_is_not_needed():
    work = """
import sys
from mlcmkd.synthetic.head import load_head, locate
head = load_head()
locate("wflw98", head.mean, head.mean[:, :2], (0, -1))
sys.exit(bool({"anny", "torch", "trimesh", "warp", "roma"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", work], check=False).returncode == 0


def test_shapes():
    vertices, triangles = len(HEAD.mean), len(HEAD.triangles)
    assert HEAD.modes.shape[1:] == HEAD.mean.shape == (vertices, 3)
    assert HEAD.expressions.shape == (52, vertices, 3) and len(HEAD.expression_names) == 52
    assert HEAD.materials.shape == (triangles,) and HEAD.occlusion.shape == (vertices,)
    assert HEAD.triangles.min() == 0 and HEAD.triangles.max() == vertices - 1
    assert set(HEAD.materials) == set(Material)
    assert HEAD.mean.dtype == HEAD.modes.dtype == HEAD.expressions.dtype == np.float32
    assert HEAD.vertices(PEOPLE[0], NEUTRAL).dtype == np.float32


def test_unit_and_origin_are_those_of_the_eyes():
    centres, radii = HEAD.eyes(HEAD.mean)
    assert np.allclose(centres.mean(0), 0, atol=1e-3)
    assert np.allclose(centres[1] - centres[0], [1, 0, 0], atol=1e-3)
    # 12 mm of 62 mm would be 0.19; MakeHuman's eyeballs are larger.
    assert np.allclose(radii, 0.265, atol=0.01)


def test_eyeballs_are_balls_for_everybody():
    for person in PEOPLE:
        vertices = HEAD.vertices(person, NEUTRAL)
        centres, radii = HEAD.eyes(vertices)
        for centre, radius, ball in zip(centres, radii, HEAD.eye_vertices, strict=True):
            distance = np.linalg.norm(vertices[ball] - centre, axis=1)
            assert np.abs(distance / radius - 1).max() < 0.08


def test_triangles_are_counter_clockwise_seen_from_outside():
    corners = HEAD.mean[HEAD.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(1)
    eye = HEAD.materials == Material.EYE
    for side, centre in zip((-1, 1), HEAD.eyes(HEAD.mean)[0], strict=True):
        ball = eye & (np.sign(middle[:, 0]) == side)
        assert ((normals[ball] * (middle[ball] - centre)).sum(1) > 0).all()
    # A closed surface would enclose its volume with this orientation; the open neck changes little.
    head = (HEAD.materials != Material.BODY) & (middle[:, 1] > -1.6)
    volume = (normals[head] * (middle[head] - [0, 0, -1])).sum() / 6
    assert 10 < volume < 20


def test_the_mesh_is_its_own_mirror_image():
    assert (HEAD.mirror[HEAD.mirror] == np.arange(len(HEAD.mean))).all()
    assert np.abs(reflect(HEAD.mean) - HEAD.mean).max() < 1e-4
    half = len(HEAD.triangles) // 2
    assert (HEAD.mirror[HEAD.triangles[:half, ::-1]] == HEAD.triangles[half:]).all()
    assert (HEAD.materials[:half] == HEAD.materials[half:]).all()


def test_the_mirrored_identity_and_expression_give_the_mirrored_head():
    expression = HEAD.expression(mouthLeft=0.5, eyeBlinkRight=0.7, browDownLeft=1, jawOpen=0.3)
    for person in PEOPLE:
        head = HEAD.vertices(person, expression)
        mirrored = HEAD.vertices(person * HEAD.mode_parity, expression[EXPRESSION_MIRROR])
        assert np.abs(reflect(head) - mirrored).max() < 0.005  # the step of int8
    assert {-1, 1} == set(HEAD.mode_parity)


def test_modes_are_sorted_and_differ_between_people():
    size = np.linalg.norm(HEAD.modes, axis=2).mean(1)
    assert size[0] > size[-1] > 0
    first, second = (HEAD.vertices(person, NEUTRAL) for person in PEOPLE[:2])
    assert np.abs(first - second).max() > 0.05
    assert np.allclose(HEAD.vertices(np.zeros(3), NEUTRAL), HEAD.mean)


def test_expressions_do_what_their_names_say():
    def height(name, material):
        moved = HEAD.expressions[HEAD.expression_names.index(name)]
        return moved[np.unique(HEAD.triangles[HEAD.materials == material]), 1]

    assert height("jawOpen", Material.TEETH).min() < -0.1  # the lower teeth go down
    assert height("jawOpen", Material.TEETH).max() > -0.01  # the upper ones stay
    smile = HEAD.expressions[HEAD.expression_names.index("mouthSmileLeft")]
    strongest = np.linalg.norm(smile, axis=1).argmax()
    assert HEAD.mean[strongest, 0] > 0 and smile[strongest, 1] > 0  # the person's left, up


@pytest.mark.parametrize("person", range(4))
def test_closed_eyes_show_no_eyeball(person):
    opened = HEAD.vertices(PEOPLE[person], NEUTRAL)
    closed = HEAD.vertices(PEOPLE[person], HEAD.expression(**dict.fromkeys(BLINKS, 1)))
    assert pixels_of(Material.EYE, opened) > 80
    assert pixels_of(Material.EYE, closed) <= 4


def test_teeth_show_in_an_open_mouth_only():
    assert pixels_of(Material.TEETH, HEAD.mean) <= 5
    for mouth in (
        {"jawOpen": 0.6},
        {"mouthSmileLeft": 1, "mouthSmileRight": 1, "mouthUpperUpLeft": 1, "mouthUpperUpRight": 1},
    ):
        vertices = HEAD.vertices(PEOPLE[0] * 0, HEAD.expression(**mouth))
        assert pixels_of(Material.TEETH, vertices) > 40


def test_occlusion_is_dark_in_the_nostrils_and_light_on_the_nose():
    near = np.linalg.norm(HEAD.mean - [-0.1, -0.7, 0.4], axis=1).argsort()[:12]
    tip = HEAD.mean[:, 2].argmax()
    assert HEAD.occlusion[near].min() < 0.4 < 0.8 < HEAD.occlusion[tip]
    assert HEAD.occlusion.min() >= 0 and HEAD.occlusion.max() <= 1


def test_wrong_arguments_are_refused():
    with pytest.raises(InputError, match="identity: shape"):
        HEAD.vertices(np.zeros(len(HEAD.modes) + 1), NEUTRAL)
    with pytest.raises(InputError, match="expression: shape"):
        HEAD.vertices(PEOPLE[0], np.zeros(51))
    with pytest.raises(InputError, match="unknown expression 'jawOpne'; did you mean 'jawOpen'"):
        HEAD.expression(jawOpne=1)
