"""KD-Loss as an objective and as stages: what is trained, what stays frozen, the sum of the terms."""

import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, Batch, make_batch
from mlcmkd.distillation.kd_loss import FIGURES, kd_loss
from mlcmkd.distillation.pseudo_labels import PseudoLabelObjective
from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.distillation.two_teachers import KDForm, KDWeights, TwoTeachers
from mlcmkd.models import Landmarker
from mlcmkd.schemes import get_scheme
from mlcmkd.stages.kd_loss import PLAIN, PSEUDO_LABELLED, KDLossConfig, train_kd_loss
from mlcmkd.stages.tolerant import (
    TolerantConfig,
    fit_shape_model,
    train_tolerant,
    with_soft_landmarks,
)
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.training.config import FitConfig
from mlcmkd.training.loop import fit
from mlcmkd.training.run_directory import SHAPES, Run, read_metrics
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

DATA = {"synthetic_train": 12, "synthetic_held": 4}
FIT = {"steps": 2, "batch": 4, "evaluations": 1, "accelerator": "cpu"}


def a_batch(count: int = 4, labelled: int | None = None) -> Batch:
    pairs = make_pairs(count)
    if labelled is not None:
        pairs.labelled[labelled:] = False
    return make_batch(pairs, torch.arange(count), NO_AUGMENTATION, torch.Generator())


def faces() -> Pairs:
    return DataConfig(**DATA).load_training(32, 0, progress=False)


def some_shapes(variance: float = 0.8) -> ShapeModel:
    return ShapeModel.fit(faces().landmarks, "ibug68", variance=variance)


def moved_model(seed: int, modality: str = "rgb") -> Landmarker:
    """A coordinate head predicts every landmark at the centre at first; this one does not."""
    model = make_model(modality=modality, seed=seed, head="coordinate")
    nn.init.normal_(model.head.linear.bias, std=0.2)
    return model


def objective(soft: Landmarker | ShapeModel | None = None, **weights: float) -> TwoTeachers:
    student = make_model("mobilenetv2", "thermal", seed=2, head="coordinate")
    return TwoTeachers(
        moved_model(0), soft or moved_model(1), student, KDWeights(**weights)
    ).train()


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_the_terms_are_those_of_kd_loss_by_hand():
    """Coordinate by coordinate, with the formulas written out again."""
    trained, batch = objective().eval(), a_batch()
    terms = trained(batch)
    with torch.no_grad():
        p = trained.student(batch.thermal).coordinates
        tough = trained.tough.landmarker(batch.rgb).coordinates
        tolerant = trained.tolerant.landmarker(batch.rgb).coordinates
    expected = {"main": 0.0, "tough": 0.0, "tolerant": 0.0}
    rows = zip(
        *(each.flatten().double().tolist() for each in (p, batch.landmarks, tough, tolerant)),
        strict=True,
    )
    count = p.numel()
    for prediction, truth, hard, soft in rows:
        d, border = abs(prediction - truth), abs(truth - soft)
        main = 3 * d if d <= border else d * d + 3 * border - border * border
        expected["main"] += 2 * main / count
        for name, other, alpha, inner in (
            ("tough", hard, 1.9, -0.45),
            ("tolerant", soft, 1.8, -0.4),
        ):
            r = abs(other - truth)
            weight = alpha if d > r else inner if d > 0.15 * r else 0
            expected[name] += weight * abs(d - r) / count
    assert {name: float(value.detach()) for name, value in terms.items()} == pytest.approx(
        expected, rel=1e-4
    )


def test_the_form_of_the_loss_reaches_the_terms():
    """As in the authors' figures: a ramp in a band of 0.4, a main loss of slope 1 and weight 2.5."""
    trained, batch = objective(main=2.5).eval(), a_batch()
    trained.form = KDForm(inner="ramp", band=0.4, slope=1)
    with torch.no_grad():
        prediction = trained.student(batch.thermal).coordinates
        expected = kd_loss(
            prediction, batch.landmarks, *trained.teacher_predictions(batch), **FIGURES
        )
        terms = trained(batch)
        assert terms == expected
        trained.form = KDForm()
        others = trained(batch)
    assert all(others[name] != terms[name] for name in terms)


@pytest.mark.parametrize("form", [{"inner": "cut"}, {"band": 1.5}, {"slope": 0}, {"width": 1}])
def test_a_form_that_does_not_exist_is_refused(form):
    with pytest.raises(InputError, match=f"form: .*{next(iter(form))}"):
        TwoTeachers(moved_model(0), moved_model(1), moved_model(2), form=form)


@pytest.mark.parametrize("name", ["tough", "tolerant"])
def test_a_weight_of_zero_leaves_the_term_out(name):
    both, one = objective()(a_batch()), objective(**{name: 0})(a_batch())
    assert set(both) == {"main", "tough", "tolerant"} and set(one) == set(both) - {name}
    assert all(torch.equal(one[left], both[left]) for left in one)


