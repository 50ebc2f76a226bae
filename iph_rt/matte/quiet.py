"""Keeps known log lines of native libraries off stderr; everything else is still written there."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# There is one stderr: two threads that swapped it at once would put it back in the wrong order.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def without_noise(phrases: tuple[str, ...]) -> Iterator[None]:
    """While the block runs, lines that native code writes to stderr and that hold one of the phrases are dropped.

    All other lines are written to stderr when the block ends, whether it succeeds or raises. Where stderr is no real
    file (closed, or replaced by an embedding program) nothing is held back.
    """
    with _ONE_AT_A_TIME:
        yield from _held_back(phrases)


def _held_back(phrases: tuple[str, ...]) -> Iterator[None]:
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, ValueError, AttributeError):
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not any(phrase.encode() in line for phrase in phrases):
                    os.write(2, line)
