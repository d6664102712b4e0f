"""Progress bars of tqdm that respect `TQDM_DISABLE`; in a log file they are written as lines."""

import os
import sys
from typing import Any, TextIO

from tqdm import auto

LOG_SECONDS = 10.0  # between two lines of a log file
_CURSOR_UP = "\x1b[A"
# Decided when this module is imported: a kernel of Jupyter replaces its stderr later.
_in_terminal = sys.stderr is not None and sys.stderr.isatty()


class tqdm(auto.tqdm):
    """The bar of `tqdm.auto`, a widget in notebooks, with the same parameters.

    With `disable=False` the environment variable TQDM_DISABLE decides. If the output is neither a
    terminal nor a notebook, a line is written every `LOG_SECONDS` (or TQDM_MININTERVAL) seconds. A bar
    that is removed at its end (`leave=False`) then appears only if it lasts longer than this.
    """

    def __init__(self, *args: Any, **options: Any):
        if not options.get("disable"):
            options.pop("disable", None)
            if not (_in_terminal or _is_widget()):
                options = _in_log_file(options)
        super().__init__(*args, **options)


class _Lines:
    """A stream that writes every state of a bar as a separate line."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> None:
        line = text.replace(_CURSOR_UP, "").strip()
        if line:
            self._stream.write(line + "\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_widget() -> bool:
    return auto.notebook_tqdm is not auto.std_tqdm


def _in_log_file(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a bar whose output is a log file."""
    seconds = float(os.environ.get("TQDM_MININTERVAL", LOG_SECONDS))
    added = {"file": _Lines(sys.stderr), "mininterval": seconds, "maxinterval": seconds}
    if not options.get("leave", True):
        added["delay"] = seconds
    return added | options
