# %% [markdown]
# # 03b · Registration: two cameras that do not agree
#
# ![One face, aligned above and shifted below](../docs/figures/lessons/03b_shifted.png)
#
# **Question.** Above, the two images of a pair agree; below, the RGB image is shifted by 4 of 64
# pixels. A teacher that sees the lower pair predicts landmarks at another place. How much does this harm
# the student, and what can be done?
#
# **The answer first.** A shift of 4 of 64 pixels takes away all that the teacher was worth.
# **Registration** finds the map between the two images. If the pairs are registered first, by the
# landmarks of two networks, even a shift of 10 pixels costs less than 0.1 points of NME.
#
# **Goals.** After this notebook you can predict the effect of misaligned pairs, register pairs before
# the distillation, explain why one map fits only one distance, register two cameras by three methods,
# and judge the result.
#
# **Time.** About fifteen minutes to read, one to run on two CPU cores, more if earlier runs are missing.
# **Prerequisites.** [03](03_ktl_dikd.ipynb), and matrices that map points. Terms are in the
# [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.TransferLesson)

# %%
from dataclasses import replace

import cv2
import numpy as np
import torch

from data_prep.registration import (
    Stereo,
    ThroughPlane,
    from_content,
    from_landmarks,
    from_stereo,
    inter_ocular,
)
from mlcmkd import Landmarker, plots
from mlcmkd.course.two_cameras import FOCAL, RGB_SIZE, SIZE, photograph, two_cameras
from mlcmkd.data.rig import Rig, true_maps
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.evaluation.tables import read_misalignment
from mlcmkd.schemes import IBUG68
from mlcmkd.stages.registration import register_pairs, thermal_shapes_of
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.synthetic.realism import Realism
from mlcmkd.training.run_directory import WEIGHTS

# %% [markdown]
# ## What a misaligned pair costs
#
# Two cameras on one mount are called a **rig**, and no rig is perfect. A training program accepts a
# misaligned pair without a message. Here the RGB image is shifted; the label belongs to the thermal
# image:

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
lesson.show(figure, "03b_shifted")

# %% [markdown]
# **How to read it.** The checkerboard has its fields from both images in turn. Where the images
# disagree, lines break at the borders of the fields. The contours are lines of equal temperature;
# below, they miss the edges of the RGB image.
#
# How much does it cost? A study trained students on photos of 300W and their simulated thermal images,
# with 100 labels, and each RGB image shifted in its own direction. The cell reads its stored table:

# %%
by_shift = read_misalignment(
    course.RESULTS / "registration.csv", labelled="100", rotation_degrees="0", wrong_pairs="0",
    same_in_all_pairs="False",
)  # fmt: skip
by_shift["none"] = dict.fromkeys(by_shift["fd+ld"], by_shift["none"][0])  # does not use RGB
names = {"none": "labels only", "fd+ld": "FD+LD", "R, fd+ld": "registered, then FD+LD"}
values = {
    text: {shift: list(seeds.values()) for shift, seeds in by_shift[name].items()}
    for name, text in names.items()
}
title = "1,793 pairs of 300W, 100 of them labelled, the RGB image shifted"
lesson.show(plots.nme_against_misalignment(values, per_pixel=2.9, title=title), "03b_registered")

# %% [markdown]
# **How to read it.** The lower axis is the shift in pixels, the upper one in percent of the
# **inter-ocular distance**, that of the outer eye corners. *Labels only* has no teacher and never uses
# an RGB image. FD+LD is better on aligned pairs (3.89 % and 4.51 %), no better at 4 pixels (4.57 %),
# and worse at 10 (6.77 %). *Registered, then FD+LD* stays below 4 %. Bars are 95 % intervals over five
# seeds.
#
# **LD does the harm.** It asks for the teacher's prediction, which follows the shifted face. Trained
# with every pair labelled and one term at a time, LD costs 0.85 points at 4 pixels, and FD 0.02 (one
# seed). There, DIKD with `guide="own"` (FI has the teacher's prediction as target, RI the label) loses
# nothing, without registration: [misaligned pairs](../docs/results/misaligned_pairs.md).
#
# ## Register the pairs first, by two networks
#
# The student *no teacher, 100 labels* of [03](03_ktl_dikd.ipynb) is enough to find the shift of every
# pair. It predicts the landmarks of the thermal image, and the teacher those of the RGB image. The
# shift of the pair is the mean difference over all landmarks, in which errors of single landmarks
# mostly cancel. Here all training pairs are shifted by 4 of 64 pixels, each in its own direction:

