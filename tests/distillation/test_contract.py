"""The contract of a distillation step, on every size, and on both heads at every width.

Gradient: each term of the returned dict, backwards on its own, reaches its own parts whole and
nothing else. Freeze: training leaves the teacher's parameters and buffers bit for bit as they were.
Terms: they sum to what is logged, and one with a weight of zero is not computed.

BatchNorm statistics of an injected path: heads have none (GroupNorm), so the question which ones to
use does not arise. A student's backbone runs once a batch, in training mode, on its own thermal
images: its statistics after a step are those of one plain forward, whatever was injected. A
teacher's backbone always normalises with the statistics it was trained with and updates none, so
its features of a face do not depend on the other faces of the batch.
"""

import functools
import json
import os
import sys
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from mlcmkd.data.transforms import Augmentation, Batch, make_batch
from mlcmkd.distillation import mlcm_kd, terms
from mlcmkd.distillation.losses import landmark_loss, prediction_divergence
from mlcmkd.distillation.mlcm_kd import KTL, MCL, DistillationObjective
from mlcmkd.distillation.strategies import STRATEGIES, Distillation, Weights
from mlcmkd.models import HEADS, SIZES, Landmarker
from mlcmkd.training.config import FitConfig
from mlcmkd.training.fabric import make_fabric
from mlcmkd.training.loop import fit
from mlcmkd.training.run_directory import Run, read_metrics
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs
from tests.forked_commands import ForkedCommand

TERMS = ("fd", "ld", "fi", "ri")
ALL = {"fd": 1, "ld": 1, "fi": 1, "ri": 1}


class Case(NamedTuple):
    """A level with its networks."""

    level: str
    teacher: str
    student: str
    head: str = "heatmap"


# The smallest networks, for what does not depend on the size.
KTL_SMALL, MCL_SMALL = Case("ktl", "slim", "slim"), Case("mcl", "half", "slim")
# A size differs for its head by its width only, so each width with the other head is enough.
WIDTHS = {size.width: name for name, size in [*SIZES.items()][::-1]}
CASES = [Case("ktl", size, size) for size in SIZES]
CASES += [Case("ktl", size, size, head) for size in WIDTHS.values() for head in [*HEADS][1:]]
CASES += [Case("mcl", "base", "light", head) for head in HEADS]
CASES += [Case("mcl", "large", "small"), Case("mcl", "light", "light")]
of_cases = pytest.mark.parametrize("case", CASES, ids="-".join)


@functools.cache
def _moved_from_start(size: str, modality: str, seed: int, head: str) -> Landmarker:
    """A model whose BatchNorm has other values than at the start, as if trained.

    At the start residual branches are switched off (a scale of 0), so their convolutions get no
    gradient, and running statistics of 0 and 1 are hard to tell from none.
    """
    model = make_model(size, modality, seed, head=head)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


def build(case: Case, guide: str = "both", **weights: float) -> DistillationObjective:
    level, modality = {"ktl": (KTL, "rgb"), "mcl": (MCL, "thermal")}[case.level]
    # Networks are copied, because building them takes longer.
    teacher = deepcopy(_moved_from_start(case.teacher, modality, 0, case.head))
    student = deepcopy(_moved_from_start(case.student, "thermal", 1, case.head))
    torch.manual_seed(2)  # of the adapters
    return level(teacher, student, Weights(**weights), guide).train()


def a_batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return make_batch(make_pairs(4), torch.arange(4), Augmentation(), generator)


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> list[str]:
    """Names of what is not bit-identical."""
    assert before.keys() == after.keys()
    return [name for name in before if not torch.equal(before[name], after[name])]


def train(objective: nn.Module, path: Path, validate=lambda: 0.0, **config) -> None:
    """A short real training."""
    config = {"steps": 3, "batch": 4, "evaluations": 1, "accelerator": "cpu", **config}
    fit(
        objective,
        make_pairs(),
        FitConfig(**config),
        Run(path, "test", FitConfig()),
        augmentation=Augmentation(),
        seed=0,
        validate=validate,
        distillation=Distillation(),
        progress=False,
    )


# Gradient.

