# %% [markdown]
# # 01 · Pairs: one face, two cameras
#
# ![Eight faces, RGB above and thermal below, with their landmarks](../docs/figures/lessons/01_pairs.png)
#
# **Question.** Both rows show the same faces at the same moment. Which of the 68 points could you place
# in the thermal image alone? And what does a pixel of it mean?
#
# **The answer first.** A pixel of a thermal image is a temperature. Within a face temperatures differ by
# only a few degrees, and pupils and brows are hardly visible. The camera stores numbers, and a fixed
# range of degrees turns them into the input of a network. If each frame is stretched to full contrast
# instead, the temperature is lost, and no program warns you.
#
# **Goals.** After this notebook you can say what a pair is and how a thermal image of a face arises,
# convert raw camera values into a network's input without losing the temperature, and write a manifest.
#
# **Time.** About fifteen minutes to read, one to run on two CPU cores. **Prerequisites.** NumPy arrays
# and the [tour](00_tour.ipynb). Terms are in the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from data_prep.writer import Entry, write_manifest
from mlcmkd import Augmentation, InputError, load_pairs, plots
from mlcmkd.data.manifest import read_rows
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.data.thermal import palettes
from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.metrics import point_errors
from mlcmkd.synthetic.faces import SyntheticFaces, make_faces
from mlcmkd.synthetic.realism import Realism

# %% [markdown]
# ## What a pair is
#
# A **pair** is one RGB image and one thermal image of the same face at the same moment, aligned pixel
# by pixel. The **scheme** iBUG-68 has 68 landmarks, for jaw, brows, nose, eyes and mouth. Because the
# images are aligned, the *same* coordinates fit both.
#
# The faces of this course are **synthetic**: one 3-D head is rendered twice, by a model of a colour
# camera and by a model of a thermal camera. No photograph was used, and the landmarks are exact.

# %%
faces = synthetic_faces("train", 32, seed=seed, size=128)  # four pictures per person
one_each = np.arange(0, 32, 4)
sheet = plots.contact_sheet(
    faces.rgb[one_each],
    faces.thermal[one_each],
    landmarks=plots.centred(faces.landmarks, 128)[one_each],
    columns=8,
)
lesson.show(sheet, "01_pairs")

# %% [markdown]
# **How to read it.** RGB above, thermal below, landmarks in blue; the colour bar is in degrees C. Look
# for what only one of them shows: pupils and brows in RGB; cool noses, and glasses that hide the eyes,
# in thermal. Light and skin colour change the RGB image only.
#
# ## How a thermal face is made
#
# In a rendered face every cause of a pixel's value can be switched off. Here are two persons without
# hair and clothes, in three steps: heat, radiation, camera. The head is a 3-D surface with a temperature
# at each point.
#
# **Step 1, heat.** Blood warms the skin, air cools it. Three causes make the skin uneven:
#
# - **Anatomy**: vessels near the surface warm the inner eye corners, temples and forehead; nose, ears
#   and cheeks are far from large vessels and cool.
# - **The orbit**, the region around the eyes, is warm as a whole.
# - **Curvature**: a ridge loses heat in more directions than a plane. So the tip of the nose and the
#   chin are cooler, and the folds beside the nose warmer.
#
# The function renders the two persons with some causes switched off:


# %%
def two_faces(**switches) -> SyntheticFaces:
    """Two persons, with some parts of the rendering switched off."""
    realism = Realism(**{"worn": False, "expressions": False} | switches)
    return make_faces(
        2, seed=8882, size=128, faces_per_identity=1, workers=1, realism=realism, maps=True
    )


everything = two_faces()


def temperatures(**switches) -> np.ndarray:
    return two_faces(**switches).temperature


parts = {
    "anatomy": temperatures(anatomy=False),
    "warm orbit": temperatures(warm_orbit=False),
    "curvature": temperatures(curvature=False),
    "all three": temperatures(anatomy=False, warm_orbit=False, curvature=False),
}
skin = (everything.temperature > 29) & (everything.depth > -1)
heat_limits = tuple(np.percentile(everything.temperature[skin], [1, 99]))
air = [f"air {t:.0f} degrees C" for t in everything.attributes["ambient_celsius"]]
figure = plots.switched_off(everything.temperature, parts, limits=heat_limits, titles=air)
lesson.show(figure, "01_heat")

