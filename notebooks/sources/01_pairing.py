# %% [markdown]
# # 01 · Pairs: two cameras, one face
#
# **Goals.** After this notebook you can explain what a thermal image of a face shows and what it leaves
# out, and the effect of parallax on two cameras. You can register two cameras by three methods and
# judge the result, convert raw camera values into a model's input without losing the temperature,
# write a manifest, augment both images of a pair together, and predict the effect of misalignment on a
# student.
#
# **Time.** 40 minutes to read. About two minutes to run on two CPU cores, plus a minute if the
# synthetic faces have to be rendered first. **Prerequisites.** NumPy arrays, matrices that map
# points, and the [tour](00_tour.ipynb). The last section uses distillation, which
# [03](03_ktl_dikd.ipynb) explains.

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
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
from mlcmkd import Augmentation, InputError, load_pairs, plots
from mlcmkd.data.manifest import read_rows
from mlcmkd.data.pairs import from_synthetic, synthetic_faces
from mlcmkd.data.thermal import palettes
from mlcmkd.data.thermal.radiometry import (
    FACE_CELSIUS,
    FACE_CENTIKELVIN,
    KELVIN,
    Radiometry,
    to_centikelvin,
)
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.metrics import point_errors
from mlcmkd.schemes import IBUG68
from mlcmkd.synthetic.faces import SyntheticFaces, make_faces
from mlcmkd.synthetic.realism import Realism

# %% [markdown]
# ## The data
#
# Look at the data before any formula. These faces are synthetic
# ([`synthetic/faces.py`](../mlcmkd/synthetic/faces.py)): one 3-D head is rendered twice, by a model of a
# colour camera and by a model of a thermal camera. No photograph was used.

# %%
subjects = 16
faces = synthetic_faces("train", 4 * subjects, seed=seed, size=128)
one_each = np.arange(subjects) * 4  # four pictures per person; the first of each
marks = plots.centred(faces.landmarks, 128)
sheet = plots.contact_sheet(faces.rgb[one_each], faces.thermal[one_each], columns=8)
lesson.show(sheet, "01_contact_sheet")

# %% [markdown]
# **How to read it.** RGB above, thermal below, each pair of another person. The colour bar is in degrees
# C. Look for features that only one modality shows: pupils and brows in RGB; in the thermal image
# glasses that hide the eyes, cool noses, warm inner eye corners. Strength and direction of the light
# change the RGB image but not the thermal image.
#
# The next figure shows two persons, four pictures each. Identity and pose are the same in both images of
# a pair; everything else differs.

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
# **How to read it.** The 68 landmarks of the iBUG scheme are drawn on both images. The *same* points fit
# both images: this is the meaning of "aligned pixel by pixel", and everything below depends on it.

# %% [markdown]
# ## How a thermal face is made
#
# A rendered pair has no annotation errors and no registration errors, and every cause of a pixel's
# value can be switched off. So it shows what a thermal camera sees, and why. Two persons, without hair
# and clothes, and four steps: geometry, heat, optics, camera.
#
# ### Step 1: geometry
#
# The head is a mesh of about 10,000 triangles. Its form is a mean plus a weighted sum of 80 **identity
# modes** and 52 **expressions**. A pinhole camera projects the vertices, and for every pixel the
# **z-buffer** keeps the triangle that is nearest to the camera
# ([`synthetic/rasterise.py`](../mlcmkd/synthetic/rasterise.py)). A landmark is a fixed position on the
# mesh, so it is exact; only the jaw line slides over the cheek to the outline of the face, as
# annotators draw it. A landmark is hidden if a surface is in front of it.


# %%
def two_faces(**switches) -> SyntheticFaces:
    """Two persons, with some parts of the rendering switched off."""
    realism = Realism(**{"worn": False, "expressions": False} | switches)
    return make_faces(
        2, seed=8882, size=128, faces_per_identity=1, workers=1, realism=realism, maps=True
    )


everything = two_faces()
figure = plots.pair_geometry(
    everything.rgb,
    everything.depth,
    everything.temperature,
    plots.centred(everything.landmarks, 128),
    everything.hidden_by > 0,
)
lesson.show(figure, "01_geometry")

