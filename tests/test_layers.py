"""Who may import whom, read from the source of every file; and that the live path stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "iph_rt"
FILES = sorted(PACKAGE.rglob("*.py"))

BASE = {"errors", "config", "files", "stats", "assets", "weights"}
LIVE = [BASE, {"color", "matte", "reference"}, {"runtime"}, {"harmonizer"}, {"stream"}, {"bench", "studio", "cli"}]
OFFLINE = {"model": BASE, "train": {"model", "color", "matte", "runtime"} | BASE, "engine": {"model", "runtime"} | BASE}
ALL_TO_ALL = {"__main__": {"cli"}, "cli": {"train", "model", "engine"}}
"""Commands may start the offline parts: cli/train.py and cli/evaluate.py are thin faces of theirs."""

HEAVY = {
    "torch": ("model/", "train/", "engine/", "cli/train.py", "cli/evaluate.py"),
    "tensorrt": ("engine/", "runtime/tensorrt_backend.py"),
    "mediapipe": ("matte/mediapipe_segmenter.py", "reference/faces.py"),
    "openvino": ("runtime/openvino_backend.py",),
    "aiortc": ("studio/", "stream/webrtc.py"),
    "onnxruntime": ("runtime/onnxruntime_backend.py", "matte/onnx_segmenter.py", "reference/networks.py", "engine/"),
}
"""Third-party packages and the only files that may import them."""


def allowed(part: str) -> set[str]:
    """Parts of the package that a file of ``part`` may import."""
    names = {part}
    for number, layer in enumerate(LIVE):
        if part in layer:
            names |= set().union(*LIVE[: number + 1])
    return names | OFFLINE.get(part, set()) | ALL_TO_ALL.get(part, set())


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of a file, those inside functions too."""
    package = ["iph_rt", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            if module == "iph_rt":
                for name in node.names:
                    yield node.lineno, f"iph_rt.{name.name}"
            else:
                yield node.lineno, module


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def test_every_part_has_its_place():
    known = set().union(*LIVE) | set(OFFLINE) | {"__init__", "__main__", "_native"}
    assert {part_of(path) for path in FILES} <= known


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if part_of(path) != "__init__"],  # the public face names everything, lazily
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_imports_point_downwards(path):
    part = part_of(path)
    may = allowed(part) | {"_native", "__version__"}
    wrong = [
        f"line {line}: {name}"
        for line, name in imports(path)
        if name.startswith("iph_rt.") and name.split(".")[1] not in may
    ]
    assert not wrong, f"{path.name} is part of '{part}', which may import only {sorted(may)}"


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_are_imported_only_where_they_are_wrapped(package):
    places = HEAVY[package]
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in FILES
        for line, name in imports(path)
        if name.split(".")[0] == package and not str(path.relative_to(PACKAGE).as_posix()).startswith(places)
    ]
    assert not wrong


def loaded_after(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after ``code``."""
    program = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else():
    loaded = loaded_after("import iph_rt; iph_rt.__version__; iph_rt.ConfigError")
    assert not loaded & {"numpy", "cv2", "onnxruntime", "torch", "mediapipe", "av"}


def test_the_live_path_loads_no_heavy_package_before_it_is_asked_for():
    loaded = loaded_after("from iph_rt import Harmonizer, Look, Stream")
    assert not loaded & {"torch", "tensorrt", "mediapipe", "openvino", "aiortc", "onnx", "tflite", "matplotlib"}


def test_public_names():
    import iph_rt
    from iph_rt import errors

    classes = {
        name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.IphError)
    }
    assert set(iph_rt.__all__) == classes | {"Harmonizer", "Look", "Stream", "__version__"}
    with pytest.raises(AttributeError, match="nonsense"):
        _ = iph_rt.nonsense
