"""How far one picture is from another: MSE, foreground MSE, PSNR, SSIM and CIE delta E 2000.

Pictures are ``(..., H, W, 3)`` RGB, uint8 or float in [0, 1]; masks are ``(..., H, W)``, non-zero inside. Leading axes
are a batch: every function gives one float64 for each picture, so ``()`` for a single one. Errors are measured on the
0..255 scale, as the harmonization literature does. A bad picture raises FrameFormatError, a bad mask MaskError.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from iph_rt.color.spaces import FloatArray, rgb_to_lab
from iph_rt.errors import FrameFormatError, MaskError

# Wang et al. 2004, section III-B and III-C: 11 x 11 circular Gaussian of 1.5 pixels, K1 = 0.01, K2 = 0.03, L = 255.
_SSIM_RADIUS = 5
_SSIM_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


def mse(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Mean squared error over all pixels and channels, 0..255 scale."""
    x, y = _pair(a, b)
    return np.asarray(np.mean((x - y) ** 2, axis=(-3, -2, -1)))


def foreground_mse(a: ArrayLike, b: ArrayLike, mask: ArrayLike) -> FloatArray:
    """fMSE: squared error summed over the foreground, divided by its area (and by the 3 channels), 0..255 scale."""
    x, y = _pair(a, b)
    inside = _inside(mask, x.shape[:-1])
    error = ((x - y) ** 2).mean(axis=-1)
    return np.asarray(np.where(inside, error, 0.0).sum(axis=(-2, -1)) / inside.sum(axis=(-2, -1)))


def psnr(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Peak signal to noise ratio in dB over the whole picture; ``inf`` where the pictures are equal."""
    return psnr_of_mse(mse(a, b))


def foreground_psnr(a: ArrayLike, b: ArrayLike, mask: ArrayLike) -> FloatArray:
    """fPSNR: the PSNR in dB that belongs to :func:`foreground_mse`."""
    return psnr_of_mse(foreground_mse(a, b, mask))


def psnr_of_mse(value: ArrayLike) -> FloatArray:
    """``10 log10(255^2 / value)`` for a mean squared error on the 0..255 scale; ``inf`` for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(255.0**2 / np.asarray(value, dtype=np.float64)))


