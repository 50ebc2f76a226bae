"""Real-time Interactive Portrait Harmonization.

    from iph_rt import Harmonizer

    with Harmonizer(color="bgr") as h:
        h.set_background(party)                       # HWC uint8, or None to keep the user's own room
        h.set_reference(party, point=(x, y))          # or region=(x, y, w, h), mask=HxW, or nothing
        for frame in camera:
            out = h.process(frame)                    # HWC uint8 of the background's size, the user harmonized in it

What is named here is loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from iph_rt.errors import (
    AssetFetchError,
    AssetMissingError,
    BackendUnavailableError,
    ClosedError,
    ConfigError,
    EngineMismatchError,
    FrameFormatError,
    IphError,
    LookFileError,
    MaskError,
    ModelFileError,
    NativeModuleError,
    ReferenceNotSetError,
    RegionError,
    SinkError,
    SourceError,
    StageError,
    TrainingDataError,
)

if TYPE_CHECKING:
    from iph_rt.color.look import Look as Look
    from iph_rt.harmonizer import Harmonizer as Harmonizer
    from iph_rt.stream.stream import Stream as Stream

__version__ = "0.1.0"

_LAZY = {"Harmonizer": "iph_rt.harmonizer", "Look": "iph_rt.color.look", "Stream": "iph_rt.stream.stream"}

__all__ = [
    "AssetFetchError",
    "AssetMissingError",
    "BackendUnavailableError",
    "ClosedError",
    "ConfigError",
    "EngineMismatchError",
    "FrameFormatError",
    "Harmonizer",
    "IphError",
    "Look",
    "LookFileError",
    "MaskError",
    "ModelFileError",
    "NativeModuleError",
    "ReferenceNotSetError",
    "RegionError",
    "SinkError",
    "SourceError",
    "StageError",
    "Stream",
    "TrainingDataError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'iph_rt' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
