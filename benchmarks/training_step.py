"""Forward and backward pass of every size, in float32 and bf16: `python benchmarks/training_step.py`.

96 px, 32 images per step, random values; the median of seven steps after a warm-up.
"""

import statistics
import time

import torch

from mlcmkd.models import SIZES, Landmarker, ModelSpec


def milliseconds(size: str, *, bf16: bool, batch: int = 32, repeats: int = 7) -> float:
    """Median time of a step, per image."""
    model = Landmarker(ModelSpec(size=size)).to(memory_format=torch.channels_last)
    images = torch.rand(batch, 3, 96, 96)
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model(images).coordinates.square().mean()
        loss.backward()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[1:]) / batch


if __name__ == "__main__":
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, ms per image")
    for size in SIZES:
        plain, half = (milliseconds(size, bf16=bf16) for bf16 in (False, True))
        print(f"{size:6} float32 {plain:5.2f}   bf16 {half:5.2f}")
