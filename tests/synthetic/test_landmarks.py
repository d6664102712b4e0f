"""Landmarks by definition on the head."""

import numpy as np
import pytest

from mlcmkd.schemes import Scheme, get_scheme, register_scheme
from mlcmkd.schemes.registry import SCHEMES
from mlcmkd.synthetic.head import Material, load_head, locate
from mlcmkd.synthetic.head.basis import BLINKS
from mlcmkd.synthetic.head.landmarks import DEFINED, load_places
from mlcmkd.synthetic.head.places import define_places, lid_vertices
from mlcmkd.synthetic.view import rotation, up_in_image
from mlcmkd.utils.errors import InputError

HEAD = load_head()
NEUTRAL = HEAD.expression()
PERSON = np.clip(np.random.default_rng(3).standard_normal(len(HEAD.modes)), -2.5, 2.5)
NAMES = get_scheme("ibug68").names


def see(vertices, scheme="ibug68", yaw=0.0, pitch=0.0, roll=0.0, gaze=None):
    """Vertices and projection of a turned head (parallel projection), and its landmarks."""
    matrix = rotation(yaw, pitch, roll)
    turned = vertices @ matrix.T
    projected = turned[:, :2] * [1, -1]
    return turned, projected, locate(scheme, turned, projected, up_in_image(matrix), gaze)


def point(found, name):
    return found.points[NAMES.index(name)]


def inner(scheme):
    """Indices of the points that are not on the jaw line."""
    return [
        i for i, name in enumerate(get_scheme(scheme).names) if "jaw" not in name and name != "chin"
    ]


def test_the_stored_places_are_those_that_are_defined():
    stored, defined = load_places(), define_places(HEAD)
    assert stored.names == defined.names
    assert (stored.triangles == defined.triangles).all()
    assert np.allclose(stored.weights, defined.weights, atol=1e-6)
    assert (stored.jaw_triangles == defined.jaw_triangles).all()
    assert (HEAD.lid_vertices == lid_vertices(HEAD)).all()


@pytest.mark.parametrize("scheme", DEFINED)
def test_inner_points_lie_on_the_mesh(scheme):
    turned, projected, found = see(HEAD.vertices(PERSON, NEUTRAL), scheme, 25, 10, 5)
    assert found.points.shape == (get_scheme(scheme).points, 2)
    assert found.points.dtype == found.positions.dtype == np.float32
    for index in inner(scheme):
        corners = HEAD.triangles[found.triangles[index]]
        matrix = np.vstack([turned[corners].T, np.ones(3)])
        weights, *_ = np.linalg.lstsq(matrix, [*found.positions[index], 1], rcond=None)
        assert weights.min() > -1e-4 and weights.max() < 1 + 1e-4
        assert np.allclose(weights @ turned[corners], found.positions[index], atol=1e-5)
        assert np.allclose(weights @ projected[corners], found.points[index], atol=1e-4)


@pytest.mark.parametrize("scheme", DEFINED)
@pytest.mark.parametrize("yaw", [0, 30, -50])
def test_the_mirrored_head_has_the_mirrored_landmarks(scheme, yaw):
    expression = HEAD.expression(mouthLeft=0.5, jawOpen=0.2)
    head = HEAD.vertices(PERSON, expression)
    mirrored = head[HEAD.mirror] * [-1, 1, 1]
    _, _, found = see(head, scheme, yaw, 10, 5)
    _, _, other = see(mirrored, scheme, -yaw, 10, -5)
    flipped = other.points[list(get_scheme(scheme).flip)] * [-1, 1]
    assert np.abs(flipped - found.points).max() < 1e-3  # eye distances


@pytest.mark.parametrize("yaw", [20, 40, -40, 55])
def test_the_far_jaw_line_is_the_silhouette(yaw):
    """No skin of the cheek is beyond the far jaw line, and the line is not beyond the skin."""
    _, projected, found = see(HEAD.vertices(PERSON, NEUTRAL), "wflw98", yaw)
    far = found.points[:33][::-1] if yaw > 0 else found.points[:33]  # from the far ear to the chin
    far = far[:12]  # down to the mouth
    cheek = np.unique(HEAD.triangles[HEAD.materials == Material.SKIN])
    skin = projected[cheek[np.abs(HEAD.mean[cheek, 0]) > 0.5]]  # not nose and lips
    skin = skin[(skin[:, 1] > far[0, 1]) & (skin[:, 1] < far[-1, 1])]
    limit = np.interp(skin[:, 1], far[:, 1], far[:, 0] * np.sign(yaw))
    beyond = skin[:, 0] * np.sign(yaw) - limit
    assert -0.01 < beyond.max() < 0.03  # eye distances


def test_the_near_jaw_line_stays_at_the_ear():
    _, projected, found = see(HEAD.mean, yaw=40)
    ear = np.unique(HEAD.triangles[HEAD.materials == Material.EAR])
    front = projected[ear[HEAD.mean[ear, 0] < 0], 0].max()  # of the near ear
    assert front - 0.25 < point(found, "left jaw 2")[0] < front + 0.15


