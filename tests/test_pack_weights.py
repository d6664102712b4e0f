"""scripts/pack_weights.py: bundling the weights of a run, and the tables in card and results."""

import importlib.util
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from mlcmkd.deployment.weights import FILES
from mlcmkd.models import Landmarker
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.utils.errors import InputError

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("pack_weights", ROOT / "scripts/pack_weights.py")
pack_weights = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pack_weights)

PAGE = "# Page\n\n<!-- figures -->\nold\n<!-- end of figures -->\n\nRGB\n\n"
CARD = "---\nlicense: apache-2.0\n---\n" + PAGE
RESULTS = (
    PAGE + "<!-- figures of the RGB model -->\nold\n<!-- end of figures of the RGB model -->\n"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """One very short training for each modality."""
    root = tmp_path_factory.mktemp("runs")
    for modality in FILES:
        config = TrainConfig(
            out=root / modality, modality=modality, size="light", input_px=32,
            data={"synthetic_train": 8, "synthetic_held": 4}, fit={"steps": 2, "batch": 4},
        )  # fmt: skip
        train(config, progress=False)
    return {modality: root / modality for modality in FILES}


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package folder and a page of results of its own."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for files in FILES.values():
        (folder / files.card).write_text(CARD, encoding="utf-8")
    page = tmp_path / pack_weights.RESULTS_PAGE
    page.parent.mkdir(parents=True)
    page.write_text(RESULTS, encoding="utf-8")
    monkeypatch.setattr(pack_weights, "ROOT", tmp_path)
    monkeypatch.setattr(pack_weights, "FOLDER", folder)
    return folder


@pytest.mark.parametrize("modality", FILES)
def test_a_run_becomes_the_bundled_model_of_its_modality(runs, package, modality):
    table = pack_weights.pack(runs[modality], None, None, half=True)
    (packed,) = package.glob("*.safetensors")
    assert packed.name == FILES[modality].weights
    assert Landmarker.load(packed).spec.modality == modality
    assert packed.stat().st_size < 0.6 * (runs[modality] / "model.safetensors").stat().st_size
    assert re.search(r"\| synthetic faces, other identities *\| synthetic *\| 4 ", table)
    card = (package / FILES[modality].card).read_text(encoding="utf-8")
    assert card.endswith(PAGE.replace("\nold\n", f"\n\n{table}\n\n"))
    header = ModelCard(card).data
    assert header.license == "apache-2.0" and modality in header.model_name
    assert [each.metric_type for each in header.eval_results] == ["nme", "failure-rate"]
    nme = table.splitlines()[2].split("|")[4].split()[0]
    assert header.eval_results[0].metric_value == float(nme)
    results = (package.parent / pack_weights.RESULTS_PAGE).read_text(encoding="utf-8")
    before, between, after = RESULTS.split("\nold\n")
    new = f"\n\n{table}\n\n"
    expected = {
        "thermal": before + new + between + "\nold\n" + after,
        "rgb": before + "\nold\n" + between + new + after,
    }
    assert results == expected[modality]


def test_weights_that_are_too_large_leave_everything_as_it_was(runs, package, monkeypatch):
    small = FILES["rgb"]._replace(largest=1000)
    monkeypatch.setitem(pack_weights.FILES, "rgb", small)
    with pytest.raises(InputError, match="more than 1,000; give --half"):
        pack_weights.pack(runs["rgb"], None, None, half=False)
    assert not list(package.glob("*.safetensors"))
    assert (package / small.card).read_text(encoding="utf-8") == CARD


def test_the_test_sets_of_each_modality(tmp_path):
    synthetic = pack_weights.DataConfig()
    photos, real = tmp_path / "300w", tmp_path / "knapik"
    thermal = pack_weights.scored_sets("thermal", synthetic, photos, real)
    assert [each.normaliser for each in thermal] == ["inter-ocular", "inter-ocular", "box"]
    rgb = pack_weights.scored_sets("rgb", synthetic, photos, None)
    assert [each.images for each in rgb] == ["synthetic", "**real** photos"]
    with pytest.raises(InputError, match="thermal frames"):
        pack_weights.scored_sets("rgb", synthetic, photos, real)


def test_a_page_without_markers():
    with pytest.raises(InputError, match="0 places between '<!-- figures -->'"):
        pack_weights.with_table("# Page\n", "figures", "| a |")


def test_the_pages_have_the_markers():
    for modality, files in FILES.items():
        pages = {
            ROOT / "mlcmkd/deployment/weights" / files.card: pack_weights.CARD_MARKER,
            ROOT / pack_weights.RESULTS_PAGE: pack_weights.RESULTS_MARKERS[modality],
        }
        for page, marker in pages.items():
            text = page.read_text(encoding="utf-8")
            assert "| a |" in pack_weights.with_table(text, marker, "| a |")
