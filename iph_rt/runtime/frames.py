"""Checks of what a result is written to, and the time of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import ConfigError, FrameFormatError

Image = NDArray[np.uint8]


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
