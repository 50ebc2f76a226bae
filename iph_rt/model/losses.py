"""The paper's losses, each by its number (section 4, "Loss Functions"). All are means over the batch, in [0, 1] colours.

A sample whose region is empty contributes zero to the losses that need it, never NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # BT.601, as for the Y of YIQ
HIGHLIGHT, SHADOW = 0.9, 0.1  # the 90th and 10th percentile stand for the highest and lowest point (paper, after eq. 3)
OUTSIDE = 1e3  # sorts behind every luminance; finite, so that an empty region has finite gradients
MARGIN = 0.1  # m of the triplet losses; the paper gives no value


@dataclass(frozen=True)
class LossWeights:
    """alpha, lambda and beta of the total loss; the paper gives no values."""

    luminance: float = 0.0
    consistency: float = 0.0
    triplet: float = 0.0


@dataclass(frozen=True)
class LuminancePoints:
    """Highlight, mid-tone and shadow of a region, each N; ``present`` is 1 where the region has pixels."""

    highlight: Tensor
    mid_tone: Tensor
    shadow: Tensor
    present: Tensor


def luminance_points(picture: Tensor, mask: Tensor) -> LuminancePoints:
    """90th percentile, mean and 10th percentile of the luminance under a mask, differentiable in the picture.

    Args:
        picture: N x 3 x H x W; mask: N x 1 x H x W, counted where above 0.5.

    Percentiles interpolate linearly between neighbours, as NumPy's default does.
    """
    luma = (picture * picture.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1).flatten(1)
    inside = mask.flatten(1) > 0.5
    count = inside.sum(1)
    ordered = luma.masked_fill(~inside, OUTSIDE).sort(dim=1).values
    mean = luma.masked_fill(~inside, 0).sum(1) / count.clamp_min(1)

    def percentile(share: float) -> Tensor:
        position = share * (count - 1).clamp_min(0).to(luma.dtype)
        below = position.floor().long()
        above = torch.minimum(below + 1, (count - 1).clamp_min(0))
        low, high = (ordered.gather(1, index[:, None])[:, 0] for index in (below, above))
        value = torch.lerp(low, high, position - below.to(luma.dtype))
        return torch.where(count > 0, value, torch.zeros_like(value))

    return LuminancePoints(percentile(HIGHLIGHT), mean, percentile(SHADOW), (count > 0).to(luma.dtype))


def _matched(first: Tensor, second: Tensor, present: Tensor) -> Tensor:
    value: Tensor = ((first - second).abs() * present).mean()
    return value


def highlight_loss(harmonized: LuminancePoints, reference: LuminancePoints) -> Tensor:
    """Equation 1: |H_max - R_max|."""
    return _matched(harmonized.highlight, reference.highlight, harmonized.present * reference.present)


def mid_tone_loss(harmonized: LuminancePoints, reference: LuminancePoints) -> Tensor:
    """Equation 2: |H_mean - R_mean|."""
    return _matched(harmonized.mid_tone, reference.mid_tone, harmonized.present * reference.present)


def shadow_loss(harmonized: LuminancePoints, reference: LuminancePoints) -> Tensor:
    """Equation 3: |H_min - R_min|."""
    return _matched(harmonized.shadow, reference.shadow, harmonized.present * reference.present)


def luminance_matching_loss(harmonized: LuminancePoints, reference: LuminancePoints) -> Tensor:
    """Equation 4: the sum of the three."""
    return highlight_loss(harmonized, reference) + mid_tone_loss(harmonized, reference) + shadow_loss(harmonized, reference)


def consistency_loss(code_h: Tensor, code_b: Tensor) -> Tensor:
    """Equation 5: |phi(h) - phi(b)|, the L1 distance of two style codes N x D, summed over D as the norm says."""
    return (code_h - code_b).abs().sum(dim=1).mean()


def harmonization_loss(harmonized: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Equation 6: |H - I|, the mean absolute difference over the foreground (N x 3 x H x W, mask N x 1 x H x W)."""
    pixels = (3 * mask.sum(dim=(1, 2, 3))).clamp_min(1)
    return (((harmonized - truth).abs() * mask).sum(dim=(1, 2, 3)) / pixels).mean()


def _triplet(near: Tensor, far: Tensor, margin: float) -> Tensor:
    return (near - far + margin).clamp_min(0).mean()


def _distance(first: Tensor, second: Tensor) -> Tensor:
    return ((first - second).square().sum(dim=1) + 1e-12).sqrt()  # the square root has no gradient at zero


def triplet_1(code_h: Tensor, code_b: Tensor, code_c: Tensor, margin: float = MARGIN) -> Tensor:
    """max(|phi(h), phi(b)|_2 - |phi(h), phi(c)|_2 + m, 0): nearer to the reference than to the composite foreground."""
    return _triplet(_distance(code_h, code_b), _distance(code_h, code_c), margin)


def triplet_2(code_h: Tensor, code_r: Tensor, code_c: Tensor, margin: float = MARGIN) -> Tensor:
    """max(|phi(h), phi(r)|_2 - |phi(h), phi(c)|_2 + m, 0): nearer to the real foreground than to the composite foreground."""
    return _triplet(_distance(code_h, code_r), _distance(code_h, code_c), margin)
