"""The page about invariance: its tables by hand, and that they are those of results/."""

import csv
import re
from collections import Counter
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from scipy import stats

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
FITTED = ROOT / "results/dikd_map_invariance_fitted.csv"
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


@cache
def stored_tables() -> dict[str, str]:
    return script.tables(read_invariance_study(TABLE), read_invariance_study(FITTED))


def lines_of(table: str) -> list[list[str]]:
    return [[word.strip() for word in line.split("|")[1:-1]] for line in table.splitlines()]


def test_students_are_counted_by_labels():
    text = script.tables(ROWS, ROWS)["students"]
    assert text == "72 students in 9 settings: 24 with 100 labels, 24 with all and 24 with none."


def test_correlations_have_a_column_for_each_error_and_number_of_labels():
    lines = lines_of(script.tables(ROWS, ROWS)["correlations"])
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
    lines = lines_of(script.tables(ROWS, ROWS)["differences to fd+ld"])[2:]
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


WITHOUT_ADAPTER = dict.fromkeys(("teacher's head", "retrieval", "probe"), "")
LIGHT_ROWS = [
    row(f"{student}{labels}", strategy, seed, nme / 10, nme)
    | ({} if "dikd" in strategy else {"student's head": ""})  # only FI trains its adapter
    | (WITHOUT_ADAPTER if strategy == "none" else {})
    for student in ("light", "light, coordinates")
    for labels in (", 100 labels", ", 0 labels, 2 px")
    for strategy, errors in {**ERRORS, "dikd": (3.5, 3.8)}.items()
    for seed, nme in enumerate(errors)
]


def test_the_light_network_has_tables_of_its_own():
    alone, found = script.tables(ROWS, ROWS), script.tables([*ROWS, *LIGHT_ROWS], [])
    for name in ("students", "correlations", "correlations with FD or RI"):
        assert found[name] == alone[name], name
    assert alone["correlations by adapters"] == script.NOBODY
    assert alone["differences by fitted maps"] == script.NOBODY
    counted = found["students of the light network"]
    assert counted.startswith("40 students in 4 settings: 20 with 100 labels, 0 with all and 20")
    assert found["students with adapters"].startswith("32 students in 4 settings: 16 with 100")
    lines = lines_of(found["correlations by adapters"])
    assert lines[0][1:3] == ["benchmark: 100 labels", "benchmark: none"]
    assert [line[0] for line in lines[2:]] == list(GAPS)
    assert {line[1] for line in lines[2:]} == {"**1.00 [1.00, 1.00]**"}
    differences = lines_of(found["differences to fd+ld"])
    assert list(dict.fromkeys(line[0] for line in differences[2:])) == list(script.KINDS)
    assert differences[-1][:4] == [script.KINDS[-1], "dikd+fd+ld", "2", "**-0.90 [-0.90, -0.90]**"]
    strategies = [line[1] for line in differences[2:] if line[0] == script.KINDS[-1]]
    assert strategies == ["ri", "dikd", "dikd+fd+ld"]  # without "none", which has no adapter


def test_fitted_maps_rank_every_strategy():
    # Gaps in another order than the errors, so that the two choices of strategies differ.
    gaps = {"none": "9", "fd+ld": "3", "ri": "1", "dikd": "4", "dikd+fd+ld": "5"}
    fitted = [each | dict.fromkeys(GAPS, gaps[each["strategy"]]) for each in LIGHT_ROWS]
    fitted += ROWS  # students of the teacher's width are not shown
    found = script.tables(ROWS, fitted)
    light, some = (
        lines_of(found[f"correlations by fitted maps{which}"]) for which in ("", " with FD or RI")
    )
    few = [each for each in fitted if each["student"] == "light, 100 labels"]
    for lines, rows in ((light, few), (some, [each for each in few if each["strategy"] != "none"])):
        expected = stats.spearmanr(
            [float(each["CKA"]) for each in rows], [float(each["nme"]) for each in rows]
        )
        mean = f"{expected.statistic:.2f}"
        assert {line[1].strip("*") for line in lines[2:]} == {f"{mean} [{mean}, {mean}]"}
    differences = lines_of(found["differences by fitted maps"])[2:]
    assert [line[1] for line in differences if line[0] == script.KINDS[-1]] == [
        "none", "ri", "dikd", "dikd+fd+ld",
    ]  # fmt: skip
    assert differences[0][5:7] == ["**6.00 [6.00, 6.00]**"] * 2  # gaps of 9 and 3, in both seeds


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
    tables = script.tables(one, [])
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
    found = script.tables([*ROWS, *others], [])
    assert "**1.00 [1.00, 1.00]**" not in found["correlations"]
    assert found["correlations with FD or RI"].count("**1.00 [1.00, 1.00]**") == 3 * len(GAPS)


