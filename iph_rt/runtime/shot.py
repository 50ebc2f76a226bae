"""What the newest frame was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iph_rt.color.look import Look
from iph_rt.color.polynomial import Polynomial
from iph_rt.runtime.backend import Backend
from iph_rt.runtime.frames import Image
from iph_rt.runtime.placement import Layout
from iph_rt.runtime.style import Style


@dataclass(frozen=True)
class Shot:
    """A frame in its place (HWC uint8) and its alpha (HxW uint8), both at the target's size; views or kept buffers."""

    placed: Image
    alpha: Image
    layout: Layout

    def full_alpha(self) -> Image:
        """The alpha as a new HxW uint8 of the background's size."""
        alpha = np.zeros((self.layout.background_height, self.layout.background_width), np.uint8)
        alpha[self.layout.target.slices] = self.alpha
        return alpha


@dataclass(frozen=True)
class Colours:
    """The change of colour of a frame, with the reference and the amounts that it was made from."""

    polynomial: Polynomial
    style: Style
    amounts: dict[str, float]

    def look(self, model: str | Path, backend: Backend) -> Look:
        """As a file for other programs. Of a model's folder only the name is told: looks are passed on."""
        provenance = {
            "model": Path(model).resolve().name, "backend": backend.name, "precision": backend.precision,
            "reference": self.style.selection.kind, "reference_sha256": self.style.digest, **self.amounts,
        }  # fmt: skip
        return Look(self.polynomial, provenance)
