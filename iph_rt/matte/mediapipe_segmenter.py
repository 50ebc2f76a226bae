"""MediaPipe's ImageSegmenter in VIDEO mode. The only file that imports mediapipe."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iph_rt.assets import asset_path
from iph_rt.errors import BackendUnavailableError, ClosedError
from iph_rt.matte.quiet import without_noise
from iph_rt.matte.sampling import Sampler

SIZES = {"landscape": (256, 144), "square": (256, 256)}
_DEBIAN_PACKAGES = {"libEGL.so.1": "libegl1", "libGLESv2.so.2": "libgles2", "libGL.so.1": "libgl1"}
# What MediaPipe says on every start although nothing is wrong.
_NOISE = (
    "Created TensorFlow Lite XNNPACK delegate",
    "All log messages before absl::InitializeLog",
    "Feedback manager requires a model with a single signature",
    "Sets FaceBlendshapesGraph acceleration",
    "OpenGL error checking is disabled",
)


class MediaPipeSegmenter:
    """Person confidence from MediaPipe; see :class:`iph_rt.matte.segmenter.Segmenter`.

    The frame is sampled at the network's size first, at the positions where MediaPipe would sample it, so that
    MediaPipe makes no mask of the full resolution: the confidence is the same and costs a tenth.

    Raises:
        BackendUnavailableError: package or system library missing, or a version that sends usage metrics.
        AssetMissingError, AssetFetchError: the model file is missing or damaged.
    """

    name = "mediapipe"

    def __init__(self, model: str = "landscape", *, reason: str = "") -> None:
        self.reason = reason
        self.input_size = SIZES[model]
        path = asset_path(f"selfie_{model}")
        self._mediapipe, self._segmenter = _open(str(path))
        width, height = self.input_size
        self._sampler = Sampler(self.input_size)
        self._rgb = np.zeros((height, width, 3), np.uint8)
        self._confidence = np.zeros((height, width), np.float32)
        self._last_ms = -1
        with without_noise(_NOISE):  # the first run loads the rest of the library and says so
            self._run(0)

    def segment(self, frame: NDArray[np.uint8], color: str, timestamp_ns: int) -> NDArray[np.float32]:
        """Confidence (h, w) float32 in [0, 1] at the network's size; the buffer is reused.

        MediaPipe takes only times that grow by whole milliseconds; a time that does not is replaced by the next one
        that does. The network has no memory, so this changes no result.
        """
        if self._segmenter is None:
            raise ClosedError("this segmenter is closed; open another with open_segmenter('mediapipe')")
        sample = self._sampler.sample(frame)
        if color == "bgr":
            cv2.cvtColor(sample, cv2.COLOR_BGR2RGB, dst=self._rgb)
        else:
            np.copyto(self._rgb, sample)
        self._run(timestamp_ns // 1_000_000)
        return self._confidence

    def close(self) -> None:
        """Frees the graph."""
        segmenter, self._segmenter = self._segmenter, None
        if segmenter is not None:
            segmenter.close()

    def _run(self, timestamp_ms: int) -> None:
        self._last_ms = max(timestamp_ms, self._last_ms + 1)
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=self._rgb)
        result = self._segmenter.segment_for_video(image, self._last_ms)
        # The view dies with the result, so it is copied while the result is held.
        np.copyto(self._confidence, result.confidence_masks[0].numpy_view().reshape(self._confidence.shape))


def _open(path: str) -> tuple[Any, Any]:
    """(module mediapipe, ImageSegmenter)"""
    try:
        version = importlib.metadata.version("mediapipe")
    except importlib.metadata.PackageNotFoundError as error:
        raise BackendUnavailableError(
            "segmenter 'mediapipe' needs the package mediapipe, which is not installed; run: pip install 'iph-rt[mediapipe]'"
        ) from error
    if int(version.split(".", 1)[0]) >= 1:
        raise BackendUnavailableError(
            f"segmenter 'mediapipe': got mediapipe {version}, which sends usage metrics to its vendor; "
            "expected a version below 1; run: pip install 'mediapipe>=0.10.30,<1'"
        )
    try:
        with without_noise(_NOISE):
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.ImageSegmenterOptions(
                base_options=BaseOptions(model_asset_path=path),
                running_mode=vision.RunningMode.VIDEO,
                output_confidence_masks=True,
                output_category_mask=False,  # slow and inverted
            )
            return mediapipe, vision.ImageSegmenter.create_from_options(options)
    except (ImportError, OSError) as error:
        raise BackendUnavailableError(_explain(error)) from error
    except (RuntimeError, ValueError, AttributeError) as error:
        raise BackendUnavailableError(f"segmenter 'mediapipe': mediapipe {version} does not open the model: {error}") from error


def _explain(error: ImportError | OSError) -> str:
    library = re.search(r"(lib[\w+-]+\.so[.\d]*)", str(error))
    if library is None:
        return f"segmenter 'mediapipe': mediapipe does not load ({error}); run: pip install 'iph-rt[mediapipe]'"
    package = _DEBIAN_PACKAGES.get(library[1])
    cure = f"sudo apt-get install {package}" if package else f"install the system package that holds {library[1]}"
    return f"segmenter 'mediapipe' needs the system library {library[1]}, which is missing; run: {cure}"
