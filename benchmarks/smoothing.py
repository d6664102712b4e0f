"""Jitter and lag with the one-euro filter: `python benchmarks/smoothing.py`.

A synthetic validation face rests for two seconds, moves by two of its sides in one second and back
in another, at 30 frames per second. Each frame has its own noise (independent, normal, 1 % of the
face side on every coordinate). Jitter: root mean square step between frames at rest. Error: root
mean square distance from the true landmarks, at rest and in motion. All values are percent of the
face side.
"""

import argparse

import numpy as np

from mlcmkd.data.crops import tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.faces import FaceLandmarks
from mlcmkd.deployment.smoothing import Smoother

FPS = 30


def motion() -> np.ndarray:
    """Position of the face in sides, (T,)."""
    t = np.arange(1, FPS + 1) / FPS
    forth = 2 * (1 - np.cos(np.pi * t)) / 2
    return np.concatenate((np.zeros(2 * FPS), forth, forth[::-1], np.zeros(2 * FPS)))


def measure(min_cutoff: float, beta: float, seeds: int = 5) -> tuple[float, float, float]:
    """Jitter at rest, error at rest and error in motion, percent of the face side."""
    face = synthetic_faces("val", 1).landmarks[0].astype(float)
    x0, y0, x1, y1 = tight_box(face)
    side = max(x1 - x0, y1 - y0)
    position = motion()
    figures = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        smoother = Smoother(min_cutoff, beta) if min_cutoff else None
        filtered = []
        for n, x in enumerate(position):
            noisy = face + (x * side, 0) + rng.normal(0, 0.01 * side, face.shape)
            faces = [FaceLandmarks(noisy, "ibug68", np.zeros((2, 2)))]
            filtered.append(smoother(faces, n / FPS)[0] if smoother else faces[0])
        error = np.stack([f.landmarks for f in filtered]) - face
        error[..., 0] -= position[:, None] * side
        rest, moving = slice(FPS, 2 * FPS), slice(2 * FPS, 4 * FPS)
        errors = [np.sqrt(np.square(part).sum(-1).mean()) for part in (error[rest], error[moving])]
        jitter = np.sqrt(np.square(np.diff(error[rest], axis=0)).sum(-1).mean())
        figures.append([100 * value / side for value in (jitter, *errors)])
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
