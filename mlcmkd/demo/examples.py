"""Rendered examples as files: one face, or a frame of one to four people."""

import io
from typing import Literal

import numpy as np

from mlcmkd.data.images import encode_image
from mlcmkd.data.modality import Modality
from mlcmkd.demo.uploads import Upload
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.frames.frame import render_frame

Scene = Literal["one face", "several people"]
FACE = 256  # px
FRAME = {"thermal": (240, 320), "rgb": (480, 640)}  # height, width; usual cameras
_PREVIEW = (72, 96)  # the same scene, quickly
# Examples show at least one face whose box is this share of the frame's width.
_LEAST = 0.1
_MOST_TRIALS = 50


def make_example(scene: Scene, modality: Modality, seed: int) -> Upload:
    """Renders an example; it depends on the arguments alone.

    Args:
        scene: "one face" that fills the image, or "several people", one to four of them, some of whom
            may be small, turned away, or hidden.
        modality: of the camera.
        seed: an integer from 0.

    Returns:
        A PNG of 8 bits, or a `.npy` in degrees C.
    """
    if scene == "one face":
        faces = make_faces(
            1, seed=seed, size=FACE, faces_per_identity=1, workers=1, rgb=modality == "rgb"
        )
        image = getattr(faces, modality)[0]
    else:
        heads, number = 1 + seed % 4, _visible_frame(seed, modality)
        frame = render_frame(seed, number, FRAME[modality], heads=heads, rgb=modality == "rgb")
        image = getattr(frame, modality)
    name = f"{scene.replace(' ', '_')}_{modality}_{seed}"
    if modality == "rgb":
        return Upload(f"{name}.png", encode_image(image)[0], modality)
    file = io.BytesIO()
    np.save(file, image)
    return Upload(f"{name}.npy", file.getvalue(), modality)


def _visible_frame(seed: int, modality: Modality) -> int:
    """Number of the seed's first frame with a face that is large and open enough to be found."""
    for number in range(_MOST_TRIALS):
        frame = render_frame(seed, number, _PREVIEW, heads=1 + seed % 4, rgb=False)
        width = (frame.boxes[:, 2] - frame.boxes[:, 0]) / _PREVIEW[1]
        visible = frame.easy & (width > _LEAST)
        if modality == "thermal":
            visible &= frame.resolved
        if visible.any():
            return number
    return 0