# %%
teacher_run = course.teacher_run(lesson)
rgb_teacher = Landmarker.load(teacher_run / WEIGHTS)
first = Landmarker.load(course.student_run(lesson, "none") / WEIGHTS)
shifted_data = lesson.data(labelled=lesson.labels).model_copy(update={"misalignment": 4.0})
rig = shifted_data.load_training(rgb_teacher.spec.input_px, lesson.seed, progress=False)
motion = RegistrationConfig(motion="translation")
(thermal_shapes,) = thermal_shapes_of(first, [rig])
registered = register_pairs(rig, rgb_teacher, thermal_shapes, motion)

# %%
found = np.array([[row["dx_px"], row["dy_px"]] for row in registered.rows])
true = true_maps(Rig(), len(rig), 4.0, lesson.seed, rig.input_px)[:, :, 2] * rig.input_px
new = ~rig.labelled.numpy()
title = f"{new.sum():,} pairs without a label"
figure = plots.found_against_true(true[new], found[new], title=title)
lesson.show(figure, "03b_found")

# %% [markdown]
# **How to read it.** One mark for each unlabelled pair; on the grey line the found shift is the true
# one. The text above the figure says how far the images of a pair are apart; for your own rig you get
# the same lines. The command
#
#     mlcmkd transfer ... --set registration.motion=translation
#
# trains the student without a teacher, finds the shifts, reads every RGB image at the place that was
# found, and then distils ([guide](../docs/guides/distil.md#pairs-that-are-not-aligned)).
#
# ## Why two cameras cannot agree: parallax
#
# A shift is the simplest case. Two real cameras are mounted side by side and differ in resolution and
# field of view. `mlcmkd/course/two_cameras.py` simulates such a rig: a thermal camera of 160 x 160
# pixels and an RGB camera of 480 x 420 pixels with a wider field of view. Here they are 4 cm apart, and
# the face is 65 cm away:

# %%
people = make_faces(  # the same for any seed; they look at the camera
    2 if lesson.fast else 6,
    seed=0,
    size=320,
    faces_per_identity=1,
    realism=Realism(yaw_deviation=8),
)
apart, depth = 0.04, 0.65  # B and Z0, metres


def views(n: int, rig: Stereo, metres: float):
    """Person n at a distance: RGB image, degrees C, and the true landmarks in both images."""
    return photograph(people, n, ThroughPlane(rig, metres).pixels, metres)


two = Stereo(**two_cameras(apart))
rgb, celsius, rgb_marks, marks = views(0, two, depth)
lesson.show(plots.two_cameras(rgb, celsius, rgb_marks, marks), "03b_two_cameras")

# %% [markdown]
# **How to read it.** Left and middle: one face in the pixels of each camera. Right: the RGB image
# scaled to the size of the thermal image, in a checkerboard; RGB landmarks in blue, thermal landmarks
# in green. Registration estimates the map that moves the blue landmarks onto the green ones. A useful
# map is a **homography**: a 3 x 3 matrix that is exact for all points on one plane. But the face may be
# at another distance than that plane:

# %%
lesson.show(plots.parallax_diagram(), "03b_parallax")

