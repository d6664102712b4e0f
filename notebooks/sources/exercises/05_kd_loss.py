# %% [markdown]
# # Exercises 05 · Between two teachers
#
# To the lesson: [kd_loss](../05_kd_loss.ipynb) ·
# the same [with solutions](../solutions/05_kd_loss.ipynb)
#
# One by hand, two to build, one open.
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
import torch

from mlcmkd.course import checks
from mlcmkd.stages.tolerant import shapes_of

# %% [markdown]
# ## 1 · By hand: the assistive loss, region by region
#
# The truth is $g = 0$, the Tough-Teacher says $t = 0.02$. Give the assistive loss of the five
# predictions in `p`, with $\alpha = 1.9$, $\alpha' = -0.45$ and $\beta = 0.15$: a list of five
# numbers.

# %% tags=["solution", "fact", "nbval-check-output"]
p, g, t = [0.05, 0.012, -0.012, 0.002, -0.03], 0.0, 0.02
# your code here
values = [
    1.9 * (0.05 - 0.02),  # beyond the teacher
    -0.45 * (0.02 - 0.012),  # past it
    -0.45 * (0.02 - 0.012),  # past it, on the other side: the teacher is mirrored
    0.0,  # 0.002 < 0.15 x 0.02: in the band
    1.9 * (0.03 - 0.02),  # beyond, on the other side
]
print([f"{value:.4f}" for value in values])

# %% tags=["check"]
print(checks.kd_loss.assistive(values, p, g, t))

# %% [markdown]
# ## 2 · Build: the main loss
#
# Write `main_loss(p, g, t)`: one value a coordinate, from tensors of one shape. $3d$ up to the
# Tolerant-Teacher's distance $r$, beyond it $d^2 + 3r - r^2$.


# %% tags=["solution"]
# your code here
def main_loss(p, g, t):
    """The main loss of each coordinate, the shape of p."""
    d, r = (p - g).abs(), (t - g).abs()
    return torch.where(d <= r, 3 * d, d**2 + 3 * r - r**2)


# %% tags=["check"]
print(checks.kd_loss.main_loss(main_loss))

# %% [markdown] tags=["discussion"]
# **What can go wrong.** Give it pixels and the quadratic branch rules: at an error of 6.4 px the pull
# is 12.8 instead of 0.2. The loss has a unit, though nothing in the code says so.

# %% [markdown]
# ## 3 · Build: the limit of an active shape model
#
# `b` holds the coefficients of two shapes (rows) for three modes (columns), `variances` the modes'
# variances $\lambda_i$. Write `clip`, so that $|b_i| \le 3\sqrt{\lambda_i}$.


# %% tags=["solution"]
# your code here
def clip(b, variances):
    """Coefficients (N, M) within three standard deviations of their modes."""
    reach = 3 * np.sqrt(variances)
    return np.clip(b, -reach, reach)


# %% tags=["check"]
print(checks.kd_loss.clip(clip))

# %% [markdown]
# ## 4 · Open: how soft is soft?
#
# `shapes_of(train, share)` makes the shape model of the training faces, `.soften(landmarks)` the soft
# landmarks. Vary the share of the variance. How many modes does it take, and how far do the landmarks
# of validation faces move, in percent of the inter-ocular distance? Which share would you give a
# Tolerant-Teacher, and how would you decide?
#
# Hint: `len(model.modes)`; a row needs `variance`, `modes` and `percent`. Look at faces as well, by
# `plots.hard_and_soft`.

# %% tags=["solution"]
train, pairs = lesson.pairs("train"), lesson.pairs("val")
hard = pairs.landmarks
# your code here
eyes = (hard[:, 45] - hard[:, 36]).norm(dim=-1)
rows = []
for share in (0.5, 0.8, 0.9, 0.98):
    model = shapes_of(train, share)
    moved = (model.soften(hard) - hard).norm(dim=-1).mean(dim=1) / eyes
    percent = 100 * float(moved.mean())
    rows.append({"variance": share, "modes": len(model.modes), "percent": percent})
    print(
        f"{100 * share:3.0f} % of the variance: {len(model.modes):2} modes, moved {percent:.2f} %"
    )
finding = (
    f"From {rows[0]['variance']:g} to {rows[-1]['variance']:g} of the variance the modes grow from "
    f"{rows[0]['modes']} to {rows[-1]['modes']}, and soft landmarks lie {rows[0]['percent']:.2f} to "
    f"{rows[-1]['percent']:.2f} % (inter-ocular) from the hard ones, on {len(hard)} faces."
)

# %% tags=["check"]
print(checks.kd_loss.variances(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** The last tenth of the variance costs most of the modes. Too small a share, and the
# Tolerant-Teacher draws everybody the same face; too large, and it is the Tough-Teacher again. "Which
# is right" has an answer only on a *validation* split, through the student: train with `variance` of
# 0.8, 0.9 and 0.98, with several seeds, and compare the students, not the shapes.
