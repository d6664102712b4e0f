"""Objectives: which parameters get a gradient, what stays frozen, and extra terms."""

import pytest
import torch

from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, Batch, make_batch
from mlcmkd.distillation.mlcm_kd import KTL, MCL, Adapter
from mlcmkd.distillation.objective import Objective
from mlcmkd.distillation.strategies import STRATEGIES, Distillation, Weights
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.distillation.teachers import FrozenTeacher
from mlcmkd.distillation.terms import BUILT_IN_TERMS, DistillationStep, DistillationTerm
from mlcmkd.training.config import FitConfig
from mlcmkd.training.loop import fit
from mlcmkd.training.run_directory import Run, read_metrics
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs


def a_batch(count: int = 4, labelled: int | None = None) -> Batch:
    pairs = make_pairs(count)
    if labelled is not None:
        pairs.labelled[labelled:] = False
    return make_batch(pairs, torch.arange(count), Augmentation(), torch.Generator().manual_seed(0))


def ktl(size: str = "light", guide: str = "both", **weights: float) -> KTL:
    return KTL(make_model(size), make_model(size, "thermal", seed=1), Weights(**weights), guide)


def receives(module: torch.nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in module.parameters())


def state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


ROUTES = {  # term: (student's features, student's head)
    "task": (True, True),
    "fd": (True, False),
    "ld": (True, True),
    "fi": (False, True),
    "ri": (True, False),
}


CASES = [(size, term, "both") for size in ("light", "small", "base") for term in ROUTES]
CASES += [("light", term, guide) for term in ("fi", "ri") for guide in ("label", "teacher", "own")]


@pytest.mark.parametrize(("size", "term", "guide"), CASES)
def test_each_term_has_gradients_in_its_own_parts_only(size, term, guide):
    objective = ktl(size, guide, **({} if term == "task" else {term: 1}))
    objective.train()
    objective(a_batch())[term].backward()
    student = objective.student
    features, head = ROUTES[term]
    assert receives(student.backbone) is features
    assert receives(student.neck) is features
    assert receives(student.head) is head
    assert not receives(objective.teacher)


def test_ri_under_no_grad_would_have_no_gradient():
    """A possible mistake: no_grad around the frozen head would cut the gradient that RI needs."""
    objective = ktl(ri=1)
    features = objective.student.features(a_batch().thermal)
    assert objective.teacher.head(features).coordinates.requires_grad
    with torch.no_grad():
        assert not objective.teacher.head(features).coordinates.requires_grad


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_returns_its_terms_and_no_others(strategy):
    objective = KTL(make_model(), make_model(modality="thermal"), STRATEGIES[strategy])
    names = {"none": set(), "dikd": {"fi", "ri"}, "dikd+fd+ld": {"fd", "ld", "fi", "ri"}}
    expected = names.get(strategy, set(strategy.split("+")))
    assert set(objective(a_batch())) == expected | {"task"}


