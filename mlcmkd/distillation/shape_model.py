"""Active shape model and soft landmarks.

Soft landmarks are annotated landmarks projected onto the main modes of shape variation. KD-Loss (Fard
and Mahoor, arXiv 2111.07047) trains its Tolerant-Teacher on them. The model is that of Cootes, Taylor,
Cooper and Graham (Active Shape Models, 1995). Shapes are aligned with their mean by translation,
rotation and scale. The modes of variation are the principal components P of the residuals, lambda_i is
the variance of the coefficient b_i, and

    x = mean + P b,   b = P^T (x - mean),   |b_i| <= 3 sqrt(lambda_i).

A shape that is divided by its rotation and scale (see `shape_alignment`) is in the tangent plane of the
mean: its inner product with the mean is 1. So the modes contain no rotation and no scaling. A soft shape
is already aligned, and softening it again changes nothing.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from mlcmkd.distillation.shape_alignment import (
    align,
    check_shapes,
    first_wrong,
    similarity_to,
    to_plane,
)
from mlcmkd.schemes import SCHEMES
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.writing import replacing

CLIP = 3.0  # limit of a coefficient, standard deviations
_MIN_VARIANCE = 1e-12  # of a mode: a deviation below 1e-6 of the face's size is rounding error
_KEY = "mlcmkd_shape_model"  # metadata entry of our files: the scheme's name

Landmarks = TypeVar("Landmarks", Tensor, np.ndarray)


def _tensor(landmarks: Tensor | np.ndarray) -> Tensor:
    """Landmarks as a tensor; an array is copied, since it may be read-only or have negative strides."""
    return landmarks if isinstance(landmarks, Tensor) else torch.from_numpy(np.array(landmarks))


def _modes_needed(variances: np.ndarray, share: float, shapes: int, points: int) -> int:
    """The smallest number of modes (by falling variance) that explain `share` of the variance.

    Raises:
        InputError: all modes that so few shapes can have are needed, so that more shapes could need
            more modes.
    """
    explained = variances.cumsum() / variances.sum()
    explained[-1] = 1.0  # not 1 - 1e-16
    count = int(np.searchsorted(explained, share)) + 1
    freedom = 2 * points - 4  # without translation, rotation and scale
    if share < 1 and count == shapes - 1 < freedom:
        raise InputError(
            f"{shapes} shapes are too few for a share of {share:g} of the variance: it takes all "
            f"{count} modes that {shapes} shapes can have; give more shapes or a smaller share"
        )
    return count


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """A mean shape and its modes of variation; made by `fit`.

    The unit of length is the size of the mean: the root of the sum of its squared coordinates is 1.

    Attributes:
        scheme: landmark scheme of the shapes.
        mean: (K, 2) float64, centroid 0, eyes horizontal.
        modes: (M, K, 2) float64, orthonormal, by falling variance.
        variances: (M,) float64, lambda_i, variance of each mode's coefficient over the shapes.
        total_variance: sum of the variances of all modes, including those that were not kept.
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
            landmarks: (N, K, 2), in any unit; the faces may differ in rotation, scale and position.
            scheme: their landmark scheme.
            variance: share of the shapes' variance to keep, above 0 and at most 1; the smallest
                number of modes that explain it is kept. 1 keeps all modes.

        Raises:
            InputError: an unknown scheme or another number of points; a share outside (0, 1]; fewer
                than two shapes, or too few for the share; shapes that are all equal; and, with its
                number, a shape that is not finite, has all points in one place or is too different
                from the others.
        """
        if not 0 < variance <= 1:
            raise InputError(f"share of variance {variance}: choose one above 0 and at most 1")
        shapes = _tensor(landmarks).detach().to("cpu", torch.float64)
        if shapes.ndim != 3 or len(shapes) < 2:
            raise InputError(
                f"landmarks have the shape {tuple(shapes.shape)}; "
                "a shape model needs (N, K, 2) with at least two shapes"
            )
        check_shapes(shapes, scheme)
        mean, aligned = align(shapes, scheme)
        from sklearn.decomposition import PCA  # here, because its import takes seconds

        pca = PCA(svd_solver="full").fit(torch.view_as_real(aligned).flatten(1).numpy())
        variances = pca.explained_variance_[pca.explained_variance_ > _MIN_VARIANCE]
        if len(variances) == 0:
            raise InputError(
                f"the {len(shapes)} shapes are equal up to rotation, scale and position; "
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
        """Residuals of the aligned shapes, (..., 2K); centroid and similarity of each, (..., 1).

        Centroid and similarity are complex. All are at least float32, on the landmarks' device.
        """
        if not landmarks.is_floating_point():
            raise InputError(f"landmarks are {landmarks.dtype}; give floating-point coordinates")
        shapes = landmarks.to(torch.promote_types(landmarks.dtype, torch.float32))
        check_shapes(shapes, self.scheme)
        points, mean = to_plane(shapes), to_plane(self.mean.to(shapes))
        centre = points.mean(dim=-1, keepdim=True)
        centred = points - centre
        similarity = similarity_to(centred, mean)
        scale = similarity.abs().squeeze(-1)
        wrong = scale <= 100 * torch.finfo(shapes.dtype).eps * centred.norm(dim=-1)
        if wrong.any():
            raise InputError(
                f"shape {first_wrong(wrong)} cannot be aligned with the mean shape; bring its points "
                f"into the order of scheme '{self.scheme}'"
            )
        return torch.view_as_real(centred / similarity - mean).flatten(-2), centre, similarity

    def coefficients(self, landmarks: Tensor) -> Tensor:
        """b = P^T (x - mean) of the aligned shapes, (..., K, 2) to (..., M), not clipped.

        Raises:
            InputError: as `soften`.
        """
        with torch.autocast(landmarks.device.type, enabled=False):
            residual, _, _ = self._aligned(landmarks)
            return residual @ self.modes.flatten(1).T.to(residual)

    def soften(self, landmarks: Landmarks) -> Landmarks:
        """Soft landmarks: mean + P b, |b_i| <= 3 sqrt(lambda_i), mapped back to each face.

        Softening commutes with rotation, scaling and translation of the image, and softening soft
        landmarks changes nothing. It is differentiable.

        Args:
            landmarks: (..., K, 2) floating point in any image coordinates, a tensor on any device or
                an array. Leave out rows without a label, which are zeros in `Pairs`.

        Returns:
            The same shape, type and device as `landmarks`.

        Raises:
            InputError: another number of points, or integers; and, with its number, a shape that is
                not finite, has all points in one place, or cannot be aligned with the mean.
        """
        if isinstance(landmarks, np.ndarray):
            return self.soften(_tensor(landmarks)).numpy()
        with torch.autocast(landmarks.device.type, enabled=False):
            residual, centre, similarity = self._aligned(landmarks)
            modes = self.modes.flatten(1).to(residual)
            limit = CLIP * self.variances.sqrt().to(residual)
            clipped = (residual @ modes.T).clamp(-limit, limit)
            aligned = self.mean.to(residual) + (clipped @ modes).unflatten(-1, (-1, 2))
            soft = torch.view_as_real(centre + similarity * to_plane(aligned))
        return soft.to(landmarks.dtype)

    def mode(self, index: int, deviations: float) -> np.ndarray:
        """The mean shape displaced along one mode, (K, 2), in units of the mean's size.

        Args:
            index: index of the mode; 0 has the largest variance.
            deviations: the displacement, in standard deviations of the mode's coefficient.

        Raises:
            InputError: the model has no such mode.
        """
        if not 0 <= index < len(self.modes):
            raise InputError(f"mode {index}: this shape model has modes 0 to {len(self.modes) - 1}")
        displacement = deviations * self.variances[index].sqrt() * self.modes[index]
        return (self.mean + displacement).numpy()

    def save(self, path: Path | str) -> None:
        """Writes mean, modes and variances to a safetensors file, atomically."""
        path = Path(path)
        tensors = {
            "mean": self.mean,
            "modes": self.modes,
            "variances": self.variances,
            "total_variance": torch.tensor(self.total_variance, dtype=torch.float64),
        }
        tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
        with replacing(path) as part:
            part.write_bytes(to_bytes(tensors, metadata={"format": "pt", _KEY: self.scheme}))

    @classmethod
    def load(cls, path: Path | str) -> "ShapeModel":
        """The shape model saved at `path`, on the CPU.

        Raises:
            InputError: no such file, not safetensors, or not written by `save`.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such shape model; write one with ShapeModel.save")
        try:
            with safe_open(path, framework="pt") as file:
                scheme = (file.metadata() or {}).get(_KEY)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{path}: not a complete safetensors file ({error})") from None
        if scheme not in SCHEMES:
            raise InputError(
                f"{path}: safetensors, but not a shape model of a scheme known here "
                f"({', '.join(SCHEMES)}); give one that ShapeModel.save wrote"
            )
        points = SCHEMES[scheme].points
        shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        count = math.prod(shapes.get("variances", ()))
        expected = {
            "mean": (points, 2),
            "modes": (count, points, 2),
            "variances": (count,),
            "total_variance": (),
        }
        valid = all(t.dtype == torch.float64 and t.isfinite().all() for t in tensors.values())
        if shapes != expected or not valid:
            raise InputError(f"{path}: damaged, or of another version of mlcmkd; fit it again")
        total = float(tensors.pop("total_variance"))
        return cls(scheme=scheme, total_variance=total, **tensors)
