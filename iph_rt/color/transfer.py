"""Classical colour transfer: what can be done for a foreground from statistics alone, without a network.

A *map* takes the foreground's colours ``(n, 3)`` and the colours of the reference region ``(m, 3)``, both float64 RGB
in [0, 1], and gives the new colours ``(n, 3)``, not clipped. :func:`transfer` runs one of them inside two masks of two
pictures. All of them are global: they move colours, never structure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iph_rt.color.spaces import FloatArray, lab_to_rgb, lalphabeta_to_rgb, rgb_to_lab, rgb_to_lalphabeta
from iph_rt.errors import ConfigError, FrameFormatError, MaskError

ColorMap = Callable[[FloatArray, FloatArray], FloatArray]
Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.float32], NDArray[np.float64])

# A deviation under a tenth of a uint8 step is a flat colour: there is nothing to stretch.
_FLAT = 0.1 / 255


def direct(foreground: FloatArray, reference: FloatArray) -> FloatArray:
    """The naive composite: the foreground as it is."""
    return np.array(foreground)


def mean_shift(foreground: FloatArray, reference: FloatArray) -> FloatArray:
    """Move the foreground's mean RGB onto the reference's."""
    return np.asarray(foreground + (reference.mean(axis=0) - foreground.mean(axis=0)))


def half_mean_shift(foreground: FloatArray, reference: FloatArray) -> FloatArray:
    """Move the foreground's mean RGB half of the way to the reference's: a guard against unlike content."""
    return np.asarray(foreground + 0.5 * (reference.mean(axis=0) - foreground.mean(axis=0)))


def reinhard_lab(foreground: FloatArray, reference: FloatArray) -> FloatArray:
    """Mean and deviation of each channel (Reinhard 2001, equations 10 and 11), in CIE L*a*b*."""
    return lab_to_rgb(match_mean_and_deviation(rgb_to_lab(foreground), rgb_to_lab(reference), flat=_FLAT * 100))


def reinhard(foreground: FloatArray, reference: FloatArray) -> FloatArray:
    """Mean and deviation of each channel in l-alpha-beta, the space of the paper (Reinhard 2001)."""
    moved = match_mean_and_deviation(rgb_to_lalphabeta(foreground), rgb_to_lalphabeta(reference), flat=_FLAT)
    return lalphabeta_to_rgb(moved)


def mkl(foreground: FloatArray, reference: FloatArray) -> FloatArray:
    """Monge-Kantorovich linear transport in RGB (Pitie and Kokaram 2007): mean and covariance of the reference."""
    matrix = mkl_matrix(_covariance(foreground), _covariance(reference))
    return np.asarray((foreground - foreground.mean(axis=0)) @ matrix + reference.mean(axis=0))


def match_histograms(foreground: FloatArray, reference: FloatArray) -> FloatArray:
    """Each RGB channel through the map that gives it the reference's cumulative histogram."""
    return np.stack([_match_values(foreground[:, c], reference[:, c]) for c in range(3)], axis=-1)


TRANSFERS: Mapping[str, ColorMap] = MappingProxyType(
    {
        "direct": direct,
        "mean shift": mean_shift,
        "half-mean shift": half_mean_shift,
        "Reinhard (Lab)": reinhard_lab,
        "Reinhard (lαβ)": reinhard,
        "MKL": mkl,
        "histogram": match_histograms,
    }
)
"""Every method by the name that tables print; ``direct`` first."""


