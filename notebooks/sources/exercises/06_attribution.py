# %% [markdown]
# # Exercises 06 · What credit means
#
# To the lesson: [attribution](../06_attribution.ipynb) ·
# the same [with solutions](../solutions/06_attribution.ipynb)
#
# One by hand, two to build, one open.
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
import torch

from mlcmkd.attribution import integrated_gradients
from mlcmkd.course import checks
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## 1 · By hand: credits of a linear network
#
# Let $F(x) = w \cdot x + c$, four pixels, and a baseline that is not zero. Give the integrated
# gradients, one credit a pixel, and convince yourself that they add up to $F(x) - F(x')$.

# %% tags=["solution", "fact", "nbval-check-output"]
w = np.array([2.0, -1.0, 0.0, 3.0])
x, baseline = np.array([1.0, 1.0, 5.0, 0.5]), np.array([0.5, 0.5, 1.0, 0.5])
# your code here
credits = w * (x - baseline)  # the gradient is w all along the path
print(credits, "sum", credits.sum(), "F(x) - F(x')", w @ x - w @ baseline)

# %% tags=["check"]
print(checks.attribution.linear(credits, w, x, baseline))

# %% [markdown] tags=["discussion"]
# **Why so.** The third pixel moved most and gets nothing, since $F$ does not look at it; the last one
# weighs most and gets nothing, since it did not move. A map of gradients would have named the last
# one.

# %% [markdown]
# ## 2 · Build: the sum along the path
#
# Write `path_integral(gradient, x, baseline, steps)`, where `gradient(x)` gives the gradient of $F$
# at a point, an array like x. It is called with $F = \sum x^3$.


# %% tags=["solution"]
# your code here
def path_integral(gradient, x, baseline, steps):
    """Integrated gradients of a function by its gradient, an array like x."""
    middles = (np.arange(steps) + 0.5) / steps
    mean = sum(gradient(baseline + a * (x - baseline)) for a in middles) / steps
    return (x - baseline) * mean


# %% tags=["check"]
print(checks.attribution.path_integral(path_integral))

# %% [markdown]
# ## 3 · Build: how much is near?
#
# `maps` (faces, h, w) are signed attributions, `near` is True where a pixel lies near the landmark.
# Write `share_near`: for every face, the share of all attribution that is near.


# %% tags=["solution"]
# your code here
def share_near(maps, near):
    """Share of each map's attribution that is near, (faces,), 0 to 1."""
    size = abs(maps)
    return (size * near).sum(axis=(1, 2)) / size.sum(axis=(1, 2))


# %% tags=["check"]
print(checks.attribution.share_near(share_near))

# %% [markdown]
# ## 4 · Open: does the baseline decide what we see?
#
# The same student, the same thermal faces, the same landmark: how alike are the maps under the
# baselines `"blur"`, `"mean"` and `"black"`? For two baselines each, give the correlation of the
# maps' pixels, and the completeness error of the one that you compare with blur.
#
# Hint: `integrated_gradients(model, images, 30, baseline="black", steps=...)`. A row needs
# `correlation` and `completeness_percent`. Try another landmark: 8, the chin, has the least to go by.

# %% tags=["solution"]
model = Landmarker.load(course.student_run(lesson) / WEIGHTS)
pairs = lesson.pairs("val")
batch = make_batch(pairs, torch.arange(4) * 4 % len(pairs), NO_AUGMENTATION, torch.Generator())
# your code here
rows = []
for landmark in (30, 8):
    found = {
        kind: integrated_gradients(
            model, batch.thermal, landmark, baseline=kind, steps=lesson.sizes.path_steps
        )
        for kind in ("blur", "mean", "black")
    }
    for kind in ("mean", "black"):
        both = torch.stack([found["blur"].maps.flatten(), found[kind].maps.flatten()])
        rows.append({"landmark": landmark, "baseline": kind})
        rows[-1]["correlation"] = float(torch.corrcoef(both)[0, 1])
        error = 100 * float(found[kind].completeness_error.median())
        rows[-1]["completeness_percent"] = error
        told = f"correlation with blur {rows[-1]['correlation']:+.2f}, completeness {error:.1f} %"
        print(f"landmark {landmark:2}, {kind:5}: {told}")
finding = (
    f"Correlation with the maps of the blurred baseline, {len(batch.thermal)} faces, "
    f"{lesson.sizes.path_steps} steps: "
    + ", ".join(f"landmark {r['landmark']}, {r['baseline']} {r['correlation']:+.2f}" for r in rows)
)

# %% tags=["check"]
print(checks.attribution.baselines(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** A map answers "what did this image add *to that baseline*", so low correlations are no
# error of the method: they are other questions. Name the baseline beside every map.
#
# Did you see that *mean* and *black* miss by nearly the same share? The network takes from
# every image its mean and divides by its standard deviation, so both paths look the same to it: a
# constant image is nothing, whatever its value. Only the bookkeeping differs, since credits are
# multiplied by $x - x'$. And at the path's start the division blows up what is hardly there, so a few
# first steps carry most of the way: that is why these baselines need more points than blur does. Look at
# the completeness first; a map whose credits do not add up answers no question at all.
