# %% [markdown]
# # 07 · Invariance: what do RGB and thermal features share?
#
# **You will be able to** say which of four things "modality-invariant" may mean, measure each of them,
# name what each number is blind to, and weigh a paper's claim by numbers.
#
# **Time** about a minute on two CPU cores, half an hour to read; more if earlier runs have to be made.
# **You need** [03](03_ktl_dikd.ipynb), and matrices: product, transpose, mean of a column.

# %% tags=["parameters"]
scale = "laptop"  # how much is computed: smoke, laptop or gpu
device = "auto"  # auto, cpu, cuda or mps
work = "../runs/course"  # folder of the series: runs, figures, drawn faces
seed = 0
strategy = "dikd"  # compared with "none" and "fd+ld"; also fd, ld, fi, ri, dikd+fd+ld
decay = "cosine"  # constant, linear, cosine or progress
guide = "both"  # what an injected head is told: label, teacher, both or own
labelled = None  # pairs with a label; None for the scale's number
faces = 200  # how many validation pairs are measured, at most

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
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation import invariance
from mlcmkd.evaluation.evaluate import score
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS, read_metrics

teacher_run = course.teacher_run(lesson)
ours = lesson.strategy
runs = {name: course.student_run(lesson, name) for name in dict.fromkeys(["none", "fd+ld", ours])}
shown = list(dict.fromkeys(["none", ours]))  # the students whose pictures are drawn

# %% [markdown]
# ## A claim, and four things that it may mean
#
# Of DIKD the paper says that it "forces the student to learn modality-invariant features that are
# semantically aligned with the teacher". Invariant how? A teacher reads the RGB image $r$ and a student
# its **twin**, the thermal image $t$ of the same pair. Their features are $f_T = \text{features}_T(r)$
# and $f_S = \text{features}_S(t)$, their heads $h_T$ and $h_S$. Four questions, and none of them
# answers for another:
#
# | | question | number | if invariant | by chance |
# |---|---|---|---|---|
# | 1 | Can either head read either side's features? | NME, heads exchanged | as not exchanged | |
# | 2 | Are both maps the same, up to a rotation? | linear CKA | 1 | that of other faces |
# | 3 | Is a face's own twin the nearest of all faces? | recall@1 | 100 % | 1 / faces |
# | 4 | Can a classifier tell the modality? | accuracy of a probe | 50 % | 50 % |
#
# In the code: `measure_invariance` in
# [`evaluation/invariance/`](../mlcmkd/evaluation/invariance/comparison.py), one function per measure.
# Every KTL run calls it at each evaluation and writes the numbers to its `metrics.jsonl`.
#
# We ask on validation faces, of people that no run has trained on. *start* is where all students begin:
# the teacher's own weights, reading the thermal image. What it has in common with the teacher is no
# merit of any distillation.

# %%
teacher = Landmarker.load(teacher_run / WEIGHTS)
students = {"start": teacher, **{name: Landmarker.load(r / WEIGHTS) for name, r in runs.items()}}

pairs = lesson.pairs("val")
drawn = np.random.default_rng(0).permutation(len(pairs))[: lesson.faces]
pairs = pairs.subset(np.sort(drawn))  # with 200 faces the same that every run logs
count = len(pairs)

of_rgb = invariance.modality_features(teacher, pairs, "rgb")
of_thermal = {n: invariance.modality_features(s, pairs, "thermal") for n, s in students.items()}
found = {
    n: invariance.measure_invariance(teacher, s, pairs, faces=None) for n, s in students.items()
}
places = of_rgb.shape[2] * of_rgb.shape[3]
print(
    f"{count} pairs of {len(set(pairs.subjects))} people; features (N, C, h, w):", [*of_rgb.shape]
)

# %% [markdown]
# ## 1 · Can the heads be exchanged?
#
# The question nearest to the task, and to DIKD: injection *is* the exchange of heads. Four
# combinations, four errors, one matrix a student:

