"""The two modalities of a pair."""

from typing import Literal

Modality = Literal["rgb", "thermal"]
