"""Kind: landmarks without a label have no gradient, or take the teacher's prediction; never NaN."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, Batch, make_batch
from mlcmkd.distillation.losses import (
    absolute_error,
    coordinate_distance,
    landmark_loss,
    prediction_divergence,
    squared_error,
    target_loss,
)
from mlcmkd.distillation.mlcm_kd import KTL, MCL
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.pseudo_labels import PseudoLabelObjective
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.distillation.targets import landmark_target, mean_target, teacher_target
from mlcmkd.distillation.two_teachers import TwoTeachers
from mlcmkd.models import Prediction
from mlcmkd.schemes import IBUG68
from mlcmkd.stages.tolerant import fit_shape_model
from tests.conftest import make_model, make_pairs

KNOWN = [0, 2, 4]
LOSSES = {
    "heatmap": landmark_loss,
    "coordinate": lambda p, y: coordinate_distance(p.coordinates, y),
    "l1": absolute_error,
    "l2": squared_error,
}


def prediction(count: int = 5) -> Prediction:
    """Coordinates and logits of two faces, leaves of the graph."""
    generator = torch.Generator().manual_seed(0)
    coordinates = torch.rand(2, count, 2, generator=generator) - 0.5
    logits = torch.randn(2, count, 6, 7, generator=generator)
    return Prediction(coordinates.requires_grad_(), logits.requires_grad_())


def labels(known: list[int], count: int = 5) -> Tensor:
    """(2, count, 2); only the first face lacks labels."""
    points = torch.rand(2, count, 2, generator=torch.Generator().manual_seed(1)) - 0.5
    missing = [n for n in range(count) if n not in known]
    points[0, missing] = torch.nan
    return points


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_that_of_the_labelled_landmarks_alone(name):
    whole, target = prediction(), labels(KNOWN)
    part = Prediction(whole.coordinates[:, KNOWN], whole.logits[:, KNOWN])
    expected = LOSSES[name](part, target[:, KNOWN])[0].item()
    assert LOSSES[name](whole, target)[0].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("known", [KNOWN, []], ids=["some", "none"])
def test_the_gradient_of_a_landmark_without_a_label_is_exactly_zero(name, known):
    whole = prediction()
    rows = LOSSES[name](whole, labels(known))
    rows.sum().backward()
    assert rows.isfinite().all() and (known or rows[0] == 0)
    for leaf in (whole.coordinates, whole.logits):
        if leaf.grad is None:
            continue
        assert leaf.grad.isfinite().all() and leaf.grad[1].any()
        missing = [n for n in range(5) if n not in known]
        assert (leaf.grad[0, missing] == 0).all()
        assert all(leaf.grad[0, n].any() for n in known)


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_changes_where_every_landmark_has_a_label(name):
    """Bit by bit: the mean over the labelled landmarks is the mean over all of them."""
    whole, target = prediction(), labels(list(range(5)))
    difference = whole.coordinates - target
    distance = (difference.square().sum(-1) + 1e-12).sqrt().mean(-1)
    expected = {
        "coordinate": distance,
        "l1": difference.abs().mean((-2, -1)),
        "l2": difference.square().mean((-2, -1)),
    }
    if name in expected:
        assert torch.equal(LOSSES[name](whole, target), expected[name])
    else:
        maps = landmark_target(target, whole.logits).maps
        torch.testing.assert_close(maps.sum((-2, -1)), torch.ones(2, 5))


def test_the_mean_with_a_teacher_is_still_the_mean_of_both_losses():
    student, teacher = prediction(), prediction()
    label = landmark_target(labels(KNOWN), student.logits)
    both = target_loss(student, mean_target(label, teacher_target(teacher)))
    apart = target_loss(student, label) + target_loss(student, teacher_target(teacher))
    torch.testing.assert_close(both, apart / 2)


def test_a_teacher_that_predicts_nan_is_not_taken_for_a_missing_label():
    student = prediction()
    broken = Prediction(student.coordinates.detach() * torch.nan, None)
    assert not prediction_divergence(student, broken).isfinite().any()
    batch = a_batch([])
    filled = batch.landmarks_or(torch.full_like(batch.landmarks, torch.nan))
    assert not filled.isnan().any() and filled[0].eq(math.inf).all()


def a_batch(missing: list[int], augmentation: Augmentation = NO_AUGMENTATION) -> Batch:
    """Four pairs: the first without a label, the second without those of some landmarks."""
    pairs = make_pairs(4)
    pairs.labelled[0] = False
    pairs.landmarks[1, missing] = torch.nan
    return make_batch(pairs, torch.arange(4), augmentation, torch.Generator().manual_seed(0))


def ktl(strategy: str) -> KTL:
    return KTL(make_model(), make_model(modality="thermal", seed=1), STRATEGIES[strategy])


def two_teachers() -> TwoTeachers:
    teachers = [make_model(head="coordinate", seed=n) for n in (0, 1)]
    for teacher in teachers:  # at first, a coordinate head predicts every landmark at the centre
        nn.init.normal_(teacher.head.linear.bias, std=0.2)
    return TwoTeachers(*teachers, make_model(modality="thermal", seed=2, head="coordinate"))


OBJECTIVES = {
    "task": lambda: TaskObjective(make_model(), "rgb"),
    "l2": lambda: TaskObjective(make_model(head="coordinate"), "rgb", squared_error),
    "none": lambda: ktl("none"),
    "dikd+fd+ld": lambda: ktl("dikd+fd+ld"),
    "mcl": lambda: MCL(
        make_model("base", "thermal"), make_model(modality="thermal"), STRATEGIES["dikd+fd+ld"]
    ),
    "pseudo-labels": lambda: PseudoLabelObjective(
        make_model(), make_model(modality="thermal"), absolute_error
    ),
    "kd-loss": two_teachers,
}
WITHOUT_TEACHER = ("task", "l2", "none")


def gradients(objective: Objective, batch: Batch) -> list[Tensor]:
    objective.zero_grad()
    sum(objective(batch).values()).backward()
    found = [p.grad for p in objective.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in found)
    return [gradient.clone() for gradient in found]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_objective_gives_nan(name):
    """Some landmarks missing; all landmarks of all rows missing, with and without a labelled row."""
    objective = OBJECTIVES[name]().train()
    gradients(objective, a_batch([0, 1, 36]))
    batch = a_batch([])
    nothing = batch._replace(landmarks=torch.full_like(batch.landmarks, torch.nan))
    for empty in (nothing, nothing._replace(labelled=torch.zeros(4, dtype=torch.bool))):
        found = gradients(objective, empty)
        if name in WITHOUT_TEACHER:
            assert not any(gradient.any() for gradient in found)
        else:
            assert any(gradient.any() for gradient in found)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in WITHOUT_TEACHER])
def test_the_teachers_prediction_takes_the_place_of_a_missing_label(name):
    objective, batch = OBJECTIVES[name]().eval(), a_batch([0, 1, 36])
    teacher = objective.tough if name == "kd-loss" else objective.teacher
    filled = batch.landmarks.clone()
    filled[1, [0, 1, 36]] = teacher.predict(batch)[1, [0, 1, 36]]
    with torch.no_grad():
        terms, expected = objective(batch), objective(batch._replace(landmarks=filled))
    for term, value in expected.items():
        torch.testing.assert_close(terms[term], value)


def test_the_progress_of_a_student_is_judged_by_labels_only():
    """Both networks by the same landmarks, without the teacher's own predictions."""
    objective, batch = ktl("ld").eval(), a_batch([0, 1, 36])
    objective.watch = True
    with torch.no_grad():
        objective(batch)
        rows = landmark_loss(objective.student(batch.thermal), batch.landmarks)[1:]
        theirs = landmark_loss(objective.teacher.landmarker(batch.rgb), batch.landmarks)[1:]
    student, teacher = objective.watched
    torch.testing.assert_close((student, teacher), (rows.mean(), theirs.mean()))


