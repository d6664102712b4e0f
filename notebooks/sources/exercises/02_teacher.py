# %% [markdown]
# # Exercises 02 · The teacher, and what it is measured by
#
# To the lesson: [teacher](../02_teacher.ipynb) ·
# the same [with solutions](../solutions/02_teacher.ipynb)
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
import numpy as np

from mlcmkd.course import checks

run = course.teacher_run(lesson)
pairs = lesson.pairs("val")
scores = {side: course.scores_of(run, pairs, side) for side in ("rgb", "thermal")}
target = pairs.landmarks.numpy().astype(np.float64)  # (N, 68, 2), shares of the input's side

# %% [markdown]
# ## 1 · Compute: another normaliser
#
# Write `box_nme`: the NME of every face in **percent**, divided by $\sqrt{wh}$ of the tight box of the
# *annotated* landmarks.

# %% tags=["solution"]
prediction = scores["rgb"].prediction


# your code here
def box_nme(prediction, target):
    """NME of every face, (N,), percent, from (N, 68, 2) twice."""
    distance = np.linalg.norm(prediction - target, axis=-1).mean(axis=1)
    width, height = (target.max(axis=1) - target.min(axis=1)).T
    return 100 * distance / np.sqrt(width * height)


# %% tags=["check"]
print(checks.teacher.box_nme(box_nme, prediction, target))

# %% [markdown]
# ## 2 · Compute: the tail of the errors
#
# Write `failure_rate`, the share of faces whose NME exceeds the threshold, and `area`, the area under
# the CED from 0 to the threshold, divided by the threshold. A face that a detector did not find has
# the NME NaN, and counts as a failure.


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
# **Why so.** `errors > threshold` is False for NaN, so a face that was not found would count as a
# success; `~(errors <= threshold)` asks the other way round. Each face adds to the area the stretch of
# the axis over which it is counted, `threshold - error`, so no curve has to be drawn.

# %% [markdown]
# ## 3 · Compute: the expected place
#
# Write `expected_place`: from one map of logits (h, w) to the landmark (x, y) in centred coordinates,
# by a softmax over all cells. The centre of cell $i$ of $n$ lies at $(i + 0.5) / n - 0.5$.


# %% tags=["solution"]
# your code here
def expected_place(logits):
    """Logits (h, w) to (x, y), centred coordinates."""
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    height, width = logits.shape
    x = (np.arange(width) + 0.5) / width - 0.5
    y = (np.arange(height) + 0.5) / height - 0.5
    return np.array([(weights.sum(axis=0) * x).sum(), (weights.sum(axis=1) * y).sum()])


# %% tags=["check"]
print(checks.teacher.expected_place(expected_place))

# %% [markdown]
# ## 4 · Open: which faces are hard?
#
# `attributes` tells how each face was drawn. Split the faces by something (yaw, glasses, ...), and
# compare the NME of the groups, in RGB and in thermal. Is it the same faces that are hard in both?
#
# Hint: begin with two groups of about equal size; a row needs the keys `faces` and `nme_percent`, and
# may have more. Then ask whether the difference is larger than chance.

# %% tags=["solution"]
attributes = lesson.data().faces("val").attributes
print("attributes:", ", ".join(attributes))
# your code here
turned = np.abs(attributes["yaw"])
parts = {
    "yaw below the median": turned < np.median(turned),
    "yaw above the median": turned >= np.median(turned),
    "glasses": attributes["glasses"].astype(bool),
    "no glasses": ~attributes["glasses"].astype(bool),
}
rows = []
for side, found in scores.items():
    for name, some in parts.items():
        errors = 100 * found.per_face[some]
        if len(errors):
            rows.append({"group": name, "reads": side, "faces": len(errors)})
            rows[-1]["nme_percent"] = errors.mean()
            print(f"{side:8} {name:21} {len(errors):4} faces  NME {errors.mean():6.2f} %")
finding = (
    "Split by yaw, and by glasses. "
    + "; ".join(f"{row['reads']}, {row['group']}: {row['nme_percent']:.1f} %" for row in rows)
    + " (inter-ocular, one seed, one teacher)."
)

# %% tags=["check"]
print(checks.teacher.groups(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** A turned head has its eye corners nearer to each other in the image, so the same error
# in pixels is a larger NME: part of what looks like difficulty is the normaliser. Repeat it with
# `box_nme` before you believe a word. Glasses make RGB harder and, in this run, thermal *easier*: a
# reason is quickly invented (their cold rims are the one line that both modalities share?), but groups
# overlap, and one teacher is one throw. First an interval, then the story.
