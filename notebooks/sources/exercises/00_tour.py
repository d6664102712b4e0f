# %% [markdown]
# # Exercises 00 · What was the problem?
#
# To the lesson: [tour](../00_tour.ipynb) ·
# the same [with solutions](../solutions/00_tour.ipynb)
#
# One to recall, two to compute.
#
# Below each `# your code here` replace every `...`, run the cell, then the check under it. A check
# says what went wrong, not what is right. What the lessons have trained is taken from `work`; what is
# missing is made, as in the lessons.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the series: runs, figures, drawn faces
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
# True or false? Answer with a list of four `True` or `False`.

# %% tags=["solution"]
# a pair is one face at one moment
# the teacher learns on while it teaches
# the student needs an RGB camera when it is used
# a pair without a label can still teach
# your code here
answers = [True, False, False, True]

# %% tags=["check"]
print(checks.tour.statements(answers))

# %% [markdown]
# ## 2 · Compute: one NME by hand
#
# `prediction` and `target` are one face's 68 landmarks, in pixels. Compute its NME, **inter-ocular, in
# percent**, with NumPy alone. The outer eye corners are points 36 and 45, counted from 0.

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
# **Why so.** Distances first, then their mean, then the division: a mean of squares would let one bad
# point decide, and without the eye corners a face twice as large would look twice as bad.

# %% [markdown]
# ## 3 · Compute: how wide is the modality gap?
#
# The RGB teacher reads the validation faces twice: in RGB, and as it is in thermal. `on_rgb` and
# `on_thermal` hold the NME of every face, as shares. Say the gap in two ways: in **points** of
# percent, and as the **factor** by which the mean error grows.

# %% tags=["solution"]
run = course.teacher_run(lesson)
pairs = lesson.pairs("val")
on_rgb, on_thermal = (course.scores_of(run, pairs, side).per_face for side in ("rgb", "thermal"))
# your code here
points = 100 * (on_thermal.mean() - on_rgb.mean())
factor = on_thermal.mean() / on_rgb.mean()

# %% tags=["check"]
print(checks.tour.gap(points, factor, on_rgb, on_thermal))

# %% [markdown] tags=["discussion"]
# **Why so.** Points tell what a user feels, a factor tells how much of the teacher is lost. A mean of
# the faces' own ratios is a third number: there the easiest faces, whose RGB error is next to nothing,
# decide.
