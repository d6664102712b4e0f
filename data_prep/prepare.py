"""From a downloaded data set to a manifest: reader, splits, simulated thermal images, writer."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from data_prep.errors import Unlabelled
from data_prep.levels import with_stated_levels
from data_prep.notices import notices, unread_annotations, unread_files
from data_prep.prepare_report import PrepareReport
from data_prep.readers import Annotation, get_reader
from data_prep.readers.base import OnBad
from data_prep.report_file import write_report
from data_prep.selection import select_modality, without_repeats
from data_prep.simulation.of_photo import SimulatedThermal
from data_prep.simulation.settings import SimulationSettings
from data_prep.splits import assign_splits
from data_prep.workers import runner
from data_prep.writer import Entry, write_manifest
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import cores
from mlcmkd.utils.texts import is_text, printable

# With fewer simulated images, or rows that are only checked and copied, starting processes takes
# longer than it saves.
_POOL_FROM = 100
_POOL_FROM_COPIES = 2000


def prepare(
    name: str,
    source: Path | str,
    out: Path | str,
    *,
    simulate_thermal: bool = False,
    seed: int = 0,
    val_fraction: float = 0.1,
    train_on: Collection[str] = (),
    skip_bad: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    only: Modality | None = None,
    twins: int = 1,
    progress: bool = True,
    settings: SimulationSettings | None = None,
    workers: int | None = None,
    palette: str | None = None,
    black_hot: bool = False,
) -> PrepareReport:
    """Read the data set at `source` in format `name` and write the manifest `out`.

    The same source, seed and settings give the same bytes, for any number of processes. With several
    processes, a script must call this below `if __name__ == "__main__":`.

    Args:
        name: a format of data_prep.readers.
        simulate_thermal: add a simulated thermal image to every labelled photo without a thermal one.
        seed: determines the subjects of "val" and the simulated images.
        val_fraction: share of the subjects without a fixed split that becomes "val", on average.
        train_on: subjects to put into "train" although the format puts them into "val" or no split.
        skip_bad: leave out and report what cannot be used, instead of stopping.
        overwrite: replace a manifest of other sources or settings.
        limit: largest number of faces, spread evenly over the source; None for all.
        only: keep only the images of this modality; the others may be missing. None for both. Of
            two images that are not aligned, the annotated one is used and the row's facts name the
            other; the other one alone has no landmarks.
        twins: simulated images per photo, each a separate row: `ID`, `ID#2`, `ID#3`, ... (of the first
            of several faces `ID`, `ID#1#2`, `ID#1#3`, ...).
        progress: show a progress bar.
        settings: settings of the simulation; None for the defaults.
        workers: number of processes; None for one per core if that is faster, 1 for this process.
        palette: name of the palette of 8-bit thermal images; None to recognise it.
        black_hot: whether dark is warm in 8-bit thermal images.

    Raises:
        InputError: an unknown format, an invalid parameter, invalid input (without `skip_bad`), or
            `out` cannot be written.
    """
    source, out = Path(source), Path(out)
    settings = SimulationSettings.validated("settings", {} if settings is None else settings)
    _check_parameters(source, out, limit, only, twins, workers, simulate_thermal)
    skipped: list[tuple[str, str]] = []
    unlabelled: list[tuple[str, str]] = []

    def note(bad: str, error: InputError) -> None:
        if isinstance(error, Unlabelled):
            unlabelled.append((bad, str(error)))
        elif skip_bad:
            skipped.append((bad, str(error)))
        else:
            raise error

    annotations = _read(name, source, only, note)
    if not annotations:
        left_out = skipped + unlabelled
        if left_out:
            why = f"the first of {len(left_out)} left out: {left_out[0][1]}"
        else:
            why = unread_annotations(name, source)
        modality = f" with {only} images" if only else ""
        raise InputError(
            f"{source}: contains no face{modality} in format '{name}'" + (f"; {why}" if why else "")
        )
    if simulate_thermal and not any(_can_be_simulated(a) for a in annotations):
        raise InputError(
            f"{source}: no labelled photo without a thermal image, so nothing to simulate; leave "
            "simulate_thermal out"
        )
    annotations = with_stated_levels(annotations, palette, black_hot, source)
    # Splits are assigned before the limit, so a limited manifest agrees with the full one.
    splits = assign_splits(
        ((a.subject, a.split) for a in annotations),
        val_fraction=val_fraction,
        seed=seed,
        train_on=train_on,
    )
    if limit is not None and limit < len(annotations):
        annotations = [annotations[i * len(annotations) // limit] for i in range(limit)]
    twins = twins if simulate_thermal else 0
    total = sum(twins if twins and _can_be_simulated(a) else 1 for a in annotations)
    ids = {annotation.id for annotation in annotations}
    # A generator, because a list would keep every face in memory twice.
    entries = (
        entry
        for annotation in annotations
        for entry in _entries(
            annotation,
            splits[annotation.subject],
            ids,
            name=name,
            twins=twins,
            seed=seed,
            settings=settings,
        )
    )
    if workers is None:
        workers = cores() if total >= (_POOL_FROM if twins else _POOL_FROM_COPIES) else 1
    with runner(workers, total, progress, "prepare") as run:
        report = write_manifest(
            entries, out, overwrite=overwrite, skip_bad=skip_bad, run=run, skipped=skipped
        )
    if unlabelled:
        write_report(out, unlabelled=[{"name": bad, "reason": why} for bad, why in unlabelled])
    return PrepareReport(
        folder=out,
        rows=report.rows,
        splits=report.splits,
        subjects=report.subjects,
        images=len(annotations),
        labelled=sum(a.landmarks is not None for a in annotations),
        partly_labelled=sum(is_partly_labelled(a.landmarks) for a in annotations),
        skipped=report.skipped,
        unlabelled=unlabelled,
        notices=[*notices(name, annotations), *unread_files(name, source)],
    )


def _check_parameters(
    source: Path,
    out: Path,
    limit: int | None,
    only: str | None,
    twins: int,
    workers: int | None,
    simulate_thermal: bool,
) -> None:
    for parameter, value in (("limit", limit), ("twins", twins), ("workers", workers)):
        if value is not None and value < 1:
            raise InputError(f"{parameter} must be 1 or more, not {value}")
    if only not in (None, "rgb", "thermal"):
        raise InputError(f"only: 'rgb' or 'thermal', not '{only}'")
    if twins > 1 and not simulate_thermal:
        raise InputError(
            f"twins={twins} needs simulated thermal images; set simulate_thermal as well"
        )
    inner, outer = out.resolve(), source.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise InputError(f"{out}: the manifest and its source {source} must be separate folders")


def _read(name: str, source: Path, only: Modality | None, on_bad: OnBad) -> list[Annotation]:
    """Read all annotations that have an image of the wanted modality."""
    annotations = []
    for annotation in get_reader(name)(source, on_bad):
        if not (is_text(annotation.id) and is_text(annotation.subject)):
            where = printable(source / annotation.id)
            reason = f"{where}: its name is not UTF-8 text; rename the file or its folder"
            on_bad(printable(annotation.id), InputError(reason))
            continue
        selected = select_modality(annotation, only, source, on_bad)
        if selected is not None:
            annotations.append((annotation, selected))
    return without_repeats(annotations)


def is_partly_labelled(landmarks: np.ndarray | None) -> bool:
    """Whether some, but not all, points of a face are labelled, (K, 2)."""
    return landmarks is not None and bool(np.isnan(landmarks).any())


def _can_be_simulated(annotation: Annotation) -> bool:
    return annotation.thermal_path is None and annotation.landmarks is not None


def _entries(
    annotation: Annotation,
    split: str,
    ids: Collection[str],
    *,
    name: str,
    twins: int,
    seed: int,
    settings: SimulationSettings,
) -> Iterator[Entry]:
    """Yield the rows of one face: one, or one for each of its simulated images."""
    row = {
        "subject": annotation.subject,
        "split": split,
        "scheme": annotation.scheme,
        "landmarks": annotation.landmarks,
        "rgb": annotation.rgb_path,
        "labels": annotation.labels,
        "group": annotation.group,
        "box": annotation.box,
        "visible": annotation.visible,
        "facts": annotation.facts,
        "assumed": annotation.assumed,
        "declared_size": annotation.declared_size,
    }
    if not twins or not _can_be_simulated(annotation):
        yield Entry(
            id=annotation.id,
            thermal=annotation.thermal_path,
            radiometry=annotation.radiometry,
            source=name,
            **row,
        )
        return
    for number in range(1, twins + 1):
        row_id = annotation.id if number == 1 else f"{annotation.id}#{number}"
        if number > 1 and row_id in ids:  # the second face of the photo
            row_id = f"{annotation.id}#1#{number}"
        yield Entry(
            id=row_id,
            thermal=SimulatedThermal(annotation.landmarks, seed, number, settings),
            radiometry=FACE_CENTIKELVIN,
            source=f"{name}, thermal simulated",
            **row,
        )
