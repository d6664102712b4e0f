# %% [markdown]
# # 06 · Attribution: which pixels determine a landmark?
#
# **Goals.** After this notebook you can explain a landmark, or a group of landmarks, by six methods;
# distinguish a map that depends on the network from one that only looks plausible; and state with an
# interval whether an RGB and a thermal network use the same positions, before and after distillation.
#
# **Time.** One to two minutes on two CPU cores, more if earlier runs are missing; half an hour to
# read. **Prerequisites.** [02](02_teacher.ipynb), [03](03_ktl_dikd.ipynb) and [04](04_mcl.ipynb), and
# the concept of a gradient: the change of an output per change of an input.

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
faces = 4  # number of faces shown, at most 8
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
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.metrics import bootstrap_interval
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


def one_per_person(pairs, count):
    """The inputs of one pair per person without augmentation, and the subjects."""
    first = np.sort(np.unique(pairs.subjects, return_index=True)[1])[:count]
    batch = make_batch(pairs, torch.from_numpy(first), NO_AUGMENTATION, torch.Generator())
    return batch, [pairs.subjects[i] for i in first]


def input_of(name, batch):
    """The images of a batch in the modality of a model."""
    return batch.rgb if models[name].spec.modality == "rgb" else batch.thermal


batch, _ = one_per_person(lesson.pairs("val"), lesson.faces)
lesson.show_text(
    course.markdown_table(
        [{"name": n, "reads": m.spec.modality, "parameters": m.parameter_count()}
         for n, m in models.items()],
        {"name": "model", "reads": "input", "parameters": "parameters"},
    ),
    learned=False,
)  # fmt: skip

# %% [markdown]
# Four models: the RGB teacher; a thermal student of the same size that was trained only on labels
# (*none*); one that was also trained by the teacher; and the light student of the latter. Which
# positions do they use?
#
# ## The idea
#
# Start from an image without information about the landmark, the **baseline**, and interpolate to the
# image. Along this path the landmark becomes predictable. Each pixel is credited for its contribution.

# %%
alphas = (0.0, 0.25, 0.5, 0.75, 1.0)
path = [
    torch.cat([start + a * (end - start) for a in alphas])
    for end in (batch.rgb[:1], batch.thermal[:1])
    for start in (baseline_of(end, "blur"),)
]
titles = [f"alpha = {a:g}" for a in alphas]
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
# **How to read it.** From the blurred baseline (left) to the image (right), in both modalities. The
# table shows the **log-probability** of the heatmap cell where the network locates the landmark in the
# complete image; 0 means certainty.
#
# ## The formula
#
# $$A_i = \underbrace{(x_i - x'_i)}_{\text{difference}}\int_0^1
#   \underbrace{\frac{\partial F\big(x' + \alpha(x - x')\big)}{\partial x_i}}_{\text{gradient}}\,d\alpha,
#   \qquad \sum_i A_i = F(x) - F(x')$$
#
# | symbol | meaning | in the next cell |
# |---|---|---|
# | $x$ | the image | `image` |
# | $x'$ | the baseline | `start` |
# | $x_i - x'_i$ | difference of pixel $i$ between image and baseline | `change` |
# | $\alpha$ | position along the path, 0 to 1 | `alpha` |
# | $F$ | the scalar that is explained, see below | `scalar` |
# | $\int d\alpha$ | here a mean over equal steps | `total / steps` |
# | $A_i$ | the credit of pixel $i$: its **attribution** | `credit` |
#
# The equation on the right is **completeness**: the credits sum to the change of $F$.
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
for alpha in (torch.arange(steps) + 0.5) / steps:
    point = (start + alpha * change).requires_grad_()
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
prediction = {name: predict(model, input_of(name, batch)) for name, model in models.items()}
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
# **How to read it.** One face; one model per row, one method per column. Orange pixels increase $F$ for
# the predicted position of the landmark, purple ones decrease it; the blue ring is the annotated
# position. Each map has its own scale. The methods answer different questions, so different maps do not
# mean that one is wrong. The rest of this lesson examines which of them can be trusted.
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
# ## Typical mistakes
#
# ### Too few steps

