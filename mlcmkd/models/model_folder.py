"""A model as a folder in the form of the Hugging Face Hub: weights, description and card.

    model.safetensors   a file of `save`, which holds tensors and spec
    config.json         a copy of the spec, for people and programs that do not read safetensors
    README.md           the model card

Only the first is needed to load a model; the second is compared with it if it exists. No other file is
opened, no pickle is read, and links out of the folder are not followed.
"""

import json
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

from huggingface_hub import ModelCard, ModelHubMixin, snapshot_download
from huggingface_hub.utils import HFValidationError, validate_repo_id

from mlcmkd.models.model_card import card_text
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError, first_line
from mlcmkd.utils.texts import read_json
from mlcmkd.utils.writing import replacing

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
LIBRARY = "mlcmkd"
_LARGEST_CONFIG = 100_000  # bytes
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class HubModel(ModelHubMixin, library_name=LIBRARY):
    """Base class of landmark models and face detectors: `from_pretrained` and `save_pretrained`.

    Attributes:
        spec: the network's description.
    """

    spec: Config
    save: Callable[..., None]
    load: Callable[..., Self]
    parameter_count: Callable[[], int]

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: Path | str,
        *,
        local_files_only: bool = True,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: Path | str | None = None,
        revision: str | None = None,
    ) -> Self:
        """The model in a folder of `save_pretrained`, on the CPU, in float32 and in evaluation mode.

        Args:
            pretrained_model_name_or_path: the folder; or the name "owner/name" of a repository of the
                Hub, if the cache of `huggingface_hub` contains a copy of it.
            local_files_only: False to download a repository of the Hub. The default differs from that
                of other libraries: nothing is downloaded.
            force_download: download it even if the cache has it; needs `local_files_only=False`.
            token: access token of the Hub; by default the stored one.
            cache_dir: folder of the cache; by default that of `huggingface_hub`.
            revision: branch, tag or commit of the repository.

        Raises:
            InputError: no such folder or repository, no network, no weights in the folder, weights that
                `load` refuses, a link out of the folder, or a `config.json` of another model.
        """
        folder = Path(pretrained_model_name_or_path)
        if not folder.is_dir():
            options = {"force_download": force_download, "token": token}
            options |= {"cache_dir": cache_dir, "revision": revision}
            folder = _from_hub(
                str(pretrained_model_name_or_path), local_files_only=local_files_only, **options
            )
        model = cls.load(_weights_in(folder))
        _check_config(folder, model.spec)
        return model

    def save_pretrained(self, save_directory: Path | str, **options: Any) -> str | None:
        """Writes the model as a folder: weights, description, and a card unless the folder has one.

        Args:
            save_directory: the folder; it is made if it is missing.
            options: arguments of `huggingface_hub.ModelHubMixin.save_pretrained`, such as `push_to_hub`.

        Returns:
            The address of the commit if the folder was also uploaded (`push_to_hub`), otherwise None.

        Raises:
            InputError: a file has that name, or the folder's `config.json` is that of something else,
                such as a run directory.
        """
        folder = Path(save_directory)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: a file has this name; give a folder")
        config = folder / CONFIG
        if config.exists() and _described(config) is None:
            raise InputError(
                f"{config}: belongs to no model folder and would be replaced; give an empty folder"
            )
        return super().save_pretrained(folder, **options)

    def generate_model_card(self, *_: Any, **__: Any) -> ModelCard:
        """The model card: the description and its use. The owner of the model adds the rest."""
        data = deepcopy(self._hub_mixin_info.model_card_data)
        data.tags.append("thermal-imaging" if self.spec.modality == "thermal" else "rgb")
        text = card_text(type(self).__name__, self.spec, self.parameter_count())
        return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}")

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory / WEIGHTS)
        fields = {"library_name": LIBRARY, "spec": json.loads(self.spec.model_dump_json())}
        with replacing(save_directory / CONFIG) as part:
            part.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
        if not (save_directory / CARD).exists():
            with replacing(save_directory / CARD) as part:
                part.write_text(str(self.generate_model_card()), encoding="utf-8")


def _from_hub(name: str, *, local_files_only: bool, **options: Any) -> Path:
    """The folder of a repository of the Hub, in the cache.

    Raises:
        InputError: neither a folder nor a repository, or it is unavailable.
    """
    expected = f"give a folder of `save_pretrained` (with {WEIGHTS})"
    try:
        validate_repo_id(name)
        repository = "/" in name and not Path(name).exists()
    except HFValidationError:
        repository = False
    if not repository:
        kind = "a file, not a folder" if Path(name).exists() else "no such folder"
        raise InputError(f"{name}: {kind}; {expected}")
    try:
        found = snapshot_download(
            name,
            allow_patterns=[WEIGHTS, CONFIG],
            library_name=LIBRARY,
            local_files_only=local_files_only,
            **options,
        )
    except Exception as error:  # several libraries raise it: network, Hub or cache
        if local_files_only:
            raise InputError(
                f"{name}: no such folder, and no copy of a repository of this name in the cache of the "
                f"Hub; {expected}, or local_files_only=False to download it"
            ) from None
        raise InputError(
            f"{name}: cannot be downloaded ({first_line(error)}); download it on a machine with a "
            f"network, and {expected}"
        ) from None
    return Path(found)


def _weights_in(folder: Path) -> Path:
    """The weights of a folder.

    Raises:
        InputError: there are none, or a link leads out of the folder.
    """
    for name in (WEIGHTS, CONFIG):
        _check_inside(folder, folder / name)
    weights = folder / WEIGHTS
    if not weights.is_file():
        pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
        also = f" ({pickles[0]} may be a pickle, which is never read)" if pickles else ""
        raise InputError(f"{folder}: no {WEIGHTS}{also}; give a folder of `save_pretrained`")
    return weights


def _check_inside(folder: Path, path: Path) -> None:
    """Refuses a link out of the folder.

    The cache of the Hub has links in `snapshots/COMMIT` to files in `blobs`; these are allowed.

    Raises:
        InputError: the link leads out of the folder.
    """
    inner = [
        Path(os.path.realpath(folder))
    ]  # unlike `resolve`, without an error at a loop of links
    if inner[0].parent.name == "snapshots":
        inner.append(inner[0].parents[1] / "blobs")
    target = Path(os.path.realpath(path))
    if not any(target.is_relative_to(each) for each in inner):
        raise InputError(f"{path}: a link out of the folder; copy the file into it")


def _check_config(folder: Path, spec: Config) -> None:
    """Refuses a `config.json` that describes another model than the weights.

    Raises:
        InputError: it describes another model, or is not JSON.
    """
    path = folder / CONFIG
    described = _described(path) if path.is_file() else None
    if described is not None and described != json.loads(spec.model_dump_json()):
        raise InputError(
            f"{path}: describes another model than {WEIGHTS}, whose own description counts; "
            f"delete {CONFIG}, or save the model again"
        )


def _described(path: Path) -> Any:
    """The spec in a `config.json`; None if it belongs to something else, such as a run directory."""
    fields = read_json(path, _LARGEST_CONFIG)
    return fields.get("spec", {}) if fields.get("library_name") == LIBRARY else None
