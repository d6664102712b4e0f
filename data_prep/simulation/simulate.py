"""A simulated thermal twin of an annotated photo.

Heat is not in a photo, so a twin is drawn, not translated: warm skin where the landmarks say face,
cool nose and hair, hot eye corners, a cold background, and only weak remains of the photo's
texture. How much of each varies from twin to twin far more than from person to person: a model that
has seen all these worlds takes a real thermal camera for one more of them (domain randomisation).
No amplitude was fitted to a camera; the ranges were chosen by physiology and by eye, beside frames
of Knapik's drivers 1, so those drivers are no test of the twins; drivers 2 are.
"""

import hashlib

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data_prep.simulation import camera, regions
from data_prep.simulation.glasses import draw_glasses
from mlcmkd.schemes import IBUG68
from mlcmkd.utils.errors import InputError

Range = tuple[float, float]


def _range(low: float, high: float, about: str) -> Range:
    return Field(default=(low, high), description=about)


def _share(value: float, about: str) -> float:
    return Field(default=value, ge=0, le=1, description=about)


class SimulationSettings(BaseModel):
    """How widely the simulated world varies.

    Every pair is (lowest, highest) of a uniform draw, one a twin; temperatures and their
    differences are degrees C. Shares are probabilities. A negative difference cools.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # the sensor's grid
    sensor_px: Range = _range(120, 208, "longer side of the simulated sensor's image, pixels")

    # the scene
    ambient: Range = _range(8, 29, "air and background")
    hot_background: float = _share(0.06, "backgrounds in the sun, up to 8 degrees above the skin")
    background_field: Range = _range(0, 3.0, "deviation of slow changes across the background")
    background_photo: Range = _range(-5, 5, "background, from the photo's darkest to lightest")
    warm_object: float = _share(0.35, "scenes with up to three objects of 2 to 12 degrees more")
    clothes: Range = _range(0.15, 0.75, "clothes, from ambient (0) to skin (1)")
    hair: Range = _range(0.15, 1.0, "hair, from ambient (0) to skin (1)")

    # the face
    skin: Range = _range(32.0, 36.0, "skin of forehead and cheeks")
    contrast: Range = _range(0.35, 1.5, "factor on every difference within the face, no unit")
    face_field: Range = _range(0.1, 0.7, "deviation of slow changes across the face")
    nose: Range = _range(-6.0, 0.4, "nose, in half of the faces")
    nose_weak: Range = _range(-1.2, 0.5, "nose, in the other half")
    midface: Range = _range(-2.8, 0.5, "all that lies around the nose, down to the upper lip")
    cheeks: Range = _range(-2.6, 0.5, "cheeks")
    forehead: Range = _range(-0.5, 1.2, "forehead")
    chin: Range = _range(-1.5, 0.5, "chin")
    beard: Range = _range(-4.0, -0.8, "bearded part of a face")
    beard_share: float = _share(0.15, "faces with a beard that insulates")
    eye_socket: Range = _range(-0.3, 2.4, "skin around the eyes")
    eye_corner: Range = _range(0.2, 2.2, "inner eye corners, the hottest of the face")
    eyeball: Range = _range(-1.6, 0.9, "eyes between the lids")
    eyelid: Range = _range(-1.4, 0.8, "line of the lids")
    brow: Range = _range(-1.8, 0.3, "eyebrows")
    lips: Range = _range(-1.6, 1.0, "lips")
    mouth_line: Range = _range(-3.0, 1.6, "where the lips meet")
    mouth_inside: Range = _range(-4.0, 3.0, "an open mouth, after breathing in or out")
    nostril: Range = _range(-3.5, 2.5, "nostrils, after breathing in or out")
    crease: Range = _range(-0.9, 0.9, "line from nose to mouth corner, and along the nostrils")
    limb: Range = _range(-2.4, 0.0, "skin seen at a grazing angle, along the outline of the face")
    ear: Range = _range(-4.0, 0.8, "ears")
    neck: Range = _range(-1.0, 1.6, "neck")
    jaw_shadow: Range = _range(-1.2, 1.0, "the line between jaw and neck")
    texture: Range = _range(-0.9, 0.9, "the photo's fine detail at two deviations of it")
    edges: Range = _range(-1.0, 0.8, "the photo's strong edges")

    # what lies before the face
    glasses_share: float = _share(0.3, "faces with glasses, which thermal radiation cannot pass")
    glasses: Range = _range(0.05, 0.75, "lenses, from ambient (0) to skin (1)")
    hand_share: float = _share(0.04, "faces with fingers before them")

    # the camera
    blur_px: Range = _range(0.3, 1.2, "deviation of the optical blur, sensor pixels")
    netd: Range = _range(0.02, 0.12, "noise-equivalent temperature difference")
    stripes: Range = _range(0.0, 0.07, "deviation of the columns' and rows' offsets")
    gain_control: float = _share(0.75, "cameras that stretch the scene over their grey scale")
    equalise: Range = _range(-0.4, 0.6, "weight of histogram equalisation; below 0 none")
    gamma: Range = _range(0.45, 1.3, "exponent of the grey scale")
    grey_low: Range = _range(16, 23, "what the darkest grey is read as")
    grey_high: Range = _range(36, 40.5, "what the brightest grey is read as")
    sharpen_share: float = _share(0.5, "cameras that sharpen edges")
    sharpen: Range = _range(0.2, 1.3, "strength of the unsharp mask, no unit")
    eight_bit_share: float = _share(0.5, "cameras of 256 grey levels")

    @model_validator(mode="after")
    def _ordered(self) -> "SimulationSettings":
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise ValueError(f"{name}: the range {value} must not fall")
        if self.sensor_px[0] < 16:
            raise ValueError("sensor_px: a sensor has at least 16 pixels on its longer side")
        return self


DEFAULT = SimulationSettings()


def simulate_twin(
    rgb: np.ndarray,
    landmarks: np.ndarray,
    sha256: str,
    seed: int,
    *,
    number: int = 1,
    settings: SimulationSettings = DEFAULT,
) -> np.ndarray:
    """The twin number `number` of the photo with that hash: always the same one.

    Shapes, units and errors are those of `simulate_thermal`.
    """
    digest = hashlib.sha256(f"{seed}:{number}:{sha256}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    return simulate_thermal(rgb, landmarks, rng, settings)


def simulate_thermal(
    rgb: np.ndarray,
    landmarks: np.ndarray,
    rng: np.random.Generator,
    settings: SimulationSettings = DEFAULT,
) -> np.ndarray:
    """A simulated thermal image, pixel by pixel aligned with a photo.

    Args:
        rgb: (H, W, 3) uint8.
        landmarks: (68, 2) pixels, 0-based, iBUG order.
        rng: the only source of chance.
        settings: how widely the world varies.

    Returns:
        (H, W) float32, degrees C. With gain control they are what the camera's grey scale would be
        taken for, not true temperatures.

    Raises:
        InputError: arrays of other shapes or types, or landmarks that are not finite.
    """
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < 16:
        raise InputError(
            f"a twin needs an (H, W, 3) uint8 photo of 16 pixels or more a side, not {rgb.shape} "
            f"{rgb.dtype}"
        )
    if landmarks.shape != (IBUG68.points, 2) or not np.isfinite(landmarks).all():
        raise InputError(
            f"a twin needs {IBUG68.points} finite landmarks (x, y) in iBUG's order, not an array "
            f"of shape {landmarks.shape}"
        )
    height, width = rgb.shape[:2]
    scale = min(rng.uniform(*settings.sensor_px) / max(height, width), 1.0)
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    photo = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    # Pixel centres, not corners, are whole numbers.
    marks = (landmarks + 0.5) * (size[0] / width, size[1] / height) - 0.5
    scene = _Scene(photo, marks, rng, settings).drawn()
    seen = _seen(scene, rng, settings)
    if size == (width, height):
        return seen
    return cv2.resize(seen, (width, height), interpolation=cv2.INTER_CUBIC)


class _Scene:
    """The temperatures before the camera, painted from the back to the front."""

    def __init__(
        self,
        photo: np.ndarray,
        marks: np.ndarray,
        rng: np.random.Generator,
        settings: SimulationSettings,
    ):
        self.photo, self.marks, self.rng, self.settings = photo, marks, rng, settings
        self.shape = photo.shape[:2]
        self.frame = regions.head_frame(marks)
        # Softness grows with the head, but not beyond what the image can show.
        self.unit = min(self.frame.height, 2.0 * max(self.shape))
        self.lightness = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        core = np.concatenate([marks[2:15], marks[26:16:-1]])
        self.core = regions.filled(core, self.shape)
        self.likeness = cv2.GaussianBlur(
            regions.skin_likeness(photo, self.core), (0, 0), max(0.02 * self.unit, 0.5)
        )
        self.contrast = self._draw("contrast")
        self.skin = self._draw("skin")
        self.ambient = min(self._draw("ambient"), self.skin - 3)
        self.heat = np.empty(self.shape, np.float32)

    def drawn(self) -> np.ndarray:
        """(H, W) float32, degrees C."""
        self._background()
        self._clothes()
        self._head()
        self._face()
        self._eyes()
        self._nose()
        self._mouth()
        self._texture()
        if self.rng.random() < self.settings.glasses_share:
            lens = self._between("glasses")
            draw_glasses(self.heat, self.frame, self.rng, lens, self.skin - self.ambient)
        if self.rng.random() < self.settings.hand_share:
            self._hand()
        return self.heat

    def _draw(self, name: str) -> float:
        return float(self.rng.uniform(*getattr(self.settings, name)))

    def _difference(self, name: str) -> float:
        """A difference within the face, scaled by this face's contrast."""
        return self.contrast * self._draw(name)

    def _between(self, name: str) -> float:
        """A temperature between ambient and skin."""
        return self.ambient + self._draw(name) * (self.skin - self.ambient)

    def _paint(self, mask: np.ndarray, value: float | np.ndarray) -> None:
        self.heat += mask * (value - self.heat)

    def _add(self, mask: np.ndarray, difference: float) -> None:
        self.heat += np.float32(difference) * mask

    def _fill(self, outline: np.ndarray, soft: float) -> np.ndarray:
        return regions.filled(outline, self.shape, soft * self.unit)

    def _line(self, line: np.ndarray, width: float, closed: bool = False) -> np.ndarray:
        return regions.stroked(line, self.shape, width * self.unit, 0.6, closed)

    def _background(self) -> None:
        rng, base = self.rng, self.ambient
        if rng.random() < self.settings.hot_background:
            base = self.skin + rng.uniform(-3, 8)
        field = camera.low_frequency(rng, self.shape, int(rng.integers(1, 5)))
        self.heat = base + np.float32(self._draw("background_field")) * field
        soft = cv2.GaussianBlur(self.lightness, (0, 0), max(0.03 * self.unit, 0.6))
        self._add(soft - 0.5, self._draw("background_photo"))
        if rng.random() < self.settings.warm_object:
            for _ in range(rng.integers(1, 4)):
                centre = rng.uniform(0, 1, 2) * self.shape[::-1]
                half = rng.uniform(0.05, 0.5, 2) * self.unit
                corners = centre + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
                slant = (
                    rng.uniform(-0.3, 0.3) * half[1] * np.array([[1, 0], [1, 0], [-1, 0], [-1, 0]])
                )
                self._add(self._fill(corners + slant, rng.uniform(0.01, 0.2)), rng.uniform(2, 12))

    def _clothes(self) -> None:
        rng = self.rng
        upright = rng.uniform(0.2, 1.0)
        outline = regions.clothes_outline(
            self.frame, rng.uniform(-0.05, 0.5), rng.uniform(0.25, 0.7), upright
        )
        self._clothes_mask = self._fill(outline, 0.02)
        folds = camera.low_frequency(rng, self.shape, int(rng.integers(3, 9)))
        value = self._between("clothes") + np.float32(rng.uniform(0.2, 1.5)) * folds
        neck = regions.neck_outline(self.frame, rng.uniform(0.75, 1.1), upright)
        neck_value = self.skin + self._difference("neck")
        self._paint(self._fill(neck, 0.03), neck_value)
        self._paint(self._clothes_mask, value)

    def _head(self) -> None:
        rng = self.rng
        skull = self._fill(regions.skull_outline(self.frame, rng.uniform(0.95, 1.12)), 0.03)
        hair = self._between("hair")
        follow = rng.uniform(0.3, 1.0)
        likeness = follow * self.likeness + (1 - follow) * rng.uniform(0, 1)
        streaks = camera.low_frequency(rng, self.shape, int(rng.integers(4, 14)))
        streaks = streaks + 4 * (self.lightness - cv2.blur(self.lightness, (7, 7)))
        hair_heat = hair + np.float32(rng.uniform(0.1, 1.2)) * streaks
        # Warmest at the parting and the temples, where hair is thin.
        self._paint(skull, hair_heat + likeness * (self.skin - hair_heat) * 0.9)
        # Hair that hangs beside the face: dark, unlike skin, not far from the head.
        if rng.random() < 0.6:
            wide = self._fill(regions.skull_outline(self.frame, rng.uniform(1.2, 1.5)), 0.08)
            cheek = (
                float(np.median(self.lightness[self.core > 0.9])) if self.core.max() > 0.9 else 1
            )
            dark = np.clip((cheek - 0.1 - self.lightness) / 0.15, 0, 1)
            self._paint(wide * dark * (1 - skull) * (1 - self.likeness), hair_heat)
        for outline in regions.ear_outlines(self.frame, rng.uniform(0.6, 1.1)):
            if rng.random() < 0.75:
                ear = self._fill(outline, 0.02)
                self._paint(ear, self.skin + self._difference("ear"))
                self._add(
                    self._fill(outline * 0.6 + outline.mean(0) * 0.4, 0.03), rng.uniform(0, 1)
                )

    def _face(self) -> None:
        rng = self.rng
        hairline = rng.uniform(0.38, 0.9)
        face = self._fill(regions.face_outline(self.frame, hairline), 0.02)
        # Below the brows skin is certain; above them a fringe may hide it.
        fringe = rng.uniform(0.3, 1.0)
        above = np.clip(face - self.core, 0, 1)
        sure = self._fill(np.concatenate([self.marks[0:17], self.marks[26:16:-1]]), 0.03)
        mask = np.maximum(sure * face, above * (1 - fringe + fringe * np.sqrt(self.likeness)))
        field = camera.low_frequency(rng, self.shape, int(rng.integers(2, 5)))
        self._paint(mask, self.skin + np.float32(self._difference("face_field")) * field)
        inner = cv2.GaussianBlur(face, (0, 0), max(rng.uniform(0.04, 0.14) * self.unit, 0.6))
        self._add(mask * np.clip(2 * (1 - inner), 0, 1), self._difference("limb"))
        self._add(self._line(self.marks[2:15], 0.02), self._difference("jaw_shadow"))
        top = self.frame.bridge + 0.4 * self.unit * self.frame.up
        self._add(
            mask * regions.spot(top, 0.35 * self.unit, self.shape), self._difference("forehead")
        )
        middle = regions.spot(self.marks[[30, 33]].mean(axis=0), 0.36 * self.unit, self.shape)
        self._add(mask * middle, self._difference("midface"))
        cheeks = self._difference("cheeks")
        for eye, jaw, nose in ((41, 3, 31), (46, 13, 35)):
            centre = self.marks[[eye, jaw, nose]].mean(axis=0)
            weight = mask * regions.spot(centre, rng.uniform(0.14, 0.24) * self.unit, self.shape)
            self._add(weight, cheeks + 0.3 * self.contrast * rng.standard_normal())
        chin = 0.6 * self.marks[8] + 0.4 * self.marks[57]
        self._add(mask * regions.spot(chin, 0.14 * self.unit, self.shape), self._difference("chin"))
        if rng.random() < self.settings.beard_share:
            outline = np.concatenate([self.marks[3:14], self.marks[[35, 33, 31]]])
            self._add(mask * self._fill(outline, 0.05), self._draw("beard"))

    def _eyes(self) -> None:
        marks = self.marks
        names = ("eye_socket", "eye_corner", "eyeball", "eyelid", "brow")
        socket, corner, eyeball, lid, brow = (self._difference(name) for name in names)
        brow_width = self.rng.uniform(0.03, 0.1)
        for eye, inner, arch in (
            (slice(36, 42), 39, slice(17, 22)),
            (slice(42, 48), 42, slice(22, 27)),
        ):
            ring = marks[eye]
            outline = 1.9 * ring - 0.9 * ring.mean(axis=0) - self.frame.up * 0.02 * self.unit
            around = cv2.convexHull(np.concatenate([outline, marks[arch]]).astype(np.float32))[:, 0]
            self._add(self._fill(around, 0.04), socket)
            self._add(self._fill(ring, 0.01), eyeball)
            self._add(self._line(ring, 0.02, closed=True), lid)
            self._add(regions.spot(marks[inner], 0.05 * self.unit, self.shape), corner)
            self._add(self._line(marks[arch], brow_width), brow)

    def _nose(self) -> None:
        rng, marks = self.rng, self.marks
        whole = self._difference("nose" if rng.random() < 0.5 else "nose_weak")
        tip = self._fill(marks[[28, 31, 32, 33, 34, 35]], rng.uniform(0.03, 0.08))
        ridge = self._fill(marks[[27, 31, 33, 35]], rng.uniform(0.02, 0.06))
        share = rng.uniform(0.2, 0.9)
        self._add(np.maximum(tip, share * ridge), whole)
        nostril, crease = self._difference("nostril"), self._difference("crease")
        for side, wing in ((32, 31), (34, 35)):
            centre = (marks[side] + marks[wing]) / 2 + 0.015 * self.unit * self.frame.up
            spot = regions.spot(centre, rng.uniform(0.018, 0.04) * self.unit, self.shape)
            self._add(spot, nostril)
        self._add(self._line(marks[31:36], 0.02), crease)
        folds = self._difference("crease")
        for wing, corner in ((31, 48), (35, 54)):
            self._add(self._line(marks[[wing, corner]], 0.025), folds)

    def _mouth(self) -> None:
        marks = self.marks
        self._add(self._fill(marks[48:60], 0.015), self._difference("lips"))
        inside = self._fill(marks[60:68], 0.005)
        # A closed mouth has hardly any inside; its line stays.
        self._add(inside, self._difference("mouth_inside"))
        line = np.concatenate(
            [marks[60:61], (marks[61:64] + marks[[67, 66, 65]]) / 2, marks[64:65]]
        )
        gap = float(np.hypot(*(marks[62] - marks[66]))) / self.unit
        if gap < 0.08:
            line = np.concatenate([marks[48:49], line, marks[54:55]])
            self._add(
                self._line(line, self.rng.uniform(0.01, 0.04)), self._difference("mouth_line")
            )

    def _texture(self) -> None:
        rng = self.rng
        sigma = rng.uniform(0.03, 0.08) * self.unit
        detail = self.lightness - cv2.GaussianBlur(self.lightness, (0, 0), max(sigma, 0.6))
        detail /= 2 * float(detail.std()) + 1e-3
        self._add(np.clip(detail, -2, 2), self._difference("texture"))
        across = cv2.Sobel(self.lightness, cv2.CV_32F, 1, 0)
        along = cv2.Sobel(self.lightness, cv2.CV_32F, 0, 1)
        strength = cv2.magnitude(across, along)
        self._add(np.clip(strength, 0, 1), self._difference("edges"))

    def _hand(self) -> None:
        """Fingers from below, as warm as skin, with a cooler outline."""
        rng, frame = self.rng, self.frame
        target = self.marks[rng.integers(0, 68)]
        direction = frame.up * rng.uniform(0.4, 1.0) + frame.right * rng.uniform(-0.8, 0.8)
        across = np.array([-direction[1], direction[0]]) / np.hypot(*direction)
        for finger in range(rng.integers(1, 5)):
            end = target + across * 0.15 * self.unit * finger
            end = end + rng.uniform(-0.08, 0.08, 2) * self.unit
            start = end - direction * 2.5 * self.unit + across * rng.uniform(-0.3, 0.3) * self.unit
            line = np.stack([start, end])
            self._paint(self._line(line, 0.15), self.skin - rng.uniform(1.0, 3.5))
            self._paint(self._line(line, 0.11), self.skin + rng.uniform(-1.5, 0.8))


def _seen(scene: np.ndarray, rng: np.random.Generator, settings: SimulationSettings) -> np.ndarray:
    """What a random camera shows of the scene."""
    seen = camera.blurred(scene, rng.uniform(*settings.blur_px))
    stripes = rng.uniform(*settings.stripes, size=2)
    seen = camera.noisy(seen, rng, rng.uniform(*settings.netd), *stripes)
    if rng.random() < settings.sharpen_share:
        seen = camera.sharpened(seen, rng.uniform(*settings.sharpen), rng.uniform(0.8, 4.0))
    step = 0.0
    if rng.random() < settings.gain_control:
        low, high = rng.uniform(*settings.grey_low), rng.uniform(*settings.grey_high)
        seen = camera.gain_controlled(
            seen,
            clip=(rng.uniform(0, 0.03), rng.uniform(0, 0.05)),
            equalise=max(rng.uniform(*settings.equalise), 0),
            gamma=rng.uniform(*settings.gamma),
            low=low,
            high=high,
        )
        step = (high - low) / 255
    if rng.random() < settings.eight_bit_share:
        seen = camera.quantised(seen, step or 0.1)
    return np.clip(seen, -40, 120).astype(np.float32)
