"""Output buffers that are used again as soon as nobody holds them."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

LIMIT = 8  # buffers kept: a window, an encoder and a queue or two; a consumer who keeps every frame gets fresh ones


class FramePool:
    """Gives out HWC uint8 buffers without a lifetime that the caller must keep in mind.

    A buffer that someone still holds (or a view of it) is never given out again: its reference count tells. A consumer
    who lets go of each frame before the next but one is served from two or three buffers for ever.
    """

    def __init__(self) -> None:
        self._buffers: list[Image] = []
        self._shape: tuple[int, ...] = ()
        # What a buffer counts when only the list holds it, measured with the code that will compare it.
        (self._free_count,) = _reference_counts([np.empty(1, np.uint8)])

    def take(self, shape: tuple[int, ...]) -> Image:
        """A C-contiguous buffer of ``shape`` with undefined content, the caller's for as long as it is held."""
        if shape != self._shape:
            self._buffers, self._shape = [], shape
        for number, count in enumerate(_reference_counts(self._buffers)):
            if count <= self._free_count:
                return self._buffers[number]
        fresh = np.empty(shape, np.uint8)
        if len(self._buffers) < LIMIT:
            self._buffers.append(fresh)
        return fresh


def _reference_counts(buffers: list[Image]) -> list[int]:
    return [sys.getrefcount(buffer) for buffer in buffers]
