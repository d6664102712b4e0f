"""Hair of scalp and face, and the red of the lips, at the pixels of a scene."""

from dataclasses import fields, replace

import numpy as np
import pytest

from mlcmkd.synthetic.coverage import Coverage, cover
from mlcmkd.synthetic.head.basis import Material
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.scene import Scene, build_scene
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.sizes import FaceHair
from mlcmkd.synthetic.styling import BEARD_STYLES, HAIR_STYLES, Styling, draw_styling
from mlcmkd.synthetic.worn.dress import dress


def scene_of(styling: Styling, person: int = 0, yaw: float = 0.0) -> Scene:
    shape = draw_shape(np.random.default_rng([5, person]), np.random.default_rng([6, person]))
    shape = replace(shape, pose=replace(shape.pose, yaw=yaw, pitch=0.0, roll=0.0, margin=2.2))
    return build_scene(shape, 128, dress(shape.vertices(), styling))


@pytest.mark.parametrize("person", range(5))
def test_shares_lie_between_0_and_1(person):
    styling = draw_styling(np.random.default_rng([5, person]), np.random.default_rng([6, person]))
    scene = scene_of(styling, person, yaw=15.0 * person)
    found = cover(scene, styling)
    for entry in fields(Coverage):
        values = getattr(found, entry.name)
        assert values.shape == (len(scene.solid),) and values.dtype == np.float32
        assert np.isfinite(values).all()
        if entry.name != "strands":
            assert values.min() >= 0 and values.max() <= 1
    on_head = scene.solid.materials < Worn.HAIR
    for name in ("scalp", "brow", "beard", "lashes", "lips"):
        assert not getattr(found, name)[~on_head].any()


def test_a_bald_head_without_beard_has_brows_lashes_and_lips_alone():
    styling = Styling(face_hair=FaceHair(lash_width=0.03))
    scene = scene_of(styling)
    found = cover(scene, styling)
    assert not found.scalp.any() and not found.beard.any()
    assert found.brow.max() > 0.4 and found.lashes.max() > 0.4
    lips = scene.solid.materials == Material.LIPS
    assert found.lips[lips].mean() > 0.7 and found.lips[~lips].mean() < 0.02


@pytest.mark.parametrize("hair", HAIR_STYLES[1:])
def test_hair_covers_the_scalp_and_not_the_face(hair):
    styling = Styling(hair=hair)
    scene = scene_of(styling)
    found = cover(scene, styling)
    places, skin = scene.solid.places, scene.solid.materials == Material.SKIN
    above = skin & (places[:, 1] > 1.5)
    if above.any():
        assert found.scalp[above].mean() > 0.5
    face = skin & (places[:, 1] < 0.5) & (places[:, 2] > -0.3)
    assert not found.scalp[face].any()


def test_brows_lie_on_the_brow_landmarks_of_the_mean_head():
    styling = Styling()
    scene = scene_of(styling)
    found = cover(scene, styling)
    places = scene.solid.places
    weight = found.brow
    assert np.average(places[:, 1], weights=weight) == pytest.approx(0.25, abs=0.04)
    assert np.abs(np.average(places[:, 0], weights=weight)) < 0.15
    assert not weight[(places[:, 1] > 0.55) | (np.abs(places[:, 0]) > 1.05)].any()


@pytest.mark.parametrize("beard", BEARD_STYLES[1:])
def test_beards_grow_where_their_names_say(beard):
    styling = Styling(beard=beard)
    scene = scene_of(styling)
    found = cover(scene, styling)
    x, y, z = scene.solid.places.T
    skin = scene.solid.materials == Material.SKIN

    def share(chosen: np.ndarray) -> float:
        return float(found.beard[skin & chosen].mean())

    assert share((y > -0.3) & (np.abs(x) < 0.9)) == 0
    upper_lip = (np.abs(x) < 0.3) & (y > -0.98) & (y < -0.9) & (z > 0.2)
    chin = (np.abs(x) < 0.2) & (y > -1.6) & (y < -1.45) & (z > 0)
    jaw = (np.abs(x) > 0.7) & (y > -1.1) & (y < -0.9)
    assert share(upper_lip) > 0.2
    assert (share(chin) > 0.2) == (beard in ("stubble", "goatee", "full"))
    assert (share(jaw) > 0.2) == (beard in ("stubble", "full"))


def test_strands_of_hair_have_about_zero_mean_and_unit_deviation():
    styling = Styling(hair="long")
    scene = scene_of(styling)
    strands = cover(scene, styling).strands[scene.solid.materials == Worn.HAIR]
    assert abs(strands.mean()) < 0.4 and 0.6 < strands.std() < 1.4


def test_cover_is_the_same_each_time():
    styling = Styling(hair="short", beard="full")
    scene = scene_of(styling)
    first, second = cover(scene, styling), cover(scene, styling)
    for entry in fields(Coverage):
        np.testing.assert_array_equal(getattr(first, entry.name), getattr(second, entry.name))
