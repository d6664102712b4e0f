"""The command that finds landmarks in files; its --help imports neither torch nor OpenCV."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlcmkd.data.modality import Modality
from mlcmkd.utils.errors import InputError


def predict(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Thermal images (8-bit grey or a known palette, 16-bit raw, .npy in degrees C) or RGB "
            "photos (with RGB weights or --modality rgb), folders, stacks (.npy of N x H x W, TIFFs of "
            "several pages), videos. None with --camera."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Weights of a Landmarker, or an .onnx file of `export`; without it a bundled model."
        ),
    ] = None,
    modality: Annotated[
        Modality | None,
        typer.Option(
            help="Input of the bundled model: thermal images or RGB photos.  [default: thermal]"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for drawings and tables.")] = Path(
        "predictions"
    ),
    box: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(help="Face box x0 y0 x1 y1, pixels; without it faces are detected."),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(help="CSV of image,x0,y0,x1,y1; several rows of an image are several faces."),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="[faces|warm|looks|MODULE:FUNCTION|FILE]",
            help="Face detector; without it the bundled network, which finds all faces. FILE: weights "
            "of `train-detector`, or exported as .onnx. The code of a named module is run.",
        ),
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most passes over a face; each further one crops around the landmarks of the pass "
            "before, turned upright.  [default: 3 after the face detector, 1 in given boxes]",
        ),
    ] = None,
    smooth: Annotated[
        bool,
        typer.Option("--smooth", help="Apply the one-euro filter to videos, stacks and folders."),
    ] = False,
    min_cutoff: Annotated[
        float | None,
        typer.Option(
            help="Cut-off frequency of --smooth at rest, Hz; lower is smoother.  [default: 1.0]"
        ),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(
            help="Speed coefficient of --smooth, Hz per face side a second; higher lags less.  "
            "[default: 30.0]"
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second; without it those of the video, or else 30."),
    ] = None,
    every: Annotated[
        int, typer.Option(min=1, help="Predict only each Nth frame of videos, stacks and cameras.")
    ] = 1,
    camera: Annotated[
        int | None,
        typer.Option(
            help="Read a connected camera, by its index from 0, until Ctrl-C or one of the limits."
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Time limit of --camera.  [default: none]")
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            help="Frames to predict of each video and stack, or to read of --camera.  [default: all]"
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="[csv|pts|coco]",
            help="Format of the landmarks; repeatable.  [default: csv]",
        ),
    ] = None,
    overlay: Annotated[
        bool, typer.Option(help="Draw the landmarks, and the regions with their temperatures.")
    ] = True,
    circles: Annotated[
        bool,
        typer.Option(
            "--circles", help="Draw the standard deviation of each landmark as a circle's radius."
        ),
    ] = False,
    squares: Annotated[
        bool, typer.Option("--squares", help="Draw the box of each face, with its number.")
    ] = False,
    coordinates: Annotated[
        bool, typer.Option("--print", help="Print the landmarks of single images, too.")
    ] = False,
    batch: Annotated[int, typer.Option(help="Faces in one forward pass.")] = 32,
    range_: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range",
            help="Degrees C that become 0 and 1 in the input; without it those of the weights.",
        ),
    ] = None,
    radiometry: Annotated[
        str | None,
        typer.Option(
            metavar="KIND|FIELDS",
            help="Scale of the thermal images, as in dataset.yaml: decikelvin, or '{kind: counts, gain: "
            "0.04, offset: -273.15}' (degrees C = value * gain + offset), or frame-minmax; without it "
            "16 bits are centikelvin and floats degrees C.",
        ),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(
            help="Palette of 8-bit false colours: iron, inferno, hot, jet (recognised without it), "
            "bone, magma, plasma, rainbow, turbo or viridis."
        ),
    ] = None,
    black_hot: Annotated[
        bool, typer.Option("--black-hot", help="In 8-bit thermal images dark is warm.")
    ] = False,
) -> None:
    """Find and draw the landmarks of faces in images and videos.

    Files that cannot be read are named and skipped; the exit code is then 1.
    """
    from functools import partial

    from mlcmkd.deployment.boxes import BoxTable
    from mlcmkd.deployment.faces import UNCERTAIN
    from mlcmkd.deployment.live import LiveCamera
    from mlcmkd.deployment.predictor import Predictor
    from mlcmkd.deployment.smoothing import Smoother
    from mlcmkd.deployment.thermal_input import StatedInput, parse_radiometry
    from mlcmkd.deployment.weights import bundled_weights
    from mlcmkd.stages.predict import predict_files
    from mlcmkd.training.trained_on import trained_on
    from mlcmkd.utils.progress import tqdm

    options = {"min_cutoff": min_cutoff, "beta": beta}
    options = {name: value for name, value in options.items() if value is not None}
    if options and not smooth:
        name = next(iter(options)).replace("_", "-")
        raise InputError(f"--{name} is an option of --smooth; add --smooth")
    if camera is None and seconds is not None:
        raise InputError("--seconds is a limit of --camera; add --camera INDEX")
    for name, drawn in (("circles", circles), ("squares", squares)):
        if drawn and not overlay:
            raise InputError(f"--{name} draws on the overlays; leave out --no-overlay")
    table = None if boxes is None else BoxTable(boxes)
    stated = StatedInput(
        None if radiometry is None else parse_radiometry(radiometry), palette, black_hot
    )
    predictor = Predictor(
        weights,
        celsius_range=range_,
        detector=detector,
        batch=batch,
        modality=modality,
        passes=passes,
        stated=stated,
    )
    typer.echo(trained_on(weights or bundled_weights(modality or "thermal")))
    formats = tuple(dict.fromkeys(formats or ["csv"]))
    outcome = predict_files(
        predictor,
        paths or [],
        out,
        camera=None if camera is None else LiveCamera(camera, seconds, frames),
        every=every,
        frames=frames if camera is None else None,
        box=box,
        boxes=table,
        formats=formats,
        smoothing=partial(Smoother, **options) if smooth else None,
        fps=fps,
        overlays=overlay,
        circles=circles,
        squares=squares,
        coordinates=coordinates,
        # Errors go to stderr; tqdm writes both above the progress bar.
        say=lambda line: tqdm.write(
            line, file=sys.stderr if line.startswith("error:") else sys.stdout
        ),
    )
    files = {"csv": ["landmarks.csv", "faces.csv", "temperatures.csv"]}
    files |= {"pts": ["pts/"], "coco": ["coco.json"]}
    written = [file for name in formats for file in files[name] if (out / file).exists()]
    count = outcome.images + len(outcome.errors)
    typer.echo(
        f"{outcome.images} of {count} images; {outcome.faces} faces; in {out}: "
        + ", ".join(written)
    )
    if outcome.uncertain:
        typer.echo(
            f"warning: {len(outcome.uncertain)} of {outcome.faces} faces have a confidence below "
            f"{UNCERTAIN:g}, the first in {outcome.uncertain[0]}; check them"
            + (" in the drawings" if overlay else ", drawn without --no-overlay")
        )
    if outcome.errors:
        raise typer.Exit(1)
