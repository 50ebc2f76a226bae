"""What of a picture the networks see: a square window around the region of interest, 256 x 256.

The window is letterboxed: a square, so that nothing is stretched, and where it reaches over the picture's border it is
zero, which is what the networks see outside the mask anyway. A window around the person, not the whole frame, gives a
small person as many of the 256 x 256 pixels as a large one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.runtime.backend import NETWORK_SIZE

Bytes = NDArray[np.uint8]

MARGIN = 0.08  # of the region's longer side, on each side: room to move before the window must follow
SMALLEST_FILL = 0.6  # a window is kept while the person's longer side fills this much of it
CONFIDENT = 128  # alpha of a pixel that is more person than not
STEP = 8  # the person's box is found on every eighth row and column: 30 us at 1080p
SMALLEST_SHARE = 0.001  # of the frame's pixels; less is noise of the segmenter and not a person


@dataclass(frozen=True)
class Window:
    """A square of ``side`` pixels whose upper left corner is (x, y); may reach over the picture's border."""

    x: int
    y: int
    side: int


@dataclass(frozen=True)
class Box:
    """Columns x0..x1 and rows y0..y1, ends excluded."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def longest(self) -> int:
        return max(self.x1 - self.x0, self.y1 - self.y0)


def find_box(inside: NDArray[np.bool_]) -> Box | None:
    """Box of the pixels of an HxW mask; None if there are none."""
    rows = np.flatnonzero(inside.any(axis=1))
    columns = np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def find_person(alpha: Bytes) -> Box | None:
    """Box of the confident pixels of a matte (HxW uint8), to eight pixels; None if they are less than a thousandth of
    it.
    """
    step = STEP if min(alpha.shape) >= 16 * STEP else 1
    inside = alpha[::step, ::step] >= CONFIDENT
    box = find_box(inside)
    if box is None or np.count_nonzero(inside) < SMALLEST_SHARE * inside.size:
        return None
    height, width = alpha.shape
    return Box(box.x0 * step, box.y0 * step, min(width, box.x1 * step), min(height, box.y1 * step))


def window_around(box: Box) -> Window:
    """The square around a box with a margin on each side."""
    side = max(1, round(box.longest * (1 + 2 * MARGIN)))
    return Window((box.x0 + box.x1 - side) // 2, (box.y0 + box.y1 - side) // 2, side)


class WindowTracker:
    """Follows the person, and stands still as long as the person stays in the window: a moving window is a source of
    flicker.
    """

    def __init__(self) -> None:
        self._window: Window | None = None

    def update(self, alpha: Bytes) -> Window | None:
        """Window for this frame's alpha (HxW uint8), or None when nobody is there."""
        box = find_person(alpha)
        if box is None:
            return None
        if self._window is None or not _holds(self._window, box):
            self._window = window_around(box)
        return self._window

    def reset(self) -> None:
        """Forgets the window."""
        self._window = None


def _holds(window: Window, box: Box) -> bool:
    inside = (
        window.x <= box.x0
        and window.y <= box.y0
        and box.x1 <= window.x + window.side
        and box.y1 <= window.y + window.side
    )
    return inside and box.longest >= SMALLEST_FILL * window.side


def resample(image: Bytes, window: Window, out: Bytes) -> None:
    """Writes the window of an HxW or HxWx3 uint8 image to ``out`` (256x256 or 256x256x3), zero beyond the image's
    border.
    """
    height, width = image.shape[:2]
    x0, x1 = max(0, window.x), min(width, window.x + window.side)
    y0, y1 = max(0, window.y), min(height, window.y + window.side)
    scale = NETWORK_SIZE / window.side
    left, right = round((x0 - window.x) * scale), round((x1 - window.x) * scale)
    top, bottom = round((y0 - window.y) * scale), round((y1 - window.y) * scale)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    if (left, top, right, bottom) != (0, 0, NETWORK_SIZE, NETWORK_SIZE):
        out[...] = 0
    out[top:bottom, left:right] = _shrink(image[y0:y1, x0:x1], right - left, bottom - top)


def _shrink(part: Bytes, width: int, height: int) -> Bytes:
    """Resizes to width x height. From more than twice that size bilinear halfway, then exact means of 2 x 2 pixels.

    Exact means all the way read every pixel through a slow general path: 7 ms of a 1080p frame against 0.7.
    """
    if part.shape[1] > 2 * width and part.shape[0] > 2 * height:
        part = np.asarray(cv2.resize(part, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR))
    smaller = part.shape[1] >= width and part.shape[0] >= height
    resized = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(resized)
