"""Figures: each function takes data and returns a matplotlib Figure; nothing is shown or kept.

One style for all (`style.py`): colours that colour-blind readers can tell apart, units on every
axis, thermal images in a map whose lightness rises with temperature. Landmarks are centred
coordinates throughout, as in `mlcmkd.data.crops`; `centred` turns pixels into them.
"""

from mlcmkd.plots.ablation import nme_against_count, nme_against_misalignment
from mlcmkd.plots.attributions import (
    attribution_grid,
    attribution_maps,
    completeness_curves,
    method_grid,
)
from mlcmkd.plots.curves import (
    ced_curves,
    compare_training,
    decay_curves,
    errors_against_parameters,
    nme_bars,
    per_region_bars,
    temperature_histogram,
    training_curves,
)
from mlcmkd.plots.diagrams import injection_diagram, two_teachers_diagram
from mlcmkd.plots.faces import (
    contact_sheet,
    heatmaps,
    landmarks_on,
    pair_overlay,
    thermal_inputs,
)
from mlcmkd.plots.frontier import frontier, methods_compared
from mlcmkd.plots.invariance import (
    embedding,
    feature_colours,
    head_swap_matrix,
    invariance_over_training,
)
from mlcmkd.plots.kd_loss import loss_landscape, pull
from mlcmkd.plots.palettes import palette_inversion
from mlcmkd.plots.report import nme_of_groups, training_of_groups
from mlcmkd.plots.schemes import scheme_points
from mlcmkd.plots.shapes import hard_and_soft, shape_modes
from mlcmkd.plots.style import centred, colours
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
    "feature_colours",
    "frontier",
    "hard_and_soft",
    "head_swap_matrix",
    "heatmaps",
    "injection_diagram",
    "invariance_over_training",
    "landmarks_on",
    "loss_landscape",
    "method_grid",
    "methods_compared",
    "nme_against_count",
    "nme_against_misalignment",
    "nme_bars",
    "nme_of_groups",
    "pair_overlay",
    "palette_inversion",
    "per_region_bars",
    "pixel_curves",
    "pull",
    "randomisation_bars",
    "shape_modes",
    "scheme_points",
    "temperature_histogram",
    "thermal_inputs",
    "training_curves",
    "training_of_groups",
    "two_teachers_diagram",
]
