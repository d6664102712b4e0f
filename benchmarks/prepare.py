"""Time and memory of preparing a manifest: `python benchmarks/prepare.py`.

Photos of 320 x 320 px (noise on a gradient, JPEG) with `.pts` files are made in a temporary folder and
prepared with 1 and with 2 processes, for two numbers of photos. Every run is a separate process, so
that its peak memory can be measured. `--simulate-thermal` also simulates a thermal image for each
photo, `--check` also times the verification of the manifest. On a busy machine, processor time is more
meaningful than wall time; it includes the start of the workers. Memory is the largest resident set
size of the main process and of the largest worker.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from data_prep.prepare import prepare
from data_prep.verification.check_manifest import verify

PX = 320
WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def make_source(folder: Path, count: int) -> None:
    """Write different photos, each of another subject, with 68 points each."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    # Blocks of 4 px compress similarly to photos, to about 25 kB.
    base = np.linspace(60, 180, PX)[:, None, None] + np.zeros((PX, PX, 3))
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([160 + 90 * np.cos(angle), 150 + 110 * np.sin(angle)], axis=1)
    for number in range(count):
        noise = rng.normal(0, 25, (PX // 4, PX // 4, 3)).repeat(4, axis=0).repeat(4, axis=1)
        path = folder / f"photo_{number}.jpg"
        cv2.imwrite(str(path), np.clip(base + noise, 0, 255).astype(np.uint8))
        points = np.concatenate([jaw, rng.uniform([110, 110], [210, 220], (51, 2))])
        text = "".join(f"{x:.3f} {y:.3f}\n" for x, y in points)
        path.with_suffix(".pts").write_text(f"version: 1\nn_points: 68\n{{\n{text}}}\n")


def measure(source: Path, out: Path, workers: int, simulate: bool, check: bool, results) -> None:
    """Prepare `source` in this process; put times and peak MiB, own and of workers, into `results`."""
    taken = []
    for what in ("prepared", "checked")[: 1 + check]:
        started, before = time.perf_counter(), _processor_seconds()
        if what == "prepared":
            prepare(
                "ibug_pts", source, out, simulate_thermal=simulate, workers=workers, progress=False
            )
        else:
            verify(out, workers=workers, progress=False)
        taken.append((what, time.perf_counter() - started, _processor_seconds() - before))
    results.put((taken, [resource.getrusage(one).ru_maxrss / 1024 for one in WHO]))


def _processor_seconds() -> float:
    """Return the processor time of this process and its ended workers."""
    used = [resource.getrusage(one) for one in WHO]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=int, nargs="*", default=[1000, 4000])
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--simulate-thermal", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as place:
        for count in arguments.counts:
            source = Path(place, f"source{count}")
            make_source(source, count)
            for workers in arguments.workers:
                results = context.Queue()
                out = Path(place, f"out{count}-{workers}")
                process = context.Process(
                    target=measure,
                    args=(
                        source,
                        out,
                        workers,
                        arguments.simulate_thermal,
                        arguments.check,
                        results,
                    ),
                )
                process.start()
                taken, (own, largest) = results.get()
                process.join()
                rates = ", ".join(
                    f"{what} {count / seconds:.0f} images/s ({seconds:.1f} s, "
                    f"{1000 * processor / count:.1f} ms of processor time per image)"
                    for what, seconds, processor in taken
                )
                print(
                    f"{count} photos of {PX} px, {workers} processes: {rates}; "
                    f"{own:.0f} MiB main process, {largest:.0f} MiB largest worker",
                    flush=True,
                )
