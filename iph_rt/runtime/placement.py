"""Where the camera frame lies in the background: one rectangle, scaled evenly, cut at the background's borders.

Placements by name, for a frame of w x h in a background of W x H:

- ``"bottom"``: scaled by min(W/w, H/h), in the middle, its lower edge on the background's lower edge, so that a person
  whom the camera cuts off at the waist is cut off by the picture's border too, and nothing of the frame is lost;
- ``"fit"``: the same scale, in the middle;
- ``"cover"``: scaled by max(W/w, H/h), in the middle; what hangs over is cut off.

``(x, y, scale)``: the middle of the frame's lower edge lies at background pixel (x, y), and one camera pixel becomes
``scale`` background pixels. So a person can stand among the people of a photograph at their size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.config import Placement
from iph_rt.errors import ConfigError

Image = NDArray[np.uint8]

AREA_BELOW = 0.6  # smaller scales alias under bilinear interpolation, which reads 2 x 2 pixels


@dataclass(frozen=True)
class Rect:
    """Whole pixels: left, top, width, height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an image with."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True)
class Layout:
    """The visible part of the frame (``source``, frame pixels) and where it goes (``target``, background pixels)."""

    source: Rect
    target: Rect
    background_height: int
    background_width: int

    @property
    def covers(self) -> bool:
        """Whether the target is the whole background."""
        return (self.target.width, self.target.height) == (self.background_width, self.background_height)

    def place(self, image: Image, out: Image | None = None, *, smooth: bool = False) -> Image:
        """The visible part of a frame (HxWx3) or of its alpha (HxW), at the target's size.

        Where nothing is scaled the result is a view of ``image``. Otherwise it is written to ``out`` if that fits.
        ``smooth`` takes bicubic interpolation for stills that are enlarged.
        """
        part = image[self.source.slices]
        size = (self.target.width, self.target.height)
        if size == (self.source.width, self.source.height):
            return part
        if self.target.width < AREA_BELOW * self.source.width:
            interpolation = cv2.INTER_AREA
        else:
            interpolation = cv2.INTER_CUBIC if smooth and self.target.width > self.source.width else cv2.INTER_LINEAR
        placed: Image = cv2.resize(part, size, dst=out, interpolation=interpolation)
        return placed

    def copy_surroundings(self, background: Image, out: Image) -> None:
        """Copies everything outside the target from ``background`` to ``out`` (both of the background's size)."""
        rows, columns = self.target.slices
        for strip in (
            (slice(0, rows.start), slice(None)),
            (slice(rows.stop, None), slice(None)),
            (rows, slice(0, columns.start)),
            (rows, slice(columns.stop, None)),
        ):
            np.copyto(out[strip], background[strip])


def lay_out(placement: Placement, frame: tuple[int, int], background: tuple[int, int]) -> Layout:
    """Layout of a frame of (height, width) in a background of (height, width).

    Raises:
        ConfigError: nothing of the frame would be seen.
    """
    (frame_height, frame_width), (height, width) = frame, background
    if isinstance(placement, str):
        scales = (width / frame_width, height / frame_height)
        scale = max(scales) if placement == "cover" else min(scales)
        x, y = width / 2, height / 2 + scale * frame_height / 2
        if placement == "bottom":
            y = height
    else:
        x, y, scale = placement
    columns = _visible(x - scale * frame_width / 2, scale, frame_width, width)
    rows = _visible(y - scale * frame_height, scale, frame_height, height)
    if columns is None or rows is None:
        raise ConfigError(
            f"placement={placement!r}: a frame of {frame_width}x{frame_height} lies outside the background of "
            f"{width}x{height}; x and y are the background pixel under the middle of the frame's lower edge"
        )
    source = Rect(columns[0], rows[0], columns[1], rows[1])
    return Layout(source, Rect(columns[2], rows[2], columns[3], rows[3]), height, width)


def _visible(start: float, scale: float, length: int, limit: int) -> tuple[int, int, int, int] | None:
    """Start and length in the frame, start and length in the background, along one axis; None if nothing is seen."""
    scaled = max(1, round(scale * length))
    last = round(start + scale * length)
    first = last - scaled
    low, high = max(first, 0), min(last, limit)
    if low >= high:
        return None
    if (first, last) == (low, high):
        return 0, length, low, high - low
    source_low = min(length - 1, max(0, round((low - start) / scale)))
    source_high = max(source_low + 1, min(length, round((high - start) / scale)))
    return source_low, source_high - source_low, low, high - low
