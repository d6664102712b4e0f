"""Weights files: the tensors of a network and the spec that builds it, in one safetensors file."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.file_kinds import incomplete
from mlcmkd.utils.writing import replacing

KEY = "mlcmkd"  # entry of the spec in the metadata of a weights file
_FIX = "give a .safetensors file that `mlcmkd train`, `transfer` or `compress` wrote"
# Fields of the spec that name something a user can add, and the function that adds it.
_REGISTERED_BY = {"size": "register_backbone", "scheme": "register_scheme"}

# Kinds of networks. The metadata of a file have one entry: `KEY` for a landmark model, otherwise `KEY`
# and the kind. safetensors writes several entries in any order, so equal models could differ.
LANDMARKS = "landmark model"

Network = TypeVar("Network", bound=nn.Module)
Spec = TypeVar("Spec", bound=Config)


def write_weights(
    path: Path,
    network: nn.Module,
    *,
    half: bool = False,
    exact: tuple[str, ...] = (),
    kind: str = LANDMARKS,
) -> None:
    """Writes the tensors of a network and its `spec` to one safetensors file, atomically.

    Args:
        path: the file.
        network: its attribute `spec` is a Config.
        half: store float16 instead of float32, which halves the size.
        exact: names of parts of the network that are stored in float32 even with `half`.
        kind: kind of the network, for the metadata entry and messages.

    Raises:
        InputError: `half`, and a value outside of the range of float16.
    """
    tensors = _stored(network)
    if half:
        tensors = {
            name: value if name.partition(".")[0] in exact else _half(name, value)
            for name, value in tensors.items()
        }
    metadata = {_key_of(kind): network.spec.model_dump_json()}
    # safetensors' own `save_file` makes files that only their owner can read.
    with replacing(path) as part:
        part.write_bytes(to_bytes(tensors, metadata))


def read_weights(
    path: Path, make: Callable[[Spec], Network], spec: type[Spec], *, kind: str = LANDMARKS
) -> Network:
    """The network in a file of `write_weights`, on the CPU, in float32 and in evaluation mode.

    Args:
        path: the file.
        make: function from a spec to the network.
        spec: class of the spec.
        kind: kind of the network that is expected.

    Raises:
        InputError: no such file, not safetensors, not written by `write_weights`, weights of another
            kind of network, or a backbone or scheme that is not registered.
    """
    text, tensors = _read(path, kind)
    network = make(_read_spec(path, text, spec))
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise InputError(
            f"{path}: made by another version of mlcmkd: its tensors do not fit the {kind} that its "
            "spec describes; train it again"
        ) from None
    return network.eval()


def copy_weights(
    source: Path | str,
    path: Path | str,
    spec: Config,
    parts: Mapping[str, nn.Module | None] = MappingProxyType({}),
) -> None:
    """Writes the tensors of a landmark model's file, as they are stored there, with another spec.

    Args:
        source: a file of `Landmarker.save`.
        path: the new file, written atomically.
        spec: spec of a network with these tensors.
        parts: name of a part of the network to a module whose tensors replace or are added to those of
            the file, or to None to leave that part out.

    Raises:
        InputError: as `read_weights`.
    """
    _, tensors = _read(Path(source), LANDMARKS)
    tensors = {name: x for name, x in tensors.items() if name.partition(".")[0] not in parts}
    for part, module in parts.items():
        if module is not None:
            tensors |= {f"{part}.{name}": value for name, value in _stored(module).items()}
    with replacing(Path(path)) as unfinished:
        unfinished.write_bytes(to_bytes(tensors, {KEY: spec.model_dump_json()}))


def _stored(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers as safetensors takes them."""
    return {name: x.detach().cpu().contiguous() for name, x in network.state_dict().items()}


def _read(path: Path, kind: str) -> tuple[str, dict[str, Tensor]]:
    """The spec's text and the tensors of a weights file.

    Raises:
        InputError: no such file, not safetensors, not written by `write_weights`, or another kind.
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
    if _key_of(kind) in metadata:
        return metadata[_key_of(kind)], tensors
    if KEY in metadata:
        raise InputError(f"{path}: contains a {LANDMARKS}, not a {kind}; give weights of a {kind}")
    for entry in metadata:
        if entry.startswith(f"{KEY} "):
            other = entry.removeprefix(f"{KEY} ")
            raise InputError(f"{path}: contains a {other}, not a {kind}; give weights of a {kind}")
    raise InputError(f"{path}: safetensors, but without mlcmkd's description of the model; {_FIX}")


def _key_of(kind: str) -> str:
    """The metadata entry that holds the spec of a kind of network."""
    return KEY if kind == LANDMARKS else f"{KEY} {kind}"


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


def _read_spec(path: Path, text: str, spec: type[Spec]) -> Spec:
    """The spec in a weights file.

    Raises:
        InputError: a backbone or scheme that is not registered, or a spec of another version.
    """
    try:
        return spec.validated("", json.loads(text))
    except (ValueError, RecursionError) as error:  # not JSON, or an InputError
        register = _REGISTERED_BY.get(str(error).partition(":")[0])
        if register:
            raise InputError(
                f"{path}: {error}; register your own before loading (mlcmkd.{register})"
            ) from None
        raise InputError(f"{path}: made by another version of mlcmkd ({error})") from None
