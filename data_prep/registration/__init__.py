"""Register the images of two cameras to pixel-aligned pairs, and match their frames in time.

| available | function |
| --- | --- |
| a homography | `from_homography` |
| a stereo calibration and the face's distance | `from_stereo` |
| the same landmarks in both images | `from_landmarks`: similarity, affine, thin-plate spline |
| only the images | `from_content`: ECC on gradients, or mutual information |
| time stamps of two streams | `match_times`, with `estimate_offset` for clocks that differ |

The result is a `Registration` from RGB to thermal pixels: `warp` resamples an RGB image, `apply` maps
points, `residual_px` is the error and `ok` says whether the pair may be used. The thermal image is
never resampled, because its values are measurements. Pixels are 0-based with centres at integers;
residuals are in thermal pixels and in percent of the inter-ocular distance.

`folder.pair_folder` registers two folders of images (`image_matching` finds the pairs, `pair` writes
one). `transforms` are the maps, `residual` their errors. Registration by content uses `edges`,
`initial_search`, `mutual_information` and `alignment_quality`.
"""

from data_prep.registration.calibration import from_homography, from_stereo
from data_prep.registration.content import from_content
from data_prep.registration.landmarks import from_landmarks
from data_prep.registration.registration import Registration
from data_prep.registration.residual import Limit, inter_ocular
from data_prep.registration.time_matching import TimeMatch, estimate_offset, match_times, motion
from data_prep.registration.transforms import Homography, Stereo, ThinPlate, ThroughPlane

__all__ = [
    "Homography",
    "Limit",
    "Registration",
    "Stereo",
    "ThinPlate",
    "ThroughPlane",
    "TimeMatch",
    "estimate_offset",
    "from_content",
    "from_homography",
    "from_landmarks",
    "from_stereo",
    "inter_ocular",
    "match_times",
    "motion",
]
