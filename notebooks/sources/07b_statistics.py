# %% [markdown]
# # 07b · Optional: the statistics of invariance
#
# ![Measures of invariance over the training of the DIKD
# student](../docs/figures/lessons/07b_training_dikd.png)
#
# **Question.** The picture shows four measures of lesson 07 during a training. By which of them is one
# student closer to invariance than another, beyond chance? And what can make these measures wrong?
#
# **The answer first.** Against a student without a teacher, DIKD is closer by one measure, the teacher's
# head; against FD+LD it is closer by none. Its features differ
# from invariant ones by every measure. Three errors can mislead more than the choice of a strategy: a
# CKA without a reference, retrieval without centring, and a probe that is tested on people of its
# training.
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

from mlcmkd import plots
from mlcmkd.evaluation import invariance
from mlcmkd.evaluation.evaluate import score
from mlcmkd.training.run_directory import read_metrics

ours = lesson.strategy
shown = list(dict.fromkeys(["none", ours]))  # the students in the figures
sample = course.invariance_sample(lesson)  # faces, features and students of lesson 07
teacher, students, pairs, measures = sample.teacher, sample.students, sample.pairs, sample.measures
rgb_features, thermal_features = sample.rgb_features, sample.thermal_features
count = len(pairs)

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
sentences = [course.compare(ours, exchanged[ours], n, exchanged[n]) for n in students if n != ours]
lesson.show_text("Thermal features with the teacher's head:\n\n- " + "\n- ".join(sentences))

# %% [markdown]
# **How to read it.** The first line shows whether training adapted the features to the teacher's head.
# It did; but so did the training of *none*, without a teacher. The second line is the part of DIKD, 0.4
# points. There is no clear difference from FD+LD: the interval contains zero.

# %% [markdown]
# ## Error 1: a high CKA without a reference
#
# Every crop has the eyes above and the chin below, so any two faces have a high CKA. Lesson 07 compares
# with the CKA of *other* faces. Alternatively, subtract from every position its mean over all faces, the
# **layout**, and compare the rest.


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
        }
    )
names = {
    "name": "student",
    "pairs": "CKA of pairs",
    "other": "of other faces",
    "pairs_rest": "without the layout: pairs",
    "other_rest": "other faces",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** At the start 0.76 looks high, but other faces reach 0.53. Without the layout other
# faces have 0.00, so the third column needs no reference: 0.43 at the start, about 0.7 after training.

# %% [markdown]
# ## Error 2: recall without centring
#
# In lesson 07, each modality's own mean is subtracted before vectors are compared (*centring*). What
# happens without it?


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
            "plain": f"{100 * np.mean(plain == np.arange(count)):.1f}",
            "faces": len(set(plain)),
        }
    )
chance = {"at1": f"{100 / count:.1f}", "plain": f"{100 / count:.1f}"}
rows.append({"name": "*by chance*", **chance, "faces": ""})
names = {
    "name": "student",
    "at1": "recall@1 (%)",
    "plain": "recall@1, not centred (%)",
    "faces": f"RGB faces found at all, not centred, of {count}",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** Features are never negative, so all vectors point in similar directions and every
# cosine is close to 1. Without centring, the offset between the modalities affects the similarity, and a
# few RGB faces become the nearest one of many queries: the last column counts the RGB faces that were
# found for any query. Without centring FD+LD seems to be better than the other students by 7 points,
# with it all three are close. So report which version you used. The offset is also a result, but it is
# what the probe measures.

# %% [markdown]
# ## Error 3: folds that leak
#
# A probe is tested by **cross-validation**: the data is split into five parts, the *folds*, and each
# fold is predicted by a classifier that was trained on the other four. The folds *leak* if the training
# data tells something about the test data that would not be known of a new person.
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
# What does each measure overlook? Take the teacher's own RGB features as if they were a student's: they
# are perfectly invariant. Then change one property at a time.

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
            "probe": f"{100 * invariance.probe_accuracy(*means, pairs.subjects):.0f}",
        }
    )
names = {
    "name": "features",
    "swap": "NME, teacher's head (%)",
    "cka": "CKA",
    "recall": "recall@1 (%)",
    "probe": "probe (%)",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** For each column, look for the rows that it does not detect. CKA stays 1 for rotated
# features, which do not work with the head. CKA and recall do not change for a constant, while the probe
# detects it. The probe does not detect features of *another picture*: it cannot recognise the modality,
# although they belong to the wrong image. One of these numbers alone does not show invariance.

# %% [markdown]
# ## Development during training
#
# Every training of a thermal student measures invariance at each evaluation. Step 0 is *start*, the
# teacher's weights, added here.

# %%
at_start = invariance.measure_invariance(teacher, teacher, lesson.pairs("val")).summary()
for name in shown:
    logged = [line for line in read_metrics(sample.runs[name]) if "cka" in line]
    if logged:
        lines = [{"step": 0, **at_start}, *logged]
        figure = plots.invariance_over_training(lines, f"student {name}")
        lesson.show(figure, f"07b_training_{name}")
    else:
        lesson.show_text(
            f"The run of **{name}** has no measures of invariance in its `metrics.jsonl`: it was made "
            f"before they were logged, or it has too few validation faces. Delete "
            f"`{sample.runs[name].name}` in the work folder and run this notebook again to train it "
            "with them."
        )

# %% [markdown]
# **How to read it.** Grey lines are the values of invariant features, and chance. At step 0 both heads
# are the same, so the lines of exchanged heads meet those of own heads. For *none* they separate; for
# *dikd*, which trains exchanged heads, they stay together. The CKA of pairs rises while that of other
# faces does not: the students learn what is specific to a face. The probe recognises the modality at all
# times.

# %% [markdown]
# ## What do the numbers say about the claim?
#
# To compare students, each measure becomes a **gap to invariance**, which is 0 for invariant features
# (the cell prints the definitions). Is one student's gap smaller than another's? The **jackknife**
# answers with an interval: each tenth of the people is left out in turn, and the variation of the ten
# differences gives a 95 % interval (`compare_gaps` in
# [`invariance_summary.py`](../mlcmkd/course/invariance_summary.py)). If it contains zero,
# neither student is closer. All sentences below are generated from the numbers.

# %%
lesson.show_text(
    "\n".join(f"- **{gap}**: {what}" for gap, what in course.GAPS.items()), learned=False
)
gaps = {name: course.invariance_gaps(teacher, students[name], pairs) for name in sample.runs}
for other in gaps:
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
# the second. The rows are not equally informative. RI minimises one of the two errors in the first row.
# FI minimises the error on RGB with the student's head, the smaller of the two errors in the second row,
# so this gap can *grow* while both errors decrease: look at the matrices of lesson 07 before you
# interpret it as a loss. FD minimises the distance of the features, which CKA measures. Retrieval and
# probe are part of no loss.
#
# The intervals include the variation between people, not the variation between trainings: there is one
# seed. And of ten 95 % intervals one may well be wrong.
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
