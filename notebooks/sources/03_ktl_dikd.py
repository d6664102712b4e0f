# %% [markdown]
# # 03 · KTL: from the RGB teacher to a thermal student, by DIKD
#
# ![Above the RGB teacher, below a student](../docs/figures/lessons/03_before_after.png)
#
# **Question.** Above, the RGB teacher of [02](02_teacher.ipynb) gets thermal images, and its landmarks
# (orange-red) miss the annotated ones (green). Below, a student of the same size that has seen *ten*
# labelled thermal images. All other pairs had no label. What did it get from the teacher?
#
# **The answer first.** A teacher replaces labels. With 10 labels, a student that predicts coordinates
# has an NME of 13.9 % without a teacher, 9.4 % with the usual distillation (FD+LD) and 9.0 % with dual
# injection (DIKD), in one training of 100 steps with one seed. Dual injection helps where the student
# has another head than the teacher. With the teacher's own head it is equal to FD+LD, and with 100
# labels a student without a teacher is nearly as good.
#
# **Goals.** After this notebook you can say when a teacher helps, name the loss terms of the
# **knowledge transfer level** (KTL: from RGB to thermal, at the same size), verify by autograd which
# parameters each term trains and whether a term adds anything, and keep a teacher frozen.
#
# **Time.** About fifteen minutes to read, six to run on two CPU cores, more if the RGB teacher has to be
# trained as well. **Prerequisites.** [02](02_teacher.ipynb) and the concept of a gradient. Terms are
# in the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # terms of the loss, explained below; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear, cosine or progress, explained below
guide = "both"  # target of FI and RI, explained below: label, teacher, both or own
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import copy

import torch

from mlcmkd import KTL, Landmarker, plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.gradients import injection_gradients
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.evaluation import injection_cells, injection_map
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.evaluation.tables import FEW_LABELS, in_setting, read_rows
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

teacher_run = course.teacher_run(lesson)
pairs = lesson.pairs("val")

# %% [markdown]
# ## Where the method matters: a student with another head
#
# Four students train on thermal images for the same number of steps. They have a **coordinate head**: it
# returns the landmarks as numbers, without heatmaps. Small and fast networks often have one, such as
# those of [05](05_kd_loss.ipynb). The head is new; all other weights are those of the RGB teacher, whose
# head makes heatmaps.
#
# The student with *no teacher* trains on 10 labelled pairs. The others train on *all* 1,600 pairs: where
# a label is missing, the teacher's prediction for the RGB image replaces it. This is a **pseudo-label**.
# *FD+LD*, *DIKD* and *DIKD+FD+LD* are strategies of distillation, explained below.

# %%
few = lesson.model_copy(update={"labelled": min(10, lesson.labels)})


def titled(name: str, labels: int) -> str:
    return f"{'no teacher' if name == 'none' else name.upper()}, {labels} labels"


strategies = dict.fromkeys(("none", "fd+ld", lesson.strategy, "dikd+fd+ld"))
new_heads = {name: course.student_run(few, name, "coordinate") for name in strategies}
of_new_head = {name: course.scores_of(run, pairs) for name, run in new_heads.items()}
rows = [{"name": titled(n, few.labels), **s.summary()} for n, s in of_new_head.items()]
lesson.show(plots.nme_bars(rows, split="validation"), "03_new_head")
other = "dikd+fd+ld" if lesson.strategy == "fd+ld" else lesson.strategy
lesson.show_text(course.compare(other.upper(), of_new_head[other], "FD+LD", of_new_head["fd+ld"]))

# %% [markdown]
# **How to read it.** Dots are the NME on thermal images of people who are not in the training split, and
# lines its 95 % interval over faces; the best is at the top. FR is the share of faces with an NME above
# 8 %. The intervals of two students overlap, because some faces are difficult for both. The sentence
# compares them face by face: its interval is that of the difference.
#
# Pseudo-labels with FD+LD are worth 4.6 points, and DIKD 0.4 more; all terms together are the best. Each
# student is one training with one **seed** (state of the random numbers: which pairs have a label, and
# their order), so the interval does not say how much a second training would differ. A step with dual
# injection also takes longer. The study at the end of this notebook has several seeds, and compares
# times.
#
# ## Where it does not: the teacher's own head
#
# Now the students have the head of the teacher as well, and start from all of its weights. Two have
# 10 labels, three have 100.

# %%
chosen = [(few, "none"), (few, lesson.strategy)]
chosen += [(lesson, name) for name in ("none", "fd+ld", lesson.strategy)]
runs = {titled(name, each.labels): course.student_run(each, name) for each, name in chosen}
teacher_on_thermal = course.scores_of(teacher_run, pairs, "thermal")
scores = {name: course.scores_of(run, pairs) for name, run in runs.items()}
rows = [{"name": name, **score.summary()} for name, score in scores.items()]
rows.append({"name": "the RGB teacher itself", **teacher_on_thermal.summary()})
lesson.show(plots.nme_bars(rows, split="validation"), "03_worth")

