"""Checks what a caller gives to choose a region: picture, point, box, mask. Every error says got, expected and the cure."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import FrameFormatError, RegionError
from iph_rt.reference.edges import Bool

SMALLEST = 16  # pixels of side; in less there is nothing to choose


def check_image(image: Any, color: str) -> NDArray[np.uint8]:
    """The picture as contiguous HWC uint8 RGB.

    Raises:
        FrameFormatError: not an HxWx3 uint8 array of at least 16x16, or ``color`` is neither "bgr" nor "rgb".
    """
    if color not in ("bgr", "rgb"):
        raise FrameFormatError(f"color is {color!r}; expected 'bgr' or 'rgb', the order of the picture's channels")
    if not isinstance(image, np.ndarray):
        raise FrameFormatError(f"the reference is a {type(image).__name__}; expected a NumPy array, HxWx3 uint8")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise FrameFormatError(
            f"the reference is {image.shape} {image.dtype}; expected HxWx3 uint8: drop an alpha channel, repeat a grey one"
        )
    if min(image.shape[:2]) < SMALLEST:
        raise FrameFormatError(
            f"the reference is {image.shape[1]}x{image.shape[0]} pixels; expected at least {SMALLEST}x{SMALLEST}"
        )
    return np.ascontiguousarray(image[..., ::-1] if color == "bgr" else image)


def check_point(point: Any, width: int, height: int) -> tuple[float, float]:
    """A point x, y inside the picture, in its pixels.

    Raises:
        RegionError: not two finite numbers, or outside.
    """
    x, y = _numbers(point, 2, "point", "(x, y)")
    if not (0 <= x < width and 0 <= y < height):
        raise RegionError(
            f"point ({x:g}, {y:g}) lies outside the reference of {width}x{height} pixels; "
            f"expected 0 <= x < {width} and 0 <= y < {height}"
        )
    return x, y


def check_box(region: Any, width: int, height: int) -> tuple[int, int, int, int]:
    """A box x, y, width, height in whole pixels, cut to the picture.

    Raises:
        RegionError: not four finite numbers, no area, or nothing of it inside the picture.
    """
    x, y, w, h = _numbers(region, 4, "region", "(x, y, width, height)")
    if w <= 0 or h <= 0:
        raise RegionError(f"region ({x:g}, {y:g}, {w:g}, {h:g}) has no area; expected a width and a height above 0")
    left, top = max(math.floor(x), 0), max(math.floor(y), 0)
    right, bottom = min(math.ceil(x + w), width), min(math.ceil(y + h), height)
    if left >= right or top >= bottom:
        raise RegionError(
            f"region ({x:g}, {y:g}, {w:g}, {h:g}) lies outside the reference of {width}x{height} pixels; "
            "expected a box that overlaps it"
        )
    return left, top, right - left, bottom - top


def check_mask(mask: Any, width: int, height: int) -> Bool:
    """A mask as HxW bool: bool; uint8 of 0..1 (from 1) or 0..255 (from 128); float of 0..1 (from 0.5).

    Raises:
        RegionError: wrong shape or type, NaN, values outside the range, or nothing selected.
    """
    if not isinstance(mask, np.ndarray):
        raise RegionError(f"the mask is a {type(mask).__name__}; expected a NumPy array HxW or the path of a picture")
    flat = mask[..., 0] if mask.ndim == 3 and mask.shape[2] == 1 else mask
    if flat.shape != (height, width):
        raise RegionError(
            f"the mask is {mask.shape}; expected {(height, width)}, height and width of the reference: resize it, "
            "or give one channel"
        )
    if flat.dtype == np.bool_:
        selected = flat
    elif flat.dtype == np.uint8:
        selected = flat >= (128 if flat.max() > 1 else 1)
    elif flat.dtype.kind == "f":
        _check_unit_interval(flat)
        selected = flat >= 0.5
    else:
        raise RegionError(f"the mask is of type {flat.dtype}; expected bool, uint8 (0..255) or float (0..1)")
    if not selected.any():
        raise RegionError("the mask selects nothing: all of it is 0 (or below one half); expected a region to follow")
    return np.array(selected, np.bool_)


def load_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Reads a mask file: the alpha channel of a picture that has one and is not opaque, else its brightness; HxW uint8.

    Raises:
        RegionError: the file is missing or no picture.
    """
    file = Path(path)
    if not file.is_file():
        raise RegionError(f"the mask '{file}' does not exist; expected a picture (PNG is best) of the reference's size")
    try:
        data = np.frombuffer(file.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except OSError as error:
        raise RegionError(f"cannot read the mask '{file}': {error.strerror or error}; check that you may read it") from error
    except cv2.error:  # more pixels than OpenCV takes
        picture = None
    if picture is None:
        raise RegionError(f"the mask '{file}' is no picture that can be read; expected PNG, JPEG, WebP or TIFF")
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    if picture.dtype != np.uint8:
        raise RegionError(f"the mask '{file}' holds {picture.dtype} values; expected 8 or 16 bits")
    if picture.ndim == 2:
        return np.asarray(picture, np.uint8)
    if picture.shape[2] == 4 and picture[..., 3].min() < 255:
        return np.ascontiguousarray(picture[..., 3])
    return np.asarray(picture[..., :3].max(axis=2), np.uint8)


def _check_unit_interval(mask: NDArray[Any]) -> None:
    if not np.isfinite(mask).all():
        raise RegionError("the mask holds NaN or infinity; expected values from 0 to 1")
    low, high = float(mask.min()), float(mask.max())
    if low < 0 or high > 1:
        raise RegionError(f"the mask holds values from {low:g} to {high:g}; expected 0 to 1: divide by the maximum")


def _numbers(value: Any, count: int, name: str, form: str) -> list[float]:
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, (str, bytes)) or len(value) != count:
        raise RegionError(f"{name} is {value!r}; expected {count} numbers, {form}, in pixels")
    try:
        numbers = [float(v) for v in value]
    except (TypeError, ValueError) as error:
        raise RegionError(f"{name} is {value!r}; expected {count} numbers, {form}, in pixels") from error
    if not all(math.isfinite(v) for v in numbers):
        raise RegionError(f"{name} is {value!r}; expected finite numbers, {form}, in pixels")
    return numbers
