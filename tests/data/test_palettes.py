"""Conversion between false colours and levels, and images without a palette."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from mlcmkd.data.images import read_image
from mlcmkd.data.thermal.palette_curves import (
    NAMED_ONLY,
    PALETTES,
    Palette,
    colours,
    get_palette,
)
from mlcmkd.data.thermal.palettes import (
    MAX_OFF,
    apply_palette,
    invert,
    is_coloured,
    recognise,
)
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.utils.errors import InputError

# Levels by which an inversion may miss, of 255: half a level by rounding, and the length of the
# stretches where a palette hardly changes its colour (jet's blue, iron's orange).
MISS = {"grey": 0.5, "iron": 1, "inferno": 1, "hot": 1, "jet": 3}
COLOURED = [name for name in PALETTES if name != "grey"]


@pytest.fixture(scope="module")
def faces():
    return make_faces(3, seed=0, size=96, first_identity=0)


@pytest.fixture(scope="module")
def levels() -> np.ndarray:
    """A thermal face over 18 to 40 degrees C, (192, 192).

    At 96 px the steps at its outline take a pixel or two, which JPEG blurs to colours in between.
    """
    faces = make_faces(1, size=192)
    return np.clip((faces.thermal[0] - 18) / 22, 0, 1).astype(np.float32)


def jpeg(image: np.ndarray, quality: int = 90) -> np.ndarray:
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def test_iron_by_hand():
    ends = apply_palette(np.array([[0.0, 0.25, 0.5, 1.0]]), "iron")[0]
    assert np.abs(ends - [(0, 0, 15), (145, 0, 155), (230, 70, 25), (255, 255, 250)]).max() <= 1
    assert np.array_equal(apply_palette(np.array([[-1.0, 2.0]]), "iron")[0], ends[[0, 3]])


def test_anchors_rise_from_cold_to_warm():
    for name, palette in PALETTES.items():
        assert isinstance(palette, Palette) and palette.name == name
        places = [anchor[0] for anchor in palette.anchors]
        assert places[0] == 0 and places[-1] == 1 and places == sorted(set(places))
        assert colours(name).shape == (256, 3)


@pytest.mark.parametrize(("name", "levels_off"), [("jet", 2), ("hot", 2), ("inferno", 7)])
def test_named_after_matplotlib_means_drawn_as_matplotlib_does(name, levels_off):
    theirs = matplotlib.colormaps[name](np.arange(256))[:, :3] * 255
    assert np.abs(colours(name) - theirs).max() <= levels_off


@pytest.mark.parametrize("name", PALETTES)
def test_there_and_back(name):
    truth = np.linspace(0, 1, 1001, dtype=np.float32).reshape(7, 143)
    found = invert(apply_palette(truth, name), name)
    assert found.palette == name and found.off == 0 and found.residual.max() == 0
    assert found.levels.dtype == np.float32 and found.levels.shape == truth.shape
    assert np.abs(found.levels - truth).max() * 255 <= MISS[name] + 1e-3


@pytest.mark.parametrize("name", PALETTES)
def test_through_jpeg(name, levels):
    """Quality 90, colours at half the resolution: 1 level of 255 on average, 99 % within 10."""
    found = invert(jpeg(apply_palette(levels, name)))
    missed = np.abs(found.levels - levels) * 255
    assert found.palette == name
    assert missed.mean() < 2 and np.percentile(missed, 99) < 10
    assert found.off < 0.03


def test_another_manufacturers_iron_is_recognised_with_its_residual(levels):
    """Every colour is 15 levels off in each channel: recognised, and the residual says so."""
    drawn = apply_palette(levels, "iron").astype(int)
    other = np.where(drawn < 128, drawn + 15, drawn - 15).astype(np.uint8)
    found = invert(other)
    assert found.palette == "iron" and found.off == 0
    assert 10 < np.median(found.residual) < 15 * 3**0.5
    assert np.abs(found.levels - levels).max() < 0.1


def test_few_colours_distinguish_iron_from_inferno():
    for name in COLOURED:
        part = np.tile(np.linspace(0.35, 0.6, 50), (40, 1))
        assert recognise(apply_palette(part, name)) == name


def test_faces_in_colour_are_no_thermal_images(faces):
    for photo in faces.rgb:
        for image in (photo, jpeg(photo), (photo * 0.5).astype(np.uint8)):
            with pytest.raises(InputError, match=r"^holiday\.jpg: its colours are "):
                invert(image, source="holiday.jpg")
            with pytest.raises(InputError, match="are not those of palette 'iron'"):
                invert(image, "iron")


def test_real_photos_are_no_thermal_images(real_data: Path):
    photos = sorted((real_data / "visible_300w/lfpw_test").glob("*.jpg"))[::20]
    assert len(photos) > 10
    for path in photos:
        photo = read_image(path)
        with pytest.raises(InputError, match="are not those of palette 'iron'"):
            invert(photo, "iron")
        if is_coloured(photo):
            with pytest.raises(InputError, match="its colours are"):
                invert(photo)


def test_a_face_before_a_white_wall_is_no_thermal_image(faces):
    """White is a colour of iron: 93 % of this photo lie on the palette, but not the face."""
    photo = np.full((360, 360, 3), 255, np.uint8)
    photo[:96, :96] = faces.rgb[0]
    with pytest.raises(InputError, match="its colours are"):
        invert(photo)
    with pytest.raises(InputError, match="not those of palette 'iron'"):
        invert(photo, "iron")


def test_pale_colours_have_no_palette():
    photo = np.full((40, 40, 3), (120, 100, 80), np.uint8)
    with pytest.raises(InputError, match="paler than any known palette's"):
        recognise(photo)


def test_another_palette_is_refused(levels):
    place = np.rint(levels * 255).astype(int)
    cyclic = (matplotlib.colormaps["hsv"](np.arange(256))[:, :3] * 255).astype(np.uint8)[place]
    with pytest.raises(InputError, match=r"on no known palette \(grey, iron, inferno, hot, jet;"):
        invert(cyclic)
    for drawn, named in (("jet", "iron"), ("iron", "jet"), ("grey", "iron"), ("iron", "grey")):
        with pytest.raises(InputError, match=f"not those of palette '{named}'"):
            invert(apply_palette(levels, drawn), named)


@pytest.mark.parametrize("name", NAMED_ONLY)
def test_palettes_of_programs_are_read_where_the_user_names_them(levels, name):
    """Not recognised, so that no camera's palette is taken for one of them; the error names them."""
    if name == "rainbow":  # OpenCV's own, without a counterpart in matplotlib
        image = apply_palette(levels, name)
    else:
        image = np.rint(matplotlib.colormaps[name](levels)[..., :3] * 255).astype(np.uint8)
    for read in (image, jpeg(image)):
        found = invert(read, name)
        assert found.off < 0.02 and np.abs(found.levels - levels).mean() < 0.02
    with pytest.raises(InputError, match=f"if it is not a photo, name its palette .*{name}"):
        invert(image)


