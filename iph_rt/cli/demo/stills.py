"""Pictures and figures of single frames of the demo: stills, close-ups, mattes, steadiness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from iph_rt.stream.compare import join_halves
from iph_rt.stream.frame import Image
from iph_rt.stream.images import write_image

if TYPE_CHECKING:
    from iph_rt.harmonizer import Harmonizer

NEAR = (560, 315, 720, 405)
"""The man and the two beside him (x, y, width, height), for the picture to drag over."""


def near(image: Image) -> Image:
    """The part of a picture (HWC or HxW) that NEAR names, as a view."""
    x, y, width, height = NEAR
    return image[y : y + height, x : x + width]


class Steadiness:
    """How much the change of the man's mean colour moves from frame to frame: pumping would show here."""

    def __init__(self) -> None:
        self._changes: list[tuple[float, ...]] = []

    def take(self, direct: Image, harmonized: Image, alpha: Image) -> None:
        """Measure one frame: pictures HWC uint8, alpha HxW uint8, all of one size."""
        inside = (near(alpha) > 250).astype(np.uint8)
        means = (cv2.mean(near(picture), mask=inside)[:3] for picture in (harmonized, direct))
        self._changes.append(tuple(after - before for after, before in zip(*means, strict=True)))

    def describe(self) -> str:
        """One line with the median and the largest step between neighbouring frames."""
        steps = np.abs(np.diff(np.array(self._changes), axis=0)).max(axis=1)
        return (
            f"the change of his mean colour moves by {np.median(steps):.2f} of 255 levels from one frame to the next "
            f"(median; {steps.max():.2f} at most)"
        )


class Stills:
    """Keeps the pictures of a few frames, and close-ups of the face and of the hair's edge."""

    def __init__(self, folder: Path, harmonizer: Harmonizer, wanted: tuple[int, ...]) -> None:
        self._folder, self._harmonizer, self._wanted = folder, harmonizer, wanted
        self.names: list[str] = []

    def take(self, number: int, direct: Image, harmonized: Image) -> None:
        """Write the pictures of this frame if it is one of those wanted."""
        if number not in self._wanted:
            return
        name = f"{number:03d}"
        matte = self._harmonizer.last_alpha()
        write_image(self._folder / f"direct_{name}.png", direct)
        write_image(self._folder / f"harmonized_{name}.png", harmonized)
        write_image(self._folder / f"matte_{name}.png", matte)
        for kind, (x, y, side) in _closeups(matte).items():
            left, right = (_enlarge(picture[y : y + side, x : x + side]) for picture in (direct, harmonized))
            write_image(self._folder / f"{kind}_{name}.png", np.concatenate([left, right], axis=1))
        if number == self._wanted[len(self._wanted) // 2]:
            write_image(self._folder / "near_direct.png", near(direct))
            write_image(self._folder / "near_harmonized.png", near(harmonized))
        if not self.names:
            write_image(self._folder / "poster.jpg", join_halves(direct, harmonized), quality=90)
        self.names.append(name)


def _closeups(matte: Image) -> dict[str, tuple[int, int, int]]:
    """Squares (x, y, side) around the face and around the upper edge of the hair, from the matte alone."""
    height, width = matte.shape
    rows = np.flatnonzero((matte > 127).any(axis=1))
    top = int(rows[0]) if rows.size else 0
    tall = height - top
    head = np.flatnonzero((matte[top : top + tall // 3] > 127).any(axis=0))
    center = int((head[0] + head[-1]) // 2) if head.size else width // 2
    squares = {"face": (center, top + round(0.38 * tall), round(0.72 * tall)),
               "edge": (center, top + round(0.12 * tall), round(0.36 * tall))}  # fmt: skip
    result = {}
    for kind, (x, y, side) in squares.items():
        side = max(8, min(side, width, height))
        result[kind] = (max(0, min(x - side // 2, width - side)), max(0, min(y - side // 2, height - side)), side)
    return result


def _enlarge(image: Image) -> Image:
    return np.asarray(cv2.resize(image, (640, 640), interpolation=cv2.INTER_CUBIC), np.uint8)
