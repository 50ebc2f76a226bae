"""Fits a soft map to the edges of a picture: colour guided filter (He, Sun and Tang 2010), GrabCut in a band, clean-up."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Bool = NDArray[np.bool_]

BACKGROUND, FOREGROUND, MAYBE_BACKGROUND, MAYBE_FOREGROUND = 0, 1, 2, 3  # OpenCV's GC_ constants
# GrabCut's mixtures start from k-means with OpenCV's random numbers; a fixed seed gives the same mask on every run.
SEED = 7
SMALLEST_SAMPLE = 20  # pixels of foreground and of background; fewer give no mixture of five colours


class Guide:
    """A small picture as the guide of many filterings; what depends on the picture alone is computed once.

    Args:
        image: HxWx3 uint8.
        radius: of the square window, pixels.
        epsilon: variance below which the filter averages; channels in [0, 1].
    """

    def __init__(self, image: NDArray[np.uint8], radius: int, epsilon: float) -> None:
        self._radius = radius
        self._image = image.astype(np.float32) / np.float32(255)
        self._mean = self._blur(self._image)
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        products = np.stack([self._image[..., a] * self._image[..., b] for a, b in pairs])
        rr, rg, rb, gg, gb, bb = (
            self._blur(p) - self._mean[..., a] * self._mean[..., b] for p, (a, b) in zip(products, pairs, strict=True)
        )
        rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
        # Inverse of the symmetric 3x3 covariance by its adjugate.
        adjugate = [gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb,
                    rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg]  # fmt: skip
        determinant = rr * adjugate[0] + rg * adjugate[1] + rb * adjugate[2]
        self._inverse = [a / determinant for a in adjugate]

    def coefficients(self, soft: Float) -> tuple[Float, Float]:
        """The local linear model of a soft map HxW: slopes HxWx3 and offset HxW, already averaged over the windows."""
        mean = self._blur(soft)
        c0, c1, c2 = (self._blur(self._image[..., c] * soft) - self._mean[..., c] * mean for c in range(3))
        i = self._inverse
        slopes = np.stack(
            [i[0] * c0 + i[1] * c1 + i[2] * c2, i[1] * c0 + i[3] * c1 + i[4] * c2, i[2] * c0 + i[4] * c1 + i[5] * c2],
            axis=-1,
        )
        offset = mean - (slopes * self._mean).sum(axis=-1)
        return self._blur(slopes), self._blur(offset)

    def filter(self, soft: Float) -> Float:
        """The soft map HxW float32, smoothed within regions and sharp at the picture's edges."""
        slopes, offset = self.coefficients(soft)
        return np.asarray((slopes * self._image).sum(axis=-1) + offset, np.float32)

    def enlarge(self, soft: Float, image: NDArray[np.uint8]) -> Float:
        """The soft map at the size of the full picture HxWx3 uint8 (the fast guided filter of He and Sun 2015)."""
        slopes, offset = self.coefficients(soft)
        size = (image.shape[1], image.shape[0])
        result = cv2.resize(offset, size, interpolation=cv2.INTER_LINEAR)
        for channel in range(3):  # one channel at a time: a 50-megapixel picture fits into memory
            slope = cv2.resize(np.ascontiguousarray(slopes[..., channel]), size, interpolation=cv2.INTER_LINEAR)
            result += slope * (image[..., channel].astype(np.float32) / np.float32(255))
        return np.asarray(result, np.float32)

    def _blur(self, values: Any) -> Any:
        length = 2 * self._radius + 1
        return cv2.blur(values, (length, length), borderType=cv2.BORDER_REFLECT_101)


def grab_cut(image: NDArray[np.uint8], labels: NDArray[np.uint8], iterations: int) -> Bool:
    """OpenCV's GrabCut (Rother 2004) from a label map (the four constants above); returns the foreground, HxW bool.

    Only the part around what is undecided or foreground is looked at. A map with nothing undecided comes back as it is.
    """
    result = np.isin(labels, (FOREGROUND, MAYBE_FOREGROUND))
    undecided = labels >= MAYBE_BACKGROUND
    if not undecided.any() or not result.any() or result.all():
        return result
    x, y, width, height = cv2.boundingRect((undecided | result).astype(np.uint8))
    margin = 12
    rows = slice(max(y - margin, 0), y + height + margin)
    columns = slice(max(x - margin, 0), x + width + margin)
    part = np.ascontiguousarray(labels[rows, columns])
    behind = int(np.isin(part, (BACKGROUND, MAYBE_BACKGROUND)).sum())
    if min(behind, part.size - behind) < SMALLEST_SAMPLE:
        return result
    cv2.setRNGSeed(SEED)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    picture = np.ascontiguousarray(image[rows, columns])
    cv2.grabCut(picture, part, None, *models, iterations, cv2.GC_INIT_WITH_MASK)
    result[rows, columns] = np.isin(part, (FOREGROUND, MAYBE_FOREGROUND))
    return result


def disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def grow(mask: Bool, radius: int) -> Bool:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc(radius)) > 0)


def shrink(mask: Bool, radius: int) -> Bool:
    """Erosion that does not eat from the picture's own border, where a body is merely cut off."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), disc(radius), borderType=cv2.BORDER_REPLICATE) > 0)


def clean(mask: Bool, keep: float = 0.03) -> Bool:
    """Drops islands smaller than ``keep`` of the largest, and fills holes of the same size."""
    result = _without_specks(mask, keep)
    holes = _without_specks(~result, 0.0, smallest=keep * float(result.sum()))
    return np.asarray(np.logical_not(holes), np.bool_)


def _without_specks(mask: Bool, share: float, smallest: float = 0.0) -> Bool:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count <= 1:
        return np.array(mask, np.bool_)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    areas[0] = 0
    wanted = areas >= max(share * areas.max(), smallest, 1.0)
    return np.asarray(wanted[labels])
