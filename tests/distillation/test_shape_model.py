"""Properties of softening, an example by hand, and a second, independent implementation."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.schemes import SCHEMES, get_scheme, map_indices
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model

LENGTH = 0.3  # of the mode of the example by hand
CUT_OUT = ("corners6", "sf_tl54", "ibug68")  # schemes whose points are among those of ibug68


@cache
def drawn(count: int, seed: int) -> np.ndarray:
    return make_faces(count, seed=seed, size=64, first_identity=10_000 * seed).landmarks


def faces(count: int = 40, seed: int = 0, scheme: str = "ibug68") -> np.ndarray:
    """Annotations of synthetic faces, (N, K, 2) pixels of a 64-pixel image."""
    return drawn(count, seed)[:, list(map_indices("ibug68", scheme))].astype(np.float64)


def similar(landmarks: np.ndarray, scale: float, turn: float, shift: float) -> np.ndarray:
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return landmarks @ matrix.T + [shift, -2 * shift]


def mirrored(landmarks: np.ndarray, scheme: str = "ibug68") -> np.ndarray:
    """Faces of a mirrored 64-pixel image, renamed by the flip order."""
    return landmarks[:, list(get_scheme(scheme).flip)] * [-1, 1] + [63, 0]


def wild(model: ShapeModel, seed: int = 1) -> np.ndarray:
    """Faces of other identities, bent enough to be clipped."""
    found = faces(12, seed=seed, scheme=model.scheme)
    bent = found + 2 * (found - found.mean(axis=0))
    return bent + np.random.default_rng(seed).normal(0, 3, found.shape)


@pytest.fixture(scope="module")
def model() -> ShapeModel:
    return ShapeModel.fit(faces(), "ibug68", 0.9)


def clipped_share(model: ShapeModel, landmarks: np.ndarray) -> float:
    b = model.coefficients(torch.from_numpy(landmarks)).abs()
    return float((b > 3 * model.variances.sqrt()).double().mean())


# --- by hand ----------------------------------------------------------------------------------


def cross(way: float) -> np.ndarray:
    """Outer eyes at (-1, 0) and (1, 0), chin and nose bridge `way` below and above, the rest at 0.

    Its size is sqrt(2) without the way, so the coefficient of the only mode is the way itself:
    sqrt(2) way / sqrt(2).
    """
    points = np.zeros((68, 2))
    points[36], points[45] = (-1, 0), (1, 0)
    points[8], points[27] = (0, way), (0, -way)
    return points


def test_an_example_by_hand():
    ways = np.array([-LENGTH, 0, LENGTH])
    model = ShapeModel.fit(np.stack([cross(way) for way in ways]), "ibug68", 0.9)
    assert np.allclose(model.mean, cross(0) / np.sqrt(2), atol=1e-9)
    assert model.modes.shape == (1, 68, 2)
    assert np.allclose(np.abs(model.modes[0]) * np.sqrt(2), np.abs(cross(1) - cross(0)), atol=1e-9)
    assert model.variances.numpy() == pytest.approx([LENGTH**2])  # (0.09 + 0 + 0.09) / (3 - 1)
    assert model.shares == pytest.approx([1])

    within, beyond = cross(0.5), cross(2)
    for points in (within, beyond):  # what no mode knows is taken out
        points[3, 1] += 0.2
        points[13, 1] -= 0.2
    soft = model.soften(np.stack([within, beyond]))
    assert np.allclose(soft[0], cross(0.5), atol=1e-9)
    assert np.allclose(soft[1], cross(3 * LENGTH), atol=1e-9)  # three standard deviations, not 2

    moved = model.mode(0, 2) * np.sqrt(2)
    assert np.allclose(np.abs(moved[27]), (0, 2 * LENGTH), atol=1e-9)
    assert np.allclose(moved[36], (-1, 0), atol=1e-9)


# --- a second implementation -------------------------------------------------------------------


def plain_fit(shapes: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, modes and variances, face by face; every rotation by a singular value decomposition."""
    mean = shapes[0] - shapes[0].mean(axis=0)
    mean /= np.linalg.norm(mean)
    for _ in range(30):
        aligned = np.stack([plain_pose(shape, mean)[0] for shape in shapes])
        mean = aligned.mean(axis=0)
        mean /= np.linalg.norm(mean)
    flat = (aligned - mean).reshape(len(shapes), -1)
    _, singular, rows = np.linalg.svd(flat, full_matrices=False)
    variances = singular**2 / (len(shapes) - 1)
    count = 1
    while variances[:count].sum() < share * variances.sum():
        count += 1
    return mean, rows[:count], variances[:count]


