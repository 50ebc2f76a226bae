"""Colours outside the fitted range: they degrade smoothly towards the identity and never explode."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iph_rt.color.polynomial import GUARD_FLOOR, Polynomial, apply, moments, solve

from .oracle import kernel


def narrow_fit(seed: int) -> Polynomial:
    """A wild change fitted, almost without ridge, on a small cloud of dark colours."""
    rng = np.random.default_rng(seed)
    source = (0.2 + 0.04 * rng.standard_normal((3, 40, 40))).clip(0, 1).astype(np.float32)
    target = (0.5 + 4 * (source - 0.2) + 30 * (source[::-1] - 0.2) ** 2).clip(0, 1).astype(np.float32)
    return solve(moments(source, target, np.ones((40, 40), np.float32)), ridge=1e-8)


GRID = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 52, 3).astype(np.uint8)


def distance(colors: np.ndarray, polynomial: Polynomial) -> np.ndarray:
    offset = colors / 255.0 - polynomial.center.astype(np.float64)
    return np.sqrt(np.einsum("...i,ij,...j->...", offset, polynomial.precision.astype(np.float64), offset))


@given(seed=st.integers(0, 30))
def test_far_colors_stay_as_they_are(seed):
    polynomial = narrow_fit(seed)
    far = distance(GRID, polynomial) > 9.01
    assert far.any()
    assert np.array_equal(apply(GRID, polynomial, color="rgb")[far], GRID[far])


def test_without_the_guard_it_would_have_exploded():
    """The same fit unguarded drives most of the range to 0 or 255: the guard is what holds it."""
    polynomial = narrow_fit(0)
    unguarded = kernel(GRID / 255.0) @ polynomial.coefficients.astype(np.float64)
    assert np.abs(unguarded).max() > 5
    guarded = apply(GRID, polynomial, color="rgb").astype(int)
    far = distance(GRID, polynomial) > 9.01
    assert np.abs(guarded - GRID)[far].max() == 0


def test_fitted_colors_get_the_full_change(cpu_path):
    polynomial = narrow_fit(1)
    near = distance(GRID, polynomial) < 4.49
    assert near.any()
    full = np.clip(255 * (kernel(GRID / 255.0) @ polynomial.coefficients.astype(np.float64)), 0, 255)
    assert np.abs(apply(GRID, polynomial, color="rgb")[near] - full[near]).max() <= 0.51


def test_the_way_out_is_smooth():
    """Along a line through the centre the share of the change is 1, then falls to 0 without a step or a turn back."""
    shift = np.eye(11, 3, dtype=np.float32)
    shift[10] = 0.1
    polynomial = Polynomial(shift, np.full(3, 0.5), np.diag([900.0, 900.0, 900.0]))
    outward = np.linspace(0, 0.3, 3001)
    line = 0.5 + outward[:, None] * np.array([[1.0, 0, 0]])
    share = (polynomial.evaluate(line) - line)[:, 1] / 0.1
    d = 30 * outward
    assert share[d <= 4.5] == pytest.approx(1)
    assert share[d >= 9] == pytest.approx(0, abs=1e-6)
    steps = np.diff(share)
    assert steps.max() <= 1e-6
    assert steps.min() > -0.01
    assert np.abs(np.diff(steps)).max() < 1e-4


def test_guard_covers_the_fitted_cloud():
    rng = np.random.default_rng(3)
    source = rng.random((3, 40, 40), dtype=np.float32)
    polynomial = solve(moments(source, source[::-1].copy(), np.ones((40, 40), np.float32)))
    np.testing.assert_allclose(polynomial.center, source.mean(axis=(1, 2)), atol=1e-5)
    expected = np.linalg.inv(np.cov(source.reshape(3, -1), ddof=0) + GUARD_FLOOR**2 * np.eye(3))
    np.testing.assert_allclose(polynomial.precision, expected, rtol=1e-3, atol=1e-2)
    assert (distance(255 * np.moveaxis(source, 0, -1), polynomial) < 4.5).all()


def test_evaluate_agrees_with_the_pixels(cpu_path):
    polynomial = narrow_fit(4)
    exact = 255 * polynomial.evaluate(GRID / 255.0)
    assert np.abs(apply(GRID, polynomial, color="rgb") - exact).max() <= 0.51
