"""The decoder: orientation, depth, layouts, damaged files; and that nothing else decodes files."""

import ast
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from mlcmkd.data.images import (
    MAX_PIXELS,
    encode_image,
    image_size,
    open_frames,
    open_video,
    read_decoded,
    read_image,
)
from mlcmkd.utils.errors import InputError

RNG = np.random.default_rng(0)
ROOT = Path(__file__).parents[2]
# Neither square nor symmetric, and smooth, so that JPEG keeps it.
ROWS, COLUMNS = np.mgrid[:24, :40]
GREY8 = (ROWS * 5 + COLUMNS * 3).astype(np.uint8)
COLOUR8 = np.stack([GREY8, 255 - GREY8, GREY8 // 2], axis=2)
GREY16 = (ROWS * 997 + COLUMNS * 613 + 1).astype(np.uint16)
COLOUR16 = np.stack([GREY16, 65535 - GREY16, GREY16 // 2], axis=2)


def write_png(path: Path, values: np.ndarray, colour_type: int) -> Path:
    """Write a PNG of 16 bits of any colour type: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    height, width = values.shape[:2]
    rows = values.reshape(height, -1).astype(">u2").view(np.uint8)
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    return path


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


# Orientation

TO_STORED = {  # what turns the upright image into the stored one
    1: lambda image: image,
    2: ImageOps.mirror,
    3: lambda image: image.rotate(180),
    4: ImageOps.flip,
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
}
LOSSY = {"jpg": 4, "webp": 0, "png": 0, "tiff": 0}  # largest difference


def with_orientation(path: Path, upright: Image.Image, orientation: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 98, "subsampling": 0} if path.suffix == ".jpg" else {}
    options |= {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
    TO_STORED[orientation](upright).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", TO_STORED)
@pytest.mark.parametrize("suffix", LOSSY)
def test_orientation_is_applied_once(tmp_path, suffix, orientation):
    """By us, by Pillow's exif_transpose, and by OpenCV alike."""
    path = with_orientation(tmp_path / f"a.{suffix}", Image.fromarray(COLOUR8), orientation)
    values, as_stored = read_decoded(path)
    assert values.shape == COLOUR8.shape
    assert np.abs(values.astype(int) - COLOUR8).max() <= LOSSY[suffix]
    assert image_size(path) == (COLUMNS.shape[1], COLUMNS.shape[0])
    assert as_stored == (orientation == 1)
    with Image.open(path) as image:
        assert np.array_equal(values, ImageOps.exif_transpose(image))
    if suffix != "tiff" or orientation < 5:  # OpenCV 5 opens no TIFF that is turned by a quarter
        assert np.array_equal(values, cv2.imread(str(path))[..., ::-1])


@pytest.mark.parametrize("orientation", TO_STORED)
@pytest.mark.parametrize("name", ["a.png", "a.tiff", "raw.tiff"])
def test_orientation_of_16_bits_is_applied_once(tmp_path, name, orientation):
    options = {"compression": "tiff_lzw"} if name == "a.tiff" else {}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = TO_STORED[orientation](Image.fromarray(GREY16.astype(np.int32)))
    Image.fromarray(np.array(stored).astype(np.uint16)).save(tmp_path / name, exif=exif, **options)
    assert np.array_equal(read_image(tmp_path / name), GREY16)


@pytest.mark.parametrize("orientation", TO_STORED)
@pytest.mark.parametrize("kind", ["png 48 bits", "tiff 48 bits", "tiff float64"])
def test_orientation_is_applied_once_where_opencv_decodes(tmp_path, kind, orientation):
    values = (GREY16 / 7) if kind == "tiff float64" else COLOUR16
    planes = np.moveaxis(np.atleast_3d(values), 2, 0)
    turned = [
        np.array(TO_STORED[orientation](Image.fromarray(p.astype(np.float32)))) for p in planes
    ]
    stored = np.squeeze(np.stack(turned, axis=2)).astype(values.dtype)
    if kind == "png 48 bits":
        path = write_png(tmp_path / "a.png", stored, 2)
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = path.read_bytes()  # the eXIf chunk follows the 33 bytes of signature and header
        path.write_bytes(data[:33] + _chunk(b"eXIf", exif.tobytes()[6:]) + data[33:])
    else:
        path = write_tiff(tmp_path / "a.tiff", [Sheet(stored, orientation=orientation)])
    found = read_image(path)
    assert found.shape == values.shape
    assert found == pytest.approx(values.astype(found.dtype), abs=0.01)


def test_a_damaged_exif_block_changes_nothing(tmp_path):
    Image.fromarray(COLOUR8).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert np.array_equal(read_image(tmp_path / "a.png"), COLOUR8)


# Depth and layout


def colour48(folder):
    return write_png(folder / "a.png", COLOUR16, 2), COLOUR16


def grey48(folder):
    return write_png(folder / "a.png", np.repeat(GREY16[..., None], 3, axis=2), 2), GREY16


def grey_alpha16(folder):
    return write_png(folder / "a.png", np.stack([GREY16, GREY16 * 0 + 65535], axis=2), 4), GREY16


def rgba64(folder):
    alpha = np.full((*GREY16.shape, 1), 30000)
    return write_png(folder / "a.png", np.concatenate([COLOUR16, alpha], axis=2), 6), COLOUR16


def grey16(folder):
    return write_png(folder / "a.png", GREY16, 0), GREY16


def pgm_of_14_bits(folder):
    values = GREY16 % 16384
    head = b"P5\n# 14 bits\n%d %d\n16383\n" % values.shape[::-1]
    (folder / "a.pgm").write_bytes(head + values.astype(">u2").tobytes())
    return folder / "a.pgm", values


def pgm_of_16_bits(folder):
    head = b"P5\n%d %d\n65535\n" % GREY16.shape[::-1]
    (folder / "a.pgm").write_bytes(head + GREY16.astype(">u2").tobytes())
    return folder / "a.pgm", GREY16


def ppm_of_16_bits(folder):
    head = b"P6\n%d %d\n65535\n" % GREY16.shape[::-1]
    (folder / "a.ppm").write_bytes(head + COLOUR16.astype(">u2").tobytes())
    return folder / "a.ppm", COLOUR16


def tiff_of_48_bits(folder):
    return write_tiff(folder / "a.tiff", [Sheet(COLOUR16)]), COLOUR16


def float64_tiff(folder):
    values = GREY16 / 2000
    return write_tiff(folder / "a.tiff", [Sheet(values)]), values.astype(np.float32)


def float32_tiff(folder):
    values = (GREY16 / 2000).astype(np.float32)
    return write_tiff(folder / "a.tiff", [Sheet(values)]), values


def big_endian_tiff(folder):
    return write_tiff(folder / "a.tiff", [Sheet(GREY16)], order=">"), GREY16


DEEP = [
    colour48, grey48, grey_alpha16, rgba64, grey16, pgm_of_14_bits, pgm_of_16_bits, ppm_of_16_bits,
    tiff_of_48_bits, float64_tiff, float32_tiff, big_endian_tiff,
]  # fmt: skip


@pytest.mark.parametrize("make", DEEP, ids=lambda make: make.__name__)
def test_no_bit_of_16_or_more_is_lost(tmp_path, make):
    path, expected = make(tmp_path)
    values = read_image(path)
    assert values.dtype == expected.dtype and values.dtype.isnative
    assert np.array_equal(values, expected)


def palette(folder):
    image = Image.fromarray(COLOUR8).quantize(64)
    image.save(folder / "a.png", transparency=bytes(range(64)))
    return folder / "a.png"


def saved(name, values, mode=None, **options):
    def make(folder):
        image = Image.fromarray(values)
        (image.convert(mode) if mode else image).save(folder / name, **options)
        return folder / name

    return make


BOTH = {  # kinds that Pillow and OpenCV read
    "grey jpg": saved("a.jpg", GREY8),
    "colour jpg": saved("a.jpg", COLOUR8, quality=95, subsampling=0),
    "colour jpg of half chroma": saved("a.jpg", COLOUR8, quality=80),
    "progressive jpg": saved("a.jpg", COLOUR8, progressive=True),
    "grey png": saved("a.png", GREY8),
    "colour png": saved("a.png", COLOUR8),
    "png of 16 bits": lambda folder: grey16(folder)[0],
    "png of 48 bits": lambda folder: colour48(folder)[0],
    "rgba png": saved("a.png", COLOUR8, "RGBA"),
    "grey and alpha png": saved("a.png", GREY8, "LA"),
    "black and white png": saved("a.png", GREY8, "1"),
    "palette png": palette,
    "grey bmp": saved("a.bmp", GREY8),
    "colour bmp": saved("a.bmp", COLOUR8),
    "colour webp": saved("a.webp", COLOUR8, lossless=True, exact=True),
    "grey tiff": saved("a.tiff", GREY8),
    "colour tiff": saved("a.tiff", COLOUR8),
    "lzw tiff of 16 bits": saved("a.tiff", GREY16, compression="tiff_lzw"),
    "float tiff": lambda folder: float32_tiff(folder)[0],
    "grey pgm": saved("a.pgm", GREY8),
    "colour ppm": saved("a.ppm", COLOUR8),
}


@pytest.mark.parametrize("kind", BOTH)
def test_pillow_and_opencv_read_the_same(tmp_path, kind):
    path = BOTH[kind](tmp_path)
    ours, theirs = read_image(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    theirs = theirs[..., 2::-1] if theirs.ndim == 3 else theirs
    if ours.ndim != theirs.ndim:  # one of them repeats grey
        ours, theirs = (v if v.ndim == 3 else np.repeat(v[..., None], 3, 2) for v in (ours, theirs))
    assert ours.dtype == theirs.dtype
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "values",
    [GREY8, COLOUR8, GREY16, COLOUR16, (GREY16 / 300).astype(np.float32)],
    ids=lambda values: f"{values.dtype} {values.ndim}",
)
def test_encoded_images_come_back(tmp_path, values):
    data, suffix = encode_image(values)
    (tmp_path / f"a{suffix}").write_bytes(data)
    found = read_image(tmp_path / f"a{suffix}")
    assert found.dtype == values.dtype and np.array_equal(found, values)


# TIFF pages


class Sheet:
    """A page of `write_tiff`: its values, orientation, and whether it is a reduced image.

    `bits` packs integers of fewer bits than their type has; `planar` separates the samples.
    """

    def __init__(
        self,
        values: np.ndarray,
        orientation: int = 1,
        reduced: bool = False,
        bits: int = 0,
        planar: bool = False,
    ):
        self.values, self.orientation, self.reduced = values, orientation, reduced
        self.bits, self.planar = bits or values.dtype.itemsize * 8, planar

    def data(self, order: str) -> bytes:
        values = self.values.transpose(2, 0, 1) if self.planar else self.values
        if self.bits == values.dtype.itemsize * 8:
            return values.astype(values.dtype.newbyteorder(order)).tobytes()
        text = "".join(f"{value:0{self.bits}b}" for value in values.ravel().tolist())
        return int(text, 2).to_bytes(len(text) // 8, "big")


def write_tiff(path: Path, sheets: list[Sheet], order: str = "<") -> Path:
    """Write an uncompressed TIFF of pixel types that Pillow does not write."""
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8))
    for number, sheet in enumerate(sheets):
        values = sheet.values
        height, width = values.shape[:2]
        samples = values.shape[2] if values.ndim == 3 else 1
        pixels, bits = sheet.data(order), sheet.bits
        kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
        tags = {
            254: (4, [int(sheet.reduced)]), 256: (4, [width]), 257: (4, [height]),
            258: (3, [bits] * samples), 259: (3, [1]), 262: (3, [2 if samples >= 3 else 1]),
            273: (4, [0]), 274: (3, [sheet.orientation]), 277: (3, [samples]), 278: (4, [height]),
            279: (4, [len(pixels)]), 284: (3, [1 + sheet.planar]), 339: (3, [kind] * samples),
        }  # fmt: skip
        place = len(data)
        extra = place + 2 + 12 * len(tags) + 4
        outside = b""
        for tag in (258, 339):
            if samples > 2:
                packed = struct.pack(f"{order}{samples}H", *tags[tag][1])
                tags[tag] = (3, packed, extra + len(outside))
                outside += packed
        start = extra + len(outside) + 8 * samples * sheet.planar
        tags[273] = (4, [start])
        if sheet.planar:
            size = len(pixels) // samples
            for tag, numbers in (
                (273, [start + size * n for n in range(samples)]),
                (279, [size] * 3),
            ):
                tags[tag] = (4, b"", extra + len(outside))
                outside += struct.pack(f"{order}{samples}I", *numbers)
        after = start + len(pixels) if number + 1 < len(sheets) else 0
        entries = b""
        for tag, (kind_code, content, *where) in tags.items():
            if where:
                entries += struct.pack(f"{order}HHII", tag, kind_code, samples, where[0])
                continue
            letter = "H" if kind_code == 3 else "I"
            field = struct.pack(f"{order}{len(content)}{letter}", *content).ljust(4, b"\0")
            entries += struct.pack(f"{order}HHI", tag, kind_code, len(content)) + field
        data += struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", after)
        data += outside + pixels
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("marked", "step"), [(True, 4), (False, 4), (True, 1)])
def test_a_thumbnail_is_no_frame(tmp_path, marked, step):
    """Nor is a preview of the image's own size, if it is marked."""
    small = Sheet(GREY8[::step, ::step], reduced=marked)
    for sheets in ([Sheet(GREY16), small], [small, Sheet(GREY16)]):
        path = write_tiff(tmp_path / "a.tiff", sheets)
        assert np.array_equal(read_image(path), GREY16)
        assert image_size(path) == GREY16.shape[::-1]


@pytest.mark.parametrize(
    ("sheet", "kind"),
    [
        (Sheet(np.dstack([GREY16, GREY16])), "2 x uint16"),
        (Sheet(COLOUR16, planar=True), r"3 x uint16 \(in planes\)"),
        (Sheet(GREY16 >> 2, bits=14), "uint14"),
        (Sheet(GREY16 >> 6, bits=10), "uint10"),
        (Sheet(GREY8.astype(np.int8)), "int8"),
    ],
    ids=["grey and alpha", "planes", "14 bits", "10 bits", "signed"],
)
def test_tiffs_that_decoders_read_with_other_values_are_refused(tmp_path, sheet, kind):
    path = write_tiff(tmp_path / "a.tiff", [sheet])
    with pytest.raises(InputError, match=f"{kind} pixels cannot be read.*; save counts as 16-bit"):
        read_image(path)


def test_tiffs_of_planes_and_12_bits_that_are_read_right(tmp_path):
    colours = write_tiff(tmp_path / "a.tiff", [Sheet(COLOUR8, planar=True)])
    assert np.array_equal(read_image(colours), COLOUR8)
    packed = write_tiff(tmp_path / "b.tiff", [Sheet(GREY16 >> 4, bits=12)])
    assert np.array_equal(read_image(packed), GREY16 >> 4)


def test_a_stack_of_imagej_whose_frames_have_no_pages_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(GREY16).save(path, tiffinfo={270: "ImageJ=1.54f\nimages=3\nslices=3\n"})
    path.write_bytes(path.read_bytes() + GREY16.tobytes() * 2)
    with pytest.raises(InputError, match="a stack of 3 images, but only 1 of them"):
        read_image(path)
    Image.fromarray(GREY16).save(path, tiffinfo={270: "ImageJ=1.54f\nmin=0.0\n"})
    assert np.array_equal(read_image(path), GREY16)


def test_a_stack_is_not_one_image(tmp_path):
    path = write_tiff(tmp_path / "a.tiff", [Sheet(GREY16), Sheet(GREY16 + 1), Sheet(GREY16 + 2)])
    np.save(tmp_path / "a.npy", np.stack([GREY16] * 3))
    for stack in (path, tmp_path / "a.npy"):
        with pytest.raises(InputError, match="a stack of 3 frames instead of one image"):
            read_image(stack)
    with open_frames(path) as frames:
        assert [int(frames.read(n).values[0, 0]) for n in range(len(frames))] == [1, 2, 3]


def test_pages_of_float64_are_read_in_order(tmp_path):
    path = write_tiff(tmp_path / "a.tiff", [Sheet(GREY16 / 8), Sheet(GREY16 / 4)])
    with open_frames(path) as frames:
        assert np.array_equal(frames.read(1).values, (GREY16 / 4).astype(np.float32))
        assert np.array_equal(frames.read(0).values, (GREY16 / 8).astype(np.float32))


def test_a_tiff_whose_pages_lead_back_ends(tmp_path):
    path = write_tiff(tmp_path / "a.tiff", [Sheet(GREY16)])
    data = bytearray(path.read_bytes())
    data[8 + 2 + 12 * 13 : 8 + 2 + 12 * 13 + 4] = struct.pack("<I", 8)
    path.write_bytes(data)
    assert np.array_equal(read_image(path), GREY16)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (GREY16.astype(np.float16), "float16|16-bit integers or degrees C as 32-bit floats"),
        (-GREY16.astype(np.int16) // 8, "integers from -.* divide them and save 32-bit floats"),
        (GREY16.astype(np.uint32) * 9, "integers from 9 to"),
    ],
)
def test_tiffs_of_other_types_say_how_to_save(tmp_path, values, reason):
    path = write_tiff(tmp_path / "a.tiff", [Sheet(values)])
    with pytest.raises(InputError, match=f"^{path}: .*({reason})"):
        read_image(path)


# NumPy arrays

H, W = GREY16.shape
CELSIUS = (GREY16 / 2000).astype(np.float32)


@pytest.mark.parametrize(
    ("array", "first", "count"),
    [
        (CELSIUS, CELSIUS, 1),
        (CELSIUS[..., None], CELSIUS, 1),
        (CELSIUS[None], CELSIUS, 1),
        (np.stack([CELSIUS, CELSIUS + 1]), CELSIUS, 2),
        (np.stack([CELSIUS, CELSIUS + 1])[..., None], CELSIUS, 2),
        (np.stack([CELSIUS, CELSIUS + 1])[:, None], CELSIUS, 2),
        (COLOUR8, COLOUR8, 1),
        (np.stack([COLOUR8, COLOUR8]), COLOUR8, 2),
        (np.dstack([COLOUR8, GREY8]), COLOUR8, 1),
        (GREY16.astype(">u2"), GREY16, 1),
        (GREY16.astype(np.int64), GREY16, 1),
        (CELSIUS.astype(">f8"), CELSIUS, 1),
        (np.asfortranarray(CELSIUS), CELSIUS, 1),
        (GREY8, GREY8, 1),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else value,
)
@pytest.mark.parametrize("name", ["a.npy", "A.NPY"])
def test_axes_of_arrays_are_named_by_shape_and_type(tmp_path, name, array, first, count):
    with (tmp_path / name).open("wb") as file:
        np.save(file, array)
    with open_frames(tmp_path / name) as frames:
        assert len(frames) == count
        values = frames.read(0).values
    assert values.dtype == first.dtype and values.dtype.isnative
    assert np.array_equal(values, first)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.dstack([CELSIUS] * 3), r"not one \(H, W\) array or a stack"),
        (np.zeros(5), r"not one \(H, W\) array or a stack"),
        (np.zeros((240, 320, 30), np.float32), r"shape \(240, 320, 30\), not one"),  # (H, W, N)
        (np.zeros((24, 32, 8), np.uint16), r"shape \(24, 32, 8\), not one"),
        (np.zeros((2, 3, 4, 5, 6)), r"not one \(H, W\) array or a stack"),
        (np.full((4, 5), 1j), "complex128 values"),
        (np.full((4, 5), "a"), "<U1 values"),
        (np.full((4, 5), True), "bool values"),
        (np.full((4, 5), -3), "integers from -3 to -3"),
        (np.zeros((0, 4, 5)), "without a frame"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=f"a.npy: .*{reason}"):
        read_image(tmp_path / "a.npy")


def test_an_array_file_that_promises_more_than_it_has(tmp_path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(InputError, match="a.npy: not a complete NumPy array"):
        read_image(tmp_path / "a.npy")


# Damaged and foreign files


@pytest.mark.parametrize("kind", BOTH)
def test_every_truncated_file_is_refused(tmp_path, kind):
    path = BOTH[kind](tmp_path)
    whole = path.read_bytes()
    for share in (0, 0.02, 0.3, 0.7):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=f"^{path}: .*;") as caught:
            read_image(path)
        assert "\n" not in str(caught.value)


def test_headers_of_huge_images_are_refused_before_decoding(tmp_path):
    for side in (11_000, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        path = tmp_path / "a.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b""))
        for read in (read_image, image_size):
            with pytest.raises(InputError, match="pixels.*cut it into parts"):
                read(path)
    np.save(tmp_path / "a.npy", np.broadcast_to(np.uint8(0), (1, 1)))
    assert MAX_PIXELS >= 4096 * 4096


def test_an_animation_is_refused(tmp_path):
    frames = [Image.fromarray(GREY8 // n) for n in (1, 2, 3)]
    for name in ("a.gif", "a.png", "a.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        with pytest.raises(InputError, match="an animation of 3 frames; save them as PNG files"):
            read_image(tmp_path / name)


FOREIGN = {
    "a.png": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "git lfs pull",
    ),
    "b.png": (b"<!DOCTYPE html><html>", "a web page; the download failed"),
    "c.csv": (b"20.15;20.12;20.11\n" * 9, "a text file; .*temperatures as .npy by numpy.save"),
    "d.npz": (b"PK\x03\x04" + bytes(60), "a ZIP archive"),
    "e.seq": (b"FFF\0" + bytes(60), "a FLIR recording"),
    "f.mat": (b"MATLAB 5.0 MAT-file, Platform" + bytes(60), "a MATLAB file"),
    "g.heic": (b"\0\0\0\x18ftypheic" + bytes(60), "a HEIC photo"),
    "h.raw": (bytes(range(256)) * 4, "of an unknown kind"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_named_by_their_kind(tmp_path, name):
    data, reason = FOREIGN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=f"{name}: not a complete image.*{reason}"):
        read_image(tmp_path / name)


# Videos


def test_a_video_of_16_bits_keeps_them(tmp_path):
    path = tmp_path / "a.mkv"
    options = [cv2.VIDEOWRITER_PROP_IS_COLOR, 0, cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U]
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), 10.0, (64, 48), options
    )
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no video of 16 bits")
    frames = RNG.integers(0, 65536, (3, 48, 64)).astype(np.uint16)
    for frame in frames:
        writer.write(frame)
    writer.release()
    with open_video(path) as video:
        assert video.rate == 10
        found = list(video)
    assert all(frame.dtype == np.uint16 for frame in found)
    assert np.array_equal(found, frames)


def y4m(path, space, planes):
    """Write a video of two frames in an uncompressed format that needs no encoder."""
    frame = b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)
    path.write_bytes(f"YUV4MPEG2 W64 H48 F10:1 Ip A1:1 C{space}\n".encode() + 2 * frame)


@pytest.mark.parametrize("bits", [9, 10, 12])
def test_a_grey_video_of_9_to_15_bits_is_refused(tmp_path, bits):
    path = tmp_path / "a.mkv"
    y4m(path, f"mono{bits}", [np.full((48, 64), 2**bits - 1, "<u2")])
    reason = (
        f"a.mkv: grey levels of {bits} bits, of which OpenCV keeps 8; save .* 16-bit PNG or TIFF"
    )
    with open_video(path) as video, pytest.raises(InputError, match=reason):
        next(iter(video))


@pytest.mark.parametrize("space", ["420p9", "420p10", "422p10", "444p12", "444p14", "420p16"])
def test_a_colour_video_of_more_than_8_bits_is_refused(tmp_path, space):
    path, (sampling, bits) = tmp_path / "a.mp4", space.split("p")
    chroma = {"420": (24, 32), "422": (48, 32), "444": (48, 64)}[sampling]
    y4m(path, space, [np.full(shape, 200, "<u2") for shape in ((48, 64), chroma, chroma)])
    reason = (
        f"a.mp4: colours of {bits} bits, of which OpenCV keeps 8; .* ffmpeg -i IN -pix_fmt yuv420p"
    )
    with open_video(path) as video, pytest.raises(InputError, match=reason):
        next(iter(video))


@pytest.mark.parametrize("space", ["420jpeg", "411", "422", "444", "444alpha", "mono"])
def test_a_video_of_8_bits_is_read_whatever_its_pixel_format(tmp_path, space):
    path = tmp_path / "a.mp4"
    chroma = {"420jpeg": (24, 32), "411": (48, 16), "422": (48, 32)}.get(space, (48, 64))
    count = {"mono": 0, "444alpha": 3}.get(space, 2)
    planes = [np.full((48, 64), 150, np.uint8), *(np.full(chroma, 128, np.uint8),) * count]
    y4m(path, space, planes)
    with open_video(path) as video:
        frames = list(video)
    assert [(frame.shape, frame.dtype) for frame in frames] == [((48, 64, 3), np.uint8)] * 2


# One decoder

# What reads no file of a user, or no pixels: assets of the package, JPEG artefacts in memory, the
# metadata of a JPEG, the view stored in a PNG's text.
ALLOWED = {
    "mlcmkd/course/cached_faces.py",
    "mlcmkd/data/thermal/radiometric_jpeg.py",
    "mlcmkd/explorer/view.py",
    "mlcmkd/synthetic/head/basis.py",
    "mlcmkd/synthetic/head/landmarks.py",
    "mlcmkd/synthetic/rgb/photo.py",
}
DECODERS = {
    "cv2.imread", "cv2.imdecode", "cv2.imreadmulti", "cv2.imdecodemulti", "cv2.VideoCapture",
    "Image.open", "np.load", "np.fromfile",
}  # fmt: skip


def test_only_the_decoder_decodes_files():
    found = set()
    for path in [*ROOT.glob("mlcmkd/**/*.py"), *ROOT.glob("data_prep/**/*.py")]:
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("mlcmkd/data/images/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in DECODERS:
                found.add(name)
    assert found <= ALLOWED, found - ALLOWED


def test_other_programs_read_what_is_encoded():
    for values in (GREY16, CELSIUS):
        with Image.open(io.BytesIO(encode_image(values)[0])) as image:
            assert np.array_equal(np.array(image), values)
