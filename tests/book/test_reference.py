"""The reference of the site: docstrings, commands, configs and modules, from the code."""

import importlib

import pytest
from _sphinx.api import PACKAGES, documented_modules
from _sphinx.repository import DOCS, ROOT

pytest.importorskip("sphinx", reason="no Sphinx: pip install -e '.[book]'")

from _sphinx.docstrings import convert
from _sphinx.mathml import to_mathml
from _sphinx.reference import configs_of, described_attributes, first_sentence, type_text


def converted(text: str) -> str:
    lines = text.splitlines()
    convert(None, "function", "f", None, None, lines)
    return "\n".join(lines).strip("\n")


def test_indented_code_and_columns_of_a_docstring_are_shown_as_they_are():
    assert (
        converted("First.\n\nRun:\n\n    a = |b|\n\nThen.")
        == "First.\n\nRun:\n\n::\n\n        a = |b|\n\nThen."
    )
    assert (
        converted("Files.\n\na.csv   scores\nb.csv   times")
        == "Files.\n\n::\n\n    a.csv   scores\n    b.csv   times"
    )


def test_sections_of_a_docstring_stay_sections():
    text = "First.\n\nArgs:\n    x: (B,) one value\n        a row.\n\nReturns:\n    (B,)."
    assert converted(text) == text


def test_bars_and_underscores_have_no_meaning_outside_of_code():
    assert converted("|a - b| of valid_ and `x_`.") == "\\|a - b\\| of valid\\_ and `x_`."


def test_formulas_become_mathml():
    html = to_mathml(r"\tfrac12\big(\mathcal L + \lVert b_i \rVert^2\big)", None, block=True)
    assert "<mn>1</mn><mn>2</mn></mfrac>" in html and "&#x02112;" in html  # script L
    assert html.count('stretchy="false" lspace="0" rspace="0">&#x02016;') == 2


def test_an_unknown_command_of_a_formula_is_a_warning(caplog):
    with caplog.at_level("WARNING"):
        to_mathml(r"\nosuchcommand x", None, block=False)
    assert "nosuchcommand" in caplog.text


def test_public_names_are_documented():
    import mlcmkd

    modules = set(documented_modules()) | set(PACKAGES)
    assert set(mlcmkd._NAMES_OF) <= modules
    page = (DOCS / "reference/api.md").read_text(encoding="utf-8")
    for package in PACKAGES:
        assert f"\napi/{package}\n" in page
    for name in modules:
        assert name.startswith(tuple(PACKAGES)), name
        importlib.import_module(name)


def test_every_config_is_on_the_page_and_every_field_has_a_meaning():
    page = (DOCS / "reference/configs.md").read_text(encoding="utf-8")
    packages = [line.split("} ")[1] for line in page.splitlines() if "config-fields}" in line]
    kinds = [kind for package in packages for kind in configs_of(package)]
    assert len(kinds) > 40
    for kind in kinds:
        described = described_attributes(kind)
        for name, field in kind.model_fields.items():
            assert field.description or described.get(name), f"{kind.__name__}.{name}"
    defined = {
        path.relative_to(ROOT).parts[:2]
        for top in ("mlcmkd", "data_prep")
        for path in (ROOT / top).rglob("*.py")
        if "(Config):" in path.read_text(encoding="utf-8")
    }
    assert {".".join(parts) for parts in defined} <= set(packages)


def test_types_and_summaries_are_short():
    from mlcmkd.training.config import FitConfig

    assert type_text(FitConfig, "steps") == "int, >= 1"
    assert first_sentence(FitConfig).endswith(".") and "\n" not in first_sentence(FitConfig)
