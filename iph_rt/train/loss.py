"""What is minimised: the paper's total loss, with the harmonization loss taken on the output as it is and through the fit."""

from __future__ import annotations

from torch import Tensor, nn

from iph_rt.model import losses
from iph_rt.model.losses import LossWeights
from iph_rt.model.polynomial_fit import fit_and_apply
from iph_rt.train.pairs import TensorBatch

SQUARE_WEIGHT = 2.0  # beside the L1 of equation 6: large errors are what is seen, and what fMSE measures


def foreground_mean(value: Tensor, mask: Tensor) -> Tensor:
    """Mean over the foreground of each sample (N x 3 x H x W to N)."""
    return (value * mask).sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3))).clamp_min(1)


def fidelity_loss(output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Equation 6 and a share of the squared error, over the foreground only."""
    square: Tensor = foreground_mean((output - target).square(), mask).mean()
    return losses.harmonization_loss(output, target, mask) + SQUARE_WEIGHT * square


def total_loss(
    output: Tensor, batch: TensorBatch, polynomial_share: float, weights: LossWeights, style_encoder: nn.Module
) -> Tensor:
    """L_IPH = L_harmonization + alpha L_LM + lambda L_consis + beta (L_triplet1 + L_triplet2); terms of weight 0 cost nothing."""
    mask = batch.foreground_mask
    loss = fidelity_loss(output, batch.target, mask) * (1 - polynomial_share)
    if polynomial_share > 0:
        fitted = fit_and_apply(batch.composite, output, mask)
        loss = loss + polynomial_share * fidelity_loss(fitted, batch.target, mask)
    if weights.luminance:
        harmonized = losses.luminance_points(output, mask)
        reference = losses.luminance_points(batch.reference, batch.guide_mask)
        loss = loss + weights.luminance * losses.luminance_matching_loss(harmonized, reference)
    if weights.consistency or weights.triplet:
        loss = loss + style_losses(output, batch, weights, style_encoder)
    return loss


def style_losses(output: Tensor, batch: TensorBatch, weights: LossWeights, style_encoder: nn.Module) -> Tensor:
    """The terms on style codes: of harmonized (h), reference (b), composite (c) and real foreground (r)."""
    mask = batch.foreground_mask
    code_h = style_encoder(output * mask, mask)
    code_b = style_encoder(batch.reference, batch.guide_mask)
    code_c = style_encoder(batch.foreground, mask)
    code_r = style_encoder(batch.target * mask, mask)
    triplets = losses.triplet_1(code_h, code_b, code_c) + losses.triplet_2(code_h, code_r, code_c)
    return weights.consistency * losses.consistency_loss(code_h, code_b) + weights.triplet * triplets


def foreground_mse(output: Tensor, batch: TensorBatch) -> Tensor:
    """fMSE of each sample on the 0..255 scale."""
    return foreground_mean(((output.clamp(0, 1) - batch.target) * 255).square(), batch.foreground_mask)
