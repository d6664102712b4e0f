# %% [markdown]
# # 07b · Optional: the statistics of invariance
#
# ![Measures of invariance over the training of the DIKD
# student](../docs/figures/lessons/07b_training_dikd.png)
#
# **Question.** By which measures is one student closer to invariance than another, beyond chance? And
# what can make these measures wrong?
#
# **The answer first.** Against a student without a teacher, DIKD is closer by one measure (the
# teacher's head) and farther by another (its own head); against FD+LD it is closer by none. Its
# features differ from invariant ones by every measure. Three errors change such results more than any
# strategy does: a high CKA without a reference, retrieval without centring, and a probe whose folds
# share people.
#
# **Goals.** After this notebook you can compare two students by intervals, recognise the three errors,
# and evaluate a paper's claim by numbers.
#
# **Time.** About fifteen minutes to read, one to run on two CPU cores, more if earlier runs are missing.
# **Prerequisites.** [07](07_invariance.ipynb), whose measures are used here. Terms are in
# the [glossary](../docs/glossary.md).

# %% tags=["parameters"]
scale = "laptop"  # amount of computation: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the course: runs, figures, synthetic faces
seed = 0
strategy = "dikd"  # compared with "none" and "fd+ld"; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear, cosine or progress
guide = "both"  # supervision target of the injected heads: label, teacher, both or own
labelled = None  # number of labelled pairs; None for the default of the scale
faces = 200  # number of validation pairs that are measured, at most

# %%
from mlcmkd import course

lesson = course.check_parameters(globals(), course.InvarianceLesson)

# %%
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlcmkd import Landmarker, plots
from mlcmkd.evaluation import invariance
from mlcmkd.evaluation.evaluate import score
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

teacher_run = course.teacher_run(lesson)
ours = lesson.strategy
runs = {name: course.student_run(lesson, name) for name in dict.fromkeys(["none", "fd+ld", ours])}
shown = list(dict.fromkeys(["none", ours]))  # the students in the figures

# %% [markdown]
# The same faces, features and students as in lesson 07.

# %%
teacher = Landmarker.load(teacher_run / WEIGHTS)
students = {"start": teacher, **{name: Landmarker.load(r / WEIGHTS) for name, r in runs.items()}}

pairs = lesson.pairs("val")
sample = np.random.default_rng(0).permutation(len(pairs))[: lesson.faces]
pairs = pairs.subset(np.sort(sample))  # with 200 faces, the same ones that every run logs
count = len(pairs)

rgb_features = invariance.modality_features(teacher, pairs, "rgb")
thermal_features = {
    n: invariance.modality_features(s, pairs, "thermal") for n, s in students.items()
}
measures = {
    n: invariance.measure_invariance(teacher, s, pairs, faces=None) for n, s in students.items()
}
print(
    f"{count} pairs of {len(set(pairs.subjects))} people; features (N, C, H, W):",
    [*rgb_features.shape],
)

# %% [markdown]
# ## Exchanged heads, face by face
#
# Is the teacher's head better with the thermal features of one student than with those of another,
# beyond chance? The same faces with the same head:


# %%
def scores_with_head(model, features):
    """Scores of the pairs for one model's head on given features."""
    with torch.no_grad():
        parts = [model.head(part).coordinates for part in features.split(64)]
    return score(torch.cat(parts).numpy(), model.spec.scheme, pairs)


exchanged = {n: scores_with_head(teacher, thermal_features[n]) for n in students}
sentences = [
    course.compare(ours, exchanged[ours], n, exchanged[n]) for n in ("start", *runs) if n != ours
]
lesson.show_text("Thermal features with the teacher's head:\n\n- " + "\n- ".join(sentences))

# %% [markdown]
# **How to read it.** The first line shows whether training adapted the features to the teacher's head;
# the others show whether the strategy is the cause. All students begin at *start*: a student without
# guidance by the teacher, *none*, may keep or lose a part of its initial agreement.

# %% [markdown]
# ## Error 1: a high CKA without a reference
#
# Every crop has the eyes above and the chin below. Lesson 07 compares with the CKA of *other* faces.
# Alternatively, subtract from every position its mean over all faces, the **layout**, and compare the
# rest.


# %%
def without_layout(features):
    """Features minus their mean over faces, position by position."""
    return features - features.mean(dim=0, keepdim=True)


