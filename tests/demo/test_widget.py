"""The demo's widget without a browser: buttons, fields for files, messages, and what is stored."""

import base64
import io
import zipfile
from dataclasses import replace

import pytest

from mlcmkd.demo import exchange as exchange_module
from mlcmkd.demo import tables
from mlcmkd.demo import uploads as uploads_module
from mlcmkd.demo import widget as widget_module
from mlcmkd.demo.trial import try_files
from mlcmkd.demo.uploads import Upload
from mlcmkd.demo.widget import Demo
from tests.demo.files import BROKEN, centikelvin, photo, stack


@pytest.fixture
def demo() -> Demo:
    return Demo(first=False)


def visible(widget) -> bool:
    return widget.layout.display != "none"


def send(demo: Demo, *uploads: Upload, part: int = 100_000) -> None:
    """What the page sends for dropped files."""
    field = demo.files
    sizes = [{"name": each.name, "size": len(each.content)} for each in uploads]
    field._on_message(field, {"kind": "start", "files": sizes}, [])
    for n, each in enumerate(uploads):
        for start in range(0, len(each.content), part):
            buffer = memoryview(each.content[start : start + part])
            field._on_message(field, {"kind": "part", "file": n}, [buffer])
    field._on_message(field, {"kind": "end"}, [])


def test_the_button_makes_a_new_example_at_every_press():
    demo = Demo(seed=5)
    assert demo.seed.value == 6 and list(demo.trial.files) == ["one_face_thermal_5.npy"]
    first = demo.picture.value
    demo.example.click()
    assert demo.seed.value == 7 and demo.picture.value != first
    demo.seed.value = 5
    demo.example.click()
    assert demo.picture.value == first
    demo.seed.value = demo.seed.max
    demo.example.click()
    assert demo.seed.value == 0


def test_an_example_does_not_depend_on_what_is_stated_about_files(demo):
    demo.radiometry.value, demo.modality.value = "decikelvin", "rgb"
    demo.example.click()
    assert "error" not in demo.message.value and "Temperatures of face 0" in demo.tables.value


def test_dropped_files_are_predicted_and_the_file_is_chosen(demo):
    send(demo, BROKEN, centikelvin("<b>raw.png"), photo())
    assert demo.file.options == ("_b_raw.png", "photo.png") and visible(demo.file)
    assert 'role="alert">error: broken.png:' in demo.message.value
    assert "Temperatures of face 0" in demo.tables.value
    demo.file.value = "photo.png"
    assert (
        "Temperatures" not in demo.tables.value and 'alt="photo.png: 1 face' in demo.picture.value
    )
    assert "read as RGB" in demo.tables.value
    assert not demo.files.busy and not demo.example.disabled and not visible(demo.bar)


def test_the_frames_of_a_stack_are_chosen_by_a_slider(demo):
    send(demo, stack(3))
    assert visible(demo.steps) and demo.frame.max == demo.play.max == 2
    assert "stack.npy#000000" in demo.tables.value and "person 1" in demo.tables.value
    demo.frame.value = 2
    assert "stack.npy#000002" in demo.tables.value
    send(demo, photo())
    assert not visible(demo.steps) and not visible(demo.file) and demo.frame.value == 0
    assert "photo.png" in demo.tables.value


def test_after_a_file_without_results_the_page_shows_none(demo):
    send(demo, photo())
    send(demo, BROKEN)
    assert demo.shown is None and demo.picture.value == demo.tables.value == ""
    send(demo, photo())
    assert demo.shown.name == "photo.png"


def test_limits_hold_whatever_the_page_sends(demo, monkeypatch):
    monkeypatch.setattr(uploads_module, "MAX_BYTES", 1_000_000)
    field = demo.files
    field._on_message(field, {"kind": "start", "files": [{"name": "a", "size": 2_000_000}]}, [])
    assert "2 MB; this page takes at most 1 MB" in demo.message.value
    demo.message.value = ""
    field._on_message(field, {"kind": "start", "files": [{"name": "a", "size": 10}]}, [])
    for _ in range(3):
        field._on_message(field, {"kind": "part", "file": 0}, [b"x" * 600_000])
    assert "at most 1 MB" in demo.message.value and field._contents == []
    field._on_message(field, {"kind": "end"}, [])
    assert not field.busy and demo.trial.files == {}


def test_invalid_options_are_a_line_and_the_page_works_on(demo):
    demo.radiometry.value = "furlongs"
    send(demo, centikelvin())
    assert 'role="alert">error: radiometry' in demo.message.value
    demo.radiometry.value = ""
    send(demo, centikelvin())
    assert demo.shown.faces and "error" not in demo.message.value


def test_after_a_fault_of_the_program_the_page_works_on(demo, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(widget_module, "try_files", fails)
        with pytest.raises(ZeroDivisionError):
            send(demo, photo())
    assert not demo.files.busy and not demo.example.disabled
    send(demo, photo())
    assert demo.shown.faces


def test_the_download_is_the_zip_of_the_last_results(demo, monkeypatch):
    sent = []
    monkeypatch.setattr(
        exchange_module.FileOut, "send", lambda self, *message: sent.append(message)
    )
    demo.download._on_message(demo.download, {"kind": "get"}, [])
    assert sent == [] and demo.download.label == ""
    send(demo, centikelvin())
    demo.download._on_message(demo.download, {"kind": "get"}, [])
    ((message, (data,)),) = sent
    assert message == {"name": "mlcmkd-results.zip"} and demo.download.label.startswith("Download")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert "thermal/temperatures.csv" in archive.namelist()


def test_more_options_are_shown_on_demand(demo):
    assert not visible(demo.options)
    demo.more.value = True
    assert visible(demo.options)


def test_a_stored_page_shows_the_picture(demo):
    assert "image/jpeg" not in demo._repr_mimebundle_()
    send(demo, photo())
    stored = demo._repr_mimebundle_()
    assert base64.b64decode(stored["image/jpeg"]) == demo.shown.jpeg
    assert stored["text/plain"].startswith("Demo: photo.png: 1 face")


def test_unknown_numbers_are_dashes_and_low_confidence_says_what_to_do():
    (shown,) = try_files([photo()]).files["photo.png"]
    (face,) = shown.faces
    assert tables.confidence_text(replace(face, confidence=0.5)) == (
        "confidence 0.50 (low, check the landmarks)"
    )
    assert tables.confidence_text(replace(face, confidence=0.6)) == "confidence 0.60 (fair)"
    assert tables.confidence_text(replace(face, confidence=0.799)) == "confidence 0.79 (fair)"
    assert tables.confidence_text(replace(face, confidence=0.8)) == "confidence 0.80 (high)"
    unknown = replace(face, confidence=float("nan"), box=None, deviation=None)
    text = tables.results(replace(shown, faces=(unknown,)))
    assert "nan" not in text
    assert tables.results(replace(shown, faces=())) == "<p>No face was found.</p>"
