"""Converts MediaPipe's face detection and pose landmark networks from TensorFlow Lite to ONNX, weights unchanged.

Adds to the segmentation converter (:mod:`iph_rt.matte.tflite_to_onnx`) what these two networks need: padding of space and
channels, max pooling, reshapes (which see TensorFlow's order of axes, so the tensor is turned back to NHWC before), a
concatenation of anchors, and several outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from iph_rt.errors import BackendUnavailableError, ModelFileError
from iph_rt.matte.tflite_to_onnx import OPSET, Translation

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
    try:
        import onnx
        import tflite
    except ImportError as error:
        raise BackendUnavailableError(
            f"converting the person models to ONNX needs the package '{error.name}', which is not installed; "
            "run: pip install tflite onnx"
        ) from error
    if tflite_model[4:8] != b"TFL3":
        raise ModelFileError(
            f"not a TensorFlow Lite model: expected the mark b'TFL3' at byte 4, got {tflite_model[4:8]!r}; "
            "run: iph-rt fetch"
        )
    model = tflite.Model.GetRootAsModel(tflite_model, 0)
    graph = _PersonTranslation(tflite, onnx, model).run_all(input_name, outputs)
    result = onnx.helper.make_model(
        graph, producer_name="iph_rt", opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8
    )
    onnx.checker.check_model(result)
    return bytes(result.SerializeToString(deterministic=True))


class _PersonTranslation(Translation):
    """The segmentation model's translation with the operators of the detection and landmark models."""

    def __init__(self, tflite: Any, onnx: Any, model: Any) -> None:
        super().__init__(tflite, onnx, model)
        self.translators.update({
            "PAD": self.pad, "MAX_POOL_2D": self.max_pool, "RESHAPE": self.reshape,
            "CONCATENATION": self.concatenate,
        })  # fmt: skip

    def run_all(self, input_name: str, outputs: dict[int, str]) -> Any:
        source, available = int(self.graph.Inputs(0)), self.graph.OutputsLength()
        if max(outputs) >= available:
            raise ModelFileError(f"the model has {available} outputs, expected {max(outputs) + 1} or more")
        results = {int(self.graph.Outputs(index)): name for index, name in outputs.items()}
        self.names[source] = input_name
        self.names.update(results)
        for index in range(self.graph.OperatorsLength()):
            operator = self.graph.Operators(index)
            name = self.operator_name(operator)
            if name not in self.translators:
                raise ModelFileError(
                    f"the model uses the operator {name}, which the converter does not know "
                    f"(known: {', '.join(self.translators)}); use the model that 'iph-rt fetch' brings"
                )
            inputs = [int(i) for i in operator.InputsAsNumpy()]
            self.translators[name](operator, inputs, int(operator.Outputs(0)))
        info = self.onnx.helper.make_tensor_value_info
        float32 = self.onnx.TensorProto.FLOAT
        return self.onnx.helper.make_graph(
            self.nodes, "person",
            [info(input_name, float32, self.onnx_shape(source))],
            [info(name, float32, self.onnx_shape(i)) for i, name in results.items()],
            initializer=list(self.initializers.values()),
        )  # fmt: skip

    def onnx_shape(self, tensor: int) -> tuple[int, ...]:
        shape = self.shape(tensor)
        return self.nchw(tensor) if len(shape) == 4 else shape

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
