"""Changes of light and colour, vectorised over a batch: every augmentation of the paper's appendix.

All take pictures N x 3 x H x W float32 RGB in [0, 1] and return the same. Global changes (brightness / contrast, hue
jitter, gamma, channel gains, 3D LUT) depend on a pixel's colour alone; local ones (soft light, dodge, grain merge, grain
extract) also on a smooth random mask.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from iph_rt.train.regions import smooth_field

LUMA = (0.299, 0.587, 0.114)
LUT_SIZE = 5

Change = Callable[[Tensor], Tensor]


def normal(n: int, deviation: float, generator: torch.Generator, columns: int = 1) -> Tensor:
    """N x columns x 1 x 1 of normal numbers, cut at two deviations."""
    value = torch.randn(n, columns, 1, 1, generator=generator).clamp(-2, 2)
    return value * deviation


def uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """N x 1 x 1 x 1 of uniform numbers."""
    return low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator)


def photometric(n: int, generator: torch.Generator) -> Change:
    """Gamma, gain by channel (exposure and colour temperature), contrast, brightness and saturation together."""
    gamma = torch.exp(normal(n, 0.32, generator))
    gain = torch.exp(normal(n, 0.24, generator) + normal(n, 0.14, generator, 3))
    contrast = torch.exp(normal(n, 0.22, generator))
    brightness = normal(n, 0.045, generator)
    saturation = torch.exp(normal(n, 0.28, generator))
    luma = torch.tensor(LUMA).view(1, 3, 1, 1)

    def change(x: Tensor) -> Tensor:
        y = x.clamp_min(1e-4).pow(gamma) * gain
        y = (y - 0.45) * contrast + 0.45 + brightness
        grey = (y * luma).sum(1, keepdim=True)
        return (grey + (y - grey) * saturation).clamp(0, 1)

    return change


def brightness_contrast(n: int, generator: torch.Generator) -> Change:
    """A linear change of all channels alike."""
    contrast, brightness = torch.exp(normal(n, 0.32, generator)), normal(n, 0.12, generator)
    return lambda x: ((x - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)


def gamma_curve(n: int, generator: torch.Generator) -> Change:
    """x ** gamma."""
    gamma = torch.exp(normal(n, 0.50, generator))
    return lambda x: x.clamp_min(1e-4).pow(gamma)


def hue_jitter(n: int, generator: torch.Generator) -> Change:
    """Rotation of the chroma plane (YIQ) by up to about 34 degrees, with a little saturation."""
    angle = normal(n, 0.30, generator)
    saturation = torch.exp(normal(n, 0.15, generator))
    to_yiq = torch.tensor([LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)])
    to_rgb = torch.linalg.inv(to_yiq)
    cos, sin = (torch.cos(angle) * saturation).flatten(), (torch.sin(angle) * saturation).flatten()
    turn = torch.zeros(n, 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1], turn[:, 1, 2], turn[:, 2, 1], turn[:, 2, 2] = cos, -sin, sin, cos
    matrix = to_rgb @ turn @ to_yiq

    return lambda x: torch.bmm(matrix, x.flatten(2)).view_as(x).clamp(0, 1)


def lut_3d(n: int, generator: torch.Generator) -> Change:
    """A random smooth 3D look-up table: the identity lattice moved by smooth noise, trilinearly interpolated."""
    axis = torch.linspace(0, 1, LUT_SIZE)
    blue, green, red = torch.meshgrid(axis, axis, axis, indexing="ij")
    identity = torch.stack([red, green, blue])[None]
    coarse = torch.randn(n, 3, 3, 3, 3, generator=generator).clamp(-2, 2) * 0.14
    moved = identity + functional.interpolate(coarse, size=(LUT_SIZE,) * 3, mode="trilinear", align_corners=True)

    def change(x: Tensor) -> Tensor:
        grid = (x * 2 - 1).permute(0, 2, 3, 1)[:, None]  # grid_sample's x, y, z are red, green, blue here
        return functional.grid_sample(moved, grid, mode="bilinear", align_corners=True)[:, :, 0].clamp(0, 1)

    return change


def _soft_light(a: Tensor, b: Tensor) -> Tensor:
    return (1 - 2 * b) * a.square() + 2 * b * a


def _dodge(a: Tensor, b: Tensor) -> Tensor:
    return a / (1 - b * 0.6).clamp_min(0.05)


def _grain_merge(a: Tensor, b: Tensor) -> Tensor:
    return a + b - 0.5


def _grain_extract(a: Tensor, b: Tensor) -> Tensor:
    return a - b + 0.5


def local_blend(operation: Callable[[Tensor, Tensor], Tensor]) -> Callable[[int, torch.Generator], Change]:
    """A blend with a plain colour through a smooth random mask: light that falls on one side only."""

    def make(n: int, generator: torch.Generator) -> Change:
        colour = (0.5 + normal(n, 0.20, generator) + normal(n, 0.06, generator, 3)).clamp(0.05, 0.95)
        field = smooth_field(n, 64, generator)
        mask = torch.sigmoid(field * 2.5) * uniform(n, 0.5, 1.0, generator)

        def change(x: Tensor) -> Tensor:
            weight = functional.interpolate(mask, size=x.shape[2:], mode="bilinear", align_corners=False)
            return torch.lerp(x, operation(x, colour), weight).clamp(0, 1)

        return change

    return make


Maker = Callable[[int, torch.Generator], Change]
SOFT_LIGHT, DODGE, GRAIN_MERGE, GRAIN_EXTRACT = (
    local_blend(operation) for operation in (_soft_light, _dodge, _grain_merge, _grain_extract)
)

# One change at random for each picture (paper, appendix "Augmentations"), with its share.
RECOLOUR: tuple[tuple[float, Maker], ...] = (
    (0.44, photometric), (0.08, brightness_contrast), (0.08, gamma_curve), (0.10, hue_jitter), (0.14, lut_3d),
    (0.04, SOFT_LIGHT), (0.04, DODGE), (0.04, GRAIN_MERGE), (0.04, GRAIN_EXTRACT),
)
# A light falls on two pictures alike, so only changes that do not depend on the place.
LIGHT: tuple[tuple[float, Maker], ...] = ((0.85, photometric), (0.15, lut_3d))


def random_changes(
    makers: tuple[tuple[float, Maker], ...], pictures: tuple[Tensor, ...], generator: torch.Generator
) -> tuple[Tensor, ...]:
    """Apply to each sample one change drawn by its share, the same to each of ``pictures`` (all N x 3 x H x W)."""
    n = pictures[0].shape[0]
    bounds = torch.tensor([share for share, _ in makers]).cumsum(0)
    drawn = torch.searchsorted(bounds, torch.rand(n, generator=generator) * float(bounds[-1])).clamp_max(len(makers) - 1)
    results = tuple(picture.clone() for picture in pictures)
    for index, (_, maker) in enumerate(makers):
        chosen = (drawn == index).nonzero().flatten()
        if len(chosen):
            change = maker(len(chosen), generator)
            for picture, result in zip(pictures, results, strict=True):
                result[chosen] = change(picture[chosen])
    return results


