"""What a release needs: one version, a changelog, a citation, and a README for package indexes."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import yaml
from typer.testing import CliRunner

import mlcmkd
from mlcmkd.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
_spec = importlib.util.spec_from_file_location("mlcmkd_setup", ROOT / "setup.py")
_setup = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_setup)


def test_the_citation_follows_the_schema_of_its_format():
    schema = ["--builtin-schema", "vendor.citation-file-format"]
    check = [str(Path(sys.executable).parent / "check-jsonschema"), *schema, "CITATION.cff"]
    found = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_citation_and_the_readme_name_the_same_papers():
    papers = CITATION["references"]
    cited = README.partition("## How to cite")[2]
    assert len(papers) == 2
    for paper in papers:
        (number,) = [each["value"] for each in paper["identifiers"]]
        words = " ".join(cited.split())
        assert number in words and paper["title"].lower() in words.lower()
        assert all(author["family-names"].split()[-1] in words for author in paper["authors"])


def test_the_version_is_written_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", mlcmkd.__version__)
    assert "version" not in CITATION
    assert mlcmkd.__version__ not in (ROOT / "pyproject.toml").read_text()


def test_the_command_line_has_the_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"mlcmkd {mlcmkd.__version__}\n")


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", text, re.MULTILINE)
    assert newest[1] == mlcmkd.__version__


def test_links_of_the_readme_lead_to_the_repository_or_are_words():
    url = "https://example.org/mlcmkd"
    linked = _setup.package_page(README, url)
    targets = re.findall(r"\]\(([^()\s]+)\)", README)
    relative = [each for each in targets if not each.startswith("https:")]
    assert relative and all((ROOT / each).exists() for each in relative)
    for target in relative:
        folder = "raw" if target.endswith(".png") else "blob"
        assert f"]({url}/{folder}/HEAD/{target})" in linked
    words = _setup.package_page(README, None)
    assert not any(f"]({target})" in words for target in relative) and "Install" in words
    kept = "[a](https://example.org/a) [b](#b)"
    assert _setup.package_page(kept, None) == _setup.package_page(kept, url) == kept
    assert _setup.package_page("![p](p.png) and [c](c.md)", None) == " and c"
