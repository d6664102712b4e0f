"""Adapters between widths: their output by hand, their file, and that it has the trained ones."""

import numpy as np
import pytest
import torch

from mlcmkd.distillation.adapters import Adapter, Adapters
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.strategies import Weights
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model


def test_an_adapter_is_a_matrix_at_each_place_without_negative_values():
    torch.manual_seed(0)
    adapter = Adapter(3, 5)
    features = torch.randn(2, 3, 4, 4)
    matrix, bias = (each.detach().numpy() for each in adapter.convolution.parameters())
    expected = np.einsum("oc,bchw->bohw", matrix[:, :, 0, 0], features.numpy())
    expected = np.maximum(expected + bias[:, None, None], 0)
    np.testing.assert_allclose(adapter(features).detach().numpy(), expected, atol=1e-6)
    assert (expected == 0).any() and (expected > 0).any()


@pytest.mark.parametrize("finer", [2.0, 0.5])
def test_the_resolution_of_the_output(finer):
    adapter = Adapter(3, 5, finer)
    assert adapter(torch.rand(1, 3, 4, 4)).shape == (1, 5, 4 * finer, 4 * finer)


@pytest.mark.parametrize("which", [(True, True), (True, False), (False, True), (False, False)])
def test_adapters_come_back_from_their_file(tmp_path, which):
    torch.manual_seed(0)
    to_teacher = Adapter(3, 5, 2.0) if which[0] else None
    to_student = Adapter(5, 3, 0.5) if which[1] else None
    saved = Adapters(to_teacher, to_student)
    saved.save(tmp_path / "adapters.safetensors")
    found = Adapters.load(tmp_path / "adapters.safetensors")
    assert found.spec == saved.spec and not found.training
    assert list(found.state_dict()) == list(saved.state_dict())
    for name, value in saved.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name
    if to_teacher:
        features = torch.rand(1, 3, 4, 4)
        assert torch.equal(found.to_teacher(features), to_teacher(features))


def test_files_that_hold_no_adapters(tmp_path):
    path = tmp_path / "file.safetensors"
    with pytest.raises(InputError, match=f"^{path}: no such weights"):
        Adapters.load(path)
    make_model().save(path)
    with pytest.raises(InputError, match="a landmark model, not a pair of adapters"):
        Adapters.load(path)
    Adapters(Adapter(3, 5), None).save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match="not a complete safetensors file"):
        Adapters.load(path)


def test_the_adapters_of_an_objective_are_those_that_it_trains():
    networks = make_model("small"), make_model("light", "thermal")
    objective = KTL(*networks, Weights(fd=1, fi=1), adapters=True)
    names = set(objective.state_dict())
    adapters = objective.adapters
    assert adapters.to_teacher is objective.to_teacher
    assert adapters.to_student is objective.to_student
    assert set(objective.state_dict()) == names  # no second copy of the parameters
    only_fi = KTL(*networks, Weights(fi=1), adapters=True).adapters
    assert only_fi.to_teacher is None and only_fi.to_student is not None
    assert KTL(*networks, Weights(ld=1), adapters=True).adapters is None
    assert KTL(make_model(), make_model(modality="thermal"), Weights(fd=1)).adapters is None
