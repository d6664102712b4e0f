"""Landmark networks: `features(x)` and `head(f)`, built from a validated `ModelSpec`."""

from mlcmkd.models.backbones import SIZE_NAMES, SIZES, Backbone, Size, SizeName, register_backbone
from mlcmkd.models.deviation import DeviationHead, image_extent, landmark_statistics
from mlcmkd.models.heads import (
    CONFIDENCE_RADIUS,
    HEADS,
    CoordinateHead,
    HeatmapHead,
    Prediction,
    confidence,
    grid_axis,
    soft_argmax,
    spread,
)
from mlcmkd.models.landmarker import DEVIATION_HEAD, Landmarker
from mlcmkd.models.layers import Neck
from mlcmkd.models.spec import Calibration, ModelSpec
from mlcmkd.models.weights_file import copy_weights

__all__ = [
    "CONFIDENCE_RADIUS",
    "DEVIATION_HEAD",
    "HEADS",
    "SIZES",
    "SIZE_NAMES",
    "Backbone",
    "Calibration",
    "CoordinateHead",
    "DeviationHead",
    "HeatmapHead",
    "Landmarker",
    "ModelSpec",
    "Neck",
    "Prediction",
    "Size",
    "SizeName",
    "confidence",
    "copy_weights",
    "grid_axis",
    "image_extent",
    "landmark_statistics",
    "register_backbone",
    "soft_argmax",
    "spread",
]
