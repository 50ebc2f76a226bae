"""From a 256 x 256 sample of the foreground, through the network, to the moments of the colour polynomial."""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.color.polynomial import Moments, moments
from iph_rt.config import Color
from iph_rt.errors import MaskError
from iph_rt.runtime.backend import IMAGE_SHAPE, MASK_SHAPE, NETWORK_SIZE, Array, Backend
from iph_rt.runtime.window import CONFIDENT, Window, find_box, resample, window_around

_BORDER = np.ones((3, 3), np.uint8)
_PLANES = {"bgr": (2, 1, 0), "rgb": (0, 1, 2)}

# A pixel counts from alpha 128 (nothing) to 255 (fully): below half it shows more of the old room than of the person.
_WEIGHTS = np.clip((np.arange(256, dtype=np.float32) - (CONFIDENT - 1)) / (255 - (CONFIDENT - 1)), 0, 1)


class Sample:
    """Foreground and alpha as the network will see them, uint8 still: small enough to hand to another thread."""

    def __init__(self) -> None:
        self.image: NDArray[np.uint8] = np.zeros((NETWORK_SIZE, NETWORK_SIZE, 3), np.uint8)
        self.alpha: NDArray[np.uint8] = np.zeros((NETWORK_SIZE, NETWORK_SIZE), np.uint8)

    def take(self, frame: NDArray[np.uint8], alpha: NDArray[np.uint8], window: Window) -> None:
        """Copies the window of a frame (HxWx3) and of its alpha (HxW) into the kept buffers."""
        resample(frame, window, self.image)
        resample(alpha, window, self.alpha)


class Fitter:
    """Runs the networks on uint8 pictures. Its buffers are kept; a lock makes it safe to call from several threads."""

    def __init__(self, backend: Backend, color: Color) -> None:
        self._backend = backend
        self._planes = _PLANES[color]
        self._harmonizing, self._encoding = threading.Lock(), threading.Lock()
        self._foreground: Array = np.zeros(IMAGE_SHAPE, np.float32)
        self._mask: Array = np.zeros(MASK_SHAPE, np.float32)
        self._weight: Array = np.zeros((NETWORK_SIZE, NETWORK_SIZE), np.float32)

    def encode_style(self, image: NDArray[np.uint8], region: NDArray[np.bool_]) -> Array:
        """Style code 1xD (a copy) of the pixels of ``image`` (HxWx3) inside ``region`` (HxW, not empty)."""
        box = find_box(region)
        if box is None:
            raise MaskError("the reference region is empty; expected at least one pixel inside")
        window = window_around(box)
        pixels = np.zeros((NETWORK_SIZE, NETWORK_SIZE, 3), np.uint8)
        inside = np.zeros((NETWORK_SIZE, NETWORK_SIZE), np.uint8)
        resample(image, window, pixels)
        resample(region.astype(np.uint8) * np.uint8(255), window, inside)
        reference, guide_mask = np.zeros(IMAGE_SHAPE, np.float32), np.zeros(MASK_SHAPE, np.float32)
        np.greater_equal(inside, CONFIDENT, out=guide_mask[0, 0])
        if not guide_mask.any():  # a region thinner than a network pixel
            np.greater(inside, 0, out=guide_mask[0, 0])
        for plane, channel in enumerate(self._planes):
            np.multiply(pixels[..., channel], np.float32(1 / 255), out=reference[0, plane])
        with self._encoding:
            return np.array(self._backend.encode_style(reference, guide_mask), np.float32, order="C")

    def fit(self, sample: Sample, style_code: Array) -> Moments:
        """Moments of foreground against harmonized foreground, weighted by how surely a pixel is the person's."""
        with self._harmonizing:
            mask = self._mask[0, 0]
            np.greater_equal(sample.alpha, CONFIDENT, out=mask)
            scaled = mask * np.float32(1 / 255)
            for plane, channel in enumerate(self._planes):
                np.multiply(sample.image[..., channel], scaled, out=self._foreground[0, plane])
            # One pixel off the border: there the camera has mixed person and room.
            np.take(_WEIGHTS, cv2.erode(sample.alpha, _BORDER), out=self._weight)
            harmonized = self._backend.harmonize(self._foreground, self._mask, style_code)
            return moments(self._foreground, harmonized, self._weight)