# %% [markdown]
# **How to read it.** Left: the photo with its landmarks. Middle: the z-buffer, brighter is nearer.
# Right: the true temperature of every surface, which no camera measures. The next steps explain where
# it comes from, and what happens to it on the way to the image.
#
# ### Step 2: heat
#
# Skin has no fixed temperature. Blood brings heat, and air and radiation take it away. Three causes:
#
# - **Anatomy**: vessels near the surface are warm (inner eye corners, temples, forehead); places far
#   from large vessels are cool (nose, ears, outer eye corners, and cheeks). In cold air the body
#   reduces the flow to nose and ears first.
# - **The orbit**: the region around the eyes is warm as a whole.
# - **Curvature**: a ridge loses heat in more directions than a plane, and the walls of a hollow face
#   each other. So the tip of the nose and the chin are cooler, the folds beside the nose warmer.


# %%
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
# **How to read it.** Each column lacks one cause; below it is the complete temperature minus the one
# without the cause: red where it warms, blue where it cools. In the last column the skin has one
# temperature, and the face has lost its landmarks: only the outline and the brows are left. Everything
# inside a thermal face that a network can use is a difference of a few degrees.
#
# ### Step 3: from the surface to the lens
#
# A camera does not measure temperature but **radiance**. Skin emits 97 % of the radiation of a black
# body (the **emissivity** $\varepsilon$), seen at a right angle; seen at a grazing angle, at the
# outline of the face, it emits less. What it does not emit, it reflects:
#
# $$L = \varepsilon\,L_\mathrm{bb}(T) + (1 - \varepsilon)\,L_\mathrm{bb}(T_\mathrm{around})$$
#
# with $T$ the temperature of the surface, $T_\mathrm{around}$ that of what it reflects, and
# $L_\mathrm{bb}$ the radiance of a black body. The **apparent temperature** is that of the black body
# with radiance $L$. Glass does not transmit thermal radiation. Its emissivity is 0.84, so glasses show
# their own temperature and a weak reflection of the room, and hide the eyes. The background has its
# own temperatures, and nothing but their contrast separates the face from it.
#
# The lens blurs, and the sensor has few pixels: 160 x 120 is common. Both are switched off by `optics`.


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
# **How to read it.** As above, for the image that the camera stores. *Emissivity* lowers the outline of
# the face in a cool room. *Scene* is what lies behind the head. *Optics* removes what a landmark needs
# most: edges; the difference is largest at the outline of the face and around eyes and mouth.
#
# ### Step 4: the camera
#
# The sensor of an uncooled camera adds noise of 0.03 to 0.2 degrees C (**NETD**, noise-equivalent
# temperature difference), fixed offsets of pixels and columns, which appear as stripes, and dead pixels
# (last column). How large is each part on the skin, compared with this noise?

# %%
inside_face = np.zeros(everything.thermal.shape, np.uint8)
for hull, points in zip(inside_face, everything.landmarks, strict=True):
    cv2.fillConvexPoly(hull, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
switches = ("anatomy", "warm_orbit", "curvature", "emissivity", "optics", "noise")
rows = []
for name in switches:
    change = (everything.thermal - frames(**{name: False}))[inside_face == 1]
    rows.append({
        "part": name, "mean": f"{change.mean():+.2f}", "size": f"{np.abs(change).mean():.2f}",
        "largest": f"{np.percentile(np.abs(change), 99):.2f}",
    })  # fmt: skip
names = {
    "part": "part", "mean": "mean change (degrees C)", "size": "mean absolute change",
    "largest": "99th percentile",
}  # fmt: skip
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** What each part changes inside the landmarks of the two faces. On average, curvature
# is little larger than the noise and anatomy three times as large. Both change slowly from pixel to
# pixel, and noise does not: a network averages it away. Which of these parts makes a synthetic face
# useful for a real camera is measured by
# [`benchmarks/synthetic_ablation.py`](../benchmarks/synthetic_ablation.py).

# %% [markdown]
# ## Two cameras
#
# The faces above are aligned because they were rendered that way. Two real cameras do not share one
# lens. They are mounted side by side, differ in resolution and field of view, and see the face from two
# positions. We simulate a rig with known geometry: a thermal camera of 160 x 160 pixels, an RGB camera
# of 480 x 420 pixels with a wider field of view, 4 cm apart. People look at the cameras, and each face
# is a picture on a plane, at one distance.

# %%
to_camera = Realism(yaw_deviation=8)
people = make_faces(  # the same for any seed
    2 if lesson.fast else 6, seed=0, size=320, faces_per_identity=1, realism=to_camera
)
SIZE, RGB_SIZE = (160, 160), (480, 420)  # width, height
focal, apart, depth = 400.0, 0.04, 0.65  # f in thermal pixels, B in metres, Z0 in metres
zoom = RGB_SIZE[1] / SIZE[1]  # RGB pixels per thermal pixel


def camera(size: tuple[int, int], focal: float) -> np.ndarray:
    return np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])


