"""Samples of faces for figures and measurements of the lessons."""

import numpy as np
import torch

from mlcmkd.data.pairs import Pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, Batch, make_batch


def one_per_person(pairs: Pairs, count: int) -> tuple[Batch, list[str]]:
    """The first pair of each person, without augmentation.

    Args:
        count: most people.

    Returns:
        the batch, and the subject of each of its pairs.
    """
    first = np.sort(np.unique(pairs.subjects, return_index=True)[1])[:count]
    batch = make_batch(pairs, torch.from_numpy(first), NO_AUGMENTATION, torch.Generator())
    return batch, [pairs.subjects[number] for number in first]
