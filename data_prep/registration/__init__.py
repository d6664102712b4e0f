"""From two cameras to pixel-aligned pairs: registration in space, matching in time.

| what is known | function |
| --- | --- |
| a homography | `from_homography` |
| a stereo calibration and the face's distance | `from_stereo` |
| the same landmarks in both images | `from_landmarks`: similarity, affine, thin-plate spline |
| nothing but the images | `from_content`: ECC on gradients, or mutual information |
| time stamps of two streams | `match_times`, with `estimate_offset` for clocks that differ |

All of them give a `Registration` from RGB to thermal pixels: `warp` an RGB image, `apply` it to
points, read how far it is off and whether it is `ok`. The thermal image is never resampled: its values
are measurements. Pixels are 0-based with centres at integers; residuals are thermal pixels and percent
of the inter-ocular distance. `data_prep.registration.folder` does it for a folder.
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