def test_a_logo_is_filled_from_around_it(levels):
    image = apply_palette(np.full((100, 100), 0.4), "iron")
    image[10:30, 60:85] = (0, 255, 0)  # 5 % of the image
    found = invert(image)
    assert found.palette == "iron" and found.off == 0.05
    assert np.abs(found.levels - 0.4).max() < 1 / 255
    assert (found.residual > 150).mean() == 0.05  # the residual still shows the logo


def test_white_letters_in_a_label_do_not_become_warm():
    image = np.ascontiguousarray(apply_palette(np.full((100, 200), 0.2), "iron"))
    image[10:40, 20:90] = (0, 200, 255)
    cv2.putText(image, "36.4", (24, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    found = invert(image)
    assert (found.residual < 10)[10:40, 20:90].any()  # white is on the palette
    assert np.abs(found.levels - 0.2).max() < 1 / 255


def test_too_large_a_logo_is_refused():
    image = apply_palette(np.full((100, 100), 0.4), "iron")
    rows = int(100 * MAX_OFF)
    image[:rows] = (0, 255, 0)
    assert invert(image).off == pytest.approx(MAX_OFF)
    image[: rows + 1] = (0, 255, 0)
    with pytest.raises(InputError, match=r"^a\.png: .* 11 % of them lie off it, .* cover 10 %"):
        invert(image, source="a.png")


def test_grey_is_a_palette_too(levels):
    drawn = apply_palette(levels, "grey")
    assert np.array_equal(drawn[..., 0], drawn[..., 2]) and not is_coloured(drawn)
    assert recognise(drawn) == "grey" and recognise(jpeg(drawn, 40)) == "grey"


def test_invalid_images_and_palette_names():
    for image in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(InputError, match="not 8-bit RGB"):
            invert(image)
    with pytest.raises(InputError, match="'pink' is unknown; use one of grey, iron, .*, viridis"):
        get_palette("pink")
