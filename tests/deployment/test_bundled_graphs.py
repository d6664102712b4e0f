"""The ONNX graphs of the bundled networks: as their weights, up to date, small, and without torch."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from mlcmkd.data.thermal.radiometry import to_centikelvin
from mlcmkd.deployment import weights as bundled
from mlcmkd.deployment.face_detector import TorchDetector, open_detector, to_input
from mlcmkd.deployment.networks import TorchNetwork, open_bundled
from mlcmkd.deployment.onnx.runtime import cpu_session
from mlcmkd.deployment.onnx.shared_weights import WEIGHTS_HASH, share_weights, write_graph
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.models import Landmarker
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

MODALITIES = tuple(bundled.FILES)
GRAPHS = [
    (graph(modality), weights(modality))
    for modality in MODALITIES
    for graph, weights in (
        (bundled.bundled_graph, bundled.bundled_weights),
        (bundled.bundled_detector_graph, bundled.bundled_detector),
    )
]


@pytest.fixture(scope="module")
def faces():
    return make_faces(12, seed=78, first_identity=2_100_000)


def unit_crops(faces, modality: str) -> np.ndarray:
    """Faces, and their parts of other sizes and contrasts, as inputs of the network."""
    images = faces.rgb / np.float32(255) if modality == "rgb" else (faces.thermal - 18) / 22
    images = [image if image.ndim == 3 else image[..., None] for image in np.clip(images, 0, 1)]
    images += [image[n : 30 + 4 * n, 5:] ** 2 for n, image in enumerate(images)]
    crops = [cv2.resize(image, (64, 64)).reshape(64, 64, -1) for image in images]
    return np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_graph_gives_the_landmarks_confidences_and_deviations_of_its_weights(faces, modality):
    crops = np.ascontiguousarray(unit_crops(faces, modality))
    by_torch = TorchNetwork(bundled.bundled_weights(modality))
    by_graph = open_bundled(modality)
    for name in ("scheme", "modality", "radiometry", "normalisation", "input_px"):
        assert getattr(by_graph, name) == getattr(by_torch, name)
    wanted, found = by_torch(crops), by_graph(crops)
    px = by_torch.input_px
    assert np.abs(found.coordinates - wanted.coordinates).max() * px < 1e-3
    assert np.abs(found.confidence - wanted.confidence).max() < 1e-4
    assert np.abs(found.deviation / wanted.deviation - 1).max() < 1e-3


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_graph_computes_the_probabilities_of_the_heatmaps_once(modality, tmp_path):
    """They take part in the landmarks, their confidences and their deviations."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3  # the optimised file is for this processor, which is a warning
    onnxruntime.InferenceSession(
        str(bundled.bundled_graph(modality)), options, providers=["CPUExecutionProvider"]
    )
    nodes = onnx.load(tmp_path / "optimised.onnx", load_external_data=False).graph.node
    assert [node.op_type for node in nodes].count("Softmax") == 1


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_graph_of_a_detector_gives_the_maps_of_its_weights(modality):
    by_torch = TorchDetector(bundled.bundled_detector(modality))
    by_graph = open_detector(bundled.bundled_detector_graph(modality))
    assert (by_graph.modality, by_graph.input_px) == (by_torch.modality, by_torch.input_px)
    rgb = modality == "rgb"
    for size in ((120, 160), (90, 240)):
        frames = make_frames(2, size=size, first=2_100_000, workers=1, rgb=rgb)
        units = frames.rgb / np.float32(255) if rgb else np.clip((frames.thermal - 18) / 22, 0, 1)
        for unit in units:
            frame, _ = to_input(unit, by_torch.input_px)
            for wanted, found in zip(by_torch(frame), by_graph(frame), strict=True):
                assert np.abs(found - wanted).max() < 1e-3


