"""`iph-rt bench color`: its rivals compute the same thing, and it prints what it promises. No figure is judged here."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest

from iph_rt import _native
from iph_rt.bench import color, color_rivals
from iph_rt.color.polynomial import apply_composite
from iph_rt.errors import ConfigError


def parse(*arguments):
    parser = argparse.ArgumentParser()
    color.configure(parser)
    return parser.parse_args(arguments)


def test_rivals_compute_the_same():
    """The sample polynomial was fitted on all colours, so the guard that the rivals leave out never bites."""
    front, back, alpha = color.sample_frame((120, 200))
    polynomial = color.sample_polynomial()
    ours = apply_composite(front, alpha, back, polynomial).astype(int)
    assert np.abs(color_rivals.numpy_composite(front, alpha, back, polynomial) - ours).max() <= 1
    for name, make in color_rivals.OPENCV.items():
        assert np.abs(make(front, alpha, back, polynomial)() - ours).max() <= 1, name


def test_sample_alpha_is_a_person():
    _, _, alpha = color.sample_frame((360, 640))
    assert 0.2 < (alpha == 255).mean() < 0.4
    assert (alpha == 0).mean() > 0.5
    assert 0 < ((alpha > 0) & (alpha < 255)).mean() < 0.1


def test_json_and_restored_settings(capsys):
    before = _native.cpu_path()
    assert color.run(parse("--size", "360p", "--seconds", "0.001", "--json", "--cpu", _native.cpu_paths()[0])) == 0
    assert _native.cpu_path() == before
    result = json.loads(capsys.readouterr().out)
    assert result["machine"]["path"] == _native.cpu_paths()[0]
    frame = result["frames"]["360p"]
    assert frame["opencv_best"] in color_rivals.OPENCV
    for key in ("ratio_numpy", "ratio_opencv", "ratio_memory"):
        assert frame[key] > 0
    for timing in [*frame["timings"].values(), *frame["opencv"].values(), result["fit"]["iph_rt"]]:
        assert 0 < timing["least"] <= timing["p50"] <= timing["p95"] <= timing["p99"]
    text = color.table(result)
    assert "best of OpenCV" in text
    assert "naive NumPy" in text


@pytest.mark.parametrize("arguments", [("--threads", "0"), ("--seconds", "0"), ("--size", "8k"), ("--size", "")])
def test_refuses(arguments):
    with pytest.raises(ConfigError, match=r"got --.*expected"):
        color.run(parse(*arguments))
