"""Where the milliseconds of exported networks go: `python benchmarks/light_operators.py FILE ...`.

For each file of kind "crop": the sum over the operators that ONNX Runtime's profile lists, the share of
the convolutions, and the number of operators, with one thread. Where OpenVINO is installed
(`pip install openvino`), also the CPU time of a call there. Profiling itself adds to each operator.
"""

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime

CALLS = 300


def operators(path: Path, image: np.ndarray) -> dict[str, list[tuple[str, float]]]:
    """Lower quartile of the microseconds of each operator, by "Conv" and "other"."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        for _ in range(CALLS):
            session.run(None, {"image": image})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    times = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times[event["name"], event["args"]["op_name"]].append(event["dur"])
    found: dict[str, list[tuple[str, float]]] = {"Conv": [], "other": []}
    for (_, kind), values in times.items():
        group = "Conv" if kind in ("Conv", "QLinearConv") else "other"
        found[group].append((kind, statistics.quantiles(values, n=4)[0]))
    return found


def openvino_ms(path: Path, image: np.ndarray) -> float:
    """CPU time of a call by OpenVINO in milliseconds, the median of 30 rounds."""
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(image.shape)
    options = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(model, "CPU", options).create_infer_request()
    rounds = []
    for _ in range(30):
        started = time.process_time()
        for _ in range(20):
            request.infer([image])
        rounds.append(1000 * (time.process_time() - started) / 20)
    return statistics.median(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    for path in parser.parse_args().files:
        described = onnxruntime.InferenceSession(str(path)).get_inputs()[0].shape
        image = np.random.default_rng(0).random((1, *described[1:]), dtype=np.float32)
        found = operators(path, image)
        for group, times in found.items():
            total = sum(each for _, each in times)
            print(f"{path}: {group}: {len(times)} operators, {total:.0f} us")
        if importlib.util.find_spec("openvino"):
            print(f"{path}: OpenVINO: {openvino_ms(path, image):.3f} ms")


if __name__ == "__main__":
    main()
