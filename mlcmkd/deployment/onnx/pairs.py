"""Pairs through exported networks: what they are fed, what they answer, and whether torch agrees."""

from collections.abc import Iterator

import numpy as np
import torch

from mlcmkd.data.pairs import MARGIN, Pairs
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.deployment.onnx.export import CropToLandmarks, ImageToLandmarks
from mlcmkd.deployment.onnx.session import OnnxLandmarker
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError


def feeds(card: Card, pairs: Pairs, batch: int = 32) -> Iterator[dict[str, np.ndarray]]:
    """Pairs as an exported network reads them, a batch at a time.

    For the "image" kind the squares that `Pairs` keeps are the images, and the box is where the
    network's input lies in them.

    Raises:
        InputError: the pairs lack the network's side, or were cut for another input size.
    """
    pairs.require(card.modality, "this network")
    if pairs.input_px != card.input_px:
        raise InputError(
            f"the network reads {card.input_px} px, the pairs were cut for {pairs.input_px}"
        )
    generator = torch.Generator().manual_seed(0)
    for start in range(0, len(pairs), batch):
        index = torch.arange(start, min(start + batch, len(pairs)))
        if card.kind == "crop":
            made = make_batch(pairs, index, NO_AUGMENTATION, generator)
            yield {"image": made.images(card.modality).numpy()}
        else:
            images = getattr(pairs, card.modality)[index].numpy()
            if card.radiometry is not None:
                images = _measured(card.radiometry, images.astype(np.float32) / 65535)
            yield {"image": images, "box": np.tile(_input_box(card, images), (len(index), 1))}


def _measured(radiometry: Radiometry, unit: np.ndarray) -> np.ndarray:
    """What a camera gave where the input is `unit`; a stretch forgot it, and is done once more."""
    return unit if radiometry.kind == "frame-minmax" else radiometry.from_unit(unit)


def _input_box(card: Card, images: np.ndarray) -> np.ndarray:
    """The box whose crop is the network's input, in the squares that Pairs keeps, (4,)."""
    middle = (images.shape[-1] - 1) / 2
    half = images.shape[-1] / MARGIN / card.crop_scale / 2
    return np.array([middle - half, middle - half, middle + half, middle + half], np.float32)


def predict_onnx(model: OnnxLandmarker, pairs: Pairs, batch: int = 32) -> np.ndarray:
    """Landmarks of every pair, (N, K, 2) float32, centred coordinates, as `predict_pairs` returns."""
    found = []
    for fed in feeds(model.card, pairs, batch):
        landmarks = model.run(**fed).landmarks
        if model.card.kind == "crop":
            found.append((landmarks + 0.5) / model.card.input_px - 0.5)
        else:
            size = fed["image"].shape[-1]
            found.append((landmarks - (size - 1) / 2) / (size / MARGIN))
    return np.concatenate(found).astype(np.float32)


@torch.no_grad()
def parity_px(model: Landmarker, network: OnnxLandmarker, pairs: Pairs, batch: int = 32) -> float:
    """How far an export's landmarks are from torch's at most, over pairs, in pixels of what it reads.

    Torch runs the same steps, crop and radiometry included.
    """
    card = network.card
    module = (
        CropToLandmarks(model) if card.kind == "crop" else ImageToLandmarks(model, card.radiometry)
    )
    worst = 0.0
    for fed in feeds(card, pairs, batch):
        landmarks, _ = module(*(torch.from_numpy(value) for value in fed.values()))
        worst = max(worst, float(np.abs(landmarks.numpy() - network.run(**fed).landmarks).max()))
    return worst
