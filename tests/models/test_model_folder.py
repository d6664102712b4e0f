"""Models as folders: a round trip is exact, and what is not such a folder is refused in one line."""

import json
import os
import re
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import save_file

from mlcmkd.deployment.weights import FILES, bundled_detector, bundled_weights
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.models.face_detector import FaceDetector
from mlcmkd.models.model_folder import CARD, CONFIG, WEIGHTS
from mlcmkd.utils.errors import InputError


@pytest.fixture(scope="module")
def small() -> Landmarker:
    return Landmarker(ModelSpec(size="light", input_px=32)).eval()


@pytest.fixture
def folder(small, tmp_path) -> Path:
    small.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def refused(name: Path | str, **options) -> str:
    """The message about a folder that cannot be used; it is one line."""
    with pytest.raises(InputError) as caught:
        Landmarker.from_pretrained(name, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("modality", FILES)
@pytest.mark.parametrize(
    ("kind", "path"), [(Landmarker, bundled_weights), (FaceDetector, bundled_detector)]
)
def test_a_bundled_model_comes_back_to_the_bit(tmp_path, kind, path, modality):
    model = kind.load(path(modality))
    model.save_pretrained(tmp_path / "model")
    assert {each.name for each in (tmp_path / "model").iterdir()} == {WEIGHTS, CONFIG, CARD}
    again = kind.from_pretrained(tmp_path / "model")
    assert not again.training and same(model, again)
    assert again.spec == model.spec  # with radiometry and calibration
    if kind is Landmarker:
        assert again.spec.calibration is not None
    if modality == "thermal":
        assert again.spec.radiometry is not None
    if kind is Landmarker and modality == "thermal":  # the others are stored in float16
        assert (tmp_path / "model" / WEIGHTS).read_bytes() == path(modality).read_bytes()
    again.save_pretrained(tmp_path / "twice")
    for name in (WEIGHTS, CONFIG, CARD):
        assert (tmp_path / "twice" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


def test_the_card_has_the_hubs_form_and_is_kept(small, folder):
    card = ModelCard.load(folder / CARD)
    assert (card.data.library_name, card.data.pipeline_tag) == ("mlcmkd", "keypoint-detection")
    assert {"facial-landmarks", "rgb"} < set(card.data.tags)
    assert "thermal-imaging" not in card.data.tags
    assert card.data.license is None  # its owner states it
    assert '"light"' in card.text and "Landmarker.from_pretrained" in card.text
    (folder / CARD).write_text("mine")
    small.save_pretrained(folder)
    assert (folder / CARD).read_text() == "mine"


def test_config_json_says_what_the_weights_say(folder):
    fields = json.loads((folder / CONFIG).read_text())
    assert fields["library_name"] == "mlcmkd"
    assert ModelSpec(**fields["spec"]) == Landmarker.load(folder / WEIGHTS).spec
    (folder / CONFIG).unlink()  # the weights have their own description
    Landmarker.from_pretrained(str(folder))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"library_name": "mlcmkd", "spec": {"size": "base"}}', "describes another model"),
        ('{"library_name": "mlcmkd", "spec": [1]}', "describes another model"),
        ('{"library_name": "mlcmkd"}', "describes another model"),
        ('{"library_name": "mlcmkd", "library_name": "x"}', "appears twice"),
        ("[" * 100_000, "not JSON"),
        ("[]", "a list instead of an object"),
        ("{", "not JSON"),
        (" " * 200_000, "larger than|too large|bytes"),
    ],
    ids=["other", "list", "none", "twice", "deep", "no-object", "cut", "huge"],
)
def test_a_config_that_contradicts_the_weights_is_refused(folder, text, message):
    (folder / CONFIG).write_text(text)
    assert re.search(message, refused(folder)) and str(folder / CONFIG) in refused(folder)


def test_a_config_cannot_start_a_download_or_another_class(folder, monkeypatch):
    """The mixin would pass its entries to `Landmarker`, of which `pretrained` downloads."""

    def download(*_, **__):
        pytest.fail("downloads")

    monkeypatch.setattr("mlcmkd.models.model_folder.snapshot_download", download)
    monkeypatch.setattr("mlcmkd.models.landmarker.make_backbone", _without_weights)
    text = '{"pretrained": true, "auto_map": {"AutoModel": "evil.Model"}, "spec": "evil.py"}'
    (folder / CONFIG).write_text(text)
    (folder / "evil.py").write_text("raise SystemExit")
    Landmarker.from_pretrained(folder)


