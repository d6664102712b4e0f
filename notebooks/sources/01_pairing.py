# %% [markdown]
# # 01 · Pairs: two cameras, one face
#
# **You will be able to** say what parallax does to two cameras, register them in three ways and judge
# the result, turn what a camera stores into a model's input without losing temperature, write a
# manifest, augment both images of a pair together, and say what misalignment does to a student.
#
# **Time** 30 minutes to read, about a minute and a half to run on two CPU cores, half a minute more
# where the faces of the series have to be drawn first. **You need** NumPy arrays, the idea of a matrix
# that maps points, and the [tour](00_tour.ipynb); for the last section only, a first look at
# [03](03_ktl_dikd.ipynb) or the trust that a teacher can be asked.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals())

# %%
import csv
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from data_prep.registration import (
    Stereo,
    ThroughPlane,
    from_content,
    from_landmarks,
    from_stereo,
    inter_ocular,
)
from data_prep.writer import Entry, write_manifest
from mlcmkd import plots
from mlcmkd.data.manifest import read_rows
from mlcmkd.data.pairs import from_synthetic, load_pairs, synthetic_faces
from mlcmkd.data.thermal import palettes
from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    KELVIN,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, make_batch
from mlcmkd.distillation.strategies import Distillation, Weights
from mlcmkd.evaluation.metrics import point_errors
from mlcmkd.evaluation.statistics import interval, read_misalignment, with_aligned
from mlcmkd.evaluation.statistics import read_rows as read_table
from mlcmkd.plots import pairing
from mlcmkd.schemes import IBUG68
from mlcmkd.stages.train import TrainConfig, train
from mlcmkd.stages.transfer import TransferConfig, transfer
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError

# %% [markdown]
# ## Many faces first
#
# Before any formula, look at the data. These faces are embedded in the project
# ([`synthetic/faces.py`](../mlcmkd/synthetic/faces.py)): one 3-D geometry, painted once as a colour
# camera sees it and once as a thermal camera does.

# %%
subjects = 16
faces = synthetic_faces("train", 4 * subjects, seed=seed, size=128)
one_each = np.arange(subjects) * 4  # four pictures a person; the first of each
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
four = np.arange(8)
sheet = plots.contact_sheet(
    faces.rgb[four],
    faces.thermal[four],
    landmarks=marks[four],
    columns=8,
    titles=[
        f"yaw {faces.attributes['yaw'][i]:.0f}°\nskin {faces.attributes['skin_celsius'][i]:.1f} °C"
        for i in four
    ],
)
lesson.show(sheet, "01_same_person")

# %% [markdown]
# **How to read it.** Two persons, four pictures each, with the 68 landmarks of the iBUG scheme. The
# *same* points lie on both images: that is what "aligned to the pixel" means, and all that follows
# depends on it.

# %% [markdown]
# ## Two cameras
#
# The faces above are aligned because they were drawn that way. Two real cameras never share one lens:
# they stand side by side, have their own size and field of view, and see the face from two places.
# So we build a rig whose truth is known: a thermal camera of 160 x 160 pixels, an RGB camera of
# 480 x 420 that sees more, 4 cm beside it, and a face on a plane before both.

# %%
people = make_faces(2 if lesson.fast else 6, seed=0, size=320, faces_per_identity=1)  # for any seed
SIZE, RGB_SIZE = (160, 160), (480, 420)  # width, height
focal, apart, depth = 400.0, 0.04, 0.65  # f in thermal pixels, B in metres, Z0 in metres
zoom = RGB_SIZE[1] / SIZE[1]  # RGB pixels a thermal pixel


def camera(size: tuple[int, int], focal: float) -> np.ndarray:
    return np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])


def rig_of(apart: float) -> Stereo:
    """Two parallel cameras without distortion, so far apart."""
    inner = camera(RGB_SIZE, zoom * focal), np.zeros(5), camera(SIZE, focal), np.zeros(5)
    return Stereo(*inner, np.eye(3), np.array([apart, 0, 0]))


