"""Seeded pairs of RGB and thermal faces with exact landmarks, without any photograph.

A parametric head gives shape, expression and pose; a model of a colour camera and one of a thermal
camera render it. Sample k of identity i depends only on (seed, i, k), not on the number of faces,
their order or the number of processes.
"""

from contextlib import closing
from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.head.landmarks import DEFINED
from mlcmkd.synthetic.parallel import in_order
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.render import attributes, draw_recipe, render_pair
from mlcmkd.synthetic.second_camera import SecondCamera
from mlcmkd.utils.checks import checked_integer
from mlcmkd.utils.errors import InputError, suggestion
from mlcmkd.utils.processes import cores
from mlcmkd.utils.progress import tqdm

# Pairs per task: large enough to amortise the transfer, small enough to balance the load.
_BLOCK = 16


@dataclass(frozen=True)
class SyntheticFaces:
    """Pixel-aligned pairs of one face each.

    Attributes:
        rgb: (N, size, size, 3) uint8, red first; None if only thermal images were asked for.
        thermal: (N, size, size) float32, degrees C.
        landmarks: (N, P, 2) float32, x and y in pixels; pixel centres are integers.
        identity: (N,) int64.
        attributes: name -> (N,). "yaw", "pitch", "roll" (degrees; positive turns to the viewer's
            right, up, clockwise), "expression" (kind, str), "smile", "mouth_open", "eye_closure"
            (0 to 1), "glasses", "beard", "hand" (bool), "glasses_style", "beard_style",
            "hair_style", "hat_style", "mask_style" (str), "skin_tone" (0 light to 1 dark),
            "light_side" (-1 left to 1 right), "ambient_celsius", "skin_celsius" (degrees C),
            "nose_celsius" (difference from the skin).
        scheme: name of the landmark scheme.
        positions: (N, P, 3) float32, landmarks in camera axes (x right, y up, z towards the viewer),
            head units (distance of the eye centres of the mean head).
        hidden_by: (N, P) int8, what hides a landmark, `mlcmkd.synthetic.part.Occluder`; 0 where
            nothing does. Clear glasses hide it from the thermal camera only.
        depth: (N, size, size) float32, z of the surface, head units; NaN where there is only
            background. None unless maps were asked for.
        temperature: (N, size, size) float32, true temperature of the surfaces, degrees C; None
            unless maps were asked for.
    """

    rgb: np.ndarray | None
    thermal: np.ndarray
    landmarks: np.ndarray
    identity: np.ndarray
    attributes: dict[str, np.ndarray]
    scheme: str = "ibug68"
    positions: np.ndarray | None = None
    hidden_by: np.ndarray | None = None
    depth: np.ndarray | None = None
    temperature: np.ndarray | None = None


def make_faces(
    count: int,
    *,
    seed: int = 0,
    size: int = 96,
    first_identity: int = 0,
    faces_per_identity: int = 4,
    workers: int | None = None,
    progress: bool = False,
    realism: Realism = Realism(),  # noqa: B008 (frozen)
    scheme: str = "ibug68",
    maps: bool = False,
    rgb: bool = True,
    rgb_camera: SecondCamera | None = None,
) -> SyntheticFaces:
    """Makes pairs of faces; sample n shows identity `first_identity + n // faces_per_identity`.

    Args:
        count: number of pairs N, at least 1.
        seed: an integer from 0; each seed gives other identities.
        size: image side in pixels, 48 to 512. The faces are the same at every size, except the noise.
        first_identity: identity of the first pair, an integer from 0. Splits have no person in common if
            their ranges of identities do not overlap.
        faces_per_identity: images per person, with different poses, expressions and light.
        workers: processes, by default one per core that this process may use, at most 8; the images do
            not depend on it. A few faces are always rendered in this process.
        progress: show a progress bar.
        realism: parts of the rendering that are switched off.
        scheme: landmark scheme, one that is defined on the head (`head.landmarks.DEFINED`).
        maps: also return depth and temperature of every pixel.
        rgb: also render the RGB images, which take a third of the time; the rest does not depend on it.
        rgb_camera: place of an RGB camera beside the thermal one; None for pixel-aligned pairs.
            Landmarks and maps are those of the thermal image.

    Raises:
        InputError: an argument is not an integer or is out of range, or the scheme is unknown.
    """
    count = checked_integer("count", count, 1)
    seed = checked_integer("seed", seed, 0)
    size = checked_integer("size", size, 48, 512)
    first_identity = checked_integer("first_identity", first_identity, 0)
    faces_per_identity = checked_integer("faces_per_identity", faces_per_identity, 1)
    if workers is None:
        workers = min(8, cores())
    workers = checked_integer("workers", workers, 1)
    if scheme not in DEFINED:
        raise InputError(
            f"scheme='{scheme}' is not defined on the rendered head"
            + suggestion(scheme, DEFINED)
            + f"; use one of {', '.join(DEFINED)}"
        )

    numbers = np.arange(count)
    identity = first_identity + numbers // faces_per_identity
    faces = list(zip(identity.tolist(), (numbers % faces_per_identity).tolist(), strict=True))
    blocks = [
        _Block(
            seed, size, realism, scheme, maps, rgb, tuple(faces[first : first + _BLOCK]), rgb_camera
        )
        for first in range(0, count, _BLOCK)
    ]
    arrays: dict[str, list[np.ndarray]] = {}
    rows: list[dict] = []
    bar = tqdm(total=count, desc="synthetic faces", unit="pair", disable=not progress)
    with bar, closing(in_order(_render_block, blocks, workers)) as rendered:
        for block, block_rows in rendered:
            for name, values in block.items():
                arrays.setdefault(name, []).append(values)
            rows += block_rows
            bar.update(len(block_rows))
    images = {name: np.concatenate(values) for name, values in arrays.items()}
    return SyntheticFaces(
        identity=identity.astype(np.int64),
        attributes={name: np.array([row[name] for row in rows]) for name in rows[0]},
        scheme=scheme,
        **{"rgb": None, **images},
    )


@dataclass(frozen=True)
class _Block:
    """Some faces that one process renders; `faces` holds (identity, sample)."""

    seed: int
    size: int
    realism: Realism
    scheme: str
    maps: bool
    rgb: bool
    faces: tuple[tuple[int, int], ...]
    rgb_camera: SecondCamera | None = None


def _render_block(block: _Block) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Arrays of a block by their name in `SyntheticFaces`, and the attributes of each face."""
    recipes = [draw_recipe(block.seed, *face, block.realism) for face in block.faces]
    pairs = [
        render_pair(recipe, block.size, block.scheme, rgb=block.rgb, rgb_camera=block.rgb_camera)
        for recipe in recipes
    ]
    arrays = {
        "thermal": [pair.thermal for pair in pairs],
        "landmarks": [pair.landmarks.points for pair in pairs],
        "positions": [pair.landmarks.positions for pair in pairs],
        "hidden_by": [pair.landmarks.hidden_by for pair in pairs],
    }
    if block.rgb:
        arrays["rgb"] = [pair.rgb for pair in pairs]
    if block.maps:
        arrays["depth"] = [pair.depth for pair in pairs]
        arrays["temperature"] = [pair.temperature for pair in pairs]
    stacked = {name: np.stack(values) for name, values in arrays.items()}
    return stacked, [attributes(recipe) for recipe in recipes]
