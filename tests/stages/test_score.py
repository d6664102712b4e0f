"""Scoring of predictions in files, by function and on the command line."""

import csv
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from data_prep.readers.ibug_pts import groups_of
from mlcmkd.cli import app, guarded
from mlcmkd.schemes import IBUG68, map_indices
from mlcmkd.stages.score import ScoreConfig, score_files, text
from mlcmkd.utils.errors import InputError
from tests.data.test_landmark_files import write_long, write_manifest, write_pts, write_wide

RNG = np.random.default_rng(0)
FACE = RNG.uniform(0, 200, (68, 2))
FACE[36], FACE[45] = (50, 100), (150, 100)
SIDEWAYS = np.array([1.0, 0.0])  # one percent of the inter-ocular distance


@pytest.fixture
def annotated(tmp_path):
    """300W's test set in small: four faces of the common part, two of the challenge."""
    folder = tmp_path / "300w"
    for name in (
        *("lfpw_test/image_0001", "lfpw_test/image_0002"),
        *("helen/testset/11", "helen/testset/12"),
        *("ibug/image_003_1", "ibug/image_0001"),
    ):
        write_pts(folder / f"{name}.pts", FACE)
    return folder


@pytest.fixture
def predicted(tmp_path):
    """As `predict` writes them: 2 % off on the common part, 10 % on the challenge, one not found."""
    faces = {
        "frames/lfpw_test/image_0001.png": FACE + 2 * SIDEWAYS,
        "frames/lfpw_test/image_0002.png": FACE + 2 * SIDEWAYS,
        "frames/helen/testset/11.jpg": FACE + 2 * SIDEWAYS,
        "frames/ibug/image_003_1.jpg": FACE + 10 * SIDEWAYS,
        "frames/ibug/image_0001.jpg": FACE + 10 * SIDEWAYS,
        "frames/afw/999.jpg": FACE,
    }
    return write_long(tmp_path / "landmarks.csv", faces)


def test_the_three_splits_of_a_folder(annotated, predicted):
    result, scores = score_files(
        ScoreConfig(predictions=predicted, annotations=annotated), groups_of
    )
    summaries = {name: part.summary() for name, part in scores.by_group().items()}
    assert {n: (t["faces"], t["faces_failed"], t["nme_percent"]) for n, t in summaries.items()} == {
        "common": (4, 1, pytest.approx(2, abs=1e-3)),
        "challenge": (2, 0, pytest.approx(10, abs=1e-3)),
        "full": (6, 1, pytest.approx((3 * 2 + 2 * 10) / 5, abs=1e-3)),
    }
    assert (
        summaries["common"]["failure_rate"] == 0.25 and summaries["challenge"]["failure_rate"] == 1
    )
    assert summaries["common"]["auc"] == pytest.approx(3 * 0.75 / 4)
    assert result["without_prediction"] == ["helen/testset/12"]
    assert result["ignored_predictions"] == ["frames/afw/999"]
    lines = text(result, scores)
    assert "1 annotated faces have no prediction and count as failed: helen/testset/12" in lines
    assert "1 predictions belong to no annotated face and are ignored: frames/afw/999" in lines


def test_files_of_every_kind_agree(tmp_path, annotated):
    """The same faces as .pts, as both kinds of CSV, and annotated in a manifest."""
    names = sorted(p.relative_to(annotated).with_suffix("") for p in annotated.rglob("*.pts"))
    moved = FACE + 3 * SIDEWAYS
    for name in names:
        write_pts(tmp_path / "pts" / f"{name}.pts", moved)
    faces = {f"{name}.png": moved for name in names}
    kinds = [
        tmp_path / "pts",
        write_long(tmp_path / "long.csv", faces),
        write_wide(tmp_path / "wide.csv", faces),
    ]
    rows = [
        {"id": str(name), "rgb_file_name": f"rgb/{n}.png", "landmarks": FACE.tolist()}
        for n, name in enumerate(names)
    ]
    truths = [annotated, write_manifest(tmp_path / "manifest", *rows)]
    for predictions in kinds:
        for annotations in truths:
            config = ScoreConfig(predictions=predictions, annotations=annotations)
            result, _ = score_files(config)
            assert result["nme_percent"] == pytest.approx(3, abs=1e-3)
            assert (result["faces"], result["faces_failed"]) == (6, 0)
            assert result["ignored_predictions"] == []


