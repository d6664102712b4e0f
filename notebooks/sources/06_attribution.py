# %% [markdown]
# # 06 · Attribution: which pixels determine a landmark?
#
# ![Two faces, RGB and thermal, each beside the pixels that determine the nose
# tip](../docs/figures/lessons/06_rgb_thermal.png)
#
# **Question.** A thermal image shows no brow and hardly a nostril. Which pixels determine the tip of the
# nose in it, and are they those of the RGB image?
#
# **The answer first.** Both networks use the nose, and parts of the face around it: eyes, frames of
# glasses, mouth. Over many faces their maps agree more on the *same* face than on two different ones,
# so they use partly the same positions. Most of this agreement exists before any training on thermal
# images. A student with a teacher has no more of it than a student that learned from labels alone.
#
# **Goals.** After this notebook you can compute an **attribution**, a map that says how much each pixel
# contributes to the prediction of a landmark; state what such a map answers; and compare the maps of two
# networks.
#
# **Time.** About fifteen minutes to read, one to run on two CPU cores, more if earlier runs are missing
# (`make course-models LESSON=06` writes them). **Prerequisites.** [04](04_mcl.ipynb), and the concept of
# a gradient: the change of an output per change of an input. Terms are in the
# [glossary](../docs/glossary.md). The optional lesson [06b](06b_trust.ipynb) tests whether maps can be
# trusted.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # where missing runs are trained: auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # the student that is compared with "none"
decay = "cosine"
guide = "both"
labelled = None  # number of labelled pairs; None for the default of the scale
landmark = 30  # which landmark is explained; 30 is the nose tip
target = "log-probability"  # which output is explained: log-probability, x or y
faces = 2  # number of faces shown, at most 8
measured = 48  # number of people over whom agreement is measured, at most

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.AttributionLesson)

# %%
import numpy as np
import torch

from mlcmkd import attribution, plots
from mlcmkd.attribution import attribute, baseline_of, predict

ours, explained = lesson.strategy, lesson.landmark
models = course.attribution_models(lesson)
students = [name for name in models if name != "RGB teacher"]
batch, _ = course.one_per_person(lesson.pairs("val"), lesson.faces)

# %% [markdown]
# ## The pictures first
#
# Two networks: the RGB teacher, and the thermal student *dikd* of lesson 03.

# %%
maps = {
    name: attribute(
        models[name],
        course.input_of(models[name], batch),
        explained,
        target=lesson.target,
        steps=lesson.sizes.path_steps,
    ).maps
    for name in ("RGB teacher", ours)
}
figure = plots.attribution_maps(
    batch.rgb, batch.thermal, maps["RGB teacher"], maps[ours],
    landmarks=batch.landmarks, landmark=explained,
)  # fmt: skip
lesson.show(figure, "06_rgb_thermal")

# %% [markdown]
# **How to read it.** One face per row: the teacher on the left, the student on the right. Orange pixels
# speak for the predicted position of the landmark, purple ones against it; the blue ring is the
# annotated position. Each map is divided by its own 99th percentile, the value that 99 % of its pixels
# do not exceed.
#
# ## The idea
#
# Start from an image without information about the landmark, the **baseline**, here the blurred image,
# and move to the image in small steps. Along this path the landmark becomes predictable. Each pixel gets
# credit for its contribution.

# %%
steps_of_path = (0.0, 0.25, 0.5, 0.75, 1.0)  # u
path = [
    torch.cat([start + u * (end - start) for u in steps_of_path])
    for end in (batch.rgb[:1], batch.thermal[:1])
    for start in (baseline_of(end, "blur"),)
]
titles = [f"u = {u:g}" for u in steps_of_path]
sheet = plots.contact_sheet(*path, unit="input, 0 to 1", limits=(0, 1), columns=5, titles=titles)
lesson.show(sheet, "06_path")

# %%
rows = []
for name, images in (("RGB teacher", path[0]), (ours, path[1])):
    scalar = attribution.Scalar(models[name], explained, "log-probability")
    cells = scalar.cells(predict(models[name], images[-1:])).expand(len(images), -1)
    with torch.no_grad():
        values = scalar(images, cells)
    rows.append({"name": name} | {t: f"{v:.2f}" for t, v in zip(titles, values, strict=True)})
lesson.show_text(course.markdown_table(rows, {"name": "model"} | {t: t for t in titles}))

