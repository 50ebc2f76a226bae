"""Converts MediaPipe's selfie segmentation network from TensorFlow Lite to ONNX, weights unchanged.

The network is a small MobileNetV3-like encoder and decoder; the eleven operators that it uses map to ten of ONNX
(opset 17): Conv, Relu, Mul, Add, HardSigmoid, Sigmoid, GlobalAveragePool, Resize, ConvTranspose (147 nodes), with
tensors turned from NHWC to NCHW. Half-precision weights are widened to float32, as TensorFlow Lite itself does before
it computes.

The converted model takes ``frame`` 1x3xHxW float32 RGB in [0, 1] and gives ``confidence`` 1x1xHxW float32 in [0, 1], 1
= person. The same source gives the same bytes. Needs the packages ``tflite`` and ``onnx``, imported on use only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import BackendUnavailableError, ModelFileError

OPSET = 17
CONVERTER_VERSION = "1"
INPUT_NAME = "frame"
OUTPUT_NAME = "confidence"
METADATA_SOURCE = "source_sha256"
METADATA_VERSION = "iph_rt_converter"

_DTYPES = {"FLOAT32": np.dtype("<f4"), "FLOAT16": np.dtype("<f2"), "INT32": np.dtype("<i4")}


def source_digest(tflite_model: bytes) -> str:
    """SHA-256 of the source file, as it is written into the converted file's metadata."""
    return hashlib.sha256(tflite_model).hexdigest()


def convert(tflite_model: bytes) -> bytes:
    """Converts one TensorFlow Lite segmentation model; returns the serialised ONNX model.

    Raises:
        BackendUnavailableError: package ``tflite`` or ``onnx`` is not installed.
        ModelFileError: the bytes are not a TensorFlow Lite model, or one with operators other than those listed above.
    """
    tflite, onnx, model = open_model(tflite_model)
    graph = Translation(tflite, onnx, model).run("selfie_segmentation", INPUT_NAME, {0: OUTPUT_NAME})
    return serialize(onnx, graph, {METADATA_SOURCE: source_digest(tflite_model), METADATA_VERSION: CONVERTER_VERSION})


def open_model(tflite_model: bytes) -> tuple[Any, Any, Any]:
    """The packages tflite and onnx, and the model read with the first. Raises as :func:`convert`."""
    try:
        import onnx
        import tflite
    except ImportError as error:
        raise BackendUnavailableError(
            f"converting the fetched models to ONNX needs the package '{error.name}', which is not installed; "
            "run: pip install tflite onnx"
        ) from error
    if tflite_model[4:8] != b"TFL3":
        raise ModelFileError(
            f"not a TensorFlow Lite model: expected the mark b'TFL3' at byte 4, got {tflite_model[4:8]!r}; run: iph-rt fetch"
        )
    return tflite, onnx, tflite.Model.GetRootAsModel(tflite_model, 0)


def serialize(onnx: Any, graph: Any, metadata: dict[str, str] | None = None) -> bytes:
    """The checked model's bytes: the same for the same graph."""
    result = onnx.helper.make_model(
        graph, producer_name="iph_rt", opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8
    )
    if metadata:
        onnx.helper.set_model_props(result, metadata)
    onnx.checker.check_model(result)
    return bytes(result.SerializeToString(deterministic=True))