ROUTES = {
    "task": {"features", "head"},
    "fd": {"features", "to_teacher"},
    "ld": {"features", "head"},
    "fi": {"head", "to_student"},
    "ri": {"features", "to_teacher"},
}
# A softmax over cells does not depend on a constant: this gradient is zero up to rounding.
ZERO_GRADIENT = "maps.bias"


def parts(objective: DistillationObjective) -> dict[str, nn.Module]:
    student = objective.student
    return {
        "features": nn.ModuleList([student.backbone, student.neck]),
        "head": student.head,
        "to_teacher": objective.to_teacher,
        "to_student": objective.to_student,
    }


@functools.cache
def all_terms(case: Case) -> tuple[DistillationObjective, Batch, dict[str, Tensor]]:
    """All terms of one batch; its images require gradients too."""
    objective, batch = build(case, **ALL), a_batch()
    batch = batch._replace(rgb=batch.rgb.requires_grad_(), thermal=batch.thermal.requires_grad_())
    return objective, batch, objective(batch)


@of_cases
@pytest.mark.parametrize("term", ROUTES)
def test_a_term_reaches_its_own_parts_whole_and_nothing_else(case, term):
    objective, batch, terms = all_terms(case)
    objective.zero_grad(set_to_none=True)
    batch.rgb.grad = batch.thermal.grad = None
    terms[term].backward(retain_graph=True)
    for part, module in parts(objective).items():
        for name, parameter in module.named_parameters():
            if part not in ROUTES[term]:
                assert parameter.grad is None, f"{term} reaches {part}.{name}"
            elif not name.endswith(ZERO_GRADIENT):
                assert parameter.grad is not None, f"{term} does not reach {part}.{name}"
                assert parameter.grad.any(), f"{term} has no gradient in {part}.{name}"
    assert all(p.grad is None and not p.requires_grad for p in objective.teacher.parameters())
    # The teacher's features carry no gradient at all, not even down to the images.
    assert batch.rgb.grad is None
    assert (batch.thermal.grad is not None) is ("features" in ROUTES[term])


@of_cases
def test_every_trained_parameter_belongs_to_a_part(case):
    """A parameter outside the parts above would not be tested."""
    objective = all_terms(case)[0]
    named = {id(p) for module in parts(objective).values() for p in module.parameters()}
    assert {id(p) for p in objective.parameters() if p.requires_grad} == named


@of_cases
def test_ris_gradient_is_that_of_the_teachers_head_by_hand(case):
    """An ordinary, unfrozen copy of the teacher's head gives the student's features the same."""
    objective, batch = build(case, "both", ri=1), a_batch()
    trained = [*parts(objective)["features"].parameters(), *objective.to_teacher.parameters()]
    objective(batch)["ri"].backward()

    head = deepcopy(objective.teacher.landmarker.head).requires_grad_(True)
    carried = objective.to_teacher(objective.student.features(batch.thermal))
    leaf = carried.detach().requires_grad_()
    with torch.no_grad():
        target = objective.teacher.landmarker(batch.rgb if case.level == "ktl" else batch.thermal)
    rows = landmark_loss(head(leaf), batch.landmarks) + prediction_divergence(head(leaf), target)
    (rows / 2).mean().backward()
    assert leaf.grad.abs().flatten(1).sum(1).gt(0).all()  # every face has a gradient
    by_hand = torch.autograd.grad(carried, trained, leaf.grad)
    # A shift before a BatchNorm has no effect: its gradient is the rounding of the larger ones.
    rounding = 1e-6 * max(1.0, *(float(gradient.norm()) for gradient in by_hand))
    for parameter, gradient in zip(trained, by_hand, strict=True):
        assert (parameter.grad - gradient).norm() <= 1e-3 * gradient.norm() + rounding


# Freeze.


FROZEN = [(case, "32-true") for case in CASES if case.head == "heatmap"]
# The precision is that of the arithmetic, whatever the network.
FROZEN += [(KTL_SMALL, "bf16-mixed"), (MCL_SMALL, "bf16-mixed")]


