"""Commands that measure how good a model, or the predictions of any program, are."""

import typer

from mlcmkd.cli.config_command import config_command
from mlcmkd.stages.evaluate import EvaluateConfig
from mlcmkd.stages.evaluate import evaluate as run_evaluate
from mlcmkd.stages.score import ScoreConfig, score_files, text

_FILES = "all figures, a row for each face, landmark and region, and the CED: {}"


@config_command("out", "weights", "data.source", "split", "modality", "normaliser", "threshold")
def evaluate(config: EvaluateConfig) -> None:
    """Score weights on a split: NME, FR and AUC with intervals, CED."""
    _, scores = run_evaluate(config)
    typer.echo(scores.text())
    typer.echo(_FILES.format(config.out))


@config_command(
    "scheme",
    "predicted_scheme",
    "split",
    "normaliser",
    "threshold",
    "out",
    arguments=("predictions", "annotations"),
)
def score(config: ScoreConfig) -> None:
    """Score predictions of any program against annotations.

    Faces are matched by their file names. A CSV has the columns image,scheme,point,x,y as `predict`
    writes them, or image,x0,y0,x1,y1 and so on. An annotated face without a prediction counts as
    failed.
    """
    from data_prep.readers.ibug_pts import groups_of  # here, because readers import SciPy

    typer.echo(text(*score_files(config, groups_of)))
    if config.out is not None:
        typer.echo(_FILES.format(config.out))