def views(n: int, rig: Stereo, metres: float) -> tuple[np.ndarray, ...]:
    """Person n so far away: RGB, degrees C, and the true landmarks in both images."""
    half = depth / metres / 2  # a nearer face is larger
    drawn = np.array([[half, 0, 79.5 - 159.5 * half], [0, half, 79.5 - 159.5 * half], [0, 0, 1]])
    plane, edge = ThroughPlane(rig, metres), {"borderMode": cv2.BORDER_REPLICATE}
    thermal = cv2.warpPerspective(people.thermal[n], drawn, SIZE, **edge)
    to_rgb = np.linalg.inv(plane.pixels) @ drawn
    rgb = cv2.warpPerspective(people.rgb[n], to_rgb, RGB_SIZE, **edge)
    marks = half * people.landmarks[n] + drawn[:2, 2]
    return rgb, thermal, plane.inverse(marks), marks


rig = rig_of(apart)
rgb, celsius, rgb_marks, marks = views(0, rig, depth)
lesson.show(pairing.two_cameras(rgb, celsius, rgb_marks, marks), "01_two_cameras")

# %% [markdown]
# **How to read it.** Left and middle: the same face, each in its camera's own pixels. Right: the RGB
# image shrunk to the thermal one's size and laid on it, fields of both in turn, with the landmarks of
# the RGB image in blue and of the thermal one in green. Lines break at the borders of the fields: this
# is a misaligned pair. **Registration** looks for the map that brings blue onto green.
#
# ## Parallax: why one map fits one depth only
#
# The idea first, from above:

# %%
lesson.show(pairing.parallax_diagram(), "01_parallax")

# %% [markdown]
# **How to read it.** Left: three points straight ahead of the RGB camera, so it sees all of them in one
# place. The thermal camera, a distance $B$ beside it, sees them in three places: the nearer, the farther
# off. A map from RGB to thermal pixels knows pixels, not depths: it can be right for one of the three.
# Right: what is left over for each, if the map is made for $Z_0$.
#
# The shift is the **disparity**
#
# $$d = \frac{f B}{Z}, \qquad r(Z) = f B \left|\frac1Z - \frac1{Z_0}\right|$$
#
# with $f$ the thermal camera's focal length in pixels (`focal`), $B$ the distance of the cameras, the
# **baseline** (`apart`), $Z$ the distance of what is seen, $Z_0$ the distance that the map was made for
# (`depth`) and $r$ the **residual**, in thermal pixels. The map itself is the homography of a plane,
# $K_2\,(R + t\,n^\top / Z_0)\,K_1^{-1}$, with $K_1$ and $K_2$ the cameras' matrices, $R$ and $t$ the
# turn and shift between them and $n$ the plane's normal: `ThroughPlane` in
# [`pairing.py`](../data_prep/registration/__init__.py), which `from_stereo` makes.
#
# A face is an object of fixed size: its outer eye corners are $e$ metres apart, so $f e / Z$ pixels in
# the image, the **inter-ocular distance** by which NME divides. In percent of it the focal length drops
# out:
#
# $$\frac{r(Z)}{f e / Z} = \frac{B}{e}\left|1 - \frac{Z}{Z_0}\right|$$
#
# More pixels do not help. Moving the cameras together does.

# %%
eyes = inter_ocular(marks, "ibug68") * depth / focal  # e, metres
depths = np.linspace(0.4, 1.1, 141)
residuals, shares = {}, {}
for cm in (1, 4, 10):
    residuals[f"{cm} cm"] = focal * cm / 100 * abs(1 / depths - 1 / depth)
    shares[f"{cm} cm"] = 100 * cm / 100 / eyes * abs(1 - depths / depth)


def true_residual(found, rgb_marks: np.ndarray, marks: np.ndarray) -> tuple[float, float]:
    """Thermal pixels, and percent of the inter-ocular distance."""
    off = np.linalg.norm(found.apply(rgb_marks) - marks, axis=1).mean()
    return float(off), float(100 * off / inter_ocular(marks, "ibug68"))


