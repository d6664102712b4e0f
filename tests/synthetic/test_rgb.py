"""The RGB camera's view: colours of skin and eyes, light, glasses, background and the photograph."""

from dataclasses import replace

import numpy as np
import pytest

from mlcmkd.synthetic.coverage import cover
from mlcmkd.synthetic.head import Material, load_head
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rgb import photo, tiles
from mlcmkd.synthetic.rgb.background import paint_background
from mlcmkd.synthetic.rgb.colour import linear, luminance, to_srgb
from mlcmkd.synthetic.rgb.look import draw_rgb_look
from mlcmkd.synthetic.rgb.paint import paint_rgb
from mlcmkd.synthetic.rgb.photo import photograph
from mlcmkd.synthetic.rgb.regions import regions_at
from mlcmkd.synthetic.rgb.shadow import cast_shadow
from mlcmkd.synthetic.rgb.skin import skin_albedo, skin_noise
from mlcmkd.synthetic.scene import build_scene
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.sizes import FaceHair
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.texture import SIDE, lookup
from mlcmkd.synthetic.worn.dress import dress
from mlcmkd.utils.errors import InputError

CANVAS = 160
HEAD = load_head()


def generators(person: int = 0, picture: int = 0):
    return np.random.default_rng([0, person]), np.random.default_rng([1, picture])


def frontal(styling: Styling, gaze=(0.0, 0.0), **expression: float):
    """A scene of a face that looks at the camera."""
    shape = draw_shape(*generators())
    pose = replace(shape.pose, yaw=0, pitch=0, roll=0, shift=(0, 0), distance=20)
    amounts = HEAD.expression(**expression)
    shape = replace(shape, pose=pose, expression=amounts, gaze=gaze, identity=0 * shape.identity)
    return build_scene(shape, CANVAS, dress(shape.vertices(), styling))


BARE = Styling()
SCENE = frontal(BARE)
COVERAGE = cover(SCENE, BARE)


def look_of(person: int = 0, picture: int = 0, styling: Styling = BARE, **changes):
    """A look in plain light: a hard key light and no other lamps, unless `changes` say so."""
    look = draw_rgb_look(*generators(person, picture), styling)
    dark = np.zeros(3, np.float32)
    lighting = replace(
        look.lighting, key=np.ones(3, np.float32), fill=dark, rim=dark, hardness=0.6, shadow=0.0,
        sky=np.full(3, 0.3, np.float32), ground=np.full(3, 0.2, np.float32),
    )  # fmt: skip
    skin = replace(look.skin, lipstick=np.zeros(4, np.float32), shadow=np.zeros(4, np.float32))
    plain = {"lighting": lighting, "skin": skin, "light": (0.0, 0.0, 1.0)}
    return replace(look, **(plain | changes))


def light_of(scene, look, styling=BARE) -> np.ndarray:
    """Painted light at the pixels of the solid surface, (M, 3)."""
    return scene.solid.sample(paint_rgb(scene, cover(scene, styling), styling, look))


def near(x: float, y: float, radius: float = 0.12) -> np.ndarray:
    """Skin of SCENE around a place on the mean head."""
    places = SCENE.solid.places
    inside = np.hypot(places[:, 0] - x, places[:, 1] - y) < radius
    return inside & (SCENE.solid.materials == Material.SKIN)


def test_lighter_skin_is_brighter():
    skin = SCENE.solid.materials == Material.SKIN
    levels = [
        luminance(light_of(SCENE, look_of(skin_tone=tone))[skin]).mean()
        for tone in np.linspace(0, 1, 6)
    ]
    assert all(np.diff(levels) < 0)
    assert levels[0] > 3 * levels[-1]


def test_the_side_towards_the_light_is_brighter():
    left, right = near(-0.7, -0.6), near(0.7, -0.6)
    differences = []
    for across in (-0.8, -0.4, 0.0, 0.4, 0.8):
        light = (across, 0.0, float(np.sqrt(1 - across**2)))
        shown = luminance(light_of(SCENE, look_of(light=light)))
        differences.append(shown[right].mean() - shown[left].mean())
    assert all(np.diff(differences) > 0)
    assert differences[0] < 0 < differences[-1]


