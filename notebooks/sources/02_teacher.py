# %% [markdown]
# # 02 · The RGB teacher, and the modality gap
#
# **You will be able to** train a landmark network, read its curves, heatmaps and errors, and measure
# how much is lost when it reads the other modality.
#
# **Time** about two minutes on two CPU cores; seconds if the [tour](00_tour.ipynb) has trained the
# teacher already. **You need** notebooks 00 and 01, and to have trained some network before.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import numpy as np
import torch

from mlcmkd import plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.losses import COORDINATE_WEIGHT, TARGET_SIGMA
from mlcmkd.evaluation.evaluate import score
from mlcmkd.models import SIZES, Landmarker, ModelSpec
from mlcmkd.schemes import IBUG68
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

# %% [markdown]
# ## A network in two halves
#
# A **Landmarker** says two things, `features(x)` and `head(f)`
# ([`models/landmarker.py`](../mlcmkd/models/landmarker.py)). The features are a map at a quarter
# of the input's resolution. The head makes one **heatmap** a landmark, and the landmark is its
# expected place. The halves have names because distillation will exchange them: the head of one
# network can read the features of the other.

# %% tags=["fact", "nbval-check-output"]
print("size    parameters   width of the features   backbone")
for size, parts in SIZES.items():
    model = Landmarker(ModelSpec(size=size, input_px=64))
    print(f"{size:6} {model.parameter_count():11,} {parts.width:13}             {parts.backbone}")

# %% [markdown]
# ## Train it
#
# One call trains a run, or takes it from the work folder. Behind it stands `stages.train`, which
# is also what `mlcmkd train` calls; the loop itself is
# [`training/loop.py`](../mlcmkd/training/loop.py), to be read from top to bottom.

# %%
run = course.teacher_run(lesson)
figure = plots.training_curves(read_metrics(run), title=f"RGB teacher, {lesson.sizes.teacher_size}")
lesson.show(figure, "02_curves")

# %% [markdown]
# **How to read it.** Left, what the optimiser sees, on augmented training images. Right, what we care
# for, on people that are not in the training split. Training is over when the right curve is flat.
#
# The left curve is the **task loss** of a face with $K$ landmarks:
#
# $$\mathcal L_\text{task} = \lambda \,\frac1K\sum_k \lVert p_k - y_k \rVert
#   \;+\; \frac1K\sum_k \mathrm{KL}\!\left(G_\sigma(y_k) \,\Vert\, h_k\right)$$
#
# $y_k$ is the annotated landmark and $p_k$ the predicted one, in coordinates divided by the side of
# the input; $h_k$ is the heatmap, a probability for every cell; $G_\sigma(y_k)$ is a Gaussian around
# the landmark; $\lambda$ weighs the two. In the code: `landmark_loss` in
# [`distillation/losses.py`](../mlcmkd/distillation/losses.py), from `coordinate_distance` and
# `heatmap_divergence`. KL is the Kullback-Leibler divergence: 0 where two distributions are the same.

# %% tags=["fact", "nbval-check-output"]
print("lambda (COORDINATE_WEIGHT):", COORDINATE_WEIGHT)
print("sigma (TARGET_SIGMA), share of the input's side:", TARGET_SIGMA)

# %% [markdown]
# ## Look at predictions, the bad ones too

# %%
pairs = lesson.pairs("val")
model = Landmarker.load(run / WEIGHTS)
scores = {f"reads {side}": course.scores_of(run, pairs, side) for side in ("rgb", "thermal")}
on_rgb, on_thermal = scores["reads rgb"], scores["reads thermal"]


def show_faces(which, side, name):
    """Six faces with predictions and their NME."""
    batch = make_batch(pairs, torch.tensor(which), NO_AUGMENTATION, torch.Generator())
    found = scores[f"reads {side}"]
    titles = [f"NME {100 * found.per_face[i]:.1f} %" for i in which]
    images = getattr(batch, side)
    figure = plots.landmarks_on(images, found.prediction[which], batch.landmarks, titles=titles)
    lesson.show(figure, name)


order = np.argsort(on_rgb.per_face)
middle = len(order) // 2
chosen = [*order[:2], *order[middle : middle + 2], *order[-2:]]
show_faces(chosen, "rgb", "02_predictions")

# %% [markdown]
# **How to read it.** The two best faces, two in the middle, the two worst, by NME. Look for what the
# worst have in common: strong turns, closed eyes, glasses, hair.

