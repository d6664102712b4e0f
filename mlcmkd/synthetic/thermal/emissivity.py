"""How much of its own heat a surface emits, and how much of its surroundings it reflects.

An opaque surface reflects what it does not emit: reflectance = 1 - emissivity
(Kirchhoff). Both follow from the refractive index by Fresnel's equations. Human skin emits 0.971 +-
0.005 at normal incidence between 8 and 14 um, whatever its pigmentation (Togawa 1989; Charlton 2020),
which is an index of 1.41; soda-lime glass, opaque at 7.5 to 13 um, emits 0.84 (Rubin 1985).
"""

import numpy as np

SKIN = 0.971
GLASS = 0.84
# h c / (wavelength k) at 10.5 um, the middle of the band; kelvin.
_PLANCK = np.float32(14387.77 / 10.5)
_KELVIN = np.float32(273.15)


def index_from_emissivity(emissivity: np.ndarray | float) -> np.ndarray | float:
    """Refractive index of a smooth surface with this emissivity at normal incidence.

    From reflectance = ((n - 1) / (n + 1))^2; absorption is left out of the index.
    """
    root = np.sqrt(1 - np.asarray(emissivity))
    return (1 + root) / (1 - root)


def directional_emissivity(cosine: np.ndarray, index: np.ndarray | float) -> np.ndarray:
    """Emissivity towards a direction, by Fresnel's equations for unpolarised radiation.

    Args:
        cosine: of the angle between direction and normal, 0 (grazing) to 1.
        index: refractive index, above 1.

    Returns:
        emissivity from 0 to 1, the shape of `cosine`.
    """
    inside = np.sqrt(1 - (1 - cosine * cosine) / (index * index))  # cosine of the refracted ray
    across = (cosine - index * inside) / (cosine + index * inside)
    along = (index * cosine - inside) / (index * cosine + inside)
    return 1 - (across * across + along * along) / 2


def radiance(celsius: np.ndarray) -> np.ndarray:
    """Radiance of a black body at 10.5 um (Planck's law), up to a constant factor."""
    return 1 / np.expm1(_PLANCK / (np.asarray(celsius, np.float32) + _KELVIN))


def temperature(of_radiance: np.ndarray) -> np.ndarray:
    """The black body's temperature, degrees C: the inverse of `radiance`."""
    return _PLANCK / np.log1p(1 / of_radiance) - _KELVIN


def apparent_temperature(
    surface: np.ndarray, reflected: np.ndarray, emissivity: np.ndarray | float
) -> np.ndarray:
    """Reading of a camera that assumes a black body, degrees C.

    The shares add up in radiance and not in degrees: a linear mixture of skin and clear sky, 70
    degrees apart, would be wrong by several degrees at equal shares.

    Args:
        surface: temperature of the surface, degrees C.
        reflected: temperature of what it mirrors, degrees C.
        emissivity: 0 to 1.
    """
    own = radiance(surface)
    return temperature(own + (1 - emissivity) * (radiance(reflected) - own))
