"""The course's trained models, ready: packed into one archive, and unpacked for a lesson.

A lesson trains what it teaches and reuses the runs of the lessons before it. Whoever starts with a
later lesson gets these runs from the archive. They are unpacked as the runs that this version of the
course would train: `is_complete` decides, as it does for any other run.

The archive has the weights in 8 bits. The recorded input of a student is the hash of its teacher's
weights, so it is replaced by the hash of the decoded weights, after a check that the student was trained
from the weights that were packed. Both hashes stay in provenance.json, as its entry `ready`.
"""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import SafetensorError

import mlcmkd
from mlcmkd.course.eight_bits import write_decoded, write_eight_bits
from mlcmkd.course.lesson import TransferLesson
from mlcmkd.course.lesson_runs import light_student_config, student_config, teacher_config
from mlcmkd.course.model_archive import FILES, Index, hash_of, read_archive, write_archive
from mlcmkd.course.project import NOTEBOOKS, check_scale
from mlcmkd.models import Landmarker
from mlcmkd.stages.common import StageConfig
from mlcmkd.stages.completed import TEACHERS, is_complete, started_from
from mlcmkd.training.provenance import file_hash
from mlcmkd.training.run_directory import CONFIG, INPUTS, PROVENANCE, RESULT, WEIGHTS, lock_run
from mlcmkd.utils.errors import InputError

ARCHIVE = NOTEBOOKS / "models" / "mlcmkd-course-models.zip"
CARD = ARCHIVE.with_name("card.md")
READY = "ready"  # entry of provenance.json of an unpacked run
_WORK = "runs/course"  # stands for the work folder in the paths of an archive
_LICENCE = "Apache-2.0; trained on rendered faces only"


def ready_configs(lesson: TransferLesson) -> list[tuple[str, StageConfig]]:
    """The runs of the archive in the order of their training, each with the lesson that teaches it.

    They are the runs that later lessons need. The students with ten labels (lesson 03) and those of
    KD-Loss (lesson 05) are needed by no other lesson.
    """
    names = ("none", "fd+ld", lesson.strategy)
    return [
        ("02", teacher_config(lesson)),
        *(("03", student_config(lesson, name)) for name in names),
        *(("04", light_student_config(lesson, name)) for name in names),
    ]


def pack_models(work: Path, archive: Path, card: str, scale: str = "laptop") -> None:
    """Write the archive of a finished work folder.

    Args:
        work: the folder of `mlcmkd course`.
        archive: the file to write.
        card: of the models, Markdown.
        scale: of the course.

    Raises:
        InputError: a run is missing or not that of this version, or the archive would be too large.
    """
    lesson = TransferLesson(scale=scale, work=work.resolve())
    trained, files = {}, {}
    for _, config in ready_configs(lesson):
        run = config.out
        if not is_complete(config):
            raise InputError(
                f"{run}: no completed run of this version of the course; `mlcmkd course --out {work}` "
                "trains what is missing"
            )
        trained[run.name] = file_hash(run / WEIGHTS)
        for name in FILES:
            files[f"{run.name}/{name}"] = (run / name).read_bytes()
        before = json.loads((run / CONFIG).read_text(encoding="utf-8"))["out"]
        for name in (CONFIG, RESULT):
            text = _moved((run / name).read_text(encoding="utf-8"), Path(before).parent, _WORK)
            files[f"{run.name}/{name}"] = text.encode()
        with TemporaryDirectory() as folder:
            write_eight_bits(run / WEIGHTS, Path(folder, WEIGHTS))
            files[f"{run.name}/{WEIGHTS}"] = Path(folder, WEIGHTS).read_bytes()
    index = Index(
        version=mlcmkd.__version__,
        licence=_LICENCE,
        scale=scale,
        seed=lesson.seed,
        trained=trained,
        files={name: hash_of(content) for name, content in files.items()},
    )
    write_archive(archive, index, card, files)


