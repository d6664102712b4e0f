"""The metadata of an exported network, stored in the ONNX file itself.

A user who has only the file must be able to find its landmark scheme, the temperatures that become 0 and
1, its inputs and outputs, and its licence. Every entry is a string, which any viewer of ONNX files
shows.
"""

import json
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from mlcmkd import __version__
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.config import Config, late
from mlcmkd.utils.errors import InputError

UNSTATED = "unstated"
CODE_LICENCE = "Apache-2.0"
Kind = Literal["image", "crop"]
# Names of the inputs by kind; both kinds have the same outputs.
INPUTS: dict[Kind, tuple[str, ...]] = {"image": ("image", "box"), "crop": ("image",)}
OUTPUTS = ("landmarks", "confidence", "deviation")
# The kinds of radiometry inside a graph, with the unit of its input. A graph takes degrees C,
# whatever format a camera stores them in.
GRAPH_KINDS = {
    "celsius": "degrees C",
    "grey8": "levels 0 to 255, brighter is warmer",
    "frame-minmax": "any values; every frame is stretched to its own range",
}


class Card(Config):
    """The metadata of an exported network."""

    model_config = ConfigDict(extra="ignore")  # other programs may add entries to the file

    mlcmkd: str = Field(default=__version__, description="Version that wrote the file.")
    kind: Kind = Field(
        description="image: takes an image and a face box, returns landmarks in pixels of the image; "
        "crop: takes the network's input, returns landmarks in pixels of that input."
    )
    scheme: str = Field(description="Landmark scheme.")
    points: int = Field(gt=0, description="Number of landmarks.")
    modality: Modality = Field(description="Modality of `image`.")
    radiometry: Radiometry | None = Field(
        description="Thermal values that become 0 and 1, of a kind in `GRAPH_KINDS`; None for RGB."
    )
    input_px: int = Field(gt=0, description="Side of the network's input, pixels.")
    crop_scale: float = Field(
        gt=0, description="Side of the square crop, divided by the longer side of the face box."
    )
    size: str = Field(description="Size of the network, as in its ModelSpec.")
    head: str = Field(description="Head of the network, as in its ModelSpec.")
    normalisation: Literal["fixed", "image"] | None = late(
        None, description="Normalisation of the input, as in its ModelSpec; None in older files."
    )
    confidence: Literal["mass", "none"] = Field(
        description="mass: share of the heatmap's probability near the landmark; none: the head has "
        "no heatmap, and `confidence` is NaN."
    )
    deviation: str = late(
        "",
        description="How the standard deviation of each coordinate was calibrated; empty where "
        "`deviation` is NaN.",
    )
    precision: Literal["float32", "int8"] = Field(
        default="float32", description="int8 if convolutions multiply 8-bit integers."
    )
    calibration: str = Field(
        default="", description="How the 8-bit ranges were found; empty for float32."
    )
    weights_licence: str = Field(
        default=UNSTATED, min_length=1, description="Licence of the weights."
    )
    code_licence: str = Field(
        default=CODE_LICENCE, description="Licence of the code that wrote the file."
    )

    @model_validator(mode="after")
    def _radiometry_fits_modality(self) -> "Card":
        if (self.modality == "thermal") != (self.radiometry is not None):
            raise ValueError(
                f"radiometry {self.radiometry} does not fit modality '{self.modality}'"
            )
        if self.radiometry is not None and self.radiometry.kind not in GRAPH_KINDS:
            raise ValueError(
                f"radiometry '{self.radiometry.kind}' is not one of {', '.join(GRAPH_KINDS)}"
            )
        return self

    @property
    def channels(self) -> int:
        """Channels of `image`: 3 for RGB, 1 for thermal."""
        return 3 if self.modality == "rgb" else 1

    def to_metadata(self) -> dict[str, str]:
        """The fields as strings."""
        texts = {name: str(value) for name, value in self.model_dump().items()}
        radiometry = "none" if self.radiometry is None else self.radiometry.model_dump_json()
        return texts | {"radiometry": radiometry}

    @classmethod
    def from_metadata(cls, entries: dict[str, str], where: str = "card") -> "Card":
        """The card in the metadata of a file; entries of other programs are ignored.

        Args:
            entries: key to value.
            where: start of error messages.

        Raises:
            InputError: an entry is missing or has an invalid value.
        """
        text = entries.get("radiometry", "none")
        try:
            radiometry = None if text == "none" else json.loads(text)
        except ValueError:
            raise InputError(f"{where}: radiometry: not JSON; export the model again") from None
        return cls.validated(where, {**entries, "radiometry": radiometry})


def descriptions(card: Card) -> dict[str, str]:
    """A description of each input and output by its name, for viewers of ONNX files."""
    if card.kind == "crop":
        image = f"face square of {card.input_px} pixels, values 0 to 1"
    elif card.radiometry is None:
        image = "8-bit RGB"
    else:
        image = GRAPH_KINDS[card.radiometry.kind]
    confidence = "share of the heatmap near the point" if card.confidence == "mass" else "none: NaN"
    return {
        "image": image,
        "box": f"face: x0 y0 x1 y1, pixels; the square is {card.crop_scale} times its longer side",
        "landmarks": f"x y of the {card.points} points of {card.scheme}, 0-based pixels of image",
        "confidence": confidence,
        "deviation": "standard deviation of each coordinate, pixels of image"
        if card.deviation
        else "none: NaN",
    }
