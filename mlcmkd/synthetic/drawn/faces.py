"""Procedural, seeded pairs of RGB and thermal faces with exact landmarks, without any data file.

A 3-D face model gives shape and pose; a model of a colour camera and one of a thermal camera render
it. Sample k of identity i depends only on (seed, i, k), not on the number of faces, their order or the
number of workers.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from operator import index as as_index

import cv2
import numpy as np
from tqdm.auto import tqdm

from mlcmkd.synthetic.drawn.layers import draw_layers
from mlcmkd.synthetic.drawn.rgb import RgbLook, draw_rgb_look, paint_rgb, photograph
from mlcmkd.synthetic.drawn.shape import Shape, draw_shape, place
from mlcmkd.synthetic.drawn.styling import Styling, draw_styling
from mlcmkd.synthetic.drawn.thermal import ThermalLook, draw_thermal_look, paint_thermal, record
from mlcmkd.utils.errors import InputError

# Streams of random numbers, one for each part of a face, so that a change to the code of one part does
# not change the others.
_STREAMS = {"shape": 0, "styling": 1, "rgb": 2, "thermal": 3, "rgb camera": 4, "thermal camera": 5}


@dataclass(frozen=True)
class SyntheticFaces:
    """Pixel-aligned pairs of one face each.

    Attributes:
        rgb: (N, size, size, 3) uint8, red first.
        thermal: (N, size, size) float32, degrees C.
        landmarks: (N, 68, 2) float32, iBUG order, x and y in pixels; pixel centres are integers.
        identity: (N,) int64.
        attributes: name -> (N,). "yaw", "pitch", "roll" (degrees; positive turns to the viewer's
            right, up, clockwise), "smile", "mouth_open", "eye_closure" (0 to 1), "glasses",
            "beard" (bool), "glasses_style", "beard_style", "hair_style" (str), "skin_tone" (0
            light to 1 dark), "light_side" (-1 left to 1 right), "ambient_celsius",
            "skin_celsius" (degrees C), "nose_celsius" (difference from the skin).
    """

    rgb: np.ndarray
    thermal: np.ndarray
    landmarks: np.ndarray
    identity: np.ndarray
    attributes: dict[str, np.ndarray]


@dataclass(frozen=True)
class _Recipe:
    """All random parameters of one pair."""

    seed: int
    identity: int
    sample: int
    shape: Shape
    styling: Styling
    rgb: RgbLook
    thermal: ThermalLook


def make_faces(
    count: int,
    *,
    seed: int = 0,
    size: int = 96,
    first_identity: int = 0,
    faces_per_identity: int = 4,
    workers: int | None = None,
    progress: bool = False,
) -> SyntheticFaces:
    """Makes pairs of faces; sample n shows identity `first_identity + n // faces_per_identity`.

    Args:
        count: number of pairs N, at least 1.
        seed: an integer from 0; each seed gives other identities.
        size: image side in pixels, 48 to 512. The faces are the same at every size, except the noise.
        first_identity: splits have no person in common if their ranges of identities do not overlap.
        faces_per_identity: images per person, with different poses, expressions and light.
        workers: processes, by default one per core, at most 8; the images do not depend on it. A few
            faces are always rendered in this process.
        progress: show a progress bar.

    Raises:
        InputError: an argument is not an integer or is out of range.
    """
    count = _integer("count", count, 1)
    seed = _integer("seed", seed, 0)
    size = _integer("size", size, 48, 512)
    first_identity = _integer("first_identity", first_identity, 0)
    faces_per_identity = _integer("faces_per_identity", faces_per_identity, 1)
    if workers is None:
        workers = min(8, os.cpu_count() or 1)
    workers = _integer("workers", workers, 1)

    numbers = np.arange(count)
    identity = first_identity + numbers // faces_per_identity
    faces = list(zip(identity.tolist(), (numbers % faces_per_identity).tolist(), strict=True))
    blocks = [(seed, size, faces[first : first + _BLOCK]) for first in range(0, count, _BLOCK)]
    rgb, thermal, landmarks, rows = [], [], [], []
    bar = tqdm(total=count, desc="synthetic faces", unit="pair", disable=not progress)
    with bar, closing(_in_order(blocks, workers)) as made:
        for block in made:
            for whole, part in zip((rgb, thermal, landmarks), block[:3], strict=True):
                whole.append(part)
            rows += block[3]
            bar.update(len(block[3]))
    return SyntheticFaces(
        rgb=np.concatenate(rgb),
        thermal=np.concatenate(thermal),
        landmarks=np.concatenate(landmarks),
        identity=identity.astype(np.int64),
        attributes={name: np.array([row[name] for row in rows]) for name in rows[0]},
    )


# --- serial or parallel ---------------------------------------------------------------------------

_BLOCK = (
    16  # pairs per task: large enough to amortise the transfer, small enough to balance the load
)
_Block = tuple[int, int, list[tuple[int, int]]]  # seed, size, (identity, sample) of each face


def _in_order(blocks: list[_Block], workers: int) -> Iterator[tuple]:
    """The rendered blocks in order; by processes where that is faster, since rendering holds the GIL."""
    done = 0
    # A daemonic process, such as a worker of a data loader, must not have children.
    if min(workers, len(blocks) // 2) > 1 and not multiprocessing.current_process().daemon:
        # Forked children need no importable __main__, so notebooks and scripts without a main guard
        # work. On other systems than Linux a fork is unsafe; they use their default method.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
        pool = ProcessPoolExecutor(min(workers, len(blocks)), context)
        try:
            with _one_opencv_thread():  # before the fork: its threads do not survive one
                for block in pool.map(_make_block, blocks):
                    yield block
                    done += 1
        except BrokenProcessPool:
            pass  # processes are unavailable (a script without a main guard, too little memory)
        finally:
            pool.shutdown(cancel_futures=True)
    with _one_opencv_thread():
        for block in blocks[done:]:
            yield _make_block(block)


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Limits OpenCV to one thread: such small images gain nothing from more."""
    previous = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(previous)


