"""What the one-euro filter takes from jitter and adds in lag: `python benchmarks/smoothing.py`.

A drawn validation face rests for two seconds, moves two of its sides away in one second and back in
another, 30 frames a second; each frame gets its own noise (independent, normal, 1 % of the face's side
on every coordinate). Jitter: the root mean square of the step from frame to frame at rest. Error: root
mean square distance from the truth, at rest and in motion; all in percent of the face's side.
"""

import argparse

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.predictor import FaceLandmarks
from mlcmkd.deployment.smoothing import Smoother

FPS = 30


def motion() -> np.ndarray:
    """Where the face is, in sides, (T,)."""
    t = np.arange(1, FPS + 1) / FPS
    there = 2 * (1 - np.cos(np.pi * t)) / 2
    return np.concatenate((np.zeros(2 * FPS), there, there[::-1], np.zeros(2 * FPS)))


def measure(min_cutoff: float, beta: float, seeds: int = 5) -> tuple[float, float, float]:
    """Jitter at rest, error at rest, error in motion, percent of the face's side."""
    face = synthetic_faces("val", 1).landmarks[0].astype(float)
    x0, y0, x1, y1 = tight_box(face)
    side = max(x1 - x0, y1 - y0)
    place = motion()
    figures = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        smoother = Smoother(min_cutoff, beta) if min_cutoff else None
        answers = []
        for n, x in enumerate(place):
            noisy = face + (x * side, 0) + rng.normal(0, 0.01 * side, face.shape)
            found = [FaceLandmarks(noisy, "ibug68", np.zeros((2, 2)))]
            answers.append(smoother(found, n / FPS)[0] if smoother else found[0])
        error = np.stack([a.landmarks for a in answers]) - face
        error[..., 0] -= place[:, None] * side
        rest, moving = slice(FPS, 2 * FPS), slice(2 * FPS, 4 * FPS)
        size = [np.sqrt(np.square(each).sum(-1).mean()) for each in (error[rest], error[moving])]
        jitter = np.sqrt(np.square(np.diff(error[rest], axis=0)).sum(-1).mean())
        figures.append([100 * value / side for value in (jitter, *size)])
    return tuple(np.mean(figures, axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cutoffs", nargs="+", type=float, default=[0.5, 1, 2])
    parser.add_argument("--betas", nargs="+", type=float, default=[0, 1, 3, 10, 30])
    arguments = parser.parse_args()
    print("| min. cut-off (Hz) | beta | jitter at rest | error at rest | error in motion |")
    print("|" + " --- |" * 5)
    print("| none | | {:.2f} | {:.2f} | {:.2f} |".format(*measure(0, 0)))
    for cutoff in arguments.cutoffs:
        for beta in arguments.betas:
            row = measure(cutoff, beta)
            print(f"| {cutoff:g} | {beta:g} | " + " | ".join(f"{v:.2f}" for v in row) + " |")


if __name__ == "__main__":
    main()
