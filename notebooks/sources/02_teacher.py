# %% [markdown]
# # 02 · The RGB teacher, and the modality gap
#
# ![Six thermal faces with the landmarks of a network for RGB](../docs/figures/lessons/02_gap_faces.png)
#
# **Question.** The landmarks in orange-red come from a network that was trained on RGB images; green is
# the truth. How much accuracy does it lose on thermal images, and where in the face?
#
# **The answer first.** The error grows about threefold, most at the nose. No program warns you: the
# network accepts a thermal image as it accepts a photo.
#
# **Goals.** After this notebook you can train a landmark network, read its curves, heatmaps and errors,
# and measure how much accuracy it loses on the other modality.
#
# **Time.** About ten minutes to read, one to run on two CPU cores, less if the [tour](00_tour.ipynb) has
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
# ([`models/landmarker.py`](../mlcmkd/models/landmarker.py)). The **features** are a map with many
# channels at a quarter of the input's resolution. For each landmark the **head** gives a score to every
# cell of this map; the scores are called **logits**. A **softmax** (exponentials, divided by their sum)
# turns them into probabilities that add up to 1, the **heatmap** of the landmark. The landmark is the
# mean position of the cells, weighted by their probabilities.
#
# Features and head are separate because distillation combines them across networks: the head of one
# network is applied to the features of another. In this lesson the network is *half*; lesson 04 makes it
# smaller. The sizes that the library has:

# %% tags=["fact", "nbval-check-output"]
print("size             parameters   channels of the features   backbone")
for size, parts in SIZES.items():
    count = Landmarker(ModelSpec(size=size, input_px=64)).parameter_count()
    name = parts.backbone if isinstance(parts.backbone, str) else "plain convolutions"
    print(f"{size:15} {count:11,} {parts.width:13}                 {name}")

# %% [markdown]
# ## Training
#
# One call trains the RGB network, or reuses it if the work folder has it, as `mlcmkd train` does on the
# command line. The training loop is [`training/loop.py`](../mlcmkd/training/loop.py), written to be read
# from top to bottom.

# %%
run = course.teacher_run(lesson)
figure = plots.training_curves(read_metrics(run), title=f"RGB teacher, {lesson.sizes.teacher_size}")
lesson.show(figure, "02_curves")

# %% [markdown]
# **How to read it.** Left: the training loss on augmented images, which the optimiser minimises. Right:
# the validation error (NME, see the [tour](00_tour.ipynb)), on people who are not in the training split.
# Training can stop when the right curve is flat.
#
# The left curve is the **task loss**, the loss of the landmarks themselves. For a face with $K$
# landmarks, of which $k$ is one:
#
# $$\mathcal L_\text{task} = \gamma \,\frac1K\sum_k \lVert p_k - y_k \rVert
#   \;+\; \frac1K\sum_k \mathrm{KL}\!\left(G_\sigma(y_k) \,\Vert\, q_k\right)$$
#
# $y_k$ is the annotated and $p_k$ the predicted landmark, in coordinates divided by the side of the
# input; $q_k$ is the heatmap. $G_\sigma(y_k)$ is the heatmap that is wanted: a Gaussian around the
# annotated landmark, with the standard deviation $\sigma$. KL is the Kullback-Leibler divergence, which
# is 0 for equal distributions. So the first term compares positions, the second heatmaps, and $\gamma$
# weights the first. In the code: `landmark_loss` in
# [`distillation/losses.py`](../mlcmkd/distillation/losses.py).

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
# **How to read it.** The RGB images, sorted by NME: the two best faces, two in the middle, and the two
# worst. What do the worst have in common? Look for large head rotations, glasses, masks, hands and hair.
#
# The next figure shows the heatmaps of six landmarks for the third of these faces:

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
# **How to read it.** Each heatmap is divided by its own peak. The title is the probability of the cell
# at the peak; the ring is the annotated position. A low peak means that the probability is spread over
# several cells. The cells are coarse, 4 x 4 pixels of the input; the weighted mean position can lie
# between them.

# %% [markdown]
# ## NME and its normaliser
#
# $$\mathrm{NME} = \frac1K \sum_k \frac{\lVert p_k - y_k\rVert}{m}$$
#
# The **normaliser** $m$ is the distance between the outer eye corners (*inter-ocular*), as in the tour,
# or the square root of the area of the box around the landmarks (*box*). In a profile the two eye
# corners nearly coincide, so the inter-ocular NME of a turned head is large even if the points are
# close; the box hardly changes. In the code:
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
# Now the same network gets the thermal image, as if it were connected to a thermal camera. This causes
# no error message, because the network accepts one channel as well as three. The cell shows the six
# faces again, and below them a curve for all faces:

# %%
show_faces(chosen, "thermal", "02_gap_faces")
names = {"rgb": "RGB images", "thermal": "thermal images"}
errors = {names[modality]: s.per_face for modality, s in scores.items()}
lesson.show(plots.ced_curves(errors), "02_gap_ced")

# %% [markdown]
# **How to read it.** The curve is the **CED** (cumulative error distribution). For each NME on the x
# axis it shows the share of faces with at most that NME, so higher is better. Two numbers summarise it:
#
# - **FR**, the failure rate, is the share of faces with an NME above a **threshold**, here 8 %.
# - **AUC** is the area under the curve up to the threshold, divided by the threshold; 1 is perfect.
#
# Where in the face is the gap?

# %%
point_errors = {names[modality]: s.errors for modality, s in scores.items()}
lesson.show(plots.per_region_bars(point_errors), "02_gap_regions")

rgb, thermal = scores["rgb"], scores["thermal"]
ratio = {
    region: thermal.errors[:, list(points)].mean() / rgb.errors[:, list(points)].mean()
    for region, points in IBUG68.regions.items()
}
widest, narrowest = max(ratio, key=ratio.get), min(ratio, key=ratio.get)
lesson.show_text(
    f"The gap is {100 * (thermal.nme - rgb.nme):.1f} points of NME: from {100 * rgb.nme:.1f} % to "
    f"{100 * thermal.nme:.1f} %. The error grows most in the region *{widest}* "
    f"({ratio[widest]:.1f}-fold) and least in *{narrowest}* ({ratio[narrowest]:.1f}-fold)."
)

# %% [markdown]
# **How to read it.** One group of bars per region of the face. The thin lines are 95 % **bootstrap
# intervals**: the faces are drawn again many times, with replacement, and 95 % of the resulting means
# lie in the interval. A long line means that other faces could give another mean.
#
# > **Takeaways**
# >
# > A Landmarker consists of features and a head; the head predicts a heatmap per landmark, and the
# > landmark is its mean position. Report an NME with its normaliser, and a failure rate with its
# > threshold. An RGB network is inaccurate on thermal images, and nothing warns you. In the
# > [next lesson](03_ktl_dikd.ipynb) it is the teacher of a student that is accurate on them.
#
# **Exercises**, each with a check that explains typical mistakes:
# [teacher](exercises/02_teacher.ipynb) ([solutions](solutions/02_teacher.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): the RGB teacher of MLCM-KD.
# - Sun et al., *Integral human pose regression*, 2018: coordinates as the expectation of a heatmap.
