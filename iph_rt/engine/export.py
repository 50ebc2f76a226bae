"""Weights of a training run to files: safetensors, and one ONNX file for each network (FP32, dynamic batch, 256x256)."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file
from torch import nn

from iph_rt.errors import ModelFileError
from iph_rt.files import atomic_path, sha256_of
from iph_rt.model.presets import IPHNet
from iph_rt.model.weights import average_of_run
from iph_rt.weights.registry import HARMONIZER, STYLE_ENCODER, WEIGHTS

SIZE = 256
OPSET = 18


def export_model(model: IPHNet, folder: Path) -> list[Path]:
    """Write weights.safetensors, style_encoder.onnx and harmonizer.onnx; returns their paths.

    The ONNX files keep DESIGN.md's contract: float32 NCHW RGB in [0, 1], masks in [0, 1], N dynamic, H = W = 256.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model.eval()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    picture, mask = torch.rand(2, 3, SIZE, SIZE), torch.ones(2, 1, SIZE, SIZE)
    code = torch.zeros(2, model.preset.code_size)
    weights = folder / WEIGHTS
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, weights)
    _export(model.style_encoder, (picture, mask), ["reference", "guide_mask"], ["style_code"], folder / STYLE_ENCODER)
    _export(model.harmonizer, (picture, mask, code), ["foreground", "mask", "style_code"], ["harmonized"], folder / HARMONIZER)
    return [weights, folder / STYLE_ENCODER, folder / HARMONIZER]


def _export(net: nn.Module, example: tuple[torch.Tensor, ...], inputs: list[str], outputs: list[str], path: Path) -> None:
    batch = torch.export.Dim("N", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net, example, dynamo=True, optimize=True, opset_version=OPSET, input_names=inputs, output_names=outputs,
            dynamic_shapes=tuple({0: batch} for _ in inputs), verbose=False,
        )
    if program is None:
        raise ModelFileError(f"torch made no ONNX program for {path.name}; expected torch >= 2.5 with onnxscript")
    proto = program.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]  # source paths and stack traces of the exporting machine
    del proto.graph.metadata_props[:]
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del value.metadata_props[:]
    onnx.checker.check_model(proto, full_check=True)
    with atomic_path(path) as partial:
        partial.write_bytes(proto.SerializeToString())


def export_run(run: Path | None, folder: Path) -> list[Path]:
    """Export the moving average of a run's checkpoint.

    Raises:
        ModelFileError: no run was named, or it holds no checkpoint.
    """
    if run is None:
        raise ModelFileError("got no run to export; name its folder with --out")
    return export_model(average_of_run(run), folder)


def pin(name: str, folder: Path, pins: Path) -> None:
    """Write the SHA-256 of every file of a model's folder into the pins."""
    table = json.loads(pins.read_text(encoding="utf-8")) if pins.exists() else {}
    table[name] = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.suffix in (".onnx", ".safetensors")}
    pins.write_text(json.dumps(table, indent=2, sort_keys=True) + "\n", encoding="utf-8")
