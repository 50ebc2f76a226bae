"""Direct composite and harmonized picture next to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from iph_rt.stream.frame import Frame, Image

if TYPE_CHECKING:
    from iph_rt.harmonizer import Harmonizer

LABELS = ("direct composite", "harmonized")


def side_by_side(harmonizer: Harmonizer) -> Callable[[Frame], Image]:
    """A step for a Stream: HWC uint8 of twice the width, the same matte in both halves; only the colours differ."""

    def step(frame: Frame) -> Image:
        harmonized = harmonizer.process(frame.image, timestamp=frame.timestamp_ns)
        return join_halves(harmonizer.direct_composite(), harmonized)

    return step


def join_halves(left: Image, right: Image) -> Image:
    """Two pictures of the same size, labelled, as one new picture of twice the width."""
    joined = np.concatenate([left, right], axis=1)
    width = left.shape[1]
    for offset, text in zip((0, width), LABELS, strict=True):
        draw_label(joined[:, offset : offset + width], text)
    joined[:, width - 1 : width + 1] = 255
    return joined


def draw_label(image: Image, text: str) -> None:
    """Write ``text`` into the upper left corner, on a dark ground, in a size that fits ``image``, which is changed."""
    scale = max(0.4, image.shape[0] / 850)
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(1.4 * scale))
    (width, height), base = cv2.getTextSize(text, font, scale, thickness)
    pad = max(4, round(12 * scale))
    ground = image[pad : 3 * pad + height + base, pad : 3 * pad + width]
    ground[:] = ground // 3
    cv2.putText(image, text, (2 * pad, 2 * pad + height), font, scale, (255, 255, 255), thickness, cv2.LINE_AA)
