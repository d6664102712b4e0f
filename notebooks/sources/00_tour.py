# %% [markdown]
# # 00 · Tour: facial landmarks in thermal images
#
# ![Rows: RGB teacher on RGB, on thermal, thermal student, light student](../docs/figures/path.png)
#
# **Question.** A network finds eyes, nose and mouth in photos. Does it find them in thermal images, too?
#
# **The answer first.** No. On the thermal images of the same faces its error is about three times as
# large (second row; the number in each picture is its error). A thermal network that learns from it is
# far better and needs no photo when it is used (third row). A network of a third of the size keeps most
# of that (fourth row). The course builds all four.
#
# **Goals.** After this notebook you can state the problem, recognise it in two pictures, and find your
# way through the course.
#
# **Time.** About five minutes to read, two to run on two CPU cores, most of them for training the
# RGB teacher, which the later lessons reuse. **Prerequisites.** Python, NumPy and the basics of PyTorch.
# All terms are in the [glossary](../docs/glossary.md).
#
# **How the notebooks work.** Run the cells in order with Shift+Enter. The first cell of each notebook
# has its parameters; you need not change them. From them the second cell makes `lesson`, which loads the
# faces and shows the figures. Everything that is trained or rendered is stored in the folder `work` and
# reused. `seed` is the start of all random numbers, so that a second run gives the same results.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import platform

import torch

from mlcmkd import Landmarker, plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.evaluate import predict_pairs
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## RGB and thermal
#
# A **landmark** is a named point of a face, such as the tip of the nose. Many RGB photos are annotated
# with landmarks; few thermal images are. A **pair** is one RGB image and one thermal image of the same
# face at the same moment, aligned pixel by pixel. The faces of the course are **synthetic**: the library
# renders each as an RGB image, a temperature for every pixel, and exact landmarks. The cell shows 16 of
# the validation faces (`"val"`), which no training uses.

# %%
faces = lesson.data().faces("val")
first = range(0, 64, 4) if len(faces.rgb) >= 64 else range(8)  # one picture per person
sheet = plots.contact_sheet(
    faces.rgb[list(first)], faces.thermal[list(first)], landmarks=None, columns=8
)
lesson.show(sheet, "00_pairs")

# %% [markdown]
# **How to read it.** Each face is shown twice: RGB above, thermal below; the colour bar is in degrees C.
# The RGB image shows light: brows, pupils, the edge of the lips. The thermal image shows heat: nose and
# ears are often cool, glasses are cold and opaque, brows are hardly visible. A network has to find the
# same landmark by *different evidence* in the two images.

# %% [markdown]
# ## An RGB model on thermal images
#
# RGB and thermal are two **modalities**. The next cell trains a network on RGB images, which takes about
# a minute, and measures its error on the RGB images and on the thermal images of the same faces. The
# error is the **NME** (normalised mean error): the mean distance between predicted and annotated
# landmarks, in percent of the distance between the outer eye corners. The difference between the two
# errors is the **modality gap**.

# %%
run = course.teacher_run(lesson)
model = Landmarker.load(run / WEIGHTS)
pairs = lesson.pairs("val")
scores = {modality: course.scores_of(run, pairs, modality) for modality in ("rgb", "thermal")}

# %%
shown = list(first)[:6]
# The network's input for these faces, without random changes.
batch = make_batch(pairs, torch.tensor(shown), NO_AUGMENTATION, torch.Generator())
for modality, images in (("rgb", batch.rgb), ("thermal", batch.thermal)):
    predicted = predict_pairs(model, pairs.subset(shown), modality)
    titles = [f"NME {100 * scores[modality].per_face[i]:.1f} %" for i in shown]
    figure = plots.landmarks_on(images, predicted, batch.landmarks, titles=titles, columns=6)
    lesson.show(figure, f"00_teacher_on_{modality}")

# %%
lesson.show_text(
    f"On {len(pairs)} validation faces the RGB network has an NME of "
    f"**{100 * scores['rgb'].nme:.1f} %** on the RGB images and "
    f"**{100 * scores['thermal'].nme:.1f} %** on the thermal images of the same faces."
)

# %% [markdown]
# **How to read it.** Annotated landmarks are green, predicted ones orange-red. The first figure shows
# the network on RGB images, the second the same network on the thermal images of the same faces.
#
# **Cross-modal knowledge distillation** reduces this gap. The RGB network becomes the **teacher**: it
# does not change any more (it is *frozen*) and guides the training of a second network, the thermal
# **student**, on pairs. Few pairs need a label, because the teacher predicts the landmarks of the
# others. After training, the student needs no RGB camera. A second distillation makes it smaller.

# %% [markdown]
# ## The way through the course
#
# All lessons, with their questions and times, are on the page [course](../docs/course.md). Each runs on
# its own: it reuses the trained networks in `work` and trains the missing ones. `make course` trains all
# of them first, side by side, so the stored outputs say *complete, reused*. To start with a later
# lesson, such as 06, give the command `make course-models LESSON=06` first: it provides the trained
# networks of the lessons before 06. The last cell prints the versions, the device and the scale with
# which this page was made:

# %%
print("Python", platform.python_version(), "· torch", torch.__version__)
print("GPU:", torch.cuda.get_device_name() if torch.cuda.is_available() else "none (not required)")
print("scale:", lesson.scale, "·", lesson.sizes.synthetic_train, "training pairs,",
      lesson.sizes.input_px, "px input")  # fmt: skip

# %% [markdown]
# > **Takeaways**
# >
# > RGB and thermal images show the same face by different evidence. A network trained on one modality
# > is inaccurate on the other. Pairs allow a frozen RGB teacher to guide a thermal student. The student
# > then needs no photo.
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
