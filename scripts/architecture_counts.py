"""Counts of the architecture, for the table in docs/contributing/architecture.md.

    python scripts/architecture_counts.py            # this checkout
    python scripts/architecture_counts.py FOLDER     # another checkout, such as an older commit

Counts modules, layers and imports (grimp), and the project's files whose functions run during a small
`mlcmkd transfer` and while one pair of a manifest becomes a batch.
"""

import inspect
import json
import os
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType

import cv2
import grimp
import numpy as np

PX = 32
TRAIN = ["--set", f"input_px={PX}", "--set", "size=light"]
SHORT = ["--data", "synthetic", "--steps", "2", "--set", "data.pairs=8", "--set", "fit.batch=4"]


def static_counts(root: Path) -> dict[str, int]:
    """Modules in the top folder, entries, layers and imports of `mlcmkd`."""
    files = list((root / "mlcmkd").glob("*.py"))
    packages = [path.parent for path in (root / "mlcmkd").glob("*/__init__.py")]
    with (root / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    sys.path.insert(0, str(root))
    graph = grimp.build_graph("mlcmkd", cache_dir=None, exclude_type_checking_imports=True)
    imports = [
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    ]
    entries = {(entry_of(module), entry_of(imported)) for module, imported in imports}
    arrows = {(start, end) for start, end in entries if start != end and start and end}
    return {
        "modules in the top folder": len(files),
        "entries of the top folder (modules and packages)": len(files) + len(packages),
        "rows of the layers contract": len(layers),
        "import arrows between entries of the top folder": len(arrows),
        "imports between modules": len(imports),
        "modules": len(graph.modules),
    }


def entry_of(module: str) -> str:
    """The entry of the top folder that contains a module: mlcmkd.data.pairs -> data."""
    return ".".join(module.split(".")[1:2])


def files_run(root: Path, work: Callable[[], object]) -> list[str]:
    """Files of the project whose functions run in `work`, by a profiler; imports do not count.

    `work` runs twice, and only the second time counts, when all modules are imported.
    """
    files = set()

    def record(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # not a module or a class body
        if event == "call" and is_function and code.co_filename.startswith(f"{root}/mlcmkd/"):
            files.add(str(Path(code.co_filename).relative_to(root)))

    work()
    threading.setprofile(record)
    sys.setprofile(record)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return sorted(files)


def command(*arguments: str) -> None:
    """Runs an mlcmkd command in this process."""
    sys.argv = ["mlcmkd", *arguments]
    try:
        import_module("mlcmkd.cli").main()
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"mlcmkd {' '.join(arguments)} failed") from None


def traced_counts(root: Path) -> dict[str, list[str]]:
    """Files that run in `mlcmkd transfer`, and from a manifest's row to a batch."""
    sys.path.insert(0, str(root))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command("train", *SHORT, *TRAIN, "--out", str(folder / "teacher"))
        runs = iter(str(folder / f"student{number}") for number in range(2))
        teacher = str(folder / "teacher/model.safetensors")
        write_manifest(folder / "manifest")
        return {
            "files in `mlcmkd transfer`": files_run(
                root, lambda: command("transfer", *SHORT, "--teacher", teacher, "--out", next(runs))
            ),
            "files from a manifest's row to a batch": files_run(
                root, lambda: load_batch(folder / "manifest")
            ),
        }


def write_manifest(folder: Path) -> None:
    """A manifest with one pair of noise."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    cv2.imwrite(str(folder / "rgb.png"), rng.integers(0, 256, (80, 80, 3), dtype=np.uint8))
    cv2.imwrite(str(folder / "thermal.png"), rng.integers(0, 256, (80, 80), dtype=np.uint8))
    row = {
        "id": "0",
        "subject": "0",
        "split": "train",
        "rgb_file_name": "rgb.png",
        "thermal_file_name": "thermal.png",
        "landmarks": rng.uniform(20, 60, (68, 2)).tolist(),
        "scheme": "ibug68",
        "radiometry": {"kind": "grey8", "low": 0, "high": 255},
    }
    (folder / "metadata.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


def load_batch(manifest: Path) -> None:
    """Loads the manifest and makes a batch with augmentation."""
    import torch

    # In older commits these modules are in the top folder.
    package = "mlcmkd.data" if (Path(sys.path[0]) / "mlcmkd/data").is_dir() else "mlcmkd"
    pairs = import_module(f"{package}.pairs").load_pairs(manifest, "train", PX, progress=False)
    transforms = import_module(f"{package}.transforms")
    transforms.make_batch(
        pairs, torch.tensor([0]), transforms.Augmentation(), torch.Generator().manual_seed(0)
    )


def main(folder: str = "") -> None:
    root = Path(folder or Path(__file__).parents[1]).resolve()
    if os.environ.get("PYTHONPATH") != str(root):  # so that the project of `root` is imported
        environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, str(root)]
        sys.exit(subprocess.run(command, env=environment, cwd=root).returncode)
    counts = static_counts(root)
    output, sys.stdout = sys.stdout, sys.stderr  # progress and results of the commands
    traces = traced_counts(root)
    sys.stdout = output
    print("\n| count | |\n| --- | --- |")
    for name, count in (counts | {name: len(files) for name, files in traces.items()}).items():
        print(f"| {name} | {count} |")
    for name, files in traces.items():
        print(f"\n{name}: {', '.join(files)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
