"""Writing figures atomically."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mlcmkd.utils.writing import replacing


def save_figure(figure: Figure, path: Path, **options: Any) -> None:
    """Writes a figure in the format of the file's suffix; the file is complete or unchanged.

    Args:
        figure: the figure.
        path: the file to write; its folder exists.
        options: arguments of `Figure.savefig`, such as `dpi`.

    Raises:
        OSError: the file cannot be written; its `filename` is `path`.
    """
    with replacing(path) as part:
        figure.savefig(part, format=path.suffix.removeprefix("."), **options)
