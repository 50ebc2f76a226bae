"""The packaged networks and the real clip: both backends agree, two runs give the same bytes, the bench reports them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from iph_rt import Harmonizer
from iph_rt.bench.stream import read_clip
from iph_rt.cli.main import main
from iph_rt.runtime.choose import open_backend


def test_backends_agree_on_the_packaged_networks():
    pytest.importorskip("openvino")
    generator = np.random.default_rng(0)
    smooth = cv2.resize(generator.random((8, 8, 6), np.float32), (256, 256)).transpose(2, 0, 1)
    mask = np.zeros((1, 1, 256, 256), np.float32)
    mask[..., 60:230, 40:200] = 1
    reference, foreground = np.ascontiguousarray(smooth[None, :3]), np.ascontiguousarray(smooth[None, 3:]) * mask
    results = []
    for name in ("onnxruntime", "openvino"):
        backend = open_backend(name, threads=1)
        code = backend.encode_style(reference, mask).copy()
        harmonized = backend.harmonize(foreground, mask, code)
        results.append((code, harmonized[:, :, 60:230, 40:200].copy()))
        backend.close()
    (code_a, image_a), (code_b, image_b) = results
    np.testing.assert_allclose(code_a, code_b, atol=2e-3 * max(1.0, float(np.abs(code_a).max())))
    np.testing.assert_allclose(image_a, image_b, atol=2e-3)
    assert np.isfinite(image_a).all()
    assert image_a.std() > 0.01


@pytest.mark.parametrize("segmenter", ["onnx", "mediapipe"])
def test_two_runs_of_the_real_clip_give_the_same_bytes(segmenter, assets):
    if segmenter == "mediapipe":
        pytest.importorskip("mediapipe")
    clip = read_clip(assets["webcam_clip"])[:6]
    photo = cv2.imread(str(assets["group_photo"]))

    def run() -> tuple[list[bytes], np.ndarray]:
        with Harmonizer(cadence=1, segmenter=segmenter, backend="onnxruntime", placement="cover") as harmonizer:
            harmonizer.set_background(photo)
            harmonizer.set_reference(photo, region=(540, 250, 120, 150))
            assert not harmonizer.segmenter
            frames = [harmonizer.process(frame).tobytes() for frame in clip]
            assert segmenter in harmonizer.segmenter
            return frames, harmonizer.last_alpha()

    first, alpha = run()
    second, _ = run()
    assert first == second
    height, width = alpha.shape
    assert alpha[height * 2 // 3, width // 2] == 255, "the man sits in the middle"
    assert alpha[:5, :5].max() == 0
    assert alpha[:5, -5:].max() == 0


def test_bench_prints_every_stage_as_json(assets, tiny_model, capfd):
    arguments = ["bench", "stream", "--size", "360p", "--frames", "4", "--segmenter", "onnx", "--cadence", "1", "--json"]
    assert main([*arguments, "--model", str(tiny_model)]) == 0
    report = json.loads(capfd.readouterr().out)
    assert {"processor", "processors", "native code"} <= set(report["machine"])
    (result,) = report["results"]
    assert (result["width"], result["height"]) == (640, 360)
    assert {"matte", "harmonize", "network", "fit", "apply", "total"} <= set(result["stages"])
    for stage in result["stages"].values():
        assert 0 <= stage["p50"] <= stage["p95"] <= stage["p99"] <= stage["max"]
    assert result["stages"]["total"]["count"] == 4


def test_bench_refuses_an_unknown_size_in_one_line(capfd):
    assert main(["bench", "stream", "--size", "9000p"]) == 2
    captured = capfd.readouterr()
    assert "9000p" in captured.err
    assert len(captured.err.strip().splitlines()) == 1
