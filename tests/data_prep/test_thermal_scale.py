"""Thermal images in another scale than stated: refused by prepare and the writer, flagged by --check."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from data_prep.prepare import prepare
from data_prep.verification.check_manifest import verify
from data_prep.writer import Entry, write_manifest
from mlcmkd.cli import app
from mlcmkd.data.manifest import MANIFEST, read_rows
from mlcmkd.data.manifest_pairs import load_manifest
from mlcmkd.data.thermal.palettes import apply_palette
from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    GREY8,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.utils.errors import InputError
from tests.conftest import room

ROOM = room()
LEVELS = np.rint((ROOM - ROOM.min()) / np.ptp(ROOM) * 255).astype(np.uint8)
DECIKELVIN = np.rint(10 * (ROOM + 273.15)).astype(np.uint16)
RAW = np.rint(7000 + 40 * ROOM).astype(np.uint16)
POINTS = np.stack([20 + np.arange(68) / 2, 15 + np.arange(68) / 3], axis=1)
CENTIKELVIN = "radiometry: {kind: centikelvin, low: 18, high: 40}"


def folder(path, images, *description):
    """A folder of thermal images with landmarks, one person each."""
    path.mkdir()
    header = "image," + ",".join(f"{axis}{n}" for n in range(68) for axis in "xy")
    lines = [header]
    for name, values in images.items():
        Image.fromarray(values).save(path / f"{name}.png")
        lines.append(f"{name}.png," + ",".join(f"{value:g}" for value in POINTS.ravel()))
    (path / "landmarks.csv").write_text("\n".join(lines) + "\n")
    text = ("side: thermal", "scheme: ibug68", *description)
    (path / "dataset.yaml").write_text("\n".join(text) + "\n")
    return path


def test_prepare_refuses_each_file_in_another_scale_and_skips_it_on_request(tmp_path):
    images = {"good": to_centikelvin(ROOM), "deci": DECIKELVIN, "raw": RAW}
    images["swapped"] = images["good"].byteswap()
    source = folder(tmp_path / "in", images, CENTIKELVIN)
    with pytest.raises(InputError, match=r"deci\.png: 100\.0 % .*likely decikelvin"):
        prepare("folder", source, tmp_path / "out", progress=False)
    report = prepare("folder", source, tmp_path / "out", skip_bad=True, progress=False)
    assert [name for name, _ in report.skipped] == ["deci", "raw", "swapped"]
    assert [row.id for row in read_rows(tmp_path / "out")] == ["good"]


def test_prepare_refuses_a_file_whose_face_is_beyond_the_range(tmp_path):
    hot = ROOM.copy()
    hot[12:42, 15:60] += 30  # where POINTS are
    images = {"good": to_centikelvin(ROOM), "hot": to_centikelvin(hot)}
    source = folder(tmp_path / "in", images, CENTIKELVIN)
    with pytest.raises(InputError, match=r"hot\.png: 100\.0 % of its face's pixels are outside"):
        prepare("folder", source, tmp_path / "out", progress=False)


def test_check_flags_a_manifest_whose_files_are_in_another_scale(tmp_path):
    entry = Entry(
        id="a",
        subject="s",
        split="train",
        scheme="ibug68",
        landmarks=POINTS,
        thermal=ROOM,
        radiometry=FACE_CENTIKELVIN,
    )
    out = write_manifest([entry], tmp_path / "out").folder
    assert verify(out).ok
    (row,) = read_rows(out)
    # As it was written before the writer checked arrays: levels 0 to 255 as degrees C.
    for stored in (DECIKELVIN, to_centikelvin(LEVELS)):
        cv2.imwrite(str(out / row.thermal_file_name), stored)
        fields = json.loads((out / MANIFEST).read_text())
        fields.pop("thermal_sha256", None)
        (out / MANIFEST).write_text(json.dumps(fields) + "\n")
        kinds = {problem.kind: problem.what for problem in verify(out).problems}
        assert list(kinds) == ["wrong image"]
        assert "pixels are" in kinds["wrong image"]
        with pytest.raises(InputError, match="pixels are"):  # and a training refuses it
            load_manifest(out, "train", 32, progress=False)


def written(tmp_path, thermal, radiometry):
    entry = Entry("a", "s", "train", "ibug68", POINTS, thermal=thermal, radiometry=radiometry)
    out = write_manifest([entry], tmp_path / "out", overwrite=True).folder
    assert verify(out).ok
    (row,) = read_rows(out)
    stored = cv2.imread(str(out / row.thermal_file_name), cv2.IMREAD_UNCHANGED)
    return stored, load_manifest(out, "train", 32, progress=False).thermal / 65535


def test_arrays_are_stored_as_their_type_and_radiometry_say(tmp_path):
    degrees, unit = written(tmp_path, ROOM, FACE_CENTIKELVIN)
    np.testing.assert_array_equal(degrees, to_centikelvin(ROOM))
    decikelvin = Radiometry(kind="decikelvin", low=18, high=40)
    stored, same = written(tmp_path, DECIKELVIN, decikelvin)
    np.testing.assert_array_equal(stored, DECIKELVIN)
    np.testing.assert_allclose(same, unit, atol=0.005)
    np.testing.assert_array_equal(written(tmp_path, degrees, FACE_CENTIKELVIN)[0], degrees)
    stored, levels = written(tmp_path, LEVELS, GREY8)
    np.testing.assert_array_equal(stored, LEVELS)
    iron = apply_palette(LEVELS / 255, "iron")
    stored, inverted = written(tmp_path, iron, Radiometry(kind="palette", low=0, high=255))
    np.testing.assert_array_equal(stored[..., ::-1], iron)
    np.testing.assert_allclose(inverted, levels, atol=0.02)


@pytest.mark.parametrize(
    ("thermal", "radiometry", "message"),
    [
        (LEVELS, FACE_CENTIKELVIN, "row 'a': an array of uint8 holds grey levels, not degrees C"),
        (LEVELS.astype(float), FACE_CENTIKELVIN, "row 'a': .*face's .* likely 8-bit grey levels"),
        (ROOM + 273.15, FACE_CENTIKELVIN, "row 'a': .* likely kelvin"),
        (ROOM * 9 / 5 + 32, FACE_CENTIKELVIN, "row 'a': .* likely degrees Fahrenheit"),
        (RAW, FACE_CENTIKELVIN, "row 'a': 100.0 % of its pixels are below 18"),
        (LEVELS, None, "an array of uint8 holds grey levels"),
        (RAW, None, "row 'a': a thermal array without radiometry"),
        (ROOM, FACE_CELSIUS, "temperatures are stored as centikelvin"),
        (RAW, GREY8, "uint16 pixels, but radiometry 'grey8' means uint8"),
    ],
)
def test_arrays_in_another_scale_are_refused_by_the_writer(tmp_path, thermal, radiometry, message):
    with pytest.raises(InputError, match=message):
        written(tmp_path, thermal, radiometry)


def test_black_hot_data_is_prepared_as_such(tmp_path):
    white = folder(tmp_path / "white", {"a": LEVELS})
    black = folder(tmp_path / "black", {"a": 255 - LEVELS})
    prepare("folder", white, tmp_path / "w", progress=False)
    command = ["prepare", "folder", str(black), str(tmp_path / "b"), "--black-hot"]
    assert CliRunner().invoke(app, command).exit_code == 0
    (row,) = read_rows(tmp_path / "b")
    assert row.radiometry == Radiometry(kind="grey8", low=0, high=255, black_hot=True)
    images = [load_manifest(tmp_path / out, row.split, 32, progress=False) for out in "wb"]
    np.testing.assert_array_equal(*(pairs.thermal.numpy() for pairs in images))
    assert verify(tmp_path / "b").ok


def test_a_stated_palette_is_used_and_refused_where_it_applies_to_nothing(tmp_path):
    iron = folder(tmp_path / "iron", {"a": apply_palette(LEVELS / 255, "iron")})
    prepare("folder", iron, tmp_path / "out", palette="iron", progress=False)
    (row,) = read_rows(tmp_path / "out")
    assert row.radiometry.palette == "iron"
    with pytest.raises(InputError, match="not those of palette 'jet'"):
        prepare("folder", iron, tmp_path / "other", palette="jet", progress=False)
    with pytest.raises(InputError, match="palette 'pink' is unknown"):
        prepare("folder", iron, tmp_path / "other", palette="pink", progress=False)
    raw = folder(tmp_path / "raw", {"a": to_centikelvin(ROOM)}, CENTIKELVIN)
    with pytest.raises(InputError, match="no 8-bit thermal image"):
        prepare("folder", raw, tmp_path / "other", black_hot=True, progress=False)


def test_prepare_tells_of_radiometric_jpegs(tmp_path):
    source = folder(tmp_path / "in", {"a": LEVELS})
    jpeg = source / "a.jpg"
    Image.fromarray(LEVELS).save(jpeg)
    (source / "a.png").unlink()
    data = jpeg.read_bytes()
    segment = b"FLIR\0\1" + bytes(40)
    marker = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    jpeg.write_bytes(data[:2] + marker + data[2:])
    report = str(prepare("folder", source, tmp_path / "out", progress=False))
    assert f"notice: {jpeg}: a radiometric JPEG" in report


def test_prepare_tells_if_grey_images_were_taken_for_photos_by_default(tmp_path):
    source = folder(tmp_path / "in", {"a": LEVELS})
    (source / "dataset.yaml").unlink()
    report = prepare("folder", source, tmp_path / "out", progress=False)
    (line,) = report.notices
    assert f"{source / 'a.png'} and others have no colour" in line
    colours = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    photos = folder(tmp_path / "photos", {"a": LEVELS, "b": colours})
    (photos / "dataset.yaml").unlink()
    assert prepare("folder", photos, tmp_path / "other", progress=False).notices == []


def test_a_box_that_is_none_is_named_not_a_traceback(tmp_path):
    for box in ((0, 0, np.inf, 9), (0, np.nan, 5, 9)):
        entry = Entry(
            "a", "s", "train", "ibug68", thermal=ROOM, radiometry=FACE_CENTIKELVIN, box=box
        )
        with pytest.raises(InputError, match="row 'a': "):
            write_manifest([entry], tmp_path / "out")
