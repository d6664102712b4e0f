"""Active shape model: soft landmarks, the annotated ones with what is rare about them taken out.

KD-Loss (Fard & Mahoor, arXiv 2111.07047) trains its Tolerant-Teacher on them. The model is that of
Cootes, Taylor, Cooper and Graham (Active Shape Models, 1995): shapes are aligned with their mean by
translation, turn and scale, the principal components P of what is left are the modes of the face, and

    x = mean + P b,   b = P^T (x - mean),   |b_i| <= 3 sqrt(lambda_i).

A landmark is treated as one complex number x + iy here. A turn with a scale is then a factor, and
the factor that lays the mean on a shape by least squares is their inner product. scipy's procrustes
takes one pair at a time and may mirror it; this takes a batch, on its device, and cannot.

Pulling a shape back by that factor puts it into the tangent plane of the mean, where its inner
product with the mean is 1. So the modes hold no turn and no change of scale, and a softened shape
is aligned as it stands: softening it again changes nothing.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from sklearn.decomposition import PCA
from torch import Tensor

from mlcmkd.schemes import SCHEMES, get_scheme
from mlcmkd.utils.errors import InputError

CLIP = 3.0  # standard deviations a coefficient may have
_ROUNDS = 100  # real faces need fewer than ten
_STILL = 1e-12  # a step of the mean, whose size is 1
# |cosine| between a shape and the mean. The 2,236 faces of 300W have 0.93 and more, points in a wrong
# order 0.13 and less; one such shape, scaled up to meet the mean, would own the first mode.
_LIKENESS = 0.5
_ROUNDING = 1e-12  # variance of a mode: a millionth of the face's size is no longer shape
_KEY = "mlcmkd_shape_model"  # the metadata's entry that tells our files: the scheme's name

Landmarks = TypeVar("Landmarks", Tensor, np.ndarray)


def _tensor(landmarks: Tensor | np.ndarray) -> Tensor:
    """Landmarks as a tensor; an array is copied, for it may be read-only or run backwards."""
    return landmarks if isinstance(landmarks, Tensor) else torch.from_numpy(np.array(landmarks))


def _to_plane(landmarks: Tensor) -> Tensor:
    """(..., 2) real to (...) complex."""
    return torch.complex(landmarks[..., 0], landmarks[..., 1])


def _turn(centred: Tensor, mean: Tensor) -> Tensor:
    """The turn and scale that lay the mean on each shape by least squares: `centred ~ turn * mean`.

    Args:
        centred: (..., K) complex, each with centroid 0.
        mean: (K,) complex, centroid 0, size 1.

    Returns:
        (..., 1) complex: its length is the scale, its angle the turn.
    """
    return (mean.conj() * centred).sum(dim=-1, keepdim=True)


def _first(wrong: Tensor) -> int:
    """Number of the first shape that is wrong, counted over all leading dimensions."""
    return int(torch.nonzero(wrong.flatten())[0])


def _check(landmarks: Tensor, scheme: str) -> None:
    """Make sure that these are shapes, (..., K, 2) floating point, K the scheme's.

    Raises:
        InputError: another number of points, a value that is not finite, or a shape on one spot.
    """
    points = get_scheme(scheme).points
    if landmarks.ndim < 2 or landmarks.shape[-2:] != (points, 2):
        raise InputError(
            f"landmarks have the shape {tuple(landmarks.shape)}; scheme '{scheme}' needs "
            f"(..., {points}, 2): give its {points} points, or name the scheme they are in"
        )
    extent = (landmarks.amax(-2) - landmarks.amin(-2)).amax(-1)
    rounding = 100 * torch.finfo(landmarks.dtype).eps * landmarks.abs().amax((-2, -1))
    wrong = ~(extent > rounding)  # also where NaN or infinity makes the comparison false
    if wrong.any():
        number = _first(wrong)
        shape = landmarks.reshape(-1, points, 2)[number]
        if not shape.isfinite().all():
            raise InputError(f"shape {number} has NaN or infinite coordinates; leave it out")
        raise InputError(
            f"shape {number} has all its points on one spot; leave out rows without a label"
        )


def _align(shapes: Tensor, scheme: str) -> tuple[Tensor, Tensor]:
    """Generalised Procrustes: the mean shape, and the shapes aligned with it.

    The mean has centroid 0 and size (root of the sum of squares) 1, and stands upright: its eyes
    are on a level, whichever way the first face was held.

    Args:
        shapes: (N, K, 2) float64, checked.

    Returns:
        mean (K,) and aligned shapes (N, K), complex.

    Raises:
        InputError: a shape is nothing like the others, or no mean is found.
    """
    points = _to_plane(shapes)
    centred = points - points.mean(dim=-1, keepdim=True)
    size = centred.norm(dim=-1)
    mean = centred[0] / size[0]
    for _ in range(_ROUNDS):
        before, mean = mean, (centred / _turn(centred, mean)).mean(dim=0)
        mean = mean / mean.norm()
        step = float((mean - before).norm())
        if step < _STILL:
            break
    likeness = _turn(centred, mean).abs().squeeze(-1) / size
    unlike = ~(likeness >= _LIKENESS)
    if unlike.any():
        raise InputError(
            f"shape {_first(unlike)} is nothing like the mean of the others; "
            f"bring its points into the order of scheme '{scheme}', or leave it out"
        )
    if not step < _STILL:
        raise InputError(
            f"the {len(shapes)} shapes have no common mean after {_ROUNDS} rounds; "
            f"bring their points into the order of scheme '{scheme}'"
        )
    mean = mean * torch.exp(-1j * _level(mean, scheme).angle())
    return mean, centred / _turn(centred, mean)


def _level(mean: Tensor, scheme: str) -> Tensor:
    """What is level in an upright face, left to right, as a complex number: eye corners, or pupils.

    A scheme with neither, of profiles, keeps the mean as it is (1).
    """
    known = get_scheme(scheme)
    if known.outer_eyes is not None:
        left, right = known.outer_eyes
        return mean[right] - mean[left]
    if known.pupils is not None:
        left, right = (mean[list(points)].mean() for points in known.pupils)
        return right - left
    return torch.ones_like(mean[0])


def _modes_needed(variances: np.ndarray, share: float, shapes: int, points: int) -> int:
    """The fewest of these modes (falling variances) whose variance is `share` of the whole.

    Raises:
        InputError: every mode that so few shapes can have is needed, so nothing says how many a
            face has.
    """
    explained = variances.cumsum() / variances.sum()
    explained[-1] = 1.0  # not 1 - 1e-16
    count = int(np.searchsorted(explained, share)) + 1
    freedom = 2 * points - 4  # without translation, turn and scale
    if share < 1 and count == shapes - 1 < freedom:
        raise InputError(
            f"{shapes} shapes are too few for a share of {share:g} of the variance: it takes all "
            f"{count} modes that {shapes} shapes can have; give more shapes or a smaller share"
        )
    return count


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """A mean shape and its modes of variation; `fit` makes one.

    Lengths are in sizes of the mean: the root of the sum of its squared coordinates is 1.

    Attributes:
        scheme: landmark scheme of the shapes.
        mean: (K, 2) float64, centroid 0, upright.
        modes: (M, K, 2) float64, orthonormal, the widest first.
        variances: (M,) float64, lambda_i, variance of each mode's coefficient over the shapes.
        total_variance: of all modes, those left out included.
    """

    scheme: str
    mean: Tensor
    modes: Tensor
    variances: Tensor
    total_variance: float

    @classmethod
    def fit(
        cls, landmarks: Tensor | np.ndarray, scheme: str, variance: float = 0.9
    ) -> "ShapeModel":
        """The shape model of annotated faces.

        Args:
            landmarks: (N, K, 2), in any unit; each face may be turned, scaled and placed anyhow.
            scheme: their landmark scheme.
            variance: share of the shapes' variance to keep, above 0 and at most 1; the fewest modes
                that explain it are kept. 1 keeps all that the shapes show.

        Raises:
            InputError: an unknown scheme or another number of points; a share outside (0, 1]; fewer
                than two shapes, or too few for the share; shapes that are all alike; and, with its
                number, a shape that is not finite, on one spot or nothing like the others.
        """
        if not 0 < variance <= 1:
            raise InputError(f"share of variance {variance}: give one above 0 and at most 1")
        shapes = _tensor(landmarks).detach().to("cpu", torch.float64)
        if shapes.ndim != 3 or len(shapes) < 2:
            raise InputError(
                f"landmarks have the shape {tuple(shapes.shape)}; "
                "a shape model needs (N, K, 2) with at least two shapes"
            )
        _check(shapes, scheme)
        mean, aligned = _align(shapes, scheme)
        pca = PCA(svd_solver="full").fit(torch.view_as_real(aligned).flatten(1).numpy())
        variances = pca.explained_variance_[pca.explained_variance_ > _ROUNDING]
        if len(variances) == 0:
            raise InputError(
                f"the {len(shapes)} shapes are all alike up to turn, scale and place; "
                "give faces that differ"
            )
        points = shapes.shape[1]
        count = _modes_needed(variances, variance, len(shapes), points)
        return cls(
            scheme=scheme,
            mean=torch.view_as_real(mean).clone(),
            modes=torch.from_numpy(pca.components_[:count].copy()).unflatten(1, (points, 2)),
            variances=torch.from_numpy(variances[:count].copy()),
            total_variance=float(variances.sum()),
        )

    @property
    def shares(self) -> np.ndarray:
        """Share of the variance that each mode explains, (M,), 0 to 1."""
        return self.variances.numpy() / self.total_variance

    def _aligned(self, landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shapes less the mean once aligned with it, (..., 2K); their centre and turn (..., 1).

        The last two are complex. In float32 at least, on the landmarks' device.
        """
        if not landmarks.is_floating_point():
            raise InputError(f"landmarks are {landmarks.dtype}; give floating-point coordinates")
        shapes = landmarks.to(torch.promote_types(landmarks.dtype, torch.float32))
        _check(shapes, self.scheme)
        points, mean = _to_plane(shapes), _to_plane(self.mean.to(shapes))
        centre = points.mean(dim=-1, keepdim=True)
        centred = points - centre
        turn = _turn(centred, mean)
        size = turn.abs().squeeze(-1)
        wrong = size <= 100 * torch.finfo(shapes.dtype).eps * centred.norm(dim=-1)
        if wrong.any():
            raise InputError(
                f"shape {_first(wrong)} has nothing in common with the mean shape, so there is no "
                f"way to align them; bring its points into the order of scheme '{self.scheme}'"
            )
        return torch.view_as_real(centred / turn - mean).flatten(-2), centre, turn

    def coefficients(self, landmarks: Tensor) -> Tensor:
        """b = P^T (x - mean) of the aligned shapes, (..., K, 2) to (..., M), not clipped.

        Raises:
            InputError: as `soften`.
        """
        with torch.autocast(landmarks.device.type, enabled=False):
            residual, _, _ = self._aligned(landmarks)
            return residual @ self.modes.flatten(1).T.to(residual)

    def soften(self, landmarks: Landmarks) -> Landmarks:
        """Soft landmarks: mean + P b, |b_i| <= 3 sqrt(lambda_i), laid back over each face.

        Softening goes along with any turn, scale and shift of the image, and softening soft
        landmarks changes nothing. Gradients pass.

        Args:
            landmarks: (..., K, 2) floating point in any image coordinates, a tensor on any device or
                an array. Rows without a label, zeros in `Pairs`, have to be left out.

        Returns:
            As given: the same shape, type and device.

        Raises:
            InputError: another number of points or integers; and, with its number, a shape that is
                not finite, on one spot, or has nothing in common with the mean.
        """
        if isinstance(landmarks, np.ndarray):
            return self.soften(_tensor(landmarks)).numpy()
        with torch.autocast(landmarks.device.type, enabled=False):
            residual, centre, turn = self._aligned(landmarks)
            modes = self.modes.flatten(1).to(residual)
            limit = CLIP * self.variances.sqrt().to(residual)
            clipped = (residual @ modes.T).clamp(-limit, limit)
            aligned = self.mean.to(residual) + (clipped @ modes).unflatten(-1, (-1, 2))
            soft = torch.view_as_real(centre + turn * _to_plane(aligned))
        return soft.to(landmarks.dtype)

    def mode(self, index: int, deviations: float) -> np.ndarray:
        """The mean shape moved along one mode by so many standard deviations, (K, 2).

        Raises:
            InputError: the model has no mode of this number (0 is the widest).
        """
        if not 0 <= index < len(self.modes):
            raise InputError(f"mode {index}: this shape model has modes 0 to {len(self.modes) - 1}")
        way = deviations * self.variances[index].sqrt() * self.modes[index]
        return (self.mean + way).numpy()

    def save(self, path: Path | str) -> None:
        """Mean, modes and variances in one safetensors file, written whole or not at all."""
        path = Path(path)
        part = path.with_name(path.name + ".part")
        tensors = {
            "mean": self.mean,
            "modes": self.modes,
            "variances": self.variances,
            "total_variance": torch.tensor(self.total_variance, dtype=torch.float64),
        }
        tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
        save_file(tensors, part, metadata={"format": "pt", _KEY: self.scheme})
        part.replace(path)

    @classmethod
    def load(cls, path: Path | str) -> "ShapeModel":
        """The shape model saved at `path`, on the CPU.

        Raises:
            InputError: no such file, not safetensors, or not written by `save`.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such shape model; make one with ShapeModel.fit and save")
        try:
            with safe_open(path, framework="pt") as file:
                scheme = (file.metadata() or {}).get(_KEY)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{path}: not a whole safetensors file ({error})") from None
        if scheme not in SCHEMES:
            raise InputError(
                f"{path}: safetensors, but not a shape model of a scheme known here "
                f"({', '.join(SCHEMES)}); give one that ShapeModel.save wrote"
            )
        points = SCHEMES[scheme].points
        found = {name: tuple(value.shape) for name, value in tensors.items()}
        count = math.prod(found.get("variances", ()))
        expected = {
            "mean": (points, 2),
            "modes": (count, points, 2),
            "variances": (count,),
            "total_variance": (),
        }
        sound = all(t.dtype == torch.float64 and t.isfinite().all() for t in tensors.values())
        if found != expected or not sound:
            raise InputError(f"{path}: broken, or of another version of mlcmkd; fit it again")
        total = float(tensors.pop("total_variance"))
        return cls(scheme=scheme, total_variance=total, **tensors)
