# %% [markdown]
# # 06 · Attribution: which pixels was a landmark found by?
#
# **You will be able to** explain a landmark, or a group of them, by six methods; tell a map that says
# something about the network from one that is only pretty; and say with an interval whether an RGB and
# a thermal network look at the same places, before and after distillation.
#
# **Time** two to three minutes on two CPU cores, half an hour to read; more if earlier runs have to be
# made. **You need** [02](02_teacher.ipynb), [03](03_ktl_dikd.ipynb) and [04](04_mcl.ipynb), and to
# know what a gradient is: how much an output rises when an input rises a little.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # where missing runs are trained: auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"  # the student that is compared with "none"
decay = "cosine"
guide = "both"
labelled = None  # pairs with a label; None for the scale's number
landmark = 30  # which landmark is explained; 30 is the nose tip
target = "log-probability"  # what of it: log-probability, x or y
faces = 4  # how many faces are shown, at most 8
measured = 48  # over how many people agreement is measured, at most

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.AttributionLesson)

# %%
import numpy as np
import torch
from tqdm.auto import tqdm

from mlcmkd import attribution, plots
from mlcmkd.attribution import attribute, baseline_of, predicted
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.metrics import bootstrap_interval
from mlcmkd.models import Landmarker
from mlcmkd.plots.attributions import Column
from mlcmkd.training.run_directory import WEIGHTS

ours, asked = lesson.strategy, lesson.landmark
runs = {
    "RGB teacher": course.teacher_run(lesson),
    "none": course.student_run(lesson, "none"),
    ours: course.student_run(lesson),
    f"light, {ours}": course.light_student_run(lesson),
}
models = {name: Landmarker.load(run / WEIGHTS) for name, run in runs.items()}
students = [name for name in models if name != "RGB teacher"]


def one_a_person(pairs, count):
    """The plain inputs of one picture a person, and who they are."""
    first = np.sort(np.unique(pairs.subjects, return_index=True)[1])[:count]
    batch = make_batch(pairs, torch.from_numpy(first), NO_AUGMENTATION, torch.Generator())
    return batch, [pairs.subjects[i] for i in first]


def side(batch, name):
    """The images that a model reads."""
    return batch.rgb if models[name].spec.modality == "rgb" else batch.thermal


batch, _ = one_a_person(lesson.pairs("val"), lesson.faces)
lesson.say(
    course.markdown_table(
        [{"name": n, "reads": m.spec.modality, "parameters": m.parameter_count()}
         for n, m in models.items()],
        {"name": "model", "reads": "reads", "parameters": "parameters"},
    ),
    learned=False,
)  # fmt: skip

# %% [markdown]
# Four models: the RGB teacher; a thermal student of its size that had labels alone (*none*); one that
# had the teacher as well; and the light student that was taught by that one. Where do they look?
#
# ## The idea in a picture
#
# Start from an image in which nothing is left to find, the **baseline**, and fade over to the image.
# On the way the landmark appears. Every pixel gets credit for what it added.

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
    scalar = attribution.Scalar(models[name], asked, "log-probability")
    cells = scalar.cells(predicted(models[name], images[-1:])).expand(len(images), -1)
    with torch.no_grad():
        values = scalar(images, cells)
    rows.append({"name": name} | {t: f"{v:.2f}" for t, v in zip(titles, values, strict=True)})
lesson.say(course.markdown_table(rows, {"name": "model"} | {t: t for t in titles}))

# %% [markdown]
# **How to read it.** From the blurred baseline (left) to the image (right), in both modalities. The
# table has the **log-probability** that the network gives to the cell of its heatmap where it finds
# the landmark in the whole image: 0 would be certainty.
#
# ## The formula
#
# $$A_i = \underbrace{(x_i - x'_i)}_{\text{way}}\int_0^1
#   \underbrace{\frac{\partial F\big(x' + \alpha(x - x')\big)}{\partial x_i}}_{\text{gradient}}\,d\alpha,
#   \qquad \sum_i A_i = F(x) - F(x')$$
#
# | symbol | what it is | in the next cell |
# |---|---|---|
# | $x$ | the image | `image` |
# | $x'$ | the baseline | `start` |
# | $x_i - x'_i$ | how far pixel $i$ has to go | `way` |
# | $\alpha$ | how far along the path, 0 to 1 | `alpha` |
# | $F$ | the number that is explained, see below | `scalar` |
# | $\int d\alpha$ | here a mean over equal steps | `total / steps` |
# | $A_i$ | the credit of pixel $i$: its **attribution** | `credit` |
#
# The right-hand equation is **completeness**: the credits add up to what there is to explain.
#
# A heatmap has no class score, so $F$ has to be chosen. *log-probability*: why was the landmark found
# here and nowhere else? *x* or *y*: what pushes it right or down? Of a **group** (an eye, the mouth,
# all 68) $F$ is the mean over its landmarks.

