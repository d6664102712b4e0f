"""Backbones of a user's own: registered, validated in configs, saved and loaded by name."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from mlcmkd.models import SIZES, Landmarker, ModelSpec, Size, register_backbone
from mlcmkd.stages.train import TrainConfig
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model


class TwoMaps(nn.Module):
    """A quarter and an eighth of the input."""

    channels = (8, 16)

    def __init__(self):
        super().__init__()
        self.quarter = nn.Conv2d(3, 8, 4, stride=4)
        self.eighth = nn.Conv2d(8, 16, 2, stride=2)

    def forward(self, images):
        fine = self.quarter(images)
        return [fine, self.eighth(fine)]


@pytest.fixture(autouse=True)
def _no_registered_sizes(monkeypatch):
    monkeypatch.setattr(SIZES, "_added", {})


@pytest.mark.parametrize(
    "size", [Size(TwoMaps, 16), Size("resnet10t", 24, levels=(1, 2))], ids=["module", "timm"]
)
@pytest.mark.parametrize("head", ["heatmap", "coordinate"])
def test_a_registered_backbone_is_built_saved_and_loaded(tmp_path, monkeypatch, size, head):
    assert register_backbone("mine", size) is SIZES["mine"]
    model = make_model("mine", head=head).eval()
    images = torch.rand(2, 1, 32, 32)
    assert model.features(images).shape == (2, size.width, 8, 8)
    assert len(model.levels(images)) == 2
    path = tmp_path / "w.safetensors"
    model.save(path)
    assert torch.equal(Landmarker.load(path)(images).coordinates, model(images).coordinates)

    monkeypatch.setattr(SIZES, "_added", {})  # as in a process that has not registered it
    with pytest.raises(InputError) as caught:
        Landmarker.load(path)
    assert str(caught.value) == (
        f"{path}: size: model size 'mine' is unknown; use one of {', '.join(SIZES)}; "
        "register your own before loading (mlcmkd.register_backbone)"
    )


def test_configs_take_a_registered_size_and_refuse_unknown_ones():
    with pytest.raises(ValidationError, match="model size 'mine' is unknown; use one of large, "):
        TrainConfig(out="runs/x", size="mine")
    register_backbone("mine", Size(TwoMaps, 16))
    assert TrainConfig(out="runs/x", size="mine").model_dump()["size"] == "mine"
    assert ModelSpec(size="mine").model_dump_json().startswith('{"size":"mine",')


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("base", Size(TwoMaps, 16), "model size 'base' belongs to mlcmkd"),
        ("mine", Size(TwoMaps, 20), "width 20 is not a multiple of 8"),
        ("mine", Size("resnet99", 16), "timm has no backbone 'resnet99'"),
    ],
)
def test_an_unusable_size_is_refused(name, size, message):
    with pytest.raises(InputError, match=message):
        register_backbone(name, size)


def test_a_backbone_says_its_channels():
    register_backbone("mine", Size(lambda: nn.Conv2d(3, 8, 4), 16))
    with pytest.raises(InputError, match="'mine': its backbone has no attribute `channels`"):
        make_model("mine")


def test_no_imagenet_weights_for_a_backbone_of_one_s_own():
    register_backbone("mine", Size(TwoMaps, 16))
    with pytest.raises(InputError, match="no ImageNet weights exist for size mine"):
        Landmarker(ModelSpec(size="mine"), pretrained=True)