# %%
for name in shown:
    lesson.say(f"Student **{name}**", learned=False)
    lesson.show(plots.head_swap_matrix(found[name].head_swap), f"07_heads_{name}")

# %% [markdown]
# **How to read it.** Rows are features, columns are heads; the diagonal is each model whole. Go down a
# *column*: one head, both sides' features. If the features said the same, both cells would be equal,
# for a head knows nothing but the features. Lower left is what **RI** trains, $h_T(f_S)$; upper right
# is what **FI** trains, $h_S(f_T)$. A small error there shows that training did as it was told. Whether
# it did more than that, the other three questions ask. (Each figure scales its colours for itself; the
# numbers are what can be compared.)
#
# Is one student's lower left cell better than another's by chance, or surely? The same faces under the
# same head, face by face:


# %%
def under(head_of, features):
    """Scores of the pairs when one model's head reads given features."""
    with torch.no_grad():
        found = [head_of.head(part).coordinates for part in features.split(64)]
    return score(torch.cat(found).numpy(), head_of.spec.scheme, pairs)


exchanged = {n: under(teacher, of_thermal[n]) for n in students}
sentences = [
    course.compare(ours, exchanged[ours], n, exchanged[n]) for n in ("start", *runs) if n != ours
]
lesson.say("Thermal features under the teacher's head:\n\n- " + "\n- ".join(sentences))

# %% [markdown]
# **How to read it.** The first line asks whether training moved the features to where the teacher's
# head can read them, the others whether it was the strategy that did. All students begin at *start*:
# the one without a teacher's guidance, *none*, may keep some of what it began with, or lose it.

# %% [markdown]
# ## 2 · Are both maps the same?
#
# Look before you compute. A feature map has many channels; the three directions in which the features
# of both sides, taken together, vary most become red, green and blue (`pca_colours`).

