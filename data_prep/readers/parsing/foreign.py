"""Annotation files of other programs, which no reader reads: what they are, and what to do instead."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

_AS_CSV = "write its points as a CSV with the columns image,scheme,point,x,y"


def foreign_json(table: Any) -> str | None:
    """Describe the content of a JSON file of another program.

    Returns:
        The kind of file and a fix; None for an unknown one.
    """
    first = table[0] if isinstance(table, list) and table else None
    if isinstance(first, Mapping):
        if {"image_id", "keypoints"} <= first.keys():
            return (
                "results in the format of COCO, without the names of the images; put them into the list "
                "'annotations' beside the list 'images'"
            )
        if "data" in first or any(_has_labels(value) for value in first.values()):
            return f"an export of Label Studio, in percent of the image size; {_AS_CSV} in pixels"
    if not isinstance(table, Mapping):
        return None
    entry = next(iter(table.values()), None)
    if "_via_img_metadata" in table or (isinstance(entry, Mapping) and "regions" in entry):
        return f"a project or an export of the VGG Image Annotator (VIA); {_AS_CSV}"
    if {"objects", "size"} <= table.keys():
        return f"an annotation of Supervisely; {_AS_CSV}"
    if {"items", "categories"} <= table.keys():
        return "a file of Datumaro; convert it to COCO keypoints"
    return None


def _has_labels(value: Any) -> bool:
    """Whether a value is the list of key points in Label Studio's shorter export."""
    return isinstance(value, list) and any(
        isinstance(mark, Mapping) and "keypointlabels" in mark for mark in value
    )


def foreign_xml(root: ElementTree.Element) -> str | None:
    """Describe an XML file without an image of dlib's format.

    Returns:
        The kind of file and a fix; None for a file of dlib, which may list no image.
    """
    images = list(root.iter("image"))
    if root.tag == "dataset" or any(image.get("file") for image in images):
        return None
    if any(image.get("name") for image in images):
        return "an export of CVAT for images; export the task as 'COCO Keypoints 1.0'"
    if root.tag == "annotation" and root.find("object") is not None:
        return "a Pascal VOC file, which has boxes but no points; leave it out (--skip-bad)"
    return "contains no <image file='...'>, so not a file of dlib; leave it out (--skip-bad)"
