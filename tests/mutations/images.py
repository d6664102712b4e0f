"""Mutations of image files and NumPy arrays: tags, types, channels, pages, axes, values."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

from tests.mutations.kinds import Apply, Mutation, mutation

IMAGES: list[Mutation] = []
ARRAYS: list[Mutation] = []
_PNG, _JPEG, _TIFF = b"\x89PNG", b"\xff\xd8", (b"II*\0", b"MM\0*")


@lru_cache(maxsize=256)
def _decoded(data: bytes) -> np.ndarray | None:
    """The values of an intact image, (H, W) or (H, W, 3) BGR; None for other bytes."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:
        return None


def _encoded(values: np.ndarray, data: bytes) -> bytes:
    """The file of these values, of the type that `data` has if it can hold them, otherwise a PNG."""
    eight = values.dtype == np.uint8 and values.shape[2:] != (4,)
    kind = ".tiff" if data[:4] in _TIFF or values.dtype == np.float32 else ".png"
    if eight and data[:2] in (_JPEG, b"BM"):
        kind = ".jpg" if data[:2] == _JPEG else ".bmp"
    return cv2.imencode(kind, values)[1].tobytes()


def _values_mutation(expect: str = "either"):
    """Decorate a function of the values of an image, which returns others or bytes."""

    def add(change):
        def apply(data: bytes, rng: np.random.Generator) -> bytes | None:
            values = _decoded(data)
            changed = None if values is None else change(values, rng)
            return _encoded(changed, data) if isinstance(changed, np.ndarray) else changed

        apply.__name__ = change.__name__
        return mutation(IMAGES, expect)(apply)

    return add


def _tagged(data: bytes, orientation: int) -> bytes | None:
    """The file with an orientation tag, its pixels unchanged."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    block = exif.tobytes()
    if data[:2] == _JPEG:
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    if data[:4] == _PNG:
        chunk = b"eXIf" + block.removeprefix(b"Exif\0\0")
        size, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
        return data[:33] + size + chunk + check + data[33:]
    if data[:4] in _TIFF:
        with Image.open(io.BytesIO(data)) as image:
            if image.n_frames == 1:
                file = io.BytesIO()
                image.save(file, "TIFF", tiffinfo={0x0112: orientation})
                return file.getvalue()
    return None


@mutation(IMAGES, "same")
def orientation_tag_1(data: bytes, rng: np.random.Generator) -> bytes | None:
    return _tagged(data, 1)


@mutation(IMAGES)
def orientation_tag(data: bytes, rng: np.random.Generator) -> bytes | None:
    return _tagged(data, int(rng.integers(2, 9)))


@_values_mutation()
def sixteen_bits(values: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    return values.astype(np.uint16) * 257 if values.dtype == np.uint8 else None


@_values_mutation()
def alpha(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    colour = values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)
    return np.dstack([colour[..., :3], np.full(values.shape[:2], 200, values.dtype)])


@_values_mutation()
def grey_or_colour(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if values.ndim == 3:
        return values[..., :3].mean(axis=2).astype(values.dtype)
    return np.repeat(values[..., None], 3, axis=2)


@_values_mutation()
def floats(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grey = values if values.ndim == 2 else values[..., 0]
    return grey.astype(np.float32)


@_values_mutation()
def pages(values: np.ndarray, rng: np.random.Generator) -> bytes:
    first, *others = [Image.fromarray(values)] * int(rng.integers(2, 4))
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


@_values_mutation()
def an_array(values: np.ndarray, rng: np.random.Generator) -> bytes:
    return _saved(values)


@_values_mutation()
def values_times_ten(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    highest = np.iinfo(values.dtype).max if values.dtype.kind == "u" else np.inf
    return np.minimum(values * 10.0, highest).astype(values.dtype)


@_values_mutation()
def values_over_ten(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (values / 10.0).astype(values.dtype)


@_values_mutation()
def values_with_swapped_bytes(values: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    return values.byteswap() if values.dtype == np.uint16 else None


@_values_mutation("refused")
def one_value(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.full_like(values, values.flat[0])


@_values_mutation()
def inverted(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return values.max() - values


@_values_mutation()
def another_size(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(values[: rng.integers(1, len(values))])


def _truncated(data: bytes, rng: np.random.Generator) -> bytes | None:
    """The first half: a part of every compressed image is missing."""
    return data[: len(data) // 2] if _decoded(data) is not None else None


mutation(IMAGES, "refused")(_truncated)


def _saved(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def _array_mutations(expect: str, **changes: Callable[[np.ndarray], np.ndarray]) -> None:
    """Add mutations of arrays by name."""

    def of(change: Callable[[np.ndarray], np.ndarray]) -> Apply:
        def apply(data: bytes, rng: np.random.Generator) -> bytes:
            with warnings.catch_warnings(action="ignore"):  # of casts
                return _saved(change(np.load(io.BytesIO(data), allow_pickle=False)))

        return apply

    for name, change in changes.items():
        apply = of(change)
        apply.__name__ = name
        mutation(ARRAYS, expect)(apply)


def _as_type(dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: values.astype(dtype)


_array_mutations(
    "same",
    last_axis_one=lambda values: values[..., None],
    first_axis_one=lambda values: values[None],
    fortran_order=np.asfortranarray,
    doubles=_as_type("f8"),
    bytes_swapped_and_declared=_as_type(">f4"),
)
_array_mutations(
    "refused",
    three_channels=lambda values: np.stack([values] * 3, axis=-1),
    two_channels=lambda values: np.stack([values] * 2, axis=-1),
    five_axes=lambda values: values[None, None, None],
    one_row=np.ravel,
    no_frame=lambda values: values[:0],
    a_number=lambda values: values.flat[0],
    times_ten=lambda values: values * 10,
    over_ten=lambda values: values / 10,
    kelvin=lambda values: values + np.float32(273.15),
    all_nan=lambda values: values * np.nan,
    pickled=lambda values: np.array([{"values": 1}, None], dtype=object),
    with_fields=lambda values: values.astype([("celsius", values.dtype)]),
    of_texts=lambda values: values.astype(str),
    degrees_as_int16=_as_type("i2"),
    degrees_as_uint16=_as_type("u2"),
    degrees_as_int64=_as_type("i8"),
    booleans=_as_type("b1"),
    complex_numbers=_as_type("c8"),
)
_array_mutations(
    "either",
    axes_reversed=np.transpose,
    a_third_nan=lambda values: np.where(np.arange(values.shape[-1]) % 3, values, np.nan),
    some_infinite=lambda values: np.where(values > values.mean(), np.inf, values),
    one_value_everywhere=lambda values: np.full_like(values, values.flat[0]),
    half_precision=_as_type("f2"),
    degrees_as_uint8=_as_type("u1"),
)