# %%
batch = make_batch(pairs, torch.tensor(chosen[2:3]), NO_AUGMENTATION, torch.Generator())
with torch.no_grad():
    answer = model(batch.rgb)
points = {
    "jaw": 4,
    "chin": 8,
    "brow": 19,
    "nose tip": 30,
    "outer eye corner": 36,
    "mouth corner": 48,
}
figure = plots.heatmaps(
    batch.rgb,
    answer.logits[0],
    list(points.values()),
    names=list(points),
    true=batch.landmarks[0],
)
lesson.show(figure, "02_heatmaps")

# %% [markdown]
# **How to read it.** Each map is drawn up to its own peak; the title tells how much probability the
# peak's cell holds; the ring is the annotated place. Compare the peaks: where one is low, probability is
# spread over several cells, and the network says what it does not know. The cells are coarse, a
# quarter of the input's resolution; the expected place lies between them.

# %% [markdown]
# ## The number, and what it was divided by
#
# $$\mathrm{NME} = \frac1K \sum_k \frac{\lVert p_k - y_k\rVert}{d}$$
#
# with $d$ the **normaliser**: the distance of the outer eye corners (inter-ocular), or
# $\sqrt{wh}$ of the face's box (box). FR, the failure rate, is the share of faces whose NME exceeds a
# **threshold**, here 8 %. Where an **interval** stands beside a mean, the faces were drawn anew, with
# replacement, many times, and 95 % of the means lie in it (the *bootstrap*). See
# [`evaluation/metrics.py`](../mlcmkd/evaluation/metrics.py).
#
# ### What goes wrong: a number without its normaliser
#
# The same predictions, twice:

# %%
labels = {}
for normaliser in ("inter-ocular", "box"):
    summary = score(on_rgb.prediction, on_rgb.scheme, pairs, normaliser).summary()
    labels[normaliser] = summary["nme_percent"]
lesson.say(
    f"NME **{labels['inter-ocular']:.2f} %** (inter-ocular) and **{labels['box']:.2f} %** (box) are "
    f"the same landmarks on the same faces, a factor of "
    f"{labels['inter-ocular'] / labels['box']:.2f} apart. A number without its normaliser cannot be "
    "compared with anything."
)

# %% [markdown]
# ## The modality gap
#
# Now the same weights read the thermal image. Nothing stops us: the network accepts one channel as
# well as three. This is what happens when an RGB model is simply put behind a thermal camera.

# %%
show_faces(chosen, "thermal", "02_gap_faces")
errors = {name: found.per_face for name, found in scores.items()}
lesson.show(plots.ced_curves(errors), "02_gap_ced")

# %% [markdown]
# **How to read it.** For each NME on the x axis, the curve tells how many faces have at most that: it
# is the **CED**, the cumulative distribution of the errors. Higher is better; the distance of the two
# curves is the modality gap. AUC is the area under a curve up to the threshold, divided by the
# threshold, so that 1 is perfect.

# %%
point_wise = {name: found.errors for name, found in scores.items()}
lesson.show(plots.per_region_bars(point_wise), "02_gap_regions")

ratio = {
    region: on_thermal.errors[:, list(points)].mean() / on_rgb.errors[:, list(points)].mean()
    for region, points in IBUG68.regions.items()
}
worst, least = max(ratio, key=ratio.get), min(ratio, key=ratio.get)
lesson.say(
    f"The gap is {100 * (on_thermal.nme - on_rgb.nme):.1f} points of NME: from "
    f"{100 * on_rgb.nme:.1f} % to {100 * on_thermal.nme:.1f} %. It is widest in the region *{worst}* "
    f"(the error grows {ratio[worst]:.1f}-fold) and narrowest in *{least}* ({ratio[least]:.1f}-fold)."
)

# %% [markdown]
# **How to read it.** One group of bars a region; the thin lines are 95 % intervals over faces. The
# sentence names the regions that light shows and heat hides, and the reverse.
#
# ## Summary
#
# - A Landmarker is `features` and `head`; the head gives heatmaps, and a landmark is an expected place.
# - NME goes with its normaliser, FR and AUC with their threshold.
# - An RGB teacher does not read thermal images. The next notebook makes use of what it knows anyway.
#
# **Exercises**, each with a check that says what went wrong:
# [teacher](exercises/02_teacher.ipynb) (its [solutions](solutions/02_teacher.ipynb) lie apart).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): the RGB teacher of MLCM-KD.
# - Sun et al., *Integral human pose regression*, 2018: coordinates as the expectation of a heatmap.
