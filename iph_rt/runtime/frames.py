"""Checks of pictures that come from outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import ConfigError, FrameFormatError

Image = NDArray[np.uint8]


def check_frame(image: Any, name: str = "frame") -> Image:
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


def check_output(out: Any, shape: tuple[int, ...]) -> Image:
    """Returns ``out`` if a result of ``shape`` can be written to it. Raises FrameFormatError."""
    if not isinstance(out, np.ndarray) or out.dtype != np.uint8 or out.shape != shape:
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise FrameFormatError(f"out: got {got}, expected uint8 {shape}, the background's size")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise FrameFormatError("out: expected a C-contiguous array that can be written")
    return out


class Clock:
    """Time of each frame in nanoseconds: the caller's, or the machine's, or counted frames for the same bytes on every
    run.
    """

    def __init__(self, period_ns: int | None) -> None:
        self._period_ns = period_ns
        self._last = 0

    def stamp(self, timestamp: int | None, now_ns: int) -> tuple[int, bool]:
        """The frame's time, and whether time went backwards: a clip that starts again.

        ``period_ns`` is what a frame without a timestamp advances by; None takes ``now_ns``. Raises ConfigError.
        """
        if timestamp is None:
            stamp = now_ns if self._period_ns is None else self._last + self._period_ns
        elif isinstance(timestamp, bool) or not isinstance(timestamp, (int, np.integer)):
            raise ConfigError(f"timestamp={timestamp!r}: expected whole nanoseconds, e.g. time.monotonic_ns()")
        else:
            stamp = int(timestamp)
        backwards = stamp < self._last
        self._last = stamp
        return stamp, backwards
