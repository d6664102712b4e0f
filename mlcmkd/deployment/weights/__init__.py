"""The model in the box: a light thermal student of drawn faces. Its card is card.md beside it."""

from pathlib import Path

from mlcmkd.utils.errors import InputError

FOLDER = Path(__file__).parent


def weights() -> Path:
    """The file of its weights.

    Raises:
        InputError: this installation came without them.
    """
    path = FOLDER / "model.safetensors"
    if not path.is_file():
        raise InputError(f"{path}: the model in the box is not there; install mlcmkd again")
    return path


def card() -> str:
    """Its model card, Markdown: data, figures, limits, and what it must not be used for."""
    return (FOLDER / "card.md").read_text(encoding="utf-8")