@pytest.mark.parametrize("person", range(6))
def test_skin_of_every_tone_is_red_before_green_before_blue(person):
    chosen = np.flatnonzero(SCENE.solid.materials == Material.SKIN)
    places, regions = SCENE.solid.places[chosen], regions_at(SCENE, chosen)
    for tone in (0.0, 0.3, 0.6, 1.0):
        skin = look_of(person).skin
        noise = skin_noise(places, skin)
        albedo = skin_albedo(places, noise, COVERAGE.lips[chosen], tone, skin, regions)
        assert (albedo[:, 0] > albedo[:, 1]).all() and (albedo[:, 1] > albedo[:, 2]).all()
        assert albedo.min() > 0 and 0.1 < np.median(albedo[:, 0]) < 0.75


@pytest.mark.parametrize(
    ("tone", "reflectance"), [(0.0, (0.65, 0.42, 0.34)), (1.0, (0.15, 0.07, 0.045))]
)
def test_plain_skin_reflects_as_measured(tone, reflectance):
    """The reflectance at 610, 550 and 465 nm that the comment in `skin` names."""
    chosen = np.flatnonzero(near(0, 0.7))
    skin = replace(
        look_of().skin, blood=0.3, carotene=0.2, flush=0.0, mottling=0.0, lids=0.0, bags=0.0,
        freckles=0.0, blush=0.0, moles=np.zeros((0, 4), np.float32),
    )  # fmt: skip
    places, bare = SCENE.solid.places[chosen], np.zeros(len(chosen), np.float32)
    noise = skin_noise(places, skin)
    albedo = skin_albedo(places, noise, bare, tone, skin, regions_at(SCENE, chosen))
    np.testing.assert_allclose(albedo.mean(axis=0), reflectance, rtol=0.12)


def test_lips_are_redder_than_cheeks():
    lips = COVERAGE.lips > 0.9
    cheeks = near(-0.6, -0.8) | near(0.6, -0.8)
    for tone in (0.05, 0.5, 0.95):
        light = light_of(SCENE, look_of(skin_tone=tone))
        redness = light[:, 0] / light[:, 1]
        assert redness[lips].mean() > 1.1 * redness[cheeks].mean()


