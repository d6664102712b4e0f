"""The explorer without widgets: an `Exploration` computes, draws, saves and reopens views.

Scripts and tests use it directly; `widget` adds the controls.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.evaluation.evaluate import check_input
from mlcmkd.explorer.figure import explorer_view
from mlcmkd.explorer.outputs import ViewOutputs
from mlcmkd.explorer.panels import ModalityResult
from mlcmkd.explorer.results import modality_result
from mlcmkd.explorer.view import (
    FEATURES,
    LEVEL,
    METADATA,
    Saved,
    View,
    read_saved,
    weights_hash,
)
from mlcmkd.models import Landmarker
from mlcmkd.plots.saving import save_figure
from mlcmkd.plots.style import STYLE
from mlcmkd.schemes import get_scheme
from mlcmkd.training.run_directory import write_atomically
from mlcmkd.utils.errors import InputError


class Exploration:
    """Pairs and models, and the views of them.

    The models are copied and stay unchanged; the copies run on the CPU.

    Args:
        pairs: pairs with both modalities.
        models: models by the names that views use, with the scheme and the input size of the pairs.
            None for the bundled models.

    Attributes:
        pairs, models: the pairs, and the copies of the models.
        scheme: landmark scheme of the pairs.
        layers: names of the layers that all models have.
        outputs: images, features, predictions and attributions of a view.

    Raises:
        InputError: no model, a missing modality, a model with another input size or scheme, or an
            installation without the bundled models.
    """

    def __init__(self, pairs: Pairs, models: Mapping[str, Landmarker] | None = None):
        if models is None:
            models = _bundled_models()
        if not models:
            raise InputError("explorer: no model was given; give one or more by name")
        for name, model in models.items():
            for modality in MODALITIES:
                check_input(model, pairs, modality, "the explorer")
            if model.spec.scheme != pairs.scheme:
                raise InputError(
                    f"model '{name}': predicts scheme {model.spec.scheme}, the pairs are in "
                    f"{pairs.scheme}; give model.for_scheme('{pairs.scheme}')"
                )
        self.pairs = pairs
        self.models = {
            name: deepcopy(model).cpu().eval().requires_grad_(False)
            for name, model in models.items()
        }
        self.scheme = get_scheme(pairs.scheme)
        depth = min(len(model.backbone.feature_info.channels()) for model in self.models.values())
        self.layers = (FEATURES, *(f"{LEVEL} {number}" for number in range(1, depth + 1)))
        self.outputs = ViewOutputs(pairs, self.models)

    def first_view(self) -> View:
        """The default view: for each modality the first model trained on it."""
        first = {}
        for modality in MODALITIES:
            trained = [n for n, model in self.models.items() if model.spec.modality == modality]
            first[f"{modality}_model"] = (trained or list(self.models))[0]
        return View(landmark=self.scheme.nose_tip or 0, **first)

    def check(self, view: View) -> None:
        """Validates a view against these pairs and models.

        Raises:
            InputError: unknown pair, landmark, model or layer; heads that cannot be exchanged; a
                range of temperatures where the radiometry has none.
        """
        if view.pair >= len(self.pairs):
            raise InputError(f"pair {view.pair}: the pairs are 0 to {len(self.pairs) - 1}")
        if view.landmark >= self.scheme.points:
            raise InputError(
                f"landmark {view.landmark}: scheme {self.scheme.name} has 0 to "
                f"{self.scheme.points - 1}"
            )
        for name in (view.rgb_model, view.thermal_model):
            if name not in self.models:
                raise InputError(f"model '{name}' is unknown; use {', '.join(self.models)}")
        if view.layer not in self.layers:
            raise InputError(f"layer '{view.layer}' is unknown; use {', '.join(self.layers)}")
        widths = [self.models[name].width for name in (view.rgb_model, view.thermal_model)]
        if view.exchanged and widths[0] != widths[1]:
            raise InputError(
                f"heads of {view.rgb_model} and {view.thermal_model} cannot be exchanged: their "
                f"features have {widths[0]} and {widths[1]} channels; choose two of one width"
            )
        if view.temperatures and self.pairs.radiometry.kind == "frame-minmax":
            raise InputError(
                "temperatures: radiometry 'frame-minmax' does not keep the original range; give none"
            )

    def remark(self, view: View) -> str:
        """A warning about a valid view whose settings have no effect, to append to a message, or ""."""
        if view.exchanged and view.rgb_model == view.thermal_model:
            return (
                f"; both modalities show {view.rgb_model}, so exchanging the heads changes nothing: "
                "choose two models"
            )
        return ""

    def limits(self, view: View) -> tuple[float, float]:
        """The values that become 0 and 1 of the thermal input, in `unit`."""
        stored = self.pairs.radiometry
        return view.temperatures or (stored.low, stored.high)

    @property
    def unit(self) -> str:
        """Unit of `limits`."""
        radiometry = self.pairs.radiometry
        if radiometry.kind == "frame-minmax":
            return "share of the frame's range"
        return "degrees C" if radiometry.absolute else "grey level"

    # --- results and figure --------------------------------------------------------------------

    def results(self, view: View, *, wait: bool = True) -> tuple[ModalityResult, ModalityResult]:
        """The RGB and the thermal result of a view, for the figure.

        Args:
            view: the view.
            wait: whether to compute attributions that are not in the cache; if not, they are left out.

        Raises:
            InputError: see `check`; or a log-probability of a coordinate head was requested.
        """
        self.check(view)
        rgb, thermal = (
            modality_result(self.outputs, self.pairs, view, modality, wait)
            for modality in MODALITIES
        )
        return rgb, thermal

    def is_complete(self, view: View, modality: Modality) -> bool:
        """Whether the cache contains all that `results` needs for this modality of a view."""
        return "attribution" not in view.show or self.outputs.has_attribution(view, modality)

    def title(self, view: View) -> str:
        """One line: the landmark, the pair, and the shift, noise and temperature range of the view."""
        low, high = self.limits(view)
        parts = [
            f"landmark {view.landmark}: {self.scheme.names[view.landmark]}",
            f"pair {self.pairs.ids[view.pair]}",
        ]
        if view.misalignment:
            parts.append(f"RGB shifted {view.misalignment:g} px at {view.direction:g} degrees")
        if view.noise:
            parts.append(f"noise {100 * view.noise:g} %")
        if view.temperatures:
            parts.append(f"{low:g} to {high:g} {self.unit}")
        return ",  ".join(parts)

    def figure(self, view: View) -> Figure:
        """Draws a view as a matplotlib figure.

        Raises:
            InputError: see `results`.
        """
        return explorer_view(
            self.results(view),
            view.landmark,
            self.title(view),
            scheme=self.scheme.name,
            limits=self.limits(view),
            unit=self.unit,
        )

    # --- saved views ---------------------------------------------------------------------------

    def saved(self, view: View) -> Saved:
        """A view with the name of its pair and the hashes of its models."""
        names = dict.fromkeys((view.rgb_model, view.thermal_model))
        weights = {name: weights_hash(self.models[name]) for name in names}
        return Saved(view=view, pair_id=self.pairs.ids[view.pair], weights=weights)

    def save(self, view: View, stem: Path | str) -> list[Path]:
        """Saves a view as figure, `stem.png` and `stem.pdf`, and as parameters, `stem.json`.

        The PNG contains the same JSON as metadata.

        Raises:
            InputError: see `results`.
        """
        figure = self.figure(view)
        metadata = self.saved(view).model_dump_json(indent=1)
        stem = Path(stem)
        stem.parent.mkdir(parents=True, exist_ok=True)
        files = [stem.with_name(f"{stem.name}.{suffix}") for suffix in ("png", "pdf", "json")]
        with rc_context(STYLE):
            save_figure(figure, files[0], dpi=200, metadata={METADATA: metadata})
            save_figure(figure, files[1], metadata={"Subject": self.title(view)})
        write_atomically(files[2], metadata + "\n")
        return files

    def reopen(self, path: Path | str) -> View:
        """The view that was saved at `path`, a JSON or a PNG file.

        Raises:
            InputError: no such file, no view in it, or these pairs or weights differ from those of
                the saved view.
        """
        saved = read_saved(path)
        self.check(saved.view)
        pair_id = self.pairs.ids[saved.view.pair]
        if pair_id != saved.pair_id:
            raise InputError(
                f"{path}: pair {saved.view.pair} is {pair_id} in these pairs, the view was saved "
                f"with {saved.pair_id}; open it with the same pairs"
            )
        for name, weights in saved.weights.items():
            if name not in self.models or weights_hash(self.models[name]) != weights:
                raise InputError(
                    f"{path}: the weights of model '{name}' differ from those of the saved view; "
                    "open it with the same models"
                )
        return saved.view


def _bundled_models() -> dict[str, Landmarker]:
    """The bundled models by name."""
    return {
        f"bundled {modality}": Landmarker.load(bundled_weights(modality)) for modality in MODALITIES
    }
