"""Parallel branches and the convolution that replaces them, alone, in a network and in its files."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mlcmkd.attribution.trust import network_parts
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.deployment.onnx.export import export_onnx, to_proto
from mlcmkd.deployment.onnx.inference import normalised, statistics
from mlcmkd.deployment.onnx.quantise import quantise
from mlcmkd.deployment.onnx.session import load_onnx
from mlcmkd.distillation.losses import landmark_loss
from mlcmkd.distillation.mlcm_kd import KTL, MCL, Adapter
from mlcmkd.distillation.strategies import Weights
from mlcmkd.distillation.teachers import FrozenTeacher
from mlcmkd.evaluation.cost import flops
from mlcmkd.models import Landmarker, Prediction, confidence, soft_argmax, spread
from mlcmkd.models.heads import HeatmapHead
from mlcmkd.models.reparameterised import BranchedConvolution, PlainBackbone, merge_branches
from mlcmkd.schemes import map_indices
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

SHAPES = {  # width_in, width_out, kernel, stride, padding, small
    "same": (4, 4, 3, 1, 1, 1),
    "wider": (4, 6, 3, 1, 1, 1),
    "stride": (4, 4, 3, 2, 1, 1),
    "stem": (3, 5, 8, 4, 2, 4),
    "one branch": (4, 4, 3, 1, 1, 0),
}


def with_statistics(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with BatchNorms as after a training."""
    generator = torch.Generator().manual_seed(seed)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5, generator)
            nn.init.normal_(norm.bias, std=0.3, generator=generator)
            nn.init.normal_(norm.running_mean, std=0.3, generator=generator)
            nn.init.uniform_(norm.running_var, 0.5, 2, generator)
    return module.eval()


