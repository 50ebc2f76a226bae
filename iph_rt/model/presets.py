"""The two sizes: ``iph-base`` as in the paper (27 M parameters) and ``iph-edge``, the embedded default (<= 1 M)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from iph_rt.errors import ConfigError
from iph_rt.model.harmonizer import HarmonizerNet
from iph_rt.model.style_encoder import StyleEncoder


@dataclass(frozen=True)
class Preset:
    """Widths and depths of one size of both networks."""

    style_point: int
    style_channels: tuple[int, ...]
    style_hidden: int
    code_size: int
    channels: tuple[int, int, int, int]
    last_channels: int
    residuals: tuple[int, int, int, int]
    code_planes: int
    hidden: int
    style_size: int


PRESETS = {
    "iph-edge": Preset(
        style_point=16, style_channels=(32, 48, 64), style_hidden=128, code_size=64,
        channels=(16, 32, 64, 96), last_channels=8, residuals=(1, 1, 1, 1), code_planes=4, hidden=192, style_size=96,
    ),
    "iph-base": Preset(
        style_point=32, style_channels=(64, 128, 256, 512), style_hidden=640, code_size=256,
        channels=(64, 128, 256, 576), last_channels=32, residuals=(2, 2, 2, 2), code_planes=16, hidden=1024, style_size=512,
    ),
}


class IPHNet(nn.Module):
    """Both networks together: what is trained, saved and exported."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset
        self.style_encoder = StyleEncoder(preset.style_point, preset.style_channels, preset.style_hidden, preset.code_size)
        self.harmonizer = HarmonizerNet(
            preset.channels, preset.last_channels, preset.residuals, preset.code_size, preset.code_planes, preset.hidden,
            preset.style_size,
        )

    def forward(self, foreground: Tensor, mask: Tensor, reference: Tensor, guide_mask: Tensor) -> Tensor:
        """Harmonized foreground N x 3 x H x W; arguments as in the two networks."""
        harmonized: Tensor = self.harmonizer(foreground, mask, self.style_encoder(reference, guide_mask))
        return harmonized


def build_model(name: str) -> IPHNet:
    """A fresh, untrained model (the identity) of a named size.

    Raises:
        ConfigError: the name is not one of PRESETS.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown model {name!r}; expected one of {', '.join(PRESETS)}")
    return IPHNet(PRESETS[name])