# %%
first = np.unique(pairs.subjects, return_index=True)[1]  # one picture a person
three = np.sort(first)[:: max(1, len(first) // 3)][:3]
batch = make_batch(pairs, torch.from_numpy(three), NO_AUGMENTATION, torch.Generator())
for name in shown:
    maps = [m[three] for m in invariance.pca_colours(of_rgb, of_thermal[name])]
    lesson.say(f"Student **{name}**", learned=False)
    lesson.show(plots.feature_colours(batch.rgb, batch.thermal, *maps), f"07_colours_{name}")

# %% [markdown]
# **How to read it.** Within one figure, equal colours are equal features, on either side; each student
# has its own three directions, so colours do not carry over from one figure to the next. Compare columns
# two and four, row by row: do the colours change at the same places? Are they the same colours? The
# first means that both sides see the same structure, the second that they write it down in the same way.
# Then compare *rows*: how much of a map is this face, and how much is any face at all?
#
# ### The number
#
# **Linear CKA** (centred kernel alignment) asks whether two sets of features arrange the same things in
# the same way:
#
# $$\mathrm{CKA}(X, Y) = \frac{\lVert Y^\top X \rVert_F^2}
#   {\lVert X^\top X \rVert_F \; \lVert Y^\top Y \rVert_F}$$
#
# - $X$ is $n \times p$ and $Y$ is $n \times q$: a row for each of $n$ things, the same thing in both; a
#   column for each of $p$ and $q$ features. From every column its mean is subtracted (*centred*).
# - Here a thing is one place of one face (`place_rows`): $n = N\,h\,w$ for $N$ faces with maps of
#   $h \times w$ cells; $X$ holds the channels of $f_T$, $Y$ those of $f_S$.
# - $X^\top$ is the transpose; $Y^\top X$ holds, up to a factor, the covariance of every feature of $Y$
#   with every one of $X$; $X^\top X$ and $Y^\top Y$ those within either set.
# - $\lVert\cdot\rVert_F$ is the Frobenius norm, the root of the sum of squared entries.
#
# In the code: `linear_cka` in
# [`evaluation/invariance/measures.py`](../mlcmkd/evaluation/invariance/measures.py). What it
# sees, and what it does not, on numbers whose relation is known:

# %% tags=["fact", "nbval-check-output"]
rng = np.random.default_rng(0)
x = rng.normal(size=(2000, 8)) * np.arange(1, 9)
turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
print(f"the same, 3 times as large, plus 7: {invariance.linear_cka(x, 3 * x + 7):.2f}")
print(f"the same, turned:                   {invariance.linear_cka(x, x @ turn):.2f}")
print(f"the same, columns rescaled:         {invariance.linear_cka(x, x / x.std(axis=0)):.2f}")
print(
    f"unrelated, 2000 rows, 8 columns:    {invariance.linear_cka(x, rng.normal(size=x.shape)):.2f}"
)
x, y = rng.normal(size=(2, 10, 96))
print(f"unrelated, 10 rows, 96 columns:     {invariance.linear_cka(x, y):.2f}")

# %% [markdown]
# **How to read it.** A shift, a scale and a rotation do not count. And with fewer rows than columns even
# unrelated numbers look alike: CKA needs many rows.
#
# ### What goes wrong: believing a high CKA
#
# Every crop has the eyes above and the chin below. Two networks that know no more than that agree at
# most places of most faces. So compare each RGB map with the thermal map of *another* face; or take from
# every place its mean over all faces, the **layout**, and look at what is left.


# %%
def without_layout(features):
    """Features less their mean over faces, place by place."""
    return features - features.mean(dim=0, keepdim=True)


rows = []
for name, features in of_thermal.items():
    left = [invariance.place_rows(without_layout(f)) for f in (of_rgb, features)]
    far = invariance.place_rows(without_layout(features).roll(count // 2, dims=0))
    rows.append(
        {
            "name": name,
            "twins": f"{found[name].cka:.2f}",
            "other": f"{found[name].cka_other_face:.2f}",
            "left": f"{invariance.linear_cka(*left):.2f}",
            "far": f"{invariance.linear_cka(left[0], far):.2f}",
            "swap": f"{100 * exchanged[name].nme:.1f}",
        }
    )
names = {
    "name": "student",
    "twins": "CKA of twins",
    "other": "of other faces",
    "left": "without the layout: twins",
    "far": "other faces",
    "swap": "NME of its features under the teacher's head (%)",
}
lesson.say(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** What the first column has above the second is about the face; the rest is what any
# face gives. The third column says the same with the layout taken out, where other faces have next to
# nothing. Now set the first column beside the last: is the highest CKA where the heads can be exchanged
# best? CKA forgives a rotation, and no head does.

# %% [markdown]
# ## 3 · Is a face's own twin the nearest?
#
# One vector a face, the features averaged over a 4 x 4 grid (`descriptors`). For a thermal face, put all
# RGB faces in order, the most similar first. **Recall@k** is the share of thermal faces whose own twin
# is among the first $k$; guessing gives $k/N$ for $N$ faces.
#
# Similar means cosine, and before it each modality is centred on its own mean (`recall_at_k`). Why, you
# will see.


# %%
def ranking(queries, gallery, centred=True):
    """For every query the faces of the gallery, the most similar first, (N, N)."""
    both = [v - centred * v.mean(axis=0) for v in (queries, gallery)]
    queries, gallery = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in both)
    return np.argsort(-queries @ gallery.T, axis=1, kind="stable")


gallery = invariance.descriptors(of_rgb)
queries = {name: invariance.descriptors(features) for name, features in of_thermal.items()}
some = torch.linspace(0, count - 1, 6).long()
people = np.array(pairs.subjects)
for name in shown:
    order = ranking(queries[name], gallery)
    place = [int(np.flatnonzero(order[i] == i)[0]) + 1 for i in some]
    titles = [
        "own twin" if p == 1 else f"{'same' if same else 'another'} person (no. {p})"
        for p, same in zip(place, people[order[some, 0]] == people[some], strict=True)
    ]
    near = make_batch(
        pairs, torch.from_numpy(order[some, 0]), NO_AUGMENTATION, torch.Generator()
    ).rgb
    asked = make_batch(pairs, some, NO_AUGMENTATION, torch.Generator()).thermal
    figure = plots.contact_sheet(near, asked, unit="input", limits=(0, 1), columns=6, titles=titles)
    lesson.say(f"Student **{name}**", learned=False)
    lesson.show(figure, f"07_nearest_{name}")

# %% [markdown]
# **How to read it.** Below, the thermal face that was asked with; above, the RGB face whose features are
# the most similar. Where that is not the twin, the number says at which place the twin came. Look at the
# wrong ones: what do they share with the face that was asked for, the pose, the person, the expression?
#
# ### What goes wrong: recall without centring

# %%
rows = []
for name, vectors in queries.items():
    plain = ranking(vectors, gallery, centred=False)[:, 0]
    rows.append(
        {
            "name": name,
            "at1": f"{100 * found[name].recall_at_1:.1f}",
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
    "faces": f"RGB faces ever found, not centred, of {count}",
}
lesson.say(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** Features behind a ReLU are never negative, so they all point into one corner and
# every cosine is near 1. Without centring, the offset between the modalities has its say in who is near,
# and a few RGB faces that lie towards the thermal ones can become everybody's neighbour: the last column
# counts them. Where a strategy pulls the features themselves together (FD), centring may even cost a
# little: compare the rows, and say which of the two you took. The offset is a finding, too, but it is
# the next question's.

# %% [markdown]
# ## 4 · Can the modality be told?
#
# All faces of both sides in one plane, chosen so that they spread as far as they can
# (`joint_embedding`, by PCA: a projection, so an offset stays an offset).

# %%
for name in shown:
    points = invariance.joint_embedding(gallery, queries[name])
    figure = plots.embedding(*points, title=f"RGB teacher and thermal student {name}")
    lesson.show(figure, f"07_embedding_{name}")

# %% [markdown]
# **How to read it.** A mark is a face, a thin line joins twins. Two clouds apart: the modality is the
# most that the features differ by. Clouds on each other: look at the lines. Short, and twins are
# neighbours; long and crossing, and only the clouds agree, not the faces. Two axes are not all, so a
# number has to follow: the **probe**, a linear classifier that guesses from a face's mean features
# whether it was RGB or thermal, and is asked about people it has not seen (`probe_accuracy`).

# %%
told = [f"**{name}** {100 * found[name].probe_accuracy:.1f} %" for name in students]
lesson.say(f"The probe guesses right for: {', '.join(told)}. Guessing blindly gives 50 %.")

# %% [markdown]
# **How to read it.** An offset in a single channel, if it is wider than the faces' own spread, is enough
# for 100 %, however alike all else may be. The probe is the hardest of the four to satisfy, and the
# easiest to ask wrongly.
#
# ### What goes wrong: folds that leak
#
# Two made-up sets, 100 people with four pairs each. In the first, both sides' features are the same but
# for a little noise. In the second, every person has an RGB side and a thermal side of his own, and
# nothing that the next person's sides would share. No modality to be told among strangers in either:
# the true answer is 50 %.

# %%
rng = np.random.default_rng(0)
persons, pictures, channels = 100, 4, 96
size = persons * pictures
person, pair = np.repeat(np.arange(persons), pictures), np.arange(size)
face = rng.normal(size=(size, channels))
sides = 2 * rng.normal(size=(2, persons, channels))[:, person]
sets = {
    "sides alike": np.concatenate([face, face + 0.1 * rng.normal(size=face.shape)]),
    "sides of each person's own": np.concatenate(sides + face),
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
    for way, (cut, groups) in folds.items():
        right = cross_val_score(probe, values, np.repeat([0, 1], size), groups=groups, cv=cut)
        row[way] = f"{100 * right.mean():.0f} %"
    rows.append(row)
names = {"name": "made-up set", "image": "folds by image", "pair": "by pair", "person": "by person"}
lesson.say(course.markdown_table(rows, names), learned=False)

# %% [markdown]
# **How to read it.** Folds by image put a face into the training and its twin into the test: the probe
# knows the face, gives the twin the same answer, and that is the wrong one. A result well *below*
# chance is the mark of such a leak. Folds by pair let it learn a person's two sides by heart from his
# other pictures. Only folds by person ask what we want to know; `probe_accuracy` makes no others.

# %% [markdown]
# ## What each number is blind to
#
# Now let us forge features. The first row hands the teacher's own RGB features over as if they were a
# student's: perfectly invariant. Each further row spoils one thing.

# %%
width = of_rgb.shape[1]
spread = of_rgb.std(dim=(0, 2, 3), keepdim=True)
turn = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(0))).Q
other = np.arange(count)
for name in set(pairs.subjects):  # of each person the pictures, one further; of one alone, itself
    mine = np.flatnonzero(people == name)
    other[mine] = np.roll(mine, 1)
forged = {
    "the teacher's own": of_rgb,
    "with a constant added to each channel": of_rgb + spread,
    "with the channels rotated": torch.einsum("dc,nchw->ndhw", turn, of_rgb),
    "of another picture of the person": of_rgb[other],
}
rows = []
for name, features in forged.items():
    vectors = invariance.descriptors(features)
    plain = ranking(vectors, gallery, centred=False)[:, 0]
    cka = invariance.linear_cka(invariance.place_rows(of_rgb), invariance.place_rows(features))
    means = [side.mean(dim=(2, 3)).numpy() for side in (of_rgb, features)]
    rows.append(
        {
            "name": name,
            "swap": f"{100 * under(teacher, features).nme:.1f}",
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
lesson.say(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** Go down each column and look for the rows that it lets pass. CKA stays 1 for
# rotated features: what does the head say of them? CKA and recall do not move for a constant, here not
# even recall without centring, and the probe cannot miss it. The probe is content with features
# of *another picture*: it cannot tell the modality, and they are of the wrong face. Whoever shows one of
# these numbers alone has not shown invariance.
#
# Why another picture of the *same person*? Features of another person, under this person's name, would
# be in the training of one fold and in the test of another: the leak of the last section once more.

# %% [markdown]
# ## How it comes about: over training
#
# Every KTL run measures itself at each evaluation. Step 0 is *start*, the teacher's weights, added here.

# %%
at_start = invariance.measure_invariance(teacher, teacher, lesson.pairs("val")).summary()
for name in shown:
    logged = [line for line in read_metrics(runs[name]) if "cka" in line]
    if logged:
        lines = [{"step": 0, **at_start}, *logged]
        figure = plots.invariance_over_training(lines, f"student {name}")
        lesson.show(figure, f"07_training_{name}")
    else:
        lesson.say(
            f"The run of **{name}** has no measures of invariance in its `metrics.jsonl`: it was made "
            f"before they were logged, or its validation faces are too few. Delete `{runs[name].name}` "
            "in the work folder and run this notebook again, and it is made anew, with them."
        )

# %% [markdown]
# **How to read it.** Grey lines are what each number would be if features were invariant, and chance. At
# step 0 both heads are one and the same, so lines meet in pairs: exchanged heads prove nothing there.
# Watch three things. When do the lines of the exchanged heads part from those of the own heads? Does
# CKA of twins rise *above* that of unlike faces, or do both rise together? And, in a run in which every
# pair has a label, does a measure still move once the decay has taken the distillation's weight away?
# (On pairs without a label the teacher keeps its say; [03](03_ktl_dikd.ipynb).)

# %% [markdown]
# ## All of it, side by side

# %%
rows = []
for name, it in found.items():
    swap = 100 * it.head_swap
    rows.append(
        {
            "name": name,
            "own": f"{swap[1, 1]:.1f}",
            "ri": f"{swap[1, 0]:.1f}",
            "fi": "" if name == "start" else f"{swap[0, 1]:.1f}",
            "cka": f"{it.cka:.2f} ({it.cka_other_face:.2f})",
            "at1": f"{100 * it.recall_at_1:.1f}",
            "at5": f"{100 * invariance.recall_at_k(queries[name], gallery, 5):.1f}",
            "probe": f"{100 * it.probe_accuracy:.1f}",
        }
    )
ideal = {"own": "", "ri": f"{100 * found['start'].head_swap[0, 0]:.1f}", "fi": "as thermal, own"}
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
lesson.say(course.markdown_table(rows, names))

# %% [markdown]
# **How to read it.** The first column is what we are paid for, all others are about the features. The
# last row is not a model: the teacher's head would read invariant thermal features as well as it reads
# RGB ones.
#
# ## What the numbers say about the claim
#
# To compare students, each measure becomes a **gap to invariance**: 0 for invariant features. Is one
# student's gap smaller than another's? Each tenth of the people is left out in turn. How the
# difference varies gives its 95 % interval (the *jackknife*; `invariance_gaps` and `compare_gaps` in
# [`invariance_summary.py`](../mlcmkd/course/invariance_summary.py)). All sentences below are generated
# from the numbers.

# %%
gaps = {name: course.invariance_gaps(teacher, students[name], pairs) for name in runs}
for other in runs:
    if other == ours:
        continue
    rows, told = course.compare_gaps(ours, gaps[ours], other, gaps[other])
    names = {"measure": "distance from invariant", other: other, ours: ours}
    names |= {"difference": "difference (95 % interval)", "closer": "closer"}
    lesson.say(course.markdown_table(rows, names) + f"\n\n{told}")

# %%
lesson.say(course.summarise_gaps(ours, gaps[ours]))

# %% [markdown]
# **How to read it.** Closer and there are two claims; the last sentence is about the second. Give the
# rows unequal weight. RI lowers one of the two errors in the first: for a strategy with RI it is
# practice. FI lowers the error on RGB under the student's head, mostly the better side already, so the
# second distance may *grow* while both errors fall: look at the errors in the table above before you
# call that a loss. CKA, retrieval and probe are the exam (for FD, which pulls the features themselves
# together, they are practice, too). The intervals know the chance in the people, not the chance in the
# training: one seed is one throw. And several intervals at 95 % may well hold one that is wrong.
#
# Zero may be out of reach, too. What a thermal image does not show, such as an eye behind glasses, no
# training can put into its features; and a student that finds landmarks badly is far by the first two
# measures whatever its features share with the teacher's.
#
# Last, go back to the first column of the table before. Invariance is a means. If a student is closer to
# invariant and no better at finding landmarks, then either it was not what was missing, or the number
# did not measure what helps.
#
# **Try it.** `strategy="ri"` and `"fi"`: which of them moves which measure? `"fd"`: what does pulling
# the features together do to the probe? `seed=1`: which sentence survives? `faces=50`: which number
# changes by the count alone, and why must it?
#
# ## Summary
#
# - "Modality-invariant" has several meanings; name the one that you measured.
# - Heads test what the task needs, CKA the maps, retrieval the faces, the probe the modality's trace.
# - Each has a blind spot: rotation for CKA, constants for CKA and recall, the face for the probe.
# - Beside each number belongs what it would be by chance or for other faces; folds go by person.
# - Closer to invariant is not invariant, and invariant is not yet accurate.
#
# **Exercises**, each with a check that says what went wrong:
# [invariance](exercises/07_invariance.ipynb) (its [solutions](solutions/07_invariance.ipynb) lie apart).
#
# ## References
#
# - Tong et al., [arXiv 2510.11128](https://arxiv.org/abs/2510.11128): the claim, DIKD.
# - Kornblith et al., *Similarity of neural network representations revisited*,
#   [arXiv 1905.00414](https://arxiv.org/abs/1905.00414), 2019: linear CKA.
# - Alain and Bengio, *Understanding intermediate layers using linear classifier probes*,
#   [arXiv 1610.01644](https://arxiv.org/abs/1610.01644), 2016.
# - Bansal et al., *Revisiting model stitching to compare neural representations*,
#   [arXiv 2106.07682](https://arxiv.org/abs/2106.07682), 2021: one network's head on another's features.
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993: the jackknife.