@pytest.mark.parametrize("term", ["main", "tough", "tolerant"])
def test_every_term_reaches_the_student_and_no_teacher(term):
    trained = objective()
    trained(a_batch())[term].backward()
    for part in (trained.student.backbone, trained.student.neck, trained.student.head):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    for teacher in (trained.tough, trained.tolerant):
        assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_both_teachers_stay_bit_identical_and_the_logged_terms_add_up(tmp_path, precision):
    trained = objective()
    before = {name: state(getattr(trained, name)) for name in ("tough", "tolerant", "student")}
    fit(
        trained,
        make_pairs(),
        FitConfig(steps=3, batch=4, evaluations=1, accelerator="cpu", precision=precision),
        Run(tmp_path / "run", "test", FitConfig()),
        augmentation=Augmentation(),
        seed=0,
        validate=lambda: 0.0,
        progress=False,
    )
    for name, then in before.items():
        same = [
            torch.equal(then[key], value) for key, value in state(getattr(trained, name)).items()
        ]
        assert all(same) if name != "student" else not all(same), name
    (line,) = read_metrics(tmp_path / "run")
    assert line["total"] == pytest.approx(line["main"] + line["tough"] + line["tolerant"])


def test_without_a_label_the_tough_teacher_is_the_target_and_its_own_term_is_zero():
    trained = objective()
    batch = a_batch(labelled=0)
    terms = trained(batch)
    assert float(terms["tough"].detach()) == 0
    nonsense = batch._replace(landmarks=torch.full_like(batch.landmarks, 7.0))
    again = trained.train()(nonsense)
    assert float(terms["main"].detach()) > 0 and torch.equal(again["main"], terms["main"])


def test_a_shape_model_softens_the_prediction_of_the_tough_teacher():
    shapes = some_shapes()
    tough, tolerant = objective(shapes).teacher_predictions(a_batch())
    assert torch.equal(tolerant, shapes.soften(tough))
    assert not torch.allclose(tolerant, tough, atol=1e-4)


def test_schemes_must_be_shared():
    other = make_model(scheme="sf_tl54", head="coordinate")
    with pytest.raises(InputError, match=r"Tough-Teacher \(sf_tl54\)"):
        TwoTeachers(other, moved_model(1), moved_model(2))
    with pytest.raises(InputError, match=r"Tolerant-Teacher \(sf_tl54\)"):
        TwoTeachers(moved_model(0), other, moved_model(2))


@pytest.mark.parametrize(("loss", "power"), [("l2", 2), ("l1", 1)])
def test_plain_losses_are_means_of_powers_over_all_coordinates(loss, power):
    student, batch = moved_model(0), a_batch(4, labelled=3)
    student.eval()
    (term,) = TaskObjective(student, "rgb", PLAIN[loss])(batch).values()
    prediction = student(batch.rgb).coordinates
    off = (prediction - batch.landmarks).detach().abs().numpy()
    by_hand = sum((off[row] ** power).mean() for row in range(3)) / 4
    assert term.item() == pytest.approx(by_hand, rel=1e-5)


@pytest.fixture(scope="module")
def teachers(tmp_path_factory) -> Path:
    """A Tough- and a Tolerant-Teacher of two steps."""
    root = tmp_path_factory.mktemp("teachers")
    fields = {"data": DATA, "fit": FIT, "size": "small", "input_px": 32}
    train(TrainConfig(out=root / "tough", **fields), progress=False)
    train_tolerant(TolerantConfig(out=root / "tolerant", variance=0.8, **fields), progress=False)
    return root


def test_the_tolerant_teacher_keeps_its_shape_model(teachers):
    shapes = ShapeModel.load(teachers / "tolerant" / SHAPES)
    pairs = faces()
    again = fit_shape_model(pairs, 0.8)
    torch.testing.assert_close(shapes.soften(pairs.landmarks), again.soften(pairs.landmarks))


def test_soft_landmarks_differ_and_unlabelled_rows_stay_the_same():
    pairs = faces().with_labels(9, seed=0)
    soft = with_soft_landmarks(pairs, some_shapes())
    moved = (soft.landmarks - pairs.landmarks).abs().amax((1, 2))
    assert torch.equal(soft.landmarks[~pairs.labelled], pairs.landmarks[~pairs.labelled])
    assert moved[pairs.labelled].min() > 1e-4


