"""Emissivity, reflection, curvature, surroundings and the camera, against values worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.thermal.camera import CameraLook, draw_camera, record
from mlcmkd.synthetic.thermal.curvature import curvature, mesh_neighbours
from mlcmkd.synthetic.thermal.emissivity import (
    apparent_temperature,
    directional_emissivity,
    index_from_emissivity,
    radiance,
    temperature,
)
from mlcmkd.synthetic.thermal.surroundings import Surroundings
from mlcmkd.synthetic.view import mirrored, rotation
from mlcmkd.utils.errors import InputError


@pytest.mark.parametrize(
    ("degrees", "expected"),
    # Reflected for n = 1.5, half of across^2 + along^2. At 0 degrees (0.5 / 2.5)^2 = 0.04. At 60 the
    # cosine inside is 0.81650: across (0.5 - 1.22474) / 1.72474, along (0.75 - 0.81650) / 1.56650. At 80
    # it is 0.75430: across (0.17365 - 1.13145) / 1.30510, along (0.26047 - 0.75430) / 1.01477.
    [(0, 0.96), (60, 0.91081), (80, 0.61229)],
)
def test_emissivity_follows_fresnel(degrees, expected):
    cosine = np.cos(np.deg2rad(np.array([degrees], float)))
    assert directional_emissivity(cosine, 1.5)[0] == pytest.approx(expected, abs=2e-4)


def test_emissivity_falls_to_nothing_at_grazing_angles():
    cosine = np.linspace(1, 0, 50)
    emitted = directional_emissivity(cosine, 1.41)
    assert (np.diff(emitted) < 1e-9).all()
    assert emitted[-1] == pytest.approx(0, abs=1e-9)
    assert emitted[0] == pytest.approx(0.971, abs=3e-4)


def test_index_of_skin_and_of_glass():
    # sqrt(0.029) = 0.170294: 1.170294 / 0.829706; sqrt(0.16) = 0.4: 1.4 / 0.6.
    assert index_from_emissivity(0.971) == pytest.approx(1.41049, abs=1e-4)
    assert index_from_emissivity(0.84) == pytest.approx(2.33333, abs=1e-4)
    assert directional_emissivity(np.array([1.0]), 7 / 3)[0] == pytest.approx(0.84)


def test_radiance_and_temperature_are_inverse():
    celsius = np.array([-50, -10, 20, 37, 60], np.float32)
    np.testing.assert_allclose(temperature(radiance(celsius)), celsius, atol=2e-3)


def test_glass_shows_a_mirror_share_of_sixteen_percent():
    # Planck at 10.5 um, c = 14387.77 / 10.5 = 1370.264 K: at 30 C 1 / (exp(4.52010) - 1) = 0.011005,
    # at -40 C 1 / (exp(5.87718) - 1) = 0.002811; 0.84 and 0.16 of them are 0.0096942, and
    # 1370.264 / ln(1 + 1 / 0.0096942) = 294.97 K = 21.82 C.
    seen = apparent_temperature(np.float32(30), np.float32(-40), 0.84)
    assert seen == pytest.approx(21.82, abs=0.03)
    # Between near temperatures the shares of degrees are about the shares of radiance.
    near = apparent_temperature(np.float32(30), np.float32(25), 0.84)
    assert near == pytest.approx(0.84 * 30 + 0.16 * 25, abs=0.05)


def test_shares_add_up_in_radiance_and_not_in_degrees():
    # Half skin of 34 C and half sky of -36 C: 0.5 / (exp(4.46122) - 1) + 0.5 / (exp(5.77805) - 1) is
    # 0.0073938, and 1370.264 / ln(1 + 1 / 0.0073938) = 278.82 K = 5.67 C; the mean of the degrees is -1.
    seen = apparent_temperature(np.float32(34), np.float32(-36), 0.5)
    assert seen == pytest.approx(5.67, abs=0.05)


def test_reflection_of_a_surface_that_faces_the_camera_and_of_one_that_leans_back():
    half = np.sqrt(np.float32(0.5))
    normals = np.array([(0, 0, 1), (0, half, half)], np.float32)
    np.testing.assert_allclose(mirrored(normals), [(0, 0, 1), (0, 1, 0)], atol=1e-6)
    sky = Surroundings(
        level=20.0,
        above=-30.0,
        directions=np.array([(0, 0, 1)], np.float32),
        sharpness=np.array([20], np.float32),
        differences=np.array([5], np.float32),
    )
    ahead, above, below = sky.at(np.array([(0, 0, 1), (0, 1, 0), (0, -1, 0)], np.float32))
    assert above == pytest.approx(-30, abs=0.01) and below == pytest.approx(20, abs=0.01)
    assert ahead == pytest.approx(20 - 50 * 0.3 + 5, abs=0.01)


def grid(height) -> tuple[np.ndarray, np.ndarray]:
    """A square sheet z = height(x, y), its triangles counter-clockwise seen from above."""
    side = np.linspace(-0.5, 0.5, 15)
    x, y = np.meshgrid(side, side)
    vertices = np.stack((x, y, height(x, y)), axis=-1).reshape(-1, 3).astype(np.float32)
    corner = np.arange(14)[:, None] * 15 + np.arange(14)
    a, b, c, d = (corner.ravel() + step for step in (0, 1, 15, 16))
    return vertices, np.concatenate((np.stack((a, b, d), 1), np.stack((a, d, c), 1)))


MIDDLE = 7 * 15 + 7


@pytest.mark.parametrize(
    ("height", "sign"),
    [
        (lambda x, y: np.sqrt(1 - x**2 - y**2), -1),
        (lambda x, y: -np.sqrt(1 - x**2 - y**2), 1),
        (lambda x, y: (x**2 - y**2) / 2, 0),
        (lambda x, y: 0 * x, 0),
    ],
)
def test_curvature_of_ball_bowl_saddle_and_plane(height, sign):
    vertices, triangles = grid(height)
    value = curvature(vertices, mesh_neighbours(vertices, triangles))[MIDDLE]
    if sign == 0:
        assert abs(value) < 0.02
    else:
        # Edges of length h deflect by h / (2 r): four of h = 1/14 and two of sqrt(2) h.
        mesh = mesh_neighbours(vertices, triangles)
        mean_square = (4 * 1 + 2 * 2) / 6 / 14**2
        expected = sign * mean_square / 2 / mesh.lengths[MIDDLE] / 0.08
        assert value == pytest.approx(expected, rel=0.03)


def test_curvature_does_not_depend_on_the_rotation():
    vertices, triangles = grid(lambda x, y: np.sin(5 * x) * 0.1 + 0.2 * y**2)
    mesh = mesh_neighbours(vertices, triangles)
    turned = vertices @ rotation(40, 20, -30).T
    for smoothing in (0, 3):
        np.testing.assert_allclose(
            curvature(turned, mesh, smoothing), curvature(vertices, mesh, smoothing), atol=2e-3
        )


def test_smoothing_evens_the_curvature():
    rng = np.random.default_rng(0)
    vertices, triangles = grid(lambda x, y: 0.01 * rng.standard_normal(x.shape))
    mesh = mesh_neighbours(vertices, triangles)
    spread = [curvature(vertices, mesh, smoothing).std() for smoothing in (0, 1, 4)]
    assert spread[0] > spread[1] > spread[2]


def quiet_camera(**faults) -> CameraLook:
    """A camera without any fault but those given."""
    faultless = dict.fromkeys(
        ("blur", "netd", "fixed_pattern", "column", "row", "shading", "vignetting", "offset", "dead"),
        0.0,
    )  # fmt: skip
    camera = draw_camera(np.random.default_rng(0))
    return replace(camera, **(faultless | {"resolution": 1.0} | faults))


FLAT = np.full((128, 128), 30, np.float32)


def recorded(apparent=FLAT, realism=Realism(), size=128, **faults):  # noqa: B008 (frozen)
    return record(apparent, quiet_camera(**faults), size, np.random.default_rng(5), realism)


def test_a_faultless_camera_reads_the_temperature():
    np.testing.assert_allclose(recorded(), FLAT, atol=1e-4)


@pytest.mark.parametrize("netd", [0.03, 0.2])
def test_noise_of_a_pixel_is_the_netd(netd):
    noise = recorded(netd=netd) - 30
    assert noise.std() == pytest.approx(netd, rel=0.03)  # 16,384 pixels: 0.6 % standard error
    assert abs(noise.mean()) < 4 * netd / 128


def test_stripes_are_the_same_down_a_column_and_along_a_row():
    columns, rows = recorded(column=0.1), recorded(row=0.1)
    assert np.ptp(columns, axis=0).max() < 1e-4 and columns[0].std() > 0.05
    assert np.ptp(rows, axis=1).max() < 1e-4 and rows[:, 0].std() > 0.05


def test_vignetting_darkens_the_corners_and_offset_shifts_all():
    picture = recorded(vignetting=0.5)
    assert picture[64, 64] == pytest.approx(30, abs=0.01)
    assert picture[0, 0] == pytest.approx(29.5, abs=0.01)
    np.testing.assert_allclose(recorded(offset=-0.7), 29.3, atol=1e-4)


def test_dead_pixels_are_few_and_can_be_replaced():
    stuck = recorded(dead=0.01, replaced=False)
    share = (np.abs(stuck - 30) > 10).mean()
    assert 0.004 < share < 0.02
    np.testing.assert_allclose(recorded(dead=0.01, replaced=True), 30, atol=1e-4)


def test_the_noise_switch_removes_every_fault_of_the_sensor():
    faults = {
        "netd": 0.2,
        "column": 0.1,
        "row": 0.1,
        "shading": 0.3,
        "vignetting": 0.5,
        "dead": 0.01,
    }
    np.testing.assert_allclose(recorded(realism=Realism(noise=False), **faults), 30, atol=1e-4)


def test_the_optics_switch_removes_blur_and_low_resolution():
    edge = FLAT.copy()
    edge[:, 64:] = 20
    sharp = recorded(edge, Realism(optics=False), blur=0.02, resolution=0.4)
    np.testing.assert_allclose(sharp, edge, atol=1e-4)
    assert np.abs(recorded(edge, blur=0.02) - edge).max() > 2
    assert np.abs(recorded(edge, resolution=0.4) - edge).max() > 1


@pytest.mark.parametrize("size", [0, 129])
def test_sizes_beyond_the_canvas_are_refused(size):
    with pytest.raises(InputError, match="size"):
        recorded(size=size)
