# %% [markdown]
# # 01 · Pairs: two cameras, one face
#
# **You will be able to** read a pair, judge its registration, turn a camera's counts into a model's
# input without losing temperature, write a manifest, and augment both images of a pair together.
#
# **Time** under a minute on two CPU cores. **You need** NumPy arrays and the [tour](00_tour.ipynb).

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
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

from data_prep.manifest import Entry, write_manifest
from mlcmkd import plots
from mlcmkd.errors import InputError
from mlcmkd.metrics import point_errors
from mlcmkd.pairs import from_synthetic, load_pairs, synthetic_faces
from mlcmkd.radiometry import FACE_CELSIUS, FACE_CENTIKELVIN, to_centikelvin
from mlcmkd.rows import read_rows
from mlcmkd.schemes import IBUG68
from mlcmkd.transforms import NO_AUGMENTATION, Augmentation, make_batch

# %% [markdown]
# ## Many faces first
#
# Before any formula, look at the data. These faces are embedded in the project
# ([`mlcmkd/synthetic.py`](../mlcmkd/synthetic.py)): one 3-D geometry, painted once as a colour camera
# sees it and once as a thermal camera does.

# %%
people = 24
faces = synthetic_faces("train", 4 * people, seed=seed, size=128)
one_each = np.arange(people) * 4  # four pictures a person; the first of each
marks = plots.centred(faces.landmarks, 128)
sheet = plots.contact_sheet(faces.rgb[one_each], faces.thermal[one_each], columns=8)
lesson.show(sheet, "01_contact_sheet")

# %% [markdown]
# **How to read it.** RGB above, thermal below, one person a column and row. The colour bar is in
# degrees C. Look for what only one of the two shows: pupils and brows in RGB; in the thermal image
# glasses that hide the eyes, cool noses, warm inner eye corners. Light falls from all sides in RGB;
# the thermal image does not care.
#
# Now one person four times. Who it is, and the pose, are the same in both images; all else differs.

# %%
four = np.arange(12)
sheet = plots.contact_sheet(
    faces.rgb[four],
    faces.thermal[four],
    landmarks=marks[four],
    columns=6,
    titles=[
        f"yaw {faces.attributes['yaw'][i]:.0f}°, skin {faces.attributes['skin_celsius'][i]:.1f} °C"
        for i in four
    ],
)
lesson.show(sheet, "01_same_person")

# %% [markdown]
# **How to read it.** Three persons, four pictures each, with the 68 landmarks of the iBUG scheme. The
# *same* points lie on both images: that is what "aligned to the pixel" means, and all that follows
# depends on it.

# %% [markdown]
# ## Is a pair registered?
#
# Two cameras never share one lens. Registration brings them together; what it leaves over shows in a
# checkerboard. The second row is the first, with the thermal image 8 pixels to the right.

# %%
shifted = np.roll(faces.thermal[:1], 8, axis=2)
figure = plots.pair_overlay(
    np.concatenate([faces.rgb[:1], faces.rgb[:1]]),
    np.concatenate([faces.thermal[:1], shifted]),
    landmarks=np.concatenate([marks[:1], marks[:1]]),
    titles=["registered", "8 px off"],
)
lesson.show(figure, "01_registration")

left, right = faces.landmarks[0][list(IBUG68.outer_eyes)]
share = 8 / np.linalg.norm(left - right)
lesson.say(
    f"8 pixels are {100 * share:.0f} % of this face's inter-ocular distance. A student whose labels "
    f"are that far off cannot do better than an NME of about {100 * share:.0f} %, however well it "
    "learns.",
    learned=False,
)

# %% [markdown]
# **How to read it.** On a checkerboard, lines such as the jaw run on from field to field if the pair
# is registered, and break if it is not. The contours are lines of equal temperature.

# %% [markdown]
# ## From counts to degrees to input
#
# A thermal camera writes **counts**, 16-bit whole numbers. Ours mean hundredths of a kelvin:
#
# $$T = \frac{c}{100} - 273.15, \qquad
#   x = \mathrm{clip}\!\left(\frac{T - T_\mathrm{low}}{T_\mathrm{high} - T_\mathrm{low}},\,0,\,1\right)$$
#
# with $c$ the count, $T$ the temperature in degrees C (`Radiometry.celsius`), $T_\mathrm{low}$ and
# $T_\mathrm{high}$ the explicit range (`low`, `high`), and $x$ the model's input
# (`Radiometry.to_unit`), all in [`mlcmkd/radiometry.py`](../mlcmkd/radiometry.py).

# %% tags=["fact"]
for celsius in (18.0, 24.0, 34.5, 37.0, 40.0):
    count = to_centikelvin(np.array(celsius))
    back, unit = FACE_CENTIKELVIN.celsius(count), FACE_CENTIKELVIN.to_unit(count)
    print(
        f"{celsius:5.1f} degrees C   count {int(count)}   {back:6.2f} degrees C   input {unit:.3f}"
    )

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
# **How to read it.** Faces lie in a narrow band, the room is mostly cooler. The range of the input is
# wider than any face and the same for every frame; what lies outside (grey) is clipped.
#
# ### What goes wrong: the minimum and maximum of each frame
#
# Many loaders stretch every frame to full contrast. Put a hot cup into the picture, or a cold window:

