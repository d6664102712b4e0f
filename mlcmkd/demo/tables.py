"""Results as HTML: pictures with a text, tables of faces, temperatures and landmarks."""

import base64
import html
import math
from collections.abc import Iterable, Sequence

from mlcmkd.demo.trial import Shown
from mlcmkd.deployment.faces import UNCERTAIN, FaceLandmarks
from mlcmkd.deployment.temperature_table import celsius_text
from mlcmkd.schemes import get_scheme

# From here on a confidence is called high: an expected error below 2.6 % of the face's size. Ours.
HIGH = 0.8
_UNKNOWN = "&ndash;"


def picture(shown: Shown) -> str:
    """The drawing of an image or frame, with a text for those who do not see it."""
    data = base64.b64encode(shown.jpeg).decode()
    return (
        f'<img class="mlcmkd-picture" alt="{html.escape(description(shown))}" '
        f'src="data:image/jpeg;base64,{data}">'
    )


def description(shown: Shown) -> str:
    """What the drawing shows, in words."""
    if not shown.faces:
        return f"{shown.name}: no face found"
    parts = [f"{_title(n, face)}, {confidence_text(face)}" for n, face in enumerate(shown.faces)]
    count = f"{len(parts)} face{'s' if len(parts) > 1 else ''}"
    drawn = "boxes, landmarks and circles of their uncertainty"
    if any(face.temperatures is not None for face in shown.faces):
        drawn += ", regions with their temperatures"
    return f"{shown.name}: {count} with {drawn} ({'; '.join(parts)})"


def confidence_text(face: FaceLandmarks) -> str:
    """The confidence of a face in words, with its number."""
    if not math.isfinite(face.confidence):
        return "confidence unknown"
    word = "high" if face.confidence >= HIGH else "fair"
    if face.confidence < UNCERTAIN:
        word = "low, check the landmarks"
    # Cut and not rounded, so that number and word agree: 0.799 is no "0.80 (fair)".
    return f"confidence {math.floor(100 * face.confidence + 1e-9) / 100:.2f} ({word})"


def results(shown: Shown) -> str:
    """The tables of an image or frame; landmarks are folded."""
    if not shown.faces:
        return "<p>No face was found.</p>"
    tables = [_faces(shown.faces)]
    tables += [
        _regions(n, face) for n, face in enumerate(shown.faces) if face.temperatures is not None
    ]
    return "".join([*tables, _landmarks(shown.faces)])


def _title(number: int, face: FaceLandmarks) -> str:
    return f"face {number}" if face.person is None else f"person {face.person}"


def _faces(faces: Sequence[FaceLandmarks]) -> str:
    rows = []
    for n, face in enumerate(faces):
        confidence = confidence_text(face).removeprefix("confidence ")
        deviation = _number(float(face.deviation.mean()), 1)
        box = "{:.0f}, {:.0f} to {:.0f}, {:.0f}".format(*face.box) if face.box else _UNKNOWN
        rows.append([_title(n, face), confidence, deviation, box])
    head = ["face", "confidence", "deviation (px)", "box (px)"]
    return _table("Faces", head, rows)


def _regions(number: int, face: FaceLandmarks) -> str:
    rows = []
    for region in face.temperatures.regions:
        name = f"{region.region}{', ' + region.side if region.side else ''}"
        if region.missing:
            rows.append([name, _UNKNOWN, region.missing, _number(region.extent, 0)])
        else:
            ends = f"{celsius_text(region.min)} to {celsius_text(region.max)}"
            rows.append([name, celsius_text(region.mean), ends, _number(region.extent, 0)])
    head = ["region, side of the person", "mean (°C)", "range (°C), or why missing", "extent (px)"]
    return _table(f"Temperatures of {_title(number, face)}", head, rows)


def _landmarks(faces: Sequence[FaceLandmarks]) -> str:
    measured = any(face.temperatures is not None for face in faces)
    tables = []
    for n, face in enumerate(faces):
        celsius = [math.nan] * len(face.landmarks)
        if face.temperatures is not None:
            celsius = face.temperatures.landmarks
        names = get_scheme(face.scheme).names
        rows = []
        values = zip(names, face.landmarks, face.deviation, celsius, strict=True)
        for point, (name, (x, y), deviation, degrees) in enumerate(values):
            numbers = [f"{x:.2f}", f"{y:.2f}", _number(float(deviation), 2)]
            numbers += [celsius_text(degrees) or _UNKNOWN] if measured else []
            rows.append([f"{point} {html.escape(name)}", *numbers])
        head = ["landmark", "x (px)", "y (px)", "deviation (px)", *(["°C"] if measured else [])]
        tables.append(_table(f"Landmarks of {_title(n, face)}", head, rows))
    return f"<details><summary>Landmarks</summary>{''.join(tables)}</details>"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else _UNKNOWN


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first cell of each row names it; wider ones scroll."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="mlcmkd-table" role="region" aria-label="{caption}" tabindex="0"><table>'
        f"<caption>{caption}</caption><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )
