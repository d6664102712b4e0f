"""A table and two figures of many runs, made from their directories.

    mlcmkd report RUNS... --out report

    report.md, report.html   the table, the runs that are not complete, the figures
    runs.csv                 one row per run, for `pandas.read_csv`
    nme.png, training.png    NME of every configuration; validation NME over the steps

Runs that differ only in the seed form one configuration. Runs without a result are listed and counted: a
mean over the completed runs alone would favour methods that often fail.
"""

import base64
import csv
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.plots import nme_by_configuration, training_by_configuration
from mlcmkd.studies.configurations import Configuration, StoredRun, by_configuration, read_runs
from mlcmkd.training.run_directory import write_atomically
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table
from mlcmkd.utils.writing import replacing

Line = dict[str, str]  # a line of the table: heading -> text


def write_report(folders: Sequence[Path], out: Path, against: str | None = None) -> str:
    """Writes the report's files into `out`, and returns its Markdown.

    Args:
        folders: run directories, or folders that contain some.
        out: folder of the report.
        against: part of the name of the configuration with which the others are compared, seed by
            seed. None for the one with strategy "none", if there is one.

    Raises:
        InputError: as `read_runs` and `by_configuration`; or `against` matches no configuration, or
            several.
    """
    runs = read_runs(folders)
    configurations = by_configuration(runs)
    base = _base(configurations, against)
    lines = [_line(configuration, base) for configuration in configurations]
    failed = [run for configuration in configurations for run in configuration.failed]
    out.mkdir(parents=True, exist_ok=True)
    pictures = {name: _png(figure) for name, figure in _figures(configurations).items()}
    for name, picture in pictures.items():
        with replacing(out / f"{name}.png") as part:
            part.write_bytes(picture)
    _write_csv(out / "runs.csv", runs)
    text = _markdown(lines, base, failed, list(pictures))
    write_atomically(out / "report.md", text)
    write_atomically(out / "report.html", _html(lines, base, failed, pictures))
    return text


def to_tensorboard(folders: Sequence[Path], out: Path) -> None:
    """Writes every run's log as TensorBoard events, one sub-folder per run.

    Raises:
        InputError: as `read_runs`, or tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError("tensorboard is not installed; `pip install tensorboard`") from None
    for run in read_runs(folders):
        with SummaryWriter(str(out / run.path.name)) as writer:
            for line in run.metrics:
                for name, value in line.items():
                    if name != "step":
                        writer.add_scalar(name, value, int(line["step"]))


def _base(configurations: Sequence[Configuration], against: str | None) -> Configuration | None:
    """The configuration with which the others are compared."""
    if against is None:
        plain = [each for each in configurations if "strategy=none" in each.name.split(", ")]
        return plain[0] if len(plain) == 1 else None
    matches = [each for each in configurations if against in each.name]
    if len(matches) != 1:
        names = "; ".join(each.name for each in configurations)
        raise InputError(f"--against {against}: fits {len(matches)} configurations of: {names}")
    return matches[0]


def _line(configuration: Configuration, base: Configuration | None) -> Line:
    completed, by_seed = len(configuration.completed), configuration.by_seed
    total = completed + len(configuration.failed)
    line = {
        "configuration": configuration.name,
        "seeds": f"{completed}" + (f" of {total}" if configuration.failed else ""),
        "NME (%)": interval(list(by_seed.values())).text() if completed else "none completed",
        "measured on": configuration.measured_on if completed else "",
    }
    if base is not None:
        paired = configuration is not base and set(by_seed) & set(base.by_seed)
        line["difference"] = difference(by_seed, base.by_seed).text() if paired else ""
    return line


def _figures(configurations: Sequence[Configuration]) -> dict[str, Figure]:
    figures = {}
    nme = {each.name: each.by_seed for each in configurations if each.completed}
    if nme:
        figures["nme"] = nme_by_configuration(nme)
    logs = {
        each.name: [run.metrics for run in each.completed if run.metrics] for each in configurations
    }
    if any(logs.values()):
        figures["training"] = training_by_configuration({k: v for k, v in logs.items() if v})
    return figures


def _png(figure: Figure) -> bytes:
    stored = io.BytesIO()
    figure.savefig(stored, format="png", dpi=110)
    return stored.getvalue()


def _caption(base: Configuration | None) -> str:
    text = "Mean over seeds and its 95 % interval (Student's t)."
    if base is None:
        return text
    return f"{text} Difference: from “{base.name}”, paired by seed; below zero is better."


def _failures(failed: Sequence[StoredRun]) -> list[str]:
    lines = []
    for run in failed:
        last = f"last logged step {run.metrics[-1]['step']}" if run.metrics else "nothing logged"
        lines.append(f"{run.path} (seed {run.seed}): {last}")
    return lines


def _markdown(
    lines: Sequence[Line],
    base: Configuration | None,
    failed: Sequence[StoredRun],
    pictures: Sequence[str],
) -> str:
    parts = ["# Report", _caption(base), markdown_table(lines)]
    if failed:
        parts.append("Not completed:\n\n" + "\n".join(f"- {line}" for line in _failures(failed)))
    parts += [f"![{name}]({name}.png)" for name in pictures]
    return "\n\n".join(parts) + "\n"


def _html(
    lines: Sequence[Line],
    base: Configuration | None,
    failed: Sequence[StoredRun],
    pictures: dict[str, bytes],
) -> str:
    """One file that includes its figures."""

    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    body = [row(lines[0], "th"), *(row(line.values(), "td") for line in lines)]
    parts = [
        "<!doctype html><meta charset='utf-8'><title>Report</title>",
        "<style>body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse}td,th{padding:.3em .8em;border-bottom:1px solid #ccc;"
        "text-align:left}img{max-width:100%}</style>",
        "<h1>Report</h1>",
        f"<p>{html.escape(_caption(base))}</p><table>{''.join(body)}</table>",
    ]
    if failed:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in _failures(failed))
        parts.append(f"<h2>Not completed</h2><ul>{items}</ul>")
    parts += [
        f"<p><img alt='{name}' src='data:image/png;base64,{base64.b64encode(data).decode()}'></p>"
        for name, data in pictures.items()
    ]
    return "\n".join(parts) + "\n"


def _write_csv(path: Path, runs: Sequence[StoredRun]) -> None:
    rows = [
        {
            "run": str(run.path),
            "stage": run.stage,
            "seed": run.seed,
            "ended": run.result is not None,
        }
        | run.config
        | {f"result.{name}": value for name, value in (run.result or {}).items()}
        for run in runs
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue())
