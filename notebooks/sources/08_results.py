# %% [markdown]
# # 08 · Results, and your own data
#
# ![A rendered thermal frame, and the same frame with the landmarks of two
# faces](../docs/figures/lessons/08_frame.png)
#
# **Question.** What does the method do with an image of your own, and how good is it?
#
# **The answer first.** One line of Python finds the faces of a frame and their landmarks. How exact
# they are only test faces show: in this course the thermal student halves the error of the RGB teacher
# on thermal images, and the light student lies between them. Before you trust numbers on your own
# camera, score some labelled frames of it, as the second half of this lesson does.
#
# **Goals.** After this notebook you can predict landmarks in your own images, interpret one table of the
# whole course, state what it shows and what it does not show, and apply the same steps to your own
# pairs.
#
# **Time.** About ten minutes to read, less than one to run on two CPU cores if the earlier notebooks
# have run, otherwise about ten. **Prerequisites.** [03](03_ktl_dikd.ipynb) and [04](04_mcl.ipynb);
# [05](05_kd_loss.ipynb) adds more rows to the table. Terms are in the [glossary](../docs/glossary.md).

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
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.writer import Entry, write_manifest
from mlcmkd import DataConfig, EvaluateConfig, Predictor, evaluate, plots
from mlcmkd.data.crops import tight_box
from mlcmkd.data.images import read_image
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.synthetic.frames.frame import render_frame
from mlcmkd.training.run_directory import PROVENANCE, WEIGHTS

# %% [markdown]
# ## A frame of your own
#
# `Predictor()` loads the model of the package, a light thermal student that was trained longer than
# those of the course, on synthetic faces. It locates all faces of a frame by a face detector, crops
# them, and returns the landmarks in pixels of the frame. Set `frame` to a file of your own (or replace
# `image` by an array in degrees C) and run the cell again.

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
# was found; the numbers are those of the printed lines. The third head of the rendered
# frame, at the left border, shows no face. A confidence ranks faces by their expected error and is not a
# probability: only labelled test faces show how large errors are.

# %% [markdown]
# ## Results table
#
# All choices so far were made on the validation split. This table uses the **test split**: people that
# were not used in any training or choice. It contains all completed runs of the work folder. The RGB
# teacher has two rows: RGB input and thermal input. Rows named after a loss are those of notebook 05:
# they regress coordinates and have another head than the students of notebook 04, so compare them only
# with each other.

# %%
teacher = course.teacher_run(lesson)
students = {name: course.student_run(lesson, name) for name in ("none", "fd+ld", lesson.strategy)}
light = {
    name: course.light_student_run(lesson, name) for name in ("none", "fd+ld", lesson.strategy)
}
rows, scores = course.score_all_runs(lesson, "test")
lesson.show_text(course.markdown_table(rows))
print(f"{rows[0]['faces']} test faces; the complete table is results.csv in the work folder")

# %%
lesson.show(plots.nme_bars(rows), "08_nme")

# %% [markdown]
# **How to read it.** NME (normalised mean error) is the mean distance of the landmarks, divided by that
# of the outer eye corners; FR (failure rate) is the share of faces with an NME above 8 %; AUC is the
# area under the curve of the errors up to there, 1 at best. Dots are the NME and lines its 95 % interval
# over faces, best at the top. Two models with overlapping intervals may still differ face by face, which
# a paired comparison shows:

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

# %%
chosen = dict.fromkeys(titles[key] for key in ("none", ours, small))
lesson.show(plots.per_region_bars({title: scores[title].errors for title in chosen}), "08_regions")

# %% [markdown]
# **How to read it.** One group per region of the face; the thin lines are 95 % intervals over faces. A
# method may improve one region and degrade another, which a single NME for the whole face hides.
#
# **Limitations.** The faces are synthetic, the training takes minutes, and there is one seed. The table
# shows that the steps work and what each level achieves *here*. For general conclusions, use real pairs
# and several seeds.
#
# ## What a run stores
#
# A run is a folder with all information about itself: `config.json`, `metrics.jsonl`, `errors.csv`,
# `result.json`, `model.safetensors`, and its provenance:

# %%
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

# %% tags=["fact", "nbval-check-output"]
from mlcmkd.cli import COMMANDS

used = {"prepare", "train", "transfer", "compress", "evaluate", "predict"}
print("commands above that do not exist:", sorted(used - set(COMMANDS)) or "none")

# %% [markdown]
# ## Your own data from arrays
#
# A **manifest** is a table with a row for each pair: a photo, its temperatures and the landmarks. Here
# eight new synthetic faces replace your data.

# %%
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
            labels="exact",
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
# ## Prediction by your own network
#
# The light student of this course, on the same frames. A box of the face is given, so no detector is
# needed.

# %%
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
# **How to read it.** Thermal frames from arrays of degrees C, in a size that no network was trained on.
# Annotated landmarks are green, predicted ones orange-red.
#
# > **Takeaways**
# >
# > Prediction is one call; its quality is known only from labelled faces that were used for nothing
# > else. Report one table on one separate split, with an interval for every error and the number of
# > faces. The course's table shows that each level works here, on synthetic faces with one seed. Your
# > own data only has to be a manifest; each stage is then one call or one command.
#
# **Exercises**, each with a check that explains typical mistakes:
# [results](exercises/08_results.ipynb) ([solutions](solutions/08_results.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
# - Fard and Mahoor, [arXiv 2111.07047](https://arxiv.org/abs/2111.07047).
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993.
