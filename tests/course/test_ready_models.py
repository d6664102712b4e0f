"""The course's trained models as an archive: packed, unpacked for a lesson, and refused if damaged."""

import importlib.util
import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from mlcmkd import course
from mlcmkd.cli import app
from mlcmkd.course import model_archive
from mlcmkd.course.eight_bits import write_decoded, write_eight_bits
from mlcmkd.course.lesson import TransferLesson
from mlcmkd.course.model_archive import CARD, INDEX, LARGEST_FILE, hash_of, read_archive
from mlcmkd.course.project import NOTEBOOKS, ROOT
from mlcmkd.course.ready_models import ARCHIVE, pack_models, ready_configs, unpack_models
from mlcmkd.course.ready_models import CARD as CARD_FILE
from mlcmkd.models import Landmarker
from mlcmkd.stages.completed import is_complete
from mlcmkd.training.provenance import file_hash
from mlcmkd.training.run_directory import INPUTS, PROVENANCE, RESULT, WEIGHTS
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model
from tests.course.here import execute_here

_spec = importlib.util.spec_from_file_location("pack", ROOT / "scripts/pack_course_models.py")
pack_script = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pack_script)

STRATEGIES = ("none", "fd+ld", "dikd")
TEACHER = "teacher-rgb-s0"


