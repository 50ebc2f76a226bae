"""Finds the person in a frame: one protocol, two ways to run the same network."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import AssetFetchError, AssetMissingError, BackendUnavailableError, ConfigError

SEGMENTERS = ("auto", "mediapipe", "onnx")
MODELS = ("landscape", "square")


class Segmenter(Protocol):
    """Gives a low-resolution confidence that a pixel belongs to a person."""

    name: str
    """``mediapipe`` or ``onnx``."""
    reason: str
    """Why this one was taken; one sentence."""
    input_size: tuple[int, int]
    """(width, height) of the network; a frame of this size is not sampled again."""

    def segment(self, frame: NDArray[np.uint8], color: str, timestamp_ns: int) -> NDArray[np.float32]:
        """Confidence (h, w) float32 in [0, 1], 1 = person, at the network's size; the buffer is reused by the next
        call.

        Args:
            frame: HxWx3 uint8.
            color: order of the frame's channels, ``bgr`` or ``rgb``.
            timestamp_ns: time of the frame; repeated or backward times are allowed.
        """
        ...

    def close(self) -> None:
        """Frees the network. May be called again."""
        ...


def open_segmenter(name: str = "auto", *, model: str = "landscape", threads: int = 1) -> Segmenter:
    """Opens a segmenter.

    Args:
        name: ``mediapipe`` (MediaPipe's ImageSegmenter), ``onnx`` (the same weights on ONNX Runtime), or ``auto``:
            MediaPipe where it can run, else ONNX Runtime; ``reason`` says which and why.
        model: ``landscape`` (256x144, for webcams) or ``square`` (256x256, for upright and square pictures).
        threads: threads of ONNX Runtime; MediaPipe decides on its own.

    Raises:
        ConfigError: unknown name or model.
        BackendUnavailableError: the segmenter cannot run here; says which package, library or file is missing and how
            to get it.
    """
    if name not in SEGMENTERS:
        raise ConfigError(f"segmenter '{name}': expected one of {', '.join(SEGMENTERS)}")
    if model not in MODELS:
        raise ConfigError(f"segmenter model '{model}': expected one of {', '.join(MODELS)}")
    if name != "auto":
        return _open(name, model, threads, f"{name} was asked for")
    try:
        return _open("mediapipe", model, threads, "auto: MediaPipe can run here")
    except BackendUnavailableError as error:
        problem = str(error)
    try:
        return _open("onnx", model, threads, f"auto: MediaPipe cannot run here ({problem})")
    except BackendUnavailableError as error:
        raise BackendUnavailableError(f"no segmenter can run here. {problem}. {error}") from error


def _open(name: str, model: str, threads: int, reason: str) -> Segmenter:
    try:
        if name == "mediapipe":
            from iph_rt.matte.mediapipe_segmenter import MediaPipeSegmenter

            return MediaPipeSegmenter(model, reason=reason)
        from iph_rt.matte.onnx_segmenter import OnnxSegmenter

        return OnnxSegmenter(model, threads=threads, reason=reason)
    except (AssetMissingError, AssetFetchError) as error:
        raise BackendUnavailableError(f"segmenter '{name}' lacks its model file: {error}") from error
