# %% [markdown]
# # 08 · Results, and your own data
#
# ![A rendered thermal frame, and the same frame with the landmarks of two
# faces](../docs/figures/lessons/08_frame.png)
#
# **Question.** What does the method do with an image of your own, and how good is it?
#
# **The answer first.** One line of Python finds the faces of a frame and their landmarks. How exact they
# are, only labelled test faces show. On those of this course the thermal student has half the error of
# the RGB teacher on thermal images, and the light student lies between them. Before you trust landmarks
# in frames of your own camera, label some of its frames and score them, as the end of this lesson shows.
#
# **Goals.** After this notebook you can predict landmarks in your own images, read one table of the
# whole course, state what it shows and what it does not show, and apply the same steps to your own
# pairs.
#
# **Time.** About ten minutes to read, less than one to run on two CPU cores if the earlier lessons have
# run, otherwise about five (`make course-models LESSON=08` writes most of their runs).
# **Prerequisites.**
# [03](03_ktl_dikd.ipynb) and [04](04_mcl.ipynb); [05](05_kd_loss.ipynb) adds more rows to the table.
# Terms are in the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # number of labelled pairs; None for the default of the scale
frame = None  # file of a thermal image of your own, such as "frame.png"; None for a rendered frame

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.ResultsLesson)

# %%
import numpy as np

from mlcmkd import Predictor, plots
from mlcmkd.data.images import read_image
from mlcmkd.synthetic.frames.frame import render_frame

# %% [markdown]
# ## A frame of your own
#
# `Predictor()` loads the model of the package, a light thermal student that was trained on synthetic
# faces, longer than those of the course. It finds all faces of a frame by a face detector, crops them,
# and returns the landmarks in pixels of the frame.
#
# To use an image of your own, set `frame` in the first cell to its file, or replace `image` by an array
# in degrees C, and run the cells again.

# %%
if lesson.frame is None:
    image = render_frame(10, 0, (240, 320), heads=3, rgb=False).thermal  # (H, W) degrees C
else:
    image = read_image(lesson.frame)
(found,) = Predictor().faces([image])
lesson.show(plots.faces_in_frame(image, found), "08_frame")
for number, face in enumerate(found):
    eyes = face.landmarks[45] - face.landmarks[36]
    print(
        f"face {number}: confidence {face.confidence:.2f}, eye corners "
        f"{np.linalg.norm(eyes):.0f} px apart, nose tip at {face.landmarks[30].round(1)}"
    )

# %% [markdown]
# **How to read it.** Left: the frame, warm is bright. Right: a box and 68 landmarks for each face that
# was found; the numbers are those of the printed lines. The third head of the rendered frame, at the
# left border, shows no face. A **confidence** ranks faces by their expected error: face 0 should be
# more exact than face 1. It is not a probability.

# %% [markdown]
# ## Results table
#
# All choices so far were made on the validation split. This table uses the **test split**: people that
# were not used in any training or choice. It contains all completed runs of the work folder. The RGB
# teacher has two rows: RGB input and thermal input. *Coordinate students* are those of lesson 03 with
# another head than the teacher. The last rows, named after a loss, are those of lesson 05: they also
# predict coordinates without heatmaps, so compare them only with each other.

# %%
teacher = course.teacher_run(lesson)
students = {name: course.student_run(lesson, name) for name in ("none", "fd+ld", lesson.strategy)}
light = {
    name: course.light_student_run(lesson, name) for name in ("none", "fd+ld", lesson.strategy)
}
rows, scores = course.score_all_runs(lesson, "test")
columns = {n: course.COLUMNS[n] for n in ("name", "parameters", "nme_interval", "failure_rate")}
lesson.show_text(course.markdown_table(rows, columns))
print(f"{rows[0]['faces']} test faces; the complete table is results.csv in the work folder")

# %%
lesson.show(plots.nme_bars(rows), "08_nme")

# %% [markdown]
# **How to read it.** The figure shows the same rows, best at the top: dots are the NME and lines its
# 95 % interval over faces. **FR** (failure rate) is the share of faces with an NME above 8 %. Two
# networks with overlapping intervals may still differ on the same faces. A paired comparison, face by
# face, shows it:

# %%
titles = {
    "gap": course.title_of(teacher, "thermal"),
    **{name: course.title_of(run) for name, run in students.items()},
    **{f"light {name}": course.title_of(run) for name, run in light.items()},
}
ours, small = lesson.strategy, f"light {lesson.strategy}"
comparisons = [(ours, "gap"), (ours, "none"), (small, "light none"), (small, ours)]
title_pairs = [(titles[a], titles[b]) for a, b in comparisons if a != b]
sentences = [course.compare(a, scores[a], b, scores[b]) for a, b in title_pairs]
lesson.show_text("\n".join(f"- {sentence}" for sentence in sentences))

# %% [markdown]
# **What the table shows.** The thermal students have about half the error of the RGB teacher on thermal
# images. With a teacher, a student with 10 labels is as good as one with 100; without one, it is worse
# by almost 3 points. With 100 labels there is no clear difference, nor among the light students. The
# light student with DIKD costs 2.3 points. Where in the
# face?

