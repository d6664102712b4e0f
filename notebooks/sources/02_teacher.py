# %% [markdown]
# # 02 · The RGB teacher, and the modality gap
#
# ![Six thermal faces with the landmarks of a network for RGB](../docs/figures/lessons/02_gap_faces.png)
#
# **Question.** The landmarks in orange-red come from a network that is accurate on the RGB images of
# the same faces; green is the truth. How much accuracy does it lose on thermal images, and where in the
# face?
#
# **The answer first.** The error grows about threefold. No program warns you: the network accepts a
# thermal image as it accepts a photo.
#
# **Goals.** After this notebook you can train a landmark network, interpret its curves, heatmaps and
# errors, and measure how much accuracy it loses on the other modality.
#
# **Time.** About ten minutes to read, two to run on two CPU cores, less if the [tour](00_tour.ipynb) has
# trained the teacher already. **Prerequisites.** [01](01_pairing.ipynb), and some experience with
# training a network. Terms are in the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import numpy as np
import torch

from mlcmkd import Landmarker, ModelSpec, plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.losses import COORDINATE_WEIGHT, TARGET_SIGMA
from mlcmkd.evaluation.evaluate import score
from mlcmkd.models import SIZES
from mlcmkd.schemes import IBUG68
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

# %% [markdown]
# ## Features and head
#
# A **Landmarker** has two parts, `features(x)` and `head(f)`
# ([`models/landmarker.py`](../mlcmkd/models/landmarker.py)). The features are a map at a quarter of the
# input's resolution. The head gives a score for every cell of that map, once for each landmark. A
# **softmax** turns the scores of one landmark into probabilities that add up to 1, its **heatmap**, and
# the landmark is the expected position under the heatmap. The two parts are separate because
# distillation combines them across networks: the head of one network is applied to the features of
# another.

# %% tags=["fact", "nbval-check-output"]
print("size    parameters   width of the features   backbone")
for size, parts in SIZES.items():
    model = Landmarker(ModelSpec(size=size, input_px=64))
    print(f"{size:6} {model.parameter_count():11,} {parts.width:13}             {parts.backbone}")

# %% [markdown]
# ## Training
#
# One call trains a run, or reuses it if the work folder has it. It uses the stage `train`, which is also
# behind `mlcmkd train`. The training loop is [`training/loop.py`](../mlcmkd/training/loop.py), written
# to be read from top to bottom.

# %%
run = course.teacher_run(lesson)
figure = plots.training_curves(read_metrics(run), title=f"RGB teacher, {lesson.sizes.teacher_size}")
lesson.show(figure, "02_curves")

# %% [markdown]
# **How to read it.** Left: the training loss on augmented images, which the optimiser minimises. Right:
# the validation error, on people who are not in the training split. Training can stop when the right
# curve is flat.
#
# The left curve is the **task loss** of a face with $K$ landmarks:
#
# $$\mathcal L_\text{task} = \gamma \,\frac1K\sum_k \lVert p_k - y_k \rVert
#   \;+\; \frac1K\sum_k \mathrm{KL}\!\left(G_\sigma(y_k) \,\Vert\, q_k\right)$$
#
# $y_k$ is the annotated and $p_k$ the predicted landmark, in coordinates divided by the side of the
# input; $q_k$ is the heatmap, a probability for every cell; $G_\sigma(y_k)$ is a Gaussian around the
# landmark; $\gamma$ weights the first term. KL is the Kullback-Leibler divergence, which is 0 for equal
# distributions. In the code: `landmark_loss` in
# [`distillation/losses.py`](../mlcmkd/distillation/losses.py), the sum of `coordinate_distance` and
# `heatmap_divergence`.

# %% tags=["fact", "nbval-check-output"]
print("gamma (COORDINATE_WEIGHT):", COORDINATE_WEIGHT)
print("sigma (TARGET_SIGMA), as a share of the input's side:", TARGET_SIGMA)

# %% [markdown]
# ## Predictions, good and bad

# %%
pairs = lesson.pairs("val")
model = Landmarker.load(run / WEIGHTS)
scores = {modality: course.scores_of(run, pairs, modality) for modality in ("rgb", "thermal")}


def show_faces(which, modality, name):
    """Six faces with predictions and their NME."""
    batch = make_batch(pairs, torch.tensor(which), NO_AUGMENTATION, torch.Generator())
    titles = [f"NME {100 * scores[modality].per_face[i]:.1f} %" for i in which]
    images = batch.rgb if modality == "rgb" else batch.thermal
    predicted = scores[modality].prediction[which]
    figure = plots.landmarks_on(images, predicted, batch.landmarks, titles=titles)
    lesson.show(figure, name)


order = np.argsort(scores["rgb"].per_face)
middle = len(order) // 2
chosen = [*order[:2], *order[middle : middle + 2], *order[-2:]]
show_faces(chosen, "rgb", "02_predictions")

