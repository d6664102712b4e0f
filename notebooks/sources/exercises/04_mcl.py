# %% [markdown]
# # Exercises 04 · The cost of a model
#
# *about 40 minutes*
#
# Lesson: [mcl](../04_mcl.ipynb) ·
# [solutions](../solutions/04_mcl.ipynb)
#
# Three computations, one open exercise.
#
# Replace every `...` below `# your code here`, run the cell, then run the check below it. A check
# explains a mistake but does not show the solution. Completed runs in `work` are reused, and missing
# runs are trained, as in the lessons.
#
# An open exercise requires `rows`, a list of dicts with the keys that it names (others are optional),
# and `finding`, a few sentences with the supporting numbers.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # number of labelled pairs; None for the default of the scale

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import time

import torch

from mlcmkd import Landmarker, ModelSpec
from mlcmkd.course import checks
from mlcmkd.models import SIZES
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## 1 · Compute: the adapters
#
# *about 5 minutes*
#
# The teacher's features have 96 channels, those of the light student 32. How many parameters do the two
# adapters of MCL have together? (1x1 convolutions with a bias, one in each direction.) Compute it by
# hand.

# %% tags=["solution", "fact", "nbval-check-output"]
teacher_width, student_width = 96, 32
# your code here
to_teacher = student_width * teacher_width + teacher_width
to_student = teacher_width * student_width + student_width
parameters = to_teacher + to_student
print(f"{to_teacher:,} + {to_student:,} = {parameters:,}")

# %% tags=["check"]
print(checks.mcl.adapters(parameters, teacher_width, student_width))

# %% [markdown]
# ## 2 · Compute: the file size
#
# *about 5 minutes*
#
# How large is the checkpoint of the light student? Predict it in **MB** (a million bytes) from the
# number of its parameters; the weights are float32.

# %% tags=["solution"]
run = course.light_student_run(lesson)
count = Landmarker.load(run / WEIGHTS).parameter_count()
print(f"{count:,} parameters")
# your code here
megabytes = 4 * count / 1e6

# %% tags=["check"]
print(checks.mcl.file_size(megabytes, count, (run / WEIGHTS).stat().st_size))

# %% [markdown]
# ## 3 · Implement: a robust timer
#
# *about 10 minutes*
#
# Write `timed(call, clock)`: it returns the **typical milliseconds** of `call()`, where `clock()`
# returns seconds. On a real machine the first calls are slow (memory is allocated, caches are cold), and
# other programs interrupt some calls. Use at least 20 calls.


# %% tags=["solution"]
# your code here
def timed(call, clock):
    """Typical milliseconds of a call."""
    for _ in range(5):  # warm-up
        call()
    times = []
    for _ in range(31):
        started = clock()
        call()
        times.append(clock() - started)
    return 1000 * sorted(times)[len(times) // 2]


# %% tags=["check"]
print(checks.mcl.timed(timed))

# %% [markdown]
# ## 4 · Open: does a tenth of the parameters mean a tenth of the time?
#
# *about 20 minutes*
#
# Build networks of several sizes (the keys of `SIZES`, see lesson 02) and with several input sizes, and
# measure the time for one image with your `timed`. If the time does not depend on the parameters, on
# what does it depend?
#
# Hint: `Landmarker(ModelSpec(size=..., input_px=...)).eval()`, `torch.inference_mode()`,
# `time.perf_counter`. A row needs `parameters` and `ms`.

# %% tags=["solution"]
# your code here
rows = []
sizes = ("base", "light", "slim") if lesson.fast else ("large", "base", "small", "light", "slim")
for size in sizes:
    for input_px in (64,) if lesson.fast else (64, 128):
        model = Landmarker(ModelSpec(size=size, input_px=input_px)).eval()
        image = torch.rand(1, 3, input_px, input_px)
        with torch.inference_mode():
            ms = timed(lambda m=model, i=image: m(i), time.perf_counter)
        rows.append({"size": size, "input_px": input_px, "parameters": model.parameter_count()})
        rows[-1]["ms"] = ms
        print(f"{size:6} {input_px:4} px  {rows[-1]['parameters']:11,} parameters  {ms:6.1f} ms")
first, last = rows[0], next(r for r in rows if r["size"] == "slim" and r["input_px"] == 64)
finding = (
    f"{first['size']} has {first['parameters'] / last['parameters']:.0f} times the parameters of slim "
    f"and takes {first['ms'] / last['ms']:.1f} times as long (64 px, batch 1, "
    f"{torch.get_num_threads()} threads, a CPU; backbones: {SIZES['slim'].backbone} and others)."
)
print(finding)

# %% tags=["check"]
print(checks.mcl.costs(rows, finding))

# %% [markdown] tags=["discussion"]
# **Discussion.** A parameter is stored once but used at every position, so the time depends on the
# operations, which increase with the area of the input. `small` and `light` consist of *depthwise*
# layers, which filter each channel on its own: few parameters and few operations, but a CPU computes
# them inefficiently. At batch 1 the fixed cost of each layer matters, so a deep light network can be
# slower than a shallow large one: compare `light` with `slim`, which has plain convolutions and about as
# many operations. (The stored times were measured on a machine with other work: only large ratios are
# reliable.) `mlcmkd students` measures time together with the number of operations (FLOPs).
