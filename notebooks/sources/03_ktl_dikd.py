# %% [markdown]
# # 03 · KTL: from the RGB teacher to a thermal student, by DIKD
#
# **You will be able to** name the terms of the knowledge transfer level (KTL), prove by autograd which
# parameters each of them trains, keep a teacher frozen, and compare strategies honestly.
#
# **Time** about three minutes on two CPU cores, five if the RGB teacher has to be trained as well.
# **You need** [02](02_teacher.ipynb) and the idea of a gradient.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"  # compared with "none" and "fd+ld"; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear, cosine or progress
guide = "both"  # what an injected head is told: label, teacher, both or own
labelled = None  # pairs with a label; None for the scale's number

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import copy
import json

import torch

from mlcmkd import plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.mlcm_kd import KTL
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
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

teacher_run = course.teacher_run(lesson)
pairs = lesson.pairs("val")

# %% [markdown]
# ## The idea in a picture
#
# Teacher and student are two networks of one shape, each in two halves. The teacher reads RGB and is
# frozen. The student reads the thermal image of the same pair. **DIKD** (dual-injected knowledge
# distillation) lets each read with the other's half:

# %%
lesson.show(plots.injection_diagram(), "03_injection")

# %% [markdown]
# **How to read it.** Straight on: each network with its own head. **FI** (forward injection, blue): the
# teacher's features go into the student's head, which learns to read what a good feature looks like.
# **RI** (reverse injection, orange-red): the student's features go into the teacher's frozen head, so
# the features must become such that the teacher's head can read them.
#
# ## The terms
#
# With $f_T$ the teacher's features of the RGB image, $f_S$ the student's of the thermal one, $h_T$ and
# $h_S$ the heads, and $y$ the landmarks:
#
# | term | formula | name in the code |
# |---|---|---|
# | task | $\ell(h_S(f_S), y)$ | `landmark_loss` |
# | FD, feature distillation | $\lVert f_S - f_T\rVert^2 / \mathrm{Var}(f_T)$ | `feature_distance` |
# | LD, logits distillation | $D(h_S(f_S), h_T(f_T))$ | `prediction_divergence` |
# | FI | $\tfrac12\left[\ell(h_S(f_T), y) + D(h_S(f_T), h_T(f_T))\right]$ | `guide_targets` |
# | RI | $\tfrac12\left[\ell(h_T(f_S), y) + D(h_T(f_S), h_T(f_T))\right]$ | `guide_targets` |
#
# $\ell$ is the task loss of notebook 02 and $D$ a divergence between two predictions, both in
# [`losses.py`](../mlcmkd/distillation/losses.py); the terms are put together in
# `DistillationObjective.forward`, [`objective.py`](../mlcmkd/distillation/objective.py). The formulas of
# FI and RI are those of `guide="both"`. The paper states no weights; ours are:

# %% tags=["fact", "nbval-check-output"]
for name, weights in STRATEGIES.items():
    print(f"{name:11}", weights)

# %% [markdown]
# ## Which parameters does a term train?
#
# Do not believe the arrows: ask autograd. One batch, one term at a time, and the norm of the gradient
# that arrives in each half.

# %%
rgb_teacher = Landmarker.load(teacher_run / WEIGHTS)
batch = make_batch(pairs, torch.arange(4), NO_AUGMENTATION, torch.Generator())
objective = KTL(rgb_teacher, copy.deepcopy(rgb_teacher), STRATEGIES["dikd+fd+ld"], lesson.guide)
student = objective.student.requires_grad_(True)
halves = {
    "student features": [*student.backbone.parameters(), *student.neck.parameters()],
    "student head": list(student.head.parameters()),
    "teacher": list(objective.teacher.parameters()),
}
rows = []
for term in ("task", "fd", "ld", "fi", "ri"):
    objective.zero_grad()
    objective(batch)[term].backward()
    norms = {
        half: sum(float(p.grad.square().sum()) for p in parameters if p.grad is not None) ** 0.5
        for half, parameters in halves.items()
    }
    rows.append({"term": term, **{h: f"{n:.2f}" if n > 0 else "none" for h, n in norms.items()}})
lesson.say(course.markdown_table(rows, {name: name for name in rows[0]}))

# %% [markdown]
# **How to read it.** A number is a gradient, "none" is none at all. FI reaches the student's head only,
# RI the student's features only, and nothing reaches the teacher. RI's gradient runs *through* the
# teacher's head: its parameters stand still, but the path must stay open.
#
# ### What goes wrong: a teacher pass without autograd
#
# Teachers are often run under `torch.no_grad()`. For RI that cuts the path, and the term trains
# nothing, without any error:

# %%
f_s = student.features(batch.thermal)
with torch.no_grad():
    cut = objective.teacher.head(f_s).coordinates