# %% [markdown]
# **How to read it.** From the blurred baseline (left, $u = 0$) to the image (right, $u = 1$), in both
# modalities. As in lesson 02, the head gives a probability for each cell of a landmark's heatmap. The
# table shows the **log-probability**: the logarithm of the probability of the cell in which the network
# locates the landmark in the complete image. It rises along the path; 0 would be certainty.
#
# ## The formula
#
# $$A_i = \underbrace{(x_i - x'_i)}_{\text{difference}}\int_0^1
#   \underbrace{\frac{\partial F\big(x' + u\,(x - x')\big)}{\partial x_i}}_{\text{gradient}}\,du,
#   \qquad \sum_i A_i = F(x) - F(x')$$
#
# | symbol | meaning | in the next cell |
# |---|---|---|
# | $x$ | the image | `image` |
# | $x'$ | the baseline | `start` |
# | $x_i - x'_i$ | difference of pixel $i$ between image and baseline | `change` |
# | $u$ | position along the path, 0 to 1 | `u` |
# | $F$ | the scalar that is explained, see below | `scalar` |
# | $\int du$ | here a mean over equal steps | `total / steps` |
# | $A_i$ | the credit of pixel $i$: its **attribution** | `credit` |
#
# In words: how sensitive is $F$ to a pixel on the way (the gradient), times how much the pixel changes.
# The method is called **integrated gradients**. The equation on the right is **completeness**: the
# credits sum to the change of $F$.
#
# $F$ has to be chosen. *log-probability*: why is the landmark located here and not elsewhere? *x* or
# *y*: what shifts the prediction to the right or down? For a **group** (an eye, the mouth, all 68), $F$
# is the mean over its landmarks.

# %%
model, image = models["RGB teacher"], batch.rgb[:1]
start = baseline_of(image, "blur")
change = image - start
scalar = attribution.Scalar(model, explained, lesson.target)
cells = scalar.cells(predict(model, image))
steps = 8 if lesson.fast else 64
total = torch.zeros_like(image)
for u in (torch.arange(steps) + 0.5) / steps:
    point = (start + u * change).requires_grad_()
    total += torch.autograd.grad(scalar(point, cells).sum(), point)[0]
credit = (change * total / steps).sum(dim=1)  # over colour channels

library = attribute(model, image, explained, target=lesson.target, steps=steps).maps
with torch.no_grad():
    difference = float(scalar(image, cells) - scalar(start, cells))
correlation = np.corrcoef(credit.flatten(), library.flatten())[0, 1]
lesson.show_text(
    f"The maps of this loop and of `attribute` have a correlation of {correlation:.4f}. "
    f"$F(x) - F(x')$ = {difference:.3f}; the credits of the loop sum to {float(credit.sum()):.3f}, "
    f"those of `attribute` to {float(library.sum()):.3f}."
)

# %% [markdown]
# The sums are near $F(x) - F(x')$, but not equal, because the path has a finite number of steps.
# `attribute` in [`mlcmkd/attribution/`](../mlcmkd/attribution/) computes the same with the library
# captum, which places the steps differently.
#
# ## Six methods side by side
#
# | method | question | property |
# |---|---|---|
# | integrated gradients | what does each pixel add on the path from $x'$? | complete; $x'$ is a choice |
# | SmoothGrad | mean gradient of $F$ over noisy copies of the image | not in units of $F$ |
# | GradientSHAP | as the first, at random points from noisy baselines | complete on average |
# | occlusion | how much does $F$ decrease if a square is blurred? | as coarse as the square |
# | Grad-CAM | which channels of the features increase $F$, and where? | coarse; only *for* |
# | ablation | how much does $F$ decrease if a region of the face is blurred? | one number per region |

# %%
rows = []
for name in ("RGB teacher", ours):
    maps = {
        method: attribute(
            models[name],
            course.input_of(models[name], batch)[:1],
            explained,
            method=method,
            target=lesson.target,
            steps=lesson.sizes.path_steps,
        ).maps
        for method in attribution.METHODS
    }
    rows.append((name, course.input_of(models[name], batch)[:1], maps))
figure = plots.method_grid(rows, landmarks=batch.landmarks, landmark=explained)
lesson.show(figure, "06_methods")

# %% [markdown]
# **How to read it.** One face; one network per row, one method per column. The methods answer different
# questions, so different maps do not mean that one is wrong. But a map can be wrong: Grad-CAM misses the
# nose in both rows. [06b](06b_trust.ipynb) measures that its maps explain the output hardly better than
# an empty map.
#
# ### A group of landmarks

# %%
rows = []
for name in ("RGB teacher", ours):
    maps = {
        group: attribute(
            models[name],
            course.input_of(models[name], batch)[:1],
            group,
            target=lesson.target,
            steps=lesson.sizes.path_steps,
        ).maps
        for group in ("left eye", "eye", "brow", "nose", "mouth", "jaw", "all")
    }
    rows.append((name, course.input_of(models[name], batch)[:1], maps))
