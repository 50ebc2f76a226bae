"""Style encoder: partial convolutions over the reference and its guide mask, then masked pooling to the style code.

Paper section 4, "Style Encoder". Chosen here: masked mean *and deviation* of the input and of every level feed the code
(not the last level's mean alone), and there is no instance normalisation, which would remove what the code must carry.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from iph_rt.model.blocks import StyleMLP
from iph_rt.model.partial_conv import PartialConv2d
from iph_rt.model.statistics import statistics_vector


class StyleEncoder(nn.Module):
    """Reference N x 3 x H x W in [0, 1] and guide mask N x 1 x H x W to a style code N x code_size."""

    def __init__(self, point_channels: int, channels: tuple[int, ...], hidden: int, code_size: int) -> None:
        super().__init__()
        # Windows of 2x2 first: the masked means of this layer are a learned soft histogram of the region's colours.
        self.point = PartialConv2d(3, point_channels, 2, stride=2)
        widths = (point_channels, *channels)
        self.levels = nn.ModuleList(
            PartialConv2d(before, after, 3, stride=2, padding=1) for before, after in zip(widths, channels, strict=False)
        )
        self.to_code = StyleMLP(2 * (3 + sum(widths)), hidden, code_size)

    def forward(self, reference: Tensor, guide_mask: Tensor) -> Tensor:
        """Returns the style code. An all-zero guide mask gives a finite code."""
        x, mask = reference, guide_mask
        found = [statistics_vector(x, mask)]
        x, mask = self.point(x, mask)
        x = functional.relu(x)
        found.append(statistics_vector(x, mask))
        for level in self.levels:
            x, mask = level(x, mask, masked=True)
            x = functional.relu(x)
            found.append(statistics_vector(x, mask))
        code: Tensor = self.to_code(torch.cat(found, dim=1))
        return code
