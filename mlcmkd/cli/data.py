"""Commands that write manifests and aligned pairs."""

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
        typer.Option(help="Only validate this manifest; its report.json lists the errors."),
    ] = None,
    simulate_thermal: Annotated[
        bool, typer.Option(help="Simulate a thermal image for every RGB photo.")
    ] = False,
    twins: Annotated[int, typer.Option(help="Simulated thermal images per photo, each a row.")] = 1,
    seed: Annotated[
        int, typer.Option(help="Seed of the validation split and of the simulation.")
    ] = 0,
    val_fraction: Annotated[
        float, typer.Option(help="Share of the subjects in the validation split.")
    ] = 0.1,
    train_on: Annotated[
        list[str] | None,
        typer.Option(help="Subject to put into the training split instead; repeatable."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option(help="Skip and report rows that cannot be used.")
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing manifest.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(help="Number of faces, spread evenly over the data set; without it all."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(metavar="[rgb|thermal]", help="Modality to use; without it both."),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(
            help="Palette of 8-bit thermal images: iron, inferno, hot, jet (recognised without it), "
            "bone, magma, plasma, rainbow, turbo or viridis."
        ),
    ] = None,
    black_hot: Annotated[
        bool, typer.Option("--black-hot", help="In 8-bit thermal images dark is warm.")
    ] = False,
) -> None:
    """Convert a downloaded data set into one manifest, or validate a manifest.

    An interrupted preparation resumes. The exit code of `--check` is 1 if the manifest has errors.
    """
    from data_prep.prepare import prepare as run_prepare
    from data_prep.verification.check_manifest import verify

    given = [value for value in (name, source, out) if value is not None]
    if check is not None:
        if given:
            raise InputError(f"--check {check} validates a manifest; leave '{given[0]}' out")
        result = verify(check)
        typer.echo(str(result))
        typer.echo(f"report: {result.save()}")
        if not result.ok:
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
        palette=palette,
        black_hot=black_hot,
    )
    typer.echo(str(report))


def render(
    out: Annotated[Path, typer.Argument(help="Folder for the manifest.")],
    faces: Annotated[int, typer.Option(help="Faces in the training split.")] = 2000,
    held: Annotated[int, typer.Option(help="Faces in each of the validation and test splits.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the faces; each gives other people.")] = 0,
    size: Annotated[int, typer.Option(help="Side of the images, pixels, 48 to 512.")] = 96,
    scheme: Annotated[str, typer.Option(help="Landmark scheme.")] = "ibug68",
    simulate_thermal: Annotated[
        bool,
        typer.Option(help="Simulate the thermal images from the photos instead of rendering them."),
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing manifest.")] = False,
) -> None:
    """Render synthetic faces into a manifest.

    Stages render faces themselves (`--data synthetic`); a manifest is needed to mix faces with other
    data (`--set data.also`) and for other programs. An interrupted rendering resumes.
    """
    from data_prep.rendered import write_rendered

    report = write_rendered(
        out,
        faces,
        held=held,
        seed=seed,
        size=size,
        scheme=scheme,
        simulate_thermal=simulate_thermal,
        overwrite=overwrite,
    )
    splits = ", ".join(f"{split} {number}" for split, number in report.splits.items())
    typer.echo(f"{out}: {report.rows} faces ({splits})")


def formats() -> None:
    """List the formats that `prepare` reads."""
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
            metavar="[calibration|similarity|affine|tps|ecc|mutual information]",
            help="Method of the alignment; similarity, affine and tps use landmarks, ecc and mutual "
            "information the images' content.",
        ),
    ] = "ecc",
    calibration: Annotated[Path | None, typer.Option(help="YAML file of the calibration.")] = None,
    rgb_landmarks: Annotated[
        Path | None, typer.Option(help="Landmarks of the RGB images, a CSV as `predict` writes it.")
    ] = None,
    thermal_landmarks: Annotated[
        Path | None, typer.Option(help="Landmarks of the thermal images, likewise.")
    ] = None,
    rgb_times: Annotated[
        Path | None, typer.Option(help="Times of the RGB images, a CSV of image and seconds.")
    ] = None,
    thermal_times: Annotated[
        Path | None, typer.Option(help="Times of the thermal images, likewise.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Largest time between the images of a pair, seconds.")
    ] = 0.02,
    offset: Annotated[float, typer.Option(help="Offset added to the RGB times, seconds.")] = 0.0,
    estimate_offset: Annotated[
        bool, typer.Option(help="Estimate the offset from the motion in both streams.")
    ] = False,
    overlays: Annotated[int, typer.Option(help="Number of pairs to draw.")] = 8,
) -> None:
    """Align the images of two cameras pair by pair.

    Reports the residual of each pair, and puts poorly aligned pairs into a folder of their own. It is
    an error if no pair is accepted.
    """
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
    report.check()
