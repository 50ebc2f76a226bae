"""Samples frames at the size of the segmentation network, exactly as MediaPipe does."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


class Sampler:
    """Shrinks (or enlarges) frames to one size; the buffer is kept between frames.

    Cell (x, y) of the w x h result is the bilinear sample of pixel position (x W / w, y H / h) of the W x H frame,
    positions counted from the middle of the first pixel: the perspective warp of MediaPipe's CPU image-to-tensor step,
    corner to corner and without averaging. The confidence that comes out of the network lies on the same positions.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        """(width, height) of the result."""
        self._buffer = np.empty((size[1], size[0], 3), np.uint8)
        self._source: tuple[int, int] | None = None
        self._warp = np.zeros((2, 3), np.float64)

    def sample(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame (HxWx3 uint8) at this size, in a buffer that is reused; the frame itself if it has the size."""
        height, width = frame.shape[:2]
        if (width, height) == self.size:
            return frame
        if self._source != (width, height):
            self._source = (width, height)
            self._warp[0, 0], self._warp[1, 1] = self.size[0] / width, self.size[1] / height
        cv2.warpAffine(frame, self._warp, self.size, dst=self._buffer, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return self._buffer
