# %% [markdown]
# # Exercises 03b · Registration of two cameras
#
# *about 30 minutes*
#
# Lesson: [registration](../03b_registration.ipynb) ·
# [solutions](../solutions/03b_registration.ipynb)
#
# Two computations, one open exercise.
#
# Replace every `...` below `# your code here`, run the cell, then run the check below it. A check
# explains a mistake but does not show the solution. Completed runs in `work` are reused, and missing
# runs are trained, as in the lessons.
#
# An open exercise requires `rows`, a list of dicts with the keys that it names (others are optional),
# and `finding`, a few sentences with the supporting numbers.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import cv2
import numpy as np

from data_prep.registration import from_content
from mlcmkd.course import checks
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism

# %% [markdown]
# ## 1 · Compute: the permitted distances of a face
#
# *about 5 minutes*
#
# Two cameras are 5 cm apart, the map was made for a face at 65 cm, and the outer eye corners are 9 cm
# apart. For which distances is the residual below 5 % of the inter-ocular distance? Give `(near, far)`
# in metres.

# %% tags=["solution", "fact", "nbval-check-output"]
apart, eyes, depth, percent = 0.05, 0.09, 0.65, 5.0  # metres, metres, metres, %
# your code here
share = percent / 100 * eyes / apart
near_far = (depth * (1 - share), depth * (1 + share))
print(f"{near_far[0]:.3f} m to {near_far[1]:.3f} m")

# %% tags=["check"]
print(checks.registration.depth_range(near_far, apart, eyes, depth, percent))

# %% [markdown] tags=["discussion"]
# **Explanation.** $B/e\,|1 - Z/Z_0|$ does not contain the focal length or a number of pixels. The margin
# is less than 6 cm in both directions: a head that leans forward is out of registration. With a baseline
# of 10 cm, the margin would be 3 cm.

# %% [markdown]
# ## 2 · Compute: the shifts that two networks find
#
# *about 5 minutes*
#
# `rgb` holds the landmarks that a teacher found in the RGB images of N pairs, `thermal` those that a
# student found in the thermal images, both (N, 68, 2) in pixels. Write `offsets`: it returns (N, 2), how
# far the face in the RGB image lies to the right of (x) and below (y) the face in the thermal image. The
# errors of single landmarks should cancel.


# %% tags=["solution"]
# your code here
def offsets(rgb, thermal):
    """Shift of the RGB face of each pair, (N, 2) pixels."""
    return (rgb - thermal).mean(axis=1)


# %% tags=["check"]
print(checks.registration.offsets(offsets))

# %% [markdown] tags=["discussion"]
# **Explanation.** 68 landmarks that are off by 3 pixels each, independently, have a mean that is off by
# $3/\sqrt{68} \approx 0.4$ pixels. So a student that is too inaccurate to be used still measures the
# shift well. What does *not* cancel is an error that all landmarks share, such as a network that always
# looks too high: the registration of `mlcmkd transfer` removes it by the labelled pairs.

# %% [markdown]
# ## 3 · Open: the limit of registration by content
#
# *about 20 minutes*
#
# Shift the photo of an aligned pair to the right by an increasing number of pixels, and register it by
# `from_content` (ECC). For each shift, record the remaining error of the landmarks (`left_px`), and
# whether the result was accepted (`registration.ok`). At which shift does it fail, and **does it report
# the failure**?
#
# A row needs `shift_px`, `left_px` and `accepted`.
#
# Hint: `cv2.warpAffine` moves an image; `registration.apply(points)` maps points from the photo to the
# thermal image. You can vary other factors as well: noise, a second face, `method="mutual information"`.

# %% tags=["solution"]
people = make_faces(1, seed=1, size=160, realism=Realism(yaw_deviation=8))
photo, celsius, marks = people.rgb[0], people.thermal[0], people.landmarks[0]


def shifted(image, pixels):
    """An image shifted to the right by a number of pixels, with its border repeated."""
    move = np.array([[1.0, 0, pixels], [0, 1, 0]])
    return cv2.warpAffine(image, move, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


# your code here
rows = []
for pixels in (0, 10, 20, 40, 60, 80):
    registration = from_content(
        shifted(photo, pixels), celsius, thermal_landmarks=marks, scheme="ibug68"
    )
    if registration.transform is None:
        left = float(pixels)
    else:
        points = registration.apply(marks + [pixels, 0])
        left = float(np.linalg.norm(points - marks, axis=1).mean())
    rows.append({"shift_px": pixels, "left_px": left, "accepted": registration.ok})
    print(
        f"shift {pixels:2d} px: {left:5.1f} px left, {'accepted' if registration.ok else 'refused'}"
    )
wrong = [row for row in rows if row["accepted"] and row["left_px"] > 4]
finding = (
    f"Shifts of 0 to {rows[-1]['shift_px']} px, one face of 160 px, ECC. The error after registration "
    f"is {rows[0]['left_px']:.1f} px without a shift and {rows[-1]['left_px']:.1f} px for the largest; "
    f"{len(wrong)} of {len(rows)} results were accepted with an error above 4 px."
)
print(finding)

# %% tags=["check"]
print(checks.registration.shifts(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** ECC is a local optimisation, so it converges only if the edges still overlap.
# `from_content` starts from several positions, up to a quarter of the image away, here 40 px; this is
# its limit. Beyond it, the error is larger than the shift. The column *accepted* is important: the
# method **reports** its failure, because the edges agree hardly better than at any other position
# (`registration.reason`). A method that reports a failure costs one pair; a method that does not costs a
# wrong label. One face is not enough evidence: `python benchmarks/pairing.py` uses forty.
