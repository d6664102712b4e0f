"""What the explorer's figure shows of one modality: image, points, maps and the titles above them."""

import numpy as np

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.metrics import face_errors, point_errors
from mlcmkd.explorer.outputs import ViewOutputs
from mlcmkd.explorer.panels import ModalityResult
from mlcmkd.explorer.view import View
from mlcmkd.schemes import get_scheme


def modality_result(
    outputs: ViewOutputs, pairs: Pairs, view: View, modality: Modality, wait: bool
) -> ModalityResult:
    """What the figure shows of one modality of a view.

    Args:
        outputs: outputs of the models on the pairs.
        pairs: the pairs.
        view: a valid view of them.
        modality: the modality.
        wait: whether to compute an attribution that is not in the cache; if not, it is left out.

    Raises:
        InputError: a log-probability of a coordinate head was requested.
    """
    image = outputs.image(view, modality)[0].permute(1, 2, 0).numpy()
    prediction = outputs.prediction(view, modality)
    predicted = prediction.coordinates[0].numpy()
    labelled = bool(pairs.labelled[view.pair])
    annotated = pairs.landmarks[view.pair].numpy() if labelled else None
    heatmap = components = attribution = None
    titles = {"image": _image_title(outputs, pairs, view, modality, predicted, annotated)}
    if "heatmap" in view.show:
        titles["heatmap"] = f"heatmap of landmark {view.landmark}"
        if prediction.logits is not None:
            logits = prediction.logits[0, view.landmark].float()
            heatmap = logits.flatten().softmax(0).view(logits.shape).numpy()
            titles["heatmap"] += f"\nhighest probability {heatmap.max():.2f}"
    if "features" in view.show:
        components = outputs.components(view, modality)
        titles["features"] = _features_title(outputs, view, modality, components)
    if "attribution" in view.show:
        state = "computing"
        if wait or outputs.has_attribution(view, modality):
            computed = outputs.attribution(view, modality)
            attribution = computed.maps[0].numpy()
            state = f"completeness error {100 * float(computed.completeness_error[0]):.0f} %"
        titles["attribution"] = f"attribution of {view.target}\n{state}"
    return ModalityResult(
        image if modality == "rgb" else image[..., 0],
        predicted,
        annotated,
        heatmap,
        components,
        attribution,
        titles,
    )


def _image_title(
    outputs: ViewOutputs,
    pairs: Pairs,
    view: View,
    modality: Modality,
    predicted: np.ndarray,
    annotated: np.ndarray | None,
) -> str:
    """The models of a modality, and their errors if the pair has a label."""
    choice = outputs.models_of(view, modality)
    name = "RGB" if modality == "rgb" else "thermal"
    lines = [f"{name}: features of {choice.features},", f"head of {choice.head}"]
    if annotated is not None:
        scheme = get_scheme(pairs.scheme)
        normaliser = "inter-ocular" if scheme.outer_eyes else "box"
        errors = point_errors(predicted[None], annotated[None], scheme.name, normaliser)[0]
        of_point = f"{100 * errors[view.landmark]:.1f} %"
        if np.isnan(annotated[view.landmark]).any():
            of_point = "without a label"
        lines.append(f"NME {100 * face_errors(errors[None])[0]:.1f} %, this point {of_point}")
    return "\n".join(lines)


def _features_title(
    outputs: ViewOutputs, view: View, modality: Modality, components: np.ndarray
) -> str:
    channels = outputs.layers(view, modality)[view.layer].shape[1]
    shared = outputs.colours(view, modality)[1]
    grid = f"{components.shape[1]} x {components.shape[0]}"
    return (
        f"{view.layer}: {channels} channels, {grid}\n"
        f"first 3 components{'' if shared else ' (own colours)'}"
    )
