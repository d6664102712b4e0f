# %% [markdown]
# # Demo: landmarks, uncertainty and temperatures of faces
#
# Drop images or a video, or make an example. Each face gets a box, 68 landmarks with their uncertainty,
# and a confidence; the persons of a video are numbered. Thermal images in degrees C also give
# temperatures.
#
# - **Not a medical device**, and not for decisions about a person: temperatures are those that the
#   camera stored, which may be wrong by degrees.
# - **Nobody is recognised.** Numbers distinguish the persons within one video.
# - The models were trained on **synthetic faces only**. Errors on real images are larger, most of all
#   for profiles, small faces, and faces behind a hand.
# - The examples are rendered; nobody in them exists.

# %% tags=["parameters"]
seed = 10  # of the first example

# %%
from IPython.display import Image, display

from mlcmkd.demo.examples import make_example
from mlcmkd.demo.trial import try_files
from mlcmkd.demo.widget import Demo

demo = Demo(seed=seed)
display(demo)

# %% [markdown]
# ## How to read the drawings
#
# | mark | meaning |
# | --- | --- |
# | purple box | the face, with its number in the tables, or the person's number in a video |
# | blue points, amber lines | the landmarks, and the contours through them |
# | turquoise circles | their standard deviation: 68 % of the errors of x and y should be below it |
# | white outlines | regions, with their mean temperature in degrees C |
#
# A confidence from 0.8 is called high and below 0.6 low. It ranks faces by their expected error, and is
# not a probability.

# %%
example = make_example("several people", "rgb", seed=1)
(shown,) = try_files([example]).files[example.name]
display(Image(shown.jpeg, alt="Two rendered faces with boxes, landmarks and circles"))

# %% [markdown]
# **How to read it.** A rendered RGB frame, which has no temperatures. The circles are larger where
# landmarks are less certain, as along the jaw.
