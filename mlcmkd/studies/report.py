"""One table and two figures of many runs, from their directories alone.

    mlcmkd report RUNS... --out report

    report.md, report.html   the table, the runs that did not end, the figures
    runs.csv                 a row a run, for `pandas.read_csv`
    nme.png, training.png    NME of every configuration; validation NME over the steps

Runs that differ in nothing but the seed are one configuration. A run that has no result is counted
as not ended and named: an average over the survivors would flatter whoever fails most.
"""

import base64
import csv
import html
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.plots import nme_by_configuration, training_by_configuration
from mlcmkd.studies.reuse import TEACHERS
from mlcmkd.training.run_directory import (
    CONFIG,
    METRICS,
    PROVENANCE,
    RESULT,
    read_metrics,
    write_atomically,
)
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table

_PLACES = ("out", "seed")  # of a config: where a run lies, and what its configurations share out
_SCORES = "score-test"  # the folder of a run's scores on the test split, where a sweep made them


@dataclass(frozen=True)
class RunFacts:
    """What a run directory says.

    Attributes:
        path: the directory.
        stage: "train", "transfer", ...
        config: dotted field -> value, without places and seed; teachers by their run's name.
        seed: of the run.
        result: result.json, of the test split where the run has been scored on it; None for a run
            that did not end.
        metrics: the lines of its log.
    """

    path: Path
    stage: str
    config: dict[str, Any]
    seed: int
    result: dict[str, Any] | None
    metrics: list[dict[str, float]]

    @property
    def nme(self) -> float:
        """NME in percent; only of a run that ended."""
        return float(self.result["nme_percent"])


@dataclass(frozen=True)
class Group:
    """Runs that differ in the seed alone.

    Attributes:
        name: what tells this configuration from the others.
        stage: of all of them.
        ended, failed: runs with and without a result.
    """

    name: str
    stage: str
    ended: tuple[RunFacts, ...]
    failed: tuple[RunFacts, ...]

    @property
    def by_seed(self) -> dict[int, float]:
        """NME in percent by seed."""
        return {run.seed: run.nme for run in self.ended}

    @property
    def measured(self) -> str:
        """Which split, side and normaliser the NME is of."""
        told = self.ended[0].result
        return f"{told['split']}, {told['modality']}, {told['normaliser']}"


def read_runs(folders: Iterable[Path]) -> list[RunFacts]:
    """Every training run in these folders and below them, by path.

    Raises:
        InputError: a folder that is not there, a file that cannot be read, or no run at all.
    """
    found = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; give run directories, or what holds them")
        for path in folder.rglob(PROVENANCE):
            facts = _read_run(path.parent)
            if facts is not None:
                found[path.parent.resolve()] = facts
    if not found:
        raise InputError(f"{', '.join(map(str, folders))}: no training run below")
    return [found[path] for path in sorted(found)]


def grouped(runs: Sequence[RunFacts]) -> list[Group]:
    """Runs by configuration, in the order of their names.

    Raises:
        InputError: two runs of one configuration and seed that do not agree.
    """
    alike: defaultdict[str, list[RunFacts]] = defaultdict(list)
    for run in runs:
        alike[json.dumps([run.stage, run.config], sort_keys=True)].append(run)
    names = _names([members[0] for members in alike.values()])
    groups = []
    for name, members in zip(names, alike.values(), strict=True):
        ended: dict[int, RunFacts] = {}
        for run in members:
            if run.result is None:
                continue
            other = ended.setdefault(run.seed, run)
            if other.nme != run.nme:
                raise InputError(
                    f"{other.path} and {run.path}: one configuration and seed, two results; leave "
                    "one of them out"
                )
        failed = tuple(r for r in members if r.result is None and r.seed not in ended)
        groups.append(Group(name, members[0].stage, tuple(ended.values()), failed))
    return sorted(groups, key=lambda group: _natural(group.name))


def write_report(folders: Sequence[Path], out: Path, against: str | None = None) -> str:
    """Writes the report's files into `out`, and returns its Markdown.

    Args:
        against: part of a configuration's name; the others are compared with it, seed by seed.
            None for the one without a strategy, where there is one.

    Raises:
        InputError: as `read_runs` and `grouped`; or `against` fits none, or several.
    """
    runs = read_runs(folders)
    groups = grouped(runs)
    base = _base(groups, against)
    lines = [_line(group, base) for group in groups]
    table = markdown_table(lines)
    ended = {group.name: group.by_seed for group in groups if group.ended}
    figures = {"nme": nme_by_configuration(ended)} if ended else {}
    logs = {g.name: [run.metrics for run in g.ended if run.metrics] for g in groups}
    if any(logs.values()):
        figures["training"] = training_by_configuration({k: v for k, v in logs.items() if v})
    out.mkdir(parents=True, exist_ok=True)
    pictures = {}
    for name, figure in figures.items():
        stored = io.BytesIO()
        figure.savefig(stored, format="png", dpi=110)
        pictures[name] = stored.getvalue()
        (out / f"{name}.png").write_bytes(pictures[name])
    _write_csv(out / "runs.csv", runs)
    failed = [run for group in groups for run in group.failed]
    text = _markdown(table, base, failed, list(pictures))
    write_atomically(out / "report.md", text)
    write_atomically(out / "report.html", _html(lines, base, failed, pictures))
    return text