rows = []
for name, features in thermal_features.items():
    rgb_rest, thermal_rest = (
        invariance.place_rows(without_layout(f)) for f in (rgb_features, features)
    )
    other_rest = invariance.place_rows(without_layout(features).roll(count // 2, dims=0))
    rows.append(
        {
            "name": name,
            "pairs": f"{measures[name].cka:.2f}",
            "other": f"{measures[name].cka_other_face:.2f}",
            "pairs_rest": f"{invariance.linear_cka(rgb_rest, thermal_rest):.2f}",
            "other_rest": f"{invariance.linear_cka(rgb_rest, other_rest):.2f}",
            "swap": f"{100 * exchanged[name].nme:.1f}",
        }
    )
names = {
    "name": "student",
    "pairs": "CKA of pairs",
    "other": "of other faces",
    "pairs_rest": "without the layout: pairs",
    "other_rest": "other faces",
    "swap": "NME of its features with the teacher's head (%)",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** The difference between the first and the second column is specific to the face; the
# rest is common to all faces. The third column shows the same without the layout, where the value for
# other faces is close to zero. Compare the first column with the last: does the student with the highest
# CKA also have the lowest NME with exchanged heads? CKA is invariant to a rotation; a head is not.

# %% [markdown]
# ## Error 2: recall without centring


# %%
def nearest(queries, gallery):
    """For every query, the index of the vector of the gallery with the largest cosine, (N,)."""
    queries, gallery = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (queries, gallery))
    return np.argmax(queries @ gallery.T, axis=1)


gallery = invariance.descriptors(rgb_features)
queries = {name: invariance.descriptors(f) for name, f in thermal_features.items()}
people = np.array(pairs.subjects)
rows = []
for name, vectors in queries.items():
    plain = nearest(vectors, gallery)
    rows.append(
        {
            "name": name,
            "at1": f"{100 * measures[name].recall_at_1:.1f}",
            "at5": f"{100 * invariance.recall_at_k(vectors, gallery, 5):.1f}",
            "plain": f"{100 * np.mean(plain == np.arange(count)):.1f}",
            "faces": len(set(plain)),
        }
    )
chance = {"at1": f"{100 / count:.1f}", "at5": f"{500 / count:.1f}", "plain": f"{100 / count:.1f}"}
rows.append({"name": "*by chance*", **chance, "faces": ""})
names = {
    "name": "student",
    "at1": "recall@1 (%)",
    "at5": "recall@5 (%)",
    "plain": "recall@1, not centred (%)",
    "faces": f"different RGB faces retrieved, not centred, of {count}",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** Features after a ReLU are never negative, so all vectors point in similar
# directions and every cosine is close to 1. Without centring, the offset between the modalities affects
# the similarity, and a few RGB faces close to the thermal features can become the nearest neighbour of
# many queries; the last column counts the RGB faces that were retrieved. If a strategy brings the
# features close to the teacher's (FD directly, DIKD through the heads), centring can even cost a little:
# compare the rows, and report which version you used. The offset is also a result, but it is what the
# probe measures.

# %% [markdown]
# ## Error 3: folds that leak
#
# Two artificial sets, 100 people with four pairs each. In the first, the features of both modalities are
# equal except for a little noise. In the second, every person has an RGB offset and a thermal offset of
# their own, which are unrelated to those of other people. In both sets the modality of an unknown person
# cannot be recognised: the correct accuracy is 50 %.

# %%
rng = np.random.default_rng(0)
persons, pictures, channels = 100, 4, 96
size = persons * pictures
person, pair = np.repeat(np.arange(persons), pictures), np.arange(size)
face = rng.normal(size=(size, channels))
offsets = 2 * rng.normal(size=(2, persons, channels))[:, person]
sets = {
    "equal modalities": np.concatenate([face, face + 0.1 * rng.normal(size=face.shape)]),
    "offsets per person": np.concatenate(offsets + face),
}
folds = {
    "image": (KFold(5, shuffle=True, random_state=0), None),
    "pair": (GroupKFold(5), np.tile(pair, 2)),
    "person": (GroupKFold(5), np.tile(person, 2)),
}
probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
rows = []
for name, values in sets.items():
    row = {"name": name}
    for way, (split, groups) in folds.items():
        accuracy = cross_val_score(probe, values, np.repeat([0, 1], size), groups=groups, cv=split)
        row[way] = f"{100 * accuracy.mean():.0f} %"
    rows.append(row)
names = {
    "name": "artificial set",
    "image": "folds by image",
    "pair": "by pair",
    "person": "by person",
}
lesson.show_text(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** Folds by image put one image of a pair into the training set and the other into the
# test set. The probe knows the face, predicts the modality of the training image, and is wrong. An
# accuracy well *below* chance indicates such a leak. Folds by pair allow the probe to learn the two
# offsets of a person from their other pictures. Only folds by person measure what is intended;
# `probe_accuracy` always uses them.

# %% [markdown]
# ## Limitations of each measure
#
# Now construct artificial features. The first row uses the teacher's RGB features as if they were a
# student's: they are perfectly invariant. Each further row changes one property.

# %%
width = rgb_features.shape[1]
spread = rgb_features.std(dim=(0, 2, 3), keepdim=True)
turn = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(0))).Q
other = np.arange(count)
for name in set(pairs.subjects):  # the next picture of the same person; the same one if only one
    own = np.flatnonzero(people == name)
    other[own] = np.roll(own, 1)
artificial = {
    "the teacher's own": rgb_features,
    "with a constant added to each channel": rgb_features + spread,
    "with the channels rotated": torch.einsum("dc,nchw->ndhw", turn, rgb_features),
    "of another picture of the person": rgb_features[other],
}
rows = []
for name, features in artificial.items():
    vectors = invariance.descriptors(features)
    plain = nearest(vectors, gallery)
    cka = invariance.linear_cka(
        invariance.place_rows(rgb_features), invariance.place_rows(features)
    )
    means = [f.mean(dim=(2, 3)).numpy() for f in (rgb_features, features)]
    rows.append(
        {
            "name": name,
            "swap": f"{100 * scores_with_head(teacher, features).nme:.1f}",
            "cka": f"{cka:.2f}",
            "recall": f"{100 * invariance.recall_at_k(vectors, gallery):.0f}",
            "plain": f"{100 * np.mean(plain == np.arange(count)):.0f}",
            "probe": f"{100 * invariance.probe_accuracy(*means, pairs.subjects):.0f}",
        }
    )
names = {
    "name": "features",
    "swap": "NME, teacher's head (%)",
    "cka": "CKA",
    "recall": "recall@1 (%)",
}
names |= {"plain": "recall@1, not centred (%)", "probe": "probe (%)"}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** For each column, look for the rows that it does not detect. CKA stays 1 for rotated
# features, which do not work with the head. CKA and recall do not change for a constant (here not even
# recall without centring), while the probe always detects it. The probe does not detect features of
# *another picture*: it cannot recognise the modality, although they belong to the wrong image. One of
# these numbers alone does not show invariance.
#
# Why another picture of the *same person*? Features of another person, labelled with this person's name,
# would be in the training set of one fold and in the test set of another: the leak of the previous
# section.

# %% [markdown]
# ## Development during training
#
# Every KTL run measures invariance at each evaluation. Step 0 is *start*, the teacher's weights, added
# here.

# %%
at_start = invariance.measure_invariance(teacher, teacher, lesson.pairs("val")).summary()
for name in shown:
    logged = [line for line in read_metrics(runs[name]) if "cka" in line]
    if logged:
        lines = [{"step": 0, **at_start}, *logged]
        figure = plots.invariance_over_training(lines, f"student {name}")
        lesson.show(figure, f"07b_training_{name}")
    else:
        lesson.show_text(
            f"The run of **{name}** has no measures of invariance in its `metrics.jsonl`: it was made "
            f"before they were logged, or it has too few validation faces. Delete `{runs[name].name}` "
            "in the work folder and run this notebook again to train it with them."
        )

# %% [markdown]
# **How to read it.** Grey lines are the values of invariant features, and chance. At step 0 both heads
# are the same, so the lines meet in pairs: there, exchanged heads show nothing. Note three things. When
# do the lines of the exchanged heads separate from those of the own heads? Does the CKA of pairs rise
# *above* that of other faces, or do both rise together? In a run in which every pair has a label, does a
# measure still change after the decay has reduced the distillation terms? (On pairs without a label, the
# teacher keeps its weight; see [03](03_ktl_dikd.ipynb).)

# %% [markdown]
# ## What do the numbers say about the claim?
#
# To compare students, each measure becomes a **gap to invariance**: 0 for invariant features. Is one
# student's gap smaller than another's? Each tenth of the people is left out in turn. The variation of
# the difference gives its 95 % interval (the *jackknife*; `invariance_gaps` and `compare_gaps` in
# [`invariance_summary.py`](../mlcmkd/course/invariance_summary.py)). All sentences below are generated
# from the numbers.

# %%
gaps = {name: course.invariance_gaps(teacher, students[name], pairs) for name in runs}
for other in runs:
    if other == ours:
        continue
    rows, summary = course.compare_gaps(ours, gaps[ours], other, gaps[other])
    names = {"measure": "gap to invariance", other: other, ours: ours}
    names |= {"difference": "difference (95 % interval)", "closer": "closer to invariance"}
    lesson.show_text(course.markdown_table(rows, names) + f"\n\n{summary}")

# %%
lesson.show_text(course.summarise_gaps(ours, gaps[ours]))

# %% [markdown]
# **How to read it.** "Closer to invariance" and "invariant" are two claims; the last sentence is about
# the second. The rows are not equally informative. RI directly minimises one of the two errors in the
# first row. FI minimises the error on RGB with the student's head, which is mostly the smaller error
# already, so the second gap may *grow* while both errors decrease: look at the errors in lesson 07
# before you interpret it as a loss. CKA, retrieval and probe are independent of the loss (except for
# FD, which minimises the distance of the features directly). The intervals include the variation
# between people, not the variation between trainings: there is one seed. Of several 95 % intervals, one
# may well be wrong.
#
# A student with inaccurate landmarks has large gaps in the first two measures, independent of what its
# features share with the teacher's.
#
# **Try it.** `seed=1`: which sentences remain?
#
# > **Takeaways**
# >
# > Compare students face by face or person by person, with an interval. Each measure has a limitation:
# > CKA ignores rotations, CKA and recall ignore constants, the probe ignores the face. Report CKA with
# > its value for other faces, recall with centring and the number of faces, a probe with folds by
# > person. One measure alone does not show invariance.
#
# ## References
#
# - Kornblith et al., *Similarity of neural network representations revisited*,
#   [arXiv 1905.00414](https://arxiv.org/abs/1905.00414), 2019: linear CKA.
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993: the jackknife.