# %% [markdown]
# **How to read it.** As above. With 10 labels the teacher matters. With 100 labels, the student without
# a teacher has nearly the NME of those with one, and DIKD has that of FD+LD. The gain with 10 labels, on
# the same faces:

# %%
alone, taught = titled("none", few.labels), titled(lesson.strategy, few.labels)
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
# **How to read it.** Above: the RGB teacher on thermal images. Below: the student with a teacher and 10
# labels. Look at the mouths, and at the third face, which wears glasses and is turned.
#
# ## How the teacher teaches: dual injection
#
# Teacher and student have the same architecture, each with features and a head. The teacher gets the RGB
# image and is frozen: nothing in it changes. The student gets the thermal image of the same pair. In
# **DIKD** (dual-injected knowledge distillation) the features of each network are also fed into the head
# of the other:

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
# heatmaps and coordinates. **FD** is feature distillation, **LD** logits distillation.
#
# | term | formula | in words |
# |---|---|---|
# | task | $\ell(h_S(f_S), y)$ | the student predicts the landmarks |
# | FD | $\lVert f_S - f_T\rVert^2 / \mathrm{Var}(f_T)$ | its features equal the teacher's |
# | LD | $D(h_S(f_S), h_T(f_T))$ | its prediction equals the teacher's |
# | FI | $\tfrac12[\ell(h_S(f_T), y) + D(h_S(f_T), h_T(f_T))]$ | its head understands $f_T$ |
# | RI | $\tfrac12[\ell(h_T(f_S), y) + D(h_T(f_S), h_T(f_T))]$ | $h_T$ understands its features |
#
# $\mathrm{Var}$ is the variance over all values of the features. FI and RI have two targets, label and
# teacher prediction, half each: this is `guide="both"`. A **strategy** is a choice of terms beside the
# task: FD+LD, DIKD (FI and RI), or all four. The weights of the terms are our choice, because the paper
# does not state them. In the code: [`losses.py`](../mlcmkd/distillation/losses.py) and
# `DistillationObjective.forward` in [`mlcm_kd.py`](../mlcmkd/distillation/mlcm_kd.py).
#
# ## Which parameters does a term train?
#
# Autograd answers this. For one batch, the cell backpropagates one term at a time and computes the norm
# of the gradient in each part of the networks. (The features are made by two modules, `backbone` and
# `neck`.)

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
    title = term if term == "task" else term.upper()
    rows.append({"term": title, **{p: f"{n:.2f}" if n > 0 else "none" for p, n in norms.items()}})
lesson.show_text(course.markdown_table(rows, {name: name for name in rows[0]}))

# %% [markdown]
# **How to read it.** A number is the norm of a gradient; "none" means that no gradient arrives. FI
# trains only the student's head, RI only the student's features, and no term trains the teacher. The
# gradient of RI passes *through* the teacher's head: its parameters do not change, but autograd has to
# record its operations.
#
# ### Why another head needs dual injection
#
# Does RI ask for another change of the student's features than task, FD and LD together? The cell
# compares the two gradients at two students that were trained by FD+LD. If their **cosine** is 1, they
# have the same direction, and RI only makes the step longer.

# %%
many = make_batch(pairs, torch.arange(min(64, len(pairs))), NO_AUGMENTATION, torch.Generator())
taught_alike = {"the teacher's": course.student_run(lesson, "fd+ld"), "new": new_heads["fd+ld"]}
rows = []
for head, run in taught_alike.items():
    trained = Landmarker.load(run / WEIGHTS)
    terms = KTL(rgb_teacher, trained, STRATEGIES["dikd+fd+ld"], lesson.guide).eval()
    found = injection_gradients(terms, [many])
    rows.append({
        "head of the student": head,
        "cosine of RI and the others": f"{found.ri_cosine:.2f}",
        "length of RI / length of the others": f"{found.ri_ratio:.2f}",
    })  # fmt: skip
lesson.show_text(course.markdown_table(rows, {name: name for name in rows[0]}))

# %% [markdown]
# **How to read it.** With the teacher's own head RI mostly repeats what the other terms ask for. With a
# coordinate head, LD has no heatmaps to compare. RI sends the features through the teacher's heatmap
# head, and tells them where in the image each landmark is: another direction, and a long step.
#
# ### Mistake: the teacher's head without autograd
#
# Teachers are often run under `torch.no_grad()`. For RI this breaks the path of the gradient: the term
# trains nothing, and there is no error message. `FrozenTeacher` freezes the parameters instead:

# %%
f_s = student.features(batch.thermal)
with torch.no_grad():
    without_grad = objective.teacher.head(f_s).coordinates
