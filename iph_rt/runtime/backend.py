"""What every backend is: two networks behind one small protocol, and the files that they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from iph_rt.errors import ModelFileError

Array = NDArray[np.float32]

NETWORK_SIZE = 256
"""Height and width of everything that a network sees."""

IMAGE_SHAPE = (1, 3, NETWORK_SIZE, NETWORK_SIZE)
MASK_SHAPE = (1, 1, NETWORK_SIZE, NETWORK_SIZE)

STYLE_INPUTS = ("reference", "guide_mask")
STYLE_OUTPUT = "style_code"
HARMONIZER_INPUTS = ("foreground", "mask", "style_code")
HARMONIZER_OUTPUT = "harmonized"


class Backend(Protocol):
    """Runs the two networks. Tensors are C-contiguous float32 NCHW RGB in [0, 1] of 256 x 256; masks are in [0, 1].

    Outputs lie in buffers of the backend and hold until the next call of the same method. The two networks have
    buffers of their own, so ``encode_style`` may run on one thread while ``harmonize`` runs on another; neither may
    run twice at once.

    Attributes:
        name: of the backend, e.g. ``"onnxruntime"``.
        precision: in which it computes, e.g. ``"fp32"``.
        reason: why it is this backend, in words for the user.
    """

    name: str
    precision: str
    reason: str

    def encode_style(self, reference: Array, guide_mask: Array) -> Array:
        """Style code 1xD of the region ``guide_mask`` 1x1xHxW (1 = inside) of ``reference`` 1x3xHxW (paper section
        4.1).
        """
        ...

    def harmonize(self, foreground: Array, mask: Array, style_code: Array) -> Array:
        """The foreground 1x3xHxW (RGB times mask) in the reference's light, 1x3xHxW (paper section 4.1)."""
        ...

    def close(self) -> None:
        """Frees the networks; harmless when repeated."""
        ...


@dataclass(frozen=True)
class NetworkFiles:
    """The two ONNX files of one model."""

    name: str
    style_encoder: Path
    harmonizer: Path


def find_network_files(model: str | Path) -> NetworkFiles:
    """Files of a model of the package by its name, or of a folder with ``style_encoder.onnx`` and ``harmonizer.onnx``.

    A ``Path``, or text with a path separator, is a folder; any other text is a name, whose files' SHA-256 are checked.

    Raises:
        ModelFileError: a file is missing, or is not the one whose SHA-256 is pinned.
    """
    if isinstance(model, str) and "/" not in model and "\\" not in model:
        from iph_rt.weights.registry import model_files

        files = model_files(model)
        return NetworkFiles(model, files.style_encoder, files.harmonizer)
    folder = Path(model)
    found = NetworkFiles(folder.name, folder / "style_encoder.onnx", folder / "harmonizer.onnx")
    for path in (found.style_encoder, found.harmonizer):
        if not path.is_file():
            raise ModelFileError(
                f"model folder {folder}: {path.name} is missing; expected style_encoder.onnx and harmonizer.onnx"
            )
    return found


def check_tensor(name: str, tensor: Array, shape: tuple[int, ...]) -> Array:
    """Returns ``tensor`` if its buffer can be handed to native code as it is. Raises ValueError: a fault of the
    caller's.
    """
    if tensor.dtype != np.float32 or tensor.shape != shape or not tensor.flags.c_contiguous:
        raise ValueError(f"{name}: got {tensor.dtype} {tensor.shape}, expected C-contiguous float32 {shape}")
    return tensor
