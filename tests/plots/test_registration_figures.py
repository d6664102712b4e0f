"""Figures of registration, and the benchmark whose results they show."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from data_prep.registration.content import covering_homography
from mlcmkd.data.overlays import checkerboard, edge_overlay
from mlcmkd.plots import (
    parallax_diagram,
    registration_overlays,
    reported_against_true,
    residual_against_depth,
    two_cameras,
)
from mlcmkd.utils.errors import InputError
from tests.plots.conftest import drawn

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("pairing", ROOT / "benchmarks/pairing.py")
script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(script)


def test_a_checkerboard_alternates_both_images():
    rgb = np.full((40, 60, 3), (10, 200, 30), np.uint8)
    thermal = np.linspace(290, 310, 2400, dtype=np.float32).reshape(40, 60)
    board = checkerboard(rgb, thermal, tile=10)
    assert board.dtype == np.uint8 and board.shape == (40, 60, 3)
    rows, columns = np.indices((40, 60)) // 10
    photo = (rows + columns) % 2 == 0
    assert (board[photo] == (10, 200, 30)).all()
    assert (board[~photo] != (10, 200, 30)).any(axis=1).all()
    assert board[39, 0].astype(int).sum() > board[0, 19].astype(int).sum()  # warmer is lighter
    assert np.array_equal(checkerboard(rgb, thermal), checkerboard(rgb, thermal, tile=5))
    assert np.array_equal(checkerboard(rgb[..., 1], thermal, 10)[0, 0], (200, 200, 200))


def test_edges_are_those_of_the_thermal_image():
    thermal = np.full((60, 60), 22.0)
    thermal[20:40, 20:40] = 34
    overlay = edge_overlay(np.full((60, 60, 3), 120, np.uint8), thermal)
    edge = (overlay != 120).any(axis=2)
    assert edge[18:22, 25:35].any() and edge[25:35, 38:42].any()
    inner = np.zeros_like(edge)
    inner[16:44, 16:44] = True
    inner[24:36, 24:36] = False
    assert not edge[~inner].any()
    counts = np.rint((thermal + 273.15) * 100).astype(np.uint16)
    assert np.array_equal(edge_overlay(np.full((60, 60, 3), 120, np.uint8), counts), overlay)
    flat = edge_overlay(np.full((60, 60, 3), 120, np.uint8), np.full((60, 60), 22.0))
    assert (flat == 120).all()


@pytest.mark.parametrize("draw", [checkerboard, edge_overlay])
def test_images_of_two_sizes(draw):
    with pytest.raises(
        InputError, match="RGB image of 30 x 20 pixels over a thermal one of 20 x 30"
    ):
        draw(np.zeros((20, 30, 3), np.uint8), np.zeros((30, 20)))


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The benchmark's table, of two rigs and four methods."""
    path = tmp_path_factory.mktemp("pairing") / "new/table.csv"
    methods = ["homography", "stereo", "similarity", "ecc"]
    script.main(["--table", str(path), "--rigs", "2", "--methods", *methods])
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_benchmark_knows_the_truth(rows):
    assert set(rows[0]) == set(script.COLUMNS)
    assert len(rows) == 4 * 4 * 4
    for row in rows:
        exact = row["method"] in ("homography", "stereo") and float(row["noise"]) == 0
        assert (float(row["median_residual_px"]) < 1e-3) == exact
        assert row["rigs"] == row["faces"] == "2"
        assert float(row["missed_percent"]) <= float(row["failures_percent"]) <= 100
    # Faces 10 % nearer and 10 % farther than thought, before cameras with a parallax of 32 px.
    (row,) = [
        row
        for row in rows
        if (row["method"], row["noise"], row["misalignment_px"]) == ("stereo", "10", "32")
    ]
    expected = 32 * ((1 / 0.9 - 1) + (1 - 1 / 1.1)) / 2
    assert float(row["median_residual_px"]) == pytest.approx(expected, abs=1e-3)


def test_a_rig_is_off_by_what_it_says():
    faces = script.make_faces(1, size=script._RENDERED, workers=1)
    for misalignment in (4, 32):
        rig = script.make_rig(faces, 0, misalignment)
        start = covering_homography((160, 160), script._RGB_SIZE)
        corners = np.array([[0, 0], [159, 0], [159, 159], [0, 159.0]])
        seen = np.column_stack([rig.truth.inverse(corners), np.ones(4)]) @ start.T
        assert np.linalg.norm(seen[:, :2] - corners, axis=1).mean() == pytest.approx(misalignment)
        assert np.allclose(rig.truth.forward(rig.rgb_marks), rig.thermal_marks)


