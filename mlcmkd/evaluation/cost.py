"""Cost of a network at inference: latency per face and floating-point operations."""

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

REPEATS = 50  # timed calls
WARM_UP = 10  # calls before them that are not timed


class Latency(NamedTuple):
    """Milliseconds per call: median, lower quartile and upper quartile."""

    median: float
    low: float
    high: float


def flops(model: Landmarker) -> int:
    """Floating-point operations per face; a multiplication and an addition are two operations.

    Only convolutions and matrix products are counted, as by torch's FlopCounterMode. Normalisation,
    activations and resizing would add a few percent. Parallel branches count as merged.
    """
    spec, merged = model.spec, model.merged()
    image = torch.zeros(1, channels(model), spec.input_px, spec.input_px)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        merged(image.to(next(merged.parameters()).device))
    return counter.get_total_flops()


def channels(model: Landmarker) -> int:
    """Input channels of a model: 3 for RGB, 1 for thermal."""
    return 3 if model.spec.modality == "rgb" else 1


def time_calls(call: Callable[[], object], repeats: int = REPEATS) -> Latency:
    """Measures the wall time of a call, after `WARM_UP` calls that are not timed.

    Args:
        call: the function to time.
        repeats: timed calls, at least 2.
    """
    times = []
    for _ in range(WARM_UP + repeats):
        started = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - started))
    low, median, high = statistics.quantiles(times[WARM_UP:], n=4)
    return Latency(median, low, high)


def file_latency_ms(path: Path | str, threads: int = 1, repeats: int = REPEATS) -> Latency:
    """Latency of an exported network of kind "crop": one face per call, ONNX Runtime on the CPU.

    Args:
        path: a file of `export_onnx` or `quantise`.
        threads: CPU threads per call.
        repeats: timed calls, at least 2.

    Raises:
        InputError: not such a file.
    """
    network = load_onnx(path, threads)
    px = network.card.input_px
    rng = np.random.default_rng(0)
    image = rng.random((1, network.card.channels, px, px), dtype=np.float32)
    return time_calls(lambda: network.run(image=image), repeats)


def latency_ms(model: Landmarker, threads: int = 1, repeats: int = REPEATS) -> Latency:
    """Latency of a Landmarker from its input to its landmarks, measured by `file_latency_ms`.

    The model is exported first, which takes some seconds. To time it repeatedly, export it once and
    call `file_latency_ms`.

    Args:
        model: the network.
        threads, repeats: as in `file_latency_ms`.
    """
    lacks_range = model.spec.modality == "thermal" and model.spec.radiometry is None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crop.onnx"
        # A model built from its spec may lack a range. The latency does not depend on the value.
        export_onnx(model, path, "crop", celsius_range=(18.0, 40.0) if lacks_range else None)
        return file_latency_ms(path, threads, repeats)
