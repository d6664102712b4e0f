"""The bundled model: weights and card of a light thermal student trained on synthetic faces."""

from pathlib import Path

from mlcmkd.utils.errors import InputError

FOLDER = Path(__file__).parent


def weights_path() -> Path:
    """Path of the bundled weights.

    Raises:
        InputError: the installation lacks them.
    """
    path = FOLDER / "model.safetensors"
    if not path.is_file():
        raise InputError(f"{path}: the bundled model is missing; install mlcmkd again")
    return path


def model_card() -> str:
    """The model card in Markdown: data, figures, limits, and excluded uses."""
    return (FOLDER / "card.md").read_text(encoding="utf-8")
