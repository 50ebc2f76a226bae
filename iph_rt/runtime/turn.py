"""A lock that lets the others in."""

from __future__ import annotations

import threading
from types import TracebackType


class Turn:
    """A lock whose holder cannot take it again before whoever is waiting for it.

    A loop that calls ``process`` without a pause would otherwise win it back every time, and ``set_background`` on
    another thread would wait for many frames. Not reentrant.
    """

    def __init__(self) -> None:
        self._held, self._next = threading.Lock(), threading.Lock()

    def __enter__(self) -> None:
        with self._next:  # the one who waits holds it, so that the holder must queue behind
            self._held.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._held.release()

    @property
    def awaited(self) -> bool:
        """Whether someone is waiting."""
        return self._next.locked()
