"""Colour spaces of the metrics and of the classical methods: sRGB, CIE L*a*b* (D65) and Ruderman's l-alpha-beta.

Every function takes and gives ``(..., 3)`` float64 and allocates its result; RGB is sRGB in [0, 1]. None of them clips.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# Linear sRGB -> XYZ: IEC 61966-2-1 primaries and the D65 white of the 2-degree observer, (0.95047, 1, 1.08883).
_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ)
_WHITE = _RGB_TO_XYZ.sum(axis=1)  # the white of the matrix itself, so that grey has a* = b* = 0 exactly

# CIE 15:2004: f(t) = t^(1/3) above (6/29)^3, a straight line below it.
_DELTA = 6.0 / 29.0

# Reinhard 2001, equations 4 and 6: RGB -> LMS, and log LMS -> l, alpha, beta.
_RGB_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_LMS_TO_RGB = np.linalg.inv(_RGB_TO_LMS)
_LMS_TO_LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]], dtype=np.float64)
_LAB_TO_LMS = np.linalg.inv(_LMS_TO_LAB)
_LOG_FLOOR = 0.5 / 255.0  # half a step of a uint8: keeps log(0) out without moving any other uint8 value


def srgb_to_linear(rgb: ArrayLike) -> FloatArray:
    """Undo the sRGB transfer curve; values below 0 follow its straight part."""
    rgb = np.asarray(rgb, dtype=np.float64)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: ArrayLike) -> FloatArray:
    """The sRGB transfer curve; values below 0 follow its straight part."""
    linear = np.asarray(linear, dtype=np.float64)
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, linear * 12.92, curve)


def rgb_to_lab(rgb: ArrayLike) -> FloatArray:
    """sRGB in [0, 1] to CIE L*a*b* under D65: L* in [0, 100], a* and b* about [-110, 110]."""
    t = (srgb_to_linear(rgb) @ _RGB_TO_XYZ.T) / _WHITE
    f = np.where(t > _DELTA**3, np.cbrt(t), t / (3 * _DELTA**2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_to_rgb(lab: ArrayLike) -> FloatArray:
    """CIE L*a*b* under D65 to sRGB; colours outside the gamut come out below 0 or above 1."""
    lab = np.asarray(lab, dtype=np.float64)
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    t = np.where(f > _DELTA, f**3, 3 * _DELTA**2 * (f - 4 / 29))
    return linear_to_srgb((t * _WHITE) @ _XYZ_TO_RGB.T)


def rgb_to_lalphabeta(rgb: ArrayLike) -> FloatArray:
    """RGB in [0, 1] to l-alpha-beta (Reinhard 2001, equations 4 to 6), on the RGB values as they are stored.

    RGB below half a uint8 step is raised to it, because of the logarithm.
    """
    rgb = np.maximum(np.asarray(rgb, dtype=np.float64), _LOG_FLOOR)
    return np.asarray(np.log10(rgb @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T)


def lalphabeta_to_rgb(lab: ArrayLike) -> FloatArray:
    """Inverse of :func:`rgb_to_lalphabeta`; log LMS is capped at 2 (100 times white), so nothing overflows."""
    log_lms = np.minimum(np.asarray(lab, dtype=np.float64) @ _LAB_TO_LMS.T, 2.0)
    return np.asarray((10.0**log_lms) @ _LMS_TO_RGB.T)
