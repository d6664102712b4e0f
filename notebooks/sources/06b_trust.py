# %% [markdown]
# # 06b · Optional: can an attribution map be trusted?
#
# ![Maps of a trained network above, of the same network with random weights
# below](../docs/figures/lessons/06b_survivors.png)
#
# **Question.** The maps of lesson 06 look plausible. Would they look so without a trained network?
#
# **The answer first.** Some would. Above are maps of the trained network, below maps of a network whose
# weights are random, explained at the same position. The edges of the image need no network at all.
# Without their signs even the maps of integrated gradients keep half of their rank correlation; with
# signs they keep none. So a map is evidence only if it passes tests. This lesson makes six: steps,
# baseline, random weights, deleted pixels, covered squares, and the agreement of RGB and thermal.
#
# **Goals.** After this notebook you can distinguish a map that depends on the network from one that only
# looks plausible, and state with an interval whether two networks use the same positions, before and
# after distillation.
#
# **Time.** About twenty minutes to read, one to two to run on two CPU cores, more if earlier runs are
# missing. **Prerequisites.** [06](06_attribution.ipynb), whose symbols are used here. Terms
# are in the [glossary](../docs/glossary.md).

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
faces = 4  # number of faces of the single tests, at most 8
measured = 48  # number of people over whom agreement is measured, at most

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.AttributionLesson)

# %%
import numpy as np
import torch
from tqdm.auto import tqdm

from mlcmkd import attribution, plots
from mlcmkd.attribution import attribute, baseline_of, predict
from mlcmkd.evaluation.metrics import bootstrap_interval

ours, explained = lesson.strategy, lesson.landmark
models = course.attribution_models(lesson)  # those of lesson 06
batch, _ = course.one_per_person(lesson.pairs("val"), lesson.faces)

# %% [markdown]
# ## Too few steps
#
# Integrated gradients are a sum over steps along the path. How many are enough? The **completeness
# error** is the share of $F(x) - F(x')$ that is missing in the sum of credits.

# %%
counts = (2, 4) if lesson.fast else (2, 4, 8, 16, 32, 64)
convergence = {
    name: attribution.convergence(
        model, course.input_of(model, batch)[:2], explained, counts, target=lesson.target
    )
    for name, model in models.items()
}
errors = {n: c.completeness_error.mean(dim=1).tolist() for n, c in convergence.items()}
lesson.show(plots.completeness_curves(counts, errors), "06b_completeness")
similarity = {n: c.similarity.mean(dim=1)[0] for n, c in convergence.items()}
lesson.show_text(
    f"Rank correlation of the map of {counts[0]} steps with that of {counts[-1]} steps: "
    + ", ".join(f"{n} {value:.2f}" for n, value in similarity.items())
)

# %% [markdown]
# **How to read it.** The completeness error over the number of steps, both axes logarithmic. A map of
# too few steps looks plausible, and differs from the map of many steps, as the printed correlations
# show. The completeness error reveals it.
#
# ## A black baseline on a thermal image
#
# Black is the usual baseline for photos. In a thermal image, black is a *temperature*: cold. In
# addition, these networks normalise every image to mean 0 and standard deviation 1 (`normalise` in
# [`models/landmarker.py`](../mlcmkd/models/landmarker.py)). After this, an image that is faded in from
# black is almost the same along the whole path. So is a thermal image that is faded in from its mean.
# Most of the change happens just after the start of the path, where there are few steps.

