"""Random regions, vectorised over a batch: smooth blobs, and cutouts along the edges of real things."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

FIELD = 32  # side at which thresholds are found
AREA = (0.06, 0.45)  # share of the picture that a region covers
CUTOUT_AREA = (0.04, 0.60)
SUBJECT = 255  # label of the photograph's subject
SUBJECT_SHARE = 0.6  # of the cutouts where there is a subject


def smooth_field(n: int, size: int, generator: torch.Generator) -> Tensor:
    """N x 1 x size x size of smooth noise around 0 (deviation about 1), with a bump at a random place."""
    noise = torch.randn(n, 1, 5, 5, generator=generator)
    field = functional.interpolate(noise, size=(size, size), mode="bicubic", align_corners=True)
    axis = torch.linspace(-1, 1, size)
    centre = torch.rand(n, 2, 1, generator=generator) * 1.2 - 0.6
    across, down = (axis - centre[:, 0])[:, None, None, :], (axis - centre[:, 1])[:, None, :, None]
    return field + 2.0 - 3.0 * (across.square() + down.square())


def smooth_regions(n: int, size: int, generator: torch.Generator, forbidden: Tensor | None = None) -> Tensor:
    """Blobs N x 1 x size x size, 0 or 1, each covering a random share (AREA) of what is not forbidden.

    Args:
        forbidden: N x 1 x size x size, 1 where the region must not lie.
    """
    field = smooth_field(n, FIELD, generator)
    share = AREA[0] + (AREA[1] - AREA[0]) * torch.rand(n, 1, generator=generator)
    if forbidden is not None:
        taken = functional.interpolate(forbidden, size=(FIELD, FIELD), mode="area") > 0
        field = field.masked_fill(taken, -1e3)
        share = share * (1 - taken.float().mean(dim=(1, 2, 3), keepdim=False).view(n, 1)).clamp_min(1 / 64)
    flat = field.flatten(1).sort(dim=1, descending=True).values
    rank = (share * flat.shape[1]).long().clamp(1, flat.shape[1] - 1)
    threshold = flat.gather(1, rank).view(n, 1, 1, 1).clamp_min(-9e2)
    region = functional.interpolate(field, size=(size, size), mode="bilinear", align_corners=False) >= threshold
    if forbidden is not None:
        region &= forbidden < 0.5
    return region.float()


def cutout(
    labels: npt.NDArray[np.uint8], blob: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.bool_] | None:
    """A region along the edges of real things: the photograph's subject, or a blob drawn to the edges of the label map.

    Args:
        labels: H x W; SUBJECT where the photograph's subject is, other labels by colour and place.
        blob: H x W; regions of which it covers more than half are taken whole.

    Returns:
        H x W, or None if what was found is too small or too large.
    """
    mask = labels == SUBJECT
    if not (CUTOUT_AREA[0] <= float(mask.mean()) <= CUTOUT_AREA[1] and rng.random() < SUBJECT_SHARE):
        inside = np.bincount(labels[blob], minlength=256) > 0.5 * np.bincount(labels.ravel(), minlength=256)
        mask = inside[labels]
    return mask if CUTOUT_AREA[0] <= float(mask.mean()) <= CUTOUT_AREA[1] else None
