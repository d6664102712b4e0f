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
# so a part of the evidence is the same. Most of this agreement exists before any training on thermal
# images, and the teacher's guidance does not measurably increase it over training on labels alone.
#
# **Goals.** After this notebook you can explain the prediction of a landmark, or of a group of
# landmarks, by a map of credits, state what such a map answers, and compare the maps of two networks.
#
# **Time.** About fifteen minutes to read, one to run on two CPU cores, more if earlier runs are
# missing. **Prerequisites.** [02](02_teacher.ipynb), [03](03_ktl_dikd.ipynb) and [04](04_mcl.ipynb), and
# the concept of a gradient: the change of an output per change of an input. Terms are in the
# [glossary](../docs/glossary.md). The optional notebook [06b](06b_trust.ipynb) tests whether maps can be
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
from tqdm.auto import tqdm

from mlcmkd import Landmarker, attribution, plots
from mlcmkd.attribution import attribute, baseline_of, predict
from mlcmkd.plots.attributions import Column
from mlcmkd.training.run_directory import WEIGHTS

ours, explained = lesson.strategy, lesson.landmark
runs = {
    "RGB teacher": course.teacher_run(lesson),
    "none": course.student_run(lesson, "none"),
    ours: course.student_run(lesson),
    f"light, {ours}": course.light_student_run(lesson),
}
models = {name: Landmarker.load(run / WEIGHTS) for name, run in runs.items()}
students = [name for name in models if name != "RGB teacher"]


def input_of(name, batch):
    """The images of a batch in the modality of a model."""
    return batch.rgb if models[name].spec.modality == "rgb" else batch.thermal


batch, _ = course.one_per_person(lesson.pairs("val"), lesson.faces)

# %% [markdown]
# Four models: the RGB teacher; a thermal student of the same size that was trained only on labels
# (*none*); one that was also trained by the teacher; and the light student of the latter.
#
# ## The pictures first

# %%
maps = {
    name: attribute(
        model,
        input_of(name, batch),
        explained,
        target=lesson.target,
        steps=lesson.sizes.path_steps,
    ).maps
    for name, model in models.items()
}
figure = plots.attribution_maps(
    batch.rgb, batch.thermal, maps["RGB teacher"], maps[ours],
    landmarks=batch.landmarks, landmark=explained,
)  # fmt: skip
lesson.show(figure, "06_rgb_thermal")

# %% [markdown]
# **How to read it.** One face per row: the RGB teacher on the left, the thermal student on the right.
# Orange pixels speak for the predicted position of the landmark, purple ones against it; the blue ring
# is the annotated position. Each map has its own scale.

# %%
columns = [Column(name, batch.thermal[:2], maps[name][:2]) for name in students]
figure = plots.attribution_grid(columns, landmarks=batch.landmarks[:2], landmark=explained)
lesson.show(figure, "06_before_after")

# %% [markdown]
# **How to read it.** The same thermal images with three students: trained only on labels, trained also
# by the teacher, and light. How such a map is made is the subject of the next sections.
#
# ## The idea
#
# Start from an image without information about the landmark, the **baseline**, and interpolate to the
# image. Along this path the landmark becomes predictable. Each pixel is credited for its contribution.

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
# modalities. The head gives a score for each cell of a landmark's heatmap, and a **softmax** turns the
# scores into probabilities that add up to 1. The table shows the **log-probability**, the logarithm of
# the probability of the cell in which the network locates the landmark in the complete image; 0 means
# certainty.
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
# | $u$ | position along the path, 0 to 1 (in papers often $\alpha$) | `u` |
# | $F$ | the scalar that is explained, see below | `scalar` |
# | $\int du$ | here a mean over equal steps | `total / steps` |
# | $A_i$ | the credit of pixel $i$: its **attribution** | `credit` |
#
# The equation on the right is **completeness**: the credits sum to the change of $F$. The method is
# called **integrated gradients**.
#
# A heatmap has no class score, so $F$ has to be chosen. *log-probability*: why is the landmark located
# here and not elsewhere? *x* or *y*: what shifts the prediction to the right or down? For a **group**
# (an eye, the mouth, all 68), $F$ is the mean over its landmarks.

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
# `attribute` in [`mlcmkd/attribution/`](../mlcmkd/attribution/) computes the same with captum and other
# steps (Gauss-Legendre), which are more accurate where $F$ is smooth along the path.
#
# ## Six methods side by side
#
# | method | question | property |
# |---|---|---|
# | integrated gradients | what does each pixel add on the path from $x'$? | complete; $x'$ is a choice |
# | SmoothGrad | how would $F$ change with a pixel? Mean over noisy copies | not in units of $F$ |
# | GradientSHAP | like the first, at random points from noisy baselines | complete on average |
# | occlusion | how much does $F$ decrease if a square is blurred? | resolution of its square |
# | Grad-CAM | which channels of `features` increase $F$, and where? | coarse; shows no *against* |
# | ablation | how much does $F$ decrease if a region is blurred? | one number per region |

