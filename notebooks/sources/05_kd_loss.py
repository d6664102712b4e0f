# %% [markdown]
# # 05 · KD-Loss: a Tough- and a Tolerant-Teacher
#
# ![Errors of light students by loss and strategy: L1 and KD-Loss are level, L2 is
# worse](../docs/figures/coordinate_students.png)
#
# **Question.** A light student cannot fit every landmark. Do two teachers, one strict and one tolerant,
# help it more than a plain loss?
#
# **The answer first.** More than L2, not more than L1. In the figure (300W with simulated thermal
# images, all 1,793 pairs labelled, three seeds; grey dots are seeds) *kd-loss* and *l1* are level, and
# *l2* is worse. The reason is the slope of the losses. The slope of L2 vanishes near the truth, so
# small errors are hardly corrected. The slope of L1 is the same everywhere. KD-Loss is steep near the
# truth, and its two assistive losses raise the slope far away to about half of that. Where every pair
# has a label, the predictions of the teachers add no other information. The numbers, with intervals:
# [KD-Loss](../docs/results/kd_loss.md); what is the paper's and what is ours:
# [papers](../docs/papers.md).
#
# **Goals.** After this notebook you can soften landmarks by an active shape model, describe the effect
# of each region of KD-Loss on one coordinate, train a light student with two teachers, and determine by
# an ablation which part of the loss improved it.
#
# **Time.** About twelve minutes to read, three to run on two CPU cores, more if earlier runs are
# missing. **Prerequisites.** [03](03_ktl_dikd.ipynb); [04](04_mcl.ipynb) is an alternative method of
# compression. Terms are in the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # strategy of the Tough-Teacher, the thermal student of notebook 03
decay = "cosine"  # its decay: constant, linear or cosine
guide = "both"  # supervision target of its injected heads: label, teacher or both
labelled = None  # number of labelled pairs; None for the default of the scale
variance = 0.97  # share of the variance of shapes that soft landmarks keep

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.KDLossLesson)

# %%
import torch

from mlcmkd import Landmarker, plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.kd_loss import assistive_values, kd_loss, main_values
from mlcmkd.evaluation.metrics import bootstrap_interval
from mlcmkd.stages.kd_loss import ABLATION
from mlcmkd.stages.tolerant import fit_shape_model
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

train_pairs, pairs = lesson.pairs("train"), lesson.pairs("val")

# %% [markdown]
# ## Two teachers
#
# A light student cannot fit every landmark exactly. KD-Loss (Fard & Mahoor) gives it two teachers. The
# **Tough-Teacher** is trained on the annotated points, the *hard* landmarks. The **Tolerant-Teacher** is
# trained on *soft* landmarks: the same faces without the rare components of their shape, which are
# easier to predict. The error of each teacher, landmark by landmark, determines how strictly the student
# is supervised there.

# %%
lesson.show(plots.two_teachers_diagram(), "05_teachers")

# %% [markdown]
# **How to read it.** From left to right: training targets, teachers, student. The student is also
# trained on the annotations. The teachers add two distances: from their predictions to the annotation.
#
# ## Soft landmarks: an active shape model
#
# All shapes are aligned by translation, rotation and scale (**Procrustes** alignment). A principal
# component analysis of the aligned shapes gives the **modes** of the face, the directions in which
# shapes vary most. With a shape $z$ (a vector of all coordinates), the mean shape $\bar z$, the modes
# $P$ and their variances $v_i$ ([`distillation/shape_model.py`](../mlcmkd/distillation/shape_model.py),
# `ShapeModel`):
#
# $$z = \bar z + P\,b, \qquad b = P^\top (z - \bar z), \qquad |b_i| \le 3\sqrt{v_i}$$
#
# A landmark becomes *soft* if only a few modes are kept, with coefficients $b_i$ of at most three
# standard deviations. Cootes et al. call this an **active shape model**.

# %%
shapes = fit_shape_model(train_pairs, lesson.variance)
lesson.show(plots.shape_modes(shapes), "05_modes")
print(f"{len(shapes.modes)} modes keep {100 * float(sum(shapes.shares)):.1f} % of the variance")

# %% [markdown]
# **How to read it.** Each row is one mode of variation, strongest first; grey is the mean shape. Turning
# and nodding of the head come first, because they move most points; the width of the face and an open
# mouth follow. So a model that keeps 90 % of the variance knows little more than the pose.

# %%
picked = torch.arange(8)
batch = make_batch(pairs, picked, NO_AUGMENTATION, torch.Generator())
soft = shapes.soften(batch.landmarks)
figure = plots.hard_and_soft(batch.thermal, batch.landmarks, soft, pairs.scheme)
lesson.show(figure, "05_hard_and_soft")

