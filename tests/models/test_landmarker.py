import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn

from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.evaluation.cost import flops
from mlcmkd.models import SIZES, Landmarker, ModelSpec, soft_argmax
from mlcmkd.schemes import map_indices
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("head", ["heatmap", "coordinate"])
def test_every_size_and_head_predicts(size, head):
    model = make_model(size, head=head, input_px=64).eval()
    with torch.no_grad():
        features = model.features(torch.rand(2, 3, 64, 64))
        prediction = model.head(features)
    assert features.shape == (2, model.width, 64 // model.stride, 64 // model.stride)
    assert prediction.coordinates.shape == (2, 68, 2)
    assert (prediction.logits is None) == (head == "coordinate")


def test_forward_is_head_of_features():
    model = make_model().eval()
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(model(images).coordinates, model.head(model.features(images)).coordinates)


@pytest.mark.parametrize("size", ["light", "slim"])
def test_the_small_sizes_have_at_most_a_tenth_of_the_teachers_parameters(size):
    assert make_model(size).parameter_count() * 10 <= make_model("base").parameter_count()


def test_the_slim_size_has_at_most_a_tenth_of_the_teachers_operations():
    slim, base = make_model("slim", input_px=64), make_model("base", input_px=64)
    assert flops(slim) * 10 <= flops(base)


def test_no_pretrained_weights_fit_a_backbone_of_our_own_width():
    with pytest.raises(InputError, match="no ImageNet weights exist for size slim"):
        Landmarker(ModelSpec(size="slim"), pretrained=True)


def test_soft_argmax_of_a_sharp_peak_is_its_cells_centre():
    logits = torch.full((1, 1, 4, 8), -50.0)
    logits[0, 0, 1, 6] = 50
    # cell centres: x = (6 + 0.5) / 8 - 0.5, y = (1 + 0.5) / 4 - 0.5
    assert soft_argmax(logits)[0, 0].tolist() == pytest.approx([0.3125, -0.125])


def test_soft_argmax_lies_between_two_equal_peaks():
    logits = torch.full((1, 1, 1, 4), -50.0)
    logits[0, 0, 0, 1] = logits[0, 0, 0, 2] = 10
    assert soft_argmax(logits)[0, 0].tolist() == pytest.approx([0, 0], abs=1e-6)


def test_one_channel_equals_three_equal_channels():
    model = make_model().eval()
    grey = torch.rand(2, 1, 32, 32)
    three = grey.expand(-1, 3, -1, -1)
    assert torch.allclose(model(grey).coordinates, model(three).coordinates, atol=1e-6)


def test_image_normalisation_removes_gain_and_offset():
    model = make_model(normalisation="image").eval()
    image = torch.rand(1, 1, 32, 32)
    plain, changed = model.normalise(image), model.normalise(image * 0.5 + 0.2)
    assert torch.allclose(plain, changed, atol=0.02)
    assert plain.mean().item() == pytest.approx(0, abs=1e-5)


def test_fixed_normalisation_keeps_absolute_values():
    image = torch.full((1, 1, 32, 32), 0.75)
    assert make_model(normalisation="fixed").normalise(image).unique().item() == pytest.approx(1)


@pytest.mark.parametrize("size", SIZES)
def test_heads_hold_no_batch_statistics(size):
    """So a head can be applied to the features of another network."""
    head = make_model(size).head
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in head.modules())
    assert not list(head.buffers())


def test_saved_weights_are_loaded_bit_identical_with_their_spec(tmp_path):
    model = make_model(modality="thermal").train()
    model(torch.rand(4, 1, 32, 32))  # changes the BatchNorm statistics, which must be saved too
    model.save(tmp_path / "w.safetensors")
    back = Landmarker.load(tmp_path / "w.safetensors")
    assert back.spec == model.spec
    assert back.spec.radiometry == FACE_CELSIUS
    for name, value in model.state_dict().items():
        assert torch.equal(value, back.state_dict()[name]), name
    assert not back.training


def test_no_temporary_file_is_left(tmp_path):
    make_model().save(tmp_path / "w.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_errors_of_loading(tmp_path):
    with pytest.raises(InputError, match="no such weights"):
        Landmarker.load(tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    make_model().save(broken)
    broken.write_bytes(broken.read_bytes()[:5000])
    with pytest.raises(InputError, match="not a complete safetensors file"):
        Landmarker.load(broken)
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, other)
    with pytest.raises(InputError, match="without mlcmkd's description"):
        Landmarker.load(other)
    spec = ModelSpec(size="light", input_px=32).model_dump_json()
    save_file({"a": torch.zeros(1)}, other, metadata={"mlcmkd": spec})
    with pytest.raises(InputError, match="another version"):
        Landmarker.load(other)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ModelSpec(size="light").model_dump_json(), "its tensors do not fit the landmark model"),
        ('{"sise": "light"}', "another version of mlcmkd .sise: no such field"),
        ('{"scheme": "mine"}', "'mine' is unknown.*before loading .mlcmkd.register_scheme"),
        ('{"size": "mine"}', "'mine' is unknown.*before loading .mlcmkd.register_backbone"),
        ("[]", "another version of mlcmkd"),
        ("light", "another version of mlcmkd"),
        pytest.param("[" * 100_000, "another version of mlcmkd", id="deep"),
    ],
)
def test_a_description_that_cannot_be_used_is_one_line(tmp_path, spec, message):
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"mlcmkd": spec})
    with pytest.raises(InputError, match=f"^{path}: .*{message}") as caught:
        Landmarker.load(path)
    assert "\n" not in str(caught.value)


