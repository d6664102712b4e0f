"""Temperatures of skin, and the parts of the thermal picture that can be switched off."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from mlcmkd.synthetic.coverage import cover
from mlcmkd.synthetic.head import Material, load_head
from mlcmkd.synthetic.part import Part, Worn
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.scene import build_scene
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.thermal.camera import record
from mlcmkd.synthetic.thermal.look import Climate, draw_thermal_look, look_in
from mlcmkd.synthetic.thermal.paint import paint_thermal
from mlcmkd.synthetic.thermal.physiology import skin_temperature
from mlcmkd.synthetic.thermal.places import LOBES, PLACES, place_weights
from mlcmkd.synthetic.thermal.population import (
    PUBLISHED,
    population_table,
    sample_population,
    spot_vertices,
)
from mlcmkd.synthetic.worn.dress import head_part

HEAD = load_head()
SKIN = np.unique(HEAD.triangles[np.isin(HEAD.materials, (Material.SKIN, Material.EAR))])
SIZE = 96


def two(person: int):
    return np.random.default_rng([0, person]), np.random.default_rng([1, person])


def shape_of(person: int):
    shape = draw_shape(*two(person))
    nothing = np.zeros_like(shape.expression)
    pose = replace(shape.pose, yaw=0, pitch=0, roll=0)
    return replace(shape, expression=nothing, gaze=(0, 0), kind="neutral", pose=pose)


def look_of(person: int, ambient: float = 22.0, **changes):
    return replace(look_in(Climate(ambient, ambient, None), *two(person)), **changes)


def paint(person_seen, look, styling=Styling(), **switched):  # noqa: B008 (frozen)
    realism = Realism(**switched)
    return paint_thermal(person_seen, cover(person_seen, styling), styling, look, realism)


@lru_cache(maxsize=2)
def bare_scene(person: int = 0):
    return build_scene(shape_of(person), SIZE)


@lru_cache(maxsize=2)
def population(air: float | None = None):
    return sample_population(150, air)


def test_places_keep_the_published_order_and_means():
    means = {name: values.mean() for name, values in population().items()}
    assert means["inner canthus"] > means["forehead"] > means["cornea"] > means["outer canthus"]
    assert means["upper lid"] > means["cornea"] + 0.3
    for name, (mean, deviation) in PUBLISHED.items():
        spread = population()[name].mean(axis=1).std()
        assert abs(means[name] - mean) < 0.35, name
        assert 0.6 * deviation < spread < 1.6 * deviation, name


@pytest.mark.parametrize("warm", ["temple", "supratrochlear", "mouth corner", "ear canal"])
@pytest.mark.parametrize("cold", ["outer canthus", "nasolabial", "lower lip"])
def test_warm_places_are_warmer_than_cold_ones(warm, cold):
    assert population()[warm].mean() > population()[cold].mean() + 0.3


def test_in_cold_air_the_nose_tip_is_coolest():
    values = {name: at.mean(axis=1) for name, at in population(5.0).items() if name != "ear"}
    others = np.stack([at for name, at in values.items() if name != "nose tip"])
    assert values["nose tip"].mean() < others.mean(axis=1).min() - 1
    assert (values["nose tip"] < others.min(axis=0)).mean() > 0.8
    room = {name: at.mean() for name, at in population().items()}
    lost = {name: room[name] - population(5.0)[name].mean() for name in room}
    for name in ("nose tip", "chin", "cheek", "ear"):
        assert lost[name] > 1.3 * lost["forehead"], name


def test_sides_of_a_face_differ_little():
    differences = []
    for person in range(40):
        warmth = skin_temperature(HEAD.mean, look_of(person))
        right = SKIN[HEAD.mean[SKIN, 0] > 0.1]
        differences.append((warmth[right] - warmth[HEAD.mirror[right]]).mean())
    assert 0.02 < np.abs(differences).mean() < 0.2


def test_skin_stays_in_the_range_of_living_skin():
    for person in range(100):
        warmth = skin_temperature(HEAD.mean, draw_thermal_look(*two(person)))
        assert warmth.min() >= 20 and warmth.max() <= 38
        assert warmth.dtype == np.float32


def test_who_comes_from_the_cold_has_a_colder_nose_than_who_has_been_here():
    nose = spot_vertices(1)[list(population()).index("nose tip")]
    for person in range(20):
        came, here = Climate(22.0, 5.0, None), Climate(22.0, 22.0, None)
        assert not came.settled and here.settled
        cold, usual = (
            skin_temperature(HEAD.mean, look_in(climate, *two(person)))[nose]
            for climate in (came, here)
        )
        assert cold < usual - 0.5


def test_places_lie_on_the_head():
    for name, lobe in LOBES.items():
        distance = np.linalg.norm(HEAD.mean - lobe.centre, axis=1).min()
        assert distance < (0.4 if name == "neck" else 0.1), name
    assert place_weights().shape == (len(PLACES), len(HEAD.mean))


def test_without_anatomy_skin_has_one_temperature():
    look = look_of(1)
    plain = skin_temperature(HEAD.mean, look, Realism(anatomy=False, curvature=False))
    assert (plain == np.float32(look.skin)).all()


def test_the_orbit_switch_changes_the_surroundings_of_the_eyes_alone():
    look = look_of(1)
    look = replace(look, patterns=look.patterns | {"orbit": 1.5})
    full, without = (
        skin_temperature(HEAD.mean, look, Realism(warm_orbit=on)) for on in (True, False)
    )
    away = np.hypot(np.abs(HEAD.mean[:, 0]) - 0.49, HEAD.mean[:, 1] + 0.03) > 0.6
    np.testing.assert_allclose(full[away], without[away], atol=0.02)
    lid = spot_vertices(1)[list(population()).index("upper lid")]
    assert full[lid] > without[lid] + 1


def test_the_curvature_switch_cools_ridges_and_warms_hollows():
    look = look_of(1)
    look = replace(look, details=replace(look.details, hollow=0.5, ridge=0.7))
    change = skin_temperature(HEAD.mean, look, Realism()) - skin_temperature(
        HEAD.mean, look, Realism(curvature=False)
    )
    spots = dict(zip(population(), spot_vertices(1), strict=True))
    assert change[spots["nose tip"]] < -0.3 and change[spots["chin"]] < -0.2
    assert change[spots["inner canthus"]] > 0.1 and change[spots["nasolabial"]] > 0.05
    inside = np.unique(HEAD.triangles[HEAD.materials == Material.EYE])
    assert (change[inside] == 0).all()


def test_the_emissivity_switch_leaves_the_surface_and_the_background_alone():
    scene, look = bare_scene(), look_of(3)
    on, off = paint(scene, look), paint(scene, look, emissivity=False)
    np.testing.assert_array_equal(on.surface, off.surface)
    changed = np.flatnonzero(on.apparent != off.apparent)
    assert len(changed) > 0.9 * len(scene.solid)
    assert np.isin(changed, scene.solid.pixels).all()


def test_the_scene_switch_changes_the_background_alone():
    scene, look = bare_scene(), look_of(3)
    look = replace(look, breath=replace(look.breath, plume=0.0))
    on, off = paint(scene, look), paint(scene, look, scene=False)
    behind = np.ones(SIZE * SIZE, bool)
    behind[scene.solid.pixels] = False
    np.testing.assert_array_equal(on.apparent.ravel()[~behind], off.apparent.ravel()[~behind])
    assert (off.apparent.ravel()[behind] == np.float32(look.ambient)).all()
    assert (on.apparent.ravel()[behind] != np.float32(look.ambient)).any()


def with_panel(shape, material: Worn):
    """The head behind an upright square of a material."""
    vertices = shape.vertices()
    corners = np.array([(-1, -1, 2), (1, -1, 2), (1, 1, 2), (-1, 1, 2)], np.float32)
    triangles = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    kinds = np.full(2, material, np.int8)
    panel = Part(corners, triangles, kinds, corners, np.ones(4, np.float32))
    return build_scene(shape, SIZE, [head_part(vertices), panel])


@pytest.mark.parametrize("material", [Worn.HAIR, Worn.CLOTH, Worn.HAT, Worn.MASK, Worn.FRAME])
@pytest.mark.parametrize("ambient", [8.0, 22.0])
def test_covers_are_between_skin_and_air(material, ambient):
    look = look_of(4, ambient)
    look = replace(look, breath=replace(look.breath, flow=0.0))
    scene = with_panel(shape_of(4), material)
    covered = scene.solid.sample(paint(scene, look).surface)[scene.solid.materials == material]
    assert len(covered) > 500
    assert ambient - 0.01 <= covered.min() and covered.max() <= look.skin + 0.01
    assert covered.mean() < look.skin - 1


def test_breath_warms_and_cools_the_mask():
    scene = with_panel(shape_of(4), Worn.MASK)
    means = []
    for flow in (-1.0, 0.0, 1.0):
        look = look_of(4)
        look = replace(look, breath=replace(look.breath, flow=flow))
        surface = scene.solid.sample(paint(scene, look).surface)
        means.append(surface[scene.solid.materials == Worn.MASK].mean())
    assert means[0] < means[1] < means[2]


def test_a_cup_is_hot_a_phone_warm_and_fingers_are_colder_than_the_palm():
    look = look_of(4)
    look = replace(look, covers=replace(look.covers, cup=50.0, phone=29.0, hand=33.0, fingers=-4.0))
    scene = with_panel(shape_of(4), Worn.HELD)
    for held, warmth in (("cup", 50), ("phone", 29)):
        surface = scene.solid.sample(paint(scene, look, Styling(held=held)).surface)
        assert (surface[scene.solid.materials == Worn.HELD] == warmth).all()
    scene = with_panel(shape_of(4), Worn.HAND)
    hand = scene.solid.materials == Worn.HAND
    height = scene.solid.places[hand, 1]
    surface = scene.solid.sample(paint(scene, look).surface)[hand]
    assert surface[height > 0.8].mean() < surface[height < -0.8].mean() - 2


def test_lenses_hide_the_eyes_and_mirror_the_surroundings():
    scene, look = with_panel(shape_of(5), Worn.LENS), look_of(5)
    covers = replace(look.covers, lens_tilt=(0.0, 0.0), lens_emissivity=0.84)
    nothing, ahead = np.zeros(1, np.float32), np.eye(3, dtype=np.float32)[2:]
    room = replace(look.surroundings, level=-40.0, above=-40.0)
    room = replace(room, differences=nothing, directions=ahead, sharpness=nothing)
    look = replace(look, covers=covers, surroundings=room)
    maps = paint(scene, look)
    glass = look.skin + covers.lens * (look.cover_air - look.skin)
    np.testing.assert_allclose(maps.surface.ravel()[scene.lens.pixels], glass, atol=1e-3)
    seen = maps.apparent.ravel()[scene.lens.pixels]
    assert (seen < glass - 4).all()  # 16 % of a sky at -40 C
    without = paint(scene, look, emissivity=False).apparent.ravel()[scene.lens.pixels]
    np.testing.assert_allclose(without, glass, atol=1e-3)


def test_the_air_changes_the_thermal_picture():
    scene = bare_scene()
    cold, warm = (paint(scene, look_of(6, air), scene=False).apparent for air in (5.0, 30.0))
    assert warm.mean() > cold.mean() + 10


def test_equal_seeds_give_equal_bytes():
    scene = bare_scene()
    pictures = [
        record(paint(scene, look := draw_thermal_look(*two(7))).apparent, look.camera, 48,
               np.random.default_rng(0))
        for _ in range(2)
    ]  # fmt: skip
    assert pictures[0].tobytes() == pictures[1].tobytes()
    assert pictures[0].shape == (48, 48) and pictures[0].dtype == np.float32
    other = draw_thermal_look(*two(8))
    assert other.skin != draw_thermal_look(*two(7)).skin


def test_the_table_of_the_population_names_every_place():
    table = population_table(5)
    assert all(name in table for name in population())
    assert "34.3 +- 0.7" in table
