"""Commands that end elsewhere than in a training: aligned pairs, attribution maps."""

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.utils.errors import InputError


@pytest.fixture
def two_cameras(tmp_path):
    """Three aligned pairs in two folders."""
    faces = make_faces(3, seed=1, size=96, first_identity=700)
    for side in ("rgb", "thermal"):
        (tmp_path / side).mkdir()
    for number, (photo, celsius) in enumerate(zip(faces.rgb, faces.thermal, strict=True)):
        cv2.imwrite(str(tmp_path / f"rgb/{number}.png"), photo[..., ::-1])
        counts = np.rint(100 * (celsius + 273.15)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"thermal/{number}.png"), counts)
    return tmp_path


def test_pair_writes_a_row_a_pair(two_cameras):
    folders = [str(two_cameras / name) for name in ("rgb", "thermal", "pairs")]
    result = CliRunner().invoke(app, ["pair", *folders, "--method", "ecc", "--overlays", "1"])
    assert result.exit_code == 0, result.output
    lines = (two_cameras / "pairs/pairing.csv").read_text().splitlines()
    assert len(lines) == 4 and "residual_px" in lines[0]
    assert "pairs" in result.output


def test_pair_is_an_error_if_every_pair_is_refused_and_keeps_what_it_wrote(two_cameras):
    for path in (two_cameras / "rgb").iterdir():
        cv2.imwrite(str(path), np.full((96, 96, 3), 7, dtype=np.uint8))
    folders = [str(two_cameras / name) for name in ("rgb", "thermal", "pairs")]
    result = CliRunner().invoke(app, ["pair", *folders])
    assert isinstance(result.exception, InputError)
    line, table = str(result.exception), two_cameras / "pairs/pairing.csv"
    assert "all pairs (3) were refused, the first, '0': " in line and "\n" not in line
    assert f"{table} lists the reasons" in line and "0 pairs, 3 refused" in result.output
    assert len(table.read_text().splitlines()) == 4


def test_pair_names_the_methods_that_there_are(two_cameras):
    folders = [str(two_cameras / name) for name in ("rgb", "thermal", "pairs")]
    result = CliRunner().invoke(app, ["pair", *folders, "--method", "magic"])
    assert isinstance(result.exception, InputError) and "'magic'" in str(result.exception)


def test_attribute_explains_one_thing(tmp_path):
    command = ["attribute", "--out", str(tmp_path), "--rgb", "r", "--thermal", "t"]
    result = CliRunner().invoke(app, [*command, "--landmark", "3", "--group", "mouth"])
    assert isinstance(result.exception, InputError) and "not both" in str(result.exception)
    result = CliRunner().invoke(app, [*command, "--method", "magic"])
    assert isinstance(result.exception, InputError) and "'grad-cam'" in str(result.exception)