@pytest.mark.parametrize(("graph", "weights"), GRAPHS, ids=lambda path: path.name)
def test_a_graph_was_written_for_the_weights_beside_it(graph, weights):
    entries = cpu_session(graph, 1).get_modelmeta().custom_metadata_map
    now = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert entries[WEIGHTS_HASH] == now, "run python scripts/pack_graphs.py"


@pytest.mark.parametrize(("graph", "weights"), GRAPHS, ids=lambda path: path.name)
def test_a_graph_is_small_because_its_tensors_are_those_of_the_weights(graph, weights):
    assert graph.parent == weights.parent and graph.stat().st_size < 150_000
    assert b"/site-packages/" not in graph.read_bytes()  # notes of the exporter


def test_half_precision_is_read_from_the_weights_without_a_loss(tmp_path):
    model = make_model("slim", "thermal", input_px=64)
    weights = tmp_path / "half.safetensors"
    model.save(weights, half=True)
    graph = write_graph(Landmarker.load(weights), weights)
    assert graph == tmp_path / "half.onnx"
    types = {entry.data_type for entry in onnx.load(graph, load_external_data=False).graph.initializer
             if entry.data_location == onnx.TensorProto.EXTERNAL}  # fmt: skip
    assert types == {onnx.TensorProto.FLOAT16}
    wanted = TorchNetwork(weights)
    crops = np.random.default_rng(0).random((2, 1, 64, 64), np.float32)
    landmarks, *_ = cpu_session(graph, 1).run(None, {"image": crops})
    assert landmarks == pytest.approx((wanted(crops).coordinates + 0.5) * 64 - 0.5, abs=2e-3)


def test_other_values_than_those_of_the_weights_stay_in_the_graph(tmp_path):
    weights = tmp_path / "w.safetensors"
    make_model(modality="thermal").save(weights)
    values = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    tensor = onnx.numpy_helper.from_array(values, "other")
    node = onnx.helper.make_node("MatMul", ["x", "other"], ["y"])
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 64)) for name in "xy"
    ]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [tensor])
    )
    share_weights(model, weights)
    assert np.array_equal(onnx.numpy_helper.to_array(model.graph.initializer[0]), values)


def test_graphs_whose_files_are_links_find_their_weights(tmp_path):
    """Some installers link the files of a package to those of a cache."""
    cache, package = tmp_path / "cache", tmp_path / "package"
    cache.mkdir()
    package.mkdir()
    for path in GRAPHS[0]:
        shutil.copy(path, cache)
        (package / path.name).symlink_to(cache / path.name)
    assert cpu_session(package / GRAPHS[0][0].name, 1).get_inputs()[0].name == "image"


@pytest.mark.parametrize("missing", ["weights", "detector", "graph", "detector_graph"])
def test_an_installation_that_lacks_a_file(tmp_path, monkeypatch, missing):
    files = bundled.FILES["thermal"]
    for name in (files.weights, files.detector, files.graph, files.detector_graph):
        if name != getattr(files, missing):
            shutil.copy(bundled.FOLDER / name, tmp_path)
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    with pytest.raises(InputError, match=f"{getattr(files, missing)}: .* is missing; install mlcm"):
        Predictor()


PREDICT = """
import sys
from mlcmkd.cli import app
app({arguments}, standalone_mode=False)
heavy = {heavy} & {{name.partition(".")[0] for name in sys.modules}}
assert not heavy, heavy
"""
HEAVY = {"torch", "torchvision", "timm", "scipy", "onnx", "sympy", "matplotlib", "IPython", "numba"}


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_prediction_by_the_bundled_networks_imports_nothing_heavy(tmp_path, faces, modality):
    file = tmp_path / "face.png"
    image = faces.rgb[0][..., ::-1] if modality == "rgb" else to_centikelvin(faces.thermal[0])
    cv2.imwrite(str(file), image)
    arguments = ["predict", str(file), "--modality", modality, "--out", str(tmp_path / "out")]
    code = PREDICT.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 images; 1 faces" in done.stdout
    assert (Path(tmp_path) / "out/face_landmarks.png").is_file()