# %% [markdown]
# **How to read it.** By **NME**, the mean distance between predicted and annotated landmarks in percent
# of the distance between the outer eye corners: the two best faces, two in the middle, and the two
# worst. What do the worst have in common? Look for large head rotations, glasses, masks, hands and
# hair.

# %%
batch = make_batch(pairs, torch.tensor(chosen[2:3]), NO_AUGMENTATION, torch.Generator())
with torch.no_grad():
    output = model(batch.rgb)
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
    output.logits[0],
    list(points.values()),
    names=list(points),
    true=batch.landmarks[0],
)
lesson.show(figure, "02_heatmaps")

# %% [markdown]
# **How to read it.** Each map is scaled to its own peak. The title is the probability of the cell at the
# peak; the ring is the annotated position. A low peak means that the probability is spread over several
# cells: the network is uncertain. The cells are coarse, a quarter of the input's resolution; the
# expected position lies between them.

# %% [markdown]
# ## NME and its normaliser
#
# $$\mathrm{NME} = \frac1K \sum_k \frac{\lVert p_k - y_k\rVert}{m}$$
#
# NME is the **normalised mean error**, the mean distance between predicted and annotated landmarks,
# divided by a **normaliser** $m$: the distance between the outer eye corners (inter-ocular), or the
# square root of the area of the face's box (box). In a profile the two eye corners nearly coincide, so
# an inter-ocular NME of rotated heads is large even if the points are close; the box hardly changes.
# FR, the failure rate, is the share of faces with an NME above a **threshold**, here 8 %. An
# **interval** next to a mean is a 95 % *bootstrap* interval: the faces are resampled with replacement
# many times, and 95 % of the resulting means lie in it. See
# [`evaluation/metrics.py`](../mlcmkd/evaluation/metrics.py).
#
# ### Mistake: a number without its normaliser
#
# The same predictions with two normalisers:

# %%
nme = {}
for normaliser in ("inter-ocular", "box"):
    summary = score(scores["rgb"].prediction, scores["rgb"].scheme, pairs, normaliser).summary()
    nme[normaliser] = summary["nme_percent"]
lesson.show_text(
    f"NME **{nme['inter-ocular']:.2f} %** (inter-ocular) and **{nme['box']:.2f} %** (box) describe the "
    f"same predictions on the same faces. They differ by a factor of "
    f"{nme['inter-ocular'] / nme['box']:.2f}. A number without its normaliser cannot be compared with "
    "anything."
)

# %% [markdown]
# ## The modality gap
#
# Now the same weights get the thermal image. This causes no error: the network accepts one channel as
# well as three. It shows what happens if an RGB model is simply connected to a thermal camera.

# %%
show_faces(chosen, "thermal", "02_gap_faces")
errors = {f"on {modality}": s.per_face for modality, s in scores.items()}
lesson.show(plots.ced_curves(errors), "02_gap_ced")

# %% [markdown]
# **How to read it.** For each NME on the x axis, the curve shows the share of faces with at most that
# NME. It is the **CED**, the cumulative error distribution. Higher is better. The distance between the
# two curves is the modality gap. AUC is the area under a curve up to the threshold, divided by the
# threshold, so a perfect model has an AUC of 1.

# %%
point_errors = {f"on {modality}": s.errors for modality, s in scores.items()}
lesson.show(plots.per_region_bars(point_errors), "02_gap_regions")

rgb, thermal = scores["rgb"], scores["thermal"]
ratio = {
    region: thermal.errors[:, list(points)].mean() / rgb.errors[:, list(points)].mean()
    for region, points in IBUG68.regions.items()
}
widest, narrowest = max(ratio, key=ratio.get), min(ratio, key=ratio.get)
lesson.show_text(
    f"The gap is {100 * (thermal.nme - rgb.nme):.1f} points of NME: from {100 * rgb.nme:.1f} % to "
    f"{100 * thermal.nme:.1f} %. It is widest in the region *{widest}* (the error grows "
    f"{ratio[widest]:.1f}-fold) and narrowest in *{narrowest}* ({ratio[narrowest]:.1f}-fold)."
)

# %% [markdown]
# **How to read it.** One group of bars per region; the thin lines are 95 % intervals over faces. The
# sentence names the region where the thermal image lacks the most evidence, and the region where it
# lacks the least.
#
# > **Takeaways**
# >
# > A Landmarker consists of features and a head; the head predicts a heatmap per landmark, and the
# > landmark is its expected position. Report an NME with its normaliser, and a failure rate with its
# > threshold. An RGB teacher is inaccurate on thermal images, and nothing warns you. The
# > [next lesson](03_ktl_dikd.ipynb) uses its knowledge to train a student that is not.
#
# **Exercises**, each with a check that explains typical mistakes:
# [teacher](exercises/02_teacher.ipynb) ([solutions](solutions/02_teacher.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): the RGB teacher of MLCM-KD.
# - Sun et al., *Integral human pose regression*, 2018: coordinates as the expectation of a heatmap.
