"""The two modalities of a pair."""

from typing import Literal, get_args

Modality = Literal["rgb", "thermal"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)
