from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from skimage import metrics as sk_metrics

from iph_rt.errors import ConfigError, SinkError
from iph_rt.train import evaluation, evaluation_report, sheet

SIZE = 48
GAIN = np.array([0.7, 0.9, 1.1], np.float32)


@dataclass
class Batch:
    """The layout of ``iph_rt.train.pairs.PairBatch``."""

    composite: np.ndarray
    foreground_mask: np.ndarray
    reference: np.ndarray
    guide_mask: np.ndarray
    target: np.ndarray
    names: list[str]


def synthetic_pairs(kind: str, count: int, size: int, seed: int) -> Batch:
    """Smooth pictures; the composite's foreground is the target's with another gain in each channel."""
    rng = np.random.default_rng(seed)
    grid = np.linspace(0, 1, size, dtype=np.float32)
    phase = rng.uniform(0, 6, (count, 3, 1, 1)).astype(np.float32)
    target = 0.45 + 0.25 * np.sin(7 * grid[:, None] + phase) * np.cos(5 * grid[None, :] - phase)
    target = np.clip(target + rng.normal(0, 0.02, target.shape), 0.05, 0.85).astype(np.float32)
    mask = np.zeros((count, 1, size, size), np.float32)
    guide = mask.copy()
    for i in range(count):
        mask[i, 0, 4 + i % 5 : 30, 5:28] = 1
        guide[i, 0, 20:44, 25:45] = 1
    composite = np.where(mask > 0, np.clip(target * GAIN[None, :, None, None], 0, 1), target).astype(np.float32)
    names = [f"{kind} {seed} {i}" for i in range(count)]
    return Batch(composite, mask, target[:, :, ::-1].copy(), guide, target, names)


