# %% [markdown]
# # 03 · KTL: from the RGB teacher to a thermal student, by DIKD
#
# ![Above the RGB teacher, below a student](../docs/figures/lessons/03_before_after.png)
#
# **Question.** Above, the RGB teacher of [02](02_teacher.ipynb) gets thermal images, and its landmarks
# (orange-red) miss the annotated ones (green). Below, a student of the same size that has seen *ten*
# labelled thermal images. All other pairs had no label. What did it get from the teacher?
#
# **The answer first.** With 10 labels, a student with a teacher is better than one without by almost 3
# points of NME, and about as good as one that has 100 labels and no teacher. (**NME** is the mean
# distance between predicted and annotated landmarks, in percent of the distance between the outer eye
# corners.) A teacher replaces labels; with many labels it adds little.
#
# **Goals.** After this notebook you can say when a teacher helps, name the loss terms of the
# **knowledge transfer level** (KTL), verify by autograd which parameters each term trains, and keep a
# teacher frozen.
#
# **Time.** About twelve minutes to read, three to run on two CPU cores, more if the RGB teacher has to
# be trained as well. **Prerequisites.** [02](02_teacher.ipynb) and the concept of a gradient. Terms are
# in the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # compared with "none"; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear, cosine or progress
guide = "both"  # supervision target of the injected heads: label, teacher, both or own
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import copy

import torch

from mlcmkd import KTL, Landmarker, plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.evaluation.tables import FEW_LABELS, in_setting, read_rows
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

teacher_run = course.teacher_run(lesson)
pairs = lesson.pairs("val")

# %% [markdown]
# ## What a teacher is worth
#
# Five students start from the weights of the RGB teacher and train on thermal images for the same
# number of steps. Two have 10 labels, three have more. *No teacher* trains on the labelled pairs only.
# With a teacher, a student trains on *all* pairs: where a label is missing, the teacher's prediction
# for the RGB image replaces it, a **pseudo-label**. *dikd* and *fd+ld* are two strategies, explained
# below.

# %%
few = lesson.model_copy(update={"labelled": min(10, lesson.labels)})


def titled(each: course.TransferLesson, name: str) -> str:
    return f"{'no teacher' if name == 'none' else name}, {each.labels} labels"


chosen = [(few, "none"), (few, lesson.strategy)]
chosen += [(lesson, name) for name in ("none", "fd+ld", lesson.strategy)]
runs = {titled(*each): course.student_run(*each) for each in chosen}
teacher_on_thermal = course.scores_of(teacher_run, pairs, "thermal")
scores = {name: course.scores_of(run, pairs) for name, run in runs.items()}
rows = [{"name": name, **score.summary()} for name, score in scores.items()]
rows.append({"name": "the RGB teacher itself", **teacher_on_thermal.summary()})
lesson.show(plots.nme_bars(rows, split="validation"), "03_worth")

# %% [markdown]
# **How to read it.** Dots are the NME on thermal images of people who are not in the training split,
# and lines its 95 % interval over faces; the best is at the top. FR at the right is the share of faces
# with an NME above 8 %.
#
# With 10 labels the teacher matters most. With 100 labels, after this short training, the student
# without a teacher has caught up: the three are level. DIKD and FD+LD are level, too; most of the
# benefit is in the pseudo-labels, which both have. Each student is one training, with one seed.

# %%
alone, taught = titled(few, "none"), titled(few, lesson.strategy)
lesson.show_text(course.compare(taught, scores[taught], alone, scores[alone]))
shown = list(range(0, 24, 4)) if len(pairs) >= 24 else list(range(6))
batch = make_batch(pairs, torch.tensor(shown), NO_AUGMENTATION, torch.Generator())
before_after = [teacher_on_thermal, scores[taught]]
figure = plots.landmarks_on(
    torch.cat([batch.thermal, batch.thermal]),
    torch.cat([torch.as_tensor(score.prediction[shown]) for score in before_after]),
    torch.cat([batch.landmarks, batch.landmarks]),
    titles=[f"NME {100 * score.per_face[i]:.1f} %" for score in before_after for i in shown],
)
lesson.show(figure, "03_before_after")

# %% [markdown]
# **How to read it.** Above: the RGB teacher on thermal images. Below: the student that had a teacher
# and few labels. Look at mouths and jaws, and at heads that are turned.
#
# ## How the teacher teaches: dual injection
#
# Teacher and student have the same architecture, each with features and a head. The teacher gets the
# RGB image and is frozen. The student gets the thermal image of the same pair. In **DIKD**
# (dual-injected knowledge distillation) the features of each network are also fed into the head of the
# other:

