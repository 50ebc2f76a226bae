"""Backends against the closed form of the tiny networks, and what each refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from iph_rt.errors import BackendUnavailableError, ClosedError, ConfigError, ModelFileError
from iph_rt.runtime import choose
from iph_rt.runtime.choose import open_backend, pick

NAMES = ["onnxruntime", "openvino"]
SIZE = 256


@pytest.fixture
def tensors() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    reference = generator.random((1, 3, SIZE, SIZE), np.float32)
    guide = (generator.random((1, 1, SIZE, SIZE)) > 0.5).astype(np.float32)
    mask = (generator.random((1, 1, SIZE, SIZE)) > 0.3).astype(np.float32)
    foreground = generator.random((1, 3, SIZE, SIZE), np.float32) * mask
    return reference, guide, foreground, mask


@pytest.mark.parametrize("name", NAMES)
def test_networks_compute_what_they_say(name, tiny_model, tensors):
    if name == "openvino":
        pytest.importorskip("openvino")
    reference, guide, foreground, mask = tensors
    backend = open_backend(name, tiny_model, threads=1)
    code = backend.encode_style(reference, guide).copy()
    inside = guide[0, 0] > 0
    mean = reference[0][:, inside].astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(code, mean[None], atol=1e-5)
    harmonized = backend.harmonize(foreground, mask, code)
    product = foreground.astype(np.float64) * (mean[None, :, None, None] + 0.5) * mask
    np.testing.assert_allclose(harmonized, np.clip(product, 0, 1), atol=1e-5)
    # The buffers are bound once; new content and new arrays must both be read.
    foreground *= np.float32(0.5)
    np.testing.assert_allclose(backend.harmonize(foreground, mask, code), np.clip(product / 2, 0, 1), atol=1e-5)
    np.testing.assert_allclose(backend.harmonize(foreground.copy(), mask * 0, code), 0, atol=1e-6)
    backend.close()
    backend.close()
    with pytest.raises(ClosedError, match="closed"):
        backend.harmonize(foreground, mask, code)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_tensor_is_refused(name, tiny_model, tensors):
    if name == "openvino":
        pytest.importorskip("openvino")
    reference, guide, *_ = tensors
    backend = open_backend(name, tiny_model, threads=1)
    with pytest.raises(ValueError, match="reference: got float64"):
        backend.encode_style(reference.astype(np.float64), guide)
    with pytest.raises(ValueError, match=r"guide_mask: got .*expected"):
        backend.encode_style(reference, guide[:, :, ::2])


@pytest.mark.parametrize("name", ["tensorrt", "torch"])
def test_backend_that_is_not_there_says_what_is_missing(name, tiny_model):
    with pytest.raises(BackendUnavailableError, match=f"'{name}' cannot run.*use backend="):
        open_backend(name, tiny_model)


def test_unknown_names_are_refused(tiny_model):
    with pytest.raises(ConfigError, match="backend='cuda'"):
        open_backend("cuda", tiny_model)
    with pytest.raises(ConfigError, match="precision='int3'"):
        open_backend("auto", tiny_model, "int3")
    with pytest.raises(ConfigError, match="threads=-1"):
        open_backend("auto", tiny_model, threads=-1)


def test_half_precision_is_run_truly_or_refused(tiny_model):
    with pytest.raises(BackendUnavailableError, match=r"onnxruntime.*fp16.*fp32"):
        open_backend("onnxruntime", tiny_model, "fp16")
    openvino = pytest.importorskip("openvino")
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    for precision in ("fp16", "bf16"):
        if precision.upper() in able:
            assert open_backend("openvino", tiny_model, precision).precision == precision
        else:
            with pytest.raises(BackendUnavailableError, match=f"cannot run in {precision}"):
                open_backend("auto", tiny_model, precision)


def test_damaged_and_missing_model_files(tiny_model, tmp_path):
    with pytest.raises(ModelFileError, match=r"style_encoder\.onnx is missing"):
        open_backend("onnxruntime", tmp_path)
    for name in NAMES:
        (tmp_path / "style_encoder.onnx").write_bytes((tiny_model / "style_encoder.onnx").read_bytes())
        (tmp_path / "harmonizer.onnx").write_bytes((tiny_model / "harmonizer.onnx").read_bytes()[:100])
        with pytest.raises(ModelFileError, match="cannot load it"):
            open_backend(name, tmp_path)
        (tmp_path / "harmonizer.onnx").write_bytes((tiny_model / "style_encoder.onnx").read_bytes())
        with pytest.raises(ModelFileError, match=r"got inputs.*expected \['foreground', 'mask', 'style_code'\]"):
            open_backend(name, tmp_path)


def test_default_stays_unless_another_is_clearly_faster():
    assert pick({"onnxruntime": 10.0, "openvino": 9.5}) == "onnxruntime"
    assert pick({"onnxruntime": 10.0, "openvino": 6.0}) == "openvino"
    assert pick({"onnxruntime": 5.0, "openvino": 9.0}) == "onnxruntime"


def test_auto_measures_once_and_then_keeps_to_it(tiny_model, own_cache, monkeypatch):
    pytest.importorskip("openvino")
    measured = []

    def fake_measure(backends):
        measured.extend(backends)
        return {"onnxruntime": 9.0, "openvino": 3.0}

    monkeypatch.setattr(choose, "measure", fake_measure)
    first = open_backend("auto", tiny_model)
    assert (first.name, measured) == ("openvino", ["onnxruntime", "openvino"])
    assert "openvino 3.0 ms" in first.reason
    assert "onnxruntime 9.0 ms" in first.reason
    second = open_backend("auto", tiny_model)
    assert (second.name, second.reason, len(measured)) == (first.name, first.reason, 2)
    assert len(json.loads((own_cache / "backend_times.json").read_text())) == 1
    open_backend("auto", tiny_model, threads=1)
    assert len(measured) == 4, "another number of threads is another question"


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": 3}', b"\xff\xfe"])
def test_unreadable_verdicts_are_measured_again(content, tiny_model, own_cache):
    own_cache.mkdir()
    (own_cache / "backend_times.json").write_bytes(content)
    assert open_backend("auto", tiny_model).reason


def test_auto_measures_again_when_the_faster_one_runs_no_more(tiny_model, monkeypatch):
    """Its package is still there, a library of it is not."""
    pytest.importorskip("openvino")
    monkeypatch.setattr(choose, "measure", lambda backends: {"onnxruntime": 9.0, "openvino": 3.0})
    assert open_backend("auto", tiny_model).name == "openvino"

    def broken(*_):
        raise BackendUnavailableError("libtbb.so.12 is missing")

    monkeypatch.setitem(choose._OPENERS, "openvino", broken)
    backend = open_backend("auto", tiny_model)
    assert backend.name == "onnxruntime"
    assert "libtbb.so.12" in backend.reason


def test_a_user_without_a_home_folder_is_served(tiny_model, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(choose.verdict.Path, "home", no_home)
    monkeypatch.delenv("IPH_RT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert open_backend("auto", tiny_model).reason


def test_auto_without_openvino_says_so(tiny_model, monkeypatch):
    real = choose.importlib.util.find_spec
    monkeypatch.setattr(choose.importlib.util, "find_spec", lambda n: None if n == "openvino" else real(n))
    backend = open_backend("auto", tiny_model)
    assert backend.name == "onnxruntime"
    assert "openvino is not installed" in backend.reason


def test_openvino_is_silent(tiny_model, tmp_path):
    """No file in the home folder, no socket opened, and no telemetry package loaded."""
    pytest.importorskip("openvino")
    program = f"""
        import socket, sys

        def refuse(*arguments, **options):
            raise SystemExit("a socket was opened")

        socket.socket = socket.create_connection = socket.getaddrinfo = refuse
        from iph_rt.runtime.choose import open_backend
        open_backend("openvino", __import__("pathlib").Path({str(tiny_model)!r})).close()
        assert not any(name.startswith("openvino_telemetry") for name in sys.modules), sorted(sys.modules)
    """
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), "CI": ""}
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, env=environment)
    assert list(home.rglob("*")) == []