def smoke(work: Path) -> TransferLesson:
    return TransferLesson(scale="smoke", work=work)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A work folder with the runs of the archive."""
    folder = tmp_path_factory.mktemp("course") / "work"
    for name in STRATEGIES:
        course.light_student_run(smoke(folder), name)
        course.student_run(smoke(folder), name)
    return folder


@pytest.fixture(scope="module")
def archive(trained) -> Path:
    path = trained.parent / "models.zip"
    pack_models(trained, path, "# Card\n", "smoke")
    return path


@pytest.fixture
def work(trained, tmp_path) -> Path:
    """A work folder without runs; the faces are rendered already."""
    folder = tmp_path / "work"
    shutil.copytree(trained / "faces", folder / "faces")
    return folder


def names_in(work: Path) -> set[str]:
    return {path.parent.name for path in work.glob(f"*/{WEIGHTS}")}


def trainings(output: str) -> set[str]:
    """Names of the runs that lines such as `name: train, 6 steps` report."""
    return {line.partition(":")[0] for line in output.splitlines() if line.endswith(" steps")}


# --- round trip -----------------------------------------------------------------------------------


def test_unpacked_runs_are_complete_and_are_reused(trained, archive, work, capsys):
    written = unpack_models(archive, work, scale="smoke")
    assert set(written) == names_in(work) == names_in(trained) and len(written) == 7
    capsys.readouterr()
    for name in STRATEGIES:
        course.student_run(smoke(work), name)
        course.light_student_run(smoke(work), name)
    output = capsys.readouterr().out
    assert not trainings(output) and output.count(": complete, reused\n") == 7
    for name in written:
        now, before = (load_file(folder / name / WEIGHTS) for folder in (work, trained))
        assert {key: (x.dtype, x.shape) for key, x in now.items()} == {
            key: (x.dtype, x.shape) for key, x in before.items()
        }
        assert now.keys() == before.keys()
        assert json.loads((work / name / "config.json").read_text())["out"] == str(work / name)
    assert "smoke" not in str(read_archive(archive)[1]["teacher-rgb-s0/config.json"])
    assert str(trained) not in str(read_archive(archive)[1]), "a path of the machine that packed"


def test_recorded_inputs_are_the_weights_that_are_there_and_the_trained_ones_are_kept(
    trained, archive, work
):
    unpack_models(archive, work, scale="smoke")
    for run in ("student-dikd_cosine_both_16labels_s0", "light-none_16labels_s0"):
        teacher = TEACHER if run.startswith("student") else "student-dikd_cosine_both_16labels_s0"
        now, before = (
            json.loads((folder / run / PROVENANCE).read_text()) for folder in (work, trained)
        )
        assert now[INPUTS] == {"teacher": file_hash(work / teacher / WEIGHTS)}
        assert now["ready"]["as_trained"] == {
            "weights": file_hash(trained / run / WEIGHTS),
            INPUTS: {"teacher": file_hash(trained / teacher / WEIGHTS)},
        }
        assert before[INPUTS] == now["ready"]["as_trained"][INPUTS]
        assert {k: v for k, v in now.items() if k not in (INPUTS, "ready")} == {
            k: v for k, v in before.items() if k != INPUTS
        }


def test_a_student_of_another_teacher_is_trained_again(archive, work, capsys):
    """The check of reused runs is as strict on unpacked ones."""
    unpack_models(archive, work, scale="smoke")
    weights = work / TEACHER / WEIGHTS
    Landmarker.load(weights).half().float().save(weights)
    capsys.readouterr()
    course.student_run(smoke(work))
    assert trainings(capsys.readouterr().out) == {"student-dikd_cosine_both_16labels_s0"}


def test_eight_bits_are_off_by_half_a_step_of_each_filter(tmp_path):
    model = make_model("slim")
    model.save(tmp_path / "model")
    for name in ("one", "two"):
        write_eight_bits(tmp_path / "model", tmp_path / name)
        write_decoded(tmp_path / name, tmp_path / f"{name}.decoded")
    assert (tmp_path / "one.decoded").read_bytes() == (tmp_path / "two.decoded").read_bytes()
    assert (tmp_path / "one").stat().st_size < 0.3 * (tmp_path / "model").stat().st_size
    decoded = Landmarker.load(tmp_path / "one.decoded").state_dict()
    for name, value in model.state_dict().items():
        if value.ndim < 2:
            assert torch.equal(decoded[name], value), name
            continue
        step = value.abs().flatten(1).amax(dim=1) / 127
        difference = (decoded[name] - value).abs().flatten(1).amax(dim=1)
        assert (difference <= 0.5001 * step + 1e-12).all(), name


# --- lessons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lesson", "stages"),
    [("00", ""), ("02", ""), ("03", "t"), ("03b", "tsss"), ("04", "tsss"), ("05", "tssslll")],
)
def test_only_runs_that_earlier_lessons_teach_are_unpacked(archive, work, lesson, stages):
    written = unpack_models(archive, work, lesson, scale="smoke")
    assert "".join(name[0] for name in written) == stages
    assert names_in(work) == set(written)


# That all lessons reuse only what is in the archive: test_notebooks.py, where the whole course is run.
# That every run of the archive is reused: `test_unpacked_runs_are_complete_and_are_reused`.
def test_a_lesson_trains_only_its_own(archive, work, tmp_path, capsys):
    unpack_models(archive, work, "04", scale="smoke")
    source = NOTEBOOKS / "04_mcl.ipynb"
    execute_here(source, tmp_path / source.name, {"scale": "smoke", "work": str(work)})
    stages = {re.split("[-_]", name)[0] for name in trainings(capsys.readouterr().out)}
    assert stages == {"light"}


# --- what is there --------------------------------------------------------------------------------


def test_a_folder_with_a_run_of_its_own_is_left_as_it_is(trained, archive, work):
    shutil.copytree(trained / TEACHER, work / TEACHER)
    before = {path: path.read_bytes() for path in sorted(work.rglob("*")) if path.is_file()}
    with pytest.raises(
        InputError, match=f"^{work}: contains {TEACHER}, .*nothing was written"
    ) as e:
        unpack_models(archive, work, scale="smoke")
    assert "\n" not in str(e.value)
    assert {p: p.read_bytes() for p in before} == before and names_in(work) == {TEACHER}


def test_an_unfinished_run_is_not_replaced_and_an_empty_folder_is(archive, work):
    (work / TEACHER).mkdir()
    assert unpack_models(archive, work, "03", scale="smoke") == [TEACHER]
    shutil.rmtree(work / TEACHER)
    (work / TEACHER).mkdir()
    (work / TEACHER / "checkpoint").write_text("steps")
    with pytest.raises(InputError, match="nothing was written"):
        unpack_models(archive, work, scale="smoke")
    assert not names_in(work)


def test_runs_that_were_unpacked_before_are_kept(archive, work):
    first = unpack_models(archive, work, "04", scale="smoke")
    dates = {name: (work / name / WEIGHTS).stat().st_mtime_ns for name in first}
    assert len(unpack_models(archive, work, scale="smoke")) == 3
    assert unpack_models(archive, work, scale="smoke") == []
    assert dates == {name: (work / name / WEIGHTS).stat().st_mtime_ns for name in first}


def test_a_folder_or_an_archive_of_another_scale_is_refused(trained, archive, work):
    with pytest.raises(InputError, match="contains .* of scale 'smoke', which a run of scale"):
        unpack_models(archive, trained)
    with pytest.raises(InputError, match=f"{archive}: has models of scale 'smoke' and seed 0, not"):
        unpack_models(archive, work)
    assert not names_in(work)


def test_an_unfinished_course_is_not_packed(trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    (copy / "light-none_16labels_s0" / RESULT).unlink()
    with pytest.raises(
        InputError, match="light-none_16labels_s0: no completed run .*trains what is"
    ):
        pack_models(copy, tmp_path / "models.zip", "", "smoke")
    assert not (tmp_path / "models.zip").exists()


# --- bad archives ---------------------------------------------------------------------------------


def changed(archive: Path, path: Path, *, seal: bool = True, **edits: bytes | None) -> Path:
    """A copy with other content of some files, None to leave one out; the index fits if `seal`."""
    with zipfile.ZipFile(archive) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    contents |= edits
    contents = {name: content for name, content in contents.items() if content is not None}
    if seal:
        index = json.loads(contents[INDEX])
        index["files"] = {n: hash_of(c) for n, c in contents.items() if n not in (INDEX, CARD)}
        contents[INDEX] = json.dumps(index).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def index_with(archive: Path, **fields) -> bytes:
    index = json.loads(zipfile.ZipFile(archive).read(INDEX))
    return json.dumps(index | fields).encode()


def places_in(work: Path) -> set[Path]:
    """Files and folders, without the locks, which are kept."""
    return {path for path in work.rglob("*") if not path.name.endswith(".lock")}


def refused(archive: Path, work: Path, message: str) -> None:
    before = places_in(work)
    with pytest.raises(InputError, match=message) as error:
        unpack_models(archive, work, scale="smoke")
    assert str(error.value).startswith(f"{archive}: ") and "\n" not in str(error.value)
    assert places_in(work) == before


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "/tmp/evil.json", "..\\evil.json", f"{TEACHER}/../../result.json",
     f"a/{TEACHER}/result.json", "../result.json", f"{TEACHER}/run.py", "run.py",
     f"{TEACHER}/", ".hidden/result.json"],
)  # fmt: skip
def test_a_file_that_no_run_has_is_refused_before_anything_is_written(
    archive, work, tmp_path, name
):
    bad = changed(archive, tmp_path / "bad.zip", **{name: b"{}"})
    refused(bad, work, "as no archive of models does")
    assert {path.name for path in tmp_path.iterdir()} == {"bad.zip", "work"}


def test_a_file_that_is_no_archive_of_models_is_refused(archive, work, tmp_path):
    bad = tmp_path / "bad.zip"
    refused(bad, work, "no such file")
    bad.write_bytes(archive.read_bytes()[:-100])
    refused(bad, work, "not a complete ZIP archive")
    bad.write_text("<!doctype html>")
    refused(bad, work, "it is a web page; the download failed")
    with zipfile.ZipFile(bad, "w") as file:
        file.writestr("photo.jpg", b"")
    refused(bad, work, "it has no models.json")


def test_damaged_content_is_refused(archive, work, tmp_path):
    bad, content = tmp_path / "bad.zip", bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    bad.write_bytes(content)
    refused(bad, work, "not a complete ZIP archive|is not the file that models.json lists")
    changed(archive, bad, seal=False, **{f"{TEACHER}/{RESULT}": b"{}"})
    refused(bad, work, f"{TEACHER}/{RESULT} is not the file that models.json lists")
    changed(archive, bad, seal=False, **{f"{TEACHER}/{RESULT}": None})
    refused(bad, work, f"{TEACHER}/{RESULT} is not the file that models.json lists")
    changed(archive, bad, seal=False, **{INDEX: b"[[["})
    refused(bad, work, "models.json is not JSON")
    changed(archive, bad, seal=False, **{INDEX: b"{}"})
    refused(bad, work, "another version of mlcmkd")


def test_sizes_are_bounded(archive, work, tmp_path, monkeypatch):
    bad, index = tmp_path / "bad.zip", read_archive(archive)[0]
    changed(archive, bad, **{f"{TEACHER}/{WEIGHTS}": bytes(LARGEST_FILE + 1)})
    assert bad.stat().st_size < archive.stat().st_size, "zeros pack well"
    refused(bad, work, f"{WEIGHTS} has more than 4,000,000 bytes")
    monkeypatch.setattr(model_archive, "LARGEST_CONTENT", 1000)
    refused(archive, work, "would unpack to more than 1,000 bytes")
    monkeypatch.setattr(model_archive, "LARGEST", 1000)
    refused(archive, work, "larger than 1,000 bytes")
    with pytest.raises(InputError, match="more than 1,000"):
        model_archive.write_archive(bad, index, "", {"a/b": bytes(2000)})


def test_runs_of_another_version_of_the_course_are_refused(archive, work, tmp_path):
    bad, other = tmp_path / "bad.zip", "is not the run that this version of the course trains"
    name = f"{TEACHER}/config.json"
    config = json.loads(read_archive(archive)[1][name])
    config["fit"]["steps"] += 1
    changed(archive, bad, **{name: json.dumps(config).encode()})
    refused(bad, work, f"{TEACHER} {other}")
    for content in (b"[]", b"[[[", b"\xff"):
        changed(archive, bad, **{name: content})
        refused(bad, work, f"{TEACHER} {other}")
    changed(archive, bad, **{name: None})
    refused(bad, work, f"{TEACHER} {other}")
    changed(archive, bad, **{INDEX: index_with(archive, format=2)})
    refused(bad, work, "made by another version of mlcmkd")


def test_a_student_that_was_trained_from_another_teacher_is_refused(archive, work, tmp_path):
    trained = json.loads(index_with(archive))["trained"] | {TEACHER: "0" * 64}
    bad = changed(archive, tmp_path / "bad.zip", **{INDEX: index_with(archive, trained=trained)})
    refused(bad, work, "student-none_16labels_s0 is not the run")


def test_weights_that_fit_no_model_are_refused(archive, work, tmp_path):
    bad, other = tmp_path / "bad.zip", f"{TEACHER} is not the run"
    weights = f"{TEACHER}/{WEIGHTS}"
    changed(archive, bad, **{weights: b"no safetensors"})
    refused(bad, work, other)
    for tensors in ({"a|step": torch.ones(1)}, {"a": torch.ones(2, 3), "a|step": torch.ones(4, 1)}):
        save_file(tensors, tmp_path / "w")
        changed(archive, bad, **{weights: (tmp_path / "w").read_bytes()})
        refused(bad, work, other)
        (tmp_path / "w").unlink()


# --- the archive beside the notebooks, the command, the script -------------------------------------


def test_the_archive_beside_the_notebooks_is_that_of_this_version(tmp_path):
    """If trainings of the course changed: make course, then scripts/pack_course_models.py."""
    written = unpack_models(ARCHIVE, tmp_path)
    assert len(written) == 7
    lesson = TransferLesson(work=tmp_path)
    assert all(is_complete(config) for _, config in ready_configs(lesson))
    with zipfile.ZipFile(ARCHIVE) as file:
        assert file.read(CARD).decode() == CARD_FILE.read_text(encoding="utf-8")
    assert ARCHIVE.stat().st_size < 7_000_000


def test_the_command_writes_the_models_before_a_lesson(tmp_path, capsys):
    arguments = ["course-models", "03_ktl_dikd", "--out", str(tmp_path)]
    first, second = (CliRunner().invoke(app, arguments) for _ in range(2))
    assert f"{TEACHER}: written\n" in first.output and "trains only its own" in first.output
    assert names_in(tmp_path) == {TEACHER} and "nothing to write" in second.output
    wrong = CliRunner().invoke(app, ["course-models", "99"])
    assert isinstance(wrong.exception, InputError) and "00, 01, 02" in str(wrong.exception)


def test_the_script_writes_the_same_archive_twice_and_its_table_into_the_card(
    trained, tmp_path, monkeypatch
):
    card = tmp_path / "card.md"
    shutil.copyfile(CARD_FILE, card)
    archives = [tmp_path / "one.zip", tmp_path / "two.zip"]
    monkeypatch.setattr(pack_script, "MOST", 100)
    for path in archives:
        table = pack_script.pack(trained, path, card, "smoke")
    assert archives[0].read_bytes() == archives[1].read_bytes()
    assert table in card.read_text() and TEACHER in table
    with zipfile.ZipFile(archives[0]) as file:
        assert file.read(CARD).decode() == card.read_text()
    monkeypatch.setattr(pack_script, "MOST", 0)
    with pytest.raises(InputError, match="in 8 bits"):
        pack_script.pack(trained, archives[0], card, "smoke")