def plain_pose(shape: np.ndarray, mean: np.ndarray) -> tuple:
    """The shape aligned with the mean, and the rotation, scale and centre that map it back."""
    centre = shape.mean(axis=0)
    left, singular, right = np.linalg.svd((shape - centre).T @ mean)
    signs = np.array([1, np.sign(np.linalg.det(left @ right))])  # a rotation, never a mirror
    rotation = left @ np.diag(signs) @ right
    scale = (singular * signs).sum()  # of the shape against the mean, whose size is 1
    return (shape - centre) @ rotation / scale, rotation, scale, centre


def plain_soften(shape, mean, modes, variances) -> np.ndarray:
    aligned, rotation, scale, centre = plain_pose(shape, mean)
    soft = mean.flatten()
    for mode, variance in zip(modes, variances, strict=True):
        b = mode @ (aligned - mean).flatten()
        soft = soft + mode * min(max(b, -3 * variance**0.5), 3 * variance**0.5)
    return soft.reshape(-1, 2) @ rotation.T * scale + centre


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_second_implementation_agrees(share):
    shapes = faces()
    model = ShapeModel.fit(shapes, "ibug68", share)
    plain = plain_fit(shapes, share)
    assert model.variances.numpy() == pytest.approx(plain[2])
    landmarks = np.concatenate([shapes, wild(model)])
    assert clipped_share(model, landmarks) > 0
    expected = np.stack([plain_soften(shape, *plain) for shape in landmarks])
    assert np.allclose(model.soften(landmarks), expected, atol=1e-6)


# --- laws --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", CUT_OUT)
def test_all_variance_and_no_clipping_is_the_identity_on_the_shapes_it_was_fitted_to(scheme):
    shapes = faces(scheme=scheme)
    model = ShapeModel.fit(shapes, scheme, 1.0)
    b = model.coefficients(torch.from_numpy(shapes)).abs() / model.variances.sqrt()
    inside = (b <= 3).all(dim=1).numpy()
    assert inside.sum() > 20
    assert np.allclose(model.soften(shapes)[inside], shapes[inside], atol=1e-4)  # pixels
    assert model.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("scheme", CUT_OUT)
@pytest.mark.parametrize("share", [0.3, 0.8, 0.95])
def test_no_more_modes_than_the_share_asks_for(scheme, share):
    model = ShapeModel.fit(faces(scheme=scheme), scheme, share)
    everything = ShapeModel.fit(faces(scheme=scheme), scheme, 1.0)
    assert model.shares.sum() >= share > model.shares[:-1].sum()
    assert model.total_variance == pytest.approx(float(everything.variances.sum()))


def test_softening_twice_is_softening_once(model):
    soft = model.soften(wild(model))
    assert clipped_share(model, wild(model)) > 0.1  # clipped coefficients stay where they are
    assert np.allclose(model.soften(soft), soft, atol=1e-7)


def test_softening_changes_something_and_not_much(model):
    """It removes rare variation; the face keeps its position."""
    shapes = faces(seed=2)
    distance = np.linalg.norm(model.soften(shapes) - shapes, axis=-1).mean()
    assert 0.1 < distance < 3  # pixels of a face about 40 wide


