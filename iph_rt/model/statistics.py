"""Masked statistics and adaptive instance normalisation (Huang & Belongie 2017), over the pixels under a mask."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5
EMPTY = 1e-4  # fraction of the picture under which a mask counts as empty: its statistics fade to zero instead of NaN


def masked_mean_std(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over the mask.

    Args:
        x: N x C x H x W.
        mask: N x 1 x H x W in [0, 1]; fractions weigh.

    Returns:
        Two N x C x 1 x 1 tensors, in float32 or more. An empty mask gives zeros (and sqrt(EPSILON)), never NaN.
    """
    count, channels = x.shape[:2]
    if x.dtype in (torch.float16, torch.bfloat16):  # sums over a picture need more digits
        x = x.float()
    pixels, weights = x.flatten(2), mask.to(x.dtype).flatten(2)
    share = weights.mean(dim=2, keepdim=True).clamp_min(EMPTY)
    weights = (weights / (share * weights.shape[2])).transpose(1, 2)
    mean = torch.bmm(pixels, weights)
    variance = (torch.bmm(pixels.square(), weights) - mean.square() * weights.sum(dim=1, keepdim=True)).clamp_min(0)
    shape = (count, channels, 1, 1)
    return mean.view(shape), (variance + EPSILON).sqrt().view(shape)


def statistics_vector(x: Tensor, mask: Tensor) -> Tensor:
    """Masked mean and deviation side by side: N x 2C."""
    mean, std = masked_mean_std(x, mask)
    return torch.cat([mean, std], dim=1).flatten(1)


def mask_pyramid(mask: Tensor, levels: int) -> list[Tensor]:
    """The mask at 1, 1/2, 1/4 ... of its size; each level is the covered fraction of the one before."""
    pyramid = [mask]
    for _ in range(levels):
        pyramid.append(functional.avg_pool2d(pyramid[-1], 2))
    return pyramid


class AdaIN(nn.Module):
    """Adaptive instance normalisation: gamma(s) * (x - mean) / std + beta(s), statistics over the foreground's own pixels.

    gamma and beta are linear in the style vector s and start at (1, 0).
    """

    def __init__(self, channels: int, style_size: int) -> None:
        super().__init__()
        self.affine = nn.Linear(style_size, 2 * channels)
        nn.init.normal_(self.affine.weight, std=0.02)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """x N x C x H x W, mask N x 1 x H x W, style N x S. Returns N x C x H x W."""
        mean, std = masked_mean_std(x, mask)
        gamma, beta = self.affine(style).to(mean.dtype)[:, :, None, None].chunk(2, dim=1)
        scale = (1 + gamma) / std
        result: Tensor = x * scale.to(x.dtype) + (beta - mean * scale).to(x.dtype)
        return result
