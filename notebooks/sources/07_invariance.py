# %% [markdown]
# # 07 · Invariance: what do RGB and thermal features share?
#
# ![RGB faces, thermal faces, and their features as colours](../docs/figures/lessons/07_colours_dikd.png)
#
# **Question.** The paper states that distillation makes features "modality-invariant". Are the features
# of the RGB and of the thermal image of one face really the same?
#
# **The answer first.** Similar, not the same; and it depends on what *invariant* means. In the picture,
# colours stand for features (second and fourth column): they change at the same places of a face. The
# teacher's head works with the student's thermal features as well as the student's own head does. Among
# 200 RGB images, the one of the same pair is the most similar in two of three cases. Yet a linear
# classifier recognises the modality in every case. A student trained on labels only is about as close,
# by most measures. It pays with few labels; with many, on a real camera, it pays that feature maps
# agree, which is what FD asks for.
#
# **Goals.** After this notebook you can distinguish four meanings of "modality-invariant", measure each
# of them, name the limitation of each measure, and say which of them goes with a smaller error.
#
# **Time.** About fifteen minutes to read, less than one to run on two CPU cores, more if earlier runs
# are missing (`make course-models LESSON=07` writes them). **Prerequisites.** [03](03_ktl_dikd.ipynb),
# and matrices: product, transpose, mean of a column. Terms are in the [glossary](../docs/glossary.md).
# The optional lesson [07b](07b_statistics.ipynb) has the statistics: intervals, and typical errors of
# these measures.

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

from mlcmkd import plots
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation import invariance

shown = list(dict.fromkeys(["none", lesson.strategy]))  # the students in the figures

# %% [markdown]
# ## A claim and its four possible meanings
#
# The paper states that DIKD "forces the student to learn modality-invariant features that are
# semantically aligned with the teacher". What does invariant mean? As in lesson 03, $f_T$ are the
# teacher's features of the RGB image, $f_S$ the student's features of the thermal image of the same
# pair, $h_T$ and $h_S$ their heads. Four questions, each with a measure that its section explains:
#
# | | question | measure | if invariant | by chance |
# |---|---|---|---|---|
# | 1 | Does each head work with the features of both modalities? | NME, heads exchanged | same NME | |
# | 2 | Are both maps equal up to a rotation? | linear CKA | 1 | that of other faces |
# | 3 | Is the image of the same pair the most similar of all? | recall@1 | 100 % | 1 / faces |
# | 4 | Can a classifier recognise the modality? | accuracy of a probe | 50 % | 50 % |
#
# Three students of lesson 03 are measured: *none*, *fd+ld* and *dikd*. A fourth, *start*, is their
# common initial state: the teacher's weights, applied to the thermal image. Agreement of *start* with
# the teacher is not a result of distillation. The faces are validation faces, of people that were not
# used in training. In the code: `measure_invariance` in
# [`evaluation/invariance/`](../mlcmkd/evaluation/invariance/comparison.py).

