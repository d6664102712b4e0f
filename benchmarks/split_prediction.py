"""Speed of the prediction of a split: `OMP_NUM_THREADS=1 python benchmarks/split_prediction.py`.

`predict_pairs` on thermal pairs in memory, in batches of 64, against the network alone on a batch of
inputs that is ready. Both make one batch alternately, and the medians are compared in CPU time, which
programs on other cores change less. "Once" makes the inputs batch by batch, as `mlcmkd evaluate` does;
"again" takes inputs that were made before, as the evaluations of a training do.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from mlcmkd.data.network_input import network_inputs
from mlcmkd.data.pairs import from_synthetic, synthetic_faces
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.evaluation.evaluate import predict_pairs
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.training.provenance import processor_name

BATCH = 64


def medians(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each call; each round makes all of them, after one for warming up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if number:
                times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measures and prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    bundled = {name: Landmarker.load(bundled_weights(name)) for name in ("thermal", "rgb")}
    base = ModelSpec(size="base", modality="thermal", radiometry=bundled["thermal"].spec.radiometry)
    models = {f"bundled, {name}": model for name, model in bundled.items()}
    models["base, thermal"] = Landmarker(base)
    print(
        f"{processor_name()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}, batches "
        f"of {BATCH}, CPU time\n"
    )
    print("| network | input, px | alone, faces/s | once | share | again | share |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    faces = synthetic_faces("test", BATCH)
    for name, model in models.items():
        spec, model = model.spec, model.eval()
        pairs = from_synthetic(faces, spec.input_px, spec.radiometry or base.radiometry)
        inputs = network_inputs(pairs, spec.modality)

        def alone(model: Landmarker = model, inputs: torch.Tensor = inputs) -> None:
            with torch.no_grad():
                model(inputs)

        seconds = medians(
            {
                "alone": alone,
                "once": lambda m=model, p=pairs: predict_pairs(m, p, m.spec.modality),
                "again": lambda m=model, p=pairs, i=inputs: predict_pairs(
                    m, p, m.spec.modality, inputs=i
                ),
            },
            options.rounds,
        )
        speed = {kind: BATCH / value for kind, value in seconds.items()}
        print(
            f"| {name} | {spec.input_px} | {speed['alone']:.0f} | {speed['once']:.0f} | "
            f"{speed['once'] / speed['alone']:.2f} | {speed['again']:.0f} | "
            f"{speed['again'] / speed['alone']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
