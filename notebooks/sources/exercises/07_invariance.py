# %% [markdown]
# # Exercises 07 · What does a number forgive?
#
# To the lesson: [invariance](../07_invariance.ipynb) ·
# the same [with solutions](../solutions/07_invariance.ipynb)
#
# One to recall, two to build, one open.
#
# Below each `# your code here` replace every `...`, run the cell, then the check under it. A check
# says what went wrong, not what is right. What the lessons have trained is taken from `work`; what is
# missing is made, as in the lessons.
#
# An open exercise wants `rows`, a list of dicts with the keys that it names (and more, if you like), and
# `finding`, a few sentences with the numbers that they rest on.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # pairs with a label; None for the scale's number

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import numpy as np

from mlcmkd.course import checks
from mlcmkd.evaluation.invariance import linear_cka, measure_invariance
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## 1 · Recall: what does CKA forgive?
#
# Take a set of features and change it in one of six ways. Does its linear CKA with the unchanged set
# stay 1? A list of six `True` or `False`, in this order:

# %% tags=["solution"]
# a constant added to each channel
# all channels three times as large
# one channel three times as large
# channels rotated into each other
# channels in another order
# rows of one side in another order
# your code here
answers = [True, True, False, True, True, False]

# %% tags=["check"]
print(checks.invariance.cka_stays(answers))

# %% [markdown] tags=["discussion"]
# **See it.**

# %% tags=["discussion", "fact", "nbval-check-output"]
rng = np.random.default_rng(0)
x = rng.normal(size=(500, 6)) * np.arange(1, 7)
changed = {
    "a constant added to each channel": x + np.arange(6),
    "all channels three times as large": 3 * x,
    "one channel three times as large": x * [1, 1, 1, 1, 1, 3],
    "channels rotated into each other": x @ np.linalg.qr(rng.normal(size=(6, 6)))[0],
    "channels in another order": x[:, ::-1],
    "rows of one side in another order": x[::-1],
}
for name, y in changed.items():
    print(f"{name:35} {linear_cka(x, y):.2f}")

# %% [markdown]
# ## 2 · Build: linear CKA
#
# Write `cka(x, y)` for arrays (n, p) and (n, q), by the formula of the lesson.


# %% tags=["solution"]
# your code here
def cka(x, y):
    """Linear CKA of two sets of features of the same n things, 0 to 1."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return np.linalg.norm(y.T @ x) ** 2 / scale


# %% tags=["check"]
print(checks.invariance.cka(cka))

# %% [markdown]
# ## 3 · Build: folds that do not leak
#
# The probe's rows are all RGB features, then all thermal ones: `np.concatenate([rgb, thermal])`.
# `subjects` tells who is seen in each pair. Make `groups`, one for each row, so that cross-validation
# by groups asks about people whom the probe has not seen.

# %% tags=["solution"]
pairs = lesson.pairs("val")
subjects = pairs.subjects
print(len(subjects), "pairs of", len(set(subjects)), "people")
# your code here
groups = np.tile(subjects, 2)

# %% tags=["check"]
print(checks.invariance.folds(groups, subjects))

# %% [markdown]
# ## 4 · Open: which numbers depend on how many faces are asked?
#
# Measure the same student with few faces and with many. CKA, recall@1 and the probe: which of them
# changes by the count alone, which way, and what follows for two papers that used different counts?
#
# Hint: `measure_invariance(teacher, student, pairs.subset(range(n)), faces=None)`; a row needs
# `faces`, `cka` and `recall_at_1`. What is chance for each?

# %% tags=["solution"]
teacher = Landmarker.load(course.teacher_run(lesson) / WEIGHTS)
student = Landmarker.load(course.student_run(lesson) / WEIGHTS)
# your code here
rows = []
for count in (
    [n for n in (20, 40, 80, 160, 300) if n <= len(pairs)] if not lesson.fast else (8, 12, 16)
):
    it = measure_invariance(teacher, student, pairs.subset(range(count)), faces=None)
    rows.append({"faces": count, "cka": it.cka, "recall_at_1": it.recall_at_1})
    rows[-1] |= {"probe": it.probe_accuracy}
    print(
        f"{count:3} faces: CKA {it.cka:.2f}, recall@1 {100 * it.recall_at_1:3.0f} % "
        f"(chance {100 / count:.1f} %), probe {100 * it.probe_accuracy:3.0f} %"
    )
few, many = rows[0], rows[-1]
finding = (
    f"From {few['faces']} to {many['faces']} faces CKA goes from {few['cka']:.2f} to {many['cka']:.2f}, "
    f"recall@1 from {100 * few['recall_at_1']:.0f} to {100 * many['recall_at_1']:.0f} %, and the probe "
    f"from {100 * few['probe']:.0f} to {100 * many['probe']:.0f} %: one student, one set of weights."
)

# %% tags=["check"]
print(checks.invariance.counts(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** Recall looks for one face among all: with more faces there are more to be mistaken for,
# and it falls, though the student is the same (and chance, one over their number, falls faster still).
# CKA has a row a *place*, thousands even of few faces, so it does not mind. The probe is at its ceiling
# from the start, and tells nothing about the count. A recall without its count is as empty as an NME
# without its normaliser.
