"""What "modality-invariant" means, in numbers: do RGB and thermal features say the same of a face?

Four questions, each with its own answer when features are invariant. None stands for the others:

- Can the heads be exchanged? NME of either side's features under either head. Invariant: the
  exchanged head is as good as the features' own.
- Are both maps the same up to a rotation and a scale? Linear CKA. Invariant: 1. A head does notice a
  rotation, so CKA may be high where exchanged heads fail; and any two landmark networks see faces
  in the same place of the crop, so CKA is read beside that of unlike faces.
- Is a face's twin the nearest of all faces? Recall@1. Invariant: 1; chance is 1 / faces.
- Can a linear classifier tell the modality? Probe accuracy. Invariant: 0.5; told apart: 1. A constant
  offset is enough to be told apart, and recall, being centred, does not see it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.data.pairs import Pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.evaluate import check_input, score
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError

FEWEST = 8  # pairs; with fewer, recall and probe are mostly chance
GRID = 4  # cells along a side of a descriptor, as in the coordinate head
FOLDS = 5  # of the probe's cross-validation


@dataclass(frozen=True)
class Invariance:
    """How alike RGB features of a teacher and thermal features of a student are.

    Attributes:
        faces: number of pairs that were looked at.
        head_swap: (2, 2) inter-ocular NME, shares; rows: features of (teacher on RGB, student on
            thermal), columns: head of (teacher, student). On the diagonal each model is whole.
        cka: linear CKA of the feature maps, 0 to 1.
        cka_other_face: the same, each RGB map against the thermal map of another face: what the
            common layout of cropped faces alone gives. What `cka` has above it is about the face.
        recall_at_1: share of thermal faces whose nearest RGB face is their own twin; chance is
            1 / faces.
        probe_accuracy: share of images whose modality a linear classifier guesses, 0 to 1; 0.5 is
            chance.
    """

    faces: int
    head_swap: np.ndarray
    cka: float
    cka_other_face: float
    recall_at_1: float
    probe_accuracy: float

    def summary(self) -> dict[str, float]:
        """Everything by flat names, for a line of a log; NME as a share, as everywhere in logs."""
        swap = {
            f"swap_{features}_features_{head}_head": round(float(self.head_swap[row, column]), 6)
            for row, features in enumerate(("teacher", "student"))
            for column, head in enumerate(("teacher", "student"))
        }
        return {
            "invariance_faces": self.faces,
            **swap,
            "cka": round(self.cka, 6),
            "cka_other_face": round(self.cka_other_face, 6),
            "recall_at_1": round(self.recall_at_1, 6),
            "probe_accuracy": round(self.probe_accuracy, 6),
        }


@contextmanager
def _evaluating(model: Landmarker) -> Iterator[None]:
    """Evaluation mode inside; every module's own mode back afterwards, also after an error."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@torch.no_grad()
def side_features(model: Landmarker, pairs: Pairs, modality: str, *, batch: int = 64) -> Tensor:
    """Features of one side of every pair, (N, C, h, w) float32 on the CPU.

    All are kept: 200 faces of "base" at 64 px take 20 MB. The model is put into evaluation mode and
    left as it was found.

    Raises:
        InputError: the pairs lack that side, or were cut for another input size.
    """
    check_input(model, pairs, modality, "measuring invariance")
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(0)
    found = []
    with _evaluating(model):
        for index in torch.arange(len(pairs)).split(batch):
            images = getattr(make_batch(pairs, index, NO_AUGMENTATION, generator), modality)
            found.append(model.features(images.to(device)).float().cpu())
    return torch.cat(found)


@torch.no_grad()
def _nme_under(head_of: Landmarker, features: Tensor, pairs: Pairs, batch: int) -> float:
    """NME of one model's head on given features (N, C, h, w) of labelled pairs, a share."""
    device = next(head_of.parameters()).device
    with _evaluating(head_of):
        found = [head_of.head(part.to(device)).coordinates.cpu() for part in features.split(batch)]
    return score(torch.cat(found).float().numpy(), head_of.spec.scheme, pairs).nme