one_map = from_stereo(rig, depth, SIZE)  # for Z0, used at every distance
seen = {metres: views(0, rig, metres) for metres in (0.5, 0.65, 0.85)}
measured = {metres: true_residual(one_map, *four[2:]) for metres, four in seen.items()}
figure = pairing.residual_against_depth(
    depths, residuals, shares, made_for=depth, limit=8, head=(depth - 0.03, depth + 0.09),
    measured={"4 cm": [(metres, *off) for metres, off in measured.items()]},
)  # fmt: skip
lesson.show(figure, "01_depth")

# %% [markdown]
# **How to read it.** Lines are the formulas, marks are measured on landmarks of the rig: they agree.
# Beyond the dashed line a pair is refused (8 % is where a face counts as failed, notebook 02). The
# shaded band is a head's own depth, from the nose tip 3 cm before the eyes to the ears 9 cm behind them:
# even at the right distance one homography cannot be right for all of a face.

# %%
figure = pairing.registration_overlays(
    [one_map.warp(four[0]) for four in seen.values()],
    [four[1] for four in seen.values()],
    titles=[f"{m:g} m: {px:.1f} px, {percent:.0f} %" for m, (px, percent) in measured.items()],
)
lesson.show(figure, "01_one_map")
reach = 0.08 * eyes / apart
lesson.say(
    f"With cameras {100 * apart:g} cm apart and eye corners {100 * eyes:.1f} cm apart, a residual "
    f"below 8 % asks for a face within {100 * reach:.0f} % of the depth that the map was made for: "
    f"{depth * (1 - reach):.2f} to {depth * (1 + reach):.2f} m. The ears, 9 cm behind the eyes, are "
    f"off by {100 * apart / eyes * 0.09 / depth:.1f} % even then.",
    learned=False,
)

# %% [markdown]
# **How to read it.** One person at three distances, one map. In the middle row the jaw runs on from
# field to field and the thermal edges lie on the photo's; above and below they do not. (Beyond the drawn
# picture its border is repeated; black is what the RGB camera did not see.)
#
# ## Registration in three ways
#
# Somebody has knocked the rig: the thermal camera now stands turned by some degrees. What is left to
# know decides which way you can take:
#
# | what is known | idea | function |
# | --- | --- | --- |
# | a calibration, and the face's distance | geometry; the images are not looked at | `from_stereo` |
# | the same landmarks in both | least squares; RANSAC first drops bad points | `from_landmarks` |
# | nothing but the images | edges (ECC) or statistics (mutual information) | `from_content` |
#
# Grey values cannot be compared across these cameras: a dark brow is warm, a bright nose is cool.
# **ECC** (enhanced correlation coefficient) therefore compares the strength of *gradients*, which do not
# care which side of an edge is brighter. **Mutual information** asks how well one image's value
# foretells the other's, whatever the rule: $I(A;B) = H(A) + H(B) - H(A,B)$, with $H$ the entropy of a
# histogram of the values and $A$, $B$ the two images.
#
# The landmarks below carry an error of one thermal pixel, as an annotator's hand does. The depth given
# to the calibration is 5 % too large, as a tape measure's.

# %%
turn = cv2.Rodrigues(np.array([0.01, -0.015, 0.06]))[0]  # radians about x, y, z
knocked = replace(rig, R=turn)
given = {"thermal_size": SIZE, "scheme": "ibug68"}


def registered(n: int) -> dict:
    """Person n, registered in five ways."""
    rgb, celsius, rgb_marks, marks = views(n, knocked, depth)
    rng = np.random.default_rng(n)
    by_hand = {
        "rgb_landmarks": rgb_marks + zoom * rng.normal(size=(68, 2)),
        "thermal_landmarks": marks + rng.normal(size=(68, 2)),
    }
    return {
        "calibration": from_stereo(knocked, 1.05 * depth, **given, **by_hand),
        "similarity": from_landmarks(**by_hand, **given, kind="similarity"),
        "thin-plate spline": from_landmarks(**by_hand, **given, kind="tps"),
        "ECC": from_content(rgb, celsius, thermal_landmarks=marks, scheme="ibug68"),
        "mutual information": from_content(
            rgb, celsius, method="mutual information", thermal_landmarks=marks, scheme="ibug68"
        ),
    }


