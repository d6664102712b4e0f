# %% [markdown]
# # 04 · MCL: a light thermal student
#
# ![Six faces: predictions of the thermal teacher, and below those of the light
# student](../docs/figures/lessons/04_faces.png)
#
# **Question.** The thermal student of [03](03_ktl_dikd.ipynb) is too large for a small device. How much
# accuracy remains in a network of a third of its size?
#
# **The answer first.** The light student finds the same parts of the face, less exactly: its error is
# about two fifths larger than that of the network from which it learns. With 100 labels it is better by
# 0.4 points of NME than a light network that learns from the labels alone, but only on the faces of this
# lesson: on the test faces of [08](08_results.ipynb) there is no clear difference.
#
# **Goals.** After this notebook you can compress a thermal network, connect features of two widths, and
# compare networks by error, size and time.
#
# **Time.** About eight minutes to read, two to run on two CPU cores, more if earlier runs are missing
# (`make course-models LESSON=04` writes them). **Prerequisites.** [03](03_ktl_dikd.ipynb); terms are in
# the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # compared with "none" and "fd+ld"; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear or cosine
guide = "both"  # supervision target of the injected heads: label, teacher or both
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.CompressLesson)

# %%
import statistics
import time

import numpy as np
import torch

from mlcmkd import MCL, CompressConfig, InputError, Landmarker, compress, plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.training.run_directory import WEIGHTS

pairs = lesson.pairs("val")

# %% [markdown]
# ## The second level
#
# **KTL** (knowledge transfer level, lesson 03) changes the modality at constant size. **MCL** (model
# compression level) comes next and changes the size within one modality. It uses no RGB images: the
# thermal student of lesson 03 is now the **thermal teacher**, and both networks get the thermal image.
# A **light** student has a third of its parameters.
#
# Three light students train for the same number of steps. *none* trains only on the labelled pairs.
# *fd+ld* and *dikd*, the strategies of lesson 03, train on all pairs: where a label is missing, the
# prediction of the thermal teacher replaces it.

# %%
big = course.student_run(lesson)
runs = {
    name: course.light_student_run(lesson, name)
    for name in dict.fromkeys(["none", "fd+ld", lesson.strategy])
}

# %% [markdown]
# ## Teacher and light student on the same faces

# %%
scores = {"thermal teacher": course.scores_of(big, pairs)}
scores |= {f"light, {name}": course.scores_of(run, pairs) for name, run in runs.items()}
ours = f"light, {lesson.strategy}"

order = np.argsort(scores["thermal teacher"].per_face)
shown = [int(order[int(share * len(order))]) for share in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)]
batch = make_batch(pairs, torch.tensor(shown), NO_AUGMENTATION, torch.Generator())
both = ("thermal teacher", ours)
figure = plots.landmarks_on(
    torch.cat([batch.thermal, batch.thermal]),
    np.concatenate([scores[name].prediction[shown] for name in both]),
    torch.cat([batch.landmarks, batch.landmarks]),
    titles=[f"{name}: {100 * scores[name].per_face[i]:.1f} %" for name in both for i in shown],
)
lesson.show(figure, "04_faces")

# %%
lesson.show_text(
    "\n\n".join(
        course.compare(ours, scores[ours], other, scores[other])
        for other in ("thermal teacher", "light, none")
        if other != ours
    )
)

# %% [markdown]
# **How to read it.** Above the teacher, below the light student, with the NME of each face; from left to
# right the faces are harder for the teacher. Annotated landmarks are green, predicted ones orange-red.
# Look for the parts of a face at which the light student loses most. The two sentences are about all
# validation faces. The first is the cost of compression, the second the benefit of a teacher.

# %% [markdown]
# ## Two feature widths
#
# The features of the light student have fewer channels than those of its teacher, so neither head fits
# the features of the other network. Two **adapters**, 1x1 convolutions, convert between the widths:
# $a_T$ from student to teacher (`to_teacher`) and $a_S$ from teacher to student (`to_student`). In the
# code: `Adapter` in [`distillation/adapters.py`](../mlcmkd/distillation/adapters.py).
#
# $$\text{FD}: \frac{\lVert a_T(f_S) - f_T\rVert^2}{\mathrm{Var}(f_T)} \qquad
#   \text{RI}: \ell(h_T(a_T(f_S)), y) \qquad \text{FI}: \ell(h_S(a_S(f_T)), y)$$
#
# These are the terms of lesson 03 (feature distillation, reverse and forward injection), with
# $a_T(f_S)$ instead of $f_S$ in FD and RI, and $a_S(f_T)$ instead of $f_T$ in FI. FI and RI also have
# the second part of lesson 03, the distance $D$ from the teacher's prediction. LD compares predictions
# and needs no adapter. An adapter ends in a ReLU, because features are never negative. Each adapter is
# trained by the terms that use it, and only training needs it:

