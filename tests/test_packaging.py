"""The set-up files agree, the import contracts hold, and the wheel works."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import cv2
import pytest
import yaml
from setuptools import find_packages

import mlcmkd
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import to_centikelvin
from mlcmkd.deployment.weights import FILES

ROOT = Path(__file__).parents[1]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_lists_what_pyproject_lists():
    extras = project()["optional-dependencies"]
    wanted = [*project()["dependencies"], *extras["test"], *extras["book"]]
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    assert pip == wanted
    (version,) = [each for each in listed if isinstance(each, str) and each.startswith("python=")]
    assert f"Programming Language :: Python :: {version[7:]}" in project()["classifiers"]


def test_every_dependency_says_why():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [")
    for line in lines[start + 1 : lines.index("]", start)]:
        assert "#" in line, line
    for extra in project()["optional-dependencies"]:
        start = lines.index(f"{extra} = [")
        for line in lines[start + 1 : lines.index("]", start)]:
            assert "#" in line, line


def test_every_package_is_packed():
    """A folder of modules without an `__init__.py` would be left out of the wheel."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packed = set(find_packages(ROOT, include=tools["packages"]["find"]["include"]))
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("mlcmkd", "data_prep")
        for path in (ROOT / top).rglob("*.py")
    }
    assert packed == found and "mlcmkd.deployment.weights" in found


def test_ci_runs_the_tests_and_builds_the_book():
    commands = (ROOT / ".ci/run").read_text().splitlines()
    assert {"make test", "make book"} <= set(commands)


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_import_contracts_hold():
    found = run(str(Path(sys.executable).parent / "lint-imports"))
    assert found.returncode == 0, found.stdout


def test_the_code_is_clean():
    for arguments in (["check"], ["format", "--check"]):
        found = run(sys.executable, "-m", "ruff", *arguments, ".")
        assert found.returncode == 0, found.stdout


LIBRARIES = ["torch", "timm", "cv2", "onnx", "matplotlib", "scipy"]
# The configs of stages are in modules that import torch, which is enough.
BESIDE_TORCH = ["timm", "torchvision", "lightning_fabric", "matplotlib", "scipy", "numba", "sympy"]
WITH_TORCH = ("train", "transfer", "path", "evaluate", "score", "calibrate", "export")
LIGHT = """
import sys
{work}
heavy = sorted(set({libraries}) & set(sys.modules))
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""
HELP = """
from mlcmkd.cli import app
try:
    app({arguments}, standalone_mode=False)
except SystemExit:
    pass
