# %% [markdown]
# # Exercises 08 · Significance, and your own data
#
# *about 50 minutes*
#
# Lesson: [results](../08_results.ipynb) ·
# [solutions](../solutions/08_results.ipynb)
#
# Two intervals, one manifest, one open exercise.
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
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import stats

from data_prep.writer import Entry, write_manifest
from mlcmkd import Landmarker
from mlcmkd.course import checks
from mlcmkd.data.pairs import from_synthetic, synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.evaluation.evaluate import evaluate_model
from mlcmkd.evaluation.tables import FEW_PAIRS, by_seed, in_setting, read_rows
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## 1 · Compute: two models on the same faces
#
# *about 10 minutes*
#
# `a` and `b` are the NME (as shares) of the light students with DIKD and without a teacher, on the same
# faces in the same order. Compute the 95 % interval `(low, high)` of the difference of their means, a
# minus b, in **percentage points**: the mean plus and minus 1.96 standard errors (the standard deviation
# divided by the root of the count), or a bootstrap (lesson 02).

# %% tags=["solution"]
pairs = lesson.pairs("val")
a, b = (
    course.scores_of(course.light_student_run(lesson, name), pairs).per_face
    for name in ("dikd", "none")
)
# your code here
difference = 100 * (a - b)
margin = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
interval = (difference.mean() - margin, difference.mean() + margin)

# %% tags=["check"]
print(checks.results.over_faces(interval, a, b))

# %% [markdown] tags=["discussion"]
# **Compare.** The interval of the same two models, wrongly treated as results on two different sets of
# faces:

# %% tags=["discussion"]
unpaired = 1.96 * 100 * np.hypot(stats.sem(a), stats.sem(b))
print(f"paired: +- {margin:.2f} points; unpaired: +- {unpaired:.2f} points")

# %% [markdown]
# ## 2 · Compute: two strategies over seeds
#
# *about 10 minutes*
#
# From a stored table: NME in percent by seed, DIKD with FD+LD (`ours`) and FD+LD (`theirs`), 500
# labelled pairs of 300W with simulated thermal images. Compute the 95 % interval of the difference of
# their means, `ours` minus `theirs`. For as few values as these, 1.96 is too small: use the factor of
# Student's t, `stats.t.ppf(0.975, n - 1)` for `n` differences. Which variation does this interval
# include that the previous one did not, and vice versa?

# %% tags=["solution", "fact", "nbval-check-output"]
table = in_setting(read_rows(course.RESULTS / "ktl_ablation.csv"), "300w-sim", FEW_PAIRS)
table = [row for row in table if row.pairs == 500]
ours, theirs = (
    by_seed(row for row in table if row.strategy == name) for name in ("dikd+fd+ld", "fd+ld")
)
print(f"ours   {dict(sorted(ours.items()))}\ntheirs {dict(sorted(theirs.items()))}")
# your code here
differences = np.array([ours[s] - theirs[s] for s in sorted(ours)])
margin = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
over_seeds = (differences.mean() - margin, differences.mean() + margin)
print(f"{over_seeds[0]:.3f} to {over_seeds[1]:.3f} points")

# %% tags=["check"]
print(checks.results.over_seeds(over_seeds, ours, theirs))

# %% [markdown] tags=["discussion"]
# **Why both are needed.** The interval over faces answers whether these two networks have the same order
# on other *people*. The interval over seeds answers whether these two strategies have the same order in
# another *training*, on the same people. A claim about a strategy needs the second, a claim about a
# product the first.

# %% [markdown]
# ## 3 · Implement: a manifest of your own data
#
# *about 15 minutes*
#
# Eight pairs of your own rig: a photo on disk, temperatures as an array (degrees C), and landmarks as
# stored in an annotator's `.pts` files, **counted from 1**, annotated by hand. Write a manifest of all
# eight into `folder`: each person in one split only (train and test), an explicit radiometry, and the
# origin of the labels.
#
# Hint: lesson 08, *Your own data from arrays*.

# %% tags=["solution"]
place = Path(tempfile.mkdtemp())
mine = synthetic_faces("test", 8, seed=99, size=160)
people, pts = [f"person{n}" for n in mine.identity], mine.landmarks + 1  # (8, 68, 2)
photos, celsius = [place / f"photo{n}.png" for n in range(8)], mine.thermal
for photo, image in zip(photos, mine.rgb, strict=True):
    Image.fromarray(image).save(photo)
print("people:", people)
# your code here
first = people[0]
entries = [
    Entry(
        id=f"mine/{n}",
        subject=people[n],
        split="train" if people[n] == first else "test",
        scheme="ibug68",
        landmarks=pts[n] - 1,
        rgb=photos[n],
        thermal=celsius[n],
        radiometry=FACE_CENTIKELVIN,
        labels="hand",
    )
    for n in range(8)
]
folder = write_manifest(entries, place / "manifest").folder

# %% tags=["check"]
print(checks.results.manifest(folder, pts))

# %% [markdown]
# ## 4 · Open: a change of the ambient temperature
#
# *about 15 minutes*
#
# The light student was trained on faces in rooms, cars and outdoors. Make everything in `mine` some
# degrees C warmer or colder, and measure the NME. At which change does it fail, and is the cause the
# *network* or the conversion of its input?
#
# Hint: `from_synthetic(replace(mine, thermal=mine.thermal + 5), model.spec.input_px)`, then
# `evaluate_model`; the input range is 18 to 40 degrees C. A row needs `celsius` and `nme_percent`. You
# can also try a hot lamp, more noise, or fewer bits.

# %% tags=["solution"]
model = Landmarker.load(course.light_student_run(lesson) / WEIGHTS)
more = synthetic_faces("test", 8 if lesson.fast else 60, seed=99)
# your code here
rows = []
for warmer in (-15, -10, -5, 0, 5, 10):
    moved = from_synthetic(replace(more, thermal=more.thermal + warmer), model.spec.input_px)
    clipped = float(((moved.thermal == 0) | (moved.thermal == 65535)).float().mean())
    nme = evaluate_model(model, moved, "thermal").nme
    rows.append({"celsius": warmer, "nme_percent": 100 * nme, "clipped": clipped})
    print(
        f"{warmer:+3} degrees C: NME {100 * nme:6.2f} %, {100 * clipped:3.0f} % of pixels clipped"
    )
finding = f"On {len(more.rgb)} faces, NME (inter-ocular) by change of temperature: " + ", ".join(
    f"{row['celsius']:+d} degrees {row['nme_percent']:.1f} %" for row in rows
)

# %% tags=["check"]
print(checks.results.warmer(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** The network normalises every image to mean 0 and standard deviation 1
# (`normalisation="image"`), so a constant offset has no effect on it. The *range* has an effect: pixels
# outside 18 to 40 degrees C are clipped, and their information is lost. Compare the NME with the share
# of clipped pixels. The solution is a range that covers the temperatures of the camera's scenes.
# Stretching every frame would hide the loss and also remove the temperature.
