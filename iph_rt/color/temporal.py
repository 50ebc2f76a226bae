"""Smoothing over time: of moments, so that the colour settles without a flicker and no pixel is ever blurred."""

from __future__ import annotations

import math

from iph_rt.color.moments import Moments
from iph_rt.errors import ConfigError

DEFAULT_TIME_CONSTANT = 0.12
"""Seconds. 1 - exp(-0.3 / 0.12) = 92 % of a real change of light has settled after 300 ms."""


class MomentSmoother:
    """Exponential forgetting that knows how much time has passed, so a dropped frame or another frame rate changes
    nothing.

    With dt the seconds since the last update and each frame's moments divided by their weight (a person who comes
    closer must not outweigh the past), s <- s + (1 - exp(-dt / time_constant)) (m - s).

    Args:
        time_constant: seconds after which 63 % of a step has come through; 0 passes everything through.
    """

    def __init__(self, time_constant: float = DEFAULT_TIME_CONSTANT) -> None:
        if not math.isfinite(time_constant) or time_constant < 0:
            raise ConfigError(f"got time_constant={time_constant}: expected seconds >= 0, e.g. {DEFAULT_TIME_CONSTANT}")
        self._time_constant = time_constant
        self._state: Moments | None = None
        self._timestamp_ns = 0

    def update(self, moments: Moments, timestamp_ns: int) -> Moments:
        """Takes in one frame's moments and returns the smoothed ones, of weight 1.

        Args:
            moments: of this frame. Empty ones (nobody in the picture) leave the state as it is.
            timestamp_ns: when the frame was captured, ``time.monotonic_ns()``. One that is not later than the last
                counts as no time passed.

        Returns:
            Moments of weight 1; the first update's own, and :meth:`Moments.zero` while there has been none with weight.
        """
        if moments.weight <= 0:
            return self._state or Moments.zero()
        mean = moments.scaled(1.0 / moments.weight)
        if self._state is None:
            self._state, self._timestamp_ns = mean, timestamp_ns  # which may be negative
        else:
            seconds = max(0, timestamp_ns - self._timestamp_ns) * 1e-9
            share = 1.0 - math.exp(-seconds / self._time_constant) if self._time_constant > 0 else 1.0
            self._state = self._state.scaled(1.0 - share) + mean.scaled(share)
        self._timestamp_ns = max(self._timestamp_ns, timestamp_ns)
        return self._state

    def reset(self) -> None:
        """Forgets everything: the next update passes through. For a new reference, a new background, or a cut."""
        self._state = None
        self._timestamp_ns = 0
