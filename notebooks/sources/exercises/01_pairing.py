# %% [markdown]
# # Exercises 01 · Two cameras, one face
#
# To the lesson: [pairing](../01_pairing.ipynb) ·
# the same [with solutions](../solutions/01_pairing.ipynb)
#
# Three to compute, one open.
#
# Below each `# your code here` replace every `...`, run the cell, then the check under it. A check
# says what went wrong, not what is right. What the lessons have trained is taken from `work`; what is
# missing is made, as in the lessons.
#
# An open exercise wants `rows`, a list of dicts with the keys that it names (and more, if you like), and
# `finding`, a few sentences with the numbers that they rest on.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import cv2
import numpy as np

from data_prep.registration import from_content
from mlcmkd import plots
from mlcmkd.course import checks
from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.faces import make_faces

# %% [markdown]
# ## 1 · Compute: how far may a face move?
#
# Two cameras 5 cm apart, one map made for a face at 65 cm, outer eye corners 9 cm apart. Between
# which distances does the residual stay below 5 % of the inter-ocular distance? Give `(near, far)` in
# metres.

# %% tags=["solution", "fact", "nbval-check-output"]
apart, eyes, depth, percent = 0.05, 0.09, 0.65, 5.0  # metres, metres, metres, %
# your code here
share = percent / 100 * eyes / apart
near_far = (depth * (1 - share), depth * (1 + share))
print(f"{near_far[0]:.3f} m to {near_far[1]:.3f} m")

# %% tags=["check"]
print(checks.pairing.depth_range(near_far, apart, eyes, depth, percent))

# %% [markdown] tags=["discussion"]
# **Why so.** $B/e\,|1 - Z/Z_0|$ has no focal length and no pixel in it. Not quite 6 cm to either side: a
# head that leans forward is out of registration. At 10 cm of baseline 3 cm would be left.

# %% [markdown]
# ## 2 · Compute: from counts to the model's input
#
# A camera stores hundredths of a kelvin, 16 bits. Write `to_input`: an array of counts of any shape to
# the input between 0 and 1, over 18 to 40 degrees C. Do it by hand, without `Radiometry`.


# %% tags=["solution"]
# your code here
def to_input(counts):
    """Counts (uint16, hundredths of a kelvin) to the model's input, 0 to 1."""
    celsius = counts.astype(np.float64) / 100 - 273.15
    return np.clip((celsius - 18) / (40 - 18), 0, 1)


# %% tags=["check"]
print(checks.pairing.to_input(to_input))

# %% [markdown]
# ## 3 · Compute: a mirror, with the names
#
# `landmarks` are 68 points in centred coordinates (-0.5 to 0.5). Write `mirror`: the landmarks of the
# mirrored image. `list(IBUG68.flip)` says which point becomes which.

# %% tags=["solution"]
face = make_faces(1, seed=3, size=128)
landmarks = plots.centred(face.landmarks, 128)[0]


# your code here
def mirror(landmarks):
    """Landmarks (68, 2), centred, of the mirrored image."""
    return landmarks[list(IBUG68.flip)] * [-1, 1]


# %% tags=["check"]
print(checks.pairing.mirror(mirror, landmarks))

# %% [markdown] tags=["discussion"]
# **Why so.** After the mirror the left eye stands where the right one was. Without the renaming all
# points still lie on the face, so no picture looks wrong; only the network learns to point between.

# %% [markdown]
# ## 4 · Open: where does registration by content give up?
#
# Shift the photo of an aligned pair to the right, by more and more pixels, and let `from_content`
# (ECC) bring it back. For each shift note how far the landmarks still are from where they belong
# (`left_px`), and whether the result was accepted (`found.ok`). From which shift on does it fail, and
# **does it know**?
#
# A row needs `shift_px`, `left_px` and `accepted`.
#
# Hint: `cv2.warpAffine` moves an image; `found.apply(points)` moves points from the photo to the
# thermal image. Change something else as well, if you like: noise, a second face, `method="mutual
# information"`.

# %% tags=["solution"]
people = make_faces(1, seed=1, size=160)
photo, celsius, marks = people.rgb[0], people.thermal[0], people.landmarks[0]


def shifted(image, pixels):
    """An image so many pixels further to the right, its border repeated."""
    move = np.array([[1.0, 0, pixels], [0, 1, 0]])
    return cv2.warpAffine(image, move, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


# your code here
rows = []
for pixels in (0, 10, 20, 40, 60, 80):
    found = from_content(shifted(photo, pixels), celsius, thermal_landmarks=marks, scheme="ibug68")
    if found.transform is None:
        left = float(pixels)
    else:
        left = float(np.linalg.norm(found.apply(marks + [pixels, 0]) - marks, axis=1).mean())
    rows.append({"shift_px": pixels, "left_px": left, "accepted": found.ok})
    print(f"shift {pixels:2d} px: {left:5.1f} px left, {'accepted' if found.ok else 'refused'}")
wrong = [row for row in rows if row["accepted"] and row["left_px"] > 4]
finding = (
    f"Shifts of 0 to {rows[-1]['shift_px']} px, one face of 160 px, ECC. After registration "
    f"{rows[0]['left_px']:.1f} px are left of no shift and {rows[-1]['left_px']:.1f} px of the largest; "
    f"{len(wrong)} of {len(rows)} results were accepted with more than 4 px left."
)
print(finding)

# %% tags=["check"]
print(checks.pairing.shifts(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** ECC climbs from where it starts, so it finds its way back only as long as edges still
# overlap. `from_content` begins in several places, up to a quarter of the image away: 40 px here, and
# that is as far as it comes. Beyond, it is wrong by more than the shift itself, and what matters is the
# column *accepted*: it **knows**, because edges agree there hardly better than anywhere else
# (`found.reason`). A method that fails and says so costs a pair; one that does not know costs a label.
# One face proves nothing: `python benchmarks/pairing.py` asks forty.