def test_softening_and_mirroring_commute():
    pairs = faces()
    flip, sign = list(get_scheme(pairs.scheme).flip), torch.tensor([-1.0, 1.0])
    shapes = fit_shape_model(pairs, 0.8)
    mirrored = shapes.soften(pairs.landmarks[:, flip] * sign)
    torch.testing.assert_close(
        mirrored, shapes.soften(pairs.landmarks)[:, flip] * sign, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("modality", ["rgb", "thermal"])
@pytest.mark.parametrize("tolerant", [True, False])
def test_training_with_kd_loss_writes_a_complete_run(tmp_path, teachers, tolerant, modality):
    config = KDLossConfig(
        out=tmp_path / "student",
        tough=teachers / "tough/model.safetensors",
        tolerant=teachers / "tolerant/model.safetensors" if tolerant else None,
        data=DATA,
        fit=FIT,
        modality=modality,
        size="light",
        input_px=32,
    )
    train_kd_loss(config, progress=False)
    model = Landmarker.load(tmp_path / "student/model.safetensors")
    assert (model.spec.size, model.spec.head, model.spec.modality) == (
        "light",
        "coordinate",
        modality,
    )
    assert (model.spec.radiometry is None) == (modality == "rgb")
    (line,) = read_metrics(tmp_path / "student")
    assert line["total"] == pytest.approx(line["main"] + line["tough"] + line["tolerant"])


@pytest.mark.parametrize("loss", PLAIN)
def test_plain_losses_use_labelled_pairs_only(tmp_path, loss):
    config = KDLossConfig(
        out=tmp_path, loss=loss, data={**DATA, "labelled": 5}, fit=FIT, size="light", input_px=32
    )
    train_kd_loss(config, progress=False)
    assert json.loads((tmp_path / "provenance.json").read_text())["pairs"] == 5


def stand_in(loss: str = "l1-answers") -> PseudoLabelObjective:
    teacher = objective().tough.landmarker
    return PseudoLabelObjective(teacher, objective().student, PSEUDO_LABELLED[loss])


@pytest.mark.parametrize(("loss", "power"), [("l2-answers", 2), ("l1-answers", 1)])
def test_pseudo_labels_replace_missing_labels_only(loss, power):
    trained, batch = stand_in(loss).eval(), a_batch(4, labelled=3)
    with torch.no_grad():
        prediction = trained.student(batch.thermal).coordinates
        theirs = trained.teacher.landmarker(batch.rgb).coordinates
        (term,) = trained(batch).values()
    target = torch.stack((*batch.landmarks[:3], theirs[3]))
    by_hand = (prediction - target).abs().numpy() ** power
    assert term.item() == pytest.approx(by_hand.mean(), rel=1e-5)


def test_pseudo_labels_change_nothing_in_the_teacher():
    trained = stand_in().train()
    before = state(trained.teacher)
    trained(a_batch(4, labelled=0))["task"].backward()
    assert all(p.grad is None and not p.requires_grad for p in trained.teacher.parameters())
    assert all(torch.equal(before[key], value) for key, value in state(trained.teacher).items())
    for part in (trained.student.backbone, trained.student.head):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    assert trained.reads == {"rgb", "thermal"}


def test_pseudo_labels_use_unlabelled_pairs(tmp_path, teachers):
    config = KDLossConfig(
        out=tmp_path,
        loss="l1-answers",
        tough=teachers / "tough/model.safetensors",
        data={**DATA, "labelled": 5},
        fit=FIT,
        size="light",
        input_px=32,
    )
    train_kd_loss(config, progress=False)
    content = json.loads((tmp_path / "provenance.json").read_text())
    assert content["labelled"] == 5 < content["pairs"]
    with pytest.raises(InputError, match="'l1-answers' needs a Tough-Teacher"):
        train_kd_loss(config.model_copy(update={"tough": None}), progress=False)
    other = make_model(scheme="sf_tl54", head="coordinate")
    with pytest.raises(InputError, match=r"teacher \(sf_tl54\)"):
        PseudoLabelObjective(other, moved_model(0), PSEUDO_LABELLED["l1-answers"])


def test_unusable_teachers_are_refused(tmp_path, teachers):
    fields = {"out": tmp_path, "data": DATA, "fit": FIT, "size": "light"}
    with pytest.raises(InputError, match="needs a Tough-Teacher"):
        train_kd_loss(KDLossConfig(**fields, input_px=32), progress=False)
    tough = teachers / "tough/model.safetensors"
    with pytest.raises(InputError, match="takes 32 px, the student 64"):
        train_kd_loss(KDLossConfig(**fields, input_px=64, tough=tough), progress=False)
    with pytest.raises(ValidationError, match="toughness"):
        KDLossConfig(out=tmp_path, weights={"toughness": 1})


def test_the_commands(tmp_path):
    sets = [
        f"--set={name}={value}"
        for name, value in {**_dotted("data", DATA), **_dotted("fit", FIT)}.items()
    ]
    size = ["--size", "light", "--input-px", "32"]
    runner = CliRunner()
    for command in (
        ["train", "--out", str(tmp_path / "tough")],
        ["tolerant", "--out", str(tmp_path / "tolerant"), "--variance", "0.8"],
        [
            *("kd-loss", "--out", str(tmp_path / "student"), "--modality", "thermal"),
            *("--tough", str(tmp_path / "tough/model.safetensors")),
            *("--tolerant", str(tmp_path / "tolerant/model.safetensors")),
        ],
    ):
        result = runner.invoke(app, [*command, *size, *sets])
        assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "tolerant/config.json").read_text())
    assert "0.8" in json.dumps(content)
    assert Landmarker.load(tmp_path / "student/model.safetensors").spec.modality == "thermal"


def _dotted(group: str, fields: dict) -> dict:
    return {f"{group}.{name}": value for name, value in fields.items()}
