"""More than 2,000 mutated annotation and image files: each gives a clear error or a row."""

import shutil

import numpy as np
import pytest

from data_prep.prepare import prepare
from mlcmkd.data.manifest import MANIFEST, read_rows
from mlcmkd.utils.errors import InputError
from tests.data_prep.sources import SOURCES

MUTANTS = 130  # a format, of which there are sixteen
HOSTILE = (
    *(
        b"../../etc/passwd",
        b"/etc/passwd",
        b"nan",
        b"inf",
        b"-1e308",
        b"1e999",
        b"",
        b"\0",
        b"\xff",
    ),
    *(b'{"a":', b"[[[[[[", b"<!ENTITY x", b"99999999999999999999", b"null", b"\n", b",", b'"'),
)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """One of: cut off, bytes changed, a piece lost, a piece twice, something hostile put in."""
    if not data:
        return b"x"
    a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    kind = rng.integers(5)
    if kind == 0:
        return data[:a]
    if kind == 1:
        changed = bytearray(data)
        for place in rng.integers(0, len(data), 4):
            changed[place] = int(rng.integers(256))
        return bytes(changed)
    if kind == 2:
        return data[:a] + data[b:]
    if kind == 3:
        return data[:b] + data[a:]
    return data[:a] + HOSTILE[rng.integers(len(HOSTILE))] + data[min(a + 5, len(data)) :]


# Pillow warns of what it finds odd in a mutated TIFF; whether it can be read is what counts.
@pytest.mark.filterwarnings("ignore:.*EXIF|Tag data|.*truncated|.*Metadata:UserWarning")
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_mutants_end_in_clear_errors_only(name, tmp_path):
    good, source = tmp_path / "good", tmp_path / "source"
    good.mkdir()
    SOURCES[name](good)
    shutil.copytree(good, source)
    files = sorted(path for path in good.rglob("*") if path.is_file())
    rng = np.random.default_rng(0)
    survived = 0
    for n in range(MUTANTS):
        original = files[rng.integers(len(files))]
        mutant = source / original.relative_to(good)
        mutant.write_bytes(mutate(original.read_bytes(), rng))
        out = tmp_path / f"out{n}"
        try:
            report = prepare(name, source, out, progress=False, skip_bad=bool(n % 2), workers=1)
        except InputError as error:
            assert str(error).strip()
            assert not (out / MANIFEST).exists(), "nothing half-written"
        else:
            survived += 1
            assert report.rows == len(read_rows(out))
            assert all(reason for _, reason in report.skipped)
            shutil.rmtree(out)
        shutil.copy(original, mutant)
    assert survived, "a mutant that hurts nothing, or was skipped, leaves a manifest"
    # What an interrupted preparation has done stays in `.out<n>.partial`; nothing else may appear.
    names = {path.name for path in tmp_path.iterdir()} - {"good", "source"}
    assert all(name.startswith(".out") and name.endswith(".partial") for name in names)
