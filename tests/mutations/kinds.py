"""The interface of a mutation, and the mutations of bytes of any file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

# None if the mutation does not apply to these bytes.
Apply = Callable[[bytes, np.random.Generator], bytes | None]


@dataclass(frozen=True)
class Mutation:
    """One way in which files change.

    Attributes:
        name: the kind, in words.
        apply: returns the changed bytes of a file.
        expect: "same" if the file still means the same: it is read as before, or refused. "refused" if
            it can no longer be read right. "either" if that depends on the file.
    """

    name: str
    apply: Apply
    expect: Literal["same", "refused", "either"] = "either"


BYTES: list[Mutation] = []


def mutation(
    collection: list[Mutation], expect: Literal["same", "refused", "either"] = "either"
) -> Callable[[Apply], Apply]:
    """Decorate a function as a mutation; its name says the kind."""

    def add(apply: Apply) -> Apply:
        collection.append(Mutation(apply.__name__.strip("_").replace("_", " "), apply, expect))
        return apply

    return add


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


def _place(data: bytes, rng: np.random.Generator) -> tuple[int, int]:
    a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return a, b


@mutation(BYTES)
def cut_off(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)[0]]


@mutation(BYTES)
def bytes_changed(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data or b"x")
    for place in rng.integers(0, len(changed), 4):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


@mutation(BYTES)
def piece_lost(data: bytes, rng: np.random.Generator) -> bytes:
    a, b = _place(data, rng)
    return data[:a] + data[b:]


@mutation(BYTES)
def piece_twice(data: bytes, rng: np.random.Generator) -> bytes:
    a, b = _place(data, rng)
    return data[:b] + data[a:]


@mutation(BYTES)
def hostile_put_in(data: bytes, rng: np.random.Generator) -> bytes:
    a, _ = _place(data, rng)
    return data[:a] + HOSTILE[rng.integers(len(HOSTILE))] + data[min(a + 5, len(data)) :]


@mutation(BYTES, "refused")
def empty(data: bytes, rng: np.random.Generator) -> bytes:
    return b""


@mutation(BYTES, "refused")
def git_lfs_pointer(data: bytes, rng: np.random.Generator) -> bytes:
    size = int(rng.integers(1000, 10**7))
    return (
        b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
        b"size %d\n" % size
    )


@mutation(BYTES, "refused")
def web_page(data: bytes, rng: np.random.Generator) -> bytes:
    return b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n"
