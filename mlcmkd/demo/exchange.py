"""Widgets for files: one takes them from the browser, in parts, and one gives a file to it.

`FileUpload` of ipywidgets takes no dropped files, and sends them in one message, which the server
refuses above 10 MB.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from mlcmkd.data.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from mlcmkd.demo.uploads import MAX_BYTES, MAX_FILES, Upload, check_upload
from mlcmkd.utils.errors import InputError

_FOLDER = Path(__file__).parent


class FilesIn(anywidget.AnyWidget):
    """A field on which files are dropped, or by which they are chosen.

    Args:
        text: its label.
        received: is called with the files.
        refused: is called with the reason.

    Attributes:
        busy: whether it takes none at the moment.
    """

    _esm = _FOLDER / "upload.js"
    text = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode(",".join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)).tag(sync=True)
    max_bytes = traitlets.Int(MAX_BYTES).tag(sync=True)
    max_files = traitlets.Int(MAX_FILES).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        text: str,
        received: Callable[[list[Upload]], None],
        refused: Callable[[str], None],
    ):
        super().__init__(text=text)
        self._received, self._refused = received, refused
        self._names: list[str] = []
        self._contents: list[bytearray] = []
        self.on_msg(self._on_message)

    def _on_message(self, _: Any, message: dict[str, Any], buffers: list[Any]) -> None:
        """The page checks the limits, too; here they hold whoever sends."""
        self.busy = True
        try:
            if message["kind"] == "start":
                self._names, self._contents = [], []
                check_upload([file["size"] for file in message["files"]])
                self._names = [str(file["name"]) for file in message["files"]]
                self._contents = [bytearray() for _ in self._names]
            elif message["kind"] == "part" and self._contents:
                self._contents[message["file"]] += buffers[0]
                check_upload([len(content) for content in self._contents])
            elif message["kind"] == "end" and self._contents:
                files = zip(self._names, self._contents, strict=True)
                uploads = [Upload(name, bytes(content)) for name, content in files]
                self._names, self._contents = [], []
                self._received(uploads)
        except InputError as error:
            self._names, self._contents = [], []
            self._refused(str(error))
        finally:
            self.busy = message["kind"] != "end"


class FileOut(anywidget.AnyWidget):
    """A button that saves a file in the browser's folder of downloads; hidden without one.

    Attributes:
        name: of the file.
        content: its bytes.
        label: of the button; empty to hide it.
    """

    _esm = _FOLDER / "download.js"
    label = traitlets.Unicode("").tag(sync=True)

    def __init__(self, name: str):
        super().__init__()
        self.name, self.content = name, b""
        self.on_msg(self._on_message)

    def _on_message(self, *_: Any) -> None:
        if self.content:
            self.send({"name": self.name}, [self.content])
