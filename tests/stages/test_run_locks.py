"""Two commands with one run directory: the second is refused in one line, and writes nothing.

And two trainings in the threads of one process: each has the numbers that it has alone.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from mlcmkd.course.notebook_run import run_notebook
from mlcmkd.data.config import DataConfig
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.stages.attribute import AttributeConfig, attribute
from mlcmkd.stages.calibrate import CalibrateConfig, calibrate
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.export import ExportConfig, export
from mlcmkd.stages.kd_loss import KDLossConfig, train_kd_loss
from mlcmkd.stages.predict import predict_files
from mlcmkd.stages.score import ScoreConfig, score_files
from mlcmkd.stages.tolerant import TolerantConfig, train_tolerant
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.path import PathConfig, run_path
from mlcmkd.training.run_directory import RESULT, SHAPES, WEIGHTS, lock_run
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs, room

FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}


class Shapes:
    """In the place of a shape model, which random landmarks do not have."""

    saved: list[tuple[str, bool, bool]] = []

    def soften(self, landmarks):
        return landmarks

    def save(self, path: Path) -> None:
        there = [(path.parent / name).is_file() for name in (WEIGHTS, RESULT)]
        self.saved.append((path.name, *there))


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch) -> None:
    for name in ("load", "load_training"):
        monkeypatch.setattr(DataConfig, name, lambda *_, **__: make_pairs(20))
    monkeypatch.setattr("mlcmkd.stages.tolerant.fit_shape_model", lambda *_: Shapes())


@pytest.fixture
def rgb(tmp_path) -> Path:
    make_model("slim").save(tmp_path / "rgb.safetensors")
    return tmp_path / "rgb.safetensors"


@pytest.fixture
def thermal(tmp_path) -> Path:
    make_model("slim", "thermal").save(tmp_path / "thermal.safetensors")
    return tmp_path / "thermal.safetensors"


@contextmanager
def another_command(out: Path) -> Iterator[None]:
    """Another command that writes a run directory until the end of the block."""
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with lock_run(out):
            held.set()
            free.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    try:
        yield
    finally:
        free.set()
        thread.join()


def notebook(folder: Path) -> Path:
    cell = nbformat.v4.new_code_cell("a = 1", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "one.ipynb")
    return folder / "one.ipynb"


def frame(folder: Path) -> Path:
    np.save(folder / "frame.npy", room())
    return folder / "frame.npy"


def stages(out: Path, rgb: Path, thermal: Path) -> dict[str, Callable[[], Any]]:
    """Every stage that writes a run directory or a folder of results, by its command."""
    small = {"out": out, "size": "slim", "input_px": 32, "fit": FIT}
    return {
        "train": lambda: train(TrainConfig(**small), progress=False),
        "tolerant": lambda: train_tolerant(TolerantConfig(**small), progress=False),
        "transfer": lambda: transfer(TransferConfig(out=out, teacher=rgb, fit=FIT), progress=False),
        "compress": lambda: compress(
            CompressConfig(out=out, teacher=thermal, fit=FIT), progress=False
        ),
        "kd-loss": lambda: train_kd_loss(KDLossConfig(**small, loss="l1"), progress=False),
        "path": lambda: run_path(PathConfig(out=out), progress=False),
        "evaluate": lambda: evaluate(EvaluateConfig(out=out, weights=rgb), progress=False),
        "score": lambda: score_files(ScoreConfig(out=out, predictions=rgb, annotations=rgb)),
        "attribute": lambda: attribute(AttributeConfig(out=out, rgb=rgb), progress=False),
        "calibrate": lambda: calibrate(CalibrateConfig(out=out, weights=rgb), progress=False),
        "export": lambda: export(ExportConfig(out=out, weights=rgb), progress=False),
        "predict": lambda: predict_files(Predictor(), [frame(rgb.parent)], out, progress=False),
        "run": lambda: run_notebook(notebook(rgb.parent), {}, out),
    }


@pytest.mark.parametrize("command", stages(Path(), Path(), Path()))
def test_the_second_command_of_one_run_directory_is_refused(command, tmp_path, rgb, thermal):
    out = tmp_path / "run"
    out.mkdir()
    (out / RESULT).write_text("of the first command")
    with (
        another_command(out),
        pytest.raises(InputError, match="run: another command is writing it; .*another folder$"),
    ):
        stages(out, rgb, thermal)[command]()
    assert [path.name for path in out.iterdir()] == [RESULT]


def test_a_stage_may_run_inside_a_study_that_has_locked_its_directory(tmp_path, rgb):
    with lock_run(tmp_path / "run"):
        evaluate(EvaluateConfig(out=tmp_path / "run", weights=rgb), progress=False)
    with lock_run(tmp_path / "run"):
        pass


def test_a_directory_is_free_after_an_error(tmp_path, rgb):
    with pytest.raises(InputError):
        evaluate(EvaluateConfig(out=tmp_path / "run", weights=tmp_path / "none"), progress=False)
    with another_command(tmp_path / "run"):
        pass


def test_threads_of_one_process_train_as_each_alone(tmp_path):
    def trained(folder: str, seed: int) -> bytes:
        out = tmp_path / folder / str(seed)
        config = TrainConfig(out=out, size="slim", input_px=32, fit=FIT, seed=seed)
        train(config, progress=False)
        return (out / WEIGHTS).read_bytes()

    alone = [trained("alone", seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda seed: trained("together", seed), range(3)))
    assert together == alone


def test_a_tolerant_teacher_is_complete_with_its_shapes_only(tmp_path):
    """They are written after the weights and before the result."""
    Shapes.saved.clear()
    config = TolerantConfig(out=tmp_path / "run", size="slim", input_px=32, fit=FIT)
    train_tolerant(config, progress=False)
    assert Shapes.saved == [(SHAPES, True, False)] and (config.out / RESULT).is_file()
