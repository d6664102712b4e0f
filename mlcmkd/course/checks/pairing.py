"""Checks of the exercises of lesson 01."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import (
    NotYet,
    as_numbers,
    call_function,
    check_value,
    is_close,
)
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN, KELVIN, to_centikelvin
from mlcmkd.schemes import IBUG68


def apparent(function: Any) -> str:
    """A function (surface, reflected, emissivity) -> apparent temperature, all in degrees C."""
    surface = np.array([24.0, 24.0, 33.0, 10.0])
    reflected = np.array([34.0, -40.0, 22.0, 10.0])
    emissivity = np.array([0.84, 0.84, 0.97, 0.5])

    def fourth(shares: np.ndarray) -> np.ndarray:
        mixed = shares * (surface + KELVIN) ** 4 + (1 - shares) * (reflected + KELVIN) ** 4
        return mixed**0.25 - KELVIN

    def alone(own: np.ndarray) -> np.ndarray:
        return (emissivity * own**4) ** 0.25

    right = fourth(emissivity)
    arguments = (surface, reflected, emissivity)
    value = as_numbers(
        call_function(function, "apparent", *arguments), "apparent(...)", surface.shape
    )
    check_value(
        value,
        right,
        "apparent(...)",
        [
            (emissivity * surface + (1 - emissivity) * reflected, "the shares add up in radiance, "
             "which grows as T to the fourth power, not in degrees"),
            (fourth(1 - emissivity), "emissivity is the share of the surface's own radiation; the "
             "rest, 1 - emissivity, is reflected"),
            (alone(surface + KELVIN) - KELVIN, "the reflected share is missing"),
            (fourth(emissivity) + KELVIN, "the result is in kelvin; subtract 273.15"),
            ((emissivity * surface**4 + (1 - emissivity) * reflected**4) ** 0.25,
             "T is in kelvin: add 273.15 before you take the fourth power"),
            (surface, "this is the surface's own temperature: nothing is reflected"),
        ],
        rel=2e-3,
        hint="Mix the fourth powers of the temperatures in kelvin, take the fourth root, go back.",
    )  # fmt: skip
    return (
        "Right: glasses at 24 degrees C read 25.7 in front of a warm hand and 16.3 under a clear sky; "
        "skin reads 0.3 degrees too little in a room."
    )


def to_input(function: Any) -> str:
    """A function from 16-bit centikelvin, any shape, to the model's input for 18 to 40 degrees C."""
    celsius = np.array([[18.0, 24.0, 29.0], [34.5, 37.0, 40.0]])
    counts = to_centikelvin(celsius)
    right = FACE_CENTIKELVIN.to_unit(counts)
    value = as_numbers(
        call_function(function, "to_input", counts), "to_input(counts)", counts.shape
    )
    warm = counts.copy()
    warm[0, 0] = to_centikelvin(np.array(65.0))  # a cup of tea
    with_cup = as_numbers(
        call_function(function, "to_input", warm), "to_input(counts)", counts.shape
    )
    if not is_close(value[1], with_cup[1], 1e-3, 1e-3):
        raise NotYet(
            "to_input: a hot cup in one corner changed the face. You used the minimum and maximum of "
            "the frame; the range has to be the same for every frame, 18 to 40 degrees C"
        )
    if is_close(value, (counts / 100 - 18) / 22, 1e-2):
        raise NotYet(f"to_input: counts / 100 are kelvin; subtract {KELVIN} for degrees C")
    mistakes = [
        ((celsius - 18) / 40, "divide by the width of the range, 40 - 18, not by its upper end"),
        (celsius / 40, "the lower end of the range has to become 0"),
        ((celsius + 0.15 - 18) / 22, "0 degrees C are 273.15 K, not 273"),
        (np.clip((celsius + 0.15 - 18) / 22, 0, 1), "0 degrees C are 273.15 K, not 273"),
        (celsius, "the values are degrees C; the model's input lies between 0 and 1"),
        (1 - right, "warm has to be 1 and cold 0"),
    ]
    check_value(value, right, "to_input(counts)", mistakes, rel=2e-3)
    cold = to_centikelvin(np.array([[5.0, 30.0, 65.0]]))
    outside = as_numbers(call_function(function, "to_input", cold), "to_input(counts)")
    if outside.min() < 0 or outside.max() > 1:
        raise NotYet(
            "to_input: 5 and 65 degrees C are outside 0 to 1; clip values outside the range"
        )
    return "Right: one explicit range for every frame, clipped; the temperature is preserved."


def mirror(function: Any, landmarks: np.ndarray) -> str:
    """A function that mirrors iBUG-68 landmarks, (68, 2) centred coordinates."""
    landmarks = as_numbers(landmarks, "landmarks", (68, 2))
    flip = list(IBUG68.flip)
    mirrored = landmarks * [-1, 1]
    kept = landmarks.copy()
    result = call_function(function, "mirror", landmarks)
    if not is_close(landmarks, kept):
        raise NotYet("mirror changed its argument in place; work on a copy")
    value = as_numbers(result, "mirror(landmarks)", (68, 2))
    check_value(
        value,
        mirrored[flip],
        "mirror(landmarks)",
        [
            (mirrored, "x is mirrored, but point 36 is still the left eye: the flip order "
             "(`IBUG68.flip`) is missing"),
            (landmarks[flip], "the points have new indices but the same positions: mirror x as well"),
            (landmarks, "nothing has changed"),
            ((landmarks * [1, -1])[flip], "you mirrored y: this face is upside down"),
            ((landmarks * [1, -1]), "you mirrored y: this face is upside down"),
            (landmarks[::-1] * [-1, 1], "the reversed order is not the flip order: the chin, point 8, "
             "has to stay the chin"),
            ((landmarks * [-1, 1] + [1, 0])[flip], "centred coordinates run from -0.5 to 0.5, so a "
             "mirror is x -> -x, not 1 - x"),
        ],
    )  # fmt: skip
    return "Right: mirrored and re-indexed; applied twice, it returns the original face."