# %%
sample = course.invariance_sample(lesson)  # loads the networks, computes features and measures
pairs, measures = sample.pairs, sample.measures
rgb_features, thermal_features = sample.rgb_features, sample.thermal_features
count = len(pairs)
print(
    f"{count} pairs of {len(set(pairs.subjects))} people; features (N, C, H, W):",
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
# **How to read it.** Rows are features, columns are heads; on the diagonal each network has its own
# head. Compare the two cells of a *column*: one head with the features of both modalities. With equal
# features both cells would be equal, because the features are the only input of a head. DIKD trains the
# exchanged cells directly: **RI** the lower left one, $h_T(f_S)$, and **FI** the upper right one,
# $h_S(f_T)$. So a small error there shows only that its loss was minimised. (Each figure has its own
# colour scale; compare the numbers.)
#
# Here the student *dikd* has nearly the same error with both heads (6.9 % both), *none* loses 0.2
# points with the teacher's. For both, thermal features have a larger error than RGB features.

# %% [markdown]
# ## 2 · Are both maps equal?
#
# A picture first. A feature map has 64 channels. A principal component analysis finds the three
# directions of largest variance over the features of both modalities together; they are shown as red,
# green and blue (`pca_colours`).

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
# samples in the same way: samples that are near each other in one set are near each other in the other.
#
# $$\mathrm{CKA}(X, Y) = \frac{\lVert Y^\top X \rVert^2}
#   {\lVert X^\top X \rVert \; \lVert Y^\top Y \rVert}$$
#
# - $X$ and $Y$ have one row for each of $n$ samples, the same sample in both, and one column for each
#   feature. The mean of every column is subtracted (*centred*).
# - Here a sample is one position of one face (`place_rows`): $n = N\,H\,W$ for $N$ faces with maps of
#   $H \times W$ cells; $X$ contains the channels of $f_T$, $Y$ those of $f_S$.
# - $X^\top$ is the transpose; $Y^\top X$ contains, up to a factor, the covariance of every feature of
#   $Y$ with every feature of $X$; $X^\top X$ and $Y^\top Y$ contain those within each set.
# - $\lVert\cdot\rVert$ is the root of the sum of squared entries (the Frobenius norm).
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
# Every crop has the eyes above and the chin below, so two networks that represent only this agree at
# most positions of most faces. The reference is the CKA of each RGB map with the thermal map of
# *another* face:

# %%
rows = [
    {"name": name, "pairs": f"{m.cka:.2f}", "other": f"{m.cka_other_face:.2f}"}
    for name, m in measures.items()
]
names = {"name": "student", "pairs": "CKA of pairs", "other": "of other faces"}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** The second column is what all faces have in common. The difference between the
# first and the second is specific to the face: 0.23 at the start, about 0.34 after training on thermal
# images. *fd+ld*, whose loss contains the distance of the features, has the highest CKA.

# %% [markdown]
# ## 3 · Is the image of the same pair the most similar?
#
# This is **retrieval**: a thermal face is the query, and all RGB faces are ranked by their similarity to
# it. **Recall@k** is the share of queries whose own RGB image, the one of the same pair, is among the
# first $k$; chance is $k/N$ for $N$ faces.
#
# Each face is described by one vector, its features averaged over a 4 x 4 grid (`descriptors`). The
# similarity is the cosine of two vectors, after subtracting from each modality its own mean
# (`recall_at_k`).


# %%
def ranking(queries, gallery):
    """For every query, the indices of the gallery, the most similar first, (N, N)."""
    both = [v - v.mean(axis=0) for v in (queries, gallery)]
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
# is not that of the same pair, the title gives the rank of the right one. What do wrong results have in
# common with the query: pose, person, expression?

# %% [markdown]
# ## 4 · Can a classifier recognise the modality?
#
# The **probe** is a linear classifier that predicts from a face's mean features whether the image was
# RGB or thermal. It is tested on people it was not trained on (`probe_accuracy`). First a picture: all
# faces of both modalities, projected onto the plane of largest variance, again by a principal component
# analysis (`joint_embedding`).

# %%
name = lesson.strategy
points = invariance.joint_embedding(gallery, queries[name])
figure = plots.embedding(*points, title=f"RGB teacher and thermal student {name}")
lesson.show(figure, f"07_embedding_{name}")

# %% [markdown]
# **How to read it.** A marker is a face, a thin line connects the two images of a pair. Short lines mean
# that the images of a pair are neighbours. Circles and triangles mix, on both sides of the gap in the
# middle: in this plane the modality is not the largest difference between the features. Two dimensions
# do not show everything, so ask the probe:

# %%
accuracies = [f"**{n}** {100 * m.probe_accuracy:.1f} %" for n, m in measures.items()]
lesson.show_text(f"Accuracy of the probe: {', '.join(accuracies)}. Chance is 50 %.")

# %% [markdown]
# **How to read it.** The modality can be read from the features of every student. An offset in a single
# channel, larger than the spread of the faces, is enough for 100 %, even if everything else is equal:
# the probe is the strictest of the four measures. It is easily used wrongly: all images of a person have
# to be in its training set, or all in its test set ([07b](07b_statistics.ipynb) shows what happens
# otherwise).

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
            "cka": f"{m.cka:.2f} ({m.cka_other_face:.2f})",
            "at1": f"{100 * m.recall_at_1:.1f}",
            "probe": f"{100 * m.probe_accuracy:.1f}",
        }
    )