"""
# One process, because each would import torch. What an earlier command imported is not counted again.
HELPS = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from mlcmkd.cli import app
found, before = {{}}, set()
for name in {names}:
    with redirect_stdout(StringIO()):
        try:
            app([name, "--help"], standalone_mode=False)
        except SystemExit:
            pass
    heavy = set({libraries}) & set(sys.modules)
    found[name], before = sorted(heavy - before), heavy
found["torch"] = "torch" in sys.modules
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("work", "libraries"),
    [
        ("import mlcmkd", [*LIBRARIES, "pydantic", "rich", "typer"]),
        (HELP.format(arguments=["--help"]), [*LIBRARIES, "pydantic", "rich", "yaml"]),
        (HELP.format(arguments=["predict", "--help"]), [*LIBRARIES, "rich"]),
        (HELP.format(arguments=["prepare", "--help"]), [*LIBRARIES, "rich"]),
    ],
    ids=["import", "--help", "predict --help", "prepare --help"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(work, libraries):
    found = run(sys.executable, "-c", LIGHT.format(work=work, libraries=libraries))
    assert found.returncode == 0, found.stderr


def test_the_help_of_a_stage_imports_torch_and_nothing_else_that_is_heavy():
    found = run(sys.executable, "-c", HELPS.format(names=WITH_TORCH, libraries=BESIDE_TORCH))
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {**dict.fromkeys(WITH_TORCH, []), "torch": True}


# Packaging: the sdist, a wheel made of it, and the wheel in an environment of its own.


SHIPPED = ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff")
TOP_FILES = (*SHIPPED, "pyproject.toml", "setup.py", "MANIFEST.in", "tests/test_packaging.py")


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> tuple[Path, Path]:
    """The sdist, and the wheel that pip makes of the sdist alone; nothing is downloaded."""
    folder = tmp_path_factory.mktemp("packed")
    source = folder / "source"
    source.mkdir()
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("mlcmkd", "data_prep"):
        shutil.copytree(ROOT / name, source / name, ignore=leave)
    (source / "tests").mkdir()
    for name in TOP_FILES:
        shutil.copy(ROOT / name, source / name)
    make = f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})"
    done = subprocess.run(
        [sys.executable, "-c", make], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (sdist,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(sdist, folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    wheels = ["-m", "pip", "wheel", *offline, "--wheel-dir", str(folder), str(unpacked)]
    done = run(sys.executable, *wheels)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def test_models_cards_and_the_head_are_packed(packed):
    sdist, wheel = packed
    with tarfile.open(sdist) as archive:
        sources = {name.split("/", 1)[-1] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    for bundled in FILES.values():
        for name in (
            bundled.weights,
            bundled.card,
            bundled.detector,
            bundled.graph,
            bundled.detector_graph,
        ):
            assert f"mlcmkd/deployment/weights/{name}" in sources & files
    for name in ("head.npz", "NOTICE"):
        assert f"mlcmkd/synthetic/head/{name}" in sources & files
    for name in ("upload.js", "download.js", "style.css"):
        assert f"mlcmkd/demo/{name}" in sources & files
    licences = {name.split(".dist-info/licenses/")[-1] for name in files}
    assert {"LICENSE", "mlcmkd/synthetic/head/NOTICE"} <= licences
    assert "mlcmkd/py.typed" in sources & files  # type checkers use the annotations
    modules = {
        str(path.relative_to(ROOT))
        for top in ("mlcmkd", "data_prep")
        for path in (ROOT / top).rglob("*.py")
    }
    assert modules <= files and modules <= sources
    assert set(SHIPPED) <= sources
    assert not any(name.startswith(("tests", "runs", "notebooks")) for name in files | sources)


def test_a_package_index_takes_them(packed):
    found = run(sys.executable, "-m", "twine", "check", "--strict", *map(str, packed))
    assert found.returncode == 0, found.stdout


def test_their_metadata_have_the_version_and_a_page_without_relative_links(packed):
    with zipfile.ZipFile(packed[1]) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    assert metadata["Version"] == mlcmkd.__version__ == packed[1].name.split("-")[1]
    page = metadata.get_payload()
    assert page.startswith("# mlcmkd") and "make course" in page
    assert not re.findall(r"\]\((?!https?:)", page)


def test_the_installed_wheel_reads_a_face(packed, tmp_path):
    """In a fresh environment that borrows the other packages from this one, but not the checkout."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    paths = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    # A path file's folder is searched, but its own path files, an editable install's, are not read.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [
        "install",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
        "--disable-pip-version-check",
    ]
    done = run(sys.executable, "-m", "pip", "--python", str(python), *install, str(packed[1]))
    assert done.returncode == 0, done.stderr

    face = tmp_path / "face.png"
    cv2.imwrite(str(face), to_centikelvin(synthetic_faces("test", 1).thermal[0]))
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}

    def there(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = there(str(python), "-c", "import mlcmkd; print(mlcmkd.__file__)")
    assert Path(where.strip()).is_relative_to(home)
    head = "from mlcmkd.synthetic.head import load_head; print(len(load_head().expression_names))"
    assert there(str(python), "-c", head).strip() == "52"
    command = str(python.with_name("mlcmkd"))
    assert "predict" in there(command, "--help")
    assert "1 of 1 images; 1 faces" in there(command, "predict", "face.png")
    assert len((tmp_path / "predictions/landmarks.csv").read_text().splitlines()) == 69
