"""Building blocks of both networks."""

from __future__ import annotations

from torch import Tensor, nn


def conv(in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> nn.Conv2d:
    """Convolution that keeps the size (divided by the stride), He initialised."""
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))); the second convolution starts at zero, so that the block starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels)
        self.activation = nn.ReLU()
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W to the same."""
        result: Tensor = x + self.second(self.activation(self.first(x)))
        return result


class StyleMLP(nn.Module):
    """Two linear layers with a ReLU between, from a vector of statistics to a code."""

    def __init__(self, in_size: int, hidden: int, out_size: int) -> None:
        super().__init__()
        self.first = nn.Linear(in_size, hidden)
        self.second = nn.Linear(hidden, out_size)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """N x in_size to N x out_size."""
        result: Tensor = self.second(self.activation(self.first(x)))
        return result
