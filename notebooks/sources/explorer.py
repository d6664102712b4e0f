# %% [markdown]
# # Explorer: pairs, models and layers, interactively
#
# RGB and thermal images next to each other: landmarks, heatmaps, features, attributions. Exchange the
# heads, shift one image, add noise, or narrow the temperature range, and watch the landmarks. The
# explorer complements the lessons; [06](06_attribution.ipynb) explains attributions,
# [07](07_invariance.ipynb) exchanged heads and features.
#
# It uses the models of the course (`make course`) and trains those that are missing. `make explorer`
# shows it as a page without code.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps; the explorer itself computes on the CPU
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # the student next to "none"
decay = "cosine"
guide = "both"
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
from IPython.display import display

from mlcmkd import Landmarker
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.explorer.widget import Explorer
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
# **How to read it.** First row: the RGB and the thermal image of a pair with predicted (orange-red) and
# annotated (green) landmarks, then the heatmap of the chosen landmark in each modality. Second row: the
# features as colours; within the two pictures, equal colours mean equal features, unless the title says
# "own colours". Last: the pixels that increase (orange) or decrease (purple) the predicted probability
# at that position; this panel is updated when the sliders stop. NME is inter-ocular. On a static page,
# the picture shows the stored view.
#
# ## Experiments
#
# | action | question |
# | --- | --- |
# | apply the RGB teacher to thermal images | which landmarks are affected by the modality gap? |
# | exchange heads | does the teacher's head work with a student's features? Also with those of *none*? |
# | shift RGB by 4 px | does the shift affect only RGB? What would FD compare now? |
# | narrow the range to 30 to 36 degrees C | when does a student lose the jaw, and why the jaw? |
# | features of "level 1", an early layer | how much of this face do they show? |
#
# ## Without a mouse
#
# A view is a small set of parameters that can be written down, changed and saved.

# %%
view = exploration.first_view()
lesson.show(exploration.figure(view.changed(exchanged=True)), "explorer_exchanged")

# %% [markdown]
# **How to read it.** Heads exchanged: the RGB features with the student's head, the thermal features
# with the teacher's head. Compare the NME above each image with that in the first picture.

# %%
disturbed = view.changed(misalignment=4, noise=0.03, temperatures=(30, 36), layer="level 1")
lesson.show(exploration.figure(disturbed), "explorer_disturbed")

# %% [markdown]
# **How to read it.** RGB shifted by 4 px to the right, noise of 3 % of the range in both modalities, and
# all temperatures below 30 degrees C black. The green landmarks belong to the thermal image, so they do
# not move.

# %%
files = exploration.save(disturbed, lesson.work / "views" / "disturbed")
print(", ".join(path.name for path in files))
assert exploration.reopen(files[-1]) == disturbed

# %% [markdown]
# The JSON file (and the PNG, which contains the same JSON) can be opened again: in the row with *open*,
# or by `explorer.view = exploration.reopen(path)`. It stores the name of the pair and the
# hashes of the weights, and cannot be opened with other pairs or weights.