def test_a_term_of_weight_zero_changes_no_bit():
    plain, zero = ktl(), ktl(fd=0, fi=0, ri=0, ld=0)
    results = []
    for objective in (plain, zero):
        objective.train()
        sum(objective(a_batch()).values()).backward()
        results.append([p.grad.clone() for p in objective.student.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_weights_and_decay_scale_a_term():
    batch = a_batch()
    once, twice = ktl(ri=1).eval()(batch, 1.0), ktl(ri=2).eval()(batch, 0.25)
    assert twice["ri"].item() == pytest.approx(0.5 * once["ri"].item(), rel=1e-5)
    assert twice["task"].item() == pytest.approx(once["task"].item(), rel=1e-6)


def test_decay_leaves_unlabelled_rows_alone():
    objective = ktl(ld=1).eval()
    batch = a_batch(labelled=0)
    assert objective(batch, 0.0)["ld"].item() == pytest.approx(objective(batch, 1.0)["ld"].item())
    assert objective(batch, 0.0)["ld"].item() > 0


def test_the_target_of_an_unlabelled_row_is_the_teachers_prediction():
    objective = ktl(fi=1).eval()
    batch = a_batch(labelled=2)
    with torch.no_grad():
        prediction = objective.teacher.head(objective.teacher.features(batch.rgb)).coordinates
    filled = batch._replace(
        landmarks=torch.cat((batch.landmarks[:2], prediction[2:])),
        labelled=torch.ones(4, dtype=torch.bool),
    )
    assert objective(batch)["task"].item() == pytest.approx(objective(filled)["task"].item())


def test_without_distillation_an_unlabelled_row_contributes_nothing():
    assert ktl().eval()(a_batch(labelled=0))["task"].item() == 0


def test_the_landmarks_of_unlabelled_rows_are_not_used():
    """NaN in their place changes nothing."""
    objective = ktl(fi=1, ri=1, fd=1, ld=1).eval()
    batch = a_batch(labelled=2)
    nonsense = batch.landmarks.clone()
    nonsense[2:] = float("nan")
    for name, value in objective(batch._replace(landmarks=nonsense)).items():
        assert value.item() == pytest.approx(objective(batch)[name].item()), name


def test_the_teacher_stays_bit_identical_through_training(tmp_path):
    """Parameters and BatchNorm buffers, in train mode, under autocast, over real optimiser steps."""
    for precision in ("32-true", "bf16-mixed"):
        objective = ktl(fd=1, ld=1, fi=1, ri=1)
        teacher, student = state(objective.teacher), state(objective.student)
        run = Run(tmp_path / precision, "test", FitConfig())
        fit(
            objective,
            make_pairs(),
            FitConfig(steps=3, batch=4, evaluations=1, precision=precision, accelerator="cpu"),
            run,
            augmentation=Augmentation(),
            seed=0,
            validate=lambda: 0.0,
            distillation=Distillation(strategy="dikd+fd+ld"),
            progress=False,
        )
        after = state(objective.teacher)
        assert all(torch.equal(teacher[name], after[name]) for name in teacher)
        moved = [n for n, v in student.items() if not torch.equal(v, state(objective.student)[n])]
        assert any("running_mean" in name for name in moved)
        assert any("head" in name for name in moved)
        row = read_metrics(run.path)[-1]
        assert row["total"] == sum(row[name] for name in ("task", "fd", "ld", "fi", "ri"))


def test_train_leaves_a_frozen_teacher_in_evaluation_mode():
    teacher = FrozenTeacher(make_model())
    before = state(teacher)
    teacher.train()
    assert not any(module.training for module in teacher.landmarker.modules())
    teacher.features(torch.rand(4, 3, 32, 32))
    assert all(torch.equal(before[name], value) for name, value in state(teacher).items())
    assert not any(p.requires_grad for p in teacher.parameters())


def test_fi_does_not_change_the_students_statistics():
    """The student's head gets RGB features in FI; they must not change its buffers."""
    objective = ktl(fi=1).train()
    batch = a_batch()
    objective.student.features(batch.thermal)
    before = {name: b.clone() for name, b in objective.student.head.named_buffers()}
    objective.student.head(objective.teacher.features(batch.rgb))
    assert all(torch.equal(before[n], b) for n, b in objective.student.head.named_buffers())


@pytest.mark.parametrize("strategy", ["none", "fi", "ri", "dikd+fd+ld"])
def test_the_teachers_backbone_runs_at_most_once_a_batch(strategy, monkeypatch):
    objective = KTL(make_model(), make_model(modality="thermal"), STRATEGIES[strategy])
    calls = []
    forward = objective.teacher.landmarker.backbone.forward
    monkeypatch.setattr(
        objective.teacher.landmarker.backbone, "forward", lambda x: calls.append(1) or forward(x)
    )
    objective(a_batch())
    assert len(calls) == (0 if strategy == "none" else 1)


def distance_of_means(step: DistillationStep) -> torch.Tensor:
    """A term from outside the library: squared distance between the mean features of both networks."""
    student, teacher = step.student_features.mean((1, 2, 3)), step.teacher_features.mean((1, 2, 3))
    return (student - teacher).square()


class Projection(torch.nn.Module):
    """A term from outside with a trained parameter."""

    def __init__(self, width: int):
        super().__init__()
        self.linear = torch.nn.Linear(width, 1)

    def forward(self, step: DistillationStep) -> torch.Tensor:
        return self.linear(step.student_features.mean((2, 3))).square().squeeze(1)


def with_extra(extra: dict, **weights: float) -> KTL:
    teacher, student = make_model(), make_model(modality="thermal", seed=1)
    return KTL(teacher, student, Weights(**weights), extra_terms=extra)


def test_an_extra_term_is_weighted_by_row_and_by_its_weight():
    batch = a_batch(labelled=2)
    plain = with_extra({}, fd=1).eval()(batch, 0.5)
    extra = {"means": DistillationTerm(distance_of_means, weight=3.0)}
    objective = with_extra(extra, fd=1).eval()
    terms = objective(batch, 0.5)
    assert list(terms) == ["task", "fd", "means"]
    assert all(torch.equal(terms[name], plain[name]) for name in plain)
    features = objective.student.features(batch.thermal), objective.teacher.features(batch.rgb)
    rows = (features[0].mean((1, 2, 3)) - features[1].mean((1, 2, 3))).square()
    expected = 3 * (0.5 * rows[:2].sum() + rows[2:].sum()) / 4
    assert terms["means"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_an_extra_term_works_without_any_built_in_term():
    objective = with_extra({"means": DistillationTerm(distance_of_means)})
    assert objective.reads == {"rgb", "thermal"}
    assert list(objective(a_batch())) == ["task", "means"]
    assert list(with_extra({"means": DistillationTerm(distance_of_means, 0)})(a_batch())) == [
        "task"
    ]


def test_parameters_of_an_extra_term_are_trained_but_not_the_students():
    projection = Projection(make_model().width)
    objective = with_extra({"projection": DistillationTerm(projection)})
    trained = {id(p) for p in objective.parameters() if p.requires_grad}
    assert all(id(p) in trained for p in projection.parameters())
    objective(a_batch())["projection"].backward()
    assert receives(projection)
    assert not any("linear" in name for name in objective.student.state_dict())


@pytest.mark.parametrize("name", ["task", "fd", "ri"])
def test_an_extra_term_needs_a_name_of_its_own(name):
    with pytest.raises(InputError, match=f"extra term '{name}': the name is taken"):
        with_extra({name: DistillationTerm(distance_of_means)})


def test_a_term_returns_one_value_a_row():
    objective = with_extra({"one": DistillationTerm(lambda step: distance_of_means(step).mean())})
    with pytest.raises(
        InputError, match=r"term 'one' has the shape \(\); return one value a row, \(4,\)"
    ):
        objective(a_batch())


def test_every_weight_has_its_term():
    assert list(BUILT_IN_TERMS) == list(Weights.model_fields)


def test_an_objective_reads_its_students_modality_by_default():
    class Own(Objective):
        def forward(self, batch, decay=1.0):
            return {}

    assert Own(make_model(modality="thermal")).reads == {"thermal"}
    assert Own(make_model()).watched is None


def test_an_objective_needs_a_forward():
    with pytest.raises(TypeError, match="forward"):
        Objective(make_model())


def test_a_modality_that_is_not_read_is_named():
    objective = ktl(fd=1)
    with pytest.raises(InputError, match="no rgb images; add 'rgb' to the objective's `reads`"):
        objective(a_batch()._replace(rgb=None))


def test_ktl_refuses_unequal_widths_and_schemes():
    with pytest.raises(InputError, match="one width"):
        KTL(make_model("small"), make_model("light", "thermal"), Weights())
    with pytest.raises(InputError, match="share a landmark scheme"):
        KTL(make_model(), make_model(modality="thermal", scheme="sf_tl54"), Weights())


MCL_ROUTES = {"fd": "to_teacher", "ri": "to_teacher", "fi": "to_student", "ld": None}


@pytest.mark.parametrize("head", ["heatmap", "coordinate"])
@pytest.mark.parametrize("term", MCL_ROUTES)
def test_mcl_trains_each_adapter_by_its_own_terms(term, head):
    """The teacher's head, which makes heatmaps, may differ from the student's."""
    objective = MCL(
        make_model("small", "thermal"),
        make_model("light", "thermal", head=head),
        Weights(**{term: 1}),
    )
    objective.train()
    objective(a_batch())[term].backward()
    for name in ("to_teacher", "to_student"):
        adapter = getattr(objective, name)
        assert isinstance(adapter, Adapter) is (name == MCL_ROUTES[term])
        assert receives(adapter) is (name == MCL_ROUTES[term])
    features, head = ROUTES[term]
    assert receives(objective.student.backbone) is features
    assert receives(objective.student.head) is head
    assert not receives(objective.teacher)


def test_adapters_stay_out_of_the_students_checkpoint():
    objective = MCL(
        make_model("small", "thermal"), make_model("light", "thermal"), Weights(fd=1, fi=1)
    )
    expected = set(make_model("light", "thermal").state_dict())
    assert set(objective.student.state_dict()) == expected


def test_mcl_of_one_width_needs_no_adapter():
    objective = MCL(
        make_model("light", "thermal"), make_model("light", "thermal"), Weights(fd=1, fi=1)
    )
    assert not list(objective.to_teacher.parameters())
    assert not list(objective.to_student.parameters())


def test_both_networks_of_mcl_take_thermal_images():
    objective = MCL(make_model("small", "thermal"), make_model("light", "thermal"), Weights(ld=1))
    terms = objective(a_batch()._replace(rgb=None))
    assert torch.isfinite(terms["ld"])


def test_task_objective_counts_labelled_rows_only():
    objective = TaskObjective(make_model(), "rgb").eval()
    whole = objective(a_batch(labelled=2))["task"].item()
    batch = a_batch(labelled=2)
    changed = batch._replace(landmarks=batch.landmarks.clone())
    changed.landmarks[2:] += 1
    assert objective(changed)["task"].item() == whole


@pytest.mark.parametrize(
    ("guide", "fi_follows", "ri_follows"),
    [("label", True, True), ("both", True, True), ("teacher", False, False), ("own", False, True)],
)
def test_which_injected_head_depends_on_the_label(guide, fi_follows, ri_follows):
    """With "own", FI has the target of the teacher's image and RI that of the student's."""
    objective = ktl(guide=guide, fi=1, ri=1).eval()
    batch = make_batch(make_pairs(4), torch.arange(4), NO_AUGMENTATION, torch.Generator())
    before, after = objective(batch), objective(batch._replace(landmarks=batch.landmarks + 0.1))
    moved = {name: not torch.equal(before[name], after[name]) for name in before}
    assert moved == {"task": True, "fi": fi_follows, "ri": ri_follows}
