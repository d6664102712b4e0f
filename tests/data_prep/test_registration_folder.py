"""Two folders to aligned pairs, end to end."""

import csv
import hashlib
import re

import cv2
import numpy as np
import pytest
import yaml
from PIL import ExifTags, Image

from data_prep.prepare import prepare
from data_prep.readers import get_reader
from data_prep.registration import Limit
from data_prep.registration.folder import pair_folder
from data_prep.registration.image_matching import Stream, match_images
from data_prep.registration.input_files import read_times
from mlcmkd.data.images import read_image
from mlcmkd.data.manifest import read_rows
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism
from mlcmkd.utils.errors import InputError

SIDE = 128
TO_THERMAL = np.array([[0.5, 0.02, -6], [-0.03, 0.52, 3], [0, 0, 1]])  # RGB to thermal pixels


@pytest.fixture(scope="module")
def faces():
    cv2.setNumThreads(1)
    realism = Realism(yaw_deviation=8)  # people who look at the cameras
    return make_faces(4, seed=5, size=SIDE, faces_per_identity=1, workers=1, realism=realism)


@pytest.fixture
def source(tmp_path, faces):
    """Three pairs: a, b in a sub-folder, and c whose thermal landmarks are nonsense."""
    for folder in ("rgb/more", "thermal/more"):
        (tmp_path / folder).mkdir(parents=True)
    marks = {"rgb": [], "thermal": []}
    to_rgb = np.linalg.inv(TO_THERMAL)
    rng = np.random.default_rng(0)
    for number, name in enumerate(("a", "more/b", "c")):
        photo = cv2.warpPerspective(
            faces.rgb[number], to_rgb, (300, 280), borderMode=cv2.BORDER_REPLICATE
        )
        Image.fromarray(photo).save(tmp_path / f"rgb/{name}.png")
        counts = np.rint((faces.thermal[number] + 273.15) * 100).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"thermal/{name}.tiff"), counts)
        points = faces.landmarks[number].astype(float)
        seen = np.column_stack([points, np.ones(68)]) @ to_rgb.T
        if name == "c":
            points = rng.uniform(0, SIDE, points.shape)
        marks["rgb"] += [(f"{name}.png", "ibug68", i, *xy) for i, xy in enumerate(seen[:, :2])]
        where = tmp_path / f"thermal/{name}.tiff"  # as `mlcmkd predict` writes it
        marks["thermal"] += [(str(where), "ibug68", i, *xy) for i, xy in enumerate(points)]
    for side, rows in marks.items():
        write_csv(tmp_path / f"{side}.csv", ("image", "scheme", "point", "x", "y"), rows)
    return tmp_path


