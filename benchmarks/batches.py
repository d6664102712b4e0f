"""What making a batch costs, by the sides that it holds.

    OMP_NUM_THREADS=1 python benchmarks/batches.py

Embedded faces, the default augmentation, medians. An objective says which sides it reads, and `fit`
makes no others: a light thermal student has no use for the RGB images of its pairs.
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
    print("| sides | ms a batch | quartiles |")
    print("| --- | --- | --- |")
    for sides in (("rgb", "thermal"), ("rgb",), ("thermal",)):
        held, generator = pairs.only(sides), torch.Generator().manual_seed(0)
        took = time_calls(
            lambda h=held, g=generator: make_batch(h, index, Augmentation(), g), options.repeats
        )
        print(f"| {' and '.join(sides)} | {took.median:.1f} | {took.low:.1f} to {took.high:.1f} |")


if __name__ == "__main__":
    main()