opened = objective.teacher.head(f_s).coordinates
print("head under no_grad: does the answer carry a gradient?", cut.requires_grad)
print("head of FrozenTeacher: does it?", opened.requires_grad)

# %% [markdown]
# ### What goes wrong: a teacher that wakes up
#
# `objective.train()` puts every part into training mode, a teacher as well, unless somebody prevents
# it. Then its BatchNorm statistics move with every thermal batch, though no optimiser touches it:

# %%
before = course.scores_of(teacher_run, pairs, "rgb").nme
awake = Landmarker.load(teacher_run / WEIGHTS).requires_grad_(False)
awake.train()  # what a plain objective.train() does
frozen = KTL(Landmarker.load(teacher_run / WEIGHTS), awake, STRATEGIES["dikd"]).teacher
frozen.train()
with torch.no_grad():
    for _ in range(20):
        for some in (awake, frozen):
            some.features(batch.thermal)
after = {
    "awake": evaluate_model(awake, pairs, "rgb").nme,
    "FrozenTeacher": evaluate_model(frozen.landmarker, pairs, "rgb").nme,
}
lesson.say(
    f"NME on RGB before: {100 * before:.2f} %. After 20 thermal batches without any optimiser step: "
    f"**{100 * after['awake']:.2f} %** if it is awake, **{100 * after['FrozenTeacher']:.2f} %** as a "
    "`FrozenTeacher` ([`teachers.py`](../mlcmkd/distillation/teachers.py))."
)

# %% [markdown]
# ## The decay
#
# $$\mathcal L = \mathcal L_\text{task} + w(s)\,\sum_{i}\lambda_i\,\mathcal L_i$$
#
# The **decay** $w$ falls with the progress $s$ of the training: the teacher leads early, the labels
# late. $\lambda_i$ are the weights above. On pairs without a label the teacher's answer stands in for
# $y$, and the decay does not apply, since no label can take over. It ends at a floor, here a tenth,
# not at zero. In the code: `decay_weight` in
# [`decay.py`](../mlcmkd/distillation/decay.py). The paper leaves the form open; these are ours. A
# fourth, `progress`, follows the student instead of the clock: its weight is how far the student's
# task loss still is from the teacher's, as a share of what it was at the start.

# %%
lesson.show(plots.decay_curves(("constant", "linear", "cosine")), "03_decay")

# %% [markdown]
# ## Few labels, equal steps
#
# Three students start from the RGB teacher's weights and take the same number of steps. All know the
# same few labels. *none* trains on the labelled pairs alone, so that every face in its batches has a
# label: that is the strongest baseline without a teacher. The others see all pairs, and have the
# teacher's answer where there is no label.

# %%
names = list(dict.fromkeys(["none", "fd+ld", lesson.strategy]))
runs = {name: course.student_run(lesson, name) for name in names}
curves = {name: read_metrics(run) for name, run in runs.items()}
title = f"thermal students with {lesson.labels} labelled pairs"
lesson.show(plots.compare_training(curves, title), "03_students")

# %% [markdown]
# **How to read it.** The left panel shows all of the training, the right one its second half, enlarged.
# Compare the curves early and at the end. The decay acts on the labelled pairs alone; on all others the
# teacher keeps its whole say to the end.

# %%
lesson.show(plots.training_curves(curves[lesson.strategy], f"KTL by {lesson.strategy}"), "03_terms")

# %% [markdown]
# **How to read it.** Left, the terms as weighted, so they add up to what is minimised. In the task
# term, too, the teacher's answer stands in for missing labels. A term may fall for two reasons: the
# student learned, or the decay took its weight. Where most pairs have no label, as in the settings of
# this notebook, the second hardly shows: the decay has no say over them.

# %%
scores = {"RGB teacher, as it is": course.scores_of(teacher_run, pairs, "thermal")}
scores |= {name: course.scores_of(run, pairs) for name, run in runs.items()}
lesson.show(plots.ced_curves({n: s.per_face for n, s in scores.items()}), "03_ced")
rows = [{"name": name, "reads": "thermal", **found.summary()} for name, found in scores.items()]
columns = {n: text for n, text in course.COLUMNS.items() if n != "parameters"}
lesson.say(course.markdown_table(rows, columns))

# %%
ours = lesson.strategy
sentences = [course.compare(ours, scores[ours], o, scores[o]) for o in names if o != ours]
lesson.say("\n\n".join(sentences))

