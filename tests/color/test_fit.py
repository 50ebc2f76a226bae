"""Moments and the ridge solve against float64 NumPy, and what the fit promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iph_rt import _native
from iph_rt.color.polynomial import DEFAULT_RIDGE, Moments, Polynomial, moments, solve
from iph_rt.errors import ConfigError, FrameFormatError, MaskError

from .conftest import fitted
from .oracle import kernel, ridge_fit, sums


def sample(rng, height, width, masked=True):
    source = rng.random((3, height, width), dtype=np.float32)
    target = rng.random((3, height, width), dtype=np.float32)
    weight = rng.random((height, width), dtype=np.float32)
    if masked:
        weight[rng.random((height, width)) < 0.5] = 0
    return source, target, weight


@settings(max_examples=40)
@given(height=st.integers(1, 9), width=st.one_of(st.integers(1, 40), st.integers(250, 600)), seed=st.integers(0, 2**16))
def test_moments_are_the_sums(height, width, seed):
    data = sample(np.random.default_rng(seed), height, width)
    ata, atb = sums(*data)
    before = _native.cpu_path()
    try:
        for path in _native.cpu_paths():
            _native.set_cpu_path(path)
            m = moments(*data)
            np.testing.assert_allclose(m.ata, ata, rtol=3e-6, atol=1e-6, err_msg=path)
            np.testing.assert_allclose(m.atb, atb, rtol=3e-6, atol=1e-6, err_msg=path)
            assert np.array_equal(m.ata, m.ata.T)
    finally:
        _native.set_cpu_path(before)


def test_moments_of_a_whole_image(cpu_path):
    data = sample(np.random.default_rng(0), 256, 256)
    ata, atb = sums(*data)
    m = moments(*data)
    np.testing.assert_allclose(m.ata, ata, rtol=2e-6)
    np.testing.assert_allclose(m.atb, atb, rtol=2e-6)
    again = moments(*data)
    assert again == m


def test_accepts_batches_of_one_and_views():
    source, target, weight = sample(np.random.default_rng(1), 12, 20)
    m = moments(source, target, weight)
    assert moments(source[None], target[None], weight[None, None]) == m
    wide = np.zeros((3, 12, 50), np.float32)
    wide[:, :, 5:25] = source
    assert moments(wide[:, :, 5:25], np.asfortranarray(target), weight) == m


def test_statistics():
    source, target, weight = sample(np.random.default_rng(2), 31, 17)
    m = moments(source, target, weight)
    pixels, w = source.reshape(3, -1), weight.ravel()
    assert m.weight == pytest.approx(float(w.sum(dtype=np.float64)), rel=1e-6)
    np.testing.assert_allclose(m.mean, np.average(pixels, axis=1, weights=w), rtol=1e-5)
    np.testing.assert_allclose(m.covariance, np.cov(pixels, aweights=w, ddof=0), rtol=1e-4, atol=1e-7)
    assert Moments.zero().weight == 0
    assert not Moments.zero().covariance.any()
    assert not Moments.zero().mean.any()


def test_moments_add_up():
    source, target, weight = sample(np.random.default_rng(3), 20, 20)
    whole = moments(source, target, weight)
    parts = moments(source[:, :7], target[:, :7], weight[:7]) + moments(source[:, 7:], target[:, 7:], weight[7:])
    np.testing.assert_allclose(parts.ata, whole.ata, rtol=1e-6)
    np.testing.assert_allclose(whole.scaled(3).atb, 3 * whole.atb)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_without_weight_count_for_nothing(value, cpu_path):
    source, target, weight = sample(np.random.default_rng(4), 20, 30)
    expected = moments(source, target, weight)
    source[:, weight == 0] = value
    target[:, weight == 0] = value
    assert moments(source, target, weight) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-6])
@pytest.mark.parametrize("place", [0, 5, 255, 256, 511, 599])
def test_bad_weights(value, place, cpu_path):
    source, target, weight = sample(np.random.default_rng(5), 20, 30, masked=False)
    weight.ravel()[place] = value
    with pytest.raises(MaskError, match=r"got .*expected"):
        moments(source, target, weight)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", ["source", "target"])
def test_bad_colors(value, which, cpu_path):
    source, target, weight = sample(np.random.default_rng(6), 20, 30, masked=False)
    {"source": source, "target": target}[which][1, 19, 29] = value
    with pytest.raises(FrameFormatError, match=r"got .*expected"):
        moments(source, target, weight)


def test_refuses_wrong_arrays():
    source, target, weight = sample(np.random.default_rng(7), 4, 5)
    for wrong in (None, source[0], source[:2], source.astype(np.float64), np.zeros((2, 3, 4, 5), np.float32), source[:, :0]):
        with pytest.raises(FrameFormatError, match=r"got .*expected"):
            moments(wrong, target, weight)
    with pytest.raises(FrameFormatError, match="same shape"):
        moments(source, target[:, :3], weight)
    for wrong in (None, weight[:3], weight.astype(np.float64), weight[None], weight > 0):
        with pytest.raises(MaskError, match=r"got .*expected"):
            moments(source, target, wrong)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**16), ridge=st.sampled_from([1e-6, 1e-4, 1e-2, 1.0]), spread=st.floats(0.01, 1))
def test_solve_is_the_minimiser(seed, ridge, spread):
    rng = np.random.default_rng(seed)
    source, target, weight = sample(rng, 12, 13)
    source *= np.float32(spread)
    expected = ridge_fit(source, target, weight, ridge)
    ata, atb = sums(source, target, weight)
    got = solve(Moments(ata, atb), ridge)
    np.testing.assert_allclose(got.coefficients, expected, rtol=1e-4, atol=1e-4)


def test_fit_recovers_a_polynomial():
    """Colours that a polynomial of the kernel made are fitted back, from the native float32 sums."""
    rng = np.random.default_rng(8)
    source = rng.random((3, 256, 256), dtype=np.float32)
    true = np.eye(11, 3) + rng.uniform(-0.2, 0.2, (11, 3))
    target = np.moveaxis(kernel(np.moveaxis(source, 0, -1)) @ true, -1, 0).astype(np.float32)
    got = solve(moments(source, target, np.ones((256, 256), np.float32)), ridge=1e-9)
    np.testing.assert_allclose(got.coefficients, true, atol=2e-3)
    errors = kernel(np.moveaxis(source, 0, -1)) @ (got.coefficients - true)
    assert np.abs(errors).max() < 1e-4


def test_no_change_is_the_identity():
    source, _, weight = sample(np.random.default_rng(9), 64, 64)
    got = solve(moments(source, source, weight))
    np.testing.assert_allclose(got.coefficients, np.eye(11, 3), atol=1e-5)


def test_nothing_to_fit_is_the_identity():
    assert solve(Moments.zero()) == Polynomial.identity()
    source, target, weight = sample(np.random.default_rng(10), 8, 8)
    assert solve(moments(source, target, np.zeros_like(weight))) == Polynomial.identity()


def test_one_colour_is_moved_and_little_else():
    """A flat patch says nothing of other colours: the ridge keeps the fit sane."""
    source = np.full((3, 8, 8), 0.5, np.float32)
    target = np.full((3, 8, 8), 0.6, np.float32)
    fit = solve(moments(source, target, np.ones((8, 8), np.float32)))
    assert fit.evaluate(np.array([0.5, 0.5, 0.5])) == pytest.approx(np.full(3, 0.6), abs=2e-3)
    assert np.abs(fit.coefficients - np.eye(11, 3)).max() < 0.3


@pytest.mark.parametrize("ridge", [-1, np.nan, np.inf])
def test_bad_ridge(ridge):
    with pytest.raises(ConfigError, match=r"got ridge.*expected"):
        solve(Moments.zero(), ridge)


def test_unsolvable_without_ridge():
    flat = np.full((3, 4, 4), 0.5, np.float32)
    m = moments(flat, flat, np.ones((4, 4), np.float32))
    with pytest.raises(ConfigError, match="cannot be solved"):
        solve(m, 0.0)
    with pytest.raises(ConfigError, match="cannot be solved"):
        solve(Moments(np.full((11, 11), np.nan), np.zeros((11, 3))), DEFAULT_RIDGE)


class TestAdjusted:
    def test_ends(self, polynomial):
        assert polynomial.adjusted() == polynomial
        assert np.array_equal(polynomial.adjusted(strength=0).coefficients, np.eye(11, 3, dtype=np.float32))
        assert np.array_equal(polynomial.adjusted(luminance=0, chroma=0).coefficients, np.eye(11, 3, dtype=np.float32))

    @settings(max_examples=30)
    @given(strength=st.floats(0, 2), luminance=st.floats(0, 2), chroma=st.floats(0, 2), seed=st.integers(0, 20))
    def test_moves_luma_and_chroma_apart(self, strength, luminance, chroma, seed):
        """The change's luma is scaled by one factor, what is left of it by the other."""
        polynomial = fitted(seed % 5)
        luma = np.array([0.2126, 0.7152, 0.0722])
        phi = kernel(np.random.default_rng(seed).random((50, 3)))
        full = phi @ (polynomial.coefficients.astype(np.float64) - np.eye(11, 3))
        part = phi @ (polynomial.adjusted(strength, luminance, chroma).coefficients.astype(np.float64) - np.eye(11, 3))
        np.testing.assert_allclose(part @ luma, strength * luminance * (full @ luma), atol=1e-5)
        full_rest, part_rest = (d - (d @ luma)[:, None] for d in (full, part))
        np.testing.assert_allclose(part_rest, strength * chroma * full_rest, atol=1e-5)

    @pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
    def test_refuses(self, value, polynomial):
        for name in ("strength", "luminance", "chroma"):
            with pytest.raises(ConfigError, match=f"got {name}"):
                polynomial.adjusted(**{name: value})


def test_polynomial_checks_and_freezes():
    with pytest.raises(ConfigError, match="expected"):
        Polynomial(np.zeros((3, 11)), np.zeros(3), np.zeros((3, 3)))
    with pytest.raises(ConfigError, match="expected"):
        Polynomial(np.full((11, 3), np.nan), np.zeros(3), np.zeros((3, 3)))
    identity = Polynomial.identity()
    with pytest.raises(ValueError, match="read-only"):
        identity.coefficients[0, 0] = 2
    assert hash(identity) == hash(Polynomial.identity())
    assert identity != fitted(1)
    assert identity != "identity"
