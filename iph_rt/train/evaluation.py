"""Scores of harmonization methods on held-out pairs: each picture as the user sees it, in uint8, against the truth.

A *method* is ``method(composite, foreground_mask, reference, guide_mask) -> harmonized``: pictures are HWC RGB uint8,
masks HW bool, the result HWC RGB as uint8 or float in [0, 1]. Only its foreground counts: outside it every method shows
the composite. The network is scored as it comes (:data:`RAW`) and through the fitted colour polynomial
(:data:`POLYNOMIAL`), which is what the live path shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from iph_rt.color import metrics, polynomial
from iph_rt.color.transfer import TRANSFERS, transfer
from iph_rt.errors import ConfigError

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Method = Callable[[Picture, Mask, Picture, Mask], NDArray[Any]]

KINDS = ("same-scene", "shared-light")
DIRECT = "direct"
CLASSICAL = tuple(name for name in TRANSFERS if name != DIRECT)
RAW = "iph raw"
POLYNOMIAL = "iph polynomial"
BOUND = "polynomial of truth"
"""The 11-term polynomial fitted to the truth itself: no output through a polynomial can be better by much."""

METRICS = ("psnr", "ssim", "delta_e", "mse", "fmse")
PSNR_CAP = 100.0  # dB, for a picture equal to the truth: the mean over pairs must stay finite
CHUNK = 16  # pairs made at a time; 256 at once would take most of a gigabyte


class PairBatch(Protocol):
    """What evaluation reads of ``iph_rt.train.pairs.PairBatch``: float32 NCHW in [0, 1], masks 0 or 1."""

    @property
    def composite(self) -> NDArray[np.float32]: ...
    @property
    def foreground_mask(self) -> NDArray[np.float32]: ...
    @property
    def reference(self) -> NDArray[np.float32]: ...
    @property
    def guide_mask(self) -> NDArray[np.float32]: ...
    @property
    def target(self) -> NDArray[np.float32]: ...
    @property
    def names(self) -> list[str]: ...


PairSource = Callable[[str, int, int, int], PairBatch]
"""``source(kind, count, size, seed)``, as ``iph_rt.train.pairs.held_out_pairs``."""


class Networks(Protocol):
    """The part of a runtime backend that evaluation uses (iph_rt.runtime.backend.Backend)."""

    def encode_style(self, reference: NDArray[np.float32], guide_mask: NDArray[np.float32]) -> NDArray[np.float32]: ...

    def harmonize(
        self, foreground: NDArray[np.float32], mask: NDArray[np.float32], style_code: NDArray[np.float32]
    ) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class EvaluationPair:
    """One held-out pair as pictures: HWC RGB uint8, masks HW bool."""

    name: str
    composite: Picture
    foreground_mask: Mask
    reference: Picture
    guide_mask: Mask
    target: Picture


@dataclass(frozen=True)
class Example:
    """A pair kept for the picture sheet, with what each method made of it and its foreground MSE."""

    pair: EvaluationPair
    outputs: Mapping[str, Picture]
    fmse: Mapping[str, float]


@dataclass
class Evaluation:
    """Scores of every method on the pairs of one kind.

    Attributes:
        kind: of pair, one of :data:`KINDS`.
        names: of the pairs, in order.
        scores: by method, then by metric of :data:`METRICS`: one float64 for each pair. ``delta_e`` (CIE delta E 2000)
            and ``fmse`` are means over the foreground, the others over the whole picture.
        fit: foreground PSNR in dB of the polynomial's output against the raw network's, for each pair.
        examples: the first pairs, unselected.
    """

    kind: str
    names: list[str] = field(default_factory=list)
    scores: dict[str, dict[str, NDArray[np.float64]]] = field(default_factory=dict)
    fit: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    examples: list[Example] = field(default_factory=list)

    @property
    def photographs(self) -> list[str]:
        """For each pair the photograph of its foreground: names are ``photo`` or ``photo | photo of the reference``."""
        return [name.partition(" | ")[0] for name in self.names]

    @property
    def best_classical(self) -> str:
        """The classical method of the lowest mean foreground MSE; the direct composite is no method."""
        return min(
            (name for name in self.scores if name in CLASSICAL),
            key=lambda name: float(self.scores[name]["fmse"].mean()),
        )


def classical_methods() -> dict[str, Method]:
    """Direct composite and every classical colour transfer, by name."""
    return {name: partial(transfer, name) for name in TRANSFERS}


def network_method(networks: Networks) -> Method:
    """The two networks as a method; pictures must have the networks' size. The result is float32 in [0, 1]."""

    def run(composite: Picture, mask: Mask, reference: Picture, guide_mask: Mask) -> NDArray[np.float32]:
        code = networks.encode_style(_planar(reference)[None], _plane(guide_mask)[None, None])
        inside = _plane(mask)[None, None]
        harmonized = networks.harmonize(_planar(composite)[None] * inside, inside, np.ascontiguousarray(code))
        return np.array(harmonized[0].transpose(1, 2, 0), dtype=np.float32)  # a copy: the backend keeps its buffer

    return run


def through_polynomial(composite: Picture, mask: Mask, harmonized: NDArray[Any]) -> Picture:
    """Fit the colour polynomial composite -> harmonized on the foreground and apply it, as the live path does."""
    fitted = polynomial.solve(polynomial.moments(_planar(composite), _planar(harmonized), _plane(mask)))
    return polynomial.apply(composite, fitted, color="rgb")


