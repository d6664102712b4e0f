"""The bundled models: weights and cards of a light thermal student and of an RGB teacher.

Both were trained on synthetic faces only, and have the same input size and landmark scheme, so that
they can be compared on the same pairs. The teacher is larger because it has to be accurate; its card
explains why the size `half` was chosen. Each modality also has a face detector, trained on rendered
frames.

For each file of weights there is an ONNX graph of the same name in the same folder, which reads its
tensors from that file. Prediction runs the graphs, because the import of ONNX Runtime takes a tenth of a
second, and that of torch and timm several seconds. `python scripts/pack_graphs.py` writes the graphs.
"""

from pathlib import Path
from typing import NamedTuple

from mlcmkd.data.modality import Modality
from mlcmkd.utils.errors import InputError

FOLDER = Path(__file__).parent


class BundledFiles(NamedTuple):
    """Names of a modality's files in `FOLDER`, and the size limit of the landmark weights in bytes.

    Attributes:
        weights, card: weights and card of the landmark network.
        largest: largest size of `weights`, bytes.
        detector: weights of the face detector.
    """

    weights: str
    card: str
    largest: int
    detector: str

    @property
    def graph(self) -> str:
        """File name of the ONNX graph of the landmark weights."""
        return graph_name(self.weights)

    @property
    def detector_graph(self) -> str:
        """File name of the ONNX graph of the face detector."""
        return graph_name(self.detector)


def graph_name(weights: str) -> str:
    """File name of the ONNX graph of a file of weights."""
    return weights.removesuffix(".safetensors") + ".onnx"


FILES: dict[Modality, BundledFiles] = {
    "rgb": BundledFiles(
        "rgb_model.safetensors", "rgb_card.md", 3_000_000, "rgb_detector.safetensors"
    ),
    "thermal": BundledFiles("model.safetensors", "card.md", 2_000_000, "detector.safetensors"),
}


def bundled_weights(modality: Modality = "thermal") -> Path:
    """Path of the weights of a bundled model.

    Args:
        modality: "thermal" for the light thermal student, "rgb" for the RGB teacher.

    Raises:
        InputError: an unknown modality, or the installation lacks the model.
    """
    return _installed(_files(modality).weights, f"{modality} model")


def bundled_detector(modality: Modality = "thermal") -> Path:
    """Path of the weights of the bundled face detector.

    Args:
        modality: "thermal" or "rgb", of the frames.

    Raises:
        InputError: an unknown modality, or the installation lacks the detector.
    """
    return _installed(_files(modality).detector, f"{modality} face detector")


def bundled_graph(modality: Modality = "thermal") -> Path:
    """Path of the ONNX graph of a bundled model, of kind "crop"; it needs the weights in its folder.

    Args:
        modality: as in `bundled_weights`.

    Raises:
        InputError: an unknown modality, or the installation lacks the model.
    """
    bundled_weights(modality)
    return _installed(_files(modality).graph, f"{modality} model")


def bundled_detector_graph(modality: Modality = "thermal") -> Path:
    """Path of the ONNX graph of the bundled face detector; it needs the weights in its folder.

    Args:
        modality: "thermal" or "rgb", of the frames.

    Raises:
        InputError: an unknown modality, or the installation lacks the detector.
    """
    bundled_detector(modality)
    return _installed(_files(modality).detector_graph, f"{modality} face detector")


def model_card(modality: Modality = "thermal") -> str:
    """The card of a bundled model in Markdown: data, figures, limits, and excluded uses.

    Raises:
        InputError: an unknown modality.
    """
    return (FOLDER / _files(modality).card).read_text(encoding="utf-8")


def _installed(name: str, what: str) -> Path:
    """Path of a bundled file."""
    path = FOLDER / name
    if not path.is_file():
        raise InputError(
            f"{path}: the bundled {what} is missing; install mlcmkd again, or give weights of your own"
        )
    return path


def _files(modality: Modality) -> BundledFiles:
    if modality not in FILES:
        raise InputError(f"modality '{modality}' is unknown; use {' or '.join(FILES)}")
    return FILES[modality]
