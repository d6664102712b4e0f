"""Styling of a synthetic person: what is worn, by kind and size; both cameras see it."""

from dataclasses import dataclass

HAIR_STYLES = ("bald", "buzz", "short", "medium", "long", "curly", "ponytail")
BEARD_STYLES = ("none", "stubble", "moustache", "goatee", "full")
GLASSES_STYLES = ("none", "clear", "tinted", "sport")
HAT_STYLES = ("none", "cap", "beanie")
MASK_STYLES = ("none", "surgical", "respirator")


@dataclass(frozen=True)
class Styling:
    """Kinds of everything worn; sizes and positions are added with the bodies that use them.

    Attributes:
        hair, beard, glasses, hat, mask: one of HAIR_STYLES, BEARD_STYLES, GLASSES_STYLES, HAT_STYLES,
            MASK_STYLES.
        hand: a hand is held before the face.
    """

    hair: str = "bald"
    beard: str = "none"
    glasses: str = "none"
    hat: str = "none"
    mask: str = "none"
    hand: bool = False
