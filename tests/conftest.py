"""What several tests share: small models, small pairs, and one thread a worker."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from mlcmkd.data.crops import Crop
from mlcmkd.data.dataset import Pairs, stored_px
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.studies import runner
from tests.budget import Budget
from tests.studies.here import run_jobs_here

# Two workers share two cores; more threads would only wait for each other.
torch.set_num_threads(1)

# A busy machine is no reason to fail: laws are about results, not about time.
settings.register_profile("mlcmkd", deadline=None)
settings.load_profile("mlcmkd")


# jsonschema compiles a grammar of IRIs when it is imported, 2 CPU seconds. No schema here has an IRI.
sys.modules.setdefault("rfc3987_syntax", None)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Budget(config), "budget")


def pytest_collection_finish() -> None:
    """The garbage collector looks no more through what was imported: an ONNX export takes 20 % less."""
    gc.collect()
    gc.freeze()


SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def real_data() -> Path:
    """The folder of real faces, where there is one beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real faces is not beside the project")
    return SHARED_DATA


@pytest.fixture(scope="module")
def in_this_process() -> Iterator[None]:
    """Studies make their runs here; test_cluster.py and test_kills.py are about processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run_jobs", run_jobs_here)
        yield


def make_model(size: str = "light", modality: str = "rgb", seed: int = 0, **spec) -> Landmarker:
    torch.manual_seed(seed)
    spec = {"input_px": 32, **spec}
    radiometry = FACE_CELSIUS if modality == "thermal" else None
    return Landmarker(ModelSpec(size=size, modality=modality, radiometry=radiometry, **spec))


def room(background: float = 22, face: float = 34, height: int = 60, width: int = 80) -> np.ndarray:
    """(H, W) float32 degrees C: an oval face in a room, both with some structure."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    blend = 1 / (1 + np.exp(40 * (distance - 0.25)))
    waves = np.sin(x / 3) * np.cos(y / 4)
    return (background + (face - background) * blend + waves).astype(np.float32)


def make_pairs(count: int = 8, input_px: int = 32, seed: int = 0, scheme_points: int = 68) -> Pairs:
    """Random images and landmarks: enough for mechanics, where nothing has to be learnt."""
    rng = np.random.default_rng(seed)
    size = stored_px(input_px)
    return Pairs(
        rgb=torch.from_numpy(rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8)),
        thermal=torch.from_numpy(rng.integers(0, 65536, (count, 1, size, size), dtype=np.uint16)),
        landmarks=torch.from_numpy(
            rng.uniform(-0.4, 0.4, (count, scheme_points, 2)).astype(np.float32)
        ),
        labelled=torch.ones(count, dtype=torch.bool),
        crops=tuple(Crop((50.0 + n, 40.0), 60.0) for n in range(count)),
        ids=tuple(f"pair{n}" for n in range(count)),
        subjects=tuple(f"subject{n}" for n in range(count)),
        scheme="ibug68",
        radiometry=FACE_CELSIUS,
        input_px=input_px,
    )
