# %% [markdown]
# # Explorer: look at pairs, models and layers by hand
#
# RGB and thermal side by side: landmarks, heatmaps, features, attributions. Exchange the heads, shift
# one image, add noise, narrow the temperature range, and watch the landmarks move. It stands beside the
# lessons; [06](06_attribution.ipynb) explains attributions, [07](07_invariance.ipynb) exchanged heads
# and features.
#
# It looks at the models of the course (`make course`), and trains those that it does not find. As a page
# without code: `make explorer`.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps; the explorer itself computes on the CPU
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"  # the student beside "none"
decay = "cosine"
guide = "both"
labelled = None  # pairs with a label; None for the scale's number

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
from IPython.display import display

from mlcmkd.explorer.exploration import Exploration
from mlcmkd.explorer.widget import Explorer
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS

runs = {
    "RGB teacher": course.teacher_run(lesson),
    f"student {lesson.strategy}": course.student_run(lesson),
    "student none": course.student_run(lesson, "none"),
    f"light {lesson.strategy}": course.light_student_run(lesson),
}
models = {name: Landmarker.load(run / WEIGHTS) for name, run in runs.items()}
exploration = Exploration(lesson.pairs("val"), models)

# %%
explorer = Explorer(exploration, folder=lesson.work / "views")
display(explorer)

# %% [markdown]
# **How to read it.** On top the RGB image and its thermal twin, with the landmarks that a model
# found (orange-red) and the annotated ones (green), then where on each side the chosen landmark may
# lie. Below, the features as colours: within the two pictures equal colours are equal features,
# unless it says "own colours". Last, which pixels spoke for (orange) or against (purple) the place
# that was found; this panel follows when the sliders rest. NME is inter-ocular. On a stored page,
# where nothing can be moved, the picture is the view it was stored with.
#
# ## Things to try
#
# | do | and ask |
# | --- | --- |
# | let the RGB teacher read thermal | which landmarks does the modality gap hit, and which not? |
# | exchange heads | can the teacher's head read a student's features? those of *none*, too? |
# | shift RGB by 4 px | does only the RGB side move? what would FD compare now? |
# | narrow the range to 30 to 36 degrees C | when does a student lose the jaw, and why the jaw? |
# | features of "level 1" | how much of this face is in it, and how much in what heads read? |
#
# ## The same without a mouse
#
# A view is a few words, so it can be written down, changed, and kept.

# %%
view = exploration.first_view()
lesson.show(exploration.figure(view.changed(exchanged=True)), "explorer_exchanged")

# %% [markdown]
# **How to read it.** Heads exchanged: the RGB image's features under the student's head, the thermal
# image's under the teacher's. Compare the NME above each image with the one of the first picture.

# %%
disturbed = view.changed(misalignment=4, noise=0.03, temperatures=(30, 36), layer="level 1")
lesson.show(exploration.figure(disturbed), "explorer_disturbed")

# %% [markdown]
# **How to read it.** RGB shifted 4 px to the right, noise of 3 % of the range on both sides, and all
# below 30 degrees C black. The green landmarks belong to the thermal image, so they stay.

# %%
files = exploration.save(disturbed, lesson.work / "views" / "disturbed")
print(", ".join(path.name for path in files))
assert exploration.reopen(files[-1]) == disturbed

# %% [markdown]
# The JSON (and the PNG, which holds it too) opens again: in the explorer by its lowest row, or by
# `explorer.view = exploration.reopen(path)`. It tells the pair's name and the hashes of the weights, and
# refuses to open on others.
