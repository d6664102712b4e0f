"""Commands that make manifests and pairs."""

from pathlib import Path
from typing import Annotated

import typer

from mlcmkd.utils.errors import InputError


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
    from data_prep.verification.check_manifest import verify

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


def formats() -> None:
    """List the formats that `prepare` reads, and what each expects."""
    from data_prep.readers import READERS

    for name, reader in READERS.items():
        typer.echo(f"{name:18} {(reader.__doc__ or '').strip().splitlines()[0]}")


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
    from data_prep.registration.folder import pair_folder

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
