"""Verification of a manifest: each kind of problem, caused by one change to a valid manifest."""

import hashlib
import json
import os

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from data_prep.report_file import REPORT, read_report, write_report
from data_prep.verification.check_manifest import verify
from data_prep.verification.report import KINDS
from data_prep.writer import Entry, write_manifest
from mlcmkd.cli import app
from mlcmkd.data.manifest import MANIFEST, PairRow, read_rows
from mlcmkd.data.plausibility import is_flipped
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.schemes import SCHEMES
from mlcmkd.utils.errors import InputError

JUDGED = [s for s in SCHEMES.values() if s.outer_eyes is not None or s.pupils is not None]
HEIGHTS = {"forehead": -45, "brow": -15, "bridge": 15, "nos": 35, "mouth": 65, "lip": 65, "jaw": 60}


def face(scheme):
    """Landmarks (K, 2) of a frontal face, from the names of the points; x from -45 to 45."""
    points = []
    for name in scheme.names:
        x = 45 if "outer corner" in name else 12 if "inner" in name or "nos" in name else 28
        y = next((y for word, y in HEIGHTS.items() if word in name), 100 if "chin" in name else 0)
        side = -1 if name.startswith("left ") else 1 if name.startswith("right ") else 0
        points.append((side * x, y))
    return np.array(points, dtype=np.float64)


def turned(points, degrees):
    angle = np.radians(degrees)
    matrix = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return points @ np.array(matrix)