def rig_of(apart: float) -> Stereo:
    """Two parallel cameras without distortion, `apart` metres from each other."""
    inner = camera(RGB_SIZE, zoom * focal), np.zeros(5), camera(SIZE, focal), np.zeros(5)
    return Stereo(*inner, np.eye(3), np.array([apart, 0, 0]))


def views(n: int, rig: Stereo, metres: float) -> tuple[np.ndarray, ...]:
    """Person n at a distance: RGB image, degrees C, and the true landmarks in both images."""
    half = depth / metres / 2  # a nearer face is larger
    placed = np.array([[half, 0, 79.5 - 159.5 * half], [0, half, 79.5 - 159.5 * half], [0, 0, 1]])
    plane, edge = ThroughPlane(rig, metres), {"borderMode": cv2.BORDER_REPLICATE}
    thermal = cv2.warpPerspective(people.thermal[n], placed, SIZE, **edge)
    to_rgb = np.linalg.inv(plane.pixels) @ placed
    rgb = cv2.warpPerspective(people.rgb[n], to_rgb, RGB_SIZE, **edge)
    marks = half * people.landmarks[n] + placed[:2, 2]
    return rgb, thermal, plane.inverse(marks), marks


rig = rig_of(apart)
rgb, celsius, rgb_marks, marks = views(0, rig, depth)
lesson.show(plots.two_cameras(rgb, celsius, rgb_marks, marks), "01_two_cameras")

# %% [markdown]
# **How to read it.** Left and middle: the same face, each in the pixels of its own camera. Right: the
# RGB image scaled to the size of the thermal image, both in a checkerboard, with the RGB landmarks in
# blue and the thermal landmarks in green. Lines break at the borders of the squares: this pair is
# misaligned. **Registration** estimates the map that moves the blue landmarks onto the green ones.
#
# ## Parallax: one map fits only one depth
#
# A view from above:

# %%
lesson.show(plots.parallax_diagram(), "01_parallax")

# %% [markdown]
# **How to read it.** Left: three points lie straight ahead of the RGB camera, so it sees all of them at
# one image position. The thermal camera, a distance $B$ beside it, sees them at three positions; a
# nearer point is shifted more. A map from RGB to thermal pixels has no depth as input, so it can be
# correct for only one of the three. Right: the error for each point, if the map is made for $Z_0$.
#
# The shift is the **disparity**
#
# $$d = \frac{f B}{Z}, \qquad r(Z) = f B \left|\frac1Z - \frac1{Z_0}\right|$$
#
# with $f$ the focal length of the thermal camera in pixels (`focal`), $B$ the distance between the
# cameras, the **baseline** (`apart`), $Z$ the distance of the point, $Z_0$ the distance for which the
# map was made (`depth`) and $r$ the **residual** in thermal pixels. The map is the homography of a
# plane, $K_2\,(R + t\,n^\top / Z_0)\,K_1^{-1}$, with $K_1$ and $K_2$ the camera matrices, $R$ and $t$
# the rotation and translation between the cameras and $n$ the normal of the plane. It is `ThroughPlane`
# in [`registration/transforms.py`](../data_prep/registration/transforms.py), which `from_stereo`
# returns.
#
# A face has a fixed size: its outer eye corners are $e$ metres apart, so $f e / Z$ pixels in the image.
# This is the **inter-ocular distance**, by which NME is divided. The residual relative to it does not
# depend on the focal length:
#
# $$\frac{r(Z)}{f e / Z} = \frac{B}{e}\left|1 - \frac{Z}{Z_0}\right|$$
#
# A higher resolution does not reduce this error. A shorter baseline does.

# %%
eyes = inter_ocular(marks, "ibug68") * depth / focal  # e, metres
depths = np.linspace(0.4, 1.1, 141)
residuals, shares = {}, {}
for cm in (1, 4, 10):
    residuals[f"{cm} cm"] = focal * cm / 100 * abs(1 / depths - 1 / depth)
    shares[f"{cm} cm"] = 100 * cm / 100 / eyes * abs(1 - depths / depth)


def true_residual(registration, rgb_marks: np.ndarray, marks: np.ndarray) -> tuple[float, float]:
    """Mean residual in thermal pixels, and in percent of the inter-ocular distance."""
    off = np.linalg.norm(registration.apply(rgb_marks) - marks, axis=1).mean()
    return float(off), float(100 * off / inter_ocular(marks, "ibug68"))