def unpack_models(
    archive: Path, work: Path, before: str | None = None, scale: str = "laptop"
) -> list[str]:
    """Write the runs of an archive into a work folder, all or none; no file there is replaced.

    Args:
        archive: a file of `pack_models`.
        work: the work folder of the lessons; it need not exist.
        before: number of a lesson, such as "06": only the runs that lessons before it teach, so that
            it still trains its own; None for all.
        scale: of the lessons.

    Returns:
        The names of the runs that were written; runs that were there already are not among them.

    Raises:
        InputError: the archive is damaged, or of another version, scale or seed; or the work folder
            has other runs.
    """
    work = work.resolve()
    check_scale(work, scale)
    index, files = read_archive(archive)
    lesson = TransferLesson(scale=scale, work=work)
    if (index.scale, index.seed) != (scale, lesson.seed):
        raise InputError(
            f"{archive}: has models of scale '{index.scale}' and seed {index.seed}, not of scale "
            f"'{scale}' and seed {lesson.seed}; give another archive"
        )
    work.mkdir(parents=True, exist_ok=True)
    wanted = [c for number, c in ready_configs(lesson) if before is None or number < before]
    with TemporaryDirectory(prefix=".ready-", dir=work) as folder, ExitStack() as locks:
        staged_lesson = lesson.model_copy(update={"work": Path(folder)})
        staged = {config.out.name: config for _, config in ready_configs(staged_lesson)}
        for config in (staged[each.out.name] for each in wanted):
            _stage(archive, index, files, config, work)
        for folder_to_lock in (work, *(each.out for each in wanted)):
            locks.enter_context(lock_run(folder_to_lock))
        new = [each for each in wanted if not _is_there(each, staged[each.out.name])]
        for config in new:
            if config.out.is_dir():  # empty
                config.out.rmdir()
            os.replace(staged[config.out.name].out, config.out)
    return [config.out.name for config in new]


def _stage(
    archive: Path, index: Index, files: dict[str, bytes], config: StageConfig, work: Path
) -> None:
    """Writes one run into the folder of its config, and checks that it is the run of this config.

    Raises:
        InputError: it is missing in the archive, or another.
    """
    run = config.out
    other = (
        f"{archive}: {run.name} is not the run that this version of the course trains; take the "
        "archive of this version, or let the lesson train"
    )
    missing = [name for name in FILES if f"{run.name}/{name}" not in files]
    if missing or run.name not in index.trained:
        raise InputError(other)
    run.mkdir()
    try:
        for name in FILES:
            (run / name).write_bytes(files[f"{run.name}/{name}"])
        for name in (CONFIG, RESULT):
            text = _moved((run / name).read_text(encoding="utf-8"), Path(_WORK), str(work))
            (run / name).write_text(text, encoding="utf-8")
        provenance = json.loads((run / PROVENANCE).read_text(encoding="utf-8"))
        provenance |= _as_decoded(provenance[INPUTS], index, config)
        text = json.dumps(provenance, indent=2)
        (run / PROVENANCE).write_text(text, encoding="utf-8")
        coded = (run / WEIGHTS).rename(run.with_name(f"{run.name}.coded"))
        write_decoded(coded, run / WEIGHTS)
        Landmarker.load(run / WEIGHTS)  # its tensors fit its description
        fits = is_complete(config)
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError, SafetensorError):
        fits = False
    if not fits:
        raise InputError(other)


def _as_decoded(inputs: dict[str, str], index: Index, config: StageConfig) -> dict[str, Any]:
    """The entries of provenance.json of a run whose teachers, and itself, were stored in 8 bits.

    Args:
        inputs: hashes of the weights that it started from, as it was trained.
        index: of the archive.
        config: of the run where it is written; its teachers are there.

    Raises:
        ValueError: it was trained from other weights than those that were packed.
    """
    teachers = started_from(config)
    if inputs != {field: index.trained[path.parent.name] for field, path in teachers.items()}:
        raise ValueError(f"{config.out.name}: other teachers")
    as_trained = {"weights": index.trained[config.out.name], INPUTS: inputs}
    decoded = {field: file_hash(path) for field, path in teachers.items()}
    return {INPUTS: decoded, READY: {"bits": 8, "as_trained": as_trained}}


def _is_there(config: StageConfig, staged: StageConfig) -> bool:
    """Whether the work folder has this run already.

    Raises:
        InputError: it has another run, or something else, of this name.
    """
    run = config.out
    if not run.exists() or (run.is_dir() and not any(run.iterdir())):
        return False
    weights = run / WEIGHTS
    if weights.is_file() and file_hash(weights) == file_hash(staged.out / WEIGHTS):
        return True
    raise InputError(
        f"{run.parent}: contains {run.name}, which was trained there, and the ready models belong to "
        "another one; nothing was written. The lessons train what is missing; to use the ready models, "
        f"rename the folder (mv {run.parent} {run.parent}-own) and give the command again"
    )


def _moved(text: str, before: Path, now: str) -> str:
    """The text of a JSON file whose paths below the folder `before` begin with `now`."""
    fields = json.loads(text)
    for name in ("out", "weights", *TEACHERS):
        value = fields.get(name)
        if isinstance(value, str) and Path(value).is_relative_to(before):
            fields[name] = f"{now}/{Path(value).relative_to(before).as_posix()}"
    return json.dumps(fields, indent=2)