@pytest.mark.parametrize(
    ("case", "precision"), FROZEN, ids=["-".join((*case, name)) for case, name in FROZEN]
)
def test_training_leaves_the_teacher_bit_identical(case, precision, tmp_path):
    """Even if train() is called on the objective between the steps."""
    objective = build(case, **ALL)
    teacher, student = state(objective.teacher), state(objective.student)

    def wake() -> float:
        objective.train()
        objective.teacher.train()
        return 0.0

    train(objective, tmp_path, wake, steps=2, evaluations=2, precision=precision)
    assert any("running_var" in name for name in teacher)
    assert not moved(teacher, state(objective.teacher))
    changed = moved(student, state(objective.student))
    assert any("running_var" in name for name in changed)
    assert {name.split(".")[0] for name in changed} == {"backbone", "neck", "head"}


# Terms.


@pytest.mark.parametrize("case", [KTL_SMALL, MCL_SMALL], ids="-".join)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_logged_terms_sum_exactly_to_the_logged_total(case, strategy, tmp_path):
    weights = STRATEGIES[strategy]
    train(build(case, **weights.model_dump()), tmp_path, steps=4, evaluations=2)
    names = ["task", *(term for term in TERMS if dict(weights)[term])]
    rows = read_metrics(tmp_path)
    assert len(rows) == 2
    for row in rows:
        assert [name for name in ROUTES if name in row] == names
        assert row["total"] == sum(row[name] for name in names)


@pytest.mark.parametrize("term", TERMS)
def test_a_weight_multiplies_its_own_term_and_no_other(term):
    once = build(KTL_SMALL, **ALL)(a_batch())
    twice = build(KTL_SMALL, **ALL | {term: 2})(a_batch())
    for name in once:
        assert twice[name].item() == once[name].item() * (2 if name == term else 1), name


def forbid(term: str, objective: DistillationObjective, monkeypatch) -> None:
    """Makes it an error to compute the term."""

    def fail(*_):
        raise AssertionError(f"{term} is computed")

    def refuse(run, refused):
        return lambda features: fail() if refused(features) else run(features)

    student, teacher = objective.student, objective.teacher
    if term == "fd":
        monkeypatch.setattr(terms, "feature_distance", fail)
    elif term == "ld":
        made = []
        teacher_target, target_loss = mlcm_kd.teacher_target, terms.target_loss

        def remember(prediction):
            made.append(teacher_target(prediction))
            return made[-1]

        def compare(prediction, target):
            return fail() if target is made[-1] else target_loss(prediction, target)

        monkeypatch.setattr(mlcm_kd, "teacher_target", remember)
        monkeypatch.setattr(terms, "target_loss", compare)
    elif term == "fi":  # the student's head on features that are not the student's
        own = refuse(student.head.forward, lambda features: not features.requires_grad)
        monkeypatch.setattr(student.head, "forward", own)
    else:  # the teacher's head on features that are not the teacher's
        own = refuse(teacher.head, lambda features: features.requires_grad)
        monkeypatch.setattr(teacher, "head", own)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_of_weight_zero_is_never_computed(term, tmp_path, monkeypatch):
    """Bit for bit over a short training, compared with one whose config does not name the weight."""
    others = {name: 1 for name in TERMS if name != term}
    absent = build(KTL_SMALL, "label", **others)
    train(absent, tmp_path / "absent")
    present = build(KTL_SMALL, "label", **others, **{term: 1})
    train(present, tmp_path / "present")

    zero = build(KTL_SMALL, "label", **others, **{term: 0})
    forbid(term, zero, monkeypatch)
    train(zero, tmp_path / "zero")
    assert not moved(state(absent.student), state(zero.student))
    assert read_metrics(tmp_path / "absent") == read_metrics(tmp_path / "zero")
    assert moved(state(present.student), state(zero.student))


@pytest.mark.parametrize("term", TERMS)
def test_computing_a_forbidden_term_is_an_error(term, monkeypatch):
    """Otherwise the test above could not fail."""
    objective = build(KTL_SMALL, "label", **ALL)
    forbid(term, objective, monkeypatch)
    with pytest.raises(AssertionError, match=f"{term} is computed"):
        objective(a_batch())


def calls_of(objective: DistillationObjective, part: str) -> tuple[int, int]:
    """How often the student's and the teacher's part run on one batch."""
    calls = []
    for owner in (objective.student, objective.teacher.landmarker):
        getattr(owner, part).register_forward_hook(lambda *_, owner=owner: calls.append(owner))
    objective(a_batch())
    return calls.count(objective.student), calls.count(objective.teacher.landmarker)