one_map = from_stereo(rig, depth, SIZE)  # for Z0, used at every distance
seen = {metres: views(0, rig, metres) for metres in (0.5, 0.65, 0.85)}
measured = {metres: true_residual(one_map, *four[2:]) for metres, four in seen.items()}
figure = plots.residual_against_depth(
    depths, residuals, shares, made_for=depth, limit=8, head=(depth - 0.03, depth + 0.09),
    measured={"4 cm": [(metres, *off) for metres, off in measured.items()]},
)  # fmt: skip
lesson.show(figure, "01_depth")

# %% [markdown]
# **How to read it.** Lines are the formulas; markers are measured on landmarks of the rig and agree with
# them. A pair beyond the dashed line is refused (8 % is also the limit for a failed face, see notebook
# 02). The shaded band is the depth of a head, from the nose tip 3 cm in front of the eyes to the ears 9
# cm behind them. Even at the correct distance, one homography cannot fit the whole face.

# %%
figure = plots.registration_overlays(
    [one_map.warp(four[0]) for four in seen.values()],
    [four[1] for four in seen.values()],
    titles=[f"{m:g} m: {px:.1f} px, {percent:.0f} %" for m, (px, percent) in measured.items()],
)
lesson.show(figure, "01_one_map")
reach = 0.08 * eyes / apart
lesson.show_text(
    f"With cameras {100 * apart:g} cm apart and eye corners {100 * eyes:.1f} cm apart, a residual "
    f"below 8 % requires a face within {100 * reach:.0f} % of the depth of the map: "
    f"{depth * (1 - reach):.2f} to {depth * (1 + reach):.2f} m. Even then the ears, 9 cm behind the "
    f"eyes, have a residual of {100 * apart / eyes * 0.09 / depth:.1f} %.",
    learned=False,
)

# %% [markdown]
# **How to read it.** One person at three distances, with one map. In the middle row hand and glasses
# continue from square to square and the thermal edges match those of the photo; in the other rows they
# do not.
# (Beyond the rendered image its border is repeated; black areas are outside the field of view of the RGB
# camera.)
#
# ## Three methods of registration
#
# Assume that the rig was knocked, so the thermal camera is now rotated by a few degrees. The method
# depends on the information that is available:
#
# | available | idea | function |
# | --- | --- | --- |
# | a calibration and the distance of the face | geometry; the images are not used | `from_stereo` |
# | the same landmarks in both images | least squares; RANSAC first removes outliers | `from_landmarks` |
# | only the images | edges (ECC) or statistics (mutual information) | `from_content` |
#
# Intensities cannot be compared across these cameras: a dark brow is warm, a bright nose is cool.
# **ECC** (enhanced correlation coefficient) therefore compares *gradient magnitudes*, which do not
# depend on which side of an edge is brighter. **Mutual information** measures how well the value in one
# image predicts the value in the other, for any relation between them: $I(A;B) = H(A) + H(B) - H(A,B)$,
# with $A$, $B$ the two images and $H$ the entropy of a histogram of their values.
#
# The landmarks below have a random error of one thermal pixel, similar to manual annotation. The depth
# given to the calibration is 5 % too large, like a distance measured with a tape.

# %%
turn = cv2.Rodrigues(np.array([0.01, -0.015, 0.06]))[0]  # radians about x, y, z
knocked = replace(rig, R=turn)
given = {"thermal_size": SIZE, "scheme": "ibug68"}


def registered(n: int) -> dict:
    """Registrations of person n by five methods."""
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
for name, registration in every[0].items():
    px, percent = true_residual(registration, rgb_marks, marks)
    rows.append({
        "way": name, "reported": f"{registration.residual_px:.2f}", "true": f"{px:.2f}",
        "percent": f"{percent:.1f}", "accepted": "yes" if registration.ok else "no",
    })  # fmt: skip
names = {
    "way": "method", "reported": "reported (px)", "true": "true (px)",
    "percent": "true (% of inter-ocular)", "accepted": "accepted",
}  # fmt: skip
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %%
shown = ("calibration", "thin-plate spline", "ECC")
figure = plots.registration_overlays(
    [every[0][name].warp(rgb) for name in shown],
    [celsius] * 3,
    titles=[f"{name}: {row['true']} px" for name in shown for row in rows if row["way"] == name],
)
lesson.show(figure, "01_three_ways")