def test_soft_landmarks_have_coefficients_within_three_deviations(model):
    soft = torch.from_numpy(model.soften(wild(model)))
    limit = 3 * model.variances.sqrt()
    assert (model.coefficients(soft).abs() <= limit * (1 + 1e-6)).all()


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 100), st.floats(-3.2, 3.2), st.floats(-500, 500))
def test_softening_commutes_with_rotation_scale_and_shift(model, scale, turn, shift):
    landmarks = wild(model)
    expected = similar(model.soften(landmarks), scale, turn, shift)
    assert np.allclose(
        model.soften(similar(landmarks, scale, turn, shift)), expected, atol=1e-7 * scale
    )


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_a_fit_does_not_depend_on_the_pose_of_each_face_in_its_image(model, seed):
    rng = np.random.default_rng(seed)
    moved = np.stack(
        [
            similar(shape, rng.uniform(0.1, 9), rng.uniform(-3, 3), rng.normal())
            for shape in rng.permutation(faces())
        ]
    )
    other = ShapeModel.fit(moved, "ibug68", 0.9)
    assert np.allclose(other.mean, model.mean, atol=1e-9)
    assert np.allclose(other.soften(wild(model)), model.soften(wild(model)), atol=1e-6)


@pytest.mark.parametrize("scheme", CUT_OUT)
def test_a_set_with_its_mirror_image_gives_a_model_that_flips(scheme):
    shapes = faces(scheme=scheme)
    both = np.concatenate([shapes, mirrored(shapes, scheme)])
    model = ShapeModel.fit(both, scheme, 0.95)
    landmarks = wild(model)
    assert np.allclose(
        model.soften(mirrored(landmarks, scheme)),
        mirrored(model.soften(landmarks), scheme),
        atol=1e-6,
    )


def test_a_mirrored_set_gives_the_mirrored_model(model):
    other = ShapeModel.fit(mirrored(faces()), "ibug68", 0.9)
    landmarks = wild(model)
    assert np.allclose(
        other.soften(mirrored(landmarks)), mirrored(model.soften(landmarks)), atol=1e-6
    )


def test_modes_are_orthonormal_and_contain_no_rotation_scale_or_shift(model):
    flat = model.modes.flatten(1).numpy()
    assert np.allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-9)
    mean = model.mean.numpy()
    turned = mean[:, ::-1] * [-1, 1]
    shift = np.tile([1.0, 0.0], (68, 1))
    for way in (mean, turned, shift, shift[:, ::-1]):
        assert np.allclose(flat @ way.flatten(), 0, atol=1e-9)


def test_the_mean_is_centred_upright_and_of_size_one(model):
    mean = model.mean.numpy()
    left, right = get_scheme("ibug68").outer_eyes
    assert np.allclose(mean.mean(axis=0), 0)
    assert np.linalg.norm(mean) == pytest.approx(1)
    assert mean[left, 1] == pytest.approx(mean[right, 1])
    assert mean[left, 0] < mean[right, 0]
    assert mean[8, 1] > mean[27, 1]  # the chin below the bridge of the nose, y downwards


@pytest.mark.parametrize("deviations", [-3.0, 0.0, 1.5])
def test_a_mode_moves_its_own_coefficient_and_no_other(model, deviations):
    b = model.coefficients(torch.from_numpy(model.mode(1, deviations))[None])[0]
    expected = torch.zeros_like(b)
    expected[1] = deviations * model.variances[1].sqrt()
    assert torch.allclose(b, expected, atol=1e-9)


# --- tensors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_softening_keeps_shape_and_type(model, dtype):
    centred = wild(model) / 64 - 0.5
    expected = model.soften(centred).reshape(3, 4, 68, 2)
    given_ = torch.from_numpy(centred.reshape(3, 4, 68, 2)).to(dtype)
    soft = model.soften(given_)
    assert soft.shape == given_.shape and soft.dtype == dtype
    tolerance = 20 * torch.finfo(dtype).eps
    assert np.allclose(soft.double().numpy(), expected, atol=max(tolerance, 1e-6))
    assert model.soften(given_[0, 0]).shape == (68, 2)
    assert model.soften(given_[:0]).shape == (0, 4, 68, 2)


