"""Commands that train: each stage of the path, and the path whole."""

from pathlib import Path
from typing import Annotated

import typer

from mlcmkd.cli.configs import config_of, show
from mlcmkd.cli.options import Data, Out, Params, Precision, Seed, Sets, Steps, Strategy


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
    from mlcmkd.stages.train import TrainConfig
    from mlcmkd.stages.train import train as run_train

    config = config_of(
        TrainConfig,
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
    show(run_train(config))


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
    from mlcmkd.stages.transfer import TransferConfig
    from mlcmkd.stages.transfer import transfer as run_transfer

    config = config_of(
        TransferConfig,
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
    show(run_transfer(config))


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
    from mlcmkd.stages.compress import CompressConfig
    from mlcmkd.stages.compress import compress as run_compress

    config = config_of(
        CompressConfig,
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
    show(run_compress(config))


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
    from mlcmkd.stages.tolerant import TolerantConfig, train_tolerant

    config = config_of(
        TolerantConfig,
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
    show(train_tolerant(config))


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
        str | None,
        typer.Option(
            help="kd-loss (default); l2 or l1, without teachers; l2-answers or l1-answers, with the "
            "Tough-Teacher's answer where a label is missing."
        ),
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
    from mlcmkd.stages.kd_loss import KDLossConfig, train_kd_loss

    config = config_of(
        KDLossConfig,
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
    show(train_kd_loss(config))


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
    from mlcmkd.studies.path import TABLE, PathConfig, as_table, run_path

    config = config_of(
        PathConfig, params, sets, out=out, data__source=data, zero_shot=zero_shot, seed=seed
    )
    typer.echo(as_table(run_path(config)))
    typer.echo(f"the table: {out / TABLE}")