def undo_gain(composite: np.ndarray, mask: np.ndarray, reference: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """A network that knows the answer but for a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, composite.shape)
    return (composite / 255 / GAIN + noise).astype(np.float32)


def run(count: int = 5, **options) -> evaluation.Evaluation:
    return evaluation.evaluate("same-scene", count, size=SIZE, source=synthetic_pairs, **options)


def as_picture(planar: np.ndarray) -> np.ndarray:
    return np.rint(planar.transpose(1, 2, 0) * 255).astype(np.uint8)


def test_scores_of_the_direct_composite_are_those_of_scikit_image() -> None:
    result = run(3)
    seed = int(np.random.SeedSequence([0, 0]).generate_state(1)[0])
    batch = synthetic_pairs("same-scene", evaluation.CHUNK, SIZE, seed)
    for i in range(3):
        a, b = as_picture(batch.composite[i]), as_picture(batch.target[i])
        inside = batch.foreground_mask[i, 0] > 0
        scores = {metric: values[i] for metric, values in result.scores["direct"].items()}
        assert scores["mse"] == pytest.approx(sk_metrics.mean_squared_error(a, b))
        assert scores["psnr"] == pytest.approx(sk_metrics.peak_signal_noise_ratio(a, b))
        assert scores["fmse"] == pytest.approx(((a[inside].astype(float) - b[inside]) ** 2).mean())
    assert result.names == batch.names[:3]


def test_the_order_of_methods_is_the_order_of_their_quality() -> None:
    result = run(network=undo_gain)
    fmse = {name: float(scores["fmse"].mean()) for name, scores in result.scores.items()}
    assert set(fmse) == {"direct", *evaluation.CLASSICAL, evaluation.RAW, evaluation.POLYNOMIAL, evaluation.BOUND}
    # The polynomial averages the network's noise away; the fit to the truth leaves little but rounding.
    assert fmse[evaluation.BOUND] <= fmse[evaluation.POLYNOMIAL] < fmse[evaluation.RAW] < fmse["direct"]
    assert fmse[evaluation.BOUND] < 2
    assert fmse[result.best_classical] == min(fmse[name] for name in evaluation.CLASSICAL)


def test_fit_is_the_foreground_psnr_of_polynomial_against_raw() -> None:
    result = run(2, network=undo_gain, examples=2)
    for i, example in enumerate(result.examples):
        inside = example.pair.foreground_mask
        smooth, raw = (example.outputs[n][inside].astype(float) for n in (evaluation.POLYNOMIAL, evaluation.RAW))
        assert result.fit[i] == pytest.approx(10 * np.log10(255**2 / ((smooth - raw) ** 2).mean()))
    assert 35 < result.fit.mean() < 45  # noise of 2.55 on the 0..255 scale is 40 dB


def test_a_method_cannot_touch_what_lies_outside_the_foreground() -> None:
    result = run(2, methods={"black": lambda composite, *_: np.zeros_like(composite)}, examples=2)
    for example in result.examples:
        outside = ~example.pair.foreground_mask
        np.testing.assert_array_equal(example.outputs["black"][outside], example.pair.composite[outside])
        assert not example.outputs["black"][~outside].any()


def test_a_perfect_method_scores_finite_figures() -> None:
    result = run(2, methods={"direct": lambda composite, *_: composite, "truth": _remembered_truth()})
    assert result.scores["truth"]["fmse"].max() == 0
    assert result.scores["truth"]["psnr"].mean() == evaluation.PSNR_CAP
    assert result.scores["truth"]["delta_e"].max() == 0


def _remembered_truth() -> evaluation.Method:
    seed = int(np.random.SeedSequence([0, 0]).generate_state(1)[0])
    truths = iter(synthetic_pairs("same-scene", evaluation.CHUNK, SIZE, seed).target)
    return lambda *_: as_picture(next(truths))


def test_a_short_run_is_the_start_of_a_long_one_and_the_seed_matters() -> None:
    short, long, other = run(3), run(evaluation.CHUNK + 2), run(3, seed=1)
    assert long.names[:3] == short.names
    assert len(set(long.names)) == evaluation.CHUNK + 2
    np.testing.assert_array_equal(long.scores["MKL"]["fmse"][:3], short.scores["MKL"]["fmse"])
    assert not np.array_equal(other.scores["MKL"]["fmse"], short.scores["MKL"]["fmse"])


def test_progress_counts_pairs_and_examples_are_the_first_ones() -> None:
    steps: list[int] = []
    result = run(4, examples=2, progress=steps.append)
    assert steps == [1, 1, 1, 1]
    assert [example.pair.name for example in result.examples] == result.names[:2]
    assert result.examples[1].fmse["MKL"] == result.scores["MKL"]["fmse"][1]


class _EchoNetworks:
    """Stands for a runtime backend: keeps what it is given, returns one buffer again and again."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []
        self.buffer = np.zeros((1, 3, SIZE, SIZE), np.float32)

    def encode_style(self, reference: np.ndarray, guide_mask: np.ndarray) -> np.ndarray:
        self.seen += [reference, guide_mask]
        return np.full((1, 4), 7, np.float32)

    def harmonize(self, foreground: np.ndarray, mask: np.ndarray, style_code: np.ndarray) -> np.ndarray:
        self.seen += [foreground, mask, style_code]
        self.buffer[:] = foreground * 0.5
        return self.buffer


def test_networks_get_the_tensors_of_the_contract() -> None:
    batch = synthetic_pairs("same-scene", 2, SIZE, 0)
    networks = _EchoNetworks()
    method = evaluation.network_method(networks)
    inputs = [
        (as_picture(batch.composite[i]), batch.foreground_mask[i, 0] > 0, as_picture(batch.reference[i]),
         batch.guide_mask[i, 0] > 0)
        for i in range(2)
    ]  # fmt: skip
    first, second = (method(*one) for one in inputs)
    reference, guide, foreground, mask, code = networks.seen[:5]
    for tensor, channels in [(reference, 3), (guide, 1), (foreground, 3), (mask, 1)]:
        assert tensor.shape == (1, channels, SIZE, SIZE)
        assert tensor.dtype == np.float32
        assert tensor.flags.c_contiguous
    np.testing.assert_allclose(reference[0], batch.reference[0], atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(guide[0], batch.guide_mask[0])
    np.testing.assert_allclose(foreground[0], batch.composite[0] * batch.foreground_mask[0], atol=0.5 / 255 + 1e-6)
    assert code.shape == (1, 4)
    np.testing.assert_allclose(first, inputs[0][0] * inputs[0][1][..., None] / 510, atol=1e-6)  # not the second's
    np.testing.assert_allclose(second, inputs[1][0] * inputs[1][1][..., None] / 510, atol=1e-6)


def test_bootstrap_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    samples = rng.gamma(2.0, 3.0, (200, 80))
    hits = 0
    for sample in samples:
        low, high = evaluation.bootstrap_interval(sample, resamples=400)
        hits += low <= 6.0 <= high
    assert 0.88 <= hits / len(samples) <= 0.99


def test_bootstrap_of_a_ratio_is_paired_and_of_groups_is_wider() -> None:
    values = np.random.default_rng(0).gamma(2.0, 3.0, 60)
    assert evaluation.bootstrap_interval(values * 0.5, values) == pytest.approx((0.5, 0.5))
    repeated = np.repeat(values[:12], 5)
    groups = [f"photo {i}" for i in range(12) for _ in range(5)]
    narrow, wide = evaluation.bootstrap_interval(repeated), evaluation.bootstrap_interval(repeated, groups=groups)
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_table_is_aligned_and_says_what_the_dictionary_says() -> None:
    result = run(network=undo_gain)
    lines = evaluation_report.table(result).splitlines()
    facts = json.loads(json.dumps(evaluation_report.as_dict(result)))
    assert lines[0] == "same-scene: 5 held-out pairs"
    rows = {line[: len("polynomial of truth *")].rstrip(" *"): line for line in lines[3 : 3 + len(result.scores)]}
    assert len({len(line) for line in lines[1:4]}) == 1
    ours = facts["methods"][evaluation.POLYNOMIAL]
    assert f"{ours['fmse']:.1f}" in rows[evaluation.POLYNOMIAL]
    assert ours["over_direct"] == pytest.approx(ours["fmse"] / facts["methods"]["direct"]["fmse"])
    best = facts["methods"][facts["best_classical"]]
    assert best["over_classical"] == 1
    assert ours["over_classical"] == pytest.approx(ours["fmse"] / best["fmse"])
    assert ours["fmse_95"][0] <= ours["fmse"] <= ours["fmse_95"][1]
    assert facts["polynomial_against_raw"]["fpsnr"] == pytest.approx(result.fit.mean())


def test_a_wrong_kind_or_count_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'moonlight'.*same-scene"):
        evaluation.evaluate("moonlight", 3, source=synthetic_pairs)
    with pytest.raises(ConfigError, match="got 0"):
        run(0)


def test_sheet_shows_every_example_of_every_kind(tmp_path: Path) -> None:
    from matplotlib import image

    kinds = [
        evaluation.evaluate(k, 2, size=SIZE, source=synthetic_pairs, network=undo_gain, examples=2)
        for k in evaluation.KINDS
    ]
    sheet.write_sheet(tmp_path / "four.png", kinds, "title")
    sheet.write_sheet(tmp_path / "two.png", kinds[:1], "title")
    four, two = (image.imread(tmp_path / name) for name in ("four.png", "two.png"))
    assert four.shape[1] == two.shape[1] >= 7 * sheet.CELL
    assert four.shape[0] - two.shape[0] >= 2 * sheet.CELL
    truth = two[:, -sheet.MARGIN - sheet.CELL : -sheet.MARGIN, :3]  # the last column is the truth
    row = truth[sheet.MARGIN + 46 + sheet.HEAD :][: sheet.CELL]
    expected = kinds[0].examples[0].pair.target.mean(axis=(0, 1)) / 255
    np.testing.assert_allclose(row.mean(axis=(0, 1)), expected, atol=0.02)


def test_sheet_refuses_no_examples_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="examples"):
        sheet.write_sheet(tmp_path / "sheet.png", [run(1)], "title")
    with pytest.raises(SinkError, match="does not exist"):
        sheet.write_sheet(tmp_path / "nowhere" / "sheet.png", [run(1, examples=1)], "title")
    assert list(tmp_path.iterdir()) == []