def test_overlays_are_drawn_with_their_texts_and_without_a_warning():
    rng = np.random.default_rng(0)
    rgb, thermal = rng.integers(0, 255, (2, 40, 50, 3), dtype=np.uint8), rng.random((2, 40, 50))
    titles = ["2.1 px", "9.8 px, rejected"]
    _, faces = drawn(lambda: registration_overlays(rgb, thermal, titles=titles))
    for word in ("warped RGB", "checkerboard", "thermal edges", "9.8 px, rejected"):
        assert word in faces


def test_the_benchmark_wants_rigs():
    with pytest.raises(InputError, match="--rigs must be 1 or more, not 0"):
        script.main(["--table", "x.csv", "--rigs", "0"])


def test_the_diagram_of_parallax_names_the_symbols_of_the_formula():
    _, words = drawn(parallax_diagram)
    for word in ("RGB", "thermal", "B", "Z = 0.7", "Z0, depth of the registration", "depth Z"):
        assert word in words
    assert "Z = 2" in drawn(lambda: parallax_diagram(depths=(1.0, 2.0)))[1]


def test_two_cameras_show_their_sizes_and_aligned_centres():
    rng = np.random.default_rng(0)
    rgb, thermal = rng.integers(0, 255, (60, 90, 3), dtype=np.uint8), rng.random((30, 30))
    marks = rng.uniform(0, 29, (68, 2))
    figure = two_cameras(rgb, thermal, marks * 2 + 15, marks)
    _, words = drawn(lambda: two_cameras(rgb, thermal, marks * 2 + 15, marks))
    for word in (
        "RGB camera, 90 x 60 px",
        "thermal camera, 30 x 30 px",
        "not registered",
        "x (px)",
    ):
        assert word in words
    # The RGB landmarks, drawn over the thermal image, go where the covering of `from_content` puts them.
    start = covering_homography((30, 30), (90, 60))
    jaw = (start[:2, :2] @ (marks * 2 + 15)[0] + start[:2, 2]).tolist()
    ends = [line.get_xydata()[0].tolist() for line in figure.axes[2].lines]
    assert any(np.allclose(end, jaw) for end in ends)


def test_residuals_against_depth_and_the_limit():
    depths = np.linspace(0.4, 1.0, 7)
    lines = {"4 cm": 400 * 0.04 * abs(1 / depths - 1 / 0.7), "1 cm": np.zeros(7)}

    def draw():
        return residual_against_depth(
            depths, lines, lines, made_for=0.7, limit=8, head=(0.67, 0.79),
            measured={"4 cm": [(0.5, 9.1, 14.0)]},
        )  # fmt: skip

    _, words = drawn(draw)
    for word in (
        "distance of the face (m)", "residual (thermal pixels)", "residual (% of inter-ocular)",
        "4 cm", "limit 8 %", "distance of cameras", "nose tip to ears",
    ):  # fmt: skip
        assert word in words
    bare = residual_against_depth(depths, lines, lines, made_for=0.7, limit=8)
    assert len(bare.axes[0].lines) == 3 and len(draw().axes[0].lines) == 4  # one mark more


def test_reported_residuals_against_true_ones():
    found = {"ECC": [(1.0, 1.4, True), (12.0, 9.0, False)], "similarity": [(0.5, 2.0, True)]}
    _, words = drawn(lambda: reported_against_true(found, limit=8, title="2 rigs"))
    for word in (
        "true residual (% of inter-ocular)", "reported residual (% of inter-ocular)",
        "ECC", "open: rejected", "underestimated", "2 rigs",
    ):  # fmt: skip
        assert word in words
    axes = reported_against_true(found, limit=8).axes[0]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert [line.get_xydata()[0].tolist() for line in hollow if len(line.get_xdata())] == [[12, 9]]
    # A registration that found no map has no true residual; the others are drawn all the same.
    drawn(lambda: reported_against_true({"a": [(np.inf, np.nan, False)]}, limit=8))
