"""How much a region of the reference says about light and colour: a score 0..1 and the reasons that lower it.

Each measure gives a factor that falls in a straight line from 1 at its good end to 0.1 at its bad end; the score is their
product. The ends were set by looking at photographs: they warn, they do not forbid.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.reference.edges import Bool

WORST = 0.1
REPORTED = 0.75  # a factor below this is named as a reason
SMALL_SIDE = 160  # statistics of a region are taken at about this many pixels of side


def suitability(image: NDArray[np.uint8], mask: Bool) -> tuple[float, tuple[str, ...]]:
    """Score 0..1 of the masked part of an HWC uint8 RGB picture, and what speaks against it, worst first."""
    pixels = _sample(image, mask)
    lab = cv2.cvtColor(pixels.reshape(-1, 1, 3).astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB).reshape(-1, 3)
    lightness = float(lab[:, 0].mean())
    chroma = float(np.hypot(lab[:, 1], lab[:, 2]).mean())
    clipped = float(((pixels >= 252).any(axis=1) | (pixels <= 3).all(axis=1)).mean())
    side = float(np.sqrt(mask.sum()))
    share = float(mask.mean())
    factors = [
        (_fall(lightness, 28, 8), f"too dark: mean lightness {lightness:.0f} of 100"),
        (_fall(lightness, 82, 97), f"too bright: mean lightness {lightness:.0f} of 100"),
        (_fall(clipped, 0.10, 0.50), f"clipped: {clipped:.0%} of the pixels are black or have a full channel"),
        (_fall(side, 48, 12), f"too small: {round(side**2)} pixels"),
        (_fall(share, 0.005, 0.0003), f"too small: {share:.2%} of the picture"),
        (_fall(chroma, 45, 85), f"too colourful: mean chroma {chroma:.0f}"),
        (_fall(chroma, 5, 1), f"too grey: mean chroma {chroma:.1f}; it says little about colour"),
    ]
    score = float(np.prod([factor for factor, _ in factors]))
    reasons = tuple(reason for factor, reason in sorted(factors) if factor < REPORTED)
    return score, reasons


def _sample(image: NDArray[np.uint8], mask: Bool) -> NDArray[np.uint8]:
    """Masked pixels, every n-th row and column of the mask's box where it is large; Nx3, at least one."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    step = max(1, min(width, height) // SMALL_SIDE)
    box = (slice(y, y + height, step), slice(x, x + width, step))
    pixels = image[box][mask[box]]
    return np.asarray(pixels if len(pixels) else image[mask], np.uint8)


def _fall(value: float, good: float, bad: float) -> float:
    """1 on the good side, WORST on the bad side, linear between; the ends may lie either way round."""
    return float(np.interp((value - good) / (bad - good), [0.0, 1.0], [1.0, WORST]))