# %% [markdown]
# **How to read it.** The thermal image is the same in every row and is never resampled, because its
# values are measurements. Only the photo is warped. The numbers at the left are true residuals, which
# are known only for a simulated rig. Compare the glasses and the fingers.
#
# ### How reliable is a reported residual?
#
# For a real rig the true residual is unknown. The *reported* residual is never computed on data that was
# used for the fit. A calibration is evaluated on landmarks that it has not seen. Landmarks are left out
# one at a time and predicted from the others. For registration by content, tiles of the warped photo are
# moved to the position where their edges fit best; the report is the length of this shift. All persons:

# %%
points = {name: [] for name in every[0]}
for n, ways in enumerate(every):
    truth = views(n, knocked, depth)[2:]
    for name, registration in ways.items():
        percent = true_residual(registration, *truth)[1]
        points[name].append((percent, registration.residual_percent, registration.ok))
title = f"{len(every)} rigs, each registered by five methods"
lesson.show(plots.reported_against_true(points, limit=8, title=title), "01_reported")

# %% [markdown]
# **How to read it.** On the diagonal the reported residual equals the true one; dashed lines are the
# limit. Calibration and registration by landmarks report values that are too large: the report contains
# the annotation error in both images. Read it as an upper bound. For registration by content the
# reported value can be too large or too small, because a tile matches an edge, not a landmark.
#
# ### Pairs that have to be refused
#
# A good method also rejects bad pairs. Three mistakes that happen in a lab: a calibration from before
# the knock, frames mixed up between two persons, and left and right exchanged in one of the two label
# files.

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
for name, registration in refused.items():
    print(f"{name}: {'accepted' if registration.ok else 'refused'}; {registration.reason}")
figure = plots.registration_overlays(
    [refused["old calibration"].warp(rgb), refused["another person's photo"].warp(other)],
    [celsius] * 2,
    titles=["old calibration", "another person"],
)
lesson.show(figure, "01_refused")

# %% [markdown]
# **How to read it.** Above: the correct face at the wrong position; its residual on the landmarks is
# above the limit. Below: the wrong face at about the right position. Its edges agree here hardly better
# than at any other position; **distinctness** measures this, in standard deviations. It is also visible:
# the outline of one face does not continue in the other.
#
# ### Measurements on many rigs
#
# `python benchmarks/pairing.py` repeats this on 40 rigs per setting, with more noise and larger initial
# errors. There, *homography* is a calibration with an error of that many pixels at the corners, *stereo*
# is the calibration of this lesson, and *affine* is between similarity and thin-plate spline. One unit
# of **noise** is the typical error of each method: one pixel of the calibration, one pixel of every
# landmark (of which one in ten is at a random position), or, for the two methods by content, 0.3 degrees
# C in the thermal image and 10 grey levels in the photo. This cell only reads the stored table.

# %%
with (course.RESULTS / "pairing.csv").open(newline="") as file:
    table = list(csv.DictReader(file))
title = "benchmarks/pairing.py: 40 rigs a point, seed 0, true residuals"
lesson.show(plots.residual_curves(table, title), "01_benchmark")
rows = [r for r in table if (float(r["misalignment_px"]), float(r["noise"])) == (16, 1)]
names = {
    "method": "method", "median_residual_px": "true, median (px)",
    "median_residual_percent_iod": "true (% of inter-ocular)", "median_reported_px": "reported (px)",
    "failures_percent": "failed (%)", "refused_percent": "refused (%)", "missed_percent": "missed (%)",
}  # fmt: skip
lesson.show_text("Noise of one unit, 16 px of initial misalignment:", learned=False)
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** *Failed*: the true residual is above 8 %. *Refused*: the method did not accept the
# pair. *Missed*: failed but accepted. The methods by content refuse more good pairs than there are bad
# ones. This is intended: a lost pair costs less than a wrong one. Stereo has no row in the table because
# its noise is an error of the depth in percent; see the figure.

