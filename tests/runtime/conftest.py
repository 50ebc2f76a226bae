"""Tiny networks of the ONNX contract whose result is known in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

OFFSET = 0.5


def _tensor(name: str, channels: int | str, size: int | None = 256) -> onnx.ValueInfoProto:
    shape = ["N", channels] if size is None else ["N", channels, size, size]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _constant(name: str, value: object) -> onnx.TensorProto:
    dtype = np.int64 if isinstance(value, list) else np.float32
    return numpy_helper.from_array(np.array(value, dtype), name)


def _save(path: Path, nodes: list, inputs: list, outputs: list, constants: list) -> None:
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_tiny_model(folder: Path) -> Path:
    """style_code = mean RGB of the reference inside the guide mask; harmonized = clip(foreground * (code + 0.5)) * mask."""
    folder.mkdir(parents=True, exist_ok=True)
    node = helper.make_node
    _save(
        folder / "style_encoder.onnx",
        [
            node("Mul", ["reference", "guide_mask"], ["inside"]),
            node("ReduceSum", ["inside", "axes"], ["total"], keepdims=0),
            node("ReduceSum", ["guide_mask", "axes"], ["pixels"], keepdims=0),
            node("Div", ["total", "pixels"], ["style_code"]),
        ],
        [_tensor("reference", 3), _tensor("guide_mask", 1)],
        [_tensor("style_code", 3, None)],
        [_constant("axes", [2, 3])],
    )
    _save(
        folder / "harmonizer.onnx",
        [
            node("Add", ["style_code", "offset"], ["gain"]),
            node("Unsqueeze", ["gain", "axes"], ["planes"]),
            node("Mul", ["foreground", "planes"], ["scaled"]),
            node("Mul", ["scaled", "mask"], ["masked"]),
            node("Clip", ["masked", "zero", "one"], ["harmonized"]),
        ],
        [_tensor("foreground", 3), _tensor("mask", 1), _tensor("style_code", 3, None)],
        [_tensor("harmonized", 3)],
        [_constant("offset", OFFSET), _constant("axes", [2, 3]), _constant("zero", 0.0), _constant("one", 1.0)],
    )
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the two tiny networks."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The verdict of `auto` goes to the test's own folder."""
    monkeypatch.setenv("IPH_RT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
