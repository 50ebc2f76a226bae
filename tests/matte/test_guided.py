"""The guided filter against float64 NumPy and OpenCV, written from the paper's equations (He, Sun, Tang 2013, eq. 14-16)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from iph_rt import _native as native
from iph_rt.errors import ConfigError
from iph_rt.matte.refine import Edge, Refiner

Array = NDArray[Any]


def box_mean(values: Array, radius: int) -> Array:
    """Mean over windows that the border cuts off."""
    size = (2 * radius + 1, 2 * radius + 1)

    def total(plane: Array) -> Array:
        summed = cv2.boxFilter(plane, cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(summed).reshape(plane.shape)

    return total(np.ascontiguousarray(values)) / total(np.ones_like(values))


def oracle_coefficients(guide: Array, confidence: Array, radius: int, epsilon: float, trust: float) -> Array:
    colour = guide.astype(np.float64) / 255.0
    p = np.floor(np.clip(confidence, 0.0, 1.0).astype(np.float32) * np.float32(1023.0) + np.float32(0.5))
    p = p.astype(np.float64) / 1023.0
    mean = np.stack([box_mean(colour[..., c], radius) for c in range(3)], -1)
    mean_p = box_mean(p, radius)
    with_p = np.stack([box_mean(colour[..., c] * p, radius) for c in range(3)], -1) - mean * mean_p[..., None]
    covariance = np.empty((*p.shape, 3, 3))
    for i in range(3):
        for j in range(3):
            covariance[..., i, j] = box_mean(colour[..., i] * colour[..., j], radius) - mean[..., i] * mean[..., j]
    a = np.linalg.solve(covariance + epsilon * np.eye(3), with_p[..., None])[..., 0]
    b = mean_p - (a * mean).sum(-1)
    variance = box_mean(p * p, radius) - mean_p**2
    explained = (a * with_p).sum(-1) / np.where(variance > 1e-10, variance, 1.0)
    t = np.clip(trust * variance, 0.0, 1.0) * np.clip((explained - 0.4) / 0.3, 0.0, 1.0)
    planes = [t * box_mean(a[..., c], radius) for c in range(3)]
    return np.stack([*planes, t * box_mean(b, radius) + (1.0 - t) * p])


def oracle_alpha(frame: Array, coefficients: Array, low: float, high: float) -> Array:
    """Alpha in 0..255 before rounding: bilinear, cell (x, y) on pixel (x W / w, y H / h), the last cell held to the border."""
    height, width = frame.shape[:2]
    h, w = coefficients.shape[1:]
    y, x = np.arange(height) * h / height, np.arange(width) * w / width
    top, left = np.floor(y + 1e-9).astype(int), np.floor(x + 1e-9).astype(int)
    below, right = np.minimum(top + 1, h - 1), np.minimum(left + 1, w - 1)
    fy, fx = (y - top)[:, None], (x - left)[None, :]
    c = coefficients.astype(np.float64)
    upper = c[:, top][:, :, left] * (1 - fx) + c[:, top][:, :, right] * fx
    lower = c[:, below][:, :, left] * (1 - fx) + c[:, below][:, :, right] * fx
    spread = upper * (1 - fy) + lower * fy
    value = (spread[:3].transpose(1, 2, 0) * (frame / 255.0)).sum(-1) + spread[3]
    return np.asarray(np.clip((value - low) / (high - low), 0.0, 1.0) * 255.0)


def scene(seed: int, height: int, width: int) -> tuple[Array, Array]:
    """A guide with two textured colours and a confidence that is 0 and 1 away from a noisy boundary."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(x - width * rng.uniform(0.2, 0.8), y - height * rng.uniform(0.2, 0.8)) < rng.uniform(0.2, 0.6) * width
    colours = rng.integers(0, 256, (2, 3))
    guide = np.where(inside[..., None], colours[0], colours[1]) + rng.integers(-25, 26, (height, width, 3))
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.2) if min(height, width) > 1 else inside.astype(np.float32)
    confidence = np.clip(1.6 * np.asarray(soft).reshape(height, width) - 0.3, 0.0, 1.0).astype(np.float32)
    return np.clip(guide, 0, 255).astype(np.uint8), confidence