def ssim(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Structural similarity (Wang 2004): Gaussian window, each RGB channel for itself, mean over windows wholly inside.

    Raises:
        FrameFormatError: the pictures are smaller than the 11 x 11 window.
    """
    x, y = _pair(a, b)
    if min(x.shape[-3:-1]) < 2 * _SSIM_RADIUS + 1:
        raise FrameFormatError(f"SSIM needs pictures of at least 11 x 11 pixels: got {x.shape[-3]} x {x.shape[-2]}")
    flat_x, flat_y = x.reshape(-1, *x.shape[-3:]), y.reshape(-1, *y.shape[-3:])
    scores = np.array([_ssim_map(p, q).mean() for p, q in zip(flat_x, flat_y, strict=True)])
    return scores.reshape(x.shape[:-3])


def delta_e(a: ArrayLike, b: ArrayLike, mask: ArrayLike | None = None) -> FloatArray:
    """Mean CIE delta E 2000 (CIEDE2000, kL = kC = kH = 1) between two sRGB pictures, over ``mask`` or everywhere."""
    x, y = _pair(a, b)
    inside = np.ones(x.shape[:-1], dtype=bool) if mask is None else _inside(mask, x.shape[:-1])
    difference = np.zeros(inside.shape)
    difference[inside] = ciede2000(rgb_to_lab(x[inside] / 255), rgb_to_lab(y[inside] / 255))
    return np.asarray(difference.sum(axis=(-2, -1)) / inside.sum(axis=(-2, -1)))


def ciede2000(lab1: ArrayLike, lab2: ArrayLike) -> FloatArray:
    """CIEDE2000 colour difference of ``(..., 3)`` L*a*b* values, as laid out by Sharma, Wu and Dalal 2005.

    Steps and equation numbers are theirs; angles are kept in radians and hues in [0, 2 pi).
    """
    one, two = np.asarray(lab1, dtype=np.float64), np.asarray(lab2, dtype=np.float64)
    l1, a1, b1 = one[..., 0], one[..., 1], one[..., 2]
    l2, a2, b2 = two[..., 0], two[..., 1], two[..., 2]

    # 1. C' and h' (equations 2 to 7)
    chroma7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(chroma7 / (chroma7 + 25.0**7))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = _hue(a1 * stretch, b1), _hue(a2 * stretch, b2)

    # 2. differences (equations 8 to 11)
    grey = c1 * c2 == 0
    turn = h2 - h1
    turn = np.where(turn > np.pi, turn - 2 * np.pi, np.where(turn < -np.pi, turn + 2 * np.pi, turn))
    turn = np.where(grey, 0.0, turn)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2)

    # 3. weights (equations 12 to 21)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    far = np.abs(h1 - h2) > np.pi
    mean_h = np.where(far, (h1 + h2 + np.where(h1 + h2 < 2 * np.pi, 2, -2) * np.pi) / 2, (h1 + h2) / 2)
    mean_h = np.where(grey, h1 + h2, mean_h)
    t = (
        1
        - 0.17 * np.cos(mean_h - np.pi / 6)
        + 0.24 * np.cos(2 * mean_h)
        + 0.32 * np.cos(3 * mean_h + np.pi / 30)
        - 0.20 * np.cos(4 * mean_h - np.radians(63))
    )
    from_50 = (mean_l - 50) ** 2
    s_l = 1 + 0.015 * from_50 / np.sqrt(20 + from_50)
    s_c = 1 + 0.045 * mean_c
    s_h = 1 + 0.015 * mean_c * t
    rotation = np.radians(30) * np.exp(-(((np.degrees(mean_h) - 275) / 25) ** 2))
    r_t = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * np.sin(2 * rotation)

    # 4. the sum (equation 22); it can fall below 0 by a rounding error only
    light, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, d_hue / s_h
    return np.asarray(np.sqrt(np.maximum(light**2 + chroma**2 + hue**2 + r_t * chroma * hue, 0.0)))


def _hue(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.arctan2(b, a) % (2 * np.pi))


def _ssim_map(x: FloatArray, y: FloatArray) -> FloatArray:
    """SSIM of each window that lies wholly inside two (H, W, 3) pictures on the 0..255 scale."""
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    var_x = _window_mean(x * x) - mean_x**2
    var_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    return above / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))


def _window_mean(image: FloatArray) -> FloatArray:
    size = 2 * _SSIM_RADIUS + 1
    blurred = cv2.GaussianBlur(image, (size, size), _SSIM_SIGMA)
    return np.asarray(blurred[_SSIM_RADIUS:-_SSIM_RADIUS, _SSIM_RADIUS:-_SSIM_RADIUS], dtype=np.float64)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both pictures as float64 on the 0..255 scale."""
    x, y = _on_255(a), _on_255(b)
    if x.shape != y.shape:
        raise FrameFormatError(f"two pictures to compare must have one shape: got {x.shape} and {y.shape}")
    return x, y


def _on_255(image: ArrayLike) -> FloatArray:
    array = np.asarray(image)
    if array.ndim < 3 or array.shape[-1] != 3 or 0 in array.shape[-3:]:
        raise FrameFormatError(f"expected a picture of shape (..., H, W, 3): got {array.shape}")
    if array.dtype == np.uint8:
        return array.astype(np.float64)
    if not np.issubdtype(array.dtype, np.floating):
        raise FrameFormatError(f"expected uint8, or float in [0, 1]: got {array.dtype}")
    if not np.isfinite(array).all():
        raise FrameFormatError("expected finite values: got NaN or infinity")
    return array.astype(np.float64) * 255


def _inside(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.shape != shape:
        raise MaskError(f"the mask must have the pictures' shape {shape}: got {array.shape}")
    inside = array != 0
    if not inside.any(axis=(-2, -1)).all():
        raise MaskError("a mask is empty: there is no foreground to measure")
    return np.asarray(inside)
