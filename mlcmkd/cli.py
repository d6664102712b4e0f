"""The command line: every stage of the path, one command each.

Each command builds the same validated config that a notebook would, so a misspelt name fails before
anything is computed. `--set fit.steps=3000` reaches any field of a stage's config.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import yaml
from pydantic import BaseModel, ValidationError

from mlcmkd.errors import InputError
from mlcmkd.processes import is_first

app = typer.Typer(
    help="Cross-modal knowledge distillation for facial landmarks in thermal images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Config = TypeVar("Config", bound=BaseModel)
Out = Annotated[Path, typer.Option(help="Run directory to write.")]
# Options of a command that also takes a parameter file default to None: what was not typed must not
# overrule what the file says. The configs hold the defaults.
Data = Annotated[str | None, typer.Option(help="A manifest's folder, or 'synthetic' (default).")]
Seed = Annotated[
    int | None, typer.Option(help="Of weights, drawn pairs, shuffling and augmentation (0).")
]
Strategy = Annotated[
    str | None,
    typer.Option(help="none, fd, ld, fd+ld, fi, ri, dikd (default) or dikd+fd+ld."),
]
Steps = Annotated[int | None, typer.Option(help="Optimiser steps.")]
Precision = Annotated[str | None, typer.Option(help="32-true or bf16-mixed.")]
Params = Annotated[Path | None, typer.Option("--params", "-f", help="YAML file of config fields.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="Any config field, such as fit.batch=64.")
]

Workers = Annotated[int, typer.Option(min=1, help="Processes, one thread each.")]
Scheduler = Annotated[
    str | None, typer.Option(help="A dask scheduler to use instead, tcp://host:8786.")
]
Gpus = Annotated[
    int,
    typer.Option(
        min=0,
        help="Workers of one GPU each instead; with --scheduler, any number makes each run ask its "
        "worker for the resource GPU=1.",
    ),
]
Retries = Annotated[int, typer.Option(min=0, help="How often a run that failed is tried again.")]
DryRun = Annotated[bool, typer.Option(help="Only say what would be done, and how long that takes.")]

NormaliserName = Annotated[str, typer.Option(help="inter-ocular, inter-pupil or box.")]
Threshold = Annotated[float, typer.Option(help="Of FR and AUC, a share.")]


def _config(
    kind: type[Config], params: Path | None, sets: list[str] | None, /, **given: Any
) -> Config:
    """A stage's config from, in rising order of force, a YAML file, options and --set."""
    fields = _read_params(params)
    for name, value in given.items():
        if value is not None:
            _put(fields, name.replace("__", "."), value)
    for text in sets or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text}: expected name=value")
        _put(fields, name, yaml.safe_load(value))
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "config"
        raise InputError(f"{place}: {first['msg']} (given: {first['input']!r})") from None


