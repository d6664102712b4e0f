"""The moving average of the weights, by hand and against an independent average in the loop."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.supervised import TaskObjective
from mlcmkd.models import Landmarker
from mlcmkd.training.averaging import WeightAverage
from mlcmkd.training.config import FitConfig
from mlcmkd.training.loop import fit
from mlcmkd.training.run_directory import Run
from tests.conftest import make_model, make_pairs

STEPS, DECAY = 6, 0.75
CONFIG = FitConfig(steps=STEPS, batch=4, evaluations=3, accelerator="cpu", learning_rate=0.01)


def weights_after(network: nn.Module, average: WeightAverage, values: list[float]) -> float:
    for value in values:
        nn.init.constant_(network.weight, value)
        average.update()
    average.apply()
    return network.weight.item()


def test_by_hand():
    """The first step is copied; then 0.75 of the average and 0.25 of the weights."""
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, 1000.0)  # of before the first step: it does not count
    average = WeightAverage(network, DECAY)
    assert weights_after(network, average, [8.0, 4.0, 0.0]) == pytest.approx(0.75 * 7)


def test_the_network_has_its_own_weights_again_even_after_an_error():
    network = nn.BatchNorm1d(1)
    average = WeightAverage(network, DECAY)
    average.update()
    nn.init.constant_(network.weight, 3.0)
    network.running_mean.fill_(5.0)
    with pytest.raises(ValueError, match="inside"), average.applied():
        assert (network.weight.item(), network.running_mean.item()) == (1.0, 0.0)
        raise ValueError("inside")
    assert (network.weight.item(), network.running_mean.item()) == (3.0, 5.0)


def train(path, config: FitConfig, seen: list | None = None):
    """A training; `seen` gets the student's tensors after each step and at each validation."""
    student = make_model()
    objective = TaskObjective(student, "rgb")

    def note(name: str) -> None:
        if seen is not None:
            seen.append((name, {k: v.clone() for k, v in student.state_dict().items()}))

    # The weights at the beginning of a step are those after the step before.
    objective.register_forward_pre_hook(lambda *_: note("step"))
    fit(
        objective,
        make_pairs(),
        config,
        Run(path, "test", config),
        augmentation=Augmentation(),
        seed=0,
        validate=lambda: note("validation") or 0.5,
        observe=lambda: note("observed") or {},
        progress=False,
    )
    return student


def test_the_loop_averages_and_does_not_change_the_training(tmp_path):
    """The steps are those without an average; validated and kept is their average."""
    plain: list = []
    last = train(tmp_path / "plain", CONFIG, plain).state_dict()
    steps = [tensors for name, tensors in plain if name == "step"][1:] + [last]
    averages, average = [], None
    for tensors in steps:
        new = {name: value.double() for name, value in tensors.items() if value.is_floating_point()}
        average = new if average is None else {
            name: DECAY * average[name] + (1 - DECAY) * value for name, value in new.items()
        }  # fmt: skip
        averages.append(average)

    seen: list = []
    config = CONFIG.model_copy(update={"ema": DECAY})
    student = train(tmp_path / "average", config, seen)
    with_average = [tensors for name, tensors in seen if name == "step"][1:]
    assert all(
        torch.equal(value, other[name])
        for tensors, other in zip(with_average, steps[:-1], strict=True)
        for name, value in tensors.items()
    )
    for kind in ("validation", "observed"):
        evaluated = [tensors for name, tensors in seen if name == kind][-3:]
        for tensors, average in zip(evaluated, averages[1::2], strict=True):
            assert_close(tensors, average)
    assert_close(student.state_dict(), averages[-1])
    assert not torch.allclose(last["head.maps.weight"], averages[-1]["head.maps.weight"].float())


def assert_close(tensors: dict, average: dict) -> None:
    for name, value in average.items():
        torch.testing.assert_close(tensors[name].double(), value, rtol=1e-4, atol=1e-6)


def test_saved_weights_are_the_average(tmp_path):
    student = train(tmp_path, CONFIG.model_copy(update={"ema": DECAY}))
    student.save(tmp_path / "model.safetensors")
    loaded = Landmarker.load(tmp_path / "model.safetensors").state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in student.state_dict().items())


def test_a_config_without_an_average_is_written_as_before():
    assert "ema" not in FitConfig().model_dump_json()
    assert FitConfig(ema=0.99).model_dump()["ema"] == 0.99
    for decay in (0, 1, -0.1):
        with pytest.raises(ValidationError):
            FitConfig(ema=decay)
