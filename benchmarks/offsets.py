"""How well pairs are registered: by landmarks, and by the content of the images.

    python benchmarks/offsets.py experiments/registration.yaml --table results/registration_offsets.csv

For simulated rigs the true shift of every face is known. A row says how far the found shifts are from it
(unlabelled pairs whose images belong together): their correlation, and the root mean square of the
distance. By landmarks: a translation and a similarity, with the study's first student, or with the
bundled thermal model. By content: `mlcmkd pair`'s methods `ecc` and `mutual information`, on the first
pairs of the same images (`--content`); a pair that they refuse counts as not moved. No label of
validation or test is read. Teacher and first students are those of the study, trained if missing.
Completed rows are reused.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.registration.content import from_content
from mlcmkd.cli import guarded
from mlcmkd.data.dataset import MARGIN, Pairs
from mlcmkd.data.rig import Rig, rgb_rows, true_maps
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.models import Landmarker
from mlcmkd.stages.registration import register_pairs, thermal_shapes_of
from mlcmkd.stages.transfer import transfer
from mlcmkd.studies.ktl.plan import PlannedTransfer, SweepConfig, plan
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.studies.table import add_row, read_table
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.yaml_files import read_fields

COLUMNS = (
    "labelled", "seed", "misalignment_px", "same", "rotation", "scale", "wrong_pairs", "method",
    "pairs", "correlation", "rmse_px", "wrong_found", "right_left_out", "share", "remaining_px",
)  # fmt: skip
FIRST_STUDENT = "first student"
BY_LANDMARKS = (
    f"translation, {FIRST_STUDENT}",
    f"similarity, {FIRST_STUDENT}",
    "translation, bundled model",
)
BY_CONTENT = ("ecc", "mutual information")
RIGS = (
    (4.0, Rig()),
    (10.0, Rig()),
    (4.0, Rig(wrong_pairs=0.05)),
    (4.0, Rig(rotation=8, scale=0.1)),
    (0.0, Rig()),
    (4.0, Rig(same=True)),
)


class Case(NamedTuple):
    """Training pairs as a rig sees them, with the ground truth.

    Attributes:
        planned: a run of the study with the same labels and seed.
        pixels, rig: of the rig.
        pairs: the pairs.
        maps: (N, 2, 3) true maps.
        right: (N,) bool, pairs whose images belong together.
    """

    planned: PlannedTransfer
    pixels: float
    rig: Rig
    pairs: Pairs
    maps: np.ndarray
    right: np.ndarray

    @property
    def shifts(self) -> np.ndarray:
        """(N, 2) true shift of each face's centre, shares of the side."""
        return shifts_of(self.maps, self.pairs)


def shifts_of(maps: np.ndarray, pairs: Pairs) -> np.ndarray:
    """How far maps (N, 2, 3) move the centre of each face, (N, 2), shares of the side."""
    centre = pairs.landmarks.numpy().mean(1)
    return (maps[:, :, :2] @ centre[..., None])[..., 0] + maps[:, :, 2] - centre


def cases(planned: PlannedTransfer) -> Iterator[Case]:
    """The rigs, with the labels and the seed of a planned run."""
    seed, size = planned.config.seed, planned.teacher.input_px
    for pixels, rig in RIGS:
        data = planned.config.data.model_copy(update={"misalignment": pixels, "rig": rig})
        pairs = data.load_training(size, seed, progress=False)
        count = len(pairs)
        right = rgb_rows(rig, count, seed) == np.arange(count)
        yield Case(planned, pixels, rig, pairs, true_maps(rig, count, pixels, seed, size), right)


def by_landmarks(case: Case, method: str) -> dict[str, Any]:
    """The columns of a row for a motion model and a first student, one of `BY_LANDMARKS`."""
    motion, _, student = method.partition(", ")
    weights = bundled_weights("thermal")
    if student == FIRST_STUDENT:
        weights = get_or_train(transfer, case.planned.first, progress=False) / WEIGHTS
    shapes = thermal_shapes_of(Landmarker.load(weights), [case.pairs])[0]
    teacher = Landmarker.load(case.planned.config.teacher)
    found = register_pairs(case.pairs, teacher, shapes, RegistrationConfig(motion=motion))
    wrong = np.array([bool(row["left_out"]) for row in found.rows])
    shift = np.array([[row["dx_px"], row["dy_px"]] for row in found.rows]) / case.pairs.input_px
    return {
        "wrong_found": _share(wrong[~case.right]),
        "right_left_out": _share(wrong[case.right]),
        "share": found.summary["share_shift"],
        "remaining_px": found.summary["remaining_px"],
        **accuracy(case, shift, np.ones(len(wrong), dtype=bool)),
    }