def test_the_script_writes_the_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(re.sub(r"\d\.\d\d \[", "0.00 [", PAGE.read_text(encoding="utf-8")))
    figure = tmp_path / "figure.png"
    script.main([str(TABLE), str(FITTED), str(page), "--figure", str(figure)])
    assert figure.stat().st_size > 10_000
    assert "correlations with FD or RI" in capsys.readouterr().out
    assert all(table in page.read_text(encoding="utf-8") for table in stored_tables().values())


def test_tables_by_the_other_kind_of_maps_are_refused():
    with pytest.raises(InputError, match="has rows by fitted maps; give a table with trained ones"):
        script.main([str(FITTED), str(TABLE), str(PAGE)])


def test_the_figure_has_the_correlations_and_intervals_of_the_tables():
    rows, fitted = (read_invariance_study(path) for path in (TABLE, FITTED))
    panels = script.figure_of(rows, fitted).axes
    names = ("correlations", "correlations with FD or RI")
    names += ("correlations by fitted maps", "correlations by fitted maps with FD or RI")
    expected = [lines_of(stored_tables()[name]) for name in names]
    assert len(panels) == 2 * len(expected)
    for panel, (table, error) in zip(
        panels, product(expected, ("benchmark", "real frames")), strict=True
    ):
        assert panel.get_title().startswith(error)
        heading, _, *lines = table
        columns = [n for n, name in enumerate(heading) if name.startswith(error)]
        for n, drawn in zip(columns, panel.containers, strict=True):
            points, _, (bars,) = drawn
            shown = [
                f"{mean:.2f} [{low:.2f}, {high:.2f}]"
                for mean, ((low, _), (high, _)) in zip(
                    points.get_xdata(), bars.get_segments(), strict=True
                )
            ]
            assert shown == [line[n].strip("*") for line in lines]


def test_a_page_without_markers_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("# Page")
    with pytest.raises(InputError, match="it needs one"):
        script.main([str(TABLE), str(FITTED), str(tmp_path / "page.md")])


def test_the_page_has_the_tables_of_the_map():
    page = PAGE.read_text(encoding="utf-8")
    for name, table in stored_tables().items():
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


def lesson_07() -> str:
    return " ".join(LESSON.read_text(encoding="utf-8").replace("\n#", "\n").split())


def test_lesson_07_has_the_range_of_the_correlations_with_100_labels():
    means = means_of(stored_tables()["correlations"], "100 labels")
    assert len(means) == 2 * len(GAPS)
    assert f"with rank correlations from {min(means):.2f} to {max(means):.2f}" in lesson_07()
    means = means_of(stored_tables()["correlations by fitted maps"], "100 labels")
    probe = [value for value in means if value < 0]
    others = [value for value in means if value > 0]
    assert len(probe) == 2 and len(others) == 8
    assert f"with {min(others):.2f} to {max(others):.2f}, and the probe does not" in lesson_07()


def test_lesson_07_has_the_numbers_of_students_and_seeds():
    rows = read_invariance_study(TABLE)
    few = [row for row in rows if script.labels_of(row) == "100"]
    light = sum(row["student"].startswith(script.LIGHT) for row in few)
    seeds = Counter((row["benchmark"], row["student"], row["strategy"]) for row in rows).values()
    assert (min(seeds), max(seeds)) == (2, 5)
    assert f"{len(few) - light} such students" in lesson_07()
    assert f"In {light} students of a light network" in lesson_07()