# %% [markdown]
# ## From counts to degrees C to the network input
#
# A thermal camera writes **counts**, 16-bit integers. Here they are hundredths of a kelvin:
#
# $$T = \frac{c}{100} - 273.15, \qquad
#   x = \mathrm{clip}\!\left(\frac{T - T_\mathrm{low}}{T_\mathrm{high} - T_\mathrm{low}},\,0,\,1\right)$$
#
# with $c$ the count, $T$ the temperature in degrees C (`Radiometry.celsius`), $T_\mathrm{low}$ and
# $T_\mathrm{high}$ the explicit range (`low`, `high`), and $x$ the input of the model
# (`Radiometry.to_unit`). All of this is in
# [`data/thermal/radiometry.py`](../mlcmkd/data/thermal/radiometry.py).

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
# **How to read it.** Most temperatures of a face lie in a narrow band; the tail to the left are glasses,
# masks, hair, and skin that comes in from the cold. The background is mostly cooler, but a lamp or a
# radiator is warmer. The input range is wider than that of skin and the same for every frame. Values
# outside it (grey) are clipped: of them only "cold" or "hot" is left.
#
# ### One face, stored in five formats
#
# Cameras and their software store the same temperatures in different formats. `Radiometry` describes the
# format, and `frame_to_unit` converts every format to the network input.

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
lesson.show_text(f"The pixel at (80, 100) has {celsius[100, 80]:.2f} degrees C.", learned=False)
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** 16 bits are finer than the noise of the camera. 8 bits over 22 degrees C have steps
# of 0.09 degrees C, which is enough for landmarks. A false-colour image without the two numbers of its
# scale bar has levels but no temperatures; asking for temperatures is an error.

# %%
label = {"fontFace": cv2.FONT_HERSHEY_SIMPLEX, "fontScale": 0.5, "color": (0, 255, 0)}
drawn_over = cv2.putText(iron.copy(), "36.5 C", (4, 152), **label)  # as cameras write it
read = palettes.invert(drawn_over)  # the palette is recognised by its colours
limit = palettes.get_palette("iron").tolerance
figure = plots.palette_inversion(
    drawn_over, read.levels, read.residual, tolerance=limit, title=f"recognised: {read.palette}"
)
lesson.show(figure, "01_iron")

# %% [markdown]
# **How to read it.** Left: the stored image. A palette is a curve through the RGB cube, from cold to
# warm. The level of a pixel is the nearest position on that curve (middle). Its distance from the curve
# shows whether the image was made with this palette (right; dark is good). The label written by the
# camera is far from the curve; these pixels are filled from their neighbours.
#
# ### Mistake: a wrong palette
#
# An image with the wrong palette name is refused, and so is an RGB photo:

# %%
for image, name, palette in (
    (iron, "an iron image labelled jet", "jet"),
    (iron, "an iron image labelled hot", "hot"),
    (rgb, "an RGB photo", None),
):
    try:
        palettes.invert(image, palette, name)
        print(f"{name}: accepted")
    except InputError as error:
        print(error)

# %% [markdown]
# An image loader gives no such error. Opened as grey, a colour image becomes its brightness. For iron,
# brightness increases with temperature. For jet, the default of many older programs, it does not:

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
# ### Mistake: the minimum and maximum of each frame
#
# Many loaders stretch every frame to full contrast. What happens with a hot cup in the image, with a
# cold window, or if the whole scene is three degrees C warmer?

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
titles = ["original", "with a hot cup", "cold window", "3 °C warmer"]
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
# **How to read it.** Top: temperatures; the face is the same in the first three and warmer in the last.
# Below: the network input. With the explicit range the face keeps its values, and the warmer face is
# brighter. With the minimum and maximum of the frame, the cup darkens the face, the window brightens it,
# and three degrees C more change nothing: the temperature is lost, without any warning.

# %% [markdown]
# ## The manifest
#
# All pairs reach the library as a **manifest**: a folder with one line of JSON per pair. `data_prep`
# writes it. Here it is written from arrays, with eight pairs of two persons.

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
# All pairs of a subject are in one split, images are named by their hash, and the radiometry is stored
# with the row. Unusable rows are refused with their location and a suggested fix. Two deliberate
# mistakes:

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
# ## One geometric transform per pair, separate photometric changes
#
# Training images are rotated, scaled, shifted and mirrored. A pair must stay aligned, so the *same*
# transform is applied to both images and the landmarks. Photometric changes of a camera (gain, noise,
# blur) are sampled separately for each modality. See `make_batch` in
# [`data/transforms.py`](../mlcmkd/data/transforms.py).

# %%
eight = torch.zeros(8, dtype=torch.long)  # one face, eight times
batch = make_batch(direct, eight, Augmentation(), torch.Generator().manual_seed(seed + 1))
figure = plots.contact_sheet(
    batch.rgb, batch.thermal, unit="input, 0 to 1", limits=(0, 1), landmarks=batch.landmarks
)
lesson.show(figure, "01_augmented")

