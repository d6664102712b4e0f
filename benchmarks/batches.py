"""Cost of a batch, by the modalities in it, without and with gain control of the thermal images.

    OMP_NUM_THREADS=1 python benchmarks/batches.py

Synthetic faces, the default augmentation, medians. `fit` makes batches with the modalities that the
objective reads: a light thermal student does not need the RGB images of its pairs.
"""

import argparse

import torch

from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.evaluation.cost import time_calls
from mlcmkd.training.provenance import processor_name


def main() -> None:
    """Measures and prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--px", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    pairs = load_pairs("synthetic", "train", options.px, count=options.batch, progress=False)
    index = torch.arange(options.batch)
    print(
        f"{processor_name()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}; "
        f"{options.px} px, batch {options.batch}\n"
    )
    print("| modalities | gain control | ms per batch | quartiles |")
    print("| --- | --- | --- | --- |")
    plan = [(("rgb", "thermal"), 0), (("rgb",), 0), (("thermal",), 0), (("thermal",), 0.6)]
    for modalities, agc in plan:
        some, generator = pairs.only(modalities), torch.Generator().manual_seed(0)
        took = time_calls(
            lambda p=some, g=generator, a=agc: make_batch(p, index, Augmentation(agc=a), g),
            options.repeats,
        )
        print(
            f"| {' and '.join(modalities)} | {agc:g} | {took.median:.1f} | {took.low:.1f} to "
            f"{took.high:.1f} |"
        )


if __name__ == "__main__":
    main()
