"""ONNX graphs without tensors: they refer to those of a weights file in the same folder.

The package contains the weights of each network once, as safetensors, and a small graph for ONNX
Runtime. The tensors of the graph are "external data" of ONNX: name of a file, offset and length. A node
of the graph converts tensors that are stored in float16; ONNX Runtime runs it once, when it loads the
graph.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlcmkd.deployment.onnx.card import CODE_LICENCE
from mlcmkd.deployment.onnx.detector import detector_proto
from mlcmkd.deployment.onnx.export import card_of, input_radiometry, to_proto
from mlcmkd.deployment.onnx.files import add_card
from mlcmkd.deployment.weights import FILES, graph_name
from mlcmkd.models import Landmarker
from mlcmkd.models.face_detector import FaceDetector
from mlcmkd.utils.writing import replacing

WEIGHTS_HASH = (
    "mlcmkd weights sha256"  # of the metadata: the file of weights that a graph was made for
)
_SMALLEST = 64  # smallest number of values of a shared tensor; smaller tensors stay in the graph
_TYPES = {"F16": (np.float16, TensorProto.FLOAT16), "F32": (np.float32, TensorProto.FLOAT)}


class _Stored(NamedTuple):
    """A tensor in a file of weights: its values, its offset in the file in bytes, its type in ONNX."""

    values: np.ndarray
    offset: int
    onnx_type: int


def write_graphs(folder: Path) -> list[Path]:
    """Writes the graphs of the bundled networks; returns their paths.

    Args:
        folder: folder of the bundled weights.
    """
    networks = [(Landmarker, files.weights) for files in FILES.values()]
    networks += [(FaceDetector, files.detector) for files in FILES.values()]
    return [write_graph(kind.load(folder / name), folder / name) for kind, name in networks]


def write_graph(network: Landmarker | FaceDetector, weights: Path) -> Path:
    """Writes the graph of a network into the folder of its weights, with the name of the weights.

    Args:
        network: the network that was loaded from `weights`.
        weights: a file of `Landmarker.save` or `FaceDetector.save`.

    Returns:
        path of the graph.
    """
    path = weights.with_name(graph_name(weights.name))
    if isinstance(network, FaceDetector):
        model = detector_proto(network, merged=False)
    else:
        radiometry = input_radiometry(network.spec)
        model = to_proto(network, "crop", radiometry, merged=False)
        add_card(model, card_of(network.spec, "crop", radiometry, CODE_LICENCE))
    share_weights(model, weights)
    with replacing(path) as part:
        part.write_bytes(model.SerializeToString())
    return path


def share_weights(model: onnx.ModelProto, weights: Path) -> None:
    """Replaces tensors of a graph by references to equal tensors in a file of weights.

    Args:
        model: the graph, changed in place; it must be saved in the folder of `weights`.
        weights: a safetensors file.
    """
    content = weights.read_bytes()
    stored = {_key(tensor.values): tensor for tensor in _tensors(content)}
    graph, converted = model.graph, []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        shared = stored.get(_key(values)) if values.dtype == np.float32 else None
        if shared is None or values.size < _SMALLEST:
            continue
        half = shared.onnx_type == TensorProto.FLOAT16
        name = f"{tensor.name} float16" if half else tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(_reference(name, shared, weights.name))
        if half:
            cast = helper.make_node("Cast", [name], [tensor.name], to=TensorProto.FLOAT)
            converted.append(cast)
    nodes = [*converted, *graph.node]  # ONNX requires a node to follow the nodes of its inputs
    del graph.node[:]
    graph.node.extend(nodes)
    entry = model.metadata_props.add()
    entry.key, entry.value = WEIGHTS_HASH, hashlib.sha256(content).hexdigest()


def _key(values: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    """A key that is equal for tensors of the same shape and values in float32."""
    return values.shape, values.astype(np.float32).tobytes()


def _tensors(content: bytes) -> Iterator[_Stored]:
    """The floating-point tensors of a safetensors file, with the offsets from its header."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    for entry in header.values():
        if entry["dtype"] in _TYPES:
            kind, onnx_type = _TYPES[entry["dtype"]]
            first, last = (start + place for place in entry["data_offsets"])
            values = np.frombuffer(content[first:last], kind).reshape(entry["shape"])
            yield _Stored(values, first, onnx_type)


def _reference(name: str, shared: _Stored, file: str) -> TensorProto:
    """An ONNX tensor whose values are in a file."""
    tensor = TensorProto(
        name=name,
        dims=shared.values.shape,
        data_type=shared.onnx_type,
        data_location=TensorProto.EXTERNAL,
    )
    places = {"location": file, "offset": shared.offset, "length": shared.values.nbytes}
    for key, value in places.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    return tensor
