"""A view of the explorer, and the file format of saved views."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from torch import nn

import mlcmkd
from mlcmkd.attribution import Target
from mlcmkd.utils.errors import InputError

Panel = Literal["heatmap", "features", "attribution"]
FEATURES = "features"  # the layer that is the input of heads
LEVEL = "level"  # "level 1" has the finest resolution of the backbone
M = TypeVar("M", bound=BaseModel)
METADATA = "mlcmkd-view"  # key of a view's JSON in the metadata of a PNG file


class View(BaseModel):
    """What is looked at, and how.

    Attributes:
        pair: number of the pair.
        rgb_model, thermal_model: names of the models that read the two sides.
        layer: what "features" shows: "features", which heads read, or "level 1", "level 2", ... of
            the backbone, the finest first.
        landmark: index in the scheme.
        show: what is drawn beside the images.
        target: what attributions explain.
        exchanged: each side's features go under the other side's head.
        misalignment: how far the RGB image is shifted, pixels of the network's input; the thermal
            image and the labels stay, as in `Pairs.misaligned`.
        direction: of that shift, degrees; 0 is to the right, 90 downwards.
        noise: standard deviation of the noise on both images: a share of 8 bits in RGB, and of the
            range that is stored in thermal, before `temperatures` apply.
        noise_seed: which noise.
        temperatures: degrees C (grey levels where nothing is absolute) that become 0 and 1 of the
            thermal input, clipped beyond; None for the range that is stored.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair: int = Field(default=0, ge=0)
    rgb_model: str
    thermal_model: str
    layer: str = FEATURES
    landmark: int = Field(default=30, ge=0)
    show: tuple[Panel, ...] = ("heatmap", "features", "attribution")
    target: Target = "log-probability"
    exchanged: bool = False
    misalignment: float = Field(default=0, ge=0, le=32)
    direction: float = Field(default=0, ge=0, le=360)
    noise: float = Field(default=0, ge=0, le=1)
    noise_seed: int = Field(default=0, ge=0)
    temperatures: tuple[float, float] | None = None

    @field_validator("temperatures")
    @classmethod
    def _rising(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and not (np.isfinite(ends).all() and ends[0] < ends[1]):
            raise ValueError("the range must rise, the coldest first")
        return ends

    def changed(self, **fields: Any) -> "View":
        """The same view with some fields other than they were.

        Raises:
            InputError: no such field, or a value that it cannot have.
        """
        return _checked(View, self.model_dump() | fields, "view")


class Saved(BaseModel):
    """A view as it is kept: with what has to be the same for it to look the same again.

    Attributes:
        view: the view.
        pair_id: name of its pair.
        weights: model's name -> a hash of its weights, of the two models that are shown.
        mlcmkd: version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: View
    pair_id: str
    weights: dict[str, str]
    mlcmkd: str = mlcmkd.__version__


def _checked(kind: type[M], fields: Any, where: str) -> M:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}: {place}={first['input']!r}: {first['msg']}") from None


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
    return _checked(Saved, fields, str(path))


def weights_hash(model: nn.Module) -> str:
    """A short hash of a model's parameters and buffers, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.hexdigest()[:16]
