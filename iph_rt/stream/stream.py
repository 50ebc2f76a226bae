"""The public way to run a Harmonizer over a camera or a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from iph_rt.stream.frame import Frame, Image
from iph_rt.stream.pipeline import Pipeline, Report
from iph_rt.stream.queues import Policy
from iph_rt.stream.sources import RealTime, Source, open_source


class Processor(Protocol):
    """What a Stream needs of a Harmonizer."""

    def process(self, frame: Image, mask: Any = None, timestamp: int | None = None) -> Image:
        """Harmonize one frame."""
        ...


class Stream:
    """Runs a harmonizer over every frame of a source and hands the results to a sink.

        with Harmonizer() as harmonizer, VideoFileSink("out.mp4", rate=30) as sink:
            ...                                        # set the background and the reference
            with Stream("clip.mp4", harmonizer, sink) as stream:
                report = stream.run()

    Files wait for the slowest stage and lose no frame; live sources drop the oldest frame that waits and count it.

    Args:
        source: camera index, device, path, ``"synthetic"``, or a :class:`Source`.
        harmonizer: anything with ``process(frame, timestamp=ns)``, or a function of a :class:`Frame`.
        sink: called with each finished :class:`Frame` on the thread that calls :meth:`run`.
        live: play a file at its own pace and drop late frames; cameras are always live.
        queue_size: frames held between two stages.

    Raises:
        SourceError: the source cannot be opened.
    """

    def __init__(
        self,
        source: str | int | os.PathLike[str] | Source,
        harmonizer: Processor | Callable[[Frame], Image],
        sink: Callable[[Frame], None],
        *,
        live: bool = False,
        queue_size: int = 2,
    ) -> None:
        opened = open_source(source) if isinstance(source, (str, int, os.PathLike)) else source
        self.source: Source = RealTime(opened) if live and not opened.live else opened
        policy = Policy.DROP_OLDEST if self.source.live else Policy.WAIT
        step = harmonizer if callable(harmonizer) else _step_of(harmonizer)
        self._pipeline = Pipeline(self.source, step, sink, policy=policy, queue_size=queue_size)

    def run(self, *, seconds: float | None = None) -> Report:
        """Run until the source ends, ``seconds`` have passed, or :meth:`stop`; errors as of :meth:`Pipeline.run`."""
        return self._pipeline.run(seconds=seconds)

    def stop(self) -> None:
        """Let :meth:`run` return after the frames under way; from any thread."""
        self._pipeline.stop()

    def close(self) -> None:
        """Close the source. Harmless when repeated."""
        self.source.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _step_of(harmonizer: Processor) -> Callable[[Frame], Image]:
    def step(frame: Frame) -> Image:
        return harmonizer.process(frame.image, timestamp=frame.timestamp_ns)

    return step