def test_a_mirrored_face_lacks_the_mirror_partners():
    mirror = Augmentation(flip=1, photometry=0, occlusion=0)
    batch = a_batch([0, 36], mirror)
    missing = torch.nonzero(batch.landmarks[1].isnan().any(-1)).flatten().tolist()
    assert missing == sorted(IBUG68.flip[n] for n in (0, 36)) == [16, 45]
    assert not batch.landmarks[2:].isnan().any()
    whole = a_batch([], mirror)
    known = ~batch.landmarks.isnan()
    assert torch.equal(batch.landmarks[known], whole.landmarks[known])


def test_a_shape_model_is_fitted_to_whole_faces_only():
    pairs = make_pairs(12)
    base = torch.rand(68, 2, generator=torch.Generator().manual_seed(0)) - 0.5
    pairs.landmarks[:] = base + 0.02 * pairs.landmarks
    partly = replace(pairs, landmarks=pairs.landmarks.clone())
    partly.landmarks[3, 5] = torch.nan
    others = [n for n in range(12) if n != 3]
    expected = fit_shape_model(pairs.subset(others), 0.8)
    torch.testing.assert_close(fit_shape_model(partly, 0.8).mean, expected.mean)


def test_images_given_to_a_network_contain_no_nan():
    """Landmarks are targets only: what networks take is the images."""
    seen: list[Tensor] = []
    objective = ktl("dikd+fd+ld").train()
    for module in objective.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    objective(a_batch([0, 1, 36], Augmentation()))
    assert seen and all(values.isfinite().all() for values in seen)