# %%
model, image = models["RGB teacher"], batch.rgb[:1]
start = baseline_of(image, "blur")
way = image - start
scalar = attribution.Scalar(model, asked, lesson.target)
cells = scalar.cells(predicted(model, image))
steps = 8 if lesson.fast else 64
total = torch.zeros_like(image)
for alpha in (torch.arange(steps) + 0.5) / steps:
    point = (start + alpha * way).requires_grad_()
    total += torch.autograd.grad(scalar(point, cells).sum(), point)[0]
credit = (way * total / steps).sum(dim=1)  # over colours

same = attribute(model, image, asked, target=lesson.target, steps=steps).maps
with torch.no_grad():
    difference = float(scalar(image, cells) - scalar(start, cells))
lesson.say(
    f"Our loop and `attribute` correlate by {np.corrcoef(credit.flatten(), same.flatten())[0, 1]:.4f}. "
    f"$F(x) - F(x')$ = {difference:.3f}; our credits add up to {float(credit.sum()):.3f}, those of "
    f"`attribute` to {float(same.sum()):.3f}."
)

# %% [markdown]
# `attribute` in [`mlcmkd/attribution/`](../mlcmkd/attribution/) does the same by captum, with other
# steps (Gauss-Legendre), which are better where $F$ is smooth along the path.
#
# ## Six methods side by side
#
# | method | what it asks | what to know |
# |---|---|---|
# | integrated gradients | what did each pixel add on the way from $x'$? | complete; $x'$ is a choice |
# | SmoothGrad | what would more of a pixel change? Mean over noisy copies | not in units of $F$ |
# | GradientSHAP | as the first, at random points from noisy baselines | complete on average |
# | occlusion | how far does $F$ fall when a square is blurred away? | as sharp as its square |
# | Grad-CAM | which channels of `features` speak for it, and where? | coarse; shows no *against* |
# | ablation | how far does $F$ fall when a region is blurred away? | one number a region |

# %%
prediction = {name: predicted(model, side(batch, name)) for name, model in models.items()}
rows = []
for name in ("RGB teacher", ours):
    maps = {
        method: attribute(
            models[name],
            side(batch, name)[:1],
            asked,
            method=method,
            target=lesson.target,
            steps=lesson.sizes.path_steps,
        ).maps
        for method in attribution.METHODS
    }
    rows.append((name, side(batch, name)[:1], maps))
figure = plots.method_grid(rows, landmarks=batch.landmarks, landmark=asked)
lesson.show(figure, "06_methods")

# %% [markdown]
# **How to read it.** One face; a model a row, a method a column. Orange pixels spoke for the place
# where the landmark was found, purple ones against it; the blue ring is where it was annotated. Each
# map has a scale of its own. The methods ask different questions, so they may differ without one of
# them being wrong. Which of them to believe is what the rest of this lesson is about.
#
# ### A group of landmarks

# %%
rows = []
for name in ("RGB teacher", ours):
    maps = {
        group: attribute(
            models[name], side(batch, name)[:1], group, target=lesson.target,
            steps=lesson.sizes.path_steps,
        ).maps
        for group in ("left eye", "eye", "brow", "nose", "mouth", "jaw", "all")
    }  # fmt: skip
    rows.append((name, side(batch, name)[:1], maps))
lesson.show(plots.method_grid(rows), "06_groups")

# %% [markdown]
# **How to read it.** Integrated gradients of the mean over each group's landmarks. Look whether the
# credit for a group lies on the group itself, or on other parts of the face that give its place away.
#
# ## What goes wrong
#
# ### Too few steps

