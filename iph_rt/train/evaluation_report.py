"""An evaluation as a plain aligned table for people, and as a dictionary for programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from iph_rt.train.evaluation import BOUND, DIRECT, METRICS, POLYNOMIAL, RAW, Evaluation, bootstrap_interval

FIT_TARGET = 38.0  # dB on the foreground (docs: numbers that count)

_HEAD = ("method", "PSNR", "SSIM", "dE2000", "MSE", "fMSE", "95 %", "/direct", "95 %", "/classical", "95 %")
_LEFT = {0}


def table(evaluation: Evaluation) -> str:
    """One line for each method: means over the pairs, with bootstrap intervals of fMSE and of its two ratios."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for name in evaluation.scores:
        facts = _facts(evaluation, name)
        rows.append(
            (
                name + (" *" if name == evaluation.best_classical else ""),
                f"{facts['psnr']:.2f}",
                f"{facts['ssim']:.4f}",
                f"{facts['delta_e']:.2f}",
                f"{facts['mse']:.1f}",
                f"{facts['fmse']:.1f}",
                "{:.0f}-{:.0f}".format(*facts["fmse_95"]),
                f"{facts['over_direct']:.3f}",
                "{:.2f}-{:.2f}".format(*facts["over_direct_95"]),
                f"{facts['over_classical']:.3f}",
                "{:.2f}-{:.2f}".format(*facts["over_classical_95"]),
            )
        )
    title = f"{evaluation.kind}: {len(evaluation.names)} held-out pairs"
    return "\n".join([title, *_aligned(rows), *_notes(evaluation)])


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Everything that the table says, unrounded, and the fit of the polynomial; ready for ``json.dumps``."""
    return {
        "kind": evaluation.kind,
        "pairs": len(evaluation.names),
        "best_classical": evaluation.best_classical,
        "methods": {name: _facts(evaluation, name) for name in evaluation.scores},
        "polynomial_against_raw": _fit(evaluation),
    }


def _facts(evaluation: Evaluation, name: str) -> dict[str, Any]:
    scores, photographs = evaluation.scores[name], evaluation.photographs
    facts: dict[str, Any] = {metric: float(scores[metric].mean()) for metric in METRICS}
    for metric in METRICS:
        facts[f"{metric}_95"] = bootstrap_interval(scores[metric], groups=photographs)
    for label, other in (("over_direct", DIRECT), ("over_classical", evaluation.best_classical)):
        below = evaluation.scores[other]["fmse"]
        facts[label] = float(scores["fmse"].mean() / max(below.mean(), 1e-12))
        facts[f"{label}_95"] = bootstrap_interval(scores["fmse"], below, groups=photographs)
    return facts


def _fit(evaluation: Evaluation) -> dict[str, Any] | None:
    if not len(evaluation.fit):
        return None
    return {
        "fpsnr": float(evaluation.fit.mean()),
        "fpsnr_95": bootstrap_interval(evaluation.fit, groups=evaluation.photographs),
        "fpsnr_worst_5_percent": float(np.percentile(evaluation.fit, 5)),
        "share_reaching_target": float((evaluation.fit >= FIT_TARGET).mean()),
        "target": FIT_TARGET,
    }


def _notes(evaluation: Evaluation) -> list[str]:
    notes = [f"* best classical method. Means over pairs; 95 %: bootstrap over {_units(evaluation)}."]
    if RAW in evaluation.scores:
        notes.append(
            f"{POLYNOMIAL} is what the live path shows; {BOUND} is the bound of any output through a polynomial."
        )
    fit = _fit(evaluation)
    if fit is not None:
        notes.append(
            f"polynomial against raw network, foreground PSNR: mean {fit['fpsnr']:.1f} dB "
            f"({fit['fpsnr_95'][0]:.1f}-{fit['fpsnr_95'][1]:.1f}), 5 % below {fit['fpsnr_worst_5_percent']:.1f} dB, "
            f"{fit['share_reaching_target']:.0%} of pairs reach {FIT_TARGET:.0f} dB"
        )
    return notes


def _units(evaluation: Evaluation) -> str:
    distinct = len(set(evaluation.photographs))
    return "pairs" if distinct == len(evaluation.names) else f"{distinct} photographs"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(w) if c in _LEFT else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]
