"""Sizes of hair, beard, glasses and clothes of a synthetic person, as plain parameters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HairSize:
    """Sizes of the hair of the head; lengths in head units (about 6.3 cm).

    Attributes:
        length: of the strands.
        height: of the hair above the skin.
        hairline: height of the hairline in the middle of the forehead.
        temples: how far the hairline recedes beside it.
        sideburns: height of the lower end of the sideburns.
        nape: height of the hairline at the neck.
        parting: x of the parting on the mean head.
        curl: size of curls, 0 for straight hair.
        density: share of the skin that short hair covers, 0 to 1.
        seed: of the position of single strands.
    """

    length: float = 0.5
    height: float = 0.06
    hairline: float = 1.15
    temples: float = 0.1
    sideburns: float = -0.1
    nape: float = -0.9
    parting: float = 0.3
    curl: float = 0.0
    density: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class FaceHair:
    """Brows, lashes and beard.

    Attributes:
        brow_width, brow_height: half width of the brow and its offset upwards, head units.
        brow_arch: how far its outer half is lifted, head units.
        brow_density: share of the skin that it covers, 0 to 1.
        lash_width: thickness of the line of lashes, head units.
        beard_density: share of the skin that a beard covers, 0 to 1.
        beard_line: offset of the beard's upper border on the cheek, head units upwards.
        beard_length: of the strands of a full beard, head units; 0 for a short one.
        seed: of the irregular borders.
    """

    brow_width: float = 0.06
    brow_height: float = 0.0
    brow_arch: float = 0.0
    brow_density: float = 0.8
    lash_width: float = 0.02
    beard_density: float = 0.8
    beard_line: float = 0.0
    beard_length: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class GlassesSize:
    """Sizes of glasses, head units.

    Attributes:
        width, height: half sizes of a lens.
        corner: exponent of the lens's outline: 2 is an ellipse, 6 almost a rectangle.
        drop: offset of the lens's centre from the eye, downwards.
        rim: thickness of the rim; 0 for rimless glasses.
        wrap: how far the outer end of a lens curves back.
        temple: height of the temples (side arms).
        slope: lift of the outer end of a lens, as a share of its width.
    """

    width: float = 0.42
    height: float = 0.27
    corner: float = 2.6
    drop: float = 0.06
    rim: float = 0.03
    wrap: float = 0.1
    temple: float = 0.08
    slope: float = 0.0


@dataclass(frozen=True)
class ClothSize:
    """Sizes of hat, mask and clothes, head units.

    Attributes:
        hat_line: height of a hat's lower border at the forehead.
        hat_height: of a hat above the skull.
        brim: length of the brim of a cap.
        hat_turn: degrees that a cap is turned; near 180 its brim is behind.
        mask_top: offset of a mask's upper border downwards from its usual place on the nose.
        collar_height: offset of the collar, upwards.
        collar_width: offset of clothes from the body.
        seed: of folds.
    """

    hat_line: float = 0.87
    hat_height: float = 0.16
    brim: float = 0.8
    hat_turn: float = 0.0
    mask_top: float = 0.0
    collar_height: float = 0.0
    collar_width: float = 0.05
    seed: int = 0
