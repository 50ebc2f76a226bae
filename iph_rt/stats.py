"""Times of each stage as p50 / p95 / p99, in bounded memory, the first frames left out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iph_rt.config import check_count

TOTAL = "total"


@dataclass(frozen=True)
class StageSummary:
    """Nearest-rank percentiles of one stage, in milliseconds, over the newest samples kept.

    Attributes:
        count: samples measured since the last reset, warm-up excluded.
    """

    count: int
    p50: float
    p95: float
    p99: float
    maximum: float

    def as_dict(self) -> dict[str, float]:
        """The same figures by name, for JSON."""
        return {"count": self.count, "p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.maximum}


class _Ring:
    """The newest ``capacity`` samples of one stage."""

    def __init__(self, capacity: int) -> None:
        self.samples: NDArray[np.float64] = np.zeros(capacity)
        self.count = 0

    def add(self, value: float) -> None:
        self.samples[self.count % len(self.samples)] = value
        self.count += 1

    def summary(self) -> StageSummary:
        kept = np.sort(self.samples[: min(self.count, len(self.samples))])
        p50, p95, p99 = (float(kept[max(0, int(np.ceil(q * len(kept))) - 1)]) for q in (0.50, 0.95, 0.99))
        return StageSummary(self.count, p50, p95, p99, float(kept[-1]))


class Stats:
    """Stage times of a running Harmonizer.

    Each frame is one :meth:`frame` block with :meth:`stage` blocks inside; the whole frame is the stage ``"total"``.
    The first ``warmup`` frames after construction or :meth:`reset` are not counted. A frame that raises is not counted
    either. Memory is fixed: the newest ``capacity`` samples of each stage are kept and the percentiles are those of
    the kept ones. Written by one thread, read by any.
    """

    def __init__(self, *, warmup: int = 10, capacity: int = 4096) -> None:
        self._warmup = check_count("warmup", warmup, 0, 1_000_000)
        self._capacity = check_count("capacity", capacity, 1, 1_000_000)
        self.reset()

    def reset(self) -> None:
        """Forgets every sample and starts the warm-up again."""
        self._rings: dict[str, _Ring] = {}
        self._frames = 0
        self._current: dict[str, float] = {}

    @property
    def frames(self) -> int:
        """Frames seen since the last reset, warm-up included."""
        return self._frames

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Measures one whole frame."""
        self._current = {}
        start = time.perf_counter()
        yield
        self._current[TOTAL] = (time.perf_counter() - start) * 1e3
        self._frames += 1
        if self._frames > self._warmup:
            for name, value in self._current.items():
                self._ring(name).add(value)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures one stage of the frame under way; a stage entered twice adds up."""
        start = time.perf_counter()
        yield
        self._current[name] = self._current.get(name, 0.0) + (time.perf_counter() - start) * 1e3

    def add(self, name: str, milliseconds: float) -> None:
        """Adds a sample that was measured elsewhere, e.g. the network's on its own thread; warm-up counts as for
        frames.
        """
        if self._frames >= self._warmup:
            self._ring(name).add(milliseconds)

    def summary(self) -> dict[str, StageSummary]:
        """Percentiles by stage, in the order in which the stages first ran; empty while warming up."""
        return {name: ring.summary() for name, ring in list(self._rings.items()) if ring.count}

    def table(self) -> str:
        """The summary as aligned text, one line for each stage."""
        lines = [f"{'stage':<12}{'count':>8}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'max ms':>10}"]
        for name, s in self.summary().items():
            lines.append(f"{name:<12}{s.count:>8}{s.p50:>10.2f}{s.p95:>10.2f}{s.p99:>10.2f}{s.maximum:>10.2f}")
        return "\n".join(lines)

    def _ring(self, name: str) -> _Ring:
        ring = self._rings.get(name)
        if ring is None:
            ring = self._rings.setdefault(name, _Ring(self._capacity))
        return ring
