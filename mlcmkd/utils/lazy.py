"""Public names of a package that are imported at their first use (PEP 562)."""

import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module


def lazy_names(
    package: str, names_of: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package whose names come from its modules.

    Args:
        package: the package's `__name__`.
        names_of: module -> its public names.
    """
    module_of = {name: module for module, names in names_of.items() for name in names}

    def get(name: str) -> object:
        """Imports a public name at its first use."""
        if name not in module_of:
            raise AttributeError(
                f"module '{package}' has no attribute '{name}'{_closest(name, module_of)}"
            )
        value = getattr(import_module(module_of[name]), name)
        vars(sys.modules[package])[name] = value  # the next access does not call `get`
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get, names


def _closest(name: str, known: Mapping[str, str]) -> str:
    matches = [] if name.startswith("_") else get_close_matches(name, known, n=1)
    return f"; did you mean '{matches[0]}'?" if matches else ""
