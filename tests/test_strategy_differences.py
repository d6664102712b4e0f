"""A strategy beside the others, from tables of sweeps: differences by hand, settings kept apart."""

import pytest

from mlcmkd.utils.errors import InputError
from tests.benchmarks.scripts import load_script

script = load_script("../scripts/strategy_differences")
COLUMNS = "benchmark,student,labelled,misalignment_px,strategy,seed,nme,run"


def table(path, *rows: str):
    path.write_text("\n".join([COLUMNS, *(f"photos,{row},r" for row in rows)]), encoding="utf-8")
    return path


def test_differences_are_paired_by_seed_within_a_setting(tmp_path):
    first = table(
        tmp_path / "a.csv",
        "same,100,0.0,dikd,0,3.0",
        "same,100,0.0,dikd,1,5.0",
        "same,100,0.0,none,0,4.0",
        "same,100,4.0,dikd,0,3.5",
        "other,100,0.0,fd,0,9.0",
    )
    second = table(tmp_path / "b.csv", "same,100,0.0,fd,0,3.5", "same,100,0.0,fd,1,5.5")
    lines = script.differences(script.read_errors([first, second]), "dikd")
    found = [(e["shift (px)"], e["compared with"], e["difference"], e["seeds"]) for e in lines]
    # Labels alone do not depend on the shift; another student is another setting.
    assert found == [
        ("0", "none", "-1.00 (one seed)", "1"),
        ("0", "fd", "-0.50 [-0.50, -0.50]", "2"),
        ("4", "none", "-0.50 (one seed)", "1"),
    ]


def test_bad_input(tmp_path):
    path = table(tmp_path / "a.csv", "same,100,0.0,dikd,0,3.0")
    with pytest.raises(InputError, match="no run of 'fd' beside another strategy"):
        script.differences(script.read_errors([path]), "fd")
    with pytest.raises(InputError, match=r"a.csv: run r is a repetition"):
        script.read_errors([path, path])
