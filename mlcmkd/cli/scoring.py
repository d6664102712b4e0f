"""Commands that say how good a model is, and what it looks at."""

from pathlib import Path
from typing import Annotated

import typer

from mlcmkd.cli.configs import config_of, show
from mlcmkd.cli.options import Data, NormaliserName, Out, Params, Sets, Threshold
from mlcmkd.utils.errors import InputError


def evaluate(
    out: Out,
    weights: Annotated[Path, typer.Option(help="Weights to score.")],
    data: Data = None,
    split: Annotated[str | None, typer.Option(help="train, val or test (default).")] = None,
    modality: Annotated[
        str | None, typer.Option(help="Side that is read; by default the weights' own.")
    ] = None,
    normaliser: NormaliserName = None,
    threshold: Threshold = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """Score weights on a split: NME, FR and AUC with intervals, CED, and a row a face."""
    from mlcmkd.stages.evaluate import EvaluateConfig
    from mlcmkd.stages.evaluate import evaluate as run_evaluate

    config = config_of(
        EvaluateConfig,
        params,
        sets,
        out=out,
        weights=weights,
        data__source=data,
        split=split,
        modality=modality,
        normaliser=normaliser,
        threshold=threshold,
    )
    _, scores = run_evaluate(config)
    typer.echo(scores.text())
    typer.echo(f"all figures, a row a face, a landmark and a region, and the CED: {out}")


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
    normaliser: NormaliserName = None,
    threshold: Threshold = None,
    out: Annotated[Path | None, typer.Option(help="Run directory to write, if any.")] = None,
) -> None:
    """Score predictions made elsewhere against annotations; faces are matched by their file names.

    A CSV has the columns image,scheme,point,x,y as `predict` writes them, or image,x0,y0,x1,y1 and
    so on. An annotated face without a prediction counts as failed.
    """
    from data_prep.readers.ibug_pts import groups_of
    from mlcmkd.stages.score import ScoreConfig, score_files, text

    config = config_of(
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


def attribute(
    out: Out,
    rgb: Annotated[Path, typer.Option(help="Weights that read RGB.")],
    thermal: Annotated[Path, typer.Option(help="Weights that read thermal images.")],
    data: Data = None,
    split: Annotated[str | None, typer.Option(help="train, val (default) or test.")] = None,
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
    faces: Annotated[
        int | None, typer.Option(help="How many pairs, the first of the split (4).")
    ] = None,
    path_steps: Annotated[
        int | None, typer.Option(help="Points from baseline to image (32).")
    ] = None,
    params: Params = None,
    sets: Sets = None,
) -> None:
    """Show which pixels a landmark or a group was found by, in RGB and in thermal."""
    from mlcmkd.stages import attribute as attribute_stage

    if landmark is not None and group is not None:
        raise InputError("--landmark or --group, not both: one thing is explained")

    config = config_of(
        attribute_stage.AttributeConfig,
        params,
        sets,
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
    show(attribute_stage.attribute(config))
