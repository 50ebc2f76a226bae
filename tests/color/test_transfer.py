from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from skimage import color as sk_color
from skimage.exposure import match_histograms as sk_match_histograms

from iph_rt.color import spaces, transfer
from iph_rt.errors import ConfigError, FrameFormatError, MaskError


def colors(seed: int, count: int = 400) -> np.ndarray:
    """Correlated colours well inside the gamut."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(0, 0.05, (3, 3)) + 0.05 * np.eye(3)
    return np.clip(rng.uniform(0.35, 0.65, 3) + rng.normal(0, 1, (count, 3)) @ mix, 0.05, 0.95)


def test_mean_shift_reaches_the_mean_and_half_of_it_stops_half_way() -> None:
    fg, ref = colors(1), colors(2, 300)
    np.testing.assert_allclose(transfer.mean_shift(fg, ref).mean(axis=0), ref.mean(axis=0))
    halfway = (fg.mean(axis=0) + ref.mean(axis=0)) / 2
    np.testing.assert_allclose(transfer.half_mean_shift(fg, ref).mean(axis=0), halfway)
    np.testing.assert_allclose(transfer.half_mean_shift(fg, ref).std(axis=0), fg.std(axis=0))


def test_reinhard_gives_the_reference_its_statistics_in_lab() -> None:
    fg, ref = colors(1), colors(2, 300)
    got, want = sk_color.rgb2lab(transfer.reinhard_lab(fg, ref)[None])[0], sk_color.rgb2lab(ref[None])[0]
    np.testing.assert_allclose(got.mean(axis=0), want.mean(axis=0), atol=2e-2)
    np.testing.assert_allclose(got.std(axis=0), want.std(axis=0), atol=2e-2)


def test_reinhard_gives_the_reference_its_statistics_in_lalphabeta() -> None:
    fg, ref = colors(1), colors(2, 300)
    got, want = spaces.rgb_to_lalphabeta(transfer.reinhard(fg, ref)), spaces.rgb_to_lalphabeta(ref)
    np.testing.assert_allclose(got.mean(axis=0), want.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(got.std(axis=0), want.std(axis=0), atol=1e-9)


def test_mkl_transports_mean_and_covariance_exactly() -> None:
    fg, ref = colors(1), colors(2, 300)
    moved = transfer.mkl(fg, ref)
    np.testing.assert_allclose(moved.mean(axis=0), ref.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(np.cov(moved.T, bias=True), np.cov(ref.T, bias=True), atol=1e-12)


def test_mkl_matrix_is_the_symmetric_one_of_the_paper() -> None:
    source, target = np.cov(colors(1).T), np.cov(colors(2).T)
    root = np.real(sqrtm(source))
    expected = np.linalg.inv(root) @ np.real(sqrtm(root @ target @ root)) @ np.linalg.inv(root)
    matrix = transfer.mkl_matrix(source, target)
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_histogram_matching_agrees_with_scikit_image() -> None:
    rng = np.random.default_rng(5)
    fg, ref = (rng.integers(low, high, (n, 3)) / 255.0 for low, high, n in [(0, 200, 900), (60, 256, 700)])
    expected = sk_match_histograms(fg[None], ref[None], channel_axis=-1)[0]
    np.testing.assert_allclose(transfer.match_histograms(fg, ref), expected, atol=1e-9)


@pytest.mark.parametrize("name", transfer.TRANSFERS)
def test_a_reference_equal_to_the_foreground_changes_nothing(name: str) -> None:
    fg = colors(1)
    np.testing.assert_allclose(transfer.TRANSFERS[name](fg, fg), fg, atol=1e-6)


@pytest.mark.parametrize("name", transfer.TRANSFERS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_transfer_touches_the_foreground_alone_and_keeps_the_dtype(name: str, dtype: type) -> None:
    rng = np.random.default_rng(7)
    composite, reference = rng.uniform(0, 1, (20, 24, 3)), rng.uniform(0.3, 0.5, (11, 9, 3))
    if dtype is np.uint8:
        composite, reference = (np.rint(image * 255) for image in (composite, reference))
    composite, reference = composite.astype(dtype), reference.astype(dtype)
    mask, guide = np.zeros((20, 24), np.uint8), np.zeros((11, 9), bool)
    mask[4:15, 5:20], guide[2:9, 1:8] = 1, True
    before = composite.copy()
    result = transfer.transfer(name, composite, mask, reference, guide)
    assert result.dtype == dtype
    np.testing.assert_array_equal(composite, before)
    np.testing.assert_array_equal(result[mask == 0], composite[mask == 0])
    assert result.min() >= 0
    assert result.max() <= (255 if dtype is np.uint8 else 1)
    if name == "direct":
        np.testing.assert_array_equal(result, composite)
    else:
        full_scale = 255 if dtype is np.uint8 else 1
        before_gap = abs(composite[mask != 0].mean() - reference[guide].mean()) / full_scale
        assert abs(result[mask != 0].mean() - reference[guide].mean()) / full_scale <= before_gap


def test_only_the_guided_region_counts() -> None:
    rng = np.random.default_rng(8)
    composite, reference = (rng.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(2))
    mask, guide = np.zeros((16, 16)), np.zeros((16, 16))
    mask[2:9, 2:9] = guide[5:15, 5:15] = 1
    changed = np.where(guide[..., None] != 0, reference, 255 - reference)
    for name in transfer.TRANSFERS:
        np.testing.assert_array_equal(
            transfer.transfer(name, composite, mask, reference, guide),
            transfer.transfer(name, composite, mask, changed, guide),
        )


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(transfer.TRANSFERS)), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_flat_and_tiny_regions_stay_finite(name: str, width: int, other: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    composite = np.repeat(rng.integers(0, 256, (1, 1, 3), dtype=np.uint8), width, axis=1)
    reference = rng.integers(0, 256, (1, other, 3), dtype=np.uint8)
    result = transfer.transfer(
        name, composite / 255, np.ones((1, width)), reference / 255, np.ones((1, other))
    )  # a flat foreground has no deviation to divide by
    assert np.isfinite(result).all()
    assert ((result >= 0) & (result <= 1)).all()


def test_bad_input_is_refused_with_what_was_got() -> None:
    image, mask = np.zeros((4, 5, 3), np.uint8), np.ones((4, 5))
    with pytest.raises(ConfigError, match=r"'magic'.*MKL"):
        transfer.transfer("magic", image, mask, image, mask)
    with pytest.raises(MaskError, match="guide mask is empty"):
        transfer.transfer("MKL", image, mask, image, mask * 0)
    with pytest.raises(MaskError, match=r"foreground mask .*\(4, 5\).*\(2, 5\)"):
        transfer.transfer("MKL", image, mask[:2], image, mask)
    with pytest.raises(FrameFormatError, match="int32"):
        transfer.transfer("MKL", image, mask, image.astype(np.int32), mask)
    with pytest.raises(FrameFormatError, match="NaN"):
        transfer.transfer("MKL", np.full((4, 5, 3), np.nan), mask, image, mask)
    with pytest.raises(FrameFormatError, match=r"\(4, 5\)"):
        transfer.transfer("MKL", image[..., 0], mask, image, mask)
