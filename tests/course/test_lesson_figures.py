"""Figures as they are stored in notebooks."""

import io

import numpy as np
import pytest
from PIL import Image

from mlcmkd import plots
from mlcmkd.course import lesson as lesson_module
from mlcmkd.course.lesson import Lesson


def curves():
    """A figure that is full to its lower border: legends of six lines."""
    fractions = np.linspace(0, 1, 5)
    orders = ("integrated-gradients", "smoothgrad", "occlusion", "ablation", "another's", "random")
    both = dict.fromkeys(orders, fractions)
    areas = {kind: dict.fromkeys(both, (0.5, 0.4, 0.6)) for kind in ("insertion", "deletion")}
    return plots.pixel_curves(fractions, both, both, areas)


def pairs():
    """A figure that is full to its upper border: titles above images."""
    images = np.random.default_rng(0).random((6, 32, 32))
    titles = ["another person (rank 7)"] * 6
    return plots.contact_sheet(np.stack([images] * 3, axis=-1), images, columns=6, titles=titles)


@pytest.mark.parametrize("large", [0, 10**9])  # bytes from which a picture is stored as a photo
@pytest.mark.parametrize("draw", [curves, pairs])
def test_nothing_is_cut_off_in_a_stored_picture(monkeypatch, tmp_path, draw, large):
    shown = []
    monkeypatch.setattr(lesson_module, "display", shown.append)
    monkeypatch.setattr(lesson_module, "_LARGE", large)
    Lesson(scale="smoke", device="cpu", work=tmp_path).show(draw(), "figure")
    picture = Image.open(io.BytesIO(shown[0].data))
    assert picture.format == ("JPEG" if large == 0 else "PNG")
    for border in (np.asarray(picture.convert("L"))[edge] for edge in (0, -1)):
        assert border.min() > 180  # white, up to the compression