def _without_weights(size, *, pretrained):
    from mlcmkd.models.backbones import make_backbone

    assert pretrained is False
    return make_backbone(size, pretrained=False)


def test_a_folder_without_weights_is_refused_and_no_pickle_is_read(folder, tmp_path):
    (folder / WEIGHTS).unlink()
    assert f"{folder}: no {WEIGHTS}; give a folder" in refused(folder)
    torch.save({"a": torch.zeros(1)}, folder / "pytorch_model.bin")
    assert "pytorch_model.bin may be a pickle, which is never read" in refused(folder)
    torch.save({"a": torch.zeros(1)}, folder / WEIGHTS)
    assert "not a complete safetensors file" in refused(folder)
    save_file({"a": torch.zeros(1)}, folder / WEIGHTS)
    assert "without mlcmkd's description" in refused(folder)
    assert "no such folder; give a folder" in refused(tmp_path / "none")
    assert "a file, not a folder; give a folder" in refused(folder / CONFIG)


def test_weights_of_another_kind_are_refused(tmp_path):
    FaceDetector.load(bundled_detector()).save_pretrained(tmp_path)
    assert "contains a face detector, not a landmark model" in refused(tmp_path)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_a_link_out_of_the_folder_is_refused(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "outside")
    (folder / name).symlink_to(tmp_path / "outside")
    assert f"{folder / name}: a link out of the folder" in refused(folder)


def test_a_link_to_itself_is_no_file(folder):
    for name in (CONFIG, WEIGHTS):
        (folder / name).unlink()
        (folder / name).symlink_to(name)
    assert f"{folder}: no {WEIGHTS}" in refused(folder)


def test_the_cache_of_the_hub_is_read_and_nothing_is_downloaded(folder, tmp_path, monkeypatch):
    """Its snapshots are links to files in `blobs`."""
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("asks the network"))
    store, commit = tmp_path / "cache/models--owner--name", "0" * 40
    snapshot = store / "snapshots" / commit
    for made in (snapshot, store / "blobs", store / "refs"):
        made.mkdir(parents=True)
    (store / "refs/main").write_text(commit)
    for name in (WEIGHTS, CONFIG):
        (folder / name).rename(store / "blobs" / name)
        (snapshot / name).symlink_to(f"../../blobs/{name}")
    for place in (snapshot, "owner/name"):
        Landmarker.from_pretrained(place, cache_dir=tmp_path / "cache")
    message = refused("owner/other", cache_dir=tmp_path / "cache")
    assert "no such folder, and no copy" in message and "local_files_only=False" in message


def test_without_a_network_a_download_is_one_line(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise OSError("Name or service not known\nmore")

    monkeypatch.setattr("socket.getaddrinfo", no_network)
    message = refused("owner/name", local_files_only=False, cache_dir=tmp_path)
    assert message.startswith("owner/name: cannot be downloaded (")
    assert "give a folder of `save_pretrained`" in message


def test_a_folder_of_something_else_is_not_overwritten(small, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / CONFIG).write_text('{"out": "run"}')
    with pytest.raises(InputError, match="belongs to no model folder and would be replaced"):
        small.save_pretrained(run)
    assert os.listdir(run) == [CONFIG] and (run / CONFIG).read_text() == '{"out": "run"}'
    with pytest.raises(InputError, match="a file has this name; give a folder"):
        small.save_pretrained(run / CONFIG)
    small.save(run / WEIGHTS)
    Landmarker.from_pretrained(run)  # a run directory has weights, too


def test_saving_replaces_links_and_never_writes_through_them(small, tmp_path):
    (tmp_path / "model").mkdir()
    for name in (WEIGHTS, CONFIG, CARD):
        (tmp_path / "model" / name).symlink_to(tmp_path / f"outside-{name}")
    small.save_pretrained(tmp_path / "model")
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
    Landmarker.from_pretrained(tmp_path / "model")
