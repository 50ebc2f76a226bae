"""Small pictures, a person's matte, and what the tiny networks must make of them, in float64."""

from __future__ import annotations

import numpy as np

HEIGHT, WIDTH = 120, 160
REFERENCE_BGR = (51, 102, 204)  # 0.2, 0.4, 0.8: gains of 0.7, 0.9, 1.3


def reference_of(color: tuple[int, int, int]) -> np.ndarray:
    return np.full((40, 50, 3), color, np.uint8)


def everything(image: np.ndarray) -> np.ndarray:
    return np.ones(image.shape[:2], bool)


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A smooth picture of many colours, 20..180 so that nothing is clipped by the gains."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    phases, speeds = generator.uniform(0, 6, (3, 1, 1)), generator.uniform(3, 12, (3, 2, 1, 1))
    waves = np.sin(speeds[:, 0] * x + speeds[:, 1] * y + phases)
    return np.ascontiguousarray((100 + 80 * waves).astype(np.uint8).transpose(1, 2, 0))


def person(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A hard matte of a disc in the lower middle."""
    y, x = np.mgrid[0:height, 0:width]
    disc = (x - width / 2) ** 2 + (y - 0.6 * height) ** 2 < (0.35 * height) ** 2
    return disc.astype(np.uint8) * np.uint8(255)


def gains(color: tuple[int, int, int] = REFERENCE_BGR) -> np.ndarray:
    return np.array(color, np.float64) / 255 + 0.5


def composite(frame: np.ndarray, alpha: np.ndarray, background: np.ndarray, gain: np.ndarray) -> np.ndarray:
    a = alpha[..., None] / 255.0
    return a * np.clip(frame * gain, 0, 255) + (1 - a) * background