def test_68_points_are_scored_on_54(tmp_path):
    chosen = list(map_indices("ibug68", "sf_tl54"))
    moved = FACE + np.arange(68)[:, None] * SIDEWAYS
    write_pts(tmp_path / "truth/a.pts", FACE[chosen])
    predictions = write_wide(tmp_path / "p.csv", {"a": moved})
    options = {"predictions": predictions, "annotations": tmp_path / "truth", "scheme": "sf_tl54"}
    result, _ = score_files(ScoreConfig(**options, predicted_scheme="ibug68"))
    assert result["scheme"] == "sf_tl54"
    assert result["nme_percent"] == pytest.approx(np.mean(chosen), abs=1e-3)
    with pytest.raises(InputError, match="or image,x0,y0 to x53,y53 .sf_tl54., but has 68 points"):
        score_files(ScoreConfig(**options))
    # The other way round some points have no counterpart.
    write_pts(tmp_path / "whole/a.pts", FACE)
    config = ScoreConfig(
        predictions=tmp_path / "truth",
        annotations=tmp_path / "whole",
        predicted_scheme="sf_tl54",
    )
    with pytest.raises(InputError, match="'sf_tl54' cannot be converted to 'ibug68'"):
        score_files(config)


def test_missing_annotations_and_half_predictions(tmp_path):
    truth = FACE.copy()
    truth[:10] = np.nan
    annotations = write_wide(tmp_path / "t.csv", {"a": truth, "b": FACE})
    moved = FACE.copy()
    moved[:10] += 50
    result, _ = score_files(
        ScoreConfig(
            predictions=write_wide(tmp_path / "p.csv", {"a": moved, "b": np.full((68, 2), np.nan)}),
            annotations=annotations,
        )
    )
    assert (result["nme_percent"], result["faces_failed"]) == (0, 1)
    assert result["without_prediction"] == []  # its row exists, but contains no points
    half = write_wide(tmp_path / "h.csv", {"a": truth, "b": FACE})
    with pytest.raises(InputError, match="face 'a': 10 of its 68 predicted points are not numbers"):
        score_files(ScoreConfig(predictions=half, annotations=annotations))


@pytest.mark.parametrize("mark", [-1, 0])
@pytest.mark.parametrize("count", [1, 2, 68])
def test_marks_of_points_that_were_not_found_are_failures_and_named(tmp_path, mark, count):
    face = FACE + 150  # far from the mark
    missed = face.copy()
    missed[:count] = mark
    faces = {"a": face + SIDEWAYS, "b": missed, "c": face + SIDEWAYS}
    config = ScoreConfig(
        predictions=write_wide(tmp_path / "p.csv", faces),
        annotations=write_wide(tmp_path / "t.csv", dict.fromkeys("abc", face)),
    )
    result, scores = score_files(config)
    assert (result["faces_failed"], result["nme_percent"]) == (1, pytest.approx(1, abs=1e-3))
    assert result["coincident_points"] == ["b"] and result["without_prediction"] == []
    assert "1 predictions have coincident points, so they count as failed: b" in text(
        result, scores
    )