# %%
teacher, student = Landmarker.load(big / WEIGHTS), Landmarker.load(runs["none"] / WEIGHTS)
objective = MCL(teacher, student, STRATEGIES["dikd"])
adapters = (objective.to_teacher, objective.to_student)
in_adapters = sum(p.numel() for adapter in adapters for p in adapter.parameters())
saved = Landmarker.load(runs[lesson.strategy] / WEIGHTS).state_dict()
in_checkpoint = sum(value.numel() for name, value in saved.items() if "to_" in name)
lesson.show_text(
    f"Parameters: **{teacher.parameter_count():,}** of the teacher ({teacher.width} channels), "
    f"**{student.parameter_count():,}** of the light student ({student.width} channels), "
    f"**{in_adapters:,}** of the adapters. Of these, {in_checkpoint} are in the student's "
    "checkpoint, the file of its weights.",
    learned=False,
)

# %% [markdown]
# ## Error, size and time
#
# The number of parameters is one measure of cost. File size and **latency**, the time for one image, are
# others. Latency depends on the hardware, and a third of the parameters does not mean a third of the
# time.

# %%
repeats = 5 if lesson.fast else 40


def latency(model):
    """Median and 90th percentile of the time for a single image, in milliseconds."""
    image = torch.rand(1, 1, model.spec.input_px, model.spec.input_px)
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 5):
            started = time.perf_counter()
            model(image)
            times.append(1000 * (time.perf_counter() - started))
    times = sorted(times[5:])  # the first five are warm-up
    return statistics.median(times), times[int(0.9 * len(times))]


rows = []
run_of = dict(zip(scores, [big, *runs.values()], strict=True))
for name, run in run_of.items():
    model = Landmarker.load(run / WEIGHTS)
    median, slow = latency(model)
    row = {"name": name, **scores[name].summary(), "parameters": model.parameter_count()}
    row["mb"] = f"{(run / WEIGHTS).stat().st_size / 1e6:.1f}"
    row["ms"] = f"{median:.1f} ({slow:.1f})"
    rows.append(row)
columns = {"name": "network", "parameters": "parameters", "mb": "file (MB)"}
columns |= {"ms": "time (ms), median (90 % below)", "nme_interval": course.COLUMNS["nme_interval"]}
lesson.show_text(course.markdown_table(rows, columns))
print("time for a single image, CPU,", torch.get_num_threads(), "threads")

# %%
lesson.show(plots.errors_against_parameters(rows), "04_size")

# %% [markdown]
# **How to read it.** The lower left corner is best: few parameters, small error. Light students of equal
# size are drawn with a small horizontal offset, so that their lines are visible; the lines are 95 %
# intervals over faces.
#
# ### Mistake: compressing the RGB teacher
#
# MCL needs a thermal teacher, because both networks get the same image. An RGB teacher is refused before
# the first step:

# %%
try:
    compress(
        CompressConfig(out=lesson.work / "refused", teacher=course.teacher_run(lesson) / WEIGHTS)
    )
except InputError as error:
    print(str(error).replace(str(lesson.work), "..."))

# %% [markdown]
# > **Takeaways**
# >
# > MCL repeats KTL within one modality: both networks get thermal images. Adapters connect features of
# > different widths, and the student's checkpoint does not contain them. The light student loses
# > accuracy against its teacher, and gains little against a light network without one.
# > Report error, size and time together, because none of them follows from another.
#
# **Exercises**, each with a check that explains typical mistakes:
# [mcl](exercises/04_mcl.ipynb) ([solutions](solutions/04_mcl.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): MCL.
# - He et al., *Deep Residual Learning for Image Recognition*, 2016: the backbones, in two widths.
