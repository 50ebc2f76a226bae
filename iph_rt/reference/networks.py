"""Opens the two networks of reference selection in ONNX Runtime; converts the fetched files on first use."""

from __future__ import annotations

import functools
import hashlib
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iph_rt.assets import asset_path
from iph_rt.errors import SinkError
from iph_rt.files import write_bytes
from iph_rt.reference import convert

INPUT_NAME = "image"
# Wanted outputs: their number in the original, and their name.
OUTPUTS = {"face_short": {0: "boxes", 1: "scores"}, "pose_landmark": {1: "presence", 2: "mask"}}
_LOCK = threading.Lock()


class Network:
    """One network: a 1x3xHxW float32 tensor in, its wanted outputs as float32 arrays out, same bits on every run.

    One thread: on a machine that streams at the same time, two of them wait for each other longer than they save.
    """

    def __init__(self, model: bytes, wanted: tuple[str, ...], threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._wanted = list(wanted)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return list(self._session.run(self._wanted, {INPUT_NAME: tensor}))


def open_network(name: str) -> Network:
    """The network ``face_short`` or ``pose_landmark``, opened once for the process.

    Raises:
        AssetMissingError: its file has not been fetched.
        BackendUnavailableError: it has not been converted yet, and the packages for that are missing.
    """
    with _LOCK:
        return _open(name)


@functools.lru_cache(maxsize=4)
def _open(name: str) -> Network:
    return Network(_converted(asset_path(name), name), tuple(OUTPUTS[name].values()))


def _converted(source: Path, name: str) -> bytes:
    """The ONNX file beside the fetched one, under a name that changes with the source and the converter."""
    original = source.read_bytes()
    digest = hashlib.sha256(original).hexdigest()[:12]
    path = source.with_name(f"{source.stem}.{digest}.v{convert.VERSION}.onnx")
    if path.is_file():
        return path.read_bytes()
    model = convert.convert(original, INPUT_NAME, OUTPUTS[name])
    try:
        write_bytes(path, model)
    except SinkError:
        # A read-only assets folder: converting again in each process costs a tenth of a second and nothing else.
        return model
    return model
