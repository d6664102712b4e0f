"""The explorer without a browser: views, their results, caching, saved files and widgets."""

import asyncio
import io
import json
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from mlcmkd.attribution import integrated_gradients
from mlcmkd.data.thermal.radiometry import FACE_CELSIUS, GREY8, Radiometry
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.invariance import pca_colours
from mlcmkd.explorer import figure as figure_module
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.explorer.outputs import STEPS, rescale_thermal
from mlcmkd.explorer.view import View, read_saved
from mlcmkd.explorer.widget import Explorer
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError
from tests.conftest import make_model, make_pairs

QUICK = ("heatmap", "features")


@pytest.fixture(scope="module")
def models() -> dict[str, Landmarker]:
    return {
        "teacher": make_model("light", "rgb", seed=0),
        "student": make_model("light", "thermal", seed=1),
        "wide": make_model("small", "thermal", seed=2),
        "coordinates": make_model("light", "thermal", seed=3, head="coordinate"),
    }


@pytest.fixture
def exploration(models) -> Exploration:
    return Exploration(make_pairs(6), models)


@pytest.fixture
def view(exploration) -> View:
    return exploration.first_view().changed(show=QUICK, pair=2)


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """Channels of the input of every call of a backbone: 3 for RGB, 1 for thermal."""
    found = []
    levels = Landmarker.levels

    def counted(self, images):
        found.append(images.shape[1])
        return levels(self, images)

    monkeypatch.setattr(Landmarker, "levels", counted)
    return found


def plain(exploration: Exploration, view: View):
    index = torch.tensor([view.pair])
    return make_batch(exploration.pairs, index, NO_AUGMENTATION, torch.Generator())


# --- results --------------------------------------------------------------------------------------


def test_a_view_shows_the_models_outputs_for_the_undisturbed_input(exploration, view, models):
    batch = plain(exploration, view)
    for side, name in (("rgb", "teacher"), ("thermal", "student")):
        model, images = models[name].eval(), batch.images(side)
        with torch.no_grad():
            features, answer = model.features(images), model(images)
        assert torch.equal(exploration.outputs.layers(view, side)["features"], features)
        assert torch.equal(
            exploration.outputs.prediction(view, side).coordinates, answer.coordinates
        )
    rgb, _ = exploration.results(view)
    assert np.allclose(rgb.heatmap.sum(), 1, atol=1e-5)
    assert np.array_equal(rgb.annotated, exploration.pairs.landmarks[2].numpy())


def test_exchanged_heads_equal_head_of_features(exploration, view, models):
    batch, exchanged = plain(exploration, view), view.changed(exchanged=True)
    teacher, student = models["teacher"].eval(), models["student"].eval()
    with torch.no_grad():
        of_rgb = student.head(teacher.features(batch.rgb))
        of_thermal = teacher.head(student.features(batch.thermal))
    rgb, thermal = exploration.results(exchanged)
    assert np.array_equal(rgb.predicted, of_rgb.coordinates[0].numpy())
    assert np.array_equal(thermal.predicted, of_thermal.coordinates[0].numpy())
    own, _ = exploration.results(view)
    assert not np.allclose(rgb.predicted, own.predicted)
    assert "head of student" in rgb.titles["image"] and "features of teacher" in rgb.titles["image"]


def test_levels_are_the_backbones_and_lead_to_the_features(exploration, view, models):
    found = exploration.outputs.layers(view, "rgb")
    assert exploration.layers == ("features", "level 1", "level 2", "level 3")
    model = models["teacher"].eval()
    with torch.no_grad():
        levels = model.backbone(model.normalise(plain(exploration, view).rgb))
        assert torch.allclose(model.neck(levels), found["features"], atol=1e-5)
    for number, level in enumerate(levels, start=1):
        assert torch.allclose(found[f"level {number}"], level, atol=1e-5)


