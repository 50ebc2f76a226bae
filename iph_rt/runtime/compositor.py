"""Full resolution: the frame into its place in the background, and the one fused pass that colours and composites
it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from iph_rt.color.frames import check_frame
from iph_rt.color.polynomial import EdgeColors, Polynomial, apply_composite, edge_colors
from iph_rt.config import Color, Placement, stage_threads
from iph_rt.matte.matte import from_mask
from iph_rt.runtime.frames import Image, check_output
from iph_rt.runtime.placement import Layout, lay_out
from iph_rt.runtime.pool import FramePool


class Compositor:
    """Holds the background and the buffers of the live path. Pictures are HWC uint8."""

    def __init__(self, color: Color, threads: int, background: Image | None = None, *, still: bool = False) -> None:
        """``background`` None keeps the user's own room: the frame itself. ``threads`` of each pass, 0 to choose by its
        size. ``still`` takes the better, slower enlargement.
        """
        self.background = background
        self.color, self._threads, self._still = color, threads, still
        self._pool = FramePool()
        self._buffers: dict[str, Image] = {}
        self._edge: EdgeColors | None = None
        self._layout: Layout | None = None
        self._laid_out_for: tuple[Any, ...] = ()

    def lay_out(self, frame: Image, placement: Placement) -> Layout:
        """Where this frame lies. Raises ConfigError when nothing of it would be seen."""
        height, width = frame.shape[:2] if self.background is None else self.background.shape[:2]
        key = (placement if self.background is not None else "fit", frame.shape[:2], (height, width))
        if self._layout is None or key != self._laid_out_for:
            self._layout, self._laid_out_for = lay_out(*key), key
        return self._layout

    def place(self, frame: Image, layout: Layout) -> Image:
        """The visible part of the frame at the target's size: a view when nothing is scaled, otherwise a kept
        buffer.
        """
        if frame.strides[2] != 1 or frame.strides[1] != 3:
            packed = self._buffer("packed", frame.shape)  # mirrored or channel-reversed: native code reads packed rows
            np.copyto(packed, frame)
            frame = packed
        size = (layout.target.height, layout.target.width, 3)
        return layout.place(frame, self._buffer("frame", size), smooth=self._still)

    def place_mask(self, mask: Any, frame: Image, layout: Layout) -> Image:
        """A caller's matte of the frame as HxW uint8 alpha at the target's size. Raises MaskError."""
        size = (layout.target.height, layout.target.width)
        return np.ascontiguousarray(layout.place(from_mask(mask, shape=frame.shape[:2]), self._buffer("alpha", size)))

    def apply(
        self, placed: Image, alpha: Image, polynomial: Polynomial, layout: Layout, out: Image | None = None
    ) -> Image:
        """out = alpha * P(frame) + (1 - alpha) * background in one pass; what the frame does not cover is copied."""
        background = self.background
        shape = (layout.background_height, layout.background_width, 3)
        result = self._pool.take(shape) if out is None else check_output(out, shape)
        threads = stage_threads(self._threads, alpha.size)
        if background is None:
            background, edge = placed, None
        else:
            kept = self._edge if self._edge is not None and self._edge.size == alpha.shape else None
            edge = self._edge = edge_colors(placed, alpha, out=kept, threads=threads)
            if not layout.covers:
                layout.copy_surroundings(background, result)
                background = background[layout.target.slices]
        apply_composite(
            placed, alpha, background, polynomial,
            color=self.color, edge=edge, out=result[layout.target.slices], threads=threads,
        )
        return result

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Image:
        if name not in self._buffers or self._buffers[name].shape != shape:
            self._buffers[name] = np.empty(shape, np.uint8)
        return self._buffers[name]


def as_background(image: Image | None) -> Image | None:
    """A copy of a background picture, so that the caller may go on using theirs. Raises FrameFormatError."""
    return None if image is None else np.array(check_frame(image, "background"), order="C")
