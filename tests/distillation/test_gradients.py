"""Gradients of injection beside the other terms: what can be computed by hand."""

import pytest
import torch
from torch import nn

from mlcmkd import KTL
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.gradients import cosine, gradient, injection_gradients
from mlcmkd.distillation.strategies import STRATEGIES, Weights
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

TINY = 1e-12  # a term of weight 0 is not computed


def batch():
    return make_batch(make_pairs(), torch.arange(8), NO_AUGMENTATION, torch.Generator())


def networks(head: str = "heatmap"):
    teacher = make_model("light", "rgb", input_px=32, head=head)
    return teacher, make_model("light", "thermal", seed=1, input_px=32, head=head)


def test_a_gradient_is_one_vector_with_zeros_where_there_is_none():
    a, b = nn.Parameter(torch.tensor([2.0, 3.0])), nn.Parameter(torch.ones(2, 1))
    assert gradient((a**2).sum(), [a, b]).tolist() == [4, 6, 0, 0]
    assert cosine(torch.tensor([1.0, 0]), torch.tensor([3.0, 4])) == pytest.approx(0.6)
    assert cosine(torch.zeros(2), torch.ones(2)) == 0


@pytest.mark.parametrize("weight", [1, 3])
@pytest.mark.parametrize("head", ["heatmap", "coordinate"])
def test_ri_through_an_equal_head_only_lengthens_the_step(head, weight):
    """With the label as target and the student's own head, RI is the task loss."""
    teacher, student = networks(head)
    teacher.head.load_state_dict(student.head.state_dict())
    objective = KTL(teacher, student, Weights(fd=TINY, ld=TINY, fi=1, ri=weight), "label").eval()
    found = injection_gradients(objective, [batch(), batch()])
    assert found.ri_cosine == pytest.approx(1, abs=1e-4)
    assert found.ri_ratio == pytest.approx(weight, rel=1e-4)
    assert -1 <= found.fi_cosine < 0.999  # FI sees other features, those of the teacher


def test_another_head_asks_for_another_change():
    teacher, student = networks()
    objective = KTL(teacher, student, STRATEGIES["dikd+fd+ld"], "both").eval()
    before = [each.clone() for each in student.parameters()]
    assert injection_gradients(objective, [batch()]).ri_cosine < 0.99
    assert all(torch.equal(a, b) for a, b in zip(before, student.parameters(), strict=True))
    assert all(each.grad is None for each in student.parameters())


@pytest.mark.parametrize("part", ["features", "head"])
def test_gradients_are_those_of_backward_passes(part):
    teacher, student = networks()
    objective = KTL(teacher, student, Weights(fd=2, ld=3, fi=4, ri=5), "both").eval()
    vectors = []
    of_part = {"features": [student.backbone, student.neck], "head": [student.head]}[part]
    injected, others = (
        ("ri", ("task", "fd", "ld")) if part == "features" else ("fi", ("task", "ld"))
    )
    for names in ((injected,), others):
        objective.zero_grad()
        terms = objective(batch())
        sum(terms[name] for name in names).backward()
        parameters = [each for module in of_part for each in module.parameters()]
        vectors.append(torch.cat([each.grad.flatten() for each in parameters]))
    a, b = vectors
    found = injection_gradients(objective, [batch()])
    expected = pytest.approx(float(a @ b / a.norm() / b.norm()), abs=1e-5)
    assert (found.ri_cosine if part == "features" else found.fi_cosine) == expected
    if part == "features":
        assert found.ri_ratio == pytest.approx(float(a.norm() / b.norm()), rel=1e-4)


def test_bad_input():
    objective = KTL(*networks(), STRATEGIES["dikd"], "both")
    with pytest.raises(InputError, match="terms of weight 0: fd, ld"):
        injection_gradients(objective, [batch()])
    objective = KTL(*networks(), STRATEGIES["dikd+fd+ld"], "both")
    with pytest.raises(InputError, match="no batch"):
        injection_gradients(objective, [])
