from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color as sk_color
from skimage import metrics as sk_metrics

from iph_rt.color import metrics, spaces
from iph_rt.errors import FrameFormatError, MaskError

# Rows of the test table of Sharma, Wu and Dalal 2005 (L1 a1 b1, L2 a2 b2, delta E 2000); they reach every branch.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, 2.8361, -74.0200), (50, 0, -82.7485), 3.4412),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def pictures(seed: int = 0, shape: tuple[int, ...] = (37, 53, 3)) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture and a distorted copy, so that SSIM is neither 0 nor 1."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[-3], : shape[-2]]
    base = 127 + 90 * np.sin(rows / 7)[..., None] * np.cos(columns / 5)[..., None] * np.array([1, 0.7, -0.5])
    a = np.clip(base + rng.normal(0, 4, shape), 0, 255).astype(np.uint8)
    b = np.clip(base * 0.9 + rng.normal(10, 12, shape), 0, 255).astype(np.uint8)
    return a, b


def disc(height: int = 37, width: int = 53) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return ((rows - 15) ** 2 + (columns - 20) ** 2 < 120).astype(np.uint8)


def test_mse_psnr_and_ssim_agree_with_scikit_image() -> None:
    a, b = pictures()
    assert metrics.mse(a, b) == pytest.approx(sk_metrics.mean_squared_error(a, b))
    assert metrics.psnr(a, b) == pytest.approx(sk_metrics.peak_signal_noise_ratio(a, b))
    expected = sk_metrics.structural_similarity(
        a.astype(np.float64), b.astype(np.float64), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=255, channel_axis=-1,
    )  # fmt: skip
    assert 0.1 < expected < 0.9
    assert metrics.ssim(a, b) == pytest.approx(expected, abs=1e-9)


def test_foreground_mse_is_the_sum_over_the_foreground_by_its_area() -> None:
    a, b = pictures()
    mask = disc()
    total, area = 0.0, 0
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            if mask[row, column]:
                area += 1
                total += sum((float(a[row, column, c]) - float(b[row, column, c])) ** 2 for c in range(3)) / 3
    assert metrics.foreground_mse(a, b, mask) == pytest.approx(total / area)
    assert metrics.foreground_psnr(a, b, mask) == pytest.approx(10 * np.log10(255**2 / (total / area)))


def test_the_whole_picture_as_foreground_gives_the_plain_metrics() -> None:
    a, b = pictures()
    everywhere = np.ones(a.shape[:2], dtype=bool)
    assert metrics.foreground_mse(a, b, everywhere) == pytest.approx(metrics.mse(a, b))
    assert metrics.delta_e(a, b, everywhere) == pytest.approx(metrics.delta_e(a, b))


def test_delta_e_agrees_with_scikit_image_on_every_hue() -> None:
    rng = np.random.default_rng(3)
    lab1, lab2 = (rng.uniform((0, -110, -110), (100, 110, 110), (4000, 3)) for _ in range(2))
    lab2[:1000] = lab1[:1000] + rng.normal(0, 2, (1000, 3))  # small differences, where the formula is meant to work
    lab1[:20, 1:] = 0  # greys have no hue
    np.testing.assert_allclose(metrics.ciede2000(lab1, lab2), sk_color.deltaE_ciede2000(lab1, lab2), atol=1e-9)


@pytest.mark.parametrize(("one", "two", "expected"), SHARMA)
def test_delta_e_gives_the_published_values(one: tuple, two: tuple, expected: float) -> None:
    assert metrics.ciede2000(one, two) == pytest.approx(expected, abs=5e-5)
    assert metrics.ciede2000(two, one) == pytest.approx(expected, abs=5e-5)


def test_delta_e_of_pictures_is_the_mean_inside_the_mask() -> None:
    a, b = pictures()
    mask = disc()
    per_pixel = sk_color.deltaE_ciede2000(sk_color.rgb2lab(a), sk_color.rgb2lab(b))
    assert metrics.delta_e(a, b) == pytest.approx(per_pixel.mean(), rel=1e-4)
    assert metrics.delta_e(a, b, mask) == pytest.approx(per_pixel[mask != 0].mean(), rel=1e-4)