@pytest.mark.parametrize("case", [KTL_SMALL, MCL_SMALL], ids="-".join)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_backbone_runs_once_a_batch(case, strategy):
    objective = build(case, **STRATEGIES[strategy].model_dump())
    assert calls_of(objective, "backbone") == (1, 0 if strategy == "none" else 1)


@pytest.mark.parametrize(
    ("strategy", "calls"), [("fd+ld", (1, 1)), ("fi", (2, 1)), ("ri", (1, 2)), ("dikd", (2, 2))]
)
def test_an_injection_is_one_more_call_of_the_other_networks_head(strategy, calls):
    objective = build(KTL_SMALL, **STRATEGIES[strategy].model_dump())
    assert calls_of(objective, "head") == calls


# BatchNorm statistics.


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("size", [*WIDTHS.values(), "swift"])
def test_a_head_has_no_batch_statistics(size, head):
    model = make_model(size, head=head).train()
    assert not any(isinstance(module, _NormBase) for module in model.head.modules())
    assert not list(model.head.buffers())
    features = torch.rand(4, model.width, 8, 8)
    others = torch.cat((features[:1], 5 * torch.rand(3, model.width, 8, 8)))
    torch.testing.assert_close(
        model.head(features).coordinates[0], model.head(others).coordinates[0]
    )


@of_cases
def test_a_step_leaves_the_statistics_of_one_plain_forward(case):
    """FI does not change the student's buffers, and RI does not update them a second time."""
    objective, batch = build(case, fi=1, ri=1), a_batch()
    plain = deepcopy(objective.student)
    before = state(plain)
    plain(batch.thermal)
    sum(objective(batch).values()).backward()
    assert not moved(state(plain), state(objective.student))
    assert any("running_var" in name for name in moved(before, state(plain)))


@of_cases
def test_the_teachers_features_of_a_face_do_not_depend_on_the_batch(case):
    objective, batch = all_terms(case)[0], a_batch()
    images = batch.rgb if case.level == "ktl" else batch.thermal
    others = torch.cat((images[:1], images[1:].flip(-1) ** 2))
    with torch.no_grad():
        one, two = objective.teacher.features(images)[0], objective.teacher.features(others)[0]
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
        # The same network in training mode does depend on it: the test can tell.
        awake = deepcopy(objective.teacher.landmarker).train()
        assert (awake.features(images)[0] - awake.features(others)[0]).abs().max() > 1e-3


# Two processes: tests below read what `python -m tests.distillation.test_contract FOLDER` wrote.

TOGETHER = {
    f"{case.level}-{strategy}": (case, STRATEGIES[strategy].model_dump())
    for case in (KTL_SMALL, MCL_SMALL)
    for strategy in ("fi", "ri", "dikd", "dikd+fd+ld")
}
PROCESSES = 2


