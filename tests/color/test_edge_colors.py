"""Decontamination: the estimates against loops, the pass against the formula, and that a halo goes."""

from __future__ import annotations

import numpy as np
import pytest

from iph_rt.color.composite import EDGE_CELL, EdgeColors
from iph_rt.color.polynomial import Polynomial, apply_composite, edge_colors
from iph_rt.errors import FrameFormatError, MaskError

from .oracle import bilinear, composited, edge_estimates

REACH = 2


def scene(height, width, seed, softness=6.0):
    """A disc of one texture before another, mixed by a soft alpha; returns image, alpha, true foreground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = min(height, width) * 0.33 - np.hypot(y - height / 2, x - width / 2)
    alpha = np.clip(inside / softness + 0.5, 0, 1)
    alpha = np.round(alpha * 255).astype(np.uint8)
    front = np.array([60, 90, 150]) + 10 * np.sin(x / 30.0)[..., None] + rng.normal(0, 2, (height, width, 3))
    back = np.array([200, 230, 120]) + 15 * np.cos(y / 40.0)[..., None] + rng.normal(0, 2, (height, width, 3))
    front, back = front.clip(0, 255), back.clip(0, 255)
    a = alpha[..., None] / 255.0
    return np.round(a * front + (1 - a) * back).astype(np.uint8), alpha, front


SIZES = [(1, 1), (5, 17), (16, 16), (33, 47), (90, 161), (120, 200)]


@pytest.mark.parametrize("size", SIZES)
def test_estimates_are_the_formula_where_they_are_read(cpu_path, size):
    image, alpha, _ = scene(*size, seed=1)
    got = edge_colors(image, alpha)
    front, back = edge_estimates(image, alpha, EDGE_CELL, REACH)
    rows, columns = got.values.shape[0], got.values.shape[2]
    assert (rows, columns) == (-(-size[0] // EDGE_CELL), -(-size[1] // EDGE_CELL))
    for y in range(rows):
        for x in range(columns):
            part = alpha[max(0, y - 1) * EDGE_CELL : (y + 2) * EDGE_CELL, max(0, x - 1) * EDGE_CELL : (x + 2) * EDGE_CELL]
            if ((part > 0) & (part < 255)).any():
                np.testing.assert_allclose(got.foreground[y, x], front[y, x], atol=0.02)
                np.testing.assert_allclose(got.background[y, x], back[y, x], atol=0.02)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_pass_is_the_formula(cpu_path, size, color, polynomial):
    image, alpha, _ = scene(*size, seed=2)
    party = np.random.default_rng(3).integers(0, 256, image.shape, dtype=np.uint8)
    edge = edge_colors(image, alpha)
    a = alpha[..., None] / 255.0
    front = bilinear(edge.foreground.astype(np.float64), *size, EDGE_CELL)
    back = bilinear(edge.background.astype(np.float64), *size, EDGE_CELL)
    clean = np.clip(front + a * (image - a * front - (1 - a) * back), 0, 255)
    clean = np.where((a > 0) & (a < 1), clean, image)
    expected = composited(clean, alpha, party, polynomial, color)
    out = apply_composite(image, alpha, party, polynomial, edge=edge, color=color)
    assert np.abs(out - expected).max() <= 0.51


def test_takes_the_old_background_out_of_the_edge():
    image, alpha, front = scene(240, 320, seed=4, softness=14)
    black = np.zeros_like(image)
    a = alpha[..., None] / 255.0
    truth = a * front
    soft = (alpha > 0) & (alpha < 255)
    plain = apply_composite(image, alpha, black, Polynomial.identity())
    clean = apply_composite(image, alpha, black, Polynomial.identity(), edge=edge_colors(image, alpha))
    halo, left = (np.abs(out - truth)[soft].mean() for out in (plain, clean))
    assert halo > 10
    assert left < 0.15 * halo


def test_leaves_hard_pixels_alone(cpu_path, polynomial):
    """Only 0 < a < 255 is touched, even in the middle of a soft edge."""
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    alpha = rng.choice(np.array([0, 255, 128], np.uint8), (64, 96))
    party = rng.integers(0, 256, image.shape, dtype=np.uint8)
    edge = edge_colors(image, alpha)
    plain = apply_composite(image, alpha, party, polynomial)
    clean = apply_composite(image, alpha, party, polynomial, edge=edge)
    hard = alpha != 128
    assert np.array_equal(plain[hard], clean[hard])
    assert not np.array_equal(plain, clean)


@pytest.mark.parametrize("value", [0, 255])
def test_no_edge_at_all(value, polynomial):
    image, _, _ = scene(50, 70, seed=6)
    alpha = np.full((50, 70), value, np.uint8)
    edge = edge_colors(image, alpha)
    assert not edge.values.any()
    plain = apply_composite(image, alpha, image.copy(), polynomial)
    assert np.array_equal(apply_composite(image, alpha, image.copy(), polynomial, edge=edge), plain)


def test_reuse_threads_and_views(cpu_path):
    image, alpha, _ = scene(200, 300, seed=7)
    edge = edge_colors(image, alpha, threads=1)
    other, other_alpha, _ = scene(200, 300, seed=8, softness=40)
    reused = edge_colors(other, other_alpha)
    assert edge_colors(image, alpha, out=reused, threads=3) is reused
    assert np.array_equal(reused.values, edge.values)
    flipped = edge_colors(image[::-1], alpha[::-1])
    assert np.array_equal(flipped.values, edge_colors(image[::-1].copy(), alpha[::-1].copy()).values)


def test_refusals(polynomial):
    image, alpha, _ = scene(40, 60, seed=9)
    edge = edge_colors(image, alpha)
    with pytest.raises(FrameFormatError, match="call edge_colors"):
        apply_composite(image[:30], alpha[:30], image[:30].copy(), polynomial, edge=edge)
    with pytest.raises(FrameFormatError, match="same size"):
        edge_colors(image[:30], alpha[:30], out=edge)
    with pytest.raises(MaskError, match="got alpha"):
        edge_colors(image, alpha[:30])
    with pytest.raises(FrameFormatError, match="got foreground"):
        edge_colors(alpha, alpha)
    with pytest.raises(ValueError, match="edge colours"):
        apply_composite(image, alpha, image.copy(), polynomial, edge=EdgeColors(np.zeros((1, 6, 1), np.float32), (40, 60)))
