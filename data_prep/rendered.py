"""Rendered faces as a manifest, so that they can be mixed with other data, or read by other programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.entry import Entry
from data_prep.simulation.of_photo import SimulatedThermal
from data_prep.workers import runner
from data_prep.writer import ManifestReport, write_manifest
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.faces import SyntheticFaces, make_faces
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import cores

FACES_PER_IDENTITY = 4
_CHUNK = 200  # identities rendered at once, which limits the memory


@dataclass(frozen=True)
class _Photo:
    """A rendered photo, (H, W, 3) uint8, as a function that the writer calls."""

    pixels: np.ndarray

    def __call__(self) -> np.ndarray:
        return self.pixels


def write_rendered(
    out: Path | str,
    count: int,
    *,
    held: int = 0,
    seed: int = 0,
    size: int = 96,
    scheme: str = IBUG68.name,
    simulate_thermal: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    workers: int | None = None,
) -> ManifestReport:
    """Render synthetic faces and write them as a manifest; no person is in two splits.

    Args:
        out: folder of the manifest.
        count: faces of the training split.
        held: faces of the validation split, and as many of the test split.
        seed: of the faces, and of the simulation; each seed gives other people.
        size: side of the images, pixels.
        scheme: landmark scheme.
        simulate_thermal: simulate the thermal images from the photos and landmarks, as `prepare` does
            for photos of people, instead of rendering them. These temperatures vary far more than
            those of people and cameras, which helps a model to read real cameras.
        overwrite: replace a manifest of other faces.
        progress: show a progress bar.
        workers: number of processes; None for one per core.

    Raises:
        InputError: a number is out of range, the scheme is not one of the rendered head, or cannot be
            simulated, or `out` cannot be written.
    """
    if count < 1 or held < 0:
        raise InputError(
            f"{count} faces for training and {held} held out; give 1 or more, and 0 or more"
        )
    if simulate_thermal and scheme != IBUG68.name:
        raise InputError(
            f"simulated thermal images need the scheme {IBUG68.name}, not '{scheme}'; leave one out"
        )
    workers = cores() if workers is None else workers
    counts = {"train": count, "val": held, "test": held}
    entries = (
        entry
        for split, number in counts.items()
        for faces in _rendered(split, number, seed, size, scheme, workers)
        for entry in _entries(faces, split, seed, simulate_thermal)
    )
    with runner(workers, sum(counts.values()), progress, "render") as run:
        return write_manifest(entries, out, overwrite=overwrite, run=run)


def _rendered(
    split: str, count: int, seed: int, size: int, scheme: str, workers: int
) -> Iterator[SyntheticFaces]:
    """Yield the faces of one split, some people at a time."""
    for first in range(0, count, _CHUNK * FACES_PER_IDENTITY):
        yield make_faces(
            min(_CHUNK * FACES_PER_IDENTITY, count - first),
            seed=seed,
            size=size,
            first_identity=FIRST_IDENTITY[split] + first // FACES_PER_IDENTITY,
            faces_per_identity=FACES_PER_IDENTITY,
            scheme=scheme,
            workers=workers,
        )


def _entries(faces: SyntheticFaces, split: str, seed: int, simulate: bool) -> Iterator[Entry]:
    for n, identity in enumerate(faces.identity):
        landmarks = faces.landmarks[n]
        thermal = SimulatedThermal(landmarks, seed) if simulate else faces.thermal[n]
        yield Entry(
            id=f"{split}/{identity}-{n % FACES_PER_IDENTITY}",
            subject=f"{seed}-{identity}",
            split=split,
            scheme=faces.scheme,
            landmarks=landmarks,
            # A simulated image shows nothing that hides a point, but for what it adds itself.
            visible=None if simulate else faces.hidden_by[n] == 0,
            rgb=_Photo(faces.rgb[n]),
            thermal=thermal,
            radiometry=FACE_CENTIKELVIN,
            source="rendered, thermal simulated" if simulate else "rendered",
            labels="exact, from the rendered head",
        )
