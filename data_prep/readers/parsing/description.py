"""`dataset.yaml` of the format `folder`: what cannot be inferred from a user's own files."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.config import Config
from mlcmkd.utils.yaml_files import read_fields

DESCRIPTION = "dataset.yaml"


class Twin(Config):
    """How to name the other camera's image, as `re.sub` on the path below the source, with "/"."""

    find: str = Field(description="Regular expression.")
    replace: str = Field(description="What replaces it.")
    aligned: bool = Field(
        default=True, description="Whether the two images show the same point at the same pixel."
    )

    @field_validator("find")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _regex(pattern)


class Description(Config):
    """The fields of `dataset.yaml`."""

    scheme: str | None = Field(
        default=None, description="Landmark scheme; None finds it by the number of points."
    )
    side: Modality = Field(default="rgb", description="Camera whose images were labelled.")
    radiometry: Radiometry | None = Field(
        default=None,
        description="How thermal values are read; None for 8-bit images, grey or in a palette that "
        "is detected from their colours.",
    )
    first_pixel: Literal[0, 1] = Field(
        default=0, description="Coordinate of the first pixel's centre."
    )
    subject: str | None = Field(
        default=None,
        description="Regular expression on the path below the source, without suffix; its first "
        "group is the person. None takes the folder, or the image itself where it is in no folder.",
    )
    split: Literal["folders"] | None = Field(
        default="folders",
        description="folders takes folders named train, val or test; None splits by subject.",
    )
    twin: Twin | None = Field(
        default=None, description="How to find the other camera's image; None without one."
    )
    unlabelled: bool = Field(
        default=False, description="Also take images without landmarks, of the labelled camera."
    )
    labels: str = Field(default="unknown", description="Origin of the landmarks, for people.")

    @field_validator("scheme")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return None if name is None else get_scheme(name).name

    @field_validator("subject")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None and re.compile(_regex(pattern)).groups < 1:
            raise ValueError("the expression needs a group (...), which is the person")
        return pattern


def read_description(source: Path) -> Description:
    """Read `dataset.yaml`; return the defaults if there is none.

    Raises:
        InputError: not YAML, or an unknown or invalid field; the message names it.
    """
    path = source / DESCRIPTION
    if not path.is_file():
        return Description()
    return Description.validated(str(path), read_fields(path))


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from None
    return pattern
