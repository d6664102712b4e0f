"""Images, features, predictions and attributions of a view, each computed once and cached.

Cache keys contain only the fields of a view that a result depends on. Choosing another landmark
therefore runs no network, and another misalignment runs only the model with RGB input.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mlcmkd.attribution import Attribution, integrated_gradients
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import MODALITIES, Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.invariance import FeatureColours, fit_colours
from mlcmkd.explorer.cache import LRUCache
from mlcmkd.explorer.view import FEATURES, LEVEL, View
from mlcmkd.models import Landmarker, Prediction

STEPS = 16  # of integrated gradients; each map is shown with its completeness error
REFERENCE_FACES = 16  # number of faces on which the colours of a layer are fitted


class ModelChoice(NamedTuple):
    """The models that provide features and head for one modality."""

    features: str
    head: str


class SwappedHead(nn.Module):
    """The features of one model with the head of another, for `integrated_gradients`."""

    def __init__(self, features: Landmarker, head: Landmarker):
        super().__init__()
        self.feature_model, self.head_model, self.spec = features, head, head.spec

    def forward(self, images: Tensor) -> Prediction:
        return self.head_model.head(self.feature_model.features(images))


def rescale_thermal(
    values: np.ndarray, stored: Radiometry, temperatures: tuple[float, float] | None
) -> np.ndarray:
    """Converts normalised thermal values from one range of temperatures to another.

    Args:
        values: any shape in [0, 1], normalised by `stored`.
        stored: the radiometry of `values`.
        temperatures: lower and upper end of the new range, degrees C, or grey levels if the
            radiometry is not absolute; None leaves `values` unchanged.

    Raises:
        InputError: the radiometry is "frame-minmax", which does not keep the original values.
    """
    if temperatures is None:
        return values
    low, high = temperatures
    kind = "celsius" if stored.absolute else "grey8"
    return Radiometry(kind=kind, low=low, high=high).to_unit(stored.from_unit(values))


class ViewOutputs:
    """Computes what a view shows, and caches it.

    Args:
        pairs: pairs with both modalities.
        models: models by name, in evaluation mode on the CPU.
    """

    def __init__(self, pairs: Pairs, models: Mapping[str, Landmarker]):
        self._pairs, self._models = pairs, models
        # One cache for each kind of result; an entry takes about 0.5 MB at 64 px.
        self._images, self._layers, self._predictions = LRUCache(), LRUCache(), LRUCache()
        self._colours, self._components, self._attributions = LRUCache(), LRUCache(), LRUCache()

    def models_of(self, view: View, modality: Modality) -> ModelChoice:
        """Names of the models whose features and head are shown for a modality."""
        names = (view.rgb_model, view.thermal_model)
        own, other = names if modality == "rgb" else names[::-1]
        return ModelChoice(own, other if view.exchanged else own)

    def image(self, view: View, modality: Modality) -> Tensor:
        """The network's input, (1, 3 or 1, P, P) in [0, 1], with shift, noise and range of the view."""
        return self._images.get_or_compute(
            self._image_key(view, modality), lambda: self._image(view, modality)
        )

    def _image_key(self, view: View, modality: Modality) -> tuple:
        """All fields of a view on which the image depends."""
        shift = (view.misalignment, view.direction if view.misalignment else 0)
        noise = (view.noise, view.noise_seed if view.noise else 0)
        return (modality, view.pair, noise, shift if modality == "rgb" else view.temperatures)

    def _image(self, view: View, modality: Modality) -> Tensor:
        pair = self._pairs.subset([view.pair])
        if modality == "rgb" and view.misalignment:
            angle = np.deg2rad(view.direction)
            pair = pair.shifted(view.misalignment * np.array([[np.cos(angle), np.sin(angle)]]))
        batch = make_batch(pair, torch.tensor([0]), NO_AUGMENTATION, torch.Generator())
        image = batch.images(modality)
        if view.noise:
            # The pattern depends on modality and seed alone; `noise` scales it.
            seed = 2 * view.noise_seed + MODALITIES.index(modality)
            pattern = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
            image = (image + view.noise * pattern).clamp(0, 1)
        if modality == "thermal" and view.temperatures:
            values = rescale_thermal(image.numpy(), self._pairs.radiometry, view.temperatures)
            image = torch.from_numpy(values)
        return image

    def layers(self, view: View, modality: Modality) -> dict[str, Tensor]:
        """Feature maps of all layers of the modality's model: layer name -> (1, C, h, w)."""
        name = self.models_of(view, modality).features
        return self._layers.get_or_compute(
            (name, self._image_key(view, modality)),
            lambda: self._run_backbone(name, self.image(view, modality)),
        )

    @torch.no_grad()
    def _run_backbone(self, name: str, images: Tensor) -> dict[str, Tensor]:
        model = self._models[name]
        levels = model.levels(images)
        named = {f"{LEVEL} {number}": level for number, level in enumerate(levels, start=1)}
        return {FEATURES: model.neck(levels), **named}

    def prediction(self, view: View, modality: Modality) -> Prediction:
        """Prediction from the modality's features by its own head, or by the other if exchanged."""
        choice = self.models_of(view, modality)

        def predict() -> Prediction:
            features = self.layers(view, modality)[FEATURES]
            with torch.no_grad():
                return self._models[choice.head].head(features)

        key = (choice, self._image_key(view, modality))
        return self._predictions.get_or_compute(key, predict)

    def colours(self, view: View, modality: Modality) -> tuple[FeatureColours, bool]:
        """The colours of the chosen layer, and whether both modalities share them.

        They are fitted once on undisturbed images of the first faces, so that a disturbance changes
        the features and not the colours. Layers with different widths cannot share colours.
        """
        names, layer = {"rgb": view.rgb_model, "thermal": view.thermal_model}, view.layer

        def fit() -> dict[str, FeatureColours]:
            both = {each: self._reference_layers(names[each], each)[layer] for each in MODALITIES}
            if both["rgb"].shape[1] == both["thermal"].shape[1]:
                return dict.fromkeys(MODALITIES, fit_colours(*both.values()))
            return {each: fit_colours(features) for each, features in both.items()}

        fitted = self._colours.get_or_compute((*names.values(), layer), fit)
        return fitted[modality], fitted["rgb"] is fitted["thermal"]

    def _reference_layers(self, name: str, modality: Modality) -> dict[str, Tensor]:
        """The layers of a model on undisturbed images of the first faces."""

        def compute() -> dict[str, Tensor]:
            first = torch.arange(min(REFERENCE_FACES, len(self._pairs)))
            batch = make_batch(self._pairs, first, NO_AUGMENTATION, torch.Generator())
            return self._run_backbone(name, batch.images(modality))

        return self._layers.get_or_compute(("reference", name, modality), compute)

    def components(self, view: View, modality: Modality) -> np.ndarray:
        """First three principal components of the chosen layer as colours, (h, w, 3) in [0, 1]."""
        key = (view.rgb_model, view.thermal_model, view.layer, self._image_key(view, modality))

        def paint() -> np.ndarray:
            features = self.layers(view, modality)[view.layer]
            return self.colours(view, modality)[0].paint(features)[0]

        return self._components.get_or_compute(key, paint)

    def attribution(self, view: View, modality: Modality) -> Attribution:
        """Integrated gradients (Sundararajan et al., 2017) of the chosen landmark, with `STEPS` steps.

        This takes most of the time of a view.

        Raises:
            InputError: a log-probability of a coordinate head was requested.
        """
        choice = self.models_of(view, modality)

        def explain() -> Attribution:
            model = self._models[choice.features]
            if choice.head != choice.features:
                model = SwappedHead(model, self._models[choice.head]).eval()
            image = self.image(view, modality)
            return integrated_gradients(
                model, image, view.landmark, target=view.target, steps=STEPS
            )

        return self._attributions.get_or_compute(self._attribution_key(view, modality), explain)

    def has_attribution(self, view: View, modality: Modality) -> bool:
        """Whether the attribution is already in the cache."""
        return self._attribution_key(view, modality) in self._attributions

    def _attribution_key(self, view: View, modality: Modality) -> tuple:
        """All fields of a view on which the attribution depends."""
        key = (self.models_of(view, modality), self._image_key(view, modality))
        return (*key, view.landmark, view.target)