def test_shares_of_the_image_size_are_refused(tmp_path):
    shares = write_wide(tmp_path / "shares.csv", {"a": FACE / [640, 480]})
    pixels = write_wide(tmp_path / "pixels.csv", {"a": FACE})
    for predictions, annotations in ((shares, pixels), (pixels, shares)):
        with pytest.raises(InputError, match="shares.csv, face 'a': .* shares of the image size"):
            score_files(ScoreConfig(predictions=predictions, annotations=annotations))


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda face: face[:, ::-1], "with x and y exchanged the predictions are 0.5 instead of"),
        (lambda face: face[list(IBUG68.flip)], "with left and right exchanged the predictions are"),
        (
            lambda face: face / 2,
            "with x multiplied by 2 and y by 2 the predictions are 0.9 instead",
        ),
        (
            lambda face: face / [3.2, 2.4],
            "with x multiplied by 3.2 and y by 2.4 the predictions are",
        ),
        (lambda face: face - 1, "count pixels from 0 and the other from 1?"),
        (lambda face: face, None),
        (lambda face: face[::-1], None),
    ],
)
def test_hints_at_another_convention(tmp_path, change, hint):
    noise = np.random.default_rng(1).normal(0, 0.4, (5, 68, 2))
    faces = {f"{n}": FACE + 3 * n for n in range(5)}
    config = ScoreConfig(
        predictions=write_wide(
            tmp_path / "p.csv", {n: change(face) + noise[int(n)] for n, face in faces.items()}
        ),
        annotations=write_wide(tmp_path / "t.csv", faces),
    )
    result, scores = score_files(config)
    assert len(result["hints"]) == (hint is not None)
    exact = ScoreConfig(predictions=tmp_path / "t.csv", annotations=tmp_path / "t.csv")
    assert score_files(exact)[0]["hints"] == []
    if hint is not None:
        assert hint in result["hints"][0] and f"hint: {result['hints'][0]}" in text(result, scores)


def cofw68_results(path, faces):
    """The text of results on COFW68: number, x, y and flags in lines, counted from 1."""
    lines = []
    for number, points in faces.items():
        rows = [" ".join(f"{value:.3f}" for value in axis) for axis in (points + 1).T]
        lines += [f"{number} ", *(f"{row} " for row in rows), "0 " * 68]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_results_on_cofw68_as_they_are_published(tmp_path):
    faces = {1: FACE + 2 * SIDEWAYS, 10: FACE + 4 * SIDEWAYS}
    predictions = cofw68_results(tmp_path / "results.txt", faces)
    manifest = [
        {"id": f"test/{n:04d}", "rgb_file_name": f"rgb/{n}.png", "landmarks": FACE.tolist()}
        for n in (1, 2, 10)
    ]
    for n in (1, 2, 10):
        write_pts(tmp_path / f"truth/{n}.pts", FACE)
    for annotations in (tmp_path / "truth", write_manifest(tmp_path / "manifest", *manifest)):
        result, _ = score_files(ScoreConfig(predictions=predictions, annotations=annotations))
        assert (result["faces"], result["faces_failed"]) == (3, 1)
        assert result["nme_percent"] == pytest.approx(3, abs=1e-3)
        assert result["ignored_predictions"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: ["x", *lines], "line 1: no number of a photo; COFW68's results have four"),
        (lambda lines: lines[:2] + lines[3:], "line 1: the lines after photo 1 have 68, 68"),
        (lambda lines: lines * 2, "line 5: photo 1 appears twice"),
        (lambda lines: [*lines[:1], "y " * 68, *lines[2:]], "line 2: 'y' is not a finite number"),
    ],
)
def test_another_text_than_results_on_cofw68(tmp_path, change, message):
    path = cofw68_results(tmp_path / "results.txt", {1: FACE})
    path.write_text("\n".join(change(path.read_text().splitlines())))
    write_pts(tmp_path / "truth/1.pts", FACE)
    with pytest.raises(InputError, match=re.escape(str(path)) + ", " + message):
        score_files(ScoreConfig(predictions=path, annotations=tmp_path / "truth"))


