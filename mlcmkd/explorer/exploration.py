"""What the explorer computes: an `Exploration` turns a `View` into arrays.

No widget is needed here, so a view can be drawn by a script, saved, opened again and tested. Whatever a
change leaves as it was is remembered: another landmark asks no network, another misalignment asks only
the one that reads RGB.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor, nn

from mlcmkd.attribution import Attribution, integrated_gradients
from mlcmkd.data.pairs import Pairs
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.evaluate import check_input
from mlcmkd.evaluation.invariance import FeatureColours, fit_colours
from mlcmkd.evaluation.metrics import point_errors
from mlcmkd.explorer.figure import SIDES, Side, explorer_view
from mlcmkd.explorer.view import (
    FEATURES,
    LEVEL,
    METADATA,
    Saved,
    View,
    read_saved,
    weights_hash,
)
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.plots.style import STYLE
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

STEPS = 16  # of integrated gradients; the completeness error stands beside every map
REFERENCE_FACES = 16  # whose features fix the colours of a layer
_REMEMBERED = 256  # answers of each kind; about 0.5 MB each at 64 px

T = TypeVar("T")


class _Memory:
    """What was computed last, by what it was computed from; the longest unused goes first."""

    def __init__(self, most: int = _REMEMBERED):
        self._kept: OrderedDict[tuple, Any] = OrderedDict()
        self._most = most

    def __call__(self, key: tuple, make: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return self._kept[key]

    def __contains__(self, key: tuple) -> bool:
        return key in self._kept


class _Who(NamedTuple):
    """Whose features a side shows, and whose head reads them."""

    features: str
    head: str


class Exchanged(nn.Module):
    """One model's features under another's head; what `integrated_gradients` asks of a Landmarker."""

    def __init__(self, features: Landmarker, head: Landmarker):
        super().__init__()
        self.of_features, self.of_head, self.spec = features, head, head.spec

    def forward(self, images: Tensor) -> Prediction:
        return self.of_head.head(self.of_features.features(images))


def reranged(
    unit: np.ndarray, stored: Radiometry, temperatures: tuple[float, float] | None
) -> np.ndarray:
    """Thermal input over another range: what the radiometry would have given with other ends.

    Args:
        unit: any shape in [0, 1], over the range of `stored`.
        stored: how it was made.
        temperatures: values that become 0 and 1, degrees C, or levels where nothing is absolute;
            None leaves it as it is.

    Raises:
        InputError: "frame-minmax", which forgets the values it came from.
    """
    if temperatures is None:
        return unit
    low, high = temperatures
    kind = "celsius" if stored.absolute else "grey8"
    return Radiometry(kind=kind, low=low, high=high).to_unit(stored.from_unit(unit))


class Exploration:
    """Pairs and models to look at, and everything that was already computed of them.

    The models are copied, so that nothing here changes them; they compute on the CPU.

    Args:
        pairs: with both sides.
        models: by the names that views call them; they read these pairs' scheme and size.

    Attributes:
        layers: names of the layers that all models have.

    Raises:
        InputError: no model, a side is missing, or a model reads another size or scheme.
    """

    def __init__(self, pairs: Pairs, models: Mapping[str, Landmarker]):
        if not models:
            raise InputError("explorer: no model was given; give one or more by name")
        for name, model in models.items():
            for side in SIDES:
                check_input(model, pairs, side, "the explorer")
            if model.spec.scheme != pairs.scheme:
                raise InputError(
                    f"model '{name}': answers in scheme {model.spec.scheme}, the pairs are in "
                    f"{pairs.scheme}; give model.for_scheme('{pairs.scheme}')"
                )
        self.pairs = pairs
        self.models = {
            name: deepcopy(model).cpu().eval().requires_grad_(False)
            for name, model in models.items()
        }
        self.scheme = get_scheme(pairs.scheme)
        fewest = min(len(model.backbone.feature_info.channels()) for model in self.models.values())
        self.layers = (FEATURES, *(f"{LEVEL} {number}" for number in range(1, fewest + 1)))
        self._inputs, self._answers, self._predictions = _Memory(), _Memory(), _Memory()
        self._colours, self._painted, self._attributions = _Memory(), _Memory(), _Memory()

    def first_view(self) -> View:
        """Where one begins: the first model of either modality on its own side."""
        first = {}
        for side in SIDES:
            fitting = [n for n, model in self.models.items() if model.spec.modality == side]
            first[f"{side}_model"] = (fitting or list(self.models))[0]
        return View(landmark=self.scheme.nose_tip or 0, **first)

    def check(self, view: View) -> None:
        """Makes sure that there is what a view names.

        Raises:
            InputError: no such pair, landmark, model or layer; heads that cannot be exchanged; a
                range for values that have none.
        """
        if view.pair >= len(self.pairs):
            raise InputError(f"pair {view.pair}: there are 0 to {len(self.pairs) - 1}")
        if view.landmark >= self.scheme.points:
            raise InputError(
                f"landmark {view.landmark}: scheme {self.scheme.name} has 0 to "
                f"{self.scheme.points - 1}"
            )
        for name in (view.rgb_model, view.thermal_model):
            if name not in self.models:
                raise InputError(f"model '{name}' is unknown; there are {', '.join(self.models)}")
        if view.layer not in self.layers:
            raise InputError(f"layer '{view.layer}' is unknown; use {', '.join(self.layers)}")
        widths = [self.models[name].width for name in (view.rgb_model, view.thermal_model)]
        if view.exchanged and widths[0] != widths[1]:
            raise InputError(
                f"heads of {view.rgb_model} and {view.thermal_model} cannot be exchanged: their "
                f"features have {widths[0]} and {widths[1]} channels; choose two of one width"
            )
        if view.temperatures and self.pairs.radiometry.kind == "frame-minmax":
            raise InputError("temperatures: 'frame-minmax' forgets the range; set none")

    def limits(self, view: View) -> tuple[float, float]:
        """What 0 and 1 of the thermal input stand for, degrees C or grey levels."""
        stored = self.pairs.radiometry
        return view.temperatures or (stored.low, stored.high)

    @property
    def unit(self) -> str:
        """Unit of `limits`."""
        radiometry = self.pairs.radiometry
        if radiometry.kind == "frame-minmax":
            return "share of the frame's own range"
        return "degrees C" if radiometry.absolute else "grey level"

    # --- from a view to arrays, step by step ---------------------------------------------------

    def _input_key(self, view: View, side: str) -> tuple:
        """All of a view that one side's image depends on."""
        moved = (view.misalignment, view.direction if view.misalignment else 0)
        noise = (view.noise, view.noise_seed if view.noise else 0)
        return (side, view.pair, noise, moved if side == "rgb" else view.temperatures)

    def image(self, view: View, side: str) -> Tensor:
        """One side as the network reads it, (1, 3 or 1, P, P) in [0, 1]."""
        return self._inputs(self._input_key(view, side), lambda: self._image(view, side))

    def _image(self, view: View, side: str) -> Tensor:
        pair = self.pairs.subset([view.pair])
        if side == "rgb" and view.misalignment:
            angle = np.deg2rad(view.direction)
            pair = pair.shifted(view.misalignment * np.array([[np.cos(angle), np.sin(angle)]]))
        batch = make_batch(pair, torch.tensor([0]), NO_AUGMENTATION, torch.Generator())
        image = getattr(batch, side)
        if view.noise:
            # One pattern a side and seed: a larger share is the same noise, stronger.
            generator = torch.Generator().manual_seed(2 * view.noise_seed + SIDES.index(side))
            pattern = torch.randn(image.shape, generator=generator)
            image = (image + view.noise * pattern).clamp(0, 1)
        if side == "thermal" and view.temperatures:
            found = reranged(image.numpy(), self.pairs.radiometry, view.temperatures)
            image = torch.from_numpy(found)
        return image

    def _who(self, view: View, side: str) -> _Who:
        names = (view.rgb_model, view.thermal_model)
        own, other = names if side == "rgb" else names[::-1]
        return _Who(own, other if view.exchanged else own)

    def layer_maps(self, view: View, side: str) -> dict[str, Tensor]:
        """All layers of the model that reads a side: name -> (1, C, h, w)."""
        model = self._who(view, side).features
        return self._answers(
            (model, self._input_key(view, side)),
            lambda: self._layers(model, self.image(view, side)),
        )

    @torch.no_grad()
    def _layers(self, name: str, images: Tensor) -> dict[str, Tensor]:
        model = self.models[name]
        levels = model.levels(images)
        found = {f"{LEVEL} {number}": level for number, level in enumerate(levels, start=1)}
        return {FEATURES: model.neck(levels), **found}

    def prediction(self, view: View, side: str) -> Prediction:
        """What the side's own head, or the other's where they are exchanged, makes of its features."""
        who = self._who(view, side)

        def predict() -> Prediction:
            features = self.layer_maps(view, side)[FEATURES]
            with torch.no_grad():
                return self.models[who.head].head(features)

        return self._predictions((who, self._input_key(view, side)), predict)

    def _reference(self, name: str, side: str) -> dict[str, Tensor]:
        """The layers of a model on the first faces, undisturbed."""

        def make() -> dict[str, Tensor]:
            first = torch.arange(min(REFERENCE_FACES, len(self.pairs)))
            batch = make_batch(self.pairs, first, NO_AUGMENTATION, torch.Generator())
            return self._layers(name, getattr(batch, side))

        return self._answers(("reference", name, side), make)

    def colours(self, view: View, side: str) -> tuple[FeatureColours, bool]:
        """The colours of a side's layer, and whether the other side has the same.

        They are fitted once, on the first faces as they are, so that disturbing an image moves its
        features within colours that stay. Layers of unlike widths have no directions in common.
        """
        names, layer = {"rgb": view.rgb_model, "thermal": view.thermal_model}, view.layer

        def fit() -> dict[str, FeatureColours]:
            both = {side: self._reference(names[side], side)[layer] for side in SIDES}
            if both["rgb"].shape[1] == both["thermal"].shape[1]:
                return dict.fromkeys(SIDES, fit_colours(*both.values()))
            return {side: fit_colours(features) for side, features in both.items()}

        found = self._colours((*names.values(), layer), fit)
        return found[side], found["rgb"] is found["thermal"]

    def components(self, view: View, side: str) -> np.ndarray:
        """First three principal components of a side's layer as colours, (h, w, 3) in [0, 1]."""
        key = (view.rgb_model, view.thermal_model, view.layer, self._input_key(view, side))

        def paint() -> np.ndarray:
            return self.colours(view, side)[0].paint(self.layer_maps(view, side)[view.layer])[0]

        return self._painted(key, paint)

    def attribution(self, view: View, side: str) -> Attribution:
        """Integrated gradients of the chosen landmark on one side; these do ask the network."""
        who = self._who(view, side)

        def explain() -> Attribution:
            model = self.models[who.features]
            if who.head != who.features:
                model = Exchanged(model, self.models[who.head]).eval()
            image = self.image(view, side)
            return integrated_gradients(
                model, image, view.landmark, target=view.target, steps=STEPS
            )

        return self._attributions(self._explained(view, side), explain)

    def _explained(self, view: View, side: str) -> tuple:
        """All of a view that one side's attribution depends on."""
        key = (self._who(view, side), self._input_key(view, side))
        return (*key, view.landmark, view.target)

    # --- what is drawn -------------------------------------------------------------------------

    def sides(self, view: View, *, wait: bool = True) -> tuple[Side, Side]:
        """The RGB and the thermal side of a view, ready to be drawn.

        Args:
            wait: compute attributions that are not there yet; else they are left out.

        Raises:
            InputError: see `check`; or a coordinate head is asked for a log-probability.
        """
        self.check(view)
        return self._side(view, "rgb", wait), self._side(view, "thermal", wait)

    def ready(self, view: View, side: str) -> bool:
        """Whether nothing slow is left to be computed of a view's side."""
        return "attribution" not in view.show or self._explained(view, side) in self._attributions

    def _side(self, view: View, side: str, wait: bool) -> Side:
        image = self.image(view, side)[0].permute(1, 2, 0).numpy()
        answer = self.prediction(view, side)
        predicted = answer.coordinates[0].numpy()
        labelled = bool(self.pairs.labelled[view.pair])
        true = self.pairs.landmarks[view.pair].numpy() if labelled else None
        heatmap = components = attribution = None
        titles = {"image": self._image_title(view, side, predicted, true)}
        if "heatmap" in view.show:
            words = f"heatmap of landmark {view.landmark}"
            if answer.logits is not None:
                logits = answer.logits[0, view.landmark].float()
                heatmap = logits.flatten().softmax(0).view(logits.shape).numpy()
                words += f"\nhighest probability {heatmap.max():.2f}"
            titles["heatmap"] = words
        if "features" in view.show:
            components = self.components(view, side)
            channels = self.layer_maps(view, side)[view.layer].shape[1]
            shared = "" if self.colours(view, side)[1] else " (own colours)"
            grid = f"{components.shape[1]} x {components.shape[0]}"
            titles["features"] = (
                f"{view.layer}: {channels} channels, {grid}\nfirst 3 components{shared}"
            )
        if "attribution" in view.show and not (wait or self.ready(view, side)):
            titles["attribution"] = f"attribution of {view.target}\ncomputing"
        elif "attribution" in view.show:
            found = self.attribution(view, side)
            attribution = found.maps[0].numpy()
            error = 100 * float(found.completeness_error[0])
            titles["attribution"] = (
                f"attribution of {view.target}\ncompleteness error {error:.0f} %"
            )
        return Side(
            image if side == "rgb" else image[..., 0],
            predicted,
            true,
            heatmap,
            components,
            attribution,
            titles,
        )

    def _image_title(
        self, view: View, side: str, predicted: np.ndarray, true: np.ndarray | None
    ) -> str:
        """Who reads the side, and how well."""
        who = self._who(view, side)
        name = "RGB" if side == "rgb" else "thermal"
        lines = [f"{name}: features of {who.features},", f"head of {who.head}"]
        if true is not None:
            normaliser = "inter-ocular" if self.scheme.outer_eyes else "box"
            errors = point_errors(predicted[None], true[None], self.scheme.name, normaliser)[0]
            here = errors[view.landmark]
            lines.append(f"NME {100 * errors.mean():.1f} %, this point {100 * here:.1f} %")
        return "\n".join(lines)

    def title(self, view: View) -> str:
        """One line: the landmark, the pair, and what was done to it."""
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
        """A view as a figure."""
        sides = self.sides(view)
        return explorer_view(
            sides,
            view.landmark,
            self.title(view),
            scheme=self.scheme.name,
            limits=self.limits(view),
            unit=self.unit,
        )

    # --- kept and opened again -----------------------------------------------------------------

    def saved(self, view: View) -> Saved:
        """A view with the names and hashes of what it shows."""
        shown = dict.fromkeys((view.rgb_model, view.thermal_model))
        weights = {name: weights_hash(self.models[name]) for name in shown}
        return Saved(view=view, pair_id=self.pairs.ids[view.pair], weights=weights)

    def save(self, view: View, stem: Path | str) -> list[Path]:
        """Keeps a view as a figure, `stem.png` and `stem.pdf`, with its parameters in `stem.json`.

        The PNG holds the same JSON, so that a picture that was passed on alone still tells.

        Raises:
            InputError: see `sides`.
        """
        figure = self.figure(view)
        told = self.saved(view).model_dump_json(indent=1)
        stem = Path(stem)
        stem.parent.mkdir(parents=True, exist_ok=True)
        files = [stem.with_name(f"{stem.name}.{suffix}") for suffix in ("png", "pdf", "json")]
        with rc_context(STYLE):
            figure.savefig(files[0], dpi=200, metadata={METADATA: told})
            figure.savefig(files[1], metadata={"Subject": self.title(view)})
        files[2].write_text(told + "\n", encoding="utf-8")
        return files

    def reopen(self, path: Path | str) -> View:
        """The view that was saved at `path`, the JSON or the PNG.

        Raises:
            InputError: no such file, no view in it, or pairs or weights other than those it was made
                of, so that it would look other than it did.
        """
        kept = read_saved(path)
        self.check(kept.view)
        here = self.pairs.ids[kept.view.pair]
        if here != kept.pair_id:
            raise InputError(
                f"{path}: pair {kept.view.pair} was {kept.pair_id} and is {here} here; open it on "
                "the pairs it was made of"
            )
        for name, weights in kept.weights.items():
            if name not in self.models or weights_hash(self.models[name]) != weights:
                raise InputError(f"{path}: model '{name}' has other weights here than it had then")
        return kept.view
