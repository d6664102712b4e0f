"""Where a run's results come from: hashes of its data, code version, libraries, processor."""

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcmkd.data.manifest import MANIFEST, SYNTHETIC
from mlcmkd.synthetic import RENDERER_VERSION

if TYPE_CHECKING:
    from mlcmkd.data.dataset import Pairs

_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARIES = ("torch", "torchvision", "timm", "lightning-fabric", "numpy", "opencv-python-headless")


def data_hash(pairs: "Pairs") -> str:
    """A short hash of the data that a stage used: images, labels, registration."""
    digest = hashlib.sha256()
    registration = (
        getattr(pairs, name, None) for name in ("rgb_maps", "paired")
    )  # frames have none
    for tensor in (pairs.rgb, pairs.thermal, pairs.landmarks, pairs.labelled, *registration):
        if tensor is not None:
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
    return digest.hexdigest()[:16]


def manifest_stamp(source: str) -> str | None:
    """Identifies a data set by the hash of its manifest, which contains the hashes of all files.

    The synthetic faces are identified by the version of the renderer. Without a manifest it is None.
    """
    if source == SYNTHETIC:
        return f"renderer {RENDERER_VERSION}"
    manifest = Path(source) / MANIFEST
    if not manifest.is_file():
        return None
    return file_hash(manifest)


def further_stamps(sources: Sequence[str]) -> list[str] | None:
    """Identifies further sources as `manifest_stamp` does, or by their paths if there is no manifest.

    None if there are no further sources.
    """
    return [manifest_stamp(source) or source for source in sources] or None


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def environment() -> dict[str, Any]:
    """Commit, versions and hardware, for provenance.json.

    `commit` and `dirty` (whether there are changes that are not committed) are None if they are unknown.
    """
    commit = changes = None
    if _is_checkout(_PACKAGE):
        commit = _git(_PACKAGE, "rev-parse", "HEAD")
        changes = _git(_PACKAGE, "status", "--porcelain")
    return {
        "commit": commit,
        "dirty": None if changes is None else bool(changes),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "processor": processor_name(),
        "cores": os.cpu_count(),
    }


def processor_name() -> str:
    """Name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _is_checkout(package: Path) -> bool:
    """Whether the package lies at the top of a git repository that tracks it.

    An installed package may be in the environment of another project, and a copy may be beside the files
    of another project. The commit of such a project does not identify the package.
    """
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != package.parent:
        return False
    return _git(package, "ls-files", "--error-unmatch", "__init__.py") is not None


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of git about a folder; None where git does not answer.

    Variables such as GIT_DIR, which git sets for its hooks, would name another repository.
    """
    variables = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            env=variables,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


@functools.cache  # reading the versions takes 5 ms, for each run of a study
def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
