"""Mutations of text files of any kind: encodings, lines, separators, names of images, keys."""

import re
from collections.abc import Callable

import numpy as np

from tests.mutations.kinds import Mutation, mutation

TEXTS: list[Mutation] = []
# A name may contain blanks before letters; numbers before it belong to the line.
_IMAGE_NAME = re.compile(
    r"(?<![\w/.\\-])(?:[A-Za-z][\w/.-]*(?: [A-Za-z][\w/.-]*)*|\d[\w/.-]*)\.(?:png|jpg|bmp|tiff?)\b"
)


def is_json(text: str) -> bool:
    return text.lstrip("\ufeff \n").startswith("{")


def text_mutation(expect: str = "either") -> Callable:
    """Decorate a function of a text as a mutation of UTF-8 bytes."""

    def add(change: Callable[[str, np.random.Generator], str | None]) -> Callable:
        def apply(data: bytes, rng: np.random.Generator) -> bytes | None:
            changed = change(data.decode("utf-8"), rng)
            return None if changed is None else changed.encode()

        apply.__name__ = change.__name__
        return mutation(TEXTS, expect)(apply)

    return add


@text_mutation("same")
def byte_order_mark(text: str, rng: np.random.Generator) -> str:
    return "\ufeff" + text.removeprefix("\ufeff")


@text_mutation("same")
def lines_of_windows(text: str, rng: np.random.Generator) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


@text_mutation("same")
def blank_lines_at_the_end(text: str, rng: np.random.Generator) -> str:
    return text + "\n\n"


@text_mutation("same")
def names_of_images_after_a_dot(text: str, rng: np.random.Generator) -> str:
    return _IMAGE_NAME.sub(lambda name: "./" + name[0], text)


@text_mutation("same")
def names_of_images_with_backslashes(text: str, rng: np.random.Generator) -> str:
    slash = "\\\\" if is_json(text) else "\\"
    return _IMAGE_NAME.sub(lambda name: name[0].replace("/", slash), text)


@text_mutation("same")
def names_of_images_in_upper_case(text: str, rng: np.random.Generator) -> str:
    return _IMAGE_NAME.sub(lambda name: name[0].upper(), text)


@text_mutation("same")
def names_of_images_of_another_machine(text: str, rng: np.random.Generator) -> str:
    slash = "\\\\" if is_json(text) else "\\"
    folder = slash.join(("C:", "Users", "Me", "data", ""))
    return _IMAGE_NAME.sub(lambda name: folder + name[0].replace("/", slash), text)


@text_mutation("refused")
def columns_separated_by_semicolons(text: str, rng: np.random.Generator) -> str | None:
    return text.replace(",", ";") if "," in text and not is_json(text) else None


@text_mutation("refused")
def decimal_commas(text: str, rng: np.random.Generator) -> str | None:
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text) if re.search(r"\d\.\d", text) else None


@mutation(TEXTS, "refused")
def utf_16(data: bytes, rng: np.random.Generator) -> bytes | None:
    return data.decode("utf-8", "replace").encode("utf-16")


@mutation(TEXTS, "refused")
def letter_of_latin_1(data: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(data) + 1))
    return data[:place] + "é".encode("latin-1") + data[place:]


@text_mutation()
def a_line_twice(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines(keepends=True)
    place = int(rng.integers(len(lines) or 1))
    return "".join(lines[: place + 1] + lines[place:])


@text_mutation("refused")
def a_key_twice(text: str, rng: np.random.Generator) -> str | None:
    """The second value of a key of JSON is another one."""
    keys = list(re.finditer(r'"(\w+)": ', text)) if is_json(text) else []
    if not keys:
        return None
    key = keys[rng.integers(len(keys))]
    return f'{text[: key.start()]}"{key[1]}": 0, {text[key.start() :]}'
