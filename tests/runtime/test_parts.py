"""Settings, statistics, buffers, clock and checks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iph_rt.color.frames import check_frame
from iph_rt.config import HarmonizerConfig
from iph_rt.errors import ConfigError, FrameFormatError
from iph_rt.runtime.frames import Clock, check_output
from iph_rt.runtime.pool import FramePool
from iph_rt.stats import Stats


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backend", "cuda"), ("backend", None), ("precision", "int8"), ("color", "bgra"), ("model", ""), ("model", 3),
        ("segmenter", ""), ("placement", "left"), ("placement", (1, 2)), ("placement", (1, 2, 0)),
        ("placement", (1, float("nan"), 1)), ("cadence", 0), ("cadence", "fast"), ("cadence", True), ("cadence", 1.5),
        ("network_rate", 0), ("smoothing", -1), ("smoothing", float("nan")), ("smoothing", "0.1"), ("frame_rate", 0),
        ("threads", -1), ("network_threads", 1.0),
    ],
)  # fmt: skip
def test_setting_that_cannot_work_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=field.split("_")[0]):
        HarmonizerConfig(**{field: value})


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        HarmonizerConfig().backend = "openvino"


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=300))
def test_percentiles_are_nearest_rank(values):
    stats = Stats(warmup=0)
    for value in values:
        stats.add("stage", value)
    summary = stats.summary()["stage"]
    ordered = sorted(values)
    for q, got in ((50, summary.p50), (95, summary.p95), (99, summary.p99)):
        at_most = sum(v <= got for v in ordered)
        below = sum(v < got for v in ordered)
        assert at_most * 100 >= q * len(values) > below * 100
    assert summary.maximum == ordered[-1]
    assert summary.count == len(values)


def test_statistics_leave_out_warmup_and_failures_and_stay_small():
    stats = Stats(warmup=3, capacity=16)
    for number in range(103):
        with stats.frame(), stats.stage("a"), stats.stage("b"):
            pass
        if number == 50:
            with pytest.raises(ZeroDivisionError), stats.frame():
                _ = 1 / 0
    summary = stats.summary()
    assert list(summary) == ["b", "a", "total"]
    assert {s.count for s in summary.values()} == {100}
    assert stats._rings["total"].samples.size == 16
    assert "p99" in stats.table()
    stats.reset()
    assert stats.summary() == {}


def test_pool_never_gives_out_a_buffer_that_is_held():
    pool = FramePool()
    held = [pool.take((4, 5, 3)) for _ in range(20)]
    assert len({buffer.ctypes.data for buffer in held}) == 20
    view = held[0][1:, ::2]
    addresses = {buffer.ctypes.data for buffer in held}
    first = held[0].ctypes.data
    del held
    again = [pool.take((4, 5, 3)) for _ in range(7)]
    assert first not in {buffer.ctypes.data for buffer in again}, "a view of it is still held"
    assert {buffer.ctypes.data for buffer in again} <= addresses, "what is free is used again"
    assert view.shape == (3, 3, 3)


def test_pool_serves_a_plain_loop_from_two_buffers():
    pool = FramePool()
    addresses = set()
    out = None
    for _ in range(50):
        out = pool.take((8, 8, 3))
        addresses.add(out.ctypes.data)
    assert len(addresses) == 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "NoneType"), ([[1]], "list"), (np.zeros((4, 4), np.uint8), r"\(4, 4\), expected HxWx3"),
        (np.zeros((4, 4, 4), np.uint8), "drop the alpha channel"), (np.zeros((3, 4, 4), np.uint8), "expected HxWx3"),
        (np.zeros((4, 4, 3), np.float32), "float32, expected uint8"), (np.zeros((0, 4, 3), np.uint8), "at least one"),
    ],
)  # fmt: skip
def test_wrong_frame_is_refused(image, message):
    with pytest.raises(FrameFormatError, match=message):
        check_frame(image)


def test_wrong_output_is_refused():
    with pytest.raises(FrameFormatError, match="the background's size"):
        check_output(np.zeros((4, 4, 3), np.uint8), (4, 5, 3))
    with pytest.raises(FrameFormatError, match="C-contiguous"):
        check_output(np.zeros((4, 10, 3), np.uint8)[:, ::2], (4, 5, 3))


def test_clock_counts_frames_or_reads_the_machine():
    counted = Clock(40_000_000)
    assert [counted.stamp(None, 999)[0] for _ in range(3)] == [40_000_000, 80_000_000, 120_000_000]
    assert counted.stamp(500_000_000, 0) == (500_000_000, False)
    assert counted.stamp(10, 0) == (10, True)
    assert Clock(None).stamp(None, 77) == (77, False)
    for wrong in (1.5, "now", True):
        with pytest.raises(ConfigError, match="timestamp"):
            counted.stamp(wrong, 0)


@pytest.mark.parametrize(
    ("settings", "wait"), [({}, 0.1), ({"network_rate": 5}, 0.2), ({"cadence": 1}, 0.0), ({"cadence": 4, "frame_rate": 20}, 0.15)]
)
def test_smoothing_settles_in_time_whatever_the_cadence(settings, wait):
    """After the wait for the network's next run, 90 % of a step is shown 0.3 s after it."""
    tau = HarmonizerConfig(**settings).resolved_smoothing
    assert 1 - np.exp(-(0.3 - wait) / tau) == pytest.approx(0.9)


def test_smoothing_that_is_given_is_taken():
    assert HarmonizerConfig(smoothing=0.0).resolved_smoothing == 0.0
    assert HarmonizerConfig(cadence=30, frame_rate=30).resolved_smoothing == 0.0  # the wait alone is longer
