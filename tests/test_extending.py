"""The library is extended from outside, by the code of docs/extending/ as it is printed there.

Each test executes one page in an empty folder, and then looks at what the page has made.
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
import torch

import mlcmkd
from data_prep.readers import READERS
from mlcmkd.data.manifest import read_rows
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.models import SIZES
from mlcmkd.schemes import SCHEMES
from mlcmkd.training.run_directory import read_metrics

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs/extending.md"
# By their titles.
PAGES = {
    page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# "): page
    for page in (INDEX, *sorted((ROOT / "docs/extending").glob("*.md")))
}


def code_of(title: str) -> str:
    """The code blocks of a page, each line at its own line number of the page."""
    lines, inside = [], False
    for line in PAGES[title].read_text(encoding="utf-8").splitlines():
        fence = line.startswith("```")
        lines.append(line if inside and not fence else "")
        inside = line == "```python" if fence else inside
    return "\n".join(lines)


@pytest.fixture
def extending(tmp_path, monkeypatch):
    """Executes a page after the code of the index; all registrations end with the test."""
    monkeypatch.chdir(tmp_path)
    for registry in (SIZES, SCHEMES, READERS):
        monkeypatch.setattr(registry, "_added", {})

    def execute(title: str) -> SimpleNamespace:
        names: dict[str, object] = {"__name__": "extending"}
        for name in ("Extending", title):
            code = code_of(name)
            assert code.strip(), name
            exec(compile(code, str(PAGES[name]), "exec"), names)
        return SimpleNamespace(**names)

    return execute


def metrics_of(run: str) -> dict[str, float]:
    """The last line of a run's log."""
    return read_metrics(Path(run))[-1]


def result_of(run: str) -> dict:
    return json.loads((Path(run) / "result.json").read_text())


def test_an_objective(extending):
    page = extending("An objective")
    for weight in (0, 2):
        last = metrics_of(f"runs/hardest-{weight}")
        assert last["total"] == pytest.approx(last["task"] + last["hardest"])
        assert (last["hardest"] > 0) == (weight > 0)
        assert result_of(f"runs/hardest-{weight}/score-test")["split"] == "test"
        assert json.loads(Path(f"runs/hardest-{weight}/config.json").read_text())["share"] == 0.1
    report = Path("report/report.md").read_text()
    for weight in (0, 2):
        row = next(line for line in report.splitlines() if f"weight={float(weight)}" in line)
        nme = result_of(f"runs/hardest-{weight}/score-test")["nme_percent"]
        assert f"{nme:.2f}" in row and "test, thermal" in row
    # About twenty lines: the class and nothing else.
    lines = code_of("An objective").split("class HardestConfig")[0].split("class HardestPoints")[1]
    assert len([line for line in lines.splitlines() if line.strip()]) <= 20
    assert issubclass(page.HardestPoints, mlcmkd.Objective)


def test_a_distillation_term(extending):
    page = extending("A distillation term")
    first, last = read_metrics(Path("runs/attention"))
    for line in (first, last):
        assert line["attention"] > 0
        terms = line["task"] + line["fi"] + line["ri"] + line["attention"]
        assert line["total"] == pytest.approx(terms)
    assert first["decay"] > last["decay"]
    saved = mlcmkd.Landmarker.load("runs/attention/model.safetensors")
    assert set(saved.state_dict()) == set(page.teacher.state_dict())


def test_the_gradient_of_the_term_reaches_the_student(extending):
    page = extending("A distillation term")
    step = SimpleNamespace(
        student_features=torch.rand(2, 4, 8, 8, requires_grad=True),
        teacher_features=torch.rand(2, 4, 8, 8),
    )
    rows = page.attention_transfer(step)
    rows.sum().backward()
    assert rows.shape == (2,) and step.student_features.grad.abs().sum() > 0


def test_a_backbone(extending, monkeypatch):
    page = extending("A backbone")
    assert isinstance(page.model.backbone, page.TinyBackbone)
    assert result_of("runs/tiny")["parameters"] == page.model.parameter_count()
    assert mlcmkd.ModelSpec(size="resnet26").size == "resnet26"
    monkeypatch.setattr(SIZES, "_added", {})
    with pytest.raises(mlcmkd.InputError, match="model size 'tiny' is unknown.*register_backbone"):
        mlcmkd.Landmarker.load("runs/tiny/model.safetensors")


