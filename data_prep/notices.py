"""What a user should know of the images of a data set although all of them can be used."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.readers import Annotation
from data_prep.readers.base import ImageLoader, already_reported, walk
from mlcmkd.data.crops import tight_box
from mlcmkd.data.images import (
    IMAGE_SUFFIXES,
    PICTURE_SUFFIXES,
    UNREAD_SUFFIXES,
    VIDEO_SUFFIXES,
    read_image,
    unread_summary,
)
from mlcmkd.data.plausibility import is_flipped
from mlcmkd.data.thermal.palettes import is_coloured
from mlcmkd.data.thermal.radiometric_jpeg import radiometric_notice
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

_SAMPLED = 8
# Files of these types may hold landmarks, but the format "folder" does not read them.
_OTHER_TABLES = (
    ".mat", ".npz", ".h5", ".hdf5", ".pkl", ".pickle", ".tsv", ".xls", ".xlsx", ".jsonl", ".asf",
)  # fmt: skip
# Intersection over union of two boxes above which they may belong to one face.
_ONE_FACE = 0.5


def notices(name: str, annotations: Sequence[Annotation]) -> list[str]:
    """Return one line for each thing to know of the images of a data set in the format `name`."""
    thermal = [a.thermal_path for a in annotations if a.thermal_path is not None]
    found = [
        radiometric_notice(thermal),
        _overlap_notice(annotations),
        _mirrored_notice(annotations),
    ]
    if name == "folder" and not thermal:
        found.append(_grey_notice(annotations))
    return [line for line in found if line]


def unread_files(name: str, source: Path) -> list[str]:
    """Return a line on files below `source` that the reader of format `name` does not read.

    These are images and recordings of types that no reader reads, and other files of landmarks.
    """
    summary = unread_summary(
        path
        for path in walk(source, already_reported)
        if path.suffix.lower() in UNREAD_SUFFIXES + VIDEO_SUFFIXES
    )
    found = filter(None, (summary, unread_annotations(name, source)))
    return [f"notice: {source}: {line}" for line in found]


def unread_annotations(name: str, source: Path) -> str:
    """Describe files of a user's own folder that may hold landmarks and are not read; empty without one.

    A text file may be one if it has the name of an image, as those of YOLO have, and an array if it
    lies beside a picture of its name.
    """
    if name != "folder":
        return ""
    paths = list(walk(source, already_reported))
    images = {path.stem for path in paths if path.suffix.lower() in IMAGE_SUFFIXES}
    pictures = {path.with_suffix("") for path in paths if path.suffix.lower() in PICTURE_SUFFIXES}
    counts: Counter[str] = Counter()
    for path in paths:
        suffix = path.suffix.lower()
        labels = suffix == ".txt" and path.stem in images
        array = suffix == ".npy" and path.with_suffix("") in pictures
        if suffix in _OTHER_TABLES or labels or array:
            counts[suffix] += 1
    if not counts:
        return ""
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())
    fix = "write landmarks as CSV, COCO, labelme, dlib XML or .pts"
    if ".txt" in counts:
        fix += ", or prepare labels of YOLO by the format yolo_pose"
    return f"files that may hold landmarks are not read ({kinds}); {fix}"


def _overlap_notice(annotations: Sequence[Annotation]) -> str:
    """One line if faces of one image overlap so much that they may be one face; else nothing."""
    boxes: defaultdict[Path | ImageLoader | None, list[np.ndarray]] = defaultdict(list)
    overlapping = []
    for annotation in annotations:
        if annotation.landmarks is None:
            continue
        image = annotation.thermal_path or annotation.rgb_path
        box = np.reshape(tight_box(annotation.landmarks), (2, 2))
        if any(_overlap(box, other) > _ONE_FACE for other in boxes[image]):
            overlapping.append(annotation.id)
        boxes[image].append(box)
    if not overlapping:
        return ""
    return (
        f"notice: {len(overlapping)} faces cover another face of their image, the first of them "
        f"'{overlapping[0]}'; if they are the same face, annotated twice, keep one of the two"
    )


def _mirrored_notice(annotations: Sequence[Annotation]) -> str:
    """One line if left and right are exchanged in the landmarks of some faces; else nothing."""
    mirrored = []
    for annotation in annotations:
        scheme, marks = get_scheme(annotation.scheme), annotation.landmarks
        if marks is not None and len(marks) == scheme.points and is_flipped(scheme, marks):
            mirrored.append(annotation.id)
    if not mirrored:
        return ""
    return (
        f"notice: {len(mirrored)} faces have left and right exchanged, the first of them "
        f"'{mirrored[0]}': mirrored, or named from the person's point of view; `mlcmkd prepare --check` "
        "lists them"
    )


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection of two boxes, (2, 2) corners, over their union, 0 to 1."""
    shared = np.prod(np.maximum(np.minimum(a[1], b[1]) - np.maximum(a[0], b[0]), 0))
    union = np.prod(a[1] - a[0]) + np.prod(b[1] - b[0]) - shared
    return float(shared / union) if union > 0 else 0.0


def _grey_notice(annotations: Sequence[Annotation]) -> str:
    """One line if images that are photos by default have no colour, as thermal ones; else nothing."""
    paths = [a.rgb_path for a in annotations if a.assumed]
    sample = paths[:: -(-len(paths) // _SAMPLED) or 1]
    try:
        if not sample or any(is_coloured(read_image(path)) for path in sample):
            return ""
    except InputError:  # reported where the image is written
        return ""
    return (
        f"notice: {sample[0]} and others have no colour, and nothing states that they are thermal: "
        "they were prepared as RGB photos; if they are thermal, write `side: thermal` into dataset.yaml"
    )
