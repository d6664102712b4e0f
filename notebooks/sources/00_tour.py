# %% [markdown]
# # 00 · Tour: facial landmarks in thermal images
#
# **You will be able to** say what the problem is, see it in two pictures, and find your way through
# the notebooks and the code.
#
# **Time** about two minutes on two CPU cores, nearly all of it the training of the RGB teacher, which
# the later notebooks take over. **You need** Python, and to know what a neural network is.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import importlib
import platform

import torch

from mlcmkd import plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.evaluate import predict_pairs
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## The problem in one picture
#
# A **landmark** is a named point of a face, such as the tip of the nose. There are many annotated
# RGB photos, and few annotated thermal images. A **pair** is both at once: one face, one moment, two
# cameras, aligned pixel by pixel. The faces here are drawn by the project itself, each with a photo,
# a temperature for every pixel, and exact landmarks.

# %%
faces = lesson.data().faces("val")
first = range(0, 64, 4) if len(faces.rgb) >= 64 else range(8)  # one picture a person
sheet = plots.contact_sheet(
    faces.rgb[list(first)], faces.thermal[list(first)], landmarks=None, columns=8
)
lesson.show(sheet, "00_pairs")

# %% [markdown]
# **How to read it.** Each face stands twice: RGB above, thermal below. In RGB you see light: brows,
# pupils, the edge of the lips. In the thermal image you see heat: the inner corners of the eyes are
# warm, nose and ears are often cool, glasses are cold and opaque, brows are hardly there. The same
# landmark is *found by other evidence* in the two modalities.

# %% [markdown]
# ## What a teacher does with it
#
# Train a network on RGB and it finds landmarks in RGB. Let the very same weights read the thermal
# twin, and look. The difference is the **modality gap**.

# %%
run = course.teacher(lesson)
model = Landmarker.load(run / WEIGHTS)
pairs = lesson.pairs("val")
scores = {side: course.scores_of(run, pairs, side) for side in ("rgb", "thermal")}

# %%
some = list(first)[:6]
batch = make_batch(pairs, torch.tensor(some), NO_AUGMENTATION, torch.Generator())
for side in ("rgb", "thermal"):
    found = predict_pairs(model, pairs.subset(some), side)
    titles = [f"NME {100 * scores[side].per_face[i]:.1f} %" for i in some]
    figure = plots.landmarks_on(
        getattr(batch, side), found, batch.landmarks, titles=titles, columns=6
    )
    lesson.show(figure, f"00_teacher_on_{side}")

# %%
lesson.say(
    f"On {len(pairs)} faces that it never saw, the RGB teacher has an NME of "
    f"**{100 * scores['rgb'].nme:.1f} %** on RGB and of **{100 * scores['thermal'].nme:.1f} %** on "
    "the thermal twins of the same faces (mean distance of predicted and annotated landmarks, "
    "divided by the distance of the outer eye corners)."
)

# %% [markdown]
# **How to read it.** Green is annotated, orange-red is predicted. Above, the teacher reads RGB; below,
# the same weights read the thermal image of the same face.
#
# **Cross-modal knowledge distillation** closes this gap: a frozen RGB *teacher* guides a thermal
# *student* while it trains on pairs, even where only a few pairs are labelled. Afterwards the student
# needs no RGB camera. A second level makes it light.

# %% [markdown]
# ## Map of the series
#
# | notebook | question |
# |---|---|
# | [01 pairing](01_pairing.ipynb) | What is in a pair, and what must not happen to it? |
# | [02 teacher](02_teacher.ipynb) | How good is the RGB teacher, and how wide is the modality gap? |
# | [03 KTL with DIKD](03_ktl_dikd.ipynb) | What does a teacher hand over, and by which gradients? |
# | [04 MCL](04_mcl.ipynb) | How much survives in a network of a tenth of the size? |
# | [05 KD-Loss](05_kd_loss.ipynb) | What do a tough and a tolerant teacher add to a light student? |
# | [06 attribution](06_attribution.ipynb) | Which pixels was a landmark found by, RGB against thermal? |
# | [07 invariance](07_invariance.ipynb) | What do RGB and thermal features share, in four senses? |
# | [08 results and own data](08_results.ipynb) | What came out, and how do I bring my own data? |
#
# Every notebook runs alone: what it lacks it makes, and says so. What is there it takes over from
# `work`. All of them in order: `mlcmkd course --scale laptop --out runs/course`.

# %% [markdown]
# ## The library
#
# Notebooks, command line and tests call the same functions. The library is a stack of packages, and
# each imports only from the packages below it. What each is for, the lowest layer first:

# %% tags=["fact", "nbval-check-output"]
packages = (
    "utils schemes synthetic data data.thermal models deployment distillation evaluation "
    "attribution training plots stages studies explorer course"
)
for name in packages.split():
    words = importlib.import_module(f"mlcmkd.{name}").__doc__.split("\n\n")[0].replace("\n", " ")
    print(f"{name:13} {words}")

# %% [markdown]
# ## Is everything set up?

# %%
print("Python", platform.python_version(), "· torch", torch.__version__)
print(
    "GPU:", torch.cuda.get_device_name() if torch.cuda.is_available() else "none, and none needed"
)
print("scale:", lesson.scale, "·", lesson.sizes.synthetic_train, "training pairs,",
      lesson.sizes.input_px, "px input")  # fmt: skip

# %% [markdown]
# ## Summary
#
# - RGB and thermal show one face by different evidence, so weights do not carry over as they are.
# - Pairs let a frozen RGB teacher guide a thermal student.
# - The library does the work; the notebooks show it.
#
# **Exercises**, each with a check that says what went wrong:
# [tour](exercises/00_tour.ipynb) (its [solutions](solutions/00_tour.ipynb) lie apart).
#
# ## References
#
# - Tong et al., *multi-level cross-modal knowledge distillation* (MLCM-KD),
#   [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
# - Fard and Mahoor, *KD-Loss*, [arXiv 2111.07047](https://arxiv.org/abs/2111.07047).
