# %% [markdown]
# # 06 · Attribution: which pixels was a landmark found by?
#
# **You will be able to** compute integrated gradients of one landmark, check their completeness,
# compare RGB with thermal on the same face, and a student before and after distillation.
#
# **Time** under a minute on two CPU cores, more if earlier runs have to be made. **You need**
# [02](02_teacher.ipynb) and [03](03_ktl_dikd.ipynb).

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"  # the student that is compared with "none"
decay = "cosine"
guide = "both"
labelled = None  # pairs with a label; None for the scale's number
landmark = 30  # which landmark is explained; 30 is the nose tip
target = "log-probability"  # what of it: log-probability, x or y
faces = 4  # how many faces are shown, at most 8

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.AttributionLesson)

# %%
import numpy as np
import torch

from mlcmkd import plots
from mlcmkd.attribution import baseline_of, integrated_gradients
from mlcmkd.models import Landmarker
from mlcmkd.plots.attributions import Column
from mlcmkd.runs import WEIGHTS
from mlcmkd.transforms import NO_AUGMENTATION, make_batch

runs = {
    "RGB": course.teacher(lesson),
    "none": course.student(lesson, "none"),
    lesson.strategy: course.student(lesson),
}
models = {name: Landmarker.load(run / WEIGHTS) for name, run in runs.items()}
pairs = lesson.pairs("val")
index = torch.arange(lesson.faces) * 4 % len(pairs)  # one picture a person
batch = make_batch(pairs, index, NO_AUGMENTATION, torch.Generator())

# %% [markdown]
# ## The idea
#
# Start from an image in which nothing is left to find, the **baseline**, and fade over to the image.
# On the way the landmark appears. Every pixel gets credit for what it added.

# %%
alphas = (0.0, 0.25, 0.5, 0.75, 1.0)
blurred = baseline_of(batch.rgb[:1], "blur"), baseline_of(batch.thermal[:1], "blur")
path = [
    torch.cat([start + a * (end[:1] - start) for a in alphas])
    for start, end in zip(blurred, (batch.rgb, batch.thermal), strict=True)
]
titles = [f"alpha = {a:g}" for a in alphas]
sheet = plots.contact_sheet(*path, unit="input, 0 to 1", limits=(0, 1), columns=5, titles=titles)
lesson.show(sheet, "06_path")

# %% [markdown]
# **How to read it.** From the blurred baseline (left) to the image (right), in both modalities.
#
# ## The formula
#
# $$A_i = (x_i - x'_i)\int_0^1 \frac{\partial F\big(x' + \alpha(x - x')\big)}{\partial x_i}\,d\alpha,
#   \qquad \sum_i A_i = F(x) - F(x')$$
#
# $x$ is the image, $x'$ the baseline, $F$ the number that is explained, and $A_i$ the attribution of
# pixel $i$. Here $F$ is the log-probability of the cell where the landmark was found: *why here and
# nowhere else*. The right-hand equation is **completeness**: the credits add up. In the code:
# `integrated_gradients` in [`mlcmkd/attribution.py`](../mlcmkd/attribution.py), by captum; `steps`
# points replace the integral, and `completeness_error` tells how well.
#
# ### What goes wrong: too few steps

# %%
counts = (2, 4, 8) if lesson.fast else (2, 4, 8, 16, 32, 64)
errors = {}
for name, side in {"RGB": "rgb", lesson.strategy: "thermal"}.items():
    errors[f"{side}, {name if side == 'thermal' else 'teacher'}"] = [
        float(
            integrated_gradients(
                models[name],
                getattr(batch, side)[:2],
                lesson.landmark,
                target=lesson.target,
                steps=steps,
            ).completeness_error.mean()
        )
        for steps in counts
    ]
lesson.show(plots.completeness_curves(counts, errors), "06_completeness")

# %% [markdown]
# **How to read it.** The share of $F(x) - F(x')$ that the credits miss, over the number of steps, both
# axes logarithmic. A map made with few steps looks no worse, and is wrong.
#
# ## RGB against thermal, the same faces

# %%
found = {
    name: integrated_gradients(
        model,
        batch.rgb if name == "RGB" else batch.thermal,
        lesson.landmark,
        target=lesson.target,
        steps=lesson.sizes.path_steps,
    )
    for name, model in models.items()
}
figure = plots.attribution_maps(
    batch.rgb,
    batch.thermal,
    found["RGB"].maps,
    found[lesson.strategy].maps,
    landmarks=batch.landmarks,
    landmark=lesson.landmark,
)
lesson.show(figure, "06_rgb_thermal")

# %% [markdown]
# **How to read it.** Orange pixels spoke for the place where the landmark was found, purple ones against
# it; the blue ring is where it was annotated. Compare each row: does the same face give itself away by
# the same places in RGB and in thermal?
#
# ## Before and after distillation

# %%
columns = [
    Column("none", batch.thermal, found["none"].maps),
    Column(lesson.strategy, batch.thermal, found[lesson.strategy].maps),
]
figure = plots.attribution_grid(columns, landmarks=batch.landmarks, landmark=lesson.landmark)
lesson.show(figure, "06_before_after")

# %% [markdown]
# **How to read it.** The same thermal images, read by a student that had only the labels, and by one
# that had the teacher as well.
#
# Pictures of four faces persuade too easily. A number over more faces: which share of all attribution
# lies within a tenth of the input's side of the landmark?

# %%
many = make_batch(pairs, torch.arange(min(32, len(pairs))), NO_AUGMENTATION, torch.Generator())
axis = (torch.arange(lesson.sizes.input_px) + 0.5) / lesson.sizes.input_px - 0.5
place = many.landmarks[:, lesson.landmark, :, None, None]
near = (axis[None, None, :] - place[:, 0]) ** 2 + (axis[None, :, None] - place[:, 1]) ** 2 < 0.01
rows = []
for name, model in models.items():
    side = "rgb" if name == "RGB" else "thermal"
    answer = integrated_gradients(
        model, getattr(many, side), lesson.landmark, target=lesson.target, steps=16
    )
    size = answer.maps.abs()
    share = ((size * near).sum((1, 2)) / size.sum((1, 2))).numpy()
    rows.append(
        {
            "name": f"{side}, {'teacher' if side == 'rgb' else name}",
            "share": f"{100 * share.mean():.1f} ± {100 * share.std() / np.sqrt(len(share)):.1f}",
            "completeness": f"{100 * float(answer.completeness_error.median()):.1f}",
        }
    )
chance = 100 * float(near.float().mean())
names = {
    "name": "model",
    "share": "attribution near the landmark (%)",
    "completeness": "median completeness error (%)",
}
lesson.say(
    course.markdown_table(rows, names)
    + f"\n\nMean and standard error over {len(near)} faces; {chance:.1f} % of the pixels lie that near."
)

# %% [markdown]
# **How to read it.** A share near that of the pixels would mean that the model looks everywhere alike.
#
# ## Summary
#
# - Integrated gradients credit pixels for what they add on the way from a baseline to the image.
# - Completeness tells whether the steps were enough; the baseline is a choice, and has to be named.
# - Maps show; a number over many faces is needed to claim.
#
# ## References
#
# - Sundararajan et al., *Axiomatic attribution for deep networks*, 2017.
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