# %%
lesson.show(plots.injection_diagram(), "03_injection")

# %% [markdown]
# **How to read it.** Horizontal arrows: each network with its own head. Blue: **FI** (forward
# injection), the teacher's features in the student's head. Orange-red: **RI** (reverse injection), the
# student's features in the teacher's frozen head.
#
# Let $f_T$ be the teacher's features of the RGB image, $f_S$ the student's features of the thermal
# image, $h_T$ and $h_S$ the two heads, and $y$ the annotated landmarks (or the pseudo-label). $\ell$ is
# the task loss of [02](02_teacher.ipynb), and $D$ measures how far two predictions are apart, by their
# heatmaps and coordinates.
#
# - **FD**, feature distillation: the student's features have to be those of the teacher.
# - **LD**, logits distillation: the student's prediction has to be that of the teacher.
# - **FI**: the student's head has to understand the teacher's features.
# - **RI**: the student's features have to be understood by the teacher's head.
#
# | term | formula |
# |---|---|
# | task | $\ell(h_S(f_S), y)$ |
# | FD | $\lVert f_S - f_T\rVert^2 / \mathrm{Var}(f_T)$ |
# | LD | $D(h_S(f_S), h_T(f_T))$ |
# | FI | $\tfrac12\left[\ell(h_S(f_T), y) + D(h_S(f_T), h_T(f_T))\right]$ |
# | RI | $\tfrac12\left[\ell(h_T(f_S), y) + D(h_T(f_S), h_T(f_T))\right]$ |
#
# **Logits** are the scores of the cells of a heatmap before the softmax, which turns them into
# probabilities. A strategy is a choice of terms: *fd+ld*, *dikd* (FI and RI), *dikd+fd+ld*. The weights
# of the terms are our choice, because the paper does not state them. In the code:
# [`losses.py`](../mlcmkd/distillation/losses.py) and `DistillationObjective.forward` in
# [`mlcm_kd.py`](../mlcmkd/distillation/mlcm_kd.py).
#
# ## Which parameters does a term train?
#
# Autograd answers this. For one batch, backpropagate one term at a time and compute the norm of the
# gradient in each part of the networks.

# %%
rgb_teacher = Landmarker.load(teacher_run / WEIGHTS)
batch = make_batch(pairs, torch.arange(4), NO_AUGMENTATION, torch.Generator())
objective = KTL(rgb_teacher, copy.deepcopy(rgb_teacher), STRATEGIES["dikd+fd+ld"], lesson.guide)
student = objective.student.requires_grad_(True)
parts = {
    "student features": [*student.backbone.parameters(), *student.neck.parameters()],
    "student head": list(student.head.parameters()),
    "teacher": list(objective.teacher.parameters()),
}
rows = []
for term in ("task", "fd", "ld", "fi", "ri"):
    objective.zero_grad()
    objective(batch)[term].backward()
    norms = {
        part: sum(float(p.grad.square().sum()) for p in parameters if p.grad is not None) ** 0.5
        for part, parameters in parts.items()
    }
    rows.append({"term": term, **{p: f"{n:.2f}" if n > 0 else "none" for p, n in norms.items()}})
lesson.show_text(course.markdown_table(rows, {name: name for name in rows[0]}))

# %% [markdown]
# **How to read it.** A number is the norm of a gradient; "none" means that no gradient arrives. FI
# reaches only the student's head, RI only the student's features, and no term reaches the teacher. The
# gradient of RI passes *through* the teacher's head: its parameters do not change, but autograd has to
# record its operations.
#
# ### Mistake: the teacher's head without autograd
#
# Teachers are often run under `torch.no_grad()`. For RI this breaks the path of the gradient: the term
# trains nothing, and there is no error message.

# %%
f_s = student.features(batch.thermal)
with torch.no_grad():
    without_grad = objective.teacher.head(f_s).coordinates
with_grad = objective.teacher.head(f_s).coordinates
print("head under no_grad: prediction requires grad:", without_grad.requires_grad)
print("head of FrozenTeacher: prediction requires grad:", with_grad.requires_grad)

# %% [markdown]
# ### Mistake: a teacher in training mode
#
# `objective.train()` sets all submodules to training mode, including a teacher, unless the teacher
# prevents it. Then the statistics of its BatchNorm layers change with every thermal batch, although no
# optimiser updates it:

# %%
before = course.scores_of(teacher_run, pairs, "rgb").nme
unprotected = Landmarker.load(teacher_run / WEIGHTS).requires_grad_(False)
unprotected.train()  # the effect of a plain objective.train()
frozen = KTL(Landmarker.load(teacher_run / WEIGHTS), unprotected, STRATEGIES["dikd"]).teacher
frozen.train()
with torch.no_grad():
    for _ in range(20):
        for network in (unprotected, frozen):
            network.features(batch.thermal)
after = {
    "training mode": evaluate_model(unprotected, pairs, "rgb").nme,
    "FrozenTeacher": evaluate_model(frozen.landmarker, pairs, "rgb").nme,
}
lesson.show_text(
    f"NME on RGB before: {100 * before:.2f} %. After 20 thermal batches without any optimiser step: "
    f"**{100 * after['training mode']:.2f} %** in training mode, "
    f"**{100 * after['FrozenTeacher']:.2f} %** as a `FrozenTeacher` "
    "([`teachers.py`](../mlcmkd/distillation/teachers.py))."
)

# %% [markdown]
# ## The decay: from the teacher to the labels
#
# $$\mathcal L = \mathcal L_\text{task} + \rho(s)\,\sum_{i} w_i\,\mathcal L_i$$
#
# $w_i$ are the weights of the terms. The **decay** $\rho$ decreases with the progress $s$ of the
# training, down to 0.1: distillation dominates early, the labels dominate late. On pairs without a
# label it does not apply, because there is no label to take over. The paper does not specify its form;
# these are our choices (`decay_weight` in [`decay.py`](../mlcmkd/distillation/decay.py)).

# %%
lesson.show(plots.decay_curves(("constant", "linear", "cosine")), "03_decay")

# %%
figure = plots.training_curves(read_metrics(runs[taught]), taught)
lesson.show(figure, "03_terms")

# %% [markdown]
# **How to read it.** Left: the weighted terms, which add up to the total loss. Right: the validation
# error. A term decreases because the student improves, and where a pair has a label also because the
# decay reduces its weight. Here nearly all pairs have no label, so RI hardly follows the decay.
#
# Everything so far is on the validation split, because it is used for choices. The test split is used
# only in [08](08_results.ipynb).
#
# ## The same on photos, with several seeds
#
# One run says little about small differences. This study trained students on 1,793 photos of 300W and
# their simulated thermal images, with up to five **seeds** (random states: which pairs have a label,
# and the order of the batches). The cell reads the stored table.

# %%
study = in_setting(read_rows(course.RESULTS / "ktl_ablation.csv"), "300w-sim", FEW_LABELS)
title = "300W and simulated thermal images: " + FEW_LABELS
lesson.show(plots.nme_against_count(study, FEW_LABELS, title), "03_few_labels")

# %% [markdown]
# **How to read it.** Left: the NME against the number of labels. The fewer labels, the more a teacher
# is worth; with a teacher, 0 labels are nearly as good as 500. Right: the difference to FD+LD, seed by
# seed.
#
# - **Where it matters.** With 100 labels a teacher takes 0.7 points off 4.35 %, which is 73 % of the
#   way to the RGB teacher on RGB images.
# - **Where it does not.** With all 1,793 pairs labelled, no strategy is better than no teacher.
# - **DIKD or FD+LD?** Here they are level, and pseudo-labels alone close 66 % of that distance: a
#   student that starts from the teacher's weights has the teacher's head already. DIKD has its use
#   where pairs are misaligned and labelled ([03b](03b_registration.ipynb)).
#
# All tables, intervals and how to read them: [which strategy](../docs/results/ktl_strategies.md).
#
# > **Takeaways**
# >
# > A teacher replaces labels: with few of them it is worth several points of NME, with many next to
# > nothing. Most of the benefit is its prediction on pairs without a label. FI trains the student's
# > head, RI its features, and autograd confirms it. A teacher must be frozen, parameters and buffers,
# > yet RI needs autograd through its head. The decay shifts the weight from the teacher to the
# > labels.
#
# **Exercises**, each with a check that explains typical mistakes:
# [ktl_dikd](exercises/03_ktl_dikd.ipynb) ([solutions](solutions/03_ktl_dikd.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): KTL and DIKD.
# - Wang et al., *CrossKD*, 2024: a student's features in the head of a teacher.