every = [registered(n) for n in range(len(people.rgb))]
rgb, celsius, rgb_marks, marks = views(0, knocked, depth)
rows = []
for name, found in every[0].items():
    px, percent = true_residual(found, rgb_marks, marks)
    rows.append({
        "way": name, "reported": f"{found.residual_px:.2f}", "true": f"{px:.2f}",
        "percent": f"{percent:.1f}", "accepted": "yes" if found.ok else "no",
    })  # fmt: skip
names = {
    "way": "way", "reported": "reported (px)", "true": "true (px)",
    "percent": "true (% of inter-ocular)", "accepted": "accepted",
}  # fmt: skip
lesson.say(course.markdown_table(rows, names), learned=False)

# %%
shown = ("calibration", "thin-plate spline", "ECC")
figure = pairing.registration_overlays(
    [every[0][name].warp(rgb) for name in shown],
    [celsius] * 3,
    titles=[f"{name}: {row['true']} px" for name in shown for row in rows if row["way"] == name],
)
lesson.show(figure, "01_three_ways")

# %% [markdown]
# **How to read it.** The thermal image is the same in every row and is never resampled: its values are
# measurements. The photo comes to it. Numbers at the left are true residuals, which only a rig like this
# one knows; follow the jaw and the outline of the hair.
#
# ### How far can a reported residual be trusted?
#
# On a real rig nobody knows the true residual. What each way *reports* never comes from what it was
# fitted to. A calibration is held against landmarks that it has not seen. Landmarks are left out one at
# a time, and predicted by the others. By content, tiles of the warped photo are moved to where their
# edges fit best; how far they move is reported. Here for all persons:

# %%
points = {name: [] for name in every[0]}
for n, ways in enumerate(every):
    truth = views(n, knocked, depth)[2:]
    for name, found in ways.items():
        points[name].append((true_residual(found, *truth)[1], found.residual_percent, found.ok))
title = f"{len(every)} rigs, each registered in five ways"
lesson.show(pairing.reported_against_true(points, limit=8, title=title), "01_reported")

# %% [markdown]
# **How to read it.** On the diagonal a registration knows exactly how good it is; dashed lines are the
# limit. Landmarks report too much: their own error in both images is in what they report, but averages
# out in the map. Read it as an upper bound. By content the two numbers are only loosely tied: a tile
# finds an edge, not a landmark.
#
# ### Pairs that have to be refused
#
# A good method also says no. Three mistakes that happen in a lab: the calibration from before the knock,
# frames mixed up so that two persons meet, and left and right exchanged in one of the two label files.

# %%
flipped = rgb_marks[list(IBUG68.flip)]
other = views(1, knocked, depth)[0]
both = {"rgb_landmarks": rgb_marks, "thermal_landmarks": marks}
refused = {
    "old calibration": from_stereo(rig, depth, **given, **both),
    "another person's photo": from_content(
        other, celsius, thermal_landmarks=marks, scheme="ibug68"
    ),
    "left and right exchanged": from_landmarks(flipped, marks, **given, kind="affine"),
}
for name, found in refused.items():
    print(f"{name}: {'accepted' if found.ok else 'refused'}; {found.reason}")
figure = pairing.registration_overlays(
    [refused["old calibration"].warp(rgb), refused["another person's photo"].warp(other)],
    [celsius] * 2,
    titles=["old calibration", "another person"],
)
lesson.show(figure, "01_refused")