# %%
rows = []
for name in ("RGB teacher", ours):
    maps = {
        method: attribute(
            models[name],
            input_of(name, batch)[:1],
            explained,
            method=method,
            target=lesson.target,
            steps=lesson.sizes.path_steps,
        ).maps
        for method in attribution.METHODS
    }
    rows.append((name, input_of(name, batch)[:1], maps))
figure = plots.method_grid(rows, landmarks=batch.landmarks, landmark=explained)
lesson.show(figure, "06_methods")

# %% [markdown]
# **How to read it.** One face; one model per row, one method per column. The methods answer different
# questions, so different maps do not mean that one is wrong.
#
# ### A group of landmarks

# %%
rows = []
for name in ("RGB teacher", ours):
    maps = {
        group: attribute(
            models[name], input_of(name, batch)[:1], group, target=lesson.target,
            steps=lesson.sizes.path_steps,
        ).maps
        for group in ("left eye", "eye", "brow", "nose", "mouth", "jaw", "all")
    }  # fmt: skip
    rows.append((name, input_of(name, batch)[:1], maps))
lesson.show(plots.method_grid(rows), "06_groups")

# %% [markdown]
# **How to read it.** Integrated gradients of the mean over the landmarks of each group. Check whether
# the credit of a group lies on the group itself or on other parts of the face that indicate its
# position.
#
# ## The same positions?
#
# Pictures of a few faces are not sufficient evidence. Two measures over many faces:
#
# - **Spearman's rank correlation** of the two maps: do they rank all positions in the same order?
# - **Overlap**: which share of the strongest tenth of the positions do they have in common?
#
# Positions are squares of 4 x 4 pixels with the sum of their absolute credits. Two references: the value
# for unrelated maps (**chance**), and the thermal map of **another person's face**, because most nose
# tips lie near the middle of their crop. *Start* is the RGB teacher without further training, with
# thermal input. The two large students started from its weights, the light one from random weights.

# %%
test, people = course.one_per_person(lesson.pairs("test"), 4 if lesson.fast else lesson.measured)
outputs = {f"landmark {explained}": explained, "eyes": "eye", "mouth": "mouth"}
steps = 4 if lesson.fast else 16
maps = {
    name: attribution.integrated_gradients_per_landmark(
        model, input_of(name, test), list(outputs.values()), target=lesson.target, steps=steps
    )
    for name, model in tqdm(models.items(), desc="attributing", unit="model")
}
maps["start"] = attribution.integrated_gradients_per_landmark(
    models["RGB teacher"], test.thermal, list(outputs.values()), target=lesson.target, steps=steps
)
agreements = {
    (output, name): attribution.agreement(maps["RGB teacher"][:, n], maps[name][:, n], people)
    for n, output in enumerate(outputs)
    for name in ("start", *students)
}
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
    + f"; of {ours} with another person's face {other:.2f}. {len(people)} test faces."
)

# %% [markdown]
# **How to read it.** Each line compares a model with thermal input to the RGB teacher. Circles: both
# maps are of the same face. Squares: the thermal map is of another person. Bars are 95 % intervals over
# faces. Values to the right of the dashed line are above chance. The distance of a circle from *its
# square* is the agreement that is specific to the face.
#
# **The verdict.** The circles lie clearly to the right of their squares: the networks use partly the
# same positions of this face. Most of it is there at the start, where nothing was trained on thermal
# images. The students *none* and DIKD are level, so the teacher's guidance is not its cause. All
# intervals of the differences: [06b](06b_trust.ipynb).
#
# ## Can a map be trusted?
#
# A map is a claim about a network, and a plausible map can be wrong. Four rules; the optional notebook
# [06b](06b_trust.ipynb) tests each with numbers:
#
# 1. Compare the sum of the credits with $F(x) - F(x')$. A difference shows too few steps or an
#    unsuitable baseline.
# 2. Report the baseline. In a thermal image black is not neutral, it is a cold temperature; here it is a
#    blurred image.
# 3. Replace the weights by random ones. A map that stays the same, as the edges of the image do, does
#    not depend on the network.
# 4. Delete the pixels with the highest credit. If they matter, the landmark is lost sooner than by
#    deleting random pixels.
#
# **Try it.** Set `target = "x"` and compare the methods again: what shifts the landmark to the right?
# Set `landmark = 8`, the chin: is the neck cold or warm, and which model uses it? `mlcmkd attribute
# --group mouth --method occlusion` computes such maps for your own data.
#
# > **Takeaways**
# >
# > An attribution assigns the change of a scalar to pixels, so report the scalar $F$ and the baseline.
# > RGB and thermal networks find a landmark by partly the same positions of a face, and each has its own
# > besides. The claim that two models use the same positions needs many faces, an interval, and the
# > references chance and another person's face. Test a map before you believe it.
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
