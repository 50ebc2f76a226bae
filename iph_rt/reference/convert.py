"""Converts MediaPipe's face detection and pose landmark networks from TensorFlow Lite to ONNX, weights unchanged.

Adds to the segmentation converter (:mod:`iph_rt.matte.tflite_to_onnx`) what these two networks need: padding of space and
channels, max pooling, reshapes (which see TensorFlow's order of axes, so the tensor is turned back to NHWC before), a
concatenation of anchors, and several outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from iph_rt.matte.tflite_to_onnx import Translation, open_model, serialize

VERSION = "2"  # raise it when the converted files change, so that old ones are not used


def convert(tflite_model: bytes, input_name: str, outputs: dict[int, str]) -> bytes:
    """Converts one model; returns the serialised ONNX model.

    Args:
        tflite_model: the file's bytes.
        input_name: of the converted model's only input, 1x3xHxW float32.
        outputs: the wanted outputs, their number in the original and their new name; those of rank 4 become NCHW. What
            only the others need is left out by the runtime.

    Raises:
        BackendUnavailableError: package ``tflite`` or ``onnx`` is not installed.
        ModelFileError: the bytes are not a TensorFlow Lite model, or one with operators that are not known here.
    """
    tflite, onnx, model = open_model(tflite_model)
    return serialize(onnx, _PersonTranslation(tflite, onnx, model).run("person", input_name, outputs))


class _PersonTranslation(Translation):
    """The segmentation model's translation with the operators of the detection and landmark models."""

    def __init__(self, tflite: Any, onnx: Any, model: Any) -> None:
        super().__init__(tflite, onnx, model)
        self.translators.update({
            "PAD": self.pad, "MAX_POOL_2D": self.max_pool, "RESHAPE": self.reshape,
            "CONCATENATION": self.concatenate,
        })  # fmt: skip

    def emit_activated(self, options: Any, kind: str, inputs: list[str], tensor: int, **attributes: Any) -> None:
        if options.FusedActivationFunction() != self.tflite.ActivationFunctionType.RELU6:
            super().emit_activated(options, kind, inputs, tensor, **attributes)
            return
        low, high = (self.initializer(f"clip{v}", np.array(v, np.float32)) for v in (0, 6))
        self.emit(kind, inputs, f"{self.name(tensor)}_raw", **attributes)
        self.emit("Clip", [f"{self.name(tensor)}_raw", low, high], self.name(tensor))

    def pad(self, operator: Any, inputs: list[int], output: int) -> None:
        before, after = self.constant(inputs[1]).T.tolist()
        pads = [before[i] for i in (0, 3, 1, 2)] + [after[i] for i in (0, 3, 1, 2)]
        name = self.initializer(f"pads{output}", np.array(pads, np.int64))
        self.emit("Pad", [self.name(inputs[0]), name], self.name(output))

    def max_pool(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self.options(operator, "Pool2DOptions")
        window = self.window(options, inputs[0], output, (options.FilterHeight(), options.FilterWidth()))
        self.emit_activated(options, "MaxPool", [self.name(inputs[0])], output, **window)

    def reshape(self, operator: Any, inputs: list[int], output: int) -> None:
        source = self.name(inputs[0])
        if len(self.shape(inputs[0])) == 4:
            self.emit("Transpose", [source], f"{self.name(output)}_nhwc", perm=[0, 2, 3, 1])
            source = f"{self.name(output)}_nhwc"
        shape = self.initializer(f"shape{output}", np.array(self.shape(output), np.int64))
        self.emit("Reshape", [source, shape], self.name(output))

    def concatenate(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self.options(operator, "ConcatenationOptions")
        axis = options.Axis() if len(self.shape(output)) != 4 else (0, 2, 3, 1)[options.Axis()]
        self.emit("Concat", [self.name(i) for i in inputs], self.name(output), axis=axis)