def linear_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment of two sets of features of the same n things, 0 to 1.

    ||Y'X||^2 / (||X'X|| ||Y'Y||), Frobenius norms, columns centred: Kornblith et al. (2019),
    "Similarity of neural network representations revisited", section 3. Rotating or scaling either
    set changes nothing. The matrices are as large as the numbers of features, whatever n.

    Args:
        x: (n, p).
        y: (n, q), row by row the same things as in `x`; n far above p and q, for CKA of few rows is
            high even between unrelated features.

    Returns:
        The CKA; 0 where either set is constant, which resembles nothing.

    Raises:
        InputError: the numbers of rows differ.
    """
    if len(x) != len(y):
        raise InputError(f"CKA compares row by row, but there are {len(x)} rows and {len(y)}")
    x = np.asarray(x, dtype=np.float64) - np.mean(x, axis=0, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64) - np.mean(y, axis=0, dtype=np.float64)
    scale = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.linalg.norm(y.T @ x) ** 2 / scale) if scale > 0 else 0.0


def place_rows(features: Tensor) -> np.ndarray:
    """Feature maps (N, C, h, w) as one row a place of a face, (N h w, C).

    Both images of a pair are aligned pixel by pixel, so equal rows are the same place.
    """
    return features.permute(0, 2, 3, 1).flatten(0, 2).numpy()


def descriptors(features: Tensor) -> np.ndarray:
    """One vector a face: features (N, C, h, w) averaged over a 4 x 4 grid, (N, 16 C).

    A grid and not one mean, because who a face is lies in where things are.
    """
    return F.adaptive_avg_pool2d(features, GRID).flatten(1).numpy()


def recall_at_k(queries: np.ndarray, gallery: np.ndarray, k: int = 1) -> float:
    """Share of queries whose own twin is among the k nearest of the gallery, by cosine similarity.

    Each modality is centred on its own mean first. Features after a ReLU all point into one corner,
    where every cosine is near 1 and a constant offset between the modalities decides which face is
    "near". The offset is what the probe measures; what is left for recall is whether faces differ
    from one another in the same way on both sides. The mean needs no pair to be known.

    Equally near faces share the places they take, as if drawn by lot: features that say the same of
    every face get chance, k / N.

    Args:
        queries: (N, D) descriptors, such as those of thermal images.
        gallery: (N, D) descriptors of their twins, in the same order.
        k: how many of the nearest count, 1 to N.

    Raises:
        InputError: the shapes differ, or k is not within 1 to N.
    """
    if queries.shape != gallery.shape:
        raise InputError(f"twins come in equal shapes, not {queries.shape} and {gallery.shape}")
    if not 1 <= k <= len(queries):
        raise InputError(f"k = {k}: it has to be within 1 and the number of faces, {len(queries)}")
    similarity = _directions(queries) @ _directions(gallery).T
    own = np.diag(similarity)[:, None]
    nearer = (similarity > own).sum(axis=1)
    as_near = (similarity == own).sum(axis=1)  # the twin itself among them
    return float(np.clip((k - nearer) / as_near, 0, 1).mean())


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Rows centred on their mean and scaled to length 1; a row at the mean stays 0."""
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)


def probe_accuracy(rgb: np.ndarray, thermal: np.ndarray, subjects: tuple[str, ...]) -> float:
    """Accuracy at which a linear classifier guesses the modality of unseen subjects, 0 to 1.

    Logistic regression on standardised features, cross-validated over at most five folds. All
    images of a subject, of both modalities, are in one fold: a probe that had seen a subject could
    know the face instead of the modality. Both classes are equally frequent in every fold.

    Args:
        rgb, thermal: (N, D) features of the two sides of N pairs.
        subjects: N names.

    Raises:
        InputError: fewer than two subjects.
    """
    count = len(set(subjects))
    if count < 2:
        raise InputError(
            "the modality probe is tested on subjects it has not seen: give two or more"
        )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    accuracies = cross_val_score(
        probe,
        np.concatenate([rgb, thermal]),
        np.repeat([0, 1], len(rgb)),
        groups=np.tile(subjects, 2),
        cv=GroupKFold(min(FOLDS, count)),
    )
    return float(accuracies.mean())


def _chosen(pairs: Pairs, faces: int | None, seed: int) -> Pairs:
    """At most `faces` of the labelled pairs, drawn by `seed`."""
    labelled = np.flatnonzero(pairs.labelled.cpu().numpy())
    if not len(labelled):
        raise InputError(
            "none of the pairs is labelled: exchanged heads have nothing to be scored on"
        )
    drawn = np.random.default_rng(seed).permutation(labelled)[:faces]
    if len(drawn) < FEWEST:
        raise InputError(f"{len(drawn)} labelled pairs are too few; invariance needs {FEWEST}")
    return pairs.subset(np.sort(drawn))