def _read_params(params: Path | None) -> dict[str, Any]:
    """Names and values of a YAML file; none without a file."""
    if params is None:
        return {}
    if not params.is_file():
        raise InputError(f"{params}: no such parameter file")
    try:
        fields = yaml.safe_load(params.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{params}: not YAML ({error})") from None
    if not isinstance(fields, dict):
        raise InputError(f"{params}: expected names and values")
    return fields


def _put(fields: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for part in path:
        fields = fields.setdefault(part, {})
        if not isinstance(fields, dict):
            raise InputError(f"{dotted}: '{part}' is a value, not a group of fields")
    fields[last] = value


def _show(result: dict[str, Any]) -> None:
    if is_first():
        typer.echo(json.dumps(result, indent=2))


@app.command()
def prepare(
    name: Annotated[
        str | None, typer.Argument(help="Format; `mlcmkd formats` lists them.", show_default=False)
    ] = None,
    source: Annotated[
        Path | None, typer.Argument(help="Folder as downloaded.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Argument(help="Folder for the manifest.", show_default=False)
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Only look this manifest over; its report.json says what is wrong."),
    ] = None,
    simulate_thermal: Annotated[
        bool, typer.Option(help="Give every RGB photo a simulated thermal twin.")
    ] = False,
    twins: Annotated[int, typer.Option(help="Simulated twins a training photo.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the validation split and the simulation.")] = 0,
    val_fraction: Annotated[float, typer.Option(help="Share of subjects held for tuning.")] = 0.1,
    train_on: Annotated[
        list[str] | None,
        typer.Option(help="A subject for the training split, though its format says validation."),
    ] = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave out rows that cannot be used.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace a manifest that is there.")] = False,
    limit: Annotated[
        int | None, typer.Option(help="Only so many faces, spread over the data set.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Take only rgb, or only thermal.")] = None,
) -> None:
    """Turn a data set as downloaded into one manifest, or look one over.

    An interrupted preparation goes on where it was. `--check` ends with 1 where something is wrong.
    """
    from data_prep.prepare import prepare as run_prepare
    from data_prep.verify import verify

    given = [value for value in (name, source, out) if value is not None]
    if check is not None:
        if given:
            raise InputError(f"--check {check} looks a manifest over; leave '{given[0]}' out")
        found = verify(check)
        typer.echo(str(found))
        typer.echo(f"the report: {found.save()}")
        if not found.ok:
            raise typer.Exit(1)
        return
    if len(given) < 3:
        raise InputError("prepare needs NAME, SOURCE and OUT; or --check and a manifest's folder")
    report = run_prepare(
        name,
        source,
        out,
        simulate_thermal=simulate_thermal,
        twins=twins,
        seed=seed,
        val_fraction=val_fraction,
        train_on=train_on or (),
        skip_bad=skip_bad,
        overwrite=overwrite,
        limit=limit,
        only=only,
    )
    typer.echo(str(report))


@app.command()
def formats() -> None:
    """List the formats that `prepare` reads, and what each expects."""
    from data_prep.formats import READERS

    for name, reader in READERS.items():
        typer.echo(f"{name:18} {(reader.__doc__ or '').strip().splitlines()[0]}")


@app.command()
def pair(
    rgb: Annotated[Path, typer.Argument(help="Folder of RGB images.")],
    thermal: Annotated[Path, typer.Argument(help="Folder of thermal images.")],
    out: Annotated[Path, typer.Argument(help="New folder for the aligned pairs.")],
    method: Annotated[
        str,
        typer.Option(
            help="calibration, similarity, affine, tps (by landmarks), ecc or 'mutual information'."
        ),
    ] = "ecc",
    calibration: Annotated[Path | None, typer.Option(help="YAML of the rig.")] = None,
    rgb_landmarks: Annotated[Path | None, typer.Option(help="CSV as `predict` writes.")] = None,
    thermal_landmarks: Annotated[Path | None, typer.Option(help="The same of thermal.")] = None,
    rgb_times: Annotated[Path | None, typer.Option(help="CSV of image and seconds.")] = None,
    thermal_times: Annotated[Path | None, typer.Option(help="The same of thermal.")] = None,
    tolerance: Annotated[float, typer.Option(help="Seconds two frames may be apart.")] = 0.02,
    offset: Annotated[float, typer.Option(help="Added to the RGB clock, seconds.")] = 0.0,
    estimate_offset: Annotated[
        bool, typer.Option(help="Find the offset from the motion in both streams.")
    ] = False,
    overlays: Annotated[int, typer.Option(help="How many pairs are drawn.")] = 8,
) -> None:
    """Align two cameras' images pair by pair, with the residual of each; bad pairs are set apart."""
    from data_prep.pair_folder import pair_folder

    report = pair_folder(
        rgb,
        thermal,
        out,
        method=method,
        calibration=calibration,
        rgb_landmarks=rgb_landmarks,
        thermal_landmarks=thermal_landmarks,
        rgb_times=rgb_times,
        thermal_times=thermal_times,
        tolerance=tolerance,
        offset=None if estimate_offset else offset,
        overlays=overlays,
    )
    typer.echo(str(report))


@app.command()
def train(
    out: Out,
    data: Data = None,
    modality: Annotated[str | None, typer.Option(help="rgb (default) or thermal.")] = None,
    size: Annotated[
        str | None, typer.Option(help="large, base (default), half, small, slim, light, ...")
    ] = None,
    input_px: Annotated[int | None, typer.Option(help="Side of the network's input (96).")] = None,
    seed: Seed = None,
    steps: Steps = None,
    precision: Precision = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """Train a Landmarker on one modality: the RGB teacher, or a thermal baseline."""
    from mlcmkd import stages

    config = _config(
        stages.TrainConfig,
        params,
        sets,
        out=out,
        data__source=data,
        modality=modality,
        size=size,
        input_px=input_px,
        seed=seed,
        fit__steps=steps,
        fit__precision=precision,
    )
    _show(stages.train(config))


@app.command()
def transfer(
    out: Out,
    teacher: Annotated[Path, typer.Option(help="Weights of the RGB teacher.")],
    data: Data = None,
    strategy: Strategy = None,
    seed: Seed = None,
    steps: Steps = None,
    precision: Precision = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """KTL: hand the RGB teacher's knowledge to a thermal student of its size."""
    from mlcmkd import stages

    config = _config(
        stages.TransferConfig,
        params,
        sets,
        out=out,
        teacher=teacher,
        data__source=data,
        distillation__strategy=strategy,
        seed=seed,
        fit__steps=steps,
        fit__precision=precision,
    )
    _show(stages.transfer(config))


@app.command()
def compress(
    out: Out,
    teacher: Annotated[Path, typer.Option(help="Weights of the thermal teacher.")],
    data: Data = None,
    size: Annotated[str | None, typer.Option(help="Of the light student (slim).")] = None,
    strategy: Strategy = None,
    seed: Seed = None,
    steps: Steps = None,
    precision: Precision = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """MCL: hand the thermal teacher's knowledge to a light thermal student."""
    from mlcmkd import stages

    config = _config(
        stages.CompressConfig,
        params,
        sets,
        out=out,
        teacher=teacher,
        data__source=data,
        size=size,
        distillation__strategy=strategy,
        seed=seed,
        fit__steps=steps,
        fit__precision=precision,
    )
    _show(stages.compress(config))


@app.command()
def tolerant(
    out: Out,
    data: Data = None,
    variance: Annotated[
        float | None, typer.Option(help="Share of shape variance soft landmarks keep (0.9).")
    ] = None,
    modality: Annotated[str | None, typer.Option(help="rgb (default) or thermal.")] = None,
    size: Annotated[
        str | None, typer.Option(help="Such as efficientnet_b3; base (default).")
    ] = None,
    input_px: Annotated[int | None, typer.Option(help="Side of the network's input (96).")] = None,
    seed: Seed = None,
    steps: Steps = None,
    precision: Precision = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """Train a Tolerant-Teacher: on soft landmarks, from an active shape model of the labels."""
    from mlcmkd import kd_stages

    config = _config(
        kd_stages.TolerantConfig,
        params,
        sets,
        out=out,
        data__source=data,
        variance=variance,
        modality=modality,
        size=size,
        input_px=input_px,
        seed=seed,
        fit__steps=steps,
        fit__precision=precision,
    )
    _show(kd_stages.train_tolerant(config))


@app.command()
def kd_loss(
    out: Out,
    tough: Annotated[
        Path | None, typer.Option(help="Weights of the Tough-Teacher, from `mlcmkd train`.")
    ] = None,
    tolerant: Annotated[
        Path | None,
        typer.Option(help="Weights of `mlcmkd tolerant`; without it the Tough-Teacher, softened."),
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="kd-loss (default); l2 or l1, without teachers.")
    ] = None,
    data: Data = None,
    modality: Annotated[str | None, typer.Option(help="rgb (default) or thermal.")] = None,
    size: Annotated[str | None, typer.Option(help="Of the student (mobilenetv2).")] = None,
    input_px: Annotated[int | None, typer.Option(help="Side of the network's input (96).")] = None,
    seed: Seed = None,
    steps: Steps = None,
    precision: Precision = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """KD-Loss: train a light student between a Tough- and a Tolerant-Teacher."""
    from mlcmkd import kd_stages

    config = _config(
        kd_stages.KDLossConfig,
        params,
        sets,
        out=out,
        tough=tough,
        tolerant=tolerant,
        loss=loss,
        data__source=data,
        modality=modality,
        size=size,
        input_px=input_px,
        seed=seed,
        fit__steps=steps,
        fit__precision=precision,
    )
    _show(kd_stages.train_kd_loss(config))


@app.command()
def evaluate(
    out: Out,
    weights: Annotated[Path, typer.Option(help="Weights to score.")],
    data: Data = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    modality: Annotated[
        str | None, typer.Option(help="Side that is read; by default the weights' own.")
    ] = None,
    normaliser: NormaliserName = "inter-ocular",
    threshold: Threshold = 0.08,
) -> None:
    """Score weights on a split: NME, FR and AUC with intervals, CED, and a row a face."""
    from mlcmkd import stages

    config = _config(
        stages.EvaluateConfig,
        None,
        None,
        out=out,
        weights=weights,
        data__source=data,
        split=split,
        modality=modality,
        normaliser=normaliser,
        threshold=threshold,
    )
    _, scores = stages.evaluate(config)
    typer.echo(scores.text())
    typer.echo(f"all figures, a row a face, a landmark and a region, and the CED: {out}")


@app.command()
def score(
    predictions: Annotated[
        Path, typer.Argument(help="Folder of .pts (pixels from 1), or a CSV (pixels from 0).")
    ],
    annotations: Annotated[
        Path, typer.Argument(help="Folder of .pts, a CSV, or a manifest's folder.")
    ],
    scheme: Annotated[str, typer.Option(help="Of files that do not name theirs.")] = "ibug68",
    predicted_scheme: Annotated[
        str | None, typer.Option(help="Of predictions that do not name theirs, where it differs.")
    ] = None,
    split: Annotated[str, typer.Option(help="Of a manifest: train, val or test.")] = "test",
    normaliser: NormaliserName = "inter-ocular",
    threshold: Threshold = 0.08,
    out: Annotated[Path | None, typer.Option(help="Run directory to write, if any.")] = None,
) -> None:
    """Score predictions made elsewhere against annotations; faces are matched by their file names.

    A CSV has the columns image,scheme,point,x,y as `predict` writes them, or image,x0,y0,x1,y1 and
    so on. An annotated face without a prediction counts as failed.
    """
    from data_prep.formats.ibug_pts import groups_of
    from mlcmkd.scoring import ScoreConfig, score_files, text

    config = _config(
        ScoreConfig,
        None,
        None,
        predictions=predictions,
        annotations=annotations,
        scheme=scheme,
        predicted_scheme=predicted_scheme,
        split=split,
        normaliser=normaliser,
        threshold=threshold,
        out=out,
    )
    typer.echo(text(*score_files(config, groups_of)))
    if out is not None:
        typer.echo(f"all figures, a row a face, a landmark and a region, and the CED: {out}")


@app.command()
def export(
    out: Out,
    weights: Annotated[Path, typer.Option(help="Weights of a Landmarker.")],
    data: Data = None,
    kind: Annotated[
        str | None, typer.Option(help="image (default): image and box in; crop: the plain network.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Of the weights; kept in the file.")] = None,
    int8: Annotated[
        bool | None, typer.Option(help="An 8-bit file too, calibrated on validation faces.")
    ] = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """Write weights as ONNX, checked against torch, with what 8 bits would cost."""
    from mlcmkd import export_stage

    config = _config(
        export_stage.ExportConfig,
        params,
        sets,
        out=out,
        weights=weights,
        data__source=data,
        kind=kind,
        licence=licence,
        int8=int8,
    )
    _show(export_stage.export(config))


@app.command()
def path(
    out: Out,
    data: Data = None,
    zero_shot: Annotated[
        Path | None, typer.Option(help="A thermal manifest to score without training on it.")
    ] = None,
    seed: Seed = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """Teacher, transfer and compress in one go, and every score in one table."""
    from mlcmkd.path import TABLE, PathConfig, as_table, run_path

    config = _config(
        PathConfig, params, sets, out=out, data__source=data, zero_shot=zero_shot, seed=seed
    )
    typer.echo(as_table(run_path(config)))
    typer.echo(f"the table: {out / TABLE}")


@app.command()
def attribute(
    out: Out,
    rgb: Annotated[Path, typer.Option(help="Weights that read RGB.")],
    thermal: Annotated[Path, typer.Option(help="Weights that read thermal images.")],
    data: Data = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    landmark: Annotated[
        int | None, typer.Option(help="Index in the scheme (30, the nose tip).")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Instead of one landmark: eye, mouth, jaw, ... or all.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="integrated-gradients (default), smoothgrad, gradient-shap, occlusion, grad-cam or "
            "ablation."
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="What of it: log-probability (default), x or y.")
    ] = None,
    faces: Annotated[int, typer.Option(help="How many pairs, the first of the split.")] = 4,
    path_steps: Annotated[int, typer.Option(help="Points from baseline to image.")] = 32,
) -> None:
    """Show which pixels a landmark or a group was found by, in RGB and in thermal."""
    from mlcmkd import stages

    if landmark is not None and group is not None:
        raise InputError("--landmark or --group, not both: one thing is explained")

    config = _config(
        stages.AttributeConfig,
        None,
        None,
        out=out,
        rgb=rgb,
        thermal=thermal,
        data__source=data,
        split=split,
        landmark=landmark,
        group=group,
        method=method,
        target=target,
        faces=faces,
        path_steps=path_steps,
    )
    _show(stages.attribute(config))


@app.command()
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Images (8-bit grey or known false colours, 16-bit raw, .npy in C), folders, stacks "
            "(.npy of N x H x W, TIFFs of several pages), videos."
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(
            help="A Landmarker, or an .onnx of `export`; without it the model in the box."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for drawings and tables.")] = Path(
        "predictions"
    ),
    box: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(help="Face box x0 y0 x1 y1 in pixels; without it the face is sought."),
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(help="CSV of image,x0,y0,x1,y1; several rows, several faces.")
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            help="warm (thermal's default), looks, or module:function, which is imported."
        ),
    ] = None,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="One-euro filter over videos, stacks and folders.")
    ] = False,
    min_cutoff: Annotated[
        float | None, typer.Option(help="Of --smooth, Hz; lower is stiller.")
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="Of --smooth, Hz per face side a second; higher lags less.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames a second; by default a video's own, else 30.")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="csv (default), pts or coco; repeatable.")
    ] = None,
    overlay: Annotated[bool, typer.Option(help="Draw the landmarks.")] = True,
    batch: Annotated[int, typer.Option(help="Faces in one forward.")] = 32,
    range_: Annotated[
        tuple[float, float] | None,
        typer.Option("--range", help="Degrees C that become 0 and 1 in the input."),
    ] = None,
) -> None:
    """Find and draw the landmarks of faces in images and videos; unreadable files are named and skipped.

    Ends with 1 where something could not be read. `--detector module:function` runs that module's code.
    """
    from functools import partial

    from tqdm.auto import tqdm

    from mlcmkd.predict import Predictor, Smoother
    from mlcmkd.predict.boxes import Boxes
    from mlcmkd.predict_stage import predict_files

    knobs = {"min_cutoff": min_cutoff, "beta": beta}
    knobs = {name: value for name, value in knobs.items() if value is not None}
    if knobs and not smooth:
        raise InputError(f"--{next(iter(knobs)).replace('_', '-')} belongs to --smooth; add it")
    smoothing = partial(Smoother, **knobs) if smooth else None
    table = None if boxes is None else Boxes(boxes)
    predictor = Predictor(weights, celsius_range=range_, detector=detector, batch=batch)
    formats = tuple(dict.fromkeys(formats or ["csv"]))
    outcome = predict_files(
        predictor,
        paths,
        out,
        box=box,
        boxes=table,
        formats=formats,
        smoothing=smoothing,
        fps=fps,
        overlays=overlay,
        # Errors to stderr, whatever else a pipe is fed with; beside the bar, not in it.
        say=lambda line: tqdm.write(
            line, file=sys.stderr if line.startswith("error:") else sys.stdout
        ),
    )
    where = {"csv": "landmarks.csv and faces.csv", "pts": "pts/", "coco": "coco.json"}
    count = outcome.images + len(outcome.errors)
    typer.echo(
        f"{outcome.images} of {count} images; {outcome.faces} faces; in {out}: "
        + ", ".join(where[name] for name in formats)
    )
    if outcome.errors:
        raise typer.Exit(1)


@app.command()
def sweep(
    params: Annotated[Path, typer.Argument(help="Parameter file of a sweep, see experiments/.")],
    sets: Sets = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    gpus: Gpus = 0,
    retries: Retries = 1,
    dry_run: DryRun = False,
) -> None:
    """Make all runs of a parameter file that its table does not hold yet.

    A file that names a notebook runs that notebook, each run like `mlcmkd run`.
    """
    from mlcmkd.course.notebook_sweep import NotebookSweep, run_notebook_sweep
    from mlcmkd.spread import Cluster
    from mlcmkd.sweep import SweepConfig
    from mlcmkd.sweep import sweep as run_sweep

    cluster = Cluster(workers, scheduler, gpus, retries)
    if "notebook" in _read_params(params):
        config = _config(NotebookSweep, params, sets)
        failed = run_notebook_sweep(config, cluster, dry_run=dry_run, say=typer.echo)
    else:
        config = _config(SweepConfig, params, sets)
        failed = run_sweep(config, cluster, dry_run=dry_run, say=typer.echo)
    typer.echo(f"the table: {config.table}")
    if failed:
        typer.echo(f"{len(failed)} runs failed; give the command again to try them again", err=True)
        raise typer.Exit(1)


@app.command()
def students(
    params: Annotated[Path, typer.Argument(help="Parameter file, see experiments/students.yaml.")],
    sets: Sets = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    gpus: Gpus = 0,
    retries: Retries = 1,
    dry_run: DryRun = False,
) -> None:
    """Light students of many methods and what they cost: all that the table does not hold yet."""
    from mlcmkd.spread import Cluster
    from mlcmkd.students import StudentsConfig, run_students

    config = _config(StudentsConfig, params, sets)
    cluster = Cluster(workers, scheduler, gpus, retries)
    failed = run_students(config, cluster, dry_run=dry_run, say=typer.echo)
    typer.echo(f"the table: {config.table}")
    if failed:
        typer.echo(f"{len(failed)} runs failed; give the command again to try them again", err=True)
        raise typer.Exit(1)


@app.command()
def levels(
    params: Annotated[Path, typer.Argument(help="Parameter file, see experiments/levels.yaml.")],
    sets: Sets = None,
) -> None:
    """Two levels, one step and no teacher at equal training time: all runs not yet in the table."""
    from mlcmkd.levels import LevelsConfig, run_levels

    table = run_levels(_config(LevelsConfig, params, sets), say=typer.echo)
    typer.echo(f"the table: {table}")


# Papermill's own way, `-p name value`, which is no kind of option that typer knows.
@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    notebook: Annotated[str, typer.Argument(help="A file, or one of the series, such as 03.")],
    out: Annotated[
        Path | None, typer.Option(help="Run directory; runs/NOTEBOOK-HASH without one.")
    ] = None,
    params: Annotated[
        Path | None, typer.Option("--params", "-f", help="YAML file of names and values.")
    ] = None,
) -> None:
    """Run one notebook strictly: mlcmkd run NOTEBOOK -p NAME VALUE -p NAME VALUE ... -f PARAMS."""
    from mlcmkd.course import run_notebook

    given = _read_params(params)
    words = list(context.args)
    while words:
        if words[0] not in ("-p", "--parameter") or len(words) < 3:
            raise InputError(f"'{words[0]}': expected -p NAME VALUE")
        given[words[1]] = yaml.safe_load(words[2])
        words = words[3:]
    typer.echo(f"the run: {run_notebook(notebook, given, out)}")