# %% [markdown]
# **How to read it.** Two rows for each person. Each column lacks one cause; below it is what that cause
# adds: red where it warms, blue where it cools. In the last column the skin has one temperature, and
# only the outline and the brows are left. All that a network can use inside a thermal face is a
# difference of a few degrees.
#
# **Step 2, radiation.** A thermal camera measures **radiance**, the heat radiation that arrives from a
# surface. A **black body** is a surface that emits as much as possible at its temperature and reflects
# nothing. Skin emits 97 % of that; this share is its **emissivity** $\varepsilon$. It reflects the rest
# from its surroundings:
#
# $$L = \varepsilon\,L_\mathrm{bb}(T) + (1 - \varepsilon)\,L_\mathrm{bb}(T_\mathrm{around})$$
#
# with $L$ the radiance that arrives, $T$ the temperature of the surface, $T_\mathrm{around}$ that of its
# surroundings, and $L_\mathrm{bb}$ the radiance of a black body. The camera shows the **apparent
# temperature**: that of a black body with radiance $L$. Glass has an emissivity of 0.84 and lets no heat
# radiation through, so glasses show their own temperature and hide the eyes.
#
# **Step 3, the camera.** The lens blurs, and the sensor has few pixels (*optics* below). The sensor also
# adds *noise* of 0.03 to 0.2 degrees C and a pattern of stripes.


# %%
def frames(**switches) -> np.ndarray:
    return two_faces(**switches).thermal


parts = {
    "emissivity": frames(emissivity=False),
    "scene": frames(scene=False),
    "optics": frames(optics=False),
    "noise": frames(noise=False),
}
figure = plots.switched_off(everything.thermal, parts, largest=1.5)
lesson.show(figure, "01_optics")

# %% [markdown]
# **How to read it.** As above, for the image that the camera stores. *Emissivity* makes the face look
# cooler, most at its outline. *Scene* is what lies behind the head. *Optics* weakens edges, which a
# landmark needs most: its difference is largest at the outline, the eyes and the mouth. Which parts make
# a synthetic face useful for a real camera: [useful synthetic
# faces](../docs/results/useful_synthetic_faces.md).
#
# ## From counts to degrees C to the network's input
#
# A thermal camera writes **counts**, which are 16-bit integers. A **radiometry** says what they mean in
# degrees. Here they are hundredths of a kelvin:
#
# $$T = \frac{c}{100} - 273.15, \qquad
#   x = \mathrm{clip}\!\left(\frac{T - T_\mathrm{low}}{T_\mathrm{high} - T_\mathrm{low}},\,0,\,1\right)$$
#
# with $c$ the count, $T$ the temperature in degrees C, $T_\mathrm{low}$ and $T_\mathrm{high}$ an
# **explicit range**, here 18 and 40 degrees C, and $x$ the input of the network. In the code:
# `Radiometry` in [`data/thermal/radiometry.py`](../mlcmkd/data/thermal/radiometry.py).

# %% tags=["fact", "nbval-check-output"]
for warm in (18.0, 24.0, 34.5, 37.0, 40.0):
    count = to_centikelvin(np.array(warm))
    back, unit = FACE_CENTIKELVIN.celsius(count), FACE_CENTIKELVIN.to_unit(count)
    print(f"{warm:5.1f} degrees C   count {int(count)}   {back:6.2f} degrees C   input {unit:.3f}")

# %%
hulls = np.zeros(faces.thermal.shape, np.uint8)
for hull, points in zip(hulls, faces.landmarks, strict=True):
    cv2.fillConvexPoly(hull, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
figure = plots.temperature_histogram(
    {"inside the landmarks": faces.thermal[hulls == 1], "around them": faces.thermal[hulls == 0]},
    limits=(FACE_CELSIUS.low, FACE_CELSIUS.high),
)
lesson.show(figure, "01_temperatures")

# %% [markdown]
# **How to read it.** Most temperatures of a face lie in a narrow band; the tail to the left comes from
# glasses, masks, hair and cold skin. The range of the input (white) is wider, and the same for every
# frame. Values outside it are clipped.
#
# Other cameras store other counts, 8-bit grey levels or false colours, and `Radiometry` names the format
# of each: for counts of 0.04 K it is `Radiometry(kind="counts", gain=0.04, offset=-273.15, low=18,
# high=40)`. All formats are on the page [thermal images](../docs/reference/thermal_images.md).
#
# ### Mistake: false colours read as grey
#
# A **palette** replaces each grey level by a colour, as in the figures of this lesson. The levels come
# back if each colour is looked up in the palette. Most image loaders take the brightness of the colour
# instead. For the palette *iron*, brightness increases with temperature. For *jet*, the default of many
# older programs, it does not:

# %% tags=["fact", "nbval-check-output"]
warmth = np.array([20.0, 24, 28, 32, 36, 39])
print("degrees C         " + "".join(f"{value:6.0f}" for value in warmth))
for palette in ("iron", "jet"):
    strip = palettes.apply_palette((warmth[None] - 18) / 22, palette)
    for way, values in {
        "as grey": cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY)[0] / 255,
        "looked up": palettes.invert(strip, palette).levels[0],
    }.items():
        print(f"{palette}, {way:9}".ljust(18) + "".join(f"{value:6.2f}" for value in values))