def measure_invariance(
    teacher: Landmarker,
    student: Landmarker,
    pairs: Pairs,
    *,
    faces: int | None = 200,
    batch: int = 64,
    seed: int = 0,
) -> Invariance:
    """Compares a teacher's features of RGB images with a student's features of their thermal twins.

    Features are computed once a side. Both models are put into evaluation mode, compute where they
    are, and are left as they were found.

    Args:
        teacher: reads RGB; student: reads thermal; of equal width and input size.
        pairs: with both sides; only labelled pairs are used, by all measures alike.
        faces: how many pairs at most, drawn by `seed`; None for all.
        batch: pairs at a time.

    Raises:
        InputError: widths or input sizes differ, the pairs lack a side or were cut for another
            size, fewer than eight labelled pairs, or fewer than two subjects.
    """
    if teacher.width != student.width:
        raise InputError(
            f"the teacher's features have {teacher.width} channels, the student's {student.width}: "
            "heads can be exchanged between equal widths only"
        )
    if teacher.spec.input_px != student.spec.input_px:
        raise InputError(
            f"the teacher reads {teacher.spec.input_px} px, the student {student.spec.input_px}: "
            "only maps of one size can be compared place by place"
        )
    for modality in ("rgb", "thermal"):
        pairs.require(modality, "measuring invariance")
    pairs = _chosen(pairs, faces, seed)
    of_rgb = side_features(teacher, pairs, "rgb", batch=batch)
    of_thermal = side_features(student, pairs, "thermal", batch=batch)
    swap = [
        [_nme_under(model, features, pairs, batch) for model in (teacher, student)]
        for features in (of_rgb, of_thermal)
    ]
    # By half the set: images of one subject usually follow each other.
    other_faces = of_thermal.roll(len(pairs) // 2, dims=0)
    return Invariance(
        faces=len(pairs),
        head_swap=np.array(swap),
        cka=linear_cka(place_rows(of_rgb), place_rows(of_thermal)),
        cka_other_face=linear_cka(place_rows(of_rgb), place_rows(other_faces)),
        recall_at_1=recall_at_k(descriptors(of_thermal), descriptors(of_rgb)),
        probe_accuracy=probe_accuracy(
            of_rgb.mean(dim=(2, 3)).numpy(), of_thermal.mean(dim=(2, 3)).numpy(), pairs.subjects
        ),
    )


@dataclass(frozen=True)
class FeatureColours:
    """What turns features into colours: three directions, and the values that are dark and bright.

    Attributes:
        pca: fitted with three components.
        low, high: (3,) values of each component that become 0 and 1.
    """

    pca: PCA
    low: np.ndarray
    high: np.ndarray

    def paint(self, features: Tensor) -> np.ndarray:
        """Features (N, C, h, w) as pictures, (N, h, w, 3) in [0, 1]."""
        found = self.pca.transform(place_rows(features.detach().cpu()))
        scaled = np.clip((found - self.low) / np.maximum(self.high - self.low, 1e-12), 0, 1)
        count, _, height, width = features.shape
        return scaled.reshape(count, height, width, 3)


def fit_colours(*features: Tensor) -> FeatureColours:
    """The first three principal components of features, (N, C, h, w) of one C, taken together.

    Each is scaled from its 2nd to its 98th percentile. A component's range says nothing of its
    variance; the third may be faint in the features and vivid in the picture.
    """
    rows = np.concatenate([place_rows(each.detach().cpu()) for each in features])
    pca = PCA(n_components=3)
    low, high = np.percentile(pca.fit_transform(rows), [2, 98], axis=0)
    return FeatureColours(pca, low, high)


def pca_colours(
    teacher_features: Tensor, student_features: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' features as pictures: their first three principal components as red, green, blue.

    The components are fitted on both sides together and scaled alike (`fit_colours`): equal colours
    are equal features, on whichever side.

    Args:
        teacher_features: (N, C, h, w), of RGB images; student_features: as many, of thermal ones.

    Returns:
        Two arrays (N, h, w, 3) in [0, 1].
    """
    colours = fit_colours(teacher_features, student_features)
    return colours.paint(teacher_features), colours.paint(student_features)


def joint_embedding(
    x: np.ndarray, y: np.ndarray, seed: int = 0, method: Literal["pca", "tsne"] = "pca"
) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors of both sides in one plane.

    "pca" is a projection, so an offset between modalities stays an offset. "tsne" (van der Maaten and
    Hinton, 2008) keeps neighbours together, and distances between its clusters mean nothing.

    Args:
        x, y: (N, D) descriptors, such as RGB and thermal.
        seed: of the randomised parts.

    Returns:
        The points of `x` and those of `y`, (N, 2) each.

    Raises:
        InputError: an unknown method.
    """
    both = np.concatenate([x, y])
    if method == "pca":
        points = PCA(n_components=2, random_state=seed).fit_transform(both)
    elif method == "tsne":
        # t-SNE's usual 30 neighbours, or what few points allow.
        perplexity = min(30.0, (len(both) - 1) / 3)
        points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(both)
    else:
        raise InputError(f"embedding '{method}' is unknown; use pca or tsne")
    return points[: len(x)], points[len(x) :]