ideal = {"own": "", "ri": f"{100 * measures['start'].head_swap[0, 0]:.1f}"}
ideal |= {"cka": "1.00", "at1": "100", "probe": "50"}
rows += [{"name": "*if invariant*", **ideal}]
names = {
    "name": "student",
    "own": "NME, own head (%)",
    "ri": "NME, teacher's head (%)",
    "cka": "CKA (other faces)",
    "at1": "recall@1 (%)",
    "probe": "probe (%)",
}
lesson.show_text(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** The first number of a row is the error of the task on thermal images; the others
# describe the features. The last row is not a network: with invariant thermal features, the teacher's
# head would have the same error as with RGB features. *fd+ld* has a higher CKA than *dikd* and the same
# error with the teacher's head: CKA ignores a rotation of the features, a head does not, so they measure
# different things.
#
# **The verdict.** The features are not invariant by any of the measures. By the first three they are
# closer to it than at the start; by the probe they are not. DIKD is better than *none* with the
# teacher's head, which RI trains. By the other measures the two are about as close;
# [07b](07b_statistics.ipynb) has the intervals. A gap of zero may be impossible: training cannot recover
# what a thermal image does not show, such as an eye behind glasses.
#
# ## Does invariance pay?
#
# Invariance is a means; the end is a small error, above all on a real camera. A study trained 27
# students by nine strategies, on photos of 300W and their simulated thermal images, with every pair
# labelled. It measured each gap to invariance, the error on simulated images, and the error on frames of
# a real camera that no student had seen. The cell reads its stored table:

# %%
study = [row for row in course.read_invariance_study() if row["benchmark"] == "simulated"]
gaps = ["teacher's head", "CKA"]
lesson.show(plots.gaps_and_errors(study, gaps, course.ERRORS, by="strategy"), "07_pay")
lesson.show_text(course.rank_correlation_table(study))

# %% [markdown]
# **How to read it.** A mark is a student, three seeds for each strategy; the gap is 0 for invariant
# features. The table has the **rank correlation** (Spearman's) of each gap with both errors: 1 if the
# student with the smaller gap always has the smaller error, -1 if always the larger one, 0 without a
# relation. Below on the right: students with a small CKA gap have small errors on the real camera. They
# are those with FD. Above on the right the relation is reversed. RI and DIKD close the gap of the
# teacher's head, on the left, and gain nothing on the real camera.
#
# So invariance by CKA goes with a smaller error where images differ from those of the training, and with
# a larger one where they do not. It need not be the cause: *ld* is good on the real camera, too, and its
# maps agree little better than those of RI.
#
# With 100 labels instead of all it is simpler. A second study has 616 such students on photos and on
# rendered faces, with two to five seeds of each strategy: the smaller each of the five gaps, the smaller
# both errors, with rank correlations from 0.35 to 0.75. There the teacher's features are most of what a
# student learns from. In 292 students of a light network, whose features are compared through a map
# that is fitted afterwards, four of the five gaps do so, with 0.27 to 0.83, and the probe does not.
# Among the strategies with FD or RI alone, hardly any gap of these students goes with the error on real
# frames. Both studies: [invariance](../docs/results/invariance.md).
#
# **Try it.** `strategy="ri"` and `"fi"`: which measure does each of them change? `"fd"`: what is the
# effect of a smaller feature distance on the probe? `faces=50`: which number changes only because of the
# count, and why?
#
# > **Takeaways**
# >
# > "Modality-invariant" has several meanings; name the one that you measured. Exchanged heads test the
# > task, CKA the maps, retrieval the faces, and the probe traces of the modality. Report each number
# > with its value by chance or for other faces. Closer to invariance does not mean invariant. With few
# > labels it went with lower errors by nearly every measure; with all labels by CKA, on a real camera
# > only.
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
