# %% [markdown]
# # Exercises 07 · Properties of invariance measures
#
# *about 35 minutes*
#
# Lesson: [invariance](../07_invariance.ipynb) ·
# [solutions](../solutions/07_invariance.ipynb)
#
# One question of recall, two implementations, one open exercise.
#
# Replace every `...` below `# your code here`, run the cell, then run the check below it. A check
# explains a mistake but does not show the solution. Completed runs in `work` are reused, and missing
# runs are trained, as in the lessons.
#
# An open exercise requires `rows`, a list of dicts with the keys that it names (others are optional),
# and `finding`, a few sentences with the supporting numbers.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import numpy as np

from mlcmkd import Landmarker
from mlcmkd.course import checks
from mlcmkd.evaluation.invariance import linear_cka, measure_invariance
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## 1 · Recall: invariances of CKA
#
# *about 5 minutes*
#
# A set of features is changed in one of six ways. Does its linear CKA with the unchanged set stay 1?
# Give a list of six `True` or `False`, in this order:

# %% tags=["solution"]
# a constant added to each channel
# all channels three times as large
# one channel three times as large
# channels rotated into each other
# channels in another order
# rows of one modality in another order
# your code here
answers = [True, True, False, True, True, False]

# %% tags=["check"]
print(checks.invariance.cka_stays(answers))

# %% [markdown] tags=["discussion"]
# **Verify it.**

# %% tags=["discussion", "fact", "nbval-check-output"]
rng = np.random.default_rng(0)
x = rng.normal(size=(500, 6)) * np.arange(1, 7)
changed = {
    "a constant added to each channel": x + np.arange(6),
    "all channels three times as large": 3 * x,
    "one channel three times as large": x * [1, 1, 1, 1, 1, 3],
    "channels rotated into each other": x @ np.linalg.qr(rng.normal(size=(6, 6)))[0],
    "channels in another order": x[:, ::-1],
    "rows of one modality in another order": x[::-1],
}
for name, y in changed.items():
    print(f"{name:35} {linear_cka(x, y):.2f}")

# %% [markdown]
# ## 2 · Implement: linear CKA
#
# *about 10 minutes*
#
# Write `cka(x, y)` for arrays with one row for each of n samples, by the formula of the lesson.


# %% tags=["solution"]
# your code here
def cka(x, y):
    """Linear CKA of two sets of features of the same n samples, 0 to 1."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return np.linalg.norm(y.T @ x) ** 2 / scale


# %% tags=["check"]
print(checks.invariance.cka(cka))

# %% [markdown]
# ## 3 · Implement: folds without a leak
#
# *about 5 minutes*
#
# The probe is tested by cross-validation: the rows are split into parts, and each part is tested by a
# classifier that was trained on the others. Rows with the same *group* always stay in one part.
#
# The rows are all RGB features, then all thermal features: `np.concatenate([rgb, thermal])`. `subjects`
# is the person of each pair. Compute `groups`, one for each row, so that the probe is tested on people
# it was not trained on.

# %% tags=["solution"]
pairs = lesson.pairs("val")
subjects = pairs.subjects
print(len(subjects), "pairs of", len(set(subjects)), "people")
# your code here
groups = np.tile(subjects, 2)

# %% tags=["check"]
print(checks.invariance.folds(groups, subjects))

# %% [markdown]
# ## 4 · Open: dependence on the number of faces
#
# *about 15 minutes*
#
# Measure the same student with few faces and with many. Which of CKA, recall@1 and the probe changes
# only because of the count, in which direction, and what does it mean for a comparison of two papers
# with different counts?
#
# Hint: `measure_invariance(teacher, student, pairs.subset(range(n)), faces=None)`; a row needs `faces`,
# `cka` and `recall_at_1`. What is the chance level of each?

# %% tags=["solution"]
teacher = Landmarker.load(course.teacher_run(lesson) / WEIGHTS)
student = Landmarker.load(course.student_run(lesson) / WEIGHTS)
# your code here
rows = []
for count in (
    [n for n in (20, 40, 80, 160, 300) if n <= len(pairs)] if not lesson.fast else (8, 12, 16)
):
    measures = measure_invariance(teacher, student, pairs.subset(range(count)), faces=None)
    rows.append({"faces": count, "cka": measures.cka, "recall_at_1": measures.recall_at_1})
    rows[-1] |= {"probe": measures.probe_accuracy}
    print(
        f"{count:3} faces: CKA {measures.cka:.2f}, recall@1 {100 * measures.recall_at_1:3.0f} % "
        f"(chance {100 / count:.1f} %), probe {100 * measures.probe_accuracy:3.0f} %"
    )
few, many = rows[0], rows[-1]
finding = (
    f"From {few['faces']} to {many['faces']} faces, CKA changes from {few['cka']:.2f} to "
    f"{many['cka']:.2f}, recall@1 from {100 * few['recall_at_1']:.0f} to "
    f"{100 * many['recall_at_1']:.0f} %, and the probe from {100 * few['probe']:.0f} to "
    f"{100 * many['probe']:.0f} %, for the same weights."
)

# %% tags=["check"]
print(checks.invariance.counts(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** Recall searches for one face among all. With more faces there are more candidates for
# confusion, and recall decreases although the student is the same (chance, one divided by the count,
# decreases even faster). CKA has one row per *position*, so there are thousands of rows even for few
# faces, and it hardly changes. The accuracy of the probe is at its maximum from the start and does not
# depend on the count. Recall without the number of faces cannot be compared, like an NME without its
# normaliser.