def evaluate(
    kind: str,
    count: int,
    *,
    network: Method | None = None,
    methods: Mapping[str, Method] | None = None,
    size: int = 256,
    seed: int = 0,
    examples: int = 0,
    source: PairSource | None = None,
    progress: Callable[[int], object] = lambda done: None,
) -> Evaluation:
    """Score methods on ``count`` held-out pairs of one kind.

    Args:
        kind: one of :data:`KINDS`.
        count: of pairs, at least 1. Fewer pairs are the first ones of more pairs.
        network: scored as :data:`RAW` and :data:`POLYNOMIAL`; then :data:`BOUND` is scored too.
        methods: by name, beside the network; None means :func:`classical_methods`.
        size: of the pictures, in pixels; the networks take 256.
        seed: of the pairs. The same seed gives the same pairs.
        examples: how many of the first pairs are kept with all outputs.
        source: of pairs; None means ``held_out_pairs``.
        progress: called with the number of pairs that were just finished.

    Raises:
        ConfigError: an unknown kind or a count below 1.
        TrainingDataError: the photographs are not there.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind of pair: got {kind!r}, expected one of {', '.join(KINDS)}")
    if count < 1:
        raise ConfigError(f"number of pairs: got {count}, expected at least 1")
    methods = classical_methods() if methods is None else methods
    result, fits = Evaluation(kind), []
    rows: dict[str, list[dict[str, float]]] = {}
    for pair in _pairs(kind, count, size, seed, source):
        outputs = _outputs(pair, methods, network)
        for name, output in outputs.items():
            rows.setdefault(name, []).append(_score(pair, output))
        if network is not None:
            fits.append(_capped(metrics.foreground_psnr(outputs[POLYNOMIAL], outputs[RAW], pair.foreground_mask)))
        if len(result.examples) < examples:
            result.examples.append(Example(pair, outputs, {name: row[-1]["fmse"] for name, row in rows.items()}))
        result.names.append(pair.name)
        progress(1)
    result.fit = np.array(fits)
    result.scores = {name: {m: np.array([row[m] for row in table]) for m in METRICS} for name, table in rows.items()}
    return result


def bootstrap_interval(
    values: NDArray[np.float64],
    over: NDArray[np.float64] | None = None,
    *,
    groups: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of ``mean(values)``, or of ``mean(values) / mean(over)`` on the same pairs.

    ``groups`` names for each value the photograph that it comes from: then whole photographs are drawn, since pairs out
    of one photograph are not independent (the cluster bootstrap).
    """
    _, index = np.unique(np.asarray(groups if groups is not None else np.arange(len(values))), return_inverse=True)
    sizes = np.bincount(index)
    draws = np.random.default_rng(seed).integers(0, len(sizes), (resamples, len(sizes)))

    def means(column: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(index, weights=column)[draws].sum(axis=1) / sizes[draws].sum(axis=1))

    drawn = means(values) if over is None else means(values) / np.maximum(means(over), 1e-12)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _pairs(kind: str, count: int, size: int, seed: int, source: PairSource | None) -> Iterator[EvaluationPair]:
    if source is None:
        from iph_rt.train.pairs import held_out_pairs

        source = held_out_pairs
    for chunk, start in enumerate(range(0, count, CHUNK)):
        # Whole chunks with a seed of their own, so that the first pairs of a long run are those of a short one.
        chunk_seed = int(np.random.SeedSequence([seed, chunk]).generate_state(1)[0])
        batch = source(kind, CHUNK, size, chunk_seed)
        for i in range(min(CHUNK, count - start)):
            yield EvaluationPair(
                name=batch.names[i],
                composite=_interleaved(batch.composite[i]),
                foreground_mask=batch.foreground_mask[i, 0] > 0.5,
                reference=_interleaved(batch.reference[i]),
                guide_mask=batch.guide_mask[i, 0] > 0.5,
                target=_interleaved(batch.target[i]),
            )


def _outputs(pair: EvaluationPair, methods: Mapping[str, Method], network: Method | None) -> dict[str, Picture]:
    inputs = (pair.composite, pair.foreground_mask, pair.reference, pair.guide_mask)
    outputs = {name: method(*inputs) for name, method in methods.items()}
    if network is not None:
        outputs[RAW] = raw = network(*inputs)
        outputs[POLYNOMIAL] = through_polynomial(pair.composite, pair.foreground_mask, raw)
        outputs[BOUND] = through_polynomial(pair.composite, pair.foreground_mask, pair.target)
    inside = pair.foreground_mask[..., None]
    return {name: np.where(inside, _as_uint8(output), pair.composite) for name, output in outputs.items()}


def _score(pair: EvaluationPair, output: Picture) -> dict[str, float]:
    error = metrics.mse(output, pair.target)
    return {
        "psnr": _capped(metrics.psnr_of_mse(error)),
        "ssim": float(metrics.ssim(output, pair.target)),
        "delta_e": float(metrics.delta_e(output, pair.target, pair.foreground_mask)),
        "mse": float(error),
        "fmse": float(metrics.foreground_mse(output, pair.target, pair.foreground_mask)),
    }


def _capped(psnr: NDArray[np.float64]) -> float:
    return min(float(psnr), PSNR_CAP)


def _as_uint8(image: NDArray[Any]) -> Picture:
    if image.dtype == np.uint8:
        return image
    return np.asarray(np.rint(np.clip(image, 0.0, 1.0) * 255), dtype=np.uint8)


def _interleaved(planar: NDArray[np.float32]) -> Picture:
    return np.ascontiguousarray(_as_uint8(planar).transpose(1, 2, 0))


def _planar(image: NDArray[Any]) -> NDArray[np.float32]:
    """HWC uint8, or float in [0, 1], to contiguous CHW float32 in [0, 1]."""
    scaled = image.astype(np.float32) / np.float32(255) if image.dtype == np.uint8 else image
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)


def _plane(mask: Mask) -> NDArray[np.float32]:
    return np.ascontiguousarray(mask, dtype=np.float32)
