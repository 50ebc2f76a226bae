"""Harmonizer: encoder to H/16, decoder back to H with AdaIN driven by the style code (paper section 4).

Chosen here: the style code is joined with the foreground's own statistics before it drives AdaIN; the encoder's levels are
added to the decoder's (a colour change such as contrast needs the pixel's own colour at full resolution); the output is a
residual on the logit of the input, and its last convolution starts at zero, so that an untrained network is the identity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from iph_rt.model.blocks import ResidualBlock, StyleMLP, conv
from iph_rt.model.statistics import AdaIN, mask_pyramid, statistics_vector

LOGIT_MARGIN = 1 / 255  # colours are kept this far from 0 and 1 before the logit


class EncoderBlock(nn.Module):
    """Strided convolution, then residual blocks: C x H x W to C' x H/2 x W/2."""

    def __init__(self, in_channels: int, out_channels: int, residuals: int) -> None:
        super().__init__()
        self.down = conv(in_channels, out_channels, stride=2)
        self.residuals = nn.Sequential(*(ResidualBlock(out_channels) for _ in range(residuals)))

    def forward(self, x: Tensor) -> Tensor:
        """Downsample and refine."""
        result: Tensor = self.residuals(functional.relu(self.down(x)))
        return result


class DecoderBlock(nn.Module):
    """Upsampling, AdaIN from the style vector, residual blocks: C x H x W to C' x 2H x 2W."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, style_size: int, residuals: int) -> None:
        super().__init__()
        self.reduce = conv(in_channels, out_channels, kernel_size=1)  # before upsampling: same result, quarter of the work
        self.skip = conv(skip_channels, out_channels, kernel_size=1)
        self.adain = AdaIN(out_channels, style_size)
        self.residuals = nn.Sequential(*(ResidualBlock(out_channels) for _ in range(residuals)))

    def forward(self, x: Tensor, skip: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """x N x C x H x W; skip and mask at 2H x 2W; style N x S."""
        x = functional.interpolate(self.reduce(x), scale_factor=2.0, mode="nearest") + self.skip(skip)
        x = functional.relu(self.adain(x, mask, style))
        result: Tensor = self.residuals(x)
        return result


class HarmonizerNet(nn.Module):
    """Foreground N x 3 x H x W in [0, 1] (zero outside its mask), mask N x 1 x H x W and style code N x D to the harmonized
    foreground N x 3 x H x W in [0, 1]. H and W are multiples of 16. Outside the mask the output means nothing.
    """

    def __init__(
        self,
        channels: tuple[int, int, int, int],
        last_channels: int,
        residuals: tuple[int, int, int, int],
        code_size: int,
        code_planes: int,
        hidden: int,
        style_size: int,
    ) -> None:
        super().__init__()
        self.code_planes = conv_planes = nn.Linear(code_size, code_planes)
        nn.init.normal_(conv_planes.weight, std=0.02)
        before = (4 + code_planes, *channels[:-1])
        self.encoder = nn.ModuleList(
            EncoderBlock(a, b, n) for a, b, n in zip(before, channels, residuals, strict=True)
        )
        self.style = StyleMLP(code_size + 2 * (3 + sum(channels)), hidden, style_size)
        after = (*channels[-2::-1], last_channels)
        self.decoder = nn.ModuleList(
            DecoderBlock(a, skip, b, style_size, n)
            for a, skip, b, n in zip(
                (channels[-1], *after[:-1]), (*channels[-2::-1], 4), after, residuals[::-1], strict=True
            )
        )
        self.out = conv(last_channels, 3, kernel_size=1)
        nn.init.zeros_(self.out.weight)

    def forward(self, foreground: Tensor, mask: Tensor, style_code: Tensor) -> Tensor:
        """Returns the harmonized foreground."""
        colour = (foreground - 0.5) * mask  # centred; still zero outside the mask
        seen = torch.cat([colour, mask], dim=1)
        planes = self.code_planes(style_code)[:, :, None, None] * mask
        masks = mask_pyramid(mask, len(self.encoder))
        found = [style_code, statistics_vector(foreground, mask)]
        x, skips = torch.cat([seen, planes], dim=1), [seen]
        for block, level_mask in zip(self.encoder, masks[1:], strict=True):
            x = block(x)
            skips.append(x)
            found.append(statistics_vector(x, level_mask))
        style = functional.relu(self.style(torch.cat(found, dim=1)))
        for index, block in enumerate(self.decoder):
            level = len(self.encoder) - 1 - index
            x = block(x, skips[level], masks[level], style)
        clamped = foreground.clamp(LOGIT_MARGIN, 1 - LOGIT_MARGIN)
        return torch.sigmoid(self.out(x).to(foreground.dtype) + torch.log(clamped / (1 - clamped)))
