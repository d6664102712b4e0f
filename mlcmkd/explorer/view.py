"""A view of the explorer, and the file format of saved views."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field, field_validator
from torch import nn

import mlcmkd
from mlcmkd.attribution import Target
from mlcmkd.utils.config import Config, Seed
from mlcmkd.utils.errors import InputError

Panel = Literal["heatmap", "features", "attribution"]
FEATURES = "features"  # the layer that is the input of heads
LEVEL = "level"  # "level 1" has the finest resolution of the backbone
METADATA = "mlcmkd-view"  # key of a view's JSON in the metadata of a PNG file


class View(Config):
    """Which pair and models the explorer shows, and how."""

    pair: int = Field(default=0, ge=0, description="Index of the pair.")
    rgb_model: str = Field(description="Name of the model for the RGB image.")
    thermal_model: str = Field(description="Name of the model for the thermal image.")
    layer: str = Field(
        default=FEATURES,
        description="Layer that the panel features shows: features, the input of the heads, or "
        "level 1, level 2, ... of the backbone, the finest first.",
    )
    landmark: int = Field(default=30, ge=0, description="Index of the landmark in its scheme.")
    show: tuple[Panel, ...] = Field(
        default=("heatmap", "features", "attribution"), description="Panels beside the images."
    )
    target: Target = Field(
        default="log-probability", description="Scalar output that attributions explain."
    )
    exchanged: bool = Field(
        default=False, description="Give each modality's features to the other modality's head."
    )
    misalignment: float = Field(
        default=0,
        ge=0,
        le=32,
        description="Shift of the RGB image, pixels of the network's input; the thermal image and "
        "the labels are not shifted, as in `Pairs.misaligned`.",
    )
    direction: float = Field(
        default=0,
        ge=0,
        le=360,
        description="Direction of that shift, degrees; 0 is to the right, 90 downwards.",
    )
    noise: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Standard deviation of the noise on both images: a share of 8 bits in RGB, and "
        "of the stored range in thermal, before `temperatures` apply.",
    )
    noise_seed: Seed = Field(default=0, description="Seed of the noise.")
    temperatures: tuple[float, float] | None = Field(
        default=None,
        description="Degrees C (grey levels without absolute temperature) that become 0 and 1 of "
        "the thermal input, clipped beyond; None for the stored range.",
    )

    @field_validator("temperatures")
    @classmethod
    def _rising(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and not (np.isfinite(ends).all() and ends[0] < ends[1]):
            raise ValueError("the range must rise, the coldest first")
        return ends

    def changed(self, **fields: Any) -> "View":
        """A copy of the view with other values of some fields.

        Raises:
            InputError: an unknown field, or an invalid value.
        """
        return View.validated("view", self.model_dump() | fields)


class Saved(Config):
    """A stored view, with the pair and the weights that are needed to show the same view again."""

    view: View = Field(description="The view.")
    pair_id: str = Field(description="Identifier of its pair.")
    weights: dict[str, str] = Field(
        description="Hash of the weights of each of the two models, by the model's name."
    )
    mlcmkd: str = Field(default=mlcmkd.__version__, description="Version that stored the view.")


def read_saved(path: Path | str) -> Saved:
    """Reads a file that `Exploration.save` wrote, JSON or PNG.

    Raises:
        InputError: no such file, or it contains no view.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the .json or .png of a saved view")
    try:
        if path.suffix == ".png":
            with Image.open(path) as image:
                text = image.info.get(METADATA, "")
        else:
            text = path.read_text(encoding="utf-8")
        fields = json.loads(text)
    except (OSError, ValueError):
        raise InputError(f"{path}: contains no saved view; give the .json or .png of one") from None
    return Saved.validated(str(path), fields)


def weights_hash(model: nn.Module) -> str:
    """A short hash of a model's parameters and buffers, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.hexdigest()[:16]
