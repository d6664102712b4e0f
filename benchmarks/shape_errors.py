"""How much of a model's error on real frames is constant for a person?

    python benchmarks/shape_errors.py data/knapik
    python benchmarks/shape_errors.py data/knapik --weights WEIGHTS --split val

The mean error of each landmark over one person's frames is removed from the predictions on the frames of
the same person, and on those of each other person. Errors are averaged in the face's own coordinates:
upright by the line of the pupils, in units of the predicted box. If the mean error of another person
helped as well, it would be a convention of the labels; if only the person's own helps, the network is
wrong about a person's shape. NME is relative to the box (sqrt(w h) of the annotated points), in percent.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlcmkd.cli import guarded
from mlcmkd.data.config import DataConfig
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.evaluation.evaluate import predict_pairs
from mlcmkd.models import Landmarker
from mlcmkd.schemes import Scheme, get_scheme, map_indices
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table


def box_sizes(points: np.ndarray) -> np.ndarray:
    """sqrt(w h) of the tight box of points (N, K, 2), (N,)."""
    return np.sqrt(np.ptp(points, axis=1).prod(axis=1))


def face_axes(points: np.ndarray, scheme: Scheme) -> np.ndarray:
    """The axes of upright faces, (N, 2, 2): columns along the line of the pupils and across it, one box
    size long."""
    left, right = (points[:, list(indices)].mean(axis=1) for indices in scheme.pupils)
    along = right - left
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.stack((-along[:, 1], along[:, 0]), axis=1)
    return np.stack((along, across), axis=2) * box_sizes(points)[:, None, None]


def without_mean_error(
    predicted: np.ndarray, target: np.ndarray, scheme: Scheme, fitted: np.ndarray
) -> np.ndarray:
    """Predictions (N, K, 2) minus the mean error, in face coordinates, of rows `fitted`, (N,) bool."""
    axes = face_axes(predicted, scheme)
    errors = np.einsum("nij,nkj->nki", np.linalg.inv(axes), predicted - target)
    return predicted - np.einsum("nij,kj->nki", axes, errors[fitted].mean(axis=0))


def box_nme(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """NME of each face relative to its box, (N,), percent."""
    return 100 * np.linalg.norm(predicted - target, axis=2).mean(axis=1) / box_sizes(target)


def rows(
    predicted: np.ndarray, target: np.ndarray, scheme: Scheme, people: np.ndarray
) -> list[dict[str, str]]:
    """A row for each person: NME as predicted, and without the mean error of each person.

    Raises:
        InputError: there are fewer than two people.
    """
    names = sorted(set(people))
    if len(names) < 2:
        raise InputError(f"frames of one person ({names[0]}); add frames of another")
    corrected = {
        name: box_nme(without_mean_error(predicted, target, scheme, people == name), target)
        for name in names
    }
    plain = box_nme(predicted, target)
    return [
        {"person": name, "frames": str((people == name).sum())}
        | {"NME (%)": f"{plain[people == name].mean():.2f}"}
        | {
            f"without the mean error of {other}": f"{values[people == name].mean():.2f}"
            for other, values in corrected.items()
        }
        for name in names
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real", type=Path, help="manifest of thermal frames with labels")
    parser.add_argument("--weights", type=Path, default=bundled_weights())
    parser.add_argument("--split", default="val", help="split of the manifest (default val)")
    options = parser.parse_args(arguments)
    model = Landmarker.load(options.weights)
    spec = model.spec
    pairs = DataConfig(source=str(options.real)).load(
        options.split, spec.input_px, radiometry=spec.radiometry, modalities={"thermal"}
    )
    pairs = pairs.only_labelled()
    points = list(map_indices(spec.scheme, pairs.scheme))
    predicted = predict_pairs(model, pairs, "thermal")[:, points]
    scheme, people = get_scheme(pairs.scheme), np.array(pairs.subjects)
    if scheme.pupils is None:
        raise InputError(
            f"{options.real}: scheme {scheme.name} has no pupils; use one with both eyes"
        )
    print(markdown_table(rows(predicted, pairs.landmarks.numpy(), scheme, people)))


if __name__ == "__main__":
    guarded(main)
