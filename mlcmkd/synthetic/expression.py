"""Random facial expressions as amounts of the head's 52 actions (ARKit names)."""

from collections.abc import Callable
from functools import partial

import numpy as np

from mlcmkd.synthetic.head.basis import load_head

# Shares of the kinds of expressions; ours: people smile at cameras.
_SHARES = {"neutral": 0.27, "smile": 0.35, "talk": 0.17, "yawn": 0.08, "mixed": 0.13}
KINDS = tuple(_SHARES)
# Left out of mixed expressions: they depend on other actions, or are drawn separately.
_NOT_MIXED = ("tongueOut", "mouthClose", "eyeLook", "eyeBlink", "jawOpen")

# Actions that pull the same place in opposite directions: a face shows only the stronger of the two.
_OPPOSED = (
    ("eyeWide", "eyeBlink"),
    ("eyeWide", "eyeSquint"),
    ("browDown", "browInnerUp"),
    ("browDown", "browOuterUp"),
    ("jawLeft", "jawRight"),
    ("mouthLeft", "mouthRight"),
    ("mouthSmile", "mouthFrown"),
    ("mouthSmile", "mouthPucker"),
    ("mouthStretch", "mouthPucker"),
    ("mouthPress", "mouthFunnel"),
    ("cheekPuff", "jawOpen"),
)

Amounts = dict[str, float]


def _both(rng: np.random.Generator, name: str, amount: float, difference: float = 0.1) -> Amounts:
    """An action of both sides, a little stronger on one of them."""
    return {f"{name}{side}": amount * (1 + difference * rng.normal()) for side in ("Left", "Right")}


def _perhaps(rng: np.random.Generator, probability: float) -> float:
    """1 with this probability, otherwise 0."""
    return float(rng.random() < probability)


def _neutral(rng: np.random.Generator) -> Amounts:
    return (
        _both(rng, "mouthFrown", rng.uniform(0, 0.4) * _perhaps(rng, 0.3))
        | _both(rng, "mouthPress", rng.uniform(0, 0.6) * _perhaps(rng, 0.3))
        | {"mouthRollLower": rng.uniform(0, 0.5) * _perhaps(rng, 0.15)}
    )


def _smile(rng: np.random.Generator) -> Amounts:
    strength = rng.uniform(0.2, 1)
    parted = _perhaps(rng, 0.55)  # lips that show the teeth
    return (
        _both(rng, "mouthSmile", strength)
        | _both(rng, "cheekSquint", strength * rng.uniform(0, 0.9))
        | _both(rng, "mouthUpperUp", parted * rng.uniform(0.2, 0.6))
        | _both(rng, "mouthLowerDown", parted * rng.uniform(0, 0.5))
        | {"jawOpen": parted * rng.uniform(0, 0.2)}
    )


def _talk(rng: np.random.Generator) -> Amounts:
    return (
        _both(rng, "mouthLowerDown", rng.uniform(0, 0.5) * _perhaps(rng, 0.5))
        | _both(rng, "mouthStretch", rng.uniform(0, 0.6) * _perhaps(rng, 0.3))
        | {
            "jawOpen": rng.uniform(0, 0.45),
            "mouthFunnel": rng.uniform(0, 0.5) * _perhaps(rng, 0.4),
            "mouthPucker": rng.uniform(0, 0.7) * _perhaps(rng, 0.3),
        }
    )


def _yawn(rng: np.random.Generator) -> Amounts:
    return (
        _both(rng, "mouthStretch", rng.uniform(0, 0.5))
        | _both(rng, "eyeSquint", rng.uniform(0, 1))
        | _both(rng, "noseSneer", rng.uniform(0, 0.5))
        | {"jawOpen": rng.uniform(0.5, 1.1), "mouthFunnel": rng.uniform(0, 0.4)}
    )


def _mixed(names: tuple[str, ...], rng: np.random.Generator) -> Amounts:
    usable = [name for name in names if not name.startswith(_NOT_MIXED)]
    chosen = rng.choice(usable, size=6, replace=False)
    return {str(name): rng.uniform(0, 0.7) for name in chosen} | {"jawOpen": rng.uniform(0, 0.3)}


def _lids(rng: np.random.Generator) -> Amounts:
    """Blinks, half-closed and wide eyes."""
    kind = rng.random()
    if kind < 0.12:
        return _both(rng, "eyeBlink", rng.uniform(0.85, 1), 0.03)
    if kind < 0.3:
        return _both(rng, "eyeBlink", rng.uniform(0.1, 0.6), 0.05)
    if kind < 0.4:
        return _both(rng, "eyeWide", rng.uniform(0.2, 0.9))
    return {}


def _brows(rng: np.random.Generator) -> Amounts:
    kind = rng.random()
    if kind < 0.22:
        return {"browInnerUp": rng.uniform(0, 0.8)} | _both(rng, "browOuterUp", rng.uniform(0, 0.8))
    if kind < 0.42:
        return _both(rng, "browDown", rng.uniform(0, 0.8))
    return {}


def _without_opposites(amounts: Amounts) -> Amounts:
    """The amounts without the weaker of two opposed actions, on both sides."""

    def strength(action: str) -> float:
        return max((a for name, a in amounts.items() if name.startswith(action)), default=0.0)

    weaker = tuple(min(pair, key=strength) for pair in _OPPOSED if all(map(strength, pair)))
    return {name: amount for name, amount in amounts.items() if not name.startswith(weaker)}


def draw_expression(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A random expression.

    Returns:
        Its kind, one of KINDS, and (52,) float32 amounts for `HeadBasis.vertices`.
    """
    head = load_head()
    recipes: dict[str, Callable[[np.random.Generator], Amounts]] = {
        "neutral": _neutral,
        "smile": _smile,
        "talk": _talk,
        "yawn": _yawn,
        "mixed": partial(_mixed, head.expression_names),
    }
    kind = str(rng.choice(KINDS, p=list(_SHARES.values())))
    amounts = _without_opposites(recipes[kind](rng) | _lids(rng) | _brows(rng))
    return kind, np.clip(head.expression(**amounts), 0, 1.15)
