# %% [markdown]
# # 08 · Results, and your own data
#
# **You will be able to** read one table of the whole series, say what it does and does not show, and
# take the same path with your own pairs.
#
# **Time** under a minute on two CPU cores if the earlier notebooks have run, else seven or so.
# **You need** [03](03_ktl_dikd.ipynb) and [04](04_mcl.ipynb); [05](05_kd_loss.ipynb) has more rows for
# the table.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # pairs with a label; None for the scale's number

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.writer import Entry, write_manifest
from mlcmkd import plots
from mlcmkd.data.config import DataConfig
from mlcmkd.data.crops import tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.training.run_directory import PROVENANCE, WEIGHTS

teacher = course.teacher_run(lesson)
students = {name: course.student_run(lesson, name) for name in ("none", "fd+ld", lesson.strategy)}
light = {
    name: course.light_student_run(lesson, name) for name in ("none", "fd+ld", lesson.strategy)
}

# %% [markdown]
# ## One table
#
# Every choice so far was made on the validation split. Now the **test split**: people that no run has
# seen. (Notebook 06 drew maps of some of them; no choice was made by those.) All finished runs of the
# work folder are in it; the RGB teacher twice, on RGB and as it is on thermal images. Rows that are
# named after a loss are notebook 05's: they regress coordinates, with another head than the students of
# notebook 04, so compare them with each other.

# %%
rows, scores = course.score_all_runs(lesson, "test")
lesson.say(course.markdown_table(rows))
print(f"{rows[0]['faces']} test faces; the whole table is results.csv in the work folder")

# %%
lesson.show(plots.nme_bars(rows), "08_nme")

# %% [markdown]
# **How to read it.** Dots are the NME, lines its 95 % interval over faces, best at the top; on the right
# the failure rate, the share of faces worse than the threshold. Two dots whose lines overlap may still
# differ face by face, which the paired comparison below finds out.

# %%
named = {
    "gap": course.title_of(teacher, "thermal"),
    **{name: course.title_of(run) for name, run in students.items()},
    **{f"light {name}": course.title_of(run) for name, run in light.items()},
}
lesson.show(plots.ced_curves({title: scores[title].per_face for title in named.values()}), "08_ced")

# %%
ours, small = lesson.strategy, f"light {lesson.strategy}"
contests = [(ours, "gap"), (ours, "none"), (ours, "fd+ld"), (small, "light none")]
contests += [(small, "light fd+ld"), (small, ours)]
pairs_of_titles = [(named[a], named[b]) for a, b in contests if a != b]
told = [course.compare(a, scores[a], b, scores[b]) for a, b in pairs_of_titles]
lesson.say("\n".join(f"- {sentence}" for sentence in told))

# %%
chosen = dict.fromkeys(named[key] for key in ("none", ours, small))
lesson.show(plots.per_region_bars({title: scores[title].errors for title in chosen}), "08_regions")

# %% [markdown]
# **How to read it.** One group a region of the face; the thin lines are 95 % intervals over faces. A
# method may gain in one region and lose in another, which one NME for the whole face hides.
#
# **What this table is not.** The faces are drawn, not photographed; the training is minutes long; there
# is one seed. It shows that the path works and what each level does *here*. For claims, take real pairs
# and several seeds.
#
# ## What a run remembers
#
# A run is a folder that tells everything about itself: `config.json`, `metrics.jsonl`, `errors.csv`,
# `result.json`, `model.safetensors`, and where it came from:

# %%
told = json.loads((students[lesson.strategy] / PROVENANCE).read_text())
keys = ("stage", "seed", "data", "pairs", "labelled", "python", "libraries")
print(json.dumps({key: told.get(key) for key in keys}, indent=1))

# %% [markdown]
# ## Your own data: on the command line
#
# Photos with iBUG `.pts` files become pairs with a simulated thermal twin; then every stage is one
# command, and every field of its config can be set:
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
# `transfer` and `compress` take `--strategy`, and `--set data.labelled=200` takes labels away. A
# simulated twin is no thermal camera: say so wherever you quote a number on one.

# %% tags=["fact", "nbval-check-output"]
from mlcmkd.cli import app

known = {command.callback.__name__ for command in app.registered_commands}
used = {"prepare", "train", "transfer", "compress", "evaluate", "predict"}
print("commands above that do not exist:", sorted(used - known) or "none")

# %% [markdown]
# ## Your own data: from arrays
#
# A photo, its temperatures, the landmarks: that is a row. Here eight faces that the series never drew
# stand in for yours.

# %%
folder = Path(tempfile.mkdtemp())
mine = synthetic_faces("test", 8, seed=99, size=160)  # another seed, another world of people
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
result, found = evaluate(config, progress=False)
quoted = ("faces", "split", "modality", "normaliser", "nme_percent", "failure_rate", "threshold")
print(json.dumps({key: result[key] for key in quoted}, indent=1))

# %% [markdown]
# A misspelt field is refused before anything is computed:

# %%
from pydantic import ValidationError

try:
    EvaluateConfig(out=folder, weights=folder, normalizer="box")
except ValidationError as error:
    print(error.errors()[0]["loc"][0], "→", error.errors()[0]["msg"])

# %% [markdown]
# ## Three lines to a prediction

# %%
predictor = Predictor(light[lesson.strategy] / WEIGHTS)
answers = [predictor(mine.thermal[n], tight_box(mine.landmarks[n])) for n in range(6)]
figure = plots.landmarks_on(
    np.stack([answer.image for answer in answers]),
    plots.centred([a.landmarks for a in answers], 160),
    plots.centred(mine.landmarks[:6], 160),
    titles=[f"NME {100 * e:.1f} %" for e in found.per_face[:6]],
)
lesson.show(figure, "08_own")

# %% [markdown]
# **How to read it.** Thermal frames read from arrays of degrees C, at a size that no network here was
# trained on; the face's box says where to look.
#
# ## Summary
#
# - One table, one split that was kept apart, an interval on every NME.
# - A manifest is all that your data needs; every stage is then one call or one command.
#
# **Exercises**, each with a check that says what went wrong:
# [results](exercises/08_results.ipynb) (its [solutions](solutions/08_results.ipynb) lie apart).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128).
# - Fard and Mahoor, [arXiv 2111.07047](https://arxiv.org/abs/2111.07047).
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993.
