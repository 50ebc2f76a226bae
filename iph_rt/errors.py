"""Every exception that iph_rt raises on purpose.

All derive from :class:`IphError`. The message always says what was got, what was expected and what to do about it, so that
the command line can print it as one line. Errors that report a bad argument also derive from :class:`ValueError`.
"""

from __future__ import annotations


class IphError(Exception):
    """Base of every error raised by iph_rt."""


class ConfigError(IphError, ValueError):
    """A setting has a value that cannot work."""


class FrameFormatError(IphError, ValueError):
    """A frame or picture is not H x W x 3 uint8 (or whatever the call asks for)."""


class MaskError(IphError, ValueError):
    """A mask or alpha has the wrong shape or type, is empty, or holds NaN."""


class RegionError(IphError, ValueError):
    """A point, box or mask does not select anything usable in the reference picture."""


class ReferenceNotSetError(IphError, RuntimeError):
    """``process`` was called before ``set_reference``."""


class ClosedError(IphError, RuntimeError):
    """An object was used after it was closed."""


class BackendUnavailableError(IphError, RuntimeError):
    """A named backend or segmenter cannot run on this machine; the message says what is missing."""


class NativeModuleError(IphError, ImportError):
    """The compiled extension ``iph_rt._native`` cannot be loaded."""


class ModelFileError(IphError):
    """A weight file is missing, damaged, or not the file whose SHA-256 is pinned."""


class LookFileError(IphError, ValueError):
    """A look file is missing, damaged, of another kind, or not what was written."""


class EngineMismatchError(IphError):
    """An engine was built for another GPU, TensorRT or model; the message names the command that rebuilds it."""


class AssetMissingError(IphError):
    """A third-party model or sample has not been fetched yet; the message names the command that fetches it."""


class AssetFetchError(IphError):
    """A third-party file could not be fetched, or is not the file whose SHA-256 is pinned."""


class SourceError(IphError):
    """A camera, video or picture cannot be opened or read."""


class SinkError(IphError):
    """An output cannot be written."""


class StageError(IphError):
    """A stage of a running stream failed; names the stage and the frame, and chains the cause.

    Attributes:
        stage: name of the stage, e.g. ``"matte"``.
        frame_id: number of the frame that failed, counted from 0; -1 if no frame was under way.
    """

    def __init__(self, stage: str, frame_id: int, message: str) -> None:
        super().__init__(f"stage '{stage}' failed at frame {frame_id}: {message}")
        self.stage = stage
        self.frame_id = frame_id


class TrainingDataError(IphError):
    """Training photographs are missing, unreadable or not the ones whose SHA-256 is listed."""
