# %% [markdown]
# # 07 · Invariance: what do RGB and thermal features share?
#
# **Goals.** After this notebook you can distinguish four meanings of "modality-invariant", measure each
# of them, name the limitation of each measure, and evaluate a paper's claim by numbers.
#
# **Time.** About a minute on two CPU cores, more if earlier runs are missing; half an hour to read.
# **Prerequisites.** [03](03_ktl_dikd.ipynb), and matrices: product, transpose, mean of a column.

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
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation import invariance
from mlcmkd.evaluation.evaluate import score
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

teacher_run = course.teacher_run(lesson)
ours = lesson.strategy
runs = {name: course.student_run(lesson, name) for name in dict.fromkeys(["none", "fd+ld", ours])}
shown = list(dict.fromkeys(["none", ours]))  # the students in the figures

# %% [markdown]
# ## A claim and its four possible meanings
#
# The paper states that DIKD "forces the student to learn modality-invariant features that are
# semantically aligned with the teacher". What does invariant mean? The teacher gets the RGB image $r$
# and the student gets the thermal image $t$ of the same pair. Their features are
# $f_T = \text{features}_T(r)$ and $f_S = \text{features}_S(t)$, their heads $h_T$ and $h_S$. Four
# questions that are independent of each other:
#
# | | question | measure | if invariant | by chance |
# |---|---|---|---|---|
# | 1 | Does each head work with the features of both modalities? | NME, heads exchanged | same NME | |
# | 2 | Are both maps equal up to a rotation? | linear CKA | 1 | that of other faces |
# | 3 | Is the own pair the nearest of all faces? | recall@1 | 100 % | 1 / faces |
# | 4 | Can a classifier recognise the modality? | accuracy of a probe | 50 % | 50 % |
#
# In the code: `measure_invariance` in
# [`evaluation/invariance/`](../mlcmkd/evaluation/invariance/comparison.py), one function per measure.
# Every KTL run computes it at each evaluation and writes the numbers to its `metrics.jsonl`.
#
# The measurements use validation faces of people that were not used in training. *start* is the initial
# state of all students: the teacher's weights, applied to the thermal image. Agreement of *start* with
# the teacher is not a result of distillation.

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
places = rgb_features.shape[2] * rgb_features.shape[3]
print(
    f"{count} pairs of {len(set(pairs.subjects))} people; features (N, C, h, w):",
    [*rgb_features.shape],
)

# %% [markdown]
# ## 1 · Can the heads be exchanged?
#
# This question is closest to the task, and to DIKD, because injection *is* an exchange of heads. Each
# student has a matrix of four combinations and their errors:

# %%
for name in shown:
    lesson.show_text(f"Student **{name}**", learned=False)
    lesson.show(plots.head_swap_matrix(measures[name].head_swap), f"07_heads_{name}")

# %% [markdown]
# **How to read it.** Rows are features, columns are heads; on the diagonal each model has its own head.
# Compare the two cells of a *column*: one head with the features of both modalities. With equal features
# both cells would be equal, because the features are the only input of a head. **RI** trains the lower
# left cell, $h_T(f_S)$; **FI** trains the upper right cell, $h_S(f_T)$. A small error in these cells
# shows that the loss was minimised; whether more was achieved is measured by the other three questions.
# (Each figure has its own colour scale; compare the numbers.)
#
# Is the lower left cell of one student better than that of another, beyond chance? The same faces with
# the same head, face by face:


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
# ## 2 · Are both maps equal?
#
# A visualisation first. A feature map has many channels. The three directions of largest variance, over
# the features of both modalities together, are shown as red, green and blue (`pca_colours`).