def test_names_of_windows_are_matched(tmp_path):
    predictions = write_wide(tmp_path / "p.csv", {"C:\\data\\Helen\\11.JPG": FACE + SIDEWAYS})
    write_pts(tmp_path / "truth/helen/11.pts", FACE)
    config = ScoreConfig(predictions=predictions, annotations=tmp_path / "truth")
    assert score_files(config)[0]["nme_percent"] == pytest.approx(1, abs=1e-3)


def test_nothing_in_common_is_refused(tmp_path, annotated):
    predictions = write_wide(tmp_path / "p.csv", {"other": FACE})
    with pytest.raises(InputError, match="called 'other' and 'helen/testset/11'; use equal names"):
        score_files(ScoreConfig(predictions=predictions, annotations=annotated))


def run(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_the_command_line_writes_a_whole_run(tmp_path, annotated, predicted):
    out = tmp_path / "run"
    outcome = run("score", predicted, annotated, "--normaliser=inter-pupil", "--out", out)
    assert outcome.exit_code == 0, outcome.output
    assert "mean of its eye's points (inter-pupil); FR and AUC at 8 %" in outcome.output
    first_cells = [
        line.split("|")[1].strip(" -") for line in outcome.output.splitlines() if line[0] == "|"
    ]
    assert first_cells == ["faces of", "", "challenge", "common", "full"]
    assert {path.name for path in out.iterdir()} == {
        *("config.json", "provenance.json", "result.json", "ced.csv", "ced.png"),
        *("errors.csv", "landmarks.csv", "regions.csv", "groups.csv"),
    }
    tables = {
        name: list(csv.DictReader((out / f"{name}.csv").open()))
        for name in ("errors", "landmarks", "regions", "groups", "ced")
    }
    assert {row["id"]: row["failed"] for row in tables["errors"]}["helen/testset/12"] == "1"
    assert list(tables["errors"][0]) == ["id", "nme", "near_frontal", "failed", "group"]
    assert len(tables["landmarks"]) == 68
    assert list(tables["landmarks"][0])[:4] == ["index", "region", "faces", "error_percent"]
    assert [row["group"] for row in tables["groups"]] == ["challenge", "common", "full"]
    assert float(tables["ced"][-1]["common"]) == 0.75
    result = json.loads((out / "result.json").read_text())
    assert (result["normaliser"], result["threshold"]) == ("inter-pupil", 0.08)
    assert (out / "ced.png").stat().st_size > 10_000

    # The same folder again, with faces without a group: the old groups.csv is deleted.
    outcome = run("score", predicted, annotated / "helen", "--out", out)
    assert outcome.exit_code == 0, outcome.output
    assert not (out / "groups.csv").exists()
    assert "| full | 1 | 1 | 2.00 [2.00, 2.00] |" in re.sub(" +", " ", outcome.output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--normaliser=nose"], "normaliser: Input should be 'inter-ocular', 'inter-pupil' or 'bo"),
        (["--threshold=0"], "threshold: Input should be greater than 0"),
        (["--scheme=nose9"], "landmark scheme 'nose9' is unknown"),
        (["--out=."], "holds the files to be scored; choose another folder"),
    ],
)
def test_bad_options_end_in_one_line(
    tmp_path, monkeypatch, capsys, annotated, predicted, arguments, message
):
    monkeypatch.chdir(tmp_path)
    before = predicted.read_bytes()

    def command():
        app(["score", str(predicted), str(annotated), *arguments], standalone_mode=False)

    with pytest.raises(SystemExit) as caught:
        guarded(command)
    assert caught.value.code == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert error.startswith("error: ") and message in error
    assert predicted.read_bytes() == before


def test_a_folder_that_is_scored_is_not_written_to(tmp_path, annotated, predicted):
    for out in (annotated, tmp_path):
        config = ScoreConfig(predictions=predicted, annotations=annotated, out=out)
        with pytest.raises(InputError, match="choose another folder"):
            score_files(config)