lesson.show(plots.method_grid(rows), "06_groups")

# %% [markdown]
# **How to read it.** Integrated gradients of the mean over the landmarks of each group; *eye* is both
# eyes. Compare where the group is with where its credit lies: it can lie on other parts of the face,
# from which the network infers the position.
#
# ## The same positions?
#
# Pictures of a few faces are not sufficient evidence. Compare two maps by the sums of their absolute
# credits in squares of 4 x 4 pixels, over many faces, by two measures:
#
# - **Spearman's rank correlation**: do the maps rank all squares in the same order? 1 is the same order,
#   0 is no relation.
# - **Overlap**: which share of the strongest tenth of the squares do they have in common?
#
# Two references: the value for unrelated maps (**chance**), and the thermal map of **another person's
# face**, because most nose tips lie near the middle of their crop.
#
# Four networks with thermal input are compared with the RGB teacher: *none*, the student that learned
# only from labels; *dikd*; its light student of lesson 04; and *start*, the RGB teacher itself with
# thermal input, from whose weights the two large students started.

# %%
measured = course.measure_agreement(lesson, models)
agreements = measured.agreements
rows = {f"{output}: {name}": a.summary() for (output, name), a in agreements.items()}
chance = next(iter(agreements.values())).chance
lesson.show(plots.agreement_dots(rows, chance), "06_agreement")

# %%
kept = {
    name: agreements[f"landmark {explained}", name].own["spearman"] for name in ("start", *students)
}
other = agreements[f"landmark {explained}", ours].other["spearman"].mean()
lesson.show_text(
    f"Landmark {explained}, rank correlation with the RGB teacher's map of the same face: "
    + ", ".join(f"{name} {values.mean():.2f}" for name, values in kept.items())
    + f"; of {ours} with another person's face {other:.2f}. {len(measured.batch.rgb)} test faces."
)

# %% [markdown]
# **How to read it.** Each line compares a network with thermal input to the RGB teacher. Circles: both
# maps are of the same face. Squares: the thermal map is of another person. Bars are 95 % intervals over
# faces; the dashed line is chance. The distance of a circle from *its square* is the agreement that is
# specific to the face.
#
# **The verdict.** The circles lie clearly to the right of their squares: the networks use partly the
# same positions of this face. Most of this agreement is there at the start, where nothing was trained on
# thermal images. The students *none* and *dikd* do not differ clearly, so the teacher's guidance is not
# its cause. The differences and their intervals: [06b](06b_trust.ipynb).
#
# ## Can a map be trusted?
#
# A plausible map can be wrong. Four rules, which [06b](06b_trust.ipynb) tests with numbers:
#
# 1. Compare the sum of the credits with $F(x) - F(x')$. The share that is missing is the **completeness
#    error**: it shows too few steps or an unsuitable baseline.
# 2. Report the baseline. Other choices than the blurred image are a constant one, black or the mean of
#    the image. In a thermal image black is not neutral, it is a cold temperature.
# 3. Replace the weights by random ones. A map that stays the same does not depend on the network.
# 4. Delete the pixels with the highest credit. If they matter, the landmark is lost sooner than by
#    deleting random pixels.
#
# **Try it.** Set `target = "x"` and compare the methods again: what shifts the landmark to the right?
# Set `landmark = 8`, the chin: is the neck cold or warm, and which model uses it? `mlcmkd attribute
# --group mouth --method occlusion` computes such maps for your own data.
#
# > **Takeaways**
# >
# > An attribution distributes the change of a number $F$ over the pixels, so report $F$ and the
# > baseline. RGB and thermal networks find a landmark by partly the same positions of a face. The claim
# > that two networks use the same positions needs many faces, an interval, and two references: chance
# > and another person's face. Test a map before you believe it.
#
# **Exercises**, each with a check that explains typical mistakes:
# [attribution](exercises/06_attribution.ipynb) ([solutions](solutions/06_attribution.ipynb)).
#
# ## References
#
# - Sundararajan et al., [*Axiomatic attribution*](https://arxiv.org/abs/1703.01365), 2017.
# - Smilkov et al., [*SmoothGrad*](https://arxiv.org/abs/1706.03825), 2017.
# - Lundberg and Lee, [*A unified approach* (SHAP)](https://arxiv.org/abs/1705.07874), 2017.
# - Zeiler and Fergus, [*Visualizing convolutional networks*](https://arxiv.org/abs/1311.2901), 2014.
# - Selvaraju et al., [*Grad-CAM*](https://arxiv.org/abs/1610.02391), 2017.
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
