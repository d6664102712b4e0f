"""Tests of attribution maps: each detects the fault it is made for."""

from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from mlcmkd.attribution import (
    agreement,
    attribute,
    convergence,
    infidelity,
    pixel_curve,
    predict,
    randomisation,
    randomised_copies,
    sensitivity,
    spearman,
    top_overlap,
)
from mlcmkd.attribution.agreement import chance_overlap, other_person, pooled_magnitude
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError
from tests.attribution.test_attribution import Linear, images
from tests.conftest import make_model


class Pointer(torch.nn.Module):
    """Predicts every landmark in cell 5, with a probability that depends on one pixel."""

    def __init__(self, row: int = 10, column: int = 20):
        super().__init__()
        self.spec, self.place = make_model().spec, (row, column)

    def forward(self, x):
        logits = torch.zeros(len(x), 68, 64)
        logits[:, :, 5] = 1 + 6 * x[:, 0, *self.place][:, None]
        return Prediction(torch.zeros(len(x), 68, 2), logits.view(-1, 68, 8, 8))


def spots(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy images with a bright spot, and its centred coordinates, (N, 2)."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(count, 2, generator=generator) * 0.6 - 0.3
    axis = (torch.arange(32) + 0.5) / 32 - 0.5
    distance = (axis - place[:, :1])[:, None, :] ** 2 + (axis - place[:, 1:])[:, :, None] ** 2
    spot = torch.exp(-distance / 0.006)
    noise = 0.3 * torch.rand(count, 32, 32, generator=generator)
    return (0.6 * spot + noise)[:, None], place


@lru_cache
def trained() -> Landmarker:
    """A small model trained to predict the spot's position."""
    model = make_model("light", "thermal").train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(60):
        x, place = spots(16, seed=step)
        loss = (model(x).coordinates - place[:, None]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()
    x, place = spots(32, seed=1000)
    error = (predict(model, x).coordinates - place[:, None]).norm(dim=-1).mean()
    assert error < 0.5 * place.norm(dim=-1).mean(), (
        "the model has not learned; the tests need a trained one"
    )
    return model


# --- insertion and deletion ---------------------------------------------------------------------


def test_the_only_relevant_pixel_decides_both_curves():
    x = images(1)
    right, wrong = torch.zeros(2, 32, 32), torch.zeros(2, 32, 32)
    right[:, 10, 20], wrong[:, 10, 20] = 1, -1
    options = {"baseline": "black", "points": 5}
    found = pixel_curve(Pointer(), x, right, 30, kind="insertion", **options)
    assert found.fractions.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.values.shape == (2, 5)
    assert torch.allclose(found.values[:, 1:], torch.ones(2, 4))
    # Before that the cell has e^1 of e^1 + 63, over its share in the whole image.
    peak = (1 + 6 * x[:, 0, 10, 20]).exp()
    start = (np.e / (np.e + 63)) / (peak / (peak + 63))
    assert torch.allclose(found.values[:, 0], start.float(), atol=1e-5)
    assert torch.allclose(found.auc, (start.float() + 7) / 8, atol=1e-5)  # by trapezia
    late = pixel_curve(Pointer(), x, wrong, 30, kind="insertion", **options)
    assert torch.allclose(late.auc, (7 * start.float() + 1) / 8, atol=1e-5)
    gone = pixel_curve(Pointer(), x, right, 30, kind="deletion", **options)
    assert torch.allclose(gone.values[:, 0], torch.ones(2))
    assert torch.allclose(gone.values[:, 1:], start.float()[:, None].expand(2, 4), atol=1e-5)


def test_ties_are_ordered_at_random():
    found = pixel_curve(Pointer(0, 0), images(1), torch.zeros(2, 32, 32), "mouth", points=9)
    assert 0 < int((found.values[0] > 0.99).sum()) < 9
    again = pixel_curve(Pointer(0, 0), images(1), torch.zeros(2, 32, 32), "mouth", points=9)
    other = pixel_curve(Pointer(0, 0), images(1), torch.zeros(2, 32, 32), "mouth", points=9, seed=1)
    assert torch.equal(found.values, again.values) and not torch.equal(found.values, other.values)


def test_integrated_gradients_beat_a_random_order_on_a_trained_model():
    x, _ = spots(4, seed=77)
    maps = attribute(trained(), x, 30).maps
    chance = torch.rand(maps.shape, generator=torch.Generator().manual_seed(0))
    for kind, sign in (("insertion", 1), ("deletion", -1)):
        ours, theirs = (pixel_curve(trained(), x, m, 30, kind=kind).auc for m in (maps, chance))
        assert sign * (ours - theirs).mean() > 0


def test_invalid_arguments_of_curves_are_rejected():
    with pytest.raises(InputError, match="'addition' is unknown; use insertion or deletion"):
        pixel_curve(Pointer(), images(), torch.zeros(2, 32, 32), 30, kind="addition")
    with pytest.raises(InputError, match="do not fit"):
        pixel_curve(Pointer(), images(), torch.zeros(2, 16, 16), 30)
    with pytest.raises(InputError, match="coordinate head has no log-probability"):
        pixel_curve(make_model(head="coordinate"), images(), torch.zeros(2, 32, 32), 30)


# --- randomised weights -------------------------------------------------------------------------


def test_randomised_weights_change_the_map_of_a_trained_model():
    x, _ = spots(4, seed=78)
    found = randomisation(trained(), x, 30, steps=8)
    assert found.parts[:2] == ("head", "neck") and found.parts[-1] == "backbone conv_stem"
    assert found.signed.shape == found.absolute.shape == (len(found.parts), 4)
    assert found.signed[-1].mean() < 0.5  # by then it is another network
    assert found.absolute[-1].mean() < 0.9


def test_a_cascade_randomises_part_by_part_and_not_the_original():
    model = trained()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copies = dict(randomised_copies(model))

    def changed(copy, part):
        now = copy.get_submodule(part).state_dict()
        return any(not torch.equal(before[f"{part}.{name}"], value) for name, value in now.items())

    parts = ["head", "neck", "backbone.model.blocks", "backbone.model.conv_stem"]
    for number, copy in enumerate(copies.values()):
        assert [changed(copy, part) for part in parts] == [n <= number for n in range(len(parts))]
    alone = dict(randomised_copies(model, cascading=False))["neck"]
    assert [changed(alone, part) for part in parts] == [False, True, False, False]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    stages = [name for name, _ in randomised_copies(make_model("base"))]
    assert stages == [
        "head",
        "neck",
        *(f"backbone layer{n}" for n in (4, 3, 2, 1)),
        "backbone conv1",
    ]


# --- steps, infidelity, sensitivity -------------------------------------------------------------


def test_more_steps_are_closer_to_the_finest_map():
    found = convergence(make_model().eval(), images(1), 30, (2, 64, 8))
    assert found.completeness_error.shape == found.similarity.shape == (3, 2)
    assert torch.allclose(found.similarity[1], torch.ones(2, dtype=torch.float64))
    assert (found.similarity[0] < found.similarity[2]).all()


def test_exact_contributions_have_no_infidelity():
    """For a linear model, weight times difference is exactly the effect of a square."""
    model, x = Linear(), images()
    options = {"target": "x", "baseline": "black"}
    right = attribute(model, x, 12, steps=2, **options).maps
    assert infidelity(model, x, right, 12, **options).max() < 1e-4
    assert infidelity(model, x, -3 * right, 12, **options).max() < 1e-4  # any scale, by definition
    wrong = torch.randn(right.shape, generator=torch.Generator().manual_seed(5))
    assert infidelity(model, x, wrong, 12, **options).min() > 0.3
    assert torch.allclose(
        infidelity(model, x, torch.zeros_like(right), 12, **options), torch.ones(2)
    )


def test_the_gradient_of_a_linear_model_has_no_sensitivity():
    options = {"target": "x", "method": "smoothgrad", "noise": 0, "samples": 2}
    still = sensitivity(
        Linear(), images(), 12, **{k: v for k, v in options.items() if k != "samples"}
    )
    assert still.shape == (2,) and still.max() < 1e-5


def test_sensitivity_is_the_largest_relative_change():
    """For a linear model with a black baseline the change is weight times change of the pixels."""
    model, x = Linear(), images()
    found = sensitivity(model, x, 12, target="x", baseline="black", steps=2, radius=0.05, tries=8)
    weight = model.weight.unflatten(0, (68, 2))[12, 0].view(3, 32, 32)
    size = (weight * x).sum(1).flatten(1).norm(dim=1)
    bound = 0.05 * weight.abs().sum(0).norm() / size
    assert (found > 0).all() and (found <= bound).all()


# --- agreement ----------------------------------------------------------------------------------


def test_rank_correlation_by_hand_and_by_scipy():
    one = torch.tensor([[[1.0, 2], [3, 4]]])
    assert spearman(one, torch.tensor([[[1.0, 2], [4, 3]]]))[0] == pytest.approx(0.8)
    assert spearman(one, -one)[0] == pytest.approx(-1)
    assert np.isnan(spearman(one, torch.ones(1, 2, 2))[0])
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 3, 6, 6))  # many ties
    expected = [spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    assert np.allclose(spearman(torch.from_numpy(a), torch.from_numpy(b)), expected)


def test_overlap_by_hand():
    one = torch.tensor([[[9.0, 8, 1, 0]]])
    assert top_overlap(one, torch.tensor([[[9.0, 0, 8, 1]]]), 0.5)[0] == 0.5
    assert top_overlap(one, one, 0.25)[0] == 1 and top_overlap(one, -one, 0.5)[0] == 0
    assert chance_overlap(4, 0.5) == 0.5 and chance_overlap(256, 0.1) == 26 / 256


def test_independent_maps_overlap_by_chance():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 200, 16, 16, generator=generator)
    overlap = top_overlap(a, b)
    assert abs(overlap.mean() - chance_overlap(256)) < 4 * overlap.std() / np.sqrt(200)


