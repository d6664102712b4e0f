"""Rendered faces as pre-training: the plan, runs and tables, on a few frames of noise."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from data_prep.prepare import prepare
from mlcmkd.data.config import DataConfig
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.models import Landmarker
from mlcmkd.studies.table import add_row
from mlcmkd.training.config import FitConfig
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from tests.benchmarks.test_few_shot import make_source

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script that is run
_spec = importlib.util.spec_from_file_location(
    "rendered_pretraining", Path(__file__).parents[2] / "benchmarks/rendered_pretraining.py"
)
script = importlib.util.module_from_spec(_spec)
sys.modules["rendered_pretraining"] = script
_spec.loader.exec_module(script)

STEPS = script.Steps(2, 1)
FIT = FitConfig(batch=4, evaluations=1, accelerator="cpu", learning_rate=1e-6)
FEW = script.Variant("thermal", True, 3)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pretraining")
    source = make_source(root / "source")
    prepare("thermal_knapik54", source, root / "data", train_on=["1_Man"], progress=False)
    return root / "data"


@pytest.fixture
def study(tmp_path, manifest):
    def make(variants=script.VARIANTS, seeds=(0, 1), split="val", fit=FIT):
        places = (tmp_path / "table.csv", tmp_path / "runs", manifest, manifest)
        return script.PretrainingStudy(*places, variants, seeds, STEPS, fit, split)

    return make


def test_the_plan_has_every_variant_and_seed_once(study):
    plan = list(study().plan())
    assert [each.config.seed for each in plan] == [0] * 11 + [1] * 11
    assert len({each.run for each in plan}) == len({each.out for each in plan}) == 22
    final = list(study(split="test").plan())
    assert {each.run for each in final}.isdisjoint(each.run for each in plan)
    # Both splits are scored with the same training.
    assert [each.out for each in plan] == [each.out for each in final]
    other = study(fit=FIT.model_copy(update={"learning_rate": 1e-5})).plan()
    assert {each.out for each in other}.isdisjoint(each.out for each in plan)


def test_every_variant_is_in_one_group_and_is_what_its_name_says(study):
    grouped = [variant for _, variants in script.GROUPS for variant in variants]
    assert grouped == list(script.VARIANTS)
    variants = {variant.name: variant for variant in grouped}
    assert len(variants) == len(grouped)
    for planned in study(seeds=(0,)).plan():
        variant, config = variants[planned.variant], planned.config
        assert (config.init is not None) == ("rendered" in variant.name) == variant.rendered
        assert (config.augmentation.agc == script.AGC) == ("gain control" in variant.name)
        assert config.data.labelled == (None if "all labels" in variant.name else 100)
        assert config.fit.steps == (2 if "all labels" in variant.name else 1)
        assert config.size == {"rgb": "half", "thermal": "slim"}[variant.name.split(",")[0]]


def test_a_run_starts_from_the_bundled_model_and_has_a_row(study):
    small = study([FEW], seeds=(3,))
    (planned,) = small.plan()
    row = small.row(planned, small.make(planned))
    assert row["nme_photos"] > 0 and row["nme_real"] > 0
    assert (row["labels"], row["start"], row["steps"]) == (3, "rendered", 1)
    add_row(small.table, script.COLUMNS, row)
    assert [each["variant"] for each in small.rows()] == ["thermal, 3 labels, rendered"]
    # One step at a tiny learning rate leaves the weights where they started.
    before = Landmarker.load(bundled_weights()).for_scheme("sf_tl54").state_dict()
    after = Landmarker.load(planned.out / WEIGHTS).state_dict()
    name = next(name for name, value in before.items() if value.ndim == 4)
    assert torch.allclose(before[name], after[name], atol=1e-4)


def test_an_rgb_run_has_no_score_of_thermal_frames(study, monkeypatch):
    scored = []
    monkeypatch.setattr(script, "get_or_train", lambda stage, config, progress: config.out)
    monkeypatch.setattr(script, "nme_of", lambda *given: scored.append(given[1:]) or 5.0)
    small = study([script.VARIANTS[0]], seeds=(0,))
    (planned,) = small.plan()
    row = small.row(planned, small.make(planned))
    assert (row["nme_photos"], row["nme_real"]) == (5.0, "")
    assert [each[1:] for each in scored] == [("val", "rgb", "inter-ocular")]


def test_the_tables_by_hand():
    rgb = [(script.VARIANTS[0].name, (4.0, 4.2)), (script.VARIANTS[1].name, (3.0, 3.4))]
    rows = [
        {"variant": name, "seed": str(seed), "nme_photos": str(nme), "nme_real": ""}
        for name, values in rgb
        for seed, nme in enumerate(values)
    ]
    lines = script.as_tables(rows).splitlines()
    assert lines[0] == "RGB, all labels" and "Knapik" not in lines[2]
    cells = [cell.strip() for cell in lines[-1].strip("|").split("|")]
    # t(0.975, 1) = 12.706; the differences are -1.0 and -0.8, so -0.9 +- 12.706 * 0.1.
    assert cells == ["rgb, all labels, rendered", "2", "3.20 [0.66, 5.74]", "-0.90 [-2.17, 0.37]"]


def test_a_manifest_that_is_missing(tmp_path, manifest):
    with pytest.raises(InputError, match="nowhere: no manifest"):
        script.PretrainingStudy(
            tmp_path / "t.csv", tmp_path, tmp_path / "nowhere", manifest, [FEW], [0], STEPS, FIT
        )


def test_labels_are_drawn_by_the_seed(manifest):
    data = DataConfig(source=str(manifest), labelled=3)
    first, second = (data.load_training(64, seed, progress=False).labelled for seed in (0, 1))
    assert first.sum() == second.sum() == 3
