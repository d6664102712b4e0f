# %% [markdown]
# # 04 · MCL: a light thermal student
#
# **You will be able to** compress a thermal model to a tenth of its parameters, bridge two widths by
# adapters that stay out of the checkpoint, and weigh error against size and time.
#
# **Time** about two minutes on two CPU cores, more if earlier runs have to be made. **You need**
# [03](03_ktl_dikd.ipynb).

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"  # compared with "none" and "fd+ld"; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear or cosine
guide = "both"  # what an injected head is told: label, teacher or both
labelled = None  # pairs with a label; None for the scale's number

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.CompressLesson)

# %%
import statistics
import time

import torch

from mlcmkd import plots
from mlcmkd.distillation.mlcm_kd import MCL
from mlcmkd.distillation.strategies import STRATEGIES
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

pairs = lesson.pairs("val")

# %% [markdown]
# ## The second level
#
# **MCL** (model compression level) comes after KTL and knows nothing of RGB any more: the thermal
# student of notebook 03 becomes the teacher, and both sides read the thermal image. The two levels are
# apart on purpose. First the modality changes at one size, then the size changes in one modality.

# %%
big = course.student_run(lesson)
runs = {
    name: course.light_student_run(lesson, name)
    for name in dict.fromkeys(["none", "fd+ld", lesson.strategy])
}

# %% [markdown]
# ## Two widths
#
# The light student's features have fewer channels than its teacher's. Two 1x1 convolutions bridge the
# widths ([`distillation/mlcm_kd.py`](../mlcmkd/distillation/mlcm_kd.py), `Adapter`), with
# $a_T$ from student to teacher (`to_teacher`) and $a_S$ from teacher to student (`to_student`):
#
# $$\text{FD}: \frac{\lVert a_T(f_S) - f_T\rVert^2}{\mathrm{Var}(f_T)} \qquad
#   \text{RI}: \ell(h_T(a_T(f_S)), y) \qquad \text{FI}: \ell(h_S(a_S(f_T)), y)$$
#
# They are notebook 03's terms, with $a_T(f_S)$ in the place of $f_S$ in FD and RI, and $a_S(f_T)$ in the
# place of $f_T$ in FI; with `guide="both"` FI and RI have the same second half as there, and LD, which
# compares answers, needs no adapter. An adapter ends in a ReLU, since features are never negative. Each
# is trained by its own terms. They help to teach, and go when teaching is over:

# %%
teacher, student = Landmarker.load(big / WEIGHTS), Landmarker.load(runs["none"] / WEIGHTS)
objective = MCL(teacher, student, STRATEGIES["dikd"])
sizes = {
    "teacher": teacher.parameter_count(),
    "light student": student.parameter_count(),
    "adapters": sum(
        p.numel() for a in (objective.to_teacher, objective.to_student) for p in a.parameters()
    ),
}
kept = Landmarker.load(runs[lesson.strategy] / WEIGHTS).state_dict()
print(sizes)
print("adapters in the student's checkpoint:", [name for name in kept if "to_" in name])
lesson.say(
    f"The light student has **{sizes['teacher'] / sizes['light student']:.0f} times** fewer "
    f"parameters than its teacher ({sizes['light student']:,} of {sizes['teacher']:,}); widths are "
    f"{teacher.width} and {student.width} channels.",
    learned=False,
)

# %% [markdown]
# ## Three light students, equal steps

# %%
curves = {name: read_metrics(run) for name, run in runs.items()}
title = f"light students with {lesson.labels} labelled pairs"
lesson.show(plots.compare_training(curves, title), "04_students")

# %% [markdown]
# **How to read it.** As in notebook 03: *none* has the labelled pairs alone, the others have all pairs
# and the teacher's answer where a label is missing.

# %%
scores = {"thermal teacher": course.scores_of(big, pairs)}
scores |= {f"light, {name}": course.scores_of(run, pairs) for name, run in runs.items()}
lesson.show(plots.ced_curves({n: s.per_face for n, s in scores.items()}), "04_ced")
ours = f"light, {lesson.strategy}"
others = [name for name in scores if name != ours]
lesson.say("\n\n".join(course.compare(ours, scores[ours], o, scores[o]) for o in others))

# %% [markdown]
# **How to read it.** The distance to the teacher's curve is the price of compression; the distance to
# *light, none* is what distillation gives back. The sentences are written by the numbers.

# %% [markdown]
# ## Error, size, time
#
# Parameters are one measure of light. The file's size is another, and time is a third, which depends on
# the machine: a tenth of the parameters need not be a tenth of the time.

# %%
repeats = 5 if lesson.fast else 40


def latency(model):
    """Median and slowest tenth of a single image's time, milliseconds."""
    image = torch.rand(1, 1, model.spec.input_px, model.spec.input_px)
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 5):
            started = time.perf_counter()
            model(image)
            times.append(1000 * (time.perf_counter() - started))
    times = sorted(times[5:])  # the first few warm up
    return statistics.median(times), times[int(0.9 * len(times))]


rows = []
folders = [big, *runs.values()]
for (name, found), run in zip(scores.items(), folders, strict=True):
    model = Landmarker.load(run / WEIGHTS)
    half, slow = latency(model)
    rows.append(
        {
            "name": name,
            **found.summary(),
            "parameters": model.parameter_count(),
            "mb": f"{(run / WEIGHTS).stat().st_size / 1e6:.1f}",
            "ms": f"{half:.1f} ({slow:.1f})",
        }
    )
columns = {n: course.COLUMNS[n] for n in ("name", "parameters")}
columns |= {"mb": "file (MB)", "ms": "ms an image, median (90 %)"}
columns |= {n: course.COLUMNS[n] for n in ("nme_percent", "interval")}
lesson.say(course.markdown_table(rows, columns))
print("batch 1, CPU,", torch.get_num_threads(), "threads")

# %%
lesson.show(plots.errors_against_parameters(rows), "04_size")

# %% [markdown]
# **How to read it.** Left and low is good: few parameters, small error. Light students of one size are
# drawn a little beside each other, so that their lines can be seen; the lines are 95 % intervals over
# faces.
#
# ### What goes wrong: compressing the RGB teacher
#
# MCL needs a thermal teacher. Hand it the RGB teacher, and it is refused before the first step:

# %%
from mlcmkd.stages.compress import CompressConfig, compress
from mlcmkd.utils.errors import InputError

try:
    compress(
        CompressConfig(out=lesson.work / "refused", teacher=course.teacher_run(lesson) / WEIGHTS)
    )
except InputError as error:
    print(str(error).replace(str(lesson.work), "..."))

# %% [markdown]
# ## Summary
#
# - MCL is KTL's terms once more, thermal on both sides, with adapters where widths differ.
# - Adapters belong to the objective and never reach the student's checkpoint.
# - Size, time and error are three numbers; quote all of them.
#
# **Exercises**, each with a check that says what went wrong:
# [mcl](exercises/04_mcl.ipynb) (its [solutions](solutions/04_mcl.ipynb) lie apart).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): MCL.
# - He et al., *Deep Residual Learning for Image Recognition*, 2016: the backbones, wide and narrow.