def train_together(name: str, folder: Path) -> None:
    """A short training, with the values of this process."""
    case, weights = TOGETHER[name]
    objective = build(case, **weights)
    teacher, student = state(objective.teacher), state(objective.student)
    seen = []
    objective.register_forward_hook(
        lambda *call: seen.append({name: value.item() for name, value in call[-1].items()})
    )
    # Without weight decay nothing but a gradient moves a parameter.
    train(objective, folder, devices=PROCESSES, weight_decay=0)
    after = state(objective.student)
    facts = {
        "seen": seen,
        "teacher moved": moved(teacher, state(objective.teacher)),
        "student stood": sorted(student.keys() - moved(student, after)),
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    objective.student.save(folder / "student.safetensors")


def step_together(name: str, folder: Path, rank: int) -> None:
    """The gradient of one step in which each process has its own batch."""
    case, weights = TOGETHER[name]
    objective = build(case, **weights)
    fabric = make_fabric(FitConfig(accelerator="cpu", devices=PROCESSES))
    fabric.launch()
    wrapped = fabric.setup_module(objective)  # has to live as long as the backward pass
    fabric.backward(sum(wrapped(a_batch(seed=rank)).values()))
    gradients = {n: p.grad.contiguous() for n, p in objective.named_parameters() if p.requires_grad}
    save_file(gradients, folder / "gradients.safetensors")


def stumble_together(folder: Path, rank: int) -> None:
    """A training whose loss is not finite in the second process only."""
    objective = build(KTL_SMALL)
    if rank == 1:
        objective.register_forward_hook(lambda *call: {"task": call[-1]["task"] * float("nan")})
    message = ""
    try:
        train(objective, folder, devices=PROCESSES, steps=1)
    except InputError as error:
        message = str(error)
    (folder / "message").write_text(message)


def in_a_process(out: Path) -> None:
    rank = int(os.environ.get("LOCAL_RANK", 0))  # Fabric starts the second process with it
    for name in TOGETHER:
        train_together(name, out / f"{name}-{rank}")
        step_together(name, out / f"{name}-{rank}", rank)
    stumble_together(out / f"nan-{rank}", rank)


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> Path:
    """The files of both processes. Fabric starts the second one, in a new Python."""
    out = tmp_path_factory.mktemp("together")
    words = ("tests.distillation.test_contract", str(out))
    ended = ForkedCommand(*words, folder=out, OMP_NUM_THREADS="1").ended()
    assert ended.status == 0, ended.errors
    return out


def from_each(together: Path, name: str) -> list[Path]:
    return [together / f"{name}-{rank}" for rank in range(PROCESSES)]


@pytest.mark.parametrize("name", TOGETHER)
def test_processes_end_with_one_student_and_an_untouched_teacher(together, name):
    facts = [json.loads((path / "facts.json").read_text()) for path in from_each(together, name)]
    assert all(fact["teacher moved"] == [] for fact in facts)
    assert all(fact["student stood"] == [] for fact in facts)
    one, other = (load_file(path / "student.safetensors") for path in from_each(together, name))
    assert not moved(one, other)


@pytest.mark.parametrize("name", TOGETHER)
def test_every_process_computes_every_term_and_the_log_is_their_mean(together, name):
    paths = from_each(together, name)
    seen = [json.loads((path / "facts.json").read_text())["seen"] for path in paths]
    names = {"task", *(term for term, weight in TOGETHER[name][1].items() if weight)}
    assert all(set(terms) == names for process in seen for terms in process)
    assert seen[0] != seen[1]  # each has its own pairs
    (row,) = read_metrics(paths[0])
    for term in names:
        values = [terms[term] for process in seen for terms in process]
        assert row[term] == pytest.approx(sum(values) / len(values), rel=1e-5), term
    assert row["total"] == sum(row[term] for term in ROUTES if term in names)


@pytest.mark.parametrize("name", TOGETHER)
def test_processes_share_the_mean_of_their_gradients(together, name):
    """Compared with the batch of each process by itself: no term is missing."""
    case, weights = TOGETHER[name]
    alone = []
    for rank in range(PROCESSES):
        objective = build(case, **weights)
        sum(objective(a_batch(seed=rank)).values()).backward()
        alone.append({n: p.grad for n, p in objective.named_parameters() if p.requires_grad})
    for path in from_each(together, name):
        shared = load_file(path / "gradients.safetensors")
        assert shared.keys() == alone[0].keys()
        for parameter, gradient in shared.items():
            mean = sum(process[parameter] for process in alone) / PROCESSES
            torch.testing.assert_close(gradient, mean, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", TOGETHER)
def test_two_processes_equal_one_that_accumulates_their_batches(together, name, tmp_path):
    """The sum over pairs, augmentation and gradients does not depend on which process takes a part."""
    case, weights = TOGETHER[name]
    objective = build(case, **weights)
    train(objective, tmp_path, accumulate=PROCESSES, weight_decay=0)
    shared = load_file(from_each(together, name)[0] / "student.safetensors")
    # Statistics of BatchNorm differ: one process counts both parts, each of two its own.
    for parameter, value in objective.student.named_parameters():
        torch.testing.assert_close(shared[parameter], value.detach(), rtol=1e-4, atol=1e-5)
    (one,), (other,) = read_metrics(from_each(together, name)[0]), read_metrics(tmp_path)
    assert one.keys() == other.keys()
    assert {k: other[k] for k in one} == pytest.approx(one, rel=1e-5)


def test_a_loss_that_is_not_finite_in_one_process_stops_all(together):
    for path in from_each(together, "nan"):
        assert "step 1: term 'task' is nan" in (path / "message").read_text()


if __name__ == "__main__":
    in_a_process(Path(sys.argv[1]))