# %% [markdown]
# **How to read it.** Wide green lines are the annotated landmarks, orange lines their projection by the
# shape model. Lower `variance` to 0.5 and run again: the faces become more similar.
#
# ## The loss of one coordinate
#
# The loss is defined for each coordinate separately: $g$ is the ground truth, $p$ the student's
# prediction, $t$ the prediction of a teacher. It depends only on two distances, $d = |p - g|$ and
# $r = |t - g|$ ([`distillation/kd_loss.py`](../mlcmkd/distillation/kd_loss.py)).
#
# **Assistive loss** (`assistive_values`; *ALoss* in the figures), one per teacher, with $\beta = 0.15$:
#
# | position of the student | weight of $\lvert d - r \rvert$ | gradient |
# | --- | --- | --- |
# | beyond the teacher, $d > r$ | $\alpha$ (1.9 tough, 1.8 tolerant) | towards the truth |
# | between band and teacher, $\beta r \le d \le r$ | $\alpha'$ (-0.45, -0.4) | also towards the truth |
# | inside the band, $d < \beta r$ | 0 | zero |
# | any, if the teacher is exact, $r = 0$ | 0 | zero |
#
# **Main loss** (`main_values`), with the Tolerant-Teacher's distance $r$: it is $3d$ for $d \le r$, and
# $d^2 + 3r - r^2$ for $d > r$. It is steep near the truth, and has a small gradient where even a soft
# landmark is far away. The total is
# $\mathcal L = 2\,\mathcal L_\text{main} + \mathcal L_\text{tough} + \mathcal L_\text{tolerant}$.
#
# This is the loss of the authors' code. Their figures show another form inside the band: the weight
# rises from 0 at the truth to $\alpha'$ at the border, so that the loss is continuous, and $\beta = 0.4$
# (`form.inner=ramp`; [both forms](../docs/results/kd_loss.md)).

# %%
target, tough, tolerant = 0.0, 0.02, 0.05
lesson.show(plots.loss_landscape(target, tough, tolerant), "05_landscape")

# %% [markdown]
# **How to read it.** Top to bottom: the main loss; the active regions of each teacher; the two assistive
# losses; the sum, with the main loss, plain L2 and plain L1 scaled to the same height. L2 is flat near
# the truth; KD-Loss has a sharp minimum, like L1. At the edge of a band an assistive loss jumps: its
# value increases on the way to the truth. The jump does not contribute to the gradient, so compare
# errors, not values of the loss.

# %%
lesson.show(plots.loss_gradients(target, tough, tolerant), "05_pull")

# %% [markdown]
# **How to read it.** The slope determines the update of the student. For L2 it vanishes near the truth;
# for L1 it is constant; for KD-Loss it is similar to L1 up to the Tolerant-Teacher, and half as large
# beyond. Between band and teacher the weight is negative and the distance to the teacher increases on
# the way to the truth, so the gradient still points towards $g$: the student is not pulled back to the
# teacher. The values for a student with an error of 3 % of the input side:

# %% tags=["fact", "nbval-check-output"]
p, g, tough, tolerant = (torch.tensor([value]) for value in (0.03, 0.0, 0.02, 0.05))
print(f"tough:    1.9 x (0.03 - 0.02)  = {float(assistive_values(p, g, tough, 1.9, -0.45)):.4f}")
print(f"tolerant: -0.4 x (0.05 - 0.03) = {float(assistive_values(p, g, tolerant, 1.8, -0.4)):.4f}")
print(f"main:     3 x 0.03             = {float(main_values(p, g, tolerant)):.4f}")
terms = kd_loss(p, g, tough, tolerant)
print(f"KD-Loss:  2 x main + both      = {float(sum(terms.values())):.4f}")

# %% [markdown]
# ## A light thermal student with two teachers
#
# This notebook combines the two systems of the course: the **Tough-Teacher** is the thermal student from
# notebook 03, and the **Tolerant-Teacher** is its *softened* version, the same prediction projected by
# the shape model. (The paper trains a second network on soft landmarks; `mlcmkd tolerant` does that.)
# The student regresses coordinates. Where a pair has no label, the Tough-Teacher's prediction replaces
# it.
#
# Six students differ only in the loss: plain L2, plain L1, the main loss alone, main loss with one
# assistive loss, and KD-Loss. L1 is not in the paper. It is included because KD-Loss is linear near the
# truth, like L1: an advantage over L2 may have this cause alone.

# %%
runs = {name: course.kd_loss_run(lesson, name) for name in ABLATION}
curves = {name: read_metrics(run) for name, run in runs.items()}
title = f"light students, {lesson.labels} labelled pairs; coordinates by regression"
lesson.show(plots.compare_training(curves, title), "05_students")

# %%
scores = {"Tough-Teacher": course.scores_of(course.student_run(lesson), pairs)}
scores |= {name: course.scores_of(run, pairs) for name, run in runs.items()}