with_grad = objective.teacher.head(f_s).coordinates
print("teacher's head under no_grad, has a gradient:", without_grad.requires_grad)
print("head of FrozenTeacher, has a gradient:       ", with_grad.requires_grad)

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
# $\mathcal L_\text{task}$ is the task loss, $\mathcal L_i$ are the chosen terms and $w_i$ their
# weights. The **decay** $\rho$ becomes smaller with the progress $s$ of the training, from 1 down to
# 0.1: distillation dominates early, the labels dominate late. On pairs without a label it stays 1,
# because there is no label to take over. The paper does not specify its form; these are our choices
# (`decay_weight` in [`decay.py`](../mlcmkd/distillation/decay.py)):

# %%
lesson.show(plots.decay_curves(("constant", "linear", "cosine")), "03_decay")

# %% [markdown]
# **How to read it.** Each line is a form of the decay; the lessons use *cosine*. Now the terms of a
# training, the student with 10 labels:

# %%
figure = plots.training_curves(read_metrics(runs[taught]), taught)
lesson.show(figure, "03_terms")

# %% [markdown]
# **How to read it.** Left: the weighted terms, which add up to the total loss. Right: the validation
# error. A term decreases if the student improves, and on labelled pairs also by the decay. Here 1,590 of
# 1,600 pairs have no label, so the terms do not follow the decay (grey).
#
# Everything so far is on the validation split, because it is used for choices. The test split is used
# only in [08](08_results.ipynb).
#
# ## The same on photos, with several seeds
#
# One training says little about small differences. A study trained students on 1,793 photos of 300W (a
# data set of annotated faces) and their simulated thermal images, with up to five seeds. The cell reads
# its stored table.

# %%
study = in_setting(read_rows(course.RESULTS / "ktl_ablation.csv"), "300w-sim", FEW_LABELS)
study = [
    row._replace(strategy="no teacher" if row.strategy == "none" else row.strategy.upper())
    for row in study
]
title = "300W and simulated thermal images: " + FEW_LABELS
lesson.show(plots.nme_against_count(study, FEW_LABELS, title, differences=False), "03_few_labels")

# %% [markdown]
# **How to read it.** The NME against the number of labels, on a logarithmic axis; bars are 95 %
# intervals over seeds, and a mark without a bar is one seed. Marks of one group are side by side.
#
# - **Few labels.** The fewer labels, the more a teacher is worth. With a teacher, no label at all is as
#   good as 500 labels (3.63 % both).
# - **100 labels.** The teacher makes the student better by 0.70 points [0.60, 0.81]: 3.65 % (FD+LD)
#   instead of 4.35 %.
# - **All pairs labelled** (not in the figure). No strategy is better than no teacher.
#
# All tables and intervals: [which strategy](../docs/results/ktl_strategies.md).
#
# ## DIKD or FD+LD?
#
# A second study looked for the settings in which dual injection helps: six kinds of students, 100
# labels, all or none, aligned pairs and pairs that are shifted by 2 or 4 of 64 pixels, on the same
# photos. In every setting the best strategy with dual injection is compared with the best one without,
# both chosen on validation photos. The cell reads its stored table.

# %%
table = injection_cells.read_rows(course.RESULTS / "dikd_map.csv")
cells = injection_cells.in_cells(row for row in table if row.benchmark == "300w-sim")
compared, _ = injection_map.compare(cells)
lesson.show(plots.injection_map(compared), "03_map")

# %% [markdown]
# **How to read it.** One field per setting; the number is the difference in NME in points, and blue
# means that dual injection is better.
#
# - **Another head.** Students with a coordinate head gain 0.2 points on average, with 100, all or no
#   labels, on aligned and shifted pairs; most of all as a light network. Single fields have two to five
#   seeds and vary.
# - **The teacher's kind of head.** Nothing on average; below 0.1 points for each kind of student.
# - **Steps or time?** All have the same number of steps. A training with dual injection takes 1.2 times
#   as long as one by FD+LD, and FD+LD with 1.2 times as many steps comes within about 0.1 points. With a
#   coordinate head and random weights no clear difference to FD+LD is left after 2,000 steps, neither
#   in the teacher's network nor in the light one.
#
# Settings, equal times, and why: [dual injection](../docs/results/dual_injection.md).
#
# > **Takeaways**
# >
# > A teacher replaces labels: with few of them it is worth several points of NME, with many almost
# > nothing. Most of the gain is its prediction on pairs without a label. Use DIKD with FD+LD for a
# > student with another head than the teacher's, and FD+LD otherwise: FI trains the student's head,
# > and RI its features. A teacher must be frozen, parameters and buffers, but RI needs autograd through
# > its head. The decay shifts the weight from the teacher to the labels.
#
# **Exercises**, each with a check that explains typical mistakes:
# [ktl_dikd](exercises/03_ktl_dikd.ipynb) ([solutions](solutions/03_ktl_dikd.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): KTL and DIKD.
# - Wang et al., *CrossKD*, 2024: a student's features in the head of a teacher.
