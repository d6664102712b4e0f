"""The decoder: every image, stack and video is read here, with one meaning everywhere.

`read_image` reads one image and `open_frames` a stack; `open_video` reads videos, `open_camera` a
connected camera; `encode_image` writes. Checks, preparation, training and prediction use these
functions only.
"""

from mlcmkd.data.images.cameras import Camera, open_camera
from mlcmkd.data.images.frames import Frames, image_size, open_frames, read_decoded, read_image
from mlcmkd.data.images.suffixes import (
    IMAGE_SUFFIXES,
    PICTURE_SUFFIXES,
    UNREAD_SUFFIXES,
    VIDEO_SUFFIXES,
    unread_summary,
)
from mlcmkd.data.images.values import MAX_PIXELS
from mlcmkd.data.images.videos import Video, open_video
from mlcmkd.data.images.writing import encode_image

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "PICTURE_SUFFIXES",
    "UNREAD_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Camera",
    "Frames",
    "Video",
    "encode_image",
    "image_size",
    "open_camera",
    "open_frames",
    "open_video",
    "read_decoded",
    "read_image",
    "unread_summary",
]
