"""CONTRIBUTING.md and docs/contributing/ describe the packages and layers as they are."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ARCHITECTURE = (ROOT / "docs/contributing/architecture.md").read_text(encoding="utf-8")
PAGES = (ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/contributing").glob("*.md")))
TEXT = "".join(page.read_text(encoding="utf-8") for page in PAGES)


def test_the_table_of_layers_is_the_import_contract():
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    start = ARCHITECTURE.index("| layer |")
    table = ARCHITECTURE[start : ARCHITECTURE.index("`mlcmkd/__init__.py` is the public API")]
    packages = re.findall(r"^\| `(\w+)/` \|", table, re.MULTILINE)
    assert packages == [package for layer in layers for package in layer.split(" | ")]


def test_its_files_exist():
    for name in set(
        re.findall(r"`((?:mlcmkd|data_prep|tests|scripts|experiments)/[\w./]+)`", TEXT)
    ):
        assert (ROOT / name).exists(), name
