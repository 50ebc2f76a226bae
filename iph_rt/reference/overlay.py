"""Draws a selection into a picture, for people to look at: dimmed surroundings, tinted region, anti-aliased outline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.reference.select import Selection

DIM = 0.62  # brightness that the surroundings keep
TINT = 0.22


def draw_selection(
    image: NDArray[np.uint8], selection: Selection, color: tuple[int, int, int] = (64, 200, 255)
) -> NDArray[np.uint8]:
    """A copy of the picture with the selected region tinted and outlined, the rest dimmed.

    Args:
        image: HWC uint8, the picture that was chosen in.
        selection: a choice in it.
        color: of tint and outline, in the picture's own channel order (the default is amber in BGR).
    """
    mask = selection.mask
    longer = max(mask.shape)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.6, longer / 1600))[..., None]
    ink = np.array(color, np.float32)
    inside = image * np.float32(1 - TINT) + ink * np.float32(TINT)
    picture = inside * soft + image * np.float32(DIM) * (1 - soft)
    # Distance to the outline in pixels, on both sides; the line fades over one pixel at each side.
    bits = np.pad(mask, 1, mode="edge").astype(np.uint8)  # no line along the picture's border
    if mask.any() and not mask.all():
        half = max(1.0, longer / 700)
        smooth = cv2.GaussianBlur(_signed(bits), (0, 0), half)[1:-1, 1:-1]
        line = np.clip(half + 0.5 - np.abs(smooth), 0, 1)[..., None]
        glow = np.clip(1 - np.abs(smooth) / (6 * half), 0, 1)[..., None] ** 2 * np.float32(0.35)
        picture = picture * (1 - glow) + ink * glow
        bright = ink * np.float32(0.35) + np.float32(255 * 0.65)
        picture = picture * (1 - line) + bright * line
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)


def _distance(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.distanceTransform(bits, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _signed(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Signed distance to the outline: positive inside."""
    return _distance(bits) - _distance(1 - bits)