def test_a_pickle_is_never_loaded(tmp_path):
    path = tmp_path / "evil.safetensors"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="safetensors"):
        Landmarker.load(path)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("page.safetensors", b"\n<!DOCTYPE html>", "a web page; the download failed"),
        (
            "w.pth",
            b"PK\x03\x04" + bytes(60),
            "a ZIP archive .also .npz, and .pth of PyTorch.; give",
        ),
        ("old.pth", b"\x80\x02\x8a\nl\xfc", "a Python pickle"),
        ("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file .also Keras"),
        ("w.onnx", b"\x08\n:S\n\x15\n\x05input", "an ONNX model; give a .safetensors file"),
        ("w.npy", b"\x93NUMPY\x01\x00", "a NumPy array"),
        (
            "cut.safetensors",
            b'\x10\x27\0\0\0\0\0\0{"a"',
            "safetensors file .*header.*; give",
        ),
        ("empty.safetensors", b"", "safetensors file"),
    ],
)
def test_foreign_weights_are_named_by_their_kind(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=f"^{tmp_path / name}: not a complete .*{reason}"):
        Landmarker.load(tmp_path / name)
    with pytest.raises(InputError, match="no such weights; give a file in this folder"):
        Landmarker.load(tmp_path)


def test_pretrained_fails_clearly_without_a_network(monkeypatch):
    def no_network(*_, pretrained, **__):
        assert pretrained
        raise OSError("offline")

    monkeypatch.setattr("timm.create_model", no_network)
    with pytest.raises(InputError, match="pretrained=False"):
        Landmarker(ModelSpec(), pretrained=True)


@pytest.mark.parametrize("size", ["light", "base"])
@pytest.mark.parametrize("head", ["heatmap", "coordinate"])
def test_another_scheme_keeps_the_shared_points_bit_for_bit(tmp_path, size, head):
    model = make_model(size, "thermal", head=head)
    if head == "coordinate":  # at the start all of its coordinates are nearly zero
        nn.init.normal_(model.head.linear.weight)
        nn.init.normal_(model.head.linear.bias)
    model(torch.rand(4, 1, 32, 32))  # moves the BatchNorm statistics
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fewer = model.for_scheme("sf_tl54")
    fewer.save(tmp_path / "w.safetensors")
    back = Landmarker.load(tmp_path / "w.safetensors")
    assert back.spec == fewer.spec == model.spec.model_copy(update={"scheme": "sf_tl54"})

    images, shared = torch.rand(3, 1, 32, 32), list(map_indices("ibug68", "sf_tl54"))
    with torch.no_grad():
        wanted = model(images)
        for other in (fewer, back):
            prediction = other(images)
            assert torch.equal(prediction.coordinates, wanted.coordinates[:, shared])
            if head == "heatmap":
                assert torch.equal(prediction.logits, wanted.logits[:, shared])
    for parameter in fewer.parameters():
        assert parameter.requires_grad
        nn.init.zeros_(parameter)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_scheme_with_other_points_is_refused():
    model = make_model()
    assert torch.equal(model.for_scheme("ibug68").head.maps.weight, model.head.maps.weight)
    with pytest.raises(InputError, match="'sf_tl54' cannot be converted to 'ibug68'"):
        model.for_scheme("sf_tl54").for_scheme("ibug68")
    with pytest.raises(InputError, match="'x' is unknown"):
        model.for_scheme("x")


@pytest.mark.parametrize(
    "bad", [{"input_px": 50}, {"size": "huge"}, {"scheme": "ibug99"}, {"sise": "base"}]
)
def test_bad_specs_are_refused(bad):
    with pytest.raises((ValidationError, InputError)):
        ModelSpec(**bad)


def test_half_precision_is_half_the_size_and_computes_in_float32(tmp_path):
    model = make_model(modality="thermal").eval()
    model.save(tmp_path / "full.safetensors")
    model.save(tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half")]
    assert 0.5 * sizes[0] < sizes[1] < 0.56 * sizes[0]
    loaded = Landmarker.load(tmp_path / "half.safetensors")
    assert loaded.spec == model.spec
    for (name, value), stored in zip(
        model.state_dict().items(), loaded.state_dict().values(), strict=True
    ):
        assert stored.dtype == value.dtype, name
        expected = value.half().float() if value.is_floating_point() else value
        assert torch.equal(stored, expected), name
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        found = loaded(images).coordinates
        assert found.dtype == torch.float32
        assert torch.allclose(found, model(images).coordinates, atol=2e-3)


def test_half_precision_refuses_values_that_it_cannot_hold(tmp_path):
    model = make_model()
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = 1e5
    with pytest.raises(InputError, match="too large for float16"):
        model.save(tmp_path / "half.safetensors", half=True)
    assert not list(tmp_path.iterdir())