# %%
counts = (2, 4) if lesson.fast else (2, 4, 8, 16, 32, 64)
found = {
    name: attribution.convergence(model, side(batch, name)[:2], asked, counts, target=lesson.target)
    for name, model in models.items()
}
errors = {n: each.completeness_error.mean(dim=1).tolist() for n, each in found.items()}
lesson.show(plots.completeness_curves(counts, errors), "06_completeness")
rows = [
    {"name": n} | {c: f"{v:.3f}" for c, v in zip(counts, each.likeness.mean(dim=1), strict=True)}
    for n, each in found.items()
]
names = {"name": "rank correlation with the map of the most steps"} | {c: str(c) for c in counts}
lesson.say(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** The figure has the share of $F(x) - F(x')$ that the credits miss, over the number
# of steps, both axes logarithmic; the table how alike the map is to the finest one. A map made with
# too few steps looks no worse, and is wrong. Completeness tells.
#
# ### A black baseline on a thermal image
#
# Black is the usual baseline for photos. In a thermal image black is a *temperature*: cold. And
# these networks give every image mean 0 and standard deviation 1 before they read it (`normalise`
# in [`models/landmarker.py`](../mlcmkd/models/landmarker.py)). An image that fades in from black
# is then nearly the same picture all along, and a thermal one that fades in from its mean as well:
# what happens, happens at the first breath of light, where few steps lie.

# %%
kinds = ("blur", "mean", "black")
rows, drawn = [], []
for name in ("RGB teacher", ours):
    images, maps = side(batch, name), {}
    for kind in kinds:
        answer = attribute(
            models[name], images, asked, target=lesson.target, baseline=kind,
            steps=lesson.sizes.path_steps,
        )  # fmt: skip
        maps[f"baseline {kind}"] = answer.maps
        bright = attribution.spearman(answer.maps.abs(), images.mean(dim=1)).mean()
        start = baseline_of(images, kind)
        alpha = torch.tensor([0, 0.01, 0.1, 1]).view(-1, 1, 1, 1)
        fading = start[:1] + alpha * (images[:1] - start[:1])
        scalar = attribution.Scalar(models[name], asked, "log-probability")
        cells = scalar.cells(predicted(models[name], images[:1])).expand(len(fading), -1)
        with torch.no_grad():
            values = scalar(fading, cells).tolist()
        rows.append(
            {
                "name": name,
                "baseline": kind,
                "along": ", ".join(f"{value:.2f}" for value in values),
                "completeness": f"{100 * float(answer.completeness_error.median()):.1f}",
                "bright": f"{bright:.2f}",
            }
        )
    drawn.append((name, images[:1], maps))
figure = plots.method_grid(drawn, landmarks=batch.landmarks, landmark=asked)
lesson.show(figure, "06_baselines")
names = {
    "name": "model",
    "baseline": "baseline",
    "along": "log-probability at alpha = 0, 0.01, 0.1, 1",
    "completeness": "completeness error (median, %)",
    "bright": "rank correlation with brightness",
}
lesson.say(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** Each map is scaled to its own strongest credits, so all of them look like
# something. The third column (of the first face) tells where on the path the landmark appears: compare
# what happens between 0 and 0.01 with what is left from there to 1. The completeness error says how
# much of what there is to explain the credits miss. The last column says how far a map without its
# signs is a picture of the image's own bright (in thermal: warm) pixels: against black, $x_i - x'_i$
# is just $x_i$, and what is as cold as the baseline cannot get credit. All other figures here use
# *blur*.
#
# ### A pretty map that survives the loss of the network
#
# Adebayo and others asked in 2018: what becomes of a map if the network forgets what it has learned?
# Replace its weights by those of a new network, part by part, from the answer back to the image. A map
# that stays as it was did not depend on them. As a control stands a map that certainly does not depend
# on them: the **edges** of the image, which are pretty, and ask no network at all.


# %%
def edges(images):
    """How steep the image is, (B, P, P)."""
    down, across = torch.gradient(images.mean(dim=1), dim=(1, 2))
    return (down**2 + across**2).sqrt()


checked = ("integrated-gradients", "smoothgrad", "occlusion", "grad-cam")
few = slice(0, 1 if lesson.fast else 4)
name, images = "RGB teacher", batch.rgb[few]
how = {"target": lesson.target, "steps": 4 if lesson.fast else 16, "window": 0.25}
how["samples"] = 2 if lesson.fast else 16
lost = {
    method: attribution.randomisation(models[name], images, asked, method=method, **how)
    for method in tqdm(checked, desc="randomising", unit="method")
}
parts = lost[checked[0]].parts


def with_intervals(values):
    """Mean over faces and the ends of its bootstrap interval, of each row of (L, B)."""
    values = [row[np.isfinite(row)] for row in np.asarray(values)]
    return [
        (row.mean(), *bootstrap_interval(row)) if len(row) else (np.nan, np.nan, np.nan)
        for row in values
    ]


bars = {method: with_intervals(each.absolute) for method, each in lost.items()}
bars["edges (control)"] = [(1.0, 1.0, 1.0)] * len(parts)
figure = plots.randomisation_bars(parts, bars, what="maps without their signs")
lesson.show(figure, "06_randomisation")

# %%
random = attribution.randomised(models[name])[-1][1]
held = predicted(models[name], images[:1])
rows = []
for title, network in (("trained", models[name]), ("all weights lost", random)):
    maps = {
        method: attribute(network, images[:1], asked, method=method, prediction=held, **how).maps
        for method in checked
    }
    unsigned = {f"|{method}|": each.abs() for method, each in maps.items()}
    rows.append((title, images[:1], {"edges": edges(images[:1]), **unsigned}))
lesson.show(plots.method_grid(rows, landmarks=batch.landmarks, landmark=asked), "06_survivors")
signed = {method: with_intervals(each.signed)[-1] for method, each in lost.items()}
lesson.say(
    "Rank correlation with the trained network's map once all weights are lost: "
    + "; ".join(
        f"{method} {bars[method][-1][0]:.2f} without signs, {signed[method][0]:.2f} with them"
        for method in checked
    )
    + "; edges 1.00."
)

# %% [markdown]
# **How to read it.** Upper figure: the lower a bar, the more the map depended on the weights; the
# rightmost group is a network that has never learned anything. Bars are means over faces with 95 %
# bootstrap intervals. Lower figure: the maps themselves. *Edges* are the same in both rows, and if you
# had been shown them alone you might have believed them. What a method's map keeps in the lower row
# comes from the image and from the question (the same cell is asked about, and an untrained network,
# too, sees what lies around a cell), not from learning. Compare the line of numbers: without signs, as
# heat, the way attributions are often printed, a map can stay alike where its signs have nothing left
# in common.
#
# ## Trust
#
# ### Insertion and deletion
#
# If the pixels that a map calls important are, then the landmark has to appear early when they are put
# in first, and to vanish early when they are taken away first (Petsiuk and others, 2018). Two
# controls: pixels in **random order**, and **another person's map**, which knows where such a landmark
# usually lies but not this face. A pixel that is not there yet, or no more, is the blurred image's, so
# no curve starts from nothing.

# %%
test, people = one_a_person(lesson.pairs("test"), 2 if lesson.fast else 12)
name = ours
images, orders = side(test, name), {}
for method in tqdm(("integrated-gradients", "smoothgrad", "occlusion", "ablation"), desc="maps"):
    orders[method] = attribute(
        models[name], images, asked, method=method, steps=lesson.sizes.path_steps
    ).maps
orders["another person's"] = orders["integrated-gradients"].roll(1, dims=0)
generator = torch.Generator().manual_seed(lesson.seed)
orders["random order"] = torch.rand(images.shape[0], *images.shape[2:], generator=generator)

curves, areas = {}, {}
for kind in ("insertion", "deletion"):
    found = {
        order: attribution.pixel_curve(
            models[name], images, maps, asked, kind=kind, points=5 if lesson.fast else 17
        )
        for order, maps in orders.items()
    }
    curves[kind] = {order: each.values.mean(dim=0).numpy() for order, each in found.items()}
    areas[kind] = {
        order: (float(each.auc.mean()), *bootstrap_interval(each.auc.numpy()))
        for order, each in found.items()
    }
    fractions = found["random order"].fractions
figure = plots.pixel_curves(fractions, curves["insertion"], curves["deletion"], areas)
lesson.show(figure, "06_insertion_deletion")

# %% [markdown]
# **How to read it.** The thermal student, mean over test faces, one a person. Left: the higher the
# curve, the sooner the landmark was there. Right: the lower, the sooner it was gone. A curve above 100
# % says that a part of the face made the network surer than the whole. A method is worth something by
# as much as it beats *both* grey lines. (Scattered pixels are no natural image: what the network does
# on them is partly surprise. That is a weakness of this check, and why it is not the only one.)
#
# ### Infidelity and sensitivity
#
# Two numbers by Yeh and others (2019). **Infidelity**: cover a random square; does the sum of the
# credits in it foretell how far $F$ falls? 0 is perfectly, 1 is no better than an empty map.
# **Sensitivity**: change every pixel by up to 0.02 of the range from 0 to 1; how far does the map
# move, as a share of itself?

# %%
few = slice(0, 1 if lesson.fast else 6)
rows = []
for method in tqdm(checked, desc="infidelity and sensitivity", unit="method"):
    maps = attribute(models[name], images[few], asked, method=method, **how).maps
    of = {
        "infidelity": attribution.infidelity(
            models[name],
            images[few],
            maps,
            asked,
            target=lesson.target,
            samples=4 if lesson.fast else 32,
        ),
        "sensitivity": attribution.sensitivity(
            models[name], images[few], asked, method=method, tries=1 if lesson.fast else 3, **how
        ),
    }
    told = {"method": method}
    for measure, values in of.items():
        low, high = bootstrap_interval(values.numpy())
        told[measure] = f"{float(values.mean()):.2f} [{low:.2f}, {high:.2f}]"
    rows.append(told)
names = {"method": "method", "infidelity": "infidelity", "sensitivity": "sensitivity"}
lesson.say(course.markdown_table(rows, names) + "\n\nMean over faces, 95 % bootstrap interval.")

# %% [markdown]
# **How to read it.** Small is good in both columns, but not for its own sake: an empty map would be
# perfectly insensitive. The map has to pass both.
#
# ## RGB against thermal, before and after distillation
#
# First by eye.

# %%
found = {
    name: attribute(
        model,
        side(batch, name),
        asked,
        target=lesson.target,
        prediction=prediction[name],
        steps=lesson.sizes.path_steps,
    ).maps
    for name, model in models.items()
}
figure = plots.attribution_maps(
    batch.rgb, batch.thermal, found["RGB teacher"], found[ours],
    landmarks=batch.landmarks, landmark=asked,
)  # fmt: skip
lesson.show(figure, "06_rgb_thermal")

# %% [markdown]
# **How to read it.** A face a row: the RGB teacher on the left, the thermal student on the right. Does
# the same face give itself away by the same places?

# %%
columns = [Column(name, batch.thermal[:2], found[name][:2]) for name in students]
figure = plots.attribution_grid(columns, landmarks=batch.landmarks[:2], landmark=asked)
lesson.show(figure, "06_before_after")

# %% [markdown]
# **How to read it.** The same thermal images, read by the student that had only labels, by the one
# that had the teacher as well, and by the light one.
#
# Pictures of four faces persuade too easily. Two numbers over many faces:
#
# - **Spearman's rank correlation** of the two maps: do they put all places in the same order?
# - **Overlap**: which part of the strongest tenth of the places do they share?
#
# Places are squares of 4 x 4 pixels with all credit in them, for or against. Three things to hold the
# numbers against:
#
# - **Chance**: what maps reach that have nothing in common.
# - **Another person's face**: every nose tip lies near the middle of its crop, so two maps agree to
#   that degree without sharing anything about *this* face.
# - **Start**: the teacher as it is, reading thermal images. The two large students began with its
#   weights (see [03](03_ktl_dikd.ipynb)), so what it has in common with itself is no merit of their
#   training. The light student began with random ones.

# %%
test, people = one_a_person(lesson.pairs("test"), 4 if lesson.fast else lesson.measured)
things = {f"landmark {asked}": asked, "eyes": "eye", "mouth": "mouth"}
steps = 4 if lesson.fast else 16
maps = {
    name: attribution.integrated_gradients_each(
        model, side(test, name), list(things.values()), target=lesson.target, steps=steps
    )
    for name, model in tqdm(models.items(), desc="attributing", unit="model")
}
maps["start"] = attribution.integrated_gradients_each(
    models["RGB teacher"], test.thermal, list(things.values()), target=lesson.target, steps=steps
)
agreements = {
    (thing, name): attribution.agreement(maps["RGB teacher"][:, n], maps[name][:, n], people)
    for n, thing in enumerate(things)
    for name in ("start", *students)
}
rows = {f"{thing}: {name}": each.summary() for (thing, name), each in agreements.items()}
chance = next(iter(agreements.values())).chance
lesson.show(plots.agreement_dots(rows, chance), "06_agreement")

# %% [markdown]
# **How to read it.** Each line is a reader of thermal images against the RGB teacher. Circles: both
# maps are of the same face. Squares: the thermal map is another person's. Right of the dashed line is
# more than chance; how far the circle lies right of *its square* is what the two networks have in
# common about the face itself. The same in numbers, face by face:


# %%
def sure(values):
    """A mean with its interval, and whether that holds zero."""
    low, high = bootstrap_interval(values)
    told = "more" if low > 0 else "less" if high < 0 else "not told apart"
    return f"{values.mean():+.3f} [{low:+.3f}, {high:+.3f}] {told}"


def of_the_face(thing, name):
    """What a student's map shares with the teacher's beyond what another person's map does."""
    return agreements[thing, name].own["spearman"] - agreements[thing, name].other["spearman"]


def against(thing, name, other):
    """How much more of that a student has than another one; the light one did not begin at start."""
    if name in ("start", other) or (other == "start" and name.startswith("light")):
        return ""
    return sure(of_the_face(thing, name) - of_the_face(thing, other))


table = [
    {
        "thing": thing,
        "name": name,
        "own": f"{each.own['spearman'].mean():.3f}",
        "face": sure(of_the_face(thing, name)),
        "start": against(thing, name, "start"),
        "none": against(thing, name, "none"),
    }
    for (thing, name), each in agreements.items()
]
names = {
    "thing": "explained",
    "name": "student",
    "own": "rank correlation with RGB",
    "face": "of the face: less another person's",
    "start": "of the face, against start",
    "none": "of the face, against none",
}
lesson.say(
    course.markdown_table(table, names)
    + f"\n\n{len(people)} test faces, one a person; {steps} steps; 95 % bootstrap intervals over faces. "
    "They know the chance in the faces, not that in the training: one seed a model."
)

# %% [markdown]
# **How to read it.** *more* and *less* stand where the interval leaves zero out. The fourth column
# asks whether agreement is about the face or only about the place: it is the circle less its square. The
# fifth asks whether training on thermal images brought that part nearer to the teacher's than it was
# (the light student began with random weights, so there is nothing to ask); the last one, whether
# distillation did more for it than labels alone. Circle and square can both move right and what is
# about the face stay as it was. An interval can leave zero out and the difference still be too small to
# matter: read its size first.
#
# One more question that one map cannot answer: how much of the credit lies near the landmark at all?

# %%
axis = (torch.arange(lesson.sizes.input_px) + 0.5) / lesson.sizes.input_px - 0.5
place = test.landmarks[:, asked, :, None, None]
near = (axis[None, None, :] - place[:, 0]) ** 2 + (axis[None, :, None] - place[:, 1]) ** 2 < 0.01
rows = []
for name in models:
    size = maps[name][:, 0].abs()
    share = (100 * (size * near).sum((1, 2)) / size.sum((1, 2))).numpy()
    low, high = bootstrap_interval(share)
    rows.append({"name": name, "share": f"{share.mean():.1f} [{low:.1f}, {high:.1f}]"})
lesson.say(
    course.markdown_table(rows, {"name": "model", "share": "credit near the landmark (%)"})
    + f"\n\n*Near* is within a tenth of the input's side; {100 * float(near.float().mean()):.1f} % of "
    "the pixels are. Mean over faces, 95 % bootstrap interval."
)

# %% [markdown]
# **How to read it.** A share near that of the pixels would mean that the model looks everywhere alike;
# 100 % that it needs nothing but the landmark's own surroundings.
#
# ## Your turn
#
# - Set `target = "x"` and read the methods again: what pushes the landmark to the right?
# - Set `landmark = 8`, the chin. Is the neck cold or warm, and who uses it?
# - `mlcmkd attribute --group mouth --method occlusion` makes such maps of your own data.
#
# ## Summary
#
# - An attribution credits pixels for a number: choose the number ($F$), the baseline, and say so.
# - Completeness tells whether the steps were enough, and it finds out a baseline that cannot work.
# - A map has to fall apart when the weights do. Edges are pretty and know nothing.
# - Insertion, deletion, infidelity and sensitivity each ask something else; none is enough alone.
# - "They look at the same places" needs many faces, an interval, chance, and another person's face.
#
# **Exercises**, each with a check that says what went wrong:
# [attribution](exercises/06_attribution.ipynb)
# (its [solutions](solutions/06_attribution.ipynb) lie apart).
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