class Translation:
    """One pass over the operators of the first subgraph, in their order."""

    def __init__(self, tflite: Any, onnx: Any, model: Any) -> None:
        self.tflite, self.onnx, self.model = tflite, onnx, model
        self.graph = model.Subgraphs(0)
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.constants: dict[int, NDArray[Any]] = {}  # tensors whose value is known: weights, and what widens them
        self.names: dict[int, str] = {}
        self.translators: dict[str, Callable[[Any, list[int], int], None]] = {
            "DEQUANTIZE": self.dequantize, "CONV_2D": self.convolution, "DEPTHWISE_CONV_2D": self.depthwise,
            "RELU": self.unary("Relu"), "LOGISTIC": self.unary("Sigmoid"), "HARD_SWISH": self.hard_swish,
            "ADD": self.binary("Add"), "MUL": self.binary("Mul"), "MEAN": self.spatial_mean,
            "AVERAGE_POOL_2D": self.global_pool, "RESIZE_BILINEAR": self.resize,
            "Convolution2DTransposeBias": self.transposed_convolution,
        }  # fmt: skip

    def run(self, graph_name: str, input_name: str, outputs: dict[int, str]) -> Any:
        """The ONNX graph with one input and the wanted outputs: their number in the original, and their new name."""
        available = self.graph.OutputsLength()
        if max(outputs) >= available:
            raise ModelFileError(f"the model has {available} outputs, expected {max(outputs) + 1} or more")
        source = int(self.graph.Inputs(0))
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
        return self.onnx.helper.make_graph(
            self.nodes, graph_name, [self.value_info(input_name, source)],
            [self.value_info(name, tensor) for tensor, name in results.items()],
            initializer=list(self.initializers.values()),
        )  # fmt: skip

    def value_info(self, name: str, tensor: int) -> Any:
        shape = self.shape(tensor)
        ordered = self.nchw(tensor) if len(shape) == 4 else shape
        return self.onnx.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, ordered)

    # What the flatbuffer says about operators and tensors.

    def operator_name(self, operator: Any) -> str:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        # Files older than TensorFlow 2.4 fill only the 8-bit field, newer ones both.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if number == self.tflite.BuiltinOperator.CUSTOM:
            return bytes(code.CustomCode()).decode()
        names = {value: key for key, value in vars(self.tflite.BuiltinOperator).items() if not key.startswith("_")}
        return str(names.get(number, f"number {number}"))

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(int(n) for n in self.graph.Tensors(tensor).ShapeAsNumpy())

    def nchw(self, tensor: int) -> tuple[int, int, int, int]:
        n, h, w, c = self.shape(tensor)
        return n, c, h, w

    def options(self, operator: Any, kind: str) -> Any:
        result = getattr(self.tflite, kind)()
        table = operator.BuiltinOptions()
        result.Init(table.Bytes, table.Pos)
        return result

    def constant(self, tensor: int) -> NDArray[Any]:
        if tensor not in self.constants:
            entry = self.graph.Tensors(tensor)
            kinds = {value: key for key, value in vars(self.tflite.TensorType).items() if not key.startswith("_")}
            kind = kinds.get(entry.Type(), "?")
            data = self.model.Buffers(entry.Buffer())
            if kind not in _DTYPES or data.DataLength() == 0:
                raise ModelFileError(f"tensor {tensor} of the segmentation model is {kind} and not a known constant")
            self.constants[tensor] = data.DataAsNumpy().view(_DTYPES[kind]).reshape(self.shape(tensor))
        return self.constants[tensor]

    # Writing nodes.

    def name(self, tensor: int) -> str:
        return self.names.setdefault(tensor, f"t{tensor}")

    def initializer(self, name: str, value: NDArray[Any]) -> str:
        if name not in self.initializers:
            self.initializers[name] = self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def emit(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=f"n{len(self.nodes)}", **attributes))

    def emit_activated(self, options: Any, kind: str, inputs: list[str], tensor: int, **attributes: Any) -> None:
        """A node with the activation that TensorFlow Lite fuses into it."""
        activation = options.FusedActivationFunction()
        if activation == self.tflite.ActivationFunctionType.NONE:
            self.emit(kind, inputs, self.name(tensor), **attributes)
        elif activation == self.tflite.ActivationFunctionType.RELU:
            self.emit(kind, inputs, f"{self.name(tensor)}_raw", **attributes)
            self.emit("Relu", [f"{self.name(tensor)}_raw"], self.name(tensor))
        else:
            raise ModelFileError(f"the segmentation model fuses activation number {activation}; known: none, RELU")

    # One function for each operator.

    def dequantize(self, operator: Any, inputs: list[int], output: int) -> None:
        self.constants[output] = self.constant(inputs[0]).astype(np.float32)

    def weights(self, inputs: list[int], transpose: tuple[int, ...]) -> list[str]:
        kernel = self.initializer(f"w{inputs[1]}", self.constant(inputs[1]).transpose(transpose))
        return [self.name(inputs[0]), kernel, self.initializer(f"b{inputs[2]}", self.constant(inputs[2]))]

    def window(self, options: Any, source: int, output: int, kernel: tuple[int, int]) -> dict[str, Any]:
        """Strides and explicit pads; TensorFlow's SAME puts the odd pixel after, and depends on the input size."""
        strides = [options.StrideH(), options.StrideW()]
        pads = [0, 0, 0, 0]
        if options.Padding() == self.tflite.Padding.SAME:
            for axis in (0, 1):
                size, result = self.shape(source)[1 + axis], self.shape(output)[1 + axis]
                total = max((result - 1) * strides[axis] + kernel[axis] - size, 0)
                pads[axis], pads[axis + 2] = total // 2, total - total // 2
        return {"kernel_shape": list(kernel), "strides": strides, "pads": pads}

    def convolution(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self.options(operator, "Conv2DOptions")
        kernel = self.shape(inputs[1])[1:3]
        window = self.window(options, inputs[0], output, (kernel[0], kernel[1]))
        self.emit_activated(options, "Conv", self.weights(inputs, (0, 3, 1, 2)), output, **window)

    def depthwise(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self.options(operator, "DepthwiseConv2DOptions")
        _, height, width, channels = self.shape(inputs[1])
        window = self.window(options, inputs[0], output, (height, width))
        self.emit_activated(options, "Conv", self.weights(inputs, (3, 0, 1, 2)), output, group=channels, **window)

    def unary(self, kind: str) -> Callable[[Any, list[int], int], None]:
        return lambda operator, inputs, output: self.emit(kind, [self.name(inputs[0])], self.name(output))

    def binary(self, kind: str) -> Callable[[Any, list[int], int], None]:
        def translate(operator: Any, inputs: list[int], output: int) -> None:
            options = self.options(operator, f"{kind}Options")
            self.emit_activated(options, kind, [self.name(i) for i in inputs], output)

        return translate

    def hard_swish(self, operator: Any, inputs: list[int], output: int) -> None:
        gate = f"{self.name(output)}_gate"
        self.emit("HardSigmoid", [self.name(inputs[0])], gate, alpha=1.0 / 6.0, beta=0.5)
        self.emit("Mul", [self.name(inputs[0]), gate], self.name(output))

    def spatial_mean(self, operator: Any, inputs: list[int], output: int) -> None:
        if sorted(int(axis) for axis in self.constant(inputs[1])) != [1, 2]:
            raise ModelFileError(f"MEAN over axes {self.constant(inputs[1]).tolist()}; expected height and width")
        self.emit("GlobalAveragePool", [self.name(inputs[0])], self.name(output))

    def global_pool(self, operator: Any, inputs: list[int], output: int) -> None:
        if self.shape(output)[1:3] != (1, 1):
            raise ModelFileError(f"AVERAGE_POOL_2D to {self.shape(output)}; expected one value for each channel")
        self.emit("GlobalAveragePool", [self.name(inputs[0])], self.name(output))

    def resize(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self.options(operator, "ResizeBilinearOptions")
        mode = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
        mode = "align_corners" if options.AlignCorners() else mode
        sizes = self.initializer(f"size{output}", np.array(self.nchw(output), np.int64))
        self.emit("Resize", [self.name(inputs[0]), "", "", sizes], self.name(output), mode="linear",
                  coordinate_transformation_mode=mode)  # fmt: skip

    def transposed_convolution(self, operator: Any, inputs: list[int], output: int) -> None:
        """MediaPipe's own operator: a transposed convolution with bias; here 2x2 with stride 2, so nothing overlaps."""
        _, height, width, _ = self.shape(inputs[1])
        before, after = self.shape(inputs[0])[1:3], self.shape(output)[1:3]
        if (before[0] * height, before[1] * width) != after:
            raise ModelFileError(f"transposed convolution {height}x{width} from {before} to {after}: expected no overlap")
        self.emit("ConvTranspose", self.weights(inputs, (3, 0, 1, 2)), self.name(output),
                  kernel_shape=[height, width], strides=[height, width])  # fmt: skip