def _make_block(block: _Block) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict]]:
    """Images, landmarks and attributes of one block of faces."""
    seed, size, faces = block
    recipes = [_draw_recipe(seed, identity, sample) for identity, sample in faces]
    rgb, thermal, landmarks = zip(*(_render(recipe, size) for recipe in recipes), strict=True)
    rows = [_attributes(recipe) for recipe in recipes]
    return np.stack(rgb), np.stack(thermal), np.stack(landmarks), rows


# --- one pair -------------------------------------------------------------------------------------


def _integer(name: str, value: int, low: int, high: int | None = None) -> int:
    """The value as an integer within its range; the InputError names the argument."""
    allowed = f"an integer from {low}" + (f" to {high}" if high is not None else "")
    try:
        number = as_index(value)
    except TypeError:
        raise InputError(f"{name}={value!r} is not an integer; give {allowed}") from None
    if isinstance(value, bool) or number < low or (high is not None and number > high):
        raise InputError(f"{name}={value!r} is out of range; give {allowed}")
    return number


def _stream(seed: int, identity: int, part: str, sample: int | None = None) -> np.random.Generator:
    """Random numbers of one part of an identity, or of one of its samples."""
    key = (identity, 0 if sample is None else sample + 1, _STREAMS[part])
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _draw_recipe(seed: int, identity: int, sample: int) -> _Recipe:
    def both(part: str) -> tuple[np.random.Generator, np.random.Generator]:
        return _stream(seed, identity, part), _stream(seed, identity, part, sample)

    return _Recipe(
        seed=seed,
        identity=identity,
        sample=sample,
        shape=draw_shape(*both("shape")),
        styling=draw_styling(*both("styling")),
        rgb=draw_rgb_look(*both("rgb")),
        thermal=draw_thermal_look(*both("thermal")),
    )


def _render(recipe: _Recipe, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RGB (size, size, 3) uint8, thermal (size, size) float32 and landmarks (68, 2) float32."""
    factor = 2 if size <= 160 else 1  # large canvases need no supersampling
    geometry = place(recipe.shape, size * factor)
    layers = draw_layers(geometry, recipe.styling)
    rgb = photograph(
        paint_rgb(layers, recipe.rgb),
        recipe.rgb,
        size,
        _stream(recipe.seed, recipe.identity, "rgb camera", recipe.sample),
    )
    thermal = record(
        paint_thermal(layers, recipe.thermal),
        recipe.thermal,
        size,
        _stream(recipe.seed, recipe.identity, "thermal camera", recipe.sample),
    )
    # Canvas pixel u is image pixel (u + 0.5) / factor - 0.5: centres are at integers in both.
    landmarks = (geometry.landmarks + 0.5) / factor - 0.5
    return rgb, thermal, landmarks.astype(np.float32)


def _attributes(recipe: _Recipe) -> dict:
    shape, styling = recipe.shape, recipe.styling
    return {
        "yaw": shape.yaw,
        "pitch": shape.pitch,
        "roll": shape.roll,
        "smile": shape.expressions["smile"],
        "mouth_open": shape.expressions["mouth open"],
        "eye_closure": shape.eye_closure,
        "glasses": styling.glasses != "none",
        "beard": styling.beard != "none",
        "glasses_style": styling.glasses,
        "beard_style": styling.beard,
        "hair_style": styling.hair,
        "skin_tone": recipe.rgb.skin_tone,
        "light_side": float(recipe.rgb.light[0]),
        "ambient_celsius": recipe.thermal.ambient,
        "skin_celsius": recipe.thermal.skin,
        "nose_celsius": recipe.thermal.patterns["nose"],
    }
