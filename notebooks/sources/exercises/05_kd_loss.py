# %% [markdown]
# # Exercises 05 · KD-Loss
#
# *about 35 minutes*
#
# Lesson: [kd_loss](../05_kd_loss.ipynb) ·
# [solutions](../solutions/05_kd_loss.ipynb)
#
# One computation by hand, two implementations, one open exercise.
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
import torch

from mlcmkd.course import checks
from mlcmkd.stages.tolerant import fit_shape_model

# %% [markdown]
# ## 1 · By hand: the assistive loss, region by region
#
# *about 10 minutes*
#
# The ground truth is $g = 0$, the prediction of the Tough-Teacher is $t = 0.02$. Compute the assistive
# loss for the five predictions in `p`, with $\alpha = 1.9$, $\alpha' = -0.45$ and $\beta = 0.15$: a list
# of five numbers.

# %% tags=["solution", "fact", "nbval-check-output"]
p, g, t = [0.05, 0.012, -0.012, 0.002, -0.03], 0.0, 0.02
# your code here
values = [
    1.9 * (0.05 - 0.02),  # beyond the teacher
    -0.45 * (0.02 - 0.012),  # between band and teacher
    -0.45 * (0.02 - 0.012),  # the same for the opposite sign: the teacher is mirrored
    0.0,  # 0.002 < 0.15 x 0.02: inside the band
    1.9 * (0.03 - 0.02),  # beyond the teacher, opposite sign
]
print([f"{value:.4f}" for value in values])

# %% tags=["check"]
print(checks.kd_loss.assistive(values, p, g, t))

# %% [markdown]
# ## 2 · Implement: the main loss
#
# *about 5 minutes*
#
# Write `main_loss(p, g, t)`: one value per coordinate, from tensors of equal shape. With $d = |p - g|$
# and the Tolerant-Teacher's distance $r = |t - g|$, it is $3d$ for $d \le r$ and $d^2 + 3r - r^2$ for
# $d > r$.


# %% tags=["solution"]
# your code here
def main_loss(p, g, t):
    """The main loss of each coordinate, in the shape of p."""
    d, r = (p - g).abs(), (t - g).abs()
    return torch.where(d <= r, 3 * d, d**2 + 3 * r - r**2)


# %% tags=["check"]
print(checks.kd_loss.main_loss(main_loss))

# %% [markdown] tags=["discussion"]
# **Typical mistake.** With coordinates in pixels, the quadratic branch dominates: at an error of 6.4 px
# its gradient is 12.8 instead of 0.2. The loss depends on the unit, although the code does not show it.

# %% [markdown]
# ## 3 · Implement: the limit of an active shape model
#
# *about 5 minutes*
#
# `b` contains the coefficients of two shapes (rows) for three modes (columns), `variances` the variances
# $v_i$ of the modes. Write `clip`, so that $|b_i| \le 3\sqrt{v_i}$.


# %% tags=["solution"]
# your code here
def clip(b, variances):
    """Coefficients (N, M), limited to three standard deviations of their modes."""
    limit = 3 * np.sqrt(variances)
    return np.clip(b, -limit, limit)


# %% tags=["check"]
print(checks.kd_loss.clip(clip))

# %% [markdown]
# ## 4 · Open: the variance of soft landmarks
#
# *about 15 minutes*
#
# `fit_shape_model(train_pairs, share)` fits the shape model to the training faces, `.soften(landmarks)`
# returns the soft landmarks. Vary the share of the variance. How many modes are needed, and how far do
# the landmarks of validation faces move, in percent of the inter-ocular distance? Which share would you
# use for a Tolerant-Teacher, and how would you decide?
#
# Hint: `len(model.modes)`; a row needs `variance`, `modes` and `percent`. Look at faces as well, with
# `plots.hard_and_soft`.

# %% tags=["solution"]
train_pairs, pairs = lesson.pairs("train"), lesson.pairs("val")
hard = pairs.landmarks
# your code here
eyes = (hard[:, 45] - hard[:, 36]).norm(dim=-1)
rows = []
for share in (0.5, 0.9, 0.97, 0.99):
    model = fit_shape_model(train_pairs, share)
    moved = (model.soften(hard) - hard).norm(dim=-1).mean(dim=1) / eyes
    percent = 100 * float(moved.mean())
    rows.append({"variance": share, "modes": len(model.modes), "percent": percent})
    print(
        f"{100 * share:3.0f} % of the variance: {len(model.modes):2} modes, moved {percent:.2f} %"
    )
finding = (
    f"From {rows[0]['variance']:g} to {rows[-1]['variance']:g} of the variance, the number of modes "
    f"increases from {rows[0]['modes']} to {rows[-1]['modes']}. The distance between soft and hard "
    f"landmarks changes from {rows[0]['percent']:.2f} to {rows[-1]['percent']:.2f} % (inter-ocular), on "
    f"{len(hard)} faces."
)

# %% tags=["check"]
print(checks.kd_loss.variances(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** The last tenth of the variance needs most of the modes. If the share is too small, the
# Tolerant-Teacher predicts the same face for everybody; if it is too large, it equals the Tough-Teacher.
# The best share can only be determined on a *validation* split, by the student: train with `variance` of
# 0.9, 0.95 and 0.98, with several seeds, and compare the students, not the shapes.
