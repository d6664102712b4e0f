"""What an exported network says of itself, in the ONNX file's own metadata.

A file that travels without its project must still answer: which landmarks, which temperatures became
0 and 1, what goes in, what comes out, and who may use it. Every entry is a plain string that any
viewer of ONNX files shows.
"""

from pathlib import Path
from typing import Literal

import onnx
from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlcmkd import __version__
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError

UNSTATED = "unstated"
CODE_LICENCE = "Apache-2.0"
Kind = Literal["image", "crop"]
# Names of what goes in, by kind; the same two come out of both.
INPUTS: dict[Kind, tuple[str, ...]] = {"image": ("image", "box"), "crop": ("image",)}
OUTPUTS = ("landmarks", "confidence")
# Radiometries inside a graph: a camera's way of storing degrees C is not its business.
GRAPH_KINDS = {
    "celsius": "degrees C",
    "grey8": "levels 0 to 255, brighter is warmer",
    "frame-minmax": "any values; every frame is stretched to its own range",
}


class Card(BaseModel):
    """The metadata of an exported network.

    Attributes:
        mlcmkd: version that wrote the file.
        kind: "image" (image and face box in, pixels of the image out) or "crop" (the network's input
            in, pixels of that input out).
        scheme, points: landmark scheme, and how many points that is.
        modality: what `image` shows.
        radiometry: which thermal values become 0 and 1, of a kind in `GRAPH_KINDS`; None for RGB.
        input_px: side of the network's input, pixels.
        crop_scale: side of the square that is cut out, over the longer side of the face box.
        size, head: of the network, as in its ModelSpec.
        confidence: "mass" (share of the heatmap's probability near the answer) or "none" (the head
            has no heatmap; `confidence` is NaN).
        precision: "float32", or "int8" where the convolutions multiply 8-bit integers.
        calibration: how the 8-bit ranges were found; empty for float32.
        weights_licence: by whose terms the weights may be used; "unstated" where nobody said.
        code_licence: of the project that wrote the file.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    mlcmkd: str = __version__
    kind: Kind
    scheme: str
    points: int = Field(gt=0)
    modality: Literal["rgb", "thermal"]
    radiometry: Radiometry | None
    input_px: int = Field(gt=0)
    crop_scale: float = Field(gt=0)
    size: str
    head: str
    confidence: Literal["mass", "none"]
    precision: Literal["float32", "int8"] = "float32"
    calibration: str = ""
    weights_licence: str = Field(default=UNSTATED, min_length=1)
    code_licence: str = CODE_LICENCE

    @model_validator(mode="after")
    def _temperatures_are_told(self) -> "Card":
        if (self.modality == "thermal") != (self.radiometry is not None):
            raise ValueError(f"radiometry {self.radiometry} beside modality '{self.modality}'")
        if self.radiometry is not None and self.radiometry.kind not in GRAPH_KINDS:
            raise ValueError(f"radiometry '{self.radiometry.kind}' is none that a graph reads")
        return self

    @property
    def channels(self) -> int:
        """Channels of `image`: 3 for RGB, 1 for thermal."""
        return 3 if self.modality == "rgb" else 1

    def entries(self) -> dict[str, str]:
        """The card as strings."""
        texts = {name: str(value) for name, value in self.model_dump().items()}
        told = self.radiometry
        return texts | {"radiometry": "none" if told is None else told.model_dump_json()}

    @classmethod
    def of(cls, entries: dict[str, str]) -> "Card":
        """The card in a file's entries; other tools' entries are passed over.

        Raises:
            ValidationError: an entry is missing or has an impossible value.
        """
        told = entries.get("radiometry", "none")
        radiometry = None if told == "none" else Radiometry.model_validate_json(told)
        return cls.model_validate({**entries, "radiometry": radiometry})


def meanings(card: Card) -> dict[str, str]:
    """One line on each input and output, for viewers of ONNX files."""
    if card.kind == "crop":
        image = f"face square of {card.input_px} pixels, values 0 to 1"
    elif card.radiometry is None:
        image = "8-bit RGB"
    else:
        image = GRAPH_KINDS[card.radiometry.kind]
    sure = "share of the heatmap near the answer" if card.confidence == "mass" else "none: NaN"
    return {
        "image": image,
        "box": f"face: x0 y0 x1 y1, pixels; the square is {card.crop_scale} times its longer side",
        "landmarks": f"x y of the {card.points} points of {card.scheme}, 0-based pixels of image",
        "confidence": sure,
    }


def write_onnx(model: onnx.ModelProto, card: Card, path: Path | str) -> None:
    """Stamps a model with its card and writes it, whole or not at all.

    What the exporter noted at every node goes: it holds the paths of the machine that exported.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    graph, told = model.graph, meanings(card)
    for part in (*graph.node, *graph.initializer, *graph.value_info, graph):
        part.doc_string = ""
        del part.metadata_props[:]
    for value in (*graph.input, *graph.output):
        value.doc_string = told[value.name]
        del value.metadata_props[:]
    onnx.helper.set_model_props(model, card.entries())
    model.producer_name, model.producer_version = "mlcmkd", __version__
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(model.SerializeToString())
    unfinished.replace(path)


def check_export(path: Path | str) -> Card:
    """The card of an exported network.

    Raises:
        InputError: no such file, not a whole ONNX model, weights that lie elsewhere, no card or an
            incomplete one, or other inputs and outputs than the card's kind has.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; write it with `mlcmkd export`")
    try:
        model = onnx.load(path, load_external_data=False)
        if any(onnx.external_data_helper.uses_external_data(w) for w in model.graph.initializer):
            raise InputError(f"{path}: its weights lie in another file; export it again")
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise InputError(f"{path}: not a whole ONNX model ({_line(error)})") from None
    entries = {entry.key: entry.value for entry in model.metadata_props}
    missing = [name for name in Card.model_fields if name not in entries]
    if missing:
        raise InputError(f"{path}: ONNX, but its metadata lacks {', '.join(missing)}")
    try:
        card = Card.of(entries)
    except ValidationError as error:
        raise InputError(f"{path}: ONNX, but its metadata is wrong ({_line(error)})") from None
    names = tuple(entry.name for entry in model.graph.input)
    answers = tuple(entry.name for entry in model.graph.output)
    if names != INPUTS[card.kind] or answers != OUTPUTS:
        raise InputError(
            f"{path}: a {card.kind} model reads {INPUTS[card.kind]} and answers {OUTPUTS}, this "
            f"one reads {names} and answers {answers}"
        )
    return card


def _line(error: Exception) -> str:
    """The gist of an error on one line."""
    return " ".join(str(error).split())[:200]
