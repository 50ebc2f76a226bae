"""From a frame to the person's alpha, at full resolution."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.color.frames import check_frame
from iph_rt.color.native import native
from iph_rt.config import as_color, check_number
from iph_rt.errors import ClosedError, ConfigError
from iph_rt.matte.masks import check_confidence, from_mask
from iph_rt.matte.refine import Edge, Refiner
from iph_rt.matte.sampling import Sampler
from iph_rt.matte.segmenter import Segmenter, open_segmenter
from iph_rt.matte.steady import Steadier

__all__ = ["Matte", "from_mask"]

# The network answers with 0.02 or 0.97 where it is sure; alpha must be exactly 0 or 1 there.
FLOOR = 0.05
# A second person counts, the poster on the wall does not: parts below a fifth of the largest go.
KEEP_FRACTION = 0.2
# Holes up to 0.1 % of the picture are buttons and reflections; what is larger may be seen through a bent arm.
HOLE_FRACTION = 0.001
LARGEST_GRID = 512


class Matte:
    """Finds the person and refines the outline at full resolution.

    Steps of each frame: sample at the network's size, segment, steady over time, clean, guided filter. All buffers are
    kept between frames and made again when the size changes. Not for several threads at once.

    Args:
        segmenter: ``auto``, ``mediapipe``, ``onnx``, or an open :class:`~iph_rt.matte.segmenter.Segmenter`, which the
            caller closes.
        model: ``landscape`` or ``square``; see :func:`~iph_rt.matte.segmenter.open_segmenter`.
        choke: -1 to 1, moves the edge into the person (> 0) or out.
        feather: 0.05 to 1, softness of the edge; see :class:`~iph_rt.matte.refine.Edge`.
        smoothing: seconds; time constant of the smoothing where nothing moves, 0 for none.
        threads: of the full-resolution pass; see :class:`~iph_rt.matte.refine.Refiner`.

    Raises:
        ConfigError: a setting is out of range.
        BackendUnavailableError: the segmenter cannot run here.
    """

    def __init__(
        self,
        segmenter: str | Segmenter = "auto",
        *,
        model: str = "landscape",
        choke: float = 0.3,
        feather: float = 0.7,
        smoothing: float = 0.06,
        threads: int = 1,
    ) -> None:
        self._edge = Edge(choke, feather)
        self._steadier = Steadier(check_number("smoothing", smoothing, 0.0, 10.0))
        self._refiner = Refiner(threads=threads)
        self._owns_segmenter = isinstance(segmenter, str)
        self.segmenter: Segmenter = open_segmenter(segmenter, model=model) if isinstance(segmenter, str) else segmenter
        self._closed = False
        self._sampler = Sampler(self.segmenter.input_size)
        self._confidence = np.empty((0, 0), np.float32)
        self._cleaned = np.empty((0, 0), np.float32)
        self._alpha = np.empty((0, 0), np.uint8)
        self._packed = np.empty((0, 0, 3), np.uint8)

    @property
    def edge(self) -> Edge:
        """Choke and feather; may be set while running."""
        return self._edge

    @edge.setter
    def edge(self, value: Edge) -> None:
        if not isinstance(value, Edge):
            raise ConfigError(f"edge: got {type(value).__name__}, expected iph_rt.matte.refine.Edge")
        self._edge = value

    def alpha(
        self,
        frame: NDArray[np.uint8],
        *,
        color: str = "bgr",
        timestamp_ns: int,
        confidence: NDArray[np.floating[Any]] | None = None,
    ) -> NDArray[np.uint8]:
        """Alpha of the person, HxW uint8, 255 = person. The array is reused by the next call: copy it to keep it.

        Args:
            frame: HxWx3 uint8, any size, need not be contiguous.
            color: order of the channels, ``bgr`` or ``rgb``.
            timestamp_ns: time of the frame in nanoseconds (``time.monotonic_ns()``); going back or standing still is
                allowed and starts the smoothing afresh or leaves it.
            confidence: hxw floating point in [0, 1], used in place of the segmenter's; cell (x, y) lies on pixel
                (x W / w, y H / h).

        Raises:
            FrameFormatError: the frame is not HxWx3 uint8.
            MaskError: the confidence is not hxw in [0, 1], or holds NaN.
            ClosedError: after close().
        """
        if self._closed:
            raise ClosedError("this matte is closed; make another Matte()")
        packed = self._pack(check_frame(frame))
        if self._alpha.shape != packed.shape[:2]:
            self._alpha = np.empty(packed.shape[:2], np.uint8)
            self._steadier.reset()  # another camera mode shows another part of the room
        guide = self._take_confidence(packed, as_color(color), timestamp_ns, confidence)
        self._steadier.update(self._confidence, guide, timestamp_ns)
        return self._refiner.refine(packed, guide, self._clean(), self._alpha, self._edge)

    def reset(self) -> None:
        """Forgets the frames before: after a cut, or when another camera is taken."""
        self._steadier.reset()

    def close(self) -> None:
        """Frees the segmenter, if this object opened it. May be called again."""
        self._closed = True
        if self._owns_segmenter:
            self.segmenter.close()

    def __enter__(self) -> Matte:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # The steps, in order.

    def _pack(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame with the pixels of a row side by side; a view wherever it is so already."""
        if frame.strides[1:] == (3, 1) and frame.strides[0] >= 3 * frame.shape[1]:
            return frame
        if self._packed.shape != frame.shape:
            self._packed = np.empty(frame.shape, np.uint8)
        np.copyto(self._packed, frame)
        return self._packed

    def _take_confidence(
        self, frame: NDArray[np.uint8], color: str, timestamp_ns: int, given: NDArray[np.floating[Any]] | None
    ) -> NDArray[np.uint8]:
        """Fills the confidence; returns the guide: the frame sampled at its cells."""
        if given is None:
            guide = self._sample(frame, self.segmenter.input_size)
            confidence = self.segmenter.segment(guide, color, timestamp_ns)
        else:
            confidence = _thin(check_confidence(given))
            guide = self._sample(frame, (confidence.shape[1], confidence.shape[0]))
        if self._confidence.shape != confidence.shape:
            self._confidence = np.empty(confidence.shape, np.float32)
            self._cleaned = np.empty(confidence.shape, np.float32)
            self._steadier.reset()
        np.copyto(self._confidence, confidence)
        return guide

    def _sample(self, frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        if self._sampler.size != size:
            self._sampler = Sampler(size)
        guide = self._sampler.sample(frame)
        return guide if guide.flags.c_contiguous else np.ascontiguousarray(guide)

    def _clean(self) -> NDArray[np.float32]:
        """Stretches the confidence so that sure is exactly 0 or 1, drops small parts and fills small holes."""
        np.subtract(self._confidence, FLOOR, out=self._cleaned)
        np.multiply(self._cleaned, 1.0 / (1.0 - 2.0 * FLOOR), out=self._cleaned)
        np.clip(self._cleaned, 0.0, 1.0, out=self._cleaned)
        native.clean_confidence(
            self._cleaned, floor=0.0, keep_fraction=KEEP_FRACTION, max_hole=round(HOLE_FRACTION * self._cleaned.size)
        )
        return self._cleaned


def _thin(confidence: NDArray[np.float32]) -> NDArray[np.float32]:
    """The confidence sampled to at most LARGEST_GRID cells a side, corner to corner as everywhere."""
    height, width = confidence.shape
    scale = LARGEST_GRID / max(height, width)
    if scale >= 1.0:
        return confidence
    size = max(1, round(width * scale)), max(1, round(height * scale))
    warp = np.array([[size[0] / width, 0.0, 0.0], [0.0, size[1] / height, 0.0]])
    thin = cv2.warpAffine(confidence, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(thin, np.float32)
