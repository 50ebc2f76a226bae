"""Partial convolution with mask update (Liu et al. 2018, equations 1 and 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

MIN_COVERED = 1e-4  # floor of the covered fraction: keeps the division finite where the window is empty (result is masked)


class PartialConv2d(nn.Module):
    """Convolution that sees only the pixels under the mask, renormalised by how much of its window they cover.

        y = conv(x * m) * K / sum(m) + b   where the window holds at least one valid pixel, else 0
        m' = 1 where the window holds at least one valid pixel, else 0

    with K the number of weights of one window (pixels outside the picture count as not valid, so they are in K and not in
    sum(m)). The mask is one channel, shared by all input channels.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, x: Tensor, mask: Tensor, *, masked: bool = False) -> tuple[Tensor, Tensor]:
        """x N x C x H x W float; mask N x 1 x H x W, 0 or 1. Returns (y, updated mask).

        ``masked=True`` promises that x is already zero outside the mask (as the output of a layer before is), which saves a
        pass over it.
        """
        if not masked:
            x = x * mask
        y = functional.conv2d(x, self.weight, None, self.stride, self.padding)
        covered = functional.avg_pool2d(mask, self.kernel_size, self.stride, self.padding, count_include_pad=True)
        updated = (covered > 0).to(mask.dtype)
        ratio = (updated / covered.clamp_min(MIN_COVERED)).to(y.dtype)
        return torch.addcmul((self.bias.view(1, -1, 1, 1) * updated).to(y.dtype), y, ratio), updated