@pytest.mark.parametrize("scheme", JUDGED, ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("degrees", range(0, 360, 45))
def test_left_and_right_however_a_head_is_rolled(scheme, degrees):
    points = turned(face(scheme), degrees)
    assert not is_flipped(scheme, points)
    assert is_flipped(scheme, points[list(scheme.flip)])  # named by the person's side
    assert is_flipped(scheme, points * [-1, 1])  # mirrored, and not renamed
    assert not is_flipped(scheme, (points * [-1, 1])[list(scheme.flip)])  # mirrored as it should be


@pytest.mark.parametrize("scheme", JUDGED, ids=lambda scheme: scheme.name)
def test_a_mouth_alone_may_be_exchanged(scheme):
    points = face(scheme)
    for index in scheme.regions["mouth"]:
        points[index] = face(scheme)[scheme.flip[index]]
    assert is_flipped(scheme, points)


def test_profiles_and_schemes_without_left_and_right_are_not_checked():
    scheme = SCHEMES["ibug68"]
    # The far eye's corner on the other side of the near one, as in a face turned away.
    assert not is_flipped(scheme, face(scheme) * [-0.15, 1])
    assert not is_flipped(scheme, face(scheme) * [-1, 0.15])
    assert is_flipped(scheme, face(scheme) * [-0.5, 1])
    assert not is_flipped(scheme, np.zeros((68, 2)))
    assert [s.name for s in SCHEMES.values() if s not in JUDGED] == ["charlotte43"]
    assert not is_flipped(SCHEMES["charlotte43"], -face(SCHEMES["charlotte43"]))


# --- one change to a good manifest ----------------------------------------------------------------

POINTS = face(SCHEMES["ibug68"]) * 0.25 + [20, 24]


def entry(folder, name, split, seed):
    rng = np.random.default_rng(seed)
    photo = folder / f"{name}.jpg"
    cv2.imwrite(str(photo), rng.integers(0, 256, (60, 40, 3), dtype=np.uint8))
    return Entry(
        id=name,
        subject=f"s-{name}",
        split=split,
        scheme="ibug68",
        landmarks=POINTS + seed / 8,
        rgb=photo,
        thermal=rng.uniform(20, 36, (60, 40)),
        radiometry=FACE_CENTIKELVIN,
        box=(0.0, 5.0, 39.0, 55.0),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A manifest of four pairs with nothing wrong."""
    folder = tmp_path_factory.mktemp("whole")
    splits = {"a": "train", "b": "train", "c": "val", "d": "test"}
    entries = [entry(folder, name, split, n) for n, (name, split) in enumerate(splits.items())]
    return write_manifest(entries, folder / "out").folder


@pytest.fixture
def good(whole, tmp_path):
    """A copy of the manifest, to be modified."""
    out = tmp_path / "out"
    for path in whole.rglob("*"):
        if path.is_file():
            copy = out / path.relative_to(whole)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return out


def rows(folder):
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


def write(folder, lines):
    text = "".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines)
    (folder / MANIFEST).write_text(text)


def change(folder, line, **fields):
    """Change fields of one row, 0-based; None takes one away."""
    lines = rows(folder)
    changed = {**lines[line], **fields}
    lines[line] = {name: value for name, value in changed.items() if value is not None}
    write(folder, lines)


def found(folder):
    return verify(folder, progress=False)


def only(folder, kind, line, row, *words):
    """The check finds this problem and no other; its words."""
    report = found(folder)
    assert [(p.kind, p.line, p.row) for p in report.problems] == [(kind, line, row)]
    assert not report.ok
    for word in words:
        assert word in report.problems[0].what
    assert kind in KINDS
    return report


def test_a_good_manifest_has_no_problems(good):
    report = found(good)
    assert (report.rows, report.problems, report.notes, report.ok) == (4, [], [], True)
    assert str(report) == f"{good}: 4 rows, no problems"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "metadata.jsonl: not JSON"),
        ('{"id": "b"}', "subject: Field required; correct or remove the row"),
        ("[]", "Input should be a valid dictionary"),
        ("[" * 100_000, "not JSON"),
        ("1" * 5000, "not JSON"),
        ('{"id": "a", "id": "b"}', "metadata.jsonl: the key 'id' appears twice in one object"),
    ],
)
def test_a_line_that_is_no_row(good, line, words):
    lines = rows(good)
    lines[1] = line
    write(good, lines)
    report = found(good)
    assert {(p.kind, p.line, p.row) for p in report.problems} == {("no valid row", 2, None)}
    assert words in report.problems[0].what


def test_bytes_that_are_no_text_spoil_their_line_only(good):
    lines = (good / MANIFEST).read_bytes().split(b"\n")
    lines[1] = b'{"id": "\xff"}'
    (good / MANIFEST).write_bytes(b"\n".join(lines))
    only(good, "no valid row", 2, None, "not JSON (invalid start byte)")


def test_a_manifest_cut_off_in_its_last_line(good):
    data = (good / MANIFEST).read_bytes()
    (good / MANIFEST).write_bytes(data[:-100])
    only(good, "no valid row", 4, None, "metadata.jsonl: not JSON")


def test_no_rows(good):
    (good / MANIFEST).write_text("\n \n")
    assert "no rows; prepare it again" in only(good, "no valid row", None, None).problems[0].what


def nan(points, value=float("nan")):
    return [[value, 1.0], *points[1:]]


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"landmarks": POINTS.tolist()[:67]}, "wrong count", "67 landmarks, but scheme ibug68 has"),
        ({"visible": [True] * 3}, "wrong count", "3 flags of visibility for 68 landmarks"),
        ({"landmarks": nan(POINTS.tolist())}, "not finite", "a landmark is not a finite number"),
        ({"landmarks": nan(POINTS.tolist(), 1e999)}, "not finite", "not a finite number"),
        ({"box": [9, 9, 3, 3]}, "box misses face", "is not x0 < x1, y0 < y1"),
        (
            {"box": [0, 0, 9, 9]},
            "box misses face",
            "of 68 landmarks; correct it, or leave the box out",
        ),
        (
            {"landmarks": nan(POINTS.tolist(), 41.0)},
            "point outside",
            "1 landmarks, the first of them 0 at (41, 1), in an image of 40 x 60 pixels; correct",
        ),
        (
            {"landmarks": POINTS[list(SCHEMES["ibug68"].flip)].tolist()},
            "left and right",
            "exchange the points by the scheme's `flip`",
        ),
    ],
)
def test_points_and_boxes(good, fields, kind, words):
    change(good, 1, **fields)
    only(good, kind, 2, "b", words)


@pytest.mark.parametrize("box", [[41, 5, 80, 50], [5, 61, 30, 80], [-30, 5, -1, 50]])
def test_a_box_outside_its_image(good, box):
    change(good, 1, box=box, landmarks=None)
    only(good, "box misses image", 2, "b", "lies outside the image of 40 x 60 pixels")


def test_a_box_that_only_touches_its_image(good):
    change(good, 1, box=[-30, -30, 0, 0], landmarks=None)
    only(good, "box misses image", 2, "b", "of its area inside the image of 40 x 60 pixels")
    change(good, 1, box=[-20, 0, 20, 40], landmarks=None)  # half of it
    assert found(good).ok


@pytest.mark.parametrize(
    ("points", "kind"),
    [
        (POINTS / [40, 60], "shares"),
        (np.full((68, 2), 9.0), "coincident points"),
        (POINTS[:, ::-1] * 0.7, "x and y"),
    ],
)
def test_landmarks_that_no_face_has(good, points, kind):
    change(good, 1, landmarks=points.tolist(), box=None)
    only(good, kind, 2, "b")


def test_a_point_on_the_border_is_inside(good):
    for value in (-1.0, 40.0):
        change(good, 1, landmarks=nan(POINTS.tolist(), value))
        assert found(good).ok


@pytest.mark.parametrize("name", ["../out.png", "/etc/hostname", "rgb/../../x.png", "C:x.png"])
def test_names_that_lead_outside(good, name):
    change(good, 1, rgb_file_name=name)
    report = only(good, "leads outside", 2, None, "leaves the manifest's folder; correct or remove")
    assert report.notes  # its photo is named by no row now


def file_of(folder, line, side):
    return folder / rows(folder)[line][f"{side}_file_name"]


def test_links_that_lead_outside(good, tmp_path):
    photo = file_of(good, 1, "rgb")
    photo.rename(tmp_path / "private.jpg")
    photo.symlink_to(tmp_path / "private.jpg")
    only(
        good, "leads outside", 2, "b", "leads out of the data folder", "put the image itself there"
    )
    photo.unlink()
    photo.symlink_to(photo.name)  # in a circle
    only(good, "missing file", 2, "b")


def test_a_manifest_that_is_a_link_is_not_read(good, tmp_path):
    (good / MANIFEST).rename(tmp_path / "rows")
    (good / MANIFEST).symlink_to(tmp_path / "rows")
    with pytest.raises(InputError, match="leads out of the data folder"):
        found(good)


@pytest.mark.parametrize("side", ["rgb", "thermal"])
def test_missing_files(good, side):
    name = rows(good)[1][f"{side}_file_name"]
    (good / name).unlink()
    only(good, "missing file", 2, "b", f"{name}: no such file; restore it or remove the row")
    (good / name).mkdir()  # and what is none
    only(good, "missing file", 2, "b")
    (good / name).rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(good / name)  # reading it would wait for ever
        only(good, "missing file", 2, "b")


@pytest.mark.parametrize("name", ["rgb/" + "x" * 5000, "rgb/\0.jpg", ".", "rgb"])
def test_names_that_no_file_can_have(good, name):
    change(good, 1, rgb_file_name=name, rgb_sha256=None)
    only(good, "missing file", 2, "b")


@pytest.mark.parametrize("side", ["rgb", "thermal"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"", "empty; download the image again"),
        (lambda data: data[: len(data) // 2], "not a complete image"),
        (lambda data: b"garbage" * 30, "not a complete image"),
    ],
)
def test_broken_files(good, side, damage, words):
    path = file_of(good, 1, side)
    data = damage(path.read_bytes())
    path.write_bytes(data)
    change(good, 1, **{f"{side}_sha256": hashlib.sha256(data).hexdigest()})
    only(good, "broken file", 2, "b", str(path), words)


def test_an_image_that_a_tag_turns(good):
    path = file_of(good, 1, "rgb")
    exif = Image.Exif()
    exif[274] = 3
    Image.open(path).save(path, exif=exif)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    change(good, 1, rgb_sha256=sha256)
    only(good, "orientation", 2, "b", "has an orientation tag", "prepare it again")


def replaced(good, side, pixels):
    """Another image in the place of row b's, with its hash in the row."""
    path = file_of(good, 1, side).with_suffix(".png")
    cv2.imwrite(str(path), pixels)
    if file_of(good, 1, side) != path:
        file_of(good, 1, side).unlink()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    name = path.relative_to(good).as_posix()
    change(good, 1, **{f"{side}_file_name": name, f"{side}_sha256": sha256})


def test_images_of_another_kind(good):
    replaced(good, "rgb", np.full((60, 40), 300, np.uint16))
    only(good, "wrong image", 2, "b", "uint16 instead of 8-bit colour; if it is a thermal")


def test_a_thermal_image_that_contradicts_its_radiometry(good):
    replaced(good, "thermal", np.eye(60, 40, dtype=np.uint8))
    only(good, "wrong image", 2, "b", "uint8 pixels, but radiometry 'centikelvin' means uint16")


def test_images_of_two_sizes(good):
    replaced(good, "thermal", 30000 + np.eye(60, 41, dtype=np.uint16))
    report = only(
        good, "sizes differ", 2, "b", "the photo has 40 x 60 pixels and the thermal image 41 x 60"
    )
    assert report.notes == [
        "images of 2 sizes, 40 to 41 pixels wide and 60 to 60 high; faces are cropped and resized to "
        "one size"
    ]


def test_bytes_that_contradict_the_sha256(good):
    path = file_of(good, 1, "rgb")
    cv2.imwrite(str(path), np.eye(60, 40, dtype=np.uint8))
    only(good, "other bytes", 2, "b", "the file's sha256 differs from the row's; restore the file")


def test_repeated_ids(good):
    change(good, 1, id="a")
    only(good, "repeated id", 2, "a", "id 'a': also the id of line 1; give every row its own")


def test_a_repeated_row(good):
    lines = rows(good)
    write(good, [*lines, {**lines[0], "id": "e"}])
    only(good, "duplicate", 5, "e", "the same images and landmarks as line 1; remove one")
    # Another face in the same photo is none.
    write(good, [*lines, {**lines[0], "id": "e", "landmarks": (POINTS + 0.5).tolist()}])
    assert found(good).ok


def test_a_file_under_two_names(good):
    lines = rows(good)
    copy = good / "rgb" / "copy.jpg"
    copy.write_bytes(file_of(good, 0, "rgb").read_bytes())
    moved = {"id": "e", "rgb_file_name": "rgb/copy.jpg", "landmarks": (POINTS + 0.5).tolist()}
    write(good, [*lines, {**lines[0], **moved}])
    only(good, "duplicate", 5, "e", "rgb/copy.jpg: the same bytes as rgb/", "keep one of the two")


def test_a_subject_in_two_splits(good):
    change(good, 2, subject="s-a")
    only(good, "subject in splits", 3, "c", "subject 's-a' is in val here and in train in line 1")


def test_an_image_in_two_splits(good):
    lines = rows(good)
    for side in ("rgb", "thermal"):
        file_of(good, 2, side).unlink()
        lines[2].update({k: v for k, v in lines[0].items() if k.startswith(side)})
    write(good, lines)
    report = found(good)
    assert [(p.kind, p.line) for p in report.problems] == [("image in splits", 3)] * 2
    assert "in val here and in train in line 1; remove one of them" in report.problems[0].what


def test_an_image_in_two_splits_though_the_row_lies(good):
    """The file's bytes are compared, not only the sha256 in the row."""
    lines = rows(good)
    file_of(good, 2, "rgb").write_bytes(file_of(good, 0, "rgb").read_bytes())
    lines[2]["rgb_sha256"] = None
    write(good, lines)
    assert {p.kind for p in found(good).problems} == {"image in splits", "duplicate"}


def test_mixed_schemes(good):
    points = face(SCHEMES["face5"]) * 0.25 + [20, 24]
    change(good, 1, scheme="face5", landmarks=points.tolist())
    words = "split train: ibug68 (1 rows), face5 (1 rows); keep one"
    only(good, "mixed schemes", None, None, words)
    change(good, 2, scheme="face5", landmarks=points.tolist())
    assert len(found(good).problems) == 1  # one scheme a split is enough


def test_mixed_radiometries(good):
    change(good, 1, radiometry={"kind": "centikelvin", "low": 10, "high": 40})
    only(good, "mixed radiometries", None, None, "split train: ", '"low":10.0', "keep one")


def test_no_common_modality_in_a_split(good):
    for line, side in ((0, "rgb"), (1, "thermal")):
        file_of(good, line, side).unlink()
        change(good, line, **{f"{side}_file_name": None, f"{side}_sha256": None})
    only(good, "no common side", None, None, "some rows lack RGB and others thermal images")


def test_notes(good, tmp_path):
    change(good, 1, rgb_sha256=None)
    (good / "thermal" / "x.png").write_text("x")
    (good / "elsewhere").symlink_to(tmp_path)
    report = found(good)
    assert report.ok
    assert report.notes == [
        "1 images without a sha256; changes cannot be detected",
        "2 files that no row refers to, such as elsewhere",
    ]
    assert str(report).endswith("such as elsewhere")


def test_an_image_under_two_names_of_people(good):
    first = rows(good)[0]
    change(good, 1, rgb_file_name=first["rgb_file_name"], rgb_sha256=first["rgb_sha256"])
    (note, _) = found(good).notes
    assert note.startswith(
        f"1 images under two subjects, such as {first['rgb_file_name']} of lines 1"
    )
    change(good, 1, subject=first["subject"])
    assert "two subjects" not in str(found(good))


def test_one_problem_hides_no_other(good):
    file_of(good, 0, "rgb").unlink()
    change(good, 0, landmarks=POINTS.tolist()[:60])
    change(good, 1, subject="s-c", box=[0, 0, 9, 9])
    lines = rows(good)
    write(good, [*lines[:3], "{", lines[3], ""])
    kinds = [(p.line, p.kind) for p in found(good).problems]
    assert kinds == [
        (1, "wrong count"),
        (1, "missing file"),
        (2, "box misses face"),
        (3, "subject in splits"),
        (4, "no valid row"),
    ]


def test_many_problems_are_counted_and_the_first_shown(good):
    write(good, ["{"] * 25)
    text = str(found(good))
    assert "25 rows, 25 problems" in text
    assert text.count("not JSON") == 10
    assert "... and 15 more, see report.json" in text


def test_a_row_s_words_are_no_commands_for_the_terminal(good):
    change(good, 1, id="\x1b[31m\n", landmarks=POINTS.tolist()[:60])
    assert "row '?[31m?': " in str(found(good))


def test_processes_find_the_same(good):
    change(good, 1, box=[0, 0, 9, 9])
    file_of(good, 2, "rgb").unlink()
    assert verify(good, progress=False, workers=2) == found(good)


# --- the command ----------------------------------------------------------------------------------


def command(*words):
    return CliRunner().invoke(app, ["prepare", *map(str, words)])


def test_the_command_writes_a_report(good):
    write_report(good, skipped=[{"name": "x", "reason": "y"}])
    answer = command("--check", good)
    assert answer.exit_code == 0, answer.output
    assert f"{good}: 4 rows, no problems" in answer.stdout
    assert f"report: {good / REPORT}" in answer.stdout
    change(good, 1, box=[0, 0, 9, 9])
    answer = command("--check", good)
    assert answer.exit_code == 1
    assert "box misses face          1" in answer.stdout
    report = read_report(good)
    assert report["skipped"] == [{"name": "x", "reason": "y"}]  # the preparation's stay
    (problem,) = report["check"]["problems"]
    assert (problem["kind"], problem["line"], problem["row"]) == ("box misses face", 2, "b")
    assert report["check"]["counts"] == {"box misses face": 1}
    assert report["check"]["rows"] == 4
    read_rows(good)


def test_the_command_says_what_it_needs(good, tmp_path):
    for words, message in (
        ((), "prepare needs NAME, SOURCE and OUT; or --check and a manifest's folder"),
        (("ibug_pts", tmp_path), "prepare needs NAME, SOURCE and OUT"),
        (("ibug_pts", "--check", good), "validates a manifest; leave 'ibug_pts' out"),
        (("--check", tmp_path / "none"), "no such manifest; make one"),
        (("--check", tmp_path), "no such manifest; make one"),
    ):
        answer = command(*words)
        assert isinstance(answer.exception, InputError)
        assert message in str(answer.exception)
    assert not (tmp_path / REPORT).exists()


# --- hostile input --------------------------------------------------------------------------------

HOSTILE = settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@HOSTILE
@given(data=st.data(), side=st.sampled_from(["rgb", "thermal"]))
def test_mutated_images_end_in_problems_only(good, data, side):
    """Truncated, empty, with bytes turned over: never an exception, always a problem."""
    path = file_of(good, 1, side)
    before = path.read_bytes()
    damaged = bytearray(before)
    for place in data.draw(st.lists(st.integers(0, len(before) - 1), max_size=6)):
        damaged[place] ^= data.draw(st.integers(1, 255))
    damaged = bytes(damaged[: data.draw(st.integers(0, len(before)))])
    assume(damaged != before)
    try:
        path.write_bytes(damaged)
        report = found(good)
    finally:
        path.write_bytes(before)
    assert report.problems
    assert {(p.line, p.row) for p in report.problems} == {(2, "b")}
    assert {p.kind for p in report.problems} <= {
        "broken file",
        "wrong image",
        "other bytes",
        "sizes differ",
    }


@HOSTILE
@given(
    field=st.sampled_from([*PairRow.model_fields, "extra"]),
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=4,
    ),
)
def test_hostile_rows_end_in_problems_only(good, field, value):
    """A manifest that passes the check can be read."""
    before = (good / MANIFEST).read_bytes()
    try:
        lines = rows(good)
        lines[1][field] = value
        write(good, lines)
        report = found(good)
        assert str(report)
        if report.ok:
            read_rows(good)
    finally:
        (good / MANIFEST).write_bytes(before)


@HOSTILE
@given(data=st.binary(max_size=60))
def test_bytes_of_any_kind_end_in_problems_only(tmp_path, data):
    (tmp_path / MANIFEST).write_bytes(data)
    assert found(tmp_path).problems


def test_nothing_outside_is_written(good, tmp_path):
    (tmp_path / "private").write_text("x")
    (good / REPORT).symlink_to(tmp_path / "private")
    assert command("--check", good).exit_code == 0
    assert (tmp_path / "private").read_text() == "x"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "private"]