def solve(guide: Array, confidence: Array, radius: int, epsilon: float, trust: float) -> Array:
    out = np.full((4, *confidence.shape), np.nan, np.float32)
    native.guided_coefficients(guide, confidence, out, radius=radius, epsilon=epsilon, trust=trust)
    return out


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), height=st.integers(1, 70), width=st.integers(1, 90), radius=st.integers(1, 15),
    epsilon=st.sampled_from([1e-4, 1e-3, 1e-1]), trust=st.sampled_from([0.0, 2.0, 8.0, 1e3]),
)  # fmt: skip
def test_coefficients_match_the_equations(seed: int, height: int, width: int, radius: int, epsilon: float, trust: float) -> None:
    guide, confidence = scene(seed, height, width)
    expected = oracle_coefficients(guide, confidence, radius, epsilon, trust)
    # The oracle's own cancellation is some 1e-15 / epsilon; a grows with 1 / sqrt(epsilon).
    np.testing.assert_allclose(solve(guide, confidence, radius, epsilon, trust), expected, atol=2e-5, rtol=2e-5)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), h=st.integers(1, 40), w=st.integers(1, 50), height=st.integers(1, 180),
    width=st.integers(1, 260), levels=st.sampled_from([(0.0, 1.0), (0.2, 0.98), (0.45, 0.55)]), threads=st.integers(0, 3),
)  # fmt: skip
def test_alpha_matches_bilinear_coefficients(
    seed: int, h: int, w: int, height: int, width: int, levels: tuple[float, float], threads: int
) -> None:
    rng = np.random.default_rng(seed)
    guide, confidence = scene(seed, h, w)
    coefficients = solve(guide, confidence, 2, 1e-3, 8.0)
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    out = np.full((height, width), 77, np.uint8)
    native.guided_alpha(frame, coefficients, out, low=levels[0], high=levels[1], threads=threads)
    assert np.abs(out - oracle_alpha(frame, coefficients, *levels)).max() <= 0.5 + 0.02


def refine(seed: int = 3) -> tuple[Array, Array, Array]:
    guide, confidence = scene(seed, 90, 160)
    frame = cv2.resize(guide, (797, 451), interpolation=cv2.INTER_CUBIC)
    return np.asarray(frame), guide, confidence


def test_every_cpu_path_and_thread_count_agrees() -> None:
    frame, guide, confidence = refine()
    before = native.cpu_path()
    results = []
    try:
        for path in native.cpu_paths():
            native.set_cpu_path(path)
            for threads in (1, 2, 5):
                out = np.empty(frame.shape[:2], np.uint8)
                results.append(Refiner(threads=threads).refine(frame, guide, confidence, out, Edge()).astype(int))
            assert np.array_equal(results[-1], results[-2])
            assert np.array_equal(results[-1], results[-3])
    finally:
        native.set_cpu_path(before)
    assert max(np.abs(result - results[0]).max() for result in results) <= 1


def test_same_input_gives_the_same_bytes_whatever_came_before() -> None:
    frame, guide, confidence = refine()
    refiner, edge = Refiner(), Edge()
    first = refiner.refine(frame, guide, confidence, np.empty(frame.shape[:2], np.uint8), edge)
    other_frame, other_guide, other_confidence = refine(8)
    refiner.refine(other_frame, other_guide, 1.0 - other_confidence, np.empty(frame.shape[:2], np.uint8), edge)
    again = refiner.refine(frame, guide, confidence, np.empty(frame.shape[:2], np.uint8), edge)
    fresh = Refiner().refine(frame, guide, confidence, np.empty(frame.shape[:2], np.uint8), edge)
    assert np.array_equal(first, again)
    assert np.array_equal(first, fresh)


def test_texture_away_from_edges_never_shows() -> None:
    rng = np.random.default_rng(0)
    guide = rng.integers(0, 256, (60, 80, 3), np.uint8)
    confidence = np.zeros((60, 80), np.float32)
    confidence[:, 40:] = 1.0
    frame = rng.integers(0, 256, (600, 800, 3), np.uint8)
    out = Refiner(radius=3).refine(frame, guide, confidence, np.empty((600, 800), np.uint8), Edge())
    assert (out[:, :350] == 0).all()
    assert (out[:, 450:] == 255).all()


