"""Report of a registration: a table with a row for each pair, a summary, and the printed lines."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlcmkd.distillation.registration.estimate import NOTICEABLE, Registered
from mlcmkd.distillation.registration.motion import ROTATION, SCALE, X, Y

WRONG = "the two shapes differ: a wrong pair, or a face that a network misses"
NOT_FOLLOWED = "the first student is not accurate enough"


def rows(found: Registered, ids: Sequence[str], input_px: int) -> list[dict[str, Any]]:
    """One row for each pair, lengths in pixels of the input.

    `share` is the weight of the pair's own shift, 0 to 1; the mean of the labelled pairs has the rest.

    Args:
        found: the registration of N pairs.
        ids: N names of pairs.
        input_px: side of the input, pixels.
    """
    parameters = found.shrunk.parameters
    return [
        {
            "pair": name,
            "labelled": int(found.labelled[n]),
            "dx_px": round(float(parameters[n, X]) * input_px, 3),
            "dy_px": round(float(parameters[n, Y]) * input_px, 3),
            "rotation_degrees": round(float(np.rad2deg(parameters[n, ROTATION])), 3),
            "scale": round(float(np.exp(parameters[n, SCALE])), 4),
            "residual_px": round(float(found.residual[n]) * input_px, 3),
            "share": 1.0 if found.labelled[n] else round(float(found.shrunk.shares[0]), 3),
            "left_out": _reason(found, n),
        }
        for n, name in enumerate(ids)
    ]


def _reason(found: Registered, n: int) -> str:
    if found.wrong[n]:
        return WRONG
    return NOT_FOLLOWED if found.left_out[n] else ""


def summary(found: Registered, input_px: int) -> dict[str, Any]:
    """The entry of result.json; lengths in pixels of the input, None where unknown."""
    used = found.shrunk.parameters[~found.wrong]
    low, median, high = np.percentile(np.hypot(used[:, X], used[:, Y]), (25, 50, 75))
    shrunk = found.shrunk
    return {
        "pairs": len(found.wrong),
        "labelled": int(found.labelled.sum()),
        "wrong_pairs": int(found.wrong.sum()),
        "left_out": int(found.left_out.sum()),
        "followed": found.followed,
        "offset_px": _px(median, input_px),
        "offset_low_px": _px(low, input_px),
        "offset_high_px": _px(high, input_px),
        "mean_dx_px": _px(used[:, X].mean(), input_px),
        "mean_dy_px": _px(used[:, Y].mean(), input_px),
        "residual_px": _px(np.median(found.residual[~found.wrong]), input_px),
        "residual_limit_px": _px(found.limit, input_px),
        "rig_px": _px(np.sqrt(2) * shrunk.rig[0], input_px),
        "first_student_px": _px(np.sqrt(2) * shrunk.student[0], input_px),
        "remaining_px": _px(found.remaining, input_px),
        **{
            f"share_{name}": round(float(share), 3)
            for name, share in zip(("shift", "rotation", "scale"), shrunk.shares, strict=True)
        },
    }


def _px(share_of_side: float, input_px: int) -> float | None:
    return round(float(share_of_side) * input_px, 3) if np.isfinite(share_of_side) else None


def lines(summary: dict[str, Any], input_px: int) -> list[str]:
    """The printed lines: the distance between the images, and which shifts are not used."""
    found = summary
    student, rig = found["first_student_px"], found["rig_px"]
    printed = [
        f"RGB and thermal images are {found['offset_px']:.1f} px of {input_px} apart (median; quartiles "
        f"{found['offset_low_px']:.1f} to {found['offset_high_px']:.1f}; mean "
        f"{found['mean_dx_px']:+.1f}, {found['mean_dy_px']:+.1f})",
        f"{found['wrong_pairs']:,} of {found['pairs']:,} pairs are left out: their images do not belong "
        "together, or a network misses the face",
    ]
    if not found["followed"]:
        printed.append(
            f"the error of the first student is {student:.1f} px, but the shifts of the labelled pairs "
            f"vary by {rig:.1f} px: its shifts are not used, and pairs without a label are left out; "
            "label more pairs, or give a better student (first)"
        )
    elif (found["remaining_px"] or 0) > NOTICEABLE * input_px:
        printed.append(
            f"shifts of about {found['remaining_px']:.1f} px of {input_px} remain, because the error of "
            f"the first student is {student:.1f} px; label more pairs, or give a better student (first)"
        )
    elif student is None and found["labelled"] < found["pairs"]:
        printed.append(
            "too few labels to measure the error of the first student; its shifts are used unchanged"
        )
    return printed
