"""Passes of a network over the crops of faces: in batches, and again in better crops."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from mlcmkd.data.crops import CROP_SCALE, Crop
from mlcmkd.deployment.boxes import Box
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks, face_confidence
from mlcmkd.deployment.networks import Network
from mlcmkd.deployment.refinement import next_crop


def predict_crops(network: Network, crops: Iterable[FaceCrop], batch: int) -> list[FaceLandmarks]:
    """Predicts the face of each crop, in their order.

    Args:
        network: the network.
        crops: crops of one or more images.
        batch: largest number of crops per forward pass.
    """
    faces: dict[int, FaceLandmarks] = {}
    pending = [
        (index, replace(face_crop, crop=crop))
        for index, face_crop in enumerate(crops)
        for crop in (face_crop.crop, *face_crop.candidates)
    ]
    while pending:
        best = _best_faces(network, pending, batch)
        # A later pass replaces the earlier one, whatever its confidence.
        faces |= {index: face for index, (_, face) in best.items()}
        pending = [
            (index, refined)
            for index, (face_crop, face) in best.items()
            if (refined := next_crop(face_crop, face)) is not None
        ]
    return [faces[index] for index in range(len(faces))]


def _best_faces(
    network: Network, pending: Sequence[tuple[int, FaceCrop]], batch: int
) -> dict[int, tuple[FaceCrop, FaceLandmarks]]:
    """Runs the network; for each index keeps the crop whose face has the highest confidence."""
    best: dict[int, tuple[FaceCrop, FaceLandmarks]] = {}
    for start in range(0, len(pending), batch):
        part = pending[start : start + batch]
        predicted = forward_pass(network, [face_crop for _, face_crop in part])
        for (index, face_crop), face in zip(part, predicted, strict=True):
            # Without a confidence (NaN) the first crop is kept.
            if index not in best or face.confidence > best[index][1].confidence:
                best[index] = face_crop, face
    return best


def forward_pass(network: Network, crops: Sequence[FaceCrop]) -> list[FaceLandmarks]:
    """One forward pass of the network over at least one crop; returns their faces in order."""
    cuts = [crop.crop.cut(crop.image, network.input_px) for crop in crops]
    channels = 3 if network.modality == "rgb" else 1  # a grey photo has three equal ones
    cuts = [cut[..., None] if cut.ndim == 2 else cut for cut in cuts]
    stacked = np.stack([np.broadcast_to(cut, (*cut.shape[:2], channels)) for cut in cuts])
    output = network(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))
    return [
        FaceLandmarks(
            crop.crop.to_pixels(points),
            network.scheme,
            crop.image,
            confidence=face_confidence(points, confidence, deviation),
            point_confidence=confidence,
            deviation=deviation * crop.crop.side,
            box=_box_of(crop.crop),
            by=crop.by,
            roll=crop.crop.roll,
        )
        for crop, points, confidence, deviation in zip(crops, *output, strict=True)
    ]


def _box_of(crop: Crop) -> Box:
    """The square box of a crop, not rotated; the inverse of `Crop.around`."""
    (x, y), half = crop.centre, crop.side / CROP_SCALE / 2
    return x - half, y - half, x + half, y + half
