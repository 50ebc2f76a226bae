"""The 11-term colour polynomial in torch, differentiable: training goes through the fit that the user sees.

Terms as everywhere in iph_rt: R, G, B, RG, RB, GB, R2, G2, B2, RGB, 1 (Afifi et al. 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 1e-3  # pull towards the identity, relative to a mean squared term of about one


def polynomial_terms(rgb: Tensor) -> Tensor:
    """N x 3 x P colours to N x 11 x P terms."""
    r, g, b = rgb.unbind(1)
    return torch.stack([r, g, b, r * g, r * b, g * b, r * r, g * g, b * b, r * g * b, torch.ones_like(r)], dim=1)


def fit_and_apply(source: Tensor, target: Tensor, mask: Tensor, ridge: float = RIDGE, max_pixels: int = 4096) -> Tensor:
    """Fit source -> target over the mask by weighted least squares with a ridge towards the identity, apply it to source.

    Args:
        source, target: N x 3 x H x W in [0, 1]; mask: N x 1 x H x W weights.
        max_pixels: larger pictures are fitted on an even subset of about this many pixels.

    Returns:
        N x 3 x H x W, not clamped. An empty mask gives the source.
    """
    step = max(1, int((source.shape[2] * source.shape[3] / max_pixels) ** 0.5))
    some = (slice(None), slice(None), slice(None, None, step), slice(None, None, step))
    if source.dtype in (torch.float16, torch.bfloat16):  # sums of 4096 terms need more digits
        source = source.float()
    terms = polynomial_terms(source[some].flatten(2))
    weights = mask[some].to(source.dtype).flatten(2)
    weighted = terms * (weights / weights.sum(dim=2, keepdim=True).clamp_min(1e-6))
    change = (target - source)[some].to(source.dtype).flatten(2)
    normal = (weighted @ terms.transpose(1, 2)).double() + ridge * torch.eye(11, dtype=torch.float64)
    right = (weighted @ change.transpose(1, 2)).double()
    delta = torch.linalg.solve(normal, right).to(source.dtype)
    everywhere = polynomial_terms(source.flatten(2))
    result: Tensor = source + (delta.transpose(1, 2) @ everywhere).view_as(source)
    return result
