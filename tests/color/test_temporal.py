"""The smoother of moments: what one step of time does, whatever the frame rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iph_rt.color.polynomial import Moments
from iph_rt.color.temporal import DEFAULT_TIME_CONSTANT, MomentSmoother
from iph_rt.errors import ConfigError

SECOND = 1_000_000_000


def constant(level: float, weight: float = 5.0) -> Moments:
    """Moments whose every mean is `level`, but for the weight."""
    ata = np.full((11, 11), level * weight)
    ata[10, 10] = weight
    return Moments(ata, np.full((11, 3), level * weight))


def level(m: Moments) -> float:
    return float(m.atb[4, 1])


def test_first_update_passes_through():
    out = MomentSmoother().update(constant(0.3), 123)
    assert out.weight == pytest.approx(1)
    assert level(out) == pytest.approx(0.3)


@given(rate=st.integers(5, 240), time_constant=st.floats(0.02, 2))
def test_step_response_is_exponential_at_any_frame_rate(rate, time_constant):
    smoother = MomentSmoother(time_constant)
    smoother.update(constant(0.0), 0)
    for frame in range(1, rate + 1):
        out = smoother.update(constant(1.0), frame * SECOND // rate)
    assert level(out) == pytest.approx(1 - math.exp(-1 / time_constant), abs=1e-6)


@given(times=st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=20))
def test_dropped_frames_change_nothing(times):
    """While the input stands still, only the time that has passed counts."""
    smoother = MomentSmoother(0.5)
    smoother.update(constant(0.0), 0)
    for timestamp in sorted(times):
        out = smoother.update(constant(1.0), timestamp)
    assert level(out) == pytest.approx(1 - math.exp(-max(times) / SECOND / 0.5), abs=1e-6)


def test_default_settles_90_percent_within_300_ms():
    assert 1 - math.exp(-0.3 / DEFAULT_TIME_CONSTANT) > 0.9


def test_weight_of_a_frame_does_not_count():
    light, heavy = MomentSmoother(0.1), MomentSmoother(0.1)
    for smoother, weight in ((light, 1.0), (heavy, 1000.0)):
        smoother.update(constant(0.0, 1.0), 0)
        smoother.update(constant(1.0, weight), SECOND // 10)
    assert level(light.update(Moments.zero(), SECOND // 10)) == pytest.approx(level(heavy.update(Moments.zero(), SECOND // 10)))


def test_empty_frames_keep_the_state():
    smoother = MomentSmoother(0.1)
    assert smoother.update(Moments.zero(), 0).weight == 0
    before = smoother.update(constant(0.4), SECOND)
    assert smoother.update(Moments.zero(), 2 * SECOND) == before


def test_time_that_goes_backwards_counts_as_none():
    smoother = MomentSmoother(0.1)
    smoother.update(constant(0.2), SECOND)
    assert level(smoother.update(constant(0.9), SECOND // 2)) == pytest.approx(0.2)
    assert level(smoother.update(constant(0.9), SECOND + SECOND // 10)) == pytest.approx(0.2 + 0.7 * (1 - math.exp(-1)))


def test_time_may_start_below_zero():
    smoother = MomentSmoother(0.1)
    smoother.update(constant(0.2), -9 * SECOND)
    assert level(smoother.update(constant(0.9), -9 * SECOND + SECOND // 10)) == pytest.approx(0.2 + 0.7 * (1 - math.exp(-1)))


def test_reset_lets_the_next_pass():
    smoother = MomentSmoother(10)
    smoother.update(constant(0.2), 5 * SECOND)
    smoother.reset()
    assert level(smoother.update(constant(0.9), SECOND)) == pytest.approx(0.9)


def test_zero_passes_everything():
    smoother = MomentSmoother(0)
    smoother.update(constant(0.2), 0)
    assert level(smoother.update(constant(0.9), 1)) == pytest.approx(0.9)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_refuses(value):
    with pytest.raises(ConfigError, match=r"got time_constant.*expected"):
        MomentSmoother(value)