def swift(modality: str = "thermal", px: int = 64, seed: int = 0) -> Landmarker:
    return with_statistics(make_model("swift", modality, seed, input_px=px))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_one_convolution_replaces_the_branches(shape):
    torch.manual_seed(0)
    block = with_statistics(BranchedConvolution(*shape))
    assert (block.identity is not None) == (shape == SHAPES["same"])
    x = torch.randn(2, shape[0], 16, 16)
    wanted = block(x)
    assert wanted.shape == (2, shape[1], 16 // shape[3], 16 // shape[3])
    block.merge()
    assert [name for name, _ in block.named_parameters()] == ["merged.weight", "merged.bias"]
    assert torch.allclose(block(x), wanted, atol=1e-5)
    kernel = block.merged.weight.clone()
    block.merge()
    assert torch.equal(block.merged.weight, kernel), "merging twice changes nothing"


def test_the_kernel_of_known_branches():
    """A kernel of ones, a small one of 2 and the identity, with norms that multiply by 3, 1 and 5."""
    block = BranchedConvolution(1, 1).eval()
    with torch.no_grad():
        for branch, value, gain in zip(block.branches, (1.0, 2.0), (3.0, 1.0), strict=True):
            branch.convolution.weight.fill_(value)
            branch.norm.weight.fill_(gain)
            branch.norm.running_var.fill_(1 - branch.norm.eps)
        block.branches[0].norm.running_mean.fill_(2.0)
        block.identity.weight.fill_(5.0)
        block.identity.bias.fill_(7.0)
        block.identity.running_var.fill_(1 - block.identity.eps)
    block.merge()
    assert block.merged.weight.flatten().tolist() == pytest.approx([3, 3, 3, 3, 10, 3, 3, 3, 3])
    assert block.merged.bias.item() == pytest.approx(7 - 3 * 2)


def test_gradients_reach_each_branch():
    model = make_model("swift", "thermal", input_px=64).train()
    landmark_loss(model(torch.rand(4, 1, 64, 64)), torch.zeros(4, 68, 2)).mean().backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # The bias of a map before a softmax has no effect on it; rounding leaves almost nothing.
    assert not [name for name in missing if name != "head.maps.bias"]
    assert any("identity" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize("modality", ["thermal", "rgb"])
def test_a_merged_network_predicts_the_same(modality):
    model = swift(modality)
    images = torch.rand(3, 1 if modality == "thermal" else 3, 64, 64)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    merged = model.merged()
    assert torch.allclose(merged(images).logits, model(images).logits, atol=1e-4)
    assert torch.allclose(merged(images).coordinates, model(images).coordinates, atol=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert merged.backbone.input_channels == (1 if modality == "thermal" else 3)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in merged.modules())
    assert merged.parameter_count() < model.parameter_count()
    again = merged.merged()
    assert all(torch.equal(x, again.state_dict()[name]) for name, x in merged.state_dict().items())


@pytest.mark.parametrize("form", ["branches", "merged"])
def test_both_forms_are_saved_and_loaded(tmp_path, form):
    model = swift() if form == "branches" else swift().merged()
    model.save(tmp_path / "w.safetensors")
    loaded = Landmarker.load(tmp_path / "w.safetensors")
    images = torch.rand(2, 1, 64, 64)
    assert torch.equal(loaded(images).logits, model(images).logits)
    assert loaded.state_dict().keys() == model.state_dict().keys()


def test_a_frozen_network_stays_frozen():
    teacher = FrozenTeacher(swift())
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    teacher.train()
    teacher.features(torch.rand(2, 1, 64, 64))
    assert all(torch.equal(x, before[name]) for name, x in teacher.state_dict().items())
    assert not any(p.requires_grad for p in teacher.landmarker.merged().parameters())


def test_merging_leaves_other_networks_as_they_are():
    model = make_model("slim").eval()
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(model.merged()(images).logits, model(images).logits)


def test_the_control_has_one_branch():
    control, ours = (PlainBackbone((16, 16, 16), (1, 1, 1), branched=b) for b in (False, True))
    assert sum(isinstance(m, nn.Conv2d) for m in control.modules()) == 6
    assert sum(isinstance(m, nn.Conv2d) for m in ours.modules()) == 12
    merge_branches(control.eval())
    merge_branches(ours.eval())
    assert [x.shape for x in control.state_dict().values()] == [
        x.shape for x in ours.state_dict().values()
    ]


def test_the_parts_of_the_network_cover_its_parameters():
    """They are randomised one by one in the tests of attribution maps."""
    model = swift()
    parts = network_parts(model)
    stages = [f"backbone {name}" for name in ("stage3", "stage2", "stage1", "stem")]
    assert [name for name, _ in parts] == ["head", "neck", *stages]
    counts = [p.numel() for _, modules in parts for m in modules for p in m.parameters()]
    assert sum(counts) == model.parameter_count()


def test_operations_are_counted_without_branches():
    model = swift()
    assert flops(model) == flops(model.merged()) < 37e6


def test_cells_of_a_position_are_neighbours_in_the_map():
    head = HeatmapHead(8, 2, cells=2, plain=True)
    features = torch.rand(1, 8, 3, 3)
    logits = head(features).logits
    assert logits.shape == (1, 2, 6, 6)
    flat = head.maps(features)  # channel 4 * point + 2 * row + column
    assert logits[0, 1, 5, 2] == flat[0, 4 * 1 + 2 * 1 + 0, 2, 1]
    head.keep([1])
    assert torch.equal(head(features).logits, logits[:, 1:])


def test_landmarks_are_selected_for_another_scheme():
    model = swift()
    images = torch.rand(1, 1, 64, 64)
    points = list(map_indices("ibug68", "sf_tl54"))
    wanted = model(images).coordinates[:, points]
    assert torch.allclose(model.for_scheme("sf_tl54")(images).coordinates, wanted, atol=1e-6)


@pytest.mark.parametrize("cells", [1, 2])
def test_the_formulas_of_the_graph_equal_those_of_the_library(cells):
    torch.manual_seed(0)
    flat = 4 * torch.randn(3, 5 * cells**2, 8, 8)
    maps = F.pixel_shuffle(flat, cells)
    prediction = Prediction(soft_argmax(maps), maps)
    coordinates, share, width = statistics(flat, cells)
    assert torch.allclose(coordinates, prediction.coordinates, atol=1e-6)
    assert torch.allclose(share, confidence(prediction), atol=1e-3)
    assert torch.allclose(width, spread(prediction), atol=1e-5)


@pytest.mark.parametrize("normalisation", ["image", "fixed"])
def test_the_graph_normalises_as_the_library(normalisation):
    model = make_model("swift", "thermal", normalisation=normalisation)
    images = torch.rand(3, 1, 32, 32) * torch.tensor([1.0, 0.01, 0])[:, None, None, None]
    assert torch.allclose(normalised(model, images), model.normalise(images), atol=1e-4)


def test_the_export_has_the_merged_form(tmp_path):
    model = swift()
    export_onnx(model, tmp_path / "w.onnx", "crop")
    proto = to_proto(model, "crop", model.spec.radiometry)
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds.count("Conv") == 11  # stem, 1, 3 and 3, lateral, smooth, maps
    assert not {"BatchNormalization", "Expand", "DepthToSpace"} & set(kinds)
    images = torch.rand(3, 1, 64, 64)
    with torch.no_grad():
        wanted = (model(images).coordinates + 0.5) * 64 - 0.5
        certain = confidence(model(images))
    found = load_onnx(tmp_path / "w.onnx").run(image=images.numpy())
    assert found.landmarks == pytest.approx(wanted.numpy(), abs=1e-3)
    assert found.confidence == pytest.approx(certain.numpy(), abs=1e-3)


def test_int8_rounds_each_convolution_once(tmp_path):
    import onnx

    export_onnx(swift(), tmp_path / "w.onnx", "crop")
    faces = load_pairs("synthetic", "val", 64, count=4, progress=False)
    quantise(tmp_path / "w.onnx", tmp_path / "w8.onnx", faces)
    kinds = [node.op_type for node in onnx.load(tmp_path / "w8.onnx").graph.node]
    assert "Relu" not in kinds
    # The input, the sum of the neck, and the outputs of eleven convolutions.
    assert kinds.count("QuantizeLinear") == 13
    assert (tmp_path / "w8.onnx").stat().st_size < 1_000_000


def test_adapters_change_the_resolution():
    x = torch.rand(2, 4, 8, 8)
    assert Adapter(4, 6, 2.0)(x).shape == (2, 6, 16, 16)
    assert Adapter(4, 6, 0.5)(x).shape == (2, 6, 4, 4)


def test_mcl_adapts_to_features_of_another_resolution():
    teacher, student = make_model("slim", "thermal"), make_model("swift", "thermal", 1)
    objective = MCL(teacher, student, Weights(fd=1, ld=1, fi=1, ri=1))
    batch = make_batch(make_pairs(4), torch.arange(4), NO_AUGMENTATION, torch.Generator())
    terms = objective(batch)
    assert terms.keys() == {"task", "fd", "ld", "fi", "ri"}
    assert all(value.isfinite() and value > 0 for value in terms.values())
    fine = objective.to_teacher(student.eval().features(torch.rand(2, 1, 32, 32)))
    assert fine.shape == teacher.features(torch.rand(2, 1, 32, 32)).shape
    with pytest.raises(InputError, match="one resolution, not 1/4 .teacher. and 1/8"):
        KTL(make_model("half", "rgb"), student, Weights(ld=1))
