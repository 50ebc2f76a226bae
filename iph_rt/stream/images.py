"""Reading and writing single pictures."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from iph_rt.errors import SinkError, SourceError
from iph_rt.files import write_bytes
from iph_rt.stream.frame import Image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read a picture as HWC uint8 BGR, turned upright by its EXIF orientation; transparency is dropped.

    Raises:
        SourceError: the file is missing, a folder, unreadable, or no picture.
    """
    file = Path(path)
    try:
        data = np.frombuffer(file.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f"cannot read the picture '{file}': {error.strerror or error}; check the path") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:
        raise SourceError(f"cannot decode the picture '{file}': {error.err or error}") from error
    if image is None:
        raise SourceError(f"'{file}' is no picture that OpenCV reads; expected PNG, JPEG, WebP, BMP or TIFF, undamaged")
    return np.asarray(image, np.uint8)


def encode_image(image: Image, suffix: str, quality: int = 95) -> bytes:
    """Encode HWC uint8 BGR (or HxW uint8 grey) in the format of ``suffix``, e.g. ``".png"``.

    Raises:
        SinkError: OpenCV writes no such format.
    """
    options: list[int] = []
    if suffix.lower() in (".jpg", ".jpeg"):
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    elif suffix.lower() == ".webp":
        options = [cv2.IMWRITE_WEBP_QUALITY, quality]
    if suffix.lower() not in IMAGE_SUFFIXES:
        raise SinkError(f"cannot write pictures as '{suffix}'; expected one of {', '.join(IMAGE_SUFFIXES)}")
    try:
        done, data = cv2.imencode(suffix, image, options)
    except cv2.error:
        done = False
    if not done:
        raise SinkError(f"OpenCV could not encode a picture of shape {image.shape} as '{suffix}'; is it too large for that?")
    return bytes(data.tobytes())


def write_image(path: str | os.PathLike[str], image: Image, quality: int = 95) -> None:
    """Write HWC uint8 BGR (or HxW uint8 grey) to ``path``, whole or not at all; the suffix chooses the format.

    Raises:
        SinkError: the format is unknown or the file cannot be written.
    """
    write_bytes(path, encode_image(image, Path(path).suffix, quality))
