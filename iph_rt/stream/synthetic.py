"""A drawn person who sways before a wall, as a stand-in for a webcam."""

from __future__ import annotations

import math

import cv2
import numpy as np

from iph_rt.stream.frame import Image

_SKIN, _SHADE, _HAIR = (136, 164, 214), (110, 136, 190), (30, 34, 48)
_SHIRT, _DARK, _LIP = (128, 84, 46), (36, 40, 52), (92, 92, 176)
_WIDTH, _HEIGHT = 640, 360
"""The person is drawn at this size, with sub-pixel positions, and scaled to the frame."""


def draw_person(size: tuple[int, int], seconds: float) -> Image:
    """Draw the person at a time.

    Args:
        size: width and height of the picture in pixels.
        seconds: time; the person sways by a few percent of the width with a period of 4 s and blinks.

    Returns:
        New HWC uint8 BGR picture; the same for the same arguments.
    """
    canvas = _wall()
    sway = 14.0 * math.sin(2 * math.pi * seconds / 4.0)
    x, y = _WIDTH / 2 + sway, 148 + 2.0 * math.sin(2 * math.pi * seconds / 2.6)
    _ellipse(canvas, (x * 0.4 + _WIDTH * 0.3, 372), (168, 118), _SHIRT)
    cv2.rectangle(canvas, (round(x) - 27, 200), (round(x) + 27, 262), _SHADE, -1, cv2.LINE_AA)
    _ellipse(canvas, (x * 0.7 + _WIDTH * 0.15, 262), (44, 20), _SKIN)
    _ellipse(canvas, (x, y - 16), (72, 90), _HAIR)
    _ellipse(canvas, (x, y), (62, 82), _SKIN)
    _ellipse(canvas, (x, y - 74), (62, 30), _HAIR)
    blink = 1 if seconds % 3.0 < 0.12 else 5
    for side in (-1, 1):
        _ellipse(canvas, (x + side * 62, y + 4), (8, 17), _SHADE)
        _ellipse(canvas, (x + side * 25, y - 12), (11, blink + 1), (235, 240, 245))
        _ellipse(canvas, (x + side * 25, y - 12), (5, blink), _DARK)
        _ellipse(canvas, (x + side * 25, y - 28), (14, 3), _HAIR)
    _ellipse(canvas, (x, y + 14), (9, 15), _SHADE)
    _ellipse(canvas, (x, y + 44), (21, 6), _LIP)
    canvas = cv2.GaussianBlur(canvas, (0, 0), 1.2)
    resized = cv2.resize(canvas, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def _wall() -> Image:
    row = np.linspace(206, 158, _WIDTH, dtype=np.float32)
    wall = np.repeat(np.stack([row - 14, row - 4, row], axis=-1)[None], _HEIGHT, axis=0)
    return np.ascontiguousarray(wall).astype(np.uint8)


def _ellipse(canvas: Image, center: tuple[float, float], axes: tuple[float, float], color: tuple[int, int, int]) -> None:
    """A filled ellipse placed to 1/16 pixel, so that slow movement is smooth."""
    shift = 4
    points = [round(value * (1 << shift)) for value in (*center, *axes)]
    cv2.ellipse(canvas, (points[0], points[1]), (points[2], points[3]), 0, 0, 360, color, -1, cv2.LINE_AA, shift)