# %% [markdown]
# **How to read it.** One pair, augmented eight times. The geometry agrees between RGB (above) and
# thermal (below); colour cast, gain and noise are independent. Some pairs are mirrored, and some have a
# rectangle that is covered in both images.
#
# ### Mistake: mirroring without the flip order
#
# Mirroring turns the left eye into the right eye. Therefore the landmarks also have to change their
# *indices*: point 36 (outer corner of the left eye, left for the viewer) becomes point 45. `Scheme.flip`
# is this permutation. Without it, every point still lies on the face, but on the wrong half.

# %%
two = torch.tensor([0, 2])
plain = make_batch(direct, two, NO_AUGMENTATION, torch.Generator())
mirror = Augmentation(rotation=0, scale=0, shift=0, flip=1, photometry=0, occlusion=0)
mirrored = make_batch(direct, two, mirror, torch.Generator())
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
    f"Without the flip order a *perfect* prediction has an NME of {100 * wrong.mean():.0f} %. A network "
    "trained on such labels for half of its images learns to predict points between the two halves.",
    learned=False,
)

# %% [markdown]
# ## The effect of misalignment on a student
#
# A program accepts a slightly misaligned pair. What is the effect on the student? Distillation transfers
# the knowledge of the RGB teacher to a thermal student (see [03](03_ktl_dikd.ipynb)). **FD** (feature
# distillation) compares features and **LD** (logits distillation) compares predictions, both position by
# position: at each position of the thermal image, the student has to match the teacher at the same
# position of the photo. In this experiment each photo is shifted in a random direction; the thermal
# images keep their labels.

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
# **How to read it.** The network inputs. Below, the photo is shifted; the thermal image and its
# landmarks are not. Contours are lines of equal temperature.
#
# The next cells train a light RGB teacher and three thermal students. The students start from the
# teacher's weights and take the same few steps on the same labelled pairs: without distillation, with
# FD+LD on aligned pairs, and with FD+LD on shifted pairs.

# %%
from mlcmkd import Distillation, TrainConfig, TransferConfig, train, transfer
from mlcmkd.distillation.strategies import Weights
from mlcmkd.studies.reuse import get_or_train
from mlcmkd.training.run_directory import WEIGHTS

folder = lesson.work / "misaligned"  # separate from the other runs of the course


