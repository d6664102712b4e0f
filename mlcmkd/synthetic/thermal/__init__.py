"""The thermal camera's view of a synthetic face, degrees C throughout."""

from mlcmkd.synthetic.thermal.camera import CameraLook, record
from mlcmkd.synthetic.thermal.look import ThermalLook, draw_thermal_look
from mlcmkd.synthetic.thermal.paint import HeatMaps, paint_thermal
from mlcmkd.synthetic.thermal.physiology import skin_temperature

__all__ = [
    "CameraLook",
    "HeatMaps",
    "ThermalLook",
    "draw_thermal_look",
    "paint_thermal",
    "record",
    "skin_temperature",
]
