"""What happens to files between those who write them and those who read them: mutations for fuzz tests.

A mutation takes the bytes of a file and returns others. `mutants` combines them into distinct ones.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.mutations import faces  # noqa: F401  (adds to TEXTS)
from tests.mutations.images import ARRAYS, IMAGES
from tests.mutations.kinds import BYTES, Mutation
from tests.mutations.texts import TEXTS

_OF_SUFFIX: dict[str, list[Mutation]] = {
    **dict.fromkeys((".png", ".jpg", ".bmp", ".tif", ".tiff"), IMAGES),
    **dict.fromkeys((".pts", ".csv", ".txt", ".json", ".xml", ".yaml"), TEXTS),
    ".npy": ARRAYS,
}
_BYTES_AGAIN = 3  # what changes bytes at random gives another mutant each time
_TWICE = 0.2  # share of the mutants that two mutations make


class Mutant(NamedTuple):
    """A changed file.

    Attributes:
        path: of the file, as it was given.
        data: its changed bytes.
        kinds: names of the mutations, for messages.
        same: whether the file still means the same.
        refused: whether nothing can be read from it, or nothing that is right.
    """

    path: Path
    data: bytes
    kinds: str
    same: bool
    refused: bool


def mutants(files: dict[Path, bytes], count: int, seed: int) -> Iterator[Mutant]:
    """Yield `count` distinct mutants of files: first every mutation of each, then random ones."""
    rng = np.random.default_rng(seed)
    pairs = [
        (path, mutation)
        for path in files
        for mutation in _OF_SUFFIX.get(path.suffix.lower(), []) + BYTES * _BYTES_AGAIN
    ]
    seen = {(path, hashlib.sha1(data).digest()) for path, data in files.items()}
    order: list[int] = []
    while count:
        order = order or rng.permutation(len(pairs)).tolist()
        path, mutation = pairs[order.pop()]
        done = [mutation]
        data = mutation.apply(files[path], rng)
        if data is not None and rng.random() < _TWICE:
            second = [other for of_path, other in pairs if of_path == path]
            done.append(second[rng.integers(len(second))])
            try:
                data = done[1].apply(data, rng)
            except Exception:  # it does not apply to what the first one left
                continue
        if data is None or (digest := (path, hashlib.sha1(data).digest())) in seen:
            continue
        seen.add(digest)
        count -= 1
        yield Mutant(
            path,
            data,
            ", then ".join(each.name for each in done),
            same=all(each.expect == "same" for each in done),
            refused=len(done) == 1 and mutation.expect == "refused",
        )