def test_autocast_costs_no_precision(model):
    landmarks = torch.from_numpy(wild(model) / 64 - 0.5).float()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert torch.equal(model.soften(landmarks), model.soften(landmarks.clone()))
        soft = model.soften(landmarks)
    assert torch.equal(soft, model.soften(landmarks))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same_on_the_gpu(model):
    landmarks = torch.from_numpy(wild(model)).float()
    soft = model.soften(landmarks.cuda())
    assert soft.is_cuda
    assert torch.allclose(soft.cpu(), model.soften(landmarks), atol=1e-4)


def test_gradients_pass(model):
    landmarks = torch.from_numpy(wild(model)[:2]).requires_grad_()
    assert torch.autograd.gradcheck(model.soften, (landmarks,), fast_mode=True)
    assert not model.soften(landmarks.detach()).requires_grad


def test_arrays_may_be_read_only_or_have_negative_strides(model, recwarn):
    landmarks = wild(model)
    landmarks.setflags(write=False)
    soft = model.soften(landmarks)
    assert np.allclose(model.soften(landmarks[::-1]), soft[::-1])
    assert np.allclose(ShapeModel.fit(faces()[::-1], "ibug68").mean, model.mean)
    assert not recwarn.list


def test_the_arguments_are_not_changed(model):
    landmarks = torch.from_numpy(wild(model))
    before = landmarks.clone()
    model.soften(landmarks)
    ShapeModel.fit(landmarks, "ibug68", 0.5)
    assert torch.equal(landmarks, before)


# --- files -------------------------------------------------------------------------------------


def test_a_saved_model_is_the_same_model(model, tmp_path):
    path = tmp_path / "shape.safetensors"
    model.save(path)
    loaded = ShapeModel.load(path)
    assert loaded.scheme == "ibug68"
    assert np.array_equal(loaded.shares, model.shares)
    assert np.array_equal(loaded.soften(wild(model)), model.soften(wild(model)))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_files_that_are_no_shape_model_are_refused(model, tmp_path):
    path = tmp_path / "it"
    with pytest.raises(InputError, match="it: no such shape model"):
        ShapeModel.load(path)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(InputError, match="it: not a complete safetensors file"):
        ShapeModel.load(path)
    make_model().save(path)
    with pytest.raises(InputError, match="it: safetensors, but not a shape model"):
        ShapeModel.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("variances"),
        lambda tensors: tensors.update(variances=tensors["variances"][0].clone()),
        lambda tensors: tensors.update(modes=tensors["modes"][:1].clone()),
        lambda tensors: tensors.update(mean=tensors["mean"].float()),
        lambda tensors: tensors["mean"].fill_(float("nan")),
        lambda tensors: tensors.update(more=torch.zeros(1)),
    ],
)
def test_a_damaged_shape_model_is_refused(model, tmp_path, change):
    path = tmp_path / "it"
    model.save(path)
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"mlcmkd_shape_model": "ibug68"})
    with pytest.raises(InputError, match="it: damaged, or of another version"):
        ShapeModel.load(path)


def test_a_shape_model_of_an_unknown_scheme_is_refused(model, tmp_path):
    save_file({"mean": torch.zeros(1)}, tmp_path / "it", {"mlcmkd_shape_model": "mine"})
    with pytest.raises(InputError, match="it: safetensors, but not a shape model of a scheme"):
        ShapeModel.load(tmp_path / "it")


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(InputError, match="share of variance .*above 0 and at most 1"):
        ShapeModel.fit(faces(3), "ibug68", share)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_shapes_are_refused(count):
    with pytest.raises(InputError, match="at least two shapes"):
        ShapeModel.fit(faces(2)[:count], "ibug68")


def test_too_few_shapes_for_the_share_are_refused():
    with pytest.raises(InputError, match="2 shapes are too few for a share of 0.9"):
        ShapeModel.fit(faces(2), "ibug68", 0.9)
    with pytest.raises(InputError, match="it takes all 4 modes that 5 shapes can have"):
        ShapeModel.fit(faces(5), "ibug68", 0.999)
    assert len(ShapeModel.fit(faces(5), "ibug68", 1.0).modes) == 4


