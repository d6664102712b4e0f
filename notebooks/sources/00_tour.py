# %% [markdown]
# # 00 · Tour: facial landmarks in thermal images
#
# **Goals.** After this notebook you can state the problem, recognise it in two pictures, and find your
# way through the notebooks and the code.
#
# **Time.** About two minutes on two CPU cores. Most of it is the training of the RGB teacher, which
# the later notebooks reuse. **Prerequisites.** Python, and the idea of a neural network.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import importlib
import platform

import torch

from mlcmkd import Landmarker, plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.evaluate import predict_pairs
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## The problem in one picture
#
# A **landmark** is a named point of a face, such as the tip of the nose. Many RGB photos are annotated
# with landmarks; few thermal images are. A **pair** is one RGB image and one thermal image of the same
# face at the same moment, aligned pixel by pixel. The faces in this notebook are **synthetic**: the
# library renders each face as an RGB image, a temperature for every pixel, and exact landmarks.

# %%
faces = lesson.data().faces("val")
first = range(0, 64, 4) if len(faces.rgb) >= 64 else range(8)  # one picture per person
sheet = plots.contact_sheet(
    faces.rgb[list(first)], faces.thermal[list(first)], landmarks=None, columns=8
)
lesson.show(sheet, "00_pairs")

# %% [markdown]
# **How to read it.** Each face is shown twice: RGB above, thermal below. RGB shows light: brows, pupils,
# the edge of the lips. The thermal image shows heat: the inner corners of the eyes are warm, nose and
# ears are often cool, glasses are cold and opaque, brows are hardly visible. A network has to locate the
# same landmark by *different evidence* in the two modalities.

# %% [markdown]
# ## An RGB model on thermal images
#
# A network trained on RGB images locates landmarks in RGB images. Here the same weights also get the
# thermal image of each face. The difference in error is the **modality gap**.

# %%
run = course.teacher_run(lesson)
model = Landmarker.load(run / WEIGHTS)
pairs = lesson.pairs("val")
scores = {modality: course.scores_of(run, pairs, modality) for modality in ("rgb", "thermal")}

# %%
shown = list(first)[:6]
batch = make_batch(pairs, torch.tensor(shown), NO_AUGMENTATION, torch.Generator())
for modality, images in (("rgb", batch.rgb), ("thermal", batch.thermal)):
    predicted = predict_pairs(model, pairs.subset(shown), modality)
    titles = [f"NME {100 * scores[modality].per_face[i]:.1f} %" for i in shown]
    figure = plots.landmarks_on(images, predicted, batch.landmarks, titles=titles, columns=6)
    lesson.show(figure, f"00_teacher_on_{modality}")

# %%
lesson.show_text(
    f"On {len(pairs)} validation faces, none of which were used in training, the RGB teacher has an NME "
    f"of **{100 * scores['rgb'].nme:.1f} %** on the RGB images and "
    f"**{100 * scores['thermal'].nme:.1f} %** on the thermal images of the same faces. (NME, the "
    "normalised mean error, is the mean distance between predicted and annotated landmarks, divided by "
    "the distance between the outer eye corners.)"
)

# %% [markdown]
# **How to read it.** Annotated landmarks are green, predicted ones orange-red. The first figure shows
# the teacher on RGB images, the second shows the same weights on the thermal images of the same faces.
#
# **Cross-modal knowledge distillation** reduces this gap: a frozen RGB *teacher* guides the training of
# a thermal *student* on pairs, even if only a few pairs are labelled. After training, the student needs
# no RGB camera. A second distillation level compresses the student.

# %% [markdown]
# ## Notebooks of the course
#
# | notebook | question |
# |---|---|
# | [01 pairing](01_pairing.ipynb) | What does a pair contain, and what makes it unusable? |
# | [02 teacher](02_teacher.ipynb) | How accurate is the RGB teacher, and how wide is the modality gap? |
# | [03 KTL with DIKD](03_ktl_dikd.ipynb) | What does the teacher transfer, and by which gradients? |
# | [04 MCL](04_mcl.ipynb) | How much accuracy does a network of a third of the size keep? |
# | [05 KD-Loss](05_kd_loss.ipynb) | What do a tough and a tolerant teacher add to a light student? |
# | [06 attribution](06_attribution.ipynb) | Which pixels determine a landmark in RGB and in thermal? |
# | [07 invariance](07_invariance.ipynb) | What do RGB and thermal features share, by four measures? |
# | [08 results and own data](08_results.ipynb) | What are the results, and how do I use my own data? |
#
# Each notebook runs on its own. It reuses the completed runs in `work` and trains the missing ones. To
# run all of them in order: `mlcmkd course --scale laptop --out runs/course`.

# %% [markdown]
# ## The library
#
# Notebooks, command line and tests call the same functions. Most of what you need is in the top-level
# package: `from mlcmkd import Landmarker, load_pairs, train`. Behind it are packages in layers, and a
# package imports only from the layers below it. The packages and their purposes, lowest layer first:

# %% tags=["fact", "nbval-check-output"]
packages = (
    "utils schemes synthetic data models deployment distillation evaluation attribution training plots "
    "stages explorer studies course cli"
)
for name in packages.split():
    summary = importlib.import_module(f"mlcmkd.{name}").__doc__.split("\n\n")[0].replace("\n", " ")
    print(f"{name:13} {summary}")

# %% [markdown]
# ## Versions and hardware

# %%
print("Python", platform.python_version(), "· torch", torch.__version__)
print("GPU:", torch.cuda.get_device_name() if torch.cuda.is_available() else "none (not required)")
print("scale:", lesson.scale, "·", lesson.sizes.synthetic_train, "training pairs,",
      lesson.sizes.input_px, "px input")  # fmt: skip

# %% [markdown]
# ## Summary
#
# - RGB and thermal images show the same face by different evidence. Weights trained on one modality do
#   not work on the other.
# - Pairs allow a frozen RGB teacher to guide a thermal student.
# - The library contains the methods; the notebooks show how they behave.
#
# **Exercises**, each with a check that explains typical mistakes:
# [tour](exercises/00_tour.ipynb) ([solutions](solutions/00_tour.ipynb)).
#
# ## References
#
# - Tong et al., *Lightweight facial landmark detection in thermal images via multi-level cross-modal
#   knowledge transfer* (MLCM-KD),
#   [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
# - Fard and Mahoor, *KD-Loss*, [arXiv 2111.07047](https://arxiv.org/abs/2111.07047).