# %% [markdown]
# **How to read it.** Looked up in its palette, each colour gives a level from 0 (18 degrees C) to 1 (40
# degrees C). Read as grey, jet makes 39 degrees C darker than 24.
#
# ### Mistake: each frame's own minimum and maximum
#
# Many loaders stretch every frame to full contrast, and so does a camera with **automatic gain control**
# (AGC). What happens with a hot cup in the image, with a cold window, or if everything is 3 degrees C
# warmer?

# %%
calm = int(np.ptp(faces.thermal, axis=(1, 2)).argmin())  # nothing hot or cold in this picture
frame = faces.thermal[calm]
frames = np.stack([frame, frame, frame, frame + 3])
frames[1, 104:124, 4:24] = 65.0  # a cup of tea
window = (hulls[calm] == 0) & (np.arange(128) > 111)
frames[2][window] = 2.0  # a window in winter, behind the face
ways = {
    "explicit range": FACE_CELSIUS.to_unit(frames),
    "per-frame min-max": Radiometry(kind="frame-minmax").to_unit(frames),
}
titles = ["original", "hot cup", "cold window", "3 degrees C warmer"]
figure = plots.thermal_inputs(frames, ways, titles=titles)
lesson.show(figure, "01_min_max")

inside = hulls[calm] == 1
rows = [
    {"way": way, **{n: f"{images[i][inside].mean():.3f}" for i, n in enumerate(titles)}}
    for way, images in ways.items()
]
names = {"way": "mean input on the face", **{name: name for name in titles}}
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** Top row: temperatures. The face is the same in the first three and warmer in the
# last. Other rows and table: the network's input. With the explicit range the face keeps its values, and
# the warmer face is brighter. With the minimum and maximum of the frame, the cup darkens the face, the
# window brightens it, and 3 degrees C change nothing. If your camera gives only such frames, train for
# it: `--agc 0.6` ([training](../docs/guides/train.md)).
#
# ## The manifest, and splits by person
#
# All pairs reach the library as a **manifest**: a folder with the images and one line of JSON per pair.
# The pairs are divided into **splits**: *train* for learning, *val* (validation) for choices, *test* for
# the final number. All pictures of a person are in one split; otherwise a network is tested on a face
# that it knows. The cell writes a manifest of eight pairs of two persons, and prints its first line:

# %%
folder = Path(tempfile.mkdtemp())
(folder / "photos").mkdir()
entries = []
for n in range(8):
    photo = folder / "photos" / f"{n}.png"
    Image.fromarray(faces.rgb[n]).save(photo)
    entries.append(
        Entry(
            id=f"person{n // 4}/{n}",
            subject=f"person{n // 4}",
            split="train" if n < 4 else "val",
            scheme="ibug68",
            landmarks=faces.landmarks[n],
            rgb=photo,
            thermal=faces.thermal[n],  # degrees C; stored as counts
            radiometry=FACE_CENTIKELVIN,
            source="notebook 01",
            labels="exact",
        )
    )
report = write_manifest(entries, folder / "manifest")
print(report.rows, "rows:", report.splits)
row = read_rows(folder / "manifest")[0].model_dump(exclude_none=True)
print(json.dumps(row | {"landmarks": f"{len(row['landmarks'])} points (x, y)"}, indent=1))

# %% [markdown]
# Every line says what its pixels mean (`radiometry`) and has the hashes of its images (`sha256`), by
# which a changed file is noticed. Unusable lines are refused. The cell breaks a line in two ways:

# %%
path = folder / "manifest" / "metadata.jsonl"
good = path.read_text()
lines = [json.loads(line) for line in good.splitlines()]
for what, change in {
    "one landmark is missing": {"landmarks": lines[0]["landmarks"][:67]},
    "one person in two splits": {"split": "val"},
}.items():
    path.write_text("\n".join(json.dumps(x) for x in [lines[0] | change, *lines[1:]]))
    try:
        read_rows(folder / "manifest")
    except InputError as error:
        print(f"{what}: {str(error).replace(str(folder), '...')}")
path.write_text(good)

pairs = load_pairs(folder / "manifest", "train", lesson.sizes.input_px, progress=False)
print("read back:", len(pairs), "training pairs")

# %% [markdown]
# ## Augmentation of pairs
#
# **Augmentation** changes training images at random: it rotates, scales, shifts and mirrors them. A
# pair must stay aligned, so the *same* geometric change is applied to both images and to the landmarks.
# Changes of a camera (contrast, noise, blur) are drawn separately for each of the two images. In the
# code: `make_batch` in [`data/transforms.py`](../mlcmkd/data/transforms.py).

# %%
eight = torch.zeros(8, dtype=torch.long)  # one face, eight times
batch = make_batch(pairs, eight, Augmentation(), torch.Generator().manual_seed(seed + 1))
figure = plots.contact_sheet(
    batch.rgb, batch.thermal, unit="input, 0 to 1", limits=(0, 1), landmarks=batch.landmarks
)
lesson.show(figure, "01_augmented")

# %% [markdown]
# **How to read it.** One pair, augmented eight times. Landmarks and geometry agree between RGB (above)
# and thermal (below); contrast and noise do not. Some pairs are mirrored, and some have a covered
# rectangle.
#
# ### Mistake: mirroring without the flip order
#
# Mirroring turns the left eye into the right eye, so landmarks also have to change their *indices*:
# point 36 (outer corner of one eye) becomes point 45. `Scheme.flip` is this permutation. In the figure,
# "predicted" are landmarks mirrored with it and without it; "annotated" are the right ones.

# %%
two = torch.tensor([0, 2])
plain = make_batch(pairs, two, NO_AUGMENTATION, torch.Generator())
mirror = Augmentation(rotation=0, scale=0, shift=0, flip=1, photometry=0, occlusion=0)
mirrored = make_batch(pairs, two, mirror, torch.Generator())
forgotten = plain.landmarks * torch.tensor([-1.0, 1.0])  # mirrored, but not re-indexed
figure = plots.landmarks_on(
    torch.cat([mirrored.rgb, mirrored.rgb]),
    torch.cat([mirrored.landmarks, forgotten]),
    torch.cat([mirrored.landmarks, mirrored.landmarks]),
    titles=["with flip order"] * 2 + ["without: lines join equal indices"] * 2,
    columns=4,
    links=True,
)
lesson.show(figure, "01_flip")

wrong = point_errors(forgotten.numpy(), mirrored.landmarks.numpy(), "ibug68", "inter-ocular")
lesson.show_text(
    f"Without the flip order a *perfect* prediction is off by {100 * wrong.mean():.0f} % of the "
    "distance between the outer eye corners. A network trained on such labels for half of its images "
    "learns to predict points between the two halves.",
    learned=False,
)

# %% [markdown]
# **How to read it.** Left: predictions and labels agree and cover each other. Right: without the flip
# order every point still lies on the face, so the picture looks right. But the blue lines join the two
# points with the same index, and these are on different sides.
#
# > **Takeaways**
# >
# > A thermal image of a face shows differences of a few degrees, and the lens weakens their edges.
# > Counts become degrees C and then the network's input, by an explicit range; a frame's own minimum and
# > maximum lose the temperature. A false-colour image is converted by its palette, never read as grey.
# > All pictures of a person are in one split. Geometric changes apply to both images and the landmarks
# > together, and mirroring exchanges the indices.
#
# How two real cameras are brought into one geometry is the subject of [03b](03b_registration.ipynb).
#
# **Exercises**, each with a check that explains typical mistakes: [pairing](exercises/01_pairing.ipynb)
# ([solutions](solutions/01_pairing.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): cross-modal distillation on
#   aligned pairs.
# - Togawa, *Non-contact skin emissivity*, Clin. Phys. Physiol. Meas. 10, 1989; Rubin, *Optical
#   properties of soda lime silica glasses*, Solar Energy Materials 12, 1985: emissivities.
# - Sagonas et al., *300 faces in-the-wild*, 2013: the 68-point scheme.
