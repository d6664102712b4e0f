"""The ablation of the renderer: its plan, faces, rows and tables, on a few frames of noise."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.prepare import prepare
from mlcmkd.data.pairs import from_synthetic
from mlcmkd.studies.table import add_row
from mlcmkd.synthetic.faces import SyntheticFaces
from mlcmkd.synthetic.realism import Realism
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.errors import InputError
from tests.benchmarks.test_few_shot import make_source

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script that is run
import rendered_sets as sets  # noqa: E402

_spec = importlib.util.spec_from_file_location(
    "synthetic_ablation", Path(__file__).parents[2] / "benchmarks/synthetic_ablation.py"
)
script = importlib.util.module_from_spec(_spec)
sys.modules["synthetic_ablation"] = script  # pydantic looks types up in the module of a class
_spec.loader.exec_module(script)

FIT = FitConfig(steps=1, batch=4, evaluations=1, accelerator="cpu")
SMALL = {
    "full": script.Variant(faces=6),
    "without gain control": script.Variant(faces=6, agc=0),
    "geometry only": script.Variant(script.GEOMETRY_ONLY, faces=6),
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("ablation")
    source = make_source(root / "source")
    prepare("thermal_knapik54", source, root / "data", progress=False)
    return root / "data"


@pytest.fixture
def study(tmp_path, monkeypatch, manifest):
    monkeypatch.setattr(script, "renderer_digest", lambda: "digest")
    monkeypatch.setattr(script, "HELD", 2)

    def make(variants=SMALL, seeds=(0, 1), split="val"):
        places = (tmp_path / "table.csv", tmp_path / "runs", manifest, manifest)
        return script.AblationStudy(*places, variants, seeds, FIT, split)

    return make


def test_trainings_are_those_of_the_bundled_model(study):
    bundled, trained = script.BUNDLED, next(iter(study().plan())).config
    for name in ("modality", "size", "input_px", "augmentation"):
        assert getattr(trained, name) == getattr(bundled, name), name
    assert (trained.size, trained.augmentation.agc) == ("slim", 0.6)


def test_the_switches_of_all_variants_exist_and_change_something():
    assert script.VARIANTS[script.FULL] == script.Variant()
    for name, variant in script.VARIANTS.items():
        realism = Realism(**variant.realism)
        changed = (realism, variant.faces, variant.agc) != (Realism(), script.FACES, script.AGC)
        assert changed == (name != script.FULL), name


def test_a_run_is_known_by_all_that_decides_its_scores(study, monkeypatch):
    plan = list(study().plan())
    assert [(each.variant, each.config.seed) for each in plan[:4]] == [
        *((name, 0) for name in SMALL),
        ("full", 1),
    ]
    final = list(study(split="test").plan())
    assert len({each.run for each in [*plan, *final]}) == 12
    # Both splits are scored with the same training.
    assert [each.out for each in plan] == [each.out for each in final]
    assert len({each.out for each in plan}) == 6
    monkeypatch.setattr(script, "renderer_digest", lambda: "another")
    assert {each.run for each in study().plan()}.isdisjoint(each.run for each in plan)


def test_the_test_splits_need_final(tmp_path, manifest, monkeypatch):
    splits = []
    monkeypatch.setattr(script, "renderer_digest", lambda: "digest")
    monkeypatch.setattr(script, "run_study", lambda study, *_, **__: splits.append(study.split))
    given = ["--photos", str(manifest), "--real", str(manifest), "--table", str(tmp_path / "t.csv")]
    script.main(given)
    script.main([*given, "--final"])
    assert splits == ["val", "test"]


def test_a_dry_run_reports_what_is_missing(tmp_path, manifest, monkeypatch, capsys):
    monkeypatch.setattr(script, "renderer_digest", lambda: "digest")
    given = ["--photos", str(manifest), "--real", str(manifest), "--table", str(tmp_path / "t.csv")]
    script.main([*given, "--out", str(tmp_path / "runs"), "--dry-run"])
    runs = 3 * len(script.VARIANTS)
    assert f"0 done, {runs} to do" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_manifest_that_is_missing(tmp_path, manifest):
    with pytest.raises(InputError, match="nowhere: no manifest"):
        script.AblationStudy(
            tmp_path / "t.csv", tmp_path, tmp_path / "nowhere", manifest, SMALL, [0], FIT
        )


def noise_faces(count, *, seed, first_identity, faces_per_identity, realism, rgb):
    """Faces of noise with the identities of the renderer's contract."""
    rng = np.random.default_rng([seed, first_identity])
    return SyntheticFaces(
        rgb=np.zeros((count, 64, 64, 3), np.uint8) if rgb else None,
        thermal=rng.uniform(20, 36, (count, 64, 64)).astype(np.float32),
        landmarks=rng.uniform(16, 48, (count, 68, 2)).astype(np.float32),
        identity=first_identity + np.arange(count) // faces_per_identity,
        attributes={},
    )