def test_lab_agrees_with_scikit_image_and_comes_back() -> None:
    rgb = np.random.default_rng(1).uniform(0, 1, (500, 3))
    rgb[0], rgb[1] = 0, 1
    np.testing.assert_allclose(spaces.rgb_to_lab(rgb), sk_color.rgb2lab(rgb), atol=5e-3)
    np.testing.assert_allclose(spaces.lab_to_rgb(spaces.rgb_to_lab(rgb)), rgb, atol=1e-6)
    np.testing.assert_allclose(spaces.rgb_to_lab([[0.5, 0.5, 0.5]])[0, 1:], 0, atol=1e-9)


def test_lalphabeta_comes_back_and_its_channels_mean_what_the_paper_says() -> None:
    rgb = np.random.default_rng(1).uniform(0.01, 1, (500, 3))
    np.testing.assert_allclose(spaces.lalphabeta_to_rgb(spaces.rgb_to_lalphabeta(rgb)), rgb, atol=1e-9)
    # By equations 4 to 6 for one colour, written out.
    lms = np.log10([0.3811 * 0.2 + 0.5783 * 0.4 + 0.0402 * 0.6,
                    0.1967 * 0.2 + 0.7244 * 0.4 + 0.0782 * 0.6,
                    0.0241 * 0.2 + 0.1288 * 0.4 + 0.8444 * 0.6])  # fmt: skip
    expected = [lms.sum() / 3**0.5, (lms[0] + lms[1] - 2 * lms[2]) / 6**0.5, (lms[0] - lms[1]) / 2**0.5]
    np.testing.assert_allclose(spaces.rgb_to_lalphabeta([0.2, 0.4, 0.6]), expected, atol=1e-12)
    assert np.isfinite(spaces.rgb_to_lalphabeta(np.zeros((1, 3)))).all()


def test_a_batch_is_measured_picture_by_picture() -> None:
    pairs = [pictures(seed) for seed in range(3)]
    a, b = (np.stack(side) for side in zip(*pairs, strict=True))
    masks = np.stack([np.roll(disc(), shift, axis=1) for shift in range(3)])
    assert metrics.mse(a, b).shape == (3,)
    for i, (one, two) in enumerate(pairs):
        assert metrics.mse(a, b)[i] == pytest.approx(metrics.mse(one, two))
        assert metrics.ssim(a, b)[i] == pytest.approx(metrics.ssim(one, two))
        assert metrics.foreground_mse(a, b, masks)[i] == pytest.approx(metrics.foreground_mse(one, two, masks[i]))
        assert metrics.delta_e(a, b, masks)[i] == pytest.approx(metrics.delta_e(one, two, masks[i]))


def test_float_pictures_give_what_their_uint8_twins_give() -> None:
    a, b = pictures()
    x, y = a / 255.0, (b / 255.0).astype(np.float64)
    assert metrics.mse(x, y) == pytest.approx(metrics.mse(a, b))
    assert metrics.ssim(x, b) == pytest.approx(metrics.ssim(a, b))
    assert metrics.delta_e(x, y) == pytest.approx(metrics.delta_e(a, b))


def test_equal_pictures_are_perfect() -> None:
    a, _ = pictures()
    assert metrics.mse(a, a) == 0
    assert metrics.psnr(a, a) == np.inf
    assert metrics.ssim(a, a) == pytest.approx(1)
    assert metrics.delta_e(a, a) == 0


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_any_size_gives_finite_symmetric_errors(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2))
    for measure in (metrics.mse, metrics.delta_e):
        assert np.isfinite(measure(a, b))
        assert measure(a, b) == pytest.approx(measure(b, a))


def test_bad_pictures_and_masks_are_refused_with_what_was_got() -> None:
    a, b = pictures()
    with pytest.raises(FrameFormatError, match=r"\(37, 53, 3\) and \(36, 53, 3\)"):
        metrics.mse(a, b[1:])
    with pytest.raises(FrameFormatError, match=r"\(37, 53\)"):
        metrics.mse(a[..., 0], b[..., 0])
    with pytest.raises(FrameFormatError, match="int64"):
        metrics.psnr(a.astype(np.int64), b)
    with pytest.raises(FrameFormatError, match="NaN"):
        metrics.ssim(np.full(a.shape, np.nan), b)
    with pytest.raises(FrameFormatError, match="11 x 11"):
        metrics.ssim(a[:10], b[:10])
    with pytest.raises(MaskError, match="empty"):
        metrics.foreground_mse(a, b, np.zeros(a.shape[:2]))
    with pytest.raises(MaskError, match="shape"):
        metrics.delta_e(a, b, np.ones((5, 5)))
