"""The crop of a face's next pass, around the landmarks of the pass before."""

from dataclasses import replace

from mlcmkd.data.crops import Crop
from mlcmkd.deployment.faces import FaceCrop, FaceLandmarks
from mlcmkd.deployment.roll import head_roll

# No further pass is made if no corner of its crop would move by this share of the crop's side. Chosen
# on the validation faces of benchmarks/refinement.py: smaller values do not lower the errors.
SETTLED = 0.05
# A crop that reaches beyond the image is turned only if the head is rolled by more degrees than this.
# The deviations of landmarks beyond the border rest on where the image ends, which a network sees in
# upright crops alone (`mlcmkd.models.deviation.image_extent`). Chosen on the validation faces of
# benchmarks/border.py: up to here an upright crop costs no accuracy.
UPRIGHT_AT_BORDER = 15.0


def next_crop(face_crop: FaceCrop, face: FaceLandmarks) -> FaceCrop | None:
    """The crop for the next pass; None if no pass is left, or the crop would hardly change.

    It is the square around the landmarks, turned by the roll of the head so that the head is upright
    in it, except at the border of the image (`UPRIGHT_AT_BORDER`).

    Args:
        face_crop: of the last pass.
        face: what the last pass found in it.
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
