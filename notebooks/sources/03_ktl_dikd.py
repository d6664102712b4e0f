# %% [markdown]
# # 03 · KTL: from the RGB teacher to a thermal student, by DIKD
#
# **Goals.** After this notebook you can name the loss terms of the knowledge transfer level (KTL),
# verify by autograd which parameters each term trains, keep a teacher frozen, and compare strategies
# fairly.
#
# **Time.** About three minutes on two CPU cores, four if the RGB teacher has to be trained as well.
# **Prerequisites.** [02](02_teacher.ipynb) and the concept of a gradient.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # compared with "none" and "fd+ld"; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear, cosine or progress
guide = "both"  # supervision target of the injected heads: label, teacher, both or own
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import copy
import json

import numpy as np
import torch

from mlcmkd import KTL, Landmarker, plots
from mlcmkd.data.rig import Rig, true_maps
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.evaluation.tables import (
    FEW_LABELS,
    ORDER,
    SETTINGS,
    by_seed,
    in_setting,
    read_misalignment,
    read_rows,
    table,
    with_aligned,
)
from mlcmkd.stages.registration import register_pairs, thermal_shapes_of
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

teacher_run = course.teacher_run(lesson)
pairs = lesson.pairs("val")

# %% [markdown]
# ## Dual injection
#
# Teacher and student have the same architecture, each with features and head. The teacher gets the RGB
# image and is frozen. The student gets the thermal image of the same pair. In **DIKD** (dual-injected
# knowledge distillation) the features of each network are also fed into the head of the other:

# %%
lesson.show(plots.injection_diagram(), "03_injection")

# %% [markdown]
# **How to read it.** Horizontal arrows: each network with its own head. **FI** (forward injection,
# blue): the teacher's features are fed into the student's head. The head learns to predict landmarks
# from features of the teacher's kind. **RI** (reverse injection, orange-red): the student's features are
# fed into the teacher's frozen head. The features learn to be usable by the teacher's head.
#
# ## The loss terms
#
# Let $f_T$ be the teacher's features of the RGB image, $f_S$ the student's features of the thermal
# image, $h_T$ and $h_S$ the two heads, and $y$ the annotated landmarks:
#
# | term | formula | name in the code |
# |---|---|---|
# | task | $\ell(h_S(f_S), y)$ | `landmark_loss` |
# | FD, feature distillation | $\lVert f_S - f_T\rVert^2 / \mathrm{Var}(f_T)$ | `feature_distance` |
# | LD, logits distillation | $D(h_S(f_S), h_T(f_T))$ | `prediction_divergence` |
# | FI | $\tfrac12\left[\ell(h_S(f_T), y) + D(h_S(f_T), h_T(f_T))\right]$ | `guide_targets` |
# | RI | $\tfrac12\left[\ell(h_T(f_S), y) + D(h_T(f_S), h_T(f_T))\right]$ | `guide_targets` |
#
# $\ell$ is the task loss of notebook 02 and $D$ a divergence between two predictions. Both are in
# [`losses.py`](../mlcmkd/distillation/losses.py). `DistillationObjective.forward` in
# [`mlcm_kd.py`](../mlcmkd/distillation/mlcm_kd.py) computes all terms. The formulas of FI and RI are
# those of `guide="both"`. The paper does not state the weights of the terms; these are our choices:

# %% tags=["fact", "nbval-check-output"]
for name, weights in STRATEGIES.items():
    print(f"{name:11}", weights)

# %% [markdown]
# ## Which parameters does a term train?
#
# This can be verified with autograd. For one batch, backpropagate one term at a time and compute the
# norm of the gradient in each part of the networks.

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
# gradient of RI passes *through* the teacher's head. The parameters of this head do not change, but
# autograd has to record its operations.
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
# prevents it. Then the BatchNorm statistics of the teacher change with every thermal batch, although no
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
# ## The decay
#
# $$\mathcal L = \mathcal L_\text{task} + w(s)\,\sum_{i}\lambda_i\,\mathcal L_i$$
#
# The **decay** $w$ decreases with the progress $s$ of the training: distillation dominates early, the
# labels dominate late. $\lambda_i$ are the weights above. On pairs without a label the teacher
# prediction (a pseudo-label) replaces $y$, and the decay does not apply, because there is no label to
# take over. The decay ends at a minimum of 0.1, not at zero. In the code: `decay_weight` in
# [`decay.py`](../mlcmkd/distillation/decay.py). The paper does not specify the form; these forms are our
# choices. A fourth form, `progress`, depends on the student instead of the step: its weight is the
# difference between the student's and the teacher's task loss, divided by this difference at the start.

# %%
lesson.show(plots.decay_curves(("constant", "linear", "cosine")), "03_decay")

# %% [markdown]
# ## Few labels, equal steps
#
# Three students start from the weights of the RGB teacher and train for the same number of steps. All
# have the same few labels. *none* trains only on the labelled pairs, so every face in its batches has a
# label; this is the strongest baseline without a teacher. The others train on all pairs and use the
# teacher prediction where a label is missing.