# %%
kinds = ("blur", "mean", "black")
rows, panels = [], []
for name in ("RGB teacher", ours):
    images, maps = course.input_of(models[name], batch), {}
    for kind in kinds:
        result = attribute(
            models[name], images, explained, target=lesson.target, baseline=kind,
            steps=lesson.sizes.path_steps,
        )  # fmt: skip
        maps[f"baseline {kind}"] = result.maps
        bright = attribution.spearman(result.maps.abs(), images.mean(dim=1)).mean()
        start = baseline_of(images, kind)
        u = torch.tensor([0, 0.01, 0.1, 1]).view(-1, 1, 1, 1)
        fading = start[:1] + u * (images[:1] - start[:1])
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
lesson.show(figure, "06b_baselines")
names = {
    "name": "model",
    "baseline": "baseline",
    "along": "log-probability at u = 0, 0.01, 0.1, 1",
    "completeness": "completeness error (median, %)",
    "bright": "rank correlation with brightness",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** Each map is scaled to its own strongest credits, so all of them look plausible. The
# third column (for the first face) shows where on the path the landmark becomes predictable: compare the
# change between 0 and 0.01 with the change from 0.01 to 1. The fourth shows the price: the largest
# error where most of the change happens at once. The last column shows how similar a map without
# signs is to the brightness of the image (in thermal: the temperature). With a black baseline, $x_i -
# x'_i$ equals $x_i$, so a pixel as cold as the baseline cannot get credit. All other figures use the
# baseline *blur*.
#
# ## A plausible map that does not depend on the network
#
# Adebayo et al. (2018) asked how a map changes if the network loses what it has learned. Replace its
# weights by random ones, part by part, from the output back to the input. A map that does not change did
# not depend on the weights. The control is a map that certainly does not depend on them: the **edges**
# of the image.


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
lesson.show(figure, "06b_randomisation")

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
lesson.show(plots.method_grid(rows, landmarks=batch.landmarks, landmark=explained), "06b_survivors")
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
# **How to read it.** Upper figure: the lower a bar, the more the map depends on the weights. The parts
# are the head, the *neck*, which brings the features to one width, and the layers of the *backbone*; in
# the rightmost group all weights are random. Bars are means over faces with 95 % bootstrap intervals.
# Lower figure: the maps, whose signs were removed. *Edges* look plausible and are the same in both rows.
# What remains of a map in the lower row comes from the image and from the position that is explained,
# not from training. Compare the printed numbers: without signs, as attributions are often shown, maps
# remain similar although their signs no longer agree.
#
# ## Insertion and deletion
#
# If the pixels with the highest credit are important, the landmark should become predictable early when
# they are inserted first, and be lost early when they are deleted first. The **insertion and deletion
# curves** (Petsiuk et al., 2018) show the probability over the share of pixels, and the area under a
# curve is its summary. Two controls: pixels in **random order**, and the **map of another person**,
# which contains the usual position of the landmark but not this face. A missing pixel is taken from the
# blurred image, so no curve starts from an empty image.

# %%
test, people = course.one_per_person(lesson.pairs("test"), 2 if lesson.fast else 12)
name = ours
images, orders = course.input_of(models[name], test), {}
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
lesson.show(figure, "06b_insertion_deletion")

# %% [markdown]
# **How to read it.** The thermal student, mean over test faces, one per person. Left: a higher curve
# means that the landmark was predictable earlier. Right: a lower curve means that it was lost earlier. A
# value above 100 % means that a part of the face gave a more confident prediction than the whole. A
# method is useful by the margin between its curve and *both* grey lines: on the left, SmoothGrad has
# none. This check has a weakness, too: scattered pixels are not a natural image, and a part of the
# network's response is due to this.
#
# ## Infidelity and sensitivity
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
# of 0. A map has to pass both checks. Here Grad-CAM fails the first.
#
# ## RGB and thermal in numbers
#
# Lesson 06 compares the maps of students with those of the RGB teacher, on the same face and on another
# person's. The difference of the two rank correlations is the agreement that is *specific to the face*.
# Did training on thermal images increase it, beyond *start*? Did the teacher, beyond *none*?

# %%
measured = course.measure_agreement(lesson, models)
agreements = measured.agreements


def with_interval(values):
    """A mean over faces with its 95 % interval."""
    low, high = bootstrap_interval(values)
    return f"{values.mean():+.2f} [{low:+.2f}, {high:+.2f}]"


def face_specific(output, name):
    """Agreement with the teacher's map of the same face, minus that of another person's map."""
    a = agreements[output, name]
    return a.own["spearman"] - a.other["spearman"]


def compared_with(output, name, other):
    """Difference in face-specific agreement; empty for the light student, which has no start."""
    if name in ("start", other) or (other == "start" and name.startswith("light")):
        return ""
    return with_interval(face_specific(output, name) - face_specific(output, other))


table = [
    {
        "output": output,
        "name": name,
        "face": with_interval(face_specific(output, name)),
        "start": compared_with(output, name, "start"),
        "none": compared_with(output, name, "none"),
    }
    for output, name in agreements
]
names = {
    "output": "explained",
    "name": "student",
    "face": "specific to the face",
    "start": "minus that of start",
    "none": "minus that of none",
}
lesson.show_text(
    course.markdown_table(table, names)
    + f"\n\nDifferences of rank correlations, mean over {len(measured.batch.rgb)} test faces with 95 % "
    f"bootstrap intervals; {measured.steps} steps. One training per network."
)

# %% [markdown]
# **How to read it.** Third column: every interval lies above zero, so each network with thermal input
# uses positions that are specific to the face. Fourth column: training on thermal images increased this
# agreement a little for the nose tip and the mouth; for the eyes it did not. (The light student started
# from random weights, so there is no comparison.) Last column: every interval contains zero. No student
# with a teacher differs clearly from *none*.
#
# The intervals include the variation between faces, not the variation between trainings.
#
# A further question: which share of the credit lies near the landmark?

# %%
axis = (torch.arange(lesson.sizes.input_px) + 0.5) / lesson.sizes.input_px - 0.5
place = measured.batch.landmarks[:, explained, :, None, None]
near = (axis[None, None, :] - place[:, 0]) ** 2 + (axis[None, :, None] - place[:, 1]) ** 2 < 0.01
rows = []
for name in models:
    size = measured.maps[name][:, 0].abs()
    share = (100 * (size * near).sum((1, 2)) / size.sum((1, 2))).numpy()
    low, high = bootstrap_interval(share)
    rows.append({"name": name, "share": f"{share.mean():.1f} [{low:.1f}, {high:.1f}]"})
lesson.show_text(
    course.markdown_table(rows, {"name": "model", "share": "credit near the landmark (%)"})
    + "\n\n*Near* means within a tenth of the input's side, which is "
    f"{100 * float(near.float().mean()):.1f} % of the pixels. Mean over faces, 95 % bootstrap interval."
)

# %% [markdown]
# **How to read it.** A share equal to that of the pixels would mean that the network uses all positions
# equally; 100 % would mean that it uses only the surroundings of the landmark. All four use mostly other
# positions.
#
# > **Takeaways**
# >
# > The completeness error shows whether the number of steps is sufficient, and reveals an unsuitable
# > baseline. A map has to change if the weights are randomised. Insertion, deletion, infidelity and
# > sensitivity test different properties; none is sufficient alone. In the comparison of RGB and
# > thermal, look at differences face by face with their interval.
#
# ## References
#
# - Adebayo et al., [*Sanity checks for saliency maps*](https://arxiv.org/abs/1810.03292), 2018.
# - Petsiuk et al., [*RISE*](https://arxiv.org/abs/1806.07421), 2018: insertion and deletion.
# - Yeh et al., [*(In)fidelity and sensitivity*](https://arxiv.org/abs/1901.09392), 2019.
# - Sundararajan et al., [*Axiomatic attribution*](https://arxiv.org/abs/1703.01365), 2017: completeness.
