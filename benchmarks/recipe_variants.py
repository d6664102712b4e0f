"""The variants of `recipe.py`: what each changes in the training of the base."""

from typing import Any, NamedTuple

from pydantic import Field

from mlcmkd.data.transforms import Augmentation
from mlcmkd.distillation.targets import TARGET_SIGMA
from mlcmkd.stages.train import TrainConfig

INPUT_PX = 64
STEPS = 600
LEARNING_RATE = 0.008
# As the light students of experiments/students.yaml.
AUGMENTATION = Augmentation(rotation=10, scale=0.08, shift=0.03, photometry=0.4, occlusion=0.1)


class Variant(NamedTuple):
    """What a variant changes.

    Attributes:
        fit: fields of FitConfig.
        recipe: fields of RecipeConfig.
        steps: steps over those of the base, for equal time; measured by `--time`.
    """

    fit: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    steps: float = 1


BASE, FLIP = "base", "flip at test"
# Lion and Muon have other learning rates than AdamW. They were chosen with another seed and 250 steps.
_LION = {"learning_rate": LEARNING_RATE / 2, "weight_decay": 0.1}
VARIANTS = {
    BASE: Variant(),
    "Muon": Variant(recipe={"optimizer": "muon"}, steps=0.87),
    "Muon, learning rate x 2": Variant(
        {"learning_rate": LEARNING_RATE * 2}, {"optimizer": "muon"}, steps=0.87
    ),
    "Muon, learning rate x 4": Variant(
        {"learning_rate": LEARNING_RATE * 4}, {"optimizer": "muon"}, steps=0.87
    ),
    "Muon of timm, learning rate x 2": Variant(
        {"learning_rate": LEARNING_RATE * 2}, {"optimizer": "timm muon"}, steps=0.81
    ),
    "average of the weights (EMA 0.99)": Variant({"ema": 0.99}),
    "learning rate x 2": Variant({"learning_rate": LEARNING_RATE * 2}),
    "learning rate x 0.5": Variant({"learning_rate": LEARNING_RATE / 2}),
    "target of half the width": Variant(recipe={"sigma": TARGET_SIGMA / 2}),
    "target of twice the width": Variant(recipe={"sigma": TARGET_SIGMA * 2}),
    "batch 16": Variant({"batch": 16}, steps=1.7),
    "batch 64": Variant({"batch": 64}, steps=0.49),
    "mixed backgrounds": Variant(recipe={"backgrounds": 0.5}),
    "weight decay 0": Variant({"weight_decay": 0}),
    "weight decay 0.2": Variant({"weight_decay": 0.2}),
    "Lion": Variant(_LION, {"optimizer": "lion"}),
    "2 % of the target uniform": Variant(recipe={"uniform": 0.02}),
    "network `half`": Variant(recipe={"size": "half"}, steps=0.65),
    "twice the steps, twice the time": Variant(steps=2),
}


class RecipeConfig(TrainConfig):
    """A training of `train` with a factor that the library does not have."""

    sigma: float = Field(default=TARGET_SIGMA, description="Width of the target's Gaussians.")
    uniform: float = Field(default=0, description="Share of the target that all cells get alike.")
    backgrounds: float = Field(
        default=0, description="Share of the images with a mixed background."
    )
    optimizer: str = Field(default="adamw", description="adamw, muon, timm muon or lion.")
