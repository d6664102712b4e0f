"""What several tests share: small models, small pairs, and one thread a worker.

The process that distributes the tests reads this file, too, before it starts the workers. So the library
is imported where it is used.
"""

import functools
import gc
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

from tests.budget import Budget
from tests.forked import start_fork_server

if TYPE_CHECKING:
    from torch import Tensor

    from mlcmkd.data.dataset import Pairs
    from mlcmkd.models import Landmarker

# A busy machine is no reason to fail: laws are about results, not about time.
settings.register_profile("mlcmkd", deadline=None)
settings.load_profile("mlcmkd")


# jsonschema compiles a grammar of IRIs when it is imported, 2 CPU seconds. No schema here has an IRI.
sys.modules.setdefault("rfc3987_syntax", None)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Budget(config), "budget")
    if _runs_tests(config):
        import mlcmkd.utils.progress  # noqa: F401  (before IPython, see tests/forked.py)
        import tests.one_thread  # noqa: F401


def pytest_collection_finish() -> None:
    """The garbage collector looks no more through what was imported: an ONNX export takes 20 % less."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Before the first test; during the collection pytest records warnings."""
    if _runs_tests(session.config):
        start_fork_server()


def _runs_tests(config: pytest.Config) -> bool:
    """Whether this process runs tests, and does not only distribute them."""
    return hasattr(config, "workerinput") or config.getoption("dist", "no") == "no"


@pytest.fixture(scope="session", autouse=True)
def _git_asked_once() -> Iterator[None]:
    """Every run states the commit of this checkout, for which git is started four times, 20 ms."""
    from mlcmkd.training import provenance

    ask, here = provenance._git, provenance._PACKAGE
    known: dict[tuple[str, ...], str] = {}

    def answer(folder: Path, *arguments: str) -> str | None:
        if folder == here and arguments in known:
            return known[arguments]
        found = ask(folder, *arguments)
        if folder == here and found is not None:  # on a busy machine it may take too long
            known[arguments] = found
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "_git", answer)
        yield


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
    from mlcmkd.studies import runner
    from tests.studies.here import run_jobs_here

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run_jobs", run_jobs_here)
        yield


def make_model(size: str = "light", modality: str = "rgb", seed: int = 0, **spec) -> "Landmarker":
    """A network with random weights. It is a copy, because building some sizes takes 0.1 s."""
    import torch

    from mlcmkd.models import SIZES

    build = _built if size in SIZES._built_in else _built.__wrapped__  # a name may be given again
    model, random_state = build(size, modality, seed, **spec)
    torch.set_rng_state(random_state)
    return deepcopy(model)


@functools.lru_cache(maxsize=32)
def _built(size: str, modality: str, seed: int, **spec) -> tuple["Landmarker", "Tensor"]:
    """A network, and torch's random state after it was built."""
    import torch

    from mlcmkd.data.thermal.radiometry import FACE_CELSIUS
    from mlcmkd.models import Landmarker, ModelSpec

    torch.manual_seed(seed)
    spec = {"input_px": 32, **spec}
    radiometry = FACE_CELSIUS if modality == "thermal" else None
    model = Landmarker(ModelSpec(size=size, modality=modality, radiometry=radiometry, **spec))
    return model, torch.get_rng_state()


def room(background: float = 22, face: float = 34, height: int = 60, width: int = 80) -> np.ndarray:
    """(H, W) float32 degrees C: an oval face in a room, both with some structure."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    blend = 1 / (1 + np.exp(40 * (distance - 0.25)))
    waves = np.sin(x / 3) * np.cos(y / 4)
    return (background + (face - background) * blend + waves).astype(np.float32)


def make_pairs(
    count: int = 8, input_px: int = 32, seed: int = 0, scheme_points: int = 68
) -> "Pairs":
    """Random images and landmarks: enough for mechanics, where nothing has to be learnt."""
    import torch

    from mlcmkd.data.crops import Crop
    from mlcmkd.data.dataset import Pairs, stored_px
    from mlcmkd.data.thermal.radiometry import FACE_CELSIUS

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
