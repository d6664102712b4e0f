"""The page about invariance: its tables by hand, and that they are those of results/."""

import re
from pathlib import Path

import pytest

from mlcmkd.course.invariance_summary import GAPS
from mlcmkd.evaluation.rank_correlation import rank_correlation
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import with_table
from tests.benchmarks.scripts import load_script

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/results/invariance.md"
TABLE = ROOT / "results/dikd_map_invariance.csv"
script = load_script("../scripts/invariance_map")


def row(student: str, strategy: str, seed: int, gap: float, nme: float) -> dict[str, str]:
    names = {"benchmark": "photos", "student": student, "strategy": strategy, "seed": str(seed)}
    return names | dict.fromkeys(GAPS, str(gap)) | {"nme": str(nme), "nme_real": str(10 - nme)}


# Errors of two seeds; the gap is a tenth of the error.
STRATEGIES = {"none": (9, 9.5), "fd+ld": (4, 4.1), "ri": (4.3, 4.5), "dikd+fd+ld": (3, 3.3)}
ROWS = [
    row(f"{student}{labels}", strategy, seed, nme / 10, nme + harder * (strategy == "ri"))
    for student, harder in (("coordinates, fresh", 0), ("coordinates", 1), ("same", 0))
    for labels in (", 100 labels", "", ", 0 labels, 2 px")
    for strategy, errors in STRATEGIES.items()
    for seed, nme in enumerate(errors)
]


def lines_of(table: str) -> list[list[str]]:
    return [[word.strip() for word in line.split("|")[1:-1]] for line in table.splitlines()]


def test_students_are_counted_by_labels():
    text = script.tables(ROWS)["students"]
    assert text == "72 students in 9 settings: 24 with 100 labels, 24 with all and 24 with none."


def test_correlations_have_a_column_for_each_error_and_number_of_labels():
    lines = lines_of(script.tables(ROWS)["correlations"])
    assert lines[0][1:] == [
        f"{error}: {labels}"
        for error in ("benchmark", "real frames")
        for labels in ("100 labels", "all", "none")
    ]
    assert [line[0] for line in lines[2:]] == list(GAPS)
    # Where RI is harder its order stays between the others: every correlation is 1, or -1 with the other
    # error, and its interval has no width.
    assert lines[2][1:] == ["**1.00 [1.00, 1.00]**"] * 3 + ["**-1.00 [-1.00, -1.00]**"] * 3


def test_differences_are_paired_by_seed_and_have_an_interval_over_settings():
    lines = lines_of(script.tables(ROWS)["differences to fd+ld"])[2:]
    found = {(line[0], line[1]): line[2:] for line in lines}
    assert list(found) == [
        (head, strategy)
        for head in ("coordinate head", "teacher's head")
        for strategy in ("none", "ri", "dikd+fd+ld")
    ]
    number, nme, real, gap, *_ = found["coordinate head", "dikd+fd+ld"]
    # -1 and -0.8 in each of six settings
    assert number == "6" and nme == "**-0.90 [-0.90, -0.90]**" and real == "**0.90 [0.90, 0.90]**"
    assert gap == "**-0.09 [-0.09, -0.09]**"
    # 0.3 and 0.4 are 0.35 in three settings, 1.35 in three: s = 0.5477, t(0.975, 5) = 2.5706
    assert found["coordinate head", "ri"][1] == "**0.85 [0.28, 1.42]**"
    assert found["teacher's head", "ri"][:2] == ["3", "**0.35 [0.35, 0.35]**"]


def test_one_setting_has_no_interval():
    one = [each for each in ROWS if each["student"] == "same"]
    lines = lines_of(script.markdown_table(script._differences(one)))
    assert lines[3][:4] == ["teacher's head", "ri", "1", "0.35"]


def test_the_script_writes_the_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(re.sub(r"\d\.\d\d \[", "0.00 [", PAGE.read_text(encoding="utf-8")))
    script.main([str(TABLE), str(page)])
    assert "correlations without the weakest" in capsys.readouterr().out
    page_tables = script.tables(script.read_rows(TABLE))
    assert all(table in page.read_text(encoding="utf-8") for table in page_tables.values())


def test_a_page_without_markers_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("# Page")
    with pytest.raises(InputError, match="it needs one"):
        script.main([str(TABLE), str(tmp_path / "page.md")])


def test_the_page_has_the_tables_of_the_map():
    page = PAGE.read_text(encoding="utf-8")
    for name, table in script.tables(script.read_rows(TABLE)).items():
        assert with_table(page, name, table) == page, name


@pytest.mark.parametrize("gap", GAPS)
def test_the_first_table_has_the_correlations_of_its_study(gap):
    # Its intervals are not computed again, because each needs a bootstrap of a second.
    rows = script.read_rows(ROOT / "results/invariance_transfer.csv")
    shown = re.search(rf"^\| {gap} \|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[0]
    computed = [rank_correlation(rows, gap, error, draws=1)[0] for error in ("nme", "nme_real")]
    assert re.findall(r"(-?\d\.\d\d) \[", shown) == [f"{value:.2f}" for value in computed]
