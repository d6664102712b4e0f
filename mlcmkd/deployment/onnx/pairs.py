"""Exported networks on pairs: their inputs, their predictions, and the comparison with torch."""

from collections.abc import Iterator

import numpy as np
import torch

from mlcmkd.data.dataset import MARGIN, Pairs
from mlcmkd.data.network_input import network_input
from mlcmkd.data.thermal.model_range import check_model_range
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.deployment.onnx.graph import CropToLandmarks, ImageToLandmarks
from mlcmkd.deployment.onnx.session import OnnxLandmarker
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError


def input_feeds(card: Card, pairs: Pairs, batch: int = 32) -> Iterator[dict[str, np.ndarray]]:
    """Yields the inputs of an exported network for pairs, batch by batch.

    For kind "image", the squares that `Pairs` stores are the images, and the box is that of the network
    input in them.

    Args:
        card: metadata of the network.
        pairs: pairs with the modality of the network.
        batch: number of pairs per batch.

    Raises:
        InputError: the pairs lack the modality of the network, were cropped for another input size, or
            were read over another range than that of a network with normalisation "fixed".
    """
    pairs.require(card.modality, "this network")
    if pairs.input_px != card.input_px:
        raise InputError(
            f"the network takes {card.input_px} px input, but the pairs were cropped for "
            f"{pairs.input_px} px; load them with input_px={card.input_px}"
        )
    if card.modality == "thermal":
        check_model_range(card.radiometry, pairs.radiometry, card.normalisation, "the pairs")
    for start in range(0, len(pairs), batch):
        index = torch.arange(start, min(start + batch, len(pairs)))
        if card.kind == "crop":
            yield {"image": network_input(pairs, index, card.modality).numpy()}
        else:
            stored = pairs.rgb if card.modality == "rgb" else pairs.thermal
            images = stored[index].numpy()
            if card.radiometry is not None:
                images = _camera_values(card.radiometry, images.astype(np.float32) / 65535)
            yield {"image": images, "box": np.tile(_input_box(card, images), (len(index), 1))}


def _camera_values(radiometry: Radiometry, unit: np.ndarray) -> np.ndarray:
    """Camera values that the graph converts to `unit`. "frame-minmax" has no inverse: `unit` is used."""
    return unit if radiometry.kind == "frame-minmax" else radiometry.from_unit(unit)


def _input_box(card: Card, images: np.ndarray) -> np.ndarray:
    """The box whose crop is the network input, in the squares that Pairs stores, (4,)."""
    middle = (images.shape[-1] - 1) / 2
    half = images.shape[-1] / MARGIN / card.crop_scale / 2
    return np.array([middle - half, middle - half, middle + half, middle + half], np.float32)


def predict_onnx(model: OnnxLandmarker, pairs: Pairs, batch: int = 32) -> np.ndarray:
    """Predicts the landmarks of every pair, (N, K, 2) float32 in centred coordinates.

    It is `mlcmkd.evaluation.evaluate.predict_pairs` for an exported network; errors as `input_feeds`.
    """
    coordinates = []
    for inputs in input_feeds(model.card, pairs, batch):
        landmarks = model.run(**inputs).landmarks
        if model.card.kind == "crop":
            coordinates.append((landmarks + 0.5) / model.card.input_px - 0.5)
        else:
            size = inputs["image"].shape[-1]
            coordinates.append((landmarks - (size - 1) / 2) / (size / MARGIN))
    return np.concatenate(coordinates).astype(np.float32)


@torch.no_grad()
def parity_px(model: Landmarker, network: OnnxLandmarker, pairs: Pairs, batch: int = 32) -> float:
    """Largest absolute difference of a coordinate between an exported network and torch, over pairs.

    Torch runs the same steps, including crop and radiometry.

    Args:
        model: the network in torch.
        network: the exported network.
        pairs: pairs with the modality of the network.
        batch: number of pairs per batch.

    Returns:
        the difference in pixels of the input `image`.

    Raises:
        InputError: as `input_feeds`.
    """
    card = network.card
    module = (
        CropToLandmarks(model) if card.kind == "crop" else ImageToLandmarks(model, card.radiometry)
    )
    worst = 0.0
    for inputs in input_feeds(card, pairs, batch):
        landmarks, *_ = module(*(torch.from_numpy(value) for value in inputs.values()))
        worst = max(worst, float(np.abs(landmarks.numpy() - network.run(**inputs).landmarks).max()))
    return worst