def test_equal_shapes_are_refused(recwarn):
    alike = np.stack([similar(faces(1)[0], 1 + n, n, n) for n in range(4)])
    for shapes in (alike, alike.astype(np.float32), np.repeat(alike[:1], 3, axis=0)):
        with pytest.raises(InputError, match="4 shapes|3 shapes are equal up to"):
            ShapeModel.fit(shapes, "ibug68")
    assert not recwarn.list


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda shape: shape.__setitem__((3, 0), np.nan), "shape 5 has NaN or infinite"),
        (lambda shape: shape.__setitem__((3, 0), np.inf), "shape 5 has NaN or infinite"),
        (lambda shape: shape.fill(0), "shape 5 has all its points in one place"),
        (lambda shape: shape.fill(1000.1), "shape 5 has all its points in one place"),
    ],
)
def test_the_message_numbers_an_invalid_shape(model, spoil, message):
    shapes = faces(10)
    spoil(shapes[5])
    with pytest.raises(InputError, match=message):
        ShapeModel.fit(shapes, "ibug68", 0.5)
    for dtype in (np.float64, np.float32):
        with pytest.raises(InputError, match=message):
            model.soften(shapes.astype(dtype))
    with pytest.raises(InputError, match=message):
        model.soften(torch.from_numpy(shapes.reshape(2, 5, 68, 2)))


def test_points_in_a_wrong_order_are_refused():
    shapes = faces(10)
    shapes[7] = shapes[7, np.random.default_rng(0).permutation(68)]
    with pytest.raises(InputError, match="shape 7 is too different .* order of scheme 'ibug68'"):
        ShapeModel.fit(shapes, "ibug68", 0.5)
    with pytest.raises(InputError, match="too different|does not converge"):
        ShapeModel.fit(np.random.default_rng(0).normal(size=(10, 68, 2)), "ibug68", 0.5)


def test_a_shape_that_cannot_be_aligned_is_refused():
    model = ShapeModel.fit(np.stack([cross(way) for way in (-0.3, 0, 0.3)]), "ibug68")
    upright = cross(1) - cross(0)  # where it has points, the mean has none
    with pytest.raises(InputError, match="shape 1 cannot be aligned with the mean"):
        model.soften(np.stack([cross(0.1), upright]))


def test_another_number_of_points_is_refused(model):
    for wrong in (faces(5, scheme="sf_tl54"), faces(5)[..., :1], faces(5)[0, 0]):
        with pytest.raises(InputError, match=r"scheme 'ibug68' needs \(..., 68, 2\)"):
            model.soften(wrong)
    with pytest.raises(InputError, match=r"scheme 'sf_tl54' needs \(..., 54, 2\)"):
        ShapeModel.fit(faces(5), "sf_tl54")
    with pytest.raises(InputError, match="landmark scheme 'mine' is unknown"):
        ShapeModel.fit(faces(5), "mine")


def test_integers_are_refused(model):
    with pytest.raises(InputError, match="give floating-point coordinates"):
        model.soften(torch.from_numpy(faces(2).round().astype(np.int64)))
    assert ShapeModel.fit(faces(20).round().astype(np.int64), "ibug68", 0.5).shares.sum() >= 0.5


def test_an_unknown_mode_is_refused(model):
    for index in (-1, len(model.modes)):
        with pytest.raises(InputError, match=f"mode {index}: this shape model has modes 0 to"):
            model.mode(index, 1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_mean_of_every_scheme_is_upright(scheme):
    """Also schemes without eye corners: five points have pupils, a profile has neither."""
    rng, known = np.random.default_rng(0), SCHEMES[scheme]
    base = rng.normal(size=(known.points, 2))
    shapes = base + 0.05 * rng.normal(size=(6 * known.points, known.points, 2))
    model = ShapeModel.fit(shapes, scheme, variance=0.9)
    assert np.isfinite(model.soften(shapes)).all()
    eyes = [(corner,) for corner in known.outer_eyes or ()] or known.pupils
    if eyes is not None:
        left, right = (np.asarray(model.mean)[list(points)].mean(axis=0) for points in eyes)
        assert right[1] == pytest.approx(left[1], abs=1e-9) and right[0] > left[0]
