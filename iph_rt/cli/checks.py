"""What ``iph-rt doctor`` looks at: one function for each kind of thing, each with the cure for what is missing."""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from iph_rt import assets
from iph_rt.errors import IphError

OK, WARNING, MISSING = "ok", "optional", "missing"


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        state: ``"ok"``, ``"optional"`` (iph_rt can do without what is not there) or ``"missing"`` (it cannot).
        cure: what to do about it; empty when ok.
    """

    group: str
    name: str
    state: str
    detail: str
    cure: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding by field, for JSON."""
        return asdict(self)


def all_checks() -> Iterator[Check]:
    """Every check, in the order in which they are printed."""
    yield from check_python()
    yield from check_packages()
    yield from check_opencv()
    yield from check_native()
    yield from check_model()
    yield from check_assets()
    yield from check_libraries()
    yield from check_segmenters()
    yield from check_reference()
    yield from check_backends()
    yield from check_video()
    yield from check_devices()


def check_python() -> Iterator[Check]:
    """Interpreter and machine."""
    good = sys.version_info >= (3, 10)
    yield Check(
        "machine",
        "python",
        OK if good else MISSING,
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if good else "install Python 3.10 or newer",
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("machine", "processors", OK, f"{cores} usable, {_cpu_name()}")


def check_packages() -> Iterator[Check]:
    """Python packages: needed ones, and those that make something more possible."""
    optional = {
        "mediapipe": "MediaPipe's segmenter; pip install 'iph-rt[mediapipe]'",
        "openvino": "faster networks on x86; pip install 'iph-rt[openvino]'",
        **dict.fromkeys(
            ("torch", "safetensors", "onnxscript", "matplotlib", "scikit-image"),
            "iph-rt train and evaluate only; pip install 'iph-rt[train]'",
        ),
    }
    for name in ("numpy", "onnxruntime", "av", "tqdm", "onnx", "tflite"):
        version = _version(name)
        problem = _import_problem(name) if version else "not installed"
        cure = "" if problem is None else f"pip install --force-reinstall {name}"
        yield Check("packages", name, MISSING if problem else OK, problem or str(version), cure)
    for name, purpose in optional.items():
        version = _version(name)
        yield Check(
            "packages",
            name,
            OK if version else WARNING,
            version or "not installed",
            "" if version else f"for {purpose}",
        )
    version = _version("mediapipe")
    if version and version.split(".")[0] not in ("0",):
        yield Check(
            "packages",
            "mediapipe version",
            WARNING,
            f"{version} sends usage figures to its vendor",
            "pip install 'mediapipe>=0.10.30,<1'",
        )
    pip = _version("pip")
    yield Check(
        "packages",
        "pip",
        OK if pip else WARNING,
        pip or "not installed",
        "" if pip else f"for iph-rt fetch: {sys.executable} -m ensurepip",
    )


def check_opencv() -> Iterator[Check]:
    """OpenCV: the distributions share the folder cv2, so that the last one installed is the one that runs."""
    names = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
    installed = {name: version for name in names if (version := _version(name))}
    listing = ", ".join(f"{name} {version}" for name, version in installed.items()) or "no wheel found"
    problem = _import_problem("cv2")
    if problem:
        cure = "apt-get install libgl1 libglib2.0-0" if "lib" in problem and ".so" in problem else ""
        yield Check("opencv", "cv2", MISSING, f"{problem} ({listing})", cure or "pip install opencv-python-headless")
        return
    import cv2

    from iph_rt.stream.sinks import display_problem

    toolkit = next((line.split(":")[1].strip() for line in cv2.getBuildInformation().splitlines() if "GUI:" in line), "")
    active = "without windows (headless)" if toolkit.upper() in ("", "NONE") else f"with windows ({toolkit})"
    yield Check("opencv", "cv2", OK, f"{cv2.__version__}, active build {active}; installed: {listing}")
    if len(set(installed.values())) > 1:
        yield Check(
            "opencv",
            "versions",
            WARNING,
            "several OpenCV wheels of different versions share the folder cv2",
            "pip uninstall all of them and install one again",
        )
    problem = display_problem()
    yield Check(
        "opencv",
        "preview window",
        WARNING if problem else OK,
        problem or "can be shown",
        "iph-rt live needs --record or --no-window here" if problem else "",
    )


def check_native() -> Iterator[Check]:
    """The compiled extension and the instruction set that it chose."""
    with _finding(
        "native",
        "iph_rt._native",
        MISSING,
        "pip install --force-reinstall iph-rt, or in a checkout: "
        "python setup.py build_ext --inplace (needs a C++17 compiler: apt-get install g++)",
    ) as found:
        native = importlib.import_module("iph_rt._native")
        found.append(f"runs {native.cpu_path()} (this machine can: {', '.join(native.cpu_paths())})")
    yield found.check()


def check_model() -> Iterator[Check]:
    """The networks' files and their pinned hashes."""
    with _finding(
        "model", "iph-edge", MISSING, "pip install --force-reinstall iph-rt (in a checkout: git restore iph_rt/weights)"
    ) as found:
        from iph_rt.weights.registry import model_files

        files = model_files("iph-edge")
        size = sum(path.stat().st_size for path in (files.style_encoder, files.harmonizer)) / 1e6
        found.append(f"2 ONNX files, {size:.1f} MB, SHA-256 as pinned, in {files.harmonizer.parent}")
    yield found.check()


def check_assets() -> Iterator[Check]:
    """Third-party models and media, and their hashes. Needed: the landscape segmenter, and what finds a person to match."""
    for asset in assets.MANIFEST.values():
        needed = asset.name in ("selfie_landscape", "face_short", "pose_landmark")
        with _finding("assets", asset.name, MISSING if needed else WARNING, f"iph-rt fetch {asset.name}") as found:
            assets.asset_path(asset.name)
            found.append(f"{asset.filename}, SHA-256 as pinned ({asset.requirement}, {asset.licence})")
        yield found.check()
    yield Check("assets", "folder", OK, str(assets.assets_folder()))


def check_libraries() -> Iterator[Check]:
    """System libraries that wheels load but do not bring."""
    if not sys.platform.startswith("linux"):
        return
    libraries = {
        "libEGL.so.1": ("libegl1", "MediaPipe"),
        "libGLESv2.so.2": ("libgles2", "MediaPipe"),
        "libGL.so.1": ("libgl1", "OpenCV with windows, which MediaPipe brings"),
    }
    for library, (package, user) in libraries.items():
        with _finding("libraries", library, WARNING, f"apt-get install {package}") as found:
            ctypes.CDLL(library)
            found.append(f"for {user} ({package})")
        yield found.check()


def check_segmenters() -> Iterator[Check]:
    """Whether each segmenter really opens; one of them must."""

    def opener(name: str) -> _Opened:
        from iph_rt.matte.segmenter import open_segmenter

        return open_segmenter(name)

    cures = {
        "mediapipe": "pip install 'iph-rt[mediapipe]', apt-get install libegl1 libgles2 libgl1, iph-rt fetch",
        "onnx": "iph-rt fetch; pip install --force-reinstall iph-rt",
    }
    yield from _check_one_of("segmenters", cures, opener, "no segmenter can run")


def check_reference() -> Iterator[Check]:
    """Whether the networks open that find the person whose light is wanted."""
    for name in ("face_short", "pose_landmark"):
        with _finding("reference", name, MISSING, "iph-rt fetch; pip install tflite onnx") as found:
            from iph_rt.reference.networks import open_network

            open_network(name)
            found.append("opens as ONNX")
        yield found.check()


def check_backends() -> Iterator[Check]:
    """Whether each backend really opens the model; one of them must."""

    def opener(name: str) -> _Opened:
        from iph_rt.runtime.choose import open_backend

        return open_backend(name)

    cures = {"onnxruntime": "pip install --force-reinstall onnxruntime", "openvino": "pip install 'iph-rt[openvino]'"}
    yield from _check_one_of("backends", cures, opener, "no backend can run the networks")


def check_video() -> Iterator[Check]:
    """Codecs of PyAV."""
    with _finding("video", "H.264 encoder", MISSING, "pip install --only-binary=av --force-reinstall av") as found:
        import av

        if "libx264" not in av.codecs_available:
            raise IphError("this PyAV has no libx264")
        found.append(f"libx264 of PyAV {av.__version__}")
    yield found.check()


def check_devices() -> Iterator[Check]:
    """Cameras, by their device files; none is opened, so that no light goes on."""
    from iph_rt.stream.sources import camera_devices

    devices = camera_devices()
    closed = [device for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if not sys.platform.startswith("linux"):
        yield Check("devices", "camera", OK, "not looked at on this system; try: iph-rt live 0")
    elif not devices:
        yield Check("devices", "camera", WARNING, "no /dev/video*", "plug one in, or use a file or 'synthetic'")
    elif closed:
        cure = "add yourself to the group that owns it: sudo usermod -aG video $USER, then log in again"
        yield Check("devices", "camera", WARNING, f"{', '.join(closed)} may not be read", cure)
    else:
        yield Check("devices", "camera", OK, ", ".join(devices))


class _Finding(list[str]):
    """Collects the detail of a check while it runs."""

    def __init__(self, group: str, name: str) -> None:
        super().__init__()
        self.group, self.name = group, name
        self.problem: tuple[str, str, str] | None = None

    def check(self) -> Check:
        if self.problem:
            return Check(self.group, self.name, *self.problem)
        return Check(self.group, self.name, OK, "; ".join(self))


@contextmanager
def _finding(group: str, name: str, state: str, cure: str) -> Iterator[_Finding]:
    """Whatever fails inside the block is the finding: a doctor that fails on the disease is of no use."""
    found = _Finding(group, name)
    try:
        yield found
    except Exception as error:
        detail = " ".join(str(error).split()) or type(error).__name__
        found.problem = (state, detail, cure)


class _Opened(Protocol):
    """What a segmenter and a backend have in common."""

    reason: str

    def close(self) -> None: ...


def _check_one_of(group: str, cures: dict[str, str], opener: Callable[[str], _Opened], none: str) -> Iterator[Check]:
    """Opens and closes each of several that can stand in for each other; that none opens is a finding of its own."""
    checks = []
    for name, cure in cures.items():
        with _finding(group, name, WARNING, cure) as found:
            opened = opener(name)
            found.append(opened.reason or "opens")
            opened.close()
        checks.append(found.check())
    yield from checks
    if all(check.state != OK for check in checks):
        yield Check(group, "any", MISSING, none, "see the lines above")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _import_problem(module: str) -> str | None:
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken wheel may raise anything
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _cpu_name() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"