# %%
names = list(dict.fromkeys(["none", "fd+ld", lesson.strategy]))
runs = {name: course.student_run(lesson, name) for name in names}
curves = {name: read_metrics(run) for name, run in runs.items()}
title = f"thermal students with {lesson.labels} labelled pairs"
lesson.show(plots.compare_training(curves, title), "03_students")

# %% [markdown]
# **How to read it.** The left panel shows the whole training, the right panel enlarges its second half.
# Compare the curves early and at the end. The decay acts only on the labelled pairs; on all others the
# weight of the teacher stays constant.

# %%
lesson.show(plots.training_curves(curves[lesson.strategy], f"KTL by {lesson.strategy}"), "03_terms")

# %% [markdown]
# **How to read it.** Left: the weighted terms, which add up to the total loss. The task term, too, uses
# the teacher prediction where a label is missing. A term can decrease for two reasons: the student
# improves, or the decay reduces its weight. If most pairs have no label, as with the default parameters
# of this notebook, the second effect is small, because the decay does not apply to them.

# %%
scores = {"RGB teacher": course.scores_of(teacher_run, pairs, "thermal")}
scores |= {name: course.scores_of(run, pairs) for name, run in runs.items()}
lesson.show(plots.ced_curves({n: s.per_face for n, s in scores.items()}), "03_ced")
rows = [{"name": name, "reads": "thermal", **s.summary()} for name, s in scores.items()]
columns = {n: text for n, text in course.COLUMNS.items() if n != "parameters"}
lesson.show_text(course.markdown_table(rows, columns))

# %%
ours = lesson.strategy
sentences = [course.compare(ours, scores[ours], o, scores[o]) for o in names if o != ours]
lesson.show_text("\n\n".join(sentences))

# %% [markdown]
# **How to read it.** The sentences above are generated from the numbers. The interval includes the
# variation between faces, not the variation between trainings. Before you trust a small difference,
# change `seed` and run again. Change `labelled`, too: the fewer labels there are, the more a teacher can
# contribute.
#
# All of this is on the validation split, because it is used for choices. The test split is used only in
# [notebook 08](08_results.ipynb).
#
# ## Results on 300W with several seeds
#
# One run per strategy is not enough evidence. `mlcmkd sweep experiments/ktl_ablation.yaml` trains
# students on photos of 300W and their simulated thermal images. Strategies share their seeds (the same
# sampled pairs and labels, the same order of batches), so they are compared **seed by seed**. The
# weights were chosen on validation faces: 8 for FD and LD; in DIKD alone, 5 for RI; 3 if all four terms
# are used. This cell only reads the stored table.

# %%
rows = read_rows(course.RESULTS / "ktl_ablation.csv")
chosen = json.loads((course.RESULTS / "ktl_choice.json").read_text())
for setting, name in zip(SETTINGS, ("03_few_pairs", "03_few_labels"), strict=True):
    selected = in_setting(rows, "300w-sim", setting)
    title = f"300W and simulated thermal images: {setting}"
    lesson.show(plots.nme_against_count(selected, setting, title), name)
    lines = table(selected, setting, ours=chosen["strategy"])
    lesson.show_text(course.markdown_table(lines, {name: name for name in lines[0]}), learned=False)
lesson.show_text(f"Variant of DIKD, chosen on validation faces: {chosen['why']}", learned=False)

# %% [markdown]
# **How to read it.** Left: means over seeds with 95 % intervals of Student's t. Right: the difference to
# FD+LD, seed by seed, with its interval; this is the relevant comparison. If the interval contains zero,
# these seeds do not show a difference. At the important points, 500 labelled pairs and 100 labels, there
# are five seeds. Elsewhere there are one to three, which only indicate a direction: an interval over two
# seeds can be narrow by chance. *Gap closed* is the improvement over the student without a teacher,
# relative to the distance of that student from the teacher on RGB:
# $(\mathrm{NME}_\text{none} - \mathrm{NME}_x) / (\mathrm{NME}_\text{none} - \mathrm{NME}_T)$.
# The statistics are in [`statistics.py`](../mlcmkd/evaluation/statistics.py).
#
# With few labels, much of the benefit of a teacher is its *prediction* where a label is missing, with
# any strategy. For comparison, a student that is trained on pseudo-labels only:

# %%
few = in_setting(rows, "300w-sim", FEW_LABELS)
by_name = {n: by_seed(r for r in few if r.strategy == n and r.labelled == 100) for n in ORDER}
pseudo_labels = by_seed(read_rows(course.RESULTS / "ktl_answers.csv"))
mean = interval(list(pseudo_labels.values()))
lesson.show_text(f"pseudo-labels only: {mean} %", learned=False)
for name in ("fd+ld", "dikd", "dikd+fd+ld"):
    gain = difference(by_name[name], pseudo_labels)
    lesson.show_text(f"{name} minus pseudo-labels only: {gain.text(3)} points", learned=False)