def by_content(case: Case, method: str, count: int) -> dict[str, Any]:
    """The columns of a row for a method of `mlcmkd pair`, on the first `count` pairs."""
    shift = np.zeros((len(case.pairs), 2))
    for n in tqdm(range(count), desc=method, leave=False):
        shift[n] = _content_shift(case.pairs, n, method)
    return accuracy(case, shift, np.arange(len(case.pairs)) < count)


def _content_shift(pairs: Pairs, n: int, method: str) -> np.ndarray:
    """How far the face's centre has moved between the stored squares, (2,), shares of the side."""
    rgb = pairs.rgb[n].permute(1, 2, 0).numpy()
    thermal = pairs.thermal[n, 0].numpy().astype(np.float32)
    found = from_content(rgb, thermal, method=method)
    if not found.ok:
        return np.zeros(2)
    size = rgb.shape[0]
    centre = pairs.landmarks[n].numpy().mean(0) * size / MARGIN + (size - 1) / 2
    moved = found.transform.inverse(centre[None])[0] - centre
    return np.nan_to_num(moved) * MARGIN / size


def accuracy(case: Case, shift: np.ndarray, chosen: np.ndarray) -> dict[str, Any]:
    """Correlation and error of found shifts (N, 2), over the chosen unlabelled right pairs."""
    counted = chosen & case.right & ~case.pairs.labelled.numpy()
    found, true = shift[counted], case.shifts[counted]
    error = np.sqrt(np.square(found - true).sum(1).mean()) * case.pairs.input_px
    varies = true.std(axis=0).max() > 1e-6
    return {
        "pairs": int(counted.sum()),
        "correlation": round(float(np.corrcoef(found.ravel(), true.ravel())[0, 1]), 3)
        if varies
        else "",
        "rmse_px": round(float(error), 2),
    }


def _share(flags: np.ndarray) -> float | str:
    return round(float(flags.mean()), 3) if len(flags) else ""


def one_run_each(
    config: SweepConfig, labelled: Sequence[int], seeds: Sequence[int]
) -> Iterator[PlannedTransfer]:
    """A planned run with registration for each number of labels and each seed.

    Raises:
        InputError: the study has no such run.
    """
    runs = {
        (run.config.data.labelled, run.config.seed): run
        for run in plan(config)
        if run.config.registers and run.first is not None
    }
    for count in labelled:
        for seed in seeds:
            if (count, seed) not in runs:
                raise InputError(
                    f"the study registers no pairs with {count} labels and seed {seed}; name others "
                    "by --labelled and --seeds"
                )
            yield runs[count, seed]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="experiments/registration.yaml")
    parser.add_argument("--table", type=Path, required=True, help="CSV that rows are added to")
    parser.add_argument("--labelled", type=int, nargs="+", default=[100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--content", type=int, default=0, metavar="N",
                        help="pairs that are registered by content, too")  # fmt: skip
    given = parser.parse_args(arguments)
    config = SweepConfig.validated(str(given.study), read_fields(given.study))
    rows = read_table(given.table, COLUMNS)
    methods = (*BY_LANDMARKS, *(BY_CONTENT if given.content else ()))
    for method, planned in product(methods, one_run_each(config, given.labelled, given.seeds)):
        for case in cases(planned):
            known = {
                "labelled": planned.config.data.labelled,
                "seed": planned.config.seed,
                "misalignment_px": case.pixels,
                **case.rig.model_dump(),
                "method": method,
            }
            if any(all(row[name] == str(value) for name, value in known.items()) for row in rows):
                continue
            if method in BY_LANDMARKS:
                found = by_landmarks(case, method)
            else:
                found = by_content(case, method, given.content)
            add_row(given.table, COLUMNS, known | found)
            print(known | found, flush=True)


if __name__ == "__main__":
    guarded(main)
