"""Compares the numbers of a run of the course with the project's table, digit by digit.

    make course OUT=runs/course
    python scripts/compare_course.py runs/course

The stored table is of one processor and one version of PyTorch; other machines differ in the last
digits. To check a change of the code, run the course before and after it on one machine, and compare
the two by `--with`.
"""

import argparse
import csv
import sys
from pathlib import Path

STORED = Path(__file__).resolve().parents[1] / "results" / "course_laptop.csv"
TABLE = "results.csv"  # as lesson 08 writes it into the run folder
KEY = ("run", "reads", "split")  # these columns identify a row

Table = dict[tuple[str, ...], dict[str, str]]


def read_table(path: Path) -> tuple[list[str], Table]:
    """Columns and rows of a table, every cell as text.

    Raises:
        SystemExit: no such file, a missing key column, or two rows with one key.
    """
    if not path.is_file():
        raise SystemExit(f"{path}: no such table")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or ())
        if missing := set(KEY) - set(columns):
            raise SystemExit(f"{path}: no column {', '.join(sorted(missing))}")
        rows: Table = {}
        for row in reader:
            key = tuple(row[name] for name in KEY)
            if key in rows:
                raise SystemExit(f"{path}: {' '.join(key)} has two rows")
            rows[key] = row
    return columns, rows


def differences(found: Path, expected: Path) -> list[str]:
    """One line for every difference between two tables; empty where they agree."""
    columns, rows = read_table(found)
    wanted_columns, wanted = read_table(expected)
    lines = []
    if columns != wanted_columns:
        lines.append(f"columns: {', '.join(columns)}; expected {', '.join(wanted_columns)}")
    lines += [f"{' '.join(key)}: missing" for key in wanted if key not in rows]
    lines += [f"{' '.join(key)}: not expected" for key in rows if key not in wanted]
    both = [key for key in wanted if key in rows]
    if [key for key in rows if key in wanted] != both:
        lines.append("the rows are in another order")
    for key in both:
        for name in wanted_columns:
            if name in columns and rows[key][name] != wanted[key][name]:
                difference = f"{rows[key][name]}, expected {wanted[key][name]}"
                lines.append(f"{' '.join(key)}: {name}: {difference}")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Prints the differences; 1 if there are any, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run_folder", type=Path, help=f"work folder of the course, with {TABLE}")
    parser.add_argument(
        "--with",
        dest="expected",
        type=Path,
        default=STORED,
        help="table, or work folder of another run, that is compared with (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    expected = given.expected / TABLE if given.expected.is_dir() else given.expected
    lines = differences(given.run_folder / TABLE, expected)
    print("\n".join(lines) if lines else f"{given.run_folder / TABLE}: the same as {expected}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
