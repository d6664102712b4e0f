"""Weights in 8 bits, for archives of models: a quarter of float32, decoded to float32 before any use.

Each row of a matrix, or filter of a convolution, is stored as integers from -127 to 127 and the float32
value of one step. Vectors (biases, batch normalisation) and counters are few and stay as they are.
"""

from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, int8

from mlcmkd.utils.writing import replacing

_STEPS = 127
_STEP = "|step"  # after the name of a tensor: the name of the tensor of its steps


def write_eight_bits(source: Path, target: Path) -> None:
    """Write the weights of a file in 8 bits."""
    metadata, tensors = _read(source)
    coded = {}
    for name, value in tensors.items():
        if value.ndim < 2 or not value.is_floating_point():
            coded[name] = value
            continue
        largest = value.float().abs().amax(dim=tuple(range(1, value.ndim)), keepdim=True)
        step = largest.clamp(min=1e-12) / _STEPS
        coded[name] = (value / step).round().to(int8)
        coded[name + _STEP] = step
    _write(target, coded, metadata)


def write_decoded(source: Path, target: Path) -> None:
    """Write the weights of a file of `write_eight_bits` in float32, as a training writes them.

    Raises:
        SafetensorError: the file is not of safetensors.
        KeyError: it is not of `write_eight_bits`: steps belong to no tensor.
        RuntimeError: it is not: the shapes of a tensor and of its steps do not fit.
    """
    metadata, coded = _read(source)
    tensors = {name: value for name, value in coded.items() if not name.endswith(_STEP)}
    for name in coded.keys() - tensors.keys():
        whole = name.removesuffix(_STEP)
        tensors[whole] = tensors[whole].float() * coded[name]
    _write(target, tensors, metadata)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return file.metadata() or {}, tensors


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with replacing(path) as part:
        part.write_bytes(to_bytes(tensors, metadata))
