"""Data sets that are larger than memory, or than a device."""

import dataclasses
import gc
import os

import numpy as np
import torch

from mlcmkd.data import assembly, dataset, storage
from mlcmkd.data.pairs import load_pairs
from mlcmkd.data.transforms import Augmentation, make_batch
from tests.conftest import make_pairs


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_small_arrays_lie_in_memory_and_large_ones_in_a_file_that_ends_with_them(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert not isinstance(storage.allocate((4, 5), np.uint8), np.memmap)
    before = open_files()
    large = storage.allocate((4, 5), np.uint16, share=0)
    assert isinstance(large, np.memmap) and large.shape == (4, 5) and large.dtype == np.uint16
    large[2] = 7
    assert torch.from_numpy(large)[2].tolist() == [7] * 5
    assert not list(tmp_path.iterdir()), "the file has no name"
    del large
    gc.collect()
    assert open_files() == before


def test_pairs_from_a_file_are_those_from_memory(monkeypatch):
    asked = []

    def mapped(shape, dtype):
        asked.append((shape, dtype))
        return storage.allocate(shape, dtype, share=0)

    options = {
        "source": "synthetic",
        "split": "train",
        "input_px": 32,
        "count": 6,
        "progress": False,
    }
    in_memory = load_pairs(**options)
    monkeypatch.setattr(assembly, "allocate", mapped)
    paged = load_pairs(**options)
    assert asked == [((6, 3, 45, 45), np.uint8), ((6, 1, 45, 45), np.uint16)]
    assert torch.equal(paged.rgb, in_memory.rgb) and torch.equal(paged.thermal, in_memory.thermal)
    batches = [
        make_batch(pairs, torch.arange(6), Augmentation(), torch.Generator().manual_seed(0))
        for pairs in (in_memory, paged)
    ]
    assert torch.equal(batches[0].rgb, batches[1].rgb)


def test_images_move_to_a_device_only_if_memory_remains(monkeypatch):
    assert storage.fits(10**18, torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
    assert storage.fits(500, torch.device("cuda")) and not storage.fits(501, torch.device("cuda"))


def test_16_bit_images_are_cast_where_a_device_has_no_such_type():
    """MPS, Apple's GPU, has no uint16, and refuses to take one."""
    stored = make_pairs(2).thermal
    assert stored.dtype == torch.uint16
    cast = storage.movable(stored, torch.device("mps"))
    assert cast.dtype == torch.int32 and torch.equal(cast.float(), stored.float())
    for device in ("cpu", "cuda"):
        assert storage.movable(stored, torch.device(device)) is stored


def test_images_that_do_not_fit_stay_and_labels_travel(monkeypatch):
    """The "meta" device replaces a GPU: tensors on it use no memory."""
    pairs = make_pairs(4)
    pairs = dataclasses.replace(pairs, visible=torch.ones(4, 68, dtype=torch.bool))
    monkeypatch.setattr(dataset, "fits", lambda size, device: size < 1)
    moved = pairs.to(torch.device("meta"))
    assert moved.rgb is pairs.rgb and moved.thermal is pairs.thermal
    assert {moved.landmarks.device.type, moved.labelled.device.type, moved.visible.device.type} == {
        "meta"
    }
    monkeypatch.setattr(dataset, "fits", lambda size, device: True)
    assert pairs.to(torch.device("meta")).rgb.device.type == "meta"