def minus(name, other):
    """Difference in NME (points) with its 95 % interval, face by face; empty for the same model."""
    if name in (other, "Tough-Teacher"):
        return ""
    difference = 100 * (scores[name].per_face - scores[other].per_face)
    low, high = bootstrap_interval(difference)
    return f"{difference.mean():+.2f} [{low:+.2f}, {high:+.2f}]"


rows = [
    {"name": n, "nme": f"{100 * s.nme:.2f}", "l2": minus(n, "l2"), "l1": minus(n, "l1")}
    for n, s in scores.items()
]
columns = {"name": "model", "nme": "NME (%)", "l2": "minus L2 (points)", "l1": "minus L1 (points)"}
lesson.show_text(course.markdown_table(rows, columns))

# %% [markdown]
# **How to read it.** NME is the normalised mean error on the validation faces. In brackets: the 95 %
# interval over faces of the difference; where it contains zero, these faces show none. *l2* and *l1*
# train only on the labelled pairs; the others also learn from the Tough-Teacher's predictions where
# labels are missing, so the difference between *l1* and *main* includes both the loss **and** the pairs.
# The effect of the assistive losses is the difference between *main* and *tough*, *tolerant* and
# *kd-loss*.
#
# Most pairs here have no label. There the Tough-Teacher's prediction is the target, so for that teacher
# $r = 0$ and its own assistive loss is zero; the gradient of the main loss for $d > r$ is small. Only
# the Tolerant-Teacher's assistive loss is active there: check whether the students with this term have a
# lower error. After 300 steps all six are still inaccurate; the figure at the head of this lesson has
# longer runs.
#
# ## The student's error relative to its teachers
#
# The regions of the loss are also a measure: for which share of the coordinates is the student more
# accurate than its teacher?

# %%
student = Landmarker.load(runs["kd-loss"] / WEIGHTS)
teacher = Landmarker.load(course.student_run(lesson) / WEIGHTS)
batch = make_batch(pairs, torch.arange(len(pairs)), NO_AUGMENTATION, torch.Generator())
with torch.inference_mode():
    prediction = student(batch.thermal).coordinates
    teacher_prediction = teacher(batch.thermal).coordinates
truth = batch.landmarks
targets = {
    "Tough-Teacher": teacher_prediction,
    "its softened version": shapes.soften(teacher_prediction),
}
rows = []
for name, target in targets.items():
    d, r = (prediction - truth).abs(), (target - truth).abs()
    shares = {
        "beyond": (d > r).float().mean(),
        "between": ((d <= r) & (d > 0.15 * r)).float().mean(),
        "band": (d <= 0.15 * r).float().mean(),
    }
    rows.append({"name": name} | {key: f"{100 * float(v):.0f} %" for key, v in shares.items()})
columns = {
    "name": "relative to",
    "beyond": "beyond the teacher",
    "between": "between band and teacher",
    "band": "inside the band",
}
lesson.show_text(course.markdown_table(rows, columns))

# %% [markdown]
# **How to read it.** A student as accurate as its teacher has about half of its coordinates *beyond the
# teacher*. A higher share is the cost of compression.
#
# ### Mistake: coordinates in pixels
#
# The main loss has a linear and a quadratic branch, so it depends on the unit. In centred coordinates an
# error of a tenth of the side is 0.1 and its square is small. In pixels of a 64-px input the same error
# is 6.4 and its square dominates:

# %% tags=["fact", "nbval-check-output"]
for unit, factor in (("shares of the side", 1), ("pixels of 64", 64)):
    p, g, t = (factor * torch.tensor([value]) for value in (0.1, 0.0, 0.02))
    p.requires_grad_()
    (slope,) = torch.autograd.grad(main_values(p, g, t).sum(), p)
    print(f"{unit:19}: slope for d > r {float(slope):.1f}, for d < r 3.0")

# %% [markdown]
# In shares of the side, the gradient for $d > r$ is smaller than for $d < r$, as the paper intends. In
# pixels it is four times as large, and the loss penalises most what it should tolerate.
#
# > **Takeaways**
# >
# > Soft landmarks are the projection of the annotated landmarks onto a shape model. The gradient of an
# > assistive loss points towards the truth on both sides of its teacher, and is zero in the band. The
# > main loss has a smaller gradient where even the Tolerant-Teacher is far from the truth. Together they
# > give a slope that differs by about a factor of two between near and far; that of plain L1 is constant
# > without any teacher. So compare a new loss with the simplest one of its kind.
#
# A coordinate student can also be trained by MCL. It then learns more in the same number of steps, but
# not in the same time where every pair is labelled: [both
# systems](../docs/results/both_systems.md).
#
# **Exercises**, each with a check that explains typical mistakes:
# [kd_loss](exercises/05_kd_loss.ipynb) ([solutions](solutions/05_kd_loss.ipynb)).
#
# ## References
#
# - Fard & Mahoor, [arXiv 2111.07047](https://arxiv.org/abs/2111.07047): KD-Loss.
# - Cootes, Taylor, Cooper, Graham, *Active Shape Models*, 1995.
