"""The benchmark of recipes: the plan, targets, backgrounds and optimizers, on a few frames of noise."""

import sys
from pathlib import Path

import pytest
import torch

from data_prep.prepare import prepare
from mlcmkd.distillation.losses import landmark_loss
from mlcmkd.distillation.targets import TARGET_SIGMA, landmark_target
from mlcmkd.models import Prediction
from mlcmkd.training import trainer
from mlcmkd.training.config import FitConfig
from tests.benchmarks.scripts import load_script
from tests.benchmarks.test_few_shot import make_source
from tests.conftest import make_model, make_pairs

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # as for a script that is run
script = load_script("recipe")
variants, training = sys.modules["recipe_variants"], sys.modules["recipe_training"]

FIT = FitConfig(
    steps=4, batch=4, evaluations=1, accelerator="cpu", learning_rate=variants.LEARNING_RATE
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("recipe")
    source = make_source(root / "source")
    prepare("thermal_knapik54", source, root / "data", train_on=["1_Man"], progress=False)
    return root / "data"


@pytest.fixture
def study(tmp_path, manifest):
    def make(names=tuple(variants.VARIANTS), seeds=(0, 1)):
        places = (tmp_path / "table.csv", tmp_path / "runs", manifest)
        return script.RecipeStudy(*places, names, "thermal", seeds, FIT)

    return make


def test_each_variant_changes_what_its_name_says_and_nothing_else(study):
    plan = list(study().plan())
    names = list(variants.VARIANTS)
    assert [each.variant for each in plan] == names * 2, "all variants of a seed before the next"
    assert len({each.run for each in plan}) == len({each.out for each in plan}) == len(plan)
    base, *others = (each.config for each in plan[: len(names)])
    for other in others:
        fit = {
            name
            for name, value in other.fit
            if value != getattr(base.fit, name) and name != "steps"
        }
        recipe = {name for name, value in other if value != getattr(base, name)} - {"out", "fit"}
        # Other optimizers need other learning rates; "twice the steps" changes nothing else.
        assert len(fit | recipe) == 1 or other.optimizer != "adamw" or other.fit.steps == 8
    assert {each.fit.steps for each in others} >= {4, 8}


def test_the_base_has_the_loss_of_the_library():
    objective = training.RecipeObjective(make_model(), "rgb", TARGET_SIGMA, 0, 0)
    landmarks = make_pairs(3).landmarks
    prediction = Prediction(landmarks + 0.01, torch.randn(3, 68, 8, 8))
    rows = objective.smoothed_loss(prediction, landmarks)
    assert torch.equal(rows, landmark_loss(prediction, landmarks))


def test_a_smoothed_target_by_hand():
    """Cells with 0.98 p + 0.02 / cells; a prediction that is the target has no divergence from it."""
    landmarks = make_pairs(2).landmarks
    plain = landmark_target(landmarks, torch.zeros(2, 68, 8, 8))
    target = training.smoothed(plain, 0.02)
    assert target.maps[1, 5, 3, 4] == pytest.approx(0.98 * plain.maps[1, 5, 3, 4] + 0.02 / 64)
    assert torch.allclose(target.maps.sum((-2, -1)), torch.ones(2, 68))
    perfect = Prediction(landmarks, target.maps.log())
    assert training.target_loss(perfect, target).abs().max() < 1e-4
    other = Prediction(landmarks, plain.maps.clamp(min=1e-9).log())
    assert training.target_loss(other, target).min() > 1e-3


def test_backgrounds_are_mixed_outside_of_the_face_only():
    """A square of landmarks from -0.2 to 0.2: with images of one value each, by hand."""
    torch.manual_seed(0)
    corners = torch.tensor([[-0.2, -0.2], [0.2, -0.2], [0.2, 0.2], [-0.2, 0.2]])
    images = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 64, 64)
    mixed = training.mix_backgrounds(images, corners.expand(6, 4, 2), 1.0)
    face = slice(20, 44)  # pixel 20 is at -0.18
    assert torch.equal(mixed[:, :, face, face], images[:, :, face, face])
    edge = mixed[:, 0, 0, 0]  # at the image's corner the weight of a pixel is 1
    assert torch.equal(edge, mixed[:, 0, 63, 32])
    before = images[:, 0, 0, 0]
    after = before.roll(1)
    share = (edge - before) / (after - before)
    assert (share > 0).all() and (share < 1).all() and len(share.unique()) == 6
    assert torch.equal(training.mix_backgrounds(images, corners.expand(6, 4, 2), 0.0), images)


@pytest.mark.parametrize("name", ["lion", "muon", "timm muon"])
def test_other_optimizers_have_the_groups_of_adamw_and_are_only_used_inside(name):
    objective = training.RecipeObjective(make_model(), "rgb", TARGET_SIGMA, 0, 0)
    before = trainer.make_optimizer
    plain = trainer.make_optimizer(objective, FIT)
    with training.optimised_by(name):
        optimizer = trainer.make_optimizer(objective, FIT)
    assert trainer.make_optimizer is before
    assert type(optimizer).__name__.lower() == name.split()[-1]
    assert type(optimizer).__module__.startswith("mlcmkd" if name == "muon" else "timm")
    for group, other in zip(optimizer.param_groups, plain.param_groups, strict=True):
        assert [id(p) for p in group["params"]] == [id(p) for p in other["params"]]
        assert group["weight_decay"] == other["weight_decay"]
        assert group["lr"] == FIT.learning_rate


def test_a_run_has_a_row_with_both_scores(study):
    small = study(["Muon"], seeds=(3,))
    (planned,) = small.plan()
    row = small.row(planned, small.make(planned))
    assert set(row) == set(script.COLUMNS)
    assert row["nme"] > 0 and row["nme_flipped"] > 0 and row["nme"] != row["nme_flipped"]
    assert (row["batch"], row["steps"], row["modality"]) == (4, 3, "thermal")


def test_the_base_with_mirror_images_is_a_row_of_its_own():
    rows = [
        {"variant": "base", "seed": "0", "nme": "4", "nme_flipped": "3"},
        {"variant": "Lion", "seed": "0", "nme": "5", "nme_flipped": "4"},
    ]
    added = script.with_flip(rows)
    assert added[:2] == rows and len(added) == 3
    assert (added[2]["variant"], added[2]["nme"]) == ("flip at test", "3")


def test_the_help_names_the_variants(capsys):
    with pytest.raises(SystemExit, match="0"):
        script.parse(["--help"])  # a % of a name is not a format
    text = " ".join(capsys.readouterr().out.split())
    assert "2 % of the target uniform" in text