# %% [markdown]
# **How to read it.** Left: from above. Three points lie straight ahead of the RGB camera, which sees
# all of them at one image position. The thermal camera beside it sees them at three positions; a nearer
# point is shifted more. This is the **parallax**. A map from RGB to thermal pixels does not know the
# distance, so it is correct for only one of the three. Right: the error of each point, if the map is
# made for $Z_0$.
#
# Let $B$ be the **baseline** (the distance between the cameras), $Z$ the distance of the point and
# $Z_0$ the distance for which the map was made. The error in pixels is $B\,|1/Z - 1/Z_0|$ times the
# focal length. Outer eye corners that are $e$ metres apart have $e / Z$ times the focal length between
# them. The **residual** is the error that remains, as a share of this inter-ocular distance:
#
# $$\frac{B\,|1/Z - 1/Z_0|}{e / Z} = \frac{B}{e}\left|1 - \frac{Z}{Z_0}\right|$$
#
# The focal length cancels: cameras with more pixels do not reduce the residual. A shorter baseline does.
# The cell computes it for three baselines, and measures it on the landmarks of our rig:

# %%
eyes = inter_ocular(marks, "ibug68") * depth / FOCAL  # e, metres
depths = np.linspace(0.4, 1.1, 141)
residuals, shares = {}, {}
for cm in (1, 4, 10):
    residuals[f"{cm} cm"] = FOCAL * cm / 100 * abs(1 / depths - 1 / depth)
    shares[f"{cm} cm"] = 100 * cm / 100 / eyes * abs(1 - depths / depth)


def true_residual(registration, rgb_marks: np.ndarray, marks: np.ndarray) -> tuple[float, float]:
    """Mean residual in thermal pixels, and in percent of the inter-ocular distance."""
    off = np.linalg.norm(registration.apply(rgb_marks) - marks, axis=1).mean()
    return float(off), float(100 * off / inter_ocular(marks, "ibug68"))


one_map = from_stereo(two, depth, SIZE)  # for Z0, used at every distance
seen = {metres: views(0, two, metres) for metres in (0.5, 0.65, 0.85)}
measured = {metres: true_residual(one_map, *four[2:]) for metres, four in seen.items()}
figure = plots.residual_against_depth(
    depths, residuals, shares, made_for=depth, limit=8, head=(depth - 0.03, depth + 0.09),
    measured={"4 cm": [(metres, *off) for metres, off in measured.items()]},
)  # fmt: skip
lesson.show(figure, "03b_depth")
reach = 0.08 * eyes / apart
lesson.show_text(
    f"With cameras {100 * apart:g} cm apart and eye corners {100 * eyes:.1f} cm apart, a residual "
    f"below 8 % requires a face between {depth * (1 - reach):.2f} and {depth * (1 + reach):.2f} m.",
    learned=False,
)

# %% [markdown]
# **How to read it.** Lines are the formulas, markers the measured residuals. `mlcmkd pair` refuses pairs
# above the dashed line. The blue band is the depth of a head, from the nose tip to the ears: even at the
# correct distance, one homography cannot fit the whole face.
#
# ## Three methods, and one command
#
#     mlcmkd pair RGB THERMAL OUT --method METHOD
#
# registers images of two cameras ([guide](../docs/guides/register.md)). The method depends on what you
# have:
#
# | available | idea | function |
# | --- | --- | --- |
# | calibration, distance of the face | geometry alone | `from_stereo` |
# | the same landmarks in both images | least squares | `from_landmarks` |
# | only the images | edges that agree (**ECC**) | `from_content` |
#
# ECC (enhanced correlation coefficient) compares the strength of edges, because brightness cannot be
# compared: a dark brow is warm, a bright nose is cool. The map from landmarks is a **similarity** here:
# a shift, a rotation and a scale. The guide has more maps and methods.
#
# Now somebody knocks against the rig, and the thermal camera turns by a few degrees. The landmarks have
# a random error of one pixel, and the distance that the calibration is given is 5 % too large:

# %%
turn = cv2.Rodrigues(np.array([0.01, -0.015, 0.06]))[0]  # radians about x, y, z
knocked = replace(two, R=turn)
given = {"thermal_size": SIZE, "scheme": "ibug68"}


def registrations(n: int) -> dict:
    """Registrations of person n by three methods."""
    rgb, celsius, rgb_marks, marks = views(n, knocked, depth)
    rng = np.random.default_rng(n)
    by_hand = {
        "rgb_landmarks": rgb_marks + RGB_SIZE[1] / SIZE[1] * rng.normal(size=(68, 2)),
        "thermal_landmarks": marks + rng.normal(size=(68, 2)),
    }
    return {
        "calibration": from_stereo(knocked, 1.05 * depth, **given, **by_hand),
        "landmarks": from_landmarks(**by_hand, **given, kind="similarity"),
        "content (ECC)": from_content(rgb, celsius, thermal_landmarks=marks, scheme="ibug68"),
    }


