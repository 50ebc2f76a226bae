"""What is minimised: the harmonization loss (paper, equation 6) on the foreground, as it is and through the fit."""

from __future__ import annotations

from torch import Tensor

from iph_rt.model.polynomial_fit import fit_and_apply
from iph_rt.train.pairs import TensorBatch

SQUARE_WEIGHT = 2.0  # beside the L1 of equation 6: large errors are what is seen, and what fMSE measures


def foreground_mean(value: Tensor, mask: Tensor) -> Tensor:
    """Mean over the foreground of each sample (N x 3 x H x W to N)."""
    return (value * mask).sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3))).clamp_min(1)


def harmonization_loss(output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 (equation 6) and a share of the squared error, over the foreground only."""
    difference = output - target
    value: Tensor = foreground_mean(difference.abs() + SQUARE_WEIGHT * difference.square(), mask).mean()
    return value


def total_loss(output: Tensor, batch: TensorBatch, polynomial_share: float) -> Tensor:
    """The network's output and its fitted polynomial, weighed."""
    mask = batch.foreground_mask
    loss = harmonization_loss(output, batch.target, mask) * (1 - polynomial_share)
    if polynomial_share > 0:
        fitted = fit_and_apply(batch.composite, output, mask)
        loss = loss + polynomial_share * harmonization_loss(fitted, batch.target, mask)
    return loss


def foreground_mse(output: Tensor, batch: TensorBatch) -> Tensor:
    """fMSE of each sample on the 0..255 scale."""
    return foreground_mean(((output.clamp(0, 1) - batch.target) * 255).square(), batch.foreground_mask)
