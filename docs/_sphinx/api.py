"""The pages of the API: one for each package, with those of its modules that a reader meets.

These are the modules of the public names, and those that lessons, exercises and pages import. They are
found in the text; autodoc imports them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from _sphinx.repository import DOCS, ROOT

# What a user needs first, first.
PACKAGES = {
    "mlcmkd.deployment": "Prediction and export",
    "mlcmkd.data": "Data",
    "mlcmkd.schemes": "Landmark schemes",
    "mlcmkd.models": "Models",
    "mlcmkd.distillation": "Distillation",
    "mlcmkd.stages": "Stages",
    "mlcmkd.training": "Training",
    "mlcmkd.evaluation": "Evaluation",
    "mlcmkd.attribution": "Attribution",
    "mlcmkd.studies": "Studies",
    "mlcmkd.synthetic": "Synthetic faces",
    "mlcmkd.plots": "Plots",
    "mlcmkd.explorer": "Explorer",
    "mlcmkd.demo": "Demo",
    "mlcmkd.course": "Course",
    "mlcmkd.utils": "Utilities",
    "data_prep": "Preparation of data",
}
# Interfaces of their own: commands have a page, checks are called by exercises.
_LEFT_OUT = ("mlcmkd.cli", "mlcmkd.course.checks")
# What the functions of the others take and return.
_ALSO = (
    "data_prep.entry",
    "mlcmkd.data.images.frames",
    "mlcmkd.data.thermal.scale_check",
    "mlcmkd.deployment.boxes",
    "mlcmkd.deployment.detector",
    "mlcmkd.deployment.face_detector",
    "mlcmkd.deployment.face_maps",
    "mlcmkd.deployment.faces",
    "mlcmkd.deployment.thermal_input",
    "mlcmkd.distillation.targets",
    "mlcmkd.evaluation.detection",
    "mlcmkd.evaluation.scores",
    "mlcmkd.models.face_detector",
    "mlcmkd.models.model_folder",
    "mlcmkd.synthetic.frames.frames",
)


def api_pages(folder: str) -> dict[str, str]:
    """The text of each package's page, by the page's name."""
    modules = documented_modules()
    return {
        f"{folder}/{package}.md": _page(package, title, modules)
        for package, title in PACKAGES.items()
    }


def _page(package: str, title: str, modules: list[str]) -> str:
    parts = [f"# {title}: `{package}`", _automodule(package)]
    for name in modules:
        if name.startswith(f"{package}."):
            parts += [f"## {name.removeprefix(f'{package}.')}", _automodule(name)]
    return "\n\n".join(parts) + "\n"


def _automodule(name: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n```"


def documented_modules() -> list[str]:
    """The modules of the API, in alphabetical order."""
    found = set(_ALSO)
    for code in _codes():
        for module, names in _imports(ast.parse(code)):
            # A name that a package takes from one of its modules, or a module by name.
            for each in [module, *(f"{module}.{name}" for name in names)]:
                found |= {each, *_taken(each)}
    return sorted(
        name
        for name in found
        if (path := _file(name)) and not name.startswith(_LEFT_OUT) and _has_public_code(path)
    )


def _codes() -> Iterator[str]:
    """The code of lessons, exercises and pages, and the public names."""
    for path in sorted((ROOT / "notebooks/sources").rglob("*.py")):
        yield path.read_text(encoding="utf-8")
    for path in [DOCS / "index.md", *sorted(DOCS.glob("[a-z]*/*.md"))]:
        text = path.read_text(encoding="utf-8")
        yield from re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    yield (ROOT / "mlcmkd/__init__.py").read_text(encoding="utf-8")


def _imports(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, [alias.name for alias in node.names]


def _taken(package: str) -> set[str]:
    """The modules from which a package takes the names that it offers."""
    path = ROOT / package.replace(".", "/") / "__init__.py"
    if not path.is_file() or package == "mlcmkd":
        return set()
    imports = _imports(ast.parse(path.read_text(encoding="utf-8")))
    return {module for module, _ in imports if module.startswith(f"{package}.")}


def _file(name: str) -> Path | None:
    """The file of a module of the project."""
    if not name.startswith(("mlcmkd.", "data_prep.")) or name in PACKAGES:
        return None
    folder = ROOT / name.replace(".", "/")
    files = (folder.with_suffix(".py"), folder / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def _has_public_code(path: Path) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )
