"""Attribution methods against computations by hand; see also test_trust.py."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mlcmkd.attribution import (
    METHODS,
    Scalar,
    attribute,
    baseline_of,
    groups_of,
    integrated_gradients,
    integrated_gradients_per_landmark,
    landmark_indices,
    predict,
    region_labels,
)
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.models import Prediction
from mlcmkd.plots import centred
from mlcmkd.schemes import IBUG68, SCHEMES
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model


def images(channels: int = 3) -> torch.Tensor:
    return torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(0))


class Linear(torch.nn.Module):
    """A model whose coordinates are a known linear function of the pixels."""

    def __init__(self):
        super().__init__()
        self.spec = make_model().spec
        generator = torch.Generator().manual_seed(1)
        self.weight = torch.randn(68 * 2, 3 * 32 * 32, generator=generator) * 1e-2

    def forward(self, x):
        return Prediction((x.flatten(1) @ self.weight.T).unflatten(1, (68, 2)), None)


@pytest.mark.parametrize("target", ["x", "y"])
def test_integrated_gradients_of_a_linear_model_are_weight_times_difference(target):
    model, x = Linear(), images()
    found = integrated_gradients(model, x, 12, target=target, steps=4, baseline="black")
    weight = model.weight.unflatten(0, (68, 2))[12, "xy".index(target)].view(3, 32, 32)
    assert torch.allclose(found.maps, (weight * x).sum(1), atol=1e-5)
    assert found.completeness_error.max() < 1e-3


@pytest.mark.parametrize("target", ["log-probability", "x"])
def test_more_steps_are_more_complete(target):
    model, x = make_model().eval(), images()
    coarse = integrated_gradients(model, x, 30, target=target, steps=2)
    fine = integrated_gradients(model, x, 30, target=target, steps=128)
    assert fine.maps.shape == (2, 32, 32)
    assert fine.completeness_error.mean() < coarse.completeness_error.mean()
    assert fine.completeness_error.max() < 0.1


def test_a_face_has_the_same_map_alone_and_in_a_batch():
    """captum stacks its steps along the batch; a face must keep its own peak."""
    model, x = make_model().eval(), images(1)
    both = integrated_gradients(model, x, 30, steps=8).maps
    alone = torch.cat([integrated_gradients(model, x[n : n + 1], 30, steps=8).maps for n in (0, 1)])
    assert torch.allclose(both, alone, atol=0.02 * float(both.abs().max()))


@pytest.mark.parametrize("method", METHODS)
def test_the_model_and_random_states_stay_unchanged(method):
    model = make_model().train()
    model.neck.eval()  # a mixed state
    model.head.requires_grad_(False)
    next(model.neck.parameters()).grad = torch.ones(1)[0].expand_as(next(model.neck.parameters()))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    wanted = [weight.requires_grad for weight in model.parameters()]
    grads = [None if weight.grad is None else weight.grad.clone() for weight in model.parameters()]
    torch.manual_seed(3)
    np.random.seed(3)
    x = images()
    attribute(model, x, 5, method=method, steps=2, samples=2)
    drawn = torch.rand(1), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    assert drawn == (torch.rand(1), np.random.rand())
    assert [module.training for module in model.modules()] == modes
    assert [weight.requires_grad for weight in model.parameters()] == wanted
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    for weight, grad in zip(model.parameters(), grads, strict=True):
        assert (weight.grad is None) == (grad is None)
        assert grad is None or torch.equal(weight.grad, grad)
    assert torch.equal(x, images()) and not x.requires_grad


def test_the_model_stays_unchanged_after_an_error():
    model = make_model().train()
    with pytest.raises(RuntimeError):
        attribute(model, torch.rand(1, 5, 32, 32), 5)  # no image has five channels
    assert model.training and all(weight.requires_grad for weight in model.parameters())


def test_baselines():
    x = images()
    assert baseline_of(x, "black").abs().max() == 0
    assert torch.allclose(baseline_of(x, "mean").mean((2, 3)), x.mean((2, 3)))
    blurred = baseline_of(x, "blur")
    assert blurred.std() < 0.3 * x.std()
    assert not torch.equal(images(), blurred) and torch.equal(x, images())


def test_invalid_landmarks_and_targets_are_rejected():
    with pytest.raises(InputError, match="has 0 to 67"):
        integrated_gradients(make_model(), images(), 68)
    with pytest.raises(InputError, match="explain x or y"):
        integrated_gradients(make_model(head="coordinate"), images(), 3)


# --- methods by hand ----------------------------------------------------------------------------


def scalar_of(model, x, landmark, cells):
    """log p of the cell, written out again."""
    logits = model(x).logits[:, landmark]
    return torch.log(torch.softmax(logits.flatten(1), 1).gather(1, cells[:, None])[:, 0])


def cells_of(model, x, landmark):
    with torch.no_grad():
        return model(x).logits[:, landmark].flatten(1).argmax(1)


def test_integrated_gradients_are_the_mean_gradient_of_the_path():
    """Against a plain midpoint sum of many steps, no captum."""
    model, x = make_model().eval(), images()[:1]
    start, cells, steps = baseline_of(x, "blur"), cells_of(model, x, 30), 400
    total = torch.zeros_like(x)
    for alphas in ((torch.arange(steps) + 0.5) / steps).split(80):
        points = (start + alphas.view(-1, 1, 1, 1) * (x - start)).requires_grad_()
        value = scalar_of(model, points, 30, cells.expand(80)).sum()
        total += torch.autograd.grad(value, points)[0].sum(0) / steps
    expected = ((x - start) * total).sum(1)
    found = integrated_gradients(model, x, 30, steps=128).maps
    assert (found - expected).norm() < 0.02 * expected.norm()


@pytest.mark.parametrize("batch", [64, 5])
def test_shared_forward_passes_give_the_same_maps(batch):
    model, x = make_model().eval(), images(1)
    found = integrated_gradients_per_landmark(model, x, [3, "eye", 30], steps=6, batch=batch)
    for number, which in enumerate((3, "eye", 30)):
        alone = attribute(model, x, which, steps=6).maps
        assert torch.allclose(found[:, number], alone, atol=1e-4 * float(alone.abs().max()))
    coordinates = integrated_gradients_per_landmark(model, x[:1], [8], target="y", steps=6)[:, 0]
    alone = attribute(model, x[:1], 8, target="y", steps=6).maps
    assert torch.allclose(coordinates, alone, atol=1e-4 * float(alone.abs().max()))
    assert integrated_gradients_per_landmark(Linear(), images(), target="x", steps=1).shape[1] == 68


def test_smoothgrad_without_noise_is_the_signed_gradient():
    model, x = make_model().eval(), images()
    cells = cells_of(model, x, 30)
    point = x.clone().requires_grad_()
    expected = torch.autograd.grad(scalar_of(model, point, 30, cells).sum(), point)[0].sum(1)
    found = attribute(model, x, 30, method="smoothgrad", noise=0, samples=2).maps
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))
    noisy = attribute(model, x, 30, method="smoothgrad", noise=0.1, samples=2).maps
    assert not torch.allclose(noisy, expected, atol=1e-2 * float(expected.abs().max()))


def test_gradient_shap_of_a_linear_model_is_weight_times_difference():
    model, x = Linear(), images()
    found = attribute(
        model,
        x,
        12,
        method="gradient-shap",
        target="y",
        noise=0,
        samples=5,
        batch=2,
        baseline="mean",
    )
    weight = model.weight.unflatten(0, (68, 2))[12, 1].view(3, 32, 32)
    expected = (weight * (x - baseline_of(x, "mean"))).sum(1)
    assert torch.allclose(found.maps, expected, atol=1e-5)
    assert found.completeness_error.max() < 1e-3


def test_occlusion_is_the_mean_decrease_over_the_squares_that_cover_a_pixel():
    model, x = make_model().eval(), images()
    start, cells = baseline_of(x, "blur"), cells_of(model, x, 30)
    fall, squares = torch.zeros(2, 32, 32), torch.zeros(32, 32)
    with torch.no_grad():
        whole = scalar_of(model, x, 30, cells)
        for top in range(0, 25, 4):
            for left in range(0, 25, 4):
                covered, place = x.clone(), (slice(top, top + 8), slice(left, left + 8))
                covered[:, :, *place] = start[:, :, *place]
                lost = whole - scalar_of(model, covered, 30, cells)
                fall[:, *place] += lost[:, None, None]
                squares[place] += 1
    found = attribute(model, x, 30, method="occlusion", window=0.25, batch=7).maps
    assert torch.allclose(found, fall / squares, atol=1e-4)


def test_ablation_is_the_decrease_without_a_region():
    model, x = make_model().eval(), images()
    prediction = Prediction(faces()[:2], predict(model, x).logits)
    labels, names = region_labels(faces()[:2], "ibug68", 32)
    start, cells = baseline_of(x, "blur"), cells_of(model, x, 30)
    expected = torch.zeros(2, 32, 32)
    with torch.no_grad():
        whole = scalar_of(model, x, 30, cells)
        for number in range(len(names)):
            region = labels == number
            without = scalar_of(model, torch.where(region[:, None], start, x), 30, cells)
            expected += (whole - without)[:, None, None] * region
    found = attribute(model, x, 30, method="ablation", prediction=prediction).maps
    assert torch.allclose(found, expected, atol=1e-4)


def test_grad_cam_weights_channels_by_their_mean_gradient():
    model, x = make_model().eval(), images()
    cells = cells_of(model, x, 30)
    features = model.features(x).detach().requires_grad_()
    logits = model.head(features).logits[:, 30].flatten(1)
    value = logits.log_softmax(1).gather(1, cells[:, None]).sum()
    weight = torch.autograd.grad(value, features)[0].mean((2, 3), keepdim=True)
    small = F.relu((weight * features).sum(1, keepdim=True)).detach()
    expected = F.interpolate(small, size=(32, 32), mode="bilinear", align_corners=False)[:, 0]
    found = attribute(model, x, 30, method="grad-cam").maps
    assert found.max() > 0 and found.min() >= 0
    assert torch.allclose(found, expected, atol=1e-5 + 1e-4 * float(expected.max()))


# --- what is explained --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["integrated-gradients", "smoothgrad", "occlusion", "ablation"])
def test_a_group_has_the_mean_of_its_landmarks_maps(method):
    """These methods are linear in the scalar."""
    model, x = make_model().eval(), images(1)[:1]
    asked = {"method": method, "steps": 4, "samples": 2, "window": 0.5}
    group = attribute(model, x, "left eye", **asked).maps
    each = [attribute(model, x, landmark, **asked).maps for landmark in range(36, 42)]
    assert torch.allclose(group, torch.stack(each).mean(0), atol=1e-3 * float(group.abs().max()))


def test_groups_are_regions_both_sides_and_all():
    groups = groups_of("ibug68")
    assert groups["eye"] == tuple(range(36, 48)) and groups["left eye"] == tuple(range(36, 42))
    assert groups["jaw"] == tuple(range(17)) and groups["all"] == tuple(range(68))
    assert landmark_indices("ibug68", "mouth") == tuple(range(48, 68))
    assert landmark_indices("ibug68", [3, 5]) == (3, 5)
    for scheme in SCHEMES:
        assert all(groups_of(scheme).values())


def test_the_scalar_of_all_landmarks_is_their_mean():
    model, x = make_model().eval(), images()
    scalar = Scalar(model, "all", "x")
    assert torch.allclose(scalar(x), model(x).coordinates[..., 0].mean(1))
    logs = model(x).logits.flatten(2).log_softmax(-1).amax(-1).mean(1)
    scalar = Scalar(model, "all", "log-probability")
    assert torch.allclose(scalar(x, scalar.cells(model(x))), logs, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_the_same_map_in_any_batch(method):
    model, x = make_model().eval(), images(1)
    asked = {"method": method, "steps": 3, "samples": 3, "window": 0.5}
    both = attribute(model, x, "nose", **asked).maps
    alone = attribute(model, x[1:], "nose", **asked).maps
    assert both.shape == (2, 32, 32)
    assert torch.allclose(both[1:], alone, atol=1e-4 * float(both.abs().max()))
    small = attribute(model, x, "nose", batch=2, **asked).maps
    if method != "gradient-shap":  # which draws its points anew in every batch
        assert torch.allclose(both, small, atol=1e-3 * float(both.abs().max()))


# --- regions ------------------------------------------------------------------------------------


def faces() -> torch.Tensor:
    """Landmarks of synthetic faces that fill the input."""
    marks = centred(synthetic_faces("val", 3).landmarks, 96)
    low, high = marks.min(axis=1, keepdims=True), marks.max(axis=1, keepdims=True)
    return torch.from_numpy(((marks - low) / (high - low) - 0.5) * 0.8).float()


def test_a_region_contains_its_landmarks_and_cheeks_are_the_rest():
    marks = faces()
    labels, names = region_labels(marks, "ibug68", 64)
    assert names == ("rest", "jaw", "brow", "nose", "eye", "mouth")
    assert labels.shape == (3, 64, 64) and set(labels.unique().tolist()) == set(range(6))
    x, y = ((marks + 0.5) * 64 - 0.5).round().long().clamp(0, 63).unbind(-1)
    for face in range(3):
        for region, points in IBUG68.regions.items():
            at = labels[face, y[face, list(points)], x[face, list(points)]]
            wanted = names.index(region.split()[-1])
            assert (at == wanted).float().mean() >= 0.8, region  # neighbours may take a corner
    assert (labels[:, 0, 0] == 0).all()
    assert (labels == 0).float().mean() > 0.3  # a filled jaw would leave less


def test_a_mirrored_face_has_mirrored_regions():
    marks = faces()
    mirrored = marks[:, list(IBUG68.flip)] * torch.tensor([-1.0, 1.0])
    labels, _ = region_labels(marks, "ibug68", 64)
    other, _ = region_labels(mirrored, "ibug68", 64)
    assert (labels == other.flip(2)).float().mean() > 0.97  # lines are drawn to the pixel


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_can_be_drawn(scheme):
    points = SCHEMES[scheme].points
    marks = torch.rand(1, points, 2, generator=torch.Generator().manual_seed(0)) * 4 - 2
    labels, names = region_labels(marks, scheme, 32)  # far outside as well
    assert labels.max() < len(names)


# --- invalid arguments -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"landmarks": "ear"}, "'ear': scheme ibug68 has jaw, left brow.*eye.*all"),
        ({"landmarks": -1}, "has 0 to 67"),
        ({"landmarks": []}, "the list is empty"),
        ({"method": "magic"}, "'magic' is unknown; use integrated-gradients, smoothgrad"),
        ({"target": "z"}, "'z' is unknown; use log-probability, x, y"),
        ({"baseline": "white"}, "baseline: .*'blur', 'mean' or 'black' .given: 'white'"),
        ({"stepz": 3}, "stepz: no such field; did you mean 'steps'"),
        ({"steps": 0}, "steps: Input should be greater"),
    ],
)
def test_an_unknown_name_gives_the_choices(arguments, message):
    arguments = {"landmarks": 30, **arguments}
    with pytest.raises(InputError, match=message):
        attribute(make_model(), images(), arguments.pop("landmarks"), **arguments)


def test_an_unknown_baseline_is_rejected():
    with pytest.raises(InputError, match="'white' is unknown; use blur, mean, black"):
        baseline_of(images(), "white")
