"""Exported networks: the same landmarks as torch and as the Predictor, and the metadata of a file."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from mlcmkd.data.crops import Crop
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, GREY8, Radiometry
from mlcmkd.deployment.onnx.card import Card
from mlcmkd.deployment.onnx.export import export_onnx, input_radiometry
from mlcmkd.deployment.onnx.files import check_export, write_onnx
from mlcmkd.deployment.onnx.graph import ImageToLandmarks, cut_faces, to_unit
from mlcmkd.deployment.onnx.pairs import input_feeds, parity_px, predict_onnx
from mlcmkd.deployment.onnx.quantise import evenly_spaced, quantise
from mlcmkd.deployment.onnx.session import OnnxLandmarker, load_onnx
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.models import SIZES, Landmarker, ModelSpec, Prediction, confidence
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

PX = 64
LICENCE = "CC-BY-NC-4.0, trained on photos for research only"
# Residual networks have half as many layers as the others, and layers are what an export takes time for.
CASES = {
    "thermal-image": ("slim", "thermal", "heatmap", "image"),
    "rgb-image": ("base", "rgb", "coordinate", "image"),
    "thermal-crop": ("half", "thermal", "coordinate", "crop"),
}


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return load_pairs("synthetic", "val", PX, count=20, progress=False)


def as_trained(model: Landmarker, pairs: Pairs) -> Landmarker:
    """Makes statistics and output like those of a trained network, which depend on the input."""
    torch.manual_seed(1)
    layer = model.head.maps if model.spec.head == "heatmap" else model.head.linear
    nn.init.normal_(layer.weight, std=1.0 if model.spec.head == "heatmap" else 0.02)
    images = pairs.rgb.float() / 255 if model.spec.modality == "rgb" else pairs.thermal / 65535
    with torch.no_grad():
        for _ in range(5):
            model.train()(images)
    return model.eval()


class Exported:
    """A network, the file of its weights, and its ONNX file."""

    def __init__(self, folder: Path, pairs: Pairs, size: str, modality: str, head: str, kind: str):
        self.model = as_trained(make_model(size, modality, head=head, input_px=PX), pairs)
        self.weights, self.path = folder / "w.safetensors", folder / "made/w.onnx"
        self.model.save(self.weights)
        self.card = export_onnx(self.model, self.path, kind, licence=LICENCE)
        self.network: OnnxLandmarker = load_onnx(self.path)


@pytest.fixture(scope="module")
def exports(tmp_path_factory, pairs):
    """Each case is exported once, when a test first asks for it."""
    made: dict[str, Exported] = {}

    def get(name: str) -> Exported:
        if name not in made:
            made[name] = Exported(tmp_path_factory.mktemp(name), pairs, *CASES[name])
        return made[name]

    return get


def scene(modality: str, height: int = 110, width: int = 150, seed: int = 0) -> np.ndarray:
    """Something smooth, as cameras see it, beyond the thermal range at both ends."""
    rng = np.random.default_rng(seed)
    shape = (height, width) if modality == "thermal" else (height, width, 3)
    values = cv2.GaussianBlur(rng.uniform(-300, 360, shape), (0, 0), 6).astype(np.float32)
    return values if modality == "thermal" else np.clip(values * 3 + 50, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("case", CASES)
def test_landmarks_equal_torch_over_a_split(exports, pairs, case):
    made = exports(case)
    assert parity_px(made.model, made.network, pairs) < 1e-3
    landmarks = predict_onnx(made.network, pairs)
    assert landmarks.shape == (20, 68, 2)
    assert landmarks.std(axis=0).min() * PX > 0.05  # they depend on the face


def test_parity_notices_another_network(exports, pairs):
    made = exports("thermal-crop")
    other = make_model("half", "thermal", head="coordinate", input_px=PX, seed=3)
    assert parity_px(as_trained(other, pairs), made.network, pairs) > 0.1


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "box",
    [
        (60, 30, 100, 72),  # smaller than the input
        (5, 5, 140, 100),  # sampled three times a pixel
        (-20, 50, 50, 120),  # beyond the image
        (60.25, 30.5, 100.75, 50.125),  # not square, not on the grid
    ],
)
def test_the_predictor_gives_the_same(exports, case, box):
    made = exports(case)
    image = scene(made.card.modality)
    there = Predictor(made.weights)(image, box).landmarks
    here = made.network(image, box)
    # OpenCV before 5 samples on a grid of 1/32 px; from 5 on the difference is below 1e-3.
    assert np.abs(here.landmarks - there).max() < 0.1
    assert here.landmarks.shape == (68, 2)
    # The same crop, cut by OpenCV for both; the "image" kind of RGB reads it rounded to 8 bits, which
    # moves random weights by up to 1 % of the box.
    most = 0.01 * max(box[2] - box[0], box[3] - box[1]) if case == "rgb-image" else 2e-3
    assert np.abs(Predictor(made.path)(image, box).landmarks - there).max() < most


@pytest.mark.parametrize("case", ["thermal-image", "rgb-image"])
def test_rows_of_a_batch_are_independent(exports, case):
    """One, three, and faces of sizes that are sampled once and four times a pixel."""
    made = exports(case)
    images = [scene(made.card.modality, 200, 260, seed) for seed in range(3)]
    boxes = [(10, 10, 40, 55), (20, 5, 250, 190), (-20, 50, 60, 120)]
    alone = [made.network(image, box) for image, box in zip(images, boxes, strict=True)]
    stacked = np.stack(images)
    stacked = stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)
    together = made.network.run(image=stacked, box=np.array(boxes, dtype=np.float32))
    assert together.landmarks.shape == (3, 68, 2)
    for n, single in enumerate(alone):
        assert np.abs(together.landmarks[n] - single.landmarks).max() < 1e-3
        assert np.allclose(together.confidence[n], single.confidence, atol=1e-4, equal_nan=True)


def test_a_face_is_found_wherever_it_is_in_an_image_of_any_size(exports):
    network = exports("thermal-image").network
    small = scene("thermal", 60, 80)
    large = np.full((160, 201), 20, dtype=np.float32)
    large[70:130, 100:180] = small
    here = network(small, (20, 15, 55, 45)).landmarks
    there = network(large, (120, 85, 155, 115)).landmarks
    assert there == pytest.approx(here + (100, 70), abs=1e-3)


def test_a_crop_file_takes_batches(exports, pairs):
    network = exports("thermal-crop").network
    (fed,) = input_feeds(network.card, pairs, batch=20)
    every = network.run(**fed)
    three = network.run(image=fed["image"][:3])
    assert three.landmarks == pytest.approx(every.landmarks[:3], abs=1e-3)
    assert every.confidence.shape == (20, 68)


@pytest.mark.parametrize("side", [31.4, 64.0, 70.3, 333.0])
def test_crops_equal_those_of_crop_cut(side):
    image = np.clip(scene("thermal", 120, 170) / 40, 0, 1)
    crop = Crop((70.3, 55.8), side)
    centre, length = torch.tensor([crop.centre]), torch.tensor([side])
    cut = cut_faces(torch.from_numpy(image)[None, None], centre, length, PX)
    assert cut.shape == (1, 1, PX, PX)
    assert np.abs(cut[0, 0].numpy() - crop.cut(image, PX)).max() < 5e-3


def test_the_graph_holds_the_radiometry():
    values = torch.tensor([[[[10.0, 18.0], [29.0, 55.0]]]])
    for radiometry in (FACE_CELSIUS, GREY8, Radiometry(kind="frame-minmax")):
        wanted = radiometry.to_unit(values.numpy().astype(np.float32))
        assert to_unit(values, radiometry).numpy() == pytest.approx(wanted, abs=1e-6)
    flat = torch.full((1, 1, 2, 2), 7.0)
    assert to_unit(flat, Radiometry(kind="frame-minmax")).eq(0).all()


def thermal_spec(radiometry: Radiometry | None) -> ModelSpec:
    return ModelSpec(modality="thermal", radiometry=radiometry)


def test_graphs_take_degrees_whatever_format_a_camera_stores():
    degrees = Radiometry(kind="celsius", low=18, high=40)
    counts = Radiometry(kind="counts", low=18, high=40, gain=0.04, offset=-273.15)
    levels = Radiometry(kind="grey8", low=10, high=200)
    scaled = Radiometry(kind="grey8", low=20, high=38, scale_celsius=(15, 45))
    for stored in (degrees, degrees.model_copy(update={"kind": "centikelvin"}), counts):
        assert input_radiometry(thermal_spec(stored)) == degrees
    assert input_radiometry(thermal_spec(levels)) == levels
    assert input_radiometry(thermal_spec(scaled)) == Radiometry(kind="celsius", low=20, high=38)
    assert input_radiometry(thermal_spec(None), (18, 40)) == degrees
    assert input_radiometry(thermal_spec(levels), (18, 40)) == degrees
    assert input_radiometry(ModelSpec()) is None


@pytest.mark.parametrize(
    ("spec", "given", "message"),
    [
        (thermal_spec(None), None, "give a range"),
        (thermal_spec(FACE_CELSIUS), (40, 18), "must rise"),
        (ModelSpec(), (18, 40), "do not use degrees C"),
        (thermal_spec(Radiometry(kind="frame-minmax")), (18, 40), "do not use degrees C"),
    ],
)
def test_ranges_that_do_not_fit(spec, given, message):
    with pytest.raises(InputError, match=message):
        input_radiometry(spec, given)


def test_confidence_is_the_mass_near_the_point():
    logits = torch.zeros(1, 3, 16, 16)
    logits[0, 0, 4, 5] = 50  # all in one cell
    logits[0, 1, 4, 2] = logits[0, 1, 4, 12] = 50  # two distant cells, the point between them
    places = torch.tensor([[[5.5, 4.5], [7.5, 4.5], [8, 8]]]) / 16 - 0.5
    sure, torn, flat = confidence(Prediction(places, logits))[0].tolist()
    assert sure == pytest.approx(1)
    assert torn == pytest.approx(0, abs=1e-6)
    assert flat == pytest.approx(np.pi * 0.075**2, rel=0.3)  # the disc's share of the square
    assert confidence(Prediction(places, None)).isnan().all()


def test_confidence_is_exported(exports, pairs):
    made = exports("thermal-image")
    (fed,) = input_feeds(made.card, pairs, batch=20)
    with torch.no_grad():
        _, wanted, _ = ImageToLandmarks(made.model, made.card.radiometry)(
            *(torch.from_numpy(value) for value in fed.values())
        )
    found = made.network.run(**fed).confidence
    assert found == pytest.approx(wanted.numpy(), abs=1e-3)
    assert found.min() >= 0 and found.max() <= 1 and found.std() > 0.01
    assert np.isnan(exports("rgb-image").network(scene("rgb"), (5, 5, 90, 90)).confidence).all()


@pytest.mark.parametrize("size", sorted(set(SIZES) - {size for size, *_ in CASES.values()}))
def test_every_size_can_be_exported(tmp_path, size):
    """The others are exported above."""
    model = make_model(size, input_px=32).eval()
    export_onnx(model, tmp_path / "w.onnx", "crop")
    network = load_onnx(tmp_path / "w.onnx", threads=2)
    for count in (1, 3):
        images = torch.rand(count, 3, 32, 32)
        with torch.no_grad():
            wanted = (model(images).coordinates.numpy() + 0.5) * 32 - 0.5
        found = network.run(image=images.numpy()).landmarks
        assert found == pytest.approx(wanted, abs=1e-3)


# Metadata


@pytest.mark.parametrize("case", CASES)
def test_a_file_carries_scheme_radiometry_and_licence(exports, case):
    made = exports(case)
    assert check_export(made.path) == made.card
    metadata = {entry.key: entry.value for entry in onnx.load(made.path).metadata_props}
    thermal = made.card.modality == "thermal"
    assert metadata["scheme"] == "ibug68" and metadata["points"] == "68"
    assert metadata["radiometry"] == (FACE_CELSIUS.model_dump_json() if thermal else "none")
    assert metadata["weights_licence"] == LICENCE and metadata["code_licence"] == "Apache-2.0"
    assert metadata["modality"] == made.card.modality and metadata["input_px"] == str(PX)
    assert metadata["confidence"] == ("mass" if made.card.head == "heatmap" else "none")
    assert metadata["precision"] == "float32" and metadata["kind"] == made.card.kind


def test_inputs_and_outputs_are_described_without_local_paths(exports):
    made = exports("thermal-image")
    graph = onnx.load(made.path).graph
    descriptions = {value.name: value.doc_string for value in (*graph.input, *graph.output)}
    assert descriptions["image"] == "degrees C"
    assert "0-based pixels" in descriptions["landmarks"]
    assert str(Path(__file__).parents[2]).encode() not in made.path.read_bytes()
    assert [path.name for path in made.path.parent.iterdir()] == ["w.onnx"]


def test_a_missing_licence_is_unstated(tmp_path):
    assert Card.model_fields["weights_licence"].default == "unstated"
    with pytest.raises(InputError, match="the licence is empty"):
        export_onnx(make_model(), tmp_path / "w.onnx", licence=" ")
    assert not list(tmp_path.iterdir())


def test_incomplete_files_are_refused(tmp_path, exports):
    whole = exports("thermal-crop").path
    path = tmp_path / "w.onnx"
    with pytest.raises(InputError, match="no such file"):
        check_export(path)
    for bytes_ in (b"", b"no graph", whole.read_bytes()[:9000]):
        path.write_bytes(bytes_)
        with pytest.raises(InputError, match="not a complete ONNX model"):
            check_export(path)
    for key in ("scheme", "radiometry", "weights_licence"):
        model = onnx.load(whole)
        entries = {e.key: e.value for e in model.metadata_props if e.key != key}
        onnx.helper.set_model_props(model, entries)
        onnx.save(model, path)
        with pytest.raises(InputError, match=f"its metadata lacks {key}"):
            check_export(path)
        with pytest.raises(InputError, match=f"its metadata lacks {key}"):
            load_onnx(path)


def test_files_of_other_programs_are_named_by_their_kind(tmp_path, exports):
    model = onnx.load(exports("thermal-crop").path)
    onnx.helper.set_model_props(model, {"author": "somebody"})
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(InputError, match="an ONNX model, but of another program: its metadata"):
        check_export(tmp_path / "other.onnx")
    (tmp_path / "lfs.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="a Git LFS pointer.*git lfs pull"):
        check_export(tmp_path / "lfs.onnx")


@pytest.mark.parametrize(
    "wrong",
    [
        {"radiometry": "none"},
        {"radiometry": '{"kind":"celsius","low":40,"high":18}'},
        {"radiometry": '{"kind":"centikelvin","low":18,"high":40}'},
        {"input_px": "many"},
        {"weights_licence": ""},
    ],
)
def test_wrong_metadata_is_refused(tmp_path, exports, wrong):
    model = onnx.load(exports("thermal-crop").path)
    entries = {entry.key: entry.value for entry in model.metadata_props} | wrong
    onnx.helper.set_model_props(model, entries)
    onnx.save(model, tmp_path / "w.onnx")
    with pytest.raises(InputError, match="its metadata is invalid"):
        check_export(tmp_path / "w.onnx")


def test_a_card_must_fit_its_graph(tmp_path, exports):
    made = exports("thermal-crop")
    card = made.card.model_copy(update={"kind": "image"})
    write_onnx(onnx.load(made.path), card, tmp_path / "w.onnx")
    with pytest.raises(InputError, match=r"has the inputs \('image', 'box'\)"):
        check_export(tmp_path / "w.onnx")


def test_weights_in_another_file_are_refused(tmp_path, exports):
    model = onnx.load(exports("thermal-crop").path)
    onnx.save(model, tmp_path / "w.onnx", save_as_external_data=True, location="w.bin")
    with pytest.raises(InputError, match="are in another file"):
        check_export(tmp_path / "w.onnx")


# Inference


def test_inference_does_not_import_torch():
    code = "import mlcmkd.deployment.onnx.session, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "box", [(10, 10, 10, 40), (40, 10, 10, 40), (10, np.nan, 40, 40), (10, 10, np.inf, 40)]
)
def test_an_empty_box_is_refused(exports, box):
    with pytest.raises(InputError, match="x0 < x1"):
        exports("thermal-image").network(scene("thermal"), box)


def test_images_of_another_kind_are_refused(exports):
    thermal, rgb = exports("thermal-image").network, exports("rgb-image").network
    box = (10, 10, 60, 60)
    with pytest.raises(InputError, match="uint16 values .* degrees C as floats"):
        thermal(np.full((80, 80), 30_000, dtype=np.uint16), box)
    with pytest.raises(InputError, match="one channel"):
        thermal(scene("rgb"), box)
    with pytest.raises(InputError, match="8-bit RGB"):
        rgb(scene("thermal"), box)
    with pytest.raises(InputError, match="NaN or infinite"):
        thermal(np.where(np.eye(80) > 0, np.nan, 30.0).astype(np.float32), box)
    with pytest.raises(InputError, match="image: 100.0 % of its pixels are above .* likely kelvin"):
        thermal(scene("thermal") + np.float32(273.15), box)


def test_pairs_that_do_not_fit_are_refused(exports, pairs):
    card = exports("thermal-crop").card
    with pytest.raises(InputError, match="the network takes 32 px input"):
        next(input_feeds(card.model_copy(update={"input_px": 32}), pairs))
    with pytest.raises(InputError, match="needs thermal images"):
        next(input_feeds(card, Pairs(**(vars(pairs) | {"thermal": None}))))


# Quantisation


@pytest.mark.parametrize("case", ["thermal-crop", "thermal-image"])
def test_int8_is_small_and_stays_close(tmp_path, exports, pairs, case):
    made = exports(case)
    path = tmp_path / "int8.onnx"
    card = quantise(made.path, path, pairs, faces=12)
    assert check_export(path) == card
    assert (card.precision, card.calibration) == ("int8", "12 faces, 99.99 % of every activation")
    assert card.weights_licence == LICENCE and card.radiometry == made.card.radiometry
    assert path.stat().st_size < 0.5 * made.path.stat().st_size
    moved = predict_onnx(load_onnx(path), pairs) - predict_onnx(made.network, pairs)
    assert 0 < np.linalg.norm(moved, axis=-1).mean() * PX < 2.5
    with pytest.raises(InputError, match="already quantised"):
        quantise(path, tmp_path / "twice.onnx", pairs)


@pytest.mark.parametrize("case", ["thermal-crop", "thermal-image"])
def test_only_multiplying_layers_are_quantised(tmp_path, exports, pairs, case):
    """A quantised value is input of a convolution or linear layer, or output of a convolution."""
    quantise(exports(case).path, tmp_path / "int8.onnx", pairs, faces=1)
    graph = onnx.load(tmp_path / "int8.onnx").graph
    maker = {name: node for node in graph.node for name in node.output}
    rounded = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert len(rounded) >= sum(node.op_type == "Conv" for node in graph.node) > 10
    for node in rounded:
        (back,) = [n for n in graph.node if node.output[0] in n.input]
        readers = {n.op_type for n in graph.node if back.output[0] in n.input}
        source = maker[node.input[0]].op_type if node.input[0] in maker else "input"
        assert readers & {"Conv", "Gemm"} or source in ("Conv", "Relu"), (source, readers)
    output_ops = {maker[value.name].op_type for value in graph.output}
    assert "DequantizeLinear" not in output_ops


def test_calibration_faces_are_spread_over_the_pairs(pairs):
    assert evenly_spaced(pairs, 3).ids == tuple(pairs.ids[n] for n in (0, 10, 19))
    assert evenly_spaced(pairs, 99).ids == pairs.ids
    with pytest.raises(InputError):
        quantise("nowhere.onnx", "out.onnx", pairs)
