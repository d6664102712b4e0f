"""Named entries of one kind: those of the library, and those that a user adds."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from mlcmkd.utils.errors import InputError

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """A mapping from names to entries, read-only except for `register`.

    Names of the library come first, in their order. They cannot be replaced: saved weights, manifests
    and runs refer to them. A user's own name can be registered again, as happens when a notebook cell
    is executed twice; the last registration counts.

    Args:
        kind: kind of the entries, for error messages, such as "landmark scheme".
        entries: the entries of the library.
    """

    def __init__(self, kind: str, entries: Mapping[str, T]):
        self.kind = kind
        self._built_in = dict(entries)
        self._added: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        return self._added[name] if name in self._added else self._built_in[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._added

    def __len__(self) -> int:
        return len(self._built_in) + len(self._added)

    def find(self, name: str) -> T:
        """The entry with this name.

        Raises:
            InputError: no such name; the message lists the known ones.
        """
        if name not in self:
            raise InputError(f"{self.kind} '{name}' is unknown; use one of {', '.join(self)}")
        return self[name]

    def register(self, name: str, thing: T) -> None:
        """Adds an entry, or replaces one that was added before.

        Raises:
            InputError: an empty name, or a name of the library.
        """
        if not name or name != name.strip():
            raise InputError(f"{self.kind}: the name '{name}' is empty or has spaces around it")
        if name in self._built_in:
            raise InputError(f"{self.kind} '{name}' belongs to mlcmkd; choose another name")
        self._added[name] = thing
