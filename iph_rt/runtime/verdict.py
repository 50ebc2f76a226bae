"""Remembers which backend was faster on this machine, so that ``auto`` measures once and then always takes the same
one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
from pathlib import Path

from iph_rt.config import processor_count
from iph_rt.errors import SinkError
from iph_rt.files import write_bytes
from iph_rt.runtime.backend import NetworkFiles

_LIMIT = 64  # verdicts kept; the oldest go first


def cache_folder() -> Path:
    """``$IPH_RT_CACHE``, or ``iph_rt`` in the user's cache folder."""
    named = os.environ.get("IPH_RT_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iph_rt"


def processor_name() -> str:
    """The processor's model name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def machine_key(files: NetworkFiles, backends: list[str], precision: str, threads: int) -> str:
    """Hash of everything that the verdict depends on: processor, versions, network, precision, threads."""
    parts = [processor_name(), str(processor_count()), precision, str(threads)]
    parts += [f"{name} {_version(name)}" for name in backends]
    digest = hashlib.sha256("\n".join(parts).encode())
    digest.update(files.harmonizer.read_bytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of another package's name"  # e.g. a vendor's build of onnxruntime


def load(key: str) -> dict[str, float] | None:
    """Milliseconds by backend of an earlier measurement, in the order measured; None if there is none that can be
    read.
    """
    times = _read().get(key)
    return dict(times) if times else None


def save(key: str, times: dict[str, float]) -> None:
    """Keeps a measurement. A cache folder that cannot be written is no error: the next run measures again."""
    verdicts = {**_read(), key: times}
    while len(verdicts) > _LIMIT:
        del verdicts[next(iter(verdicts))]
    with contextlib.suppress(OSError, SinkError, RuntimeError):  # RuntimeError: this user has no home
        _path().parent.mkdir(parents=True, exist_ok=True)
        write_bytes(_path(), json.dumps(verdicts, indent=1).encode())


def _path() -> Path:
    return cache_folder() / "backend_times.json"


def _read() -> dict[str, dict[str, float]]:
    try:
        content = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        key: times
        for key, times in content.items()
        if isinstance(times, dict) and times and all(isinstance(ms, (int, float)) for ms in times.values())
    }
