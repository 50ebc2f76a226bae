"""Checks of what a caller gives instead of the segmenter: a matte, or a confidence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import MaskError

_TOLERANCE = 1e-3  # rounding of whoever made the mask, not a wrong range


def from_mask(mask: Any, *, shape: tuple[int, int] | None = None, allow_empty: bool = True) -> NDArray[np.uint8]:
    """A caller's matte as alpha: HxW uint8, 0 = background, 255 = person.

    Args:
        mask: HxW or HxWx1. bool; or uint8, either 0/1 (no value above 1) or 0..255; or floating point in [0, 1].
        shape: (height, width) that the mask must have; None takes any.
        allow_empty: whether a mask without any person (all zero) is accepted. It is by default: in a video people leave
            the picture, and the result is then the plain background. A still without a person is most likely a
            mistake, so callers that make stills pass False.

    Returns:
        C-contiguous HxW uint8; a uint8 mask in 0..255 that is contiguous already is returned as it is, not copied.

    Raises:
        MaskError: no array, wrong shape or type, no pixels, NaN or values out of range, or empty where that is not
            allowed.
    """
    array = _plane(mask, "mask", shape)
    if array.dtype == np.bool_:
        alpha = array.view(np.uint8) * np.uint8(255)
    elif array.dtype == np.uint8:
        alpha = array * np.uint8(255) if array.max() <= 1 else array
    elif np.issubdtype(array.dtype, np.floating):
        _check_unit_range(array, "mask")
        alpha = np.rint(np.clip(array.astype(np.float32, copy=False), 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    else:
        raise MaskError(f"mask: got {array.dtype}, expected bool, uint8 (0/1 or 0..255) or floating point in [0, 1]")
    if not allow_empty and not alpha.any():
        raise MaskError("mask: all of it is 0, so there is no person in it; expected at least one pixel above 0")
    return np.ascontiguousarray(alpha)


def check_confidence(confidence: Any) -> NDArray[np.float32]:
    """A caller's confidence (h, w), floating point in [0, 1], as float32.

    Raises:
        MaskError: no array, wrong shape or type, no pixels, NaN or values out of range.
    """
    array = _plane(confidence, "confidence", None)
    if not np.issubdtype(array.dtype, np.floating):
        raise MaskError(f"confidence: got {array.dtype}, expected floating point in [0, 1]")
    _check_unit_range(array, "confidence")
    return array.astype(np.float32, copy=False)


def _plane(value: Any, name: str, shape: tuple[int, int] | None) -> NDArray[Any]:
    if not isinstance(value, np.ndarray):
        raise MaskError(f"{name}: got {type(value).__name__}, expected a NumPy array HxW")
    array = value[..., 0] if value.ndim == 3 and value.shape[2] == 1 else value
    if array.ndim != 2:
        raise MaskError(f"{name}: got shape {value.shape}, expected HxW (one channel)")
    if array.size == 0:
        raise MaskError(f"{name}: got shape {value.shape}, which holds no pixel; expected at least one")
    if shape is not None and array.shape != shape:
        raise MaskError(f"{name}: got {array.shape[0]} x {array.shape[1]}, expected the frame's {shape[0]} x {shape[1]} (H x W)")
    return array


def _check_unit_range(array: NDArray[Any], name: str) -> None:
    low, high = float(array.min()), float(array.max())  # NaN anywhere makes both NaN
    if np.isnan(low) or np.isnan(high):
        raise MaskError(f"{name}: holds NaN; expected numbers in [0, 1]")
    if low < -_TOLERANCE or high > 1.0 + _TOLERANCE:
        cure = "; divide by 255" if 1.0 < high <= 255.0 and low >= 0.0 else ""
        raise MaskError(f"{name}: got values from {low:g} to {high:g}, expected [0, 1]{cure}")
