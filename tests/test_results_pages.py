"""Figures on the pages of results: each mean with an interval is that of a table in results/.

Compared are texts such as "4.20 % [4.15, 4.25]". A figure may also be repeated from a table that a
script has written into one of the pages. Pages whose figures come from commands without a table are
left out.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations
from operator import ne
from pathlib import Path

import pytest

from mlcmkd.evaluation.statistics import Interval, difference, gap_closed, interval

ROOT = Path(__file__).parents[1]
MAP = ("student", "labelled", "misalignment_px", "strategy")
SEEDS = {  # table -> columns that identify a method, and columns of errors
    "300w_path_rendered": (("model", "reads", "benchmark", "split"), ("nme_percent",)),
    "coordinate_students": (("benchmark", "model", "method"), ("nme",)),
    "dikd_map": (("benchmark", *MAP), ("nme",)),
    "dikd_map_base": (("student", "strategy"), ("nme",)),
    "injection_gradients": (
        ("student", "state"),
        ("ri_cosine", "ri_ratio", "own_nme", "teacher_nme"),
    ),
    "frontier": (("benchmark", "model", "method"), ("nme",)),
    "kd_loss_forms": (("benchmark", "model", "method"), ("nme",)),
    "invariance_transfer": (
        ("benchmark", "strategy"),
        ("nme", "nme_real", "teacher's head", "CKA", "retrieval"),
    ),
    "knapik_few_shot": (("student", "labels"), ("nme",)),
    "ktl_ablation": (("pairs", "labelled", "strategy"), ("nme",)),
    "ktl_levels": (("route",), ("nme",)),
    "ktl_levels_few_labels": (("route",), ("nme",)),
    "real_thermal": (("benchmark", "strategy"), ("nme",)),
    "real_thermal_few_shot": (("student", "labels"), ("nme",)),
    "recipe": (("variant", "modality", "steps"), ("nme",)),
    "rendered_pretraining": (("variant", "split"), ("nme_photos", "nme_real")),
    "synthetic_ablation": (("variant",), ("nme_real", "nme_simulated")),
}
# Added to a table for comparisons: the other table's methods have the same pairs and seeds.
COMPARED = {
    "kd_loss_teachers": "frontier",
    "ktl_answers": "ktl_ablation",
    "dikd_map_time": "dikd_map",
}
FACES = ("300w_path", "300w_path_rendered", "300w_light_mixed")  # intervals over faces
PAGES = (
    "README.md",
    "docs/results.md",
    *(
        f"docs/results/{name}.md"
        for name in (
            "both_systems",
            "dual_injection",
            "dual_injection_settings",
            "few_labels_of_a_camera",
            "hundred_labels",
            "invariance",
            "kd_loss",
            "ktl_strategies",
            "light_students",
            "mcl_strategies",
            "one_step_or_two_levels",
            "real_input",
            "rendered_pretraining",
            "training_recipe",
            "useful_synthetic_faces",
        )
    ),
)
# The part of a page before this heading has intervals of another kind: rank correlations.
FROM = {"docs/results/invariance.md": "## Over the whole map"}
NUMBER = r"(-?\d+\.\d+)"
# Tables that a script writes; their own tests compare them with the stored runs.
WRITTEN = re.compile(r"<!-- (.+?) -->.*?<!-- end of \1 -->", re.DOTALL)
FIGURE = re.compile(rf"{NUMBER}(?: %| points)? \[{NUMBER}, {NUMBER}\]")


def rows_of(table: str) -> list[dict[str, str]]:
    """The rows of a table; none of one that is not measured yet."""
    path = ROOT / f"results/{table}.csv"
    if not path.is_file():
        return []
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def figures_over_seeds(table: str) -> Iterator[tuple[float, ...]]:
    """Means, paired differences and closed gaps of all methods of a table, with their intervals."""
    names, errors = SEEDS[table]
    rows = rows_of(table) + [
        row for other, first in COMPARED.items() if first == table for row in rows_of(other)
    ]
    # The same network, scored on images and their mirror images, is a method of its own.
    rows += [
        row | {"variant": f"{row['variant']}, flip", "nme": row["nme_flipped"]}
        for row in rows
        if "nme_flipped" in row
    ]
    for error in errors:
        methods: dict[tuple, dict[int, float]] = defaultdict(dict)
        for row in rows:
            if row[error]:
                methods[*(row[name] for name in names)][int(row["seed"])] = float(row[error])
        yield from (interval(list(by_seed.values()))[:3] for by_seed in methods.values())
        teacher = float(rows[0].get("nme_teacher") or 0) if rows else 0
        for (one, a), (other, b) in permutations(methods.items(), 2):
            # A page compares methods that differ in one or two columns; all pairs take half a minute.
            if sum(map(ne, one, other)) <= 2 and a.keys() & b.keys():
                yield difference(a, b)[:3]
                if "none" in one and teacher:
                    yield gap_closed(a, b, teacher)[:3]


def tenth(mean: float) -> int:
    """Key of a figure. A shown mean has one digit at least, so its figure is at most one key away."""
    return round(10 * mean)


@pytest.fixture(scope="module")
def figures() -> dict[int, set[tuple[float, ...]]]:
    """All figures by the tenth of their mean, because pages have hundreds and tables thousands."""
    ends = ("nme_percent", "nme_low_percent", "nme_high_percent")
    over_faces = [tuple(float(row[end]) for end in ends) for name in FACES for row in rows_of(name)]
    written = [
        tuple(map(float, figure))
        for page in PAGES
        for table in WRITTEN.finditer((ROOT / page).read_text(encoding="utf-8"))
        for figure in FIGURE.findall(table[0])
    ]
    # A text may name a difference of -0.27 [-0.32, -0.23] as a gain of 0.27 [0.23, 0.32].
    written += [(-mean, -high, -low) for mean, low, high in written]
    over_seeds = [each for table in SEEDS for each in figures_over_seeds(table)]
    found: dict[int, set[tuple[float, ...]]] = defaultdict(set)
    for figure in over_faces + written + over_seeds:
        found[tenth(figure[0])].add(tuple(figure))
    return found


def is_of(shown: tuple[str, ...], figure: tuple[float, ...]) -> bool:
    """Whether these digits are the rounded figure; with a margin, because tables have three digits."""
    return all(
        abs(float(text) - value) < 0.501 * 10.0 ** -len(text.partition(".")[2]) + 0.001
        for text, value in zip(shown, figure, strict=True)
    )


@pytest.mark.parametrize("page", PAGES)
def test_each_interval_of_a_page_is_that_of_a_table(page, figures):
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    text = text[text.index(FROM.get(page, "")) :]
    shown = FIGURE.findall(text)
    assert len(shown) > 2
    wrong = [
        each
        for each in shown
        if not any(
            is_of(each, figure)
            for key in range(tenth(float(each[0])) - 1, tenth(float(each[0])) + 2)
            for figure in figures.get(key, ())
        )
    ]
    assert not wrong


def mean_scores(table: str, column: str, *names: str) -> dict[tuple[str, ...], float]:
    """The mean of a column over the rows with the same values of some columns."""
    scores: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows_of(table):
        scores[*(row[name] for name in names)].append(float(row[column]))
    return {key: sum(values) / len(values) for key, values in scores.items()}


def test_after_equal_time_validation_prefers_fd_ld_to_fd():
    found = mean_scores("dikd_map_time", "val_nme", "student", "labelled", "strategy")
    settings = [key[:2] for key in found if key[2] == "fd, equal time"]
    assert len(settings) == 4
    assert all(found[*s, "fd+ld, equal time"] < found[*s, "fd, equal time"] for s in settings)


def test_the_weights_of_dikd_with_fd_are_the_best_on_validation_photos():
    found = mean_scores("dikd_map_tuning", "nme", "strategy")  # its split is val
    candidates = [name for (name,) in found if name.startswith("dikd+fd, ")]
    assert len(candidates) == 3
    assert min(candidates, key=lambda name: found[name,]) == "dikd+fd, 1"


def test_claims_about_2000_steps():
    found: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for row in rows_of("dikd_map_time"):
        name, _, steps = row["strategy"].partition(", ")
        if steps == "2000 steps":
            found[row["student"], name][int(row["seed"])] = float(row["nme"])

    def gain(student: str, other: str) -> Interval:
        assert len(found[student, other]) == len(found[student, "dikd+fd+ld"]) == 5
        return difference(found[student, other], found[student, "dikd+fd+ld"])

    fresh, light = "coordinates, fresh", "light, coordinates"
    readme, page = (
        " ".join((ROOT / name).read_text(encoding="utf-8").split())
        for name in ("README.md", "docs/results/dual_injection.md")
    )
    assert f"distillation is left ({gain(fresh, 'fd+ld')}, five seeds)" in readme
    assert f"and {gain(fresh, 'fd+ld')} after 2,000" in page
    assert f"and {gain(light, 'fd+ld')}. The other settings have no longer trainings" in page
    assert not any(gain(student, "fd+ld").excludes_zero for student in (fresh, light))
    beyond = [gain(student, "fd") for student in (fresh, light)]
    assert all(each.excludes_zero for each in beyond)
    assert f"to FD alone {beyond[0].mean:.2f} and {beyond[1].mean:.2f} points are left" in page
