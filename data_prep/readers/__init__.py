"""One small reader for each annotation format, looked up by name.

A reader is called as `read(source, on_bad)` and yields `Annotation`s; a bad file goes to
`on_bad(name, error)`, which either raises (the default) or records the error so that the reader
continues. The first line of a reader's docstring is its description in `mlcmkd formats`.

`base` holds `Annotation` and what readers share, `image_index` finds images by the names in
annotations, `parsing` holds file formats that several data sets use. `register_reader` adds a reader
of your own.
"""

from importlib import import_module
from pkgutil import iter_modules

from data_prep.readers.base import FORMATS, Annotation, OnBad, Reader
from mlcmkd.utils.registry import Registry

# A module of this package adds its formats to FORMATS when it is imported (`base.reader`).
for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

READERS: Registry[Reader] = Registry("format", FORMATS)

__all__ = ["READERS", "Annotation", "OnBad", "get_reader", "register_reader"]


def get_reader(name: str) -> Reader:
    """Return the reader of a format.

    Raises:
        InputError: unknown format; the message lists the known ones.
    """
    return READERS.find(name)


def register_reader(name: str, read: Reader) -> None:
    """Add a reader from outside this package: `prepare(name, source, out)` uses it from then on.

    Args:
        name: of the format.
        read: called as `read(source, on_bad)`; yields one `Annotation` per face and passes each bad
            file to `on_bad(name, error)`, the error an `InputError`.

    Raises:
        InputError: the name belongs to mlcmkd.
    """
    READERS.register(name, read)
