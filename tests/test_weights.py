"""The weights that come with the package: small, pinned, one network in two forms; and what is said of files that are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from iph_rt.errors import ConfigError, ModelFileError
from iph_rt.weights import registry
from iph_rt.weights.registry import model_files, model_names


@pytest.fixture
def own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the packaged weights that a test may damage."""
    shutil.copytree(registry.FOLDER, tmp_path / "weights", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(registry, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr(registry, "PINS", tmp_path / "weights" / "pinned.json")
    return tmp_path / "weights"


def test_all_weights_are_pinned_and_small():
    assert model_names() == ["iph-edge"]
    files = model_files("iph-edge")
    pinned = set(json.loads(registry.PINS.read_text(encoding="utf-8"))["iph-edge"])
    assert pinned == {files.style_encoder.name, files.harmonizer.name, files.weights.name}
    assert sum(path.stat().st_size for path in files.harmonizer.parent.iterdir()) <= 6e6


def test_the_card_says_what_it_must():
    card = model_files("iph-edge").card.read_text(encoding="utf-8").lower()
    for word in ("licen", "iph-rt train", "fmse", "limit"):
        assert word in card, word


def test_onnx_files_are_the_safetensors_for_any_batch():
    torch = pytest.importorskip("torch")
    from iph_rt.model.weights import load_packaged

    files, model = model_files("iph-edge"), load_packaged("iph-edge")
    style, harmonizer = (onnxruntime.InferenceSession(str(path)) for path in (files.style_encoder, files.harmonizer))
    rng = np.random.default_rng(0)
    for n in (1, 2):
        reference, foreground = rng.random((2, n, 3, 256, 256), np.float32)
        mask = np.zeros((n, 1, 256, 256), np.float32)
        mask[..., 40:230, 60:200] = 1
        foreground *= mask
        with torch.no_grad():
            code = model.style_encoder(torch.from_numpy(reference), torch.from_numpy(mask))
            expected = model.harmonizer(torch.from_numpy(foreground), torch.from_numpy(mask), code)
        (got_code,) = style.run(["style_code"], {"reference": reference, "guide_mask": mask})
        (got,) = harmonizer.run(["harmonized"], {"foreground": foreground, "mask": mask, "style_code": got_code})
        np.testing.assert_allclose(got_code, code.numpy(), atol=1e-3 * max(1.0, float(code.abs().max())))
        np.testing.assert_allclose(got, expected.numpy(), atol=1e-3)


def test_unknown_name():
    with pytest.raises(ConfigError, match="'iph-huge'; expected one of: iph-edge, or a folder"):
        model_files("iph-huge")


def test_one_wrong_bit(own_weights: Path):
    path = own_weights / "iph-edge" / "style_encoder.onnx"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"style_encoder\.onnx has SHA-256 .*expected .*reinstall"):
        model_files("iph-edge")


def test_missing_files(own_weights: Path):
    (own_weights / "iph-edge" / "harmonizer.onnx").unlink()
    with pytest.raises(ModelFileError, match=r"harmonizer\.onnx cannot be read \(No such file or directory\); reinstall"):
        model_files("iph-edge")
    for text in ("{", None):
        if text is None:
            registry.PINS.unlink()
        else:
            registry.PINS.write_text(text, encoding="utf-8")
        with pytest.raises(ModelFileError, match=r"pinned\.json cannot be read"):
            model_files("iph-edge")
