"""OpenVINO on the CPU: optional, and faster than ONNX Runtime on most x86 processors. The only file that imports it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from iph_rt.errors import BackendUnavailableError, ClosedError, ModelFileError
from iph_rt.runtime.backend import (
    HARMONIZER_INPUTS,
    HARMONIZER_OUTPUT,
    IMAGE_SHAPE,
    MASK_SHAPE,
    STYLE_INPUTS,
    STYLE_OUTPUT,
    Array,
    NetworkFiles,
    check_tensor,
)
from iph_rt.runtime.onnxruntime_backend import check_contract, first_line

NAME = "openvino"
_TELEMETRY = "openvino_telemetry"
_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


def import_openvino() -> Any:
    """Imports OpenVINO with its telemetry left out.

    Importing ``openvino`` alone would write an id into the user's home and send an event, because its wheel pulls the
    package ``openvino_telemetry``. While that name cannot be imported OpenVINO takes a silent stand-in of its own.

    Raises:
        BackendUnavailableError: OpenVINO is not installed or does not load.
    """
    hidden = _TELEMETRY not in sys.modules
    if hidden:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # how the import system marks "not there"
    try:
        import openvino
    except ImportError as error:
        raise BackendUnavailableError(
            f"backend 'openvino' cannot run: {first_line(error)}; install it: pip install 'iph-rt[openvino]'"
        ) from error
    finally:
        if hidden:
            del sys.modules[_TELEMETRY]
    return openvino


class OpenVinoBackend:
    """Both networks on OpenVINO's CPU device, in float32 or in a half precision that the processor has."""

    name = NAME

    def __init__(
        self, files: NetworkFiles, *, threads: int, precision: str = "fp32", reason: str = "asked for by name"
    ) -> None:
        """Compiles both networks for 256 x 256 and one picture.

        Raises:
            BackendUnavailableError: OpenVINO is not installed, or the processor lacks ``precision``.
            ModelFileError: a file is damaged or its inputs and outputs are not those of the contract.
        """
        self._openvino = import_openvino()
        self.precision, self.reason = precision, reason
        core = self._openvino.Core()
        able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision != "fp32" and precision.upper() not in able:
            raise BackendUnavailableError(
                f"backend 'openvino' cannot run in {precision}: this processor "
                f"({core.get_property('CPU', 'FULL_DEVICE_NAME')}) computes in {', '.join(sorted(able))}; "
                "use precision='fp32'"
            )
        self._settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "ENABLE_CPU_PINNING": "NO",  # the other stages need the cores too; the system knows best which is free
        }
        self._style: _Request | None = self._compile(core, files.style_encoder, STYLE_INPUTS, STYLE_OUTPUT)
        self._harmonizer: _Request | None = self._compile(core, files.harmonizer, HARMONIZER_INPUTS, HARMONIZER_OUTPUT)

    def _compile(self, core: Any, path: Path, inputs: tuple[str, ...], output: str) -> _Request:
        try:
            model = core.read_model(str(path))
        except RuntimeError as error:
            raise ModelFileError(f"{path}: OpenVINO cannot load it ({first_line(error)})") from error
        found = {port.get_any_name(): port for port in model.inputs}
        outputs = [name for port in model.outputs for name in port.get_names()]
        check_contract(path, list(found), outputs, inputs, output)
        shapes = {}
        for name, port in found.items():
            fixed = {"mask": MASK_SHAPE, "guide_mask": MASK_SHAPE, "foreground": IMAGE_SHAPE, "reference": IMAGE_SHAPE}
            code_length = port.get_partial_shape()[-1]
            shapes[name] = list(fixed.get(name) or (1, code_length.get_length() if code_length.is_static else -1))
        try:
            model.reshape(shapes)
            return _Request(self._openvino, core.compile_model(model, "CPU", self._settings), output)
        except RuntimeError as error:
            raise ModelFileError(f"{path}: OpenVINO cannot compile it ({first_line(error)})") from error

    def encode_style(self, reference: Array, guide_mask: Array) -> Array:
        check_tensor("reference", reference, IMAGE_SHAPE)
        check_tensor("guide_mask", guide_mask, MASK_SHAPE)
        return _open(self._style).run({"reference": reference, "guide_mask": guide_mask})

    def harmonize(self, foreground: Array, mask: Array, style_code: Array) -> Array:
        check_tensor("foreground", foreground, IMAGE_SHAPE)
        check_tensor("mask", mask, MASK_SHAPE)
        check_tensor("style_code", style_code, (1, style_code.shape[-1]))
        return _open(self._harmonizer).run({"foreground": foreground, "mask": mask, "style_code": style_code})

    def close(self) -> None:
        self._style = self._harmonizer = None


class _Request:
    """One compiled network that reads the caller's arrays in place; its output is a view of its own kept tensor."""

    def __init__(self, openvino: Any, compiled: Any, output: str) -> None:
        self._tensor = openvino.Tensor
        self._request = compiled.create_infer_request()
        self._output = output
        self._bound: dict[str, Array] = {}

    def run(self, tensors: dict[str, Array]) -> Array:
        for name, tensor in tensors.items():
            if self._bound.get(name) is not tensor:
                self._request.set_tensor(name, self._tensor(tensor, shared_memory=True))
                self._bound[name] = tensor  # kept alive as long as the request reads it
        self._request.infer()
        result: Array = self._request.get_tensor(self._output).data
        return np.asarray(result, np.float32)


def _open(request: _Request | None) -> _Request:
    if request is None:
        raise ClosedError("the backend 'openvino' was closed; open another")
    return request