every = [registrations(n) for n in range(len(people.rgb))]
rgb, celsius, rgb_marks, marks = views(0, knocked, depth)
rows = []
for name, registration in every[0].items():
    px, percent = true_residual(registration, rgb_marks, marks)
    rows.append({
        "way": name, "true": f"{px:.2f}", "percent": f"{percent:.1f}",
        "reported": f"{registration.residual_px:.2f}", "accepted": "yes" if registration.ok else "no",
    })  # fmt: skip
names = {
    "way": "method", "true": "true residual (px)", "percent": "true residual (% of inter-ocular)",
    "reported": "reported residual (px)", "accepted": "accepted",
}  # fmt: skip
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %%
figure = plots.registration_overlays(
    [registration.warp(rgb) for registration in every[0].values()],
    [celsius] * 3,
    titles=[f"{row['way']}: {row['true']} px" for row in rows],
)
lesson.show(figure, "03b_three_ways")

# %% [markdown]
# **How to read it.** One row for each method, with its true residual. Only the RGB image is warped; the
# thermal image is never resampled, because its values are measurements. The orange lines are edges of
# the thermal image. Compare the glasses and the fingers.
#
# ### How reliable is a reported residual?
#
# For a real rig the true residual is unknown. The *reported* one is computed on data that was not used
# for the fit. For landmarks, each is left out once and predicted from the others. For content, parts of
# the image are moved to where their edges fit best, and the size of these moves is reported.

# %%
points = {name: [] for name in every[0]}
for n, ways in enumerate(every):
    truth = views(n, knocked, depth)[2:]
    for name, registration in ways.items():
        percent = true_residual(registration, *truth)[1]
        points[name].append((percent, registration.residual_percent, registration.ok))
title = f"{len(every)} faces, each registered by three methods"
lesson.show(plots.reported_against_true(points, limit=8, title=title), "03b_reported")

# %% [markdown]
# **How to read it.** On the diagonal the reported residual equals the true one; dashed lines are the
# limit above which a pair is refused. Calibration and landmarks report too much, because the report
# contains the error of the landmarks: read it as an upper bound. By content it can also be too small.
# Forty rigs per setting: [registration](../docs/results/registration.md).
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
    "old calibration": from_stereo(two, depth, **given, **both),
    "another person's photo": from_content(
        other, celsius, thermal_landmarks=marks, scheme="ibug68"
    ),
    "left and right exchanged": from_landmarks(flipped, marks, **given, kind="affine"),
}
for name, registration in refused.items():
    print(f"{name}: {'accepted' if registration.ok else 'refused'}; {registration.reason}")

# %% [markdown]
# **Distinctness** says how much better the edges agree at the found position than at others, in standard
# deviations. With another person's photo, they agree about as well elsewhere.
#
# > **Takeaways**
# >
# > Misaligned pairs harm distillation through LD, which follows the teacher's
# > prediction: a shift of 4 of 64 pixels cost all that the teacher was worth. Landmarks of two networks
# > register the pairs, and then even 10 pixels cost less than 0.1 points. One map fits one distance;
# > relative to the face, its error is $B/e$ times the relative error of the distance, at any
# > resolution. Register a rig by what you have (calibration, landmarks or content), trust a residual
# > only on data that was not used for the fit, and refuse what is above the limit.
#
# **Exercises**, each with a check that explains typical mistakes:
# [registration](exercises/03b_registration.ipynb) ([solutions](solutions/03b_registration.ipynb)).
#
# ## References
#
# - Hartley & Zisserman, *Multiple View Geometry in Computer Vision*, 2nd edition, 2004: section 13.1,
#   the homography of a plane.
# - Evangelidis & Psarakis, *Parametric image alignment using enhanced correlation coefficient
#   maximization*, IEEE TPAMI 30(10), 2008: ECC.