def test_a_small_set_is_the_first_part_of_a_large_one(monkeypatch, tmp_path):
    monkeypatch.setattr(sets, "make_faces", noise_faces)
    monkeypatch.setattr(sets, "_CHUNK", 8)
    file = sets.set_file(tmp_path, "digest", Realism(), 3, 32)
    assert sets.size_of(file) == 0
    sets.render_set(file, 20, Realism(), 3, 32)
    sets.render_set(file, 8, Realism(), 3, 32)  # which it has
    assert sets.size_of(file) == 20
    pairs, small = sets.load_set(file, 20, 32), sets.load_set(file, 8, 32)
    assert pairs.rgb is None and pairs.thermal.shape == (20, 1, 45, 45) and pairs.labelled.all()
    assert pairs.subjects == tuple(str(n // 4) for n in range(20)) and len(set(pairs.ids)) == 20
    assert torch.equal(small.thermal, pairs.thermal[:8])
    first = from_synthetic(
        noise_faces(
            8, seed=3, first_identity=0, faces_per_identity=4, realism=Realism(), rgb=False
        ),
        32,
    )
    assert torch.equal(small.thermal, first.thermal)
    assert torch.equal(small.landmarks, first.landmarks)
    assert (small.crops, small.radiometry) == (first.crops, first.radiometry)


def test_other_faces_have_another_file(tmp_path):
    given = [
        ("digest", Realism(), 3, 32),
        ("other", Realism(), 3, 32),
        ("digest", Realism(curvature=False), 3, 32),
        ("digest", Realism(), 4, 32),
        ("digest", Realism(), 3, 64),
    ]
    assert len({sets.set_file(tmp_path, *each) for each in given}) == len(given)


def test_a_variant_is_trained_scored_and_reported(study, monkeypatch, tmp_path):
    rendered = []

    def noise(file, count, realism, seed, input_px):
        rendered.append((count, realism, seed))
        monkeypatch.setattr(sets, "make_faces", noise_faces)
        render_set(file, count, realism, seed, input_px)

    render_set = sets.render_set
    monkeypatch.setattr(script, "render_set", noise)
    variants = {**SMALL, "more faces": script.Variant(faces=8)}
    del variants["without gain control"]
    small = study(variants, seeds=(5,))
    plan = list(small.plan())
    assert small.prepare(plan, [], lambda line: None) == []
    # Both numbers of faces are of one set.
    assert rendered == [(8, Realism(), 0), (6, Realism(**script.GEOMETRY_ONLY), 0)]
    for planned in plan:
        row = small.row(planned, small.make(planned))
        assert row["nme_real"] > 0 and row["nme_simulated"] > 0
        assert planned.config.augmentation.agc == script.AGC
        add_row(small.table, script.COLUMNS, row)
    assert [row["variant"] for row in small.rows()] == ["full", "geometry only", "more faces"]
    assert [row["faces"] for row in small.rows()] == ["6", "6", "8"]
    script.draw(small.rows(), script.TEST_SETS, script.FULL, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_the_table_by_hand():
    scores = {"full": (5.0, 5.2), "without curvature": (6.0, 6.4)}
    rows = [
        {"variant": name, "seed": str(seed), "nme_real": str(nme), "nme_simulated": str(2 * nme)}
        for name, values in scores.items()
        for seed, nme in enumerate(values)
    ]
    lines = script.as_table(rows, script.TEST_SETS, script.FULL).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    # t(0.975, 1) = 12.706; the differences are 1.0 and 1.2, so 1.1 +- 12.706 * 0.1.
    assert cells[3][:4] == ["without curvature", "2", "6.20 [3.66, 8.74]", "1.10 [-0.17, 2.37]"]
    assert cells[2][3] == "" and cells[2][2].startswith("5.10 [")
    assert cells[3][5] == "2.20 [-0.34, 4.74]"
