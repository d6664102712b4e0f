"""Kind: the same name written in other ways, and other names that look alike."""

import unicodedata

import numpy as np
import pytest

from data_prep.readers.base import fail
from data_prep.readers.image_index import ImageIndex
from data_prep.registration.image_matching import Stream, images_below, match_images
from mlcmkd.data.landmark_faces import LandmarkFiles, match
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources


def test_names_that_differ_in_case_only_are_two_images(tmp_path):
    for n, name in enumerate(("x/a.png", "x/A.png", "y/A.PNG")):
        sources.image(tmp_path / name, n)
    if len(list(tmp_path.rglob("*.*"))) < 3:
        pytest.skip("this file system has no such names")
    images = ImageIndex(tmp_path, fail)
    assert images.find("x/a.png") == images.find("x/a") == tmp_path / "x/a.png"
    assert images.find("C:\\x\\A.png") == tmp_path / "x/A.png"
    assert [path.as_posix() for path in images.at("x/a")] == ["x/a.png"]
    with pytest.raises(InputError, match="'X/a.bmp' may be x/A.png or x/a.png"):
        images.find("X/a.bmp")


@pytest.mark.parametrize(("files", "table"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accented_names_of_macs_are_those_of_other_systems(tmp_path, files, table):
    name, written = (unicodedata.normalize(form, "Zoé/Grüße.png") for form in (files, table))
    sources.image(tmp_path / "rgb" / name)
    sources.image(tmp_path / "thermal" / written)
    images = ImageIndex(tmp_path / "rgb", fail)
    assert images.find(written) == images.find(f"D:/{written}") == tmp_path / "rgb" / name
    assert len(images.at(written)) == 1
    rgb, thermal = (
        Stream(tmp_path / kind, images_below(tmp_path / kind), None) for kind in ("rgb", "thermal")
    )
    assert len(match_images(rgb, thermal, 0.02, 0.0, progress=False)[0]) == 1
    one, other = (LandmarkFiles("ibug68", {text: np.zeros((68, 2))}) for text in (name, written))
    assert match(one, other) == {written: name}