# %% [markdown]
# **How to read it.** Above, the right face in the wrong place: by the landmarks the residual is over the
# limit. Below, the wrong face in about the right place: the edges agree here hardly better than they
# would anywhere else, and that is what **distinctness** measures, in standard deviations. An eye sees it
# too: no contour of one face runs on in the other.
#
# ### The same, measured on many rigs
#
# `python benchmarks/pairing.py` does this on 40 rigs a cell, with more noise and larger errors to start
# from. *Homography* there is a calibration that is off by so many pixels at the corners, *stereo* is the
# calibration of this lesson, *affine* stands between similarity and thin-plate spline. One unit of
# **noise** is what each way has to fear: a pixel of the calibration, a pixel of every landmark (of which
# one in ten lies anywhere), or, for the two ways by content, 0.3 degrees C in the thermal image and 10
# grey levels in the photo. The table lies in the project; this cell only reads it.

# %%
with (course.RESULTS / "pairing.csv").open(newline="") as file:
    table = list(csv.DictReader(file))
title = "benchmarks/pairing.py: 40 rigs a point, seed 0, true residuals"
lesson.show(pairing.residual_curves(table, title), "01_benchmark")
rows = [r for r in table if (float(r["misalignment_px"]), float(r["noise"])) == (16, 1)]
names = {
    "method": "method", "median_residual_px": "true, median (px)",
    "median_residual_percent_iod": "true (% of inter-ocular)", "median_reported_px": "reported (px)",
    "failures_percent": "failed (%)", "refused_percent": "refused (%)", "missed_percent": "missed (%)",
}  # fmt: skip
lesson.say("Noise of one unit, 16 px to start from:", learned=False)
lesson.say(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** *Failed* is a true residual above 8 %, *refused* is what the method did not accept,
# *missed* is failed and accepted all the same. By content more good pairs are refused than bad ones
# exist: it is cheaper to lose a pair than to learn from a wrong one. Stereo has no such row because its
# noise is an error of the depth in percent; see the figure.

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
# (`Radiometry.to_unit`), all in [`data/thermal/radiometry.py`](../mlcmkd/data/thermal/radiometry.py).

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
# **How to read it.** Faces lie in a narrow band, the room is mostly cooler. The range of the input is
# wider than any face and the same for every frame; what lies outside (grey) is clipped.
#
# ### One face, stored in five ways
#
# Cameras and their programs store the same temperatures in different ways. `Radiometry` says which, and
# `frame_to_unit` is the one way in.

# %%
inside = np.zeros(celsius.shape, np.uint8)
cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(marks).astype(np.int32)), 1)
face = inside == 1
span = {"low": 18.0, "high": 40.0}
levels = np.clip((celsius - 18) / 22, 0, 1)  # the camera's scale bar runs from 18 to 40
iron = palettes.apply_palette(levels, "iron")
kelvin = celsius.astype(np.float64) + KELVIN
stored = {
    "counts of 0.04 K": (
        Radiometry(kind="counts", gain=0.04, offset=-KELVIN, **span),
        np.rint(kelvin / 0.04).astype(np.uint16),
    ),
    "centikelvin": (FACE_CENTIKELVIN, to_centikelvin(celsius)),
    "8-bit grey, scale known": (
        Radiometry(kind="grey8", scale_celsius=(18, 40), **span),
        np.rint(255 * levels).astype(np.uint8),
    ),
    "iron, scale known": (
        Radiometry(kind="palette", palette="iron", scale_celsius=(18, 40), **span), iron
    ),
    "iron, scale unknown": (Radiometry(kind="palette", palette="iron", low=0, high=255), iron),
}  # fmt: skip
rows = []
for name, (radiometry, image) in stored.items():
    back = radiometry.from_unit(radiometry.frame_to_unit(image))
    off = abs(back - np.clip(celsius, 18, 40))[face].mean()
    rows.append({
        "name": name, "holds": f"{image.dtype}, {image.ndim} axes",
        "pixel": str(image[100, 80].tolist()), "off": f"{off:.3f}" if radiometry.absolute else "none",
    })  # fmt: skip
