"""Splits that this process has read, for the next stage that needs them."""

from collections.abc import Callable, Collection, Hashable

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import Modality


class SplitCache:
    """The pairs that were used last. Their tensors are never modified.

    Args:
        size: largest number of entries.
    """

    def __init__(self, size: int):
        self.size = size
        # From the one that was not used for the longest time to the newest.
        self._kept: dict[tuple[Hashable, frozenset[Modality]], Pairs] = {}

    def get(
        self, which: Hashable, modalities: Collection[Modality], read: Callable[[], Pairs]
    ) -> Pairs:
        """Pairs with at least these modalities; `read` reads them if there are none.

        Args:
            which: what else decides the pairs: source, split, size.
            modalities: the modalities that `read` reads.
            read: reads the pairs.
        """
        needed = frozenset(modalities)
        key = next((k for k in self._kept if k[0] == which and k[1] >= needed), (which, needed))
        pairs = self._kept.pop(key, None)
        if pairs is None:
            pairs = read()
        self._kept[key] = pairs
        while len(self._kept) > self.size:
            del self._kept[next(iter(self._kept))]
        return pairs
