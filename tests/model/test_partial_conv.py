"""Partial convolution against a naive loop that follows Liu et al. 2018, equations 1 and 2."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from iph_rt.model.partial_conv import PartialConv2d


def naive(x, mask, weight, bias, stride, padding):
    """Window by window, in float64."""
    n, _, height, width = x.shape
    out_channels, _, k, _ = weight.shape
    rows, columns = (height + 2 * padding - k) // stride + 1, (width + 2 * padding - k) // stride + 1
    y, updated = np.zeros((n, out_channels, rows, columns)), np.zeros((n, 1, rows, columns))
    for i in range(n):
        for r in range(rows):
            for c in range(columns):
                valid, total = 0.0, np.zeros(out_channels)
                for a in range(k):
                    for b in range(k):
                        row, column = r * stride + a - padding, c * stride + b - padding
                        if 0 <= row < height and 0 <= column < width and mask[i, 0, row, column]:
                            valid += 1
                            total += weight[:, :, a, b] @ x[i, :, row, column]
                if valid:
                    y[i, :, r, c] = total * (k * k / valid) + bias
                    updated[i, 0, r, c] = 1
    return y, updated


MASKS = {
    "all zero": lambda shape, rng: np.zeros(shape),
    "one pixel": lambda shape, rng: (np.arange(np.prod(shape)).reshape(shape) == np.prod(shape) // 2).astype(float),
    "all one": lambda shape, rng: np.ones(shape),
    "random": lambda shape, rng: (rng.random(shape) > 0.6).astype(float),
}


@pytest.mark.parametrize("mask_name", MASKS)
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(1, 1, 0), (3, 1, 1), (3, 2, 1), (2, 2, 0), (5, 2, 2), (7, 3, 3)])
def test_equals_naive_loop(kernel, stride, padding, mask_name):
    rng = np.random.default_rng(kernel * 10 + stride)
    layer = PartialConv2d(3, 5, kernel, stride, padding).double()
    with torch.no_grad():
        layer.bias.copy_(torch.from_numpy(rng.normal(size=5)))
    x, mask = rng.normal(size=(2, 3, 11, 9)), MASKS[mask_name]((2, 1, 11, 9), rng)
    y, updated = layer(torch.from_numpy(x), torch.from_numpy(mask))
    expected, expected_mask = naive(x, mask, layer.weight.detach().numpy(), layer.bias.detach().numpy(), stride, padding)
    np.testing.assert_allclose(y.detach().numpy(), expected, atol=1e-10)
    np.testing.assert_array_equal(updated.numpy(), expected_mask)


def test_masked_promise_changes_nothing():
    layer, mask = PartialConv2d(4, 6, 3, 2, 1), (torch.rand(2, 1, 8, 8) > 0.5).float()
    x = torch.rand(2, 4, 8, 8) * mask
    torch.testing.assert_close(layer(x, mask)[0], layer(x, mask, masked=True)[0])


def test_full_mask_is_plain_convolution_inside():
    layer, x = PartialConv2d(3, 4, 3, 1, 1), torch.rand(1, 3, 8, 8)
    y, _ = layer(x, torch.ones(1, 1, 8, 8))
    plain = torch.nn.functional.conv2d(x, layer.weight, layer.bias)
    torch.testing.assert_close(y[:, :, 1:-1, 1:-1], plain)


def test_pixels_outside_the_mask_do_not_matter():
    layer, mask = PartialConv2d(3, 4, 3, 1, 1), (torch.rand(1, 1, 9, 9) > 0.5).float()
    a, b = torch.rand(1, 3, 9, 9), torch.rand(1, 3, 9, 9)
    mixed = torch.where(mask > 0, a, b)
    torch.testing.assert_close(layer(a, mask)[0], layer(mixed, mask)[0])


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_gradients(share):
    torch.manual_seed(0)
    layer = PartialConv2d(2, 3, 3, 2, 1).double()
    x = torch.rand(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    mask = (torch.rand(1, 1, 6, 6) < share).double()

    def run(value, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (value, mask))[0]

    assert torch.autograd.gradcheck(run, (x, layer.weight, layer.bias))