def transfer(
    method: str | ColorMap, composite: Picture, mask: ArrayLike, reference: ArrayLike, guide_mask: ArrayLike
) -> Picture:
    """Recolour the foreground of a composite from a region of a reference.

    Args:
        method: a name in :data:`TRANSFERS`, or any map of the same kind.
        composite: (H, W, 3) RGB, uint8 or float in [0, 1].
        mask: (H, W), non-zero on the foreground.
        reference: (h, w, 3) RGB, uint8 or float in [0, 1]; any size.
        guide_mask: (h, w), non-zero on the region to follow.

    Returns:
        A new picture like ``composite``: the foreground recoloured, clipped to the range of its dtype (uint8 rounded),
        every other pixel as it was.

    Raises:
        ConfigError: no method of that name.
        FrameFormatError, MaskError: a picture or mask of the wrong shape or dtype, or an empty mask.
    """
    if isinstance(method, str):
        if method not in TRANSFERS:
            raise ConfigError(f"no colour transfer is called {method!r}: use one of {', '.join(TRANSFERS)}")
        method = TRANSFERS[method]
    inside = _inside(mask, composite, "foreground mask")
    moved = method(_pixels(composite, inside), _pixels(reference, _inside(guide_mask, reference, "guide mask")))
    moved = np.clip(moved, 0.0, 1.0)
    result: Picture = composite.copy()
    result[inside] = np.rint(moved * 255) if result.dtype == np.uint8 else moved
    return result


def match_mean_and_deviation(values: FloatArray, like: FloatArray, *, flat: float = 0.0) -> FloatArray:
    """Shift and scale each column of ``values`` (n, c) to mean and deviation of ``like`` (m, c).

    Columns of ``values`` whose deviation is not above ``flat`` are shifted only.
    """
    deviation = values.std(axis=0)
    scale = np.divide(like.std(axis=0), deviation, out=np.ones_like(deviation), where=deviation > flat)
    return np.asarray((values - values.mean(axis=0)) * scale + like.mean(axis=0))


def mkl_matrix(covariance: FloatArray, target: FloatArray) -> FloatArray:
    """``S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2``: the symmetric (3, 3) map from covariance S to T (Pitie 2007, equation 10).

    Directions in which S is flat (deviation under a tenth of a uint8 step) are mapped to nothing.
    """
    root, inverse_root = _matrix_root(covariance)
    middle, _ = _matrix_root(root @ target @ root)
    return np.asarray(inverse_root @ middle @ inverse_root)


def _matrix_root(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Square root of a symmetric positive matrix, and the pseudo-inverse of that root."""
    values, vectors = np.linalg.eigh(matrix)
    root = np.sqrt(np.maximum(values, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > _FLAT)
    return (vectors * root) @ vectors.T, (vectors * inverse) @ vectors.T


def _covariance(colors: FloatArray) -> FloatArray:
    centred = colors - colors.mean(axis=0)
    return np.asarray(centred.T @ centred / len(colors))


def _match_values(values: FloatArray, like: FloatArray) -> FloatArray:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    like_values, like_counts = np.unique(like, return_counts=True)
    quantile = np.cumsum(counts) / values.size
    return np.asarray(np.interp(quantile, np.cumsum(like_counts) / like.size, like_values)[index])


def _pixels(image: ArrayLike, inside: NDArray[np.bool_]) -> FloatArray:
    """The (n, 3) colours of a picture inside a mask, float64 in [0, 1]."""
    colors = np.asarray(image)[inside]
    if colors.dtype == np.uint8:
        return colors / 255.0
    if not np.issubdtype(colors.dtype, np.floating):
        raise FrameFormatError(f"expected uint8, or float in [0, 1]: got {colors.dtype}")
    if not np.isfinite(colors).all():
        raise FrameFormatError("expected finite colours: got NaN or infinity")
    return colors.astype(np.float64)


def _inside(mask: ArrayLike, image: ArrayLike, what: str) -> NDArray[np.bool_]:
    shape, array = np.shape(image), np.asarray(mask)
    if len(shape) != 3 or shape[-1] != 3:
        raise FrameFormatError(f"expected a picture of shape (H, W, 3): got {shape}")
    if array.shape != shape[:2]:
        raise MaskError(f"the {what} must have its picture's size {shape[:2]}: got {array.shape}")
    inside = array != 0
    if not inside.any():
        raise MaskError(f"the {what} is empty: it must select at least one pixel")
    return np.asarray(inside)
