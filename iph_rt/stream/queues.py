"""A bounded queue between two threads that waits (files) or drops the oldest (live)."""

from __future__ import annotations

import threading
from collections import deque
from enum import Enum
from typing import Generic, TypeVar

from iph_rt.config import check_count

T = TypeVar("T")


class Policy(Enum):
    """What ``put`` does when the queue is full."""

    WAIT = "wait"
    DROP_OLDEST = "drop oldest"


class Closed(Exception):
    """The other side has ended: no item will come, or nobody will take one."""


class BoundedQueue(Generic[T]):
    """At most ``size`` items, first in first out.

    ``finish`` (producer: no more items) lets the consumer take what is left; ``abort`` (either side) ends both at once.
    """

    def __init__(self, size: int, policy: Policy) -> None:
        self._size = check_count("queue size", size, 1, 1024)
        self._policy = policy
        self._items: deque[T] = deque()
        self._finished = False
        self._aborted = False
        self._changed = threading.Condition()
        self.dropped = 0

    def put(self, item: T) -> None:
        """Append ``item``: waits for room, or drops the oldest item and counts it. Raises Closed after an abort."""
        with self._changed:
            if self._policy is Policy.WAIT:
                self._changed.wait_for(lambda: self._aborted or len(self._items) < self._size)
            if self._aborted:
                raise Closed
            if len(self._items) >= self._size:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> T:
        """Take the oldest item, waiting for one. Raises Closed when none will come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._aborted or self._finished or bool(self._items))
            if self._aborted or not self._items:
                raise Closed
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def finish(self) -> None:
        """Say that no more items come."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def abort(self) -> None:
        """End both sides now; items left are let go."""
        with self._changed:
            self._aborted = True
            self._items.clear()
            self._changed.notify_all()
