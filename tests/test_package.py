"""What is built and installed: the files that the package needs, no torch, and one sentence where there is no compiler."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("csrc", "iph_rt", "LICENSE", "NOTICE", "README.md", "MANIFEST.in", "pyproject.toml", "setup.py")
OFFLINE = ("model", "train", "engine")
PACKAGE_OF = {"cv2": "opencv-python-headless", "skimage": "scikit-image"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads, without anything built."""
    folder = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def setup(source: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "setup.py", "-q", *map(str, arguments)],
        cwd=source, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def requirements(source: Path) -> dict[str, set[str]]:
    """Names of the required packages by extra; those that every user gets under the empty name."""
    done = setup(source, "egg_info")
    assert done.returncode == 0, done.stderr
    result: dict[str, set[str]] = {"": set()}
    section = ""
    for line in (source / "iph_rt.egg-info" / "requires.txt").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            result[section] = set()
        elif line:
            result[section].add(re.split(r"[\[<>=~ ;]", line)[0])
    return result


def test_installing_brings_no_torch_and_the_extras_are_there(requirements: dict[str, set[str]]) -> None:
    assert requirements[""] == {"numpy", "opencv-python-headless", "onnxruntime", "av", "tqdm", "onnx", "tflite"}
    assert set(requirements) >= {"train", "tensorrt", "tensorrt-rtx", "studio", "dev"}
    assert "torch" in requirements["train"]


def third_party_imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Top-level name of each imported module that is not Python's or ours, and whether the file needs it to be imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for name in {name.split(".")[0] for name in names} - {"iph_rt", "__future__"}:
            if name not in sys.stdlib_module_names:
                yield PACKAGE_OF.get(name, name), node in tree.body


@pytest.mark.parametrize("path", sorted((ROOT / "iph_rt").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_is_declared(path: Path, requirements: dict[str, set[str]]) -> None:
    """What a file of the live path imports at its top, every user has; all else is in some extra."""
    live = path.relative_to(ROOT / "iph_rt").parts[0] not in OFFLINE
    known = set().union(*requirements.values())
    for name, at_top in third_party_imports(path):
        assert name in (requirements[""] if live and at_top else known), name


def test_doctor_looks_at_every_requirement(requirements: dict[str, set[str]]) -> None:
    from iph_rt.cli.checks import check_opencv, check_packages

    looked_at = {check.name for check in check_packages()} | {PACKAGE_OF[check.name] for check in [next(check_opencv())]}
    wanted = requirements[""] | requirements["train"] | requirements["mediapipe"] | requirements["openvino"]
    assert wanted <= looked_at


def test_all_that_is_no_python_is_installed_too(source: Path, tmp_path: Path) -> None:
    done = setup(source, "build_py", "--build-lib", tmp_path)
    assert done.returncode == 0, done.stderr
    original = {path.relative_to(source) for path in (source / "iph_rt").rglob("*") if path.is_file()}
    installed = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert original == installed
    assert {"py.typed", "_native.pyi", "page.html", "photos.tsv", "pinned.json", "harmonizer.onnx", "MODEL_CARD.md"} <= {
        path.name for path in installed
    }


def test_source_distribution_can_be_built_from(source: Path, tmp_path: Path) -> None:
    done = setup(source, "sdist", "--dist-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        packed = {name.split("/", 1)[1] for name in file.getnames() if "/" in name}
    for folder in ("csrc", "iph_rt"):
        wanted = {path.relative_to(source).as_posix() for path in (source / folder).rglob("*") if path.is_file()}
        assert wanted <= packed
    assert {"LICENSE", "NOTICE", "pyproject.toml", "setup.py"} <= packed


@pytest.mark.skipif(sys.platform == "win32", reason="the Windows compiler is not chosen by CXX")
def test_a_missing_compiler_is_one_sentence(source: Path, tmp_path: Path) -> None:
    nothing = str(tmp_path / "no-compiler")
    done = setup(source, "build_ext", "--build-lib", tmp_path, "--build-temp", tmp_path, CC=nothing, CXX=nothing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("iph_rt needs a C++17 compiler to build its native colour code")
    assert "sudo apt-get install g++" in done.stderr