names = {
    "name": "stored as", "holds": "array", "pixel": "one pixel",
    "off": "mean error on the face (degrees C)",
}  # fmt: skip
lesson.say(f"The pixel at (80, 100) has {celsius[100, 80]:.2f} degrees C.", learned=False)
lesson.say(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** 16 bits keep more than the camera can tell. 8 bits over 22 degrees keep steps of
# 0.09 degrees C, enough for landmarks. Without the scale bar's two numbers an image of false colours has
# levels, but no temperature, and asking for one is refused.

# %%
label = {"fontFace": cv2.FONT_HERSHEY_SIMPLEX, "fontScale": 0.5, "color": (0, 255, 0)}
drawn_over = cv2.putText(iron.copy(), "36.5 C", (4, 152), **label)  # as cameras write it
read = palettes.invert(drawn_over)  # the palette is told by the colours themselves
limit = palettes.get_palette("iron").tolerance
figure = plots.palette_inversion(
    drawn_over, read.levels, read.residual, tolerance=limit, title=f"told: {read.palette}"
)
lesson.show(figure, "01_iron")

# %% [markdown]
# **How to read it.** Left, as a file holds it. A palette is a curve through the cube of colours, from
# cold to warm; each pixel's level is the nearest place on that curve (middle), and how far it lies from
# the curve says whether the image was drawn with this palette at all (right, dark is good). The camera's
# own label lies off it; it is filled from the pixels around.
#
# ### What goes wrong: a wrong palette
#
# Name another palette and the image is refused, and so is a photo in the wrong folder:

# %%
for image, name, palette in (
    (iron, "an iron image called jet", "jet"),
    (iron, "an iron image called hot", "hot"),
    (rgb, "a photo", None),
):
    try:
        palettes.invert(image, palette, name)
        print(f"{name}: accepted")
    except InputError as error:
        print(error)

# %% [markdown]
# Nobody is there to refuse what an image loader does on its own. Opened as grey, a coloured image
# becomes its brightness. Iron happens to grow brighter with temperature; jet, the default of many older
# programs, does not:

# %% tags=["fact", "nbval-check-output"]
warmth = np.array([20.0, 24, 28, 32, 36, 39])
print("degrees C         " + "".join(f"{value:6.0f}" for value in warmth))
for palette in ("iron", "jet"):
    strip = palettes.apply_palette((warmth[None] - 18) / 22, palette)
    for way, values in {
        "as grey": cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY)[0] / 255,
        "inverted": palettes.invert(strip, palette).levels[0],
    }.items():
        print(f"{palette}, {way:9}".ljust(18) + "".join(f"{value:6.2f}" for value in values))

# %% [markdown]
# ### What goes wrong: the minimum and maximum of each frame
#
# Many loaders stretch every frame to full contrast. Put a hot cup into the picture, a cold window, or
# make the whole scene three degrees warmer:

# %%
frame = faces.thermal[4]
frames = np.stack([frame, frame, frame, frame + 3])
frames[1, 104:124, 4:24] = 65.0  # a cup of tea
window = (hulls[4] == 0) & (np.arange(128) > 111)
frames[2][window] = 2.0  # a window in winter, behind the face
ways = {
    "explicit range": FACE_CELSIUS.to_unit(frames),
    "per-frame min-max": Radiometry(kind="frame-minmax").to_unit(frames),
}
titles = ["as it is", "with a hot cup", "cold window", "3 °C warmer"]
figure = plots.thermal_inputs(frames, ways, titles=titles)
lesson.show(figure, "01_min_max")

