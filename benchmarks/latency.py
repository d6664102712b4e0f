"""Latency of every size of network: `python benchmarks/latency.py --csv latency.csv`.

One face per call, from the network input to its landmarks, by ONNX Runtime with one and two
threads: median and quartiles of the timed calls, beside parameters and floating-point operations (a
multiplication and an addition are two). Weights are random, because latency does not depend on
them. `--int8` also times the 8-bit files.

On a machine with other load the quartiles are far apart; use the lower quartile then, and ratios.
"""

import argparse
import csv
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import onnxruntime
import torch

from mlcmkd.data.pairs import load_pairs
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.onnx.quantise import quantise
from mlcmkd.evaluation.cost import REPEATS, file_latency_ms, flops
from mlcmkd.models import HEADS, SIZES, Landmarker, ModelSpec
from mlcmkd.training.provenance import processor_name


def rows(
    size: str, head: str, px: int, arguments: argparse.Namespace
) -> Iterator[dict[str, str | int | float]]:
    """Yields one row per file and number of threads."""
    model = Landmarker(ModelSpec(size=size, head=head, input_px=px)).eval()
    network = {"size": size, "head": head, "px": px, "parameters": model.parameter_count()}
    network["mflops"] = round(flops(model) / 1e6, 1)
    with TemporaryDirectory() as folder:
        files = {"float32": Path(folder) / "float32.onnx"}
        export_onnx(model, files["float32"], "crop")
        if arguments.int8:
            files["int8"] = Path(folder) / "int8.onnx"
            faces = load_pairs("synthetic", "val", px, count=8, progress=False)
            quantise(files["float32"], files["int8"], faces)
        for precision, path in files.items():
            for threads in arguments.threads:
                latency = file_latency_ms(path, threads, arguments.repeats)
                yield network | {
                    "precision": precision,
                    "threads": threads,
                    "kilobytes": round(path.stat().st_size / 1000),
                    "ms": round(latency.median, 3),
                    "ms_low_quartile": round(latency.low, 3),
                    "ms_high_quartile": round(latency.high, 3),
                }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--heads", nargs="+", default=list(HEADS), choices=HEADS)
    parser.add_argument("--px", nargs="+", type=int, default=[64, 96, 128])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=REPEATS, help="timed calls, at least 2")
    parser.add_argument("--int8", action="store_true", help="also time the 8-bit files")
    parser.add_argument("--csv", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    print(
        f"{processor_name()}, {os.cpu_count()} cores, ONNX Runtime {onnxruntime.__version__}, torch "
        f"{torch.__version__}; median of {arguments.repeats} calls\n"
    )
    table: list[dict] = []
    for px in arguments.px:
        for size in arguments.sizes:
            for head in arguments.heads:
                for row in rows(size, head, px, arguments):
                    if not table:
                        print("|", " | ".join(row), "|")
                        print("|", " | ".join("---" for _ in row), "|")
                    print("|", " | ".join(str(value) for value in row.values()), "|", flush=True)
                    table.append(row)
    if arguments.csv:
        with arguments.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)


if __name__ == "__main__":
    main()
