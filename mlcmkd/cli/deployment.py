"""Commands that use a model: as a file for elsewhere, or on images."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlcmkd.cli.configs import config_of, show
from mlcmkd.cli.options import Data, Out, Params, Sets
from mlcmkd.utils.errors import InputError


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
    from mlcmkd.stages import export as export_stage

    config = config_of(
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
    show(export_stage.export(config))


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

    from mlcmkd.deployment.boxes import BoxTable
    from mlcmkd.deployment.predictor import Predictor
    from mlcmkd.deployment.smoothing import Smoother
    from mlcmkd.stages.predict import predict_files

    knobs = {"min_cutoff": min_cutoff, "beta": beta}
    knobs = {name: value for name, value in knobs.items() if value is not None}
    if knobs and not smooth:
        raise InputError(f"--{next(iter(knobs)).replace('_', '-')} belongs to --smooth; add it")
    smoothing = partial(Smoother, **knobs) if smooth else None
    table = None if boxes is None else BoxTable(boxes)
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
