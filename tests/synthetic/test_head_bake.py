"""The parts of scripts/bake_head.py that need no anny: modes, quantisation, occlusion, the mesh."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
MIRROR = np.array([1, 0, 3, 2, 4])  # two pairs of vertices, and one on the midline


@pytest.fixture(scope="module")
def parts():
    sys.path.insert(0, SCRIPTS)
    try:
        yield {
            name: importlib.import_module(f"head_bake.{name}")
            for name in ("modes", "occlusion", "mesh", "source")
        }
    finally:
        sys.path.remove(SCRIPTS)
    assert "anny" not in sys.modules


@pytest.fixture
def heads():
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, (40, 5, 3)) * np.linspace(1, 3, 5)[:, None]


def test_modes_are_symmetric_or_antisymmetric_and_hold_everything(parts, heads):
    modes = parts["modes"]
    mean, shapes, parity, held = modes.principal_modes(heads, MIRROR, np.ones(5), 15)
    assert held == pytest.approx(1)
    assert np.allclose(modes.reflect(mean, MIRROR), mean)
    assert np.allclose(modes.reflect(shapes, MIRROR), parity[:, None, None] * shapes, atol=1e-9)
    assert set(parity) == {-1, 1}
    flat = shapes.reshape(15, -1)
    assert np.allclose(flat @ flat.T, np.diag((flat**2).sum(1)), atol=1e-8)  # orthogonal
    deviations = np.concatenate([heads, modes.reflect(heads, MIRROR)]) - mean
    amounts = deviations.reshape(80, -1) @ np.linalg.pinv(flat)
    assert np.allclose(amounts @ flat, deviations.reshape(80, -1))
    assert np.allclose((amounts**2).mean(0), 1)  # one standard deviation each


def test_modes_do_not_depend_on_the_order_of_the_heads(parts, heads):
    one = parts["modes"].principal_modes(heads, MIRROR, np.ones(5), 6)
    other = parts["modes"].principal_modes(heads[::-1], MIRROR, np.ones(5), 6)
    for first, second in zip(one, other, strict=True):
        assert np.allclose(first, second)


@pytest.mark.parametrize("bits", [8, 16])
def test_quantised_values_differ_by_half_a_step_at_most(parts, heads, bits):
    whole, step = parts["modes"].quantise(heads, bits)
    assert whole.dtype == f"int{bits}" and step.dtype == np.float32
    assert (np.abs(whole * step[:, None, None] - heads).max((1, 2)) <= 0.501 * step).all()
    assert np.abs(whole).max() == 2 ** (bits - 1) - 1


def test_occlusion_between_two_plates(parts):
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0], [0, 0, 0]], np.float32)
    front = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]], np.int32)
    occlusion = parts["occlusion"].ambient_occlusion
    assert occlusion(square, front).min() > 0.99
    lid = square * 4 + np.array([0, 0, 0.3], np.float32)
    closed = occlusion(np.concatenate([square, lid]), np.concatenate([front, front + 5]))
    assert closed[4] < 0.1 and closed[9] > 0.95


def test_half_of_the_mesh_is_the_mirror_image_of_the_other(parts):
    """Two quads left of the midline and the two mirrored ones, whose pictures gave other materials."""
    places = [[-2, 0, 0], [-1, 0, 0], [0, 0, 0], [-2, 1, 0], [-1, 1, 0.5], [0, 1, 0]]
    template = np.array(places + [[2, 0, 0], [1, 0, 0], [2, 1, 0], [1, 1, 0.5]], np.float32)
    mirror = np.array([6, 7, 2, 8, 9, 5, 0, 1, 3, 4])
    quads = np.array([[0, 1, 4, 3], [1, 2, 5, 4], [2, 7, 9, 5], [7, 6, 8, 9]])
    material = parts["mesh"].Material
    eye, skin = int(material.EYE), int(material.SKIN)
    source = parts["source"].Source(
        template=template,
        quads=quads,
        materials=np.array([eye, skin, eye, skin], np.int8),
        mirror=mirror,
        phenotypes=None,
        local_changes={},
        expressions={},
        phenotype_mask=None,
    )
    mesh = parts["mesh"].build_mesh(source)
    assert len(mesh.triangles) == 8
    assert (mesh.mirror[mesh.triangles[:4, ::-1]] == mesh.triangles[4:]).all()
    assert (mesh.materials[:4] == mesh.materials[4:]).all()
    assert mesh.eye_vertices.shape == (2, 4)
    corners = template[mesh.kept][mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normals[:, 2] > 0).all()