# %% [markdown]
# **How to read it.** The additional benefit of a strategy is small, and DIKD alone adds nothing: on
# pairs without a label, RI has the same target as the task term, and its head had the same initial
# weights as the student's own head.
#
# ### Mistake: misaligned pairs
#
# No rig is perfect. Here the RGB image of every training pair is shifted in a random direction, while
# the thermal image keeps its label. The features and predictions of the teacher now belong to another
# position. With `guide="own"`, the supervision target of an injected head is the one that is correct for
# the image of its features: in FI the teacher prediction, in RI the label.

# %%
shifted = read_misalignment(course.RESULTS / "ktl_registration.csv")
ablation = read_rows(course.RESULTS / "ktl_ablation.csv")
shifted = with_aligned(shifted, ablation, "300w-sim", pairs=500)
values = {n: {s: list(v.values()) for s, v in by.items()} for n, by in shifted.items()}
title = "500 labelled pairs of 300W, the RGB image shifted"
lesson.show(plots.nme_against_misalignment(values, per_pixel=2.9, title=title), "03_registration")

# %% [markdown]
# **How to read it.** LD compares with the teacher prediction, which follows the shifted RGB face, so its
# error increases with every pixel: alone it loses as much as FD+LD. FD compares cells of 4 px; a shift
# by one cell changes the features little, so FD alone loses little. With the guide `own`, the target of
# each injected head is correct for its image, so injection is not affected by the shift; its result is
# level with *none*, not better. If you do not trust the alignment, injection with `own` does no harm,
# while LD does. Single terms have one seed, the others three, and only labelled pairs were tested.
#
# ## Register the pairs first
#
# A student that was trained on the few labels alone, *none* above, is enough to find out how far the
# images of every pair are apart. Its landmarks on the thermal image are compared with the teacher's
# landmarks on the RGB image. The mean difference over all landmarks is the shift of the pair: errors of
# single landmarks cancel in the mean. Here the RGB images of the training pairs are shifted by 4 of 64
# pixels, each pair in its own direction, and the two networks find the shifts:

# %%
shifted_data = lesson.data(labelled=lesson.labels).model_copy(update={"misalignment": 4.0})
rig = shifted_data.load_training(rgb_teacher.spec.input_px, lesson.seed, progress=False)
first = Landmarker.load(runs["none"] / WEIGHTS)
motion = RegistrationConfig(motion="translation")
(thermal_shapes,) = thermal_shapes_of(first, [rig])
registered = register_pairs(rig, rgb_teacher, thermal_shapes, motion)

# %%
found = np.array([[row["dx_px"], row["dy_px"]] for row in registered.rows])
true = true_maps(Rig(), len(rig), 4.0, lesson.seed, rig.input_px)[:, :, 2] * rig.input_px
new = ~rig.labelled.numpy()
figure = plots.found_against_true(true[new], found[new], title=f"{new.sum()} pairs without a label")
lesson.show(figure, "03_found_shifts")

# %% [markdown]
# **How to read it.** One mark for each unlabelled pair; on the grey line the found shift is the true
# one. `mlcmkd transfer --set registration.motion=translation` does this before the distillation, and
# reads every RGB image at the place that it has found. No loss term has to change. The same on photos of
# 300W with their simulated thermal images, `half`, 64 px, 600 steps, scored on `lfpw_test` (224 faces):

# %%
by_shift = read_misalignment(
    course.RESULTS / "registration.csv", labelled="100", rotation_degrees="0", wrong_pairs="0",
    same_in_all_pairs="False",
)  # fmt: skip
by_shift["none"] = dict.fromkeys(by_shift["fd+ld"], by_shift["none"][0])  # does not use RGB
names = {"none": "labels only", "fd+ld": "FD+LD", "R, fd+ld": "registered, then FD+LD"}
values = {
    text: {shift: list(seeds.values()) for shift, seeds in by_shift[name].items()}
    for name, text in names.items()
}
title = "1,793 pairs of 300W, 100 of them labelled, the RGB image shifted"
lesson.show(plots.nme_against_misalignment(values, per_pixel=2.9, title=title), "03_registered")

# %% [markdown]
# **How to read it.** Without registration FD+LD has lost its advantage over the labels alone at a shift
# of 4 pixels, and at 10 it is far worse. After the registration the shift no longer matters: a rig may
# be off by a sixth of the image. It takes a second training of the same length, for the student *none*.
# The bars are 95 % intervals over the seeds in the table; those of two seeds are wide. `mlcmkd sweep
# experiments/registration.yaml` makes the table.
#
# ## Summary
#
# - FI trains the student's head and RI the student's features; autograd confirms it.
# - A teacher must be frozen (parameters and buffers), yet RI needs autograd through the teacher's head.
# - The decay shifts the weight from the teacher to the labels; on unlabelled pairs the teacher keeps its
#   weight.
# - Misaligned pairs harm distillation. Landmarks of two networks register them.
#
# **Exercises**, each with a check that explains typical mistakes:
# [ktl_dikd](exercises/03_ktl_dikd.ipynb) ([solutions](solutions/03_ktl_dikd.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): KTL and DIKD.
# - Wang et al., *CrossKD*, 2024: a student's features in the head of a teacher.