def test_magnitudes_are_pooled_without_sign():
    maps = torch.tensor([[[1.0, -1, 0, 0], [1, -1, 0, 0], [0, 0, 2, 2], [0, 0, 2, 2]]])
    assert pooled_magnitude(maps, 2).tolist() == [[[1, 0], [0, 2]]]


def test_maps_of_the_same_face_agree_more_than_of_another_person():
    generator = torch.Generator().manual_seed(0)
    faces = torch.randn(12, 16, 16, generator=generator)
    other = faces + 0.5 * torch.randn(12, 16, 16, generator=generator)
    people = [f"person {n // 2}" for n in range(12)]
    found = agreement(faces, other, people, px=2)
    summary = found.summary()
    for measure in ("spearman", "overlap"):
        mean, low, high = summary[measure]["difference"]
        assert 0 < low < mean < high
        own, control = (summary[measure][name][0] for name in ("own", "other"))
        assert mean == pytest.approx(own - control)
        _, low, high = summary[measure]["other"]
        assert low - 0.1 < found.chance[measure] < high + 0.1
    same = agreement(faces, faces, people)
    assert same.own["spearman"] == pytest.approx(1) and same.own["overlap"] == pytest.approx(1)


def test_a_constant_map_is_left_out_of_the_mean():
    maps = torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(0))
    flat = maps.clone()
    flat[0] = 1
    found = agreement(flat, maps, ["a", "b", "c", "d"], px=1).summary()
    assert np.isfinite(found["spearman"]["own"]).all()


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=12), st.integers(0, 5))
def test_the_other_face_is_always_of_another_person(people, seed):
    if len(set(people)) == 1:
        with pytest.raises(InputError, match="at least two people"):
            other_person(people, seed)
        return
    partner = other_person(people, seed)
    assert all(people[n] != people[m] for n, m in enumerate(partner))


def test_agreement_needs_a_map_of_each_network_for_each_face():
    with pytest.raises(InputError, match="one map of each network"):
        agreement(torch.rand(2, 8, 8), torch.rand(3, 8, 8), ["a", "b"])
