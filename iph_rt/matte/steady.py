"""Steadies the confidence over time where the picture stands still (native)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from iph_rt.color.native import native

# Motion of 3 x 3 cells in counts of 0..255. A camera's noise of 5 counts moves their mean by about 2; the edge of a
# black sleeve before a white wall that moves by a quarter of a cell moves it by 20.
MOTION_LOW, MOTION_HIGH = 4.0, 12.0
LONGEST_GAP = 0.5
"""Seconds after which the state says nothing about the picture any more."""


class Steadier:
    """Exponential smoothing by the clock, off wherever the picture moved; see csrc/matte/confidence.h.

    Args:
        time_constant: seconds after which a step is taken over to 63 % where nothing moves; 0 switches it off.
    """

    def __init__(self, time_constant: float) -> None:
        self.time_constant = time_constant
        self._confidence = np.empty((0, 0), np.float32)
        self._guide = np.empty((0, 0, 3), np.float32)
        self._last_ns: int | None = None

    def update(self, confidence: NDArray[np.float32], guide: NDArray[np.uint8], timestamp_ns: int) -> None:
        """Steadies ``confidence`` (hxw float32 in [0, 1]) in place; ``guide`` is the hxwx3 uint8 picture it belongs
        to."""
        if self.time_constant <= 0.0:
            return
        elapsed = LONGEST_GAP if self._last_ns is None else (timestamp_ns - self._last_ns) * 1e-9
        self._last_ns = timestamp_ns
        if self._confidence.shape != confidence.shape or not 0.0 <= elapsed < LONGEST_GAP:
            self._confidence = np.array(confidence, np.float32)
            self._guide = np.array(guide, np.float32)
            return
        rest = 1.0 - math.exp(-elapsed / self.time_constant)
        native.steady_confidence(
            confidence, guide, rest=rest, motion_low=MOTION_LOW, motion_high=MOTION_HIGH,
            confidence_state=self._confidence, guide_state=self._guide,
        )  # fmt: skip

    def reset(self) -> None:
        """Forgets what was; the next confidence passes as it is."""
        self._last_ns = None
