"""A cache of computed results with a fixed number of entries."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class LRUCache:
    """Results by key; the least recently used entry is removed first.

    Args:
        max_entries: number of results that are kept.
    """

    def __init__(self, max_entries: int = 256):
        self._entries: OrderedDict[tuple, Any] = OrderedDict()
        self._max_entries = max_entries

    def get_or_compute(self, key: tuple, compute: Callable[[], T]) -> T:
        """The cached result of `key`, computed if it is missing."""
        if key not in self._entries:
            self._entries[key] = compute()
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
        return self._entries[key]

    def __contains__(self, key: tuple) -> bool:
        return key in self._entries
