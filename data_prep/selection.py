"""Which images of an annotated face are prepared: of both modalities or one, of one pixel grid."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from data_prep.readers import Annotation
from data_prep.readers.base import OnBad
from mlcmkd.data.modality import Modality

# The fact that names the other image of a pair that is not aligned.
_UNALIGNED = {"rgb": "unaligned photo", "thermal": "unaligned thermal image"}


def select_modality(
    annotation: Annotation, only: Modality | None, source: Path, on_bad: OnBad
) -> Annotation | None:
    """Keep the images of the wanted modality, and only the annotated one of two unaligned images.

    Returns:
        None if no image is left; a wanted image that cannot be used goes to `on_bad`.
    """
    for modality, error in annotation.absent.items():
        if only in (None, modality):
            on_bad(annotation.id, error)
            return None
    images = {"rgb": annotation.rgb_path, "thermal": annotation.thermal_path}
    images = {modality: image for modality, image in images.items() if image is not None}
    facts = dict(annotation.facts or {})
    labels: dict[str, None] = {}
    if not annotation.aligned:
        if only is None:
            only = annotation.landmarks_of
            for other in set(images) - {only}:
                facts[_UNALIGNED[other]] = images[other].relative_to(source).as_posix()
        elif only != annotation.landmarks_of:  # its pixels are not those of the landmarks
            labels = {"landmarks": None, "box": None, "visible": None, "declared_size": None}
    if only is not None:
        images = {only: images[only]} if only in images else {}
    if not images:
        return None
    return replace(
        annotation,
        rgb_path=images.get("rgb"),
        thermal_path=images.get("thermal"),
        radiometry=annotation.radiometry if "thermal" in images else None,
        facts=facts or None,
        **labels,
    )


def without_repeats(pairs: Iterable[tuple[Annotation, Annotation]]) -> list[Annotation]:
    """Keep one of several annotations that differed in the image that was left out.

    T-FAKE has two thermal images of a photo, for example. The first one is kept, with the facts that
    all of them share: the others are of the image that was left out.

    Args:
        pairs: each annotation of `select_modality`, after the one that it was made of.
    """
    kept: dict[object, Annotation] = {}
    for number, (whole, annotation) in enumerate(pairs):
        is_whole = (annotation.rgb_path, annotation.thermal_path) == (
            whole.rgb_path,
            whole.thermal_path,
        )
        key = number if is_whole else _content(annotation)
        first = kept.setdefault(key, annotation)
        if first is not annotation:
            facts = (first.facts or {}).items() & (annotation.facts or {}).items()
            kept[key] = replace(first, facts=dict(facts) or None)
    return list(kept.values())


def _content(annotation: Annotation) -> tuple:
    """Return what identifies an image of one modality with its labels."""
    image = annotation.thermal_path or annotation.rgb_path
    marks = None if annotation.landmarks is None else annotation.landmarks.tobytes()
    return image if isinstance(image, Path) else id(image), marks, annotation.box
