# %% [markdown]
# # Exercises 03 · Loss terms and their gradients
#
# *about 45 minutes*
#
# Lesson: [ktl_dikd](../03_ktl_dikd.ipynb) ·
# [solutions](../solutions/03_ktl_dikd.ipynb)
#
# One question of recall, two implementations, one open exercise.
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
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import copy
import math

import torch
from torch import nn

from mlcmkd import KTL, Landmarker
from mlcmkd.course import checks
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.training.run_directory import WEIGHTS

pairs = lesson.pairs("val")
weights = course.teacher_run(lesson) / WEIGHTS
batch = make_batch(pairs, torch.arange(4), NO_AUGMENTATION, torch.Generator())

# %% [markdown]
# ## 1 · Recall: gradients and forward passes
#
# *about 10 minutes*
#
# `receives`: for each of the terms task, fd, ld, fi, ri (in this order) the **set** of parts whose
# parameters get a gradient, out of `"student features"`, `"student head"` and `"teacher"`.
#
# `calls`: how often each part *runs* in one batch of DIKD (task, FI and RI), in the order student
# features, student head, teacher features, teacher head. (Many programs read features by a *forward
# hook*, a function that PyTorch calls whenever a module has run. What does it store if a head runs
# twice?)

# %% tags=["solution"]
# your code here
receives = [
    {"student features", "student head"},  # task
    {"student features"},  # fd
    {"student features", "student head"},  # ld
    {"student head"},  # fi
    {"student features"},  # ri
]
calls = [1, 2, 1, 2]

# %% tags=["check"]
print(checks.ktl.receives(receives))
print(checks.ktl.calls(calls))

# %% [markdown] tags=["discussion"]
# **Verify it.** Count the calls with hooks on the objective:

# %% tags=["discussion"]
objective = KTL(Landmarker.load(weights), Landmarker.load(weights), STRATEGIES["dikd"])
counts = dict.fromkeys(("student head", "teacher head"), 0)


def count(name):
    """A hook that counts the calls of a module."""

    def hook(*_):
        counts[name] += 1

    return hook


objective.student.head.register_forward_hook(count("student head"))
objective.teacher.landmarker.head.register_forward_hook(count("teacher head"))
objective(batch)
print(counts)

# %% [markdown]
# ## 2 · Implement: a frozen teacher
#
# *about 15 minutes*
#
# Write `frozen`: it takes a Landmarker and returns a module with `features(images)`, `head(features)`
# and `train()`. No training may change its parameters **and buffers**, whichever methods are called, and
# gradients have to pass through its head. Do not use `FrozenTeacher`.
#
# Hint: define a class inside the function, and override `train`.

# %% tags=["solution"]
teacher = Landmarker.load(weights)


# your code here
def frozen(landmarker):
    """A module around a Landmarker whose parameters and buffers do not change."""

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.landmarker = landmarker.requires_grad_(False).eval()

        def train(self, mode=True):
            super().train(mode)
            self.landmarker.eval()  # otherwise the BatchNorm statistics would change
            return self

        @torch.no_grad()
        def features(self, images):
            return self.landmarker.features(images)

        def head(self, features):  # with autograd: RI needs the gradient
            return self.landmarker.head(features)

    return Frozen()


# %% tags=["check"]
print(checks.ktl.frozen(frozen, teacher, batch.thermal))

# %% [markdown]
# ## 3 · Compute: the decay
#
# *about 5 minutes*
#
# Write `cosine(progress, floor)`: 1 at the start, `floor` at the end, along half a cosine.


# %% tags=["solution"]
# your code here
def cosine(progress, floor):
    """The weight of the distillation terms at a progress of 0 to 1."""
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2


# %% tags=["check"]
print(checks.ktl.decay(cosine))

# %% [markdown]
# ## 4 · Open: do the terms have the same gradient direction?
#
# *about 15 minutes*
#
# The gradient of a term with respect to the student's feature parameters is a direction. Compute the
# cosine between the direction of the **task** and that of another term (fd, ld, ri), once on aligned
# pairs and once with the RGB image shifted by 4 px (`pairs.misaligned(4, seed)`). For which terms does
# the direction change?
#
# Hint: `torch.autograd.grad(terms["fd"], parameters, allow_unused=True)`; concatenate all parts to one
# vector. A row needs `shift_px` and `cosine`. You can also vary the `guide`, use a trained student
# instead of the copy of the teacher, or another part of the network.

# %% tags=["solution"]
shifts, names = (0, 4), ("fd", "ld", "ri")
# your code here
rgb_teacher = Landmarker.load(weights)
objective = KTL(rgb_teacher, copy.deepcopy(rgb_teacher), STRATEGIES["dikd+fd+ld"], lesson.guide)
objective.student.requires_grad_(True)
parameters = [*objective.student.backbone.parameters(), *objective.student.neck.parameters()]
some = torch.arange(min(32, len(pairs)))


def direction(term):
    """Gradient of a term with respect to the feature parameters, as one vector of length 1."""
    parts = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
    vector = torch.cat([part.flatten() for part in parts if part is not None])
    return vector / vector.norm()


rows = []
for shift in shifts:
    moved = make_batch(pairs.misaligned(shift, seed), some, NO_AUGMENTATION, torch.Generator())
    terms = objective(moved)
    task = direction(terms["task"])
    for name in names:
        cosine_of = float(task @ direction(terms[name]))
        rows.append({"term": name, "shift_px": shift, "cosine": cosine_of})
        print(f"{name}, RGB image shifted by {shift} px: cosine with the task {cosine_of:+.2f}")
finding = (
    f"Cosine between the gradients of each term and the task on the features, {len(some)} faces: "
    + ", ".join(f"{r['term']} at {r['shift_px']} px {r['cosine']:+.2f}" for r in rows)
    + ". Student and teacher have the same weights here, as at the start of training."
)

# %% tags=["check"]
print(checks.ktl.directions(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** The target of LD is the teacher prediction, which moves with the RGB image, so a shift
# changes its direction. FD compares cells of 4 px and is less sensitive. The target of RI is the label
# (with `guide="both"`: half of it), and the label belongs to the thermal image, which did not move. Do
# your cosines confirm this? A direction at the start of training does not determine the result at its
# end: `experiments/ktl_registration.yaml` measured that
# ([misaligned pairs](../../docs/results/misaligned_pairs.md)), and lesson 03b shows what to do about it.
