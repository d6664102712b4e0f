"""A temperature map of a head and its surroundings, painted from back to front."""

import cv2
import numpy as np

from data_prep.magnitude import magnitude
from data_prep.simulation import camera, regions
from data_prep.simulation.glasses import draw_glasses
from data_prep.simulation.settings import SimulationSettings


class Scene:
    """Temperatures in front of the camera, painted from back to front into `heat`.

    Args:
        photo: (H, W, 3) uint8 RGB, at the sensor's resolution.
        marks: (68, 2) landmarks, pixels of `photo`.
        rng: the only source of randomness.
        settings: ranges of all parameters.
    """

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
        # The softness of edges scales with the head, up to a limit set by the image's size.
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

    def render(self) -> np.ndarray:
        """Paint all parts; return (H, W) float32, degrees C."""
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
        """Draw a temperature difference within the face, scaled by this face's contrast."""
        return self.contrast * self._draw(name)

    def _between(self, name: str) -> float:
        """Draw a temperature between ambient and skin."""
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
        # Hair beside the face: dark, unlike skin, near the head.
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
        # Below the brows the face is certainly skin; above them hair may cover it.
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
        # A closed mouth has almost no inside, only the line between the lips.
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
        strength = magnitude(across, along)
        self._add(np.clip(strength, 0, 1), self._difference("edges"))

    def _hand(self) -> None:
        """Paint fingers that come from below, as warm as skin, with a cooler outline."""
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
