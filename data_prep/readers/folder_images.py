"""Which images of a user's folder an annotation is of: the annotated one, and the other camera's."""

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from data_prep.readers.image_index import ImageIndex, NamedImage, eight_bit_radiometry
from data_prep.readers.parsing.description import Description
from data_prep.readers.parsing.landmarks import Marks
from mlcmkd.data.images import IMAGE_SUFFIXES
from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.utils.errors import InputError


class FaceImages(NamedTuple):
    """The images of one face.

    Attributes:
        place: of the annotated image below the source, or where its annotation says that it is.
        rgb, thermal: the files; None for one that does not exist or cannot be used.
        radiometry: of the thermal image.
        absent: as in `Annotation`.
    """

    place: PurePosixPath
    rgb: Path | None
    thermal: Path | None
    radiometry: Radiometry | None
    absent: Mapping[Modality, InputError]


def images_of_marks(
    images: ImageIndex, description: Description, file: str, marks: Marks
) -> FaceImages:
    """Find the images of an annotation.

    If the annotated image does not exist, `twin` is applied to its name, because the image of the
    other camera may be all that is wanted.

    Args:
        file: path of the annotation file below the source.

    Raises:
        InputError: the name is not that of a file.
    """
    try:
        place = _annotated(images, description, file, marks)
    except InputError as error:
        absent = NamedImage(None, None, {description.side: error})
        named = absent.below(images.source, marks.image)
        place = _place_of_absent(images, description, PurePosixPath(file).parent, named)
        return _with_other_camera(images, description, place, absent)
    return images_at(images, description, place)


def images_at(images: ImageIndex, description: Description, place: PurePosixPath) -> FaceImages:
    """Find the images of an existing image of the labelled camera, a path below the source."""
    labelled = NamedImage.of(
        description.side, lambda: images.source / place, _radiometry_of(description)
    )
    return _with_other_camera(images, description, place, labelled)


def _with_other_camera(
    images: ImageIndex, description: Description, place: PurePosixPath, labelled: NamedImage
) -> FaceImages:
    side: Modality = "thermal" if description.side == "rgb" else "rgb"
    other = NamedImage.of(
        side,
        lambda: _other_camera(images, description, place.as_posix()),
        _radiometry_of(description),
    )
    rgb, thermal = (labelled, other) if side == "thermal" else (other, labelled)
    absent = {**labelled.absent, **other.absent}
    return FaceImages(place, rgb.path, thermal.path, thermal.radiometry, absent)


def _radiometry_of(description: Description) -> Callable[[Path], Radiometry]:
    known = description.radiometry
    return eight_bit_radiometry if known is None else lambda _: known


def _place_of_absent(
    images: ImageIndex, description: Description, folder: PurePosixPath, named: PurePosixPath
) -> PurePosixPath:
    """Return where an image that does not exist would be: where `twin` leads to an image, if possible.

    Args:
        folder: of the annotation file.
        named: the annotation's name of the image, perhaps without its suffix.
    """
    beside = PurePosixPath(posixpath.normpath((folder / named).as_posix()))
    places = [place for place in (beside, named) if not place.is_absolute()]
    places = [place for place in places if ".." not in place.parts] or [PurePosixPath(named.name)]
    for place in places:
        for suffix in ("", *IMAGE_SUFFIXES):
            candidate = place.with_name(place.name + suffix)
            try:
                if _other_camera(images, description, candidate.as_posix()) is not None:
                    return candidate
            except InputError:  # several images, which is an error where one is wanted
                return candidate
    return places[0]


def _annotated(
    images: ImageIndex, description: Description, file: str, marks: Marks
) -> PurePosixPath:
    """Return the image of an annotation: beside the annotation file, or found by its name.

    Of two images with the same name, that of the labelled camera is returned. In a folder with
    images and annotations, a bare name refers to an image of the same folder.

    Raises:
        InputError: there is no such image, or only one of the other camera.
    """
    found = _of_name(images, description, file, marks)
    if not is_of_labelled_camera(found.as_posix(), description):
        raise InputError(
            f"{marks.where}: no image '{marks.image[:80]}' of the labelled camera; {found} does not "
            "match `twin`; add the image, correct `twin`, or leave the annotation out (--skip-bad)"
        )
    return found


def _of_name(
    images: ImageIndex, description: Description, file: str, marks: Marks
) -> PurePosixPath:
    """Return the image of this name, one of the labelled camera if there is any."""
    folder = PurePosixPath(file).parent
    name = PurePosixPath(posixpath.normpath(marks.image.replace("\\", "/")))

    def of_labelled_camera(path: PurePosixPath) -> bool:
        return is_of_labelled_camera(path.as_posix(), description)

    beside = images.at((folder / name).as_posix())
    if not beside and _is_absolute(marks.image) and PurePosixPath(file).stem == name.stem:
        # labelme may write the image's path on the annotator's machine, but the image is beside it.
        beside = images.at((folder / name.name).as_posix())
    beside = list(filter(of_labelled_camera, beside)) or beside
    if len(beside) == 1:
        return beside[0]
    bare = len(name.parts) == 1
    if bare and folder.parts and folder in images.folders:
        raise InputError(
            f"{marks.where}: no image '{name}' beside it in {folder}; "
            "add it, or leave the annotation out (--skip-bad)"
        )
    # Where labels and images are in two parallel folder trees, the label's folder selects the image.
    wanted = (folder / name).as_posix() if bare else marks.image
    found = images.need(wanted, marks.where, same_folder=not bare, prefer=of_labelled_camera)
    return PurePosixPath(found.relative_to(images.source).as_posix())


def _is_absolute(name: str) -> bool:
    """Whether a name is an absolute path, of this machine's system or of Windows."""
    return PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()


def _other_camera(images: ImageIndex, description: Description, path: str) -> Path | None:
    """Return the image of the other camera that `twin` names for `path`; None without one."""
    if description.twin is None:
        return None
    other, count = re.subn(description.twin.find, description.twin.replace, path)
    candidates = images.at(other) if count and other != path else []
    if len(candidates) > 1:
        raise InputError(
            f"{path}: its other modality (`twin`) may be {candidates[0]} or {candidates[1]}; correct "
            "the expression so that it names one"
        )
    return images.source / candidates[0] if candidates else None


def is_of_labelled_camera(path: str, description: Description) -> bool:
    """Whether an image is of the labelled camera; without `twin` all images are."""
    return description.twin is None or re.search(description.twin.find, path) is not None
