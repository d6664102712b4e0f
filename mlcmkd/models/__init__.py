"""Landmarkers: `features(x)`, then `head(f)`; built from a validated `ModelSpec`."""

from mlcmkd.models.heads import (
    CONFIDENCE_RADIUS,
    HEADS,
    CoordinateHead,
    HeatmapHead,
    Prediction,
    confidence,
    grid_axis,
    soft_argmax,
)
from mlcmkd.models.landmarker import Landmarker, Neck
from mlcmkd.models.spec import SIZES, ModelSpec, Size, SizeName

__all__ = [
    "CONFIDENCE_RADIUS",
    "HEADS",
    "SIZES",
    "CoordinateHead",
    "HeatmapHead",
    "Landmarker",
    "ModelSpec",
    "Neck",
    "Prediction",
    "Size",
    "SizeName",
    "confidence",
    "grid_axis",
    "soft_argmax",
]