def short_fit(steps: int):
    """Half the batch size of the course and two validations, for a quick comparison."""
    half = {"batch": lesson.sizes.batch // 2, "evaluations": 2}
    return lesson.fit(steps, lesson.sizes.compress_rate / 2).model_copy(update=half)


rgb_teacher = get_or_train(
    train,
    TrainConfig(
        out=folder / f"teacher-s{seed}",
        data=lesson.data(),
        fit=short_fit(lesson.sizes.compress_steps),
        seed=seed,
        size="slim",
        input_px=lesson.sizes.input_px,
    ),
)


def student(name: str, pixels: float, distillation: Distillation) -> Path:
    """A light thermal student, trained on pairs whose photos are shifted by `pixels`."""
    few = lesson.data(pairs=2 * lesson.sizes.labelled)
    config = TransferConfig(
        out=folder / f"{name}-{pixels:g}px-s{seed}",
        data=few.model_copy(update={"misalignment": pixels}),
        fit=short_fit(lesson.sizes.transfer_steps // 2),
        seed=seed,
        teacher=rgb_teacher / WEIGHTS,
        distillation=distillation,
    )
    return get_or_train(transfer, config)


# %%
fd_ld = Distillation(strategy="fd+ld", weights=Weights(fd=8, ld=8))  # weights of the table below
aligned_name, shifted_name = (f"fd+ld, {pixels:g} px" for pixels in (0, shift))
runs = {
    "none": student("none", 0, Distillation(strategy="none")),
    aligned_name: student("fd-ld", 0, fd_ld),
    shifted_name: student("fd-ld", shift, fd_ld),
}
val = lesson.pairs("val")
scores = {name: course.scores_of(run, val) for name, run in runs.items()}
lesson.show(plots.ced_curves({name: s.per_face for name, s in scores.items()}), "01_students")
lesson.show_text(
    course.compare(shifted_name, scores[shifted_name], aligned_name, scores[aligned_name])
)
lesson.show_text(course.compare(shifted_name, scores[shifted_name], "none", scores["none"]))

# %% [markdown]
# **How to read it.** The share of faces with an NME below each value; higher is better. The sentences
# are generated from the numbers. Compare the two FD+LD students first: they differ only in the shift.
# Whether distillation helps at all is a separate question, and such a short training cannot answer it.
# The intervals (95 %, bootstrap over faces; see [02](02_teacher.ipynb)) include the variation between
# faces, not the variation between trainings.
#
# Measurements on 300W photos and their simulated thermal images ("twins"), with several seeds:

# %%
from mlcmkd.evaluation.statistics import interval
from mlcmkd.evaluation.tables import read_misalignment, with_aligned
from mlcmkd.evaluation.tables import read_rows as read_table

table = read_misalignment(course.RESULTS / "ktl_registration.csv")
ablation = read_table(course.RESULTS / "ktl_ablation.csv")
table = with_aligned(table, ablation, "300w-sim", pairs=500)
shifts = list(table["none"])
values = {name: {px: list(v.values()) for px, v in by.items()} for name, by in table.items()}
title = "300W and simulated thermal images, 500 labelled pairs"
figure = plots.nme_against_misalignment(values, per_pixel=2.9, title=title)
lesson.show(figure, "01_misalignment")
rows = [
    {"name": name, **{f"{px:g} px": interval(by[px]).text() if px in by else "" for px in shifts}}
    for name, by in values.items()
]
names = {"name": "NME (%), mean and 95 % interval"} | {f"{px:g} px": f"{px:g} px" for px in shifts}
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** The upper axis is the shift in percent of the inter-ocular distance (34.4 px of the
# 64-px input on average). *none* has no teacher and never sees a photo, so the shift has no effect on
# it. The error of FD+LD increases with every pixel: a badly registered teacher is worse than none. The
# cause is LD, which compares with the teacher prediction at the same position; FD alone loses little.
# Injection with the guide `own` is hardly affected ([03](03_ktl_dikd.ipynb) explains why). The single
# terms and *dikd* have one seed.

# %% [markdown]
# ## Summary
#
# - A thermal image of a face shows differences of a few degrees: anatomy, the orbit, curvature.
#   Emissivity, the lens and the sensor take a part of them away, edges first.
# - Parallax: one map fits one depth. Relative to the inter-ocular distance, the error is $B/e$ times the
#   relative error of the depth, at any resolution.
# - Register by the information you have: a calibration, shared landmarks, or the edges of the images. A
#   residual is meaningful only on data that was not used for the fit. A pair above the limit is refused.
# - Counts are converted to degrees C, and degrees C to the input by an explicit range. False colours are
#   inverted by their palette, or refused.
# - A manifest stores everything about a pair; an invalid row is refused.
# - Augmentation transforms both images and the landmarks together; mirroring re-indexes the landmarks.
# - LD compares predictions position by position, so its error increases with every pixel of
#   misalignment.
#
# ## Exercises
#
# 1. *Recall.* Why does a camera with twice the pixels not halve the residual in percent of the
#    inter-ocular distance? Name the two quantities that do change it.
# 2. *Apply.* Your cameras are 10 cm apart. In which range of distances may a face move if the residual
#    has to stay below 3 %? Use the formula, then check with `rig_of(0.10)`, `views` and `true_residual`.
# 3. *Break it.* Give `registered` landmarks of which one in ten is at a random position, then one in
#    two. Watch `kept`, `given`, `fit_px` and `residual_px` of the registrations. Which of the four would
#    have warned you?
# 4. *Open.* You may refuse pairs above 8 % or above 3 %: the stricter limit gives fewer and better
#    pairs. Plan an experiment with `pairs` and `misalignment` of `DataConfig` that finds the better
#    limit for FD+LD. What has to be kept constant, how many seeds do you need, and which result would
#    change your opinion?
#
# More exercises, each with a check that explains typical mistakes:
# [pairing](exercises/01_pairing.ipynb) ([solutions](solutions/01_pairing.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): cross-modal distillation on
#   aligned pairs.
# - Togawa, *Non-contact skin emissivity*, Clin. Phys. Physiol. Meas. 10, 1989; Rubin,
#   *Optical properties of soda lime silica glasses*, Solar Energy Materials 12, 1985: emissivities.
# - Hartley & Zisserman, *Multiple View Geometry in Computer Vision*, 2nd edition, 2004: section 13.1,
#   the homography of a plane.
# - Evangelidis & Psarakis, *Parametric image alignment using enhanced correlation coefficient
#   maximization*, IEEE TPAMI 30(10), 2008: ECC.
# - Viola & Wells, *Alignment by maximization of mutual information*, IJCV 24(2), 1997.
# - Bookstein, *Principal warps: thin-plate splines and the decomposition of deformations*, IEEE TPAMI
#   11(6), 1989.
# - Sagonas et al., *300 faces in-the-wild*, 2013: the 68-point scheme.
