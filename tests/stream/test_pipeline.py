"""Queues and the pipeline: order, policies, failures."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iph_rt.errors import ClosedError, ConfigError, SinkError, SourceError, StageError
from iph_rt.stream.frame import Frame, Image
from iph_rt.stream.pipeline import Pipeline
from iph_rt.stream.queues import BoundedQueue, Closed, Policy


def frames(count: int) -> Iterator[Frame]:
    for number in range(count):
        yield Frame(number, np.full((2, 2, 3), number % 256, np.uint8), number * 1000)


def image_of(frame: Frame) -> Image:
    return frame.image


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_a_full_queue_keeps_the_newest_and_counts_the_rest(items: list[int], size: int) -> None:
    queue: BoundedQueue[int] = BoundedQueue(size, Policy.DROP_OLDEST)
    for item in items:
        queue.put(item)
    queue.finish()
    assert [queue.get() for _ in range(min(size, len(items)))] == items[-size:]
    with pytest.raises(Closed):
        queue.get()
    assert queue.dropped == max(0, len(items) - size)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40), st.integers(1, 4))
def test_waiting_loses_nothing_and_keeps_the_order(count: int, size: int) -> None:
    seen: list[tuple[int, int, int]] = []
    pipeline = Pipeline(
        frames(count),
        lambda frame: frame.image + np.uint8(1),
        lambda frame: seen.append((frame.id, int(frame.image[0, 0, 0]), frame.timestamp_ns)),
        policy=Policy.WAIT,
        queue_size=size,
    )
    report = pipeline.run()
    assert seen == [(number, number + 1, number * 1000) for number in range(count)]
    assert (report.frames, report.dropped) == (count, 0)


def test_live_drops_the_oldest_that_wait_for_a_busy_step() -> None:
    """The step is held until the source has ended: of ten frames, the first is under way and the newest two wait."""
    started, delivered = threading.Event(), threading.Event()
    seen: list[int] = []

    def source() -> Iterator[Frame]:
        yield from frames(1)
        assert started.wait(10)
        yield from list(frames(10))[1:]
        delivered.set()

    def step(frame: Frame) -> Image:
        started.set()
        assert delivered.wait(10)
        return frame.image

    report = Pipeline(source(), step, lambda frame: seen.append(frame.id), policy=Policy.DROP_OLDEST).run()
    assert report.dropped_before_step == 7
    assert seen[-2:] == [8, 9]  # the sink's queue holds two as well: frame 0 may be dropped there, and is counted then
    assert report.frames + report.dropped_before_sink == 3


def test_a_failing_step_is_raised_to_the_caller_with_its_frame() -> None:
    def step(frame: Frame) -> Image:
        if frame.id == 3:
            raise ZeroDivisionError("three")
        return frame.image

    with pytest.raises(StageError, match=r"stage 'step' failed at frame 3: ZeroDivisionError: three") as caught:
        Pipeline(frames(100), step, lambda _: None, policy=Policy.WAIT).run()
    assert (caught.value.stage, caught.value.frame_id) == ("step", 3)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_errors_of_source_and_sink_keep_their_kind() -> None:
    def source() -> Iterator[Frame]:
        yield from frames(2)
        raise SourceError("2 frames were read")

    def sink(_: Frame) -> None:
        raise SinkError("disk full")

    with pytest.raises(SourceError, match="2 frames were read"):
        Pipeline(source(), image_of, lambda _: None, policy=Policy.WAIT).run()
    with pytest.raises(SinkError, match="disk full"):
        Pipeline(frames(50), image_of, sink, policy=Policy.WAIT).run()


def test_an_interrupt_in_the_sink_ends_all_threads() -> None:
    def sink(frame: Frame) -> None:
        if frame.id == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pipeline(frames(10_000), image_of, sink, policy=Policy.WAIT).run()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("iph-") and thread.is_alive()]


def test_stop_ends_an_endless_source() -> None:
    seen: list[int] = []

    def sink(frame: Frame) -> None:
        seen.append(frame.id)
        pipeline.stop()

    pipeline = Pipeline(frames(10**9), image_of, sink, policy=Policy.WAIT)
    report = pipeline.run()
    assert report.frames == len(seen) < 20  # what was in the queues still arrives


@pytest.mark.parametrize("stage", ["source", "step"])
def test_even_an_exit_of_a_stage_ends_the_run(stage: str) -> None:
    """SystemExit ends only the thread it is raised on; the others would wait for it for ever."""

    def source() -> Iterator[Frame]:
        yield from frames(2)
        if stage == "source":
            raise SystemExit(3)

    def step(frame: Frame) -> Image:
        if stage == "step":
            raise SystemExit(3)
        return frame.image

    caught: list[BaseException] = []

    def run() -> None:
        try:
            Pipeline(source(), step, lambda _: None, policy=Policy.WAIT).run()
        except StageError as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert f"stage '{stage}' failed" in str(caught[0])


def test_a_pipeline_that_has_run_says_so() -> None:
    pipeline = Pipeline(frames(2), image_of, lambda _: None, policy=Policy.WAIT)
    pipeline.run()
    with pytest.raises(ClosedError, match="runs once"):
        pipeline.run()


def test_a_queue_needs_room() -> None:
    with pytest.raises(ConfigError, match="queue size=0"):
        BoundedQueue(0, Policy.WAIT)
