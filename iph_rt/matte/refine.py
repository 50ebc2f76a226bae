"""From a low-resolution confidence to a full-resolution alpha that follows the edges of the picture (native)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iph_rt.color.native import native
from iph_rt.config import check_count, check_number

# In units of the low-resolution grid (256 cells across): the windows of radius 3 span what the network is unsure
# about, and a face is still some 40 windows wide.
RADIUS = 3
# (255 sqrt(1e-3)) = 8 counts: differences below a camera's noise are no edge.
EPSILON = 1e-3
# The variance of a window that a straight edge halves is 1/4, of one that it only touches about 1/16: full trust up to
# two cells from an edge, none beyond the window.
TRUST = 8.0


@dataclass(frozen=True)
class Edge:
    """How the refined confidence becomes alpha.

    Attributes:
        choke: -1 to 1. Alpha is one half where the refined confidence is 0.5 + 0.4 choke: above 0 the edge moves into
            the person, which hides what is left of the old background.
        feather: 0.05 to 1, the range of refined confidence over which alpha goes from 0 to 1. Small: a hard edge.
    """

    choke: float = 0.3
    feather: float = 0.7

    def __post_init__(self) -> None:
        check_number("choke", self.choke, -1.0, 1.0)
        check_number("feather", self.feather, 0.05, 1.0)

    @property
    def levels(self) -> tuple[float, float]:
        """(low, high): refined confidence where alpha becomes exactly 0 and exactly 255."""
        middle, half = 0.5 + 0.4 * self.choke, 0.5 * self.feather
        return max(0.0, middle - half), min(1.0, middle + half)


class Refiner:
    """Fast colour guided filter; keeps its buffers between frames. Formulas and geometry: csrc/matte/guided.h.

    Where no window holds an edge of the confidence, alpha is exactly 0 or 255 and the frame's texture is not even read.

    Args:
        radius: windows of (2 radius + 1)^2 low-resolution cells, 1 to 15.
        epsilon: regularisation, in squared units of colours in [0, 1]; differences of colour below its root are no
            edge.
        trust: how fast the filter is believed as a window's variance of the confidence grows; 0 gives plain upsampling.
        threads: of the full-resolution pass, which takes about 1 ms at 1080p: less than a second thread may make it wait
            on a busy machine. 0 takes one for each CPU.
    """

    def __init__(self, *, radius: int = RADIUS, epsilon: float = EPSILON, trust: float = TRUST, threads: int = 1) -> None:
        self.radius = check_count("radius", radius, 1, 15)
        self.epsilon = check_number("epsilon", epsilon, 1e-8, 1.0)
        self.trust = check_number("trust", trust, 0.0, 1e6)
        self.threads = check_count("threads", threads, 0, 256)
        self._coefficients = np.empty((4, 0, 0), np.float32)

    def refine(
        self,
        frame: NDArray[np.uint8],
        guide: NDArray[np.uint8],
        confidence: NDArray[np.float32],
        out: NDArray[np.uint8],
        edge: Edge,
    ) -> NDArray[np.uint8]:
        """Writes the alpha of ``frame`` to ``out`` and returns it.

        Args:
            frame: HxWx3 uint8, pixels of a row side by side.
            guide: hxwx3 uint8, C-contiguous: the frame sampled at the confidence's cells, channels in the same order.
            confidence: hxw float32 in [0, 1], C-contiguous; resolved to 1/1023.
            out: HxW uint8.
            edge: how confidence becomes alpha.
        """
        if self._coefficients.shape[1:] != confidence.shape:
            self._coefficients = np.empty((4, *confidence.shape), np.float32)
        native.guided_coefficients(
            guide, confidence, self._coefficients, radius=self.radius, epsilon=self.epsilon, trust=self.trust
        )
        low, high = edge.levels
        native.guided_alpha(frame, self._coefficients, out, low=low, high=high, threads=self.threads)
        return out