def iris_centre(gaze) -> np.ndarray:
    """Centre of the dark pixels of both eyes, pixels of the canvas, y down."""
    scene = frontal(BARE, gaze=gaze)
    eye = scene.solid.materials == Material.EYE
    look = look_of()
    look = replace(look, eyes=replace(look.eyes, wetness=0.0, iris=np.full(3, 0.01, np.float32)))
    dark = luminance(light_of(scene, look)[eye]) < 0.1
    pixels = scene.solid.pixels[eye][dark]
    return np.array([(pixels % CANVAS).mean(), (pixels // CANVAS).mean()])


def test_the_iris_follows_the_gaze():
    across = [iris_centre((degrees, 0.0))[0] for degrees in (-15, 0, 15)]
    assert across[1] - across[0] > 1 and across[2] - across[1] > 1
    assert iris_centre((0.0, 8.0))[1] < iris_centre((0.0, -8.0))[1] - 0.5


def test_a_light_before_the_face_is_mirrored_by_the_eyes():
    eye = SCENE.solid.materials == Material.EYE
    look = look_of(light=(0.1, 0.1, 0.99))
    dry, wet = (
        luminance(light_of(SCENE, replace(look, eyes=replace(look.eyes, wetness=wetness)))[eye])
        for wetness in (0.0, 1.0)
    )
    iris = dry < 0.1
    assert wet[iris].max() > 0.4
    assert np.median(wet[iris]) < 0.15  # the catch-light is small


def test_a_long_beard_has_the_colour_of_beards():
    styling = Styling(hair="short", beard="full", face_hair=FaceHair(beard_length=0.5))
    scene = frontal(styling)
    look = look_of(styling=styling)
    red, green = np.float32([0.4, 0.02, 0.02]), np.float32([0.02, 0.4, 0.02])
    look = replace(look, hair=replace(look.hair, colour=green, beard=red, shine=0.0))
    light = light_of(scene, look, styling)
    hair = scene.solid.materials == Worn.HAIR
    height = scene.solid.positions[:, 1]
    assert (light[hair & (height < -1.3)].argmax(1) == 0).mean() > 0.95
    assert (light[hair & (height > 0.3)].argmax(1) == 1).mean() > 0.95


def test_closed_eyes_show_no_sclera():
    scene = frontal(BARE, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    shown = (scene.solid.materials == Material.EYE).sum()
    assert shown < 0.05 * (SCENE.solid.materials == Material.EYE).sum()


def test_something_before_the_face_casts_its_shadow_on_it():
    hat = Styling(hat="cap")
    scene = frontal(hat)
    places, head = scene.solid.places, scene.solid.materials == Material.SKIN
    forehead = head & (np.abs(places[:, 0]) < 0.3) & (places[:, 1] > 0.45)
    chin = head & (np.abs(places[:, 0]) < 0.2) & (np.abs(places[:, 1] + 1.6) < 0.1)
    above = (0.0, float(np.sin(0.9)), float(np.cos(0.9)))
    reaching = cast_shadow(scene, above, 0.8)
    assert reaching[forehead].mean() < 0.3
    assert reaching[chin].mean() > 0.9
    assert cast_shadow(scene, (0.0, 0.0, 1.0), 0.8)[forehead].mean() > 0.8
    look = look_of(styling=hat, light=above)
    with_shadow = replace(look, lighting=replace(look.lighting, shadow=0.9))
    without, shaded = (luminance(light_of(scene, each, hat)) for each in (look, with_shadow))
    assert shaded[forehead].mean() < 0.8 * without[forehead].mean()
    assert np.isclose(shaded[chin].mean(), without[chin].mean(), rtol=0.1)


def test_tinted_lenses_are_darker_than_clear_ones():
    levels = {}
    for style in ("clear", "tinted"):
        styling = Styling(glasses=style)
        scene = frontal(styling)
        look = look_of(styling=styling)
        look = replace(look, glasses=replace(look.glasses, mirror=0.0))
        image = paint_rgb(scene, cover(scene, styling), styling, look)
        levels[style] = luminance(scene.lens.sample(image)).mean()
    assert levels["tinted"] < 0.5 * levels["clear"]


def test_pixels_without_a_surface_show_the_background():
    look = look_of()
    image = paint_rgb(SCENE, COVERAGE, BARE, look)
    behind = np.ones(CANVAS * CANVAS, bool)
    behind[SCENE.solid.pixels] = False
    background = paint_background(look.background, CANVAS)
    assert np.array_equal(image.reshape(-1, 3)[behind], background.reshape(-1, 3)[behind])


@pytest.mark.parametrize(
    "kind", ["leaves", "street", "sky", "wall", "room", "window", "lights", "dark"]
)
def test_every_background_is_finite_light(kind):
    for seed in range(4):
        look = replace(look_of().background, kind=kind, seed=seed)
        image = paint_background(look, 96)
        assert image.shape == (96, 96, 3) and image.dtype == np.float32
        assert np.isfinite(image).all() and image.min() >= 0 and image.max() < 60


@pytest.mark.parametrize("person", range(12))
def test_painted_light_is_finite_and_repeatable(person):
    shape = draw_shape(*generators(person, person))
    styling = Styling(
        hair=("short", "long", "curly")[person % 3], glasses=("none", "clear", "sport")[person % 3],
        hat=("none", "cap")[person % 2], mask=("none", "none", "surgical")[person % 3],
        held=("none", "chin", "phone")[person % 3], beard=("none", "full")[person % 2], collar="shirt",
    )  # fmt: skip
    scene = build_scene(shape, 96, dress(shape.vertices(), styling))
    coverage = cover(scene, styling)
    look = draw_rgb_look(*generators(person, person), styling)
    image = paint_rgb(scene, coverage, styling, look)
    assert image.shape == (96, 96, 3) and image.dtype == np.float32
    assert np.isfinite(image).all() and image.min() >= 0
    assert np.array_equal(image, paint_rgb(scene, coverage, styling, look))
    # Every kind of surface has been given its light.
    shown = scene.solid.sample(image)
    for material in np.unique(scene.solid.materials):
        assert shown[scene.solid.materials == material].max() > 0, material


def test_what_belongs_to_the_person_does_not_change_with_the_picture():
    first, second = (draw_rgb_look(*generators(3, picture), BARE) for picture in (0, 1))
    assert first.skin_tone == second.skin_tone
    assert np.array_equal(first.hair.colour, second.hair.colour)
    assert np.array_equal(first.eyes.iris, second.eyes.iris)
    assert np.array_equal(first.glasses.frame, second.glasses.frame)
    assert first.light != second.light
    assert first.background.seed != second.background.seed
    assert draw_rgb_look(*generators(4, 0), BARE).skin_tone != first.skin_tone


IMAGE = paint_rgb(SCENE, COVERAGE, BARE, look_of())


def test_photograph_depends_on_its_generator_alone():
    camera = look_of().camera
    shots = [photograph(IMAGE, camera, 80, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert shots[0].shape == (80, 80, 3) and shots[0].dtype == np.uint8
    assert np.array_equal(shots[0], shots[1])
    assert not np.array_equal(shots[0], shots[2])
    silent = replace(camera, shot=0.0, read=0.0)
    first, second = (photograph(IMAGE, silent, 80, np.random.default_rng(k)) for k in (1, 2))
    assert np.array_equal(first, second)


def test_photograph_is_compressed(monkeypatch):
    camera = replace(look_of().camera, quality=40)
    taken = photograph(IMAGE, camera, 80, np.random.default_rng(0))
    with monkeypatch.context() as patch:
        patch.setattr(photo, "jpeg", lambda image, quality: image)
        raw = photograph(IMAGE, camera, 80, np.random.default_rng(0))
    assert np.array_equal(taken, photo.jpeg(raw, 40))
    assert not np.array_equal(taken, raw)


def test_exposure_keeps_dark_skin_darker_than_light_skin():
    levels = []
    for tone in (0.0, 0.5, 1.0):
        look = look_of(skin_tone=tone)
        image = paint_rgb(SCENE, COVERAGE, BARE, look)
        shot = photograph(image, look.camera, CANVAS, np.random.default_rng(0))
        levels.append(shot.reshape(-1, 3)[SCENE.solid.pixels[near(0, 0.6)]].mean())
    assert levels[0] > levels[1] + 10 > levels[2] + 20


@pytest.mark.parametrize("size", [0, 7, CANVAS + 1])
def test_bad_size_is_refused(size):
    with pytest.raises(InputError, match=f"size {size}"):
        photograph(IMAGE, look_of().camera, size, np.random.default_rng(0))


def test_noise_tiles_repeat_without_a_seam():
    columns = np.linspace(0, 300, 50, dtype=np.float32)
    rows = columns[::-1].copy()
    for tile in (tiles.mottle(), tiles.spots(), tiles.relief_and_pigment()):
        here = lookup(tile, columns, rows, wrap=True)
        there = lookup(tile, columns + SIDE, rows - 3 * SIDE, wrap=True)
        assert np.allclose(here, there, atol=1e-3)


def test_srgb_codes_come_back():
    codes = np.array([0, 10, 128, 255])
    assert np.allclose(
        [to_srgb(linear(code, code, code))[0] * 255 for code in codes], codes, atol=0.01
    )


def test_hands_have_the_colour_of_the_face():
    styling = Styling(held="chin")
    scene = frontal(styling)
    light = light_of(scene, look_of(styling=styling, skin_tone=0.4), styling)
    hand = scene.solid.materials == Worn.HAND
    skin = scene.solid.materials == Material.SKIN
    hues = [light[chosen].mean(0) / light[chosen].mean() for chosen in (hand, skin)]
    assert np.allclose(*hues, atol=0.12)