# %%
frame = faces.thermal[4]
frames = np.stack([frame, frame, frame])
frames[1, 104:124, 4:24] = 65.0  # a cup of tea
window = (hulls[4] == 0) & (np.arange(128) > 111)
frames[2][window] = 2.0  # a window in winter, behind the face
lowest, highest = frames.min(axis=(1, 2), keepdims=True), frames.max(axis=(1, 2), keepdims=True)
ways = {
    "explicit range": FACE_CELSIUS.to_unit(frames),
    "per-frame min-max": (frames - lowest) / (highest - lowest),
}
figure = plots.thermal_inputs(frames, ways, titles=["as it is", "with a hot cup", "cold window"])
lesson.show(figure, "01_min_max")

inside = hulls[4] == 1
rows = [
    {"way": way, **{n: f"{images[i][inside].mean():.3f}" for i, n in enumerate("abc")}}
    for way, images in ways.items()
]
names = {"way": "mean input on the face", "a": "as it is", "b": "hot cup", "c": "cold window"}
lesson.say(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** Top: temperatures; the face is the same three times. Below: what a network gets.
# With the explicit range the face keeps its values. With the frame's own minimum and maximum the cup
# darkens the face and the window brightens it: temperature is gone, and nobody was told.

# %% [markdown]
# ## The manifest
#
# Whatever the source, pairs reach the library as a **manifest**: a folder with one JSON line a pair.
# `data_prep` writes it; here from arrays, with eight pairs of two persons.

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
# A subject lies in one split only, images are named by their hash, and the radiometry travels with
# the row. What cannot be used is refused, with the place and the remedy. Two mistakes, on purpose:

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
direct = from_synthetic(synthetic_faces("train", 4, seed=seed, size=128), lesson.sizes.input_px)
gap = (pairs.thermal.int() - direct.thermal.int()).abs().float().mean() / 65535 * 22
print(
    f"read back: {len(pairs)} pairs; thermal values differ by {float(gap):.4f} degrees C on average"
)

# %% [markdown]
# ## One geometry for both, one photometry for each
#
# Training images are turned, scaled, shifted and mirrored. A pair must stay a pair: the *same* map
# moves both images and the landmarks. What a camera does to its values (gain, noise, blur) is drawn
# for each modality on its own. All in [`mlcmkd/transforms.py`](../mlcmkd/transforms.py), `make_batch`.

# %%
eight = torch.zeros(8, dtype=torch.long)  # one face, eight times
batch = make_batch(direct, eight, Augmentation(), torch.Generator().manual_seed(seed + 1))
figure = plots.contact_sheet(
    batch.rgb, batch.thermal, unit="input, 0 to 1", limits=(0, 1), landmarks=batch.landmarks
)
lesson.show(figure, "01_augmented")

# %% [markdown]
# **How to read it.** One pair, augmented eight times. Up and down, geometry agrees; colour cast, gain
# and noise do not. Some are mirrored, and some have a rectangle covered in both.
#
# ### What goes wrong: a mirror without the flip order
#
# A mirror turns the left eye into the right one. So the landmarks must also change their *names*:
# point 36 (outer corner of the left eye) becomes point 45. `Scheme.flip` says which becomes which.
# Leave it out, and every point still lies on the face, but on the wrong side.

# %%
two = torch.tensor([0, 2])
plain = make_batch(direct, two, NO_AUGMENTATION, torch.Generator())
mirror = Augmentation(rotation=0, scale=0, shift=0, flip=1, photometry=0, occlusion=0)
mirrored = make_batch(direct, two, mirror, torch.Generator())
forgotten = plain.landmarks * torch.tensor([-1.0, 1.0])  # mirrored, but not renamed
figure = plots.landmarks_on(
    torch.cat([mirrored.rgb, mirrored.rgb]),
    torch.cat([mirrored.landmarks, forgotten]),
    torch.cat([mirrored.landmarks, mirrored.landmarks]),
    titles=["with flip order"] * 2 + ["without: lines join equal names"] * 2,
    columns=4,
    links=True,
)
lesson.show(figure, "01_flip")

wrong = point_errors(forgotten.numpy(), mirrored.landmarks.numpy(), "ibug68", "inter-ocular")
lesson.say(
    f"Without the flip order a *perfect* answer would score an NME of {100 * wrong.mean():.0f} %. "
    "Trained on such labels for half of its images, a network learns to point between the two sides.",
    learned=False,
)

# %% [markdown]
# ## Summary
#
# - A pair is one face in RGB and thermal, aligned to the pixel; a checkerboard shows whether it is.
# - Counts become degrees C, degrees C become the input over an explicit range.
# - A manifest says everything about a pair, and a bad row is refused.
# - Augmentation moves both images and the landmarks by one map; a mirror renames the landmarks.
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): pairs as the ground of
#   cross-modal distillation.
# - Sagonas et al., *300 faces in-the-wild*, 2013: the 68-point scheme.
