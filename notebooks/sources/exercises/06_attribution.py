# %% [markdown]
# # Exercises 06 · Attribution
#
# *about 40 minutes*
#
# Lesson: [attribution](../06_attribution.ipynb) ·
# [solutions](../solutions/06_attribution.ipynb)
#
# One computation by hand, two implementations, one open exercise.
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
import torch

from mlcmkd import Landmarker
from mlcmkd.attribution import integrated_gradients
from mlcmkd.course import checks
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## 1 · By hand: credits of a linear network
#
# *about 10 minutes*
#
# A linear network has four pixels as its input: $F(x)$ is `w @ x` plus a constant. The baseline is not
# zero. Compute the integrated gradients, one credit per pixel, and check that they sum to
# $F(x) - F(x')$.

# %% tags=["solution", "fact", "nbval-check-output"]
w = np.array([2.0, -1.0, 0.0, 3.0])
x, baseline = np.array([1.0, 1.0, 5.0, 0.5]), np.array([0.5, 0.5, 1.0, 0.5])
# your code here
credits = w * (x - baseline)  # the gradient is w along the whole path
print(credits, "sum", credits.sum(), "F(x) - F(x')", w @ x - w @ baseline)

# %% tags=["check"]
print(checks.attribution.linear(credits, w, x, baseline))

# %% [markdown] tags=["discussion"]
# **Explanation.** The third pixel changed most and gets no credit, because $F$ does not depend on it.
# The last one has the largest weight and gets no credit, because it did not change. A map of gradients
# would have selected the last one.

# %% [markdown]
# ## 2 · Implement: the sum along the path
#
# *about 10 minutes*
#
# Write `path_integral(gradient, x, baseline, steps)`, where `gradient(x)` returns the gradient of $F$ at
# a point, an array like x. It is called with $F = \sum x^3$.


# %% tags=["solution"]
# your code here
def path_integral(gradient, x, baseline, steps):
    """Integrated gradients of a function, from its gradient; an array like x."""
    middles = (np.arange(steps) + 0.5) / steps
    mean = sum(gradient(baseline + a * (x - baseline)) for a in middles) / steps
    return (x - baseline) * mean


# %% tags=["check"]
print(checks.attribution.path_integral(path_integral))

# %% [markdown]
# ## 3 · Implement: attribution near the landmark
#
# *about 5 minutes*
#
# `maps` (faces, h, w) are signed attributions, `near` is True where a pixel lies near the landmark.
# Write `share_near`: for every face, the share of the absolute attribution that is near.


# %% tags=["solution"]
# your code here
def share_near(maps, near):
    """Share of the absolute attribution of each map that is near, (faces,), 0 to 1."""
    size = abs(maps)
    return (size * near).sum(axis=(1, 2)) / size.sum(axis=(1, 2))


# %% tags=["check"]
print(checks.attribution.share_near(share_near))

# %% [markdown]
# ## 4 · Open: the effect of the baseline
#
# *about 15 minutes*
#
# The same student, the same thermal faces, the same landmark: how similar are the maps with the
# baselines `"blur"`, `"mean"` and `"black"`? For two baselines each, compute the correlation of the
# pixels of their maps, and the completeness error of the one that you compare with blur.
#
# Hint: `result = integrated_gradients(model, images, 30, baseline="black", steps=...)` has `result.maps`
# and `result.completeness_error`, the share of $F(x) - F(x')$ that is missing in the credits, for each
# face. The baseline *mean* is an image that has the mean of its pixels everywhere. A row needs
# `correlation` and `completeness_percent`. Try another landmark: 8, the chin.

# %% tags=["solution"]
model = Landmarker.load(course.student_run(lesson) / WEIGHTS)
pairs = lesson.pairs("val")
batch = make_batch(pairs, torch.arange(4) * 4 % len(pairs), NO_AUGMENTATION, torch.Generator())
# your code here
rows = []
for landmark in (30, 8):
    results = {
        kind: integrated_gradients(
            model, batch.thermal, landmark, baseline=kind, steps=lesson.sizes.path_steps
        )
        for kind in ("blur", "mean", "black")
    }
    for kind in ("mean", "black"):
        both = torch.stack([results["blur"].maps.flatten(), results[kind].maps.flatten()])
        rows.append({"landmark": landmark, "baseline": kind})
        rows[-1]["correlation"] = float(torch.corrcoef(both)[0, 1])
        error = 100 * float(results[kind].completeness_error.median())
        rows[-1]["completeness_percent"] = error
        correlation = rows[-1]["correlation"]
        print(
            f"landmark {landmark:2}, {kind:5}: correlation with blur {correlation:+.2f}, "
            f"completeness error {error:.1f} %"
        )
finding = (
    f"Correlation with the maps of the blurred baseline, {len(batch.thermal)} faces, "
    f"{lesson.sizes.path_steps} steps: "
    + ", ".join(f"landmark {r['landmark']}, {r['baseline']} {r['correlation']:+.2f}" for r in rows)
)

# %% tags=["check"]
print(checks.attribution.baselines(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** A map shows what the image contributes *relative to the baseline*. Low correlations are
# not an error of the method, because different baselines are different questions. Report the baseline
# with every map.
#
# The completeness errors of *mean* and *black* are almost equal. The network subtracts the mean of every
# image and divides by its standard deviation, so both paths are equal for the network: a constant image
# carries no information, whatever its value. Only the credits differ, because they are multiplied by
# $x - x'$. At the start of the path, the division amplifies a very weak image, so most of the change
# occurs in the first few steps. Therefore these baselines need more steps than blur. Check the
# completeness error first: a map whose credits do not sum to $F(x) - F(x')$ is not valid.
