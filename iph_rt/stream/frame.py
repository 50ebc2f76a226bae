"""One frame on its way through a stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """A picture with its number and its time.

    Attributes:
        id: number of the frame in its source, counted from 0.
        image: HWC uint8, BGR, values in [0, 255]. Whoever receives a frame owns it.
        timestamp_ns: nanoseconds; never decreases within a source. For a camera ``time.monotonic_ns()`` right after
            capture; for a file its presentation time, counted from the start of the file.
    """

    id: int
    image: Image
    timestamp_ns: int
