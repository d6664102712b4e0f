"""Shadows: a soft cast shadow of the key light, and the darkening of places behind nearer ones."""

from functools import lru_cache

import cv2
import numpy as np
from numba import njit

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rasterise import FAR, rasterise
from mlcmkd.synthetic.scene import Scene

_SIDE = 88  # pixels of the shadow map
_REACH = 2.4  # head units around the face that cast a shadow
_CENTRE = np.array([0, -0.4, -0.5], np.float32)
_DEEPEST = np.float32(-4)  # depth of a pixel of the map without a surface
_BEHIND = np.float32(-3)  # depth of what is behind the person, for contact shade


def cast_shadow(scene: Scene, light: tuple[float, float, float], hardness: float) -> np.ndarray:
    """Share (M,) float32 of the key light that reaches each pixel of `scene.solid`.

    A variance shadow map (Donnelly & Lauritzen 2006): the depth seen from the light and its square
    are blurred, and Chebyshev's inequality bounds how much of the blurred area is nearer.

    Args:
        scene: the scene.
        light: (3,) unit direction towards the light, camera axes.
        hardness: 0 for wide penumbras to 1 for sharp ones.
    """
    axes = _light_axes(np.asarray(light, np.float32))
    scale = np.float32((_SIDE - 1) / (2 * _REACH))
    to_map, middle = _to_map(axes, scale)
    seen = _from_light(scene.turned, to_map, middle)
    triangle = np.empty((_SIDE, _SIDE), np.int32)
    shares = np.empty((_SIDE, _SIDE, 2), np.float32)
    depth = np.full((_SIDE, _SIDE), FAR, np.float32)
    for part, start, end in scene.bodies():
        if start == 0:
            rasterise(seen[:end], _outside_of_head(), triangle, shares, depth)
        elif part.materials[0] not in (Worn.LENS, Worn.CLOTH):
            rasterise(seen[start:end], part.triangles, triangle, shares, depth)
    depth = np.maximum(depth, _DEEPEST)
    depth[[0, -1]] = depth[:, [0, -1]] = _DEEPEST  # nothing beyond the border casts a shadow
    moments = np.stack((depth, depth * depth), axis=2)
    moments = cv2.GaussianBlur(moments, (0, 0), 0.8 + 2.6 * (1 - hardness))
    return _reaching(moments, scene.solid.positions, to_map, middle)


@lru_cache(maxsize=1)
def _outside_of_head() -> np.ndarray:
    """Triangles (T, 3) int32 of the head that can cast a shadow on something that the camera sees."""
    head = load_head()
    outside = (Material.SKIN, Material.EAR, Material.LIPS)
    return np.ascontiguousarray(head.triangles[np.isin(head.materials, outside)])


@njit(cache=True)
def _from_light(positions, to_map, middle):
    """Column, row and depth (N, 3) float32 of positions (N, 3) in the shadow map of `_to_map`."""
    seen = np.empty((len(positions), 3), np.float32)
    for n in range(len(positions)):
        x, y, z = positions[n, 0], positions[n, 1], positions[n, 2]
        for k in range(3):
            seen[n, k] = x * to_map[k, 0] + y * to_map[k, 1] + z * to_map[k, 2] + middle[k]
    return seen


@njit(cache=True)
def _reaching(moments, positions, to_map, middle):
    """Chebyshev's bound (M,) at pixels of the shadow map.

    Args:
        moments: (_SIDE, _SIDE, 2) float32, blurred depth and squared depth.
        positions: (M, 3) float32, of the pixels, camera axes.
        to_map, middle: of `_to_map`.
    """
    side = moments.shape[0]
    share = np.ones(len(positions), np.float32)
    bias = np.float32(0.07)  # hides the steps of the map's own depth
    smallest = np.float32(0.003)
    for m in range(len(positions)):
        x, y, z = positions[m, 0], positions[m, 1], positions[m, 2]
        across = x * to_map[0, 0] + y * to_map[0, 1] + z * to_map[0, 2] + middle[0]
        down = x * to_map[1, 0] + y * to_map[1, 1] + z * to_map[1, 2] + middle[1]
        towards = x * to_map[2, 0] + y * to_map[2, 1] + z * to_map[2, 2] + middle[2]
        column, row = int(across), int(down)
        if across < 0 or down < 0 or column > side - 2 or row > side - 2:
            continue  # beyond the map
        right, below = np.float32(across - column), np.float32(down - row)
        left, above = np.float32(1) - right, np.float32(1) - below
        first, second = moments[row], moments[row + 1]
        mean = above * (left * first[column, 0] + right * first[column + 1, 0]) + below * (
            left * second[column, 0] + right * second[column + 1, 0]
        )
        square = above * (left * first[column, 1] + right * first[column + 1, 1]) + below * (
            left * second[column, 1] + right * second[column + 1, 1]
        )
        behind = mean - towards - bias
        if behind > 0:
            variance = max(square - mean * mean, smallest)
            bound = variance / (variance + behind * behind)
            # A bound below 0.2 counts as 0: variance shadow maps leak light there.
            share[m] = max((bound - np.float32(0.2)) * np.float32(1.25), np.float32(0))
    return share


def _light_axes(light: np.ndarray) -> np.ndarray:
    """(3, 3) rows: the right, down and towards axes of a camera at the light."""
    x, y, z = light.tolist()
    length = float(np.hypot(x, z)) + 1e-6
    right, ahead = z / length, -x / length  # the vertical axis times the light, without its y of 0
    down = (-y * ahead, x * ahead - z * right, y * right)
    return np.array(((right, 0, ahead), down, (x, y, z)), np.float32)


def _to_map(axes: np.ndarray, scale: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (3, 3) and offset (3,) from positions to pixels of the shadow map, and depth."""
    to_pixels = axes * np.array([[scale], [scale], [1]], np.float32)
    middle = np.array([(_SIDE - 1) / 2, (_SIDE - 1) / 2, 0], np.float32) - to_pixels @ _CENTRE
    return to_pixels, middle


def contact_shade(scene: Scene) -> np.ndarray:
    """Ambient light (M,) float32 from 0 to 1 that nearer surfaces leave to those behind them.

    The blurred depth minus the depth, after Luft 2006 (depth darkening): dark below a chin, beside a
    nose, under the edge of hair or a hat, and in an open mouth.
    """
    solid = scene.solid
    depth = np.maximum(solid.depth, _BEHIND)
    unit = scene.camera.scale
    nearer = np.zeros(len(solid), np.float32)
    for radius, weight in ((0.07, 2.2), (0.35, 1.3)):
        step = max(1, int(radius * unit / 3))  # a blurred image needs few pixels
        side = -(-solid.size // step)
        small = cv2.resize(depth, (side, side), interpolation=cv2.INTER_AREA) if step > 1 else depth
        soft = cv2.GaussianBlur(small, (0, 0), radius * unit / step)
        if step > 1:
            soft = cv2.resize(soft, (solid.size, solid.size), interpolation=cv2.INTER_LINEAR)
        _add_nearer(nearer, depth.reshape(-1), soft.reshape(-1), solid.pixels, np.float32(weight))
    return np.exp(-2 * nearer)


@njit(cache=True)
def _add_nearer(nearer, depth, soft, pixels, weight):
    """Adds to `nearer` (M,) how far the blurred depth at chosen pixels is in front of the depth."""
    for m in range(len(pixels)):
        before = soft[pixels[m]] - depth[pixels[m]]
        nearer[m] += weight * min(max(before, np.float32(0)), np.float32(0.6))
