# %% [markdown]
# # Exercises 02 · The teacher and its metrics
#
# *about 45 minutes*
#
# Lesson: [teacher](../02_teacher.ipynb) ·
# [solutions](../solutions/02_teacher.ipynb)
#
# Three computations, one open exercise.
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
import numpy as np

from mlcmkd.course import checks

run = course.teacher_run(lesson)
pairs = lesson.pairs("val")
scores = {modality: course.scores_of(run, pairs, modality) for modality in ("rgb", "thermal")}
target = pairs.landmarks.numpy().astype(np.float64)  # (N, 68, 2), shares of the input's side

# %% [markdown]
# ## 1 · Compute: another normaliser
#
# *about 5 minutes*
#
# Write `box_nme`: the NME of every face in **percent**, divided by $\sqrt{wh}$ of the tight box of the
# *annotated* landmarks ($w$, $h$: its width and height).

# %% tags=["solution"]
prediction = scores["rgb"].prediction


# your code here
def box_nme(prediction, target):
    """NME of every face, (N,), percent; prediction and target are (N, 68, 2)."""
    distance = np.linalg.norm(prediction - target, axis=-1).mean(axis=1)
    width, height = (target.max(axis=1) - target.min(axis=1)).T
    return 100 * distance / np.sqrt(width * height)


# %% tags=["check"]
print(checks.teacher.box_nme(box_nme, prediction, target))

# %% [markdown]
# ## 2 · Compute: the tail of the errors
#
# *about 10 minutes*
#
# Write `failure_rate`, the share of faces with an NME above the threshold, and `area`, the area under
# the CED from 0 to the threshold, divided by the threshold. The NME of a face that a detector did not
# find is NaN, and counts as a failure.


# %% tags=["solution"]
# your code here
def failure_rate(errors, threshold):
    """Share of faces (N,) that failed, 0 to 1."""
    return np.mean(~(errors <= threshold))


def area(errors, threshold):
    """Area under the CED up to the threshold, 0 to 1."""
    gain = np.where(errors <= threshold, threshold - errors, 0)
    return gain.mean() / threshold


# %% tags=["check"]
print(checks.teacher.tails(failure_rate, area))

# %% [markdown] tags=["discussion"]
# **Explanation.** `errors > threshold` is False for NaN, so a face that was not found would count as a
# success; `~(errors <= threshold)` avoids this. The contribution of a face to the area is the part of
# the axis over which it is counted, `threshold - error`, so the curve itself is not needed.

# %% [markdown]
# ## 3 · Compute: the expected position
#
# *about 10 minutes*
#
# Write `expected_position`: it converts one map of logits (h, w) to the landmark (x, y) in centred
# coordinates, by a softmax over all cells. The centre of cell $i$ of $n$ lies at $(i + 0.5) / n - 0.5$.


# %% tags=["solution"]
# your code here
def expected_position(logits):
    """Logits (h, w) to (x, y), centred coordinates."""
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    height, width = logits.shape
    x = (np.arange(width) + 0.5) / width - 0.5
    y = (np.arange(height) + 0.5) / height - 0.5
    return np.array([(weights.sum(axis=0) * x).sum(), (weights.sum(axis=1) * y).sum()])


# %% tags=["check"]
print(checks.teacher.expected_position(expected_position))

# %% [markdown]
# ## 4 · Open: which faces are difficult?
#
# *about 20 minutes*
#
# `attributes` are the rendering parameters of each face. Split the faces by one of them (yaw, glasses,
# masks, skin tone, ...), and compare the NME of the groups, for RGB and for thermal. Are the same faces
# difficult in both modalities?
#
# Hint: begin with two groups of about equal size. A row needs the keys `faces` and `nme_percent`; others
# are optional. Then check whether the difference is larger than chance.

# %% tags=["solution"]
attributes = lesson.data().faces("val").attributes
print("attributes:", ", ".join(attributes))
# your code here
yaw = np.abs(attributes["yaw"])
parts = {
    "yaw below the median": yaw < np.median(yaw),
    "yaw above the median": yaw >= np.median(yaw),
    "glasses": attributes["glasses"].astype(bool),
    "no glasses": ~attributes["glasses"].astype(bool),
}
rows = []
for modality, modality_scores in scores.items():
    for name, members in parts.items():
        errors = 100 * modality_scores.per_face[members]
        if len(errors):
            rows.append({"group": name, "reads": modality, "faces": len(errors)})
            rows[-1]["nme_percent"] = errors.mean()
            print(f"{modality:8} {name:21} {len(errors):4} faces  NME {errors.mean():6.2f} %")
finding = (
    "Split by yaw, and by glasses. "
    + "; ".join(f"{row['reads']}, {row['group']}: {row['nme_percent']:.1f} %" for row in rows)
    + " (inter-ocular, one seed, one teacher)."
)

# %% tags=["check"]
print(checks.teacher.groups(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** In a rotated head the eye corners are closer in the image, and in a profile they nearly
# coincide, so the same error in pixels is a larger NME: a part of the apparent difficulty is the
# normaliser. Repeat the comparison with `box_nme` before you draw conclusions. Glasses are opaque in
# thermal images and clear in photos, so one expects a difference there. Whatever the numbers say, an
# explanation is easily invented (perhaps the cold rims are the one edge that both modalities share), but
# the groups overlap, and there is only one teacher. Compute an interval before you explain a difference.
