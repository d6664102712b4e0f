"""One reading of YAML: YAML 1.2, `None`, no key twice, and one line for what is not YAML."""

from pathlib import Path

import pytest

from mlcmkd.cli.configs import config_of
from mlcmkd.training.config import FitConfig
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.yaml_files import parse_yaml, read_fields

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # numbers as in YAML 1.2 and in Python
        ("010", 10),
        ("-007", -7),
        ("0o10", 8),
        ("0x1f", 31),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("-2E+2", -200.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("1_000.5", 1000.5),
        (".inf", float("inf")),
        # nothing, and truth
        ("None", None),
        ("null", None),
        ("~", None),
        ("", None),
        ("True", True),
        ("false", False),
        # texts that YAML 1.1 takes for something else
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2024-05-06", "2024-05-06"),
        ("none", "none"),
        ("1_", "1_"),
        ("1.2.3", "1.2.3"),
        ("'None'", "None"),
        ("'010'", "010"),
        ("fd+ld", "fd+ld"),
    ],
)
def test_a_plain_value_is_that_of_yaml_1_2_and_python(text, value):
    read = parse_yaml(text, "")
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fit: {}\nseed: 0\nfit: {batch: 4}", "f.yaml, line 3: 'fit' occurs twice, first in line 1"),
        ("fit:\n  steps: 1\n  steps: 3", "f.yaml, line 3: 'steps' occurs twice, first in line 2"),
        ("grids: [{seeds: 1, seeds: 2}]", "f.yaml: 'seeds' occurs twice"),
        ("a: [", "f.yaml: not YAML"),
        ("a: 1\n\tb: 2", "f.yaml, line 2: not YAML"),
        ("a: !!python/object/apply:os.getcwd []", "f.yaml: not YAML"),
        ("a: \x07", "f.yaml: not YAML"),
        ("a: " + 5000 * "9", "f.yaml: not YAML"),
        ("[" * 5000, "f.yaml: not YAML"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_and_a_key_that_occurs_twice_are_errors_of_one_line(
    tmp_path, text, message
):
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_fields(tmp_path / "f.yaml")
    assert "\n" not in str(error.value)


def test_a_merged_mapping_may_overrule_its_base(tmp_path):
    (tmp_path / "f.yaml").write_text("a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}\nc: {<<: *a}\nd: *a")
    fields = read_fields(tmp_path / "f.yaml")
    assert fields["b"] == {"x": 2, "y": 1} and fields["c"] == fields["d"] == fields["a"]


def test_a_file_may_be_empty_or_begin_with_a_mark_of_its_encoding(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes("\ufeffseed: 1".encode())
    assert read_fields(path) == {"seed": 1}
    path.write_text("# nothing yet\n")
    assert read_fields(path) == {}
    path.write_bytes("seed: 1".encode("utf-16"))
    with pytest.raises(InputError, match="f.yaml: not UTF-8 text; save it as UTF-8"):
        read_fields(path)
    path.write_text("- 1")
    with pytest.raises(InputError, match="f.yaml: no fields; write lines such as"):
        read_fields(path)
    with pytest.raises(InputError, match="nowhere.yaml: cannot be read"):
        read_fields(tmp_path / "nowhere.yaml")


def test_set_and_parameter_files_are_read_alike(tmp_path):
    (tmp_path / "f.yaml").write_text("steps: 1e3\nlearning_rate: 1e-3\nbatch: 010")
    typed = ["steps=1e3", "learning_rate=1e-3", "batch=010"]
    expected = FitConfig(steps=1000, learning_rate=0.001, batch=10)
    assert config_of(FitConfig, tmp_path / "f.yaml", []) == expected
    assert config_of(FitConfig, None, typed) == expected


def test_no_other_reader_of_yaml_is_used():
    """PyYAML's own loaders read other numbers, and keep the last of two equal keys."""
    found = [
        str(path.relative_to(ROOT))
        for folder in ("mlcmkd", "data_prep", "benchmarks", "experiments", "notebooks/sources")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "import yaml" in path.read_text(encoding="utf-8")
    ]
    assert found == ["mlcmkd/utils/yaml_files.py"]
