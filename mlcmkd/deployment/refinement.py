"""The crop of a face for the next pass, around the landmarks of the previous pass."""

from dataclasses import replace

from mlcmkd.data.crops import Crop
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks
from mlcmkd.deployment.roll import head_roll

# No further pass is made if all corners of the crop would move by less than this share of its side.
# Chosen on the validation faces of benchmarks/refinement.py: smaller values do not lower the errors.
SETTLED = 0.05
# Degrees. A crop that extends beyond the image is rotated only if the roll of the head is larger. The
# deviations of landmarks beyond the border depend on the position of the border, which can be found in
# upright crops only (`mlcmkd.models.deviation.image_extent`). Chosen on the validation faces of
# benchmarks/border.py: up to this roll an upright crop is as accurate as a rotated one.
UPRIGHT_AT_BORDER = 15.0


def next_crop(face_crop: FaceCrop, face: FaceLandmarks) -> FaceCrop | None:
    """The crop for the next pass; None if no pass is left, or the crop would hardly change.

    It is the square around the landmarks, rotated so that the head is upright in it, except at the
    border of the image (`UPRIGHT_AT_BORDER`).

    Args:
        face_crop: the crop of the last pass.
        face: the landmarks that the last pass predicted in it.
    """
    if face_crop.passes <= 1:
        return None
    height, width = face_crop.image.shape[:2]
    roll = head_roll(face.landmarks, face.scheme)
    crop = Crop.around_points(face.landmarks, roll)
    if abs(roll) <= UPRIGHT_AT_BORDER and not crop.within(width, height):
        crop = Crop.around_points(face.landmarks)
    if face_crop.crop.change_to(crop) < SETTLED:
        return None
    return replace(face_crop, crop=crop, passes=face_crop.passes - 1)