def test_colours_equal_pca_colours_of_the_same_faces(exploration, view):
    batch = make_batch(exploration.pairs, torch.arange(6), NO_AUGMENTATION, torch.Generator())
    with torch.no_grad():
        layers = [
            exploration.models[name].features(images)
            for name, images in (("teacher", batch.rgb), ("student", batch.thermal))
        ]
    expected = pca_colours(*layers)
    for side, found in zip(exploration.results(view), expected, strict=True):
        assert np.allclose(side.components, found[2], atol=1e-3)
    assert exploration.outputs.colours(view, "rgb")[1]
    assert not exploration.outputs.colours(view.changed(thermal_model="wide"), "rgb")[1]


def test_attributions_are_integrated_gradients_of_the_view(exploration, view, models):
    shown = view.changed(show=("attribution",), target="x", landmark=8)
    batch = plain(exploration, view)
    expected = integrated_gradients(models["student"], batch.thermal, 8, target="x", steps=STEPS)
    _, thermal = exploration.results(shown)
    assert np.allclose(thermal.attribution, expected.maps[0].numpy(), atol=1e-6)
    _, exchanged = exploration.results(shown.changed(exchanged=True))
    assert not np.allclose(exchanged.attribution, thermal.attribution, atol=1e-6)


# --- disturbances ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pixels, seed", [(2.0, 0), (4.5, 3)])
def test_misalignment_equals_that_of_training(exploration, view, pixels, seed):
    """`Pairs.misaligned` draws a random direction; a view with that direction has the same image."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, 1)[0]
    shifted = view.changed(misalignment=pixels, direction=float(np.rad2deg(angle)))
    pair = exploration.pairs.subset([2]).misaligned(pixels, seed)
    expected = make_batch(pair, torch.tensor([0]), NO_AUGMENTATION, torch.Generator())
    assert torch.equal(exploration.outputs.image(shifted, "rgb"), expected.rgb)
    assert torch.equal(
        exploration.outputs.image(shifted, "thermal"), plain(exploration, view).thermal
    )
    assert not torch.equal(exploration.outputs.image(shifted, "rgb"), plain(exploration, view).rgb)
    before, after = exploration.results(view)[0], exploration.results(shifted)[0]
    assert np.array_equal(before.annotated, after.annotated)  # labels belong to the thermal image


def test_a_shift_to_the_right_moves_pixels_to_the_right():
    pairs = make_pairs(1)
    moved = pairs.shifted(np.array([[3.0, 0.0]]))
    assert torch.equal(moved.rgb[..., 3:], pairs.rgb[..., :-3])
    assert torch.equal(moved.rgb[..., 0], pairs.rgb[..., 0])  # the border is repeated


def test_noise_grows_from_one_pattern_and_has_the_stated_deviation(exploration, view):
    grey = exploration.pairs.thermal
    grey[view.pair] = 32768  # mid-range, so that nothing is clipped
    plain, weak, strong = (
        exploration.outputs.image(view.changed(noise=share), "thermal") for share in (0, 0.02, 0.04)
    )
    assert torch.allclose(2 * (weak - plain), strong - plain, atol=1e-6)
    assert float((strong - plain).std()) == pytest.approx(0.04, rel=0.1)
    other = exploration.outputs.image(view.changed(noise=0.04, noise_seed=1), "thermal")
    assert not torch.equal(other, strong)


@given(
    st.floats(10, 50),
    st.floats(0.5, 30),
    st.lists(st.floats(18, 40), min_size=1, max_size=20),
)
def test_a_range_of_temperatures_clips_like_its_radiometry(low, span, celsius):
    celsius = np.array(celsius, dtype=np.float32)
    unit = FACE_CELSIUS.to_unit(celsius)
    found = rescale_thermal(unit, FACE_CELSIUS, (low, low + span))
    expected = Radiometry(kind="celsius", low=low, high=low + span).to_unit(celsius)
    assert np.allclose(found, expected, atol=1e-3)
    assert found.min() >= 0 and found.max() <= 1
    by_hand = np.clip((celsius - low) / span, 0, 1)
    assert np.allclose(found, by_hand, atol=1e-3)


def test_ranges_of_levels_and_of_stretched_frames():
    levels = np.array([0, 64, 128, 255], dtype=np.float32) / 255
    assert np.allclose(rescale_thermal(levels, GREY8, (64, 128)), [0, 0, 1, 1])
    assert rescale_thermal(levels, GREY8, None) is levels
    with pytest.raises(InputError, match="frame-minmax"):
        rescale_thermal(levels, Radiometry(kind="frame-minmax"), (1, 2))


def test_a_range_changes_the_thermal_image_only(exploration, view):
    narrow = view.changed(temperatures=(24, 36))
    unit = plain(exploration, view).thermal.numpy()
    expected = np.clip((18 + 22 * unit - 24) / 12, 0, 1)
    assert np.allclose(exploration.outputs.image(narrow, "thermal").numpy(), expected, atol=1e-5)
    assert torch.equal(exploration.outputs.image(narrow, "rgb"), plain(exploration, view).rgb)


# --- caching --------------------------------------------------------------------------------------


def test_another_landmark_runs_no_network(exploration, view, calls):
    exploration.results(view)
    calls.clear()
    seen = [exploration.results(view.changed(landmark=n))[0].heatmap for n in range(0, 60, 6)]
    assert calls == []
    assert not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"misalignment": 3.0}, [3]),
        ({"temperatures": (24, 36)}, [1]),
        ({"noise": 0.1}, [3, 1]),
        ({"exchanged": True}, []),
        ({"layer": "level 2"}, []),
        ({"direction": 90.0}, []),  # without a shift it has no effect
        ({"pair": 3}, [3, 1]),
    ],
)
def test_a_change_runs_only_the_networks_it_affects(exploration, view, calls, change, expected):
    exploration.results(view)
    calls.clear()
    exploration.results(view.changed(**change))
    assert calls == expected
    exploration.results(view)
    assert calls == expected  # the first view is still in the cache


def test_without_waiting_only_cached_attributions_are_shown(exploration, view, calls):
    full = view.changed(show=("attribution",))
    exploration.results(view)
    calls.clear()
    early, _ = exploration.results(full, wait=False)
    assert early.attribution is None and "computing" in early.titles["attribution"]
    assert calls == [] and not exploration.is_complete(full, "rgb")
    late, _ = exploration.results(full)
    again, _ = exploration.results(full, wait=False)
    assert exploration.is_complete(full, "rgb") and np.array_equal(
        late.attribution, again.attribution
    )


def test_the_given_models_stay_unchanged(models):
    model = models["teacher"].train()
    Exploration(make_pairs(2), {"teacher": model})
    assert model.training and all(parameter.requires_grad for parameter in model.parameters())


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, message",
    [
        ({"landmark": 68}, "landmark 68: scheme ibug68 has 0 to 67"),
        ({"landmark": -1}, "landmark: Input should be greater than or equal to 0 (given: -1)"),
        ({"pair": 6}, "pair 6: the pairs are 0 to 5"),
        ({"rgb_model": "nobody"}, "'nobody' is unknown; use teacher"),
        ({"layer": "level 9"}, "'level 9' is unknown; use features, level 1"),
        ({"thermal_model": "wide", "exchanged": True}, "cannot be exchanged"),
        ({"temperatures": (36, 24)}, "must rise"),
        ({"temperatures": (20, float("inf"))}, "must rise"),
        ({"noise": 2}, "noise: Input should be less than or equal to 1 (given: 2)"),
        ({"misalignement": 2}, "misalignement: no such field; did you mean 'misalignment'?"),
        ({"thermal_model": "coordinates", "show": ("attribution",)}, "no log-probability"),
    ],
)
def test_an_invalid_view_gives_a_message_of_one_line(exploration, view, change, message):
    with pytest.raises(InputError) as error:
        exploration.results(view.changed(**change))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_misspelt_field_is_rejected():
    with pytest.raises(ValidationError):
        View(rgb_model="a", thermal_model="b", landmrak=3)


def test_models_must_fit_the_pairs(models):
    with pytest.raises(InputError, match="no model"):
        Exploration(make_pairs(2), {})
    with pytest.raises(InputError, match="cropped for 64"):
        Exploration(make_pairs(2, input_px=64), models)
    with pytest.raises(InputError, match="for_scheme"):
        Exploration(make_pairs(2), {"few": models["teacher"].for_scheme("corners6")})


# --- saved views ----------------------------------------------------------------------------------


@given(
    landmark=st.integers(0, 67),
    misalignment=st.floats(0, 32),
    noise=st.floats(0, 1),
    show=st.lists(st.sampled_from(("heatmap", "features", "attribution")), unique=True),
    temperatures=st.none() | st.tuples(st.floats(0, 20), st.floats(21, 40)),
)
def test_a_view_survives_json(**fields):
    view = View(rgb_model="a", thermal_model="b", **fields)
    assert View.model_validate_json(view.model_dump_json()) == view


def test_saving_and_opening_is_a_round_trip(exploration, view, tmp_path):
    disturbed = view.changed(
        misalignment=2.5, direction=45, noise=0.1, temperatures=(24, 36), exchanged=True
    )
    files = exploration.save(disturbed, tmp_path / "views" / "one.two")
    assert [path.name for path in files] == ["one.two.png", "one.two.pdf", "one.two.json"]
    for path in (files[0], files[2]):
        assert exploration.reopen(path) == disturbed
        assert read_saved(path).pair_id == "pair2"
    saved = json.loads(files[2].read_text())
    assert saved["view"]["misalignment"] == 2.5 and set(saved["weights"]) == {"teacher", "student"}
    assert files[1].read_bytes().startswith(b"%PDF")


def test_a_view_opens_only_with_its_own_pairs_and_weights(exploration, view, models, tmp_path):
    _, _, file = exploration.save(view, tmp_path / "one")
    moved = make_pairs(6).subset([1, 2, 3, 4, 5])
    with pytest.raises(
        InputError, match="pair 2 is pair3 in these pairs, the view was saved with pair2"
    ):
        Exploration(moved, models).reopen(file)
    other = {**models, "student": make_model("light", "thermal", seed=9)}
    with pytest.raises(InputError, match="weights of model 'student' differ"):
        Exploration(make_pairs(6), other).reopen(file)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"view": 3}', '{"view": {}, "pair_id": "a"}'])
def test_a_file_without_a_view_is_rejected(exploration, tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match="x.json"):
        exploration.reopen(path)
    Image.new("RGB", (4, 4)).save(tmp_path / "y.png")
    for name in ("y.png", "none.json"):
        with pytest.raises(InputError, match=name):
            exploration.reopen(tmp_path / name)


# --- figures --------------------------------------------------------------------------------------


def words_in(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


@pytest.mark.parametrize(
    "show",
    [(), ("heatmap",), ("attribution",), QUICK, ("heatmap", "features", "attribution")],
)
def test_a_view_is_drawn_with_its_labels_and_without_a_warning(exploration, view, show):
    before = dict(matplotlib.rcParams)
    shown = view.changed(show=show, landmark=36, misalignment=3, noise=0.02, temperatures=(24, 36))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = exploration.figure(shown)
        figure.savefig(io.BytesIO(), dpi=40)
    assert dict(matplotlib.rcParams) == before
    found = words_in(figure)
    expected = ["landmark 36: left eye outer corner", "pair pair2", "shifted 3 px", "noise 2 %"]
    expected += ["24 to 36 degrees C", "predicted", "annotated", "NME", "features of teacher"]
    expected += {"heatmap": ["highest probability"], "attribution": ["contribution"]}.get(
        show[0] if show else "", []
    )
    for words in expected:
        assert words in found, words
    assert 6 <= figure.get_figwidth() <= 11


def test_an_updated_figure_equals_a_new_one(exploration, view):
    other = view.changed(landmark=40, pair=4, temperatures=(20, 30), exchanged=True)
    drawn = figure_module.ExplorerFigure(view.show, "ibug68", exploration.limits(view))
    for each in (view, other):
        drawn.update(
            exploration.results(each),
            each.landmark,
            exploration.title(each),
            exploration.limits(each),
        )
        updated = drawn.png()
    fresh = figure_module.ExplorerFigure(view.show, "ibug68", exploration.limits(other))
    fresh.update(
        exploration.results(other),
        other.landmark,
        exploration.title(other),
        exploration.limits(other),
    )
    assert updated == fresh.png()
    kept = io.BytesIO()
    fresh.figure.savefig(kept, format="png", dpi=100)
    pictures = [
        np.asarray(Image.open(io.BytesIO(p)).convert("RGB"), int)
        for p in (updated, kept.getvalue())
    ]
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.5


def test_a_coordinate_head_has_no_heatmap(exploration, view):
    figure = exploration.figure(view.changed(thermal_model="coordinates"))
    assert "has no heatmap" in words_in(figure)


# --- widgets --------------------------------------------------------------------------------------


@pytest.fixture
def explorer(exploration, view, tmp_path) -> Explorer:
    return Explorer(exploration, view, folder=tmp_path / "views")


def test_every_widget_moves_the_view_and_the_picture(explorer):
    changes = {
        "landmark": 41,
        "pair": 1,
        "rgb_model": "student",
        "thermal_model": "teacher",
        "layer": "level 1",
        "exchanged": True,
        "misalignment": 4.0,
        "direction": 90.0,
        "noise": 0.1,
        "temperatures": (24.0, 36.0),
    }
    for name, value in changes.items():
        before = explorer.picture.value
        explorer.controls[name].value = value
        assert getattr(explorer.view, name) == value
        assert explorer.picture.value != before, name
    assert bytes(explorer.picture.value).startswith(b"\x89PNG")
    explorer.panels["features"].value = False
    assert explorer.view.show == ("heatmap",)
    assert set(changes) | {"target"} == set(explorer.controls)


def test_the_full_range_sets_no_temperatures(explorer):
    explorer.controls["temperatures"].value = (24, 36)
    explorer.controls["temperatures"].value = (18, 40)
    assert explorer.view.temperatures is None


def test_setting_the_view_sets_the_widgets_and_draws_once(explorer, monkeypatch):
    drawn = []
    monkeypatch.setattr(explorer, "_show", lambda view, wait: drawn.append((view, wait)))
    other = explorer.view.changed(landmark=3, noise=0.1, show=("heatmap",), temperatures=(20, 30))
    explorer.view = other
    assert drawn == [(other, True)]
    assert explorer.controls["landmark"].value == 3
    assert explorer.controls["temperatures"].value == (20, 30)
    assert [name for name, button in explorer.panels.items() if button.value] == ["heatmap"]


def test_sliders_reach_the_values_of_a_given_view_and_do_not_cut_them(explorer):
    other = explorer.view.changed(misalignment=20, noise=0.5, temperatures=(10, 50))
    explorer.view = other
    assert explorer.controls["misalignment"].value == 20
    explorer.controls["landmark"].value = 7
    assert explorer.view == other.changed(landmark=7)


def test_an_invalid_choice_gives_a_message_and_keeps_the_picture(explorer):
    before, shown = explorer.picture.value, explorer.view
    explorer.controls["exchanged"].value = True
    explorer.controls["thermal_model"].value = "wide"
    assert "cannot be exchanged" in explorer.message.value
    assert explorer.view == shown.changed(exchanged=True)
    explorer.controls["thermal_model"].value = "student"
    explorer.controls["exchanged"].value = False
    assert "cannot" not in explorer.message.value and explorer.picture.value == before


def test_the_handles_of_the_temperature_range_stay_apart_and_controls_go_on_working(explorer):
    """An empty range is no view, and would make every later change of a control an error."""
    control = explorer.controls["temperatures"]
    for ends in ((30, 30), (18, 18), (40, 40)):
        control.value = ends
        low, high = explorer.view.temperatures
        assert high - low == pytest.approx(control.step) and (low, high) == control.value
        assert explorer.message.value.startswith("landmark")
        before = explorer.picture.value
        explorer.controls["landmark"].value += 1
        assert explorer.picture.value != before


def test_after_an_invalid_choice_the_controls_show_the_view_and_go_on_working(explorer):
    explorer.controls["exchanged"].value = True
    explorer.controls["thermal_model"].value = "wide"
    assert "cannot be exchanged" in explorer.message.value
    assert explorer.controls["thermal_model"].value == explorer.view.thermal_model == "student"
    before = explorer.picture.value
    explorer.controls["landmark"].value = 5
    assert explorer.picture.value != before and "cannot" not in explorer.message.value


def test_exchanging_the_heads_of_one_model_says_that_nothing_changes(explorer):
    explorer.controls["exchanged"].value = True
    assert "changes nothing" not in explorer.message.value
    explorer.controls["thermal_model"].value = "teacher"
    assert "both modalities show teacher" in explorer.message.value
    assert "choose two models" in explorer.message.value


def test_a_view_opens_by_its_name_and_an_empty_name_lists_the_views(explorer, tmp_path):
    explorer.open.click()
    assert "give the name of a saved view" in explorer.message.value
    assert "there are none yet" in explorer.message.value
    explorer.controls["landmark"].value = 12
    explorer.name.value = "mine"
    explorer.save.click()
    explorer.open.click()
    assert "there are mine" in explorer.message.value
    for text in ("mine", "mine.json", "mine.png", str(tmp_path / "views" / "mine.json")):
        explorer.controls["landmark"].value = 50
        explorer.path.value = text
        explorer.open.click()
        assert explorer.view.landmark == 12, text
        assert "opened" in explorer.message.value


def test_save_and_open_by_button(explorer, tmp_path):
    explorer.controls["landmark"].value = 12
    explorer.name.value = "mine"
    explorer.save.click()
    assert "saved" in explorer.message.value
    kept = explorer.view
    explorer.controls["landmark"].value = 50
    explorer.path.value = str(tmp_path / "views" / "mine.json")
    explorer.open.click()
    assert explorer.view == kept and explorer.controls["landmark"].value == 12
    for name in ("", "../mine", "a/b"):
        explorer.name.value = name
        explorer.save.click()
        assert "plain file name" in explorer.message.value
    assert not (tmp_path / "mine.json").exists()
    explorer.path.value = "nowhere.json"
    explorer.open.click()
    assert "no such file" in explorer.message.value


def test_the_display_includes_a_picture(explorer):
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["image/png"].startswith("iVBOR")
    assert "landmark 30" in bundle["text/plain"]


def test_in_a_kernel_attributions_follow_after_the_last_change(explorer):
    async def kernel():
        explorer.panels["attribution"].value = True
        quick = explorer.picture.value
        assert not explorer.exploration.is_complete(explorer.view, "rgb")
        explorer.controls[
            "landmark"
        ].value = 9  # before the timer fires: only this one is explained
        for _ in range(200):
            await asyncio.sleep(0.05)
            if explorer.exploration.is_complete(explorer.view, "thermal"):
                break
        return quick

    quick = asyncio.run(kernel())
    assert explorer.exploration.is_complete(explorer.view, "rgb")
    assert not explorer.exploration.is_complete(explorer.view.changed(landmark=30), "rgb")
    assert explorer.picture.value != quick
