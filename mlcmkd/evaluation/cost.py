"""What a network costs where it is used: milliseconds a face, operations and parameters."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.onnx.session import load_onnx
from mlcmkd.models import Landmarker

REPEATS = 50
WARM_UP = 10


class Latency(NamedTuple):
    """Milliseconds of a call: the median, and the quartiles between which half of them lie."""

    median: float
    low: float
    high: float


def flops(model: Landmarker) -> int:
    """Floating-point operations of one face: a multiplication and an addition are two.

    Convolutions and matrix products are counted, as everywhere; norms, activations and resizing,
    a few percent, are not.
    """
    spec = model.spec
    image = torch.zeros(1, channels(model), spec.input_px, spec.input_px)
    counter = FlopCounterMode(display=False)
    training = model.training
    with torch.no_grad(), counter:
        model.eval()(image.to(next(model.parameters()).device))
    model.train(training)
    return counter.get_total_flops()


def channels(model: Landmarker) -> int:
    """Channels of the image a model reads: 3 for RGB, 1 for thermal."""
    return 3 if model.spec.modality == "rgb" else 1


def time_calls(call: Callable[[], object], repeats: int = REPEATS) -> Latency:
    """Times a call, `repeats` times after a warm-up that is not counted; at least 2."""
    times = []
    for _ in range(WARM_UP + repeats):
        started = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - started))
    low, median, high = statistics.quantiles(times[WARM_UP:], n=4)
    return Latency(median, low, high)


def file_latency_ms(path: Path | str, threads: int = 1, repeats: int = REPEATS) -> Latency:
    """Latency of an exported "crop" network, one face a call, by ONNX Runtime on the CPU.

    Args:
        path: what `export_onnx` or `quantise` wrote.
        threads: cores that one call may use.
        repeats: counted calls.
    """
    network = load_onnx(path, threads)
    px = network.card.input_px
    rng = np.random.default_rng(0)
    image = rng.random((1, network.card.channels, px, px), dtype=np.float32)
    return time_calls(lambda: network.run(image=image), repeats)


def latency_ms(model: Landmarker, threads: int = 1, repeats: int = REPEATS) -> Latency:
    """Latency of a Landmarker, from its input to its landmarks, as `file_latency_ms` measures it.

    The model is exported for it, which takes some seconds; to time it more than once, export it.
    """
    untold = model.spec.modality == "thermal" and model.spec.radiometry is None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crop.onnx"
        # A network fresh from its spec may lack a range; its time does not depend on it.
        export_onnx(model, path, "crop", celsius_range=(18.0, 40.0) if untold else None)
        return file_latency_ms(path, threads, repeats)
