"""When the network runs: beside the live path on its own thread, or at every k-th frame for the same bytes on every
run.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from iph_rt.color.polynomial import Moments
from iph_rt.errors import ClosedError
from iph_rt.runtime.backend import Array
from iph_rt.runtime.fitting import Fitter, Sample

TakeSample = Callable[[Sample], bool]
Report = Callable[[float], None]

NICENESS = 5  # of the network's thread: what a frame waits for goes first, three to one, yet the colours keep up
JOIN_SECONDS = 10.0


class Cadence(Protocol):
    """Gives every frame the newest moments there are.

    Attributes:
        description: for the user, e.g. ``"every frame"``.
    """

    description: str

    def newest(self, take: TakeSample, style_code: Array) -> Moments | None:
        """Newest moments under this style code. Calls ``take`` only when the network is to run on this frame.

        ``take`` fills a sample and returns True, or returns False when there is nobody in the frame; then the network
        does not run and what was found before is held. None if nobody has been in the frame since the last reset.
        """
        ...

    def reset(self) -> None:
        """Forgets what was found: the style code has changed."""
        ...

    def close(self) -> None:
        """Ends the worker, if there is one; harmless when repeated."""
        ...


class EveryKth:
    """The network runs at frames 0, k, 2k, ... while the frame waits: the same frames give the same bytes."""

    def __init__(self, fitter: Fitter, k: int, report: Report) -> None:
        self.description = "network at every frame" if k == 1 else f"network at every {k}th frame"
        self._fitter, self._k, self._report = fitter, k, report
        self._sample = Sample()
        self._moments: Moments | None = None
        self._since = k

    def newest(self, take: TakeSample, style_code: Array) -> Moments | None:
        if self._since >= self._k and take(self._sample):
            start = time.perf_counter()
            self._moments = self._fitter.fit(self._sample, style_code)
            self._report((time.perf_counter() - start) * 1e3)
            self._since = 0
        self._since += 1
        return self._moments

    def reset(self) -> None:
        self._moments, self._since = None, self._k

    def close(self) -> None:
        return


class Beside:
    """The network runs on a thread of its own, at most ``rate`` times a second, always on the newest frame.

    No frame waits for it but the first one after a reset, so that what is shown is harmonized from the first frame on.
    There is no queue: while the network is busy nothing is sampled. An exception on the thread is raised by the next
    call.
    """

    def __init__(self, fitter: Fitter, rate: float, report: Report) -> None:
        self.description = f"network on its own thread, at most {rate:g} times a second"
        self._fitter, self._interval, self._report = fitter, 1.0 / rate, report
        self._sample = Sample()
        self._changed = threading.Condition()
        self._job: tuple[int, Array] | None = None  # generation and style code; the thread's until it sets it to None
        self._generation = 0
        self._moments: Moments | None = None
        self._error: BaseException | None = None
        self._closed = False
        self._due = 0.0
        self._thread = threading.Thread(target=self._work, name="iph_rt network", daemon=True)
        self._thread.start()

    def newest(self, take: TakeSample, style_code: Array) -> Moments | None:
        with self._changed:
            self._raise_error()
            first = self._moments is None
            if first:
                self._wait_until_idle()
            elif self._job is not None or time.monotonic() < self._due:
                return self._moments
            # The thread is idle here, so the sample is not being read.
            if not take(self._sample):
                return self._moments
            self._due = time.monotonic() + self._interval
            self._job = (self._generation, style_code)
            self._changed.notify_all()
            if first:
                self._wait_until_idle()
            return self._moments

    def reset(self) -> None:
        with self._changed:
            self._generation += 1
            self._moments = None

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_SECONDS)

    def _wait_until_idle(self) -> None:
        self._changed.wait_for(lambda: self._job is None or self._closed)
        if self._closed:
            raise ClosedError("the Harmonizer was closed while a frame waited for the network; make a new one")
        self._raise_error()

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        _lower_priority()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._job is not None or self._closed)
                if self._closed or self._job is None:
                    return
                generation, style_code = self._job
            start = time.perf_counter()
            found, failure = None, None
            try:
                found = self._fitter.fit(self._sample, style_code)
                self._report((time.perf_counter() - start) * 1e3)
            except Exception as error:  # handed to the thread that calls newest()
                failure = error
            with self._changed:
                if generation == self._generation:
                    self._error = failure
                    self._moments = found or self._moments
                self._job = None
                self._changed.notify_all()


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere niceness belongs to the whole process
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
