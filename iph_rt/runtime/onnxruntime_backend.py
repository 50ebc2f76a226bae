"""The default backend: ONNX Runtime on the CPU, inputs and outputs bound to kept buffers."""

from __future__ import annotations

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

NAME = "onnxruntime"
ERRORS_ONLY = 3  # of ONNX Runtime's severities 0 (verbose) to 4 (fatal)


class OnnxRuntimeBackend:
    """Both networks on ONNX Runtime's CPU provider, in float32 (it has no half-precision kernels for the CPU)."""

    name = NAME
    precision = "fp32"

    def __init__(self, files: NetworkFiles, *, threads: int, reason: str = "asked for by name") -> None:
        """Loads both networks.

        Raises:
            BackendUnavailableError: ONNX Runtime is not installed.
            ModelFileError: a file is damaged or its inputs and outputs are not those of the contract.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise BackendUnavailableError(
                f"backend 'onnxruntime' cannot run: {error}; install it: pip install onnxruntime"
            ) from error
        self.reason = reason
        self._ort = onnxruntime
        onnxruntime.set_default_logger_severity(ERRORS_ONLY)
        onnxruntime.disable_telemetry_events()  # Windows builds have such events; elsewhere a no-op
        self._threads = threads
        self._style: _Network | None = self._load(files.style_encoder, STYLE_INPUTS, STYLE_OUTPUT, None)
        self._harmonizer: _Network | None = self._load(
            files.harmonizer, HARMONIZER_INPUTS, HARMONIZER_OUTPUT, IMAGE_SHAPE
        )

    def _load(self, path: Path, inputs: tuple[str, ...], output: str, shape: tuple[int, ...] | None) -> _Network:
        options = self._ort.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.execution_mode = self._ort.ExecutionMode.ORT_SEQUENTIAL
        # Spinning threads would take the cores from the stages that run between two runs of the network.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = self._ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exception classes share no base but this one
            raise ModelFileError(f"{path}: ONNX Runtime cannot load it ({first_line(error)})") from error
        found, outputs = [port.name for port in session.get_inputs()], [port.name for port in session.get_outputs()]
        check_contract(path, found, outputs, inputs, output)
        return _Network(session, inputs, output, shape)

    def encode_style(self, reference: Array, guide_mask: Array) -> Array:
        network = _open(self._style)
        check_tensor("reference", reference, IMAGE_SHAPE)
        check_tensor("guide_mask", guide_mask, MASK_SHAPE)
        return network.run(reference, guide_mask)

    def harmonize(self, foreground: Array, mask: Array, style_code: Array) -> Array:
        network = _open(self._harmonizer)
        check_tensor("foreground", foreground, IMAGE_SHAPE)
        check_tensor("mask", mask, MASK_SHAPE)
        check_tensor("style_code", style_code, (1, style_code.shape[-1]))
        return network.run(foreground, mask, style_code)

    def close(self) -> None:
        self._style = self._harmonizer = None


class _Network:
    """One session that reads the caller's arrays in place and, where the output's shape is known, writes to a kept
    array.
    """

    def __init__(self, session: Any, inputs: tuple[str, ...], output: str, shape: tuple[int, ...] | None) -> None:
        self._session, self._inputs, self._output_name = session, inputs, output
        self._binding = session.io_binding()
        self._output: Array | None = None
        if shape is not None:
            self._output = np.zeros(shape, np.float32)
            self._binding.bind_output(output, "cpu", 0, np.float32, shape, self._output.ctypes.data)

    def run(self, *tensors: Array) -> Array:
        if self._output is None:
            result: Array = self._session.run([self._output_name], dict(zip(self._inputs, tensors, strict=True)))[0]
            return result
        for name, tensor in zip(self._inputs, tensors, strict=True):
            self._binding.bind_input(name, "cpu", 0, np.float32, tensor.shape, tensor.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return self._output


def check_contract(path: Path, inputs: list[str], outputs: list[str], expected: tuple[str, ...], output: str) -> None:
    """Raises ModelFileError unless a network has the inputs and the output that the contract names."""
    if sorted(inputs) != sorted(expected) or output not in outputs:
        raise ModelFileError(
            f"{path}: got inputs {sorted(inputs)} and outputs {sorted(outputs)}, "
            f"expected {sorted(expected)} and ['{output}']"
        )


def first_line(error: BaseException) -> str:
    """First line of an error of someone else's library, for a message of one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _open(network: _Network | None) -> _Network:
    if network is None:
        raise ClosedError("the backend 'onnxruntime' was closed; open another")
    return network
