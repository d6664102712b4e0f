# %% [markdown]
# # Exercises 03 · Who teaches whom, and by which gradient
#
# To the lesson: [ktl_dikd](../03_ktl_dikd.ipynb) ·
# the same [with solutions](../solutions/03_ktl_dikd.ipynb)
#
# One to recall, two to build, one open.
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
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # pairs with a label; None for the scale's number

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import copy
import math

import torch
from torch import nn

from mlcmkd.course import checks
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.mlcm_kd import KTL
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS

pairs = lesson.pairs("val")
weights = course.teacher_run(lesson) / WEIGHTS
batch = make_batch(pairs, torch.arange(4), NO_AUGMENTATION, torch.Generator())

# %% [markdown]
# ## 1 · Recall: who receives, and who is called
#
# `receives`: for each of the terms task, fd, ld, fi, ri (in this order) the **set** of halves whose
# parameters get a gradient, out of `"student features"`, `"student head"` and `"teacher"`.
#
# `calls`: how often each half *runs* in one batch of DIKD (task, FI and RI), in the order student
# features, student head, teacher features, teacher head. Why does it matter to somebody who reads
# features by a forward hook?

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
# **See it.** Count the calls by hooks, on the objective itself:

# %% tags=["discussion"]
objective = KTL(Landmarker.load(weights), Landmarker.load(weights), STRATEGIES["dikd"])
seen = dict.fromkeys(("student head", "teacher head"), 0)


def count(name):
    """A hook that counts."""

    def hook(*_):
        seen[name] += 1

    return hook


objective.student.head.register_forward_hook(count("student head"))
objective.teacher.landmarker.head.register_forward_hook(count("teacher head"))
objective(batch)
print(seen)

# %% [markdown]
# ## 2 · Build: a teacher that does not wake up
#
# Write `frozen`: it takes a Landmarker and returns a module with `features(images)`, `head(features)`
# and `train()`, whose parameters **and buffers** no training can change, whatever anybody calls; and
# through whose head a gradient still comes back. Do not use `FrozenTeacher`.
#
# Hint: write a class inside the function, and override `train`.

# %% tags=["solution"]
teacher = Landmarker.load(weights)


# your code here
def frozen(landmarker):
    """A module around a Landmarker that stays as it is."""

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.landmarker = landmarker.requires_grad_(False).eval()

        def train(self, mode=True):
            super().train(mode)
            self.landmarker.eval()  # BatchNorm's statistics would move otherwise
            return self

        @torch.no_grad()
        def features(self, images):
            return self.landmarker.features(images)

        def head(self, features):  # with autograd: RI needs the way back
            return self.landmarker.head(features)

    return Frozen()


# %% tags=["check"]
print(checks.ktl.frozen(frozen, teacher, batch.thermal))

# %% [markdown]
# ## 3 · Compute: the decay
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
# ## 4 · Open: do the terms pull the same way, and on a crooked pair?
#
# A term's gradient on the student's features is a direction. Take the cosine between the direction of
# the **task** and that of another term (fd, ld, ri), once on aligned pairs and once with the RGB side
# shifted by 4 px (`pairs.misaligned(4, seed)`). Which terms begin to pull elsewhere?
#
# Hint: `torch.autograd.grad(terms["fd"], parameters, allow_unused=True)`; join all parts to one
# vector. A row needs `shift_px` and `cosine`. Try another `guide`, a student instead of the teacher's
# copy, or another part of the network.

# %% tags=["solution"]
shifts, names = (0, 4), ("fd", "ld", "ri")
# your code here
rgb_teacher = Landmarker.load(weights)
objective = KTL(rgb_teacher, copy.deepcopy(rgb_teacher), STRATEGIES["dikd+fd+ld"], lesson.guide)
objective.student.requires_grad_(True)
parameters = [*objective.student.backbone.parameters(), *objective.student.neck.parameters()]
some = torch.arange(min(32, len(pairs)))


def direction(term):
    """A term's gradient on the student's features as one vector of length 1."""
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
        print(f"{name}, RGB side shifted by {shift} px: cosine with the task {cosine_of:+.2f}")
finding = (
    f"Cosine of each term's gradient with the task's on the student's features, {len(some)} faces: "
    + ", ".join(f"{r['term']} at {r['shift_px']} px {r['cosine']:+.2f}" for r in rows)
    + ". Student and teacher have the same weights here, as at the start of a training."
)

# %% tags=["check"]
print(checks.ktl.pulls(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** LD asks for the teacher's answer, which has moved with the RGB side, so a shift turns
# its pull. FD compares cells of 4 px and notices less. RI asks for the label's place (with
# `guide="both"`: half for the label's), and the label belongs to the thermal image, which did not move.
# Look whether your cosines say so. A direction at the start of a
# training is no result at its end: `experiments/ktl_registration.yaml` measured that, and lesson 03
# shows it.
