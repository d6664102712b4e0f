"""Temperatures over a population of synthetic faces, beside published measurements.

`python -m mlcmkd.synthetic.thermal.population` prints the table.
"""

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.thermal.look import Climate, look_in
from mlcmkd.synthetic.thermal.physiology import ROOM, skin_temperature

# Points on the mean head where a temperature is read, head units; the eye's is its front.
SPOTS = {
    "inner canthus": (0.31, -0.05, 0.20),
    "forehead": (0.00, 0.75, 0.36),
    "cornea": (0.50, -0.02, 0.25),
    "outer canthus": (0.72, -0.03, 0.10),
    "upper lid": (0.50, 0.08, 0.22),
    "supratrochlear": (0.17, 0.23, 0.44),
    "temple": (1.02, 0.17, -0.30),
    "ear canal": (1.18, -0.37, -1.10),
    "mouth corner": (0.43, -1.11, 0.34),
    "nasolabial": (0.37, -0.85, 0.38),
    "lower lip": (0.00, -1.22, 0.52),
    "cheek": (0.62, -0.58, 0.25),
    "chin": (0.00, -1.56, 0.38),
    "nose tip": (0.00, -0.58, 0.70),
    "ear": (1.36, -0.12, -1.30),
}
# Mean and standard deviation in degrees C of acclimatised people in a room (TVST study, n = 20).
PUBLISHED = {
    "inner canthus": (34.3, 0.7),
    "forehead": (33.4, 0.8),
    "cornea": (33.3, 0.8),
    "outer canthus": (32.8, 0.7),
}


def spot_vertices(side: int) -> np.ndarray:
    """The vertex nearest to each of SPOTS, on the viewer's right (side 1) or left (-1)."""
    head = load_head()
    seen = np.isin(head.materials, (Material.SKIN, Material.EAR, Material.LIPS, Material.EYE))
    inside = np.ones(len(head.mean), bool)
    inside[head.triangles[seen]] = False
    mean = np.where(inside[:, None], np.inf, head.mean)
    places = np.array(list(SPOTS.values())) * (side, 1, 1)
    return np.argmin(((mean[None] - places[:, None]) ** 2).sum(axis=2), axis=1)


def sample_population(count: int, air: float | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    """Temperatures of many acclimatised, neutral faces.

    Args:
        count: number of people.
        air: of the room, degrees C; None for a little around 23.
        seed: of the random numbers.

    Returns:
        for each of SPOTS (count, 2) degrees C, of the viewer's left and right.
    """
    spots = np.stack((spot_vertices(-1), spot_vertices(1)))
    warmth = np.empty((count, 2, len(SPOTS)))
    for n in range(count):
        of_identity, of_sample = (np.random.default_rng([seed, n, k]) for k in (0, 1))
        ambient = float(of_sample.normal(ROOM, 1)) if air is None else air
        look = look_in(Climate(ambient, ambient, None), of_identity, of_sample)
        vertices = draw_shape(of_identity, of_sample).vertices()
        warmth[n] = skin_temperature(vertices, look)[spots]
    return {name: warmth[:, :, k] for k, name in enumerate(SPOTS)}


def population_table(count: int = 500) -> str:
    """Means and deviations at room temperature beside the published ones, and means in cold air."""
    room, cold = sample_population(count), sample_population(count, air=5.0)
    lines = [f"{'place':16s}{'mean':>7s}{'sd':>6s}   {'published':14s}{'sides':>6s}{'at 5 C':>8s}"]
    for name, values in room.items():
        published = "{:.1f} +- {:.1f}".format(*PUBLISHED[name]) if name in PUBLISHED else "-"
        sides = np.abs(values[:, 0] - values[:, 1]).mean()
        lines.append(
            f"{name:16s}{values.mean():7.2f}{values.mean(1).std():6.2f}   {published:14s}"
            f"{sides:6.2f}{cold[name].mean():8.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(population_table())
