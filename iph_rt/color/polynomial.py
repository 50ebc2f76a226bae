"""The colour polynomial: fitted at 256 x 256 from moments, applied at full resolution.

    phi(R, G, B) = (R, G, B, RG, RB, GB, R^2, G^2, B^2, RGB, 1),   P(x) = C^T phi(x),   RGB in [0, 1]

after Afifi et al. 2019, "When Color Constancy Goes Wrong". The public names of the fit and of the passes over pixels
are all importable from here; the passes themselves lie in :mod:`iph_rt.color.composite`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.color.composite import EdgeColors, apply, apply_composite, edge_colors
from iph_rt.color.moments import N_TERMS, Moments, moments
from iph_rt.color.native import native
from iph_rt.errors import ConfigError

__all__ = [
    "DEFAULT_RIDGE",
    "N_TERMS",
    "EdgeColors",
    "Moments",
    "Polynomial",
    "apply",
    "apply_composite",
    "edge_colors",
    "moments",
    "solve",
]

DEFAULT_RIDGE = 1e-5
"""Pull towards the identity, in units of mean squared colour error for a coefficient that is off by 1.

Chosen on 12 strong changes of light of parts of a group photograph: 46.0 dB against the target, 43.0 with 1e-4, 47.6 with
1e-6, which follows noise further (coefficients up to 4.6 in the place of 3.4).
"""

LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Rec. 709 luma, by which a change of colour is split into luminance and chroma."""

GUARD_FLOOR = 0.02
"""Least standard deviation (of 1) that the guard ascribes to the fitted colours: a flat patch keeps some range."""


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A fitted change of colour with its guard against extrapolation.

    With d^2 = (x - center)^T precision (x - center), the change fades from full at d = 4.5 to none at d = 9
    (smoothstep): colours far from those that were fitted stay as they are.

    Attributes:
        coefficients: 11 x 3 float32, terms of :data:`N_TERMS` by output channel R, G, B.
        center: 3 float32, RGB, mean of the fitted colours.
        precision: 3 x 3 float32, inverse covariance of the fitted colours; zeros switch the guard off.
    """

    coefficients: NDArray[np.float32]
    center: NDArray[np.float32]
    precision: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name, shape in (("coefficients", (N_TERMS, 3)), ("center", (3,)), ("precision", (3, 3))):
            value = np.array(getattr(self, name), dtype=np.float32)
            if value.shape != shape or not np.isfinite(value).all():
                finite = bool(np.isfinite(value).all())
                raise ConfigError(
                    f"got {name} of shape {value.shape}, finite: {finite}: expected {shape} finite numbers; fit again"
                )
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @staticmethod
    def identity() -> Polynomial:
        """P(x) = x, with no guard."""
        return Polynomial(_identity().astype(np.float32), np.full(3, 0.5, np.float32), np.zeros((3, 3), np.float32))

    def adjusted(self, strength: float = 1.0, luminance: float = 1.0, chroma: float = 1.0) -> Polynomial:
        """The same change, more or less of it.

        With D = C - I and w the luma weights, C' = I + strength (luminance (D w) 1^T + chroma (D - (D w) 1^T)): what
        moves all three channels alike is luminance, the rest chroma. 0 is none of it, 1 all, above 1 exaggerates.

        Raises:
            ConfigError: a factor that is negative or not finite.
        """
        for name, value in (("strength", strength), ("luminance", luminance), ("chroma", chroma)):
            if not math.isfinite(value) or value < 0:
                raise ConfigError(f"got {name}={value}: expected a finite number >= 0; 1 leaves the change as it is")
        if strength == luminance == chroma == 1:
            return self
        delta = self.coefficients.astype(np.float64) - _identity()
        common = np.repeat((delta @ LUMA)[:, None], 3, axis=1)
        changed = _identity() + strength * (luminance * common + chroma * (delta - common))
        return Polynomial(changed.astype(np.float32), self.center, self.precision)

    def evaluate(self, colors: NDArray[Any]) -> NDArray[np.float64]:
        """The guarded polynomial at any colours, in float64; slow and exact, for tables and checks.

        Args:
            colors: ... x 3, RGB in [0, 1].

        Returns:
            ... x 3 float64, clamped to [0, 1].
        """
        x = np.asarray(colors, dtype=np.float64)
        r, g, b = x[..., 0], x[..., 1], x[..., 2]
        terms = np.stack([r, g, b, r * g, r * b, g * b, r * r, g * g, b * b, r * g * b, np.ones_like(r)], axis=-1)
        offset = x - self.center.astype(np.float64)
        distance2 = np.einsum("...i,ij,...j->...", offset, self.precision.astype(np.float64), offset)
        outer2, inner2 = native.GUARD_OUTER**2, native.GUARD_INNER**2
        share = np.clip((outer2 - distance2) / (outer2 - inner2), 0.0, 1.0)
        guard = (share * share * (3.0 - 2.0 * share))[..., None]
        change = terms @ (self.coefficients.astype(np.float64) - _identity())
        result: NDArray[np.float64] = np.clip(x + guard * change, 0.0, 1.0)
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polynomial):
            return NotImplemented
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in ("coefficients", "center", "precision"))

    def __hash__(self) -> int:
        return hash((self.coefficients.tobytes(), self.center.tobytes(), self.precision.tobytes()))


def solve(m: Moments, ridge: float = DEFAULT_RIDGE) -> Polynomial:
    """Fits C = argmin sum w |C^T phi - y|^2 / sum w + ridge |C - I|^2, in float64.

    Args:
        m: moments; empty ones give the identity.
        ridge: >= 0. 0 asks for at least 11 colours in general position.

    Raises:
        ConfigError: a ridge that is negative or not finite, or a system that cannot be solved with it.
    """
    if not math.isfinite(ridge) or ridge < 0:
        raise ConfigError(f"got ridge={ridge}: expected a finite number >= 0, e.g. {DEFAULT_RIDGE}")
    if m.weight == 0:
        return Polynomial.identity()
    coefficients = np.empty((N_TERMS, 3))
    if not native.polynomial_solve(_doubles(m.ata), _doubles(m.atb), float(ridge), coefficients):
        raise ConfigError(
            f"got moments that cannot be solved with ridge={ridge}: expected finite moments and, for ridge=0, "
            f"11 colours in general position; use ridge={DEFAULT_RIDGE}"
        )
    precision = np.linalg.inv(m.covariance + GUARD_FLOOR**2 * np.eye(3))
    precision = 0.5 * (precision + precision.T)
    return Polynomial(coefficients.astype(np.float32), m.mean.astype(np.float32), precision.astype(np.float32))


def _identity() -> NDArray[np.float64]:
    return np.eye(N_TERMS, 3)


def _doubles(values: Any) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, dtype=np.float64)