# %%
counts = (2, 4) if lesson.fast else (2, 4, 8, 16, 32, 64)
convergence = {
    name: attribution.convergence(
        model, input_of(name, batch)[:2], explained, counts, target=lesson.target
    )
    for name, model in models.items()
}
errors = {n: c.completeness_error.mean(dim=1).tolist() for n, c in convergence.items()}
lesson.show(plots.completeness_curves(counts, errors), "06_completeness")
rows = [
    {"name": n} | {k: f"{v:.3f}" for k, v in zip(counts, c.similarity.mean(dim=1), strict=True)}
    for n, c in convergence.items()
]
names = {"name": "rank correlation with the map of the most steps"} | {k: str(k) for k in counts}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** The figure shows the share of $F(x) - F(x')$ that is missing in the sum of credits,
# over the number of steps, both axes logarithmic. The table shows the similarity of each map to the map
# of the most steps. A map with too few steps looks plausible but is wrong; the completeness error
# reveals it.
#
# ### A black baseline on a thermal image
#
# Black is the usual baseline for photos. In a thermal image, black is a *temperature*: cold. In
# addition, these networks normalise every image to mean 0 and standard deviation 1 (`normalise` in
# [`models/landmarker.py`](../mlcmkd/models/landmarker.py)). After normalisation, an image that is faded
# in from black is almost the same along the whole path; the same is true for a thermal image that is
# faded in from its mean. Almost all of the change happens just after the start of the path, where there
# are few steps.

# %%
kinds = ("blur", "mean", "black")
rows, panels = [], []
for name in ("RGB teacher", ours):
    images, maps = input_of(name, batch), {}
    for kind in kinds:
        result = attribute(
            models[name], images, explained, target=lesson.target, baseline=kind,
            steps=lesson.sizes.path_steps,
        )  # fmt: skip
        maps[f"baseline {kind}"] = result.maps
        bright = attribution.spearman(result.maps.abs(), images.mean(dim=1)).mean()
        start = baseline_of(images, kind)
        alpha = torch.tensor([0, 0.01, 0.1, 1]).view(-1, 1, 1, 1)
        fading = start[:1] + alpha * (images[:1] - start[:1])
        scalar = attribution.Scalar(models[name], explained, "log-probability")
        cells = scalar.cells(predict(models[name], images[:1])).expand(len(fading), -1)
        with torch.no_grad():
            values = scalar(fading, cells).tolist()
        rows.append(
            {
                "name": name,
                "baseline": kind,
                "along": ", ".join(f"{value:.2f}" for value in values),
                "completeness": f"{100 * float(result.completeness_error.median()):.1f}",
                "bright": f"{bright:.2f}",
            }
        )
    panels.append((name, images[:1], maps))
figure = plots.method_grid(panels, landmarks=batch.landmarks, landmark=explained)
lesson.show(figure, "06_baselines")
names = {
    "name": "model",
    "baseline": "baseline",
    "along": "log-probability at alpha = 0, 0.01, 0.1, 1",
    "completeness": "completeness error (median, %)",
    "bright": "rank correlation with brightness",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** Each map is scaled to its own strongest credits, so all of them look plausible. The
# third column (for the first face) shows where on the path the landmark becomes predictable: compare the
# change between 0 and 0.01 with the change from 0.01 to 1. The completeness error is the share of
# $F(x) - F(x')$ that is missing in the credits. The last column shows how similar a map without signs
# is to the brightness of the image (in thermal: the temperature). With a black baseline, $x_i - x'_i$
# equals $x_i$, so a pixel as cold as the baseline cannot get credit. All other figures use the baseline
# *blur*.
#
# ### A plausible map that does not depend on the network
#
# Adebayo et al. (2018) asked how a map changes if the network loses what it has learned. Replace its
# weights by those of an untrained network, part by part, from the output back to the input. A map that
# does not change did not depend on the weights. The control is a map that certainly does not depend on
# them: the **edges** of the image, which look plausible without any network.


# %%
def edges(images):
    """Gradient magnitude of the images, (B, P, P)."""
    down, across = torch.gradient(images.mean(dim=1), dim=(1, 2))
    return (down**2 + across**2).sqrt()


checked = ("integrated-gradients", "smoothgrad", "occlusion", "grad-cam")
few = slice(0, 1 if lesson.fast else 4)
name, images = "RGB teacher", batch.rgb[few]
options = {"target": lesson.target, "steps": 4 if lesson.fast else 16, "window": 0.25}
options["samples"] = 2 if lesson.fast else 16
randomised = {
    method: attribution.randomisation(models[name], images, explained, method=method, **options)
    for method in tqdm(checked, desc="randomising", unit="method")
}
parts = randomised[checked[0]].parts


def with_intervals(values):
    """Mean over faces and the ends of its bootstrap interval, of each row of (L, B)."""
    values = [row[np.isfinite(row)] for row in np.asarray(values)]
    return [
        (row.mean(), *bootstrap_interval(row)) if len(row) else (np.nan, np.nan, np.nan)
        for row in values
    ]


bars = {method: with_intervals(result.absolute) for method, result in randomised.items()}
bars["edges (control)"] = [(1.0, 1.0, 1.0)] * len(parts)
figure = plots.randomisation_bars(parts, bars, what="maps without their signs")
lesson.show(figure, "06_randomisation")

# %%
random = attribution.randomised_copies(models[name])[-1][1]
fixed = predict(models[name], images[:1])
rows = []
for title, network in (("trained", models[name]), ("all weights random", random)):
    maps = {
        method: attribute(
            network, images[:1], explained, method=method, prediction=fixed, **options
        ).maps
        for method in checked
    }
    unsigned = {f"|{method}|": m.abs() for method, m in maps.items()}
    rows.append((title, images[:1], {"edges": edges(images[:1]), **unsigned}))
lesson.show(plots.method_grid(rows, landmarks=batch.landmarks, landmark=explained), "06_survivors")
signed = {method: with_intervals(result.signed)[-1] for method, result in randomised.items()}
lesson.show_text(
    "Rank correlation with the map of the trained network after all weights are randomised: "
    + "; ".join(
        f"{method} {bars[method][-1][0]:.2f} without signs, {signed[method][0]:.2f} with them"
        for method in checked
    )
    + "; edges 1.00."
)

# %% [markdown]
# **How to read it.** Upper figure: the lower a bar, the more the map depends on the weights; in the
# rightmost group no weight is trained. Bars are means over faces with 95 % bootstrap intervals. Lower
# figure: the maps. *Edges* are the same in both rows, although they look plausible. What remains of a
# map in the lower row comes from the image and from the question (the same cell is explained, and an
# untrained network also uses the surroundings of a cell), not from training. Compare the printed
# numbers: without signs, as attributions are often shown, maps can remain similar although their signs
# no longer agree.
#
# ## Can a map be trusted?
#
# ### Insertion and deletion
#
# If the pixels with the highest credit are important, the landmark should become predictable early when
# they are inserted first, and be lost early when they are deleted first (Petsiuk et al., 2018). Two
# controls: pixels in **random order**, and the **map of another person**, which contains the usual
# position of the landmark but not this face. A pixel that is missing is taken from the blurred image, so
# no curve starts from an empty image.

# %%
test, people = one_per_person(lesson.pairs("test"), 2 if lesson.fast else 12)
name = ours
images, orders = input_of(name, test), {}
for method in tqdm(("integrated-gradients", "smoothgrad", "occlusion", "ablation"), desc="maps"):
    orders[method] = attribute(
        models[name], images, explained, method=method, steps=lesson.sizes.path_steps
    ).maps
orders["another person's"] = orders["integrated-gradients"].roll(1, dims=0)
generator = torch.Generator().manual_seed(lesson.seed)
orders["random order"] = torch.rand(images.shape[0], *images.shape[2:], generator=generator)

curves, areas = {}, {}
for kind in ("insertion", "deletion"):
    result = {
        order: attribution.pixel_curve(
            models[name], images, maps, explained, kind=kind, points=5 if lesson.fast else 17
        )
        for order, maps in orders.items()
    }
    curves[kind] = {order: c.values.mean(dim=0).numpy() for order, c in result.items()}
    areas[kind] = {
        order: (float(c.auc.mean()), *bootstrap_interval(c.auc.numpy()))
        for order, c in result.items()
    }
    fractions = result["random order"].fractions
figure = plots.pixel_curves(fractions, curves["insertion"], curves["deletion"], areas)
lesson.show(figure, "06_insertion_deletion")

# %% [markdown]
# **How to read it.** The thermal student, mean over test faces, one per person. Left: a higher curve
# means that the landmark was predictable earlier. Right: a lower curve means that it was lost earlier. A
# value above 100 % means that a part of the face gave a more confident prediction than the whole. A
# method is useful by the margin between its curve and *both* grey lines. (Scattered pixels are not a
# natural image; part of the network's response is due to this. It is a weakness of this check, so other
# checks are needed.)
#
# ### Infidelity and sensitivity
#
# Two measures by Yeh et al. (2019). **Infidelity**: cover a random square and compare the decrease of
# $F$ with the sum of the credits in the square; 0 is perfect, 1 is no better than an empty map.
# **Sensitivity**: change every pixel by up to 0.02 of the range from 0 to 1; it is the change of the map
# relative to its size.

# %%
few = slice(0, 1 if lesson.fast else 6)
rows = []
for method in tqdm(checked, desc="infidelity and sensitivity", unit="method"):
    maps = attribute(models[name], images[few], explained, method=method, **options).maps
    measures = {
        "infidelity": attribution.infidelity(
            models[name],
            images[few],
            maps,
            explained,
            target=lesson.target,
            samples=4 if lesson.fast else 32,
        ),
        "sensitivity": attribution.sensitivity(
            models[name],
            images[few],
            explained,
            method=method,
            tries=1 if lesson.fast else 3,
            **options,
        ),
    }
    row = {"method": method}
    for measure, values in measures.items():
        low, high = bootstrap_interval(values.numpy())
        row[measure] = f"{float(values.mean()):.2f} [{low:.2f}, {high:.2f}]"
    rows.append(row)
names = {"method": "method", "infidelity": "infidelity", "sensitivity": "sensitivity"}
lesson.show_text(
    course.markdown_table(rows, names) + "\n\nMean over faces, 95 % bootstrap interval."
)

# %% [markdown]
# **How to read it.** Lower is better in both columns, but only together: an empty map has a sensitivity
# of 0. A map has to pass both checks.
#
# ## RGB and thermal, before and after distillation
#
# First, a visual comparison.

# %%
maps = {
    name: attribute(
        model,
        input_of(name, batch),
        explained,
        target=lesson.target,
        prediction=prediction[name],
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
# **How to read it.** One face per row: the RGB teacher on the left, the thermal student on the right. Do
# both use the same positions of a face?

# %%
columns = [Column(name, batch.thermal[:2], maps[name][:2]) for name in students]
figure = plots.attribution_grid(columns, landmarks=batch.landmarks[:2], landmark=explained)
lesson.show(figure, "06_before_after")

# %% [markdown]
# **How to read it.** The same thermal images with three students: trained only on labels, trained also
# by the teacher, and light.
#
# Pictures of four faces are not sufficient evidence. Two measures over many faces:
#
# - **Spearman's rank correlation** of the two maps: do they rank all positions in the same order?
# - **Overlap**: which share of the strongest tenth of the positions do they have in common?
#
# Positions are squares of 4 x 4 pixels with the sum of their absolute credits. Three references for
# comparison:
#
# - **Chance**: the value for unrelated maps.
# - **Another person's face**: most nose tips lie near the middle of their crop, so two maps agree to
#   this degree without sharing anything about *this* face.
# - **Start**: the RGB teacher without further training, with thermal input. The two large students
#   started from its weights (see [03](03_ktl_dikd.ipynb)), so this agreement is not a result of their
#   training. The light student started from random weights.

# %%
test, people = one_per_person(lesson.pairs("test"), 4 if lesson.fast else lesson.measured)
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

# %% [markdown]
# **How to read it.** Each line compares a model with thermal input to the RGB teacher. Circles: both
# maps are of the same face. Squares: the thermal map is of another person. Values to the right of the
# dashed line are above chance. The distance of a circle from *its square* is the agreement that is
# specific to the face. The same in numbers, face by face:


# %%
def with_decision(values):
    """A mean with its interval, and whether the interval excludes zero."""
    low, high = bootstrap_interval(values)
    decision = "more" if low > 0 else "less" if high < 0 else "undecided"
    return f"{values.mean():+.3f} [{low:+.3f}, {high:+.3f}] {decision}"


def face_specific(output, name):
    """Agreement with the teacher's map of the same face, minus that of another person's map."""
    a = agreements[output, name]
    return a.own["spearman"] - a.other["spearman"]


def compared_with(output, name, other):
    """Difference in face-specific agreement; empty for the light student, which has no start."""
    if name in ("start", other) or (other == "start" and name.startswith("light")):
        return ""
    return with_decision(face_specific(output, name) - face_specific(output, other))


table = [
    {
        "output": output,
        "name": name,
        "own": f"{a.own['spearman'].mean():.3f}",
        "face": with_decision(face_specific(output, name)),
        "start": compared_with(output, name, "start"),
        "none": compared_with(output, name, "none"),
    }
    for (output, name), a in agreements.items()
]
names = {
    "output": "explained",
    "name": "student",
    "own": "rank correlation with RGB",
    "face": "face-specific: minus another person",
    "start": "face-specific, minus start",
    "none": "face-specific, minus none",
}
lesson.show_text(
    course.markdown_table(table, names)
    + f"\n\n{len(people)} test faces, one per person; {steps} steps; 95 % bootstrap intervals over "
    "faces. They do not include the variation between trainings: there is one seed per model."
)

# %% [markdown]
# **How to read it.** *more* and *less* mean that the interval excludes zero; *undecided* means that it
# contains zero. The fourth column is the agreement that is specific to the face: the circle minus its
# square. The fifth column shows whether training on thermal images increased this agreement (the light
# student started from random weights, so there is no comparison). The last column shows whether
# distillation increased it more than labels alone. Circle and square can both increase while the
# face-specific part stays the same. A difference can also be too small to matter although its interval
# excludes zero, so check its size first.
#
# A further question: which share of the credit lies near the landmark?

# %%
axis = (torch.arange(lesson.sizes.input_px) + 0.5) / lesson.sizes.input_px - 0.5
place = test.landmarks[:, explained, :, None, None]
near = (axis[None, None, :] - place[:, 0]) ** 2 + (axis[None, :, None] - place[:, 1]) ** 2 < 0.01
rows = []
for name in models:
    size = maps[name][:, 0].abs()
    share = (100 * (size * near).sum((1, 2)) / size.sum((1, 2))).numpy()
    low, high = bootstrap_interval(share)
    rows.append({"name": name, "share": f"{share.mean():.1f} [{low:.1f}, {high:.1f}]"})
lesson.show_text(
    course.markdown_table(rows, {"name": "model", "share": "credit near the landmark (%)"})
    + "\n\n*Near* means within a tenth of the input's side, which is "
    f"{100 * float(near.float().mean()):.1f} % of the pixels. Mean over faces, 95 % bootstrap interval."
)

# %% [markdown]
# **How to read it.** A share equal to that of the pixels would mean that the model uses all positions
# equally; 100 % would mean that it uses only the surroundings of the landmark.
#
# ## Try it
#
# - Set `target = "x"` and compare the methods again: what shifts the landmark to the right?
# - Set `landmark = 8`, the chin. Is the neck cold or warm, and which model uses it?
# - `mlcmkd attribute --group mouth --method occlusion` computes such maps for your own data.
#
# ## Summary
#
# - An attribution assigns the change of a scalar to pixels: report the scalar $F$ and the baseline.
# - The completeness error shows whether the number of steps is sufficient, and reveals an unsuitable
#   baseline.
# - A map has to change if the weights are randomised. Edges look plausible but do not depend on the
#   network.
# - Insertion, deletion, infidelity and sensitivity test different properties; none is sufficient alone.
# - The claim that two models use the same positions requires many faces, an interval, and the references
#   chance and another person's face.
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
# - Adebayo et al., [*Sanity checks for saliency maps*](https://arxiv.org/abs/1810.03292), 2018.
# - Petsiuk et al., [*RISE*](https://arxiv.org/abs/1806.07421), 2018: insertion and deletion.
# - Yeh et al., [*(In)fidelity and sensitivity*](https://arxiv.org/abs/1901.09392), 2019.
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
