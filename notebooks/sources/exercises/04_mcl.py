# %% [markdown]
# # Exercises 04 · What is light, and what does it cost?
#
# To the lesson: [mcl](../04_mcl.ipynb) ·
# the same [with solutions](../solutions/04_mcl.ipynb)
#
# Three to compute, one open.
#
# Below each `# your code here` replace every `...`, run the cell, then the check under it. A check
# says what went wrong, not what is right. What the lessons have trained is taken from `work`; what is
# missing is made, as in the lessons.
#
# An open exercise wants `rows`, a list of dicts with the keys that it names (and more, if you like), and
# `finding`, a few sentences with the numbers that they rest on.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"
decay = "cosine"
guide = "both"
labelled = None  # pairs with a label; None for the scale's number

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
import time

import torch

from mlcmkd.course import checks
from mlcmkd.models import SIZES, Landmarker, ModelSpec
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## 1 · Compute: the adapters
#
# The teacher's features have 96 channels, the light student's 32. How many parameters do MCL's two
# adapters have together? (1x1 convolutions, one each way.) Compute it by hand.

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
# ## 2 · Compute: the file
#
# How large is the light student's checkpoint? Predict it in **MB** (a million bytes) from the number
# of its parameters; the weights are float32.

# %% tags=["solution"]
run = course.light_student_run(lesson)
count = Landmarker.load(run / WEIGHTS).parameter_count()
print(f"{count:,} parameters")
# your code here
megabytes = 4 * count / 1e6

# %% tags=["check"]
print(checks.mcl.file_size(megabytes, count, (run / WEIGHTS).stat().st_size))

# %% [markdown]
# ## 3 · Build: a fair clock
#
# Write `timed(call, clock)`: the **typical milliseconds** of `call()`, where `clock()` gives seconds.
# On a real machine the first calls are slow (memory is fetched, caches are cold), and now and then
# another program comes between. At least 20 calls.


# %% tags=["solution"]
# your code here
def timed(call, clock):
    """Milliseconds that a call typically takes."""
    for _ in range(5):  # warm up
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
# ## 4 · Open: is a tenth of the parameters a tenth of the time?
#
# Build networks of several sizes (`SIZES`), of several input sizes or with the other head, and time
# one image by your `timed`. What follows time, if not parameters?
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
# **Discussion.** Parameters are counted once, but used at every place: time follows the operations,
# and those grow with the input's area. Depthwise layers, of which `small` and `light` are made, have few
# parameters and few operations, yet use a CPU badly; and at batch 1 the fixed cost of a layer counts,
# so a deep light network may lose to a shallow heavy one: compare `light` with `slim`, plain
# convolutions and about as many operations. (The stored times come from a machine with other work on
# it: take ratios, and few of them.) `mlcmkd students` measures time with FLOPs beside.
