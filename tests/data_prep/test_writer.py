"""The manifest: written completely or not at all, readable by mlcmkd and by Hugging Face."""

import hashlib
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from data_prep.report_file import REPORT, read_report, write_report
from data_prep.writer import Entry, write_manifest
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import MANIFEST, read_rows
from mlcmkd.data.thermal.palettes import apply_palette
from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    GREY8,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.utils.errors import InputError

MARKS = np.arange(136.0).reshape(68, 2) / 10


def photo(path, seed=0, shape=(16, 20, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    cv2.imwrite(str(path), pixels)
    return path


def entry(tmp_path, name="a", seed=0, split="train", **fields):
    if "rgb" not in fields:
        fields["rgb"] = photo(tmp_path / f"{name}.jpg", seed)
    fields.setdefault("landmarks", MARKS)
    return Entry(
        id=name, subject=fields.pop("subject", name), split=split, scheme="ibug68", **fields
    )


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_round_trip(tmp_path):
    celsius = np.linspace(20, 38, 320, dtype=np.float32).reshape(16, 20)
    one = entry(tmp_path, thermal=celsius, radiometry=FACE_CENTIKELVIN, source="x", labels="hand")
    report = write_manifest([one], tmp_path / "out")
    assert (report.rows, report.splits, report.skipped) == (1, {"train": 1}, [])
    (row,) = read_rows(tmp_path / "out")
    assert (row.id, row.subject, row.source, row.labels) == ("a", "a", "x", "hand")
    np.testing.assert_array_equal(row.landmarks, MARKS)
    data = (tmp_path / "out" / row.rgb_file_name).read_bytes()
    assert data == one.rgb.read_bytes()  # copied, not encoded again
    assert row.rgb_sha256 == hashlib.sha256(data).hexdigest()
    assert row.rgb_file_name == f"rgb/{row.rgb_sha256[:20]}.jpg"
    raw = cv2.imread(str(tmp_path / "out" / row.thermal_file_name), cv2.IMREAD_UNCHANGED)
    assert raw.dtype == np.uint16
    assert raw[0, 0] == 29315  # 20 degrees C
    np.testing.assert_allclose(row.radiometry.celsius(raw), celsius, atol=0.0051)
    thermal = (tmp_path / "out" / row.thermal_file_name).read_bytes()
    assert row.thermal_sha256 == hashlib.sha256(thermal).hexdigest()
    assert names(tmp_path / "out") == sorted([MANIFEST, row.rgb_file_name, row.thermal_file_name])


def test_a_thermal_file_is_copied(tmp_path):
    thermal = photo(tmp_path / "t.png", shape=(16, 20))
    write_manifest([entry(tmp_path, rgb=None, thermal=thermal, radiometry=GREY8)], tmp_path / "out")
    (row,) = read_rows(tmp_path / "out")
    assert row.rgb_file_name is None
    assert (tmp_path / "out" / row.thermal_file_name).read_bytes() == thermal.read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_the_copy_of_an_image_with_an_orientation_tag_is_upright(tmp_path, suffix):
    """Without the tag, because training, Hugging Face and viewers do not all apply it."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored image is turned by a quarter
    stored = np.random.default_rng(0).integers(0, 256, (20, 16, 3), dtype=np.uint8)
    fields = {"rgb": tmp_path / f"a.{suffix}"}
    Image.fromarray(stored).save(fields["rgb"], exif=exif)
    counts = np.arange(320, dtype=np.uint16).reshape(20, 16) + 29000
    Image.fromarray(counts).save(tmp_path / "t.tiff", exif=exif)
    fields |= {"thermal": tmp_path / "t.tiff", "radiometry": FACE_CENTIKELVIN}
    write_manifest([entry(tmp_path, **fields)], tmp_path / "out")
    (row,) = read_rows(tmp_path / "out")
    for name, source in ((row.rgb_file_name, "rgb"), (row.thermal_file_name, "thermal")):
        with Image.open(tmp_path / "out" / name) as image:
            assert image.size == (20, 16) and not image.getexif()
            assert np.array_equal(np.array(image), read_image(fields[source]))
    assert np.array_equal(read_image(fields["thermal"]), np.rot90(counts, -1))


def test_arrays_are_stored_as_images(tmp_path):
    """Viewers and Hugging Face open TIFF and PNG, but no `.npy`."""
    celsius = np.linspace(20, 38, 320, dtype=np.float32).reshape(16, 20)
    for values, radiometry, suffix in (
        (celsius, FACE_CELSIUS, "tiff"),
        (to_centikelvin(celsius), FACE_CENTIKELVIN, "png"),
    ):
        np.save(tmp_path / "a.npy", values)
        one = entry(tmp_path, rgb=None, thermal=tmp_path / "a.npy", radiometry=radiometry)
        write_manifest([one], tmp_path / suffix)
        (row,) = read_rows(tmp_path / suffix)
        assert row.thermal_file_name.endswith(suffix)
        assert np.array_equal(read_image(tmp_path / suffix / row.thermal_file_name), values)


class Blue:
    """A photo out of a file that holds many."""

    def __call__(self):
        pixels = np.full((16, 20, 3), (0, 0, 200), np.uint8)
        pixels[8:] = 90
        return pixels


def test_a_photo_may_come_from_a_function_and_facts_stay(tmp_path):
    fields = {
        "box": (1.0, 2.0, 14.0, 13.0),
        "visible": np.arange(68) > 0,
        "facts": {"distance": 1.5, "sensation": "cold"},
        "assumed": "0-based pixels",
        "group": "pose+blur",
    }
    write_manifest([entry(tmp_path, rgb=Blue(), **fields)], tmp_path / "out")
    (row,) = read_rows(tmp_path / "out")
    assert cv2.imread(str(tmp_path / "out" / row.rgb_file_name))[0, 0].tolist() == [200, 0, 0]
    assert row.visible == [False] + [True] * 67
    assert (row.box, row.facts, row.assumed, row.group) == tuple(
        fields[name] for name in ("box", "facts", "assumed", "group")
    )


def test_false_colours_of_a_known_palette_are_copied(tmp_path):
    """The file is copied unchanged after a check that its levels can be recovered."""
    levels = np.linspace(0, 1, 320).reshape(16, 20)
    iron = tmp_path / "iron.png"
    cv2.imwrite(str(iron), apply_palette(levels, "iron")[..., ::-1])
    palette = Radiometry(kind="palette", low=0, high=255, palette="iron")
    write_manifest([entry(tmp_path, rgb=None, thermal=iron, radiometry=palette)], tmp_path / "out")
    (row,) = read_rows(tmp_path / "out")
    assert row.radiometry == palette
    assert (tmp_path / "out" / row.thermal_file_name).read_bytes() == iron.read_bytes()
    colour = photo(tmp_path / "colour.png")
    text = fault(tmp_path, rgb=None, thermal=colour, radiometry=palette)
    assert text.startswith(f"{colour}: its colours are not those of palette 'iron'")


def test_a_thermal_image_is_simulated_from_the_photo_and_its_hash(tmp_path):
    seen = []

    def twin(rgb, sha256):
        seen.append((rgb, sha256))
        return np.linspace(20, 36, 320).reshape(rgb.shape[:2])

    pixels = np.zeros((16, 20, 3), np.uint8)
    pixels[:8, :, 2] = 255  # red, for OpenCV
    path = tmp_path / "red.png"
    cv2.imwrite(str(path), pixels)
    write_manifest(
        [entry(tmp_path, rgb=path, thermal=twin, radiometry=FACE_CENTIKELVIN)], tmp_path / "out"
    )
    ((rgb, sha256),) = seen
    assert rgb[0, 0].tolist() == [255, 0, 0]
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def truncated(path):
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "empty; download the image again"),
        (truncated, "not a complete image"),
        (lambda path: path.write_bytes(b"garbage" * 40), "not a complete image: it is a text file"),
    ],
)
def test_bad_images_stop_or_are_listed(tmp_path, suffix, spoil, message):
    bad = photo(tmp_path / f"b.{suffix}", 1)
    spoil(bad)
    entries = [entry(tmp_path, "a"), entry(tmp_path, "b", rgb=bad), entry(tmp_path, "c", 2)]
    with pytest.raises(InputError) as caught:
        write_manifest(entries, tmp_path / "out")
    assert str(bad) in str(caught.value)
    assert message in str(caught.value)
    # Neither a manifest nor what could be taken for one is left behind.
    left = sorted(p.name for p in tmp_path.iterdir() if "out" in p.name)
    assert left == [".out.lock", ".out.partial"]
    assert not list(tmp_path.rglob(MANIFEST))
    report = write_manifest(entries, tmp_path / "out", skip_bad=True)
    assert [name for name, _ in report.skipped] == ["b"]
    assert message in report.skipped[0][1]
    assert [row.id for row in read_rows(tmp_path / "out")] == ["a", "c"]


def fault(tmp_path, **fields):
    with pytest.raises(InputError) as caught:
        write_manifest([entry(tmp_path, **fields)], tmp_path / "out")
    return str(caught.value)


def test_faults_are_named(tmp_path):
    grey16 = tmp_path / "t16.png"
    cv2.imwrite(str(grey16), 30000 + np.arange(320, dtype=np.uint16).reshape(16, 20))
    colour = photo(tmp_path / "colour.png")
    small = photo(tmp_path / "small.png", shape=(8, 10))
    text = fault(tmp_path, thermal=small, radiometry=GREY8)
    assert "the photo is 20 x 16 and the thermal image 10 x 8 pixels" in text
    assert "8-bit colour" in fault(tmp_path, rgb=grey16)
    assert "uint16 pixels, but radiometry 'grey8'" in fault(
        tmp_path, thermal=grey16, radiometry=GREY8
    )
    assert "uint8 pixels, but radiometry 'centikelvin'" in fault(
        tmp_path, thermal=small, radiometry=FACE_CENTIKELVIN
    )
    assert "a colour image instead of a thermal one" in fault(
        tmp_path, thermal=colour, radiometry=GREY8
    )
    assert "a thermal file without radiometry" in fault(tmp_path, thermal=small)
    text = fault(tmp_path, thermal=np.zeros((16, 20)), radiometry=FACE_CELSIUS)
    assert "stored as centikelvin" in text
    text = fault(tmp_path, thermal=900.0 + np.eye(16, 20), radiometry=FACE_CENTIKELVIN)
    assert "row 'a': 100.0 % of its pixels are above 40" in text
    text = fault(tmp_path, rgb=None, thermal=lambda *_: None, radiometry=FACE_CENTIKELVIN)
    assert "thermal simulation needs a photo" in text
    assert "neither rgb_file_name nor" in fault(tmp_path, rgb=None)
    assert "67 landmarks, but scheme ibug68 has 68" in fault(tmp_path, landmarks=MARKS[:67])
    assert "instead of (K, 2)" in fault(tmp_path, landmarks=MARKS.ravel())
    far = MARKS.copy()
    far[5] = [40, 3]
    assert "landmark 5 is at (40.0, 3.0) in an image of 20 x 16" in fault(tmp_path, landmarks=far)
    far[5] = [np.nan, 3]
    assert "landmark 5" in fault(tmp_path, landmarks=far)
    text = fault(tmp_path, box=(20, 0, 30, 9))
    assert "the box 20 0 30 9 lies outside the image of 20 x 16 pixels; give the box of" in text
    assert "'train', 'val' or 'test'" in fault(tmp_path, split="dev")
    assert not (tmp_path / "out").exists()


def test_errors_of_all_rows_together(tmp_path):
    a, b = entry(tmp_path, "a"), entry(tmp_path, "b", 1)
    with pytest.raises(InputError, match="id 'a' appears 2 times"):
        write_manifest([a, b, a], tmp_path / "out")
    with pytest.raises(InputError, match="subject 's' is in splits train"):
        write_manifest(
            [entry(tmp_path, "a", subject="s"), entry(tmp_path, "b", 1, "test", subject="s")],
            tmp_path / "out",
        )
    with pytest.raises(InputError, match="have the same image"):
        write_manifest([a, entry(tmp_path, "c", 0, "val")], tmp_path / "out")
    with pytest.raises(InputError, match="no row to write"):
        write_manifest([], tmp_path / "out")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"no row to write; the first error: .*No such file"):
        write_manifest([a], tmp_path / "out", skip_bad=True)


def test_an_existing_manifest_is_kept(tmp_path):
    a, b = entry(tmp_path, "a"), entry(tmp_path, "b", 1)
    out = tmp_path / "out"
    write_manifest([a], out)
    before = (out / MANIFEST).stat().st_ino
    write_manifest([a], out)  # the same things: nothing happens
    assert (out / MANIFEST).stat().st_ino == before
    with pytest.raises(InputError, match="contains a manifest of other sources or settings"):
        write_manifest([b], out)
    assert [row.id for row in read_rows(out)] == ["a"]
    write_manifest([b], out, overwrite=True)
    assert [row.id for row in read_rows(out)] == ["b"]
    assert len(names(out)) == 2  # the old photo is gone
    # A lost image is not "the same manifest".
    (out / read_rows(out)[0].rgb_file_name).unlink()
    with pytest.raises(InputError, match="of other sources or settings"):
        write_manifest([b], out)
    write_manifest([b], out, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.lock", "a.jpg", "b.jpg", "out"]


def test_a_report_changes_nothing_of_a_manifest(tmp_path):
    a, bad = entry(tmp_path, "a"), entry(tmp_path, "b", rgb=tmp_path / "none.png")
    out = tmp_path / "out"
    write_manifest([a, bad], out, skip_bad=True, skipped=[("c", "no points")])
    rows = (out / MANIFEST).stat().st_ino
    listed = json.loads((out / REPORT).read_text())["skipped"]
    assert [case["name"] for case in listed] == ["c", "b"]
    assert listed[0]["reason"] == "no points"
    assert "none.png: No such file" in listed[1]["reason"]
    write_report(out, check={"problems": []})
    write_manifest([a], out)  # the same rows: only what was left out is reported anew
    assert (out / MANIFEST).stat().st_ino == rows
    assert read_report(out) == {"skipped": [], "check": {"problems": []}}
    written = (out / REPORT).stat().st_ino
    write_manifest([a], out)
    assert (out / REPORT).stat().st_ino == written
    write_manifest([entry(tmp_path, "d", 1)], out, overwrite=True)
    assert REPORT not in names(out)


@pytest.mark.parametrize("text", ["[]", "{", '{"skipped": 1e999', "\udcff"])
def test_a_foreign_report_is_replaced(tmp_path, text):
    (tmp_path / REPORT).write_bytes(text.encode(errors="surrogateescape"))
    assert read_report(tmp_path) == {}
    write_report(tmp_path, skipped=[])
    assert read_report(tmp_path) == {"skipped": []}


def test_a_report_follows_no_link(tmp_path):
    (tmp_path / "private").write_text('{"a": 1}')
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / REPORT).symlink_to(tmp_path / "private")
    assert read_report(tmp_path / "out") == {}
    write_report(tmp_path / "out", skipped=[])
    assert not (tmp_path / "out" / REPORT).is_symlink()
    assert (tmp_path / "private").read_text() == '{"a": 1}'
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"report\.json: cannot be written"):
        write_report(tmp_path / "file", skipped=[])


def test_other_folders_are_never_replaced(tmp_path):
    a = entry(tmp_path, "a")
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    for name, message in (
        ("file", "exists and is not a folder"),
        ("link", "exists and is not a folder"),
        ("full", "contains other files than a manifest"),
    ):
        with pytest.raises(InputError, match=message):
            write_manifest([a], tmp_path / name, overwrite=True)
    assert (tmp_path / "full" / "thesis.tex").read_text() == "x"
    write_manifest([a], tmp_path / "empty")
    assert len(read_rows(tmp_path / "empty")) == 1
    # A manifest to which someone added a file is no longer only a manifest.
    (tmp_path / "empty" / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="contains other files than a manifest"):
        write_manifest([entry(tmp_path, "b", 1)], tmp_path / "empty", overwrite=True)
    assert (tmp_path / "empty" / "notes.txt").exists()


def test_no_manifest_before_its_end(tmp_path):
    """While rows are written, and after an interruption, `out` does not exist."""

    def interrupted():
        yield entry(tmp_path, "a")
        assert not (tmp_path / "out").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_manifest(interrupted(), tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.lock", ".out.partial", "a.jpg"]
    assert not list(tmp_path.rglob(MANIFEST))


# One process opens all kinds: importing `datasets` takes longer than all the rest.
OPEN = """
import sys
from datasets import load_dataset
for folder in sys.argv[2:]:
    data = load_dataset("imagefolder", data_dir=folder, cache_dir=sys.argv[1])
    assert list(data) == ["train"], list(data)
    for row in data["train"]:
        sizes = [row[s].size if row.get(s) else None for s in ("rgb", "thermal")]
        print(row["id"], sizes, row["landmarks"][1], row["split"], row["subject"])
"""


def test_hugging_face_opens_every_kind(tmp_path):
    pytest.importorskip("datasets")
    celsius = {"thermal": 30 + np.eye(16, 20), "radiometry": FACE_CENTIKELVIN}
    other = {**celsius, "thermal": 31 + np.eye(16, 20)}
    kinds = {
        "paired": [entry(tmp_path, "p", **celsius), entry(tmp_path, "q", 1, "val", **other)],
        "rgb_only": [entry(tmp_path, "r", 2), entry(tmp_path, "s", 3, "test")],
        "thermal_only": [entry(tmp_path, "t", rgb=None, **celsius)],
        "mixed": [
            entry(tmp_path, "u", 4),
            entry(tmp_path, "v", rgb=None, **celsius),
            entry(tmp_path, "w", 5, **celsius),
        ],
    }
    # Names that the loader takes for splits, and for the metadata of another.
    for kind, entries in kinds.items():
        left_out = [("x", "why")] if kind == "mixed" else []  # a report beside the rows
        write_manifest(entries, tmp_path / f"test_{kind}_train", skipped=left_out)
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            OPEN,
            str(tmp_path / "cache"),
            *(str(tmp_path / f"test_{kind}_train") for kind in kinds),
        ],
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(tmp_path / "home"),
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    size, point = "(20, 16)", "[0.2, 0.3]"
    assert result.stdout.splitlines() == [
        f"p [{size}, {size}] {point} train p",
        f"q [{size}, {size}] {point} val q",
        f"r [{size}, None] {point} train r",
        f"s [{size}, None] {point} test s",
        f"t [None, {size}] {point} train t",
        f"u [{size}, None] {point} train u",
        f"v [None, {size}] {point} train v",
        f"w [{size}, {size}] {point} train w",
    ]


CELSIUS = np.linspace(20, 38, 16 * 20, dtype=np.float32).reshape(16, 20)
COUNTS = to_centikelvin(CELSIUS)


def stored(tmp_path, **fields):
    """The thermal values in the manifest of one entry; None without a thermal image."""
    write_manifest([entry(tmp_path, **fields)], tmp_path / "out")
    (row,) = read_rows(tmp_path / "out")
    return row.thermal_file_name and read_image(tmp_path / "out" / row.thermal_file_name)


def test_arrays_of_an_entry_are_read_as_their_values_say(tmp_path):
    (tmp_path / "t.npy").write_bytes(b"")
    np.save(tmp_path / "t.npy", COUNTS)
    kinds = (CELSIUS.astype(np.float64), CELSIUS.tolist(), COUNTS, COUNTS.astype(">u2"))
    for n, thermal in enumerate((*kinds, str(tmp_path / "t.npy"))):
        place = tmp_path / str(n)
        np.testing.assert_array_equal(
            stored(place, thermal=thermal, radiometry=FACE_CENTIKELVIN), COUNTS
        )
    dead = CELSIUS.copy()
    dead[4, 5] = np.nan
    found = stored(tmp_path / "dead", thermal=dead, radiometry=FACE_CENTIKELVIN)
    assert abs(int(found[4, 5]) - int(COUNTS[4, 5])) < 100
    np.testing.assert_array_equal(np.delete(found, 85), np.delete(COUNTS, 85))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rgb": np.zeros((16, 20, 3), np.uint8)}, "a photo as an array; give its file, or a func"),
        ({"rgb": lambda: np.full((16, 20, 3), 0.5)}, "float64 instead of 8-bit colour"),
        ({"rgb": lambda: np.zeros((16, 20, 4), np.uint8)}, r"a photo of shape \(16, 20, 4\)"),
        ({"rgb": lambda: np.zeros((3, 16, 20), np.uint8)}, r"a photo of shape \(3, 16, 20\)"),
        ({"thermal": CELSIUS[:0]}, r"type float32 and shape \(0, 20\); give numbers"),
        ({"thermal": CELSIUS > 30}, "type bool and shape"),
        ({"thermal": CELSIUS[..., None]}, "not a thermal image; give .H, W."),
        ({"thermal": np.ma.masked_less(CELSIUS, 25)}, "masked thermal values; replace them"),
        ({"box": (12, 12, 2, 2)}, "box 12 12 2 2 must be x0 y0 x1 y1"),
        ({"box": (1, 1, np.nan, 12)}, "box 1 1 nan 12 must be x0 y0 x1 y1"),
        ({"box": (1, 1, 12, 12, 0.9)}, "box 1 1 12 12 0.9 must be x0 y0 x1 y1"),
        ({"landmarks": MARKS + [14, 0]}, "only .* of 68 landmarks are inside the image of 20 x 16"),
        ({"radiometry": "centikelvin"}, "radiometry: Input should be .* instance of Radiometry"),
        (
            {"radiometry": {"kind": "celsius", "lo": 1}},
            "radiometry: lo: no such field; did you mean",
        ),
    ],
)
def test_an_entry_of_another_kind_is_an_error_that_names_its_row(tmp_path, fields, message):
    with pytest.raises(InputError, match=f"row 'a': .*{message}"):
        stored(tmp_path, **{"radiometry": FACE_CENTIKELVIN, **fields})


def test_the_radiometry_of_an_entry_may_be_a_mapping_of_its_fields(tmp_path):
    fields = {"kind": "centikelvin", "low": 18, "high": 40}
    np.testing.assert_array_equal(stored(tmp_path, thermal=COUNTS, radiometry=fields), COUNTS)
    assert read_rows(tmp_path / "out")[0].radiometry == Radiometry(**fields)
