"""The figure of the map of dual injection, and the script that prints its tables."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from mlcmkd.evaluation.injection_cells import Row, in_cells, read_rows
from mlcmkd.evaluation.injection_map import compare
from mlcmkd.plots import injection_map
from mlcmkd.plots.style import BLUE, VERMILION
from mlcmkd.studies.table import add_row
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import with_table
from tests.benchmarks.scripts import load_script
from tests.plots.conftest import drawn

ROOT = Path(__file__).parents[2]
LESSON = ROOT / "notebooks/sources/03_ktl_dikd.py"
script = load_script("../scripts/dikd_map")

# Student, labels, shift, strategy, NME by seed. The validation scores are the same.
PLAN = [
    ("same", 100, 0, "fd+ld", (5.0, 5.1, 5.2)),
    ("same", 100, 0, "dikd", (4.0, 4.11, 4.19)),  # -1, -0.99, -1.01: excludes zero
    ("same", 100, 0, "none", (6.0, 6.1, 6.2)),
    ("same", 100, 4, "dikd", (6.4, 7.0, 7.6)),  # +0.4, +0.9, +1.4 to labels alone: includes zero
    ("same", 100, 4, "R, dikd", (5.9, 5.9, 6.3)),  # -0.1, -0.2, +0.1
    ("light", 0, 0, "ld", (8.0, 8.0)),
    ("light", 0, 0, "dikd+fd+ld", (8.0, 8.0)),
    ("light", 0, 0, "ri", (7.75, 7.75)),
    ("light", 1793, 0, "fi", (8.0, 8.0)),
]


def rows_of(plan) -> list[Row]:
    return [
        Row("300w-sim", student, 1793, labelled, float(shift), name, seed, nme, nme, f"{n}{seed}")
        for n, (student, labelled, shift, name, values) in enumerate(plan)
        for seed, nme in enumerate(values)
    ]


ROWS = rows_of(PLAN)


@pytest.fixture(scope="module")
def drawing():
    """The figure and its texts."""
    compared, _ = compare(in_cells(ROWS))
    names = {"light": "light network", "same": "the teacher's", "absent": "another"}
    return drawn(lambda: injection_map(compared, names, {"300w-sim": "300W"}))


def test_each_cell_has_its_number_marks_and_seeds(drawing):
    figure, words = drawing
    bold = [text.get_text() for axes in figure.axes for text in axes.texts if _is_bold(text)]
    assert bold == ["\N{MINUS SIGN}1.00"] and words.count("\N{BLACK CIRCLE}") == 1
    assert "+0.90" in words and "\N{MINUS SIGN}0.07" in words and "0.00" in words.split("\n")
    assert words.count("n=2") == 1 and "3 seeds unless n= is given" in words


def _is_bold(text) -> bool:
    return text.get_weight() == "bold"


def test_panels_are_labels_and_rows_students(drawing):
    figure, words = drawing
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:2] == ["100 labels", "no labels"], "fully labelled runs have no form"
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["light network", "the teacher's"]
    columns = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes[:2]]
    assert columns == [["0", "4", "4 R"], ["0"]]
    assert figure.axes[0].get_ylabel() == "300W"
    assert "NME points, negative: DIKD is better" in words


def test_benchmarks_are_below_one_another_with_the_same_columns():
    other = [row._replace(benchmark="synthetic", nme=9.0) for row in ROWS[:6]]
    compared, _ = compare(in_cells([*ROWS, *other]))
    figure, _ = drawn(lambda: injection_map(compared))
    panels = figure.axes[:4]
    assert [axes.get_ylabel() for axes in panels] == ["300W", "", "synthetic", ""]
    assert [axes.get_title() for axes in panels] == ["100 labels", "no labels", "", ""]
    assert panels[0].get_xlim() == panels[2].get_xlim()
    numbers = [[text.get_text() for text in axes.texts if text.get_text()] for axes in panels]
    assert numbers[2] == ["0.00"] and not numbers[3], "of its own benchmark only"
    assert len(numbers[0]) > 3


def test_negative_fields_are_blue_and_missing_cells_hatched(drawing):
    figure, _ = drawing
    few = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    hatched = [patch for patch in few if patch.get_hatch()]
    assert [patch.get_y() for patch in hatched] == [-0.5] * 3, "the first row has no such cells"
    negative, positive, _ = (patch.get_facecolor()[:3] for patch in few[3:])
    # The means -1 and +0.9: the nearest end of the map is that of their sign.
    ends = np.array(
        [[int(end[n : n + 2], 16) / 255 for n in (1, 3, 5)] for end in (BLUE, VERMILION)]
    )
    for colour, end in ((negative, 0), (positive, 1)):
        assert np.abs(ends - colour).sum(axis=1).argmin() == end
    assert sum(bool(patch.get_hatch()) for patch in figure.axes[1].patches) == 1
    _, words = drawn(lambda: injection_map(compare(in_cells(ROWS[:6]))[0]))
    assert "not run" in drawing[1] and "not run" not in words


def test_no_cell_and_one_cell():
    with pytest.raises(InputError, match="the map has no cell"):
        injection_map([])
    compared, _ = compare(in_cells(ROWS[:6]))
    drawn(lambda: injection_map(compared))


def lines_of(text: str) -> list[list[str]]:
    """The cells of a Markdown table, without its rule."""
    lines = [[word.strip() for word in line.split("|")[1:-1]] for line in text.splitlines()]
    return [lines[0], *lines[2:]]


def test_the_tables_of_the_script():
    cells = in_cells(ROWS)
    found = script.tables(cells, compare(cells)[0])
    settings = lines_of(found["settings"])
    assert settings[1] == [
        "300W", "100", "0", "teacher's network", "dikd", "4.10", "fd+ld", "5.10",
        "**-1.00 [-1.02, -0.98]**", "3", "-2.00 [-2.02, -1.98]",
    ]  # fmt: skip
    assert [line[2] for line in settings[1:]] == ["0", "4", "4, registered", "0"]
    assert settings[4][-1] == "", "no run with labels only"
    assert found["number of settings"].startswith(
        "4 settings: dual injection has the lower mean in 2 (1 "
    )
    # Without registration: -1, +0.9 (teacher's network) and 0 (light network).
    means = {line[0]: line[1:] for line in lines_of(found["mean gains"])}
    assert means["settings"] == ["teacher's head", "coordinate head"]
    assert means["all settings"] == ["-0.03 [-2.39, 2.33] (3)", ""]
    assert means["100 labels"] == means["teacher's weights"] == ["-0.05 [-12.12, 12.02] (2)", ""]
    assert means["no labels"] == means["light network"] == ["0.00 (1)", ""]
    assert means["4 px"] == ["0.90 (1)", ""] and "random weights" not in means, "no such students"
    assert [name for name in found if name.startswith("strategies")] == [
        "strategies, teacher's head"
    ]
    differences = lines_of(found["strategies, teacher's head"])
    assert differences[0] == ["strategy", "all settings", "100 labels", "teacher's weights"]
    # The student with pairs shifted by 4 px has no FD+LD, the other strategies no common cell with it.
    assert differences[1:] == [["none", *["1.00 (1)"] * 3], ["dikd", *["-1.00 (1)"] * 3]]


def test_shifted_pairs_with_all_labels_are_beside_labels_only():
    plan = [
        ("same", 1793, 0, "none", (6.0, 6.2)),  # labels only: one run for all shifts
        ("same", 1793, 0, "dikd", (5.0, 5.0)),  # not shifted
        ("same", 1793, 2, "dikd", (6.0, 6.2)),
        ("same", 1793, 4, "dikd", (5.5, 5.9)),  # -0.5 and -0.3
        ("same", 100, 4, "dikd", (5.0, 5.0)),  # not all labelled
    ]
    cells = in_cells(rows_of(plan))
    table = script.tables(cells, compare(cells)[0])["shifted pairs, all labels"]
    # The mean of 0 and -0.4; half of the interval is t(0.975, 1) * 0.2 = 12.7062 * 0.2.
    assert lines_of(table) == [
        ["strategy", "teacher's head", "coordinate head"],
        ["dikd", "-0.20 [-2.74, 2.34] (2)", ""],
    ]


def test_the_script_draws_and_writes_its_tables_into_the_pages(tmp_path, capsys):
    for row in ROWS:
        add_row(tmp_path / "table.csv", Row._fields, row._asdict())
    page = tmp_path / "dual_injection.md"
    page.write_text("Before\n<!-- settings -->\nold\n<!-- end of settings -->\nAfter\n")
    (tmp_path / "other.md").write_text("<!-- settings -->")
    files = [str(tmp_path / name) for name in ("table.csv", "map.png")]
    script.main([*files, "--pages", str(tmp_path)])
    assert (tmp_path / "map.png").stat().st_size > 10_000
    written = page.read_text()
    assert "-1.00 [-1.02, -0.98]" in written and "old" not in written and "After" in written
    assert (tmp_path / "other.md").read_text() == "<!-- settings -->"
    printed = capsys.readouterr().out
    assert "left out: 300w-sim, light, all labels, 0 px: no form with dual injection" in printed
    assert "4 settings: dual injection" in printed


def test_the_pages_have_the_tables_of_the_stored_runs():
    cells = in_cells(read_rows(ROOT / "results/dikd_map.csv"))
    found = script.tables(cells, compare(cells)[0])
    pages = [page.read_text() for page in (ROOT / "docs/results").glob("dual_injection*.md")]
    for name, table in found.items():
        # `with_table` changes nothing in a page that is up to date.
        own = [page for page in pages if f"<!-- {name} -->" in page]
        assert own and all(with_table(page, name, table) == page for page in own), name


def test_lesson_03_has_the_mean_gains_of_photos():
    rows = read_rows(ROOT / "results/dikd_map.csv")
    cells = in_cells(row for row in rows if row.benchmark == "300w-sim")
    lines = lines_of(script.tables(cells, compare(cells)[0])["mean gains"])[1:]
    own, other = ({line[0]: float(line[n].strip("*").split()[0]) for line in lines} for n in (1, 2))
    text = " ".join(LESSON.read_text(encoding="utf-8").replace("\n#", "\n").split())
    assert "coordinate head gain 0.2 points on average" in text
    assert round(-other["all settings"], 1) == 0.2 and max(other.values()) < 0
    assert other["light network"] == min(other.values()), "most of all as a light network"
    assert "Nothing on average; below 0.1 points for each kind of student" in text
    assert abs(own["all settings"]) < 0.05
    assert all(abs(own[kind]) < 0.1 for kind in script.KINDS.values())