# %%
first = np.unique(pairs.subjects, return_index=True)[1]  # one picture per person
three = np.sort(first)[:: max(1, len(first) // 3)][:3]
batch = make_batch(pairs, torch.from_numpy(three), NO_AUGMENTATION, torch.Generator())
for name in shown:
    maps = [m[three] for m in invariance.pca_colours(rgb_features, thermal_features[name])]
    lesson.show_text(f"Student **{name}**", learned=False)
    lesson.show(plots.feature_colours(batch.rgb, batch.thermal, *maps), f"07_colours_{name}")

# %% [markdown]
# **How to read it.** Within one figure, equal colours mean equal features, in both modalities. Each
# student has its own three directions, so colours are not comparable between figures. Compare columns
# two and four, row by row. If the colours change at the same positions, both modalities represent the
# same structure. If the colours are also the same, they represent it in the same way. Then compare
# *rows*: which part of a map is specific to this face, and which part is common to all faces?
#
# ### The measure
#
# **Linear CKA** (centred kernel alignment) measures whether two sets of features arrange the same
# samples in the same way:
#
# $$\mathrm{CKA}(X, Y) = \frac{\lVert Y^\top X \rVert_F^2}
#   {\lVert X^\top X \rVert_F \; \lVert Y^\top Y \rVert_F}$$
#
# - $X$ is $n \times p$ and $Y$ is $n \times q$: one row for each of $n$ samples, the same sample in
#   both; one column for each of $p$ and $q$ features. The mean of every column is subtracted
#   (*centred*).
# - Here a sample is one position of one face (`place_rows`): $n = N\,h\,w$ for $N$ faces with maps of
#   $h \times w$ cells; $X$ contains the channels of $f_T$, $Y$ those of $f_S$.
# - $X^\top$ is the transpose; $Y^\top X$ contains, up to a factor, the covariance of every feature of
#   $Y$ with every feature of $X$; $X^\top X$ and $Y^\top Y$ contain those within each set.
# - $\lVert\cdot\rVert_F$ is the Frobenius norm, the root of the sum of squared entries.
#
# In the code: `linear_cka` in
# [`evaluation/invariance/measures.py`](../mlcmkd/evaluation/invariance/measures.py). Its value for data
# with a known relation:

# %% tags=["fact", "nbval-check-output"]
rng = np.random.default_rng(0)
x = rng.normal(size=(2000, 8)) * np.arange(1, 9)
turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
print(f"the same, 3 times as large, plus 7: {invariance.linear_cka(x, 3 * x + 7):.2f}")
print(f"the same, rotated:                  {invariance.linear_cka(x, x @ turn):.2f}")
print(f"the same, columns rescaled:         {invariance.linear_cka(x, x / x.std(axis=0)):.2f}")
print(
    f"unrelated, 2000 rows, 8 columns:    {invariance.linear_cka(x, rng.normal(size=x.shape)):.2f}"
)
x, y = rng.normal(size=(2, 10, 96))
print(f"unrelated, 10 rows, 96 columns:     {invariance.linear_cka(x, y):.2f}")

# %% [markdown]
# **How to read it.** CKA does not change under a shift, a scale and a rotation. With fewer rows than
# columns, even unrelated numbers have a high CKA: it needs many rows.
#
# ### Mistake: a high CKA without a reference
#
# Every crop has the eyes above and the chin below. Two networks that represent only this agree at most
# positions of most faces. As a reference, compare each RGB map with the thermal map of *another* face.
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
# ## 3 · Is the own pair the nearest face?
#
# Each face is described by one vector, the features averaged over a 4 x 4 grid (`descriptors`). For a
# thermal face, rank all RGB faces by similarity. **Recall@k** is the share of thermal faces whose own
# RGB image is among the first $k$; chance is $k/N$ for $N$ faces.
#
# The similarity is the cosine, after subtracting from each modality its own mean (`recall_at_k`). The
# reason is explained below.


# %%
def ranking(queries, gallery, centred=True):
    """For every query, the indices of the gallery, the most similar first, (N, N)."""
    both = [v - centred * v.mean(axis=0) for v in (queries, gallery)]
    queries, gallery = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in both)
    return np.argsort(-queries @ gallery.T, axis=1, kind="stable")


gallery = invariance.descriptors(rgb_features)
queries = {name: invariance.descriptors(f) for name, f in thermal_features.items()}
some = torch.linspace(0, count - 1, 6).long()
people = np.array(pairs.subjects)
for name in shown:
    order = ranking(queries[name], gallery)
    rank = [int(np.flatnonzero(order[i] == i)[0]) + 1 for i in some]
    titles = [
        "own pair" if r == 1 else f"{'same' if same else 'another'} person (rank {r})"
        for r, same in zip(rank, people[order[some, 0]] == people[some], strict=True)
    ]
    nearest = make_batch(
        pairs, torch.from_numpy(order[some, 0]), NO_AUGMENTATION, torch.Generator()
    ).rgb
    query = make_batch(pairs, some, NO_AUGMENTATION, torch.Generator()).thermal
    figure = plots.contact_sheet(
        nearest, query, unit="input", limits=(0, 1), columns=6, titles=titles
    )
    lesson.show_text(f"Student **{name}**", learned=False)
    lesson.show(figure, f"07_nearest_{name}")

# %% [markdown]
# **How to read it.** Below: the thermal query. Above: the RGB face with the most similar features. If it
# is not the own pair, the title gives the rank of the own pair. What do wrong results have in common
# with the query: pose, person, expression?
#
# ### Mistake: recall without centring

# %%
rows = []
for name, vectors in queries.items():
    plain = ranking(vectors, gallery, centred=False)[:, 0]
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
# compare the rows, and report which version you used. The offset is also a result, but it is the topic
# of the next question.

# %% [markdown]
# ## 4 · Can a classifier recognise the modality?
#
# All faces of both modalities, projected onto the plane of largest variance (`joint_embedding`, by PCA:
# a projection, so an offset remains an offset).

# %%
for name in shown:
    points = invariance.joint_embedding(gallery, queries[name])
    figure = plots.embedding(*points, title=f"RGB teacher and thermal student {name}")
    lesson.show(figure, f"07_embedding_{name}")

# %% [markdown]
# **How to read it.** A marker is a face, a thin line connects the two images of a pair. Two separate
# clouds: the modality is the largest difference between the features. Overlapping clouds: compare the
# lines. Short lines mean that the images of a pair are neighbours; long and crossing lines mean that
# only the distributions agree, not the faces. A gap with both modalities on either side has another
# cause than the modality. Two dimensions do not show everything. The **probe** is a
# linear classifier that predicts from a face's mean features whether it was RGB or thermal, tested on
# people it was not trained on (`probe_accuracy`).

# %%
accuracies = [f"**{n}** {100 * measures[n].probe_accuracy:.1f} %" for n in students]
lesson.show_text(f"Accuracy of the probe: {', '.join(accuracies)}. Chance is 50 %.")

# %% [markdown]
# **How to read it.** An offset in a single channel, larger than the spread of the faces, is enough for
# 100 %, even if everything else is equal. The probe is the strictest of the four measures, and it is
# easily used wrongly.
#
# ### Mistake: folds that leak
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
    plain = ranking(vectors, gallery, centred=False)[:, 0]
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
        lesson.show(figure, f"07_training_{name}")
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
# ## Summary table

# %%
rows = []
for name, m in measures.items():
    swap = 100 * m.head_swap
    rows.append(
        {
            "name": name,
            "own": f"{swap[1, 1]:.1f}",
            "ri": f"{swap[1, 0]:.1f}",
            "fi": "" if name == "start" else f"{swap[0, 1]:.1f}",
            "cka": f"{m.cka:.2f} ({m.cka_other_face:.2f})",
            "at1": f"{100 * m.recall_at_1:.1f}",
            "at5": f"{100 * invariance.recall_at_k(queries[name], gallery, 5):.1f}",
            "probe": f"{100 * m.probe_accuracy:.1f}",
        }
    )
ideal = {"own": "", "ri": f"{100 * measures['start'].head_swap[0, 0]:.1f}", "fi": "as thermal, own"}
ideal |= {"cka": "1.00", "at1": "100", "at5": "100", "probe": "50"}
rows += [{"name": "*if invariant*", **ideal}]
names = {
    "name": "student",
    "own": "NME, thermal, own head (%)",
    "ri": "thermal, teacher's head (%)",
    "fi": "RGB, student's head (%)",
    "cka": "CKA (other faces)",
    "at1": "recall@1 (%)",
    "at5": "recall@5 (%)",
    "probe": "probe (%)",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** The first column is the error of the task; all others describe the features. The
# last row is not a model: with invariant thermal features, the teacher's head would have the same error
# as with RGB features.
#
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
# already, so the second gap may *grow* while both errors decrease: look at the errors in the table above
# before you interpret it as a loss. CKA, retrieval and probe are independent of the loss (except for FD,
# which minimises the distance of the features directly). The intervals include the variation between
# people, not the variation between trainings: there is one seed. Of several 95 % intervals, one may well
# be wrong.
#
# A gap of zero may be impossible. Training cannot recover what a thermal image does not show, such as an
# eye behind glasses. A student with inaccurate landmarks has large gaps in the first two measures,
# independent of what its features share with the teacher's.
#
# Finally, compare with the first column of the previous table. Invariance is a means. If a student is
# closer to invariance but not more accurate, either invariance was not the limiting factor, or the
# measure does not describe what improves accuracy.
#
# **Try it.** `strategy="ri"` and `"fi"`: which measure does each of them change? `"fd"`: what is the
# effect of a smaller feature distance on the probe? `seed=1`: which sentences remain? `faces=50`: which
# number changes only because of the count, and why?
#
# ## Summary
#
# - "Modality-invariant" has several meanings; name the one that you measured.
# - Exchanged heads test the task, CKA the maps, retrieval the faces, and the probe traces of the
#   modality.
# - Each measure has a limitation: CKA ignores rotations, CKA and recall ignore constants, the probe
#   ignores the face.
# - Report each number with its value by chance or for other faces; use folds by person.
# - Closer to invariance does not mean invariant, and invariant does not mean accurate.
#
# **Exercises**, each with a check that explains typical mistakes:
# [invariance](exercises/07_invariance.ipynb) ([solutions](solutions/07_invariance.ipynb)).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): the claim, DIKD.
# - Kornblith et al., *Similarity of neural network representations revisited*,
#   [arXiv 1905.00414](https://arxiv.org/abs/1905.00414), 2019: linear CKA.
# - Alain and Bengio, *Understanding intermediate layers using linear classifier probes*,
#   [arXiv 1610.01644](https://arxiv.org/abs/1610.01644), 2016.
# - Bansal et al., *Revisiting model stitching to compare neural representations*, [arXiv
#   2106.07682](https://arxiv.org/abs/2106.07682), 2021: the head of one network on features of another.
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993: the jackknife.
