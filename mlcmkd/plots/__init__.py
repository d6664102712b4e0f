"""Figures: each function takes data and returns a matplotlib Figure, without showing or saving it.

All share one style (`style.py`): colours for colour-blind readers, units on every axis, and a colour map
whose lightness increases with temperature. Landmarks are centred coordinates, as in
`mlcmkd.data.crops`; `centred` converts pixels.
"""

from mlcmkd.plots.ablation import variants_compared
from mlcmkd.plots.attributions import (
    attribution_grid,
    attribution_maps,
    completeness_curves,
    method_grid,
)
from mlcmkd.plots.diagrams import injection_diagram, parallax_diagram, two_teachers_diagram
from mlcmkd.plots.errors import ced_curves, errors_against_parameters, nme_bars, per_region_bars
from mlcmkd.plots.faces import contact_sheet, heatmaps, landmarks_on, pair_overlay
from mlcmkd.plots.frames import faces_in_frame
from mlcmkd.plots.frontier import frontier, methods_compared
from mlcmkd.plots.injection_map import injection_map
from mlcmkd.plots.invariance import (
    embedding,
    feature_colours,
    head_swap_matrix,
    invariance_over_training,
)
from mlcmkd.plots.invariance_transfer import gaps_and_errors
from mlcmkd.plots.kd_loss import loss_forms, loss_gradients, loss_landscape
from mlcmkd.plots.registration import (
    registration_overlays,
    reported_against_true,
    residual_against_depth,
    two_cameras,
)
from mlcmkd.plots.rendering import switched_off
from mlcmkd.plots.report import nme_by_configuration, training_by_configuration
from mlcmkd.plots.rig_shifts import found_against_true
from mlcmkd.plots.schemes import scheme_points
from mlcmkd.plots.shapes import hard_and_soft, shape_modes
from mlcmkd.plots.strategies import nme_against_count, nme_against_misalignment
from mlcmkd.plots.style import centred, colours
from mlcmkd.plots.thermal import temperature_histogram, thermal_inputs
from mlcmkd.plots.training import compare_training, decay_curves, training_curves
from mlcmkd.plots.trust import agreement_dots, pixel_curves, randomisation_bars

__all__ = [
    "agreement_dots",
    "attribution_grid",
    "attribution_maps",
    "ced_curves",
    "centred",
    "colours",
    "compare_training",
    "completeness_curves",
    "contact_sheet",
    "decay_curves",
    "embedding",
    "errors_against_parameters",
    "faces_in_frame",
    "feature_colours",
    "found_against_true",
    "frontier",
    "hard_and_soft",
    "gaps_and_errors",
    "head_swap_matrix",
    "heatmaps",
    "injection_diagram",
    "injection_map",
    "invariance_over_training",
    "landmarks_on",
    "loss_forms",
    "loss_gradients",
    "loss_landscape",
    "method_grid",
    "methods_compared",
    "nme_against_count",
    "nme_against_misalignment",
    "nme_bars",
    "nme_by_configuration",
    "pair_overlay",
    "parallax_diagram",
    "per_region_bars",
    "pixel_curves",
    "randomisation_bars",
    "registration_overlays",
    "reported_against_true",
    "residual_against_depth",
    "scheme_points",
    "shape_modes",
    "switched_off",
    "temperature_histogram",
    "thermal_inputs",
    "training_by_configuration",
    "training_curves",
    "two_cameras",
    "two_teachers_diagram",
    "variants_compared",
]