def test_the_stored_tables_have_every_run_of_the_map():
    with (ROOT / "results/dikd_map.csv").open(newline="", encoding="utf-8") as file:
        runs = {row["run"]: row["student"] for row in csv.DictReader(file)}
    trained, fitted = (
        {row["run"]: row for row in read_invariance_study(path)} for path in (TABLE, FITTED)
    )
    assert set(trained) == set(runs)
    assert set(fitted) == {run for run, name in runs.items() if name.startswith(script.LIGHT)}
    for run, row in fitted.items():  # what does not depend on a map
        for column in ("student", "strategy", "seed", "nme", "nme_real", "CKA"):
            assert row[column] == trained[run][column], (run, column)
        assert all(row[gap] for gap in GAPS), run
    empty = {row["strategy"] for row in trained.values() if not row["teacher's head"]}
    assert empty == set(script.WEAK)


def clear_correlations(name: str) -> dict[tuple[str, str], bool]:
    """Of a table, gap and column whose interval excludes zero; whether the correlation is positive."""
    heading, _, *lines = lines_of(stored_tables()[name])
    return {
        (line[0], column): not value.startswith("**-")
        for line in lines
        for column, value in zip(heading[1:], line[1:], strict=True)
        if value.startswith("**")
    }


def test_claims_about_correlations_in_the_light_network():
    clear = clear_correlations("correlations by adapters")
    labels = ("100 labels", "all", "none")
    heads = ("teacher's head", "student's head")
    assert clear == {(head, f"benchmark: {name}"): True for head in heads for name in labels} | {
        ("retrieval", "benchmark: 100 labels"): True,
        ("probe", "benchmark: all"): False,
        ("probe", "benchmark: none"): False,
        ("teacher's head", "real frames: 100 labels"): True,
        ("retrieval", "real frames: all"): True,
    }


def test_claims_about_correlations_by_fitted_maps():
    every, some = (
        clear_correlations(f"correlations by fitted maps{which}")
        for which in ("", " with FD or RI")
    )
    for clear in (every, some):
        for head in ("teacher's head", "student's head"):
            assert all(clear[head, f"benchmark: {name}"] for name in ("100 labels", "all", "none"))
    real = {where: positive for where, positive in every.items() if "real frames" in where[1]}
    assert sum(real.values()) == 9
    assert not any(positive for (gap, _), positive in real.items() if gap == "probe")
    assert {where for where in some if "real frames" in where[1]} == {
        ("teacher's head", "real frames: 100 labels"),
        ("teacher's head", "real frames: all"),
        ("student's head", "real frames: 100 labels"),
    }
    assert all(some.values())


def test_claims_about_strategies_by_fitted_maps():
    found = {
        (name, *line[:2]): line[5]  # gap of the teacher's head
        for name in ("differences to fd+ld", "differences by fitted maps")
        for line in lines_of(stored_tables()[name])[2:]
    }

    def gap(strategy: str, kind: int = 2, name: str = "differences by fitted maps") -> str:
        return found[name, script.KINDS[kind], strategy]

    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    adapters = [gap(name, name="differences to fd+ld") for name in ("ri", "dikd")]
    assert [value[:7] for value in adapters] == ["**-0.47", "**-0.51"]
    assert "by 0.47 and 0.51 points through the adapters" in text
    assert [gap(name)[:5] for name in ("ri", "dikd")] == ["-0.03", "-0.06"]
    assert "through fitted maps by 0.03 and 0.06" in text
    assert gap("dikd+fd+ld").startswith("**-0.36") and "FD+LD keeps 0.36 points" in text
    for strategy, points in (("pseudo-labels", 22), ("ld", 22), ("fi", 15)):
        assert round(float(gap(strategy).strip("*").split()[0])) == points
    assert [gap(name, 3)[:6] for name in ("pseudo-labels", "ld")] == ["**0.21", "**0.22"]
    assert "0.21 points larger for pseudo-labels than for FD+LD, and 0.22 for LD" in text
    for strategy in ("pseudo-labels", "ld"):
        points = float(gap(strategy, 1, "differences to fd+ld").strip("*").split()[0])
        assert round(points) == 26


def test_claims_about_strategies_in_the_light_network():
    heading, _, *lines = lines_of(stored_tables()["differences to fd+ld"])
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