def test_a_scheme(extending, monkeypatch):
    page = extending("A landmark scheme")
    assert page.map_indices("ibug68", "corners5") == (36, 45, 48, 54, 8)
    assert page.small.head.maps.out_channels == 5
    monkeypatch.setattr(SCHEMES, "_added", {})
    with pytest.raises(mlcmkd.InputError, match="scheme 'corners5' is unknown.*register_scheme"):
        mlcmkd.Landmarker.load("corners5.safetensors")


@pytest.fixture
def my_photos(tmp_path) -> Path:
    """Four persons of two photos each, and a file that is not one of points."""
    faces = synthetic_faces("train", 8)
    source = tmp_path / "my_photos"
    for n, (photo, points) in enumerate(zip(faces.rgb, faces.landmarks, strict=True)):
        folder = source / f"person{n // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{n}.png"), photo[..., ::-1])
        (folder / f"{n}.txt").write_text("\n".join(f"{x} {y}" for x, y in points))
    (source / "person0/readme.txt").write_text("1 2\n3 4\n")
    return source


@pytest.mark.usefixtures("my_photos")
def test_a_reader(extending):
    page = extending("A reader of a data set")
    rows = read_rows(Path("manifest"))
    assert len(rows) == 8 and {row.source for row in rows} == {"points_txt"}
    assert all((row.scheme, row.labels) == ("ibug68", "hand") for row in rows)
    splits = {row.subject: row.split for row in rows}
    assert len(splits) == 4 and set(splits.values()) == {"train", "val"}
    assert len(page.pairs) == sum(row.split == "train" for row in rows)
    assert page.pairs.labelled.all() and page.pairs.rgb is not None
    reasons = json.loads(Path("manifest/report.json").read_text())
    assert "person0/readme" in json.dumps(reasons)
    assert result_of("runs/mine")["modality"] == "rgb"
    with pytest.raises(mlcmkd.InputError, match=r"readme.txt: \(2, 2\) numbers"):
        page.prepare("points_txt", "my_photos", "other")


def test_a_scheme_and_a_reader_of_ones_own_reach_a_trained_model(extending, my_photos):
    """Photos of a scheme that the library does not know: manifest, training, evaluation."""
    scheme = extending("A landmark scheme")
    chosen = list(scheme.map_indices("ibug68", "corners5"))
    reader = extending("A reader of a data set")

    def read_corners(source, on_bad):
        for face in reader.read_points_txt(source, lambda name, error: None):
            yield reader.Annotation(
                id=face.id,
                subject=face.subject,
                scheme="corners5",
                landmarks=face.landmarks[chosen],
                rgb_path=face.rgb_path,
            )

    reader.register_reader("corners_txt", read_corners)
    reader.prepare("corners_txt", my_photos, "corners", val_fraction=0.5, progress=False)
    fit = reader.TRIAL["fit"]
    result = mlcmkd.train(
        mlcmkd.TrainConfig(
            out="runs/corners", size="light", input_px=32, data={"source": "corners"}, fit=fit
        )
    )
    assert result["nme_percent"] > 0
    assert mlcmkd.Landmarker.load("runs/corners/model.safetensors").spec.scheme == "corners5"


def test_every_page_is_executed_and_linked():
    tested = re.findall(r'extending\("(.*?)"\)', Path(__file__).read_text(encoding="utf-8"))
    assert set(PAGES) - {"Extending"} == set(tested)
    linked = set(re.findall(r"\]\(extending/(\w+\.md)\)", INDEX.read_text(encoding="utf-8")))
    assert linked == {page.name for page in PAGES.values()} - {INDEX.name}


def test_the_pages_name_files_that_exist():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES.values())
    named = set(re.findall(r"`((?:mlcmkd|data_prep|tests)/[\w/.]+)`", text))
    assert len(named) >= 8
    assert not [name for name in named if not (ROOT / name).exists()]
