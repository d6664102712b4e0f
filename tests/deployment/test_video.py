"""Videos, stacks and cameras through the command: persons, each Nth frame, limits, Ctrl-C."""

import csv
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.images import open_camera, open_video
from mlcmkd.data.thermal.radiometry import to_centikelvin
from mlcmkd.deployment.boxes import BoxTable
from mlcmkd.deployment.drawing import BOX, draw
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.live import LiveCamera
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.sources import Source, count_frames, read_source
from mlcmkd.stages.predict import predict_files
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.interrupts import stop_on_interrupt
from tests.conftest import make_model

Y16 = cv2.VideoWriter.fourcc(*"Y16 ")


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "thermal.safetensors"
    make_model("light", "thermal").save(path)
    return path


def scene(n: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    return (np.full((60, 80), 25) + rng.uniform(0, 10, (60, 80))).astype(np.float32)


def predicted(weights: Path, paths, out: Path, **options):
    lines: list[str] = []
    outcome = predict_files(
        Predictor(weights), paths, out, say=lines.append, progress=False, **options
    )
    faces = list(csv.DictReader((out / "faces.csv").open())) if (out / "faces.csv").exists() else []
    return outcome, lines, faces


def table_of_two(folder: Path, frames: int) -> BoxTable:
    """Two people who change places in the table from frame to frame."""
    rows = ["image,x0,y0,x1,y1"]
    for n in range(frames):
        both = [f"{5 + n},10,{30 + n},35", f"{50 - n},12,{75 - n},37"]
        rows += [f"stack.npy#{n:06d},{box}" for box in (both if n % 2 else both[::-1])]
    (folder / "boxes.csv").write_text("\n".join(rows))
    return BoxTable(folder / "boxes.csv")


class Steady(Predictor):
    """Landmarks that fill their box, so that tracks do not depend on untrained weights."""

    def predict_crops(self, crops):
        shape = np.random.default_rng(0).uniform(-0.45, 0.45, (68, 2))
        crops = list(crops)
        return [
            FaceLandmarks(crop.crop.to_pixels(shape), "ibug68", crop.image, 0.5, box=(0, 0, 9, 9))
            for crop in crops
        ]


def test_persons_are_numbered_in_all_tables_and_not_in_single_images(tmp_path, weights):
    np.save(tmp_path / "stack.npy", np.stack([scene(n) for n in range(6)]))
    np.save(tmp_path / "other.npy", np.stack([scene(n) for n in range(2)]))
    np.save(tmp_path / "single.npy", scene(9))
    table = table_of_two(tmp_path, 6)
    with (tmp_path / "boxes.csv").open("a") as file:
        file.write("\nother.npy,10,10,50,50\nsingle.npy,10,10,50,50\n")
    table = BoxTable(tmp_path / "boxes.csv")
    paths = [tmp_path / name for name in ("stack.npy", "other.npy", "single.npy")]
    out = tmp_path / "out"
    predict_files(
        Steady(weights),
        paths,
        out,
        boxes=table,
        formats=("csv", "coco"),
        say=lambda _: None,
        progress=False,
    )
    rows = list(csv.DictReader((out / "faces.csv").open()))
    persons = [row["person"] for row in rows]
    assert persons == ["1", "2", "2", "1"] * 3 + ["1", "1", ""]
    coco = json.loads((out / "coco.json").read_text())["annotations"]
    assert [each.get("track_id") for each in coco] == [1, 2, 2, 1] * 3 + [3, 3, None]


def test_a_cut_in_a_stack_starts_new_persons(tmp_path, weights):
    rows, columns = np.mgrid[:60, :80]
    scenes = [25 + 8 * np.sin(columns / 9), 25 + 8 * np.cos(rows / 5)]
    frames = [scenes[n // 8] + 0.1 * scene(n) for n in range(16)]
    np.save(tmp_path / "stack.npy", np.stack(frames).astype(np.float32))
    out = tmp_path / "out"
    box = (10, 10, 50, 50)
    predict_files(
        Steady(weights), [tmp_path / "stack.npy"], out, box=box, say=print, progress=False
    )
    persons = [row["person"] for row in csv.DictReader((out / "faces.csv").open())]
    assert persons == ["1"] * 8 + ["2"] * 8


def test_each_nth_frame_keeps_its_number_and_the_video_its_pace(tmp_path, weights):
    np.save(tmp_path / "stack.npy", np.stack([scene(n) for n in range(10)]))
    box, out = (10, 10, 50, 50), tmp_path / "out"
    outcome, lines, faces = predicted(
        weights, [tmp_path / "stack.npy"], out, every=4, box=box, fps=20.0
    )
    assert [row["image"][-6:] for row in faces] == ["000000", "000004", "000008"]
    assert outcome.images == outcome.frames == 3
    assert any("frames/s: 3 in" in line for line in lines)
    (drawn,) = out.glob("stack_landmarks*")
    with open_video(drawn) as video:
        assert (video.count, video.rate) == (3, pytest.approx(5))
    source = Source(tmp_path / "stack.npy", Path("stack.npy"))
    for every in (1, 3, 10, 11):
        numbers = [frame.number for frame in read_source(source, every)]
        assert numbers == list(range(0, 10, every)) and count_frames(source, every) == len(numbers)
    with pytest.raises(InputError, match="every=0"):
        predicted(weights, [tmp_path / "stack.npy"], tmp_path / "o2", every=0)


def test_each_nth_frame_of_a_video_and_its_truncation_is_still_reported(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    rng = np.random.default_rng(0)
    for n in range(9):
        noise = rng.integers(-20, 20, (48, 64, 3))  # so that frames are a large part of the file
        writer.write(np.uint8(np.clip(20 * n + 20 + noise, 0, 255)))
    writer.release()
    frames = list(read_source(Source(path, Path("clip.avi")), 3))
    assert [frame.number for frame in frames] == [0, 3, 6]
    assert [round(float(frame.values.mean()) / 20) - 1 for frame in frames] == [0, 3, 6]
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    assert "truncated" in list(read_source(Source(path, Path("clip.avi")), 3))[-1].error


def test_the_filter_has_the_time_of_each_frame(tmp_path, weights, monkeypatch):
    times: list[float] = []

    class Recorder:
        def __call__(self, faces, seconds, cut=False):
            times.append(seconds)
            return faces

    np.save(tmp_path / "stack.npy", np.stack([scene(n) for n in range(7)]))
    predicted(
        weights, [tmp_path / "stack.npy"], tmp_path / "out", every=3, smoothing=Recorder, fps=10.0
    )
    assert times == pytest.approx([0, 0.3, 0.6])


def test_the_number_of_a_person_is_drawn_inside_of_the_image():
    points = np.random.default_rng(0).uniform(0, 30, (68, 2))
    image = np.zeros((60, 80), np.float32)
    for shift in ((0, 0), (60, 40)):
        plain = FaceLandmarks(points + shift, "ibug68", image)
        numbered = FaceLandmarks(points + shift, "ibug68", image, person=12)
        assert (draw(numbered) != draw(plain)).any()


# Cameras


class Device:
    """A simulated device with the settings of OpenCV's captures.

    Args:
        frames: what it gives, in turn; None for a failed read.
        accepts_16_bits: whether it takes the pixel format Y16.
        on_read: is called with the number of the frame.
    """

    def __init__(self, frames, accepts_16_bits=False, size=(80, 60), on_read=lambda n: None):
        self.frames, self.accepts, self.on_read = list(frames), accepts_16_bits, on_read
        self.values = {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"), cv2.CAP_PROP_FPS: 9.0}
        self.values |= {cv2.CAP_PROP_FRAME_WIDTH: size[0], cv2.CAP_PROP_FRAME_HEIGHT: size[1]}
        self.values[cv2.CAP_PROP_CONVERT_RGB] = 1.0
        self.opened, self.released, self.count = True, False, 0

    def __call__(self, index):
        return self

    def isOpened(self):
        return self.opened

    def get(self, name):
        return self.values.get(name, 0.0)

    def set(self, name, value):
        if name == cv2.CAP_PROP_FOURCC and value == Y16 and not self.accepts:
            return False
        self.values[name] = value
        return True

    def read(self):
        self.on_read(self.count)
        if self.count >= len(self.frames) or self.frames[self.count] is None:
            return False, None
        self.count += 1
        return True, self.frames[self.count - 1]

    def release(self):
        self.released = True


def grey(n: int) -> np.ndarray:
    """BGR as OpenCV gives it for an 8-bit thermal camera."""
    return np.repeat(np.rint(7 * scene(n)).astype(np.uint8)[..., None], 3, axis=2)


def test_a_camera_is_read_up_to_its_limits_and_writes_the_files_of_a_video(tmp_path, weights):
    for limits, count in (({"frames": 4}, 4), ({"seconds": 1e9}, 12)):
        device = Device(grey(n) for n in range(12))
        out = tmp_path / str(count)
        camera = LiveCamera(0, **limits, opener=device)
        outcome, lines, faces = predicted(weights, [], out, camera=camera, box=(10, 10, 50, 50))
        assert [row["image"] for row in faces] == [f"camera0#{n:06d}" for n in range(count)]
        assert {row["person"] for row in faces} == {"1"} and device.released
        assert (out / "landmarks.csv").read_text().count("\n") == 1 + 68 * count
        assert any("frames/s" in line for line in lines)
        # The second device stops: an error of its own, after whole files.
        assert [error for error in outcome.errors if "no more frames after 12" in error] == (
            outcome.errors if count == 12 else []
        )
        assert len(outcome.errors) == (count == 12)


def test_the_time_limit_of_a_camera_counts_from_its_first_frame(tmp_path, weights, monkeypatch):
    clock = iter([100.0, 100.4, 100.9, 101.3])
    monkeypatch.setattr("mlcmkd.deployment.live.time.monotonic", lambda: next(clock))
    device = Device(grey(n) for n in range(12))
    camera = LiveCamera(0, seconds=1.0, opener=device)
    outcome, _, faces = predicted(weights, [], tmp_path / "out", camera=camera, box=(9, 9, 50, 50))
    assert len(faces) == 3 and not outcome.errors
    (drawn,) = (tmp_path / "out").glob("camera0_landmarks*")
    with open_video(drawn) as video:  # 9 frames/s for 0.9 s: slow frames are repeated
        assert video.count == 9


@pytest.mark.parametrize("kind", ["image", "flat", "bytes", "flat bytes"])
def test_16_bits_of_a_camera_are_read_in_every_form_of_opencv(kind):
    values = to_centikelvin(scene(0))
    pairs = values.view(np.uint8).reshape(60, 80, 2)
    given = {
        "image": values,
        "flat": values.reshape(1, -1),
        "bytes": pairs,
        "flat bytes": pairs.reshape(1, -1),
    }[kind]
    device = Device([given], accepts_16_bits=True)
    with open_camera(0, raw=True, opener=device) as camera:
        assert camera.is_raw and np.array_equal(camera.read(), values)
    assert device.get(cv2.CAP_PROP_CONVERT_RGB) == 0


def test_a_camera_without_16_bits_or_for_rgb_weights_gives_its_colours():
    colours = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for raw, accepts in ((True, False), (False, True)):
        device = Device([colours], accepts)
        with open_camera(0, raw=raw, opener=device) as camera:
            assert not camera.is_raw and np.array_equal(camera.read(), colours[..., ::-1])
        assert device.get(cv2.CAP_PROP_CONVERT_RGB) == 1
        assert device.get(cv2.CAP_PROP_FOURCC) == cv2.VideoWriter.fourcc(*"YUYV")


def test_raw_frames_of_another_size_are_refused():
    device = Device([np.zeros((61, 80), np.uint16)], accepts_16_bits=True)
    with open_camera(0, raw=True, opener=device) as camera:
        with pytest.raises(InputError, match=r"shape \(61, 80\) instead of 16 bits for 80 x 60"):
            camera.read()


def test_ctrl_c_ends_a_camera_with_whole_files(tmp_path, weights):
    def press(n: int) -> None:
        if n == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    device = Device((grey(n) for n in range(50)), on_read=press)
    outcome, _, faces = predicted(
        weights,
        [],
        tmp_path / "out",
        camera=LiveCamera(0, opener=device),
        box=(10, 10, 50, 50),
        formats=("csv", "coco"),
    )
    assert len(faces) == 4 and outcome.images == 4 and not outcome.errors
    lines = (tmp_path / "out/landmarks.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 * 68 and lines[-1].count(",") == lines[0].count(",")
    assert len(json.loads((tmp_path / "out/coco.json").read_text())["annotations"]) == 4
    (drawn,) = (tmp_path / "out").glob("camera0_landmarks*")
    with open_video(drawn) as video:
        assert len(list(video)) >= 1
    assert device.released and signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_a_stack_finishes_the_files_and_is_an_interrupt(tmp_path, weights):
    np.save(tmp_path / "stack.npy", np.stack([scene(n) for n in range(9)]))

    class Pressing(Predictor):
        def predict_crops(self, crops):
            os.kill(os.getpid(), signal.SIGINT)
            return super().predict_crops(crops)

    predictor, out = Pressing(weights, batch=2), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        predict_files(
            predictor,
            [tmp_path / "stack.npy"],
            out,
            box=(10, 10, 50, 50),
            formats=("csv", "coco"),
            say=lambda _: None,
            progress=False,
        )
    assert (out / "landmarks.csv").read_text().count("\n") == 1 + 2 * 68
    assert len(json.loads((out / "coco.json").read_text())["images"]) == 2


@pytest.fixture
def usual_interrupt():
    """Python's own answer to Ctrl-C: a test before may have left another one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_interrupt")
def test_the_second_ctrl_c_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), stop_on_interrupt() as stopped:
        # To this thread: the kernel may give a signal of the process to another one, a moment later.
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        signal.raise_signal(signal.SIGINT)
        pytest.fail("still running")


def test_only_the_first_frames_of_each_sequence_are_predicted_and_each_is_passed_on(
    tmp_path, weights
):
    for name in ("one.npy", "two.npy"):
        np.save(tmp_path / name, np.stack([scene(n) for n in range(10)]))
    np.save(tmp_path / "single.npy", scene(0))
    paths = [tmp_path / name for name in ("one.npy", "single.npy", "two.npy")]
    seen: list[str] = []
    outcome, _, faces = predicted(
        weights,
        paths,
        tmp_path / "out",
        every=2,
        frames=3,
        box=(10, 10, 50, 50),
        seen=lambda frame, faces: seen.extend([frame.name] * len(faces)),
    )
    assert [name.rpartition("/")[2] for name in seen] == [
        *(f"one.npy#{n:06d}" for n in (0, 2, 4)),
        "single.npy",
        *(f"two.npy#{n:06d}" for n in (0, 2, 4)),
    ]
    assert [row["image"] for row in faces] == seen and outcome.images == 7


def test_boxes_are_drawn_with_the_number_of_the_face_or_person(weights):
    points = np.random.default_rng(0).uniform(20, 60, (68, 2))
    image = np.zeros((100, 100), np.float32)
    face = FaceLandmarks(points, "ibug68", image, box=(10.0, 10.0, 70.0, 70.0))

    def is_box(drawn: np.ndarray) -> np.ndarray:
        return (drawn == BOX).all(axis=2)

    assert not is_box(draw(face)).any()
    found = is_box(draw(face, boxes=True))
    rows, columns = np.nonzero(found)
    ends = rows.min(), rows.max(), columns.min(), columns.max()
    assert np.allclose(ends, np.array([10, 70, 10, 70]) * 5 + 2, atol=1)  # enlarged five times
    numbered = {
        person: draw(replace(face, person=person), boxes=True).tobytes() for person in (None, 0, 1)
    }
    assert numbered[None] == numbered[0] != numbered[1]


def command(*arguments) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit | InputError)
    return result.exit_code, result.output + str(result.exception or "")


def test_a_camera_that_is_missing_is_one_line_and_nothing_is_written(tmp_path, weights, capfd):
    out = tmp_path / "out"
    code, output = command("--camera", 7, "--weights", weights, "--out", out)
    assert code != 0 and "camera 7: cannot be opened; connect it" in output
    assert not out.exists()
    assert "cap_v4l" not in capfd.readouterr().err  # no lines of OpenCV's own
    with pytest.raises(InputError, match="camera 3: cannot be opened"):
        closed = Device([])
        closed.opened = False
        predicted(weights, [], out, camera=LiveCamera(3, opener=closed))


def test_a_camera_that_opens_but_gives_no_frame_is_an_error(tmp_path, weights):
    outcome, lines, _ = predicted(
        weights, [], tmp_path / "out", camera=LiveCamera(2, opener=Device([None]))
    )
    assert len(outcome.errors) == 1 and "camera 2: gives no frame;" in outcome.errors[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give files or a camera"),
        (["a.npy", "--camera", 0], "and not both"),
        (["a.npy", "--seconds", 3], "add --camera INDEX"),
        (["a.npy", "--frames", 0], "frames=0 must be at least 1"),
        (["a.npy", "--squares", "--no-overlay"], "--squares draws on the overlays"),
        (["--camera", -1], "count devices from 0"),
        (["--camera", 0, "--seconds", 0], "seconds=0 must be above 0"),
        (["--camera", 0, "--frames", 0], "frames=0 must be at least 1"),
        (["a.npy", "--every", 0], "every"),
    ],
)
def test_options_of_cameras_and_sequences_that_do_not_fit(
    tmp_path, weights, options, message, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", scene(0))
    code, output = command(*options, "--weights", weights, "--out", tmp_path / "out")
    assert code != 0 and message in output
    assert not (tmp_path / "out").exists()