inside = hulls[4] == 1
rows = [
    {"way": way, **{n: f"{images[i][inside].mean():.3f}" for i, n in enumerate(titles)}}
    for way, images in ways.items()
]
names = {"way": "mean input on the face", **{name: name for name in titles}}
lesson.say(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** Top: temperatures; the face is the same three times, then warmer. Below: what a
# network gets. With the explicit range the face keeps its values, and the warmer one is brighter. With
# the frame's own minimum and maximum the cup darkens the face, the window brightens it, and three
# degrees more change nothing at all: temperature is gone, and nobody was told.

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
# for each modality on its own. All in [`data/transforms.py`](../mlcmkd/data/transforms.py),
# `make_batch`.

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
# point 36 (outer corner of the left eye, left as the viewer sees it) becomes point 45. `Scheme.flip`
# says which becomes which. Leave it out, and every point still lies on the face, but on the wrong side.

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
# ## What misalignment does to a student
#
# A pair that is a little off is still a pair to a program. What does it cost? Distillation hands the RGB
# teacher's knowledge to a thermal student ([03](03_ktl_dikd.ipynb) tells how). **FD** compares features,
# **LD** compares predictions, both place by place: the student is asked to be, at each place of its
# thermal image, what the teacher is at the same place of the photo. Now shift the photos, each in its
# own direction; the thermal images keep their labels.

# %%
shift = lesson.sizes.input_px / 16  # pixels of the input: 4 of 64
aligned = lesson.pairs("train").subset([0])
batches = [
    make_batch(pairs, torch.tensor([0]), NO_AUGMENTATION, torch.Generator())
    for pairs in (aligned, aligned.misaligned(shift, seed))
]
figure = plots.pair_overlay(
    torch.cat([batch.rgb for batch in batches]),
    torch.cat([batch.thermal for batch in batches]),
    landmarks=torch.cat([batch.landmarks for batch in batches]),
    titles=["0 px", f"{shift:g} px"],
)
lesson.show(figure, "01_shifted")

# %% [markdown]
# **How to read it.** As the networks read them. Below, the photo is shifted; the thermal image and its
# landmarks are not. Contours are lines of equal temperature.
#
# Now a small experiment: a light RGB teacher, and three thermal students that start from it and take the
# same few steps on the same labelled pairs: without a teacher, with FD+LD on aligned pairs, and with
# FD+LD on shifted ones.

# %%
folder = lesson.work / "misaligned"  # beside the series' own runs, not among them


def brief(steps: int):
    """Half the batch of the series, and few validations: this is a sketch."""
    half = {"batch": lesson.sizes.batch // 2, "evaluations": 2}
    return lesson.fit(steps).model_copy(update=half)


rgb_teacher = get_or_train(
    train,
    TrainConfig(
        out=folder / f"teacher-s{seed}",
        data=lesson.data(),
        fit=brief(lesson.sizes.teacher_steps * 2 // 3),
        seed=seed,
        size="light",
        input_px=lesson.sizes.input_px,
    ),
)


def student(name: str, pixels: float, how: Distillation) -> Path:
    """A light thermal student of pairs whose photos are shifted."""
    few = lesson.data(pairs=2 * lesson.sizes.labelled)
    config = TransferConfig(
        out=folder / f"{name}-{pixels:g}px-s{seed}",
        data=few.model_copy(update={"misalignment": pixels}),
        fit=brief(lesson.sizes.transfer_steps // 2),
        seed=seed,
        teacher=rgb_teacher / WEIGHTS,
        distillation=how,
    )
    return get_or_train(transfer, config)


# %%
heavy = Distillation(strategy="fd+ld", weights=Weights(fd=8, ld=8))  # weights of the table below
straight, crooked = (f"fd+ld, {pixels:g} px" for pixels in (0, shift))
runs = {
    "none": student("none", 0, Distillation(strategy="none")),
    straight: student("fd-ld", 0, heavy),
    crooked: student("fd-ld", shift, heavy),
}
val = lesson.pairs("val")
scores = {name: course.scores_of(run, val) for name, run in runs.items()}
lesson.show(plots.ced_curves({name: s.per_face for name, s in scores.items()}), "01_students")
lesson.say(course.compare(crooked, scores[crooked], straight, scores[straight]))
lesson.say(course.compare(crooked, scores[crooked], "none", scores["none"]))

# %% [markdown]
# **How to read it.** The share of faces whose NME stays below a value: higher is better. The sentences
# are written by the numbers. Look at the two FD+LD students first: they differ in nothing but the shift.
# Whether a teacher pays at all is another question, and so short a training cannot answer it; the
# intervals (95 %, by drawing the faces anew; [02](02_teacher.ipynb) tells more) know the chance in the
# faces, not in the training.
#
# The measured answer, on photos of 300W and their simulated thermal twins, with several seeds:

# %%
found = read_misalignment(course.RESULTS / "ktl_registration.csv")
ablation = read_table(course.RESULTS / "ktl_ablation.csv")
found = with_aligned(found, ablation, "300w-sim", pairs=500)
shifts = list(found["none"])
values = {name: {px: list(v.values()) for px, v in by.items()} for name, by in found.items()}
title = "300W and simulated twins, 500 labelled pairs"
figure = plots.nme_against_misalignment(values, per_pixel=2.9, title=title)
lesson.show(figure, "01_misalignment")
rows = [
    {"name": name, **{f"{px:g} px": interval(by[px]).text() if px in by else "" for px in shifts}}
    for name, by in values.items()
]
names = {"name": "NME (%), mean and 95 % interval"} | {f"{px:g} px": f"{px:g} px" for px in shifts}
lesson.say(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** Above the axis the same shift in percent of the inter-ocular distance (34.4 px of
# the 64-px input on average). *none* has no teacher and never sees a photo, so no shift can hurt it.
# FD+LD pays for every pixel: a badly registered teacher is worse than none. It is LD that pays, which
# asks for the teacher's answer at its place; FD alone loses little. Injection with its own guide hardly
# notices ([03](03_ktl_dikd.ipynb) tells why). The single terms and *dikd* have one seed.

# %% [markdown]
# ## Summary
#
# - Parallax: one map fits one depth. As a share of the face the error is $B/e$ times the relative error
#   of the depth, whatever the resolution.
# - Register by what you know: a calibration, shared landmarks, or the images' edges. A residual means
#   something only on what was not fitted, and a pair above the limit is refused.
# - Counts become degrees C, degrees C become the input over an explicit range. Colours are read back by
#   their palette, or refused.
# - A manifest says everything about a pair, and a bad row is refused.
# - Augmentation moves both images and the landmarks by one map; a mirror renames the landmarks.
# - Whoever asks for the teacher's *answer* at its place pays for every pixel that the images are apart.
#
# ## Exercises
#
# 1. *Recall.* Why does a camera with twice the pixels not halve the residual in percent of the
#    inter-ocular distance? Name the two quantities that do change it.
# 2. *Apply.* Your cameras are 10 cm apart. Within which distances may a face move if the residual has to
#    stay below 3 %? Answer by the formula, then check with `rig_of(0.10)`, `views` and `true_residual`.
# 3. *Break it.* Give `registered` landmarks of which one in ten lies anywhere in the image, then one in
#    two. Watch `kept`, `given`, `fit_px` and `residual_px` of the registrations. Which of the four would
#    have warned you?
# 4. *Open.* You may refuse pairs above 8 % or above 3 %: the stricter limit gives fewer and better
#    pairs. Plan an experiment with `pairs` and `misalignment` of `DataConfig` that finds the better
#    limit for FD+LD. What has to stay equal, how many seeds do you need, and what would change your
#    mind?
#
# More of them, each with a check that says what went wrong:
# [pairing](exercises/01_pairing.ipynb) (its [solutions](solutions/01_pairing.ipynb) lie apart).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): pairs as the ground of
#   cross-modal distillation.
# - Hartley & Zisserman, *Multiple View Geometry in Computer Vision*, 2nd edition, 2004: section 13.1,
#   the homography of a plane.
# - Evangelidis & Psarakis, *Parametric image alignment using enhanced correlation coefficient
#   maximization*, IEEE TPAMI 30(10), 2008: ECC.
# - Viola & Wells, *Alignment by maximization of mutual information*, IJCV 24(2), 1997.
# - Bookstein, *Principal warps: thin-plate splines and the decomposition of deformations*, IEEE TPAMI
#   11(6), 1989.
# - Sagonas et al., *300 faces in-the-wild*, 2013: the 68-point scheme.
