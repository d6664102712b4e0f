# %% [markdown]
# # Exercises 01 · One face, two cameras
#
# *about 25 minutes*
#
# Lesson: [pairing](../01_pairing.ipynb) ·
# [solutions](../solutions/01_pairing.ipynb)
#
# Three computations.
#
# Replace every `...` below `# your code here`, run the cell, then run the check below it. A check
# explains a mistake but does not show the solution. Completed runs in `work` are reused, and missing
# runs are trained, as in the lessons.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import numpy as np

from mlcmkd import plots
from mlcmkd.course import checks
from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.faces import make_faces

# %% [markdown]
# ## 1 · Compute: the apparent temperature of glasses
#
# *about 10 minutes*
#
# A surface of temperature $T$ emits the share $\varepsilon$ of the radiation of a black body and
# reflects the rest, $1 - \varepsilon$, from its surroundings of temperature $T_\mathrm{around}$. Take
# the radiance of a black body as proportional to the fourth power of its temperature in kelvin. Write
# `apparent`: it returns the temperature of the black body with the same radiance, in degrees C. The
# arguments are the temperatures of surface and surroundings in degrees C, and $\varepsilon$; they may
# be arrays.


# %% tags=["solution"]
# your code here
def apparent(surface, reflected, emissivity):
    """Apparent temperature in degrees C of a surface that reflects its surroundings."""
    own, around = (surface + 273.15) ** 4, (reflected + 273.15) ** 4
    return (emissivity * own + (1 - emissivity) * around) ** 0.25 - 273.15


# %% tags=["check"]
print(checks.pairing.apparent(apparent))

# %% [markdown] tags=["discussion"]
# **Explanation.** Glasses ($\varepsilon = 0.84$) show mostly their own temperature: they are opaque,
# and the eyes behind them do not exist for the camera. Skin ($\varepsilon = 0.97$) is nearly a black
# body, so a thermal image of a face depends little on the light of the room. This is why RGB and
# thermal images of one face have so little in common.

# %% [markdown]
# ## 2 · Compute: from counts to the model's input
#
# *about 5 minutes*
#
# A camera stores hundredths of a kelvin in 16 bits. Write `to_input`: it converts an array of counts of
# any shape to the input between 0 and 1, for the range 18 to 40 degrees C. Do not use `Radiometry`.


# %% tags=["solution"]
# your code here
def to_input(counts):
    """Counts (uint16, hundredths of a kelvin) to the model's input, 0 to 1."""
    celsius = counts.astype(np.float64) / 100 - 273.15
    return np.clip((celsius - 18) / (40 - 18), 0, 1)


# %% tags=["check"]
print(checks.pairing.to_input(to_input))

# %% [markdown]
# ## 3 · Compute: mirrored landmarks
#
# *about 10 minutes*
#
# `landmarks` are 68 points in centred coordinates (-0.5 to 0.5). Write `mirror`: it returns the
# landmarks of the mirrored image. `list(IBUG68.flip)` is the permutation of the indices.

# %% tags=["solution"]
face = make_faces(1, seed=3, size=128)
landmarks = plots.centred(face.landmarks, 128)[0]


# your code here
def mirror(landmarks):
    """Landmarks (68, 2), centred, of the mirrored image."""
    return landmarks[list(IBUG68.flip)] * [-1, 1]


# %% tags=["check"]
print(checks.pairing.mirror(mirror, landmarks))

# %% [markdown] tags=["discussion"]
# **Explanation.** After mirroring, the left eye is at the position of the right eye. Without the
# permutation all points still lie on the face, so every picture looks correct, but the network learns to
# predict points between the two halves.
