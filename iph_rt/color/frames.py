"""The check of pictures that come from outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import FrameFormatError


def check_frame(image: Any, name: str = "frame") -> NDArray[np.uint8]:
    """Returns ``image`` if it is an array of HxWx3 uint8 with at least one pixel. Raises FrameFormatError."""
    if not isinstance(image, np.ndarray):
        raise FrameFormatError(f"{name}: got {type(image).__name__}, expected a NumPy array of HxWx3 uint8")
    if image.ndim != 3 or image.shape[2] != 3:
        cure = "; drop the alpha channel: frame[..., :3]" if image.ndim == 3 and image.shape[2] == 4 else ""
        raise FrameFormatError(f"{name}: got shape {image.shape}, expected HxWx3{cure}")
    if image.dtype != np.uint8:
        raise FrameFormatError(f"{name}: got {image.dtype}, expected uint8 with values in [0, 255]")
    if not image.size:
        raise FrameFormatError(f"{name}: got shape {image.shape}, expected at least one pixel")
    return image
