"""The selfie segmentation network on ONNX Runtime, without MediaPipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iph_rt.assets import asset_path
from iph_rt.errors import BackendUnavailableError, ClosedError, SinkError
from iph_rt.files import write_bytes
from iph_rt.matte import tflite_to_onnx
from iph_rt.matte.sampling import Sampler


class OnnxSegmenter:
    """Person confidence from ONNX Runtime; see :class:`iph_rt.matte.segmenter.Segmenter`.

    The fetched TensorFlow Lite file is converted on first use and kept beside it; see
    :mod:`iph_rt.matte.tflite_to_onnx`.

    Args:
        model: ``landscape`` or ``square``.
        threads: threads of ONNX Runtime. One is enough for 37,000 cells; more wait for each other.
        reason: why this segmenter was taken.

    Raises:
        BackendUnavailableError: a package is missing.
        AssetMissingError, AssetFetchError: the model file is missing or damaged.
    """

    name = "onnx"

    def __init__(self, model: str = "landscape", *, threads: int = 1, reason: str = "") -> None:
        self.reason = reason
        self._session: Any = _open_session(asset_path(f"selfie_{model}"), max(1, threads))
        _, _, height, width = self._session.get_inputs()[0].shape
        self.input_size = (int(width), int(height))
        self._sampler = Sampler(self.input_size)
        self._input = np.zeros((1, 3, height, width), np.float32)
        self._output: NDArray[np.float32] = np.zeros((1, 1, height, width), np.float32)
        self._confidence: NDArray[np.float32] = self._output.reshape(height, width)
        self._binding = self._session.io_binding()
        self._binding.bind_input(tflite_to_onnx.INPUT_NAME, "cpu", 0, np.float32, self._input.shape, self._input.ctypes.data)
        self._binding.bind_output(tflite_to_onnx.OUTPUT_NAME, "cpu", 0, np.float32, self._output.shape, self._output.ctypes.data)
        self._session.run_with_iobinding(self._binding)  # the first run plans its memory

    def segment(self, frame: NDArray[np.uint8], color: str, timestamp_ns: int) -> NDArray[np.float32]:
        """Confidence (h, w) float32 in [0, 1] at the network's size; the buffer is reused. The time is not used."""
        if self._session is None:
            raise ClosedError("this segmenter is closed; open another with open_segmenter('onnx')")
        sample = self._sampler.sample(frame)
        rgb = sample[..., ::-1] if color == "bgr" else sample
        np.multiply(rgb.transpose(2, 0, 1), np.float32(1.0 / 255.0), out=self._input[0])
        self._session.run_with_iobinding(self._binding)
        return self._confidence

    def close(self) -> None:
        """Frees the session."""
        self._session = self._binding = None


def onnx_model(source: Path) -> Path | bytes:
    """The converted model: the path of the file beside the source, made now if need be, or its bytes if the folder is
    read-only.
    """
    cached = source.with_suffix(".onnx")
    data = source.read_bytes()
    if _is_current(cached, tflite_to_onnx.source_digest(data)):
        return cached
    model = tflite_to_onnx.convert(data)
    try:
        write_bytes(cached, model)
    except SinkError:
        return model
    return cached


def _is_current(cached: Path, digest: str) -> bool:
    """Whether the cached file was converted from the source with this SHA-256 by this version of the converter."""
    if not cached.is_file():
        return False
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(cached), options, providers=["CPUExecutionProvider"])
    except Exception:  # ONNX Runtime's errors share no narrower base: whatever is wrong, the file is made again
        return False
    metadata = session.get_modelmeta().custom_metadata_map
    expected = {
        tflite_to_onnx.METADATA_SOURCE: digest,
        tflite_to_onnx.METADATA_VERSION: tflite_to_onnx.CONVERTER_VERSION,
    }
    return dict(metadata) == expected


def _open_session(source: Path, threads: int) -> Any:
    onnxruntime = _onnxruntime()
    model = onnx_model(source)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A thread that spins for its next piece of work takes a core from the rest of the live path.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
    )


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailableError(
            f"segmenter 'onnx' needs the package onnxruntime ({error}); run: pip install onnxruntime"
        ) from error
    return onnxruntime
