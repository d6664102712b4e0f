"""Ranges of the parameters of simulated thermal images."""

from pydantic import Field, model_validator

from mlcmkd.utils.config import Config

Range = tuple[float, float]


def _range(low: float, high: float, about: str) -> Range:
    return Field(default=(low, high), description=about)


def _share(value: float, about: str) -> float:
    return Field(default=value, ge=0, le=1, description=about)


class SimulationSettings(Config):
    """Ranges of the simulation's parameters.

    Every pair is the (lowest, highest) value of a uniform distribution, drawn once per simulated image.
    Temperatures and their differences are in degrees C; a negative difference is colder. Shares are
    probabilities.
    """

    # the sensor's grid
    sensor_px: Range = _range(120, 208, "longer side of the simulated sensor's image, pixels")

    # the scene
    ambient: Range = _range(8, 29, "air and background")
    hot_background: float = _share(0.06, "backgrounds in the sun, up to 8 degrees above the skin")
    background_field: Range = _range(0, 3.0, "deviation of slow changes across the background")
    background_photo: Range = _range(-5, 5, "background, from the photo's darkest to lightest")
    warm_object: float = _share(0.35, "scenes with up to three objects of 2 to 12 degrees more")
    clothes: Range = _range(0.15, 0.75, "clothes, from ambient (0) to skin (1)")
    hair: Range = _range(0.15, 1.0, "hair, from ambient (0) to skin (1)")

    # the face
    skin: Range = _range(32.0, 36.0, "skin of forehead and cheeks")
    contrast: Range = _range(0.35, 1.5, "factor on every difference within the face, no unit")
    face_field: Range = _range(0.1, 0.7, "deviation of slow changes across the face")
    nose: Range = _range(-6.0, 0.4, "nose, in half of the faces")
    nose_weak: Range = _range(-1.2, 0.5, "nose, in the other half")
    midface: Range = _range(-2.8, 0.5, "all that lies around the nose, down to the upper lip")
    cheeks: Range = _range(-2.6, 0.5, "cheeks")
    forehead: Range = _range(-0.5, 1.2, "forehead")
    chin: Range = _range(-1.5, 0.5, "chin")
    beard: Range = _range(-4.0, -0.8, "bearded part of a face")
    beard_share: float = _share(0.15, "faces with a beard that insulates")
    eye_socket: Range = _range(-0.3, 2.4, "skin around the eyes")
    eye_corner: Range = _range(0.2, 2.2, "inner eye corners, the hottest of the face")
    eyeball: Range = _range(-1.6, 0.9, "eyes between the lids")
    eyelid: Range = _range(-1.4, 0.8, "line of the lids")
    brow: Range = _range(-1.8, 0.3, "eyebrows")
    lips: Range = _range(-1.6, 1.0, "lips")
    mouth_line: Range = _range(-3.0, 1.6, "where the lips meet")
    mouth_inside: Range = _range(-4.0, 3.0, "an open mouth, after breathing in or out")
    nostril: Range = _range(-3.5, 2.5, "nostrils, after breathing in or out")
    crease: Range = _range(-0.9, 0.9, "line from nose to mouth corner, and along the nostrils")
    limb: Range = _range(-2.4, 0.0, "skin seen at a grazing angle, along the outline of the face")
    ear: Range = _range(-4.0, 0.8, "ears")
    neck: Range = _range(-1.0, 1.6, "neck")
    jaw_shadow: Range = _range(-1.2, 1.0, "the line between jaw and neck")
    texture: Range = _range(-0.9, 0.9, "the photo's fine detail at two deviations of it")
    edges: Range = _range(-1.0, 0.8, "the photo's strong edges")

    # in front of the face
    glasses_share: float = _share(0.3, "faces with glasses, which thermal radiation cannot pass")
    glasses: Range = _range(0.05, 0.75, "lenses, from ambient (0) to skin (1)")
    hand_share: float = _share(0.04, "faces with fingers before them")

    # the camera
    blur_px: Range = _range(0.3, 1.2, "deviation of the optical blur, sensor pixels")
    netd: Range = _range(0.02, 0.12, "noise-equivalent temperature difference")
    stripes: Range = _range(0.0, 0.07, "deviation of the columns' and rows' offsets")
    gain_control: float = _share(0.75, "cameras that stretch the scene over their grey scale")
    equalise: Range = _range(-0.4, 0.6, "weight of histogram equalisation; below 0 none")
    gamma: Range = _range(0.45, 1.3, "exponent of the grey scale")
    grey_low: Range = _range(16, 23, "what the darkest grey is read as")
    grey_high: Range = _range(36, 40.5, "what the brightest grey is read as")
    sharpen_share: float = _share(0.5, "cameras that sharpen edges")
    sharpen: Range = _range(0.2, 1.3, "strength of the unsharp mask, no unit")
    eight_bit_share: float = _share(0.5, "cameras of 256 grey levels")

    @model_validator(mode="after")
    def _ordered(self) -> "SimulationSettings":
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise ValueError(f"{name}: the range {value} must not fall")
        if self.sensor_px[0] < 16:
            raise ValueError("sensor_px: a sensor has at least 16 pixels on its longer side")
        return self


DEFAULT = SimulationSettings()