# %% [markdown]
# **How to read it.** The sentences above are written by the numbers. The interval knows the chance in
# the faces, not the chance in the training: before you believe a small difference, change `seed` and
# run again. Change `labelled`, too: the fewer labels there are, the more a teacher can add.
#
# All of this is on the validation split, because we choose by it. The test split waits for
# [notebook 08](08_results.ipynb).
#
# ## The same question on real photos, with several seeds
#
# One run a strategy proves nothing. `mlcmkd sweep experiments/ktl_ablation.yaml` trains students on
# photos of 300W and their simulated thermal twins. Strategies share their seeds (the same drawn
# pairs and labels, the same order of batches), so that they are compared **seed by seed**. The weights
# were chosen on validation faces: 8 for FD and LD, 5 for RI beside FI in DIKD alone, 3 for all four
# together. The table lies in the project; this cell only reads it.

# %%
rows = read_rows(course.RESULTS / "ktl_ablation.csv")
chosen = json.loads((course.RESULTS / "ktl_choice.json").read_text())
for setting, name in zip(SETTINGS, ("03_few_pairs", "03_few_labels"), strict=True):
    here = in_setting(rows, "300w-sim", setting)
    title = f"300W and simulated thermal twins: {setting}"
    lesson.show(plots.nme_against_count(here, setting, title), name)
    lines = table(here, setting, ours=chosen["strategy"])
    lesson.say(course.markdown_table(lines, {name: name for name in lines[0]}), learned=False)
lesson.say(f"What stands for DIKD, chosen on validation faces: {chosen['why']}", learned=False)

# %% [markdown]
# **How to read it.** Left, means over seeds with 95 % intervals of Student's t. Right, what decides:
# the difference to FD+LD, seed by seed, with its interval. If that interval holds zero, these seeds do
# not tell the two apart. Where it decides, at 500 labelled pairs and at 100 labels, there are five
# seeds; elsewhere there are one to three, which show a direction and prove nothing: an interval over
# two seeds can be narrow by luck. *Gap closed* is the share of the way from the student without a
# teacher to the teacher on RGB:
# $(\mathrm{NME}_\text{none} - \mathrm{NME}_x) / (\mathrm{NME}_\text{none} - \mathrm{NME}_T)$.
# The statistics are in [`statistics.py`](../mlcmkd/evaluation/statistics.py).
#
# With few labels much of what a teacher gives is its *answer* where a label is missing, whatever the
# strategy. A student that gets the answers and nothing else:

# %%
few = in_setting(rows, "300w-sim", FEW_LABELS)
by_name = {n: by_seed(r for r in few if r.strategy == n and r.labelled == 100) for n in ORDER}
answers = by_seed(read_rows(course.RESULTS / "ktl_answers.csv"))
lesson.say(f"answers alone: {interval(list(answers.values()))} %", learned=False)
for name in ("fd+ld", "dikd", "dikd+fd+ld"):
    ahead = difference(by_name[name], answers)
    lesson.say(f"{name} minus answers alone: {ahead.text(3)} points", learned=False)

# %% [markdown]
# **How to read it.** What is left for a strategy to add is small, and DIKD alone adds nothing: RI asks
# for the answer that the task term asks for already, through a head that began as the same head.
#
# ### What goes wrong: a pair that is not quite aligned
#
# No rig is perfect. Here the RGB side of every training pair is shifted, each pair in its own direction,
# while the thermal image keeps its label. Features and answers of the teacher now belong to another
# place. With `guide="own"` the injected heads are told what holds in the image that their features are
# of: in FI the teacher's answer, in RI the label.

# %%
shifted = read_misalignment(course.RESULTS / "ktl_registration.csv")
ablation = read_rows(course.RESULTS / "ktl_ablation.csv")
shifted = with_aligned(shifted, ablation, "300w-sim", pairs=500)
values = {n: {s: list(v.values()) for s, v in by.items()} for n, by in shifted.items()}
title = "500 labelled pairs of 300W, the RGB side shifted"
lesson.show(plots.nme_against_misalignment(values, per_pixel=2.9, title=title), "03_registration")

# %% [markdown]
# **How to read it.** LD asks for the teacher's answer, which lies where the RGB face is, and pays for
# every pixel: alone it loses as much as FD+LD. FD compares cells of 4 px, which move by one place and
# say much the same beside it: alone it loses little. Injection with its own guide asks each head for
# what holds in the image at hand and does not notice; it is level with *none*, and no more than that.
# Where you do not trust the alignment it does no harm; LD does. Single terms have one seed, the others
# three, and only labelled pairs were tried.
#
# ## Summary
#
# - FI trains the student's head, RI its features; autograd proves it.
# - A teacher must be frozen (parameters and buffers), yet RI needs autograd through its head.
# - The decay hands over from the teacher to the labels; unlabelled pairs keep the teacher.
#
# **Exercises**, each with a check that says what went wrong:
# [ktl_dikd](exercises/03_ktl_dikd.ipynb) (its [solutions](solutions/03_ktl_dikd.ipynb) lie apart).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): KTL and DIKD.
# - Wang et al., *CrossKD*, 2024: a student's features through a teacher's head.
