"""The landmark network: features(x), then head(f).

Distillation applies the two halves separately, so they are methods and no hooks are needed. All sizes
have the same structure: a backbone, a top-down neck that combines its feature maps into one at a
quarter of the input, and a head.
"""

import json
from copy import deepcopy
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from mlcmkd.models.backbones import SIZES, make_backbone
from mlcmkd.models.heads import HEADS, Prediction, spread
from mlcmkd.models.layers import Neck
from mlcmkd.models.spec import ModelSpec
from mlcmkd.schemes import get_scheme, map_indices
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.file_kinds import incomplete
from mlcmkd.utils.writing import replacing

_KEY = "mlcmkd"  # of the spec in the metadata of a weights file
_FIX = "give a .safetensors file that `mlcmkd train`, `transfer` or `compress` wrote"
# Fields of the spec that name something a user can add, and the function that adds it.
_REGISTERED_BY = {"size": "register_backbone", "scheme": "register_scheme"}


class Landmarker(nn.Module):
    """A landmark network: `head(features(x))`.

    Args:
        spec: what to build.
        pretrained: start the backbone from ImageNet weights, which timm downloads.

    Attributes:
        spec: its ModelSpec.
        width: channels of `features(x)`.
        head: module from features (B, width, h, w) to a Prediction.

    Raises:
        InputError: pretrained weights are unavailable (no network, or none exist for this size).
    """

    def __init__(self, spec: ModelSpec, *, pretrained: bool = False):
        super().__init__()
        self.spec = spec = ModelSpec.validated("spec", spec)
        self.width = SIZES.find(spec.size).width
        self.backbone, channels = make_backbone(spec.size, pretrained=pretrained)
        self.neck = Neck(channels, self.width)
        self.head = HEADS[spec.head](self.width, get_scheme(spec.scheme).points)

    def normalise(self, images: Tensor) -> Tensor:
        """Images (B, 1 or 3, H, W) in [0, 1] to the backbone's input, (B, 3, H, W)."""
        if self.spec.normalisation == "fixed":
            images = (images - 0.5) / 0.25
        else:
            deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True, correction=0)
            images = (images - mean) / (deviation + 1e-3)
        return images.expand(-1, 3, -1, -1)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Images (B, 1 or 3, H, W) in [0, 1] to the backbone's feature maps, the finest first.

        Each is (B, C, h, w) with a C of its own, and half as high and wide as the one before.
        """
        images = self.normalise(images).contiguous(memory_format=torch.channels_last)
        return self.backbone(images)

    def features(self, images: Tensor) -> Tensor:
        """Images (B, 1 or 3, H, W) in [0, 1] to features (B, width, H / 4, W / 4)."""
        return self.neck(self.levels(images))

    def forward(self, images: Tensor) -> Prediction:
        """Images (B, 1 or 3, H, W) in [0, 1] to landmarks."""
        return self.head(self.features(images))

    def deviation(self, prediction: Prediction) -> Tensor:
        """Standard deviation of each landmark per coordinate, (B, K), shares of the input's side.

        NaN without a calibration (`ModelSpec.calibration`), and from a coordinate head.
        """
        calibration, width = self.spec.calibration, spread(prediction)
        if calibration is None:
            return torch.full_like(width, torch.nan)
        return calibration.of(width)

    def for_scheme(self, name: str) -> "Landmarker":
        """A copy that predicts the landmarks of another scheme: a selection of the head's outputs.

        Raises:
            InputError: the scheme is unknown, or this model lacks some of its points.
        """
        points = map_indices(self.spec.scheme, name)
        other = deepcopy(self)
        other.spec = self.spec.model_copy(update={"scheme": name})
        other.head.keep(list(points))
        return other

    def parameter_count(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, path: Path | str, *, half: bool = False) -> None:
        """Writes weights and spec to one safetensors file, atomically.

        Args:
            path: the file.
            half: store float16 instead of float32, half the size. `load` converts it back to float32,
                in which networks always compute.

        Raises:
            InputError: `half`, and a value outside of the range of float16.
        """
        path = Path(path)
        tensors = {
            name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()
        }
        if half:
            tensors = {name: _half(name, value) for name, value in tensors.items()}
        # safetensors' own `save_file` makes files that only their owner can read.
        with replacing(path) as part:
            part.write_bytes(to_bytes(tensors, {_KEY: self.spec.model_dump_json()}))

    @classmethod
    def load(cls, path: Path | str) -> "Landmarker":
        """The Landmarker saved at `path`, on the CPU, in float32 and in evaluation mode.

        Raises:
            InputError: no such file, not safetensors, not written by `save`, or a backbone or scheme
                that is not registered.
        """
        path = Path(path)
        text, tensors = _read(path)
        model = cls(_read_spec(path, text))
        try:
            model.load_state_dict(tensors)
        except RuntimeError:
            raise InputError(
                f"{path}: made by another version of mlcmkd: its tensors do not fit a "
                f"{model.spec.size} model with a {model.spec.head} head; train it again"
            ) from None
        return model.eval()


def copy_weights(source: Path | str, path: Path | str, spec: ModelSpec) -> None:
    """Writes the tensors of a weights file, as they are stored there, with another spec.

    Args:
        source: a file of `Landmarker.save`.
        path: the new file, written atomically.
        spec: of a network with the same tensors.

    Raises:
        InputError: as `Landmarker.load`.
    """
    _, tensors = _read(Path(source))
    with replacing(Path(path)) as part:
        part.write_bytes(to_bytes(tensors, {_KEY: spec.model_dump_json()}))


def _read(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The spec's text and the tensors of a weights file.

    Raises:
        InputError: no such file, not safetensors, or not written by `Landmarker.save`.
    """
    if not path.is_file():
        fix = "give a file in this folder" if path.is_dir() else "train them with `mlcmkd train`"
        raise InputError(f"{path}: no such weights; {fix}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise incomplete(path, "safetensors file", str(error), _FIX) from None
    if _KEY not in metadata:
        raise InputError(
            f"{path}: safetensors, but without mlcmkd's description of the model; {_FIX}"
        )
    return metadata[_KEY], tensors


def _half(name: str, value: Tensor) -> Tensor:
    """A tensor in float16 if it has floating-point values; counters stay integers.

    Raises:
        InputError: a value outside of the range of float16.
    """
    if not value.is_floating_point():
        return value
    converted = value.half()
    if not converted.isfinite().all():
        raise InputError(f"{name}: a value is too large for float16; save without half")
    return converted


def _read_spec(path: Path, text: str) -> ModelSpec:
    """The spec in a weights file.

    Raises:
        InputError: a backbone or scheme that is not registered, or a spec of another version.
    """
    try:
        return ModelSpec.validated("", json.loads(text))
    except (ValueError, RecursionError) as error:  # not JSON, or an InputError
        register = _REGISTERED_BY.get(str(error).partition(":")[0])
        if register:
            raise InputError(
                f"{path}: {error}; register your own before loading (mlcmkd.{register})"
            ) from None
        raise InputError(f"{path}: made by another version of mlcmkd ({error})") from None
