"""Rendered faces as a manifest: they are those of the stages, and valid by the rules for other data."""

import numpy as np
import pytest
import torch

from data_prep.rendered import write_rendered
from data_prep.simulation.of_photo import SimulatedThermal
from data_prep.verification.check_manifest import verify
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import read_rows
from mlcmkd.data.pairs import load_pairs
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.utils.errors import InputError


def write(folder, count=6, **options):
    return write_rendered(folder, count, progress=False, workers=1, **options)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered") / "manifest"
    write(folder, held=2, seed=3)
    return folder


def test_the_manifest_has_the_faces_that_the_stages_render(rendered):
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        read = load_pairs(rendered, split, 64)
        direct = load_pairs("synthetic", split, 64, count=count, seed=3)
        assert torch.equal(read.rgb, direct.rgb)
        # Stored in hundredths of a kelvin.
        counts = 0.005 / 22 * 65535 + 1
        assert (read.thermal.int() - direct.thermal.int()).abs().max() <= counts
        assert torch.allclose(read.landmarks, direct.landmarks, atol=1e-6)
        assert torch.equal(read.visible, direct.visible)


def test_no_person_is_in_two_splits(rendered):
    subjects = {}
    for row in read_rows(rendered):
        subjects.setdefault(row.split, set()).add(row.subject)
    assert set(subjects) == {"train", "val", "test"}
    assert len(set.union(*subjects.values())) == sum(len(each) for each in subjects.values())


def test_the_check_finds_nothing(rendered):
    assert verify(rendered).ok


def test_the_same_command_changes_nothing(rendered):
    before = {path: path.stat().st_mtime_ns for path in rendered.rglob("*")}
    write(rendered, held=2, seed=3)
    assert {path: path.stat().st_mtime_ns for path in rendered.rglob("*")} == before


def test_another_set_replaces_one_only_if_it_is_told_to(rendered):
    with pytest.raises(InputError, match="overwrite"):
        write(rendered, held=2, seed=4)


def test_simulated_thermal_images_are_those_of_the_rendered_photos(tmp_path):
    write(tmp_path / "out", 3, seed=5, simulate_thermal=True)
    faces = make_faces(3, seed=5)
    for n, row in enumerate(read_rows(tmp_path / "out")):
        assert np.array_equal(read_image(tmp_path / "out" / row.rgb_file_name), faces.rgb[n])
        simulated = SimulatedThermal(faces.landmarks[n], 5)(faces.rgb[n], row.rgb_sha256)
        stored = read_image(tmp_path / "out" / row.thermal_file_name) / 100 - 273.15
        assert np.abs(stored - simulated).max() <= 0.0051
        assert np.abs(stored - faces.thermal[n]).mean() > 1  # not the rendered one
        assert row.source == "rendered, thermal simulated" and row.visible is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "0 faces for training and 0 held out"),
        ({"held": -1}, "6 faces for training and -1 held out"),
        ({"simulate_thermal": True, "scheme": "wflw98"}, "need the scheme ibug68, not 'wflw98'"),
        ({"scheme": "ibug86"}, "is not defined on the rendered head"),
        ({"size": 20}, "size"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        write(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
