"""The demo without a browser: files in; results, limits and errors out."""

import io
import re
import shlex
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.modality import MODALITIES
from mlcmkd.data.thermal.palettes import apply_palette
from mlcmkd.demo import trial as trial_module
from mlcmkd.demo import uploads as uploads_module
from mlcmkd.demo.examples import make_example
from mlcmkd.demo.modalities import recognise_modality
from mlcmkd.demo.trial import Choices, try_files
from mlcmkd.demo.uploads import Upload, plain_name, save_uploads
from mlcmkd.utils.errors import InputError
from tests.demo.files import BROKEN, celsius, centikelvin, npy, photo, png, stack


def grey8() -> np.ndarray:
    values = celsius()
    return np.rint(255 * (values - values.min()) / np.ptp(values)).astype(np.uint8)


def content(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_files_have_the_same_results_as_by_the_command(tmp_path, monkeypatch):
    files = [centikelvin(), photo(), stack(3), BROKEN, png("grey, 8 bits.png", grey8())]
    found = try_files(files, Choices(every=2))
    monkeypatch.chdir(tmp_path)
    for file in files:
        (tmp_path / file.name).write_bytes(file.content)
    codes = {}
    for command in found.commands:
        words = shlex.split(command)
        assert words[:2] == ["mlcmkd", "predict"]
        codes[words[-1]] = CliRunner().invoke(app, words[1:]).exit_code
    assert codes == {"rgb": 0, "thermal": 1}  # the broken file
    packed = content(found.archive)
    assert {name.partition("/")[2] for name in packed if name.startswith("thermal/")} == {
        *("landmarks.csv", "faces.csv", "temperatures.csv"),
        *("raw_landmarks.png", "stack_landmarks.mp4", "grey, 8 bits_landmarks.png"),
    }
    assert {"rgb/landmarks.csv", "rgb/faces.csv", "rgb/photo_landmarks.png"} <= set(packed)
    for name, data in packed.items():
        assert data == (tmp_path / name).read_bytes(), name


def test_what_is_shown_is_what_the_tables_hold():
    found = try_files([centikelvin(), stack(2)])
    tables = content(found.archive)
    faces = tables["thermal/faces.csv"].decode().splitlines()[1:]
    shown = [
        (each.name, face)
        for frames in found.files.values()
        for each in frames
        for face in each.faces
    ]
    assert [row.split(",")[0] for row in faces] == [name for name, _ in shown]
    assert [row.split(",")[-1] for row in faces] == [f"{face.confidence:.4f}" for _, face in shown]
    assert [row.split(",")[2] for row in faces] == ["", "1", "1"]
    regions = tables["thermal/temperatures.csv"].decode().splitlines()[1:]
    means = [r.mean for _, face in shown for r in face.temperatures.regions]
    assert [row.split(",")[4] for row in regions] == [
        f"{mean:.2f}" if np.isfinite(mean) else "" for mean in means
    ]
    assert sum(map(np.isfinite, means)) > 10


def test_a_bad_file_is_a_line_and_the_others_are_predicted():
    cut = Upload("cut.png", photo().content[:5000])
    blank = npy("blank.npy", np.full((64, 64), 30, np.float32))
    text = Upload("notes.txt", b"some text")
    found = try_files([BROKEN, cut, centikelvin(), blank, text])
    errors = [line for line in found.lines if line.startswith("error: ")]
    assert sorted(re.match(r"error: ([\w.]+):", line)[1] for line in errors) == sorted(
        ["broken.png", "cut.png", "blank.npy", "notes.txt"]
    )
    assert not any("mlcmkd-demo" in line for line in found.lines)  # the temporary folder
    assert [name for name, frames in found.files.items() if frames and frames[0].faces] == [
        "raw.png"
    ]


def test_a_wrong_scale_is_refused_and_the_stated_one_is_used():
    decikelvin = png("deci.png", np.rint((celsius() + 273.15) * 10).astype(np.uint16))
    refused = try_files([decikelvin])
    assert "deci.png" in refused.lines[0] and refused.lines[0].startswith("error:")
    (stated,) = try_files([decikelvin], Choices(radiometry="decikelvin")).files["deci.png"]
    (known,) = try_files([centikelvin()]).files["raw.png"]
    means = [[r.mean for r in shown.faces[0].temperatures.regions] for shown in (stated, known)]
    assert np.allclose(*means, atol=0.1, equal_nan=True)
    with pytest.raises(InputError, match="radiometry"):
        try_files([decikelvin], Choices(radiometry="furlongs"))
    with pytest.raises(InputError, match="give them there"):
        try_files([decikelvin], Choices(radiometry="decikelvin", black_hot=True))


def test_grey_levels_have_no_temperatures_and_one_line_says_so():
    found = try_files([png("grey.png", grey8())])
    assert found.files["grey.png"][0].faces[0].temperatures is None
    assert [line[:27] for line in found.lines] == ["no temperatures: grey.png h"]


def test_persons_of_a_stack_are_numbered_and_only_its_first_frames_taken(monkeypatch):
    monkeypatch.setattr(trial_module, "MAX_FRAMES", 4)
    steps = []
    found = try_files([stack(6)], progress=lambda done, total: steps.append((done, total)))
    frames = found.files["stack.npy"]
    assert [frame.name for frame in frames] == [f"stack.npy#{n:06d}" for n in range(4)]
    assert {face.person for frame in frames for face in frame.faces} == {1}
    assert found.lines == ["notice: stack.npy: only the first 4 frames were taken"]
    assert steps == [(n, 4) for n in range(1, 5)]
    assert try_files([stack(4)]).lines == []


def test_too_many_or_too_large_files_are_refused(monkeypatch):
    monkeypatch.setattr(uploads_module, "MAX_FILES", 2)
    with pytest.raises(InputError, match="3 files; this page takes at most 2"):
        try_files([BROKEN] * 3)
    monkeypatch.setattr(uploads_module, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="at most 0 MB at once; give fewer files"):
        try_files([BROKEN] * 2)


def test_nothing_stays_on_disk(temporary, monkeypatch):
    try_files([centikelvin(), BROKEN, stack(2)])
    assert list(temporary.iterdir()) == []

    def fails(*_, **__):
        assert len(list(temporary.rglob("*.png"))) == 1
        raise OSError("no space left")

    monkeypatch.setattr(trial_module, "predict_files", fails)
    assert try_files([centikelvin()]).lines == ["error: no space left"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/face.png", "face.png"),
        ("C:face.png", "C_face.png"),
        ("..", "file"),
        ("", "file"),
        (".npy", "npy"),
        ("a\0b\n.png", "a_b_.png"),
        ("Gesicht, warm é.png", "Gesicht, warm é.png"),
        ("x" * 400 + ".tiff", "x" * 100 + ".tiff"),
        ("\udcff.png", "_.png"),
    ],
)
def test_names_of_files_lose_folders_and_special_characters(given_name, name):
    assert plain_name(given_name) == name


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=300), max_size=5))
def test_no_name_leaves_the_folder(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names") / "files"
    folder.mkdir()
    paths = save_uploads([Upload(name, b"x") for name in names], folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    assert len(set(paths)) == len(names)
    assert all(path.resolve().parent == folder.resolve() for path in paths)


def test_equal_names_are_numbered(tmp_path):
    paths = save_uploads([Upload(name, b"") for name in ("a.png", "x/a.png", "A.PNG")], tmp_path)
    assert [path.name for path in paths] == ["a.png", "a-2.png", "A-3.PNG"]


def as_video(path, frames) -> None:
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (width, height))
    for frame in frames:
        writer.write(frame[..., ::-1] if frame.ndim == 3 else np.repeat(frame[..., None], 3, 2))
    writer.release()


def test_the_modality_of_files_is_recognised(tmp_path):
    rgb = make_example("one face", "rgb", 1).content
    uploads = {
        "thermal": [
            centikelvin(),
            npy("celsius.npy", celsius()),
            png("grey.png", grey8()),
            png("iron.png", apply_palette(grey8() / 255, "iron")),
            BROKEN,
        ],
        "rgb": [Upload("photo.png", rgb)],
    }
    for modality, files in uploads.items():
        for path in save_uploads(files, tmp_path):
            assert recognise_modality(path) == modality, path.name
    image = cv2.imdecode(np.frombuffer(rgb, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    for modality, values in (("rgb", image), ("thermal", grey8())):
        as_video(tmp_path / f"{modality}.mp4", [values] * 3)
        assert recognise_modality(tmp_path / f"{modality}.mp4") == modality


def test_a_stated_modality_or_palette_is_taken():
    turbo = png("turbo.png", apply_palette(grey8() / 255, "turbo"))
    assert try_files([turbo]).modality == {"turbo.png": "rgb"}
    stated = try_files([turbo], Choices(palette="turbo"))
    assert stated.modality == {"turbo.png": "thermal"} and "--palette turbo" in stated.commands[0]
    assert stated.files["turbo.png"][0].faces
    assert try_files([turbo], Choices(modality="rgb")).modality == {"turbo.png": "rgb"}


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("scene", ["one face", "several people"])
def test_an_example_has_a_face_and_depends_on_its_seed_alone(scene, modality):
    examples = [make_example(scene, modality, seed) for seed in (1, 1, 3)]
    assert examples[0] == examples[1] != examples[2]
    found = try_files(examples[:1])
    (shown,) = found.files[examples[0].name]
    assert shown.faces and not found.lines
    assert all((face.temperatures is not None) == (modality == "thermal") for face in shown.faces)
    assert content(found.archive)[examples[0].name] == examples[0].content
