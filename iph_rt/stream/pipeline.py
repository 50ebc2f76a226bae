"""Source, step and sink, each on its own thread, with bounded queues between them.

The sink runs on the caller's thread, because windows must. The first failure of any stage ends all of them and is
raised to the caller; so does KeyboardInterrupt.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from iph_rt.errors import ClosedError, IphError, StageError
from iph_rt.stream.frame import Frame, Image
from iph_rt.stream.queues import BoundedQueue, Closed, Policy

Step = Callable[[Frame], Image]
Sink = Callable[[Frame], None]


@dataclass(frozen=True)
class Report:
    """What a finished run did.

    Attributes:
        frames: frames that reached the sink.
        dropped_before_step: frames that the source delivered while the step was busy (live only).
        dropped_before_sink: results that the sink was too slow for (live only).
        seconds: wall time of the run.
    """

    frames: int
    dropped_before_step: int
    dropped_before_sink: int
    seconds: float

    @property
    def dropped(self) -> int:
        """All frames dropped, whatever the cause."""
        return self.dropped_before_step + self.dropped_before_sink


class Pipeline:
    """Runs ``sink(step(frame))`` for every frame of ``source``.

    Args:
        source: frames; iterated on its own thread.
        step: makes the output picture; runs on its own thread, one frame after the other, in order. The picture is
            given away: the next call must not write into it.
        sink: takes the finished frame on the thread that calls :meth:`run`.
        policy: WAIT keeps every frame, DROP_OLDEST keeps the newest.
        queue_size: frames held between two stages.
    """

    def __init__(self, source: Iterable[Frame], step: Step, sink: Sink, *, policy: Policy, queue_size: int = 2) -> None:
        self._source, self._step, self._sink = source, step, sink
        self._inputs: BoundedQueue[Frame] = BoundedQueue(queue_size, policy)
        self._outputs: BoundedQueue[Frame] = BoundedQueue(queue_size, policy)
        self._failure: IphError | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._started = False

    def stop(self) -> None:
        """Ask a running :meth:`run` to return; frames under way still reach the sink. May be called from any thread."""
        self._stopping.set()

    def run(self, *, seconds: float | None = None) -> Report:
        """Run until the source ends, ``seconds`` of wall time have passed, or :meth:`stop`.

        Raises:
            SourceError: the source failed.
            SinkError: the sink failed.
            StageError: a stage raised anything else; names the stage and the frame, chains the cause.
            ClosedError: it has been run before.
        """
        if self._started:
            raise ClosedError("a pipeline runs once, and this one has run; make a new one")
        self._started = True
        start = time.monotonic()
        workers = [
            threading.Thread(target=self._read, args=(None if seconds is None else start + seconds,), name="iph-source"),
            threading.Thread(target=self._process, name="iph-step"),
        ]
        for worker in workers:
            worker.daemon = True  # a camera read that never returns must not keep the program alive
            worker.start()
        frames = 0
        try:
            frames = self._write()
        finally:
            self._abort()
            for worker in workers:
                worker.join(timeout=5.0)
        if self._failure is not None:
            raise self._failure
        return Report(frames, self._inputs.dropped, self._outputs.dropped, time.monotonic() - start)

    def _read(self, deadline: float | None) -> None:
        frame_id = -1
        try:
            for frame in self._source:
                frame_id = frame.id
                self._inputs.put(frame)
                if self._stopping.is_set() or (deadline is not None and time.monotonic() >= deadline):
                    break
            self._inputs.finish()
        except Closed:
            pass
        except BaseException as error:  # even SystemExit: on this thread it would end nothing but the thread
            self._fail("source", frame_id + 1, error)

    def _process(self) -> None:
        frame_id = -1
        try:
            while True:
                frame = self._inputs.get()
                frame_id = frame.id
                self._outputs.put(Frame(frame.id, self._step(frame), frame.timestamp_ns))
        except Closed:
            self._outputs.finish()
        except BaseException as error:
            self._fail("step", frame_id, error)

    def _write(self) -> int:
        frames = 0
        frame_id = -1
        try:
            while True:
                frame = self._outputs.get()
                frame_id = frame.id
                self._sink(frame)
                frames += 1
        except Closed:
            return frames
        except Exception as error:
            self._fail("sink", frame_id, error)
            return frames

    def _fail(self, stage: str, frame_id: int, error: BaseException) -> None:
        """Keep the first failure and end every stage."""
        if isinstance(error, IphError):
            failure: IphError = error
        else:
            failure = StageError(stage, frame_id, f"{type(error).__name__}: {error}")
            failure.__cause__ = error
        with self._lock:
            self._failure = self._failure or failure
        self._abort()

    def _abort(self) -> None:
        self._inputs.abort()
        self._outputs.abort()