# %%
chosen = dict.fromkeys(titles[key] for key in ("none", ours, small))
lesson.show(plots.per_region_bars({title: scores[title].errors for title in chosen}), "08_regions")

# %% [markdown]
# **How to read it.** One group per region of the face; the thin lines are 95 % intervals over faces. The
# light student loses in every region. A single NME for the whole face would hide it if a method improved
# one region and degraded another.
#
# **What the table does not show.** The faces are synthetic, the training takes minutes, and there is one
# seed. For general conclusions, use real pairs and several seeds: [results](../docs/results.md).
#
# ## What a run stores
#
# A run is a folder with all information about itself: its config, its training curve, the error of each
# face, its weights, and its **provenance**, from which it can be repeated:

# %%
import json

from mlcmkd.training.run_directory import PROVENANCE, WEIGHTS

provenance = json.loads((students[lesson.strategy] / PROVENANCE).read_text())
keys = ("stage", "seed", "data", "pairs", "labelled", "python", "libraries")
print(json.dumps({key: provenance.get(key) for key in keys}, indent=1))

# %% [markdown]
# ## Your own data on the command line
#
# Photos with iBUG `.pts` files become pairs with simulated thermal images. Every stage is one command,
# and every field of its config can be set:
#
# ```bash
# mlcmkd prepare ibug_pts SOURCE OUT --simulate-thermal
# mlcmkd train    --data OUT --out runs/teacher --steps 3000
# mlcmkd transfer --data OUT --out runs/student --teacher runs/teacher/model.safetensors
# mlcmkd compress --data OUT --out runs/light   --teacher runs/student/model.safetensors
# mlcmkd evaluate --data OUT --out runs/light-test --weights runs/light/model.safetensors
# mlcmkd predict frame.png   --weights runs/light/model.safetensors --out predictions
# ```
#
# `transfer` and `compress` have an option `--strategy`, and `--set data.labelled=200` reduces the number
# of labels. A simulated thermal image does not replace a thermal camera: state it with every result on
# simulated images.

# %% [markdown]
# ## Your own data from arrays
#
# As in lesson 01, a **manifest** is a table with a row for each pair: a photo, its temperatures and the
# landmarks. Here eight new synthetic faces replace your data. `evaluate` then scores the light student
# of this course on them.

# %%
import tempfile
from pathlib import Path

from PIL import Image

from data_prep.writer import Entry, write_manifest
from mlcmkd import DataConfig, EvaluateConfig, evaluate
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN

folder = Path(tempfile.mkdtemp())
mine = synthetic_faces("test", 8, seed=99, size=160)  # another seed: other people
entries = []
for n in range(8):
    photo = folder / f"photo{n}.png"
    Image.fromarray(mine.rgb[n]).save(photo)
    entries.append(
        Entry(
            id=f"mine/{n}",
            subject=f"person{mine.identity[n]}",
            split="test",
            scheme="ibug68",
            landmarks=mine.landmarks[n],  # (68, 2) pixels, 0-based
            rgb=photo,
            thermal=mine.thermal[n],  # (H, W) degrees C
            radiometry=FACE_CENTIKELVIN,
            labels="exact",  # or "hand", if a person placed them
        )
    )
report = write_manifest(entries, folder / "manifest")

config = EvaluateConfig(
    out=folder / "scores",
    weights=light[lesson.strategy] / WEIGHTS,
    data=DataConfig(source=str(folder / "manifest")),
)
result, own_scores = evaluate(config, progress=False)
reported = ("faces", "split", "modality", "normaliser", "nme_percent", "failure_rate", "threshold")
print(json.dumps({key: result[key] for key in reported}, indent=1))

# %% [markdown]
# The same faces, by the same network. `Predictor` takes the weights of any run; here it also gets the
# box of the face, so that no detector is needed:

# %%
from mlcmkd.data.crops import tight_box

predictor = Predictor(light[lesson.strategy] / WEIGHTS)
predictions = [predictor(mine.thermal[n], tight_box(mine.landmarks[n])) for n in range(6)]
figure = plots.landmarks_on(
    np.stack([prediction.image for prediction in predictions]),
    plots.centred([prediction.landmarks for prediction in predictions], 160),
    plots.centred(mine.landmarks[:6], 160),
    titles=[f"NME {100 * e:.1f} %" for e in own_scores.per_face[:6]],
)
lesson.show(figure, "08_own")

# %% [markdown]
# **How to read it.** Annotated landmarks are green, predicted ones orange-red. These thermal images have
# a size that no network of the course was trained on: `Predictor` converts it.
#
# > **Takeaways**
# >
# > Prediction is one call; its quality is known only from labelled faces that were used for nothing
# > else. Report one table on one separate split, with an interval for every error and the number of
# > faces. The course's table shows what each level achieves on synthetic faces with one seed. Your own
# > data only has to be a manifest; each stage is then one call or one command.
#
# **Exercises**, each with a check that explains typical mistakes:
# [results](exercises/08_results.ipynb) ([solutions](solutions/08_results.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
# - Fard and Mahoor, [arXiv 2111.07047](https://arxiv.org/abs/2111.07047).
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993.
