"""Every figure is drawn without a warning and has its labels and units."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mlcmkd import plots
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.plots.style import as_images
from tests.plots.conftest import drawn

FACES, POINTS, SIDE = 3, 68, 32


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray | torch.Tensor]:
    rng = np.random.default_rng(0)
    return {
        "rgb": rng.integers(0, 255, (FACES, SIDE, SIDE, 3), dtype=np.uint8),
        "celsius": rng.uniform(18, 37, (FACES, SIDE, SIDE)).astype(np.float32),
        "marks": rng.uniform(-0.4, 0.4, (FACES, POINTS, 2)),
        "logits": rng.normal(size=(POINTS, 16, 16)),
        "maps": rng.normal(size=(FACES, SIDE, SIDE)),
        "errors": rng.uniform(0, 0.1, (40, POINTS)),
    }


METRICS = [
    {"step": s, "decay": 1 / s, "val_nme": 0.1 / s, "task": 3 / s, "fi": 1 / s, "ri": 2 / s}
    for s in (1, 2, 3)
]
ROWS = [
    {
        "name": name,
        "nme_percent": nme,
        "nme_low_percent": nme - 0.3,
        "nme_high_percent": nme + 0.4,
        "failure_rate": 0.1,
        "threshold": 0.08,
        "normaliser": "inter-ocular",
        "parameters": count,
    }
    for name, nme, count in (("base", 4.0, 5_000_000), ("a", 5.0, 300_000), ("b", 4.8, 300_000))
]

# name -> (function that draws it, texts it must contain)
FIGURES: dict[str, tuple[Callable[[dict], Figure], tuple[str, ...]]] = {
    "contact_sheet": (
        lambda d: plots.contact_sheet(d["rgb"], d["celsius"], landmarks=d["marks"], columns=2),
        ("degrees C",),
    ),
    "landmarks_on": (
        lambda d: plots.landmarks_on(
            d["rgb"], d["marks"], d["marks"], titles=["NME 1 %"] * FACES, links=True
        ),
        ("predicted", "annotated", "NME 1 %"),
    ),
    "faces_in_frame": (
        lambda d: plots.faces_in_frame(
            d["celsius"][0],
            [FaceLandmarks(SIDE * (d["marks"][0] + 0.5), "ibug68", d["celsius"][0] / 40)],
        ),
        ("frame", "1 face found"),
    ),
    "pair_overlay": (
        lambda d: plots.pair_overlay(d["rgb"], d["celsius"], landmarks=d["marks"]),
        ("RGB", "thermal", "checkerboard"),
    ),
    "thermal_inputs": (
        lambda d: plots.thermal_inputs(d["celsius"], {"range": d["celsius"] / 40}),
        ("degrees C", "range"),
    ),
    "heatmaps": (
        lambda d: plots.heatmaps(d["rgb"][:1], d["logits"], [30, 36], true=d["marks"][0]),
        ("landmark 30", "probability"),
    ),
    "training_curves": (
        lambda d: plots.training_curves(METRICS, "a run"),
        ("optimiser step", "(%)", "inter-ocular", "decay", "FI"),
    ),
    "compare_training": (
        lambda d: plots.compare_training({"none": METRICS, "dikd": METRICS}),
        ("none", "dikd", "(%)", "optimiser step"),
    ),
    "ced_curves": (
        lambda d: plots.ced_curves({"dikd": d["errors"].mean(axis=1)}),
        ("inter-ocular (%)", "threshold 8 %", "AUC"),
    ),
    "per_region_bars": (
        lambda d: plots.per_region_bars({"none": d["errors"], "dikd": d["errors"]}),
        ("inter-ocular (%)", "mouth", "jaw"),
    ),
    "nme_bars": (lambda d: plots.nme_bars(ROWS), ("(%)", "FR at 8 %", "base", "test")),
    "errors_against_parameters": (
        lambda d: plots.errors_against_parameters(ROWS),
        ("parameters (millions", "(%)", "base (5.00 M"),
    ),
    "decay_curves": (
        lambda d: plots.decay_curves(("constant", "cosine")),
        ("progress of training (%)", "decay", "floor 0.1"),
    ),
    "temperature_histogram": (
        lambda d: plots.temperature_histogram({"face": d["celsius"]}, limits=(18, 40)),
        ("temperature (degrees C)", "pixels (%)"),
    ),
    "attribution_maps": (
        lambda d: plots.attribution_maps(
            d["rgb"],
            d["celsius"],
            d["maps"],
            torch.from_numpy(d["maps"]),
            landmarks=d["marks"],
            landmark=30,
        ),
        ("RGB: input", "thermal: attribution", "contribution"),
    ),
    "completeness_curves": (
        lambda d: plots.completeness_curves((2, 4, 8), {"RGB": (0.5, 0.2, 0.1)}),
        ("steps", "(%)"),
    ),
    "found_against_true": (
        lambda d: plots.found_against_true(
            np.array([[3.0, 0.0], [0.0, -4.0]]), np.array([[3.0, 1.0], [0.0, -4.0]]), title="rig"
        ),
        ("rig: error 0.7 px, correlation 0.99", "horizontal", "found shift (pixels)"),
    ),
    "injection_diagram": (lambda d: plots.injection_diagram(), ("FI", "RI", "(frozen)")),
    "two_teachers_diagram": (
        lambda d: plots.two_teachers_diagram(),
        ("Tough-Teacher", "Tolerant-Teacher", "hard landmarks", "soft landmarks", "light student"),
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_drawn_with_its_texts_and_without_a_warning(name, data):
    draw, expected = FIGURES[name]
    _, texts = drawn(lambda: draw(data))
    for word in expected:
        assert word in texts, f"'{word}' is missing"


def test_a_frame_without_a_face_says_so(data):
    figure = plots.faces_in_frame(data["rgb"][0], [])
    assert [axes.get_title() for axes in figure.axes] == ["frame", "no faces found"]


def test_every_function_of_the_package_is_drawn_in_a_test():
    helpers = {"centred", "colours", "attribution_grid"}  # attribution_maps is a grid of two
    elsewhere = {
        # test_invariance_figures.py
        "embedding",
        "feature_colours",
        "head_swap_matrix",
        "gaps_and_errors",
        "invariance_over_training",
        # test_scheme_figures.py
        "scheme_points",
        # test_rendering_figures.py
        "switched_off",
        # test_shape_figures.py
        "hard_and_soft",
        "shape_modes",
        # test_kd_loss_figures.py
        "loss_forms",
        "loss_landscape",
        "loss_gradients",
        # test_attributions.py
        "agreement_dots",
        "method_grid",
        "pixel_curves",
        "randomisation_bars",
        # test_students.py
        "frontier",
        "methods_compared",
        # test_statistics.py
        "nme_against_count",
        "nme_against_misalignment",
        # test_report.py
        "nme_by_configuration",
        "training_by_configuration",
        # test_registration_figures.py
        "parallax_diagram",
        "registration_overlays",
        "reported_against_true",
        "residual_against_depth",
        "two_cameras",
        # test_injection_map_figure.py
        "injection_map",
        # test_ablation_figure.py
        "variants_compared",
    }
    assert set(plots.__all__) - helpers - elsewhere == set(FIGURES)


def test_centred_agrees_with_crops():
    from mlcmkd.data.crops import Crop

    whole = Crop.around((0, 0, 95, 95), scale=96 / 95)  # all of a 96-px image
    points = np.array([[0.0, 0.0], [47.5, 95.0]])
    assert np.allclose(plots.centred(points, 96), whole.to_unit(points))


def test_tensors_and_arrays_become_the_same_picture():
    array = np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32)
    tensor = torch.from_numpy(array.transpose(0, 3, 1, 2).copy())
    assert np.array_equal(as_images(tensor), as_images(array))
    assert as_images(tensor[:, :1]).shape == (2, 8, 8)


def test_every_name_has_a_colour_of_its_own():
    found = plots.colours(["other", "dikd", "none", "another"])
    assert found["dikd"] == plots.colours(["dikd"])["dikd"]
    assert len(set(found.values())) == 4