def write_csv(path, columns, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def pair(source, **options):
    return pair_folder(
        source / "rgb", source / "thermal", source / "out", progress=False, **options
    )


def table(source):
    with (source / "out/pairing.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def landmarks(source):
    return {"rgb_landmarks": source / "rgb.csv", "thermal_landmarks": source / "thermal.csv"}


def test_pairs_by_landmarks_end_to_end(source, faces):
    before = hashes(source / "rgb") | hashes(source / "thermal")
    report = pair(source, method="affine", overlays=1, **landmarks(source))
    assert hashes(source / "rgb") | hashes(source / "thermal") == before
    assert report.accepted == ["a", "more/b"]
    assert [name for name, _ in report.refused] == ["c"] and report.unmatched == []
    assert "2 pairs, 1 refused, 0 images without a partner" in str(report)
    written = hashes(source / "out")
    for name in ("a", "more/b"):
        warped = read_image(source / f"out/rgb/{name}.png")
        assert warped.shape == (SIDE, SIDE, 3)
        # 16-bit counts are the measurement: not one byte may differ.
        assert written[f"thermal/{name}.tiff"] == before[f"{name}.tiff"]
        assert read_image(source / f"out/thermal/{name}.tiff").dtype == np.uint16
    inner = np.s_[20:-20, 20:-20]
    off = read_image(source / "out/rgb/a.png")[inner].astype(float) - faces.rgb[0][inner]
    assert np.abs(off).mean() < 4  # resampled twice, and on its place again
    assert written["refused/thermal/c.tiff"] == before["c.tiff"]
    assert {name for name in written if name.startswith("overlays")} == {
        "overlays/a_checkerboard.png",
        "overlays/a_edges.png",
    }
    rows = table(source)
    assert list(rows) == ["a", "c", "more/b"]
    assert rows["a"]["ok"] == "True" and rows["a"]["reason"] == "" and rows["a"]["kept"] == "68"
    assert float(rows["a"]["residual_px"]) < 0.01 and float(rows["a"]["residual_percent"]) < 0.02
    assert rows["c"]["ok"] == "False" and "of 68 landmarks agree" in rows["c"]["reason"]
    assert rows["c"]["residual_px"] == ""
    # RGB landmarks in thermal pixels, of the accepted pairs alone.
    with (source / "out/landmarks.csv").open(newline="") as file:
        moved = list(csv.DictReader(file))
    assert {row["image"] for row in moved} == {"thermal/a.tiff", "thermal/more/b.tiff"}
    places = [(float(r["x"]), float(r["y"])) for r in moved if r["image"] == "thermal/a.tiff"]
    assert np.allclose(places, faces.landmarks[0], atol=0.01)

    # What was written is a folder that can be prepared, once it says what files cannot.
    (source / "out/dataset.yaml").write_text(
        "{side: thermal, radiometry: {kind: centikelvin, low: 18, high: 40}, "
        "twin: {find: '^thermal/(.*)[.]tiff$', replace: 'rgb/\\1.png'}}"
    )
    prepared = {face.id: face for face in get_reader("folder")(source / "out")}
    assert set(prepared) == {"thermal/a", "thermal/more/b"}
    assert prepared["thermal/a"].rgb_path == source / "out/rgb/a.png"
    assert np.allclose(prepared["thermal/a"].landmarks, faces.landmarks[0], atol=0.01)


def test_a_pair_of_turned_images_is_written_upright_without_a_tag(source, faces):
    """Whatever reads the folder then, its pixels are those of the landmarks."""
    photo, thermal = source / "rgb/a.png", source / "thermal/a.tiff"
    upright = read_image(thermal)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter turn clockwise brings it upright
    Image.fromarray(np.rot90(read_image(photo))).save(photo, exif=exif)
    Image.fromarray(np.rot90(upright)).save(thermal, tiffinfo={ExifTags.Base.Orientation: 6})
    pair(source, method="affine", overlays=0, **landmarks(source))
    for written in (source / "out/rgb/a.png", source / "out/thermal/a.png"):
        with Image.open(written) as image:
            assert ExifTags.Base.Orientation not in image.getexif()
    raw = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    assert np.array_equal(cv2.imread(str(source / "out/thermal/a.png"), raw), upright)
    warped = cv2.imread(str(source / "out/rgb/a.png"), raw)[20:-20, 20:-20, ::-1]
    assert np.abs(warped.astype(float) - faces.rgb[0][20:-20, 20:-20]).mean() < 4
    with (source / "out/landmarks.csv").open(newline="") as file:
        moved = list(csv.DictReader(file))
    places = [(float(r["x"]), float(r["y"])) for r in moved if r["image"] == "thermal/a.png"]
    assert np.allclose(places, faces.landmarks[0], atol=0.01)
    (source / "out/dataset.yaml").write_text(
        "{side: thermal, radiometry: {kind: centikelvin, low: 18, high: 40}, "
        "twin: {find: '^thermal/(.*)[.](tiff|png)$', replace: 'rgb/\\1.png'}}"
    )
    prepare("folder", source / "out", source / "manifest", progress=False)
    row = next(row for row in read_rows(source / "manifest") if row.id == "thermal/a")
    assert np.array_equal(
        cv2.imread(str(source / "manifest" / row.thermal_file_name), raw), upright
    )
    assert np.allclose(row.landmarks, faces.landmarks[0], atol=0.01)


def test_a_refused_pair_keeps_both_images(source):
    report = pair(source, method="similarity", limit=Limit(percent=1e-3), **landmarks(source))
    assert report.accepted == []
    assert (source / "out/refused/rgb/a.png").is_file()
    assert (source / "out/refused/thermal/a.tiff").is_file()
    assert not (source / "out/rgb").exists()
    assert "above 0.001 %" in table(source)["a"]["reason"]


@pytest.mark.parametrize("method", ["ecc", "mutual information"])
def test_pairs_by_content(source, method):
    # The thermal landmarks give the inter-ocular distance, both give the residual.
    (source / "start.yaml").write_text(yaml.safe_dump({"homography": TO_THERMAL.tolist()}))
    report = pair(source, method=method, calibration=source / "start.yaml", **landmarks(source))
    assert {"a", "more/b"} == set(report.accepted)
    assert float(table(source)["a"]["residual_percent"]) < 8
    assert "above 8 %" in dict(report.refused)["c"]


def test_pairs_by_a_homography(source):
    (source / "rig.yaml").write_text(yaml.safe_dump({"homography": TO_THERMAL.tolist()}))
    report = pair(source, method="calibration", calibration=source / "rig.yaml")
    assert len(report.accepted) == 3
    assert table(source)["a"]["reason"] == "residual not measured: no landmarks to measure it on"
    assert not (source / "out/landmarks.csv").exists()


def test_pairs_by_a_stereo_rig(source):
    rig = {
        "K1": [[400, 0, 150], [0, 400, 140], [0, 0, 1]],
        "K2": [[200, 0, 64], [0, 200, 64], [0, 0, 1]],
        "R": np.eye(3).tolist(),
        "t": [-0.01, 0, 0],
        "depth": 0.8,
    }
    (source / "rig.yaml").write_text(yaml.safe_dump(rig))
    report = pair(
        source, method="calibration", calibration=source / "rig.yaml", **landmarks(source)
    )
    assert table(source)["a"]["method"] == "calibration"
    assert float(table(source)["a"]["residual_px"]) > 0
    assert len(report.accepted) + len(report.refused) == 3


def test_pairs_by_time(source):
    rgb = [("a.png", 0.0), ("more/b", 0.5), ("c.png", 1.0)]
    thermal = [("c.tiff", 10.01), ("a.tiff", 10.52), ("more/b.tiff", 12.0)]
    report = pair(
        source,
        method="ecc",
        rgb_times=write_csv(source / "rgb_times.csv", ("image", "seconds"), rgb),
        thermal_times=write_csv(source / "thermal_times.csv", ("image", "seconds"), thermal),
        offset=10.0,
        tolerance=0.05,
    )
    rows = table(source)
    assert list(rows) == ["c", "a"]
    assert rows["c"]["rgb"].endswith("rgb/a.png") and rows["c"]["thermal"].endswith("c.tiff")
    assert rows["a"]["rgb"].endswith("more/b.png")
    assert float(rows["c"]["seconds_apart"]) == pytest.approx(0.01)
    assert sorted(path.name for path in report.unmatched) == ["b.tiff", "c.png"]
    assert "RGB clock plus 10.000 s" in str(report)


def test_the_clock_offset_is_estimated_from_the_images(tmp_path):
    """A bright bar that jumps about, seen by both cameras at other rates and by other clocks."""
    rng = np.random.default_rng(0)
    jumps = np.cumsum(rng.exponential(0.4, 60))
    places = rng.integers(0, 60, 61)
    for side, times in (("rgb", np.arange(0, 14, 0.1)), ("thermal", np.arange(0, 14, 0.15))):
        (tmp_path / side).mkdir()
        rows = []
        for number, time in enumerate(times):
            image = np.full((64, 64), 60, np.uint8)
            place = places[np.searchsorted(jumps, time)]
            image[:, place : place + 4] = 200
            Image.fromarray(image).save(tmp_path / side / f"{number:04}.png")
            rows.append((f"{number:04}.png", time + (2.0 if side == "thermal" else 0.0)))
        write_csv(tmp_path / f"{side}_times.csv", ("image", "seconds"), rows)
    (tmp_path / "rig.yaml").write_text("homography: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]")
    report = pair(
        tmp_path,
        method="calibration",
        calibration=tmp_path / "rig.yaml",
        rgb_times=tmp_path / "rgb_times.csv",
        thermal_times=tmp_path / "thermal_times.csv",
        offset=None,
        tolerance=0.06,
        overlays=0,
    )
    assert report.offset == pytest.approx(2.0, abs=0.05)
    assert len(report.accepted) > 85
    assert not (tmp_path / "out/overlays").exists()


def test_one_bad_pair_does_not_stop_the_others(source):
    (source / "rgb/a.png").write_bytes((source / "rgb/a.png").read_bytes()[:200])
    (source / "thermal/c.tiff").write_bytes(b"")
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(source / "rgb/lonely.png")
    report = pair(source, method="affine", **landmarks(source))
    reasons = dict(report.refused)
    assert report.accepted == ["more/b"]
    assert "a.png: not a complete image" in reasons["a"]
    assert "c.tiff: empty; download" in reasons["c"]
    assert [path.name for path in report.unmatched] == ["lonely.png"]


def test_an_rgb_image_of_16_bits_and_a_pair_without_landmarks(source):
    cv2.imwrite(str(source / "rgb/a.png"), np.zeros((20, 20), np.uint16))
    rows = [
        line for line in (source / "thermal.csv").read_text().splitlines() if "/c.tiff" not in line
    ]
    (source / "thermal.csv").write_text("\n".join(rows))
    reasons = dict(pair(source, method="similarity", **landmarks(source)).refused)
    assert "uint16 instead of 8-bit colour; give 8-bit photos, or swap the folders" in reasons["a"]
    assert reasons["c"] == "no thermal landmarks of this pair in the table; add them"


@pytest.mark.parametrize("method", ["similarity", "calibration"])
@pytest.mark.parametrize(
    ("scale", "reason"),
    [
        ((1 / 300, 1 / 280), "RGB landmarks: the coordinates look like shares of the image size"),
        ((3, 3), "RGB landmarks: only .* of 68 landmarks are inside the image of 300 x 280 pixels"),
    ],
)
def test_landmarks_that_are_no_pixels_of_their_image_fit_no_pair(source, scale, reason, method):
    """A similarity from shares to pixels fits perfectly, and the warped image is one pixel."""
    with (source / "rgb.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    rows = [(*r[:3], float(r[3]) * scale[0], float(r[4]) * scale[1]) for r in rows]
    write_csv(source / "rgb.csv", header, rows)
    (source / "rig.yaml").write_text(yaml.safe_dump({"homography": TO_THERMAL.tolist()}))
    options = {"calibration": source / "rig.yaml"} if method == "calibration" else {}
    report = pair(source, method=method, **landmarks(source), **options)
    assert report.accepted == []
    assert all(re.match(reason, text) for _, text in report.refused)


def test_a_calibration_that_does_not_reach_the_images(source):
    away = [[1, 0, 9000], [0, 1, 0], [0, 0, 1]]
    (source / "rig.yaml").write_text(yaml.safe_dump({"homography": away}))
    report = pair(source, method="calibration", calibration=source / "rig.yaml")
    assert report.accepted == []
    assert "does not overlap the thermal one" in dict(report.refused)["a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method 'magic' is unknown; use one of calibration, similarity"),
        ({"method": "calibration"}, "method 'calibration' needs a calibration file"),
        ({"method": "tps"}, "method 'tps' needs rgb_landmarks and thermal_landmarks"),
        ({"overlays": -1}, "overlays must be 0 or more"),
        ({"rgb_times": "rgb.csv"}, "time stamps of one camera only"),
        ({"calibration": "none.yaml"}, "none.yaml: cannot be read"),
        ({"calibration": "thermal.csv"}, "thermal.csv, calibration: Input should be"),
        ({"rgb_landmarks": "bad.csv"}, "bad.csv: no column 'scheme'; name image, scheme"),
        ({"rgb_landmarks": "short.csv"}, "short.csv, line 3: 3 cells, but the header"),
        ({"rgb_landmarks": "twice.csv"}, "twice.csv, line 3: point 0 of 'a.png' appears twice"),
        ({"rgb_landmarks": "words.csv"}, "words.csv, line 2: 'left' is not a finite number"),
        ({"rgb_landmarks": "unknown.csv"}, "unknown.csv: landmark scheme 'mine' is unknown"),
        ({"rgb_landmarks": "many.csv"}, "many.csv: 'a' has point 70, but scheme ibug68 has 68"),
        (
            {"rgb_landmarks": "other.csv"},
            "none of its images is in .*rgb, where the first is .* 'a'",
        ),
        ({"rgb_landmarks": "tabs.csv"}, "tabs.csv: the columns are separated by tabs"),
        ({"rgb_landmarks": "mixed.csv"}, "mixed.csv, line 3: a second scheme, 'sf_tl54'"),
    ],
)
def test_invalid_parameters_and_files(source, options, message):
    head = "image,scheme,point,x,y\n"
    first = "a.png,ibug68,0,1,2\n"
    for name, text in {
        "bad.csv": "image,point,x,y\na.png,0,1,2\n",
        "short.csv": head + first + "a.png,ibug68,1\n",
        "twice.csv": head + first + first,
        "words.csv": head + "a.png,ibug68,0,left,2\n",
        "unknown.csv": head + "a.png,mine,0,1,2\n",
        "many.csv": head + "a.png,ibug68,70,1,2\n",
        "other.csv": head + "z.png,ibug68,0,1,2\n",
        "tabs.csv": (head + first).replace(",", "\t"),
        "mixed.csv": head + first + "a.png,sf_tl54,1,1,2\n",
    }.items():
        (source / name).write_text(text)
    given = {k: source / v if str(v).endswith(("csv", "yaml")) else v for k, v in options.items()}
    with pytest.raises(InputError, match=message):
        pair(source, **given)
    assert not (source / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("homography: [[1, 0, 0], [0, 0, 0], [0, 0, 1]]", "rig.yaml, homography: singular"),
        ("homography: [[1, 0], [0, 0, 0], [0, 0, 1]]", "rows of unequal length"),
        ("{K1: [[1]], depth: 1}", "a stereo rig needs all of K1, K2, R, t and depth"),
        ("depth: 1", "a stereo rig needs all of"),
        ("{}", "give either homography, or K1"),
        (
            "homgraphy: [[1]]",
            "rig.yaml, calibration: homgraphy: no such field; did you mean 'homography'?",
        ),
        ("a: [", "rig.yaml: not YAML"),
    ],
)
def test_calibration_files_that_cannot_be_used(source, text, message):
    (source / "rig.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        pair(source, method="calibration", calibration=source / "rig.yaml")


def test_a_depth_below_zero_is_named_with_its_file(source):
    eye = np.eye(3).tolist()
    rig = {"K1": eye, "K2": eye, "R": eye, "t": [0, 0, 0], "depth": -1.0}
    (source / "rig.yaml").write_text(yaml.safe_dump(rig))
    with pytest.raises(InputError, match="rig.yaml, depth: -1.0; give the plane's distance"):
        pair(source, method="calibration", calibration=source / "rig.yaml")


def test_out_must_be_empty_and_apart(source):
    for place in ("rgb", "rgb/out", "."):
        with pytest.raises(InputError, match="not an empty folder|must be separate folders"):
            pair_folder(source / "rgb", source / "thermal", source / place, progress=False)
    (source / "out").mkdir()
    (source / "out/mine.txt").write_text("keep")
    with pytest.raises(InputError, match="out: not an empty folder; choose another place"):
        pair(source)


@pytest.mark.parametrize(
    ("rgb", "thermal", "pairs"),
    [
        (["a", "b"], ["b", "c"], [("b", "b")]),
        (["A/x", "b"], ["a/X", "B"], [("A/x", "a/X"), ("b", "B")]),
        (["a", "A"], ["a", "A"], [("a", "a"), ("A", "A")]),
        (["a", "A"], ["á"], []),
        (["DC_0002", "DC_0010"], ["IR_0009", "IR_0003"], [("DC_0010", "IR_0009")]),
        (["s/DC_0002"], ["s/IR_0001", "t/IR_0001"], [("s/DC_0002", "s/IR_0001")]),
        (["DC_0002", "x"], ["IR_0001", "x"], [("x", "x")]),  # equal names are enough
    ],
)  # fmt: skip
def test_names_of_pairs(tmp_path, rgb, thermal, pairs):
    streams = [Stream(tmp_path, dict.fromkeys(names, tmp_path), None) for names in (rgb, thermal)]
    found, offset = match_images(*streams, tolerance=0.1, offset=0.0, progress=False)
    assert found == [(*pair, None) for pair in pairs] and offset is None


def test_cameras_that_number_each_for_itself_are_not_paired_by_flirs_numbering(tmp_path):
    names = (["DC_0001", "DC_0002", "DC_0003"], ["IR_0001", "IR_0002", "IR_0003"])
    streams = [Stream(tmp_path, dict.fromkeys(side, tmp_path), None) for side in names]
    with pytest.raises(InputError, match="'IR_0001' and 'DC_0001' have one number.*the same name"):
        match_images(*streams, tolerance=0.1, offset=0.0, progress=False)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("a.png", "a"),
        ("A.PNG", "a"),
        (r"C:\data\more\b.png", "more/b"),
        (r"C:\data\more\a.png", "a"),
        ("other/b.png", None),
        ("c.png", None),  # two of them
    ],
)
def test_names_in_tables_of_another_machine(tmp_path, image, found):
    names = {name: tmp_path / name for name in ("a", "more/b", "x/c", "y/c")}
    table = tmp_path / "times.csv"
    table.write_text(f"image,seconds\n{image},1.5\n")
    if found is None:
        with pytest.raises(InputError, match="line 2: no image"):
            read_times(table, tmp_path, names)
    else:
        assert read_times(table, tmp_path, names) == {found: 1.5}


def test_pairs_by_the_numbering_of_flir_cameras_are_reported(source):
    for side, letters, first in (("rgb", "DC", 2), ("thermal", "IR", 1)):
        files = sorted(path for path in (source / side).rglob("*") if path.is_file())
        for n, path in enumerate(files):
            path.rename(path.with_name(f"{letters}_{2 * n + first:04d}{path.suffix}"))
    report = pair(source, method="mutual information")
    assert report.unmatched == [] and report.numbered == ("DC_0002", "IR_0001")
    assert "matched by FLIR's numbering, such as IR_0001 with DC_0002" in str(report)


def test_folders_without_partners(source, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        pair_folder(source / "none", source / "thermal", source / "out", progress=False)
    (source / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no image in it"):
        pair_folder(source / "empty", source / "thermal", source / "out", progress=False)
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(source / "empty/other.png")
    with pytest.raises(InputError, match="no pair of images, the first are called 'other' and"):
        pair_folder(source / "empty", source / "thermal", source / "out", progress=False)
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(source / "rgb/a.jpg")
    with pytest.raises(InputError, match="a.png: a.jpg has the same name"):
        pair(source)
