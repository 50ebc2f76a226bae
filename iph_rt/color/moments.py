"""Weighted moments of the colour polynomial's kernel: all that a fit needs to know of an image, in 154 numbers.

Moments, not pixels and not coefficients, are what is smoothed over time: they add up, and any weighted mean of moments
is the moments of the mixed images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.color.native import native
from iph_rt.errors import FrameFormatError, MaskError

N_TERMS = 11
"""Terms of the kernel in their order: R, G, B, RG, RB, GB, R^2, G^2, B^2, RGB, 1 (Afifi et al. 2019), RGB in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over pixels of source colour x, target colour y and weight w, with phi the 11 terms of x.

    Attributes:
        ata: 11 x 11 float64, sum of w phi phi^T; symmetric.
        atb: 11 x 3 float64, sum of w phi y^T.
    """

    ata: NDArray[np.float64]
    atb: NDArray[np.float64]

    @staticmethod
    def zero() -> Moments:
        """The moments of no pixels."""
        return Moments(np.zeros((N_TERMS, N_TERMS)), np.zeros((N_TERMS, 3)))

    @property
    def weight(self) -> float:
        """Sum of the weights."""
        return float(self.ata[10, 10])

    @property
    def mean(self) -> NDArray[np.float64]:
        """Weighted mean of the source's colours, RGB, 3 float64; zeros if there is no weight."""
        mean: NDArray[np.float64] = self.ata[10, :3] / self.weight if self.weight > 0 else np.zeros(3)
        return mean

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Weighted covariance of the source's colours, RGB, 3 x 3 float64; zeros if there is no weight."""
        if self.weight <= 0:
            return np.zeros((3, 3))
        mean = self.mean
        covariance: NDArray[np.float64] = self.ata[:3, :3] / self.weight - np.outer(mean, mean)
        return covariance

    def scaled(self, factor: float) -> Moments:
        """The moments with every weight times ``factor``."""
        return Moments(self.ata * factor, self.atb * factor)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.ata + other.ata, self.atb + other.atb)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Moments):
            return NotImplemented
        return np.array_equal(self.ata, other.ata) and np.array_equal(self.atb, other.atb)

    __hash__ = None  # type: ignore[assignment]


def moments(source: NDArray[np.float32], target: NDArray[np.float32], weight: NDArray[np.float32]) -> Moments:
    """Sums up the moments of a source image and what it should become.

    Args:
        source: 3 x H x W (or 1 x 3 x H x W) float32, planar RGB in [0, 1]: the colours before.
        target: same shape: the colours after.
        weight: H x W (or 1 x 1 x H x W) float32, >= 0. Pixels of weight 0 count for nothing, NaN or not.

    Returns:
        The same bits in every run on one machine: the order of the sums is fixed.

    Raises:
        FrameFormatError: wrong shape or dtype, or NaN or infinity at a pixel with weight.
        MaskError: wrong shape or dtype of the weight, or a weight that is negative, NaN or infinite.
    """
    source = _planes(source, "source")
    target = _planes(target, "target")
    if target.shape != source.shape:
        raise FrameFormatError(
            f"got target of shape {target.shape} beside source of shape {source.shape}: expected the same shape"
        )
    weight = _weight(weight, source.shape[1:])
    result = Moments(np.empty((N_TERMS, N_TERMS)), np.empty((N_TERMS, 3)))
    verdict = native.polynomial_moments(source, target, weight, result.ata, result.atb)
    if verdict == "bad_weight":
        raise MaskError("got a weight that is negative, NaN or infinite: expected finite weights >= 0; clean the mask")
    if verdict == "not_finite":
        raise FrameFormatError("got NaN or infinity in source or target: expected colours in [0, 1]; clean the image")
    return result


def _planes(image: Any, name: str) -> NDArray[np.float32]:
    expected = "expected a 3 x H x W or 1 x 3 x H x W float32 array, planar RGB in [0, 1]"
    if not isinstance(image, np.ndarray):
        raise FrameFormatError(f"got {name} of type {type(image).__name__}: {expected}")
    planes = image[0] if image.ndim == 4 and image.shape[0] == 1 else image
    if planes.ndim != 3 or planes.shape[0] != 3 or planes.size == 0 or planes.dtype != np.float32:
        raise FrameFormatError(f"got {name} of shape {image.shape}, dtype {image.dtype}: {expected}")
    return np.ascontiguousarray(planes)


def _weight(weight: Any, size: tuple[int, ...]) -> NDArray[np.float32]:
    expected = f"expected {size[0]} x {size[1]} float32 weights >= 0, one for each pixel"
    if not isinstance(weight, np.ndarray):
        raise MaskError(f"got a weight of type {type(weight).__name__}: {expected}")
    plane = weight[0, 0] if weight.ndim == 4 and weight.shape[:2] == (1, 1) else weight
    if plane.shape != size or plane.dtype != np.float32:
        raise MaskError(f"got a weight of shape {weight.shape}, dtype {weight.dtype}: {expected}")
    return np.ascontiguousarray(plane)