@pytest.mark.parametrize("scheme", ["ibug68", "wflw98"])
def test_jaw_points_divide_the_line_evenly(scheme):
    _, _, found = see(HEAD.mean, scheme)
    count = 9 if scheme == "ibug68" else 17
    steps = np.linalg.norm(np.diff(found.points[:count], axis=0), axis=1)
    assert steps.max() / steps.min() < 1.1


def test_closed_eyes_bring_the_lids_together():
    opened = see(HEAD.vertices(PERSON, NEUTRAL))[2]
    closed = see(HEAD.vertices(PERSON, HEAD.expression(**dict.fromkeys(BLINKS, 1))))[2]
    for side in ("left", "right"):
        for place in ("outer", "inner"):
            gap = [
                abs(
                    (point(f, f"{side} upper lid {place}") - point(f, f"{side} lower lid {place}"))[
                        1
                    ]
                )
                for f in (opened, closed)
            ]
            assert gap[0] > 0.07 and gap[1] < 0.03


def test_an_open_jaw_moves_the_chin_and_the_lower_lip_down():
    closed = see(HEAD.mean)[2]
    opened = see(HEAD.vertices(PERSON * 0, HEAD.expression(jawOpen=1)))[2]
    for name in ("chin", "lower lip middle", "lower lip middle inside"):
        assert point(opened, name)[1] - point(closed, name)[1] > 0.2
    for name in ("upper lip middle", "nose tip"):
        assert abs(point(opened, name)[1] - point(closed, name)[1]) < 0.05


def test_pupils_follow_the_gaze_and_otherwise_the_mesh():
    scheme = get_scheme("ibug70")
    pupils = [scheme.names.index(f"{side} pupil") for side in ("left", "right")]
    turned, _, ahead = see(HEAD.mean, "ibug70", yaw=20)
    forwards = rotation(20, 0, 0)[:, 2]
    _, _, looking = see(HEAD.mean, "ibug70", yaw=20, gaze=forwards)
    assert np.abs(ahead.points[pupils] - looking.points[pupils]).max() < 0.01
    _, _, at_camera = see(HEAD.mean, "ibug70", yaw=20, gaze=np.array([0, 0, 1]))
    centres, radii = HEAD.eyes(turned)
    assert np.allclose(at_camera.positions[pupils][:, :2], centres[:, :2], atol=0.01)
    assert np.allclose(at_camera.positions[pupils][:, 2] - centres[:, 2], radii, atol=0.02)
    others = [i for i in range(68) if i not in pupils]
    assert (at_camera.points[others] == ahead.points[others]).all()
    aside = HEAD.vertices(PERSON * 0, HEAD.expression(eyeLookOutRight=1, eyeLookInLeft=1))
    moved = see(aside, "ibug70")[2].points[pupils] - see(HEAD.mean, "ibug70")[2].points[pupils]
    assert (moved[:, 0] < -0.04).all()  # to the person's right: the left of the image


def test_points_of_one_name_are_one_place_in_all_schemes():
    places = {}
    for scheme in DEFINED:
        found = see(HEAD.mean, scheme, yaw=15)[2]
        for name, place in zip(get_scheme(scheme).names, found.points, strict=True):
            assert np.allclose(places.setdefault(name, place), place, atol=1e-5), name


def test_the_order_of_the_points_is_plausible():
    found = see(HEAD.mean)[2]
    heights = [
        *("left brow middle", "left upper lid inner", "left lower lid inner", "nose tip"),
        *("nose base", "upper lip middle", "upper lip middle inside", "lower lip middle", "chin"),
    ]
    down = [point(found, name)[1] for name in heights]
    assert down == sorted(down)
    left = ["left jaw 1", "left brow outer end", "left eye outer corner", "left eye inner corner"]
    columns = [*left, "nose tip", *(name.replace("left", "right") for name in reversed(left[1:]))]
    across = [point(found, name)[0] for name in columns]
    assert across == sorted(across)


def test_unknown_schemes_and_undefined_points_are_refused():
    with pytest.raises(InputError, match="'ibug6' is unknown"):
        see(HEAD.mean, "ibug6")
    with pytest.raises(InputError, match="nothing says where 'profile jaw 1' is; use one of face5"):
        see(HEAD.mean, "charlotte43")


@pytest.fixture
def registered():
    """Registers schemes of a test, and removes them again."""
    yield register_scheme
    for name in ("two_points", "beyond"):
        SCHEMES._added.pop(name, None)


def test_a_registered_scheme_of_known_places_works(registered):
    for names in (("chin", "nose tip"), ("nose tip", "chin")):  # again, in another order
        registered(Scheme("two_points", names, None, None, None, {"all": (0, 1)}, ()))
        found, whole = see(HEAD.mean, "two_points")[2], see(HEAD.mean)[2]
        assert np.allclose(found.points, [point(whole, name) for name in names])
    names = ("left jaw 12", "right jaw 12")
    registered(Scheme("beyond", names, None, None, None, {"all": (0, 1)}, ()))
    with pytest.raises(InputError, match="nothing says where 'left jaw 12' is"):
        see(HEAD.mean, "beyond")
