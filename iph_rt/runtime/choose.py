"""Opens a backend by name, or measures those that can run and takes the fastest."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from iph_rt.config import BACKENDS, PRECISIONS, check_choice, check_count, processor_count
from iph_rt.errors import BackendUnavailableError
from iph_rt.runtime import verdict
from iph_rt.runtime.backend import IMAGE_SHAPE, MASK_SHAPE, Backend, NetworkFiles, find_network_files

WARMUP_RUNS = 1
MEASURED_RUNS = 4
CLEARLY_FASTER = 0.9  # of the default's time: a smaller difference is the machine's mood, and the default stays

CPU_BACKENDS = ("onnxruntime", "openvino")  # the first is the default

Opener = Callable[[NetworkFiles, int, str], Backend]


def open_backend(
    name: str = "auto", model: str | Path = "iph-edge", precision: str = "auto", *, threads: int = 0
) -> Backend:
    """Opens a backend for the networks of ``model`` (a name, or a folder with the two ONNX files).

    ``"auto"`` measures once on each machine the backends that can run there and takes the faster; the verdict is kept
    in the cache folder, so that later runs take the same one and give the same bytes. ``.reason`` of the backend says
    which and why. ``precision="auto"`` is float32 on a CPU. ``threads`` 0 means all processors, at most four.

    Raises:
        ConfigError: an unknown name or precision.
        BackendUnavailableError: the named backend, or every backend, cannot run here (so); the message says what is
        missing. ModelFileError: a model file is missing or damaged.
    """
    check_choice("backend", name, BACKENDS)
    check_choice("precision", precision, PRECISIONS)
    threads = check_count("threads", threads, 0, 256) or min(4, processor_count())
    files = find_network_files(model)
    if name == "auto":
        return _fastest(files, precision, threads)
    return _OPENERS[name](files, threads, precision)


def _fastest(files: NetworkFiles, precision: str, threads: int) -> Backend:
    names = [name for name in CPU_BACKENDS if importlib.util.find_spec(name) is not None]
    key = verdict.machine_key(files, names, precision, threads)
    times = verdict.load(key)
    if times is not None and pick(times) in names:
        with contextlib.suppress(BackendUnavailableError):  # it has lost a library since: measure again
            best = _OPENERS[pick(times)](files, threads, precision)
            best.reason = _measured(times)
            return best
    opened, refusals = _open_all(names, files, threads, precision)
    if not opened:
        raise BackendUnavailableError("no backend can run: " + " | ".join(refusals or ["none is installed"]))
    if len(opened) == 1:
        (best,) = opened.values()
        others = [f"{name} is not installed" for name in CPU_BACKENDS if name not in names]
        best.reason = "; ".join(["the only one that can run here", *others, *refusals])
        return best
    times = measure(opened)
    verdict.save(key, times)
    best = opened.pop(pick(times))
    for other in opened.values():
        other.close()
    best.reason = _measured(times)
    return best


def _open_all(
    names: list[str], files: NetworkFiles, threads: int, precision: str
) -> tuple[dict[str, Backend], list[str]]:
    opened: dict[str, Backend] = {}
    refusals: list[str] = []
    for name in names:
        try:
            opened[name] = _OPENERS[name](files, threads, precision)
        except BackendUnavailableError as error:
            refusals.append(str(error))
    return opened, refusals


def _measured(times: dict[str, float]) -> str:
    return "measured once on this machine: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in times.items())


def pick(times: dict[str, float]) -> str:
    """The fastest by name; the first one, which is the default, unless another is clearly faster."""
    default = next(iter(times))
    fastest = min(times, key=lambda name: times[name])
    return fastest if times[fastest] < CLEARLY_FASTER * times[default] else default


def measure(backends: dict[str, Backend]) -> dict[str, float]:
    """Shortest time of the harmonizer network over a few runs by name, in milliseconds.

    The backends take turns and the shortest run counts, so that whatever else the machine does hits none of them more.
    """
    generator = np.random.default_rng(0)
    image = generator.random(IMAGE_SHAPE, np.float32)
    mask = np.ones(MASK_SHAPE, np.float32)
    code = np.ascontiguousarray(next(iter(backends.values())).encode_style(image, mask))
    times: dict[str, list[float]] = {name: [] for name in backends}
    for _ in range(WARMUP_RUNS + MEASURED_RUNS):
        for name, backend in backends.items():
            start = time.perf_counter()
            backend.harmonize(image, mask, code)
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: min(runs[WARMUP_RUNS:]) for name, runs in times.items()}


def _open_onnxruntime(files: NetworkFiles, threads: int, precision: str) -> Backend:
    if precision not in ("auto", "fp32"):
        raise BackendUnavailableError(
            f"backend 'onnxruntime' cannot run in {precision}: its CPU kernels compute in fp32 and would only convert "
            "to and fro; use precision='fp32'"
        )
    from iph_rt.runtime.onnxruntime_backend import OnnxRuntimeBackend

    return OnnxRuntimeBackend(files, threads=threads)


def _open_openvino(files: NetworkFiles, threads: int, precision: str) -> Backend:
    from iph_rt.runtime.openvino_backend import OpenVinoBackend

    return OpenVinoBackend(files, threads=threads, precision="fp32" if precision == "auto" else precision)


def _refuse(name: str, package: str) -> Opener:
    def opener(files: NetworkFiles, threads: int, precision: str) -> Backend:
        installed = importlib.util.find_spec(package) is not None
        raise BackendUnavailableError(
            f"backend '{name}' cannot run: this version of iph_rt has no {name} runtime "
            f"(the package '{package}' is {'installed' if installed else 'not installed either'}); "
            "use backend='auto', 'onnxruntime' or 'openvino'"
        )

    return opener


_OPENERS: dict[str, Opener] = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
    "tensorrt": _refuse("tensorrt", "tensorrt"),
    "torch": _refuse("torch", "torch"),
}
