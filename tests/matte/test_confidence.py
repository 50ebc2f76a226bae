"""Cleaning against scikit-image's labels, steadying against a plain loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.measure import label

from iph_rt import _native as native
from iph_rt.matte.steady import LONGEST_GAP, Steadier

Array = NDArray[Any]


def oracle_clean(confidence: Array, floor: float, keep_fraction: float, max_hole: int) -> Array:
    result = confidence.copy()
    parts = label(result > np.float32(floor), connectivity=2, background=0)
    solid = {part: int((confidence[parts == part] > 0.5).sum()) for part in range(1, parts.max() + 1)}
    largest = max(solid.values(), default=0)
    for part, size in solid.items():
        if size == 0 or size < keep_fraction * largest:
            result[parts == part] = 0.0
    holes = label(result < np.float32(1.0 - floor), connectivity=1, background=0)
    for hole in range(1, holes.max() + 1):
        here = holes == hole
        at_border = here[0].any() or here[-1].any() or here[:, 0].any() or here[:, -1].any()
        if not at_border and here.sum() <= max_hole:
            result[here] = 1.0
    return result


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), height=st.integers(1, 40), width=st.integers(1, 40), density=st.floats(0.1, 0.9),
    floor=st.sampled_from([0.0, 0.25]), keep_fraction=st.sampled_from([0.0, 0.25, 1.0]), max_hole=st.integers(0, 12),
)  # fmt: skip
def test_clean_matches_labels(
    seed: int, height: int, width: int, density: float, floor: float, keep_fraction: float, max_hole: int
) -> None:
    rng = np.random.default_rng(seed)
    levels = np.array([0.0, 0.125, 0.5, 0.75, 1.0], np.float32)
    confidence = rng.choice(levels, (height, width), p=[1 - density, *[density / 4] * 4])
    expected = oracle_clean(confidence, floor, keep_fraction, max_hole)
    native.clean_confidence(confidence, floor=floor, keep_fraction=keep_fraction, max_hole=max_hole)
    np.testing.assert_array_equal(confidence, expected)


def test_a_ring_of_runs_is_one_part() -> None:
    """Runs that meet only further down, the case that needs more than one look at a row."""
    confidence = np.zeros((9, 11), np.float32)
    confidence[1:8, 1] = confidence[1:8, 9] = confidence[7, 1:10] = confidence[1:6, 5] = 1.0
    confidence[1, 5:10] = 1.0
    before = confidence.copy()
    confidence[4, 3] = 1.0  # a speck inside
    native.clean_confidence(confidence, floor=0.0, keep_fraction=0.2, max_hole=0)
    np.testing.assert_array_equal(confidence, before)


def oracle_steady(new: Array, guide: Array, rest: float, low: float, high: float, state: Array, seen: Array) -> None:
    height, width = new.shape
    difference = np.zeros((height + 2, width + 2, 3))
    difference[1:-1, 1:-1] = guide.astype(np.float64) - seen
    for y in range(height):
        for x in range(width):
            motion = np.abs(difference[y : y + 3, x : x + 3].sum((0, 1)) / 9.0).max()
            share = rest + (1.0 - rest) * min(max((motion - low) / (high - low), 0.0), 1.0)
            state[y, x] += share * (new[y, x] - state[y, x])
            seen[y, x] += share * (guide[y, x] - seen[y, x])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 12), width=st.integers(1, 40), rest=st.floats(0.0, 1.0))
def test_steady_matches_the_loop(seed: int, height: int, width: int, rest: float) -> None:
    rng = np.random.default_rng(seed)
    state, new = rng.random((2, height, width), np.float32)
    seen = rng.uniform(0, 255, (height, width, 3)).astype(np.float32)
    guide = np.clip(seen + rng.normal(0, rng.choice([2.0, 20.0, 60.0]), seen.shape), 0, 255).astype(np.uint8)
    expected_state, expected_seen = state.astype(np.float64), seen.astype(np.float64)
    oracle_steady(new, guide, rest, 4.0, 12.0, expected_state, expected_seen)
    native.steady_confidence(new, guide, rest=rest, motion_low=4.0, motion_high=12.0, confidence_state=state, guide_state=seen)
    np.testing.assert_allclose(state, expected_state, atol=1e-5)
    np.testing.assert_allclose(seen, expected_seen, atol=1e-2)
    np.testing.assert_array_equal(new, state)


def still(value: float) -> tuple[Array, Array]:
    return np.full((6, 8), value, np.float32), np.full((6, 8, 3), 100, np.uint8)


@pytest.mark.parametrize("frames", [3, 6, 12])
def test_smoothing_goes_by_the_clock_not_by_frames(frames: int) -> None:
    steadier = Steadier(0.1)
    steadier.update(*still(0.0), 0)
    for i in range(1, frames + 1):
        confidence, guide = still(1.0)
        steadier.update(confidence, guide, i * 120_000_000 // frames)
    assert confidence == pytest.approx(1.0 - np.exp(-1.2), abs=1e-4)


def test_motion_is_taken_over_at_once() -> None:
    steadier = Steadier(0.1)
    steadier.update(*still(0.0), 0)
    confidence, guide = still(1.0)
    guide[:] = 140
    steadier.update(confidence, guide, 33_000_000)
    assert (confidence[1:-1, 1:-1] == 1.0).all()


@pytest.mark.parametrize("gap", [-1, int((LONGEST_GAP + 0.01) * 1e9)])
def test_a_gap_or_a_step_back_starts_afresh(gap: int) -> None:
    steadier = Steadier(0.1)
    steadier.update(*still(0.0), 1_000_000_000)
    confidence, guide = still(1.0)
    steadier.update(confidence, guide, 1_000_000_000 + gap)
    assert (confidence == 1.0).all()


def test_reset_forgets() -> None:
    steadier = Steadier(0.1)
    steadier.update(*still(0.0), 0)
    steadier.reset()
    confidence, guide = still(1.0)
    steadier.update(confidence, guide, 10_000_000)
    assert (confidence == 1.0).all()
