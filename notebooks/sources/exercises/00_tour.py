# %% [markdown]
# # Exercises 00 · The problem
#
# *about 15 minutes*
#
# Lesson: [tour](../00_tour.ipynb) ·
# [solutions](../solutions/00_tour.ipynb)
#
# One question of recall, two computations.
#
# Replace every `...` below `# your code here`, run the cell, then run the check below it. A check
# explains a mistake but does not show the solution. Completed runs in `work` are reused, and missing
# runs are trained, as in the lessons.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import numpy as np

from mlcmkd.course import checks
from mlcmkd.data.pairs import synthetic_faces

# %% [markdown]
# ## 1 · Recall: pairs, teachers, students
#
# *about 5 minutes*
#
# True or false? Answer with a list of four `True` or `False`.

# %% tags=["solution"]
# a pair shows one face at one moment
# the teacher continues to learn during distillation
# the student needs an RGB camera at inference
# a pair without a label can be used for training
# your code here
answers = [True, False, False, True]

# %% tags=["check"]
print(checks.tour.statements(answers))

# %% [markdown]
# ## 2 · Compute: one NME by hand
#
# *about 5 minutes*
#
# `prediction` and `target` are the 68 landmarks of one face, in pixels. Compute the NME, **inter-ocular,
# in percent**, using only NumPy. The outer eye corners are points 36 and 45, counted from 0.

# %% tags=["solution", "fact", "nbval-check-output"]
target = synthetic_faces("val", 1, seed=5).landmarks[0].astype(np.float64)  # (68, 2)
prediction = target + np.random.default_rng(5).normal(0, 1.5, target.shape)
# your code here
distance = np.linalg.norm(prediction - target, axis=1)
eyes = np.linalg.norm(target[45] - target[36])
nme = 100 * distance.mean() / eyes
print(f"{distance.mean():.2f} px on average, eye corners {eyes:.1f} px apart: {nme:.2f} %")

# %% tags=["check"]
print(checks.tour.nme(nme, prediction, target))

# %% [markdown] tags=["discussion"]
# **Explanation.** First the distances, then their mean, then the division. In a mean of squares one bad
# point would dominate. Without the normaliser, a face twice as large would have twice the error.

# %% [markdown]
# ## 3 · Compute: the modality gap
#
# *about 5 minutes*
#
# The RGB teacher is evaluated on the validation faces twice: with RGB input and with thermal input.
# `on_rgb` and `on_thermal` are the NME of every face, as shares. Compute the gap in two ways: in
# **percentage points**, and as the **factor** by which the mean error increases.

# %% tags=["solution"]
run = course.teacher_run(lesson)
pairs = lesson.pairs("val")
on_rgb, on_thermal = (course.scores_of(run, pairs, m).per_face for m in ("rgb", "thermal"))
# your code here
points = 100 * (on_thermal.mean() - on_rgb.mean())
factor = on_thermal.mean() / on_rgb.mean()

# %% tags=["check"]
print(checks.tour.gap(points, factor, on_rgb, on_thermal))

# %% [markdown] tags=["discussion"]
# **Explanation.** Percentage points are the increase of the error; the factor is the increase relative
# to the teacher's error. The mean of the ratios of single faces is a third number, dominated by the
# easiest faces, whose RGB error is close to zero.