def to_tensorboard(folders: Sequence[Path], out: Path) -> None:
    """Writes every run's log as TensorBoard events, a sub-folder a run.

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


def _read_run(path: Path) -> RunFacts | None:
    """A run directory; None for one that trains nothing (scores, exports, notebooks)."""
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        stage = json.loads((path / PROVENANCE).read_text(encoding="utf-8"))["stage"]
        if "fit" not in config:
            return None
        scores = [path / _SCORES / RESULT, path / RESULT]
        there = [each for each in scores if each.is_file()] if scores[1].is_file() else []
        result = json.loads(there[0].read_text(encoding="utf-8")) if there else None
        metrics = read_metrics(path) if (path / METRICS).is_file() else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a run directory that can be read ({error!r})") from None
    seed = int(config.get("seed", 0))
    for name in TEACHERS:
        if config.get(name):
            # Every seed may have its own teacher; `teacher-s0` and `teacher-s1` are one kind.
            config[name] = re.sub(r"-s\d+$", "", Path(config[name]).parent.name)
    flat = {k: v for k, v in _flat(config).items() if k not in _PLACES}
    return RunFacts(path, stage, flat, seed, result, metrics)


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat


def _names(runs: Sequence[RunFacts]) -> list[str]:
    """What tells each configuration from the others: the stage, and the fewest fields, in their
    order, that do; a weight that follows from the strategy says nothing more."""
    fields = list(dict.fromkeys(name for run in runs for name in run.config))
    several = len({run.stage for run in runs}) > 1
    told: list[tuple[str, ...]] = [(run.stage,) if several else () for run in runs]
    for name in fields:
        further = [
            (*words, f"{name.rpartition('.')[2]}={run.config[name]}")
            if name in run.config
            else words
            for words, run in zip(told, runs, strict=True)
        ]
        if len(set(further)) > len(set(told)):
            told = further
    return [", ".join(words) or run.stage for words, run in zip(told, runs, strict=True)]


def _natural(name: str) -> list[tuple[float, str]]:
    """A key that puts 10 after 4."""
    parts = re.findall(r"[0-9.]+|[^0-9.]+", name)
    return [(float(p), "") if re.fullmatch(r"[0-9]+(\.[0-9]+)?", p) else (-1, p) for p in parts]


def _base(groups: Sequence[Group], against: str | None) -> Group | None:
    if against is None:
        fits = [group for group in groups if "strategy=none" in group.name.split(", ")]
        return fits[0] if len(fits) == 1 else None
    fits = [group for group in groups if against in group.name]
    if len(fits) != 1:
        names = "; ".join(group.name for group in groups)
        raise InputError(f"--against {against}: fits {len(fits)} configurations of: {names}")
    return fits[0]


def _line(group: Group, base: Group | None) -> dict[str, str]:
    total = len(group.ended) + len(group.failed)
    line = {
        "configuration": group.name,
        "seeds": f"{len(group.ended)}" + (f" of {total}" if group.failed else ""),
        "NME (%)": interval(list(group.by_seed.values())).text() if group.ended else "none ended",
        "measured on": group.measured if group.ended else "",
    }
    if base is not None:
        paired = group is not base and set(group.by_seed) & set(base.by_seed)
        line["difference"] = difference(group.by_seed, base.by_seed).text() if paired else ""
    return line


def _caption(base: Group | None) -> str:
    text = "Mean over seeds and its 95 % interval (Student's t)."
    if base is None:
        return text
    return f"{text} Difference: from “{base.name}”, paired by seed; below zero is better."


def _not_ended(failed: Sequence[RunFacts]) -> list[str]:
    lines = []
    for run in failed:
        last = f"last logged step {run.metrics[-1]['step']}" if run.metrics else "nothing logged"
        lines.append(f"{run.path} (seed {run.seed}): {last}")
    return lines


def _markdown(
    table: str, base: Group | None, failed: Sequence[RunFacts], pictures: Sequence[str]
) -> str:
    parts = ["# Report", _caption(base), table]
    if failed:
        parts.append("Not ended:\n\n" + "\n".join(f"- {line}" for line in _not_ended(failed)))
    parts += [f"![{name}]({name}.png)" for name in pictures]
    return "\n\n".join(parts) + "\n"


def _html(
    lines: Sequence[dict[str, str]],
    base: Group | None,
    failed: Sequence[RunFacts],
    pictures: dict[str, bytes],
) -> str:
    """One file that needs no other."""

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
        items = "".join(f"<li>{html.escape(line)}</li>" for line in _not_ended(failed))
        parts.append(f"<h2>Not ended</h2><ul>{items}</ul>")
    parts += [
        f"<p><img alt='{name}' src='data:image/png;base64,{base64.b64encode(data).decode()}'></p>"
        for name, data in pictures.items()
    ]
    return "\n".join(parts) + "\n"


def _write_csv(path: Path, runs: Sequence[RunFacts]) -> None:
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
