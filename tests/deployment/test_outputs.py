"""Tables and COCO files of predictions, with and without standard deviations."""

import csv
import json

import numpy as np
import pytest

from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.landmark_tables import LONG
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.outputs import CocoWriter, CsvWriter
from mlcmkd.stages.score import ScoreConfig, score_files
from mlcmkd.utils.errors import InputError

POINTS = np.arange(136, dtype=float).reshape(68, 2) ** 1.1
DEVIATION = np.linspace(0.5, 3, 68)


def face(deviation: np.ndarray | None) -> FaceLandmarks:
    return FaceLandmarks(
        POINTS, "ibug68", np.zeros((200, 300)), 0.8, box=(0, 0, 150, 150), deviation=deviation
    )


def written(writer, folder, deviation):
    folder.mkdir(exist_ok=True)
    made = writer(folder)
    made.add("a.png", folder / "a", [face(deviation)])
    made.close()
    return folder


def test_the_table_of_landmarks_has_their_deviations(tmp_path):
    with (written(CsvWriter, tmp_path, DEVIATION) / "landmarks.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["image", "scheme", "point", "x", "y", "deviation", "celsius"]
    assert [float(row[5]) for row in rows] == pytest.approx(DEVIATION, abs=6e-4)


def test_an_unknown_deviation_is_an_empty_cell_and_no_entry(tmp_path):
    with (written(CsvWriter, tmp_path, None) / "landmarks.csv").open(newline="") as file:
        assert {row["deviation"] for row in csv.DictReader(file)} == {""}
    document = json.loads((written(CocoWriter, tmp_path, None) / "coco.json").read_text())
    assert "deviations" not in document["annotations"][0]


def test_coco_holds_a_deviation_for_each_keypoint(tmp_path):
    document = json.loads((written(CocoWriter, tmp_path, DEVIATION) / "coco.json").read_text())
    (annotation,) = document["annotations"]
    assert annotation["deviations"] == pytest.approx(DEVIATION, abs=6e-4)
    assert len(annotation["deviations"]) == annotation["num_keypoints"]
    assert annotation["score"] == 0.8


def without_deviations(folder):
    """The table as it was before there were deviations."""
    path = folder / "landmarks.csv"
    with path.open(newline="") as file:
        rows = [row[: len(LONG)] for row in csv.reader(file)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_tables_with_and_without_deviations_are_read_alike(tmp_path):
    new = written(CsvWriter, tmp_path / "new", DEVIATION)
    old = without_deviations(written(CsvWriter, tmp_path / "old", DEVIATION))
    found = [read_landmarks(each / "landmarks.csv", "ibug68").faces["a"] for each in (new, old)]
    assert found[0] == pytest.approx(POINTS, abs=0.006) and np.array_equal(*found)
    for annotations in (new, old):
        config = ScoreConfig(
            predictions=new / "landmarks.csv", annotations=annotations / "landmarks.csv"
        )
        result, _ = score_files(config)
        assert result["nme_percent"] == 0


def test_a_column_between_those_of_the_landmarks_is_still_refused(tmp_path):
    path = written(CsvWriter, tmp_path, DEVIATION) / "landmarks.csv"
    path.write_text(path.read_text().replace("point,x,y,deviation", "point,x,deviation,y"))
    with pytest.raises(InputError, match="the header must be image,scheme,point,x,y"):
        read_landmarks(path, "ibug68")
