"""Kind: an image of one value, in which nothing can be seen. It is refused, or skipped on request."""

import cv2
import numpy as np
import pytest

from data_prep.prepare import prepare
from data_prep.registration.folder import pair_folder
from data_prep.verification.check_manifest import verify
from data_prep.writer import Entry, write_manifest
from mlcmkd.data.manifest import read_rows
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN, Radiometry, to_centikelvin
from mlcmkd.utils.errors import InputError
from tests.conftest import room
from tests.data_prep.test_thermal_scale import CENTIKELVIN, LEVELS, POINTS, folder

ROOM = to_centikelvin(room())
PHOTO = np.random.default_rng(0).integers(0, 256, (*ROOM.shape, 3), dtype=np.uint8)
COLOUR = np.full_like(PHOTO, (10, 20, 30))


@pytest.mark.parametrize(
    ("good", "blank", "description", "value"),
    [
        (PHOTO, np.zeros_like(PHOTO), "labels: hand", "0 0 0"),
        (PHOTO, COLOUR, "labels: hand", "10 20 30"),
        (LEVELS, np.full_like(LEVELS, 255), "labels: hand", "255"),
        (LEVELS, np.zeros_like(LEVELS), "labels: silver", "0"),
        (ROOM, np.zeros_like(ROOM), CENTIKELVIN, "0"),
        (ROOM, np.full_like(ROOM, 30000), CENTIKELVIN, "30000"),
        (ROOM, np.full_like(ROOM, 30000), "radiometry: {kind: frame-minmax}", "30000"),
    ],
)
def test_prepare_refuses_an_image_of_one_value_and_skips_it_on_request(
    tmp_path, good, blank, description, value
):
    source = folder(tmp_path / "in", {"good": good, "blank": blank}, description)
    if description == "labels: hand":  # photos
        text = (source / "dataset.yaml").read_text()
        (source / "dataset.yaml").write_text(text.replace("side: thermal\n", ""))
    reason = rf"blank\.png: all pixels have the value {value}, so nothing can be seen"
    with pytest.raises(InputError, match=reason):
        prepare("folder", source, tmp_path / "out", progress=False)
    report = prepare("folder", source, tmp_path / "out", skip_bad=True, progress=False)
    assert [name for name, _ in report.skipped] == ["blank"]
    assert [row.id for row in read_rows(tmp_path / "out")] == ["good"]


def entry(**fields) -> Entry:
    return Entry(id="a", subject="s", split="train", scheme="ibug68", landmarks=POINTS, **fields)


def test_arrays_and_functions_of_one_value_are_refused_by_the_writer(tmp_path):
    degrees = {"thermal": np.full(ROOM.shape, 30.0), "radiometry": FACE_CENTIKELVIN}
    stretched = {"thermal": np.zeros_like(ROOM), "radiometry": Radiometry(kind="frame-minmax")}
    for fields in (degrees, stretched, {"rgb": lambda: COLOUR}):
        with pytest.raises(InputError, match="row 'a': all pixels have the value"):
            write_manifest([entry(**fields)], tmp_path / "out")


@pytest.mark.parametrize("side", ["rgb", "thermal"])
def test_check_flags_an_image_of_one_value(tmp_path, side):
    """As in a manifest of an earlier version."""
    thermal = {"thermal": ROOM, "radiometry": FACE_CENTIKELVIN}
    fields = {"rgb": lambda: PHOTO} if side == "rgb" else thermal
    out = write_manifest([entry(**fields)], tmp_path / "out").folder
    assert verify(out, progress=False).ok
    (image,) = (out / side).iterdir()
    cv2.imwrite(str(image), np.full_like(ROOM if side == "thermal" else PHOTO, 7))
    report = verify(out, progress=False)
    assert report.counts == {"other bytes": 1, "wrong image": 1}
    assert "all pixels have the value 7" in report.problems[-1].what


@pytest.mark.parametrize("side", ["rgb", "thermal"])
def test_a_pair_with_an_image_of_one_value_is_refused(tmp_path, side):
    for name, values in (("rgb", PHOTO), ("thermal", ROOM)):
        (tmp_path / name).mkdir()
        blank = np.zeros_like(values) if name == side else values
        cv2.imwrite(str(tmp_path / name / "a.png"), blank)
    report = pair_folder(tmp_path / "rgb", tmp_path / "thermal", tmp_path / "out", progress=False)
    ((name, reason),) = report.refused
    assert name == "a" and f"{side}/a.png: all pixels have the value 0" in reason
