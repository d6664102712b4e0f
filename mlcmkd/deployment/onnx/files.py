"""Writing and validation of ONNX files with a card."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from mlcmkd import __version__
from mlcmkd.deployment.onnx.card import INPUTS, OUTPUTS, Card, descriptions
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.file_kinds import incomplete
from mlcmkd.utils.writing import replacing

_OLD_OUTPUTS = OUTPUTS[:2]  # outputs of older files, without the deviation
_LATER = ("normalisation", "deviation")  # fields that older files lack


def strip_notes(model: onnx.ModelProto) -> None:
    """Removes the notes of the exporter at each node, which contain paths of this machine."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    for part in (*graph.node, *graph.initializer, *values, graph):
        part.doc_string = ""
        del part.metadata_props[:]
    model.producer_name, model.producer_version = "mlcmkd", __version__


def add_card(model: onnx.ModelProto, card: Card) -> None:
    """Adds a card to the metadata of a model, and its descriptions to inputs and outputs."""
    strip_notes(model)
    texts = descriptions(card)
    for value in (*model.graph.input, *model.graph.output):
        value.doc_string = texts[value.name]
    onnx.helper.set_model_props(model, card.to_metadata())


def write_onnx(model: onnx.ModelProto, card: Card, path: Path | str) -> None:
    """Adds a card to a model and writes it atomically.

    Args:
        model: the graph, changed in place.
        card: its metadata.
        path: path of the ONNX file; missing folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    add_card(model, card)
    with replacing(path) as unfinished:
        unfinished.write_bytes(model.SerializeToString())


def check_export(path: Path | str) -> Card:
    """Validates an exported network and returns its card.

    Raises:
        InputError: no such file, not a complete ONNX model, weights in a separate file, missing or
            invalid metadata, or inputs and outputs that do not fit the card's kind.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; write it with `mlcmkd export`")
    try:
        model = onnx.load(path, load_external_data=False)
        if any(onnx.external_data_helper.uses_external_data(w) for w in model.graph.initializer):
            raise InputError(f"{path}: its weights are in another file; export it again")
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise incomplete(path, "ONNX model", _one_line(error), "export it again") from None
    entries = {entry.key: entry.value for entry in model.metadata_props}
    missing = [name for name in Card.model_fields if name not in (*entries, *_LATER)]
    if missing:
        whose = "of another program: " if "mlcmkd" not in entries else ""
        raise InputError(
            f"{path}: an ONNX model, but {whose}its metadata lacks {', '.join(missing)}, which "
            "`mlcmkd export` writes; give a file of this command"
        )
    card = Card.from_metadata(entries, f"{path}: ONNX, but its metadata is invalid")
    inputs = tuple(entry.name for entry in model.graph.input)
    outputs = tuple(entry.name for entry in model.graph.output)
    if inputs != INPUTS[card.kind] or outputs not in (OUTPUTS, _OLD_OUTPUTS):
        raise InputError(
            f"{path}: a model of kind '{card.kind}' has the inputs {INPUTS[card.kind]} and outputs "
            f"{OUTPUTS}, but this one has {inputs} and {outputs}; export it again"
        )
    return card


def _one_line(error: Exception) -> str:
    """The first 200 characters of an error, on one line."""
    return " ".join(str(error).split())[:200]