@app.command()
def course(
    out: Annotated[Path, typer.Option(help="Where notebooks, figures and runs go.")] = Path(
        "runs/course"
    ),
    scale: Annotated[str, typer.Option(help="smoke, laptop or gpu.")] = "laptop",
    solutions: Annotated[
        bool, typer.Option("--solutions", help="Run the solutions of the exercises as well.")
    ] = False,
) -> None:
    """Run every numbered notebook end to end on the embedded faces."""
    from mlcmkd.course import run_course

    run_course(out, scale, solutions=solutions)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, or folders that hold some.")],
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("report"),
    against: Annotated[
        str | None, typer.Option(help="Compare with the configuration whose name holds this.")
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(help="Also write the logs as TensorBoard events into this folder."),
    ] = None,
) -> None:
    """One table and figures of many runs, as Markdown, HTML and CSV; runs that failed are named."""
    from mlcmkd.report import to_tensorboard, write_report

    typer.echo(write_report(runs, out, against))
    if tensorboard is not None:
        to_tensorboard(runs, tensorboard)


def guarded(command: Callable[[], None]) -> None:
    """Runs the command line; an InputError becomes one line on stderr and exit code 2."""
    try:
        command()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def main() -> None:
    """Entry point of the `mlcmkd` command."""
    guarded(app)