def test_follows_a_colour_edge_that_the_confidence_blurs() -> None:
    """The confidence knows the boundary to some cells only; alpha finds it to pixels of 8 a cell."""
    frame = np.full((480, 640, 3), (200, 190, 180), np.uint8)
    cv2.circle(frame, (320, 240), 150, (20, 30, 40), -1)
    true = np.all(frame < 100, axis=2)
    guide = np.ascontiguousarray(frame[::8, ::8])
    blurred = np.asarray(cv2.GaussianBlur(true[::8, ::8].astype(np.float32), (0, 0), 1.5))
    confidence = np.clip((blurred - 0.05) / 0.9, 0.0, 1.0).astype(np.float32)
    out = Refiner().refine(frame, guide, confidence, np.empty((480, 640), np.uint8), Edge())
    plain = Refiner(trust=0.0).refine(frame, guide, confidence, np.empty((480, 640), np.uint8), Edge())
    wrong, wrong_plain = np.abs(out / 255.0 - true).mean(), np.abs(plain / 255.0 - true).mean()
    assert wrong < 0.5 * wrong_plain
    assert ((out > 127) != true).mean() < 0.1 * ((plain > 127) != true).mean()


def test_keeps_the_confidence_where_colour_knows_nothing() -> None:
    """One colour inside and outside: the edge must stay as sharp as the confidence has it."""
    rng = np.random.default_rng(1)
    guide = (150 + rng.integers(-3, 4, (60, 80, 3))).astype(np.uint8)
    confidence = np.zeros((60, 80), np.float32)
    confidence[:, 40:] = 1.0
    frame = np.repeat(np.repeat(guide, 8, 0), 8, 1)
    out = Refiner().refine(frame, guide, confidence, np.empty((480, 640), np.uint8), Edge(0.0, 1.0))
    expected = np.clip((np.arange(640) / 8 - 39) * 255, 0, 255)
    assert np.abs(out - expected).max() <= 1.0


def test_views_are_read_and_written_in_place() -> None:
    frame, guide, confidence = refine()
    canvas = np.zeros((500, 900, 3), np.uint8)
    view = canvas[20 : 20 + frame.shape[0], 30 : 30 + frame.shape[1]]
    view[:] = frame
    sheet = np.full((500, 900), 9, np.uint8)
    target = sheet[20 : 20 + frame.shape[0], 30 : 30 + frame.shape[1]]
    Refiner().refine(view, guide, confidence, target, Edge())
    assert np.array_equal(target, Refiner().refine(frame, guide, confidence, np.empty(frame.shape[:2], np.uint8), Edge()))
    sheet[20 : 20 + frame.shape[0], 30 : 30 + frame.shape[1]] = 9
    assert (sheet == 9).all()


@pytest.mark.parametrize(
    ("choke", "feather", "levels"), [(0.0, 1.0, (0.0, 1.0)), (0.2, 0.8, (0.18, 0.98)), (1.0, 0.5, (0.65, 1.0))]
)
def test_levels(choke: float, feather: float, levels: tuple[float, float]) -> None:
    assert Edge(choke, feather).levels == pytest.approx(levels)


@pytest.mark.parametrize(("choke", "feather"), [(1.1, 0.8), (float("nan"), 0.8), (0.0, 0.0), (0.0, 1.5)])
def test_edge_refuses(choke: float, feather: float) -> None:
    with pytest.raises(ConfigError, match="expected a number"):
        Edge(choke, feather)


@pytest.mark.parametrize("setting", [{"radius": 0}, {"radius": 16}, {"epsilon": 0.0}, {"trust": -1.0}, {"threads": -1}])
def test_refiner_refuses(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        Refiner(**setting)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guide", np.zeros((4, 6, 3), np.uint8)), ("confidence", np.zeros((5, 6, 1), np.float32)),
        ("confidence", np.zeros((0, 6), np.float32)), ("out", np.zeros((3, 5, 6), np.float32)),
    ],
)  # fmt: skip
def test_native_refuses_wrong_shapes(name: str, value: Array) -> None:
    arguments: dict[str, Any] = {
        "guide": np.zeros((5, 6, 3), np.uint8), "confidence": np.zeros((5, 6), np.float32),
        "out": np.zeros((4, 5, 6), np.float32),
    }  # fmt: skip
    arguments[name] = value
    with pytest.raises(ValueError, match=name):
        native.guided_coefficients(**arguments, radius=1, epsilon=1e-3, trust=1.0)
