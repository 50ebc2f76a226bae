"""AdaIN, statistics and the two networks against hand-written formulas and the promises of their docstrings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from iph_rt.errors import ConfigError
from iph_rt.model.presets import PRESETS, build_model
from iph_rt.model.statistics import EPSILON, AdaIN, mask_pyramid, masked_mean_std


def random_mask(*shape: int) -> torch.Tensor:
    return (torch.rand(*shape) > 0.5).float()


def test_masked_statistics_equal_numpy():
    x, mask = torch.rand(3, 4, 10, 7), random_mask(3, 1, 10, 7)
    mean, std = masked_mean_std(x, mask)
    for i in range(3):
        chosen = x[i].numpy().astype(np.float64)[:, mask[i, 0].numpy() > 0]
        np.testing.assert_allclose(mean[i, :, 0, 0].numpy(), chosen.mean(axis=1), rtol=1e-5)
        np.testing.assert_allclose(std[i, :, 0, 0].numpy(), np.sqrt(chosen.var(axis=1) + EPSILON), rtol=1e-4)


def test_statistics_of_an_empty_mask_are_finite():
    mean, std = masked_mean_std(torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8))
    assert torch.isfinite(mean).all()
    assert torch.isfinite(std).all()
    assert float(mean.abs().max()) == 0


def test_adain_equals_the_formula():
    """Huang & Belongie 2017, equation 8: sigma(y) (x - mu(x)) / sigma(x) + mu(y), here over the mask."""
    layer, x, mask, style = AdaIN(5, 7), torch.randn(2, 5, 9, 9), random_mask(2, 1, 9, 9), torch.randn(2, 7)
    torch.nn.init.normal_(layer.affine.weight)
    got = layer(x, mask, style).detach().numpy()
    affine = style.numpy() @ layer.affine.weight.detach().numpy().T + layer.affine.bias.detach().numpy()
    for i in range(2):
        inside = mask[i, 0].numpy() > 0
        for c in range(5):
            plane = x[i, c].numpy().astype(np.float64)
            mean, deviation = plane[inside].mean(), np.sqrt(plane[inside].var() + EPSILON)
            expected = (1 + affine[i, c]) * (plane - mean) / deviation + affine[i, 5 + c]
            np.testing.assert_allclose(got[i, c], expected, atol=2e-4)


def test_mask_pyramid_holds_covered_fractions():
    mask = random_mask(1, 1, 16, 16)
    levels = mask_pyramid(mask, 2)
    expected = mask.numpy().reshape(4, 4, 4, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(levels[2][0, 0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_untrained_model_is_the_identity(name):
    model = build_model(name).eval()
    mask = random_mask(1, 1, 64, 64)
    x = torch.rand(1, 3, 64, 64) * 0.98 + 0.01
    with torch.no_grad():
        y = model(x * mask, mask, torch.rand(1, 3, 64, 64), random_mask(1, 1, 64, 64))
    torch.testing.assert_close(y * mask, x * mask, atol=1e-5, rtol=1e-5)


def test_sizes_of_the_presets():
    millions = {name: sum(p.numel() for p in build_model(name).parameters()) / 1e6 for name in PRESETS}
    assert millions["iph-edge"] <= 1.0
    assert 24 <= millions["iph-base"] <= 30  # the paper says 27 M


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_extreme_masks_give_finite_output_and_gradients(value):
    model = build_model("iph-edge")
    torch.nn.init.normal_(model.harmonizer.out.weight, std=0.1)
    mask = torch.full((2, 1, 64, 64), value)
    y = model(torch.rand(2, 3, 64, 64) * mask, mask, torch.rand(2, 3, 64, 64), mask)
    y.square().mean().backward()
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_only_pixels_under_the_masks_count():
    """What lies outside the guide mask, and outside the foreground mask, cannot reach the result."""
    model = build_model("iph-edge").eval()
    torch.nn.init.normal_(model.harmonizer.out.weight, std=0.3)
    mask, guide = random_mask(1, 1, 64, 64), random_mask(1, 1, 64, 64)
    foreground, reference = torch.rand(1, 3, 64, 64) * mask, torch.rand(1, 3, 64, 64)
    other = torch.where(guide > 0, reference, torch.rand(1, 3, 64, 64))
    with torch.no_grad():
        first, second = model(foreground, mask, reference, guide), model(foreground, mask, other, guide)
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-5)


def test_style_code_changes_the_result():
    model = build_model("iph-edge").eval()
    torch.nn.init.normal_(model.harmonizer.out.weight, std=0.3)
    mask, x = torch.ones(1, 1, 64, 64), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        dark, bright = model(x, mask, x * 0.2, mask), model(x, mask, x * 0.2 + 0.8, mask)
    assert float((dark - bright).abs().mean()) > 1e-3


def test_gradients_of_the_whole_model():
    """Analytic gradient of the loss along a random direction of the parameters against a central difference, in float64."""
    torch.manual_seed(1)
    model = build_model("iph-edge").double()
    for parameter in model.parameters():  # biases of exactly zero sit on the kink of the ReLU wherever the mask is empty
        torch.nn.init.normal_(parameter, std=0.1)
    mask, guide = random_mask(1, 1, 32, 32).double(), random_mask(1, 1, 32, 32).double()
    x, reference = torch.rand(1, 3, 32, 32).double(), torch.rand(1, 3, 32, 32).double()

    def loss() -> torch.Tensor:
        return model(x * mask, mask, reference, guide).square().mean()

    parameters = list(model.parameters())
    gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
    directions = [torch.randn_like(p) for p in parameters]
    analytic = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True) if g is not None)
    step, values = 1e-7, []
    for sign in (1, -1):
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p.add_(d, alpha=sign * step)
            values.append(float(loss()))
            for p, d in zip(parameters, directions, strict=True):
                p.sub_(d, alpha=sign * step)
    assert analytic == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


def test_unknown_model_name():
    with pytest.raises(ConfigError, match="iph-edge"):
        build_model("iph-huge")
