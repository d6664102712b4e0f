"""Packs the trained models of the course: `python scripts/pack_course_models.py [runs/course]`.

Takes the finished work folder of `make course`. Scores each model on the test faces, as it was trained
and as it comes out of the archive, and refuses if the NME differs by more than `MOST` points. Then
writes the table into the card, and notebooks/models/mlcmkd-course-models.zip with the card in it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mlcmkd.cli import guarded
from mlcmkd.course.lesson import TransferLesson
from mlcmkd.course.ready_models import ARCHIVE, CARD, pack_models, ready_configs, unpack_models
from mlcmkd.course.tables import scores_of
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table, with_table

MOST = 0.05  # points of NME
MARKER = "figures"


def compared(lesson: TransferLesson, unpacked: Path) -> list[dict[str, object]]:
    """A row for each model, two for the RGB teacher: its NME on the test faces before and after packing.

    Args:
        lesson: in the work folder of the course.
        unpacked: a work folder with the packed runs.

    Raises:
        InputError: packing changed the NME of a model.
    """
    rows: list[dict[str, object]] = []
    pairs = lesson.pairs("test")
    for number, config in ready_configs(lesson):
        run = config.out
        spec = Landmarker.load(run / WEIGHTS).spec
        for modality in dict.fromkeys((spec.modality, "thermal")):
            before, after = (
                100 * scores_of(each, pairs, modality).nme for each in (run, unpacked / run.name)
            )
            if abs(after - before) > MOST:
                raise InputError(f"{run.name}: NME {before:.3f} % becomes {after:.3f} % in 8 bits")
            rows.append(
                {
                    "run": run.name,
                    "lesson": number,
                    "network": spec.size,
                    "input": modality,
                    "NME as trained (%)": f"{before:.3f}",
                    "NME from the archive (%)": f"{after:.3f}",
                }
            )
    return rows


def pack(work: Path, archive: Path = ARCHIVE, card: Path = CARD, scale: str = "laptop") -> str:
    """Write the card and the archive of a work folder; return the table."""
    text = card.read_text(encoding="utf-8")
    with TemporaryDirectory() as folder:
        trial = Path(folder, archive.name)
        pack_models(work, trial, text, scale)
        unpack_models(trial, Path(folder, "work"), scale=scale)
        lesson = TransferLesson(scale=scale, work=work.resolve())
        table = markdown_table(compared(lesson, Path(folder, "work")))
    text = with_table(text, MARKER, table)
    pack_models(work, archive, text, scale)
    card.write_text(text, encoding="utf-8")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, nargs="?", default=Path("runs/course"))
    print(pack(parser.parse_args(arguments).work))
    print(f"{ARCHIVE.name}: {ARCHIVE.stat().st_size:,} bytes")


if __name__ == "__main__":
    guarded(main)
