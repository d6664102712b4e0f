"""The page about invariance: its tables by hand, and that they are those of results/."""

import re
from collections import Counter
from pathlib import Path

import pytest

from mlcmkd.course import read_invariance_study
from mlcmkd.evaluation.injection_cells import BASELINES, REGISTERED, STRATEGIES
from mlcmkd.evaluation.invariance.gaps import GAPS
from mlcmkd.evaluation.rank_correlation import rank_correlation
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import with_table
from tests.benchmarks.scripts import load_script

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/results/invariance.md"
TABLE = ROOT / "results/dikd_map_invariance.csv"
LESSON = ROOT / "notebooks/sources/07_invariance.py"
script = load_script("../scripts/invariance_map")


def row(student: str, strategy: str, seed: int, gap: float, nme: float) -> dict[str, str]:
    names = {"benchmark": "photos", "student": student, "strategy": strategy, "seed": str(seed)}
    return names | dict.fromkeys(GAPS, str(gap)) | {"nme": str(nme), "nme_real": str(10 - nme)}


# Errors of two seeds; the gap is a tenth of the error.
ERRORS = {"none": (9, 9.5), "fd+ld": (4, 4.1), "ri": (4.3, 4.5), "dikd+fd+ld": (3, 3.3)}
ROWS = [
    row(f"{student}{labels}", strategy, seed, nme / 10, nme + harder * (strategy == "ri"))
    for student, harder in (("coordinates, fresh", 0), ("coordinates", 1), ("same", 0))
    for labels in (", 100 labels", "", ", 0 labels, 2 px")
    for strategy, errors in ERRORS.items()
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


LIGHT_ROWS = [
    row(f"{student}{labels}", strategy, seed, nme / 10, nme)
    | ({} if "dikd" in strategy else {"student's head": ""})  # only FI trains its adapter
    for student in ("light", "light, coordinates")
    for labels in (", 100 labels", ", 0 labels, 2 px")
    for strategy, errors in {**ERRORS, "dikd": (3.5, 3.8)}.items()
    for seed, nme in enumerate(errors)
    if strategy != "none"
]


def test_the_light_network_has_tables_of_its_own():
    alone, found = script.tables(ROWS), script.tables([*ROWS, *LIGHT_ROWS])
    for name in ("students", "correlations", "correlations with FD or RI"):
        assert found[name] == alone[name], name
    counted = found["students of the light network"]
    assert counted.startswith("32 students in 4 settings: 16 with 100 labels, 0 with all and 16")
    lines = lines_of(found["correlations of the light network"])
    assert lines[0][1:3] == ["benchmark: 100 labels", "benchmark: none"]
    assert [line[0] for line in lines[2:]] == list(GAPS)
    assert {line[1] for line in lines[2:]} == {"**1.00 [1.00, 1.00]**"}
    differences = lines_of(found["differences to fd+ld"])
    assert list(dict.fromkeys(line[0] for line in differences[2:])) == list(script.KINDS)
    assert differences[-1][:4] == [script.KINDS[-1], "dikd+fd+ld", "2", "**-0.90 [-0.90, -0.90]**"]


@pytest.mark.parametrize(
    ("student", "kind"),
    [
        ("coordinates, fresh, 4 px", "coordinate head"),
        ("same, 100 labels", "teacher's head"),
        ("light, coordinates, 0 labels", "light network, coordinate head"),
        ("light", "light network, teacher's kind of head"),
    ],
)
def test_kinds_of_students(student, kind):
    assert script.kind_of({"student": student}) == kind


def test_one_setting_has_no_interval():
    one = [each for each in ROWS if each["student"] == "same"]
    tables = script.tables(one)
    assert lines_of(tables["differences to fd+ld"])[3][:4] == ["teacher's head", "ri", "1", "0.35"]
    # Only one number of labels has rows, so only it has columns.
    heading, _, first, *_ = lines_of(tables["correlations"])
    assert heading[1:] == ["benchmark: all", "real frames: all"] and first[1:] == ["1.00", "-1.00"]


def test_the_second_table_has_the_strategies_with_fd_or_ri():
    terms = {"none": "", "pseudo-labels": "", "dikd": "fi+ri", "dikd, own guide": "fi+ri"}
    terms["dikd+fd+ld"] = "fd+ld+fi+ri"
    weak = {name for name in STRATEGIES if not {"fd", "ri"} & set(terms.get(name, name).split("+"))}
    weak |= {f"{REGISTERED}pseudo-labels"}
    assert set(script.WEAK) == weak and set(BASELINES) - weak == {"fd", "fd+ld"}


def test_strategies_without_fd_and_ri_are_left_out_of_the_second_table():
    # With the gap and the error in another order these rows would change the correlation of 1.
    others = [
        {**each, "strategy": name, **dict.fromkeys(GAPS, "0")}
        for name in ("ld", "fi", "R, pseudo-labels")
        for each in ROWS
        if each["strategy"] == "none"
    ]
    found = script.tables([*ROWS, *others])
    assert "**1.00 [1.00, 1.00]**" not in found["correlations"]
    assert found["correlations with FD or RI"].count("**1.00 [1.00, 1.00]**") == 3 * len(GAPS)


def test_the_script_writes_the_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(re.sub(r"\d\.\d\d \[", "0.00 [", PAGE.read_text(encoding="utf-8")))
    script.main([str(TABLE), str(page)])
    assert "correlations with FD or RI" in capsys.readouterr().out
    page_tables = script.tables(read_invariance_study(TABLE))
    assert all(table in page.read_text(encoding="utf-8") for table in page_tables.values())


def test_a_page_without_markers_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("# Page")
    with pytest.raises(InputError, match="it needs one"):
        script.main([str(TABLE), str(tmp_path / "page.md")])


def test_the_page_has_the_tables_of_the_map():
    page = PAGE.read_text(encoding="utf-8")
    for name, table in script.tables(read_invariance_study(TABLE)).items():
        assert with_table(page, name, table) == page, name


@pytest.mark.parametrize("gap", GAPS)
def test_the_first_table_has_the_correlations_of_its_study(gap):
    # Its intervals are not computed again, because each needs a bootstrap of a second.
    rows = read_invariance_study(ROOT / "results/invariance_transfer.csv")
    shown = re.search(rf"^\| {gap} \|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[0]
    computed = [rank_correlation(rows, gap, error, draws=1)[0] for error in ("nme", "nme_real")]
    assert re.findall(r"(-?\d\.\d\d) \[", shown) == [f"{value:.2f}" for value in computed]


def means_of(table: str, columns: str) -> list[float]:
    """The means of the columns of a table whose heading begins with a word."""
    return [
        float(re.match(r"\**(-?\d\.\d\d)", value)[1])
        for heading, *values in zip(*[lines_of(table)[n] for n in (0, *range(2, 7))], strict=True)
        if columns in heading
        for value in values
    ]


def test_lesson_07_has_the_range_of_the_correlations_with_100_labels():
    table = script.tables(read_invariance_study(TABLE))["correlations"]
    means = means_of(table, "100 labels")
    assert len(means) == 2 * len(GAPS)
    text = " ".join(LESSON.read_text(encoding="utf-8").replace("\n#", "\n").split())
    assert f"with rank correlations from {min(means):.2f} to {max(means):.2f}" in text


def test_lesson_07_has_the_numbers_of_students_and_seeds():
    rows = read_invariance_study(TABLE)
    few = [row for row in rows if script.labels_of(row) == "100"]
    light = sum(row["student"].startswith(script.LIGHT) for row in few)
    seeds = Counter((row["benchmark"], row["student"], row["strategy"]) for row in rows).values()
    assert (min(seeds), max(seeds)) == (2, 5)
    text = LESSON.read_text(encoding="utf-8")
    assert f"{len(few) - light} such students" in text and f"{light} students of a light" in text


def test_claims_about_correlations_in_the_light_network():
    table = script.tables(read_invariance_study(TABLE))["correlations of the light network"]
    heading, _, *lines = lines_of(table)
    clear = {
        (line[0], column): not value.startswith("**-")
        for line in lines
        for column, value in zip(heading[1:], line[1:], strict=True)
        if value.startswith("**")
    }
    labels = ("100 labels", "all", "none")
    heads = ("teacher's head", "student's head")
    assert clear == {(head, f"benchmark: {name}"): True for head in heads for name in labels} | {
        ("retrieval", "benchmark: 100 labels"): True,
        ("probe", "benchmark: all"): False,
        ("probe", "benchmark: none"): False,
        ("teacher's head", "real frames: 100 labels"): True,
        ("retrieval", "real frames: all"): True,
    }


def test_claims_about_strategies_in_the_light_network():
    heading, _, *lines = lines_of(
        script.tables(read_invariance_study(TABLE))["differences to fd+ld"]
    )
    found = {
        line[1]: dict(zip(heading, line, strict=True))
        for line in lines
        if line[0] == "light network, coordinate head"
    }
    better = [found[name] for name in ("ri", "dikd", "dikd+fd+ld")]
    gains = [re.match(r"\*\*-(\d\.\d\d) ", line["NME, benchmark"])[1] for line in better]
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"lower error on the benchmark, by {min(gains)} to {max(gains)} points" in text
    assert all(line["gap: teacher's head"].startswith("**-") for line in better)
    for line in (*better, found["fd"]):
        assert not line["NME, real frames"].startswith("**")
    assert not found["fd"]["NME, benchmark"].startswith("**")
    assert found["fd"]["gap: CKA"].startswith("**-34.")
